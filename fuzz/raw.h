#pragma once
// Fields as engine/format/format.md places them, read by offset: what judges the decoders shares no struct
// with them.

#include <cstdint>
#include <cstring>

#include "engine/base/checksum.h"
#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

// REQUIRES: the field lies inside.
inline uint64_t Number(ByteView bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i > 0; --i) value = value << 8 | std::to_integer<uint64_t>(bytes[at + i - 1]);
  return value;
}
inline uint64_t Le16(ByteView bytes, size_t at) { return Number(bytes, at, 2); }
inline uint64_t Le32(ByteView bytes, size_t at) { return Number(bytes, at, 4); }
inline uint64_t Le64(ByteView bytes, size_t at) { return Number(bytes, at, 8); }

inline void PutNumber(MutableByteView bytes, size_t at, size_t width, uint64_t value) {
  for (size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

inline bool AllZero(ByteView bytes) {
  for (const std::byte byte : bytes) {
    if (byte != std::byte{0}) return false;
  }
  return true;
}
inline bool Begins(ByteView bytes, size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}
inline bool PowerOfTwo(uint64_t value, uint64_t min, uint64_t max) {
  return value >= min && value <= max && (value & (value - 1)) == 0;
}

inline constexpr uint64_t kReadMax = uint64_t{1} << 61;   // numbers that only grow, as they are believed
inline constexpr uint64_t kWriteMax = uint64_t{1} << 62;  // and as they are written
inline constexpr uint64_t kLives = (uint64_t{1} << 24) - 1;
inline constexpr uint64_t kIds = (uint64_t{1} << 40) - 1;
inline uint64_t LifeOfBirth(uint64_t birth) { return birth >> 40; }

}  // namespace manifolddb::fuzz
