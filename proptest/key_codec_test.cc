// The encodings of types: of any two keys the bytes are in the order of the keys; what is decoded is what was
// encoded; and bytes that are no encoding are refused, so that every key has one. For each built-in type, and
// for tuples and optionals of them, with the few values that are near to each other and to the bounds.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdlib>
#include <limits>
#include <ranges>
#include <span>

#include "manifolddb/typed.h"
#include "manifolddb/uuid.h"

namespace manifolddb {
namespace {

// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=42 max_success=400", 0);

enum class Colour : int16_t { kRed = -1, kGreen, kBlue };

// A type of one's own whose encodings have any length, and zeros in them.
struct Word {
  std::string text;
  friend auto operator<=>(const Word&, const Word&) = default;
};
// One whose encodings have one length.
struct Version {
  uint8_t major_part = 0;
  uint8_t minor_part = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};
struct Point {
  int32_t x = 0;
  float y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Switch {
  bool on = false;
  friend bool operator==(const Switch&, const Switch&) = default;
};

}  // namespace

template <>
struct KeyCodec<Word> {
  static constexpr std::string_view kName = "Word";
  static void Encode(const Word& key, EncodedBytes& out) { out.Append(AsBytes(key.text)); }
  static std::optional<Word> Decode(ByteView bytes) { return Word{std::string(AsText(bytes))}; }
};
template <>
struct KeyCodec<Version> {
  static constexpr std::string_view kName = "Version";
  static constexpr size_t kBytes = 2;
  static void Encode(const Version& key, EncodedBytes& out) {
    out.Append(key.major_part);
    out.Append(key.minor_part);
  }
  static std::optional<Version> Decode(ByteView bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    return Version{std::to_integer<uint8_t>(bytes[0]), std::to_integer<uint8_t>(bytes[1])};
  }
};
template <>
struct RawLayout<Point> {
  static constexpr std::string_view kName = "Point";
};
template <>
struct RawLayout<Switch> {
  static constexpr std::string_view kName = "Switch";
  static bool Valid(ByteView bytes) { return bytes[0] <= std::byte{1}; }
};

namespace {

// ---- Values to try ----------------------------------------------------------------------------------------

uint64_t Below(uint64_t end) { return *rc::gen::inRange<uint64_t>(0, end); }

template <class T>
struct Draw;

template <class T>
requires std::integral<T>
struct Draw<T> {
  static T One() {
    using Limits = std::numeric_limits<T>;
    const T known[] = {Limits::min(), static_cast<T>(Limits::min() + 1), static_cast<T>(-1), 0, 1,
                       Limits::max(), static_cast<T>(Limits::max() - 1)};
    const uint64_t which = Below(10);
    return which < std::size(known) ? known[which] : static_cast<T>(*rc::gen::arbitrary<uint64_t>());
  }
};
template <>
struct Draw<bool> {
  static bool One() { return Below(2) == 1; }
};
template <class T>
requires std::floating_point<T>
struct Draw<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static T One() {
    using Limits = std::numeric_limits<T>;
    const T known[] = {0,
                       1,
                       Limits::infinity(),
                       Limits::quiet_NaN(),
                       Limits::denorm_min(),
                       Limits::max(),
                       Limits::min(),
                       Limits::epsilon()};
    const uint64_t which = Below(12);
    if (which >= std::size(known)) {
      return std::bit_cast<T>(static_cast<Bits>(*rc::gen::arbitrary<uint64_t>()));
    }
    const Bits sign = Below(2) == 1 ? Bits{1} << (8 * sizeof(T) - 1) : Bits{0};
    return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(known[which]) ^ sign));
  }
};
template <class T>
requires std::is_enum_v<T>
struct Draw<T> {
  static T One() { return static_cast<T>(Draw<std::underlying_type_t<T>>::One()); }
};
// Bytes that escaping changes, and their neighbours.
std::string DrawText() {
  constexpr std::string_view kBytes(
      "\x00\x01\xfe\xff"
      "a",
      5);
  std::string text;
  for (uint64_t left = Below(5); left > 0; --left) text += kBytes[Below(kBytes.size())];
  return Below(20) == 0 ? text + std::string(70, '\0') : text;
}
template <>
struct Draw<std::string> {
  static std::string One() { return DrawText(); }
};
template <>
struct Draw<std::vector<std::byte>> {
  static std::vector<std::byte> One() {
    const std::string text = DrawText();
    return {AsBytes(text).begin(), AsBytes(text).end()};
  }
};
template <size_t N>
struct Draw<std::array<std::byte, N>> {
  static std::array<std::byte, N> One() {
    std::array<std::byte, N> bytes;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(Draw<uint8_t>::One());
    return bytes;
  }
};
template <class T, size_t N>
struct Draw<std::array<T, N>> {
  static std::array<T, N> One() {
    std::array<T, N> values;
    for (T& value : values) value = Draw<T>::One();
    return values;
  }
};
template <>
struct Draw<Uuid> {
  static Uuid One() { return {Draw<std::array<std::byte, 16>>::One()}; }
};
template <class Rep, class Period>
struct Draw<std::chrono::duration<Rep, Period>> {
  static std::chrono::duration<Rep, Period> One() {
    return std::chrono::duration<Rep, Period>(Draw<Rep>::One());
  }
};
template <class Clock, class Duration>
struct Draw<std::chrono::time_point<Clock, Duration>> {
  static std::chrono::time_point<Clock, Duration> One() {
    return std::chrono::time_point<Clock, Duration>(Draw<Duration>::One());
  }
};
template <>
struct Draw<Word> {
  static Word One() { return {DrawText()}; }
};
template <>
struct Draw<Version> {
  static Version One() { return {Draw<uint8_t>::One(), Draw<uint8_t>::One()}; }
};
template <>
struct Draw<Point> {
  static Point One() { return {Draw<int32_t>::One(), static_cast<float>(Draw<int16_t>::One())}; }
};
template <>
struct Draw<Switch> {
  static Switch One() { return {Draw<bool>::One()}; }
};
template <class T>
struct Draw<std::optional<T>> {
  static std::optional<T> One() {
    if (Below(3) == 0) return std::nullopt;
    return Draw<T>::One();
  }
};
template <class A, class B>
struct Draw<std::pair<A, B>> {
  static std::pair<A, B> One() { return {Draw<A>::One(), Draw<B>::One()}; }
};
template <class... Ts>
struct Draw<std::tuple<Ts...>> {
  static std::tuple<Ts...> One() { return {Draw<Ts>::One()...}; }
};
template <class T>
struct Draw<std::vector<T>> {
  static std::vector<T> One() {
    std::vector<T> values;
    for (uint64_t left = Below(4); left > 0; --left) values.push_back(Draw<T>::One());
    return values;
  }
};

