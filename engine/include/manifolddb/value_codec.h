#pragma once
// Values of types. Whatever can be a key (key_codec.h) can be a value, with the same name and encoding; built
// in beside that: std::vector of what has one size (vector<u32>), and structs whose bytes are their encoding,
// if they are said to be (RawLayout); std::span and Stored are the same, read where they are stored.
//
// A type of one's own: whatever writes it as bytes, by a specialisation of Serializer; or of ValueCodec, with
// kName, Encode and Decode as of a KeyCodec, but for the order, which values do not have; and Made, what
// functions return that make a value, if not T. Where a type has several of these, values take the
// ValueCodec, or else the Serializer, not the KeyCodec. For JSON: json.h.

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "manifolddb/key_codec.h"

namespace manifolddb {

template <class T>
struct ValueCodec;

namespace codec {

template <class T>
struct MadeValueOf {
  using type = T;
};
template <class T>
requires requires { typename ValueCodec<T>::Made; }
struct MadeValueOf<T> {
  using type = typename ValueCodec<T>::Made;
};
template <class T>
using MadeValue = typename MadeValueOf<T>::type;

}  // namespace codec

// Whether T can be a value.
template <class T>
concept ValueType = codec::Encodes<ValueCodec<T>, T>;

// Has a T stored as some serializer writes it.
//
//   template <>
//   struct manifolddb::Serializer<Order> {
//     static constexpr std::string_view kName = "Order, MessagePack";  // stored with the table
//     static std::vector<uint8_t> ToBytes(const Order& order) { return ...; }  // any range of bytes in a row
//     static std::optional<Order> FromBytes(ByteView bytes) { return ...; }    // none: `bytes` is no Order
//   };
//
// What ToBytes throws goes to the caller of the put, which then has changed nothing; what FromBytes throws to
// whoever reads: where damaged bytes are to be kCorrupt, as of other types, it catches and returns none.
template <class T>
struct Serializer;

namespace codec {

template <class T>
concept Serialized = requires(const T& value, ByteView bytes) {
  { Serializer<T>::kName } -> std::convertible_to<std::string_view>;
  { Serializer<T>::ToBytes(value) } -> std::ranges::contiguous_range;
  { Serializer<T>::FromBytes(bytes) } -> std::same_as<std::optional<T>>;
};

}  // namespace codec

template <KeyType T>
requires(!codec::Serialized<T>) struct ValueCodec<T> : KeyCodec<T> {
};

template <codec::Serialized T>
struct ValueCodec<T> {
  static constexpr std::string_view kName = Serializer<T>::kName;
  static void Encode(const T& value, EncodedBytes& out) {
    const auto& bytes = Serializer<T>::ToBytes(value);
    static_assert(sizeof(*std::ranges::data(bytes)) == 1, "ToBytes gives no bytes, nor characters");
    out.Append(std::as_bytes(std::span(std::ranges::data(bytes), std::ranges::size(bytes))));
  }
  static std::optional<T> Decode(ByteView bytes) { return Serializer<T>::FromBytes(bytes); }
};

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

namespace codec {

template <class T>
concept Raw = std::is_trivially_copyable_v<T> && requires {
  { RawLayout<T>::kName } -> std::convertible_to<std::string_view>;
};

// Whether these bytes are a T.
template <Raw T>
bool IsRaw(ByteView bytes) {
  if (bytes.size() != sizeof(T)) return false;
  if constexpr (requires { RawLayout<T>::Valid(bytes); }) return RawLayout<T>::Valid(bytes);
  return true;
}
// A copy: stored bytes lie at any address, a T does not. REQUIRES: as many bytes as a T has.
template <class T>
T CopyRaw(ByteView bytes) {
  std::array<std::byte, sizeof(T)> copy;
  std::memcpy(copy.data(), bytes.data(), sizeof(T));
  return std::bit_cast<T>(copy);
}

}  // namespace codec

template <codec::Raw T>
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
  static std::optional<T> Decode(ByteView bytes) {
    if (!codec::IsRaw<T>(bytes)) return std::nullopt;
    return codec::CopyRaw<T>(bytes);
  }
};

