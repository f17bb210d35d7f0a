// What lasts, a page that rotted or a disk that is full, must not stop what has nothing to do with it.

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "engine/base/memory.h"
#include "engine/btree/node_view.h"
#include "engine/db/forged_files.h"
#include "engine/db/full_disk.h"
#include "engine/db/refused_opening.h"
#include "engine/db/test_support.h"
#include "engine/format/page_header.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint32_t kPage = kTinyUnit;

std::string Key(int i) { return "key" + std::to_string(10000 + i); }

class TroubleTest : public testing::Test {
 protected:
  void Open() {
    db_.reset();
    auto opened = Database::Open(storage_, "db", TinyOptions());
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  // One commit.
  Status Fill(const std::string& name, int first, int last, size_t value_bytes) {
    auto family = db_->OpenOrCreateColumnFamily(name);
    if (!family) return std::unexpected<Error>(family.error());
    auto txn = db_->BeginWrite(*family);
    if (!txn) return std::unexpected<Error>(txn.error());
    auto table = txn->OpenOrCreateTable(*family, "t");
    if (!table) return std::unexpected<Error>(table.error());
    for (int i = first; i < last; ++i) {
      if (Status put = table->Put(AsBytes(Key(i)), AsBytes(std::string(value_bytes, 'v'))); !put) return put;
    }
    if (auto committed = txn->Commit(); !committed) return std::unexpected<Error>(committed.error());
    return {};
  }
  // Where the leaf with the key lies in the file.
  uint64_t OffsetOfLeafWith(const std::string& key) {
    auto file = storage_->Open("db", OpenMode::kReadOnly);
    auto bytes = base::Buffer::Make(*(*file)->Size(), "test");
    EXPECT_TRUE((*file)->Read(0, bytes->span()));
    for (uint64_t at = 0; at < bytes->size(); at += kPage) {
      const ByteView page = bytes->view().subspan(at, kPage);
      const auto& header = *reinterpret_cast<const format::NodeHeader*>(page.data());
      const format::PageRef ref{format::PageId{header.page_id}, format::Birth{header.birth}};
      if (header.page_id != at / kPage || format::WhyInvalid(page, ref) != nullptr) continue;
      const btree::NodeView node(page.data());
      if (node.leaf() && node.Find(AsBytes(key)).equal) return at;
    }
    ADD_FAILURE() << "no leaf with " << key;
    return 0;
  }
  void FlipAByteAt(uint64_t offset) {
    auto file = storage_->Open("db", OpenMode::kReadWrite);
    auto page = base::Buffer::Make(kPage, "test");
    ASSERT_TRUE((*file)->Read(offset, page->span()));
    page->data()[300] ^= std::byte{1};
    ASSERT_TRUE((*file)->Write(offset, page->view().first(kPage)));
  }
  // Problems that Verify finds, those at `offset` and others.
  std::pair<size_t, size_t> Problems(uint64_t offset) {
    const auto report = db_->Verify();
    EXPECT_TRUE(report) << report.error().ToString();
    std::pair<size_t, size_t> found{0, 0};
    for (const auto& problem : report->problems) ++(problem.offset == offset ? found.first : found.second);
    return found;
  }

  const std::shared_ptr<FullDisk> storage_ = std::make_shared<FullDisk>();
  std::unique_ptr<Database> db_;
};

TEST_F(TroubleTest, AReadThatFailsInACheckpointStopsThatCheckpointOnly) {
  Open();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(db_->CreateColumnFamily("family " + std::to_string(i)));
  ASSERT_TRUE(db_->Close());
  Open();
  ASSERT_TRUE(Fill("family 0", 0, 10, 60));
  ASSERT_TRUE(Fill("large", 0, 2000, 60));
  ASSERT_TRUE(db_->Checkpoint());
  ASSERT_TRUE(Fill("family 7", 0, 10, 60));
  ASSERT_TRUE(db_->Verify()->problems.empty());  // reads so much that the catalog is not in memory any more
  storage_->reads_fail = true;
  const Status failed = db_->Checkpoint();
  storage_->reads_fail = false;
  ASSERT_FALSE(failed) << "it had nothing to read";
  EXPECT_EQ(failed.error().code(), Errc::kIo);
  EXPECT_TRUE(Fill("family 8", 0, 10, 60)) << "nothing that was to be written failed";
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_TRUE(db_->Verify()->problems.empty());
  EXPECT_TRUE(db_->Close());
}

// The log has been used by a later opening than the data file knows of: somebody put back an older copy.
TEST_F(TroubleTest, ADamagedPageIsReportedWithTheEntryThatWasAskedFor) {
  Open();
  ASSERT_TRUE(Fill("f", 0, 200, 40));
  ASSERT_TRUE(db_->Close());
  const uint64_t damaged = OffsetOfLeafWith(Key(100));
  FlipAByteAt(damaged);
  Open();
  const ColumnFamily family = *db_->OpenColumnFamily("f");
  const auto expect_named = [&](const Result<std::optional<Value>>& got) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::kCorrupt);
    EXPECT_EQ(got.error().file(), "db");
    EXPECT_EQ(got.error().offset(), damaged);
    EXPECT_NE(got.error().message().find("checksum mismatch"), std::string::npos) << got.error().ToString();
    EXPECT_NE(got.error().message().find("table 't', key '" + Key(100) + "'"), std::string::npos)
        << got.error().ToString();
  };
  auto reader = db_->BeginRead();
  expect_named(reader->OpenTable(family, "t")->Get(AsBytes(Key(100))));
  auto writer = db_->BeginWrite(family);
  expect_named(writer->OpenTable(family, "t")->Get(AsBytes(Key(100))));
}

