#pragma once
// Tables with types. A TableDefinition names a table and says once what it holds; what it opens takes and
// gives keys and values of those types. The names of the types are stored with the table when it is created,
// so opening it as something else is an error (kTypeMismatch) that names both.
//
//   inline constexpr TableDefinition<uint64_t, std::string> kUsers("users");
//
//   auto users = kUsers.OpenOrCreate(*txn, family);
//   auto put = users->Put(7, "Ada");
//
// Which types there are, and how to add others: key_codec.h, value_codec.h. Threads, lifetimes and errors are
// as transaction.h and cursor.h say of the tables and cursors within; and stored bytes that are no encoding
// of the type are kCorrupt, with the names of the table and the type.

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

// Keys from `lower` (inclusive) to `upper` (exclusive); absent: no bound.
template <KeyType K>
struct TypedRange {
  std::optional<KeyArgument<K>> lower = std::nullopt;
  std::optional<KeyArgument<K>> upper = std::nullopt;
};

namespace codec {

// A range's bounds as bytes; the range outlives it.
template <KeyType K>
class RangeEncoding {
 public:
  explicit RangeEncoding(const TypedRange<K>& range) {
    if (range.lower) range_.lower = lower_.emplace(*range.lower).view();
    if (range.upper) range_.upper = upper_.emplace(*range.upper).view();
  }
  RangeEncoding(const RangeEncoding&) = delete;
  RangeEncoding& operator=(const RangeEncoding&) = delete;
  const Range& range() const { return range_; }

 private:
  std::optional<Encoding<KeyCodec<K>, K>> lower_;
  std::optional<Encoding<KeyCodec<K>, K>> upper_;
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

// A Cursor over typed entries; all that cursor.h says of it holds.
template <KeyType K, ValueType V>
class TypedCursor {
 public:
  TypedCursor(Cursor cursor, std::string_view table) : cursor_(std::move(cursor)), table_(table) {}

  Result<bool> First() { return cursor_.First(); }
  Result<bool> Last() { return cursor_.Last(); }
  Result<bool> Seek(const KeyArgument<K>& key) { return cursor_.Seek(Encoded(key).view()); }
  Result<bool> SeekForPrev(const KeyArgument<K>& key) { return cursor_.SeekForPrev(Encoded(key).view()); }
  Result<bool> Next() { return cursor_.Next(); }
  Result<bool> Prev() { return cursor_.Prev(); }

  bool valid() const { return cursor_.valid(); }
  // REQUIRES: valid(). Views live until the cursor moves, its transaction writes, or it ends.
  Result<KeyView<K>> key() const { return codec::DecodeStored<KeyCodec<K>, K>("key", table_, cursor_.key()); }
  Result<ValueView<V>> value() {
    const Result<ByteView> bytes = cursor_.value();
    if (!bytes) return std::unexpected(bytes.error());
    return codec::DecodeStored<ValueCodec<V>, V>("value", table_, *bytes);
  }

 private:
  using Encoded = codec::Encoding<KeyCodec<K>, K>;

  Cursor cursor_;
  std::string_view table_;
};

// What a loop over a TypedEntries gets. Views live until its next step.
template <KeyType K, ValueType V>
struct TypedEntry {
  KeyView<K> key;
  ValueView<V> value;
};

// The entries of a range in ascending order, once: `for (const auto& entry : *entries)`, where each `entry`
// is a Result, and an error is the last one.
template <KeyType K, ValueType V>
class TypedEntries {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Result<TypedEntry<K, V>>;

    explicit Iterator(TypedEntries* entries) : entries_(entries) {}
    const value_type& operator*() const { return *entries_->current_; }
    Iterator& operator++() {
      entries_->Step(false);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !entries_->current_.has_value(); }

   private:
    TypedEntries* entries_;
  };

