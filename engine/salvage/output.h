#pragma once
// The new database, under another name until it is complete.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "manifolddb/database.h"
#include "manifolddb/salvage.h"

namespace manifolddb::salvage {

class Output {
 public:
  // kAlreadyExists if there is a file of one of the names. `options`: all resolved.
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

  // Counts what is there, closes it, and gives it its name.
  Status Finish(SalvageReport& report);

 private:
  explicit Output(DatabaseFile where) : where_(std::move(where)) {}
  Status Count(SalvageReport& report);
  std::string TemporaryName() const;

  // A table that is being filled.
  struct Filling {
    ColumnFamily family;
    std::string name;
    WriteTransaction transaction;
    WriteTable table;
    uint64_t bytes = 0;  // put by the transaction
  };

  const DatabaseFile where_;
  std::unique_ptr<Database> database_;
  std::optional<Filling> filling_;
  bool finished_ = false;
};

}  // namespace manifolddb::salvage
