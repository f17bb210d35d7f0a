#pragma once
// Databases to be damaged, with what each held after each commit.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/db/test_support.h"
#include "manifolddb/salvage.h"

namespace manifolddb {

// Keys and values by table, by family.
using Entries = std::map<std::string, std::string>;
using State = std::map<std::string, std::map<std::string, Entries>>;
// The files of a database, as bytes.
struct FileBytes {
  std::string data;
  std::string log;
  bool log_missing = false;
};

class SalvageTest : public testing::Test {
 protected:
  SalvageTest();
  ~SalvageTest() override;

  // ---- A database, commit by commit ----------------------------------------------------------------------
  void Reopen();
  void CreateFamily(const std::string& name);
  void DropFamily(const std::string& name);
  void RenameFamily(const std::string& from, const std::string& to);
  // Changes tables of family "f"; `change` changes the model likewise.
  struct Change {
    WriteTransaction& transaction;
    ColumnFamily family;
    std::map<std::string, Entries>& tables;  // of the model
    void Put(const std::string& table, const std::string& key, const std::string& value) const;
    void DeleteRange(const std::string& table, const std::string& lower, const std::string& upper) const;
  };
  void Commit(const std::string& family, const std::function<void(const Change&)>& change);
  void PutMany(const std::string& table, int from, int count, const std::string& value);
  Database& database() { return *database_; }
  const State& StateAt(uint64_t commit) const { return history_.at(commit); }
  const State& Newest() const { return history_.rbegin()->second; }

  // Its files, closed in order or as a killed process leaves them.
  FileBytes Close();
  FileBytes Abandon();

  // ---- Salvage -------------------------------------------------------------------------------------------
  struct Source {
    std::string table;
    std::string first;
    std::string last;
    std::string file;
    uint64_t offset;
    uint64_t entries;
    uint64_t extent_offset;
  };
  struct Salvaged {
    SalvageReport report;
    State state;
    std::vector<Source> sources;
  };
  // Fails the test unless it can be done, the input stays as it is, the output is whole, and what is missing
  // of the state that it claims lies in what is reported as lost.
  Salvaged Do(const FileBytes& damaged, bool allow_older = false);
  // The error; nothing was written.
  Error Refused(const FileBytes& damaged, bool allow_older = false);
  // "f/t [a,b)" and so on.
  static std::vector<std::string> Lost(const SalvageReport& report);
  // Keys of f/t that are missing.
  std::vector<std::string> Missing(const Salvaged& salvaged, const std::string& table = "t") const;

  std::shared_ptr<Storage> storage_ = MakeMemoryStorage();

 private:
  std::unique_ptr<Database> database_;
  std::map<uint64_t, State> history_;
};

// The byte at `at`, another one.
void Damage(std::string& bytes, uint64_t at);
// Shows a database as it is.
State ReadState(Database& database);
std::shared_ptr<Storage> StorageOf(const FileBytes& files);
FileBytes FilesOf(Storage& storage);

}  // namespace manifolddb