TEST_F(TroubleTest, AnOlderDataFileBesideANewerLogIsRefusedAlsoWhereItWasClosed) {
  Open();
  ASSERT_TRUE(Fill("a", 0, 10, 60));
  ASSERT_TRUE(db_->Close());
  const Files closed = Files::Of(*storage_);
  Open();
  ASSERT_TRUE(Fill("a", 10, 20, 60));
  ASSERT_TRUE(db_->Checkpoint());
  ASSERT_TRUE(Fill("a", 20, 30, 60));
  ASSERT_TRUE(db_->Close());
  const Files newer = Files::Of(*storage_);
  for (const bool read_only : {true, false}) {
    Options options = TinyOptions();
    options.read_only = read_only;
    const auto mixed = Files{closed.data, newer.log}.Mount();
    ExpectRefused(mixed, Errc::kCorrupt, options);
    EXPECT_EQ(Database::Open(mixed, "db", options).error().file(), "db-wal");
    EXPECT_TRUE(Database::Open(newer.Mount(), "db", options));
    EXPECT_TRUE(Database::Open(closed.Mount(), "db", options)) << "an older set of both is a database";
  }
}

TEST_F(TroubleTest, RotInADroppedTreeIsKeptAndReportedAndStopsNoCheckpoint) {
  Open();
  ASSERT_TRUE(Fill("gone", 0, 1000, 60));
  ASSERT_TRUE(Fill("kept", 0, 10, 60));
  ASSERT_TRUE(db_->Close());
  const uint64_t rotten = OffsetOfLeafWith(Key(500));
  FlipAByteAt(rotten);
  Open();
  const uint64_t owned_before = db_->Verify()->pages_owned;
  ASSERT_TRUE(db_->DropColumnFamily("gone"));
  for (int i = 0; i < 3; ++i) {
    const Status done = db_->Checkpoint();
    ASSERT_TRUE(done) << done.error().ToString();
  }
  // In the checkpoint and in the published version, told once; and nothing else is lost.
  EXPECT_EQ(Problems(rotten), std::pair(size_t{1}, size_t{0}));
  EXPECT_LT(db_->Verify()->pages_owned, owned_before / 10) << "the rest was freed";
  ASSERT_TRUE(Fill("kept", 0, 10, 60));
  ASSERT_TRUE(db_->Close());
  Open();
  ASSERT_TRUE(Fill("kept", 5, 15, 60));
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_EQ(Problems(rotten), std::pair(size_t{1}, size_t{0}));
  ASSERT_TRUE(db_->Close());

  FlipAByteAt(rotten);  // it can be read after all: the next opening frees it
  Open();
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_EQ(Problems(rotten), std::pair(size_t{0}, size_t{0}));
  EXPECT_TRUE(db_->Close());
  EXPECT_EQ(OffsetOfLeafWith(Key(500)), rotten) << "freed, not written again";
}

