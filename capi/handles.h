#pragma once
// What is behind the handles, and how errors get out.
//
// (1) A handle holds what it was made from, so that handles may be freed in any order: members are destroyed
//     from the last to the first, the keeper last.
// (2) A read transaction that ends takes its cursors along, since none may outlive it.
// (3) No exception passes: every function that may meet one is Guarded.

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "capi/include/manifolddb_c.h"
#include "capi/pairs.h"
#include "manifolddb/database.h"
#include "manifolddb/write_batch.h"

struct manifolddb_error {
  manifolddb::Error error;
  std::string text;
};

struct manifolddb_options {
  manifolddb::Options options;
  bool background_thread = true;
  // Of an open database: what was set of these, and whether anything else was.
  manifolddb::OptionChanges changes;
  bool others = false;
};

struct manifolddb_write_options {
  manifolddb::WriteOptions options;
};

struct manifolddb_database {
  std::shared_ptr<manifolddb::Database> database;
};

struct manifolddb_value {
  std::shared_ptr<manifolddb::Database> keeper;
  manifolddb::Value value;
};

struct manifolddb_batch {
  manifolddb::WriteBatch batch;
};

namespace manifolddb::capi {

struct ReadState {
  std::shared_ptr<Database> database;
  std::optional<ReadTransaction> transaction;  // none: it has ended
  std::vector<std::optional<Cursor>*> cursors = {};

  void End() {
    for (std::optional<Cursor>* const cursor : cursors) cursor->reset();
    cursors.clear();
    transaction.reset();
  }
};

struct WriteState {
  std::shared_ptr<Database> database;
  WriteTransaction transaction;
  bool ended = false;
  // Their numbers outside are places in here, from 1.
  std::vector<Savepoint> savepoints = {};
};

// What a table or a cursor belongs to; one of the two.
struct Keeper {
  std::shared_ptr<ReadState> read;
  std::shared_ptr<WriteState> write;
  const std::shared_ptr<Database>& database() const { return read ? read->database : write->database; }
  Status CheckLive() const {
    if (read ? read->transaction.has_value() : !write->ended) return {};
    return Fail(Errc::kTransactionEnded, "capi.transaction");
  }
};

inline ByteView In(manifolddb_bytes bytes) { return {static_cast<const std::byte*>(bytes.data), bytes.size}; }
inline std::string_view Text(manifolddb_bytes bytes) { return AsText(In(bytes)); }
inline manifolddb_bytes Out(ByteView bytes) { return {bytes.data(), bytes.size()}; }
Range In(const manifolddb_range* range);
// Both null: whatever the table holds.
TableTypes Types(const char* key_type, const char* value_type);

// Gives the error out, if anybody wants it; its code. Without memory for it there is the code alone.
int Give(const Error& error, manifolddb_error** out) noexcept;
// The same for what is being caught, whatever it is.
int GiveCaught(manifolddb_error** out) noexcept;
// For manifolddb_string_free.
char* CopyOf(const std::string& text);
// Calls `call` for each; false ends it.
void CallForEach(const std::vector<std::string>& names, manifolddb_name_call call, void* user);

template <class Call>
int Guarded(manifolddb_error** error, Call call) noexcept {
  try {
    const Status status = call();
    return status ? 0 : Give(status.error(), error);
  } catch (...) {
    return GiveCaught(error);
  }
}

}  // namespace manifolddb::capi

struct manifolddb_read {
  std::shared_ptr<manifolddb::capi::ReadState> state;
};

struct manifolddb_write {
  std::shared_ptr<manifolddb::capi::WriteState> state;
};

struct manifolddb_table {
  manifolddb::capi::Keeper keeper;
  std::variant<manifolddb::ReadTable, manifolddb::WriteTable> table;
  std::string key_type;
  std::string value_type;
  manifolddb::capi::PairShape pairs;
};

struct manifolddb_cursor {
  manifolddb::capi::Keeper keeper;
  manifolddb::capi::PairShape pairs;
  std::optional<manifolddb::Cursor> cursor = std::nullopt;  // none: its transaction has ended
  std::vector<std::byte> pair_key = {};                     // of manifolddb_pair_key

  manifolddb_cursor(manifolddb::capi::Keeper of, manifolddb::capi::PairShape shape)
      : keeper(std::move(of)), pairs(shape) {
    if (keeper.read) keeper.read->cursors.push_back(&cursor);
  }
  ~manifolddb_cursor() {
    if (keeper.read) std::erase(keeper.read->cursors, &cursor);
  }
  manifolddb_cursor(const manifolddb_cursor&) = delete;
  manifolddb_cursor& operator=(const manifolddb_cursor&) = delete;
};

namespace manifolddb::capi {

// The table, for calls that change it.
inline Result<WriteTable*> Writable(manifolddb_table* table) {
  if (Status live = table->keeper.CheckLive(); !live) return std::unexpected(live.error());
  if (auto* const writable = std::get_if<WriteTable>(&table->table)) return writable;
  return Fail(Errc::kReadOnly, "capi.table", {.message = "the table is of a read transaction"});
}

inline Status CheckOnEntry(const manifolddb_cursor& cursor) {
  if (Status live = cursor.keeper.CheckLive(); !live) return live;
  if (!cursor.cursor->valid())
    return Fail(Errc::kInvalidArgument, "capi.cursor", {.message = "the cursor is on no entry"});
  return {};
}

template <class Move>
int MoveTo(manifolddb_cursor* cursor, bool* found, manifolddb_error** error, Move move) {
  return Guarded(error, [&]() -> Status {
    if (Status live = cursor->keeper.CheckLive(); !live) return live;
    const Result<bool> there = move(*cursor->cursor);
    if (!there) return std::unexpected(there.error());
    *found = *there;
    return {};
  });
}

Status NewCursor(const manifolddb_table& table, const Range& range, manifolddb_cursor** cursor);

}  // namespace manifolddb::capi
