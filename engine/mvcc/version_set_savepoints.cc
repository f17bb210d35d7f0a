// Savepoints: earlier durable checkpoints whose pages stay. The argument:
//   A page of one is owned, or pending, or kept by savepoints alone; it is free in none of these cases, so
//   nobody is given it while one of them has it. When the last one goes, what is left is what neither the
//   published version nor the durable catalog owns (used_) nor any held version may reach (pending_). All
//   sets are exact but the last, whose pages come back when their versions go.

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/mvcc/version_set.h"

namespace manifolddb::mvcc {

using format::PageBitmap;
using format::PageRun;

void VersionSet::AddSavepoint(std::string name, const format::SavepointRecord& record, PageBitmap pages,
                              bool found) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(FindKeeperLocked(name) == keepers_.end());
  if (found) earlier_.Add(pages);
  Savepoint savepoint{next_keeper_++, std::move(name), record, pages.CountSet(), 0};
  keepers_.push_back({std::move(savepoint), std::move(pages)});
}

FreeRuns VersionSet::DropSavepoint(std::string_view name) {
  base::MutexLock lock(mutex_);
  const auto keeper = FindKeeperLocked(name);
  MANIFOLDDB_ASSERT(keeper != keepers_.end());
  keeper->dropped = true;
  return keeper->readers == 0 ? ForgetKeeperLocked(keeper) : FreeRuns();
}

std::vector<Savepoint> VersionSet::Savepoints(bool count_pages) const {
  base::MutexLock lock(mutex_);
  std::vector<Savepoint> savepoints;
  for (const Keeper& keeper : keepers_) {
    if (keeper.dropped) continue;
    savepoints.push_back(keeper.savepoint);
    if (count_pages) savepoints.back().pages_only = OnlyLocked(keeper).CountSet();
  }
  std::ranges::sort(savepoints, {}, &Savepoint::name);
  return savepoints;
}

bool VersionSet::has_savepoints() const {
  base::MutexLock lock(mutex_);
  return !keepers_.empty();
}

std::optional<Savepoint> VersionSet::PinSavepoint(std::string_view name) {
  base::MutexLock lock(mutex_);
  const auto keeper = FindKeeperLocked(name);
  if (keeper == keepers_.end()) return std::nullopt;
  ++keeper->readers;
  return keeper->savepoint;
}

FreeRuns VersionSet::UnpinSavepoint(uint64_t number) {
  base::MutexLock lock(mutex_);
  const auto keeper = std::ranges::find_if(
      keepers_, [&](const Keeper& candidate) { return candidate.savepoint.number == number; });
  MANIFOLDDB_ASSERT(keeper != keepers_.end() && keeper->readers > 0);
  --keeper->readers;
  return keeper->readers == 0 && keeper->dropped ? ForgetKeeperLocked(keeper) : FreeRuns();
}

PageBitmap VersionSet::PagesOf(uint64_t number) const {
  base::MutexLock lock(mutex_);
  const auto keeper = std::ranges::find_if(
      keepers_, [&](const Keeper& candidate) { return candidate.savepoint.number == number; });
  MANIFOLDDB_ASSERT(keeper != keepers_.end());
  return keeper->pages;
}

PageBitmap VersionSet::KeptPages() const {
  base::MutexLock lock(mutex_);
  PageBitmap kept;
  for (const Keeper& keeper : keepers_) kept.Add(keeper.pages);
  return kept;
}

uint64_t VersionSet::pages_kept() const {
  base::MutexLock lock(mutex_);
  PageBitmap kept;
  for (const Keeper& keeper : keepers_) kept.Add(keeper.pages);
  return kept.size() == 0 ? 0 : WithoutVersionsLocked(std::move(kept)).CountSet();
}

PageBitmap VersionSet::EarlierPages() const {
  base::MutexLock lock(mutex_);
  return earlier_;
}

bool VersionSet::IsKeptLocked(format::PageId page) const {
  if (MANIFOLDDB_BROKEN("savepoint.hold.skip")) return false;
  return std::ranges::any_of(keepers_, [&](const Keeper& keeper) { return keeper.pages.Test(page); });
}

std::vector<VersionSet::Keeper>::iterator VersionSet::FindKeeperLocked(std::string_view name) {
  return std::ranges::find_if(
      keepers_, [&](const Keeper& keeper) { return !keeper.dropped && keeper.savepoint.name == name; });
}

PageBitmap VersionSet::WithoutVersionsLocked(PageBitmap pages) const {
  pages.Remove(used_);
  for (const PageRun& run : PendingRunsLocked()) {
    for (uint64_t page = run.first.raw(); page < std::min(run.end(), pages.size()); ++page) {
      pages.Clear({format::PageId{page}, 1});
    }
  }
  return pages;
}

PageBitmap VersionSet::OnlyLocked(const Keeper& keeper) const {
  PageBitmap only = WithoutVersionsLocked(keeper.pages);
  for (const Keeper& other : keepers_) {
    if (other.savepoint.number != keeper.savepoint.number) only.Remove(other.pages);
  }
  return only;
}

FreeRuns VersionSet::ForgetKeeperLocked(std::vector<Keeper>::iterator keeper) {
  FreeRuns free;
  const PageBitmap only = OnlyLocked(*keeper);
  if (!MANIFOLDDB_BROKEN("savepoint.delete.leak")) only.ForEachRun([&](PageRun run) { free.push_back(run); });
  earlier_.Remove(only);
  keepers_.erase(keeper);
  return free;
}

// What a restoring commit owns again may have been removed by commits behind the savepoint, and wait for a
// version to go: it waits no more.
void VersionSet::LeavePendingLocked(const PageDelta& delta) {
  if (MANIFOLDDB_BROKEN("savepoint.restore.still_pending")) return;
  PageBitmap again;
  for (const PageRun& run : delta.introduced) {
    if (run.end() > again.size()) again.Resize(run.end());
    again.Set(run);
  }
  for (auto& [held, list] : pending_) {
    std::vector<Pending> left;
    for (const Pending& pending : list) {
      Pending rest = pending;
      rest.removed.run.pages = 0;
      for (uint64_t page = pending.removed.run.first.raw(); page < pending.removed.run.end(); ++page) {
        if (again.Test(format::PageId{page})) continue;
        if (rest.removed.run.pages > 0 && rest.removed.run.end() == page) {
          ++rest.removed.run.pages;
          continue;
        }
        if (rest.removed.run.pages > 0) left.push_back(rest);
        rest.removed.run = {format::PageId{page}, 1};
      }
      if (rest.removed.run.pages > 0) left.push_back(rest);
    }
    list = std::move(left);
  }
}

}  // namespace manifolddb::mvcc
