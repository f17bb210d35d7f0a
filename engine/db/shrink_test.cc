// Giving back the end of the data file: how much, what stays, and that nothing is lost.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/memory.h"
#include "engine/db/test_support.h"
#include "engine/format/meta_page.h"
#include "engine/recovery/meta_area.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

using State = std::map<std::string, std::string>;

std::string Key(int number) { return "key" + std::to_string(1'000'000 + number); }
// Every ninth lies in an extent.
std::string ValueOf(int number) {
  return std::string(number % 9 == 0 ? 900 : 40, static_cast<char>('a' + number % 26));
}

class ShrinkTest : public testing::Test {
 protected:
  ShrinkTest() {
    Open();
    for (const char* name : {"f", "g"}) {
      const ColumnFamily family = *db_->CreateColumnFamily(name);
      for (int from = 0; from < kEntries; from += 50) {
        auto txn = db_->BeginWrite(family);
        for (const char* table_name : {"t", "u"}) {
          auto table = txn->OpenOrCreateTable(family, table_name);
          for (int i = from; i < from + 50; ++i) {
            EXPECT_TRUE(table->Put(AsBytes(Key(i)), AsBytes(ValueOf(i))));
          }
        }
        EXPECT_TRUE(txn->Commit());
      }
    }
  }
  void Open() {
    Options options = TinyOptions();
    options.cache_bytes = 512 * kTinyUnit;
    options.dirty_bytes_max = 256 * kTinyUnit;
    db_.reset();
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  // Leaves the last ones, whose pages lie furthest back.
  void DeleteMost() {
    for (const char* name : {"f", "g"}) {
      const ColumnFamily family = *db_->OpenColumnFamily(name);
      auto txn = db_->BeginWrite(family);
      for (const char* table_name : {"t", "u"}) {
        auto table = txn->OpenTable(family, table_name);
        const std::string upper = Key(kEntries - 100);
        EXPECT_TRUE(table->DeleteRange({.upper = AsBytes(upper)}));
      }
      EXPECT_TRUE(txn->Commit());
    }
  }
  static State Read(ReadTransaction& snapshot) {
    State state;
    for (const char* name : {"f", "g"}) {
      const ColumnFamily family = *snapshot.OpenColumnFamily(name);
      for (const char* table_name : {"t", "u"}) {
        const ReadTable table = *snapshot.OpenTable(family, table_name);
        Cursor cursor = *table.NewCursor();
        for (bool any = *cursor.First(); any; any = *cursor.Next()) {
          auto value = cursor.value();
          EXPECT_TRUE(value) << value.error().ToString();
          state[std::string(name) + table_name + std::string(AsText(cursor.key()))] = AsText(*value);
        }
      }
    }
    return state;
  }
  State Read() const {
    ReadTransaction snapshot = *db_->BeginRead();
    return Read(snapshot);
  }
  void ExpectWhole() const {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const VerifyReport::Problem& problem : report->problems) ADD_FAILURE() << problem.what;
  }
  uint64_t FileBytes() const { return *(*storage_->Open("db", OpenMode::kReadOnly))->Size(); }

  static constexpr int kEntries = 2000;
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
};

TEST_F(ShrinkTest, GivesBackWhatWasFreedAndLosesNothing) {
  DeleteMost();
  const State before = Read();
  EXPECT_EQ(before.size(), 400u);
  const auto report = db_->ShrinkFile();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_GT(report->pages_moved, 50u);
  EXPECT_LT(report->bytes_after * 3, report->bytes_before);
  EXPECT_EQ(report->bytes_after, FileBytes());
  EXPECT_EQ(db_->Stats().pages_total * kTinyUnit, FileBytes());
  EXPECT_EQ(Read(), before);
  ExpectWhole();
  Open();
  EXPECT_EQ(Read(), before);
  ExpectWhole();
}

TEST_F(ShrinkTest, TellsHowFarItIs) {
  DeleteMost();
  std::vector<ShrinkProgress> told;
  const auto report = db_->ShrinkFile([&](const ShrinkProgress& at) { told.push_back(at); });
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_GE(told.size(), 2u) << "once for each column family, at least";
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_GE(told[i].pages_moved, i > 0 ? told[i - 1].pages_moved : 0);
    EXPECT_EQ(told[i].pages_behind, told.front().pages_behind);
  }
  EXPECT_EQ(told.back().pages_moved, report->pages_moved);
  // Catalog and free map lie there as well, and what is moved goes with the nodes above it.
  EXPECT_GT(told.back().pages_behind * 2, report->pages_moved);
  EXPECT_LT(told.back().pages_behind, report->pages_moved * 2);
}

TEST_F(ShrinkTest, WhatItsProgressThrowsEndsItAndKeepsNobodyFromTheEndOfTheFile) {
  DeleteMost();
  const State before = Read();
  const ShrinkProgressCall throws = [](const ShrinkProgress&) { throw std::runtime_error("no"); };
  EXPECT_THROW(static_cast<void>(db_->ShrinkFile(throws)), std::runtime_error);
  EXPECT_EQ(Read(), before);
  ExpectWhole();
  const auto again = db_->ShrinkFile();
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_LT(again->bytes_after * 3, again->bytes_before);
  EXPECT_EQ(Read(), before);
  ExpectWhole();
}

