#pragma once
// Changed inputs without libFuzzer: for the tests, and for AFL++.

#include <cstddef>
#include <cstdint>

namespace manifolddb::fuzz {

// The same seed changes the same inputs alike.
void SeedMutations(uint64_t seed);
size_t RandomBelow(size_t bound);

// One change of `size` bytes at `data`, of which there may be up to `max_size`; as the target makes them, if
// it has a mutator of its own. Returns the new size. REQUIRES: max_size >= size, and 0 only if both are.
size_t Mutate(uint8_t* data, size_t size, size_t max_size);

}  // namespace manifolddb::fuzz
