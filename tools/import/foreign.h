#pragma once
// Databases of other engines, as tables of entries.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manifolddb/bulk_load.h"
#include "manifolddb/database.h"
#include "manifolddb/result.h"

namespace manifolddb::tools {

// One consistent state of a database that is not ours, opened for reading only.
class Foreign {
 public:
  struct Table {
    std::string name;
    std::string key_type = {};  // as TableTypes name it; empty: bytes
    std::string value_type = {};
  };

  Foreign() = default;
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  virtual ~Foreign() = default;

  virtual const std::vector<Table>& tables() const = 0;
  // The entries of a table, each once, in the foreign engine's order, encoded as its types are. Lives as long
  // as this.
  virtual Result<EntrySource> Entries(const Table& table) = 0;
};

using OpenForeign = Result<std::unique_ptr<Foreign>> (*)(const std::string& path);

// Each named database is a table; entries of the unnamed one beside them are one more, `main`. Keys that are
// integers of the machine (MDB_INTEGERKEY) become u32 or u64 (docs/types.md), which keeps their order. A
// database of several values to a key (MDB_DUPSORT) becomes a multimap table, of such integers too
// (MDB_INTEGERDUP). Refused is what is compared from its end (MDB_REVERSEKEY, MDB_REVERSEDUP), and what is
// ordered by a function of its program, as far as it can be told: by entries that do not come in the order of
// their bytes.
// Errors: kNotFound, kPermission, kCorrupt, kIo with the path; kInvalidArgument: what is refused.
Result<std::unique_ptr<Foreign>> OpenLmdb(const std::string& path);
// One table, `main`. Takes the lock of the database, as every opening of one does: kLocked if a process has
// it.
Result<std::unique_ptr<Foreign>> OpenLevelDb(const std::string& path);

struct Imported {
  std::string table;
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of keys and values
};

struct ImportOptions {
  std::string family;  // which all tables go into
  Options output = {};
  // Told now and then, with the table's name; none given: nobody is.
  std::function<void(const std::string& table, const BulkLoadProgress&)> progress = nullptr;
};

// Makes a new database, closed when this returns, with all tables of `from`. Until it is whole and durable
// its files have other names, so that neither an error nor a crash leaves anything under its own; what a
// crash leaves is named with -part. kAlreadyExists: there is a file of one of the names.
Result<std::vector<Imported>> Import(Foreign& from, const DatabaseFile& output, const ImportOptions& options);

}  // namespace manifolddb::tools
