// Arguments far larger than the log and memory. Needs the build that can refuse memory.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "engine/base/memory.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// While it lives, nothing gets `bytes` or more at a time.
class MemoryLimit {
 public:
  explicit MemoryLimit(size_t bytes) {
    base::SetAllocationGate([bytes](size_t wanted) { return wanted < bytes; });
  }
  ~MemoryLimit() { base::SetAllocationGate(nullptr); }
};

class LargeArgumentsTest : public testing::Test {
 protected:
  void Open(uint64_t log_bytes) {
    Options options;
    options.log_bytes_initial = options.log_bytes_max = log_bytes;
    options.executor = MakeInlineExecutor();
    auto opened = Database::Open(MakeMemoryStorage(), "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    family_ = *db_->CreateColumnFamily("f");
    auto txn = db_->BeginWrite(family_);
    auto table = txn->CreateTable(family_, "t");
    for (char c = 'a'; c <= 'e'; ++c) ASSERT_TRUE(table->Put(AsBytes(std::string(1, c)), AsBytes("v")));
    ASSERT_TRUE(txn->Commit());
  }
  uint64_t DeleteRange(const Range& range) {
    auto txn = db_->BeginWrite(family_);
    auto table = txn->OpenTable(family_, "t");
    const auto deleted = table->DeleteRange(range);
    EXPECT_TRUE(deleted) << deleted.error().ToString();
    EXPECT_TRUE(txn->Commit());
    return deleted ? *deleted : 0;
  }
  std::string Keys(const Range& range = {}) {
    std::string keys;
    auto txn = db_->BeginRead();
    auto cursor = txn->OpenTable(family_, "t")->NewCursor(range);
    for (auto more = cursor->First(); more && *more; more = cursor->Next()) keys += AsText(cursor->key());
    return keys;
  }

  std::unique_ptr<Database> db_;
  ColumnFamily family_;
};

TEST_F(LargeArgumentsTest, BoundsOfGigabytesAreBoundsLikeOthers) {
  Open(64 * 4096);
  // Nobody looks at their ends, so they cost no memory.
  constexpr size_t kBytes = (size_t{1} << 30) + 1;
  const std::unique_ptr<void, void (*)(void*)> zeros(std::calloc(kBytes + 1, 1), std::free);
  auto* const bytes = static_cast<std::byte*>(zeros.get());
  ASSERT_NE(bytes, nullptr);
  bytes[0] = std::byte{'b'};
  bytes[1] = std::byte{'d'};
  const ByteView from_b(bytes, kBytes);  // behind "b", before "c"
  const ByteView to_d(bytes + 1, kBytes);
  EXPECT_EQ(Keys({.lower = from_b, .upper = to_d}), "cd");
  EXPECT_EQ(DeleteRange({.lower = from_b, .upper = to_d}), 2u);
  EXPECT_EQ(Keys(), "abe");
}

TEST_F(LargeArgumentsTest, BoundsLongerThanAnyKeyTakeNoMoreOfTheLogThanALongKey) {
  Open(64 * 4096);
  const std::string longest(db_->key_bytes_max(), 'm');
  {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn->OpenTable(family_, "t")->Put(AsBytes(longest), AsBytes("v")));
    ASSERT_TRUE(txn->Commit());
  }
  const std::string endless(size_t{1} << 20, 'm');
  const uint64_t checkpoints = db_->Stats().checkpoints;
  EXPECT_EQ(DeleteRange({.lower = AsBytes(endless)}), 0u);                             // after the longest
  EXPECT_EQ(DeleteRange({.lower = AsBytes(longest), .upper = AsBytes(endless)}), 1u);  // before it
  EXPECT_EQ(Keys(), "abcde");
  EXPECT_EQ(db_->Stats().checkpoints, checkpoints);
}

TEST_F(LargeArgumentsTest, AValueLargerThanTheLogIsNotCopiedForIt) {
  Open(64 * 4096);
  const std::string value(size_t{8} << 20, 'v');
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  const MemoryLimit limit(value.size());
  const Status put = table->Put(AsBytes("large"), AsBytes(value));
  EXPECT_TRUE(put) << put.error().ToString();
  const auto committed = txn->Commit();
  EXPECT_TRUE(committed) << committed.error().ToString();
}

TEST_F(LargeArgumentsTest, AValueOfMoreThanTwoGibibytesIsRefusedUnread) {
  Open(64 * 4096);
  // Nothing of it is in memory, nor could be: whoever copies it dies.
  constexpr size_t kBytes = kValueBytesMax + 1;
  void* const bytes = ::mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(bytes, MAP_FAILED);
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  const ByteView value(static_cast<const std::byte*>(bytes), kBytes);
  EXPECT_EQ(table->Put(AsBytes("large"), value).error().code(), Errc::kValueTooLong);
  ASSERT_EQ(::munmap(bytes, kBytes), 0);
  EXPECT_TRUE(table->Put(AsBytes("f"), AsBytes("v")));  // the bound has changed nothing
  EXPECT_TRUE(txn->Commit());
  EXPECT_EQ(Keys(), "abcdef");
}

TEST_F(LargeArgumentsTest, AValueOfHundredsOfMebibytesIsWrittenAndRead) {
#ifdef MANIFOLDDB_SANITIZED
  constexpr size_t kBytes = size_t{24} << 20;
#else
  constexpr size_t kBytes = size_t{320} << 20;
#endif
  Open(64 * 4096);
  std::string value(kBytes, 'v');
  for (size_t at = 0; at < kBytes; at += 4096) value[at] = static_cast<char>(at / 4096);
  auto txn = db_->BeginWrite(family_);
  const Status put = txn->OpenTable(family_, "t")->Put(AsBytes("large"), AsBytes(value));
  ASSERT_TRUE(put) << put.error().ToString();
  const auto committed = txn->Commit();
  ASSERT_TRUE(committed) << committed.error().ToString();
  auto snapshot = db_->BeginRead();
  const auto found = snapshot->OpenTable(family_, "t")->Get(AsBytes("large"));
  ASSERT_TRUE(found) << found.error().ToString();
  ASSERT_TRUE(*found);
  EXPECT_TRUE((*found)->text() == value);  // not EXPECT_EQ: nobody wants to see it
}

TEST_F(LargeArgumentsTest, ACommitNeedsNoSecondRoomForItsRedo) {
  Open(1024 * 4096);
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  ASSERT_TRUE(table->Put(AsBytes("large"), AsBytes(std::string(600'000, 'v'))));
  const MemoryLimit limit(300'000);
  const auto committed = txn->Commit();
  EXPECT_TRUE(committed) << committed.error().ToString();
}

}  // namespace
}  // namespace manifolddb
