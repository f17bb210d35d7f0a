#include "engine/page/page_writer.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/page/page_test_support.h"

namespace manifolddb::page {
namespace {

using format::ExtentRef;
using format::PageId;
using format::PageKind;
using format::PageRef;
using mvcc::EpochGuard;

constexpr uint32_t kPageSize = 512;

class PageWriterTest : public ::testing::Test {
 protected:
  PageWriterTest() : pages_(kPageSize, 201, 32) {}

  PageRef CreateLeaf(PageWriter& writer, uint64_t stamp) {
    const MutablePage page = *writer.Create(PageKind::kLeaf, 0);
    FillLeaf(page.bytes, kPageSize, page.ref, stamp);
    return page.ref;
  }
  Result<MutablePage> Edit(PageWriter& writer, PageRef ref) {
    const EpochGuard guard(pages_.slot);
    return writer.Edit(ref, guard);
  }
  uint64_t Used() const { return pages_.allocator.page_count() - 1 - pages_.allocator.pages_free(); }

  PageFixture pages_;
  base::Poison poison_;
};

uint64_t CountOf(std::span<const PageRun> runs) {
  uint64_t pages = 0;
  for (const PageRun& run : runs) pages += run.pages;
  return pages;
}

TEST_F(PageWriterTest, ANewPageKnowsWhatItIs) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const MutablePage page = *writer.Create(PageKind::kBranch, 3);
  const auto& header = *reinterpret_cast<const format::NodeHeader*>(page.bytes);
  EXPECT_EQ(header.page_id, page.ref.id.raw());
  EXPECT_EQ(header.birth, page.ref.birth.raw());
  EXPECT_EQ(header.kind, static_cast<uint8_t>(PageKind::kBranch));
  EXPECT_EQ(header.level, 3);
  EXPECT_EQ(header.cells, 0);
  EXPECT_EQ(writer.pages_created(), 1u);
}

TEST_F(PageWriterTest, OwnPagesAreEditedInPlaceAndOthersAreCopied) {
  PageRef theirs;
  {
    PageWriter before(pages_.cache, pages_.allocator, 1, Room::kAll);
    theirs = CreateLeaf(before, 10);
    EXPECT_EQ(Edit(before, theirs)->ref, theirs);
    static_cast<void>(before.Finish());
  }
  PageWriter writer(pages_.cache, pages_.allocator, 2, Room::kAll);
  const EpochGuard guard(pages_.slot);
  const MutablePage copy = *writer.Edit(theirs, guard);
  EXPECT_NE(copy.ref.id, theirs.id);
  EXPECT_GT(copy.ref.birth, theirs.birth);
  EXPECT_EQ(StampOf(copy.bytes, kPageSize), 10u);
  FillLeaf(copy.bytes, kPageSize, copy.ref, 20);
  EXPECT_EQ(*pages_.ReadStamp(theirs), 10u);
  EXPECT_EQ(writer.Edit(copy.ref, guard)->ref, copy.ref);
  EXPECT_EQ(*pages_.ReadStamp(copy.ref), 20u);
  EXPECT_EQ(format::WhyNodeInvalid({copy.bytes, kPageSize}, copy.ref), nullptr);
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(delta.introduced, (std::vector<PageRun>{{copy.ref.id, 1}}));
  ASSERT_EQ(delta.removed.size(), 1u);
  EXPECT_EQ(delta.removed[0].run, (PageRun{theirs.id, 1}));
  EXPECT_EQ(delta.removed[0].birth, theirs.birth);
}

TEST_F(PageWriterTest, PagesCreatedAndRemovedAgainWereNeverThere) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef first = CreateLeaf(writer, 1);
  const PageRef second = CreateLeaf(writer, 2);
  ASSERT_TRUE(writer.Remove(first));
  EXPECT_EQ(pages_.cache.bytes_dirty(), kPageSize);
  EXPECT_EQ(writer.pages_created(), 1u);
  EXPECT_EQ(writer.pages_removed(), 1u);
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(delta.introduced, (std::vector<PageRun>{{second.id, 1}}));
  EXPECT_TRUE(delta.removed.empty());
  EXPECT_EQ(Used(), 1u) << "neither the removed page nor the reserve is kept";
}

