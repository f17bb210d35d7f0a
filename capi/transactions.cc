// Transactions of both kinds, up to their tables.

#include "capi/handles.h"

using namespace manifolddb;        // NOLINT: this file is nothing but the C names over these
using namespace manifolddb::capi;  // NOLINT

namespace {

template <class Table>
manifolddb_table* NewTable(Keeper keeper, Table table) {
  const TableTypes types = table.types();
  return new manifolddb_table{std::move(keeper), table, std::string(types.key), std::string(types.value),
                              ShapeOf(types.key)};
}

template <class Transaction>
Status ListTables(Transaction& transaction, uint64_t family, manifolddb_name_call call, void* user) {
  const auto names = transaction.ListTables(ColumnFamily(family));
  if (!names) return std::unexpected(names.error());
  CallForEach(*names, call, user);
  return {};
}

// Whether `number` is one that may still be rolled back to.
Status CheckSavepoint(const WriteState& state, uint64_t number) {
  if (number >= 1 && number <= state.savepoints.size()) return {};
  return Fail(Errc::kInvalidArgument, "capi.savepoint", {.message = "there is no such savepoint any more"});
}

Status SetWriteOption(WriteOptions& options, int option, uint64_t value) {
  switch (option) {
    case MANIFOLDDB_WRITE_OPTION_WAIT_MS_MAX: options.wait_ms_max = value; return {};
    case MANIFOLDDB_WRITE_OPTION_RUN_MS_MAX: options.run_ms_max = value; return {};
    case MANIFOLDDB_WRITE_OPTION_LOG:
      if (value > 1) return Fail(Errc::kInvalidArgument, "capi.options", {.message = "log is 0 or 1"});
      options.log = value == 1;
      return {};
  }
  return Fail(Errc::kInvalidArgument, "capi.options",
              {.message = "this library knows no such option; it may be older than the header"});
}

Status Begin(manifolddb_database& database, const uint64_t* families, size_t count,
             const WriteOptions& options, manifolddb_write** write) {
  std::vector<ColumnFamily> wanted;
  for (size_t i = 0; i < count; ++i) wanted.emplace_back(families[i]);
  auto begun = database.database->BeginWrite(wanted, options);
  if (!begun) return std::unexpected(begun.error());
  auto state = std::make_shared<WriteState>(WriteState{database.database, std::move(*begun)});
  *write = new manifolddb_write{std::move(state)};
  return {};
}

Status GiveRead(manifolddb_database& database, Result<ReadTransaction> begun, manifolddb_read** read) {
  if (!begun) return std::unexpected(begun.error());
  auto state = std::make_shared<ReadState>(ReadState{database.database, std::move(*begun)});
  *read = new manifolddb_read{std::move(state)};
  return {};
}

Status Commit(manifolddb_write& write, const CommitOptions& options, uint64_t* commit_number) {
  write.state->ended = true;
  const auto number = write.state->transaction.Commit(options);
  if (!number) return std::unexpected(number.error());
  if (commit_number != nullptr) *commit_number = *number;
  return {};
}

}  // namespace

int manifolddb_begin_read(manifolddb_database* database, manifolddb_read** read, manifolddb_error** error) {
  return Guarded(error, [&] { return GiveRead(*database, database->database->BeginRead(), read); });
}

int manifolddb_savepoint_read(manifolddb_database* database, manifolddb_bytes name, manifolddb_read** read,
                              manifolddb_error** error) {
  return Guarded(error, [&] { return GiveRead(*database, database->database->BeginRead(Text(name)), read); });
}

uint64_t manifolddb_read_commit_number(const manifolddb_read* read) {
  return read->state->transaction->commit_number();
}

int manifolddb_read_open_family(manifolddb_read* read, manifolddb_bytes name, uint64_t* family,
                                manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto found = read->state->transaction->OpenColumnFamily(Text(name));
    if (!found) return std::unexpected(found.error());
    *family = found->id();
    return {};
  });
}

int manifolddb_read_list_tables(manifolddb_read* read, uint64_t family, manifolddb_name_call call, void* user,
                                manifolddb_error** error) {
  return Guarded(error, [&] { return ListTables(*read->state->transaction, family, call, user); });
}

int manifolddb_read_open_table(manifolddb_read* read, uint64_t family, manifolddb_bytes name,
                               const char* key_type, const char* value_type, manifolddb_table** table,
                               manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto opened =
        read->state->transaction->OpenTable(ColumnFamily(family), Text(name), Types(key_type, value_type));
    if (!opened) return std::unexpected(opened.error());
    *table = NewTable({read->state, nullptr}, *opened);
    return {};
  });
}

void manifolddb_read_free(manifolddb_read* read) {
  if (read != nullptr) read->state->End();
  delete read;
}

manifolddb_write_options* manifolddb_write_options_new(void) {
  return new (std::nothrow) manifolddb_write_options();
}

int manifolddb_write_options_set(manifolddb_write_options* options, int option, uint64_t value,
                                 manifolddb_error** error) {
  return Guarded(error, [&] { return SetWriteOption(options->options, option, value); });
}

void manifolddb_write_options_free(manifolddb_write_options* options) { delete options; }

