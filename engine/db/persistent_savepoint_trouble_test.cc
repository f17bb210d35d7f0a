// Persistent savepoints where something is short or fails.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/database_impl.h"
#include "engine/db/forged_files.h"
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

// What is restored is changed from then on, so nothing of it may pass for a page of this very life, which is
// given up without a question.
TEST_F(KeptStateTroubleTest, ATreeBornInALifeToComeIsRefused) {
  Open();
  ASSERT_EQ(Put("a", 0, 40, 'a'), Errc{});
  ASSERT_TRUE(db_->CreateSavepoint("s"));
  ASSERT_EQ(Put("a", 0, 40, 'b'), Errc{});
  ASSERT_TRUE(db_->Close());
  Files files = Files::Of(*storage_);
  const format::MetaPage meta = files.Meta();
  const auto as = [&]<class Disk>(Disk, PageRef root, const std::string& key) {
    return reinterpret_cast<Disk*>(files.ValueOf(root, AsBytes(key)));
  };
  auto* const savepoint =
      as(format::SavepointRecordDisk{}, meta.catalog.root, format::SavepointKey(AsBytes("s")));
  const PageRef catalog{format::PageId{savepoint->catalog_root_id},
                        format::Birth{savepoint->catalog_root_birth}};
  const auto* const family = as(format::FamilyRecordDisk{}, catalog, format::FamilyKey(AsBytes("a")));
  const PageRef tables{format::PageId{family->tables_root_id}, format::Birth{family->tables_root_birth}};
  auto* const table = as(format::TableRecordDisk{}, tables, "t");
  // The root is of the life of the next opening, and its page nobody's.
  const uint64_t root = table->root_id;
  const uint64_t birth = format::FirstBirth(meta.life.next()).raw() + 7;
  table->root_birth = birth;
  files.Seal(files.LeafOf(tables, AsBytes("t")));
  reinterpret_cast<format::NodeHeader*>(files.Page(root))->birth = birth;
  files.Seal(root);
  const MutableByteView bytes(files.Page(savepoint->free_map_first), (savepoint->page_count + 7) / 8);
  auto map = format::PageBitmap::Decode(bytes, savepoint->page_count);
  map.Set({format::PageId{root}, 1});
  map.Encode(bytes);
  savepoint->free_map_checksum = base::Checksum64(bytes);
  files.Seal(files.LeafOf(meta.catalog.root, AsBytes(format::SavepointKey(AsBytes("s")))));

  db_ = std::move(*Database::Open(files.Mount(), "db", TinyOptions()));
  EXPECT_EQ(CodeOf(db_->BeginRead("s")), Errc::kCorrupt);
  EXPECT_EQ(CodeOf(db_->RestoreSavepoint("s")), Errc::kCorrupt);
  ASSERT_EQ(Put("a", 0, 40, 'c'), Errc{});
  EXPECT_FALSE(db_->Verify()->ok());
}

// Each restoring makes a version of every family that was used; nobody else may ever write it.
TEST_F(KeptStateTroubleTest, VersionsDoNotPileUp) {
  Open();
  ASSERT_EQ(Put("a", 0, 5, 'a'), Errc{});
  ASSERT_TRUE(db_->CreateSavepoint("s"));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(db_->RestoreSavepoint("s"));
  const txn::Families& families = *db::DatabaseInside::Of(*db_).core().families;
  EXPECT_LT(families.FindByName("a", txn::kNewestOrdered)->versions.length(), 10u);
}

}  // namespace
}  // namespace manifolddb