TEST_F(PageWriterTest, IntroducedRunsAreAscendingAndCoalesced) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  std::vector<PageRef> refs;
  for (uint64_t i = 0; i < 20; ++i) refs.push_back(CreateLeaf(writer, i));
  ASSERT_TRUE(writer.Remove(refs[5]));
  ASSERT_TRUE(writer.Remove(refs[12]));
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(delta.introduced, (std::vector<PageRun>{{PageId{1}, 5}, {PageId{7}, 6}, {PageId{14}, 7}}));
}

TEST_F(PageWriterTest, AbandonFreesEverythingAndForgetsRemovals) {
  const PageRef theirs = pages_.StoreLeaf(150, 100, 5);
  {
    PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
    for (uint64_t i = 0; i < 10; ++i) CreateLeaf(writer, i);
    ASSERT_TRUE(writer.WriteExtent(AsBytes(std::string(2000, 'x'))));
    ASSERT_TRUE(Edit(writer, theirs));
  }
  EXPECT_EQ(Used(), 0u);
  EXPECT_EQ(pages_.cache.bytes_dirty(), 0u);
  EXPECT_EQ(*pages_.ReadStamp(theirs), 5u);
}

TEST_F(PageWriterTest, WhatThereWasAtAMarkStaysAsItIs) {
  const PageRef theirs = pages_.StoreLeaf(150, 100, 5);
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef early = CreateLeaf(writer, 1);
  const ExtentRef extent = *writer.WriteExtent(AsBytes(std::string(1500, 'v')));
  writer.SetMark(2);
  const PageRef copy = Edit(writer, early)->ref;
  EXPECT_NE(copy.id, early.id);
  EXPECT_EQ(Edit(writer, copy)->ref, copy) << "what was created since is changed in place";
  ASSERT_TRUE(writer.RemoveExtent(extent));
  ASSERT_TRUE(Edit(writer, theirs));
  writer.RollBackToMark();
  EXPECT_EQ(writer.marks(), 0u);
  EXPECT_EQ(writer.pages_created(), 4u);
  EXPECT_EQ(*pages_.ReadStamp(early), 1u);
  EXPECT_EQ(AsText(writer.ReadExtent(extent)->view().first(1500)), std::string(1500, 'v'));
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(CountOf(delta.introduced), 4u);
  EXPECT_TRUE(delta.removed.empty()) << "theirs is still owned";
  EXPECT_EQ(Used(), 4u);
}

TEST_F(PageWriterTest, WhatWasKeptForAMarkIsFreeWhenNoMarkWantsIt) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef first = CreateLeaf(writer, 1);
  writer.SetMark(2);
  const PageRef second = CreateLeaf(writer, 2);
  writer.SetMark(3);
  ASSERT_TRUE(writer.Remove(first));
  ASSERT_TRUE(writer.Remove(second));
  EXPECT_EQ(writer.pages_created(), 2u) << "both are kept";
  writer.ReleaseMark();
  EXPECT_EQ(writer.pages_created(), 1u) << "the first, for the other mark";
  EXPECT_EQ(*pages_.ReadStamp(first), 1u);
  writer.ReleaseMark();
  EXPECT_EQ(writer.pages_created(), 0u);
  EXPECT_TRUE(writer.Finish().introduced.empty());
  EXPECT_EQ(Used(), 0u);
}

// Nodes and extents that come, change and go at random, beside what they are to be.
class PagesBetweenMarks {
 public:
  explicit PagesBetweenMarks(uint32_t seed) : random_(seed) {}

