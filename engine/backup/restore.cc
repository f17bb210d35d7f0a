// Restore: a chain of backups into a new database.
//
// (1) Everything is read, checked and counted before the new database has its name.
// (2) What is wrong with a backup ends it; what was written so far is removed.

#include <map>
#include <utility>

#include "engine/backup/chain.h"
#include "engine/base/try.h"
#include "engine/db/new_database.h"
#include "manifolddb/backup.h"

namespace manifolddb {
namespace {

constexpr db::NewDatabase::Purpose kRestorePurpose = {"backup.restore", "-restore"};
constexpr uint64_t kRestoredEach = 1000;  // between two calls of progress

// Column families of the new database, by the ids that the backup knows.
using RestoredFamilies = std::map<format::FamilyId, ColumnFamily>;

Status RestoreTable(backup::Chain& chain, const backup::TableListed& table, ColumnFamily family,
                    db::NewDatabase& output, const std::function<void()>& entry_copied) {
  MANIFOLDDB_TRY(output.BeginTable(family, table.name, {.key = table.key_type, .value = table.value_type}));
  for (;;) {
    MANIFOLDDB_ASSIGN(const bool any, chain.NextEntry());
    if (!any) break;
    MANIFOLDDB_TRY(output.Put(chain.key(), chain.value()));
    entry_copied();
  }
  return output.EndTable();
}

}  // namespace

Result<RestoreReport> Restore(std::span<const BackupFile> files, const DatabaseFile& output,
                              const RestoreOptions& options) {
  MANIFOLDDB_ASSIGN(backup::Chain chain, backup::Chain::Open(files));
  const backup::Catalog& catalog = chain.catalog();
  Options created = options.output;
  created.create_if_missing = true;
  created.read_only = false;
  created.page_size = catalog.snapshot.page_size;
  created.write_unit = catalog.snapshot.write_unit;
  MANIFOLDDB_ASSIGN(const auto database, db::NewDatabase::Create(output, created, kRestorePurpose));
  RestoredFamilies families;
  for (const backup::FamilyListed& family : catalog.families) {
    MANIFOLDDB_ASSIGN(families[family.family], database->database().CreateColumnFamily(family.name));
  }
  BackupProgress progress{.entries_total = catalog.entries()};
  const std::function<void()> entry_copied = [&] {
    if (++progress.entries % kRestoredEach != 0 || !options.progress) return;
    progress.bytes = chain.bytes_read();
    options.progress(progress);
  };
  for (;;) {
    MANIFOLDDB_ASSIGN(const std::optional<size_t> number, chain.NextTable());
    if (!number) break;
    const backup::TableListed& table = catalog.tables[*number];
    MANIFOLDDB_TRY(RestoreTable(chain, table, families[table.place.family], *database, entry_copied));
  }
  MANIFOLDDB_ASSIGN(const db::NewDatabase::Counts counts, database->Finish());
  return RestoreReport{.commit_number = catalog.snapshot.commit,
                       .column_families = counts.column_families,
                       .tables = counts.tables,
                       .entries = counts.entries};
}

}  // namespace manifolddb