TEST_F(TroubleTest, OnAFullDiskPagesOfASnapshotThatHasGoneAreFoundByWhoNeedsThem) {
  Open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Fill("a", i * 10, i * 10 + 10, 60));
  ASSERT_TRUE(db_->Checkpoint());
  storage_->bytes_max = db_->Stats().pages_total * kPage;
  {
    auto reader = db_->BeginRead();
    ASSERT_TRUE(reader);
    Status filled;
    for (int i = 0; i < 1000 && filled; ++i) filled = Fill("a", i % 20 * 10, i % 20 * 10 + 10, 60 + i % 2);
    ASSERT_FALSE(filled);
    ASSERT_EQ(filled.error().code(), Errc::kNoSpace) << filled.error().ToString();
    // What little has room goes on for as long as one likes: checkpoints give back what it frees.
    for (int i = 0; i < 200; ++i) {
      if (Status little = Fill("a", 0, 1, 60); !little) {
        ASSERT_EQ(little.error().code(), Errc::kNoSpace) << little.error().ToString();
        break;
      }
    }
  }
  const Status filled = Fill("a", 0, 10, 60);
  EXPECT_TRUE(filled) << filled.error().ToString();
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_EQ(Problems(0), std::pair(size_t{0}, size_t{0}));
  EXPECT_TRUE(db_->Close());
}

TEST_F(TroubleTest, ADiskThatIsFullFromTheFirstCommitOnRefusesWhatACheckpointCouldNotWrite) {
  Open();
  storage_->bytes_max = *(*storage_->Open("db", OpenMode::kReadOnly))->Size();
  const auto created = db_->CreateColumnFamily("a");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), Errc::kNoSpace) << created.error().ToString();
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_TRUE(db_->Close());
}

TEST_F(TroubleTest, OnAFullDiskDeletionsMakeRoomAndACrashIsRecoveredFrom) {
  Open();
  storage_->bytes_max = 400 * uint64_t{kPage};
  int filled = 0;  // keys, one commit each; no checkpoint is asked for anywhere
  Status status;
  while ((status = Fill("a", filled, filled + 1, 60))) ++filled;
  ASSERT_EQ(status.error().code(), Errc::kNoSpace) << status.error().ToString();
  ASSERT_GT(filled, 100);
  EXPECT_TRUE(db_->Checkpoint());

  // Key by key, the hardest way.
  const auto family = db_->OpenColumnFamily("a");
  for (int i = 0; i < filled / 2; ++i) {
    auto txn = db_->BeginWrite(*family);
    ASSERT_TRUE(txn);
    const auto deleted = txn->OpenTable(*family, "t")->Delete(AsBytes(Key(i)));
    ASSERT_TRUE(deleted) << "deletion " << i << ": " << deleted.error().ToString();
    EXPECT_TRUE(*deleted);
    ASSERT_TRUE(txn->Commit());
  }
  ASSERT_TRUE(Fill("a", 0, 10, 60)) << "there is room again";

  storage_->stops = true;  // the process ends, the disk stays full
  db_.reset();
  storage_->stops = false;
  Open();
  EXPECT_GT(db_->Stats().recovered_commits, 0u);
  EXPECT_TRUE(Fill("a", 0, 10, 60));
  EXPECT_EQ(Problems(0), std::pair(size_t{0}, size_t{0}));
  EXPECT_TRUE(db_->Close());
}