  void Step() {
    const size_t kind = Below(12);
    if (kind < 3 && now_.nodes.size() < 8) {
      const MutablePage page = *writer_.Create(PageKind::kLeaf, 0);
      now_.nodes.emplace_back(page.ref, ++stamp_);
      FillLeaf(page.bytes, kPageSize, page.ref, stamp_);
    } else if (kind < 6 && !now_.nodes.empty()) {
      auto& [ref, stamped] = now_.nodes[Below(now_.nodes.size())];
      const EpochGuard guard(pages_.slot);
      const MutablePage page = *writer_.Edit(ref, guard);
      ref = page.ref;
      stamped = ++stamp_;
      FillLeaf(page.bytes, kPageSize, page.ref, stamped);
    } else if (kind == 6 && !now_.nodes.empty()) {
      const auto gone = now_.nodes.begin() + static_cast<ptrdiff_t>(Below(now_.nodes.size()));
      ASSERT_TRUE(writer_.Remove(gone->first));
      now_.nodes.erase(gone);
    } else if (kind == 7 && now_.extents.size() < 3) {
      const std::string value(600 + Below(500), static_cast<char>('a' + Below(26)));
      now_.extents.emplace_back(*writer_.WriteExtent(AsBytes(value)), value);
    } else if (kind == 8 && !now_.extents.empty()) {
      ASSERT_TRUE(writer_.RemoveExtent(now_.extents.back().first));
      now_.extents.pop_back();
    } else if (kind == 9 && marks_.size() < 4) {
      writer_.SetMark(++serial_);
      marks_.push_back(now_);
    } else if (kind == 10 && !marks_.empty()) {
      LeaveMark(Below(3) > 0);
    } else if (kind == 11 && Below(4) == 0) {
      ASSERT_TRUE(writer_.Spill(poison_));
    }
  }
  void LeaveMark(bool rolled_back) {
    rolled_back ? writer_.RollBackToMark() : writer_.ReleaseMark();
    if (rolled_back) now_ = marks_.back();
    marks_.pop_back();
    for (const auto& [ref, stamp] : now_.nodes) ASSERT_EQ(*pages_.ReadStamp(ref), stamp);
    for (const auto& [ref, value] : now_.extents) {
      ASSERT_EQ(AsText(writer_.ReadExtent(ref)->view().first(value.size())), value);
    }
  }
  void End(bool finished) {
    while (!marks_.empty()) LeaveMark(false);
    uint64_t pages = now_.nodes.size();
    for (const auto& [ref, value] : now_.extents) pages += format::ExtentPages(value.size(), kPageSize);
    EXPECT_EQ(writer_.pages_created(), pages);
    if (finished) {
      EXPECT_EQ(CountOf(writer_.Finish().introduced), pages);
    } else {
      writer_.Abandon();
    }
    const uint64_t used = pages_.allocator.page_count() - 1 - pages_.allocator.pages_free();
    EXPECT_EQ(used, finished ? pages : 0);
  }
  // Amid marks.
  void Abandon() {
    writer_.Abandon();
    EXPECT_EQ(pages_.allocator.page_count() - 1, pages_.allocator.pages_free());
  }

 private:
  struct Contents {
    std::vector<std::pair<PageRef, uint64_t>> nodes;         // with stamps
    std::vector<std::pair<ExtentRef, std::string>> extents;  // with values
  };
  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  std::mt19937 random_;
  PageFixture pages_{kPageSize, 401, 64};
  base::Poison poison_;
  PageWriter writer_{pages_.cache, pages_.allocator, 1, Room::kAll};
  uint64_t serial_ = 1;
  uint64_t stamp_ = 0;
  Contents now_;
  std::vector<Contents> marks_;
};

TEST(PageWriter, MarksWithinMarksTakeEverythingBack) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    PagesBetweenMarks run(seed);
    for (int step = 0; step < 150; ++step) run.Step();
    if (testing::Test::HasFatalFailure()) return;
    seed % 3 == 0 ? run.Abandon() : run.End(seed % 3 == 1);
  }
}

TEST_F(PageWriterTest, AReferenceOfAnEarlierLifeToAPageThatNobodyOwnedIsCorruption) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const format::Birth old = format::FirstBirth(format::Life{2});
  const Status page = writer.Remove({PageId{9}, old});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Errc::kCorrupt);
  EXPECT_EQ(page.error().offset(), 9 * kPageSize);
  const ExtentRef far{.first = PageId{~uint64_t{0}}, .birth = old, .bytes = 5000, .checksum = 0};
  const Status extent = writer.RemoveExtent(far);
  ASSERT_FALSE(extent);
  EXPECT_EQ(extent.error().offset(), ErrorDetails::kNoOffset);
  EXPECT_EQ(writer.pages_removed(), 0u);
  EXPECT_TRUE(writer.Finish().removed.empty());
}

