#pragma once
// Makes a case of one thread smaller, whatever its lives meet: what is left out moves every place in it, so
// the ends, the calls that fail and the damage are looked for again near where they were.

#include <cstdint>
#include <functional>

#include "crashsim/search.h"

namespace manifolddb::crashsim {

struct Reduced {
  Hit hit;
  uint64_t plays = 0;
};
// REQUIRES: the hit's case fails. `broken`: the engine is, and the sound one must hold.
Reduced Reduce(Hit hit, bool broken, uint64_t plays_max);

}  // namespace manifolddb::crashsim
