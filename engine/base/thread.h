#pragma once
// Which thread this is: part of the lock seam.

#include <cstdint>

namespace manifolddb::base {

// Unique among living threads, never 0.
uint64_t ThisThread();

}  // namespace manifolddb::base
