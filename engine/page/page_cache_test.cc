#include "engine/page/page_cache.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/page/page_test_support.h"

namespace manifolddb::page {
namespace {

using format::PageId;
using format::PageRef;
using mvcc::EpochGuard;

constexpr uint32_t kPageSize = 512;
constexpr uint64_t kWriter = 9;

PageRef Ref(uint64_t id, uint64_t birth) { return {PageId{id}, PageFixture::BirthOf(birth)}; }

// A dirty leaf.
PageRef CreateLeaf(PageFixture& pages, uint64_t id, uint64_t birth, uint64_t stamp) {
  const PageRef ref = Ref(id, birth);
  const auto frame = pages.cache.Create(ref, kWriter);
  EXPECT_TRUE(frame);
  FillLeaf((*frame)->bytes, pages.data.page_size(), ref, stamp);
  return ref;
}

format::NodeGap GapIn(const std::byte* page) {
  return format::GapOf(*reinterpret_cast<const format::NodeHeader*>(page), kPageSize);
}

std::vector<PageId> Ids(std::initializer_list<uint64_t> raw) {
  std::vector<PageId> ids;
  for (const uint64_t id : raw) ids.push_back(PageId{id});
  return ids;
}

TEST(PageCache, ReadsAPageOnceAndFindsItFromThenOn) {
  PageFixture pages(kPageSize, 32, 8);
  const PageRef ref = pages.StoreLeaf(5, 1, 55);
  EXPECT_EQ(*pages.ReadStamp(ref), 55u);
  EXPECT_EQ(pages.file.TakeLog(), "read @2560 +512\n");
  EXPECT_EQ(*pages.ReadStamp(ref), 55u);
  EXPECT_EQ(pages.file.TakeLog(), "");
  EXPECT_EQ(pages.cache.bytes_cached(), kPageSize);
  EXPECT_EQ(pages.cache.bytes_dirty(), 0u);
}

// The sanitizer's own interface, where there is one.
#if defined(__SANITIZE_ADDRESS__)
#define MANIFOLDDB_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MANIFOLDDB_HAS_ASAN 1
#endif
#endif
#ifdef MANIFOLDDB_HAS_ASAN
extern "C" int __asan_address_is_poisoned(void const volatile* at);

TEST(PageCache, UnderAddressSanitizerWhatLiesBehindAPageIsPoisoned) {
  PageFixture pages(kPageSize, 32, 8);
  const auto one = pages.cache.Create(Ref(5, 1), kWriter);
  const auto two = pages.cache.Create(Ref(6, 2), kWriter);
  for (const Frame* frame : {*one, *two}) {
    EXPECT_FALSE(__asan_address_is_poisoned(frame->bytes + kPageSize - 1));
    EXPECT_TRUE(__asan_address_is_poisoned(frame->bytes + kPageSize));
  }
}
#endif

TEST(PageCache, AFailedReadLeavesNothingBehind) {
  PageFixture pages(kPageSize, 32, 8);
  const PageRef ref = pages.StoreLeaf(5, 1, 55);
  pages.file.fail_reads = true;
  EXPECT_EQ(pages.ReadStamp(ref).error().code(), Errc::kIo);
  pages.file.fail_reads = false;
  pages.file.bytes()[5 * kPageSize + 500] ^= std::byte{1};
  EXPECT_EQ(pages.ReadStamp(ref).error().code(), Errc::kCorrupt);
  pages.file.bytes()[5 * kPageSize + 500] ^= std::byte{1};
  EXPECT_EQ(pages.cache.bytes_cached(), 0u);
  EXPECT_EQ(*pages.ReadStamp(ref), 55u);
}

TEST(PageCache, AReferenceOfAnotherBirthThanThePageInMemoryIsCorrupt) {
  PageFixture pages(kPageSize, 32, 8);
  ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(5, 4, 55)));
  const auto stale = pages.ReadStamp(Ref(5, 3));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().ToString(),
            "kCorrupt in page.fetch: test-data at byte 2560: stale reference: expected page 5 of birth 3.3, "
            "but it is "
            "of birth 3.4 by now (run 'manifolddb verify' and restore from a backup)");
}

