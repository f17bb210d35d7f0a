#pragma once
// Which version is the newest, which versions are held, and which pages nobody can reach any more.
//
// (1) Publication moves one number, by whole log groups, in commit order.
// (2) A page introduced by commit b and removed by commit f is given back when f is published and no held
//     version c (snapshot, durable checkpoint, checkpoint in progress) has b <= c < f. Births stand in for
//     b: a page born after c was published cannot be in c; one born before is taken to be. So a page may be
//     kept a little longer than needed, never shorter.
// (3) `used` is exactly the set of pages that the newest published version and the newest durable catalog
// own.
// (4) A savepoint is an earlier durable checkpoint, with exactly the pages that it owned: whatever (2) would
//     give back stays while it is one of these (docs/design/017).
// Bookkeeping only: what is free is returned as a value, the caller tells cache and allocator.
// Thread-safe.

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/small_vector.h"
#include "engine/format/catalog_record.h"
#include "engine/format/ids.h"
#include "engine/format/page_bitmap.h"
#include "engine/mvcc/page_delta.h"
#include "engine/mvcc/reader_slots.h"

namespace manifolddb::mvcc {

// A position in the commit order, and where the log group that holds it ends.
struct Position {
  format::TxnId txn;
  format::Lsn lsn;
  uint64_t chain = 0;
};

// What publishing one commit brings.
struct CommitEffects {
  format::TxnId txn;
  PageDelta delta;
  std::vector<format::PageRef> dropped;  // subtrees that no table refers to any more, still owned
  bool given_back = false;               // what it removed already was: only when broken on purpose
  bool restores = false;                 // what it introduced may wait for a version to go
};

struct Savepoint {
  uint64_t number = 0;  // its own, as long as the database is open
  std::string name;
  format::SavepointRecord record;
  uint64_t pages = 0;       // that its state owns
  uint64_t pages_only = 0;  // of these, what nothing else reaches: free once it is deleted
};

// Pages that nobody reaches any more.
using FreeRuns = base::SmallVector<format::PageRun, 8>;

// The newest published version, pinned for a checkpoint.
struct Capture {
  Position at;
  format::PageBitmap used;
  std::vector<format::PageRef> dropped;  // since the last durable checkpoint's capture
  // Pages that only older held versions reach. They stay until the capture ends, even if those versions go.
  std::vector<format::PageRun> pending;
};

class VersionSet {
 public:
  // `durable`: the checkpoint the database was opened from, which owns `used`. `birth_bound`: every birth of
  // this opening is at or above it.
  VersionSet(ReaderSlots& slots, const Position& durable, format::PageBitmap used, format::Birth birth_bound);

  // Newest published commit. Readers pin it with ReaderSlots::PinNewest.
  const std::atomic<uint64_t>& published() const { return published_; }
  format::TxnId published_txn() const { return format::TxnId{published_.load(std::memory_order_acquire)}; }

  // Publishes a group, in order. `at` is where it ends; `next_birth` was read after the last of it was
  // ordered. Returns pages that are free now.
  FreeRuns Publish(std::span<CommitEffects* const> group, const Position& at, format::Birth next_birth)
      EXCLUDES(mutex_);
  // Broken on purpose (mvcc.reuse.unpublished): what an ordered commit removed, as if it were published.
  FreeRuns FreeUnpublished(CommitEffects& commit) EXCLUDES(mutex_);
  // Returns pages that became free because snapshots have gone.
  FreeRuns Collect() EXCLUDES(mutex_);

  // Pins the newest published version in `slot` and says what it owns. The dropped subtrees are the caller's
  // now.
  Capture CaptureNewest(ReaderSlot* slot) EXCLUDES(mutex_);
  // The capture is durable; `own` is what the checkpoint itself introduced and removed (catalog, free map,
  // dropped subtrees). The caller unpins its slot before. Returns pages that are free now.
  FreeRuns CheckpointDurable(const Position& at, const PageDelta& own) EXCLUDES(mutex_);
  // The capture came to nothing: its dropped subtrees come back.
  void EndCapture(std::vector<format::PageRef> dropped) EXCLUDES(mutex_);

