// Large values: when the device is told of their extents, and how large a log they are worth.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/family_fixture.h"

namespace manifolddb {
namespace {

// Notes what is written to the log, and what of the data file the device is told of.
class NotingStorage final : public PassingStorage {
 public:
  std::vector<std::string> Take() { return std::exchange(notes_, {}); }
  bool fail = false;  // the next write-backs

 private:
  class NotingFile final : public PassingFile {
   public:
    NotingFile(std::unique_ptr<File> file, NotingStorage* storage)
        : PassingFile(std::move(file)), storage_(storage) {}

   private:
    Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
      if (name() == "db-wal") storage_->notes_.push_back("log, durable");
      return below().WriteDurable(offset, parts);
    }
    Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
      if (name() == "db-wal") storage_->notes_.push_back("log");
      return below().Write(offset, parts);
    }
    Status DoStartWriteBack(uint64_t, uint64_t bytes) override {
      if (name() == "db") storage_->notes_.push_back("told of " + std::to_string(bytes));
      if (storage_->fail) return Fail(Errc::kIo, "test.write_back", {.file = name()});
      return {};
    }
    NotingStorage* const storage_;
  };
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    return std::make_unique<NotingFile>(std::move(file), this);
  }

  std::vector<std::string> notes_;
};

class LargeValuesTest : public FamilyTest {
 protected:
  static constexpr uint64_t kMiB = uint64_t{1} << 20;
  using Notes = std::vector<std::string>;

  void SetUp() override {
    storage_ = noting_ = std::make_shared<NotingStorage>();
    Options& options = options_;
    options.page_size = 8192;
    options.write_unit = 4096;
    options.cache_bytes = 64 * kMiB;
    options.dirty_bytes_max = 32 * kMiB;
    options.log_bytes_initial = 4 * kMiB;
    options.log_bytes_max = 128 * kMiB;
    OpenAgain();
  }
  void OpenAgain() {
    db_.reset();
    auto opened = Database::Open(storage_, "db", options_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    family_ = *db_->OpenOrCreateColumnFamily("a");
  }
  // Entries with the keys from `first` on.
  WriteTransaction Put(int first, int entries, size_t bytes) {
    auto txn = db_->BeginWrite(family_);
    auto table = txn->OpenOrCreateTable(family_, "t");
    for (int i = first; i < first + entries; ++i) {
      const std::string key = std::to_string(i * 7919 % 100'003);
      EXPECT_TRUE(table->Put(AsBytes(key), AsBytes(std::string(bytes, 'v'))));
    }
    return std::move(*txn);
  }
  void Fill(int commits, int entries, size_t bytes) {
    for (int i = 0; i < commits; ++i) ASSERT_TRUE(Put(i * entries, entries, bytes).Commit());
  }
  uint64_t Ring() { return db_->Stats().log_bytes_capacity; }

  Options options_ = TinyOptions();
  std::shared_ptr<NotingStorage> noting_;
};

// A crash in between leaves what one before the commit leaves, or the commit: extents are durable with the
// checkpoint, whenever the device begins with them.
TEST_F(LargeValuesTest, TheDeviceIsToldOfExtentsOnceTheLogHasTheCommit) {
  ASSERT_TRUE(Put(0, 1, 10).Commit());
  noting_->Take();
  WriteTransaction txn = Put(0, 1, 80 * 8192);
  EXPECT_EQ(noting_->Take(), Notes());
  ASSERT_TRUE(txn.Commit());
  EXPECT_EQ(noting_->Take(), (Notes{"log, durable", "told of " + std::to_string(80 * 8192)}));
  WriteTransaction fast = Put(0, 1, 40 * 8192);
  ASSERT_TRUE(fast.Commit({.durability = Durability::kNone}));
  EXPECT_EQ(noting_->Take(), (Notes{"log", "told of " + std::to_string(40 * 8192)}));
  Put(2, 1, 40 * 8192).Abort();
  EXPECT_EQ(noting_->Take(), Notes());
}

TEST_F(LargeValuesTest, TheLogGrowsNoFurtherThanIsOfUseToThem) {
  Fill(60, 1, 1'000'000);  // more would not be one group of the log as it begins
  EXPECT_EQ(Ring(), 16 * kMiB);
  EXPECT_TRUE(db_->Verify()->ok());
  // What a checkpoint writes for these is more than the log has of them.
  Fill(200, 1000, 100);
  EXPECT_EQ(Ring(), 128 * kMiB);
  EXPECT_TRUE(db_->Verify()->ok());
}

TEST_F(LargeValuesTest, NorToCommitsThatChangeTheSamePages) {
  Fill(1, 1000, 100);
  for (int i = 0; i < 6000; ++i) ASSERT_TRUE(Put(0, 1, 100).Commit());
  EXPECT_EQ(Ring(), 16 * kMiB);
  // Who does not wait for the disk would wait for the syncs of checkpoints instead.
  for (int i = 0; i < 6000; ++i) ASSERT_TRUE(Put(0, 1, 100).Commit({.durability = Durability::kNone}));
  EXPECT_GT(Ring(), 16 * kMiB);
}

// Nobody is told of it there: what was acknowledged is in the log, and no checkpoint claims the extent.
TEST_F(LargeValuesTest, AWriteBackThatFailsBehindACommitFailsTheNextCheckpoint) {
  ASSERT_TRUE(Put(0, 1, 10).Commit());
  noting_->fail = true;
  ASSERT_TRUE(Put(1, 1, 40 * 8192).Commit());
  noting_->fail = false;
  const Status checkpoint = db_->Checkpoint();
  ASSERT_FALSE(checkpoint);
  EXPECT_EQ(checkpoint.error().code(), Errc::kIo);
  EXPECT_EQ(db_->BeginWrite(family_).error().code(), Errc::kPoisoned);
  OpenAgain();
  auto txn = db_->BeginRead();
  EXPECT_EQ(txn->OpenTable(family_, "t")->Count().value_or(0), 2u);
  EXPECT_TRUE(db_->Verify()->ok());
}

}  // namespace
}  // namespace manifolddb
