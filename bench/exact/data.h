#pragma once
// Keys, and values that tell which key they belong to.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::bench::exact {

// Ends the program: figures for answers that were wrong, or calls that failed, are worth nothing.
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

// Well mixed, and no two numbers to the same one.
constexpr uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// The value with this tag: the tag mixed, then bytes that cannot be compressed.
void FillValue(uint64_t tag, std::span<std::byte> out);
// It begins as the value with this tag does: cheap enough for a measured loop.
bool HasTag(ByteView value, uint64_t tag);
// It is the whole value with this tag, `bytes` long.
bool IsValueOf(ByteView value, uint64_t tag, size_t bytes);

struct AlignedFree {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
// As the storage wants its buffers.
std::unique_ptr<std::byte[], AlignedFree> AlignedBytes(size_t bytes);

}  // namespace manifolddb::bench::exact
