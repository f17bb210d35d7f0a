#pragma once
// Values of types. Whatever can be a key (key_codec.h) can be a value, with the same name and encoding; built
// in beside that: std::vector of what has one size (vector<u32>), and structs whose bytes are their encoding,
// if they are said to be (RawLayout).
//
// A type of one's own: a specialisation of ValueCodec with kName, Encode and Decode as of a KeyCodec, but for
// the order, which values do not have. Where a type has both, values take this one.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "manifolddb/key_codec.h"

namespace manifolddb {

template <class T>
struct ValueCodec;

// Whether T can be a value.
template <class T>
concept ValueType = codec::Encodes<ValueCodec<T>, T>;

template <KeyType T>
struct ValueCodec<T> : KeyCodec<T> {};

// Says that a trivially copyable T is stored as the bytes it has in memory. Said by its author only, since it
// is true of few types: padding would store bytes that nobody set; a member that moves, or another compiler's
// layout, changes what stored bytes mean; pointers mean nothing later. The name stands for the layout: give a
// changed struct a new one. Size and byte order are added to it, so that other machines are refused, not
// misled.
//
//   template <>
//   struct manifolddb::RawLayout<Point> {
//     static constexpr std::string_view kName = "Point";
//     // Only if some member has bytes that are none of its values, as bool has: whether these are a T.
//     static bool Valid(ByteView bytes);
//   };
template <class T>
struct RawLayout;

template <class T>
requires std::is_trivially_copyable_v<T> && requires {
  { RawLayout<T>::kName } -> std::convertible_to<std::string_view>;
}
struct ValueCodec<T> {
  static constexpr auto kText =
      TypeName::Of({"raw<", RawLayout<T>::kName, ", "})
          .Then(TypeName::OfNumber(sizeof(T)))
          .Then(TypeName::Of({std::endian::native == std::endian::little ? ", le>" : ", be>"}));
  static constexpr std::string_view kName = kText.view();
  static constexpr size_t kBytes = sizeof(T);

  static void Encode(const T& value, EncodedBytes& out) {
    out.Append(ByteView(reinterpret_cast<const std::byte*>(&value), sizeof value));
  }
  // A copy: stored bytes lie at any address, a T does not.
  static std::optional<T> Decode(ByteView bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    if constexpr (requires { RawLayout<T>::Valid(bytes); }) {
      if (!RawLayout<T>::Valid(bytes)) return std::nullopt;
    }
    std::array<std::byte, sizeof(T)> copy;
    std::memcpy(copy.data(), bytes.data(), sizeof(T));
    return std::bit_cast<T>(copy);
  }
};

// The elements one after the other.
template <ValueType T>
requires(codec::FixedWidth<ValueCodec<T>>&& ValueCodec<T>::kBytes > 0 &&
         !std::same_as<T, std::byte>) struct ValueCodec<std::vector<T>> {
  static constexpr auto kText = TypeName::OfList("vector", {ValueCodec<T>::kName});
  static constexpr std::string_view kName = kText.view();

  static void Encode(const std::vector<T>& value, EncodedBytes& out) {
    for (const T element : value) ValueCodec<T>::Encode(element, out);
  }
  static std::optional<std::vector<T>> Decode(ByteView bytes) {
    constexpr size_t kEach = ValueCodec<T>::kBytes;
    if (bytes.size() % kEach != 0) return std::nullopt;
    std::vector<T> value;
    value.reserve(bytes.size() / kEach);
    for (; !bytes.empty(); bytes = bytes.subspan(kEach)) {
      const auto element = ValueCodec<T>::Decode(bytes.first(kEach));
      if (!element) return std::nullopt;
      value.push_back(*element);
    }
    return value;
  }
};

}  // namespace manifolddb
