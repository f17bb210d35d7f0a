// What a sync that lied excuses, on a disk of one file.
#include "crashsim/lying_sync.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/base/memory.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::Image;
using faultfs::Policy;

class LyingSyncTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = std::move(*disk_.Open("f", OpenMode::kCreate));
    Write(0, 'a');
    Write(1, 'a');
    ASSERT_TRUE(file_->Sync());
    ASSERT_TRUE(disk_.SyncDirectory());
  }
  void Write(uint64_t sector, char fill) {
    base::Buffer buffer = std::move(*base::Buffer::Make(4096, "test"));
    std::memset(buffer.data(), fill, 512);
    ASSERT_TRUE(file_->Write(sector * 512, buffer.view().first(512)));
  }
  void Lie() {
    disk_.Arm({.kind = faultfs::FaultKind::kSyncFailsLater});
    ASSERT_TRUE(file_->Sync());
    disk_.DisarmAll();
  }
  Image Cut(Policy policy) { return CrashPoint(disk_.trace(), disk_.effects()).Draw({policy, 0}); }

  faultfs::Disk disk_{{.atomic_unit = 512}};
  std::unique_ptr<File> file_;
};

TEST_F(LyingSyncTest, OnlyWhatIsMissingIsLost) {
  Write(1, 'b');
  Write(2, 'b');
  const uint64_t at = disk_.effects();
  Lie();
  const auto trace = disk_.trace();
  LyingSync lie(*trace, at);
  EXPECT_EQ(lie.at(), at);
  EXPECT_FALSE(lie.LostIn(Cut(Policy::kAll), *trace, disk_.effects())) << "an honest disk had left this";
  const Image honest = disk_.CacheImage();
  EXPECT_TRUE(lie.LostIn(Cut(Policy::kNone), *trace, disk_.effects()));
  EXPECT_FALSE(lie.LostIn(disk_.CacheImage(), *trace, disk_.effects())) << "the cache has everything";
  disk_.EvictClean(1);
  const Image evicted = disk_.CacheImage();
  const bool kept = evicted.Contents("f") == honest.Contents("f");
  EXPECT_EQ(lie.LostIn(evicted, *disk_.trace(), disk_.effects()), !kept);
}

TEST_F(LyingSyncTest, WhatWasSyncedBeforeOrWrittenLaterIsNoExcuse) {
  Write(1, 'b');
  const uint64_t at = disk_.effects();
  Lie();
  Write(0, 'c');  // lost as well, but nobody promised it
  Image image = Cut(Policy::kNone);
  LyingSync lie(*disk_.trace(), at);
  EXPECT_TRUE(lie.LostIn(image, *disk_.trace(), disk_.effects())) << "sector 1";
  Write(1, 'd');
  image = Cut(Policy::kAll);
  EXPECT_FALSE(lie.LostIn(image, *disk_.trace(), disk_.effects())) << "written over";
  EXPECT_FALSE(lie.ReportedIn(*disk_.trace(), disk_.effects()));
  EXPECT_FALSE(file_->Sync());
  EXPECT_TRUE(lie.ReportedIn(*disk_.trace(), disk_.effects()));
}

}  // namespace
}  // namespace manifolddb::crashsim
