#define XXH_INLINE_ALL
#include "engine/base/checksum.h"

#include <xxhash.h>

#include "engine/base/checksum_avx2.h"

namespace manifolddb::base {
namespace {

uint64_t Plain(const void* bytes, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, size, seed);
}

Checksum64Function Choose() {
#if defined(__x86_64__)
  if (kChecksum64Avx2 != nullptr && __builtin_cpu_supports("avx2")) return kChecksum64Avx2;
#endif
  return Plain;
}

}  // namespace

uint64_t Checksum64(ByteView bytes, uint64_t seed) {
  // Up to here the algorithm has no use for vectors.
  if (bytes.size() <= XXH3_MIDSIZE_MAX) return Plain(bytes.data(), bytes.size(), seed);
  static const Checksum64Function chosen = Choose();
  return chosen(bytes.data(), bytes.size(), seed);
}

}  // namespace manifolddb::base