TEST_F(PageWriterTest, ExtentsAreWrittenAtOnceAndBelongToTheVersion) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const std::string value(1500, 'v');
  const ExtentRef kept = *writer.WriteExtent(AsBytes(value));
  EXPECT_EQ(pages_.file.TakeLog(), "write @512 +1536\n");
  const ExtentRef dropped = *writer.WriteExtent(AsBytes(std::string(600, 'd')));
  EXPECT_LT(kept.birth, dropped.birth);
  EXPECT_EQ(AsText(writer.ReadExtent(kept)->view()), value);
  ASSERT_TRUE(writer.RemoveExtent(dropped));
  const ExtentRef theirs{
      .first = PageId{100}, .birth = PageFixture::BirthOf(77), .bytes = 513, .checksum = 0};
  ASSERT_TRUE(writer.RemoveExtent(theirs));
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(delta.introduced, (std::vector<PageRun>{{kept.first, 3}}));
  ASSERT_EQ(delta.removed.size(), 1u);
  EXPECT_EQ(delta.removed[0].run, (PageRun{PageId{100}, 2}));
  EXPECT_EQ(delta.removed[0].birth, theirs.birth);
  EXPECT_EQ(Used(), 3u);
}

// Nodes lie wherever they came to lie, one of them written out; then each extent gets the place it is said to
// have had.
TEST_F(PageWriterTest, PlannedExtentsGetTheirPlacesAndNodesMakeWay) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const std::string value(600, 'v');
  std::vector<PageRef> nodes;
  for (uint64_t i = 0; i < 5; ++i) nodes.push_back(CreateLeaf(writer, 100 + i));  // on pages 1 to 5
  ASSERT_TRUE(writer.Spill(poison_));
  const ExtentRef early = *writer.PlanExtent(PageId{2}, AsBytes(std::string(1500, 'e')));
  ASSERT_TRUE(writer.RemoveExtent(early)) << "its pages are free for the next one";
  const ExtentRef late = *writer.PlanExtent(PageId{4}, AsBytes(value));
  const ExtentRef far = *writer.PlanExtent(PageId{250}, AsBytes(value));
  EXPECT_EQ(late.first, PageId{4});
  EXPECT_FALSE(writer.IsPlanned(early.birth));
  EXPECT_TRUE(writer.IsPlanned(late.birth));

  PageSet in_the_way;
  ASSERT_TRUE(writer.TakePlanned([] { return uint64_t{3}; }, in_the_way));
  EXPECT_EQ(pages_.allocator.page_count(), 252u) << "as long as it has to be";
  EXPECT_EQ(in_the_way.size(), 5u) << "two of the extent, and three that lie together";
  for (PageRef& node : nodes) {
    if (!in_the_way.Contains(node.id)) continue;
    const EpochGuard guard(pages_.slot);
    node = *writer.MoveOff(node, guard);
  }
  ASSERT_TRUE(writer.WritePlanned(late.birth, AsBytes(value)));
  ASSERT_TRUE(writer.WritePlanned(far.birth, AsBytes(value)));
  writer.GiveUpTogether();
  EXPECT_EQ(AsText(writer.ReadExtent(late)->view()), value);
  EXPECT_EQ(AsText(writer.ReadExtent(far)->view()), value);
  for (size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_FALSE(nodes[i].id.raw() >= 1 && nodes[i].id.raw() <= 5);
    const EpochGuard guard(pages_.slot);
    EXPECT_EQ(StampOf((*writer.Fetch(nodes[i], guard))->bytes, kPageSize), 100 + i);
  }
  const PageDelta delta = writer.Finish();
  EXPECT_EQ(CountOf(delta.introduced), 9u);
  EXPECT_EQ(Used(), 9u);
}

