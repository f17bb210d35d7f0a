#include "engine/mvcc/version_set.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace manifolddb::mvcc {
namespace {

using format::Birth;
using format::PageId;
using format::PageRun;
using format::TxnId;

constexpr uint64_t kFirstBirth = 1000;

PageRun RunOf(uint64_t first, uint64_t pages = 1) { return {PageId{first}, pages}; }

// Pages 0 and 1 are the meta area and belong to the checkpoint the database was opened from, commit 10.
class VersionSetTest : public testing::Test {
 protected:
  VersionSetTest() : versions_(slots_, {TxnId{10}, format::Lsn{0}, 0}, Used(), Birth{kFirstBirth}) {}

  static format::PageBitmap Used() {
    format::PageBitmap used(16);
    used.Set(RunOf(0, 2));
    used.Set(RunOf(5, 3));  // older data, with births of earlier lives
    return used;
  }

  // Publishes the next commit: introduces and removes pages; returns what is free, sorted.
  std::vector<uint64_t> Commit(std::vector<uint64_t> introduced,
                               std::vector<std::pair<uint64_t, uint64_t>> removed) {
    CommitEffects effects;
    effects.txn = versions_.published_txn().next();
    for (const uint64_t page : introduced) effects.delta.introduced.push_back(RunOf(page));
    for (const auto& [page, birth] : removed) effects.delta.removed.push_back({RunOf(page), Birth{birth}});
    CommitEffects* const group = &effects;
    next_birth_ += 100;
    return Pages(
        versions_.Publish({&group, 1}, {effects.txn, format::Lsn{effects.txn.raw()}, 0}, Birth{next_birth_}));
  }

  std::vector<uint64_t> Checkpoint() {
    ReaderSlot* const slot = slots_.Acquire();
    const Capture capture = versions_.CaptureNewest(slot);
    slots_.Unpin(slot);
    auto free = Pages(versions_.CheckpointDurable(capture.at, {}));
    slots_.Release(slot);
    return free;
  }

  static std::vector<uint64_t> Pages(std::span<const PageRun> runs) {
    std::vector<uint64_t> pages;
    for (const PageRun& run : runs) {
      for (uint64_t i = 0; i < run.pages; ++i) pages.push_back(run.first.raw() + i);
    }
    std::sort(pages.begin(), pages.end());
    return pages;
  }

