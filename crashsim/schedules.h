#pragma once
// Schedules of a few operations side by side, the power cut in each: all of them up to a number of
// preemptions, or as many as are wanted, drawn from a seed.
//
// A race is a program one of whose rounds has two to four actors with an operation or a few each. Its actors
// may be switched before every lock that the engine takes, every I/O, and wherever one waits or ends
// (scheduler.h). A switch away from an actor that could go on is a preemption: schedules with few of them
// find most of what there is to find, and of short races they can all be tried. Runs that come to the same
// are cut once.

#include <optional>
#include <string>
#include <vector>

#include "crashsim/race_runner.h"
#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

struct SchedulesOptions {
  RaceOptions how = {};
  std::optional<std::string> race = std::nullopt;  // this one alone, or those of this scenario
  std::optional<std::string> schedule =
      std::nullopt;                      // of that race, this one alone: "12:1,40:2", "walk:5:17"
  std::string json = {};                 // results, a line for each race
  std::vector<std::string> broken = {};  // sites
};

// Prints what it comes to. A race that deadlocks ends its process: each has one of its own. kVacuous if a
// race that is known never met what its scenario is about.
Outcomes RunSchedules(const SchedulesOptions& options);

// Scenarios and their races.
void ListRaces();

}  // namespace manifolddb::crashsim
