#pragma once
// Reproducible draws: the same numbers on every machine and compiler, unlike the standard distributions.

#include <cstdint>

namespace manifolddb::crashsim {

// One well-mixed word from another (splitmix64's finaliser).
constexpr uint64_t Mix(uint64_t word) {
  word += 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}
constexpr uint64_t Mix(uint64_t a, uint64_t b) { return Mix(Mix(a) ^ (b * 0xd6e8feb86659fd93)); }
constexpr uint64_t Mix(uint64_t a, uint64_t b, uint64_t c) { return Mix(Mix(a, b), c); }

class Random {
 public:
  explicit Random(uint64_t seed) : state_(Mix(seed)) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    return Mix(state_);
  }
  // 0 to bound - 1; 0 for bound 0.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }
  // low to high, both included.
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  bool Chance(uint64_t percent) { return Below(100) < percent; }
  // A stream of its own: what is drawn from one does not shift the other.
  Random Fork(uint64_t label) const { return Random(Mix(state_, label)); }

 private:
  uint64_t state_;
};

}  // namespace manifolddb::crashsim