// A struct with a RawLayout where it is stored: of it only the member is copied that is looked at, and stored
// bytes need no alignment. Lives as long as the bytes. As the type of a table's values it has the name and
// the encoding of T, and takes a T: it is to T what std::string_view is to std::string.
template <codec::Raw T>
class Stored {
 public:
  // REQUIRES: the bytes of a T.
  explicit Stored(ByteView bytes) : bytes_(bytes) {}

  // One member: Get<&Point::x>(). Of arrays of C++'s library all, of those of C none: value().
  template <auto kMember>
  auto Get() const {
    using Member = std::remove_cvref_t<decltype(std::declval<const T&>().*kMember)>;
    static_assert(!std::is_array_v<Member>, "an array of C cannot be given out: take value()");
    static const T place = std::bit_cast<T>(std::array<std::byte, sizeof(T)>{});
    const auto* const begin = reinterpret_cast<const std::byte*>(std::addressof(place));
    const auto* const member = reinterpret_cast<const std::byte*>(std::addressof(place.*kMember));
    return codec::CopyRaw<Member>(bytes_.subspan(static_cast<size_t>(member - begin), sizeof(Member)));
  }
  // All of it, a copy.
  T value() const { return codec::CopyRaw<T>(bytes_); }
  // As they are stored.
  ByteView bytes() const { return bytes_; }

 private:
  ByteView bytes_;
};

template <codec::Raw T>
struct ValueCodec<Stored<T>> {
  using Argument = T;
  using Made = T;
  static constexpr std::string_view kName = ValueCodec<T>::kName;

  static void Encode(const T& value, EncodedBytes& out) { ValueCodec<T>::Encode(value, out); }
  static std::optional<Stored<T>> Decode(ByteView bytes) {
    if (!codec::IsRaw<T>(bytes)) return std::nullopt;
    return Stored<T>(bytes);
  }
};

namespace codec {

// What a vector can be made of.
template <class T>
concept Element = ValueType<T> && FixedWidth<ValueCodec<T>> && ValueCodec<T>::kBytes >
0 && !std::same_as<T, std::byte>;

// Element by element, of an encoding that has been validated.
template <Element T>
struct ReadElement {
  ByteView bytes = {};
  View<ValueCodec<T>, T> operator()(uint32_t index) const {
    constexpr size_t kEach = ValueCodec<T>::kBytes;
    return *ValueCodec<T>::Decode(bytes.subspan(index * kEach, kEach));
  }
};

}  // namespace codec

// The elements of a stored vector, each made when it is looked at: nothing is copied before, and stored bytes
// need no alignment. A random access range of values, with size() and operator[]; lives as long as the bytes.
// Values have at most kValueBytesMax bytes, so 32 bits number their elements.
template <codec::Element T>
using StoredVector =
    std::ranges::transform_view<std::ranges::iota_view<uint32_t, uint32_t>, codec::ReadElement<T>>;

// As std::vector, by name and encoding, but that what is read is a StoredVector: to be to std::vector what
// std::string_view is to std::string.
template <codec::Element T>
struct ValueCodec<std::span<const T>> {
  using Argument = std::span<const T>;
  using View = StoredVector<T>;
  static constexpr auto kText = TypeName::OfList("vector", {ValueCodec<T>::kName});
  static constexpr std::string_view kName = kText.view();

  static void Encode(std::span<const T> value, EncodedBytes& out) {
    for (const T& element : value) ValueCodec<T>::Encode(element, out);
  }
  static std::optional<View> Decode(ByteView bytes) {
    constexpr size_t kEach = ValueCodec<T>::kBytes;
    if (bytes.size() % kEach != 0) return std::nullopt;
    for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(kEach)) {
      if (!ValueCodec<T>::Decode(rest.first(kEach))) return std::nullopt;
    }
    const auto count = static_cast<uint32_t>(bytes.size() / kEach);
    return View(std::ranges::iota_view<uint32_t, uint32_t>(0, count), codec::ReadElement<T>{bytes});
  }
};

// The elements one after the other.
template <codec::Element T>
struct ValueCodec<std::vector<T>> {
  static constexpr auto kText = TypeName::OfList("vector", {ValueCodec<T>::kName});
  static constexpr std::string_view kName = kText.view();

  static void Encode(const std::vector<T>& value, EncodedBytes& out) {
    for (const T& element : value) ValueCodec<T>::Encode(element, out);
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
