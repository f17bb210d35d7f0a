// Tables that hold many values for one key.

#include "capi/handles.h"

using namespace manifolddb;        // NOLINT: this file is nothing but the C names over these
using namespace manifolddb::capi;  // NOLINT

namespace {

// Calls `use` with the stored form of the pair and the table to change.
template <class Use>
int ChangePair(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value,
               manifolddb_error** error, Use use) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    const auto pair = PairOf(table->pairs, In(key), In(value));
    if (!pair) return std::unexpected(pair.error());
    return use(**writable, *pair);
  });
}

// The pair under the cursor.
Result<Pair> PairUnder(const manifolddb_cursor& cursor) {
  if (Status on_entry = CheckOnEntry(cursor); !on_entry) return std::unexpected(on_entry.error());
  return Split(cursor.pairs, cursor.cursor->key());
}

}  // namespace

int manifolddb_insert(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value, bool* inserted,
                      manifolddb_error** error) {
  return ChangePair(table, key, value, error, [&](WriteTable& in, ByteView pair) -> Status {
    const auto got = in.GetOrInsert(pair, {});
    if (!got) return std::unexpected(got.error());
    if (inserted != nullptr) *inserted = got->inserted;
    return {};
  });
}

int manifolddb_remove(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value, bool* found,
                      manifolddb_error** error) {
  return ChangePair(table, key, value, error, [&](WriteTable& in, ByteView pair) -> Status {
    const auto deleted = in.Delete(pair);
    if (!deleted) return std::unexpected(deleted.error());
    if (found != nullptr) *found = *deleted;
    return {};
  });
}

int manifolddb_remove_all(manifolddb_table* table, manifolddb_bytes key, uint64_t* values,
                          manifolddb_error** error) {
  return ChangePair(table, key, {}, error, [&](WriteTable& in, ByteView group) -> Status {
    const auto deleted = in.DeleteRange({.prefix = group});
    if (!deleted) return std::unexpected(deleted.error());
    if (values != nullptr) *values = *deleted;
    return {};
  });
}

int manifolddb_contains(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value, bool* found,
                        manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    const auto pair = PairOf(table->pairs, In(key), In(value));
    if (!pair) return std::unexpected(pair.error());
    const auto got = std::visit([&](const auto& of) { return of.Get(*pair); }, table->table);
    if (!got) return std::unexpected(got.error());
    *found = got->has_value();
    return {};
  });
}

int manifolddb_count_of(manifolddb_table* table, manifolddb_bytes key, uint64_t* values,
                        manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    const auto group = GroupOf(table->pairs, In(key));
    if (!group) return std::unexpected(group.error());
    const Range range{.prefix = ByteView(*group)};
    const auto count = std::visit([&](const auto& of) { return of.Count(range); }, table->table);
    if (!count) return std::unexpected(count.error());
    *values = *count;
    return {};
  });
}

int manifolddb_cursor_of(manifolddb_table* table, manifolddb_bytes key, manifolddb_cursor** cursor,
                         manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto group = GroupOf(table->pairs, In(key));
    if (!group) return std::unexpected(group.error());
    return NewCursor(*table, {.prefix = ByteView(*group)}, cursor);
  });
}

int manifolddb_seek_pair(manifolddb_cursor* cursor, manifolddb_bytes key, const manifolddb_bytes* value,
                         bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) -> Result<bool> {
    const auto pair = PairOf(cursor->pairs, In(key), value != nullptr ? In(*value) : ByteView());
    if (!pair) return std::unexpected(pair.error());
    return of.Seek(*pair);
  });
}

int manifolddb_next_key(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return NextGroup(cursor->pairs, of); });
}
int manifolddb_prev_key(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return PrevGroup(cursor->pairs, of); });
}

int manifolddb_pair_key(manifolddb_cursor* cursor, manifolddb_bytes* key, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    auto pair = PairUnder(*cursor);
    if (!pair) return std::unexpected(pair.error());
    cursor->pair_key = std::move(pair->key);
    *key = Out(cursor->pair_key);
    return {};
  });
}

int manifolddb_pair_value(manifolddb_cursor* cursor, manifolddb_bytes* value, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto pair = PairUnder(*cursor);
    if (!pair) return std::unexpected(pair.error());
    *value = Out(pair->value);
    return {};
  });
}
