#pragma once
// Looks for a failure where every shape of ends is too many to try: draws cases in which calls fail, openings
// are ended amid recovery, and files are damaged, as the campaign's scenarios do, but such that each is one
// program of one thread, that certificates can tell.

#include <cstdint>
#include <optional>
#include <string>

#include "crashsim/search.h"

namespace manifolddb::crashsim {

struct HuntWish {
  Setup setup;           // of half of the cases; the others draw their own
  std::string scenario;  // that met the failure: most cases are of its kind
  uint64_t seed = 1;
  uint64_t plays_max = 200'000;
  uint32_t steps_max = 40;  // of the first life
  // Recoveries that are ended are held to what they would have shown; and more is drawn.
  bool wide = false;
  bool broken = false;  // the engine is: then what the sound one fails as well is no failure
};
struct Hunted {
  std::optional<Hit> hit = std::nullopt;
  uint64_t plays = 0;
};
// The same wish, the same answer.
Hunted Hunt(const HuntWish& wish);

}  // namespace manifolddb::crashsim
