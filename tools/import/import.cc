// What a crash or an error leaves: the new database is made beside its name, and gets it when it is whole, as
// those of restore and compact do, and by the same code.

#include "engine/base/try.h"
#include "engine/db/new_database.h"
#include "tools/import/foreign.h"

namespace manifolddb::tools {
namespace {

Result<std::vector<Imported>> Fill(Database& database, Foreign& from, const ImportOptions& options) {
  MANIFOLDDB_ASSIGN(const ColumnFamily family, database.CreateColumnFamily(options.family));
  std::vector<Imported> done;
  for (const Foreign::Table& table : from.tables()) {
    MANIFOLDDB_ASSIGN(const EntrySource entries, from.Entries(table));
    BulkLoadOptions load{.types = {.key = table.key_type, .value = table.value_type}};
    load.progress = [&](const BulkLoadProgress& at) {
      if (options.progress) options.progress(table.name, at);
      return true;
    };
    MANIFOLDDB_ASSIGN(const BulkLoadProgress loaded, database.BulkLoad(family, table.name, entries, load));
    done.push_back({table.name, loaded.entries, loaded.bytes});
  }
  return done;
}

}  // namespace

Result<std::vector<Imported>> Import(Foreign& from, const DatabaseFile& output,
                                     const ImportOptions& options) {
  Options made = options.output;
  made.executor = MakeInlineExecutor();
  MANIFOLDDB_ASSIGN(const auto database, db::NewDatabase::Create(output, made, {"tools.import", "-part"}));
  MANIFOLDDB_ASSIGN(std::vector<Imported> done, Fill(database->database(), from, options));
  MANIFOLDDB_TRY(database->Finish());
  return done;
}

}  // namespace manifolddb::tools
