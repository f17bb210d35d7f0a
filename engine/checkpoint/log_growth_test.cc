#include "engine/checkpoint/log_growth.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/base/memory.h"

namespace manifolddb::checkpoint {
namespace {

using wal::NewBytes;

constexpr uint32_t kUnit = 4096;
constexpr uint64_t kFront = 2 * uint64_t{kUnit};  // header and marker
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kCapacity = 4 * kMiB;

// Counts what is written.
class CountingFile final : public File {
 public:
  explicit CountingFile(std::unique_ptr<File> file) : File(file->name()), file_(std::move(file)) {}
  uint64_t bytes_written = 0;
  uint64_t syncs = 0;
  uint64_t room = ~uint64_t{0};  // bytes at most
  uint64_t asked = 0;            // of the last Allocate

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override { return file_->Read(offset, out); }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    for (const ByteView part : parts) bytes_written += part.size();
    return file_->Write(offset, parts);
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return file_->WriteDurable(offset, parts);
  }
  Status DoSync() override {
    ++syncs;
    return file_->Sync();
  }
  Result<uint64_t> DoSize() override { return file_->Size(); }
  Status DoAllocate(uint64_t size) override {
    asked = size;
    if (size > room) return Fail(Errc::kNoSpace, "test.allocate", {.file = name()});
    return file_->Allocate(size);
  }
  Status DoLock(LockMode mode) override { return file_->Lock(mode); }

  std::unique_ptr<File> file_;
};

class LogGrowthTest : public testing::Test {
 protected:
  LogGrowthTest() : file_(std::move(*MakeMemoryStorage()->Open("log", OpenMode::kCreate))) {
    EXPECT_TRUE(file_.Allocate(kFront + kCapacity));
  }
  CountingFile file_;
  LogGrowth growth_{file_, kUnit, kCapacity, 128 * kMiB};
};

TEST_F(LogGrowthTest, NothingIsWantedAtFirst) {
  EXPECT_FALSE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), kCapacity);
  EXPECT_EQ(file_.syncs, 0u);
}

TEST_F(LogGrowthTest, WhereGroupsAreSmallItIsFilledInStepsAndReadyAtTheEnd) {
  growth_.Want(kCapacity, NewBytes::kWritten);
  for (uint64_t step = 1; step <= 3; ++step) {
    EXPECT_EQ(growth_.Ready(kCapacity), kCapacity);
    EXPECT_TRUE(*growth_.Grow());
    EXPECT_EQ(file_.bytes_written, step * 4 * kMiB);
    EXPECT_EQ(file_.syncs, step);
  }
  EXPECT_EQ(growth_.Ready(kCapacity), 16 * kMiB);
  EXPECT_FALSE(*growth_.Grow());
}

TEST_F(LogGrowthTest, WhereGroupsAreLargeItIsReservedAtOnceUpToItsLimit) {
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 128 * kMiB);
  EXPECT_EQ(*file_.Size(), kFront + 128 * kMiB);
  EXPECT_EQ(file_.bytes_written, 0u);
  EXPECT_EQ(file_.syncs, 1u) << "a crash must not leave a ring that is longer than its file";
}

TEST_F(LogGrowthTest, WhereCheckpointsAreCheapItIsNoLargerThanIsOfUse) {
  growth_.Want(kCapacity, NewBytes::kReserved, LogGrowth::Checkpoints::kCheap);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 16 * kMiB);
  growth_.Want(16 * kMiB, NewBytes::kReserved, LogGrowth::Checkpoints::kCheap);
  EXPECT_FALSE(*growth_.Grow());
  growth_.Want(16 * kMiB, NewBytes::kWritten, LogGrowth::Checkpoints::kCheap);
  EXPECT_FALSE(*growth_.Grow());
  growth_.Want(16 * kMiB, NewBytes::kReserved, LogGrowth::Checkpoints::kWrite);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(16 * kMiB), 128 * kMiB);
  growth_.Want(128 * kMiB, NewBytes::kReserved, LogGrowth::Checkpoints::kCheap);
  EXPECT_EQ(growth_.Ready(128 * kMiB), 128 * kMiB) << "a ring is never made smaller";
}

