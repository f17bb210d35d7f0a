#pragma once
// The races that are tried when nobody names one, and what each must have met to have proved anything.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace manifolddb::crashsim {

enum class Length : uint8_t {
  kShort,
  kLong,  // too long for all of its schedules: for those that are drawn
};

struct KnownRace {
  const char* scenario;
  const char* text;  // ParseRace reads it
  Length length = Length::kShort;
  // What it must have met: in one of its runs at least so many commits waited for room in the log, or were
  // told that their outcome is unknown. A short race, in all of its schedules; a long one, in those drawn.
  struct Meets {
    uint64_t waits = 0;
    uint64_t told = 0;
  } meets = {};
};

std::span<const KnownRace> KnownRaces();
// Those of one scenario, or the one whose text it is; none if it is neither.
std::vector<KnownRace> FindRaces(const std::string& name);

}  // namespace manifolddb::crashsim
