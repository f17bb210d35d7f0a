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

#include <string_view>
#include <utility>

#include "manifolddb/bulk_load.h"
#include "manifolddb/transaction.h"
#include "manifolddb/typed_reading.h"
#include "manifolddb/typed_writing.h"

namespace manifolddb {

// Names a table and its types. The name must live as long as tables opened by this: best a literal.
template <class K, class V>
class TableDefinition {
  static_assert(KeyType<K>,
                "K cannot be a key: specialise manifolddb::KeyCodec<K> with kName, Encode and Decode "
                "(manifolddb/key_codec.h), before its first use");
  static_assert(ValueType<V>,
                "V cannot be a value: specialise manifolddb::ValueCodec<V> with kName, Encode and Decode, or "
                "manifolddb::Serializer<V>, or manifolddb::RawLayout<V> (manifolddb/value_codec.h), before "
                "its first use");

 public:
  constexpr explicit TableDefinition(std::string_view name) : name_(name) {}

  // The name that it was made with, and the types' names, as they are stored with the table.
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
  // For Database::BulkLoad of this table: TypedSource. Load it with BulkLoadOptions::types of types().
  template <class Function>
  static EntrySource Source(Function next) {
    return TypedSource<K, V>(std::move(next));
  }
  // As WriteBatch::In.
  TypedBatchTable<K, V> In(WriteBatch& batch, ColumnFamily family) const {
    return TypedBatchTable<K, V>(batch, batch.In(family, name_, types()));
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