TEST_F(LogGrowthTest, ARefusalIsNotCountedAgainstWhatIsLargeEnough) {
  file_.room = kFront + kCapacity;
  for (int i = 0; i < 2; ++i) {
    growth_.Want(kCapacity, NewBytes::kReserved);
    EXPECT_FALSE(growth_.Grow());
  }
  file_.room = ~uint64_t{0};
  for (int checkpoint = 0; checkpoint < 100; ++checkpoint) {
    growth_.Want(16 * kMiB, NewBytes::kReserved, LogGrowth::Checkpoints::kCheap);
  }
  // One checkpoint is passed over for what was refused, not sixty-four.
  growth_.Want(16 * kMiB, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
}

TEST_F(LogGrowthTest, WhatWasMadeOfAGrowthIsUsedAlsoWhenNoMoreIsWanted) {
  growth_.Want(16 * kMiB, NewBytes::kWritten);
  for (int step = 0; step < 4; ++step) EXPECT_TRUE(*growth_.Grow());
  growth_.Want(16 * kMiB, NewBytes::kWritten, LogGrowth::Checkpoints::kCheap);
  EXPECT_FALSE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(16 * kMiB), 20 * kMiB);
}

TEST_F(LogGrowthTest, WhatIsHalfFilledIsReservedToItsEnd) {
  growth_.Want(kCapacity, NewBytes::kWritten);
  EXPECT_TRUE(*growth_.Grow());
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 128 * kMiB);
  EXPECT_EQ(file_.bytes_written, 4 * kMiB);
}

TEST_F(LogGrowthTest, WithoutRoomTheSmallerOneGoesOnAndLessIsTried) {
  file_.room = kFront + 20 * kMiB;
  for (const uint64_t refused : {128 * kMiB, 64 * kMiB}) {
    growth_.Want(kCapacity, NewBytes::kReserved);
    EXPECT_EQ(growth_.Grow().error().code(), Errc::kNoSpace);
    EXPECT_EQ(file_.asked, kFront + refused);
    EXPECT_FALSE(*growth_.Grow()) << "nothing is wanted until the next checkpoint";
    EXPECT_EQ(growth_.Ready(kCapacity), kCapacity);
  }
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 16 * kMiB);
}

TEST_F(LogGrowthTest, WhatWasRefusedIsTriedAgainLessAndLessOften) {
  file_.room = kFront + kCapacity;
  std::vector<int> tried;
  for (int checkpoint = 0; checkpoint < 40; ++checkpoint) {
    growth_.Want(kCapacity, NewBytes::kReserved);
    if (!growth_.Grow()) tried.push_back(checkpoint);
  }
  EXPECT_EQ(tried, (std::vector<int>{0, 1, 2, 3, 5, 9, 17, 33}));
  EXPECT_EQ(file_.asked, kFront + 16 * kMiB) << "the least that is a growth";
  file_.room = ~uint64_t{0};
  bool grown = false;
  for (int checkpoint = 0; checkpoint < 64 && !grown; ++checkpoint) {
    growth_.Want(kCapacity, NewBytes::kReserved);
    grown = *growth_.Grow();
  }
  EXPECT_TRUE(grown);
  EXPECT_EQ(growth_.Ready(kCapacity), 16 * kMiB);
}

TEST_F(LogGrowthTest, WhatACrashLeftBehindTheRingIsTakenFirst) {
  ASSERT_TRUE(file_.Allocate(kFront + 30 * kMiB + 100));
  file_.room = kFront + 30 * kMiB + 100;
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 30 * kMiB);
  EXPECT_EQ(file_.syncs, 1u);
  EXPECT_FALSE(*growth_.Grow());
}

}  // namespace
}  // namespace manifolddb::checkpoint
