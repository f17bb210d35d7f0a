// The new database is an ordinary one, written through the public interface.
//
// (1) It has its name if and only if it is complete: the log gets its own first, the data file last. A crash
//     before that leaves files of other names, which nobody takes for their own. Between the two it leaves a
//     complete database in two names: giving the data file its name finishes the job.
// (2) Nothing is replaced that was there before, or was put there meanwhile: the creation of the name is held
//     against other openings, and for what other programs do it is looked again right before the renames.
// (3) Only what was made here is removed.

#include "engine/db/new_database.h"

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/db/create.h"

namespace manifolddb::db {
namespace {

constexpr uint64_t kTransactionBytes = uint64_t{256} << 10;
constexpr uint64_t kEntryBytes = 32;  // what an entry costs beside key and value, about

}  // namespace

std::vector<std::string> NamesOf(const std::string& name) {
  const std::string log = LogName(name);
  return {name, log, CreationName(name), CreationName(log)};
}

Status NewDatabase::RefuseExisting(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    MANIFOLDDB_ASSIGN(const bool exists, where_.storage->Exists(name));
    if (!exists) continue;
    return Fail(Errc::kAlreadyExists, purpose_.operation,
                {.file = name, .message = "the output must not exist yet; nothing was written"});
  }
  return {};
}

Result<std::unique_ptr<NewDatabase>> NewDatabase::Create(const DatabaseFile& where, const Options& options,
                                                         const Purpose& purpose) {
  std::unique_ptr<NewDatabase> output(new NewDatabase(where, purpose));
  const std::string temporary = output->TemporaryName();
  for (const std::string& name : {where.name, temporary})
    MANIFOLDDB_TRY(output->RefuseExisting(NamesOf(name)));
  MANIFOLDDB_ASSIGN(output->held_, HoldCreation(*where.storage, where.name));
  output->made_ = {CreationName(where.name)};
  MANIFOLDDB_TRY(output->RefuseExisting({where.name, LogName(where.name)}));
  auto opened = Database::Open(where.storage, temporary, options);
  // A creation that the disk fails leaves files of its own; one that is refused met those of others.
  const bool made = opened || opened.error().code() == Errc::kIo || opened.error().code() == Errc::kNoSpace;
  const std::vector<std::string> names = made ? NamesOf(temporary) : std::vector<std::string>();
  output->made_.insert(output->made_.begin(), names.begin(), names.end());
  if (!opened) return std::unexpected<Error>(std::move(opened).error());
  output->database_ = std::move(*opened);
  return output;
}

NewDatabase::~NewDatabase() {
  filling_.reset();
  database_.reset();
  // What cannot be removed keeps its name.
  for (const std::string& name : made_) static_cast<void>(where_.storage->Remove(name));
}

Status NewDatabase::BeginTable(ColumnFamily family, std::string_view name, TableTypes types) {
  MANIFOLDDB_ASSERT(!filling_);
  MANIFOLDDB_ASSIGN(WriteTransaction transaction, database_->BeginWrite(family));
  MANIFOLDDB_ASSIGN(const WriteTable table, transaction.CreateTable(family, name, types));
  filling_.emplace(Filling{family, std::string(name), std::move(transaction), table});
  return {};
}

Status NewDatabase::Put(ByteView key, ByteView value) {
  MANIFOLDDB_ASSERT(filling_.has_value());
  MANIFOLDDB_TRY(filling_->table.Put(key, value));
  filling_->bytes += key.size() + value.size() + kEntryBytes;
  if (filling_->bytes < kTransactionBytes) return {};
  Filling next = std::move(*filling_);
  filling_.reset();
  // Nobody reads it before it has its name, so nothing need last before that.
  MANIFOLDDB_TRY(next.transaction.Commit({.durability = Durability::kNone}));
  MANIFOLDDB_ASSIGN(next.transaction, database_->BeginWrite(next.family));
  MANIFOLDDB_ASSIGN(next.table, next.transaction.OpenTable(next.family, next.name, TableTypes::Any()));
  next.bytes = 0;
  filling_.emplace(std::move(next));
  return {};
}

Status NewDatabase::EndTable() {
  MANIFOLDDB_ASSERT(filling_.has_value());
  Filling last = std::move(*filling_);
  filling_.reset();
  MANIFOLDDB_TRY(last.transaction.Commit({.durability = Durability::kNone}));
  return {};
}

Result<NewDatabase::Counts> NewDatabase::Count() {
  Counts counts;
  MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database_->BeginRead());
  MANIFOLDDB_ASSIGN(const auto families, snapshot.ListColumnFamilies());
  counts.column_families = families.size();
  for (const std::string& name : families) {
    MANIFOLDDB_ASSIGN(const ColumnFamily family, snapshot.OpenColumnFamily(name));
    MANIFOLDDB_ASSIGN(const auto tables, snapshot.ListTables(family));
    counts.tables += tables.size();
    for (const std::string& table_name : tables) {
      MANIFOLDDB_ASSIGN(const ReadTable table, snapshot.OpenTable(family, table_name, TableTypes::Any()));
      MANIFOLDDB_ASSIGN(const uint64_t entries, table.Length());
      counts.entries += entries;
    }
  }
  return counts;
}

Result<NewDatabase::Counts> NewDatabase::Finish() {
  MANIFOLDDB_ASSERT(!filling_);
  MANIFOLDDB_ASSIGN(const Counts counts, Count());
  MANIFOLDDB_TRY(database_->Close());
  database_.reset();
  const std::string temporary = TemporaryName();
  const std::string log = LogName(where_.name);
  Storage& storage = *where_.storage;
  MANIFOLDDB_TRY(RefuseExisting({where_.name, log}));
  MANIFOLDDB_TRY(storage.Rename(LogName(temporary), log));
  made_ = {temporary, log, CreationName(where_.name)};
  if (!MANIFOLDDB_BROKEN("backup.log_name_sync.skip")) MANIFOLDDB_TRY(storage.SyncDirectory());
  MANIFOLDDB_TRY(storage.Rename(temporary, where_.name));
  made_.clear();
  // Empty, and of no use to anybody; what a crash leaves of it the next creation replaces.
  static_cast<void>(storage.Remove(CreationName(where_.name)));
  if (!MANIFOLDDB_BROKEN("backup.name_sync.skip")) MANIFOLDDB_TRY(storage.SyncDirectory());
  return counts;
}

}  // namespace manifolddb::db
