#define XXH_INLINE_ALL
#include "engine/base/checksum.h"

#include <xxhash.h>

namespace manifolddb::base {

uint64_t Checksum64(ByteView bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace manifolddb::base
