#pragma once
// What storage that errs may have made of a file, and what mixed-up files look like: worth a try, place by
// place.

#include <cstdint>
#include <vector>

#include "crashsim/case.h"

namespace manifolddb::crashsim {

// Together: as both copies of a meta page.
using Harms = std::vector<Harm>;

// Behind `effects` effects of the life; of each kind the newest places first.
std::vector<Harms> HarmsAt(const Played& played, uint64_t effects, const Setup& setup);

}  // namespace manifolddb::crashsim
