// Publication and reclaim. Invariants in the header; the argument for (2):
//   The newest held version older than the removal has the greatest birth bound of all of them, so a page
//   that is not in that one is in none. A page that is in it waits in its list, and is looked at again when
//   it goes. Snapshots being pinned while the slots are scanned are at least as new as what was published
//   before the scan, and publication stores before it scans; so none of them can need a page removed by what
//   is published now.

#include "engine/mvcc/version_set.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"

namespace manifolddb::mvcc {

using format::PageRun;

namespace {
constexpr size_t kRemovedKept = 4096;  // room that stays for the next publication

void ClearBelowSize(format::PageBitmap& pages, PageRun run) {
  if (run.first.raw() >= pages.size()) return;
  run.pages = std::min(run.pages, pages.size() - run.first.raw());
  pages.Clear(run);
}

// Ascending ones come together.
void AddRun(PageRun run, FreeRuns& runs) {
  if (!runs.empty() && runs.back().end() == run.first.raw()) {
    runs.back().pages += run.pages;
  } else {
    runs.push_back(run);
  }
}

}  // namespace

VersionSet::VersionSet(ReaderSlots& slots, const Position& durable, format::PageBitmap used,
                       format::Birth birth_bound)
    : slots_(slots),
      published_(durable.txn.raw()),
      at_(durable),
      durable_{durable.txn.raw(), birth_bound.raw()},
      bounds_{durable_},
      used_(std::move(used)),
      birth_floor_(birth_bound.raw()),
      earlier_(used_) {}

FreeRuns VersionSet::Publish(std::span<CommitEffects* const> group, const Position& at,
                             format::Birth next_birth) {
  MANIFOLDDB_ASSERT(!group.empty() && group.back()->txn == at.txn);
  base::MutexLock lock(mutex_);
  removed_.clear();
  std::vector<Pending> given_back;
  for (CommitEffects* commit : group) {
    MANIFOLDDB_ASSERT(at_.txn.next() <= commit->txn && commit->txn <= at.txn);
    if (commit->restores) LeavePendingLocked(commit->delta);
    ApplyLocked(commit->delta, commit->txn.raw(), commit->given_back ? given_back : removed_);
    dropped_.insert(dropped_.end(), commit->dropped.begin(), commit->dropped.end());
  }
  MANIFOLDDB_ASSERT(at_.lsn <= at.lsn);
  at_ = at;
  bounds_.push_back({at.txn.raw(), next_birth.raw()});
  base::AtPublishing();
  published_.store(at.txn.raw(), std::memory_order_seq_cst);
  base::AtPublishing();

  FreeRuns free;
  FindHeldLocked();
  SortOutLocked(removed_, free);
  ReviewPendingLocked(free);
  if (removed_.size() > kRemovedKept) removed_ = {};
  return free;
}

FreeRuns VersionSet::FreeUnpublished(CommitEffects& commit) {
  base::MutexLock lock(mutex_);
  std::vector<Pending> removed;
  for (const RemovedRun& run : commit.delta.removed) removed.push_back({run, commit.txn.raw()});
  commit.given_back = true;
  FreeRuns free;
  FindHeldLocked();
  SortOutLocked(removed, free);
  return free;
}

FreeRuns VersionSet::Collect() {
  base::MutexLock lock(mutex_);
  FreeRuns free;
  FindHeldLocked();
  ReviewPendingLocked(free);
  return free;
}

Capture VersionSet::CaptureNewest(ReaderSlot* slot) {
  base::MutexLock lock(mutex_);
  const format::TxnId pinned = slots_.PinNewest(slot, published_);
  MANIFOLDDB_ASSERT(pinned == at_.txn);  // nobody publishes while the lock is held
  MANIFOLDDB_ASSERT(!captured_);
  captured_ = at_.txn.raw();
  if (MANIFOLDDB_BROKEN("mvcc.reuse.one_checkpoint_early")) {
    // As if it were durable: what only the checkpoint before it has is free, hence not written either.
    durable_ = bounds_.back();
    return {at_, used_, std::exchange(dropped_, {}), {}};
  }
  return {at_, used_, std::exchange(dropped_, {}), PendingRunsLocked()};
}

FreeRuns VersionSet::CheckpointDurable(const Position& at, const PageDelta& own) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(captured_ && *captured_ <= at.txn.raw() && at.txn <= at_.txn);
  captured_.reset();
  const auto bound = std::find_if(bounds_.begin(), bounds_.end(),
                                  [&](const Held& held) { return held.txn == at.txn.raw(); });
  MANIFOLDDB_ASSERT(bound != bounds_.end());
  removed_.clear();
  // What the checkpoint removed was reachable from the durable checkpoint before it, and (dropped subtrees)
  // from snapshots older than this capture.
  ApplyLocked(own, at.txn.raw(), removed_);
  durable_ = *bound;
  FreeRuns free;
  FindHeldLocked();
  SortOutLocked(removed_, free);
  ReviewPendingLocked(free);
  return free;
}

void VersionSet::EndCapture(std::vector<format::PageRef> dropped) {
  base::MutexLock lock(mutex_);
  captured_.reset();
  dropped_.insert(dropped_.end(), dropped.begin(), dropped.end());
}

