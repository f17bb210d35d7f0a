#pragma once
// Byte spans, the only key and value type at this level, and their one ordering.

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace manifolddb {

// Bytes of somebody else's, to be read; and to be written to. Plain values: as long as what they point to.
using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

// The bytes of `text`, without a copy. The view lives as long as what `text` points to.
inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The characters of `bytes`, without a copy.
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The order of keys: unsigned bytes from the left, a prefix before what it is a prefix of.
inline std::strong_ordering Compare(ByteView a, ByteView b) {
  const size_t shared = std::min(a.size(), b.size());
  const int order = shared == 0 ? 0 : std::memcmp(a.data(), b.data(), shared);
  if (order != 0) return order < 0 ? std::strong_ordering::less : std::strong_ordering::greater;
  return a.size() <=> b.size();
}

// The same bytes, as many.
inline bool Equal(ByteView a, ByteView b) { return Compare(a, b) == std::strong_ordering::equal; }

}  // namespace manifolddb