TEST(PageCache, ANewPageIsDirtyAndZeroAndReplacesWhatWasThere) {
  PageFixture pages(kPageSize, 32, 8);
  ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(5, 1, 55)));
  const EpochGuard guard(pages.slot);
  const Frame* old = *pages.cache.Fetch(Ref(5, 1), guard);
  const Frame* frame = *pages.cache.Create(Ref(5, 2), kWriter);
  EXPECT_EQ(frame->writer, kWriter);
  EXPECT_EQ(frame->state.load(), FrameState::kDirty);
  for (uint32_t i = 0; i < kPageSize; ++i) ASSERT_EQ(frame->bytes[i], std::byte{0});
  EXPECT_EQ(*pages.cache.Fetch(Ref(5, 2), guard), frame);
  EXPECT_EQ(StampOf(old->bytes, kPageSize), 55u) << "who found the old page may go on reading it";
  EXPECT_EQ(pages.cache.bytes_dirty(), kPageSize);
}

TEST(PageCache, ACopyHasAllBytesButTheChecksumAndTheGap) {
  PageFixture pages(kPageSize, 32, 8);
  const EpochGuard guard(pages.slot);
  const Frame* from = *pages.cache.Fetch(pages.StoreLeaf(5, 1, 55), guard);
  const Frame* copy = *pages.cache.CreateCopy(Ref(6, 2), kWriter, *from);
  const format::NodeGap gap = GapIn(copy->bytes);
  EXPECT_EQ(gap.begin, sizeof(format::NodeHeader) + sizeof(format::Slot));
  EXPECT_EQ(std::memcmp(copy->bytes + 8, from->bytes + 8, gap.begin - 8), 0);
  EXPECT_EQ(std::memcmp(copy->bytes + gap.end, from->bytes + gap.end, kPageSize - gap.end), 0);
  EXPECT_EQ(base::LoadLe<uint64_t>(copy->bytes), 0u);
}

TEST(PageCache, WhatAFrameHeldBeforeIsNotWritten) {
  constexpr uint64_t kFrames = 8;
  PageFixture pages(kPageSize, 32, kFrames);
  for (uint64_t id = 1; id <= kFrames; ++id) {
    const auto frame = pages.cache.Create(Ref(id, id), kWriter);
    ASSERT_TRUE(frame);
    std::memset((*frame)->bytes, 0xAA, kPageSize);
  }
  pages.cache.Drop(PageId{1}, kFrames);
  const auto [copy, gap] = [&] {
    const EpochGuard guard(pages.slot);
    const Frame* from = *pages.cache.Fetch(pages.StoreLeaf(20, 1, 55), guard);
    const Frame* frame = *pages.cache.CreateCopy(Ref(21, 2), kWriter, *from);
    return std::pair(frame, GapIn(frame->bytes));
  }();
  // With slow checks it was painted over when it was dropped.
  ASSERT_NE(copy->bytes[gap.begin], std::byte{0}) << "the frame is not one that was dropped";
  uint64_t written = 0;
  ASSERT_TRUE(pages.cache.WriteOut(Ids({21}), written));
  const std::byte* page = pages.file.bytes().data() + 21 * kPageSize;
  EXPECT_EQ(std::count(page + gap.begin, page + gap.end, std::byte{0}), gap.end - gap.begin);
}

TEST(PageCache, StaysWithinItsBudgetHoweverManyPagesAreRead) {
  constexpr uint64_t kPages = 1000;
  for (const uint64_t budget : {1, 2, 3, 8, 100}) {
    PageFixture pages(kPageSize, kPages + 1, budget);
    for (uint64_t id = 1; id <= kPages; ++id) pages.StoreLeaf(id, id, id);
    for (int round = 0; round < 2; ++round) {
      for (uint64_t id = 1; id <= kPages; ++id) {
        ASSERT_EQ(*pages.ReadStamp(Ref(id, id)), id);
        ASSERT_LE(pages.cache.bytes_cached(), std::max<uint64_t>(budget, 2) * kPageSize)
            << "budget " << budget;
      }
    }
    EXPECT_GE(pages.cache.bytes_cached(), budget / 2 * kPageSize) << "and uses it";
  }
}

