// Options, databases, column families, batches.

#include "capi/handles.h"
#include "manifolddb/metrics.h"

using namespace manifolddb;        // NOLINT: this file is nothing but the C names over these
using namespace manifolddb::capi;  // NOLINT

namespace {

Status WrongOption(const char* message) {
  return Fail(Errc::kInvalidArgument, "capi.options", {.message = message});
}

constexpr const char* kUnknownOption = "this library knows no such option; it may be older than the header";

Status SetFlag(bool& flag, uint64_t value) {
  if (value > 1) return WrongOption("this option is 0 or 1");
  flag = value == 1;
  return {};
}

Status SetNumber(uint32_t& number, uint64_t value) {
  if (value > UINT32_MAX) return WrongOption("this option has at most 32 bits");
  number = static_cast<uint32_t>(value);
  return {};
}
Status SetNumber(uint64_t& number, uint64_t value) {
  number = value;
  return {};
}

void NoteChange(manifolddb_options& handle, int option, uint64_t value) {
  OptionChanges& changes = handle.changes;
  switch (option) {
    case MANIFOLDDB_OPTION_LOG_BYTES_MAX: changes.log_bytes_max = value; return;
    case MANIFOLDDB_OPTION_CACHE_BYTES: changes.cache_bytes = value; return;
    case MANIFOLDDB_OPTION_DIRTY_BYTES_MAX: changes.dirty_bytes_max = value; return;
    case MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS: changes.checkpoint_interval_ms = value; return;
    default: handle.others = true;
  }
}

Status SetOption(manifolddb_options& handle, int option, uint64_t value) {
  Options& options = handle.options;
  NoteChange(handle, option, value);
  switch (option) {
    case MANIFOLDDB_OPTION_CREATE_IF_MISSING: return SetFlag(options.create_if_missing, value);
    case MANIFOLDDB_OPTION_READ_ONLY: return SetFlag(options.read_only, value);
    case MANIFOLDDB_OPTION_PAGE_SIZE: return SetNumber(options.page_size, value);
    case MANIFOLDDB_OPTION_WRITE_UNIT: return SetNumber(options.write_unit, value);
    case MANIFOLDDB_OPTION_LOG_BYTES_INITIAL: return SetNumber(options.log_bytes_initial, value);
    case MANIFOLDDB_OPTION_LOG_BYTES_MAX: return SetNumber(options.log_bytes_max, value);
    case MANIFOLDDB_OPTION_CACHE_BYTES: return SetNumber(options.cache_bytes, value);
    case MANIFOLDDB_OPTION_DIRTY_BYTES_MAX: return SetNumber(options.dirty_bytes_max, value);
    case MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS: return SetNumber(options.checkpoint_interval_ms, value);
    case MANIFOLDDB_OPTION_BACKGROUND_THREAD: return SetFlag(handle.background_thread, value);
  }
  return WrongOption(kUnknownOption);
}

Result<uint64_t> OptionOf(const manifolddb_database& handle, int option) {
  const Options options = handle.database->CurrentOptions();
  switch (option) {
    case MANIFOLDDB_OPTION_CREATE_IF_MISSING: return options.create_if_missing;
    case MANIFOLDDB_OPTION_READ_ONLY: return options.read_only;
    case MANIFOLDDB_OPTION_PAGE_SIZE: return options.page_size;
    case MANIFOLDDB_OPTION_WRITE_UNIT: return options.write_unit;
    case MANIFOLDDB_OPTION_LOG_BYTES_INITIAL: return options.log_bytes_initial;
    case MANIFOLDDB_OPTION_LOG_BYTES_MAX: return options.log_bytes_max;
    case MANIFOLDDB_OPTION_CACHE_BYTES: return options.cache_bytes;
    case MANIFOLDDB_OPTION_DIRTY_BYTES_MAX: return options.dirty_bytes_max;
    case MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS: return options.checkpoint_interval_ms;
    case MANIFOLDDB_OPTION_BACKGROUND_THREAD: return options.executor == nullptr;
  }
  return std::unexpected(WrongOption(kUnknownOption).error());
}

template <class Found>
Status GiveFamily(const Found& found, uint64_t* family) {
  if (!found) return std::unexpected(found.error());
  *family = found->id();
  return {};
}

Status GiveNumber(const Result<uint64_t>& given, uint64_t* number) {
  if (!given) return std::unexpected(given.error());
  *number = *given;
  return {};
}

std::string ProblemText(const VerifyReport& report) {
  std::string text;
  for (const VerifyReport::Problem& problem : report.problems)
    text += problem.file + " at byte " + std::to_string(problem.offset) + ": " + problem.what + "\n";
  return text;
}

}  // namespace