// More nodes than the file has pages, until some are removed.
TEST_F(PageWriterTest, NodesBeyondTheFileStayInMemoryUntilThereAreFewEnough) {
  pages_.file.bytes_max = 201 * kPageSize;
  PageWriter roomy(pages_.cache, pages_.allocator, 1, Room::kAll);
  roomy.AllowBeyond();
  std::vector<PageRef> nodes;
  for (uint64_t i = 0; i < 203; ++i) nodes.push_back(CreateLeaf(roomy, 1000 + i));
  EXPECT_EQ(pages_.allocator.pages_free(), 0u);
  pages_.file.TakeLog();
  ASSERT_TRUE(roomy.Spill(poison_));
  EXPECT_EQ(*pages_.file.Size(), 201 * kPageSize);
  EXPECT_EQ(roomy.pages_unwritten(), 3u);
  ASSERT_TRUE(roomy.Remove(nodes[202]));
  nodes.pop_back();
  nodes.push_back(CreateLeaf(roomy, 1202));
  PageSet in_the_way;
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(roomy.Remove(nodes[i]));
  nodes.erase(nodes.begin(), nodes.begin() + 10);
  ASSERT_TRUE(roomy.TakePlanned([] { return uint64_t{1}; }, in_the_way));
  EXPECT_EQ(in_the_way.size(), 3u) << "the run that lies together is free";
  for (PageRef& node : nodes) {
    if (!in_the_way.Contains(node.id)) continue;
    const EpochGuard guard(pages_.slot);
    node = *roomy.MoveOff(node, guard);
  }
  roomy.GiveUpTogether();
  ASSERT_TRUE(roomy.Spill(poison_));
  EXPECT_EQ(roomy.pages_unwritten(), 0u);
  for (size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_LT(nodes[i].id.raw(), 201u);
    EXPECT_EQ(*pages_.ReadStamp(nodes[i]), 1010 + i);
  }
  EXPECT_EQ(CountOf(roomy.Finish().introduced), 193u);
  EXPECT_EQ(Used(), 193u);
}

TEST_F(PageWriterTest, AnExtentThatCannotHaveLainThereIsCorruption) {
  const std::string value(600, 'v');
  const auto Why = [&](std::initializer_list<uint64_t> firsts) {
    PageWriter writer(pages_.cache, pages_.allocator, 2, Room::kAll);
    for (const uint64_t first : firsts) {
      if (const auto planned = writer.PlanExtent(PageId{first}, AsBytes(value)); !planned)
        return planned.error();
    }
    PageSet in_the_way;
    return writer.TakePlanned([] { return uint64_t{1}; }, in_the_way).error();
  };
  EXPECT_EQ(Why({10, 11}).message(), "two extents are said to have lain here");
  EXPECT_EQ(Why({~uint64_t{0}}).message(), "an extent is said to have lain beyond any file");
  PageWriter theirs(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef node = CreateLeaf(theirs, 1);
  EXPECT_EQ(Why({node.id.raw()}).message(), "an extent is said to have lain where another page is");
  EXPECT_EQ(Why({node.id.raw()}).code(), Errc::kCorrupt);
  pages_.file.bytes_max = 201 * kPageSize;
  EXPECT_EQ(Why({300}).code(), Errc::kNoSpace);
}

TEST_F(PageWriterTest, AFailedExtentLeavesNothingBehind) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  pages_.file.fail_writes = true;
  EXPECT_EQ(writer.WriteExtent(AsBytes(std::string(600, 'd'))).error().code(), Errc::kIo);
  pages_.file.fail_writes = false;
  pages_.file.bytes_max = pages_.file.bytes().size();
  EXPECT_EQ(writer.WriteExtent(AsBytes(std::string(201 * kPageSize, 'd'))).error().code(), Errc::kNoSpace);
  EXPECT_TRUE(writer.Finish().introduced.empty());
  EXPECT_EQ(Used(), 0u);
}

TEST_F(PageWriterTest, AnExtentWhereADirtyNodeLayIsNotOverwrittenByIt) {
  PageRef node;
  {
    PageWriter before(pages_.cache, pages_.allocator, 1, Room::kAll);
    node = CreateLeaf(before, 10);
    static_cast<void>(before.Finish());
    pages_.allocator.Free({node.id, 1});  // reclaimed; its frame is still there, and dirty
  }
  PageWriter writer(pages_.cache, pages_.allocator, 2, Room::kAll);
  const std::string value(200 * kPageSize, 'v');
  const ExtentRef extent = *writer.WriteExtent(AsBytes(value));
  EXPECT_EQ(extent.first, node.id);
  uint64_t written = 0;
  ASSERT_TRUE(pages_.cache.WriteOut(std::vector<PageId>{node.id}, written));
  EXPECT_EQ(written, 0u);
  EXPECT_EQ(AsText(writer.ReadExtent(extent)->view()), value);
}

