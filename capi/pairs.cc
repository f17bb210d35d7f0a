#include "capi/pairs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "manifolddb/multimap_codec.h"

namespace manifolddb::capi {
namespace {

constexpr std::string_view kMultimap = "multimap<";

struct NamedWidth {
  std::string_view name;
  size_t width;
};
constexpr std::array kWidths = {
    NamedWidth{"bool", 1}, NamedWidth{"u8", 1},  NamedWidth{"i8", 1},  NamedWidth{"u16", 2},
    NamedWidth{"i16", 2},  NamedWidth{"u32", 4}, NamedWidth{"i32", 4}, NamedWidth{"f32", 4},
    NamedWidth{"u64", 8},  NamedWidth{"i64", 8}, NamedWidth{"f64", 8}, NamedWidth{"uuid", 16},
};

// Of "bytes[N]".
std::optional<size_t> ArrayWidth(std::string_view name) {
  constexpr std::string_view kBefore = "bytes[";
  if (!name.starts_with(kBefore) || !name.ends_with("]")) return std::nullopt;
  const std::string_view digits = name.substr(kBefore.size(), name.size() - kBefore.size() - 1);
  size_t width = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), width);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return width;
}

PairShape ShapeOfPart(std::string_view name) {
  if (name == "bytes" || name == "string") return {.kind = PairShape::Kind::kEscaped};
  const auto known = std::ranges::find(kWidths, name, &NamedWidth::name);
  if (known != kWidths.end()) return {.kind = PairShape::Kind::kWidth, .width = known->width};
  if (const auto width = ArrayWidth(name)) return {.kind = PairShape::Kind::kWidth, .width = *width};
  return {.kind = PairShape::Kind::kUnknown};
}

bool BeginsWith(ByteView pair, ByteView group) {
  return pair.size() >= group.size() && std::equal(group.begin(), group.end(), pair.begin());
}

Result<std::vector<std::byte>> GroupUnder(const PairShape& shape, const Cursor& cursor) {
  const Result<Pair> pair = Split(shape, cursor.key());
  if (!pair) return std::unexpected(pair.error());
  return std::vector<std::byte>(pair->group.begin(), pair->group.end());
}

}  // namespace

PairShape ShapeOf(std::string_view key_type) {
  if (!key_type.starts_with(kMultimap) || !key_type.ends_with(">")) return {};
  const std::string_view parts = key_type.substr(kMultimap.size(), key_type.size() - kMultimap.size() - 1);
  // A key type with a comma of its own is none that ShapeOfPart knows.
  const size_t comma = parts.find(", ");
  return comma == std::string_view::npos ? PairShape{} : ShapeOfPart(parts.substr(0, comma));
}

Status CheckPairs(const PairShape& shape) {
  if (shape.kind == PairShape::Kind::kNone)
    return Fail(Errc::kInvalidArgument, "capi.multimap", {.message = "the table is no multimap"});
  if (shape.kind == PairShape::Kind::kUnknown)
    return Fail(Errc::kInvalidArgument, "capi.multimap",
                {.message = "how keys of this type are stored is known to C++ only; as the ordinary table "
                            "that it is too, the table can be read"});
  return {};
}

Result<std::vector<std::byte>> GroupOf(const PairShape& shape, ByteView key) {
  if (Status pairs = CheckPairs(shape); !pairs) return std::unexpected(pairs.error());
  if (shape.kind == PairShape::Kind::kWidth) {
    if (key.size() != shape.width)
      return Fail(Errc::kInvalidArgument, "capi.multimap",
                  {.message = "a key of this table takes " + std::to_string(shape.width) + " bytes, not " +
                              std::to_string(key.size())});
    return std::vector<std::byte>(key.begin(), key.end());
  }
  EncodedBytes escaped;
  codec::AppendEscaped(key, escaped);
  return std::vector<std::byte>(escaped.view().begin(), escaped.view().end());
}

Result<std::vector<std::byte>> PairOf(const PairShape& shape, ByteView key, ByteView value) {
  Result<std::vector<std::byte>> pair = GroupOf(shape, key);
  if (pair) pair->insert(pair->end(), value.begin(), value.end());
  return pair;
}

Result<Pair> Split(const PairShape& shape, ByteView stored) {
  if (Status pairs = CheckPairs(shape); !pairs) return std::unexpected(pairs.error());
  Pair pair;
  ByteView rest = stored;
  bool whole = true;
  if (shape.kind == PairShape::Kind::kWidth) {
    whole = stored.size() >= shape.width;
    if (whole) {
      pair.key.assign(stored.begin(), stored.begin() + static_cast<ptrdiff_t>(shape.width));
      rest = stored.subspan(shape.width);
    }
  } else {
    whole = codec::TakeEscaped(rest, pair.key);
  }
  if (!whole)
    return Fail(Errc::kCorrupt, "capi.multimap",
                {.message = "a key of the table is no pair: " + std::to_string(stored.size()) + " bytes"});
  pair.group = stored.first(stored.size() - rest.size());
  pair.value = rest;
  return pair;
}

Result<bool> NextGroup(const PairShape& shape, Cursor& cursor) {
  if (!cursor.valid()) return cursor.Next();
  const auto group = GroupUnder(shape, cursor);
  if (!group) return std::unexpected(group.error());
  const Result<bool> more = cursor.Next();  // often it is that already
  if (!more || !*more || !BeginsWith(cursor.key(), *group)) return more;
  if (const auto behind = codec::Behind(*group)) return cursor.Seek(*behind);
  const Result<bool> last = cursor.Last();
  return last ? cursor.Next() : last;
}

Result<bool> PrevGroup(const PairShape& shape, Cursor& cursor) {
  if (!cursor.valid()) return cursor.Prev();
  const auto group = GroupUnder(shape, cursor);
  if (!group) return std::unexpected(group.error());
  const Result<bool> more = cursor.Prev();
  if (!more || !*more || !BeginsWith(cursor.key(), *group)) return more;
  const Result<bool> first = cursor.Seek(*group);
  return first ? cursor.Prev() : first;
}

}  // namespace manifolddb::capi
