#include "engine/page/page_allocator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "engine/page/page_test_support.h"

namespace manifolddb::page {

struct AllocatorTestPeer {
  static void SetNextBirth(PageAllocator& allocator, uint64_t birth) { allocator.next_birth_ = birth; }
};

namespace {

using format::Birth;
using format::PageId;

constexpr uint32_t kPageSize = 512;

PageRun Pages(uint64_t first, uint64_t pages) { return {PageId{first}, pages}; }

TEST(PageAllocator, NextFitGoesOnWhereItStoppedAndWrapsAround) {
  PageFixture pages(kPageSize, 17, 4);
  EXPECT_EQ(pages.allocator.pages_free(), 16u);
  EXPECT_EQ(*pages.allocator.Allocate(1, 6, Room::kAll), Pages(1, 6));
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(7, 4));
  pages.allocator.Free(Pages(2, 3));
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(11, 4));
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(15, 2))
      << "fewer than wanted, to the end of the file";
  PageBitmap left(17);
  left.Set(Pages(2, 3));
  EXPECT_EQ(pages.allocator.FreePages(), left);
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(2, 3));
  EXPECT_EQ(pages.allocator.pages_free(), 0u);
  EXPECT_EQ(pages.file.TakeLog(), "") << "nothing had to grow";
}

TEST(PageAllocator, RunsShorterThanTheMinimumAreSkipped) {
  PageFixture pages(kPageSize, 33, 4);
  ASSERT_EQ(*pages.allocator.Allocate(32, 32, Room::kAll), Pages(1, 32));
  pages.allocator.Free(Pages(3, 2));
  pages.allocator.Free(Pages(10, 3));
  pages.allocator.Free(Pages(20, 9));
  EXPECT_EQ(*pages.allocator.Allocate(3, 3, Room::kAll), Pages(10, 3));
  EXPECT_EQ(*pages.allocator.Allocate(3, 5, Room::kAll), Pages(20, 5));
  EXPECT_EQ(*pages.allocator.Allocate(3, 5, Room::kAll), Pages(25, 4));
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kAll), Pages(3, 1));
}

TEST(PageAllocator, BelowACeilingFromTheFrontAndBeyondItWhereNothingElseWillDo) {
  PageFixture pages(kPageSize, 33, 4);
  pages.allocator.SetCeiling(10);
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(1, 4));
  pages.allocator.Free(Pages(1, 4));
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(1, 4));
  EXPECT_EQ(*pages.allocator.Allocate(1, 8, Room::kAll), Pages(5, 5)) << "no further than it is";
  pages.allocator.Free(Pages(3, 1));
  EXPECT_EQ(pages.allocator.ceiling(), 10u);
  EXPECT_EQ(*pages.allocator.Allocate(2, 2, Room::kAll), Pages(10, 2));
  EXPECT_EQ(pages.allocator.ceiling(), 0u) << "lifted";
  EXPECT_EQ(pages.file.TakeLog(), "") << "nothing had to grow";
}

TEST(PageAllocator, TheEndIsGivenUpButForWhatIsKeptBack) {
  PageFixture pages(kPageSize, 201, 4);
  ASSERT_EQ(*pages.allocator.Allocate(60, 60, Room::kAll), Pages(1, 60));
  pages.allocator.KeepSpare(3);
  pages.allocator.GiveUpEnd();
  EXPECT_EQ(pages.allocator.page_count(), 61 + ReservePages(61));
  EXPECT_EQ(pages.allocator.pages_free(), ReservePages(61));
  uint64_t stays = 0;
  EXPECT_TRUE(pages.allocator.WhileItStays([&](uint64_t count) -> Status {
    stays = count;
    return {};
  }));
  EXPECT_EQ(stays, pages.allocator.page_count());
  pages.allocator.Free(Pages(1, 60));
  pages.allocator.GiveUpEnd();
  EXPECT_EQ(pages.allocator.page_count(), 1 + ReservePages(1));
  EXPECT_TRUE(pages.allocator.Allocate(100, 100, Room::kAll)) << "it grows again";
}

TEST(PageAllocator, ManyRunsAreFreedAtOnce) {
  PageFixture pages(kPageSize, 33, 4);
  ASSERT_EQ(*pages.allocator.Allocate(32, 32, Room::kAll), Pages(1, 32));
  const PageRun freed[] = {Pages(3, 2), Pages(20, 9), Pages(10, 3)};
  pages.allocator.Free(freed);
  PageBitmap free(33);
  for (const PageRun& run : freed) free.Set(run);
  EXPECT_EQ(pages.allocator.FreePages(), free);
  EXPECT_EQ(pages.allocator.pages_free(), 14u);
}