TEST_F(PageWriterTest, SpilledPagesAreCleanAndCopiedWhenEditedAgain) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  std::vector<PageRef> refs;
  for (uint64_t i = 0; i < 7; ++i) refs.push_back(CreateLeaf(writer, i));
  ASSERT_TRUE(writer.Remove(refs[3]));
  EXPECT_EQ(writer.pages_unwritten(), 7u);
  pages_.file.TakeLog();
  ASSERT_TRUE(writer.Spill(poison_));
  EXPECT_EQ(pages_.file.TakeLog(), "write @512 +1536\nwrite @2560 +1536\nsync\n");
  EXPECT_EQ(pages_.cache.bytes_dirty(), 0u);
  EXPECT_EQ(writer.pages_unwritten(), 0u);
  ASSERT_TRUE(writer.Spill(poison_));
  EXPECT_EQ(pages_.file.TakeLog(), "") << "nothing new";

  const MutablePage copy = *Edit(writer, refs[0]);
  EXPECT_NE(copy.ref.birth, refs[0].birth);
  EXPECT_EQ(StampOf(copy.bytes, kPageSize), 0u);
  ASSERT_TRUE(writer.Remove(refs[1]));
  const PageDelta delta = writer.Finish();
  EXPECT_TRUE(delta.removed.empty()) << "spilled pages were nobody else's either";
  EXPECT_EQ(CountOf(delta.introduced), 5u);
  EXPECT_EQ(Used(), 5u);
}

TEST_F(PageWriterTest, ASpillLeavesExtentsAloneThatLieWhereItsNodesLay) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef node = CreateLeaf(writer, 1);
  const PageRun others = *pages_.allocator.Allocate(199, 199, Room::kAll);
  ASSERT_TRUE(writer.Remove(node));
  const std::string value(kPageSize, 'v');
  const ExtentRef extent = *writer.WriteExtent(AsBytes(value));
  ASSERT_EQ(extent.first, node.id) << "the one page that is free";
  pages_.file.TakeLog();
  ASSERT_TRUE(writer.Spill(poison_));
  EXPECT_EQ(pages_.file.TakeLog(), "") << "no node is left";
  EXPECT_EQ(AsText(writer.ReadExtent(extent)->view()), value);

  // The other way round: the node that lies where that extent lay is written.
  ASSERT_TRUE(writer.RemoveExtent(extent));
  ASSERT_EQ(CreateLeaf(writer, 2).id, node.id);
  pages_.file.TakeLog();
  ASSERT_TRUE(writer.Spill(poison_));
  EXPECT_EQ(pages_.file.TakeLog(), "write @" + std::to_string(node.id.raw() * kPageSize) + " +512\nsync\n");
  EXPECT_EQ(others.pages, 199u);
}

TEST_F(PageWriterTest, AfterAFailedSpillPagesAreNeitherCleanNorChangedAnyMore) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef ref = CreateLeaf(writer, 1);
  pages_.file.fail_syncs = true;
  EXPECT_EQ(writer.Spill(poison_).error().code(), Errc::kIo);
  EXPECT_TRUE(poison_.set());
  EXPECT_EQ(pages_.cache.bytes_dirty(), kPageSize);
  EXPECT_NE(Edit(writer, ref)->ref, ref);
  writer.Abandon();
  EXPECT_EQ(pages_.cache.bytes_dirty(), 0u);
  EXPECT_EQ(Used(), 0u);
}

TEST_F(PageWriterTest, ASpillThatCannotWriteCanBeTriedAgain) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  const PageRef ref = CreateLeaf(writer, 1);
  pages_.file.fail_writes = true;
  EXPECT_EQ(writer.Spill(poison_).error().code(), Errc::kIo);
  EXPECT_FALSE(poison_.set()) << "nobody refers to what was to be written";
  EXPECT_NE(Edit(writer, ref)->ref, ref);
  pages_.file.fail_writes = false;
  ASSERT_TRUE(writer.Spill(poison_));
  EXPECT_EQ(pages_.cache.bytes_dirty(), 0u);
}

