// The meta area with bytes in it that no crash leaves, and what an opening that is refused leaves behind.

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "engine/base/checksum.h"
#include "engine/base/memory.h"
#include "engine/db/forged_files.h"
#include "engine/db/refused_opening.h"
#include "engine/db/test_support.h"
#include "engine/format/meta_page.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

Status PutInto(Database& db, const std::string& key, const std::string& value) {
  const auto family = db.OpenOrCreateColumnFamily("f");
  if (!family) return std::unexpected<Error>(family.error());
  auto txn = db.BeginWrite(*family);
  if (!txn) return std::unexpected<Error>(txn.error());
  auto table = txn->OpenOrCreateTable(*family, "t");
  if (!table) return std::unexpected<Error>(table.error());
  if (Status put = table->Put(AsBytes(key), AsBytes(value)); !put) return put;
  if (auto committed = txn->Commit(); !committed) return std::unexpected<Error>(committed.error());
  return {};
}

// Values of users lie where copies would be if write units were larger.
TEST(MetaArea, AValueThatLooksLikeMetaPagesIsNotTakenForThem) {
  constexpr uint32_t kLarge = format::kWriteUnitMax;
  format::MetaPage forged;
  forged.number = format::MetaNumber{1000};
  forged.page_size = kLarge;
  forged.write_unit = kLarge;
  forged.life = forged.log_life = format::Life{1};
  forged.clean = true;
  forged.log_capacity = 8 * uint64_t{kLarge};
  forged.page_count = 4;
  forged.next_family = format::FamilyId{1};
  auto unit = base::Buffer::Make(kLarge, "test");
  format::EncodeMetaPage(forged, 7, unit->span());
  std::string value(size_t{5} * kLarge, '\0');
  for (size_t at = 0; at < value.size(); at += kUnit) std::memcpy(value.data() + at, unit->data(), kUnit);

  const auto storage = MakeMemoryStorage();
  {
    auto db = Database::Open(storage, "db", TinyOptions());
    ASSERT_TRUE(db) << db.error().ToString();
    ASSERT_TRUE(PutInto(**db, "k", value));
    ASSERT_TRUE((*db)->Close());
  }
  // What a crash in step 1 may leave: one copy of each slot torn.
  for (const int torn : {0, 1}) {
    Files files = Files::Of(*storage);
    *files.At(uint64_t{kUnit} * torn + 100) ^= std::byte{1};
    *files.At(uint64_t{kUnit} * (2 + torn) + 100) ^= std::byte{1};
    const auto db = Database::Open(files.Mount(), "db", TinyOptions());
    EXPECT_TRUE(db) << "copies " << torn << ": " << db.error().ToString();
  }
}

TEST(MetaArea, AnIntactCopyOfANewerFormatIsRefusedWhicheverItIs) {
  const auto storage = MakeMemoryStorage();
  {
    auto db = Database::Open(storage, "db", TinyOptions());
    ASSERT_TRUE(db) << db.error().ToString();
    ASSERT_TRUE((*db)->Close());
  }
  for (int copy = 0; copy < 4; ++copy) {
    Files files = Files::Of(*storage);
    MetaPageDisk& disk = *files.MetaAt(copy);
    disk.format_version = disk.format_version + 1;
    disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
    SCOPED_TRACE("copy " + std::to_string(copy));
    ExpectRefused(files.Mount(), Errc::kNewerFormat, TinyOptions());
  }
}

// The wrong data file, or a damaged one, has been opened and refused; then the right one comes back.
TEST(RefusedOpening, DoesNotKeepOutTheDataFileThatBelongsToTheLog) {
  const auto storage = MakeMemoryStorage();
  auto db = Database::Open(storage, "db", TinyOptions());
  ASSERT_TRUE(db) << db.error().ToString();
  ASSERT_TRUE(PutInto(**db, "a", "1"));
  ASSERT_TRUE((*db)->Checkpoint());
  const Files older = Files::Of(*storage);
  ASSERT_TRUE(PutInto(**db, "b", "2"));
  ASSERT_TRUE((*db)->Checkpoint());
  ASSERT_TRUE(PutInto(**db, "c", "3"));
  const uint64_t commits = (*db)->Stats().commit_number;
  const Files newest = Files::Of(*storage);  // what a crash leaves here
  Files rotten = newest;
  rotten.Page(rotten.Meta().catalog.root.id.raw())[100] ^= std::byte{1};

  for (const std::string& wrong : {older.data, rotten.data}) {
    const auto mixed = Files{wrong, newest.log}.Mount();
    const auto refused = Database::Open(mixed, "db", TinyOptions());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kCorrupt) << refused.error().ToString();
    const Files left = Files::Of(*mixed);
    EXPECT_EQ(left.log, newest.log) << "the log is as it was";
    const auto mended = Database::Open(Files{newest.data, left.log}.Mount(), "db", TinyOptions());
    ASSERT_TRUE(mended) << mended.error().ToString();
    EXPECT_EQ((*mended)->Stats().commit_number, commits);
  }
  ASSERT_TRUE((*db)->Close());
}

}  // namespace
}  // namespace manifolddb