TEST(PageAllocator, APageIsTakenByItsNumberIfItIsFree) {
  PageFixture pages(kPageSize, 17, 4);
  EXPECT_TRUE(pages.allocator.TakeIfFree(PageId{3}));
  EXPECT_FALSE(pages.allocator.TakeIfFree(PageId{3}));
  EXPECT_EQ(pages.allocator.pages_free(), 15u);
  EXPECT_EQ(*pages.allocator.Allocate(1, 16, Room::kAll), Pages(1, 2));
  pages.allocator.Free(Pages(3, 1));
  EXPECT_TRUE(pages.allocator.TakeIfFree(PageId{3}));

  ASSERT_TRUE(pages.allocator.GrowTo(17));
  EXPECT_EQ(pages.file.TakeLog(), "") << "it has as many";
  ASSERT_TRUE(pages.allocator.GrowTo(20));
  EXPECT_EQ(pages.file.TakeLog(), "allocate " + std::to_string(20 * kPageSize) + "\n");
  EXPECT_TRUE(pages.allocator.TakeIfFree(PageId{19}));
  EXPECT_EQ(pages.allocator.pages_free(), 15u);
  pages.file.bytes_max = 20 * kPageSize;
  const Status grown = pages.allocator.GrowTo(21);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code(), Errc::kNoSpace);
  EXPECT_EQ(pages.allocator.page_count(), 20u);
}

TEST(PageAllocator, TheFileGrowsBeforeItsPagesAreUsed) {
  PageFixture pages(kPageSize, 17, 4);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  EXPECT_EQ(*pages.allocator.Allocate(1, 4, Room::kAll), Pages(17, 4));
  EXPECT_EQ(pages.file.TakeLog(), "allocate " + std::to_string((17 + 16) * kPageSize) + "\n");
  EXPECT_EQ(pages.allocator.page_count(), 33u);
  EXPECT_EQ(pages.allocator.pages_free(), 12u);
  EXPECT_EQ(*pages.allocator.Allocate(40, 40, Room::kAll), Pages(21, 40)) << "a run larger than the step";
  EXPECT_EQ(pages.allocator.page_count(), 73u);
}

TEST(PageAllocator, GrowsByAnEighthWithinBounds) {
  EXPECT_EQ(GrowthPages(1, 1, 512), 16u);
  EXPECT_EQ(GrowthPages(800, 1, 512), 100u);
  EXPECT_EQ(GrowthPages(1, 1, 4096), 64u);
  EXPECT_EQ(GrowthPages(1, 1, 65536), 4u);
  EXPECT_EQ(GrowthPages(80000, 1, 8192), 8192u) << "64 MiB";
  EXPECT_EQ(GrowthPages(8000, 100000, 8192), 100000u);
}

TEST(PageAllocator, AFullDeviceIsAnErrorUntilThereIsRoomAgain) {
  PageFixture pages(kPageSize, 17, 4);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  pages.file.bytes_max = 17 * kPageSize;
  const auto failed = pages.allocator.Allocate(1, 4, Room::kAll);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kNoSpace);
  EXPECT_EQ(pages.allocator.page_count(), 17u);
  pages.file.bytes_max = 19 * kPageSize;
  EXPECT_EQ(*pages.allocator.Allocate(2, 2, Room::kAll), Pages(17, 2))
      << "not enough for a step, but for what is needed";
  EXPECT_FALSE(pages.allocator.Allocate(1, 1, Room::kAll));
  pages.allocator.Free(Pages(5, 1));
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kAll), Pages(5, 1));
  pages.file.bytes_max = ~uint64_t{0};
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kAll), Pages(19, 1));
}

TEST(PageAllocator, OnAFullDeviceWhatCanBeReclaimedIsTriedOnce) {
  PageFixture pages(kPageSize, 17, 16);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  pages.file.bytes_max = 17 * uint64_t{kPageSize};
  int calls = 0;
  bool more = true;
  pages.allocator.SetReclaim(
      [&] {
        ++calls;
        if (more) pages.allocator.Free(Pages(5, 1));
        return std::exchange(more, false);
      },
      [] { return false; });
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kAll), Pages(5, 1));
  EXPECT_EQ(pages.allocator.Allocate(1, 1, Room::kAll).error().code(), Errc::kNoSpace);
  EXPECT_EQ(calls, 2);
}

