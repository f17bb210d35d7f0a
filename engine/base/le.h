#pragma once
// Little-endian integers as byte arrays: alignment 1, so structs of them have no padding and may lie
// anywhere.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace manifolddb::base {

template <class T>
class LittleEndian {
 public:
  constexpr LittleEndian() = default;
  // It reads and writes as the integer. NOLINTNEXTLINE(google-explicit-constructor)
  constexpr LittleEndian(T value) { *this = value; }
  constexpr LittleEndian& operator=(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) bytes_[i] = static_cast<std::byte>(value >> (8 * i));
    return *this;
  }
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator T() const {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes_[i]) << (8 * i)));
    }
    return value;
  }

 private:
  std::array<std::byte, sizeof(T)> bytes_{};
};

using le16 = LittleEndian<uint16_t>;
using le32 = LittleEndian<uint32_t>;
using le64 = LittleEndian<uint64_t>;

// Compilers turn these into single loads and stores.
template <class T>
inline T LoadLe(const std::byte* from) {
  static_assert(std::endian::native == std::endian::little, "add a byteswap for big-endian machines");
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
inline void StoreLe(std::byte* to, T value) {
  static_assert(std::endian::native == std::endian::little, "add a byteswap for big-endian machines");
  std::memcpy(to, &value, sizeof value);
}

}  // namespace manifolddb::base