// ---- The order of a type ----------------------------------------------------------------------------------

std::strong_ordering Order(float a, float b) { return std::strong_order(a, b); }
std::strong_ordering Order(double a, double b) { return std::strong_order(a, b); }
template <class T>
std::strong_ordering Order(const T& a, const T& b) {
  return a <=> b;
}
std::strong_ordering Order(const std::string& a, const std::string& b) {
  return Compare(AsBytes(a), AsBytes(b));
}
template <class T>
std::strong_ordering Order(const std::optional<T>& a, const std::optional<T>& b);
template <class T, size_t N>
std::strong_ordering Order(const std::array<T, N>& a, const std::array<T, N>& b) {
  for (size_t i = 0; i < N; ++i) {
    if (const auto order = Order(a[i], b[i]); order != 0) return order;
  }
  return std::strong_ordering::equal;
}
template <class A, class B>
std::strong_ordering Order(const std::pair<A, B>& a, const std::pair<A, B>& b);
template <class... Ts>
std::strong_ordering Order(const std::tuple<Ts...>& a, const std::tuple<Ts...>& b) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    std::strong_ordering order = std::strong_ordering::equal;
    static_cast<void>(((order = Order(std::get<I>(a), std::get<I>(b)), order != 0) || ...));
    return order;
  }
  (std::index_sequence_for<Ts...>());
}
template <class A, class B>
std::strong_ordering Order(const std::pair<A, B>& a, const std::pair<A, B>& b) {
  return Order(std::tuple<A, B>(a), std::tuple<A, B>(b));
}
template <class T>
std::strong_ordering Order(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a.has_value() <=> b.has_value();
  return Order(*a, *b);
}

