#pragma once
// UUIDs (RFC 9562) as keys and values.

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "manifolddb/bytes.h"
#include "manifolddb/key_codec.h"

namespace manifolddb {

// 128 bits that nobody else has. Their order is that of their bytes, which is that of their texts. A plain
// value; whoever has UUIDs of another library makes one of their bytes.
struct Uuid {
  std::array<std::byte, 16> bytes = {};  // in the order of its text

  // Of random bytes (version 4). Where they come from is the caller's choice.
  static constexpr Uuid OfRandom(std::array<std::byte, 16> random) { return Uuid{random}.Marked(4); }
  // Of a time since 1970 and random bytes (version 7): those made later are behind those made before, by the
  // millisecond, so as keys they fill a table from one end, which is the quickest way and the most compact.
  // Only the lower 48 bits of the milliseconds count, which last beyond the year 10000.
  static constexpr Uuid OfTime(std::chrono::sys_time<std::chrono::milliseconds> time,
                               std::array<std::byte, 10> random) {
    const auto milliseconds = static_cast<uint64_t>(time.time_since_epoch().count());
    Uuid uuid;
    for (size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::byte>(milliseconds >> (8 * (5 - i)));
    for (size_t i = 0; i < random.size(); ++i) uuid.bytes[6 + i] = random[i];
    return uuid.Marked(7);
  }
  // 36 characters, as ToString gives them; letters of either case. None: `text` is no UUID.
  static constexpr std::optional<Uuid> Parse(std::string_view text) {
    if (text.size() != kTextBytes) return std::nullopt;
    Uuid uuid;
    size_t digit = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (IsHyphen(i)) {
        if (text[i] != '-') return std::nullopt;
        continue;
      }
      const int value = ValueOf(text[i]);
      if (value < 0) return std::nullopt;
      uuid.bytes[digit / 2] |= static_cast<std::byte>(digit % 2 == 0 ? value << 4 : value);
      ++digit;
    }
    return uuid;
  }
  // "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
  std::string ToString() const {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text(kTextBytes, '-');
    size_t digit = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (IsHyphen(i)) continue;
      const auto byte = std::to_integer<unsigned>(bytes[digit / 2]);
      text[i] = kDigits[digit % 2 == 0 ? byte >> 4 : byte & 15];
      ++digit;
    }
    return text;
  }

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

 private:
  static constexpr size_t kTextBytes = 36;
  static constexpr bool IsHyphen(size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }
  static constexpr int ValueOf(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
  }
  // With the bits that say what kind it is.
  constexpr Uuid Marked(uint8_t version) const {
    Uuid marked = *this;
    marked.bytes[6] = (marked.bytes[6] & std::byte{0x0f}) | static_cast<std::byte>(version << 4);
    marked.bytes[8] = (marked.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
    return marked;
  }
};

template <>
struct KeyCodec<Uuid> {
  static constexpr std::string_view kName = "uuid";
  static constexpr size_t kBytes = 16;
  static void Encode(const Uuid& key, EncodedBytes& out) { out.Append(ByteView(key.bytes)); }
  static std::optional<Uuid> Decode(ByteView bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    Uuid key;
    std::memcpy(key.bytes.data(), bytes.data(), kBytes);
    return key;
  }
};

}  // namespace manifolddb
