#pragma once
// Who is reading what: snapshots (which version must stay), epochs (which memory must stay); without locks.
//
// (1) While a slot's snapshot is s, no page that version s reaches is reused, and no chain entry it needs
//     is cut.
// (2) Memory unlinked and retired with tag e is freed only when every slot is outside or entered after e.
// A slot belongs to one transaction; it is used by one thread at a time but may move between threads.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "engine/format/ids.h"

namespace manifolddb::mvcc {

class ReaderSlots;

class alignas(64) ReaderSlot {
 public:
  static constexpr uint64_t kNone = ~uint64_t{0};

 private:
  friend class ReaderSlots;
  friend class EpochGuard;
  std::atomic<bool> taken_{false};
  std::atomic<uint64_t> snapshot_{kNone};  // TxnId that is read; kNone: nothing
  std::atomic<uint64_t> epoch_{kNone};     // epoch entered; kNone: outside
  std::atomic<uint64_t> hits_{0};          // of all who had the slot; stored by its user only
  uint32_t depth_ = 0;                     // nested guards; touched by the slot's user only
  ReaderSlots* owner_ = nullptr;           // constant after construction
};

class ReaderSlots {
 public:
  ReaderSlots();
  ~ReaderSlots();
  ReaderSlots(const ReaderSlots&) = delete;
  ReaderSlots& operator=(const ReaderSlots&) = delete;

  // A free slot, outside any epoch and without a snapshot. Never fails; the pool grows.
  ReaderSlot* Acquire();
  // REQUIRES: as Acquire gave it, outside any epoch and without a snapshot.
  void Release(ReaderSlot* slot);

  // Pins the newest value of `published` (a TxnId) in `slot` and returns it. REQUIRES: nothing is pinned
  // there.
  format::TxnId PinNewest(ReaderSlot* slot, const std::atomic<uint64_t>& published);
  void Unpin(ReaderSlot* slot);

  // All pinned TxnIds, ascending, without duplicates. A pin that is being taken while this runs is of a
  // version at least as new as what `published` held before the call.
  void PinnedSnapshots(std::vector<uint64_t>& out) const;

  // Tag for memory that was just unlinked: it may be freed once SafeEpoch() is greater.
  uint64_t RetireTag() { return epoch_.fetch_add(1, std::memory_order_seq_cst); }
  uint64_t SafeEpoch() const;

  // Slots in use: open transactions, for Close and Stats.
  uint64_t InUse() const;

  // Pages found in memory under all guards there have been.
  uint64_t Hits() const;

 private:
  friend class EpochGuard;
  struct Chunk;
  // Calls visit(const ReaderSlot&) for all slots there are.
  template <class Visit>
  void ForEachSlot(Visit visit) const;

  std::atomic<uint64_t> epoch_{1};
  std::atomic<Chunk*> first_{nullptr};  // publishes the chunk; chunks are added at the end and stay
};

struct SlotRelease {
  ReaderSlots* slots;
  void operator()(ReaderSlot* slot) const { slots->Release(slot); }
};
// A slot that is given back with its owner.
using OwnedSlot = std::unique_ptr<ReaderSlot, SlotRelease>;
inline OwnedSlot AcquireOwned(ReaderSlots& slots) { return OwnedSlot(slots.Acquire(), SlotRelease{&slots}); }

// While it lives, what was reachable when it was made stays in memory. Cheap; entered per operation, not per
// transaction. Nests.
class EpochGuard {
 public:
  explicit EpochGuard(ReaderSlot* slot) : slot_(slot) {
    if (slot_->depth_++ == 0) {
      // An exchange, for its full barrier: the slot must be seen before any pointer is read. The second load
      // puts that in the language's terms: who does not see the slot has retired before it, and is seen by
      // it.
      const std::atomic<uint64_t>& epoch = slot_->owner_->epoch_;
      base::AtPublishing();
      slot_->epoch_.exchange(epoch.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
      static_cast<void>(epoch.load(std::memory_order_seq_cst));
    }
  }
  ~EpochGuard() {
    MANIFOLDDB_ASSERT(slot_->depth_ > 0);
    if (--slot_->depth_ == 0) {
      base::AtPublishing();
      slot_->epoch_.store(ReaderSlot::kNone, std::memory_order_release);
    }
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

  // One more page was found in memory. A load and a store, no locked addition: the line is the user's own.
  void CountHit() const {
    slot_->hits_.store(slot_->hits_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  ReaderSlot* slot_;
};

}  // namespace manifolddb::mvcc