// ---- Properties -------------------------------------------------------------------------------------------

template <class Codec, class T>
std::vector<std::byte> Encoded(const codec::Argument<Codec, T>& value) {
  const codec::Encoding<Codec, T> encoding(value);
  return {encoding.view().begin(), encoding.view().end()};
}

// What was stored, as the type itself.
template <class Codec, class T>
std::optional<T> Decoded(ByteView bytes) {
  const auto view = Codec::Decode(bytes);
  if (!view) return std::nullopt;
  if constexpr (std::is_constructible_v<T, decltype(*view)>) {
    return T(*view);
  } else {
    return T(view->begin(), view->end());
  }
}

// Refused, or the one encoding of what it is decoded to.
template <class Codec, class T>
void CheckGarbage(std::vector<std::byte> bytes) {
  for (uint64_t changes = Below(3); changes > 0; --changes) {
    const auto byte = static_cast<std::byte>(Draw<uint8_t>::One());
    const uint64_t at = Below(bytes.size() + 1);
    const uint64_t what = Below(3);
    if (what == 0) bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), byte);
    if (at == bytes.size()) continue;
    if (what == 1) bytes[at] = byte;
    if (what == 2) bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at));
  }
  const auto value = Decoded<Codec, T>(bytes);
  if (value) RC_ASSERT((Encoded<Codec, T>(*value) == bytes));
}

template <class T>
void CheckKeys() {
  using Codec = KeyCodec<T>;
  const bool holds = rc::check(std::string(Codec::kName), [] {
    const T a = Draw<T>::One();
    const T b = Below(5) == 0 ? a : Draw<T>::One();
    const std::vector<std::byte> a_bytes = Encoded<Codec, T>(a);
    const std::vector<std::byte> b_bytes = Encoded<Codec, T>(b);
    RC_ASSERT(Order(a, b) == Compare(a_bytes, b_bytes));
    const auto again = Decoded<Codec, T>(a_bytes);
    RC_ASSERT(again.has_value());
    RC_ASSERT(Order(*again, a) == std::strong_ordering::equal);
    if constexpr (codec::FixedWidth<Codec>) RC_ASSERT(a_bytes.size() == Codec::kBytes);
    CheckGarbage<Codec, T>(a_bytes);
  });
  EXPECT_TRUE(holds) << Codec::kName;
}

template <class T>
void CheckValues() {
  using Codec = ValueCodec<T>;
  const bool holds = rc::check(std::string(Codec::kName), [] {
    const T value = Draw<T>::One();
    const std::vector<std::byte> bytes = Encoded<Codec, T>(value);
    RC_ASSERT((Decoded<Codec, T>(bytes) == std::optional<T>(value)));
    CheckGarbage<Codec, T>(bytes);
  });
  EXPECT_TRUE(holds) << Codec::kName;
}

// Each by itself, in an optional, and at both ends of a tuple with what could run into it.
template <class... Ts>
void CheckKeysNested() {
  (CheckKeys<Ts>(), ...);
  (CheckKeys<std::optional<Ts>>(), ...);
  (CheckKeys<std::tuple<Ts, std::string>>(), ...);
  (CheckKeys<std::pair<std::optional<std::string>, Ts>>(), ...);
}

using Millis = std::chrono::milliseconds;

TEST(KeyCodec, IntegersAreInTheirOrder) {
  CheckKeysNested<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>();
}

TEST(KeyCodec, FloatingPointIsInItsTotalOrder) { CheckKeysNested<float, double>(); }

TEST(KeyCodec, StringsAndByteStringsAreInTheOrderOfTheirBytes) {
  CheckKeysNested<std::string, std::vector<std::byte>, std::array<std::byte, 3>, std::array<std::byte, 0>>();
}

