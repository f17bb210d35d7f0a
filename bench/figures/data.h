#pragma once
// Keys, values and directories that the workloads share.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb::bench {

// Ends the program: a figure for answers that were wrong, or calls that failed, is worth nothing.
[[noreturn]] void Die(const std::string& why);

template <class T>
T Must(Result<T> result, const char* doing) {
  if (!result) Die(std::string(doing) + ": " + result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Eight bytes, big-endian: the order of keys is the order of numbers.
class Key {
 public:
  explicit Key(uint64_t number) {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(number >> (56 - 8 * i));
  }
  ByteView view() const { return bytes_; }

 private:
  std::array<std::byte, 8> bytes_;
};

// Well mixed: consecutive numbers have nothing in common.
constexpr uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// The value that belongs to key `number`: its tag, then bytes that cannot be compressed.
void FillValue(uint64_t number, std::span<std::byte> out);
// Its first eight bytes are those of `number`: cheap enough for a measured loop.
bool HasTag(ByteView value, uint64_t number);
// It is the whole value of `number`, `bytes` long.
bool IsValueOf(ByteView value, uint64_t number, size_t bytes);

// A directory below the one that was chosen, empty at first, removed in the end.
class Scratch {
 public:
  Scratch(const std::string& parent, const std::string& name);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  const std::string path_;
};

uint64_t NowNanos();

}  // namespace manifolddb::bench