  using List = std::vector<uint64_t>;
  ReaderSlots slots_;
  VersionSet versions_;
  uint64_t next_birth_ = kFirstBirth;
};

TEST_F(VersionSetTest, APageOfTheDurableCheckpointWaitsForTheNextCheckpoint) {
  EXPECT_EQ(Commit({8}, {{5, 3}}), List{});
  EXPECT_EQ(versions_.pages_pending(), 1u);
  EXPECT_EQ(Checkpoint(), List{5});
  EXPECT_EQ(versions_.pages_pending(), 0u);
}

TEST_F(VersionSetTest, APageBornAfterTheCheckpointComesBackAtOnce) {
  EXPECT_EQ(Commit({8}, {}), List{});
  EXPECT_EQ(Commit({9}, {{8, 1050}}), List{8});
}

TEST_F(VersionSetTest, APageThatASnapshotSeesWaitsForIt) {
  Commit({8}, {});
  ReaderSlot* const reader = slots_.Acquire();
  EXPECT_EQ(slots_.PinNewest(reader, versions_.published()).raw(), 11u);
  EXPECT_EQ(Commit({9}, {{8, 1050}}), List{});
  EXPECT_EQ(Checkpoint(), List{});               // the checkpoint does not need it, the snapshot does
  EXPECT_EQ(Commit({10}, {{9, 1150}}), List{});  // of the durable checkpoint by now
  slots_.Unpin(reader);
  EXPECT_EQ(Pages(versions_.Collect()), List{8});
  EXPECT_EQ(Checkpoint(), List{9});
  slots_.Release(reader);
}

TEST_F(VersionSetTest, ALongReaderDoesNotHoldPagesBornAfterIt) {
  ReaderSlot* const reader = slots_.Acquire();
  slots_.PinNewest(reader, versions_.published());
  Commit({8}, {{5, 3}});
  for (uint64_t i = 0; i < 50; ++i) {
    const uint64_t old_page = 8 + i % 2;
    const uint64_t birth = next_birth_ - 50;
    EXPECT_EQ(Commit({8 + (i + 1) % 2}, {{old_page, birth}}), List{old_page});
  }
  EXPECT_EQ(versions_.pages_pending(), 1u);  // page 5 alone
  slots_.Unpin(reader);
  EXPECT_EQ(Pages(versions_.Collect()), List{});  // still the durable checkpoint's
  EXPECT_EQ(Checkpoint(), List{5});
  slots_.Release(reader);
}

TEST_F(VersionSetTest, ACaptureHoldsWhatItCoversUntilItEnds) {
  Commit({8}, {});
  ReaderSlot* const slot = slots_.Acquire();
  const Capture capture = versions_.CaptureNewest(slot);
  EXPECT_TRUE(capture.used.Test(PageId{8}));
  EXPECT_EQ(Commit({9}, {{8, 1050}}), List{});
  slots_.Unpin(slot);
  EXPECT_EQ(Pages(versions_.CheckpointDurable(capture.at, {})), List{});  // durable now: needs page 8
  EXPECT_EQ(Checkpoint(), List{8});
  slots_.Release(slot);
}

TEST_F(VersionSetTest, ACaptureHoldsWhatItCoversAlsoWhenItsSlotWasUnpinned) {
  Commit({8}, {});
  ReaderSlot* const slot = slots_.Acquire();
  const Capture capture = versions_.CaptureNewest(slot);
  slots_.Unpin(slot);
  EXPECT_EQ(Commit({9}, {{8, 1050}}), List{});  // the checkpoint is on the disk, and not yet known here
  EXPECT_EQ(Pages(versions_.CheckpointDurable(capture.at, {})), List{});
  EXPECT_EQ(Checkpoint(), List{8});
  slots_.Release(slot);
}

TEST_F(VersionSetTest, PendingPagesOfACaptureStayWhileItLasts) {
  Commit({8}, {});
  ReaderSlot* const reader = slots_.Acquire();
  slots_.PinNewest(reader, versions_.published());
  Commit({9}, {{8, 1050}});
  ReaderSlot* const slot = slots_.Acquire();
  Capture capture = versions_.CaptureNewest(slot);
  EXPECT_EQ(Pages(capture.pending), List{8});
  slots_.Unpin(reader);
  EXPECT_EQ(Pages(versions_.Collect()), List{});  // being written out
  versions_.EndCapture(std::move(capture.dropped));
  EXPECT_EQ(Pages(versions_.Collect()), List{8});
  slots_.Unpin(slot);
  slots_.Release(slot);
  slots_.Release(reader);
}

TEST_F(VersionSetTest, WhatACheckpointRemovesItselfIsFreeOnceItIsDurable) {
  ReaderSlot* const slot = slots_.Acquire();
  const Capture capture = versions_.CaptureNewest(slot);
  PageDelta own;
  own.introduced = {RunOf(12)};
  own.removed = {{RunOf(6), Birth{5}}};
  slots_.Unpin(slot);
  EXPECT_EQ(Pages(versions_.CheckpointDurable(capture.at, own)), List{6});
  EXPECT_TRUE(versions_.UsedPages().Test(PageId{12}));
  EXPECT_FALSE(versions_.UsedPages().Test(PageId{6}));
  slots_.Release(slot);
}

TEST_F(VersionSetTest, DroppedSubtreesGoToOneCaptureAndComeBackIfItFails) {
  CommitEffects effects;
  effects.txn = TxnId{11};
  effects.dropped = {{PageId{7}, Birth{4}}};
  CommitEffects* const group = &effects;
  versions_.Publish({&group, 1}, {effects.txn, format::Lsn{1}, 0}, Birth{next_birth_});
  ReaderSlot* const slot = slots_.Acquire();
  Capture capture = versions_.CaptureNewest(slot);
  ASSERT_EQ(capture.dropped.size(), 1u);
  versions_.EndCapture(std::move(capture.dropped));
  slots_.Unpin(slot);
  Capture again = versions_.CaptureNewest(slot);
  EXPECT_EQ(again.dropped.size(), 1u);
  slots_.Unpin(slot);
  versions_.CheckpointDurable(again.at, {});
  EXPECT_EQ(versions_.CaptureNewest(slot).dropped.size(), 0u);
  versions_.EndCapture({});
  slots_.Unpin(slot);
  slots_.Release(slot);
}

class SavepointSetTest : public VersionSetTest {
 protected:
  // The durable checkpoint becomes one.
  void Keep(const char* name, std::vector<uint64_t> pages, bool found = false) {
    format::PageBitmap set(16);
    set.Set(RunOf(0, 2));
    for (const uint64_t page : pages) set.Set(RunOf(page));
    versions_.AddSavepoint(name, {.txn = versions_.durable_txn()}, std::move(set), found);
  }
  List Drop(const char* name) { return Pages(versions_.DropSavepoint(name)); }
};

TEST_F(SavepointSetTest, WhatASavepointOwnsStaysUntilTheLastOneOfItIsDropped) {
  Keep("a", {5, 6, 7});
  Keep("b", {6, 7});
  EXPECT_EQ(Commit({8}, {{5, 3}, {6, 3}}), List{});
  EXPECT_EQ(Checkpoint(), List{});  // nobody but savepoints has them now
  EXPECT_EQ(versions_.pages_kept(), 2u);
  EXPECT_EQ(versions_.pages_pending(), 0u);
  ASSERT_EQ(versions_.Savepoints(true).size(), 2u);
  EXPECT_EQ(versions_.Savepoints(true)[0].pages, 5u);
  EXPECT_EQ(versions_.Savepoints(true)[0].pages_only, 1u);
  EXPECT_EQ(versions_.Savepoints(true)[1].pages_only, 0u);
  EXPECT_EQ(Drop("a"), List{5});
  EXPECT_EQ(Drop("b"), List{6});
  EXPECT_EQ(Commit({9}, {{7, 3}, {8, 1050}}), List{});
  EXPECT_EQ(Checkpoint(), (List{7, 8}));
}

TEST_F(SavepointSetTest, WhatWaitsForAVersionIsNotFreedByDroppingTheSavepoint) {
  Keep("a", {5});
  ReaderSlot* const reader = slots_.Acquire();
  slots_.PinNewest(reader, versions_.published());
  Commit({8}, {{5, 3}});
  EXPECT_EQ(Checkpoint(), List{});
  EXPECT_EQ(Drop("a"), List{});
  slots_.Unpin(reader);
  EXPECT_EQ(Pages(versions_.Collect()), List{5});
  slots_.Release(reader);
}

TEST_F(SavepointSetTest, WhoReadsADroppedOneKeepsIts) {
  Keep("a", {5});
  const std::optional<Savepoint> read = versions_.PinSavepoint("a");
  ASSERT_TRUE(read);
  EXPECT_FALSE(versions_.PinSavepoint("b"));
  Commit({8}, {{5, 3}});
  Checkpoint();
  EXPECT_EQ(Drop("a"), List{});
  EXPECT_TRUE(versions_.Savepoints().empty());
  EXPECT_FALSE(versions_.PinSavepoint("a"));
  EXPECT_TRUE(versions_.KeptPages().Test(PageId{5}));
  Keep("a", {6});
  EXPECT_EQ(Pages(versions_.UnpinSavepoint(read->number)), List{5});
  EXPECT_EQ(versions_.Savepoints().size(), 1u);
}

TEST_F(SavepointSetTest, APageThatIsOwnedAgainWaitsNoMore) {
  Keep("a", {5, 6});
  ReaderSlot* const reader = slots_.Acquire();
  slots_.PinNewest(reader, versions_.published());
  Commit({8}, {{5, 3}, {6, 3}, {7, 3}});
  EXPECT_EQ(versions_.pages_pending(), 3u);
  CommitEffects restoring;
  restoring.txn = versions_.published_txn().next();
  restoring.delta.introduced = {RunOf(5, 2)};
  restoring.delta.removed = {{RunOf(8), Birth{}}};
  restoring.restores = true;
  CommitEffects* const group = &restoring;
  versions_.Publish({&group, 1}, {restoring.txn, format::Lsn{restoring.txn.raw()}, 0}, Birth{next_birth_});
  EXPECT_EQ(versions_.pages_pending(), 2u);  // 7 for the snapshot; 8, whose birth nobody knows
  Checkpoint();
  EXPECT_EQ(Drop("a"), List{});
  slots_.Unpin(reader);
  EXPECT_EQ(Pages(versions_.Collect()), (List{7, 8}));
  EXPECT_TRUE(versions_.UsedPages().TestAll(RunOf(5, 2)));
  slots_.Release(reader);
}

TEST_F(SavepointSetTest, PagesOfEarlierOpeningsAreThoseUntilTheyAreGivenBack) {
  Keep("a", {9, 10}, true);
  EXPECT_TRUE(versions_.EarlierPages().TestAll(RunOf(5, 3)));
  EXPECT_TRUE(versions_.EarlierPages().TestAll(RunOf(9, 2)));
  Commit({8}, {{5, 3}});
  EXPECT_TRUE(versions_.EarlierPages().Test(PageId{5}));
  EXPECT_EQ(Checkpoint(), List{5});
  EXPECT_FALSE(versions_.EarlierPages().Test(PageId{5}));
  EXPECT_FALSE(versions_.EarlierPages().Test(PageId{8}));
  EXPECT_EQ(Drop("a"), (List{9, 10}));
  EXPECT_TRUE(versions_.EarlierPages().TestNone(RunOf(8, 3)));
}

}  // namespace
}  // namespace manifolddb::mvcc
