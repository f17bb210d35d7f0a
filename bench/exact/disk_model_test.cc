// The simulated disk: what calls cost, who waits for whom, and that it is near the disk it was fitted to.

#include <gtest/gtest.h>

#include "bench/exact/data.h"
#include "bench/exact/fit.h"
#include "bench/exact/simulated_storage.h"

namespace manifolddb::bench::exact {
namespace {

constexpr uint64_t kBlock = FileState::kBlockBytes;

class SimulatedDiskTest : public testing::Test {
 protected:
  // Virtual time of what `work` does.
  template <class Work>
  uint64_t Time(Work work) {
    const uint64_t before = timeline_->Now();
    work();
    return timeline_->Now() - before;
  }
  void Write(File& file, uint64_t block, uint64_t blocks = 1) {
    Must(file.Write(block * kBlock, ByteView(buffer_.get(), blocks * kBlock)), "write");
  }
  void Sync(File& file) { Must(file.Sync(), "sync"); }
  std::unique_ptr<File> Create(const char* name) {
    return Must(storage_.Open(name, OpenMode::kCreate), "create");
  }

  const DiskModel model_;
  const std::shared_ptr<SoloTimeline> timeline_ = std::make_shared<SoloTimeline>();
  SimulatedStorage storage_{std::make_shared<Disk>(model_, timeline_)};
  const std::unique_ptr<std::byte[], AlignedFree> buffer_ = AlignedBytes(16 * kBlock);
};

TEST_F(SimulatedDiskTest, ASyncCostsWhatWasWrittenSinceTheOneBefore) {
  const auto file = Create("file");
  Write(*file, 0, 16);
  Sync(*file);
  Write(*file, 3);
  Write(*file, 3);  // the same block: to be brought to the disk once
  Write(*file, 5);
  EXPECT_EQ(Time([&] { Sync(*file); }), model_.sync.Transfer(2 * kBlock) + model_.sync.Base());
  EXPECT_EQ(Time([&] { Sync(*file); }), model_.call_ns);
}

TEST_F(SimulatedDiskTest, BlocksThatWereNeverWrittenCostTheJournal) {
  const auto file = Create("file");
  Must(file->Allocate(16 * kBlock), "allocate");
  Sync(*file);
  const uint64_t overwrite = model_.sync.Transfer(kBlock) + model_.sync.Base();
  Write(*file, 7);
  EXPECT_EQ(Time([&] { Sync(*file); }), overwrite + model_.metadata_ns);
  Write(*file, 7);
  EXPECT_EQ(Time([&] { Sync(*file); }), overwrite);
}

TEST_F(SimulatedDiskTest, ADurableWriteIsForItsRangeOnly) {
  const auto file = Create("file");
  Write(*file, 0, 2);
  Sync(*file);
  Write(*file, 0);
  const ByteView part(buffer_.get(), kBlock);
  EXPECT_EQ(Time([&] { Must(file->WriteDurable(kBlock, {&part, 1}), "write"); }), model_.durable.Of(kBlock));
  EXPECT_EQ(Time([&] { Sync(*file); }), model_.sync.Of(kBlock));
}

TEST_F(SimulatedDiskTest, EverythingIsCountedByFile) {
  const auto one = Create("one");
  const auto two = Create("two");
  Write(*one, 0, 3);
  Write(*two, 0);
  Sync(*one);
  Must(two->Read(0, {buffer_.get(), 100}), "read");
  EXPECT_EQ(storage_.Counts("one").writes, 1U);
  EXPECT_EQ(storage_.Counts("one").write_bytes, 3 * kBlock);
  EXPECT_EQ(storage_.Counts("one").syncs, 1U);
  EXPECT_EQ(storage_.Counts("one").sync_bytes, 3 * kBlock);
  EXPECT_EQ(storage_.Counts("two").read_bytes, 100U);
  EXPECT_EQ(storage_.FileBytes(), 4 * kBlock);
  Must(storage_.Rename("one", "two"), "rename");
  EXPECT_EQ(storage_.Counts().writes, 2U);
  EXPECT_EQ(storage_.Counts("two").write_bytes, 3 * kBlock);
  EXPECT_EQ(storage_.FileBytes(), 3 * kBlock);
}

TEST_F(SimulatedDiskTest, ACopyHasTheBytesAndColdCounts) {
  const auto file = Create("file");
  FillValue(7, {buffer_.get(), kBlock});
  Write(*file, 2);
  const auto copy = storage_.Copy(std::make_shared<Disk>(model_, timeline_));
  const auto read = Must(copy->Open("file", OpenMode::kReadOnly), "open");
  std::fill_n(buffer_.get(), kBlock, std::byte{0});
  Must(read->Read(2 * kBlock, {buffer_.get(), kBlock}), "read");
  EXPECT_TRUE(IsValueOf({buffer_.get(), kBlock}, 7, kBlock));
  EXPECT_EQ(copy->Counts().reads, 1U);
  EXPECT_EQ(copy->Counts().writes, 0U);
}

TEST(DiskModel, IsWithinAFifthOfTheMeasuredDisk) {
  for (size_t row = 0; row < kMeasuredCalls.size(); ++row) {
    for (size_t i = 0; i < kMeasuredCalls[row].covered; ++i) {
      const double measured = kMeasuredCalls[row].microseconds[i];
      EXPECT_NEAR(ModelledMicroseconds(DiskModel{}, row, kMeasuredBytes[i]), measured, measured / 5)
          << kMeasuredCalls[row].name << ", " << kMeasuredBytes[i] << " bytes";
    }
  }
}

}  // namespace
}  // namespace manifolddb::bench::exact
