#pragma once
// Keys, values and random numbers that all workloads share. Nothing differs from run to run.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace manifolddb::bench {

// Well mixed: consecutive numbers have nothing in common. (SplitMix64's finaliser)
constexpr uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(Mix(seed)) {}
  uint64_t Next() { return Mix(state_ += 0x9e3779b97f4a7c15); }
  // From 0 to `bound` - 1.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(Next()) * bound >> 64);
  }
  // From 0 (inclusive) to 1 (exclusive).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

// Eight bytes, big-endian: the order of keys is the order of numbers.
class Key {
 public:
  explicit Key(uint64_t number) {
    static_assert(std::endian::native == std::endian::little);
    number = __builtin_bswap64(number);
    std::memcpy(bytes_.data(), &number, sizeof number);
  }
  const char* data() const { return bytes_.data(); }
  static constexpr size_t size() { return 8; }
  std::string_view text() const { return {bytes_.data(), bytes_.size()}; }

  // REQUIRES: at least eight bytes at `bytes`.
  static uint64_t NumberOf(const char* bytes) {
    uint64_t number = 0;
    std::memcpy(&number, bytes, sizeof number);
    return __builtin_bswap64(number);
  }

 private:
  std::array<char, 8> bytes_;
};

// Values carry the tag of their key and a version, then bytes that cannot be compressed and belong to both.
inline constexpr size_t kValueBytesMin = 16;

class ValueMaker {
 public:
  explicit ValueMaker(size_t bytes);
  // The view lives until the next call.
  std::string_view Make(uint64_t key, uint64_t version = 0);

 private:
  std::vector<char> value_;
};

// The first eight bytes are those of `key`: cheap enough for a measured loop.
inline bool HasTag(std::string_view value, uint64_t key) {
  uint64_t word = 0;
  if (value.size() < kValueBytesMin) return false;
  std::memcpy(&word, value.data(), sizeof word);
  return word == Mix(key);
}

// REQUIRES: at least kValueBytesMin bytes.
inline uint64_t VersionOf(std::string_view value) {
  uint64_t word = 0;
  std::memcpy(&word, value.data() + sizeof word, sizeof word);
  return word;
}

// Every byte is what ValueMaker made for `key` and the version that it carries.
bool IsWhole(std::string_view value, uint64_t key, size_t bytes);

// 0 to `count` - 1 in an order that depends on nothing but `seed`.
std::vector<uint32_t> Shuffled(uint32_t count, uint64_t seed);

}  // namespace manifolddb::bench
