#pragma once
// Tables with types that hold many values for one key: each key has a set of values, in their order.
//
//   inline constexpr MultimapTableDefinition<std::string, uint64_t> kTags("tags");
//
//   auto tags = kTags.OpenOrCreate(*txn, family);
//   auto added = tags->Insert("red", 7);         // false: it is there already
//   auto red = tags->Get("red");                 // a loop over the values of "red"
//
// An entry is a pair of a key and a value, and is stored as the key of an entry of an ordinary table: the
// key as a part of a tuple (key_codec.h), then the value as it is. So pairs are in the order of keys, those
// of one key in the order of values; no pair is there twice; each is found in O(log n), n pairs; and values
// have what keys have: a KeyCodec, and together with the key at most Database::key_bytes_max() bytes as
// encoded, else kKeyTooLong. The types are stored as 'multimap<K, V>' and 'tuple<>', so opening one as an
// ordinary table, or the other way round, is kTypeMismatch with both names.
//
// Errors, threads, lifetimes and costs are, where nothing is said, those of the functions of the same names
// in typed.h.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "manifolddb/bulk_load.h"
#include "manifolddb/multimap_codec.h"
#include "manifolddb/transaction.h"
#include "manifolddb/typed_reading.h"
#include "manifolddb/write_batch.h"

namespace manifolddb {

// What a loop over all pairs of a range gets. The value may be a view, which lives until the next step, or
// until the transaction writes; the key is its own, since within a pair it is stored escaped.
template <KeyType K, KeyType V>
struct MultimapEntry {
  OwnedKey<K> key;   // of the pair
  KeyView<V> value;  // of the pair
};

namespace codec {

// What scans read of a pair, as the readers of scan.h.
template <KeyType K, KeyType V>
struct MultimapEntryReader {
  using Element = MultimapEntry<K, V>;
  Result<Element> operator()(Cursor& cursor) const { return MultimapPair<K, V>::Read(table, cursor.key()); }
  std::string_view table;
};
// The value alone, of pairs that all have the same key, which takes so many bytes.
template <KeyType V>
struct MultimapValueReader {
  using Element = KeyView<V>;
  Result<Element> operator()(Cursor& cursor) const {
    return DecodeStored<KeyCodec<V>, V>("value", table, cursor.key().subspan(key_bytes));
  }
  std::string_view table;
  size_t key_bytes;
};
// Each key once: a step goes to the next one, past the other values of this one.
template <KeyType K, KeyType V>
struct MultimapKeyReader {
  using Element = OwnedKey<K>;
  Result<Element> operator()(Cursor& cursor) const {
    return MultimapPair<K, V>::ReadKey(table, cursor.key());
  }
  Result<bool> Move(Cursor& cursor, Direction direction) const {
    return direction == Direction::kAscending ? MultimapPair<K, V>::NextKey(table, cursor)
                                              : MultimapPair<K, V>::PrevKey(table, cursor);
  }
  std::string_view table;
};

}  // namespace codec

// Loops, each element a Result; scan.h has all of it. A position of one is a pair, and may be taken by the
// others of the same table.
template <KeyType K, KeyType V>
using MultimapEntries = Scan<codec::MultimapEntryReader<K, V>>;
template <KeyType V>
using MultimapValues = Scan<codec::MultimapValueReader<V>>;
template <KeyType K, KeyType V>
using MultimapKeys = Scan<codec::MultimapKeyReader<K, V>>;

// A cursor over pairs; all that cursor.h says of a Cursor holds.
template <KeyType K, KeyType V>
class MultimapCursor {
 public:
  MultimapCursor(Cursor cursor, std::string_view table) : cursor_(std::move(cursor)), table_(table) {}

  // To the least pair.
  Result<bool> First() { return cursor_.First(); }
  // To the greatest pair.
  Result<bool> Last() { return cursor_.Last(); }
  // To the least value of the first key at or after `key`; to the greatest one of the last key at or before.
  Result<bool> Seek(const KeyArgument<K>& key) { return cursor_.Seek(Group(key).view()); }
  Result<bool> SeekForPrev(const KeyArgument<K>& key) { return Pair::ToLastOf(cursor_, Group(key).view()); }
  // To the first pair at or after this one; to the last one at or before.
  Result<bool> Seek(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    return cursor_.Seek(Encoded(key, value).view());
  }
  Result<bool> SeekForPrev(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    return cursor_.SeekForPrev(Encoded(key, value).view());
  }
  Result<bool> Next() { return cursor_.Next(); }
  Result<bool> Prev() { return cursor_.Prev(); }
  // Past the other values of this key: to the least value of the next key; to the greatest one of the key
  // before. O(log n). From beyond an end as Next and Prev.
  Result<bool> NextKey() { return Pair::NextKey(table_, cursor_); }
  Result<bool> PrevKey() { return Pair::PrevKey(table_, cursor_); }

  // Whether it is on a pair.
  bool valid() const { return cursor_.valid(); }
  // REQUIRES: valid(). A view lives until the cursor moves, its transaction writes, or it ends.
  Result<OwnedKey<K>> key() const { return Pair::ReadKey(table_, cursor_.key()); }
  Result<KeyView<V>> value() const { return Pair::ReadValue(table_, cursor_.key()); }