// What was replayed after a crash must find room: whoever is refused some leaves little in the log.
TEST_F(TroubleTest, OnAFullDiskWhoIsRefusedRoomLeavesLittleToReplay) {
  Open();
  storage_->bytes_max = 400 * uint64_t{kPage};
  Status status;
  for (int key = 0; status; ++key) status = Fill("a", key, key + 1, 60);
  ASSERT_EQ(status.error().code(), Errc::kNoSpace) << status.error().ToString();
  EXPECT_EQ(db_->Stats().log_bytes_used, 0u);
}

// The free map takes five pages here, and after some thousand commits no five free ones lie together.
TEST_F(TroubleTest, OnAFullDiskCheckpointsNeedNoPagesThatHappenToLieTogether) {
  constexpr uint64_t kPages = 20'000;
  constexpr int kKeys = 60'000;
  Open();
  storage_->bytes_max = kPages * kPage;
  const auto family = db_->OpenOrCreateColumnFamily("a");
  std::mt19937_64 random(0);
  int refused = 0;
  for (int commit = 0; commit < 8000; ++commit) {
    auto txn = db_->BeginWrite(*family);
    ASSERT_TRUE(txn);
    auto table = txn->OpenOrCreateTable(*family, "t");
    Status done = table ? Status() : std::unexpected<Error>(table.error());
    for (uint64_t left = 1 + random() % 30; left > 0 && done; --left) {
      const std::string key = Key(static_cast<int>(random() % kKeys));
      const bool large = random() % 4 == 0;
      if (random() % 8 == 0) {
        if (const auto deleted = table->Delete(AsBytes(key)); !deleted)
          done = std::unexpected<Error>(deleted.error());
      } else {
        done = table->Put(AsBytes(key), AsBytes(std::string(large ? kPage - 100 : kPage / 8, 'v')));
      }
    }
    if (done) {
      ASSERT_TRUE(txn->Commit());
    } else {
      ASSERT_EQ(done.error().code(), Errc::kNoSpace) << done.error().ToString();
      ++refused;
    }
    if (commit % 10 == 0 || refused > 0) {
      const Status checkpoint = db_->Checkpoint();
      ASSERT_TRUE(checkpoint) << "commit " << commit << ", " << refused
                              << " refused: " << checkpoint.error().ToString();
    }
  }
  EXPECT_GT(refused, 0) << "the disk was full";
  EXPECT_TRUE(db_->Close());
}

TEST_F(TroubleTest, LargeRemovalsStayWithinTheCache) {
  constexpr uint64_t kSlackPages = 24;
  Open();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(Fill("range", i * 100, i * 100 + 100, 60));
    ASSERT_TRUE(Fill("family", i * 100, i * 100 + 100, 60));
  }
  ASSERT_TRUE(db_->Checkpoint());
  ASSERT_GT(db_->Verify()->pages_owned, 10 * 64u);
  {
    const auto family = db_->OpenColumnFamily("range");
    auto txn = db_->BeginWrite(*family);
    ASSERT_TRUE(
        txn->OpenTable(*family, "t")->DeleteRange({.lower = AsBytes(Key(10)), .upper = std::nullopt}));
    EXPECT_LE(db_->Stats().cache_bytes, (64 + kSlackPages) * kPage);
    ASSERT_TRUE(txn->Commit());
  }
  ASSERT_TRUE(db_->DropColumnFamily("family"));
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_LE(db_->Stats().cache_bytes, (64 + kSlackPages) * kPage);
  EXPECT_EQ(Problems(0), std::pair(size_t{0}, size_t{0}));
  EXPECT_TRUE(db_->Close());
}

}  // namespace
}  // namespace manifolddb
