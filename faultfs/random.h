#pragma once
// The harness's own randomness: the same numbers from the same seed, on every machine, for ever.

#include <bit>
#include <cstdint>

namespace manifolddb::faultfs {

// One step of splitmix64: scrambles a number, so that neighbouring seeds have nothing in common.
constexpr uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// xoshiro256**. Not thread-safe.
class Random {
 public:
  constexpr explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = seed = Mix(seed);
  }

  constexpr uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // From 0 to bound - 1. REQUIRES: bound > 0. Biased by less than bound / 2^64.
  constexpr uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // From first to last, both included.
  constexpr uint64_t Between(uint64_t first, uint64_t last) { return first + Below(last - first + 1); }
  // True in `numerator` of `denominator` cases.
  constexpr bool Chance(uint64_t numerator, uint64_t denominator) { return Below(denominator) < numerator; }

 private:
  uint64_t state_[4];
};

}  // namespace manifolddb::faultfs
