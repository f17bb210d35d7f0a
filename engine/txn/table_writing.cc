// What a table is asked to do beside single puts and deletes: each is made of those, so that redo and pages
// know nothing of it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/try.h"
#include "engine/txn/cursor_impl.h"
#include "engine/txn/names.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/transaction.h"

namespace manifolddb {
namespace {

// Of the value that a transaction has just read; none where there is no entry.
std::optional<ByteView> ViewOf(const std::optional<Value>& value) {
  return value ? std::optional(value->bytes()) : std::nullopt;
}

bool Same(const std::optional<ByteView>& a, const std::optional<ByteView>& b) {
  return a.has_value() == b.has_value() && (!a || Equal(*a, *b));
}

// Makes the entry at `key`, whose value is `now`, what it is to be.
Status Store(WriteTable& table, ByteView key, const std::optional<ByteView>& now,
             const std::optional<ByteView>& wanted) {
  if (Same(now, wanted)) return {};
  if (wanted) return table.Put(key, *wanted);
  MANIFOLDDB_TRY(table.Delete(key));
  return {};
}

Result<int64_t> CounterOf(ByteView key, const std::optional<ByteView>& now) {
  if (!now) return 0;
  if (const std::optional<int64_t> value = KeyCodec<int64_t>::Decode(*now)) return *value;
  return Fail(Errc::kInvalidArgument, "table.add_to_counter",
              {.message = "the value at " + txn::Quoted(AsText(key)) + " has " + std::to_string(now->size()) +
                          " bytes, a counter the 8 of an i64"});
}

}  // namespace

Result<GotOrInserted> WriteTable::GetOrInsert(ByteView key, ByteView value) {
  MANIFOLDDB_ASSIGN(std::optional<Value> found, Get(key));
  if (found) return GotOrInserted{std::move(*found), false};
  MANIFOLDDB_ASSIGN(Value copy, txn::CopyOf(value, "table.get_or_insert"));
  MANIFOLDDB_TRY(Put(key, value));
  return GotOrInserted{std::move(copy), true};
}

Result<GotOrInserted> WriteTable::GetOrInsertWith(ByteView key,
                                                  const std::function<Result<std::string>()>& make) {
  MANIFOLDDB_ASSIGN(std::optional<Value> found, Get(key));
  if (found) return GotOrInserted{std::move(*found), false};
  MANIFOLDDB_ASSIGN(const std::string made, make());
  return GetOrInsert(key, AsBytes(made));
}

Status WriteTable::Update(
    ByteView key,
    const std::function<Result<std::optional<std::string>>(std::optional<ByteView> now)>& change) {
  MANIFOLDDB_ASSIGN(const std::optional<Value> found, Get(key));
  MANIFOLDDB_ASSIGN(const std::optional<std::string> changed, change(ViewOf(found)));
  return Store(*this, key, ViewOf(found), changed ? std::optional(AsBytes(*changed)) : std::nullopt);
}

Result<bool> WriteTable::CompareAndSwap(ByteView key, std::optional<ByteView> expected,
                                        std::optional<ByteView> desired) {
  MANIFOLDDB_ASSIGN(const std::optional<Value> found, Get(key));
  if (!Same(ViewOf(found), expected)) return false;
  MANIFOLDDB_TRY(Store(*this, key, expected, desired));
  return true;
}

Result<int64_t> WriteTable::AddToCounter(ByteView key, int64_t delta) {
  MANIFOLDDB_ASSIGN(const std::optional<Value> found, Get(key));
  MANIFOLDDB_ASSIGN(const int64_t now, CounterOf(key, ViewOf(found)));
  int64_t sum = 0;
  if (__builtin_add_overflow(now, delta, &sum)) {
    return Fail(Errc::kLimit, "table.add_to_counter",
                {.message = "the counter at " + txn::Quoted(AsText(key)) + " stays " + std::to_string(now) +
                            ": with " + std::to_string(delta) + " more it has no 64 bits"});
  }
  EncodedBytes encoded;
  KeyCodec<int64_t>::Encode(sum, encoded);
  MANIFOLDDB_TRY(Put(key, encoded.view()));
  return sum;
}

Result<uint64_t> WriteTable::Retain(const Range& range,
                                    const std::function<Result<bool>(const Entry& entry)>& keep) {
  MANIFOLDDB_ASSIGN(Cursor cursor, NewCursor(range));
  MANIFOLDDB_ASSIGN(bool more, cursor.First());
  uint64_t gone = 0;
  while (more) {
    MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
    MANIFOLDDB_ASSIGN(const bool kept, keep(Entry{cursor.key(), value}));
    if (!kept) {
      MANIFOLDDB_TRY(Delete(cursor.key()));
      ++gone;
    }
    MANIFOLDDB_ASSIGN(more, cursor.Next());
  }
  return gone;
}

Result<Extraction> WriteTable::ExtractIf(const Range& range,
                                         std::function<Result<bool>(const Entry& entry)> take) {
  MANIFOLDDB_ASSIGN(Cursor cursor, NewCursor(range));
  return Extraction(*this, std::move(cursor), std::move(take));
}

// The cursor is before the first entry, or where the last one that was looked at is, or was.
Result<std::optional<KeptEntry>> Extraction::Next() {
  for (;;) {
    MANIFOLDDB_ASSIGN(const bool more, begun_ ? cursor_.Next() : cursor_.First());
    begun_ = true;
    if (!more) return std::optional<KeptEntry>();
    MANIFOLDDB_ASSIGN(const ByteView value, cursor_.value());
    MANIFOLDDB_ASSIGN(const bool taken, take_(Entry{cursor_.key(), value}));
    if (!taken) continue;
    MANIFOLDDB_ASSIGN(Value kept_key, txn::CopyOf(cursor_.key(), "table.extract"));
    MANIFOLDDB_ASSIGN(Value kept_value, cursor_.KeepValue());
    MANIFOLDDB_TRY(table_.Delete(cursor_.key()));
    return std::optional<KeptEntry>(std::in_place, std::move(kept_key), std::move(kept_value));
  }
}

}  // namespace manifolddb
