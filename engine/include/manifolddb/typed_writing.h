#pragma once
// The writing half of tables with types (typed.h).

#include <cstdint>
#include <optional>

#include "manifolddb/transaction.h"
#include "manifolddb/typed_reading.h"

namespace manifolddb {

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
  // As those of WriteTable. An entry that is no such type is told, and stays.
  Result<std::optional<TypedKeptEntry<K, V>>> PopFirst(const TypedRange<K>& range = {}) {
    return Taken(this->First(range));
  }
  Result<std::optional<TypedKeptEntry<K, V>>> PopLast(const TypedRange<K>& range = {}) {
    return Taken(this->Last(range));
  }

 private:
  Result<std::optional<TypedKeptEntry<K, V>>> Taken(Result<std::optional<TypedKeptEntry<K, V>>> entry) {
    if (!entry || !*entry) return entry;
    const Result<bool> gone = this->table_.Delete((*entry)->key_bytes());
    if (!gone) return std::unexpected(gone.error());
    return entry;
  }
};

}  // namespace manifolddb