TEST_F(PageWriterTest, AFullDeviceIsAnErrorAndTakesNothing) {
  pages_.file.bytes_max = pages_.file.bytes().size();
  const PageRun all = *pages_.allocator.Allocate(200, 200, Room::kAll);
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  EXPECT_EQ(writer.Create(PageKind::kLeaf, 0).error().code(), Errc::kNoSpace);
  pages_.allocator.Free({PageId{50}, 1});
  EXPECT_EQ(writer.Create(PageKind::kLeaf, 0)->ref.id, PageId{50});
  EXPECT_EQ(writer.Create(PageKind::kLeaf, 0).error().code(), Errc::kNoSpace);
  EXPECT_EQ(writer.Finish().introduced, (std::vector<PageRun>{{PageId{50}, 1}}));
  EXPECT_EQ(all.pages, 200u);
}

TEST_F(PageWriterTest, AReferenceThatIsStaleIsNotEdited) {
  const PageRef ref = pages_.StoreLeaf(150, 100, 5);
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  EXPECT_EQ(Edit(writer, {ref.id, PageFixture::BirthOf(99)}).error().code(), Errc::kCorrupt);
  const PageDelta delta = writer.Finish();
  EXPECT_TRUE(delta.introduced.empty() && delta.removed.empty());
}

// A version is the set of leaves that one writer leaves to the next. Each commits, abandons or spills at
// random in between; whatever happens, the books must agree with the allocator and every page must be what it
// was made.
TEST_F(PageWriterTest, TheBooksAgreeAfterRandomTransactions) {
  std::mt19937_64 random(21);
  std::map<PageId, std::pair<PageRef, uint64_t>> version;  // id -> reference, stamp
  uint64_t stamp = 0;
  for (uint64_t serial = 1; serial <= 150; ++serial) {
    auto next = version;
    PageWriter writer(pages_.cache, pages_.allocator, serial, Room::kAll);
    for (uint64_t step = random() % 30; step > 0; --step) {
      const uint64_t dice = random() % 10;
      if (next.empty() || (dice < 4 && next.size() < 60)) {
        const PageRef ref = CreateLeaf(writer, ++stamp);
        ASSERT_TRUE(next.emplace(ref.id, std::pair(ref, stamp)).second);
        continue;
      }
      const auto at = std::next(next.begin(), static_cast<long>(random() % next.size()));
      const PageRef old = at->second.first;
      if (dice < 6) {
        ASSERT_TRUE(writer.Remove(old));
        next.erase(at);
      } else if (dice < 9) {
        const MutablePage page = *Edit(writer, old);
        ASSERT_EQ(StampOf(page.bytes, kPageSize), at->second.second);
        FillLeaf(page.bytes, kPageSize, page.ref, ++stamp);
        next.erase(at);
        ASSERT_TRUE(next.emplace(page.ref.id, std::pair(page.ref, stamp)).second);
      } else {
        ASSERT_TRUE(writer.Spill(poison_));
      }
    }
    if (random() % 4 == 0) {
      writer.Abandon();
    } else {
      PageDelta delta = writer.Finish();
      for (const RemovedRun& removed : delta.removed) {
        ASSERT_EQ(version.count(removed.run.first), 1u);
        ASSERT_EQ(version[removed.run.first].first.birth, removed.birth);
        pages_.cache.Drop(removed.run.first, removed.run.pages);
        pages_.allocator.Free(removed.run);
        version.erase(removed.run.first);
      }
      for (const PageRun& run : delta.introduced) {
        for (uint64_t id = run.first.raw(); id < run.end(); ++id) {
          ASSERT_EQ(version.count(PageId{id}), 0u);
          version[PageId{id}] = next.at(PageId{id});
        }
      }
      ASSERT_EQ(version, next);
    }
    ASSERT_EQ(Used(), version.size());
    for (const auto& [id, page] : version) ASSERT_EQ(*pages_.ReadStamp(page.first), page.second);
  }
}

TEST_F(PageWriterTest, UseAfterTheEndDies) {
  PageWriter writer(pages_.cache, pages_.allocator, 1, Room::kAll);
  static_cast<void>(writer.Finish());
  EXPECT_DEATH(static_cast<void>(writer.Create(PageKind::kLeaf, 0)), "assertion failed");
  EXPECT_DEATH(static_cast<void>(writer.Finish()), "assertion failed");
}

}  // namespace
}  // namespace manifolddb::page
