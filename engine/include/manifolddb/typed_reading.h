#pragma once
// The reading half of tables with types (typed.h): encodings, ranges, values, cursors, scans.

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "manifolddb/cursor.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/transaction.h"
#include "manifolddb/value_codec.h"

namespace manifolddb {

// How callers pass a T, and what is read: for strings and byte strings a view, for others a T.
template <KeyType K>
using KeyArgument = codec::Argument<KeyCodec<K>, K>;
template <KeyType K>
using KeyView = codec::View<KeyCodec<K>, K>;
template <KeyType K>
using OwnedKey = codec::Owned<KeyCodec<K>, K>;
template <ValueType V>
using ValueArgument = codec::Argument<ValueCodec<V>, V>;
template <ValueType V>
using ValueView = codec::View<ValueCodec<V>, V>;

namespace codec {

// The encoding of one key or value; the argument outlives it.
template <class Codec, class T>
class Encoding {
 public:
  explicit Encoding(const Argument<Codec, T>& value) {
    if constexpr (Verbatim<Codec, T>) {
      view_ = Codec::Bytes(value);
    } else {
      Codec::Encode(value, built_);
      view_ = built_.view();
    }
  }
  Encoding(const Encoding&) = delete;
  Encoding& operator=(const Encoding&) = delete;
  ByteView view() const { return view_; }

