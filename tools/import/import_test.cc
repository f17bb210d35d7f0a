// Databases that the other engines themselves have made, and what becomes of them.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "manifolddb/database.h"
#include "manifolddb/typed.h"
#include "tools/import/foreign.h"
#include "tools/program.h"
#include "tools/test_database.h"

#ifdef MANIFOLDDB_IMPORT_LMDB
#include <lmdb.h>
#endif
#ifdef MANIFOLDDB_IMPORT_LEVELDB
#include <leveldb/db.h>
#endif

namespace manifolddb::tools {
namespace {

using Entries = std::map<std::string, std::string>;

class ImportTest : public testing::Test {
 protected:
  Result<std::vector<Imported>> Import(OpenForeign open) {
    auto from = open(from_);
    if (!from) return std::unexpected(from.error());
    return tools::Import(**from, *DatabaseAt(output_), {.family = "imported"});
  }
  // What the new database has in a table.
  Entries Found(const std::string& table, const std::string& key_type = {}) {
    Options options;
    options.read_only = true;
    options.create_if_missing = false;
    const auto database = Database::Open(output_, options);
    EXPECT_TRUE(database) << database.error().ToString();
    EXPECT_TRUE((*database)->Verify()->ok());
    auto transaction = (*database)->BeginRead();
    const auto opened =
        transaction->OpenTable(*transaction->OpenColumnFamily("imported"), table, {.key = key_type});
    EXPECT_TRUE(opened) << opened.error().ToString();
    Entries entries;
    auto scan = opened->Entries();
    for (const auto& entry : *scan) entries.emplace(AsText(entry->key), AsText(entry->value));
    return entries;
  }
  void ExpectNothingLeft() {
    for (const char* const suffix : {"", "-wal", "-part", "-part-wal"}) {
      EXPECT_FALSE(std::filesystem::exists(output_ + suffix)) << suffix;
    }
  }

  TemporaryDirectory directory_;
  const std::string from_ = directory_ / "from";
  const std::string output_ = directory_ / "out";
};

Entries Sample(size_t count) {
  Entries entries;
  for (size_t i = 0; i < count; ++i) {
    entries.emplace("key " + std::to_string(i * 7919 % 100'003),
                    std::string(1 + i % 300, 'v') + std::to_string(i));
  }
  return entries;
}

#ifdef MANIFOLDDB_IMPORT_LMDB

class LmdbImportTest : public ImportTest {
 protected:
  void Write(const char* name, unsigned flags, const Entries& entries) {
    std::filesystem::create_directory(from_);
    MDB_env* environment = nullptr;
    ASSERT_EQ(::mdb_env_create(&environment), 0);
    ASSERT_EQ(::mdb_env_set_maxdbs(environment, 8), 0);
    ASSERT_EQ(::mdb_env_set_mapsize(environment, size_t{64} << 20), 0);
    ASSERT_EQ(::mdb_env_open(environment, from_.c_str(), MDB_NOSYNC, 0644), 0);
    MDB_txn* transaction = nullptr;
    ASSERT_EQ(::mdb_txn_begin(environment, nullptr, 0, &transaction), 0);
    MDB_dbi table = 0;
    ASSERT_EQ(::mdb_dbi_open(transaction, name, name == nullptr ? 0 : flags | MDB_CREATE, &table), 0);
    if (order_ != nullptr) {
      ASSERT_EQ(::mdb_set_compare(transaction, table, order_), 0);
    }
    for (const auto& [key, value] : entries) {
      MDB_val at{key.size(), const_cast<char*>(key.data())};
      MDB_val what{value.size(), const_cast<char*>(value.data())};
      ASSERT_EQ(::mdb_put(transaction, table, &at, &what, 0), 0);
    }
    ASSERT_EQ(::mdb_txn_commit(transaction), 0);
    ::mdb_env_close(environment);
  }

  MDB_cmp_func* order_ = nullptr;  // of the tables' program; null: LMDB's
};

TEST_F(LmdbImportTest, NamedDatabasesAreTablesAndTheUnnamedOneIsMain) {
  const Entries people = Sample(5000);
  const Entries loose = {{"a", "1"}, {"b", ""}};
  Write("people", 0, people);
  Write("empty", 0, {});
  Write(nullptr, 0, loose);
  const auto done = Import(OpenLmdb);
  ASSERT_TRUE(done) << done.error().ToString();
  ASSERT_EQ(done->size(), 3u);
  EXPECT_EQ(Found("people"), people);
  EXPECT_EQ(Found("empty"), Entries());
  EXPECT_EQ(Found("main"), loose);
}

TEST_F(LmdbImportTest, IntegersKeepTheirOrderAsTypes) {
  Entries entries;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t key = i * 255;
    entries.emplace(std::string(reinterpret_cast<const char*>(&key), sizeof key), std::to_string(i));
  }
  Write("numbers", MDB_INTEGERKEY, entries);
  ASSERT_TRUE(Import(OpenLmdb));
  const auto database = Database::Open(output_);
  auto transaction = (*database)->BeginRead();
  const TableDefinition<uint64_t, ByteView> numbers("numbers");
  const auto table = numbers.Open(*transaction, *transaction->OpenColumnFamily("imported"));
  ASSERT_TRUE(table) << table.error().ToString();
  uint64_t next = 0;
  auto scan = table->Entries();
  for (const auto& entry : *scan) {
    EXPECT_EQ(entry->key, next * 255);
    EXPECT_EQ(AsText(entry->value), std::to_string(next));
    ++next;
  }
  EXPECT_EQ(next, 1000u);
}

TEST_F(LmdbImportTest, WhatHasNoPlaceIsRefused) {
  Write("many", MDB_DUPSORT, {{"a", "1"}});
  const auto done = Import(OpenLmdb);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kInvalidArgument);
  EXPECT_NE(done.error().ToString().find("'many' has several values to a key"), std::string::npos)
      << done.error().ToString();
  ExpectNothingLeft();
}

TEST_F(LmdbImportTest, AnOrderOfItsProgramsOwnIsRefused) {
  order_ = [](const MDB_val* a, const MDB_val* b) {
    return std::string_view(static_cast<char*>(b->mv_data), b->mv_size)
        .compare({static_cast<char*>(a->mv_data), a->mv_size});
  };
  Write("backwards", 0, Sample(3));
  const auto done = Import(OpenLmdb);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kInvalidArgument) << done.error().ToString();
  EXPECT_NE(done.error().message().find("'backwards'"), std::string::npos);
  ExpectNothingLeft();
}

