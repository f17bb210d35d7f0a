// Tables, values, cursors.

#include <algorithm>
#include <cstdint>

#include "capi/handles.h"

using namespace manifolddb;        // NOLINT: this file is nothing but the C names over these
using namespace manifolddb::capi;  // NOLINT

namespace {

std::optional<ByteView> Optional(const manifolddb_bytes* bytes) {
  return bytes != nullptr ? std::optional(In(*bytes)) : std::nullopt;
}

}  // namespace

Status manifolddb::capi::NewCursor(const manifolddb_table& table, const Range& range,
                                   manifolddb_cursor** cursor) {
  if (Status live = table.keeper.CheckLive(); !live) return live;
  auto made = std::visit([&](const auto& of) { return of.NewCursor(range); }, table.table);
  if (!made) return std::unexpected(made.error());
  auto kept = std::make_unique<manifolddb_cursor>(table.keeper, table.pairs);
  kept->cursor.emplace(std::move(*made));
  *cursor = kept.release();
  return {};
}

int manifolddb_get(manifolddb_table* table, manifolddb_bytes key, manifolddb_value** value,
                   manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    auto got = std::visit([&](const auto& of) { return of.Get(In(key)); }, table->table);
    if (!got) return std::unexpected(got.error());
    *value = nullptr;
    if (*got) *value = new manifolddb_value{table->keeper.database(), std::move(**got)};
    return {};
  });
}

int manifolddb_length(manifolddb_table* table, uint64_t* entries, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    const auto length = std::visit([](const auto& of) { return of.Length(); }, table->table);
    if (!length) return std::unexpected(length.error());
    *entries = *length;
    return {};
  });
}

int manifolddb_count(manifolddb_table* table, const manifolddb_range* range, uint64_t* entries,
                     manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    const auto count = std::visit([&](const auto& of) { return of.Count(In(range)); }, table->table);
    if (!count) return std::unexpected(count.error());
    *entries = *count;
    return {};
  });
}

int manifolddb_sample_keys(manifolddb_table* table, const manifolddb_range* range, uint64_t keys,
                           uint64_t seed, manifolddb_name_call call, void* user, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status live = table->keeper.CheckLive(); !live) return live;
    const auto count = static_cast<size_t>(std::min<uint64_t>(keys, SIZE_MAX));
    const auto sample =
        std::visit([&](const auto& of) { return of.SampleKeys(count, seed, In(range)); }, table->table);
    if (!sample) return std::unexpected(sample.error());
    CallForEach(*sample, call, user);
    return {};
  });
}

const char* manifolddb_key_type(const manifolddb_table* table) { return table->key_type.c_str(); }
const char* manifolddb_value_type(const manifolddb_table* table) { return table->value_type.c_str(); }

int manifolddb_put(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value,
                   manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    return (*writable)->Put(In(key), In(value));
  });
}

int manifolddb_delete(manifolddb_table* table, manifolddb_bytes key, bool* found, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    const auto deleted = (*writable)->Delete(In(key));
    if (!deleted) return std::unexpected(deleted.error());
    if (found != nullptr) *found = *deleted;
    return {};
  });
}

int manifolddb_delete_range(manifolddb_table* table, const manifolddb_range* range, uint64_t* entries,
                            manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    const auto deleted = (*writable)->DeleteRange(In(range));
    if (!deleted) return std::unexpected(deleted.error());
    if (entries != nullptr) *entries = *deleted;
    return {};
  });
}

int manifolddb_compare_and_swap(manifolddb_table* table, manifolddb_bytes key,
                                const manifolddb_bytes* expected, const manifolddb_bytes* desired,
                                bool* swapped, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    const auto done = (*writable)->CompareAndSwap(In(key), Optional(expected), Optional(desired));
    if (!done) return std::unexpected(done.error());
    *swapped = *done;
    return {};
  });
}

int manifolddb_add_to_counter(manifolddb_table* table, manifolddb_bytes key, int64_t delta, int64_t* now,
                              manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto writable = Writable(table);
    if (!writable) return std::unexpected(writable.error());
    const auto sum = (*writable)->AddToCounter(In(key), delta);
    if (!sum) return std::unexpected(sum.error());
    if (now != nullptr) *now = *sum;
    return {};
  });
}

void manifolddb_table_free(manifolddb_table* table) { delete table; }

manifolddb_bytes manifolddb_value_bytes(const manifolddb_value* value) { return Out(value->value.bytes()); }
void manifolddb_value_free(manifolddb_value* value) { delete value; }

int manifolddb_cursor_new(manifolddb_table* table, const manifolddb_range* range, manifolddb_cursor** cursor,
                          manifolddb_error** error) {
  return Guarded(error, [&] { return NewCursor(*table, In(range), cursor); });
}

int manifolddb_first(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.First(); });
}
int manifolddb_last(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.Last(); });
}
int manifolddb_next(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.Next(); });
}
int manifolddb_prev(manifolddb_cursor* cursor, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.Prev(); });
}
int manifolddb_seek(manifolddb_cursor* cursor, manifolddb_bytes key, bool* found, manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.Seek(In(key)); });
}
int manifolddb_seek_for_prev(manifolddb_cursor* cursor, manifolddb_bytes key, bool* found,
                             manifolddb_error** error) {
  return MoveTo(cursor, found, error, [&](Cursor& of) { return of.SeekForPrev(In(key)); });
}

int manifolddb_cursor_key(manifolddb_cursor* cursor, manifolddb_bytes* key, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status on_entry = CheckOnEntry(*cursor); !on_entry) return on_entry;
    *key = Out(cursor->cursor->key());
    return {};
  });
}

int manifolddb_cursor_value(manifolddb_cursor* cursor, manifolddb_bytes* value, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (Status on_entry = CheckOnEntry(*cursor); !on_entry) return on_entry;
    const auto got = cursor->cursor->value();
    if (!got) return std::unexpected(got.error());
    *value = Out(*got);
    return {};
  });
}

void manifolddb_cursor_free(manifolddb_cursor* cursor) { delete cursor; }
