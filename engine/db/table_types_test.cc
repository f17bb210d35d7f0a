// The types of tables by name: stored with them, compared when they are opened, kept through everything that
// happens to a table.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "engine/db/family_fixture.h"
#include "engine/db/forged_files.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr TableTypes kTypes = {.key = "u64", .value = "string"};

class TableTypesTest : public FamilyTest {
 protected:
  // As after the power was cut now: the log is replayed.
  void Crash() {
    auto copy = Files::Of(*storage_).Mount();
    db_.reset();
    storage_ = std::move(copy);
    Open();
    EXPECT_GT(db_->Stats().recovered_commits, 0u);
  }
  void Change(const std::function<void(WriteTransaction&)>& change, CommitOptions options = {}) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn);
    change(*txn);
    const auto committed = txn->Commit(options);
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  void Create(const std::string& name, TableTypes types, CommitOptions options = {}) {
    Change(
        [&](WriteTransaction& txn) {
          auto table = txn.CreateTable(family_, name, types);
          ASSERT_TRUE(table) << table.error().ToString();
          EXPECT_EQ(table->types().key, types.key);
          ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
        },
        options);
  }
  // "key/value" types as stored, to readers and to writers.
  std::string Types(const std::string& name) {
    auto snapshot = db_->BeginRead();
    auto read = snapshot->OpenTable(family_, name, TableTypes::Any());
    if (!read) return std::string(Name(read.error().code()));
    auto txn = db_->BeginWrite(family_);
    auto written = txn->OpenTable(family_, name, TableTypes::Any());
    EXPECT_TRUE(written);
    EXPECT_EQ(read->types().key, written->types().key);
    EXPECT_EQ(read->types().value, written->types().value);
    EXPECT_TRUE(read->Get(AsBytes("k"))->has_value());
    return std::string(read->types().key) + "/" + std::string(read->types().value);
  }
};

TEST_F(TableTypesTest, AnotherTypeIsRefusedAndBothAreNamed) {
  Create("t", kTypes);
  auto snapshot = db_->BeginRead();
  auto txn = db_->BeginWrite(family_);
  const TableTypes wrong = {.key = "i64", .value = "string"};
  const auto read = snapshot->OpenTable(family_, "t", wrong);
  const auto write = txn->OpenTable(family_, "t", wrong);
  const auto either = txn->OpenOrCreateTable(family_, "t", wrong);
  for (const Error& error : {read.error(), write.error(), either.error()}) {
    EXPECT_EQ(error.code(), Errc::kTypeMismatch);
    EXPECT_EQ(error.message(),
              "table 't' holds keys 'u64' and values 'string', not keys 'i64' and values 'string'");
  }
  EXPECT_TRUE(snapshot->OpenTable(family_, "t", kTypes));
  EXPECT_TRUE(txn->OpenTable(family_, "t", kTypes));
  EXPECT_TRUE(txn->OpenOrCreateTable(family_, "t", kTypes));
}

TEST_F(TableTypesTest, TypesAndRawBytesAreNotTakenForEachOther) {
  Create("t", kTypes);
  Create("b", {});
  auto snapshot = db_->BeginRead();
  const auto bytes = snapshot->OpenTable(family_, "t");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().message(),
            "table 't' holds keys 'u64' and values 'string', not keys raw bytes and values raw bytes");
  EXPECT_EQ(snapshot->OpenTable(family_, "b", kTypes).error().code(), Errc::kTypeMismatch);
  EXPECT_TRUE(snapshot->OpenTable(family_, "b"));
  EXPECT_EQ(Types("t"), "u64/string");
  EXPECT_EQ(Types("b"), "/");
}

TEST_F(TableTypesTest, TheySurviveReopeningReplayAndCheckpoints) {
  Create("t", kTypes);
  Create("value", {.value = "json"});
  Crash();
  EXPECT_EQ(Types("t"), "u64/string");
  EXPECT_EQ(Types("value"), "/json");
  Open();
  EXPECT_EQ(Types("t"), "u64/string");
  Create("through", {.key = "i8", .value = "f64"}, {.through_checkpoint = true});
  Change([&](WriteTransaction& txn) {  // its record is written once more
    auto table = txn.OpenTable(family_, "t", kTypes);
    ASSERT_TRUE(table->Put(AsBytes("l"), AsBytes("w")));
  });
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_EQ(Types("t"), "u64/string");
  Open();
  EXPECT_EQ(Types("t"), "u64/string");
  EXPECT_EQ(Types("value"), "/json");
  EXPECT_EQ(Types("through"), "i8/f64");
}

TEST_F(TableTypesTest, ARenamedTableKeepsThemAndADroppedOneTakesThemAlong) {
  Create("t", kTypes);
  ASSERT_TRUE(db_->Checkpoint());
  const std::string longest(kNameBytesMax, 'n');
  Change([&](WriteTransaction& txn) {
    ASSERT_TRUE(txn.RenameTable(family_, "t", longest));
    auto other = txn.CreateTable(family_, "t", {.key = "bool", .value = "u8"});
    ASSERT_TRUE(other->Put(AsBytes("k"), AsBytes("v")));
  });
  EXPECT_EQ(Types(longest), "u64/string");
  EXPECT_EQ(Types("t"), "bool/u8");
  Crash();
  EXPECT_EQ(Types(longest), "u64/string");
  EXPECT_EQ(Types("t"), "bool/u8");
  Change([&](WriteTransaction& txn) { ASSERT_TRUE(txn.DropTable(family_, "t")); });
  EXPECT_EQ(Types("t"), "kNoSuchTable");
  Create("t", {});
  EXPECT_EQ(Types("t"), "/");
  Open();
  EXPECT_EQ(Types("t"), "/");
  EXPECT_EQ(Types(longest), "u64/string");
}

TEST_F(TableTypesTest, NamesThatAreTooLongCreateNothing) {
  // As long as pages of 512 bytes allow.
  const std::string fits(20, 'k');
  auto txn = db_->BeginWrite(family_);
  EXPECT_TRUE(txn->CreateTable(family_, "t", {.key = fits, .value = "four"}));
  const auto longer = txn->CreateTable(family_, "u", {.key = fits, .value = "fiver"});
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(txn->OpenOrCreateTable(family_, "u", TableTypes::Any()).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(txn->OpenTable(family_, "u", TableTypes::Any()).error().code(), Errc::kNoSuchTable);

  Options options;
  options.page_size = 4096;
  options.executor = MakeInlineExecutor();
  auto db = Database::Open(MakeMemoryStorage(), "db", options);
  auto wide = (*db)->BeginWrite(*(*db)->CreateColumnFamily("a"));
  const std::string longest(kTypeNameBytesMax, 'k');
  const std::string name(kNameBytesMax, 'n');
  const ColumnFamily family = *(*db)->OpenColumnFamily("a");
  EXPECT_TRUE(wide->CreateTable(family, name, {.key = longest, .value = longest}));
  const auto over = wide->CreateTable(family, "u", {.key = longest + "k"});
  EXPECT_EQ(over.error().code(), Errc::kInvalidArgument);
  ASSERT_TRUE(wide->Commit());
  ASSERT_TRUE((*db)->Checkpoint());
  const auto report = (*db)->Verify();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->problems.empty());
}

}  // namespace
}  // namespace manifolddb
