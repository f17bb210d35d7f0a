#pragma once
// Which thread this is: part of the lock seam.

#include <cstdint>

namespace manifolddb::base {

// Of the calling thread alone, also when others have ended since; never 0.
uint64_t ThisThread();

}  // namespace manifolddb::base
