#pragma once
// Keys of types: encodings whose byte order is the order of the type.
//
// Built in, with their names: integers of 8 to 64 bits (u8 to i64), bool, float and double in IEEE's total
// order (f32, f64), enumerations (enum<u8>), std::string and std::string_view (string), ByteView and
// std::vector<std::byte> (raw bytes), std::array<std::byte, N> (bytes[N]), durations and time points of
// integer ticks (duration<i64, 1/1000>, time<...>), and std::pair, std::tuple (tuple<a, b>), std::array
// (array<a, 3>) and std::optional (nothing comes first) of all that has a KeyCodec; in uuid.h Uuid (uuid).
// All are independent of the machine's byte order.
//
// A type of one's own: a specialisation of KeyCodec, before its first use.
//
//   template <>
//   struct manifolddb::KeyCodec<Version> {
//     static constexpr std::string_view kName = "Version";  // stored with the table
//     static constexpr size_t kBytes = 2;                   // only if all encodings have this size
//     static void Encode(const Version& key, EncodedBytes& out) { out.Append(key.major); ... }
//     static std::optional<Version> Decode(ByteView bytes);  // none: `bytes` is no encoding
//   };
//
// Encode must keep the order and give different keys different bytes, Decode accept what Encode makes and
// nothing else; what a name means must never change. Within tuples and optionals, what has no kBytes is
// escaped: its encoding may be of any form.

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "manifolddb/bytes.h"
#include "manifolddb/type_name.h"

namespace manifolddb {

// Where encodings are built: short ones without an allocation.
class EncodedBytes {
 public:
  EncodedBytes() = default;
  EncodedBytes(const EncodedBytes&) = delete;
  EncodedBytes& operator=(const EncodedBytes&) = delete;

  // Behind what was appended before.
  void Append(uint8_t byte) {
    const auto value = static_cast<std::byte>(byte);
    Append(ByteView(&value, 1));
  }
  // Likewise; the bytes are copied.
  void Append(ByteView bytes) {
    if (long_.empty() && size_ + bytes.size() <= short_.size()) {
      if (!bytes.empty()) std::memcpy(short_.data() + size_, bytes.data(), bytes.size());
      size_ += bytes.size();
      return;
    }
    if (long_.empty()) long_.assign(short_.data(), short_.data() + size_);
    long_.insert(long_.end(), bytes.begin(), bytes.end());
  }
  // Until the next Append.
  ByteView view() const { return long_.empty() ? ByteView(short_.data(), size_) : ByteView(long_); }

