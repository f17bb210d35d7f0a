#pragma once
// Which pages of the data file are free now, and births for those that are taken.
//
// Also keeps account of what was owned when the file was opened and is not removed yet: references from an
// earlier life come from the disk, and what they name may be given up once and only if it was owned.
//
// Knows nothing of versions: a page comes here (Free) when no live version, snapshot or checkpoint reaches
// it. Grows the file in large steps, allocated before use, so that a full disk shows here (kNoSpace) and
// nowhere else. The last free pages are kept for those who make room (docs/design/006).

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/base/sites.h"
#include "engine/format/ids.h"
#include "engine/format/page_bitmap.h"
#include "engine/mvcc/page_delta.h"
#include "engine/page/data_file.h"

namespace manifolddb::page {

using format::PageBitmap;
using format::PageRun;

// By how many pages a file of `pages_now` grows when `pages_min` are wanted.
uint64_t GrowthPages(uint64_t pages_now, uint64_t pages_min, uint32_t page_size);

// Pages kept back in a file of `pages_now`.
uint64_t ReservePages(uint64_t pages_now);

// Who asks for pages, hence down to how many free ones it may go where the file cannot grow.
enum class Room : uint8_t {
  kShared,  // whatever needs more room: it leaves the reserve alone
  kMakes,   // a deletion: copies a few pages, and then gives back more; it may take half of the reserve
  kAll,     // checkpoints, by which pages come back, and recovery
};

class PageAllocator {
 public:
  // `free` has a bit per page of the file, set: free. Births start at FirstBirth(life) + 1.
  PageAllocator(DataFile& file, PageBitmap free, format::Life life);

  // Frees what nobody has noticed to be free yet; true if that was anything. Called when the device is full,
  // by whoever found out, one thread at a time: what one of them is about to free, the next one finds free.
  using Reclaim = std::function<bool()>;
  // Frees what only the durable checkpoint holds; true if it may have freed anything. Called after that while
  // no lock is held, but not for Room::kAll: who checkpoints does not wait for a checkpoint.
  using Checkpoint = std::function<bool()>;
  // REQUIRES: nobody allocates yet.
  void SetReclaim(Reclaim reclaim, Checkpoint checkpoint) {
    reclaim_ = std::move(reclaim);
    checkpoint_ = std::move(checkpoint);
  }

  // A run of 1 to `pages_wanted` contiguous free pages (at least `pages_min`). Waits while another thread
  // grows the file, and on a full device for a checkpoint. kNoSpace, kIo; nothing is taken then.
  // REQUIRES: the caller holds no lock.
  Result<PageRun> Allocate(uint64_t pages_min, uint64_t pages_wanted, Room room) EXCLUDES(mutex_);
  // Sets `pages` free pages that lie together aside for TakeSpare, if it can: what a checkpoint cannot do
  // without must not depend on how the free pages lie. They count as free.
  // One thread at a time keeps and takes.
  void KeepSpare(uint64_t pages) EXCLUDES(mutex_);
  // That run, or as Allocate(pages, pages, Room::kAll).
  Result<PageRun> TakeSpare(uint64_t pages) EXCLUDES(mutex_);
  // For a replay that gives each extent its old place, one thread: the file has at least `pages` afterwards,
  // kNoSpace; and the page is taken, unless it was not free.
  Status GrowTo(uint64_t pages) EXCLUDES(mutex_);
  bool TakeIfFree(format::PageId id) EXCLUDES(mutex_);
  // While a file is made shorter (docs/design/018): pages at or behind `pages` are given out only where none
  // before will do; then that is over. 0: it is over.
  void SetCeiling(uint64_t pages) EXCLUDES(mutex_);
  uint64_t ceiling() const EXCLUDES(mutex_);
  // Gives up the free pages at the end of the file, but for as many as are kept back: nobody is given them
  // until the file grows again. One thread at a time keeps and takes spares, and does this.
  void GiveUpEnd() EXCLUDES(mutex_);
  // Runs `act` with the number of pages while nobody makes the file longer.
  Status WhileItStays(const std::function<Status(uint64_t)>& act) EXCLUDES(mutex_);
  // Nobody is given these pages until somebody frees them. At opening, before anybody allocates.
  void Withhold(const PageBitmap& pages) EXCLUDES(mutex_);
  // What of earlier lives is owned is this from now on; returns what it was. REQUIRES: nobody disowns
  // meanwhile.
  PageBitmap ExchangeInherited(PageBitmap inherited) EXCLUDES(mutex_);
  // Is there room for more than what is kept? For changes that will take pages at the next checkpoint. As
  // Allocate otherwise.
  Status CheckRoom();
  // REQUIRES: allocated. Asserts against a double free.
  void Free(PageRun run) EXCLUDES(mutex_);
  void Free(std::span<const PageRun> runs) EXCLUDES(mutex_);

