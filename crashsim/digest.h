#pragma once
// Sums that stand for contents: of byte strings, of ordered sequences, and of whole database states.
//
// A state's sum is the commutative sum of its entries' digests, per table, then per family, then over all,
// with names and lengths mixed in at each level. 128 bits, so that two different states meet by chance in no
// campaign. Deliberately not the engine's checksum: the judge shares no code with the accused.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "crashsim/random.h"
#include "manifolddb/bytes.h"

namespace manifolddb::crashsim {

inline uint64_t Digest(ByteView bytes) {
  uint64_t sum = Mix(bytes.size());
  const std::byte* at = bytes.data();
  size_t rest = bytes.size();
  for (; rest >= 8; at += 8, rest -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    sum = (sum ^ word) * 0x9fb21c651e98df25;
    sum ^= sum >> 29;
  }
  uint64_t last = 0;
  if (rest > 0) std::memcpy(&last, at, rest);
  return Mix(sum ^ (last + rest * 0xff51afd7ed558ccd));
}
inline uint64_t Digest(std::string_view text) { return Digest(AsBytes(text)); }

struct StateSum {
  uint64_t a = 0;
  uint64_t b = 0;
  friend bool operator==(StateSum, StateSum) = default;
  friend auto operator<=>(StateSum, StateSum) = default;
  StateSum& operator+=(StateSum other) {
    a += other.a;
    b += other.b;
    return *this;
  }
  StateSum& operator-=(StateSum other) {
    a -= other.a;
    b -= other.b;
    return *this;
  }
};

inline StateSum SumOfEntry(uint64_t key_digest, uint64_t value_digest) {
  return {Mix(key_digest, value_digest, 1), Mix(key_digest, value_digest, 2)};
}
inline StateSum SumOfTable(std::string_view name, uint64_t length, StateSum entries) {
  const uint64_t outer = Mix(Digest(name), length);
  return {Mix(outer, entries.a, 3), Mix(outer, entries.b, 4)};
}
inline StateSum SumOfFamily(std::string_view name, uint64_t tables, StateSum contents) {
  const uint64_t outer = Mix(Digest(name), tables);
  return {Mix(outer, contents.a, 5), Mix(outer, contents.b, 6)};
}

// Of a sequence, order included: what a scan returned.
class SequenceSum {
 public:
  void Add(uint64_t word) { sum_ = Mix(sum_, word); }
  uint64_t value() const { return sum_; }

 private:
  uint64_t sum_ = 0;
};

}  // namespace manifolddb::crashsim
