// An opening that finds no room, and puts each value where it lay: what it needs for a while, and a log that
// reads otherwise the second time.

#include <gtest/gtest.h>

#include <string>

#include "engine/base/memory.h"
#include "engine/db/full_disk.h"
#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint32_t kPage = kTinyUnit;
constexpr uint64_t kPagesMax = 340;  // of the data file

std::string Key(int i) { return "key" + std::to_string(10000 + i); }
std::string LargeValue() { return std::string(5 * kPage, 'x'); }

class InPlaceTest : public testing::Test {
 protected:
  static Options RoomyOptions() {
    Options options = TinyOptions();
    options.log_bytes_initial = options.log_bytes_max = 4 << 20;
    options.cache_bytes = 4 << 20;
    options.dirty_bytes_max = 2 << 20;
    return options;
  }

  // A transaction that takes two thirds of the file for a while, and is committed behind one that fills it;
  // the process is killed behind both. Nobody was refused anything, and no checkpoint ran.
  void FillAndKill() {
    auto db = *Database::Open(storage_, "db", RoomyOptions());
    const ColumnFamily filled = *db->CreateColumnFamily("filled");
    const ColumnFamily emptied = *db->CreateColumnFamily("emptied");
    ASSERT_TRUE(db->Checkpoint());
    storage_->bytes_max = kPagesMax * kPage;
    const uint64_t checkpoints = db->Stats().checkpoints;
    auto peak = db->BeginWrite(emptied);
    auto small = peak->CreateTable(emptied, "t");
    for (int i = 0; i < 700; ++i) ASSERT_TRUE(small->Put(AsBytes(Key(i)), AsBytes(std::string(60, 'v'))));
    ASSERT_TRUE(small->DeleteRange({}));
    ASSERT_TRUE(small->Put(AsBytes(Key(1)), AsBytes(std::string("left"))));
    {
      auto txn = db->BeginWrite(filled);
      auto table = txn->CreateTable(filled, "t");
      for (int i = 0; i < 1350; ++i) ASSERT_TRUE(table->Put(AsBytes(Key(i)), AsBytes(std::string(60, 'v'))));
      ASSERT_TRUE(table->Put(AsBytes("large"), AsBytes(LargeValue())));
      ASSERT_TRUE(txn->Commit());
    }
    ASSERT_TRUE(peak->Commit());
    ASSERT_EQ(db->Stats().checkpoints, checkpoints);
    storage_->stops = true;
    db.reset();
    storage_->stops = false;
  }

  // Empty if the database holds everything, whole.
  static std::string WhyWrong(Database& db) {
    const auto report = db.Verify();
    if (!report) return report.error().ToString();
    if (!report->problems.empty()) return report->problems[0].what;
    auto txn = db.BeginRead();
    const auto large = txn->OpenTable(*db.OpenColumnFamily("filled"), "t")->Get(AsBytes("large"));
    if (!large) return large.error().ToString();
    if (!*large) return "the large value is missing";
    if (AsText((*large)->bytes()) != LargeValue()) return "another value";
    const auto left = txn->OpenTable(*db.OpenColumnFamily("emptied"), "t")->Length();
    return left && *left == 1 ? "" : "not one entry is left of the transaction that took so much";
  }

  std::shared_ptr<FullDisk> storage_ = std::make_shared<FullDisk>();
};

TEST_F(InPlaceTest, WhatATransactionNeededOnlyForAWhileIsInMemory) {
  ASSERT_NO_FATAL_FAILURE(FillAndKill());
  auto db = Database::Open(storage_, "db", RoomyOptions());
  ASSERT_TRUE(db) << db.error().ToString();
  EXPECT_GT((*db)->Stats().recovered_commits, 0u);
  EXPECT_EQ(WhyWrong(**db), "");
  EXPECT_LE((*db)->Stats().pages_total, kPagesMax);
  EXPECT_TRUE((*db)->Close());
}

// One byte of the large value changes in one reading: the first opening's, or one of the two in place.
TEST_F(InPlaceTest, ALogThatReadsOtherwiseIsNeverBelievedInPart) {
  int refused = 0;
  int opened = 0;
  for (int reading = 0; reading < 8; ++reading) {
    storage_ = std::make_shared<FullDisk>();
    ASSERT_NO_FATAL_FAILURE(FillAndKill());
    int seen = 0;
    storage_->read = [&](const std::string& file, MutableByteView bytes) {
      if (file != "db-wal") return;
      const auto run = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const size_t at = run.find(std::string(100, 'x'));
      if (at != run.npos && seen++ == reading) bytes[at + 50] ^= std::byte{1};
    };
    auto db = Database::Open(storage_, "db", RoomyOptions());
    if (!db) {
      EXPECT_EQ(db.error().code(), Errc::kCorrupt) << db.error().ToString();
      ++refused;
    } else if ((*db)->OpenColumnFamily("filled") &&
               (*db)->BeginRead()->OpenTable(*(*db)->OpenColumnFamily("filled"), "t")) {
      EXPECT_EQ(WhyWrong(**db), "") << "reading " << reading;
      ++opened;
    } else {
      // The log ended where a group could not be read; nothing said that it had been durable.
      const auto report = (*db)->Verify();
      EXPECT_TRUE(report && report->problems.empty()) << "reading " << reading;
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace manifolddb