TEST(PageCache, PagesInUseOutliveThoseReadOnce) {
  PageFixture pages(kPageSize, 1001, 20);
  for (uint64_t id = 1; id <= 1000; ++id) pages.StoreLeaf(id, id, id);
  for (uint64_t id = 10; id <= 1000; ++id) {
    ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
    for (uint64_t hot = 1; hot <= 3; ++hot) ASSERT_TRUE(pages.ReadStamp(Ref(hot, hot)));
  }
  const std::string log = pages.file.TakeLog();
  for (uint64_t hot = 1; hot <= 3; ++hot) {
    const std::string line = "read @" + std::to_string(hot * kPageSize) + " ";
    EXPECT_EQ(log.find(line), log.rfind(line)) << "page " << hot << " was read more than once";
  }
}

TEST(PageCache, WhatAnEpochFoundStaysUntilItEnds) {
  PageFixture pages(kPageSize, 1001, 4);
  for (uint64_t id = 1; id <= 1000; ++id) pages.StoreLeaf(id, id, id);
  mvcc::ReaderSlot* slot = pages.slots.Acquire();
  auto guard = std::make_unique<EpochGuard>(slot);
  std::vector<const Frame*> frames;
  for (uint64_t id = 1; id <= 50; ++id) frames.push_back(*pages.cache.Fetch(Ref(id, id), *guard));
  for (uint64_t id = 51; id <= 1000; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  for (uint64_t id = 1; id <= 50; ++id) EXPECT_EQ(StampOf(frames[id - 1]->bytes, kPageSize), id);
  guard.reset();
  // Nothing holds them any more: the cache finds back into its budget.
  for (uint64_t id = 51; id <= 1000; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  for (uint64_t id = 51; id <= 1000 && pages.cache.bytes_cached() > 4 * kPageSize; ++id) {
    ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  }
  pages.slots.Release(slot);
}

TEST(PageCache, WhatIsPinnedStaysAcrossEpochs) {
  PageFixture pages(kPageSize, 1001, 4);
  for (uint64_t id = 1; id <= 1000; ++id) pages.StoreLeaf(id, id, id);
  FramePin pin;
  {
    const EpochGuard guard(pages.slot);
    pin = FramePin(*pages.cache.Fetch(Ref(1, 1), guard));
  }
  // Retired although it is pinned: the page has a new frame now.
  ASSERT_TRUE(pages.cache.Create(Ref(1, 2000), kWriter));
  for (uint64_t id = 2; id <= 1000; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  EXPECT_EQ(StampOf(pin.get()->bytes, kPageSize), 1u);
  pin = FramePin();
  EXPECT_EQ(pin.get(), nullptr);
}

TEST(PageCache, DirtyPagesStayBeyondTheBudgetUntilTheyAreClean) {
  PageFixture pages(kPageSize, 1001, 10);
  std::vector<PageId> ids;
  for (uint64_t id = 1; id <= 100; ++id) ids.push_back(CreateLeaf(pages, id, id, id).id);
  EXPECT_EQ(pages.cache.bytes_dirty(), 100 * kPageSize);
  for (uint64_t id = 101; id <= 300; ++id) ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(id, id, id)));
  uint64_t written = 0;
  ASSERT_TRUE(pages.cache.WriteOut(ids, written));
  EXPECT_EQ(written, 100 * kPageSize);
  for (uint64_t id = 101; id <= 300; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  EXPECT_EQ(pages.cache.bytes_dirty(), 100 * kPageSize) << "written, but no sync has covered it";
  pages.file.TakeLog();
  for (uint64_t id = 1; id <= 100; ++id) ASSERT_EQ(*pages.ReadStamp(Ref(id, id)), id);
  EXPECT_EQ(pages.file.TakeLog(), "") << "none was evicted";
  pages.cache.MarkClean(ids);
  EXPECT_EQ(pages.cache.bytes_dirty(), 0u);
  for (uint64_t id = 101; id <= 300; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
  EXPECT_LE(pages.cache.bytes_cached(), 10 * kPageSize);
  for (uint64_t id = 1; id <= 100; ++id) ASSERT_EQ(*pages.ReadStamp(Ref(id, id)), id) << "from the file";
}

TEST(PageCache, WriteOutCoalescesNeighboursAndSetsChecksums) {
  PageFixture pages(kPageSize, 400, 64);
  for (const uint64_t id : {3, 4, 5, 7, 9, 10}) CreateLeaf(pages, id, id, id);
  for (uint64_t id = 100; id < 300; ++id) CreateLeaf(pages, id, id, id);
  ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(8, 8, 8)));  // clean
  pages.file.TakeLog();
  std::vector<PageId> ids = Ids({3, 4, 5, 6, 7, 8, 9});  // 6 has no frame, 10 is not asked for
  for (uint64_t id = 100; id < 300; ++id) ids.push_back(PageId{id});
  uint64_t written = 5;
  ASSERT_TRUE(pages.cache.WriteOut(ids, written));
  EXPECT_EQ(written, 5 + 205 * kPageSize);
  const std::string log = pages.file.TakeLog();
  EXPECT_EQ(log.find("write @1536 +1536\nwrite @3584 +512\nwrite @4608 +512\nwrite @51200 +"), 0u) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 5) << "two for the long run: " << log;
  ASSERT_TRUE(pages.cache.WriteOut(ids, written));
  EXPECT_EQ(pages.file.TakeLog(), "") << "what is written is not written again";
  base::Buffer page = *base::Buffer::Make(kPageSize, "test");
  for (const uint64_t id : {3, 4, 5, 7, 9, 100, 299}) {
    EXPECT_TRUE(pages.data.ReadPage(Ref(id, id), page.span())) << id;
    EXPECT_EQ(StampOf(page.data(), kPageSize), id);
  }
}