  // A checkpoint that is durable stays, with the `pages` that it owns. `found`: at opening. REQUIRES: no
  // savepoint has this name; nobody has given back any of the pages.
  void AddSavepoint(std::string name, const format::SavepointRecord& record, format::PageBitmap pages,
                    bool found) EXCLUDES(mutex_);
  // It is none any more: on the disk it was not before. Returns pages that are free now; while somebody reads
  // it there are none.
  FreeRuns DropSavepoint(std::string_view name) EXCLUDES(mutex_);
  // Ascending by name. Counts pages only if it is asked to: O(pages of the file) for each.
  std::vector<Savepoint> Savepoints(bool count_pages = false) const EXCLUDES(mutex_);
  bool has_savepoints() const EXCLUDES(mutex_);
  // The pages it owns stay until it is unpinned, also if it is dropped. None if there is no such savepoint.
  std::optional<Savepoint> PinSavepoint(std::string_view name) EXCLUDES(mutex_);
  FreeRuns UnpinSavepoint(uint64_t number) EXCLUDES(mutex_);
  // Of one; of all, those that are read and dropped included; what nothing but savepoints reaches.
  format::PageBitmap PagesOf(uint64_t number) const EXCLUDES(mutex_);
  format::PageBitmap KeptPages() const EXCLUDES(mutex_);
  uint64_t pages_kept() const EXCLUDES(mutex_);
  // Pages that earlier openings took and nobody has given back since.
  format::PageBitmap EarlierPages() const EXCLUDES(mutex_);

  // Does a checkpoint give pages back that wait for nothing else, or dropped subtrees?
  bool WaitsForCheckpoint() const EXCLUDES(mutex_);

  Position published_at() const EXCLUDES(mutex_);
  // The commit of the durable checkpoint.
  format::TxnId durable_txn() const EXCLUDES(mutex_);
  // Pages the published version owns, and pages that wait for a version to go.
  format::PageBitmap UsedPages() const EXCLUDES(mutex_);
  std::vector<format::PageRun> PendingRuns() const EXCLUDES(mutex_);
  uint64_t pages_pending() const EXCLUDES(mutex_);

 private:
  struct Held {
    uint64_t txn;
    uint64_t birth_bound;  // pages born at or above it are not in the version
  };
  struct Pending {
    RemovedRun removed;
    uint64_t removed_by;  // TxnId f
  };

  struct Keeper {
    Savepoint savepoint;
    format::PageBitmap pages;
    uint32_t readers = 0;
    bool dropped = false;
  };

  void GiveUpLocked(const RemovedRun& removed, FreeRuns& free) REQUIRES(mutex_);
  bool IsKeptLocked(format::PageId page) const REQUIRES(mutex_);
  // Of those that are not dropped; keepers_.end() if there is none.
  std::vector<Keeper>::iterator FindKeeperLocked(std::string_view name) REQUIRES(mutex_);
  // What of `pages` nothing but savepoints reaches; what of its pages nothing else does.
  format::PageBitmap WithoutVersionsLocked(format::PageBitmap pages) const REQUIRES(mutex_);
  format::PageBitmap OnlyLocked(const Keeper& keeper) const REQUIRES(mutex_);
  FreeRuns ForgetKeeperLocked(std::vector<Keeper>::iterator keeper) REQUIRES(mutex_);
  void LeavePendingLocked(const PageDelta& delta) REQUIRES(mutex_);
  void ApplyLocked(const PageDelta& delta, uint64_t removed_by, std::vector<Pending>& out) REQUIRES(mutex_);
  std::vector<format::PageRun> PendingRunsLocked() const REQUIRES(mutex_);
  // Brings held_ up to date.
  void FindHeldLocked() REQUIRES(mutex_);
  void SortOutLocked(std::span<const Pending> candidates, FreeRuns& free) REQUIRES(mutex_);
  void ReviewPendingLocked(FreeRuns& free) REQUIRES(mutex_);

  ReaderSlots& slots_;
  std::atomic<uint64_t> published_;  // seq_cst: ordered against the slots of readers

  mutable base::Mutex mutex_{base::LockRank::kVersions};
  Position at_ GUARDED_BY(mutex_);
  Held durable_ GUARDED_BY(mutex_);
  // Birth bounds of published versions that may be held: the durable one, the held ones, the newest.
  // Ascending.
  std::vector<Held> bounds_ GUARDED_BY(mutex_);
  format::PageBitmap used_ GUARDED_BY(mutex_);
  std::vector<format::PageRef> dropped_ GUARDED_BY(mutex_);
  // The version of the capture in progress: held until its end, also when its slot was unpinned before.
  // Meanwhile pending pages stay, they are being written.
  std::optional<uint64_t> captured_ GUARDED_BY(mutex_);
  std::map<uint64_t, std::vector<Pending>> pending_
      GUARDED_BY(mutex_);  // by the held version that blocks them
  std::vector<Keeper> keepers_ GUARDED_BY(mutex_);
  uint64_t next_keeper_ GUARDED_BY(mutex_) = 1;
  const uint64_t birth_floor_;  // lower ones are of earlier openings
  format::PageBitmap earlier_ GUARDED_BY(mutex_);
  // Kept for their memory.
  std::vector<uint64_t> pinned_ GUARDED_BY(mutex_);
  std::vector<Held> held_ GUARDED_BY(mutex_);
  std::vector<Pending> removed_ GUARDED_BY(mutex_);
};

}  // namespace manifolddb::mvcc
