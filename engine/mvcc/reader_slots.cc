// A pool of slots in chunks that are never given back before the end, so that a scan needs no lock.
//
// (1) A scan that does not see a slot's snapshot or epoch came before it: both sides write, then read what
//     the other wrote, all in the one order of sequentially consistent operations. So the owner of the
//     slot, which reads again after it wrote, sees what the scanner had unlinked or published before it
//     scanned.
// (2) A slot that is not taken has no snapshot and is outside: Release demands it.

#include "engine/mvcc/reader_slots.h"

#include <algorithm>
#include <array>
#include <utility>

namespace manifolddb::mvcc {

struct ReaderSlots::Chunk {
  static constexpr size_t kSlots = 32;
  std::array<ReaderSlot, kSlots> slots;
  std::atomic<Chunk*> next{nullptr};
};

namespace {

// Where this thread begins to look for a slot: threads that come and go all the time stay off each other's
// lines.
size_t StartOfThisThread() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t start = threads.fetch_add(1, std::memory_order_relaxed);
  return start;
}

}  // namespace

ReaderSlots::ReaderSlots() = default;

ReaderSlots::~ReaderSlots() {
  MANIFOLDDB_ASSERT(InUse() == 0);
  Chunk* chunk = first_.load(std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    delete chunk;
    chunk = next;
  }
}

template <class Visit>
void ReaderSlots::ForEachSlot(Visit visit) const {
  // A chunk that is added while this runs is one whose slots nobody had entered when the walk began: see (1).
  for (const Chunk* chunk = first_.load(std::memory_order_seq_cst); chunk != nullptr;
       chunk = chunk->next.load(std::memory_order_seq_cst)) {
    for (const ReaderSlot& slot : chunk->slots) visit(slot);
  }
}

ReaderSlot* ReaderSlots::Acquire() {
  const size_t start = StartOfThisThread();
  std::atomic<Chunk*>* link = &first_;
  Chunk* added = nullptr;
  for (;;) {
    Chunk* chunk = link->load(std::memory_order_seq_cst);
    if (chunk == nullptr) {
      if (added == nullptr) {
        added = new Chunk;
        for (ReaderSlot& slot : added->slots) slot.owner_ = this;
      }
      if (link->compare_exchange_strong(chunk, added, std::memory_order_seq_cst)) {
        chunk = std::exchange(added, nullptr);
      }
    }
    for (size_t i = 0; i < Chunk::kSlots; ++i) {
      ReaderSlot& slot = chunk->slots[(start + i) % Chunk::kSlots];
      if (slot.taken_.load(std::memory_order_relaxed)) continue;
      // Sequentially consistent: whoever closes sets `closed` and then looks here, whoever takes a slot looks
      // at `closed` then.
      if (slot.taken_.exchange(true, std::memory_order_seq_cst)) continue;
      MANIFOLDDB_ASSERT(slot.depth_ == 0);
      delete added;
      return &slot;
    }
    link = &chunk->next;
  }
}

void ReaderSlots::Release(ReaderSlot* slot) {
  MANIFOLDDB_ASSERT(slot->owner_ == this);
  MANIFOLDDB_ASSERT(slot->taken_.load(std::memory_order_relaxed));
  MANIFOLDDB_ASSERT(slot->depth_ == 0);
  MANIFOLDDB_ASSERT(slot->snapshot_.load(std::memory_order_relaxed) == ReaderSlot::kNone);
  slot->taken_.store(false, std::memory_order_release);
}

format::TxnId ReaderSlots::PinNewest(ReaderSlot* slot, const std::atomic<uint64_t>& published) {
  MANIFOLDDB_ASSERT(slot->owner_ == this);
  MANIFOLDDB_ASSERT(slot->snapshot_.load(std::memory_order_relaxed) == ReaderSlot::kNone);
  // A scan between the load and the store would not see the pin, and the version might lose its pages: so
  // look again whether it still is the newest, which is never cut.
  uint64_t newest = published.load(std::memory_order_seq_cst);
  for (;;) {
    MANIFOLDDB_ASSERT(newest != ReaderSlot::kNone);
    base::AtPublishing();
    slot->snapshot_.store(newest, std::memory_order_seq_cst);
    base::AtPublishing();
    const uint64_t again = published.load(std::memory_order_seq_cst);
    if (again == newest) return format::TxnId{newest};
    MANIFOLDDB_ASSERT(again > newest);
    newest = again;
  }
}

void ReaderSlots::Unpin(ReaderSlot* slot) {
  MANIFOLDDB_ASSERT(slot->owner_ == this);
  MANIFOLDDB_ASSERT(slot->snapshot_.load(std::memory_order_relaxed) != ReaderSlot::kNone);
  base::AtPublishing();
  slot->snapshot_.store(ReaderSlot::kNone, std::memory_order_release);
}

void ReaderSlots::PinnedSnapshots(std::vector<uint64_t>& out) const {
  out.clear();
  ForEachSlot([&out](const ReaderSlot& slot) {
    const uint64_t snapshot = slot.snapshot_.load(std::memory_order_seq_cst);
    if (snapshot != ReaderSlot::kNone) out.push_back(snapshot);
  });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

uint64_t ReaderSlots::SafeEpoch() const {
  uint64_t safe = epoch_.load(std::memory_order_seq_cst);
  ForEachSlot([&safe](const ReaderSlot& slot) {
    // kNone is greater than every epoch.
    safe = std::min(safe, slot.epoch_.load(std::memory_order_seq_cst));
  });
  return safe;
}

uint64_t ReaderSlots::InUse() const {
  uint64_t in_use = 0;
  ForEachSlot([&in_use](const ReaderSlot& slot) {
    if (slot.taken_.load(std::memory_order_seq_cst)) ++in_use;
  });
  return in_use;
}

uint64_t ReaderSlots::Hits() const {
  uint64_t hits = 0;
  ForEachSlot([&hits](const ReaderSlot& slot) { hits += slot.hits_.load(std::memory_order_relaxed); });
  return hits;
}

}  // namespace manifolddb::mvcc