TEST(PageCache, OneWriteHasAtMostAMebibyte) {
  PageFixture pages(65536, 64, 64);
  std::vector<PageId> ids;
  for (uint64_t id = 1; id <= 40; ++id) ids.push_back(CreateLeaf(pages, id, id, id).id);
  uint64_t written = 0;
  ASSERT_TRUE(pages.cache.WriteOut(ids, written));
  EXPECT_EQ(pages.file.TakeLog(),
            "write @65536 +1048576\nstart @65536 +1048576\nwrite @1114112 +1048576\nstart @1114112 +1048576\n"
            "write @2162688 +524288\nstart @2162688 +524288\n");
}

TEST(PageCache, AfterAFailedWriteOutTheRestIsStillDirty) {
  PageFixture pages(kPageSize, 32, 8);
  CreateLeaf(pages, 3, 1, 3);
  CreateLeaf(pages, 4, 2, 4);
  uint64_t written = 0;
  pages.file.fail_writes = true;
  const Status failed = pages.cache.WriteOut(Ids({3, 4}), written);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kIo);
  EXPECT_EQ(failed.error().offset(), 3 * kPageSize);
  EXPECT_EQ(written, 0u);
  pages.cache.MarkClean(Ids({3, 4}));
  EXPECT_EQ(pages.cache.bytes_dirty(), 2 * kPageSize) << "never written, hence not clean";
  pages.file.fail_writes = false;
  ASSERT_TRUE(pages.cache.WriteOut(Ids({3, 4}), written));
  pages.cache.MarkClean(Ids({3, 4}));
  EXPECT_EQ(pages.cache.bytes_dirty(), 0u);
}

TEST(PageCache, APageThatWasReplacedSinceItsWriteIsNotMarkedClean) {
  PageFixture pages(kPageSize, 32, 8);
  CreateLeaf(pages, 3, 1, 3);
  uint64_t written = 0;
  ASSERT_TRUE(pages.cache.WriteOut(Ids({3}), written));
  CreateLeaf(pages, 3, 2, 33);
  pages.cache.MarkClean(Ids({3}));
  EXPECT_EQ(pages.cache.bytes_dirty(), kPageSize);
  const EpochGuard guard(pages.slot);
  EXPECT_EQ((*pages.cache.Fetch(Ref(3, 2), guard))->state.load(), FrameState::kDirty);
}