  // The place of the pair as bytes, as Cursor::Position.
  Result<std::string> Position() const { return cursor_.Position(); }
  // Takes such a place, as Cursor::Restore.
  Result<bool> Restore(ByteView position) { return cursor_.Restore(position); }

 private:
  using Pair = codec::MultimapPair<K, V>;
  using Group = codec::MultimapGroup<K>;
  using Encoded = codec::EncodedPair<K, V>;

  Cursor cursor_;
  std::string_view table_;
};

namespace codec {

// Reading, the same of both kinds of transactions. The definition's name outlives it.
template <class Table, KeyType K, KeyType V>
class MultimapReading {
 public:
  MultimapReading(Table table, std::string_view name) : table_(table), name_(name) {}

  // Whether the pair is there. O(log n).
  Result<bool> Contains(const KeyArgument<K>& key, const KeyArgument<V>& value) const {
    const Result<std::optional<Value>> found = table_.Get(EncodedPair<K, V>(key, value).view());
    if (!found) return std::unexpected(found.error());
    return found->has_value();
  }
  // The values of `key`, those of a range of them, in their order or the other way round.
  Result<MultimapValues<V>> Get(const KeyArgument<K>& key, const TypedRange<V>& range = {},
                                Direction direction = Direction::kAscending) const {
    const ValuesOfKey<K, V> values(key, range);
    Result<Cursor> cursor = table_.NewCursor(values.range());
    if (!cursor) return std::unexpected(cursor.error());
    return MultimapValues<V>(std::move(*cursor), direction, {name_, values.key_bytes()});
  }
  // How many values `key` has, those of a range of them. As ReadTable::Count: O(log n), and more only if they
  // fill leaf pages.
  Result<uint64_t> CountOf(const KeyArgument<K>& key, const TypedRange<V>& range = {}) const {
    return table_.Count(ValuesOfKey<K, V>(key, range).range());
  }

  // How many pairs there are. O(1).
  Result<uint64_t> Length() const { return table_.Length(); }
  // Of these keys. As ReadTable::Count.
  Result<uint64_t> Count(const TypedRange<K>& range = {}) const {
    return table_.Count(KeysInRange<K>(range).range());
  }
  // All pairs of these keys.
  Result<MultimapEntries<K, V>> Entries(const TypedRange<K>& range = {},
                                        Direction direction = Direction::kAscending) const {
    return NewScan<MultimapEntries<K, V>>(range, direction);
  }
  // Each key once. A key with several values costs O(log n), not a step for each of them.
  Result<MultimapKeys<K, V>> Keys(const TypedRange<K>& range = {},
                                  Direction direction = Direction::kAscending) const {
    return NewScan<MultimapKeys<K, V>>(range, direction);
  }
  Result<MultimapCursor<K, V>> NewCursor(const TypedRange<K>& range = {}) const {
    Result<Cursor> cursor = table_.NewCursor(KeysInRange<K>(range).range());
    if (!cursor) return std::unexpected(cursor.error());
    return MultimapCursor<K, V>(std::move(*cursor), name_);
  }

 protected:
  template <class Wanted>
  Result<Wanted> NewScan(const TypedRange<K>& range, Direction direction) const {
    Result<Cursor> cursor = table_.NewCursor(KeysInRange<K>(range).range());
    if (!cursor) return std::unexpected(cursor.error());
    return Wanted(std::move(*cursor), direction, {name_});
  }

  Table table_;
  std::string_view name_;
};

}  // namespace codec

// As one read transaction sees it. A plain value; must not outlive the transaction.
template <KeyType K, KeyType V>
class MultimapReadTable : public codec::MultimapReading<ReadTable, K, V> {
 public:
  using codec::MultimapReading<ReadTable, K, V>::MultimapReading;

  // As ReadTable::ParallelScan; the values of one key may be in several pieces. `scan`: Status(size_t piece,
  // MultimapEntries<K, V>& entries), called on several threads at once.
  template <class Function>
  Status ParallelScan(Executor& executor, size_t pieces, const TypedRange<K>& range,
                      const Function& scan) const {
    return this->table_.ParallelCursors(
        executor, pieces, codec::KeysInRange<K>(range).range(), [&](size_t piece, Cursor& cursor) -> Status {
          MultimapEntries<K, V> entries(std::move(cursor), Direction::kAscending, {this->name_});
          return scan(piece, entries);
        });
  }
};

// As one write transaction sees and changes it. A plain value; must not outlive the transaction.
template <KeyType K, KeyType V>
class MultimapWriteTable : public codec::MultimapReading<WriteTable, K, V> {
 public:
  using codec::MultimapReading<WriteTable, K, V>::MultimapReading;

