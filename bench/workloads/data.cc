// Values are slices of one pool of random bytes: making one costs a copy, not a random number for each word.

#include "bench/workloads/data.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "bench/measure/fail.h"

namespace manifolddb::bench {
namespace {

constexpr size_t kOffsets = size_t{1} << 20;
constexpr size_t kValueBytesMax = size_t{1} << 20;

const std::vector<char>& Pool() {
  static const std::vector<char> pool = [] {
    std::vector<char> bytes(kOffsets + kValueBytesMax);
    Random random(1);
    for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
      const uint64_t word = random.Next();
      std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    return bytes;
  }();
  return pool;
}

const char* BodyOf(uint64_t key, uint64_t version) {
  return Pool().data() + Mix(key + version * 0x9e3779b97f4a7c15) % kOffsets;
}

}  // namespace

ValueMaker::ValueMaker(size_t bytes) : value_(bytes) {
  Require(bytes >= kValueBytesMin && bytes <= kValueBytesMax, "data", "no values of this size");
  Pool();
}

std::string_view ValueMaker::Make(uint64_t key, uint64_t version) {
  const uint64_t tag = Mix(key);
  std::memcpy(value_.data(), &tag, sizeof tag);
  std::memcpy(value_.data() + sizeof tag, &version, sizeof version);
  std::memcpy(value_.data() + kValueBytesMin, BodyOf(key, version), value_.size() - kValueBytesMin);
  return {value_.data(), value_.size()};
}

bool IsWhole(std::string_view value, uint64_t key, size_t bytes) {
  if (value.size() != bytes || !HasTag(value, key)) return false;
  const char* body = BodyOf(key, VersionOf(value));
  return std::memcmp(value.data() + kValueBytesMin, body, bytes - kValueBytesMin) == 0;
}

std::vector<uint32_t> Shuffled(uint32_t count, uint64_t seed) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  Random random(seed);
  for (size_t i = count; i > 1; --i) std::swap(numbers[i - 1], numbers[random.Below(i)]);
  return numbers;
}

}  // namespace manifolddb::bench
