#pragma once
// How multimap.h stores pairs: as keys of an ordinary table. A pair is its key as a part, which says where it
// ends, and its value as it is. So the pairs of one key, a group, are what begins with the same bytes, and
// groups follow each other in the order of their keys.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "manifolddb/cursor.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/type_name.h"
#include "manifolddb/typed_reading.h"

namespace manifolddb {

template <KeyType K, KeyType V>
struct MultimapEntry;

namespace codec {

// Takes a part off the front of `from` without making a K of it. False: there is none.
template <KeyType K>
bool SkipPart(ByteView& from) {
  using Codec = KeyCodec<K>;
  if constexpr (FixedWidth<Codec>) {
    if (from.size() < Codec::kBytes) return false;
    from = from.subspan(Codec::kBytes);
    return true;
  } else if constexpr (Composite<Codec>) {
    return Codec::Take(from).has_value();
  } else {
    for (size_t at = 0; at + 1 < from.size(); ++at) {
      if (from[at] != std::byte{0}) continue;
      ++at;
      if (from[at] == std::byte{0}) {
        from = from.subspan(at + 1);
        return true;
      }
      if (from[at] != std::byte{0xff}) return false;
    }
    return false;
  }
}

// What the pairs of a key begin with.
template <KeyType K>
class MultimapGroup {
 public:
  explicit MultimapGroup(const KeyArgument<K>& key) { AppendPart<K>(key, bytes_); }
  ByteView view() const { return bytes_.view(); }

 private:
  EncodedBytes bytes_;
};

template <KeyType K, KeyType V>
class EncodedPair {
 public:
  EncodedPair(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    AppendPart<K>(key, bytes_);
    KeyCodec<V>::Encode(value, bytes_);
  }
  ByteView view() const { return bytes_.view(); }

 private:
  EncodedBytes bytes_;
};

// The first bytes behind all that begin with these; none: there is nothing behind.
inline std::optional<std::vector<std::byte>> Behind(ByteView group) {
  std::vector<std::byte> bytes(group.begin(), group.end());
  while (!bytes.empty() && bytes.back() == std::byte{0xff}) bytes.pop_back();
  if (bytes.empty()) return std::nullopt;
  bytes.back() = static_cast<std::byte>(std::to_integer<unsigned>(bytes.back()) + 1);
  return bytes;
}

// A range of keys as one of pairs: the groups of its keys. The TypedRange outlives it.
template <KeyType K>
class KeysInRange {
 public:
  explicit KeysInRange(const TypedRange<K>& range) {
    if (range.lower) RaiseLower(Copy(MultimapGroup<K>(*range.lower).view()));
    if (range.after) RaiseLower(Behind(MultimapGroup<K>(*range.after).view()));
    if (range.upper) CutUpper(Copy(MultimapGroup<K>(*range.upper).view()));
    if (range.through) {
      if (auto behind = Behind(MultimapGroup<K>(*range.through).view())) CutUpper(std::move(behind));
    }
    if (range.prefix) SetPrefix(range.prefix->view());
  }
  KeysInRange(const KeysInRange&) = delete;
  KeysInRange& operator=(const KeysInRange&) = delete;
  const Range& range() const { return range_; }

 private:
  using Bytes = std::optional<std::vector<std::byte>>;

  static Bytes Copy(ByteView bytes) { return std::vector<std::byte>(bytes.begin(), bytes.end()); }
  // No bytes: behind all there is, so that nothing is left.
  void RaiseLower(Bytes bytes) {
    if (!bytes) return CutUpper(std::vector<std::byte>());
    if (lower_ && Compare(*bytes, *lower_) <= 0) return;
    lower_ = std::move(bytes);
    range_.lower = *lower_;
  }
  void CutUpper(Bytes bytes) {
    if (upper_ && Compare(*upper_, *bytes) <= 0) return;
    upper_ = std::move(bytes);
    range_.upper = *upper_;
  }
  // A text's beginning lies within escaped texts, escaped and without their end.
  void SetPrefix(ByteView prefix) {
    range_.prefix = prefix;
    if constexpr (!FixedWidth<KeyCodec<K>> && !Composite<KeyCodec<K>>) {
      AppendEscaped(prefix, prefix_);
      range_.prefix = prefix_.view().first(prefix_.view().size() - kEscapedEndBytes);
    }
  }