 private:
  std::array<std::byte, 64> short_;
  size_t size_ = 0;                   // of what is in short_
  std::vector<std::byte> long_ = {};  // all of it, if it did not fit
};

// How keys of type T are encoded. Beside what is said above a specialisation may have
//   Argument   what callers pass, if not const T& (a std::string_view for a std::string)
//   View       what is read, if not T: may point into the bytes that are decoded
//   Owned      what is read within tuples, if not T: made from a View, keeps its bytes
template <class T>
struct KeyCodec;

namespace codec {

template <class Codec, class T>
struct ArgumentOf {
  using type = T;
};
template <class Codec, class T>
requires requires { typename Codec::Argument; }
struct ArgumentOf<Codec, T> {
  using type = typename Codec::Argument;
};
template <class Codec, class T>
struct ViewOf {
  using type = T;
};
template <class Codec, class T>
requires requires { typename Codec::View; }
struct ViewOf<Codec, T> {
  using type = typename Codec::View;
};
template <class Codec, class T>
struct OwnedOf {
  using type = T;
};
template <class Codec, class T>
requires requires { typename Codec::Owned; }
struct OwnedOf<Codec, T> {
  using type = typename Codec::Owned;
};

template <class Codec, class T>
using Argument = typename ArgumentOf<Codec, T>::type;
template <class Codec, class T>
using View = typename ViewOf<Codec, T>::type;
template <class Codec, class T>
using Owned = typename OwnedOf<Codec, T>::type;

template <class Codec, class T>
concept Encodes = requires(const Argument<Codec, T>& value, EncodedBytes& out, ByteView bytes) {
  { Codec::kName } -> std::convertible_to<std::string_view>;
  { Codec::Decode(bytes) } -> std::same_as<std::optional<View<Codec, T>>>;
  Codec::Encode(value, out);
};

template <class Codec>
concept FixedWidth = requires {
  { Codec::kBytes } -> std::convertible_to<size_t>;
};
// Whose encodings are their own bytes: nothing has to be built.
template <class Codec, class T>
concept Verbatim = requires(const Argument<Codec, T>& value) {
  { Codec::Bytes(value) } -> std::same_as<ByteView>;
};
// Made of parts, each of which says where it ends.
template <class Codec>
concept Composite = requires(ByteView& from) {
  Codec::Take(from);
};

}  // namespace codec

// Whether T can be a key.
template <class T>
concept KeyType = codec::Encodes<KeyCodec<T>, T>;

namespace codec {

template <class Unsigned>
void AppendBigEndian(Unsigned value, EncodedBytes& out) {
  std::array<std::byte, sizeof(Unsigned)> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(value >> (8 * (bytes.size() - 1 - i)));
  }
  out.Append(ByteView(bytes));
}

// REQUIRES: as many bytes.
template <class Unsigned>
Unsigned ReadBigEndian(ByteView bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<uint64_t>(byte);
  return static_cast<Unsigned>(value);
}

// Escaped, a byte string ends with 00 00, and a 00 within it is 00 FF: so none is a prefix of another, and
// the order stays.
inline constexpr size_t kEscapedEndBytes = 2;
inline void AppendEscaped(ByteView bytes, EncodedBytes& out) {
  constexpr std::array<std::byte, 2> kZero = {std::byte{0}, std::byte{0xff}};
  constexpr std::array<std::byte, kEscapedEndBytes> kEnd = {};
  for (size_t from = 0; from < bytes.size();) {
    size_t to = from;
    while (to < bytes.size() && bytes[to] != std::byte{0}) ++to;
    out.Append(bytes.subspan(from, to - from));
    if (to < bytes.size()) out.Append(ByteView(kZero));
    from = to + 1;
  }
  out.Append(ByteView(kEnd));
}

// Takes an escaped byte string off the front of `from`; false if there is none.
inline bool TakeEscaped(ByteView& from, std::vector<std::byte>& out) {
  for (size_t at = 0; at + 1 < from.size(); ++at) {
    if (from[at] != std::byte{0}) {
      out.push_back(from[at]);
      continue;
    }
    ++at;
    if (from[at] == std::byte{0}) {
      from = from.subspan(at + 1);
      return true;
    }
    if (from[at] != std::byte{0xff}) return false;
    out.push_back(std::byte{0});
  }
  return false;
}

// A T as part of something larger.
template <KeyType T>
void AppendPart(const Argument<KeyCodec<T>, T>& value, EncodedBytes& out) {
  using Codec = KeyCodec<T>;
  if constexpr (FixedWidth<Codec> || Composite<Codec>) {
    Codec::Encode(value, out);
  } else if constexpr (Verbatim<Codec, T>) {
    AppendEscaped(Codec::Bytes(value), out);
  } else {
    EncodedBytes whole;
    Codec::Encode(value, whole);
    AppendEscaped(whole.view(), out);
  }
}

template <class Codec, class T>
Owned<Codec, T> ToOwned(View<Codec, T> view) {
  if constexpr (std::is_constructible_v<Owned<Codec, T>, View<Codec, T>>) {
    return Owned<Codec, T>(std::move(view));
  } else {
    return Owned<Codec, T>(view.begin(), view.end());
  }
}

// Takes it off the front of `from`.
template <KeyType T>
std::optional<Owned<KeyCodec<T>, T>> TakePart(ByteView& from) {
  using Codec = KeyCodec<T>;
  if constexpr (FixedWidth<Codec>) {
    if (from.size() < Codec::kBytes) return std::nullopt;
    const ByteView bytes = from.first(Codec::kBytes);
    from = from.subspan(Codec::kBytes);
    return Codec::Decode(bytes);
  } else if constexpr (Composite<Codec>) {
    return Codec::Take(from);
  } else {
    std::vector<std::byte> bytes;
    if (!TakeEscaped(from, bytes)) return std::nullopt;
    std::optional<View<Codec, T>> view = Codec::Decode(bytes);
    if (!view) return std::nullopt;
    return ToOwned<Codec, T>(std::move(*view));
  }
}

template <class T>
std::optional<T> Whole(std::optional<T> taken, ByteView rest) {
  return rest.empty() ? std::move(taken) : std::nullopt;
}

// Widths differ between machines (long), and some types are for characters: named by width and sign.
template <class T>
concept Integer = std::integral<T> && sizeof(T) <= 8 && !std::same_as<T, bool> && !std::same_as<T, char> &&
                  !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
                  !std::same_as<T, char32_t>;

template <Integer T>
inline constexpr TypeName kIntegerName =
    TypeName::Of({std::unsigned_integral<T> ? "u" : "i"}).Then(TypeName::OfNumber(sizeof(T) * 8));

template <class T>
concept Binary = std::floating_point<T> && std::numeric_limits<T>::is_iec559 && sizeof(T) <= 8;

template <class Codec>
inline constexpr std::string_view kPartName = Codec::kName.empty() ? std::string_view("bytes") : Codec::kName;

template <size_t N>
inline constexpr TypeName kNumberName = TypeName::OfNumber(N);

template <class Period>
inline constexpr TypeName kPeriodName =
    TypeName::OfNumber(Period::num).Then(TypeName::Of({"/"})).Then(TypeName::OfNumber(Period::den));

}  // namespace codec