int manifolddb_begin_write_with(manifolddb_database* database, const uint64_t* families, size_t count,
                                const manifolddb_write_options* options, manifolddb_write** write,
                                manifolddb_error** error) {
  return Guarded(error, [&] {
    return Begin(*database, families, count, options != nullptr ? options->options : WriteOptions(), write);
  });
}

int manifolddb_begin_write(manifolddb_database* database, const uint64_t* families, size_t count,
                           uint64_t wait_ms_max, manifolddb_write** write, manifolddb_error** error) {
  return Guarded(error,
                 [&] { return Begin(*database, families, count, {.wait_ms_max = wait_ms_max}, write); });
}

int manifolddb_add_family(manifolddb_write* write, uint64_t family, manifolddb_error** error) {
  return Guarded(error, [&] { return write->state->transaction.AddColumnFamily(ColumnFamily(family)); });
}

int manifolddb_write_open_table(manifolddb_write* write, uint64_t family, manifolddb_bytes name,
                                const char* key_type, const char* value_type, bool create,
                                manifolddb_table** table, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    WriteTransaction& transaction = write->state->transaction;
    const TableTypes types = Types(key_type, value_type);
    auto opened = transaction.OpenTable(ColumnFamily(family), Text(name), types);
    if (!opened && create && opened.error().code() == Errc::kNoSuchTable) {
      const TableTypes made = types.any ? TableTypes{} : types;
      opened = transaction.CreateTable(ColumnFamily(family), Text(name), made);
    }
    if (!opened) return std::unexpected(opened.error());
    *table = NewTable({nullptr, write->state}, *opened);
    return {};
  });
}

int manifolddb_drop_table(manifolddb_write* write, uint64_t family, manifolddb_bytes name,
                          manifolddb_error** error) {
  return Guarded(error,
                 [&] { return write->state->transaction.DropTable(ColumnFamily(family), Text(name)); });
}

int manifolddb_rename_table(manifolddb_write* write, uint64_t family, manifolddb_bytes from,
                            manifolddb_bytes to, manifolddb_error** error) {
  return Guarded(error, [&] {
    return write->state->transaction.RenameTable(ColumnFamily(family), Text(from), Text(to));
  });
}

int manifolddb_write_list_tables(manifolddb_write* write, uint64_t family, manifolddb_name_call call,
                                 void* user, manifolddb_error** error) {
  return Guarded(error, [&] { return ListTables(write->state->transaction, family, call, user); });
}

int manifolddb_set_savepoint(manifolddb_write* write, uint64_t* savepoint, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    std::vector<Savepoint>& savepoints = write->state->savepoints;
    // What may throw comes before what is set.
    if (savepoints.size() == savepoints.capacity()) savepoints.reserve(2 * savepoints.size() + 8);
    const auto set = write->state->transaction.SetSavepoint();
    if (!set) return std::unexpected(set.error());
    savepoints.push_back(*set);
    *savepoint = savepoints.size();
    return {};
  });
}

int manifolddb_roll_back_to(manifolddb_write* write, uint64_t savepoint, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    WriteState& state = *write->state;
    if (Status known = CheckSavepoint(state, savepoint); !known) return known;
    Status back = state.transaction.RollBackTo(state.savepoints[savepoint - 1]);
    if (back)
      state.savepoints.erase(state.savepoints.begin() + static_cast<ptrdiff_t>(savepoint),
                             state.savepoints.end());
    return back;
  });
}

int manifolddb_release(manifolddb_write* write, uint64_t savepoint, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    WriteState& state = *write->state;
    if (Status known = CheckSavepoint(state, savepoint); !known) return known;
    Status released = state.transaction.Release(state.savepoints[savepoint - 1]);
    const auto first = state.savepoints.begin() + static_cast<ptrdiff_t>(savepoint - 1);
    if (released) state.savepoints.erase(first, state.savepoints.end());
    return released;
  });
}

int manifolddb_list_savepoints(manifolddb_write* write, uint64_t* count, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto savepoints = write->state->transaction.ListSavepoints();
    if (!savepoints) return std::unexpected(savepoints.error());
    *count = savepoints->size();
    return {};
  });
}

int manifolddb_commit(manifolddb_write* write, bool durable, uint64_t* commit_number,
                      manifolddb_error** error) {
  const Durability durability = durable ? Durability::kImmediate : Durability::kNone;
  return Guarded(error, [&] { return Commit(*write, {.durability = durability}, commit_number); });
}

int manifolddb_commit_through_checkpoint(manifolddb_write* write, uint64_t* commit_number,
                                         manifolddb_error** error) {
  return Guarded(error, [&] { return Commit(*write, {.through_checkpoint = true}, commit_number); });
}

int manifolddb_await_durable(manifolddb_database* database, uint64_t commit_number,
                             manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->AwaitDurable({.commit_number = commit_number}); });
}

int manifolddb_is_durable(manifolddb_database* database, uint64_t commit_number, bool* durable,
                          manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto is = database->database->IsDurable({.commit_number = commit_number});
    if (!is) return std::unexpected(is.error());
    *durable = *is;
    return {};
  });
}

void manifolddb_abort(manifolddb_write* write) {
  write->state->ended = true;
  write->state->transaction.Abort();
}

void manifolddb_write_free(manifolddb_write* write) {
  if (write != nullptr) manifolddb_abort(write);
  delete write;
}
