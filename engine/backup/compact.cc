// Compact: one snapshot into a new database, through the public interface. Keys come in order, so that each
// page is filled before the next one is begun.

#include <algorithm>
#include <utility>

#include "engine/base/try.h"
#include "engine/db/database_impl.h"
#include "engine/db/new_database.h"
#include "manifolddb/backup.h"

namespace manifolddb {
namespace {

constexpr db::NewDatabase::Purpose kCompactPurpose = {"database.compact", "-compact"};
constexpr uint64_t kCopiedEach = 1000;  // between two calls of progress

class CompactCopy {
 public:
  CompactCopy(ReadTransaction& snapshot, db::NewDatabase& output, const BackupProgressCall& told)
      : snapshot_(snapshot), output_(output), told_(told) {}

  Status Run() {
    MANIFOLDDB_ASSIGN(const auto names, snapshot_.ListColumnFamilies());
    std::vector<std::pair<uint64_t, std::string>> families;  // in the order in which they were created
    for (const std::string& name : names) {
      MANIFOLDDB_ASSIGN(const ColumnFamily family, snapshot_.OpenColumnFamily(name));
      families.emplace_back(family.id(), name);
      MANIFOLDDB_TRY(CountEntries(family));
    }
    std::ranges::sort(families);
    for (const auto& [id, name] : families) {
      MANIFOLDDB_ASSIGN(const ColumnFamily made, output_.database().CreateColumnFamily(name));
      MANIFOLDDB_ASSIGN(const auto tables, snapshot_.ListTables(ColumnFamily(id)));
      for (const std::string& table : tables) MANIFOLDDB_TRY(Table(ColumnFamily(id), made, table));
    }
    return {};
  }

 private:
  Status CountEntries(ColumnFamily family) {
    MANIFOLDDB_ASSIGN(const auto tables, snapshot_.ListTables(family));
    for (const std::string& name : tables) {
      MANIFOLDDB_ASSIGN(const ReadTable table, snapshot_.OpenTable(family, name, TableTypes::Any()));
      MANIFOLDDB_ASSIGN(const uint64_t entries, table.Length());
      progress_.entries_total += entries;
    }
    return {};
  }

  Status Table(ColumnFamily from, ColumnFamily to, const std::string& name) {
    MANIFOLDDB_ASSIGN(const ReadTable table, snapshot_.OpenTable(from, name, TableTypes::Any()));
    MANIFOLDDB_TRY(output_.BeginTable(to, name, table.types()));
    MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor());
    MANIFOLDDB_ASSIGN(bool any, cursor.First());
    while (any) {
      MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
      MANIFOLDDB_TRY(output_.Put(cursor.key(), value));
      if (++progress_.entries % kCopiedEach == 0 && told_) told_(progress_);
      MANIFOLDDB_ASSIGN(any, cursor.Next());
    }
    return output_.EndTable();
  }

  ReadTransaction& snapshot_;
  db::NewDatabase& output_;
  const BackupProgressCall& told_;
  BackupProgress progress_;
};

Result<uint64_t> SizeOfDataFile(const DatabaseFile& database) {
  MANIFOLDDB_ASSIGN(const auto file, database.storage->Open(database.name, OpenMode::kReadOnly));
  return file->Size();
}

}  // namespace

Result<CompactReport> Compact(const Database& database, const DatabaseFile& output,
                              const CompactOptions& options) {
  MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database.BeginRead());
  MANIFOLDDB_ASSIGN(const uint64_t bytes_before, db::DatabaseInside::Of(database).core().file->file().Size());
  const DatabaseStats stats = database.Stats();
  Options created = options.output;
  created.create_if_missing = true;
  created.read_only = false;
  created.page_size = static_cast<uint32_t>(stats.page_size);
  created.write_unit = static_cast<uint32_t>(stats.write_unit);
  MANIFOLDDB_ASSIGN(const auto written, db::NewDatabase::Create(output, created, kCompactPurpose));
  MANIFOLDDB_TRY(CompactCopy(snapshot, *written, options.progress).Run());
  MANIFOLDDB_ASSIGN(const db::NewDatabase::Counts counts, written->Finish());
  MANIFOLDDB_ASSIGN(const uint64_t bytes_after, SizeOfDataFile(output));
  return CompactReport{.commit_number = snapshot.commit_number(),
                       .column_families = counts.column_families,
                       .tables = counts.tables,
                       .entries = counts.entries,
                       .bytes_before = bytes_before,
                       .bytes_after = bytes_after};
}

}  // namespace manifolddb