TEST_F(ShrinkTest, BothMetaPagesStateNoMoreThanIsLeft) {
  DeleteMost();
  ASSERT_TRUE(db_->ShrinkFile());
  const auto data = std::move(*storage_->Open("db", OpenMode::kReadOnly));
  const auto area = recovery::ReadMetaArea(*data);
  ASSERT_TRUE(area);
  int valid = 0;
  for (const auto& slot : *area) {
    for (const format::DecodedMeta& copy : slot) {
      ASSERT_EQ(copy.verdict, format::MetaVerdict::kValid);
      EXPECT_LE(copy.meta.page_count * copy.meta.page_size, FileBytes());
      ++valid;
    }
  }
  EXPECT_EQ(valid, 4);
}

TEST_F(ShrinkTest, TheFileGrowsAgainAndIsShrunkAgain) {
  DeleteMost();
  const State few = Read();
  const auto first = db_->ShrinkFile();
  ASSERT_TRUE(first);
  const ColumnFamily family = *db_->OpenColumnFamily("f");
  for (int from = 0; from < kEntries; from += 50) {
    auto txn = db_->BeginWrite(family);
    auto table = txn->OpenTable(family, "t");
    for (int i = from; i < from + 50; ++i) ASSERT_TRUE(table->Put(AsBytes(Key(i)), AsBytes(ValueOf(i))));
    ASSERT_TRUE(txn->Commit());
  }
  EXPECT_GT(FileBytes(), 2 * first->bytes_after);
  ExpectWhole();
  DeleteMost();
  const auto second = db_->ShrinkFile();
  ASSERT_TRUE(second);
  EXPECT_LT(second->bytes_after, first->bytes_after * 2);
  EXPECT_EQ(Read(), few);
  ExpectWhole();
}

TEST_F(ShrinkTest, WhatASnapshotSeesStaysAndIsGivenBackOnceItHasGone) {
  const State all = Read();
  auto snapshot = db_->BeginRead();
  DeleteMost();
  const State few = Read();
  const auto held = db_->ShrinkFile();
  ASSERT_TRUE(held) << held.error().ToString();
  EXPECT_EQ(Read(*snapshot), all);
  EXPECT_GT(held->bytes_after * 2, held->bytes_before);
  { const auto gone = std::move(*snapshot); }
  const auto freed = db_->ShrinkFile();
  ASSERT_TRUE(freed);
  EXPECT_LT(freed->bytes_after * 2, held->bytes_after);
  EXPECT_EQ(Read(), few);
  ExpectWhole();
}

TEST_F(ShrinkTest, OfAFullFileNothingIsCutThatIsNeeded) {
  const State all = Read();
  const auto report = db_->ShrinkFile();
  ASSERT_TRUE(report);
  EXPECT_LE(report->bytes_after, report->bytes_before);
  EXPECT_EQ(Read(), all);
  ExpectWhole();
}

TEST_F(ShrinkTest, WritersGoOn) {
  DeleteMost();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const ColumnFamily family = *db_->OpenColumnFamily("g");
    for (int i = 0; !stop.load(); ++i) {
      auto txn = db_->BeginWrite(family);
      auto table = txn->OpenTable(family, "t");
      EXPECT_TRUE(table->Put(AsBytes("new" + std::to_string(i % 50)), AsBytes(ValueOf(i))));
      EXPECT_TRUE(txn->Commit());
    }
  });
  for (int i = 0; i < 5; ++i) {
    const auto report = db_->ShrinkFile();
    EXPECT_TRUE(report) << report.error().ToString();
  }
  stop = true;
  writer.join();
  const State before = Read();
  ExpectWhole();
  Open();
  EXPECT_EQ(Read(), before);
  ExpectWhole();
}

TEST_F(ShrinkTest, IsRefusedWhereNothingMayBeWritten) {
  {
    auto txn = db_->BeginWrite(*db_->OpenColumnFamily("f"));
    const auto busy = db_->ShrinkFile();
    ASSERT_TRUE(busy || busy.error().code() == Errc::kBusy) << busy.error().ToString();
  }
  ASSERT_TRUE(db_->Close());
  const auto closed = db_->ShrinkFile();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), Errc::kClosed);
  Options options = TinyOptions();
  options.read_only = true;
  const auto reading = std::move(*Database::Open(storage_, "db", options));
  const auto refused = reading->ShrinkFile();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kReadOnly);
}

// There is nothing to be moved; the catalog and the free map of the checkpoint before lie at the end.
TEST(Shrink, OfAFileThatIsAllFreeTakesOneCall) {
  Options options;
  options.executor = MakeInlineExecutor();
  auto opened = Database::Open(MakeMemoryStorage(), "db", options);
  ASSERT_TRUE(opened) << opened.error().ToString();
  Database& db = **opened;
  const ColumnFamily family = *db.CreateColumnFamily("f");
  for (const bool fills : {true, false}) {
    auto txn = db.BeginWrite(family);
    auto table = txn->OpenOrCreateTable(family, "t");
    for (int i = 0; fills && i < 20; ++i)
      ASSERT_TRUE(table->Put(AsBytes(Key(i)), AsBytes(std::string(1 << 20, 'v'))));
    const uint64_t deleted = fills ? 0 : *table->DeleteRange({});
    ASSERT_EQ(deleted, fills ? 0u : 20u);
    ASSERT_TRUE(txn->Commit());
    ASSERT_TRUE(db.Checkpoint());
  }
  const auto first = db.ShrinkFile();
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_LT(first->bytes_after * 8, first->bytes_before);
  EXPECT_EQ(db.ShrinkFile()->bytes_after, first->bytes_after);
}

}  // namespace
}  // namespace manifolddb