TEST_F(LmdbImportTest, WhatIsThereStays) {
  Write("people", 0, Sample(10));
  WriteBytes(output_, "mine");
  const auto done = Import(OpenLmdb);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kAlreadyExists);
  EXPECT_EQ(ReadBytes(output_), "mine");
}

// As a user runs the program. Its streams are closed, and no file of the new database may get their numbers.
TEST_F(LmdbImportTest, AClosedStandardStreamIsNoFileOfTheDatabase) {
  const Entries people = Sample(1000);
  Write("people", 0, people);
  const auto run = [&](const std::string& streams, const std::string& output) {
    const std::string command = MANIFOLDDB_IMPORT " lmdb '" + from_ + "' '" + output + "' " + streams;
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(run("<&- >&- 2>&-", output_), 2) << "its report could not be written";
  EXPECT_EQ(Found("people"), people);
  EXPECT_EQ(run(">/dev/full 2>/dev/null", output_ + "2"), 2);
  EXPECT_EQ(run(">/dev/null 2>&1", output_ + "3"), 0);
}

TEST_F(LmdbImportTest, WhatIsNoneIsToldWithItsPath) {
  const auto missing = OpenLmdb(from_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kNotFound) << missing.error().ToString();
  EXPECT_EQ(missing.error().file(), from_);
  WriteBytes(from_, std::string(20'000, 'x'));
  const auto none = OpenLmdb(from_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::kCorrupt) << none.error().ToString();
}

#endif

#ifdef MANIFOLDDB_IMPORT_LEVELDB

class LevelDbImportTest : public ImportTest {
 protected:
  void Write(const Entries& entries) {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* database = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(options, from_, &database).ok());
    const std::unique_ptr<leveldb::DB> owner(database);
    for (const auto& [key, value] : entries) ASSERT_TRUE(database->Put({}, key, value).ok());
  }
};

TEST_F(LevelDbImportTest, IsOneTable) {
  Entries entries = Sample(5000);
  entries.emplace(std::string("\0\xff", 2), std::string(100'000, 'L'));
  Write(entries);
  const auto done = Import(OpenLevelDb);
  ASSERT_TRUE(done) << done.error().ToString();
  ASSERT_EQ(done->size(), 1u);
  EXPECT_EQ((*done)[0].entries, entries.size());
  EXPECT_EQ(Found("main"), entries);
}

TEST_F(LevelDbImportTest, AKeyThatIsTooLongLeavesNothing) {
  Write({{"a", "1"}, {std::string(10'000, 'k'), "2"}});
  const auto done = Import(OpenLevelDb);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kKeyTooLong) << done.error().ToString();
  ExpectNothingLeft();
}

TEST_F(LevelDbImportTest, OneThatIsOpenIsLockedAndAMissingOneIsNotFound) {
  const auto missing = OpenLevelDb(from_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kNotFound) << missing.error().ToString();
  Write({{"a", "1"}});
  const auto first = OpenLevelDb(from_);
  ASSERT_TRUE(first);
  const auto second = OpenLevelDb(from_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kLocked) << second.error().ToString();
}

#endif

}  // namespace
}  // namespace manifolddb::tools