  explicit TypedEntries(TypedCursor<K, V> cursor) : cursor_(std::move(cursor)) {}
  // From the first entry on.
  Iterator begin() {
    Step(true);
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  void Step(bool first) {
    const bool failed = !first && current_.has_value() && !current_->has_value();
    current_.reset();
    if (failed) return;
    const Result<bool> more = first ? cursor_.First() : cursor_.Next();
    if (!more) {
      current_.emplace(std::unexpected(more.error()));
    } else if (*more) {
      current_.emplace(Read());
    }
  }
  Result<TypedEntry<K, V>> Read() {
    Result<KeyView<K>> key = cursor_.key();
    if (!key) return std::unexpected(key.error());
    Result<ValueView<V>> value = cursor_.value();
    if (!value) return std::unexpected(value.error());
    return TypedEntry<K, V>{std::move(*key), std::move(*value)};
  }

  TypedCursor<K, V> cursor_;
  std::optional<Result<TypedEntry<K, V>>> current_;
};

namespace codec {

// Reading, the same of both kinds of tables. The definition's name outlives it.
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
  Result<uint64_t> Length() const { return table_.Length(); }
  Result<TypedCursor<K, V>> NewCursor(const TypedRange<K>& range = {}) const {
    Result<Cursor> cursor = table_.NewCursor(RangeEncoding<K>(range).range());
    if (!cursor) return std::unexpected(cursor.error());
    return TypedCursor<K, V>(std::move(*cursor), name_);
  }
  Result<TypedEntries<K, V>> Entries(const TypedRange<K>& range = {}) const {
    Result<TypedCursor<K, V>> cursor = NewCursor(range);
    if (!cursor) return std::unexpected(cursor.error());
    return TypedEntries<K, V>(std::move(*cursor));
  }

 protected:
  using EncodedKey = Encoding<KeyCodec<K>, K>;
  using EncodedValue = Encoding<ValueCodec<V>, V>;

  Table table_;
  std::string_view name_;
};

}  // namespace codec

// A ReadTable of types: a plain value; must not outlive the transaction.
template <KeyType K, ValueType V>
class TypedReadTable : public codec::TypedTable<ReadTable, K, V> {
 public:
  using codec::TypedTable<ReadTable, K, V>::TypedTable;
};

// A WriteTable of types: a plain value; must not outlive the transaction.
template <KeyType K, ValueType V>
class TypedWriteTable : public codec::TypedTable<WriteTable, K, V> {
  using Base = codec::TypedTable<WriteTable, K, V>;
  using typename Base::EncodedKey;
  using typename Base::EncodedValue;

 public:
  using Base::Base;

  Status Put(const KeyArgument<K>& key, const ValueArgument<V>& value) {
    return this->table_.Put(EncodedKey(key).view(), EncodedValue(value).view());
  }
  // True if there was an entry.
  Result<bool> Delete(const KeyArgument<K>& key) { return this->table_.Delete(EncodedKey(key).view()); }
  // Number of entries that were there. Visits each of them.
  Result<uint64_t> DeleteRange(const TypedRange<K>& range) {
    return this->table_.DeleteRange(codec::RangeEncoding<K>(range).range());
  }
};

// Names a table and its types. The name must live as long as tables opened by this: best a literal.
template <class K, class V>
class TableDefinition {
  static_assert(KeyType<K>,
                "K cannot be a key: specialise manifolddb::KeyCodec<K> with kName, Encode and Decode "
                "(manifolddb/key_codec.h), before its first use");
  static_assert(ValueType<V>,
                "V cannot be a value: specialise manifolddb::ValueCodec<V> with kName, Encode and Decode, or "
                "manifolddb::RawLayout<V> (manifolddb/value_codec.h), before its first use");

 public:
  constexpr explicit TableDefinition(std::string_view name) : name_(name) {}

  constexpr std::string_view name() const { return name_; }
  static constexpr TableTypes types() { return {.key = KeyCodec<K>::kName, .value = ValueCodec<V>::kName}; }

  // As the functions of the transaction of the same names, whose errors these give.
  Result<TypedReadTable<K, V>> Open(ReadTransaction& transaction, ColumnFamily family) const {
    return Typed<TypedReadTable<K, V>>(transaction.OpenTable(family, name_, types()));
  }
  Result<TypedWriteTable<K, V>> Open(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<TypedWriteTable<K, V>>(transaction.OpenTable(family, name_, types()));
  }
  Result<TypedWriteTable<K, V>> Create(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<TypedWriteTable<K, V>>(transaction.CreateTable(family, name_, types()));
  }
  Result<TypedWriteTable<K, V>> OpenOrCreate(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<TypedWriteTable<K, V>>(transaction.OpenOrCreateTable(family, name_, types()));
  }

 private:
  template <class Table, class Untyped>
  Result<Table> Typed(Result<Untyped> table) const {
    if (!table) return std::unexpected(table.error());
    return Table(*table, name_);
  }

  std::string_view name_;
};

}  // namespace manifolddb
