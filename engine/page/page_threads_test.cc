// Readers, writers, write-out and reclaim on one small cache, all at once. What comes out is determined; how
// it comes about is not, and the thread sanitizer watches.

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "engine/page/page_test_support.h"
#include "engine/page/page_writer.h"

namespace manifolddb::page {
namespace {

using format::PageId;
using format::PageKind;
using format::PageRef;
using mvcc::EpochGuard;

constexpr uint32_t kPageSize = 512;
constexpr uint64_t kCachePages = 24;
constexpr uint64_t kLeaves = 30;  // of each writer
constexpr uint64_t kRounds = 80;
constexpr int kWriters = 2;
constexpr int kReaders = 2;

uint64_t Stamp(uint64_t leaf, uint64_t version) { return leaf << 32 | version; }

// A leaf as its readers find it: immutable, replaced as a whole.
struct Published {
  PageRef ref;
  uint64_t version;
};

struct Committed {
  PageDelta delta;
  uint64_t tag;  // drawn when nobody could find the removed pages any more
};

class Arena {
 public:
  Arena() : pages_(kPageSize, 2, kCachePages), leaves_(kWriters * kLeaves) {}

  void Run() {
    std::vector<std::thread> writers;
    std::vector<std::thread> readers;
    for (int w = 0; w < kWriters; ++w) writers.emplace_back([this, w] { Write(w); });
    for (int r = 0; r < kReaders; ++r) readers.emplace_back([this, r] { Read(r); });
    while (running_.load() > 0) CheckpointAndReclaim();
    for (std::thread& thread : writers) thread.join();
    stop_ = true;
    for (std::thread& thread : readers) thread.join();
    CheckpointAndReclaim();
    CheckOutcome();
  }

 private:
  void Publish(uint64_t leaf, PageRef ref, uint64_t version) {
    std::lock_guard<std::mutex> lock(mutex_);
    leaves_[leaf].store(&published_.emplace_back(Published{ref, version}), std::memory_order_release);
  }

  // Rounds of copy-on-write; every fifth is given up, every fourth spills in its midst.
  void Write(int w) {
    mvcc::ReaderSlot* slot = pages_.slots.Acquire();
    std::mt19937_64 random(static_cast<uint64_t>(w) + 1);
    std::vector<uint64_t> versions(kLeaves, 0);
    for (uint64_t round = 0; round < kRounds; ++round) {
      PageWriter writer(pages_.cache, pages_.allocator, 1 + round * kWriters + static_cast<uint64_t>(w),
                        Room::kAll);
      std::map<uint64_t, Published> changed;
      for (int edit = 0; edit < 8; ++edit) {
        const uint64_t leaf = round == 0 ? static_cast<uint64_t>(edit) : random() % kLeaves;
        Change(writer, slot, static_cast<uint64_t>(w) * kLeaves + leaf, versions[leaf] + 1, changed);
        if (edit == 4 && round % 4 == 1 && !writer.Spill(poison_)) Report("a spill failed");
      }
      if (round % 5 == 4) {
        writer.Abandon();
        continue;
      }
      PageDelta delta = writer.Finish();
      for (const auto& [leaf, published] : changed) {
        versions[leaf % kLeaves] = published.version;
        Publish(leaf, published.ref, published.version);
      }
      const uint64_t tag = pages_.slots.RetireTag();
      std::lock_guard<std::mutex> lock(mutex_);
      commits_.push_back({std::move(delta), tag});
    }
    pages_.slots.Release(slot);
    running_.fetch_sub(1);
  }

  void Change(PageWriter& writer, mvcc::ReaderSlot* slot, uint64_t leaf, uint64_t version,
              std::map<uint64_t, Published>& changed) {
    const EpochGuard guard(slot);
    const Published* before = leaves_[leaf].load(std::memory_order_acquire);
    const auto again = changed.find(leaf);
    if (again != changed.end()) before = &again->second;
    const auto page = before == nullptr ? writer.Create(PageKind::kLeaf, 0) : writer.Edit(before->ref, guard);
    if (!page) {
      Report("edit: " + page.error().ToString());
      return;
    }
    if (before != nullptr && StampOf(page->bytes, kPageSize) != Stamp(leaf, before->version)) {
      Report("an edited page is not what was published");
    }
    FillLeaf(page->bytes, kPageSize, page->ref, Stamp(leaf, version));
    changed[leaf] = {page->ref, version};
  }