bool VersionSet::WaitsForCheckpoint() const {
  base::MutexLock lock(mutex_);
  return !dropped_.empty() || captured_ || (durable_.txn != at_.txn.raw() && pending_.contains(durable_.txn));
}

Position VersionSet::published_at() const {
  base::MutexLock lock(mutex_);
  return at_;
}

format::TxnId VersionSet::durable_txn() const {
  base::MutexLock lock(mutex_);
  return format::TxnId{durable_.txn};
}

format::PageBitmap VersionSet::UsedPages() const {
  base::MutexLock lock(mutex_);
  return used_;
}

std::vector<PageRun> VersionSet::PendingRuns() const {
  base::MutexLock lock(mutex_);
  return PendingRunsLocked();
}

std::vector<PageRun> VersionSet::PendingRunsLocked() const {
  std::vector<PageRun> runs;
  for (const auto& [held, list] : pending_) {
    for (const Pending& pending : list) runs.push_back(pending.removed.run);
  }
  return runs;
}

uint64_t VersionSet::pages_pending() const {
  uint64_t pages = 0;
  for (const PageRun& run : PendingRuns()) pages += run.pages;
  return pages;
}

void VersionSet::ApplyLocked(const PageDelta& delta, uint64_t removed_by, std::vector<Pending>& out) {
  for (const PageRun& run : delta.introduced) {
    if (run.end() > used_.size()) used_.Resize(run.end());
    MANIFOLDDB_ASSERT(used_.TestNone(run) || MANIFOLDDB_BROKEN("page.allocator.double") ||
                      MANIFOLDDB_BROKEN("mvcc.reuse.unpublished") ||
                      MANIFOLDDB_BROKEN("savepoint.restore.still_pending"));
    used_.Set(run);
  }
  for (const RemovedRun& removed : delta.removed) {
    MANIFOLDDB_ASSERT(used_.TestAll(removed.run) || MANIFOLDDB_BROKEN("page.allocator.double"));
    used_.Clear(removed.run);
    out.push_back({removed, removed_by});
  }
}

void VersionSet::FindHeldLocked() {
  slots_.PinnedSnapshots(pinned_);
  held_.clear();
  auto kept = bounds_.begin();
  for (const Held bound : bounds_) {
    const bool is_durable = bound.txn == durable_.txn;
    // A checkpoint is the durable one on the disk before it is here: in between only the capture holds its
    // pages.
    const bool is_pinned =
        bound.txn == captured_ || std::binary_search(pinned_.begin(), pinned_.end(), bound.txn);
    bool is_held = is_durable || is_pinned;
    if (is_pinned && MANIFOLDDB_BROKEN("mvcc.reuse.snapshot")) is_held = is_durable;
    if (is_durable && MANIFOLDDB_BROKEN("mvcc.reuse.durable_checkpoint")) is_held = is_pinned;
    if (is_held) held_.push_back(bound);
    if (is_durable || is_pinned || bound.txn == at_.txn.raw()) *kept++ = bound;
  }
  bounds_.erase(kept, bounds_.end());
}

void VersionSet::SortOutLocked(std::span<const Pending> candidates, FreeRuns& free) {
  // Births from here on are of pages about which nothing else is to be known.
  const uint64_t plain_from = keepers_.empty() ? birth_floor_ : ~uint64_t{0};
  for (const Pending& candidate : candidates) {
    // The newest held version in which the page could still be.
    auto after = std::lower_bound(held_.begin(), held_.end(), candidate.removed_by,
                                  [](const Held& version, uint64_t txn) { return version.txn < txn; });
    const Held* const blocker = after == held_.begin() ? nullptr : &*std::prev(after);
    const bool blocked = blocker != nullptr && candidate.removed.birth.raw() < blocker->birth_bound;
    if (blocked) {
      pending_[blocker->txn].push_back(candidate);
    } else if (candidate.removed.birth.raw() >= plain_from) {
      free.push_back(candidate.removed.run);
    } else {
      GiveUpLocked(candidate.removed, free);
    }
  }
}

// No held version reaches it. (A page of an earlier opening counts as such until then.)
void VersionSet::GiveUpLocked(const RemovedRun& removed, FreeRuns& free) {
  const bool earlier = removed.birth.raw() < birth_floor_;
  if (keepers_.empty()) {
    ClearBelowSize(earlier_, removed.run);
    free.push_back(removed.run);
    return;
  }
  for (uint64_t page = removed.run.first.raw(); page < removed.run.end(); ++page) {
    const PageRun run{format::PageId{page}, 1};
    if (IsKeptLocked(run.first)) continue;
    if (earlier) ClearBelowSize(earlier_, run);
    AddRun(run, free);
  }
}

void VersionSet::ReviewPendingLocked(FreeRuns& free) {
  // The pages are being written out.
  if (captured_ && !MANIFOLDDB_BROKEN("mvcc.reuse.one_checkpoint_early")) return;
  std::vector<Pending> candidates;
  for (auto at = pending_.begin(); at != pending_.end();) {
    const bool still_held = std::any_of(held_.begin(), held_.end(),
                                        [&](const Held& version) { return version.txn == at->first; });
    if (still_held) {
      ++at;
      continue;
    }
    candidates.insert(candidates.end(), at->second.begin(), at->second.end());
    at = pending_.erase(at);
  }
  SortOutLocked(candidates, free);
}

}  // namespace manifolddb::mvcc