TEST(KeyCodec, EnumerationsTimesAndTypesOfOnesOwnAreInTheirOrder) {
  CheckKeysNested<bool, Colour, Millis, std::chrono::sys_time<Millis>, std::chrono::duration<int16_t>, Word,
                  Version>();
}

TEST(KeyCodec, UuidsAreInTheOrderOfTheirBytes) { CheckKeysNested<Uuid>(); }

TEST(KeyCodec, ArraysAreInTheOrderOfTheirElements) {
  CheckKeysNested<std::array<int16_t, 3>, std::array<std::string, 2>>();
  CheckKeys<std::array<double, 0>>();
  CheckKeys<std::array<std::array<std::optional<std::string>, 2>, 2>>();
  CheckKeys<std::array<std::tuple<Word, bool>, 2>>();
}

TEST(KeyCodec, WhatIsNestedIsInTheOrderOfItsParts) {
  using Inner = std::tuple<std::string, int8_t>;
  CheckKeys<std::tuple<>>();
  CheckKeys<std::tuple<std::tuple<>>>();
  CheckKeys<std::tuple<Inner, Inner>>();
  CheckKeys<std::optional<std::optional<bool>>>();
  CheckKeys<std::tuple<std::optional<Inner>, std::string, std::vector<std::byte>>>();
  CheckKeys<std::pair<std::pair<std::string, std::string>, std::tuple<Word, double, std::string>>>();
}

template <class Codec, class T>
std::string Hex(const T& value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : Encoded<Codec, T>(value)) {
    text += kDigits[std::to_integer<size_t>(byte) >> 4];
    text += kDigits[std::to_integer<size_t>(byte) & 15];
  }
  return text;
}
template <class T>
std::string KeyHex(const T& key) {
  return Hex<KeyCodec<T>, T>(key);
}

