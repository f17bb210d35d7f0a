#pragma once
// The writing half of tables with types (typed.h).

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "manifolddb/bulk_load.h"
#include "manifolddb/transaction.h"
#include "manifolddb/typed_reading.h"
#include "manifolddb/write_batch.h"

namespace manifolddb {

// As GotOrInserted.
template <ValueType V>
struct TypedGotOrInserted {
  TypedValue<V> value;    // that is there now
  bool inserted = false;  // by this call
};

namespace codec {

template <class V>
concept Counter = std::integral<V> && !std::same_as<V, bool>;

// Numbers as texts of either sign.
template <Counter V>
std::unexpected<Error> CounterOverflow(std::string_view table, V now, std::integral auto delta) {
  return Fail(
      Errc::kLimit, "table.add",
      {.message = "a counter of table '" + std::string(table) + "' stays " + std::to_string(now) + ": with " +
                  std::to_string(delta) + " more it is no '" + std::string(ValueCodec<V>::kName) + "'"});
}

template <KeyType K, ValueType V>
Result<TypedEntry<K, V>> TypedEntryOf(std::string_view table, const Entry& entry) {
  Result<KeyView<K>> key = DecodeStored<KeyCodec<K>, K>("key", table, entry.key);
  if (!key) return std::unexpected(key.error());
  Result<ValueView<V>> value = DecodeStored<ValueCodec<V>, V>("value", table, entry.value);
  if (!value) return std::unexpected(value.error());
  return TypedEntry<K, V>{std::move(*key), std::move(*value)};
}

}  // namespace codec

// As Extraction.
template <KeyType K, ValueType V>
class TypedExtraction {
 public:
  TypedExtraction(Extraction entries, std::string_view table) : entries_(std::move(entries)), table_(table) {}
  // As Extraction::Next; kCorrupt also if what is stored is none of the type.
  Result<std::optional<TypedKeptEntry<K, V>>> Next() {
    return codec::TypedKept<K, V>(table_, entries_.Next());
  }

 private:
  Extraction entries_;
  std::string_view table_;
};

// A WriteTable of types: a plain value; must not outlive the transaction.
template <KeyType K, ValueType V>
class TypedWriteTable : public codec::TypedTable<WriteTable, K, V> {
  using Base = codec::TypedTable<WriteTable, K, V>;
  using typename Base::EncodedKey;
  using typename Base::EncodedValue;

 public:
  using Base::Base;

