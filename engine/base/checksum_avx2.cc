// Compiled for AVX2 (cmake/ManifolddbModule.cmake). Nothing here may be a function that others have, too: the
// linker might take this one for all, on processors that cannot run it. xxhash.h makes its own static ones.

#define XXH_INLINE_ALL
#include "engine/base/checksum_avx2.h"

#if defined(__AVX2__)
#include <xxhash.h>
#endif

namespace manifolddb::base {

#if defined(__AVX2__)
static uint64_t Checksum64Avx2(const void* bytes, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, size, seed);
}
const Checksum64Function kChecksum64Avx2 = Checksum64Avx2;
#else
const Checksum64Function kChecksum64Avx2 = nullptr;
#endif

}  // namespace manifolddb::base
