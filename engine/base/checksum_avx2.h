#pragma once
// The checksum with vectors of 256 bits, for processors that have them.

#include <cstddef>
#include <cstdint>

namespace manifolddb::base {

using Checksum64Function = uint64_t (*)(const void* bytes, size_t size, uint64_t seed);

// Null where this was not compiled for x86-64. REQUIRES: called only on a processor that has AVX2.
extern const Checksum64Function kChecksum64Avx2;

}  // namespace manifolddb::base