  // As WriteTable::Put.
  Status Put(const KeyArgument<K>& key, const ValueArgument<V>& value) {
    return this->table_.Put(EncodedKey(key).view(), EncodedValue(value).view());
  }
  // Of values that are stored as they are: strings and byte strings. As WriteTable::PutReserve.
  Status PutReserve(
      const KeyArgument<K>& key, uint64_t bytes,
      const std::function<Status(MutableByteView value)>& fill) requires codec::Verbatim<ValueCodec<V>, V> {
    return this->table_.PutReserve(EncodedKey(key).view(), bytes, fill);
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

  // The rest as the functions of WriteTable of the same names, but that functions which a call is given may
  // return what they make as it is, or a Result of it.
  Result<TypedGotOrInserted<V>> GetOrInsert(const KeyArgument<K>& key, const ValueArgument<V>& value) {
    return Got(this->table_.GetOrInsert(EncodedKey(key).view(), EncodedValue(value).view()));
  }
  // `make`: V(); or T() for a Stored<T>.
  template <class Function>
  Result<TypedGotOrInserted<V>> GetOrInsertWith(const KeyArgument<K>& key, Function&& make) {
    return Got(this->table_.GetOrInsertWith(EncodedKey(key).view(), [&]() -> Result<std::string> {
      const Result<codec::MadeValue<V>> made = make();
      if (!made) return std::unexpected(made.error());
      return std::string(AsText(EncodedValue(*made).view()));
    }));
  }
  // `change`: std::optional<V>(std::optional<ValueView<V>> now); or std::optional<T> for a Stored<T>.
  template <class Function>
  Status Update(const KeyArgument<K>& key, Function&& change) {
    using Bytes = std::optional<std::string>;
    return this->table_.Update(EncodedKey(key).view(), [&](std::optional<ByteView> now) -> Result<Bytes> {
      std::optional<ValueView<V>> view;
      if (now) {
        Result<ValueView<V>> decoded = codec::DecodeStored<ValueCodec<V>, V>("value", this->name_, *now);
        if (!decoded) return std::unexpected(decoded.error());
        view.emplace(std::move(*decoded));
      }
      const Result<std::optional<codec::MadeValue<V>>> changed = change(std::move(view));
      if (!changed) return std::unexpected(changed.error());
      if (!*changed) return Bytes();
      return Bytes(std::in_place, AsText(EncodedValue(**changed).view()));
    });
  }
  // Compares encodings.
  Result<bool> CompareAndSwap(const KeyArgument<K>& key, const std::optional<ValueArgument<V>>& expected,
                              const std::optional<ValueArgument<V>>& desired) {
    std::optional<EncodedValue> encoded_expected;
    std::optional<EncodedValue> encoded_desired;
    if (expected) encoded_expected.emplace(*expected);
    if (desired) encoded_desired.emplace(*desired);
    const auto view = [](const std::optional<EncodedValue>& value) {
      return value ? std::optional(value->view()) : std::nullopt;
    };
    return this->table_.CompareAndSwap(EncodedKey(key).view(), view(encoded_expected), view(encoded_desired));
  }
  // Adds `delta`, which may be less than 0 also where V has no sign, to a value that is a number; 0 if there
  // is none. Its value now. kLimit, and nothing changed: the sum is no V.
  template <std::integral Delta>
  Result<V> Add(const KeyArgument<K>& key, Delta delta) requires codec::Counter<V> {
    const auto found = this->Get(key);
    if (!found) return std::unexpected(found.error());
    const V now = *found ? ***found : V{0};
    V sum = 0;
    if (__builtin_add_overflow(now, delta, &sum)) return codec::CounterOverflow(this->name_, now, delta);
    if (Status put = Put(key, sum); !put) return std::unexpected(put.error());
    return sum;
  }
  // `keep`: bool(const TypedEntry<K, V>&).
  template <class Function>
  Result<uint64_t> Retain(const TypedRange<K>& range, Function&& keep) {
    return this->table_.Retain(codec::RangeEncoding<K>(range).range(), Decoding(std::ref(keep)));
  }
  // `take`: bool(const TypedEntry<K, V>&); is kept as long as the extraction.
  template <class Function>
  Result<TypedExtraction<K, V>> ExtractIf(const TypedRange<K>& range, Function take) {
    Result<Extraction> entries =
        this->table_.ExtractIf(codec::RangeEncoding<K>(range).range(), Decoding(std::move(take)));
    if (!entries) return std::unexpected(entries.error());
    return TypedExtraction<K, V>(std::move(*entries), this->name_);
  }

 private:
  Result<TypedGotOrInserted<V>> Got(Result<GotOrInserted> got) const {
    if (!got) return std::unexpected(got.error());
    Result<TypedValue<V>> value = codec::Typed<V>(this->name_, std::move(got->value));
    if (!value) return std::unexpected(value.error());
    return TypedGotOrInserted<V>{std::move(*value), got->inserted};
  }
  // `ask` about entries as types, for those who have them as bytes.
  template <class Function>
  auto Decoding(Function ask) const {
    return [ask = std::move(ask), table = this->name_](const Entry& entry) mutable -> Result<bool> {
      const Result<TypedEntry<K, V>> typed = codec::TypedEntryOf<K, V>(table, entry);
      if (!typed) return std::unexpected(typed.error());
      return ask(*typed);
    };
  }
  Result<std::optional<TypedKeptEntry<K, V>>> Taken(Result<std::optional<TypedKeptEntry<K, V>>> entry) {
    if (!entry || !*entry) return entry;
    const Result<bool> gone = this->table_.Delete((*entry)->key_bytes());
    if (!gone) return std::unexpected(gone.error());
    return entry;
  }
};

// For Database::BulkLoad, with types. `next`: std::optional<std::pair<K, V>>(), or a Result of it. Kept as
// long as the source.
template <KeyType K, ValueType V, class Function>
EntrySource TypedSource(Function next) {
  struct Taken {
    explicit Taken(Function function) : next(std::move(function)) {}
    Function next;
    std::optional<std::pair<K, V>> pair;  // what the encodings may refer to
    std::optional<codec::Encoding<KeyCodec<K>, K>> key;
    std::optional<codec::Encoding<ValueCodec<V>, V>> value;
  };
  // Shared: whoever keeps the source may copy it.
  auto taken = std::make_shared<Taken>(std::move(next));
  return [taken]() -> Result<std::optional<Entry>> {
    Result<std::optional<std::pair<K, V>>> given = taken->next();
    if (!given) return std::unexpected(given.error());
    taken->pair = std::move(*given);
    if (!taken->pair) return std::optional<Entry>();
    const ByteView key = taken->key.emplace(taken->pair->first).view();
    return std::optional<Entry>(Entry{key, taken->value.emplace(taken->pair->second).view()});
  };
}

// A table of a WriteBatch, with types: a plain value; must not outlive the batch.
template <KeyType K, ValueType V>
class TypedBatchTable {
 public:
  TypedBatchTable(WriteBatch& batch, WriteBatch::Table table) : batch_(&batch), table_(table) {}

  // As the functions of WriteBatch of the same names.
  Status Put(const KeyArgument<K>& key, const ValueArgument<V>& value) {
    return batch_->Put(table_, EncodedKey(key).view(), EncodedValue(value).view());
  }
  Status Delete(const KeyArgument<K>& key) { return batch_->Delete(table_, EncodedKey(key).view()); }
  Status AddToCounter(const KeyArgument<K>& key, int64_t delta) requires std::same_as<V, int64_t> {
    return batch_->AddToCounter(table_, EncodedKey(key).view(), delta);
  }

 private:
  using EncodedKey = codec::Encoding<KeyCodec<K>, K>;
  using EncodedValue = codec::Encoding<ValueCodec<V>, V>;

  WriteBatch* batch_;
  WriteBatch::Table table_;
};

}  // namespace manifolddb