manifolddb_options* manifolddb_options_new(void) { return new (std::nothrow) manifolddb_options(); }

int manifolddb_options_set(manifolddb_options* options, int option, uint64_t value,
                           manifolddb_error** error) {
  return Guarded(error, [&] { return SetOption(*options, option, value); });
}

void manifolddb_options_free(manifolddb_options* options) { delete options; }

int manifolddb_set_options(manifolddb_database* database, const manifolddb_options* options,
                           manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    if (options->others)
      return WrongOption("only limits and the interval may change while a database is open");
    return database->database->SetOptions(options->changes);
  });
}

int manifolddb_current_option(manifolddb_database* database, int option, uint64_t* value,
                              manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const Result<uint64_t> current = OptionOf(*database, option);
    if (!current) return std::unexpected(current.error());
    *value = *current;
    return {};
  });
}

int manifolddb_open(const char* path, const manifolddb_options* options, manifolddb_database** database,
                    manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    Options chosen = options != nullptr ? options->options : Options();
    if (options != nullptr && !options->background_thread) chosen.executor = MakeInlineExecutor();
    auto opened = Database::Open(path, chosen);
    if (!opened) return std::unexpected(opened.error());
    *database = new manifolddb_database{std::move(*opened)};
    return {};
  });
}

int manifolddb_close(manifolddb_database* database, manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->Close(); });
}

void manifolddb_database_free(manifolddb_database* database) { delete database; }

int manifolddb_checkpoint(manifolddb_database* database, manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->Checkpoint(); });
}

int manifolddb_shrink_file(manifolddb_database* database, uint64_t* bytes_before, uint64_t* bytes_after,
                           manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto report = database->database->ShrinkFile();
    if (!report) return std::unexpected(report.error());
    if (bytes_before != nullptr) *bytes_before = report->bytes_before;
    if (bytes_after != nullptr) *bytes_after = report->bytes_after;
    return {};
  });
}

int manifolddb_verify(manifolddb_database* database, uint64_t* problems, char** text,
                      manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto report = database->database->Verify();
    if (!report) return std::unexpected(report.error());
    if (text != nullptr) *text = CopyOf(ProblemText(*report));
    *problems = report->problems.size();
    return {};
  });
}

int manifolddb_stats_json(manifolddb_database* database, char** json, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    *json = CopyOf(ToJson(database->database->Stats()));
    return {};
  });
}

int manifolddb_stats_prometheus(manifolddb_database* database, const char* label, char** text,
                                manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    *text = CopyOf(ToPrometheus(database->database->Stats(), label != nullptr ? label : ""));
    return {};
  });
}

int manifolddb_family_stats_json(manifolddb_database* database, bool with_shape, char** json,
                                 manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto families = database->database->StatsByFamily(with_shape);
    if (!families) return std::unexpected(families.error());
    *json = CopyOf(ToJson(*families));
    return {};
  });
}

int manifolddb_family_stats_prometheus(manifolddb_database* database, bool with_shape, const char* label,
                                       char** text, manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto families = database->database->StatsByFamily(with_shape);
    if (!families) return std::unexpected(families.error());
    *text = CopyOf(ToPrometheus(*families, label != nullptr ? label : ""));
    return {};
  });
}

uint64_t manifolddb_key_bytes_max(const manifolddb_database* database) {
  return database->database->key_bytes_max();
}