TEST(PageAllocator, OnAFullDeviceWhatAnotherThreadReclaimedServesTheOneThatFoundNothing) {
  PageFixture pages(kPageSize, 17, 16);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  pages.file.bytes_max = 17 * uint64_t{kPageSize};
  pages.allocator.SetReclaim(
      [&] {
        pages.allocator.Free(Pages(5, 1));  // the other one's
        return false;
      },
      [] { return false; });
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kAll), Pages(5, 1));
}

TEST(PageAllocator, OnAFullDeviceTheLastPagesServeThoseWhoMakeRoom) {
  PageFixture pages(kPageSize, 101, 100);
  pages.file.bytes_max = 101 * uint64_t{kPageSize};
  const uint64_t reserve = ReservePages(101);
  ASSERT_EQ(reserve, 32u);
  EXPECT_EQ(*pages.allocator.Allocate(1, 100, Room::kShared), Pages(1, 68));
  EXPECT_EQ(pages.allocator.Allocate(1, 1, Room::kShared).error().code(), Errc::kNoSpace);
  EXPECT_EQ(*pages.allocator.Allocate(1, 100, Room::kMakes), Pages(69, 16));
  EXPECT_EQ(pages.allocator.Allocate(1, 1, Room::kMakes).error().code(), Errc::kNoSpace);
  EXPECT_EQ(*pages.allocator.Allocate(1, 100, Room::kAll), Pages(85, 16));
  EXPECT_EQ(pages.allocator.Allocate(1, 1, Room::kAll).error().code(), Errc::kNoSpace);
}

TEST(PageAllocator, OnAFullDeviceTheSpareLiesTogetherHoweverTheOthersLie) {
  PageFixture pages(kPageSize, 101, 100);
  pages.file.bytes_max = 101 * uint64_t{kPageSize};
  pages.allocator.KeepSpare(3);
  EXPECT_EQ(pages.allocator.pages_free(), 100u) << "it counts as free";
  ASSERT_EQ(*pages.allocator.Allocate(97, 97, Room::kAll), Pages(4, 97));
  for (uint64_t page = 5; page <= 100; page += 2) pages.allocator.Free(Pages(page, 1));
  EXPECT_EQ(pages.allocator.Allocate(2, 2, Room::kAll).error().code(), Errc::kNoSpace);
  EXPECT_EQ(*pages.allocator.TakeSpare(2), Pages(1, 2)) << "the rest is free";
  EXPECT_EQ(pages.allocator.TakeSpare(2).error().code(), Errc::kNoSpace);
  pages.allocator.Free(Pages(1, 2));
  pages.allocator.KeepSpare(3);
  EXPECT_TRUE(pages.allocator.FreePages().TestAll(Pages(1, 3)));
  EXPECT_EQ(*pages.allocator.TakeSpare(3), Pages(1, 3));
}

TEST(PageAllocator, TheFileGrowsUntilTheReserveIsThereAgain) {
  PageFixture pages(kPageSize, 101, 100);
  ASSERT_TRUE(pages.allocator.Allocate(100, 100, Room::kAll));
  EXPECT_EQ(*pages.allocator.Allocate(1, 1, Room::kShared), Pages(101, 1));
  EXPECT_GE(pages.allocator.pages_free(), ReservePages(pages.allocator.page_count()));
}

TEST(PageAllocator, OnAFullDeviceACheckpointIsTriedOnceAndNotByWhoCheckpoints) {
  PageFixture pages(kPageSize, 101, 100);
  pages.file.bytes_max = 101 * uint64_t{kPageSize};
  ASSERT_TRUE(pages.allocator.Allocate(68, 68, Room::kShared));
  int checkpoints = 0;
  pages.allocator.SetReclaim([] { return false; },
                             [&] {
                               if (++checkpoints == 1) pages.allocator.Free(Pages(5, 2));
                               return checkpoints == 1;
                             });
  EXPECT_TRUE(pages.allocator.Allocate(2, 2, Room::kAll)) << "of the reserve";
  EXPECT_EQ(checkpoints, 0);
  EXPECT_EQ(pages.allocator.Allocate(1, 1, Room::kShared).error().code(), Errc::kNoSpace)
      << "the reserve comes first";
  EXPECT_EQ(checkpoints, 1);
  pages.allocator.Free(Pages(7, 1));
  EXPECT_TRUE(pages.allocator.Allocate(1, 1, Room::kShared));
  EXPECT_EQ(checkpoints, 1);
}

