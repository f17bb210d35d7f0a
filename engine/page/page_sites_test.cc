// Every check and every edge of this module matters: broken, each lets something through that it otherwise
// stops. And memory that is refused is an error that leaves everything as it was.

#include "engine/base/sites.h"

#include <gtest/gtest.h>

#include <string_view>

#include "engine/base/checksum.h"
#include "engine/page/page_test_support.h"
#include "engine/page/page_writer.h"

namespace manifolddb::page {
namespace {

using format::ExtentRef;
using format::PageId;
using format::PageKind;
using format::PageRef;
using mvcc::EpochGuard;

constexpr uint32_t kPageSize = 512;

// Breaks a site while it lives.
class Broken {
 public:
  explicit Broken(std::string_view name) {
    for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
      if (name == site->name()) site_ = site;
    }
    EXPECT_NE(site_, nullptr) << name;
    site_->Break(true);
  }
  ~Broken() { site_->Break(false); }

 private:
  base::Site* site_ = nullptr;
};

// Refuses all data memory while it lives.
class NoMemory {
 public:
  NoMemory() {
    base::SetAllocationGate([](size_t) { return false; });
  }
  ~NoMemory() { base::SetAllocationGate({}); }
};

PageRef Ref(uint64_t id, uint64_t birth) { return {PageId{id}, PageFixture::BirthOf(birth)}; }

TEST(PageSites, WithoutItsChecksumADamagedExtentIsTakenForWhole) {
  PageFixture pages(kPageSize, 32, 8);
  const std::string value(600, 'v');
  ASSERT_TRUE(pages.data.WriteExtent(PageId{4}, AsBytes(value)));
  pages.file.bytes()[4 * kPageSize] = std::byte{'w'};
  const ExtentRef ref{
      .first = PageId{4}, .birth = {}, .bytes = 600, .checksum = base::Checksum64(AsBytes(value))};
  ASSERT_FALSE(pages.data.ReadExtent(ref));
  const Broken site("page.extent.checksum");
  EXPECT_EQ(AsText(pages.data.ReadExtent(ref)->view()).front(), 'w');
}

TEST(PageSites, AStaleReferenceToAPageInMemoryIsRefused) {
  PageFixture pages(kPageSize, 32, 8);
  ASSERT_TRUE(pages.ReadStamp(pages.StoreLeaf(4, 7, 77)));
  EXPECT_FALSE(pages.ReadStamp(Ref(4, 6)));
}

TEST(PageSites, DirtyPagesThatAreEvictedAreLost) {
  PageFixture pages(kPageSize, 101, 4);
  for (uint64_t id = 50; id <= 100; ++id) pages.StoreLeaf(id, id, id);
  const PageRef ref = Ref(4, 7);
  for (const bool broken : {false, true}) {
    std::optional<Broken> site;
    if (broken) site.emplace("page.cache.evict_dirty");
    FillLeaf((*pages.cache.Create(ref, 1))->bytes, kPageSize, ref, 77);
    for (uint64_t id = 50; id <= 100; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
    const auto stamp = pages.ReadStamp(ref);
    EXPECT_EQ(stamp.has_value(), !broken);
    EXPECT_EQ(pages.cache.bytes_dirty(), broken ? 0 : kPageSize);
  }
}

TEST(PageSites, FramesThatAreReusedUnderAPinChange) {
  for (const bool broken : {false, true}) {
    PageFixture pages(kPageSize, 101, 4);
    for (uint64_t id = 1; id <= 100; ++id) pages.StoreLeaf(id, id, id);
    FramePin pin;
    {
      const EpochGuard guard(pages.slot);
      pin = FramePin(*pages.cache.Fetch(Ref(1, 1), guard));
    }
    std::optional<Broken> site;
    if (broken) site.emplace("page.cache.pins_ignored");
    pages.cache.Drop(PageId{1}, 1);
    for (uint64_t id = 2; id <= 100; ++id) ASSERT_TRUE(pages.ReadStamp(Ref(id, id)));
    EXPECT_EQ(StampOf(pin.get()->bytes, kPageSize) == 1, !broken);
    pin = FramePin();
  }
}

TEST(PageSites, AWriteThatIsSkippedIsALostWrite) {
  PageFixture pages(kPageSize, 32, 8);
  const PageRef ref = Ref(4, 7);
  FillLeaf((*pages.cache.Create(ref, 1))->bytes, kPageSize, ref, 77);
  const std::vector<PageId> ids = {ref.id};
  uint64_t written = 0;
  const Broken site("page.write_out.skip");
  ASSERT_TRUE(pages.cache.WriteOut(ids, written));
  pages.cache.MarkClean(ids);
  EXPECT_EQ(pages.file.TakeLog(), "");
  EXPECT_EQ(pages.cache.bytes_dirty(), 0u);
  pages.cache.Drop(ref.id, 1);
  EXPECT_EQ(pages.ReadStamp(ref).error().code(), Errc::kCorrupt);
}

TEST(PageSites, ASpillMaySkipItsSync) {
  PageFixture pages(kPageSize, 32, 8);
  base::Poison poison;
  PageWriter writer(pages.cache, pages.allocator, 1, Room::kAll);
  const MutablePage page = *writer.Create(PageKind::kLeaf, 0);
  FillLeaf(page.bytes, kPageSize, page.ref, 1);
  const Broken site("page.spill.sync.skip");
  ASSERT_TRUE(writer.Spill(poison));
  EXPECT_EQ(pages.file.TakeLog(), "write @512 +512\n");
}

TEST(PageSites, PagesMayBeHandedOutTwice) {
  PageFixture pages(kPageSize, 17, 8);
  const Broken site("page.allocator.double");
  const PageRun first = *pages.allocator.Allocate(16, 16, Room::kAll);
  EXPECT_EQ(*pages.allocator.Allocate(16, 16, Room::kAll), first);
  pages.allocator.Free(first);
  pages.allocator.Free(first);
  EXPECT_EQ(pages.allocator.pages_free(), 16u);
}

TEST(PageMemory, AReadWithoutMemoryIsAnErrorAndLeavesNothing) {
  PageFixture pages(kPageSize, 32, 8);
  const PageRef ref = pages.StoreLeaf(4, 7, 77);
  {
    const NoMemory none;
    const auto failed = pages.ReadStamp(ref);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Errc::kNoMemory);
    EXPECT_EQ(pages.file.TakeLog(), "") << "the frame comes before the read";
  }
  EXPECT_EQ(*pages.ReadStamp(ref), 77u);
  {
    // There are frames by now, but no place in the array for a page so far away.
    pages.file.bytes().resize(100000 * kPageSize);
    const PageRef far = pages.StoreLeaf(99999, 8, 88);
    {
      const NoMemory none;
      EXPECT_EQ(pages.ReadStamp(far).error().code(), Errc::kNoMemory);
    }
    EXPECT_EQ(pages.cache.bytes_cached(), kPageSize);
    EXPECT_EQ(*pages.ReadStamp(far), 88u);
  }
}

TEST(PageMemory, AWriterWithoutMemoryKeepsItsBooks) {
  PageFixture pages(kPageSize, 32, 8);
  const PageRef theirs = pages.StoreLeaf(20, 7, 77);
  PageWriter writer(pages.cache, pages.allocator, 1, Room::kAll);
  {
    const NoMemory none;
    EXPECT_EQ(writer.Create(PageKind::kLeaf, 0).error().code(), Errc::kNoMemory);
    EXPECT_EQ(writer.WriteExtent(AsBytes("value")).error().code(), Errc::kNoMemory);
  }
  ASSERT_TRUE(pages.ReadStamp(theirs));
  std::vector<PageRef> created;
  for (;;) {
    const NoMemory none;  // frames of the first slab are there
    const auto page = writer.Create(PageKind::kLeaf, 0);
    if (!page) break;
    created.push_back(page->ref);
  }
  {
    const NoMemory none;
    const EpochGuard guard(pages.slot);
    EXPECT_EQ(writer.Edit(theirs, guard).error().code(), Errc::kNoMemory);
  }
  EXPECT_EQ(writer.pages_created(), created.size());
  const EpochGuard guard(pages.slot);
  EXPECT_TRUE(writer.Edit(theirs, guard));
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(delta.removed.size(), 1u);
  EXPECT_EQ(pages.allocator.page_count() - 1 - pages.allocator.pages_free(), created.size() + 1);
}

}  // namespace
}  // namespace manifolddb::page