// Big-endian; of signed ones the sign is flipped, so that negative ones come first.
template <codec::Integer T>
struct KeyCodec<T> {
  using Unsigned = std::make_unsigned_t<T>;
  static constexpr std::string_view kName = codec::kIntegerName<T>.view();
  static constexpr size_t kBytes = sizeof(T);
  static constexpr Unsigned kFlipped =
      std::signed_integral<T> ? static_cast<Unsigned>(Unsigned{1} << (8 * sizeof(T) - 1)) : Unsigned{0};

  static void Encode(T key, EncodedBytes& out) {
    codec::AppendBigEndian(static_cast<Unsigned>(static_cast<Unsigned>(key) ^ kFlipped), out);
  }
  static std::optional<T> Decode(ByteView bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    return static_cast<T>(static_cast<Unsigned>(codec::ReadBigEndian<Unsigned>(bytes) ^ kFlipped));
  }
};

template <>
struct KeyCodec<bool> {
  static constexpr std::string_view kName = "bool";
  static constexpr size_t kBytes = 1;
  static void Encode(bool key, EncodedBytes& out) { out.Append(uint8_t{key}); }
  static std::optional<bool> Decode(ByteView bytes) {
    if (bytes.size() != 1 || bytes[0] > std::byte{1}) return std::nullopt;
    return bytes[0] == std::byte{1};
  }
};

// Negative ones have all bits flipped, the others the sign: -NaN < -infinity < -0 < +0 < infinity < NaN. Each
// NaN keeps its bits.
template <codec::Binary T>
struct KeyCodec<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static constexpr std::string_view kName = sizeof(T) == 4 ? "f32" : "f64";
  static constexpr size_t kBytes = sizeof(T);
  static constexpr Bits kSign = Bits{1} << (8 * sizeof(T) - 1);

  static void Encode(T key, EncodedBytes& out) {
    const Bits bits = std::bit_cast<Bits>(key);
    codec::AppendBigEndian(static_cast<Bits>((bits & kSign) != 0 ? ~bits : bits | kSign), out);
  }
  static std::optional<T> Decode(ByteView bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    const Bits bits = codec::ReadBigEndian<Bits>(bytes);
    return std::bit_cast<T>(static_cast<Bits>((bits & kSign) != 0 ? bits & ~kSign : ~bits));
  }
};

// As their underlying integers: a stored number that no enumerator has is one of its values all the same.
// All enumerations of one width share a name; to tell them apart, specialise KeyCodec.
template <class T>
requires std::is_enum_v<T> && codec::Integer<std::underlying_type_t<T>>
struct KeyCodec<T> {
  using Number = KeyCodec<std::underlying_type_t<T>>;
  static constexpr auto kText = TypeName::Of({"enum<", Number::kName, ">"});
  static constexpr std::string_view kName = kText.view();
  static constexpr size_t kBytes = Number::kBytes;
  static void Encode(T key, EncodedBytes& out) {
    Number::Encode(static_cast<std::underlying_type_t<T>>(key), out);
  }
  static std::optional<T> Decode(ByteView bytes) {
    const auto number = Number::Decode(bytes);
    if (!number) return std::nullopt;
    return static_cast<T>(*number);
  }
};

