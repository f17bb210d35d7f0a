#pragma once
// The new database, under another name until it is complete.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifolddb/database.h"
#include "manifolddb/salvage.h"

namespace manifolddb::salvage {

// All names that files of a database have at some time, also while it is created.
std::vector<std::string> NamesOf(const std::string& name);
// And what the output is called until it is complete.
std::string TemporaryName(const std::string& name);

class Output {
 public:
  // kAlreadyExists if there is a file of one of the names, kLocked if somebody else is making one.
  // `options`: all resolved.
  static Result<std::unique_ptr<Output>> Create(const DatabaseFile& where, const Options& options);
  // Removes what was written, unless it was finished.
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Database& database() { return *database_; }

  // A new table, filled key by key, in transactions of limited size. The types' names live until EndTable.
  Status BeginTable(ColumnFamily family, std::string_view name, TableTypes types);
  Status Put(ByteView key, ByteView value);
  Status EndTable();

  // Counts what is there, closes it, and gives it its name. After an error there is nothing, unless only the
  // last sync of the directory has failed: then it is there.
  Status Finish(SalvageReport& report);

 private:
  explicit Output(DatabaseFile where) : where_(std::move(where)) {}
  // kAlreadyExists if there is a file of one of these names.
  Status RefuseExisting(const std::vector<std::string>& names) const;
  Status Count(SalvageReport& report);

  // A table that is being filled.
  struct Filling {
    ColumnFamily family;
    std::string name;
    WriteTransaction transaction;
    WriteTable table;
    uint64_t bytes = 0;  // put by the transaction
  };

  const DatabaseFile where_;
  std::unique_ptr<File> held_;  // nobody else gives a file the name meanwhile
  std::unique_ptr<Database> database_;
  std::optional<Filling> filling_;
  std::vector<std::string> made_;  // files that go unless it is finished
};

}  // namespace manifolddb::salvage