// Databases hold them: a change here makes tables unreadable that have the same types by name.
TEST(KeyCodec, EncodingsStayAsTheyAre) {
  EXPECT_EQ(KeyHex(uint8_t{7}), "07");
  EXPECT_EQ(KeyHex(uint32_t{0x01020304}), "01020304");
  EXPECT_EQ(KeyHex(int16_t{-2}), "7ffe");
  EXPECT_EQ(KeyHex(int64_t{2}), "8000000000000002");
  EXPECT_EQ(KeyHex(true), "01");
  EXPECT_EQ(KeyHex(1.0F), "bf800000");
  EXPECT_EQ(KeyHex(-1.0F), "407fffff");
  EXPECT_EQ(KeyHex(-2.5), "3ffbffffffffffff");
  EXPECT_EQ(KeyHex(Colour::kRed), "7fff");
  EXPECT_EQ(KeyHex(std::string("a\0b", 3)), "610062");
  EXPECT_EQ(KeyHex(Millis(-1)), "7fffffffffffffff");
  EXPECT_EQ(KeyHex(std::chrono::sys_time<Millis>(Millis(1))), "8000000000000001");
  EXPECT_EQ(KeyHex(std::optional<uint8_t>()), "00");
  EXPECT_EQ(KeyHex(std::optional<std::string>("a")), "01610000");
  EXPECT_EQ(KeyHex(std::tuple(std::string("a\0", 2), uint8_t{1}, std::string())), "6100ff0000010000");
  EXPECT_EQ(KeyHex(std::pair(std::optional(true), Version{1, 2})), "01010102");
  EXPECT_EQ(KeyHex(std::array<int8_t, 2>{-1, 1}), "7f81");
  EXPECT_EQ(KeyHex(std::array<std::string, 2>{"a", ""}), "6100000000");
  EXPECT_EQ(KeyHex(*Uuid::Parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")), "f81d4fae7dec11d0a76500a0c91e6bf6");
}

// What has one size, and what has not, decides what a vector can be made of.
static_assert(KeyCodec<std::tuple<uint8_t, std::array<uint16_t, 3>>>::kBytes == 7);
static_assert(KeyCodec<std::pair<Uuid, double>>::kBytes == 24);
static_assert(!codec::FixedWidth<KeyCodec<std::tuple<uint8_t, std::string>>>);
static_assert(!codec::FixedWidth<KeyCodec<std::array<std::optional<uint8_t>, 1>>>);
static_assert(KeyCodec<std::array<std::array<std::byte, 2>, 3>>::kName == "array<bytes[2], 3>");

TEST(ValueCodec, EncodingsStayAsTheyAre) {
  EXPECT_EQ((Hex<ValueCodec<int16_t>, int16_t>(1)), "8001");
  EXPECT_EQ((Hex<ValueCodec<std::vector<uint16_t>>, std::vector<uint16_t>>({1, 0x0203})), "00010203");
  if constexpr (std::endian::native == std::endian::little) {
    EXPECT_EQ((Hex<ValueCodec<Point>, Point>({.x = 1, .y = 1})), "010000000000803f");
  }
}

TEST(ValueCodec, AStructMayRefuseBytesThatAreNoneOfItsValues) {
  const std::array<std::byte, 1> two = {std::byte{2}};
  EXPECT_FALSE(ValueCodec<Switch>::Decode(two).has_value());
  EXPECT_FALSE(ValueCodec<std::vector<Switch>>::Decode(two).has_value());
}

// As a vector of the same elements, and looked at where it is stored.
template <class T>
void CheckSpans() {
  using Codec = ValueCodec<std::span<const T>>;
  static_assert(Codec::kName == ValueCodec<std::vector<T>>::kName);
  static_assert(std::ranges::random_access_range<StoredVector<T>> &&
                std::ranges::sized_range<StoredVector<T>>);
  const bool holds = rc::check(std::string(Codec::kName), [] {
    const auto value = Draw<std::vector<T>>::One();
    const auto bytes = Encoded<Codec, std::span<const T>>(value);
    RC_ASSERT((bytes == Encoded<ValueCodec<std::vector<T>>, std::vector<T>>(value)));
    std::vector<std::byte> moved = {std::byte{0}};  // at an address that no T may have
    for (const std::byte byte : bytes) moved.push_back(byte);
    const auto stored = Codec::Decode(ByteView(moved).subspan(1));
    RC_ASSERT(stored.has_value());
    RC_ASSERT((std::ranges::equal(*stored, value)));
    RC_ASSERT(stored->size() == value.size());
    if (!value.empty()) RC_ASSERT((*stored)[value.size() - 1] == value.back());
    for (auto changed = bytes; !changed.empty(); changed.pop_back()) {
      changed[Below(changed.size())] ^= std::byte{2};
      const auto decoded = ValueCodec<std::vector<T>>::Decode(changed);
      RC_ASSERT(Codec::Decode(changed).has_value() == decoded.has_value());
    }
  });
  EXPECT_TRUE(holds) << Codec::kName;
}

TEST(ValueCodec, SpansAreReadWhereTheyAreStored) {
  CheckSpans<uint32_t>();
  CheckSpans<int8_t>();
  CheckSpans<Uuid>();
  CheckSpans<Point>();
  CheckSpans<Switch>();
  CheckSpans<std::pair<bool, int16_t>>();
}

TEST(ValueCodec, WhatIsStoredComesBack) {
  CheckValues<uint16_t>();
  CheckValues<std::string>();
  CheckValues<std::tuple<std::string, std::optional<int64_t>>>();
  CheckValues<std::vector<uint32_t>>();
  CheckValues<std::vector<bool>>();
  CheckValues<std::vector<Colour>>();
  CheckValues<std::vector<std::array<std::byte, 5>>>();
  CheckValues<Point>();
  CheckValues<Switch>();
  CheckValues<std::vector<Point>>();
  CheckValues<std::vector<Uuid>>();
  CheckValues<std::vector<std::tuple<uint8_t, std::array<int16_t, 2>>>>();
  CheckValues<std::array<std::optional<std::string>, 3>>();
  CheckValues<std::vector<Switch>>();
}

}  // namespace
}  // namespace manifolddb