namespace codec {

struct Text {
  using Argument = std::string_view;
  using View = std::string_view;
  using Owned = std::string;
  static constexpr std::string_view kName = "string";
  static ByteView Bytes(std::string_view key) { return AsBytes(key); }
  static void Encode(std::string_view key, EncodedBytes& out) { out.Append(AsBytes(key)); }
  static std::optional<std::string_view> Decode(ByteView bytes) { return AsText(bytes); }
};

// Without a name, as tables are that nobody gave types.
struct RawBytes {
  using Argument = ByteView;
  using View = ByteView;
  using Owned = std::vector<std::byte>;
  static constexpr std::string_view kName = "";
  static ByteView Bytes(ByteView key) { return key; }
  static void Encode(ByteView key, EncodedBytes& out) { out.Append(key); }
  static std::optional<ByteView> Decode(ByteView bytes) { return bytes; }
};

}  // namespace codec

template <>
struct KeyCodec<std::string> : codec::Text {};
template <>
struct KeyCodec<std::string_view> : codec::Text {};
template <>
struct KeyCodec<std::vector<std::byte>> : codec::RawBytes {};
template <>
struct KeyCodec<ByteView> : codec::RawBytes {};

template <size_t N>
struct KeyCodec<std::array<std::byte, N>> {
  static constexpr auto kText =
      TypeName::Of({"bytes["}).Then(TypeName::OfNumber(N)).Then(TypeName::Of({"]"}));
  static constexpr std::string_view kName = kText.view();
  static constexpr size_t kBytes = N;
  static void Encode(const std::array<std::byte, N>& key, EncodedBytes& out) { out.Append(ByteView(key)); }
  static std::optional<std::array<std::byte, N>> Decode(ByteView bytes) {
    if (bytes.size() != N) return std::nullopt;
    std::array<std::byte, N> key;
    if constexpr (N > 0) std::memcpy(key.data(), bytes.data(), N);
    return key;
  }
};

template <codec::Integer Rep, class Period>
struct KeyCodec<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static constexpr auto kText =
      TypeName::Of({"duration<", KeyCodec<Rep>::kName, ", ", codec::kPeriodName<Period>.view(), ">"});
  static constexpr std::string_view kName = kText.view();
  static constexpr size_t kBytes = sizeof(Rep);
  static void Encode(Duration key, EncodedBytes& out) { KeyCodec<Rep>::Encode(key.count(), out); }
  static std::optional<Duration> Decode(ByteView bytes) {
    const auto ticks = KeyCodec<Rep>::Decode(bytes);
    if (!ticks) return std::nullopt;
    return Duration(*ticks);
  }
};

// Of the system's clock, whose beginning is the same everywhere. Others have none that outlives a machine.
template <codec::Integer Rep, class Period>
struct KeyCodec<std::chrono::sys_time<std::chrono::duration<Rep, Period>>> {
  using Duration = std::chrono::duration<Rep, Period>;
  using Time = std::chrono::sys_time<Duration>;
  static constexpr auto kText =
      TypeName::Of({"time<", KeyCodec<Rep>::kName, ", ", codec::kPeriodName<Period>.view(), ">"});
  static constexpr std::string_view kName = kText.view();
  static constexpr size_t kBytes = sizeof(Rep);
  static void Encode(Time key, EncodedBytes& out) { KeyCodec<Duration>::Encode(key.time_since_epoch(), out); }
  static std::optional<Time> Decode(ByteView bytes) {
    const auto since = KeyCodec<Duration>::Decode(bytes);
    if (!since) return std::nullopt;
    return Time(*since);
  }
};

namespace codec {

// Parts of one size each have one size together.
template <class... Codecs>
struct FixedTogether {};
template <FixedWidth... Codecs>
struct FixedTogether<Codecs...> {
  static constexpr size_t kBytes = (size_t{0} + ... + size_t{Codecs::kBytes});
};

// The parts one after the other. `Self`: std::pair or std::tuple of Parts.
template <class Self, class Result, class... Parts>
struct Sequence : FixedTogether<KeyCodec<Parts>...> {
  using Owned = Result;
  using View = Result;
  static constexpr auto kText = TypeName::OfList("tuple", {kPartName<KeyCodec<Parts>>...});
  static constexpr std::string_view kName = kText.view();

