// Persistent savepoints where something is short or fails.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/full_disk.h"
#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

Errc CodeOf(const auto& result) { return result ? Errc{} : result.error().code(); }

class KeptStateTroubleTest : public testing::Test {
 protected:
  void Open() {
    Options options = TinyOptions();
    options.cache_bytes = 512 * kTinyUnit;
    options.dirty_bytes_max = 256 * kTinyUnit;
    db_.reset();
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  Errc Put(const std::string& family_name, int from, int until, char fill) {
    auto family = db_->OpenOrCreateColumnFamily(family_name);
    if (!family) return CodeOf(family);
    auto txn = db_->BeginWrite(*family);
    if (!txn) return CodeOf(txn);
    auto table = txn->OpenOrCreateTable(*family, "t");
    if (!table) return CodeOf(table);
    for (int i = from; i < until; ++i) {
      const auto put = table->Put(AsBytes("key" + std::to_string(1000 + i)), AsBytes(std::string(60, fill)));
      if (!put) return CodeOf(put);
    }
    return CodeOf(txn->Commit());
  }
  void ExpectWhole() const {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const VerifyReport::Problem& problem : report->problems) ADD_FAILURE() << problem.what;
  }

  const std::shared_ptr<FullDisk> storage_ = std::make_shared<FullDisk>();
  std::unique_ptr<Database> db_;
};

// What a checkpoint needs must be left, however much was kept: else nothing could be given back any more.
TEST_F(KeptStateTroubleTest, OnAFullDeviceTheyCanBeDeleted) {
  Open();
  for (int i = 0; i < 12; ++i) ASSERT_EQ(Put("family" + std::to_string(i), 0, 20, 'a'), Errc{});
  ASSERT_TRUE(db_->Checkpoint());
  storage_->bytes_max = (db_->Stats().pages_total + 24) * kTinyUnit;
  int made = 0;
  for (bool room = true; room && made < 16;) {
    // Until nothing more fits.
    for (int i = 0; Put("family0", 0, 20 + i, 'b') == Errc{};) ++i;
    const auto commit = db_->CreateSavepoint("s" + std::to_string(made));
    room = commit.has_value();
    made += room ? 1 : 0;
    EXPECT_EQ(CodeOf(commit), room ? Errc{} : Errc::kNoSpace);
  }
  EXPECT_LT(made, 16);
  EXPECT_TRUE(db_->Checkpoint());
  for (int i = 0; i < made; ++i) {
    const Status deleted = db_->DeleteSavepoint("s" + std::to_string(i));
    EXPECT_TRUE(deleted) << deleted.error().ToString();
  }
  EXPECT_EQ(db_->Stats().pages_kept, 0u);
  ExpectWhole();
  EXPECT_EQ(Put("family0", 0, 5, 'z'), Errc{});
  EXPECT_TRUE(db_->Close());
}

}  // namespace
}  // namespace manifolddb
