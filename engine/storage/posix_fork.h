#pragma once

#include <cstdint>

namespace manifolddb::storage {

// base::ForkGeneration, which counts from here on.
uint64_t ForkGeneration();

}  // namespace manifolddb::storage