  static void Encode(const Self& key, [[maybe_unused]] EncodedBytes& out) {
    std::apply([&](const auto&... parts) { (AppendPart<Parts>(parts, out), ...); }, key);
  }
  static std::optional<Result> Take([[maybe_unused]] ByteView& from) {
    // In braces: evaluated from the left.
    std::tuple<std::optional<codec::Owned<KeyCodec<Parts>, Parts>>...> taken{TakePart<Parts>(from)...};
    return std::apply(
        [](auto&... parts) -> std::optional<Result> {
          if (!(parts.has_value() && ...)) return std::nullopt;
          return Result(std::move(*parts)...);
        },
        taken);
  }
  static std::optional<Result> Decode(ByteView bytes) {
    std::optional<Result> taken = Take(bytes);
    return Whole(std::move(taken), bytes);
  }
};

}  // namespace codec

template <KeyType... Parts>
struct KeyCodec<std::tuple<Parts...>>
    : codec::Sequence<std::tuple<Parts...>, std::tuple<codec::Owned<KeyCodec<Parts>, Parts>...>, Parts...> {};

// As a tuple of two.
template <KeyType A, KeyType B>
struct KeyCodec<std::pair<A, B>>
    : codec::Sequence<std::pair<A, B>, std::pair<codec::Owned<KeyCodec<A>, A>, codec::Owned<KeyCodec<B>, B>>,
                      A, B> {};

namespace codec {

template <class Codec, size_t N>
struct FixedTimes {};
template <FixedWidth Codec, size_t N>
struct FixedTimes<Codec, N> {
  static constexpr size_t kBytes = N * Codec::kBytes;
};

}  // namespace codec

// The elements one after the other, as a tuple of them. (Of std::byte: above.)
template <KeyType T, size_t N>
requires(!std::same_as<T, std::byte>) struct KeyCodec<std::array<T, N>> : codec::FixedTimes<KeyCodec<T>, N> {
  using Owned = std::array<codec::Owned<KeyCodec<T>, T>, N>;
  using View = Owned;
  static constexpr auto kText =
      TypeName::OfList("array", {codec::kPartName<KeyCodec<T>>, codec::kNumberName<N>.view()});
  static constexpr std::string_view kName = kText.view();

  static void Encode(const std::array<T, N>& key, EncodedBytes& out) {
    for (const T& element : key) codec::AppendPart<T>(element, out);
  }
  static std::optional<Owned> Take(ByteView& from) {
    std::array<std::optional<codec::Owned<KeyCodec<T>, T>>, N> taken;
    for (auto& element : taken) {
      element = codec::TakePart<T>(from);
      if (!element) return std::nullopt;
    }
    return [&]<size_t... Index>(std::index_sequence<Index...>) {
      return std::optional<Owned>(Owned{std::move(*taken[Index])...});
    }
    (std::make_index_sequence<N>());
  }
  static std::optional<Owned> Decode(ByteView bytes) {
    std::optional<Owned> taken = Take(bytes);
    return codec::Whole(std::move(taken), bytes);
  }
};

// 0 for nothing; 1, then the value.
template <KeyType T>
struct KeyCodec<std::optional<T>> {
  using Owned = std::optional<codec::Owned<KeyCodec<T>, T>>;
  using View = Owned;
  static constexpr auto kText = TypeName::OfList("optional", {codec::kPartName<KeyCodec<T>>});
  static constexpr std::string_view kName = kText.view();

  static void Encode(const std::optional<T>& key, EncodedBytes& out) {
    out.Append(uint8_t{key.has_value()});
    if (key) codec::AppendPart<T>(*key, out);
  }
  static std::optional<Owned> Take(ByteView& from) {
    const auto there = codec::TakePart<bool>(from);
    if (!there) return std::nullopt;
    if (!*there) return std::optional<Owned>(std::in_place, std::nullopt);
    auto value = codec::TakePart<T>(from);
    if (!value) return std::nullopt;
    return std::optional<Owned>(std::in_place, std::move(*value));
  }
  static std::optional<Owned> Decode(ByteView bytes) {
    std::optional<Owned> taken = Take(bytes);
    return codec::Whole(std::move(taken), bytes);
  }
};

}  // namespace manifolddb
