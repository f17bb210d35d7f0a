#include "engine/checkpoint/log_growth.h"

#include <gtest/gtest.h>

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
  bool full = false;

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
    if (full) return Fail(Errc::kNoSpace, "test.allocate", {.file = name()});
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

TEST_F(LogGrowthTest, WhatIsHalfFilledIsReservedToItsEnd) {
  growth_.Want(kCapacity, NewBytes::kWritten);
  EXPECT_TRUE(*growth_.Grow());
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 128 * kMiB);
  EXPECT_EQ(file_.bytes_written, 4 * kMiB);
}

TEST_F(LogGrowthTest, WithoutRoomTheSmallerOneGoesOn) {
  file_.full = true;
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_EQ(growth_.Grow().error().code(), Errc::kNoSpace);
  EXPECT_FALSE(*growth_.Grow()) << "nothing is wanted until the next checkpoint";
  EXPECT_EQ(growth_.Ready(kCapacity), kCapacity);
  file_.full = false;
  growth_.Want(kCapacity, NewBytes::kReserved);
  EXPECT_TRUE(*growth_.Grow());
  EXPECT_EQ(growth_.Ready(kCapacity), 128 * kMiB);
}

}  // namespace
}  // namespace manifolddb::checkpoint
