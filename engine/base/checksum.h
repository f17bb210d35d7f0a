#pragma once
// The one checksum of everything on disk: XXH3, 64 bits (xxHash specification).

#include <cstdint>

#include "manifolddb/bytes.h"

namespace manifolddb::base {

// Depends on every byte, their number, and `seed`.
uint64_t Checksum64(ByteView bytes, uint64_t seed = 0);

}  // namespace manifolddb::base