TEST(PageCache, DropForgetsPagesDirtyOrNot) {
  PageFixture pages(kPageSize, 32, 8);
  CreateLeaf(pages, 3, 1, 3);
  CreateLeaf(pages, 5, 2, 5);
  CreateLeaf(pages, 6, 3, 6);
  ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(4, 4, 4)));
  pages.cache.Drop(PageId{1}, 5);
  EXPECT_EQ(pages.cache.bytes_dirty(), kPageSize) << "page 6";
  pages.cache.Drop(PageId{1}, 5);
  pages.cache.Drop(PageId{20000}, 100000);  // beyond anything that was ever there
  EXPECT_EQ(*pages.ReadStamp(Ref(6, 3)), 6u);
  pages.file.TakeLog();
  EXPECT_EQ(*pages.ReadStamp(Ref(4, 4)), 4u);
  EXPECT_EQ(pages.file.TakeLog(), "read @2048 +512\n");
  uint64_t written = 0;
  ASSERT_TRUE(pages.cache.WriteOut(Ids({3, 4, 5}), written));
  EXPECT_EQ(written, 0u);
}

TEST(PageCache, DropForgetsManyRunsAtOnceAndNothingElse) {
  PageFixture pages(kPageSize, 2000, 2000);
  std::vector<PageRun> runs;
  for (uint64_t id = 1; id < 1000; ++id) {
    CreateLeaf(pages, id, id, id);
    if (id % 3 == 1) runs.push_back({PageId{id}, 2});
  }
  ASSERT_GT(runs.size(), 256u);
  runs.push_back({PageId{1200}, 100});  // no frames
  CreateLeaf(pages, 1400, 1400, 1400);
  runs.push_back({PageId{1300}, 300});  // more than are looked at under the lock, of which one has a frame
  runs.push_back({PageId{1700}, 300});  // none has
  pages.cache.Drop(runs);
  const mvcc::EpochGuard guard(pages.slot);
  for (uint64_t id = 1; id < 1000; ++id) {
    EXPECT_EQ(pages.cache.Peek(Ref(id, id), guard) != nullptr, id % 3 == 0) << id;
  }
  EXPECT_EQ(pages.cache.Peek(Ref(1400, 1400), guard), nullptr);
  EXPECT_EQ(pages.cache.bytes_dirty(), 333 * kPageSize);
}

TEST(PageCache, PagesFarApartAreFoundWhileTheDirectoryGrows) {
  PageFixture pages(kPageSize, 2, 64);
  std::vector<PageRef> refs;
  for (uint64_t id = 1; id < (uint64_t{1} << 30); id *= 3) refs.push_back(CreateLeaf(pages, id, id, id));
  for (const PageRef ref : refs) EXPECT_EQ(*pages.ReadStamp(ref), ref.id.raw());
}

TEST(PageCache, ThreadsThatMissTheSamePageGetTheSameFrame) {
  constexpr uint64_t kPages = 200;
  PageFixture pages(kPageSize, kPages + 1, 2 * kPages);
  for (uint64_t id = 1; id <= kPages; ++id) pages.StoreLeaf(id, id, id);
  std::vector<std::vector<const Frame*>> found(3);
  std::vector<std::thread> threads;
  for (auto& frames : found) {
    threads.emplace_back([&] {
      mvcc::ReaderSlot* slot = pages.slots.Acquire();
      for (uint64_t id = 1; id <= kPages; ++id) {
        const EpochGuard guard(slot);
        frames.push_back(*pages.cache.Fetch(Ref(id, id), guard));
      }
      pages.slots.Release(slot);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
  EXPECT_EQ(pages.cache.bytes_cached(), kPages * kPageSize);
}

TEST(PageCacheDeathTest, WriteOutWantsAscendingPages) {
  PageFixture pages(kPageSize, 32, 8);
  uint64_t written = 0;
  EXPECT_DEATH(static_cast<void>(pages.cache.WriteOut(Ids({4, 3}), written)), "assertion failed");
  EXPECT_DEATH(static_cast<void>(pages.cache.WriteOut(Ids({4, 4}), written)), "assertion failed");
}

}  // namespace
}  // namespace manifolddb::page
