#include "fuzz/mutate.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "fuzz/target.h"

extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                                                unsigned seed);

namespace manifolddb::fuzz {
namespace {

uint64_t random_state = 1;
// SplitMix64.
uint64_t Random() {
  uint64_t z = random_state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}
size_t Below(size_t bound) { return Random() % bound; }

// A change as libFuzzer makes them, without its knowledge of what was reached.
size_t Change(uint8_t* data, size_t size, size_t max_size) {
  if (size == 0) {
    if (max_size == 0) return 0;
    data[0] = static_cast<uint8_t>(Random());
    return 1;
  }
  const size_t at = Below(size);
  switch (Below(7)) {
    case 0: data[at] ^= static_cast<uint8_t>(1u << Below(8)); break;
    case 1: data[at] = static_cast<uint8_t>(Random()); break;
    case 2: data[at] = static_cast<uint8_t>(data[at] + (Below(2) == 0 ? 1 : 255)); break;
    case 3: {  // more of the same
      const size_t bytes = std::min(1 + Below(16), std::min(size - at, max_size - size));
      std::memmove(data + at + bytes, data + at, size - at);
      return size + bytes;
    }
    case 4: {
      const size_t bytes = std::min(1 + Below(16), size - at);
      std::memmove(data + at, data + at + bytes, size - at - bytes);
      return size - bytes;
    }
    case 5: {
      const size_t from = Below(size);
      std::memmove(data + at, data + from, std::min(1 + Below(32), size - std::max(at, from)));
      break;
    }
    default: {
      static constexpr uint64_t kNumbers[] = {
          0, 1, 0xff, 0x7fff, 0x8000, 0xffff, 0xffffffff, uint64_t{1} << 61, ~uint64_t{0}};
      const uint64_t number = kNumbers[Below(std::size(kNumbers))];
      std::memcpy(data + at, &number, std::min<size_t>(size - at, size_t{1} << Below(4)));
    }
  }
  return size;
}

}  // namespace

void SeedMutations(uint64_t seed) { random_state = seed; }
size_t RandomBelow(size_t bound) { return Below(bound); }

size_t Mutate(uint8_t* data, size_t size, size_t max_size) {
  const auto seed = static_cast<unsigned>(Random());
  return LLVMFuzzerCustomMutator != nullptr ? LLVMFuzzerCustomMutator(data, size, max_size, seed)
                                            : Change(data, size, max_size);
}

}  // namespace manifolddb::fuzz

// What the targets' own mutators begin with.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  return manifolddb::fuzz::Change(data, size, max_size);
}
