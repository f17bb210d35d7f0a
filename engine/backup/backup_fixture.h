#pragma once
// A database, what it holds, and what its backups give back.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "engine/db/test_support.h"
#include "manifolddb/backup.h"

namespace manifolddb {

// Keys and values by table, by family; the types of a table as an entry without key.
using Entries = std::map<std::string, std::string>;
using State = std::map<std::string, std::map<std::string, Entries>>;

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result) << result.error().ToString();
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline State ReadState(const Database& database) {
  State state;
  ReadTransaction snapshot = Must(database.BeginRead());
  for (const std::string& name : Must(snapshot.ListColumnFamilies())) {
    const ColumnFamily family = Must(snapshot.OpenColumnFamily(name));
    for (const std::string& table_name : Must(snapshot.ListTables(family))) {
      const ReadTable table = Must(snapshot.OpenTable(family, table_name, TableTypes::Any()));
      Entries& entries = state[name][table_name];
      const TableTypes types = table.types();
      entries[" types"] = std::string(types.key) + " to " + std::string(types.value);
      Cursor cursor = Must(table.NewCursor());
      for (bool any = Must(cursor.First()); any; any = Must(cursor.Next())) {
        entries["key " + std::string(AsText(cursor.key()))] = AsText(Must(cursor.value()));
      }
      EXPECT_EQ(Must(table.Length()), entries.size() - 1);
    }
    state[name];  // also without tables
  }
  return state;
}

inline std::string Key(int number) { return "key" + std::to_string(1000 + number); }

// All bytes of a file.
inline std::string ReadFile(Storage& storage, const std::string& name) {
  const auto file = Must(storage.Open(name, OpenMode::kReadOnly));
  const uint64_t size = Must(file->Size());
  if (size == 0) return {};
  base::Buffer bytes = Must(base::Buffer::Make(size, "test"));
  Must(file->Read(0, bytes.span()));
  return std::string(AsText(bytes.view()).substr(0, size));
}
inline void WriteFile(Storage& storage, const std::string& name, const std::string& text) {
  const auto file = Must(storage.Open(name, OpenMode::kCreate));
  if (text.empty()) return;
  base::Buffer bytes = Must(base::Buffer::Make(text.size(), "test"));
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(bytes.data()));
  Must(file->Write(0, bytes.view().first(text.size())));
}

class BackupTest : public testing::Test {
 protected:
  using Change = std::function<void(WriteTransaction&, ColumnFamily)>;

  BackupTest() { Open(TinyOptions()); }

  void Open(const Options& options) { database_ = Must(Database::Open(storage_, "db", options)); }
  void Close() {
    Must(database_->Close());
    database_.reset();
  }
  Database& database() { return *database_; }

  // One commit.
  void Commit(const std::string& family, const Change& change,
              Durability durability = Durability::kImmediate) {
    const ColumnFamily handle = Must(database_->OpenOrCreateColumnFamily(family));
    WriteTransaction transaction = Must(database_->BeginWrite(handle));
    change(transaction, handle);
    Must(transaction.Commit({.durability = durability}));
  }
  void Put(const std::string& family, const std::string& table, const std::string& key,
           const std::string& value) {
    Commit(family, [&](WriteTransaction& transaction, ColumnFamily handle) {
      Must(Must(transaction.OpenOrCreateTable(handle, table)).Put(AsBytes(key), AsBytes(value)));
    });
  }
  void PutMany(const std::string& family, const std::string& table, int from, int count,
               const std::string& value) {
    Commit(family, [&](WriteTransaction& transaction, ColumnFamily handle) {
      WriteTable opened = Must(transaction.OpenOrCreateTable(handle, table));
      for (int i = from; i < from + count; ++i) Must(opened.Put(AsBytes(Key(i)), AsBytes(value)));
    });
  }
  void DeleteRange(const std::string& family, const std::string& table, const std::string& lower,
                   const std::string& upper) {
    Commit(family, [&](WriteTransaction& transaction, ColumnFamily handle) {
      Must(Must(transaction.OpenTable(handle, table))
               .DeleteRange({.lower = AsBytes(lower), .upper = AsBytes(upper)}));
    });
  }

  BackupFile File(const std::string& name) const { return {backups_, name}; }
  std::vector<BackupFile> Files(const std::vector<std::string>& names) const {
    std::vector<BackupFile> files;
    for (const std::string& name : names) files.push_back(File(name));
    return files;
  }
  BackupReport Take(const std::string& name, const std::string& base = "", BackupProgressCall progress = {}) {
    BackupOptions options{.progress = std::move(progress)};
    if (!base.empty()) options.base = File(base);
    return Must(Backup(*database_, File(name), options));
  }

  // What the chain gives back, into a database of its own that is whole.
  State Restored(const std::vector<std::string>& chain) {
    const BackupCheck check = Must(CheckBackup(Files(chain)));
    for (const auto& problem : check.problems) {
      ADD_FAILURE() << problem.file << " at byte " << problem.offset << ": " << problem.what;
    }
    const auto storage = MakeMemoryStorage();
    const RestoreReport report = Must(Restore(Files(chain), {storage, "new"}, {.output = TinyOptions()}));
    EXPECT_FALSE(Must(storage->Exists("new-restore")));
    const auto restored = Must(Database::Open(storage, "new", TinyOptions()));
    const VerifyReport verified = Must(restored->Verify());
    EXPECT_TRUE(verified.ok());
    EXPECT_EQ(verified.entries, report.entries);
    EXPECT_EQ(check.entries, report.entries);
    EXPECT_EQ(check.commit_number, report.commit_number);
    return ReadState(*restored);
  }

  std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::shared_ptr<Storage> backups_ = MakeMemoryStorage();

 private:
  std::unique_ptr<Database> database_;
};

template <class T>
Errc CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Errc{} : result.error().code();
}

}  // namespace manifolddb