  // The pages are part of no tree any more; all of them, or none, and then what is returned is the first that
  // cannot be: a reference of an earlier life that names what nobody owned then, or what was given up before.
  // (References of this life are not checked: they were never on a disk that others could write.)
  const mvcc::RemovedRun* Disown(std::span<const mvcc::RemovedRun> runs) EXCLUDES(mutex_);
  // Takes that back: who removed them gave up. REQUIRES: disowned, and not free.
  void Reown(const mvcc::RemovedRun& removed) EXCLUDES(mutex_);

  // Never the same twice. kLimit after 2^40 births in one life: reopen.
  Result<format::Birth> DrawBirth() {
    if (next_birth_.load(std::memory_order_relaxed) > births_end_) [[unlikely]]
      return BirthsExhausted();
    if (MANIFOLDDB_BROKEN("page.birth.reused")) return NextBirth();
    return format::Birth{next_birth_.fetch_add(1, std::memory_order_seq_cst)};
  }
  // Every birth drawn later is at or above this; every one drawn before is below.
  format::Birth NextBirth() const { return format::Birth{next_birth_.load(std::memory_order_seq_cst)}; }

  uint64_t page_count() const EXCLUDES(mutex_);  // length of the file, in pages
  uint64_t pages_free() const EXCLUDES(mutex_);
  // Of the file from page `from` on, those that are not free. O(pages / 64).
  uint64_t PagesTakenFrom(uint64_t from) const EXCLUDES(mutex_);
  // The set itself, as it is now.
  PageBitmap FreePages() const EXCLUDES(mutex_);

 private:
  friend struct AllocatorTestPeer;

  std::unexpected<Error> BirthsExhausted() const;
  bool RunReclaim() EXCLUDES(reclaim_mutex_);
  struct Want {
    uint64_t pages_min;
    uint64_t pages_wanted;
    Room room;
  };
  // The file as it was when a thread took the role of the one that grows it.
  struct Growth {
    uint64_t pages_now;
    uint64_t pages_min;     // fewer would not serve who grows it
    uint64_t pages_wanted;  // a large step
  };

  std::optional<PageRun> TakeFree(const Want& want) EXCLUDES(mutex_);
  Result<PageRun> TakeOrGrow(const Want& want) EXCLUDES(mutex_);
  // A run, or nothing: then the calling thread has the role of the one that grows the file.
  std::optional<PageRun> TakeOrBecomeGrower(const Want& want, Growth& growth) EXCLUDES(mutex_);
  Status Grow(const Growth& growth, uint64_t& pages);
  // Gives up the role. With `pages` > 0 the file has grown by them; the first caller to be served is this
  // one.
  std::optional<PageRun> FinishGrowth(uint64_t pages, const Want& want) EXCLUDES(mutex_);
  void AddPagesLocked(uint64_t pages) REQUIRES(mutex_);
  void FreeLocked(PageRun run) REQUIRES(mutex_);
  void ReleaseSpareLocked() REQUIRES(mutex_);
  // Free pages that are not for `room`.
  uint64_t KeptLocked(Room room) const REQUIRES(mutex_);
  std::optional<PageRun> TakeLocked(const Want& want) REQUIRES(mutex_);
  std::optional<PageRun> FindLocked(uint64_t pages_min, uint64_t pages_wanted) REQUIRES(mutex_);
  std::optional<PageRun> FindBelowLocked(uint64_t until, uint64_t pages_min, uint64_t pages_wanted) const
      REQUIRES(mutex_);
  // The first run of at least `pages_min` that begins in [from, until), cut to `pages_wanted`.
  std::optional<PageRun> FindNextLocked(uint64_t from, uint64_t until, uint64_t pages_min,
                                        uint64_t pages_wanted) const REQUIRES(mutex_);

  bool Inherited(format::Birth birth) const { return format::LifeOf(birth) < life_; }

  // Constant after construction.
  DataFile& file_;
  const format::Life life_;
  Reclaim reclaim_;
  Checkpoint checkpoint_;
  const uint64_t births_end_;  // the last birth of this life, less what threads may overshoot

  std::atomic<uint64_t> next_birth_;  // seq_cst: births are ordered against commits by it

  base::Mutex reclaim_mutex_{base::LockRank::kReclaimRole};  // held while reclaim_ runs
  mutable base::Mutex mutex_{base::LockRank::kAllocator};
  base::CondVar grown_;
  PageBitmap free_ GUARDED_BY(mutex_);
  PageBitmap inherited_ GUARDED_BY(mutex_);  // of earlier lives, owned all the time since the opening
  uint64_t free_count_ GUARDED_BY(mutex_) = 0;
  PageRun spare_ GUARDED_BY(mutex_);          // free, but not in free_ and not counted there
  uint64_t ceiling_ GUARDED_BY(mutex_) = 0;   // 0: there is none
  uint64_t next_fit_ GUARDED_BY(mutex_) = 0;  // where the search for the next run begins
  bool growing_ GUARDED_BY(mutex_) = false;   // role token: one thread grows the file, without the lock
};

}  // namespace manifolddb::page