 private:
  EncodedBytes built_;
  ByteView view_;
};

// `what`: "key" or "value".
inline std::unexpected<Error> NoEncoding(const char* operation, const char* what, std::string_view table,
                                         std::string_view type, size_t bytes) {
  return Fail(Errc::kCorrupt, operation,
              {.message = "a " + std::string(what) + " of table '" + std::string(table) + "' is no '" +
                          std::string(type) + "': " + std::to_string(bytes) + " bytes"});
}

template <class Codec, class T>
Result<View<Codec, T>> DecodeStored(const char* what, std::string_view table, ByteView bytes) {
  std::optional<View<Codec, T>> view = Codec::Decode(bytes);
  if (!view) return NoEncoding("table.decode", what, table, Codec::kName, bytes.size());
  return std::move(*view);
}

}  // namespace codec

// The first bytes of an encoded K: what the keys of a range have in common. Made of the beginning of a text,
// or of the first parts of a tuple.
template <KeyType K>
class EncodedPrefix {
 public:
  explicit EncodedPrefix(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  // The bytes; as long as this.
  ByteView view() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// The keys that meet every condition that is given, as Range.
template <KeyType K>
struct TypedRange {
  std::optional<KeyArgument<K>> lower = std::nullopt;     // this key and those behind it
  std::optional<KeyArgument<K>> upper = std::nullopt;     // those before it
  std::optional<KeyArgument<K>> after = std::nullopt;     // those behind it
  std::optional<KeyArgument<K>> through = std::nullopt;   // this key and those before it
  std::optional<EncodedPrefix<K>> prefix = std::nullopt;  // those that begin with it: PrefixOf<K>
};

namespace codec {

// `K`: the type of the key; `Form`: K, or the tuple that it is encoded as.
template <class K, class Form = K>
struct Prefix;
// What is text or bytes: the keys that begin with `begin`.
template <class K>
requires Verbatim<KeyCodec<K>, K>
struct Prefix<K, K> {
  static EncodedPrefix<K> Of(const KeyArgument<K>& begin) {
    return EncodedPrefix<K>(KeyCodec<K>::Bytes(begin));
  }
};
template <class K, class... Parts>
struct Prefix<K, std::tuple<Parts...>> {
  static EncodedPrefix<K> Of(const auto&... first) {
    static_assert(sizeof...(first) <= sizeof...(Parts), "the key has fewer parts than are given");
    return [&]<size_t... Index>(std::index_sequence<Index...>) {
      EncodedBytes bytes;
      (AppendPart<std::tuple_element_t<Index, std::tuple<Parts...>>>(first, bytes), ...);
      return EncodedPrefix<K>(bytes.view());
    }
    (std::make_index_sequence<sizeof...(first)>());
  }
};
template <class T, size_t N>
struct Prefix<std::array<T, N>, std::array<T, N>> {
  static EncodedPrefix<std::array<T, N>> Of(const auto&... first) {
    static_assert(sizeof...(first) <= N, "the key has fewer elements than are given");
    EncodedBytes bytes;
    (AppendPart<T>(first, bytes), ...);
    return EncodedPrefix<std::array<T, N>>(bytes.view());
  }
};
template <class First, class Second>
struct Prefix<std::pair<First, Second>> : Prefix<std::pair<First, Second>, std::tuple<First, Second>> {};

}  // namespace codec

// The condition of the keys of type K that begin so: with the text or the bytes that are given, or, of a
// tuple or an array, with these first parts.
//
//   table.Entries({.prefix = PrefixOf<std::string>("user/")})
//   table.Entries({.prefix = PrefixOf<std::tuple<std::string, int64_t>>("roof")})
template <KeyType K>
EncodedPrefix<K> PrefixOf(const auto&... first) {
  return codec::Prefix<K>::Of(first...);
}

namespace codec {

// A range's conditions as bytes; the range outlives it.
template <KeyType K>
class RangeEncoding {
 public:
  explicit RangeEncoding(const TypedRange<K>& range) {
    if (range.lower) range_.lower = lower_.emplace(*range.lower).view();
    if (range.upper) range_.upper = upper_.emplace(*range.upper).view();
    if (range.after) range_.after = after_.emplace(*range.after).view();
    if (range.through) range_.through = through_.emplace(*range.through).view();
    if (range.prefix) range_.prefix = range.prefix->view();
  }
  RangeEncoding(const RangeEncoding&) = delete;
  RangeEncoding& operator=(const RangeEncoding&) = delete;
  const Range& range() const { return range_; }

 private:
  std::optional<Encoding<KeyCodec<K>, K>> lower_;
  std::optional<Encoding<KeyCodec<K>, K>> upper_;
  std::optional<Encoding<KeyCodec<K>, K>> after_;
  std::optional<Encoding<KeyCodec<K>, K>> through_;
  Range range_;
};

}  // namespace codec

// A value that was read. What a view refers to lives as long as this, also after the transaction has ended.
template <ValueType V>
class TypedValue {
 public:
  TypedValue(Value guard, ValueView<V> view) : guard_(std::move(guard)), view_(std::move(view)) {}
  const ValueView<V>& operator*() const { return view_; }
  const ValueView<V>* operator->() const { return &view_; }

 private:
  Value guard_;
  ValueView<V> view_;
};

namespace codec {

template <ValueType V>
Result<TypedValue<V>> Typed(std::string_view table, Result<Value> value) {
  if (!value) return std::unexpected(value.error());
  Result<ValueView<V>> view = DecodeStored<ValueCodec<V>, V>("value", table, value->bytes());
  if (!view) return std::unexpected(view.error());
  return TypedValue<V>(std::move(*value), std::move(*view));
}

}  // namespace codec

// An entry that was read, as KeptEntry. What the views refer to lives as long as this.
template <KeyType K, ValueType V>
class TypedKeptEntry {
 public:
  TypedKeptEntry(KeptEntry guard, KeyView<K> key, ValueView<V> value)
      : guard_(std::move(guard)), key_(std::move(key)), value_(std::move(value)) {}
  // What was stored, decoded.
  const KeyView<K>& key() const { return key_; }
  const ValueView<V>& value() const { return value_; }
  ByteView key_bytes() const { return guard_.key.bytes(); }  // as stored

 private:
  KeptEntry guard_;
  KeyView<K> key_;
  ValueView<V> value_;
};

namespace codec {

template <KeyType K, ValueType V>
Result<std::optional<TypedKeptEntry<K, V>>> TypedKept(std::string_view table,
                                                      Result<std::optional<KeptEntry>> entry) {
  if (!entry) return std::unexpected(entry.error());
  if (!*entry) return std::optional<TypedKeptEntry<K, V>>();
  Result<KeyView<K>> key = DecodeStored<KeyCodec<K>, K>("key", table, (*entry)->key.bytes());
  if (!key) return std::unexpected(key.error());
  Result<ValueView<V>> value = DecodeStored<ValueCodec<V>, V>("value", table, (*entry)->value.bytes());
  if (!value) return std::unexpected(value.error());
  return std::optional<TypedKeptEntry<K, V>>(std::in_place, std::move(**entry), std::move(*key),
                                             std::move(*value));
}

}  // namespace codec

// A Cursor over typed entries; all that cursor.h says of it holds.
template <KeyType K, ValueType V>
class TypedCursor {
 public:
  TypedCursor(Cursor cursor, std::string_view table) : cursor_(std::move(cursor)), table_(table) {}

  // As the functions of Cursor of the same names, with their errors and costs.
  Result<bool> First() { return cursor_.First(); }
  Result<bool> Last() { return cursor_.Last(); }
  Result<bool> Seek(const KeyArgument<K>& key) { return cursor_.Seek(Encoded(key).view()); }
  Result<bool> SeekForPrev(const KeyArgument<K>& key) { return cursor_.SeekForPrev(Encoded(key).view()); }
  Result<bool> Next() { return cursor_.Next(); }
  Result<bool> Prev() { return cursor_.Prev(); }

  // Whether it is at an entry.
  bool valid() const { return cursor_.valid(); }
  // REQUIRES: valid(). Views live until the cursor moves, its transaction writes, or it ends.
  Result<KeyView<K>> key() const { return codec::DecodeStored<KeyCodec<K>, K>("key", table_, cursor_.key()); }
  Result<ValueView<V>> value() {
    const Result<ByteView> bytes = cursor_.value();
    if (!bytes) return std::unexpected(bytes.error());
    return codec::DecodeStored<ValueCodec<V>, V>("value", table_, *bytes);
  }
  Result<TypedValue<V>> KeepValue() { return codec::Typed<V>(table_, cursor_.KeepValue()); }

  // As Cursor::Position and Cursor::Restore.
  Result<std::string> Position() const { return cursor_.Position(); }
  Result<bool> Restore(ByteView position) { return cursor_.Restore(position); }

 private:
  using Encoded = codec::Encoding<KeyCodec<K>, K>;

  Cursor cursor_;
  std::string_view table_;
};

// What a loop over a TypedEntries gets. Views live until its next step, or until its transaction writes.
template <KeyType K, ValueType V>
struct TypedEntry {
  KeyView<K> key;      // decoded, or a view of what is stored: as its codec has it
  ValueView<V> value;  // likewise
};

namespace codec {

// What scans read of an entry, as the readers of scan.h.
template <KeyType K, ValueType V>
struct TypedEntryReader {
  using Element = TypedEntry<K, V>;
  Result<Element> operator()(Cursor& cursor) const {
    Result<KeyView<K>> key = DecodeStored<KeyCodec<K>, K>("key", table, cursor.key());
    if (!key) return std::unexpected(key.error());
    const Result<ByteView> bytes = cursor.value();
    if (!bytes) return std::unexpected(bytes.error());
    Result<ValueView<V>> value = DecodeStored<ValueCodec<V>, V>("value", table, *bytes);
    if (!value) return std::unexpected(value.error());
    return Element{std::move(*key), std::move(*value)};
  }
  std::string_view table;
};
template <KeyType K>
struct TypedKeyReader {
  using Element = KeyView<K>;
  Result<Element> operator()(Cursor& cursor) const {
    return DecodeStored<KeyCodec<K>, K>("key", table, cursor.key());
  }
  std::string_view table;
};
template <ValueType V>
struct TypedValueReader {
  using Element = ValueView<V>;
  Result<Element> operator()(Cursor& cursor) const {
    const Result<ByteView> bytes = cursor.value();
    if (!bytes) return std::unexpected(bytes.error());
    return DecodeStored<ValueCodec<V>, V>("value", table, *bytes);
  }
  std::string_view table;
};

}  // namespace codec

// Loops over a range, each element a Result; scan.h has all of it.
template <KeyType K, ValueType V>
using TypedEntries = Scan<codec::TypedEntryReader<K, V>>;
template <KeyType K>
using TypedKeys = Scan<codec::TypedKeyReader<K>>;
template <ValueType V>
using TypedValues = Scan<codec::TypedValueReader<V>>;

namespace codec {

// Reading, the same of both kinds of tables: as the functions of the same names in transaction.h and
// table_reading.h. The definition's name outlives it.
template <class Table, KeyType K, ValueType V>
class TypedTable {
 public:
  TypedTable(Table table, std::string_view name) : table_(table), name_(name) {}

  // The value at `key`, or none.
  Result<std::optional<TypedValue<V>>> Get(const KeyArgument<K>& key) const {
    Result<std::optional<Value>> value = table_.Get(EncodedKey(key).view());
    if (!value) return std::unexpected(value.error());
    if (!*value) return std::optional<TypedValue<V>>();
    auto view = DecodeStored<ValueCodec<V>, V>("value", name_, (*value)->bytes());
    if (!view) return std::unexpected(view.error());
    return std::optional<TypedValue<V>>(std::in_place, std::move(**value), std::move(*view));
  }
  // `keys`: any forward range of what a key may be given as, a view that makes them too.
  template <class Range = std::initializer_list<KeyArgument<K>>>
  Result<std::vector<std::optional<TypedValue<V>>>> GetMany(Range&& keys) const {
    // Encodings may refer to the keys, and views refer to encodings: each stays where it is.
    using Reference = decltype(*std::begin(keys));
    std::deque<std::remove_cvref_t<Reference>> made;  // those that would not outlive their step
    std::deque<EncodedKey> encoded;
    std::vector<ByteView> views;
    for (auto&& key : keys) {
      if constexpr (std::is_lvalue_reference_v<Reference>) {
        views.push_back(encoded.emplace_back(key).view());
      } else {
        views.push_back(encoded.emplace_back(made.emplace_back(std::forward<Reference>(key))).view());
      }
    }
    Result<std::vector<std::optional<Value>>> found = table_.GetMany(views);
    if (!found) return std::unexpected(found.error());
    std::vector<std::optional<TypedValue<V>>> values(found->size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(*found)[i]) continue;
      Result<TypedValue<V>> value = Typed<V>(name_, std::move(*(*found)[i]));
      if (!value) return std::unexpected(value.error());
      values[i].emplace(std::move(*value));
    }
    return values;
  }
  Result<uint64_t> Length() const { return table_.Length(); }
  Result<TypedCursor<K, V>> NewCursor(const TypedRange<K>& range = {}) const {
    Result<Cursor> cursor = table_.NewCursor(RangeEncoding<K>(range).range());
    if (!cursor) return std::unexpected(cursor.error());
    return TypedCursor<K, V>(std::move(*cursor), name_);
  }
  Result<TypedEntries<K, V>> Entries(const TypedRange<K>& range = {},
                                     Direction direction = Direction::kAscending) const {
    return NewScan(range, direction, TypedEntryReader<K, V>{name_});
  }
  Result<TypedKeys<K>> Keys(const TypedRange<K>& range = {},
                            Direction direction = Direction::kAscending) const {
    return NewScan(range, direction, TypedKeyReader<K>{name_});
  }
  Result<TypedValues<V>> Values(const TypedRange<K>& range = {},
                                Direction direction = Direction::kAscending) const {
    return NewScan(range, direction, TypedValueReader<V>{name_});
  }

  Result<std::optional<TypedKeptEntry<K, V>>> First(const TypedRange<K>& range = {}) const {
    return Kept(table_.First(RangeEncoding<K>(range).range()));
  }
  Result<std::optional<TypedKeptEntry<K, V>>> Last(const TypedRange<K>& range = {}) const {
    return Kept(table_.Last(RangeEncoding<K>(range).range()));
  }
  Result<uint64_t> Count(const TypedRange<K>& range = {}) const {
    return table_.Count(RangeEncoding<K>(range).range());
  }
  // Keys that own what they refer to: std::string where a std::string_view is read.
  Result<std::vector<OwnedKey<K>>> SplitPoints(size_t pieces, const TypedRange<K>& range = {}) const {
    return Owned(table_.SplitPoints(pieces, RangeEncoding<K>(range).range()));
  }
  Result<std::vector<OwnedKey<K>>> SampleKeys(size_t count, uint64_t seed,
                                              const TypedRange<K>& range = {}) const {
    return Owned(table_.SampleKeys(count, seed, RangeEncoding<K>(range).range()));
  }

 protected:
  using EncodedKey = Encoding<KeyCodec<K>, K>;
  using EncodedValue = Encoding<ValueCodec<V>, V>;

  Result<std::vector<OwnedKey<K>>> Owned(const Result<std::vector<std::string>>& stored) const {
    if (!stored) return std::unexpected(stored.error());
    std::vector<OwnedKey<K>> keys;
    for (const std::string& bytes : *stored) {
      Result<KeyView<K>> key = DecodeStored<KeyCodec<K>, K>("key", name_, AsBytes(bytes));
      if (!key) return std::unexpected(key.error());
      keys.push_back(ToOwned<KeyCodec<K>, K>(std::move(*key)));
    }
    return keys;
  }
  template <class Reader>
  Result<Scan<Reader>> NewScan(const TypedRange<K>& range, Direction direction, Reader reader) const {
    Result<Cursor> cursor = table_.NewCursor(RangeEncoding<K>(range).range());
    if (!cursor) return std::unexpected(cursor.error());
    return Scan<Reader>(std::move(*cursor), direction, reader);
  }
  Result<std::optional<TypedKeptEntry<K, V>>> Kept(Result<std::optional<KeptEntry>> entry) const {
    return TypedKept<K, V>(name_, std::move(entry));
  }

  Table table_;
  std::string_view name_;
};

}  // namespace codec

// A ReadTable of types: a plain value; must not outlive the transaction.
template <KeyType K, ValueType V>
class TypedReadTable : public codec::TypedTable<ReadTable, K, V> {
 public:
  using codec::TypedTable<ReadTable, K, V>::TypedTable;

  // As ReadTable::ParallelScan. `scan`: Status(size_t piece, TypedEntries<K, V>& entries), called on several
  // threads at once.
  template <class Function>
  Status ParallelScan(Executor& executor, size_t pieces, const TypedRange<K>& range,
                      const Function& scan) const {
    return this->table_.ParallelCursors(executor, pieces, codec::RangeEncoding<K>(range).range(),
                                        [&](size_t piece, Cursor& cursor) -> Status {
                                          TypedEntries<K, V> entries(std::move(cursor), Direction::kAscending,
                                                                     {this->name_});
                                          return scan(piece, entries);
                                        });
  }
};

}  // namespace manifolddb
