#pragma once
// From the 64 bits in which files count to what memory can hold, which is less on a 32-bit target.

#include <cstddef>
#include <cstdint>

#include "engine/base/assert.h"

namespace manifolddb::base {

// REQUIRES: it fits, as the size of anything that is in memory already does.
inline size_t ToSize(uint64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  MANIFOLDDB_ASSERT(size == bytes);
  return size;
}

}  // namespace manifolddb::base