TEST(PageAllocator, AgreesWithAPlainSetOverRandomOperations) {
  PageFixture pages(kPageSize, 100, 4);
  std::mt19937_64 random(5);
  std::vector<PageRun> taken;
  std::set<uint64_t> used;
  for (int step = 0; step < 3000; ++step) {
    if (taken.empty() || random() % 5 < 2 || (step < 300 && random() % 2 == 0)) {
      const uint64_t wanted = 1 + random() % (step % 7 == 0 ? 150 : 4);
      const uint64_t least = random() % 2 == 0 ? 1 : wanted;
      const auto run = pages.allocator.Allocate(least, wanted, Room::kAll);
      ASSERT_TRUE(run);
      ASSERT_GE(run->pages, least);
      ASSERT_LE(run->pages, wanted);
      ASSERT_GT(run->first.raw(), 0u);
      ASSERT_LE(run->end(), pages.allocator.page_count());
      for (uint64_t page = run->first.raw(); page < run->end(); ++page) ASSERT_TRUE(used.insert(page).second);
      taken.push_back(*run);
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      pages.allocator.Free(taken.back());
      for (uint64_t page = taken.back().first.raw(); page < taken.back().end(); ++page) used.erase(page);
      taken.pop_back();
    }
    ASSERT_EQ(pages.allocator.pages_free(), pages.allocator.page_count() - 1 - used.size());
  }
}

TEST(PageAllocator, BirthsGrowAndBelongToTheirLife) {
  PageFixture pages(kPageSize, 17, 4);
  EXPECT_EQ(pages.allocator.NextBirth(), PageFixture::BirthOf(1));
  EXPECT_EQ(*pages.allocator.DrawBirth(), PageFixture::BirthOf(1));
  EXPECT_EQ(*pages.allocator.DrawBirth(), PageFixture::BirthOf(2));
  EXPECT_EQ(pages.allocator.NextBirth(), PageFixture::BirthOf(3));
}

TEST(PageAllocator, BirthsOfOneLifeNeverReachTheNext) {
  PageFixture pages(kPageSize, 17, 4);
  const uint64_t next_life = format::FirstBirth(format::Life{4}).raw();
  AllocatorTestPeer::SetNextBirth(pages.allocator, next_life - (uint64_t{1} << 20) - 1);
  const auto last = pages.allocator.DrawBirth();
  ASSERT_TRUE(last);
  EXPECT_LT(*last, Birth{next_life});
  for (int i = 0; i < 3; ++i) {
    const auto none = pages.allocator.DrawBirth();
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Errc::kLimit);
  }
}

