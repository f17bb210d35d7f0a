#pragma once

#include <cstdint>

namespace manifolddb::storage {

// Forks between the start of the program and this process: what was made under another number is a parent's.
uint64_t ForkGeneration();

}  // namespace manifolddb::storage
