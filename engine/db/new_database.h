#pragma once
// A new database that is filled table by table, under another name until it is complete.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb::db {

// All names that files of a database have at some time, also while it is created.
std::vector<std::string> NamesOf(const std::string& name);

class NewDatabase {
 public:
  // Who makes it.
  struct Purpose {
    const char* operation;  // in errors
    const char* suffix;     // behind the name until it is complete
  };
  struct Counts {
    uint64_t column_families = 0;
    uint64_t tables = 0;
    uint64_t entries = 0;
  };

  // kAlreadyExists if there is a file of one of the names, kLocked if somebody else is making one.
  // `options`: all resolved.
  static Result<std::unique_ptr<NewDatabase>> Create(const DatabaseFile& where, const Options& options,
                                                     const Purpose& purpose);
  // Removes what was written, unless it was finished.
  ~NewDatabase();
  NewDatabase(const NewDatabase&) = delete;
  NewDatabase& operator=(const NewDatabase&) = delete;

  Database& database() { return *database_; }

  // A new table, filled key by key, in transactions of limited size. The types' names live until EndTable.
  Status BeginTable(ColumnFamily family, std::string_view name, TableTypes types);
  Status Put(ByteView key, ByteView value);
  Status EndTable();

  // Counts what is there, closes it, and gives it its name. After an error there is nothing, unless only the
  // last sync of the directory has failed: then it is there.
  Result<Counts> Finish();

 private:
  NewDatabase(DatabaseFile where, const Purpose& purpose) : where_(std::move(where)), purpose_(purpose) {}
  std::string TemporaryName() const { return where_.name + purpose_.suffix; }
  // kAlreadyExists if there is a file of one of these names.
  Status RefuseExisting(const std::vector<std::string>& names) const;
  Result<Counts> Count();

  // A table that is being filled.
  struct Filling {
    ColumnFamily family;
    std::string name;
    WriteTransaction transaction;
    WriteTable table;
    uint64_t bytes = 0;  // put by the transaction
  };

  const DatabaseFile where_;
  const Purpose purpose_;
  std::unique_ptr<File> held_;  // nobody else gives a file the name meanwhile
  std::unique_ptr<Database> database_;
  std::optional<Filling> filling_;
  std::vector<std::string> made_;  // files that go unless it is finished
};

}  // namespace manifolddb::db
