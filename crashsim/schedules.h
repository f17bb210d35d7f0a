#pragma once
// All schedules of a few operations side by side, up to a number of preemptions; the power cut in each.
//
// A race is a program whose last round has two or three actors with an operation or two each. Its actors may
// be switched before every lock that the engine takes, every I/O, and wherever one waits or ends
// (scheduler.h). A switch away from an actor that could go on is a preemption: schedules with few of them
// find most of what there is to find, and they can all be tried. Runs that come to the same are cut once.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

struct SchedulesOptions {
  uint32_t preemptions = 2;
  uint32_t depth = 0;                                  // of ends of recoveries (cover.h)
  std::optional<std::string> race = std::nullopt;      // this one alone
  std::optional<std::string> schedule = std::nullopt;  // of that race, this one alone: "12:1,40:2"
  bool stop_at_violation = false;
  std::string json = {};                 // results, a line for each race
  std::vector<std::string> broken = {};  // sites
};

std::vector<std::string> RaceNames();

// Prints what it comes to. A race that deadlocks ends its process: each has one of its own.
Outcomes RunSchedules(const SchedulesOptions& options);

}  // namespace manifolddb::crashsim