  Bytes lower_;
  Bytes upper_;
  EncodedBytes prefix_;
  Range range_;
};

// A range of the values of one key as one of pairs. Key and range outlive it.
template <KeyType K, KeyType V>
class ValuesOfKey {
 public:
  ValuesOfKey(const KeyArgument<K>& key, const TypedRange<V>& range) {
    AppendPart<K>(key, prefix_);
    key_bytes_ = prefix_.view().size();
    if (range.prefix) prefix_.Append(range.prefix->view());
    range_.prefix = prefix_.view();
    if (range.lower) range_.lower = lower_.emplace(key, *range.lower).view();
    if (range.upper) range_.upper = upper_.emplace(key, *range.upper).view();
    if (range.after) range_.after = after_.emplace(key, *range.after).view();
    if (range.through) range_.through = through_.emplace(key, *range.through).view();
  }
  ValuesOfKey(const ValuesOfKey&) = delete;
  ValuesOfKey& operator=(const ValuesOfKey&) = delete;
  const Range& range() const { return range_; }
  size_t key_bytes() const { return key_bytes_; }

 private:
  EncodedBytes prefix_;
  size_t key_bytes_ = 0;
  std::optional<EncodedPair<K, V>> lower_;
  std::optional<EncodedPair<K, V>> upper_;
  std::optional<EncodedPair<K, V>> after_;
  std::optional<EncodedPair<K, V>> through_;
  Range range_;
};

// Pairs as they are stored, and moves of a cursor over them.
template <KeyType K, KeyType V>
struct MultimapPair {
  static constexpr auto kText =
      TypeName::OfList("multimap", {kPartName<KeyCodec<K>>, kPartName<KeyCodec<V>>});
  static constexpr std::string_view kName = kText.view();

  static Result<OwnedKey<K>> ReadKey(std::string_view table, ByteView pair) {
    ByteView rest = pair;
    std::optional<OwnedKey<K>> key = TakePart<K>(rest);
    if (!key) return NoEncoding("table.decode", "key", table, kName, pair.size());
    return std::move(*key);
  }
  static Result<KeyView<V>> ReadValue(std::string_view table, ByteView pair) {
    ByteView rest = pair;
    if (!SkipPart<K>(rest)) return NoEncoding("table.decode", "key", table, kName, pair.size());
    return DecodeStored<KeyCodec<V>, V>("value", table, rest);
  }
  static Result<MultimapEntry<K, V>> Read(std::string_view table, ByteView pair) {
    ByteView rest = pair;
    std::optional<OwnedKey<K>> key = TakePart<K>(rest);
    if (!key) return NoEncoding("table.decode", "key", table, kName, pair.size());
    Result<KeyView<V>> value = DecodeStored<KeyCodec<V>, V>("value", table, rest);
    if (!value) return std::unexpected(value.error());
    return MultimapEntry<K, V>{std::move(*key), std::move(*value)};
  }

  // To the first pair of the next group.
  static Result<bool> NextKey(std::string_view table, Cursor& cursor) {
    if (!cursor.valid()) return cursor.Next();
    const Result<std::vector<std::byte>> group = GroupAt(table, cursor);
    if (!group) return std::unexpected(group.error());
    const Result<bool> more = cursor.Next();  // often it is that already
    if (!more || !*more || !BeginsWith(cursor.key(), *group)) return more;
    if (const auto behind = Behind(*group)) return cursor.Seek(*behind);
    const Result<bool> last = cursor.Last();
    return last ? cursor.Next() : last;
  }
  // To the last pair of the group before.
  static Result<bool> PrevKey(std::string_view table, Cursor& cursor) {
    if (!cursor.valid()) return cursor.Prev();
    const Result<std::vector<std::byte>> group = GroupAt(table, cursor);
    if (!group) return std::unexpected(group.error());
    const Result<bool> more = cursor.Prev();
    if (!more || !*more || !BeginsWith(cursor.key(), *group)) return more;
    const Result<bool> first = cursor.Seek(*group);
    return first ? cursor.Prev() : first;
  }
  // To the last pair of this group, or of one before.
  static Result<bool> ToLastOf(Cursor& cursor, ByteView group) {
    const auto behind = Behind(group);
    if (!behind) return cursor.Last();
    const Result<bool> there = cursor.Seek(*behind);
    return there ? cursor.Prev() : there;
  }

 private:
  static Result<std::vector<std::byte>> GroupAt(std::string_view table, const Cursor& cursor) {
    const ByteView pair = cursor.key();
    ByteView rest = pair;
    if (!SkipPart<K>(rest)) return NoEncoding("table.decode", "key", table, kName, pair.size());
    const ByteView group = pair.first(pair.size() - rest.size());
    return std::vector<std::byte>(group.begin(), group.end());
  }
  static bool BeginsWith(ByteView pair, ByteView group) {
    return pair.size() >= group.size() && std::equal(group.begin(), group.end(), pair.begin());
  }
};

}  // namespace codec
}  // namespace manifolddb