  // True: it was not there. False: it was, and nothing was changed. Errors: as Get and Put of a WriteTable.
  Result<bool> Insert(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    const Result<GotOrInserted> got = this->table_.GetOrInsert(Encoded(key, value).view(), {});
    if (!got) return std::unexpected(got.error());
    return got->inserted;
  }
  // True if it was there.
  Result<bool> Remove(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    return this->table_.Delete(Encoded(key, value).view());
  }
  // All values of `key`, or those of a range of them: how many there were.
  Result<uint64_t> RemoveAll(const KeyArgument<K>& key, const TypedRange<V>& range = {}) {
    return this->table_.DeleteRange(codec::ValuesOfKey<K, V>(key, range).range());
  }
  // All values of these keys: how many there were.
  Result<uint64_t> RemoveRange(const TypedRange<K>& range) {
    return this->table_.DeleteRange(codec::KeysInRange<K>(range).range());
  }
  // Removes the pairs of these keys that `keep` refuses; how many. `keep`: bool(const MultimapEntry<K, V>&),
  // or a Result of it.
  template <class Function>
  Result<uint64_t> Retain(const TypedRange<K>& range, Function&& keep) {
    return this->table_.Retain(codec::KeysInRange<K>(range).range(), [&](const Entry& entry) -> Result<bool> {
      const auto pair = codec::MultimapPair<K, V>::Read(this->name_, entry.key);
      if (!pair) return std::unexpected(pair.error());
      return keep(*pair);
    });
  }

 private:
  using Encoded = codec::EncodedPair<K, V>;
};

// Of a WriteBatch: a plain value; must not outlive the batch.
template <KeyType K, KeyType V>
class MultimapBatchTable {
 public:
  MultimapBatchTable(WriteBatch& batch, WriteBatch::Table table) : batch_(&batch), table_(table) {}

  // Puts the pair; one that is there stays. Errors: as WriteBatch::Put.
  Status Insert(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    return batch_->Put(table_, codec::EncodedPair<K, V>(key, value).view(), {});
  }
  // Deletes the pair, if it is there. Errors: as WriteBatch::Delete.
  Status Remove(const KeyArgument<K>& key, const KeyArgument<V>& value) {
    return batch_->Delete(table_, codec::EncodedPair<K, V>(key, value).view());
  }

 private:
  WriteBatch* batch_;
  WriteBatch::Table table_;
};

// Names such a table and its types. The name must live as long as tables opened by this: best a literal.
template <class K, class V>
class MultimapTableDefinition {
  static_assert(KeyType<K>,
                "K cannot be a key: specialise manifolddb::KeyCodec<K> with kName, Encode and Decode "
                "(manifolddb/key_codec.h), before its first use");
  static_assert(KeyType<V>,
                "V cannot be a value of a multimap, which has them in order: specialise "
                "manifolddb::KeyCodec<V> with kName, Encode and Decode (manifolddb/key_codec.h), before its "
                "first use");

 public:
  constexpr explicit MultimapTableDefinition(std::string_view name) : name_(name) {}

  // The table's.
  constexpr std::string_view name() const { return name_; }
  // The names that are stored with the table.
  static constexpr TableTypes types() {
    return {.key = codec::MultimapPair<K, V>::kName, .value = KeyCodec<std::tuple<>>::kName};
  }

  // As the functions of the transaction of the same names, whose errors these give.
  Result<MultimapReadTable<K, V>> Open(ReadTransaction& transaction, ColumnFamily family) const {
    return Typed<MultimapReadTable<K, V>>(transaction.OpenTable(family, name_, types()));
  }
  Result<MultimapWriteTable<K, V>> Open(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<MultimapWriteTable<K, V>>(transaction.OpenTable(family, name_, types()));
  }
  Result<MultimapWriteTable<K, V>> Create(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<MultimapWriteTable<K, V>>(transaction.CreateTable(family, name_, types()));
  }
  Result<MultimapWriteTable<K, V>> OpenOrCreate(WriteTransaction& transaction, ColumnFamily family) const {
    return Typed<MultimapWriteTable<K, V>>(transaction.OpenOrCreateTable(family, name_, types()));
  }
  // For Database::BulkLoad of this table, with BulkLoadOptions::types of types(); sorted if pairs come in
  // their order, each once. `next`: std::optional<std::pair<K, V>>(), or a Result of it. Kept as long as the
  // source.
  template <class Function>
  static EntrySource Source(Function next) {
    struct Taken {
      explicit Taken(Function function) : next(std::move(function)) {}
      Function next;
      std::optional<codec::EncodedPair<K, V>> encoded;
    };
    auto taken = std::make_shared<Taken>(std::move(next));  // shared: whoever keeps the source may copy it
    return [taken]() -> Result<std::optional<Entry>> {
      const Result<std::optional<std::pair<K, V>>> pair = taken->next();
      if (!pair) return std::unexpected(pair.error());
      if (!*pair) return std::optional<Entry>();
      return std::optional<Entry>(Entry{taken->encoded.emplace((*pair)->first, (*pair)->second).view(), {}});
    };
  }
  // As WriteBatch::In.
  MultimapBatchTable<K, V> In(WriteBatch& batch, ColumnFamily family) const {
    return MultimapBatchTable<K, V>(batch, batch.In(family, name_, types()));
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