  void Read(int r) {
    mvcc::ReaderSlot* slot = pages_.slots.Acquire();
    std::mt19937_64 random(static_cast<uint64_t>(r) + 100);
    FramePin resting;
    uint64_t resting_stamp = 0;
    while (!stop_) {
      const EpochGuard guard(slot);
      if (resting.get() != nullptr && StampOf(resting.get()->bytes, kPageSize) != resting_stamp) {
        Report("a pinned page changed");
      }
      const uint64_t leaf = random() % leaves_.size();
      const Published* published = leaves_[leaf].load(std::memory_order_acquire);
      if (published == nullptr) continue;
      const auto frame = pages_.cache.Fetch(published->ref, guard);
      if (!frame) {
        Report("read: " + frame.error().ToString());
        continue;
      }
      const uint64_t stamp = StampOf((*frame)->bytes, kPageSize);
      if (stamp != Stamp(leaf, published->version)) Report("a page is not what its reference says");
      if (random() % 8 == 0) {
        resting = FramePin(*frame);
        resting_stamp = stamp;
      }
    }
    resting = FramePin();
    pages_.slots.Release(slot);
  }

  void CheckpointAndReclaim() {
    std::deque<Committed> commits;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      commits.swap(commits_);
    }
    for (Committed& commit : commits) {
      for (const PageRun& run : commit.delta.introduced) {
        for (uint64_t id = run.first.raw(); id < run.end(); ++id) unwritten_.insert(PageId{id});
      }
      for (const RemovedRun& removed : commit.delta.removed) {
        unwritten_.erase(removed.run.first);
        removed_.push_back({removed.run, commit.tag});
      }
    }
    const std::vector<PageId> ids(unwritten_.begin(), unwritten_.end());
    uint64_t written = 0;
    EXPECT_TRUE(pages_.cache.WriteOut(ids, written));
    EXPECT_TRUE(pages_.file.Sync());
    pages_.cache.MarkClean(ids);
    unwritten_.clear();
    const uint64_t safe = pages_.slots.SafeEpoch();
    std::erase_if(removed_, [&](const std::pair<PageRun, uint64_t>& removed) {
      if (removed.second >= safe) return false;
      pages_.cache.Drop(removed.first.first, removed.first.pages);
      pages_.allocator.Free(removed.first);
      return true;
    });
    pages_.file.TakeLog();
  }

  void CheckOutcome() {
    EXPECT_EQ(problems_, "");
    EXPECT_TRUE(removed_.empty());
    EXPECT_EQ(pages_.cache.bytes_dirty(), 0u);
    uint64_t live = 0;
    // Again and again: what piled up behind a slow reader is looked through bit by bit, by who wants a frame.
    // If all leaves are in memory the readings want none: so a page is made as well.
    const auto over = [&] { return pages_.cache.bytes_cached() > kCachePages * kPageSize; };
    for (int times = 0; times < 30 || (over() && times < 1000); ++times) {
      PageWriter writer(pages_.cache, pages_.allocator, ~uint64_t{0}, Room::kAll);
      EXPECT_TRUE(writer.Create(PageKind::kLeaf, 0));
      writer.Abandon();
      live = 0;
      for (uint64_t leaf = 0; leaf < leaves_.size(); ++leaf) {
        const Published* published = leaves_[leaf].load();
        if (published == nullptr) continue;
        ++live;
        const auto stamp = pages_.ReadStamp(published->ref);
        ASSERT_TRUE(stamp) << stamp.error().ToString();
        EXPECT_EQ(*stamp, Stamp(leaf, published->version));
      }
    }
    EXPECT_GT(live, kWriters * kLeaves / 2);
    EXPECT_EQ(pages_.allocator.page_count() - 1 - pages_.allocator.pages_free(), live);
    EXPECT_FALSE(over()) << pages_.cache.bytes_cached();
  }

  void Report(const std::string& problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (problems_.size() < 1000) problems_ += problem + "\n";
  }

  PageFixture pages_;
  base::Poison poison_;
  std::vector<std::atomic<const Published*>> leaves_;
  std::atomic<int> running_{kWriters};
  std::atomic<bool> stop_{false};

  std::mutex mutex_;
  std::deque<Published> published_;
  std::deque<Committed> commits_;
  std::string problems_;

  // The checkpointing thread's.
  std::set<PageId> unwritten_;
  std::vector<std::pair<PageRun, uint64_t>> removed_;
};

TEST(PageThreads, ReadersSeeWhatWasPublishedWhileWritersWriteOutAndReclaimGoOn) {
  for (int times = 0; times < 3; ++times) Arena().Run();
}

}  // namespace
}  // namespace manifolddb::page
