// What AFL++ loads beside a target, so that its inputs are changed as libFuzzer changes them: with checksums
// that match. AFL++ makes its own changes as well. The names are AFL++'s: a custom mutator.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz/mutate.h"

namespace {

std::vector<uint8_t> changed;

}  // namespace

extern "C" {

// The library is compiled like the target, which counts its branches for AFL++; nobody counts those in here.
__attribute__((no_sanitize("coverage"))) void __sanitizer_cov_trace_pc_guard(uint32_t*) {}
__attribute__((no_sanitize("coverage"))) void __sanitizer_cov_trace_pc_guard_init(uint32_t*, uint32_t*) {}

void* afl_custom_init(void*, unsigned seed) {
  manifolddb::fuzz::SeedMutations(seed);
  return &changed;
}
void afl_custom_deinit(void*) {}

size_t afl_custom_fuzz(void*, uint8_t* input, size_t input_bytes, uint8_t** out, uint8_t*, size_t,
                       size_t bytes_max) {
  const size_t bytes = std::min(input_bytes, bytes_max);
  changed.assign(input, input + bytes);
  changed.resize(bytes_max);
  *out = changed.data();
  return manifolddb::fuzz::Mutate(changed.data(), bytes, bytes_max);
}

}  // extern "C"
