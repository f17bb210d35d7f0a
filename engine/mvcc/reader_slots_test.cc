#include "engine/mvcc/reader_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace manifolddb::mvcc {
namespace {

using format::TxnId;

std::vector<uint64_t> Pinned(const ReaderSlots& slots) {
  std::vector<uint64_t> out = {99};  // what was there before is not added to
  slots.PinnedSnapshots(out);
  return out;
}

TEST(ReaderSlots, ASlotIsGivenToOneAtATime) {
  ReaderSlots slots;
  std::set<ReaderSlot*> taken;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(taken.insert(slots.Acquire()).second);  // more than one chunk
  EXPECT_EQ(slots.InUse(), 100u);
  ReaderSlot* released = *taken.begin();
  slots.Release(released);
  EXPECT_EQ(slots.InUse(), 99u);
  EXPECT_EQ(slots.Acquire(), released) << "the pool grows only when it has to";
  for (ReaderSlot* slot : taken) slots.Release(slot);
  EXPECT_EQ(slots.InUse(), 0u);
}

TEST(ReaderSlots, PinnedSnapshotsAreAscendingAndUnique) {
  ReaderSlots slots;
  std::atomic<uint64_t> published{0};
  std::vector<ReaderSlot*> taken;
  for (const uint64_t txn : {7, 3, 7, 5, 3}) {
    published = txn;
    taken.push_back(slots.Acquire());
    EXPECT_EQ(slots.PinNewest(taken.back(), published), TxnId{txn});
  }
  EXPECT_EQ(Pinned(slots), (std::vector<uint64_t>{3, 5, 7}));
  slots.Unpin(taken[3]);
  slots.Unpin(taken[1]);
  EXPECT_EQ(Pinned(slots), (std::vector<uint64_t>{3, 7}));
  published = 8;
  EXPECT_EQ(slots.PinNewest(taken[3], published), TxnId{8});
  slots.Unpin(taken[3]);
  for (const int i : {0, 2, 4}) slots.Unpin(taken[i]);
  EXPECT_TRUE(Pinned(slots).empty());
  for (ReaderSlot* slot : taken) slots.Release(slot);
}

TEST(ReaderSlots, WhatIsRetiredWaitsForThoseInsideAndForNobodyElse) {
  ReaderSlots slots;
  ReaderSlot* early = slots.Acquire();
  ReaderSlot* late = slots.Acquire();
  ReaderSlot* outside = slots.Acquire();

  const uint64_t before_all = slots.RetireTag();
  EXPECT_GT(slots.SafeEpoch(), before_all) << "nobody is inside";
  auto early_guard = std::make_unique<EpochGuard>(early);
  const uint64_t tag = slots.RetireTag();
  auto late_guard = std::make_unique<EpochGuard>(late);
  EXPECT_GT(slots.SafeEpoch(), before_all);
  EXPECT_LE(slots.SafeEpoch(), tag) << "`early` may have seen it";
  early_guard.reset();
  EXPECT_GT(slots.SafeEpoch(), tag) << "`late` came after it was unlinked";
  late_guard.reset();
  for (ReaderSlot* slot : {early, late, outside}) slots.Release(slot);
}

TEST(ReaderSlots, NestedGuardsKeepTheOutermostEpoch) {
  ReaderSlots slots;
  ReaderSlot* slot = slots.Acquire();
  {
    const EpochGuard outer(slot);
    const uint64_t tag = slots.RetireTag();
    {
      const EpochGuard inner(slot);
      EXPECT_LE(slots.SafeEpoch(), tag);
    }
    EXPECT_LE(slots.SafeEpoch(), tag);
  }
  const uint64_t safe = slots.SafeEpoch();
  EXPECT_EQ(slots.RetireTag(), safe) << "all that was retired before may go";
  slots.Release(slot);
}

TEST(ReaderSlotsDeathTest, ReleasingWhatIsInUseDies) {
  ReaderSlots slots;
  std::atomic<uint64_t> published{4};
  ReaderSlot* slot = slots.Acquire();
  slots.PinNewest(slot, published);
  EXPECT_DEATH(slots.Release(slot), "assertion failed");
  EXPECT_DEATH(slots.PinNewest(slot, published), "assertion failed");
  slots.Unpin(slot);
  EXPECT_DEATH(slots.Unpin(slot), "assertion failed");
  slots.Release(slot);
  EXPECT_DEATH(slots.Release(slot), "assertion failed");
}

// One thread replaces a number on the heap and frees the old one when nobody can see it; others read it all
// the time. A number that is freed too early is a use after free (or a data race) to the sanitizers and a
// wrong value to everybody else.
TEST(ReaderSlots, NothingIsFreedUnderAReader) {
  constexpr uint64_t kDead = ~uint64_t{0};
  constexpr uint64_t kLast = 3000;
  ReaderSlots slots;
  std::atomic<uint64_t*> current{new uint64_t{1}};
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t last = 0;
      while (last != kLast) {
        ReaderSlot* slot = slots.Acquire();
        for (int round = 0; round < 10; ++round) {
          const EpochGuard guard(slot);
          const uint64_t seen = *current.load(std::memory_order_acquire);
          if (seen == kDead || seen < last) ++wrong;
          last = seen;
        }
        slots.Release(slot);
      }
    });
  }
  struct Retired {
    uint64_t tag;
    uint64_t* number;
  };
  std::vector<Retired> retired;
  for (uint64_t next = 2; next <= kLast; ++next) {
    uint64_t* old = current.exchange(new uint64_t{next}, std::memory_order_acq_rel);
    retired.push_back({slots.RetireTag(), old});
    const uint64_t safe = slots.SafeEpoch();
    std::erase_if(retired, [safe](const Retired& one) {
      if (one.tag >= safe) return false;
      *one.number = kDead;
      delete one.number;
      return true;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  const uint64_t safe = slots.SafeEpoch();
  for (const Retired& one : retired) {
    EXPECT_LT(one.tag, safe);
    delete one.number;
  }
  delete current.load();
}

// Version v holds v as long as it may be read. The publisher wipes every version that is neither the newest
// nor pinned; a reader that finds its version wiped has been overlooked.
TEST(ReaderSlots, AVersionThatIsPinnedIsNeverOverlooked) {
  constexpr uint64_t kVersions = 30000;
  ReaderSlots slots;
  std::vector<std::atomic<uint64_t>> versions(kVersions + 1);
  for (uint64_t v = 0; v <= kVersions; ++v) versions[v].store(v);
  std::atomic<uint64_t> published{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t seen = 0;
      while (seen != kVersions) {
        ReaderSlot* slot = slots.Acquire();
        seen = slots.PinNewest(slot, published).raw();
        for (int round = 0; round < 20; ++round) {
          if (versions[seen].load(std::memory_order_relaxed) != seen) ++wrong;
        }
        slots.Unpin(slot);
        slots.Release(slot);
      }
    });
  }
  std::vector<uint64_t> pinned;
  std::set<uint64_t> live = {0};
  for (uint64_t v = 1; v <= kVersions; ++v) {
    published.store(v, std::memory_order_seq_cst);
    live.insert(v);
    slots.PinnedSnapshots(pinned);
    std::erase_if(live, [&](uint64_t version) {
      if (version == v || std::binary_search(pinned.begin(), pinned.end(), version)) return false;
      versions[version].store(~uint64_t{0}, std::memory_order_relaxed);
      return true;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace manifolddb::mvcc