int manifolddb_create_family(manifolddb_database* database, manifolddb_bytes name, uint64_t* family,
                             manifolddb_error** error) {
  return Guarded(error,
                 [&] { return GiveFamily(database->database->CreateColumnFamily(Text(name)), family); });
}

int manifolddb_open_or_create_family(manifolddb_database* database, manifolddb_bytes name, uint64_t* family,
                                     manifolddb_error** error) {
  return Guarded(
      error, [&] { return GiveFamily(database->database->OpenOrCreateColumnFamily(Text(name)), family); });
}

int manifolddb_drop_family(manifolddb_database* database, manifolddb_bytes name, manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->DropColumnFamily(Text(name)); });
}

int manifolddb_rename_family(manifolddb_database* database, manifolddb_bytes from, manifolddb_bytes to,
                             manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->RenameColumnFamily(Text(from), Text(to)); });
}

int manifolddb_open_family(manifolddb_database* database, manifolddb_bytes name, uint64_t* family,
                           manifolddb_error** error) {
  return Guarded(error, [&] { return GiveFamily(database->database->OpenColumnFamily(Text(name)), family); });
}

int manifolddb_list_families(manifolddb_database* database, manifolddb_name_call call, void* user,
                             manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto names = database->database->ListColumnFamilies();
    if (!names) return std::unexpected(names.error());
    CallForEach(*names, call, user);
    return {};
  });
}

int manifolddb_savepoint_create(manifolddb_database* database, manifolddb_bytes name, uint64_t* commit_number,
                                manifolddb_error** error) {
  return Guarded(error,
                 [&] { return GiveNumber(database->database->CreateSavepoint(Text(name)), commit_number); });
}

int manifolddb_savepoint_restore(manifolddb_database* database, manifolddb_bytes name,
                                 uint64_t* commit_number, manifolddb_error** error) {
  return Guarded(error,
                 [&] { return GiveNumber(database->database->RestoreSavepoint(Text(name)), commit_number); });
}

int manifolddb_savepoint_delete(manifolddb_database* database, manifolddb_bytes name,
                                manifolddb_error** error) {
  return Guarded(error, [&] { return database->database->DeleteSavepoint(Text(name)); });
}

int manifolddb_savepoint_list(manifolddb_database* database, manifolddb_name_call call, void* user,
                              manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto savepoints = database->database->ListSavepoints();
    if (!savepoints) return std::unexpected(savepoints.error());
    std::vector<std::string> names;
    for (const SavepointInfo& savepoint : *savepoints) names.push_back(savepoint.name);
    CallForEach(names, call, user);
    return {};
  });
}

manifolddb_batch* manifolddb_batch_new(void) {
  try {
    return new manifolddb_batch();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

int manifolddb_batch_put(manifolddb_batch* batch, uint64_t family, manifolddb_bytes table,
                         manifolddb_bytes key, manifolddb_bytes value, manifolddb_error** error) {
  return Guarded(error, [&] {
    const auto in = batch->batch.In(ColumnFamily(family), Text(table), TableTypes::Any());
    return batch->batch.Put(in, In(key), In(value));
  });
}

int manifolddb_batch_delete(manifolddb_batch* batch, uint64_t family, manifolddb_bytes table,
                            manifolddb_bytes key, manifolddb_error** error) {
  return Guarded(error, [&] {
    const auto in = batch->batch.In(ColumnFamily(family), Text(table), TableTypes::Any());
    return batch->batch.Delete(in, In(key));
  });
}

uint64_t manifolddb_batch_changes(const manifolddb_batch* batch) { return batch->batch.changes(); }
void manifolddb_batch_clear(manifolddb_batch* batch) { batch->batch.Clear(); }

int manifolddb_apply(manifolddb_database* database, const manifolddb_batch* batch, uint64_t* commit_number,
                     manifolddb_error** error) {
  return Guarded(error, [&]() -> Status {
    const auto number = database->database->Apply(batch->batch);
    if (!number) return std::unexpected(number.error());
    if (commit_number != nullptr) *commit_number = *number;
    return {};
  });
}

void manifolddb_batch_free(manifolddb_batch* batch) { delete batch; }