TEST(PageAllocator, ThreadsNeverGetTheSamePageOrBirth) {
  constexpr int kThreads = 4;
  PageFixture pages(kPageSize, 17, 4);
  std::vector<std::vector<PageRun>> runs(kThreads);
  std::vector<std::vector<Birth>> births(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 300; ++i) {
        const Birth bound = pages.allocator.NextBirth();
        births[t].push_back(*pages.allocator.DrawBirth());
        if (births[t].back() < bound || births[t].back() >= pages.allocator.NextBirth()) births[t].clear();
        runs[t].push_back(*pages.allocator.Allocate(1 + i % 3, 4, Room::kAll));
        if (i % 4 == 3) {
          pages.allocator.Free(runs[t].back());
          runs[t].pop_back();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> used;
  std::set<Birth> drawn;
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(births[t].size(), 300u) << "a birth was outside its bounds";
    for (const Birth birth : births[t]) EXPECT_TRUE(drawn.insert(birth).second);
    for (const PageRun& run : runs[t]) {
      for (uint64_t page = run.first.raw(); page < run.end(); ++page) EXPECT_TRUE(used.insert(page).second);
    }
  }
  EXPECT_EQ(pages.allocator.pages_free(), pages.allocator.page_count() - 1 - used.size());
}

TEST(PageAllocator, OthersThatWaitForTheGrowthTryForThemselvesWhenItFails) {
  PageFixture pages(kPageSize, 17, 4);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  pages.file.bytes_max = 20 * kPageSize;  // three pages for four threads
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto run = pages.allocator.Allocate(1, 1, Room::kAll);
      if (run) {
        ++served;
      } else if (run.error().code() != Errc::kNoSpace) {
        served += 100;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 3);
}

TEST(PageAllocator, OneThreadGrowsTheFileAndTheOthersAreServedFromIt) {
  PageFixture pages(kPageSize, 17, 4);
  ASSERT_TRUE(pages.allocator.Allocate(16, 16, Room::kAll));
  std::atomic<int> growing{0};
  std::atomic<int> arriving{0};
  std::vector<std::thread> others;
  pages.file.before_allocate = [&] {
    if (growing.fetch_add(1) > 0) return;
    for (int t = 0; t < 3; ++t) {
      others.emplace_back([&] {
        ++arriving;
        EXPECT_TRUE(pages.allocator.Allocate(1, 1, Room::kAll));
      });
    }
    while (arriving < 3) std::this_thread::yield();
    for (int i = 0; i < 2000; ++i) std::this_thread::yield();  // long enough for them to have to wait
  };
  ASSERT_TRUE(pages.allocator.Allocate(1, 1, Room::kAll));
  for (std::thread& thread : others) thread.join();
  EXPECT_EQ(growing, 1);
  EXPECT_EQ(pages.allocator.page_count(), 33u);
  EXPECT_EQ(pages.allocator.pages_free(), 12u);
}

// A file of 10 pages, of which 1 to 6 were owned by trees of earlier lives.
TEST(PageAllocator, WhatAnEarlierLifeOwnedIsGivenUpOnceAllOrNothing) {
  TestFile* const file = new TestFile;
  file->bytes().resize(10 * kPageSize);
  DataFile data(std::unique_ptr<File>(file), kPageSize);
  PageBitmap free(10);
  free.Set(Pages(7, 3));
  PageAllocator allocator(data, free, format::Life{3});
  const format::Birth old = format::FirstBirth(format::Life{2});
  const auto disown = [&](std::vector<mvcc::RemovedRun> runs) { return allocator.Disown(runs) == nullptr; };
  EXPECT_FALSE(disown({{Pages(6, 2), old}})) << "one of them was free";
  EXPECT_FALSE(disown({{Pages(10, 1), old}})) << "behind the file";
  EXPECT_FALSE(disown({{Pages(~uint64_t{0}, 3), old}}));
  EXPECT_FALSE(disown({{Pages(1, 2), old}, {Pages(2, 1), old}})) << "the second overlaps the first";
  EXPECT_TRUE(disown({{Pages(1, 2), old}, {Pages(3, 1), old}})) << "nothing had been taken before";
  EXPECT_FALSE(disown({{Pages(3, 1), old}})) << "given up already";
  allocator.Reown({Pages(3, 1), old});
  EXPECT_TRUE(disown({{Pages(3, 1), old}}));
  allocator.Free(Pages(3, 1));
  ASSERT_TRUE(allocator.Allocate(4, 4, Room::kAll)) << "pages 7 to 9 are too few, so the file grows";
  EXPECT_FALSE(disown({{Pages(3, 1), old}}));
  EXPECT_TRUE(disown({{Pages(3, 1), allocator.NextBirth()}})) << "of this life";
}

TEST(PageAllocator, WhatIsWithheldIsGivenToNobodyUntilItIsFreed) {
  PageFixture pages(kPageSize, 17, 4);
  const uint64_t free_before = pages.allocator.pages_free();
  format::PageBitmap kept(17);
  kept.Set(Pages(5, 10));
  pages.allocator.Withhold(kept);
  EXPECT_EQ(pages.allocator.pages_free(), free_before - 10);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(kept.TestNone(*pages.allocator.Allocate(2, 3, Room::kAll)));
  pages.allocator.Free(Pages(5, 10));
  EXPECT_TRUE(pages.allocator.FreePages().TestAll(Pages(5, 10)));
}

TEST(PageAllocatorDeathTest, FreeingTwiceDies) {
  PageFixture pages(kPageSize, 17, 4);
  const PageRun run = *pages.allocator.Allocate(4, 4, Room::kAll);
  pages.allocator.Free({run.first, 2});
  EXPECT_DEATH(pages.allocator.Free(run), "assertion failed");
  EXPECT_DEATH(pages.allocator.Free(Pages(0, 1)), "assertion failed");
  EXPECT_DEATH(pages.allocator.Free(Pages(16, 2)), "assertion failed");
}

}  // namespace
}  // namespace manifolddb::page
