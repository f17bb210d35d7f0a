// Databases that the other engines themselves have made, and what becomes of them.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "manifolddb/database.h"
#include "manifolddb/multimap.h"
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
  template <class Pairs>
  void Write(const char* name, unsigned flags, const Pairs& entries) {
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
    if (value_order_ != nullptr) {
      ASSERT_EQ(::mdb_set_dupsort(transaction, table, value_order_), 0);
    }
    for (const auto& [key, value] : entries) {
      MDB_val at{key.size(), const_cast<char*>(key.data())};
      MDB_val what{value.size(), const_cast<char*>(value.data())};
      ASSERT_EQ(::mdb_put(transaction, table, &at, &what, 0), 0);
    }
    ASSERT_EQ(::mdb_txn_commit(transaction), 0);
    ::mdb_env_close(environment);
  }

  // As the import of a multimap of these types has made it.
  template <class K, class V>
  std::vector<std::pair<std::string, std::string>> Pairs(const char* name) {
    const auto database = Database::Open(output_);
    EXPECT_TRUE((*database)->Verify()->ok());
    auto transaction = (*database)->BeginRead();
    const MultimapTableDefinition<K, V> definition(name);
    const auto table = definition.Open(*transaction, *transaction->OpenColumnFamily("imported"));
    EXPECT_TRUE(table) << table.error().ToString();
    std::vector<std::pair<std::string, std::string>> pairs;
    auto scan = table->Entries();
    for (const auto& entry : *scan) pairs.emplace_back(TextOf(entry->key), TextOf(entry->value));
    return pairs;
  }
  static std::string TextOf(uint64_t number) { return std::to_string(number); }
  static std::string TextOf(ByteView bytes) { return std::string(AsText(bytes)); }

  // Of the tables' program; null: LMDB's.
  MDB_cmp_func* order_ = nullptr;
  MDB_cmp_func* value_order_ = nullptr;
};

int Backwards(const MDB_val* a, const MDB_val* b) {
  return std::string_view(static_cast<char*>(b->mv_data), b->mv_size)
      .compare({static_cast<char*>(a->mv_data), a->mv_size});
}

TEST_F(LmdbImportTest, NamedDatabasesAreTablesAndTheUnnamedOneIsMain) {
  const Entries people = Sample(5000);
  const Entries loose = {{"a", "1"}, {"b", ""}};
  Write("people", 0, people);
  Write("empty", 0, Entries());
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

TEST_F(LmdbImportTest, SeveralValuesToAKeyAreAMultimap) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> tags = {
      {"a"s, "\0"s},     {"a"s, "x"s},        {"a\0"s, "\0\xff"s},
      {"a\0\0b"s, "1"s}, {"a\xff"s, "long"s}, {"b"s, std::string(500, 'v')},
      {"c"s, ""s}};
  Write("tags", MDB_DUPSORT, tags);
  const auto done = Import(OpenLmdb);
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ((*done)[0].entries, tags.size());
  EXPECT_EQ((Pairs<std::vector<std::byte>, std::vector<std::byte>>("tags")), tags);
}

TEST_F(LmdbImportTest, AMultimapOfIntegersKeepsTheirOrder) {
  const auto bytes = [](auto number) {
    return std::string(reinterpret_cast<const char*>(&number), sizeof number);
  };
  std::vector<std::pair<std::string, std::string>> stored;
  std::vector<std::pair<std::string, std::string>> expected;
  for (uint64_t key = 0; key < 10; ++key) {
    for (uint32_t value = 0; value < 10; ++value) {
      stored.emplace_back(bytes(key * 255), bytes(value * 255));
      expected.emplace_back(std::to_string(key * 255), std::to_string(value * 255));
    }
  }
  Write("numbers", MDB_DUPSORT | MDB_INTEGERKEY | MDB_INTEGERDUP | MDB_DUPFIXED, stored);
  Write("none", MDB_DUPSORT | MDB_INTEGERDUP | MDB_DUPFIXED, Entries());
  const auto done = Import(OpenLmdb);
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ((Pairs<uint64_t, uint32_t>("numbers")), expected);
  EXPECT_TRUE((Pairs<std::vector<std::byte>, uint64_t>("none")).empty());
}

TEST_F(LmdbImportTest, FlagsForSeveralValuesMeanNothingWhereThereIsOne) {
  const Entries people = Sample(10);
  Write("people", MDB_REVERSEDUP | MDB_INTEGERDUP, people);
  const auto done = Import(OpenLmdb);
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(Found("people"), people);
}

TEST_F(LmdbImportTest, WhatHasNoPlaceIsRefused) {
  for (const auto& [flags, what] : {std::pair<unsigned, const char*>(MDB_REVERSEKEY, "compares keys"),
                                    {MDB_DUPSORT | MDB_REVERSEDUP, "compares values"}}) {
    Write("odd", flags, Entries{{"a", "1"}});
    const auto done = Import(OpenLmdb);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kInvalidArgument);
    EXPECT_NE(done.error().ToString().find(std::string("'odd' ") + what), std::string::npos)
        << done.error().ToString();
    ExpectNothingLeft();
    std::filesystem::remove_all(from_);
  }
}

TEST_F(LmdbImportTest, AnOrderOfValuesOfItsProgramsOwnIsRefused) {
  value_order_ = Backwards;
  Write("backwards", MDB_DUPSORT, std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"a", "2"}});
  const auto done = Import(OpenLmdb);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kInvalidArgument) << done.error().ToString();
  EXPECT_NE(done.error().message().find("entries of 'backwards'"), std::string::npos);
  ExpectNothingLeft();
}

TEST_F(LmdbImportTest, AnOrderOfItsProgramsOwnIsRefused) {
  order_ = Backwards;
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
