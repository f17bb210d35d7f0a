// Free pages, next fit: quick however large the file is.
//
// (1) A page is handed out once until it is freed; free_count_ is the number of bits set.
// (2) The file is at least as long as the bitmap: bits are added after File::Allocate succeeded. A crash in
//     between leaves a file that is longer than any meta page says, which harms nobody.
// (3) At most one thread grows the file. It holds no lock while it does; the others wait only if nothing
//     that would serve them is free.
// (4) The last ReservePages that are free serve those who make room, nobody else: a full device does not
//     keep a checkpoint from giving pages back, or a deletion from being committed. The spare is beside them.

#include "engine/page/page_allocator.h"

#include <algorithm>
#include <string>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::page {
namespace {

constexpr uint64_t kGrowthBytesMin = uint64_t{256} << 10;
constexpr uint64_t kGrowthBytesMax = uint64_t{64} << 20;
constexpr uint64_t kGrowthPagesMin = 16;
constexpr uint32_t kTinyPageBytes = 4096;  // below it, files are meant to stay small

// A checkpoint copies the paths to what changed in the catalog, and writes the free map.
constexpr uint64_t kReservePagesMin = 32;
constexpr uint64_t kReservePagesMax = 256;
constexpr uint64_t kReserveShare = 64;  // of the file

// Threads that may draw a birth between the check of the limit and the draw.
constexpr uint64_t kDrawersMax = uint64_t{1} << 20;

}  // namespace

uint64_t GrowthPages(uint64_t pages_now, uint64_t pages_min, uint32_t page_size) {
  const uint64_t at_least = page_size < kTinyPageBytes ? kGrowthPagesMin : kGrowthBytesMin / page_size;
  const uint64_t at_most = kGrowthBytesMax / page_size;
  MANIFOLDDB_ASSERT(at_least > 0 && at_least <= at_most);
  return std::max(pages_min, std::clamp(pages_now / 8, at_least, at_most));
}

uint64_t ReservePages(uint64_t pages_now) {
  return std::clamp(pages_now / kReserveShare, kReservePagesMin, kReservePagesMax);
}

PageAllocator::PageAllocator(DataFile& file, PageBitmap free, format::Life life)
    : file_(file),
      life_(life),
      births_end_(format::FirstBirth(life).raw() + format::kBirthCounterMax - kDrawersMax),
      next_birth_(format::FirstBirth(life).raw() + 1),
      free_(std::move(free)),
      free_count_(free_.CountSet()) {
  MANIFOLDDB_ASSERT(life.raw() > 0 && life.raw() <= format::kLifeMax);
  inherited_ = free_;
  inherited_.Complement();
  MANIFOLDDB_ASSERT(!free_.Test(format::PageId{}));  // page 0 is never a page: the meta pages lie there
}

Result<PageRun> PageAllocator::Allocate(uint64_t pages_min, uint64_t pages_wanted, Room room) {
  MANIFOLDDB_ASSERT(pages_min > 0 && pages_min <= pages_wanted);
  base::AssertNoLocksHeld();
  const Want want{pages_min, pages_wanted, room};
  Result<PageRun> run = TakeOrGrow(want);
  if (run || run.error().code() != Errc::kNoSpace || !reclaim_) return run;
  if (RunReclaim()) {
    MANIFOLDDB_MARK("page.allocator.reclaimed");
    run = TakeOrGrow(want);
    if (run || run.error().code() != Errc::kNoSpace) return run;
  }
  // Nothing was left for this thread to find, perhaps because another one had just found it. The same again
  // with a checkpoint.
  if (const auto found = TakeFree(want)) return *found;
  if (room != Room::kAll && !MANIFOLDDB_BROKEN("page.allocator.checkpoint.skip") && checkpoint_()) {
    MANIFOLDDB_MARK("page.allocator.checkpointed");
    return TakeOrGrow(want);
  }
  if (const auto found = TakeFree(want)) return *found;
  return run;
}

Status PageAllocator::CheckRoom() {
  MANIFOLDDB_ASSIGN(const PageRun run, Allocate(1, 1, Room::kShared));
  Free(run);
  return {};
}

void PageAllocator::KeepSpare(uint64_t pages) {
  {
    base::MutexLock lock(mutex_);
    if (spare_.pages >= pages) return;
    ReleaseSpareLocked();
  }
  // If there is none now, whoever takes it looks again, and says what is wrong.
  const Result<PageRun> run = Allocate(pages, pages, Room::kAll);
  if (!run) return;
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(spare_.pages == 0);  // kept by one thread at a time
  spare_ = *run;
}

Result<PageRun> PageAllocator::TakeSpare(uint64_t pages) {
  {
    base::MutexLock lock(mutex_);
    if (spare_.pages >= pages) {
      const PageRun run{spare_.first, pages};
      spare_ = {format::PageId{run.end()}, spare_.pages - pages};
      ReleaseSpareLocked();
      return run;
    }
    ReleaseSpareLocked();
  }
  return Allocate(pages, pages, Room::kAll);
}

Status PageAllocator::GrowTo(uint64_t pages) {
  const uint64_t now = page_count();
  if (now >= pages) return {};
  MANIFOLDDB_TRY(file_.file().Allocate(pages * file_.page_size()));
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(free_.size() == now);
  AddPagesLocked(pages - now);
  return {};
}

void PageAllocator::SetCeiling(uint64_t pages) {
  base::MutexLock lock(mutex_);
  ceiling_ = pages;
}

uint64_t PageAllocator::ceiling() const {
  base::MutexLock lock(mutex_);
  return ceiling_;
}

void PageAllocator::GiveUpEnd() {
  base::MutexLock lock(mutex_);
  ReleaseSpareLocked();
  while (growing_) grown_.Wait(mutex_);
  uint64_t end = free_.size();
  while (free_.Test(format::PageId{end - 1})) --end;  // page 0 is never free
  const uint64_t free_before = free_count_ - (free_.size() - end);
  const uint64_t kept = ReservePages(end);
  if (free_before < kept) end = std::min(end + (kept - free_before), free_.size());
  free_count_ -= free_.size() - end;
  free_.Resize(end);
  next_fit_ = 0;
}

Status PageAllocator::WhileItStays(const std::function<Status(uint64_t)>& act) {
  uint64_t pages = 0;
  {
    base::MutexLock lock(mutex_);
    while (growing_) grown_.Wait(mutex_);
    growing_ = true;
    pages = free_.size();
  }
  Status status = act(pages);
  base::MutexLock lock(mutex_);
  growing_ = false;
  grown_.NotifyAll();
  return status;
}

void PageAllocator::Withhold(const PageBitmap& pages) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(pages.size() <= free_.size() && spare_.pages == 0);
  free_.Remove(pages);
  free_count_ = free_.CountSet();
}

PageBitmap PageAllocator::ExchangeInherited(PageBitmap inherited) {
  base::MutexLock lock(mutex_);
  return std::exchange(inherited_, std::move(inherited));
}

bool PageAllocator::TakeIfFree(format::PageId id) {
  base::MutexLock lock(mutex_);
  if (!free_.Test(id)) return false;
  free_.Clear({id, 1});
  --free_count_;
  return true;
}

void PageAllocator::ReleaseSpareLocked() {
  if (spare_.pages > 0) {
    free_.Set(spare_);
    free_count_ += spare_.pages;
  }
  spare_ = {};
}

bool PageAllocator::RunReclaim() {
  base::MutexLock lock(reclaim_mutex_);
  return reclaim_();
}

std::optional<PageRun> PageAllocator::TakeFree(const Want& want) {
  base::MutexLock lock(mutex_);
  return TakeLocked(want);
}

Result<PageRun> PageAllocator::TakeOrGrow(const Want& want) {
  for (;;) {
    Growth growth{};
    if (const auto run = TakeOrBecomeGrower(want, growth)) return *run;
    uint64_t pages = 0;
    const Status grown = Grow(growth, pages);
    const std::optional<PageRun> run = FinishGrowth(grown ? pages : 0, want);
    if (!grown) return std::unexpected<Error>(grown.error());
    if (run) return *run;
    // Somebody who may go deeper into the reserve did meanwhile.
  }
}

std::optional<PageRun> PageAllocator::TakeOrBecomeGrower(const Want& want, Growth& growth) {
  base::MutexLock lock(mutex_);
  for (;;) {
    if (const auto run = TakeLocked(want)) return run;
    if (!growing_) break;
    grown_.Wait(mutex_);
  }
  growing_ = true;
  const uint64_t kept = KeptLocked(want.room);
  const uint64_t missing = free_count_ < kept ? kept - free_count_ : 0;
  growth = {free_.size(), missing + want.pages_min,
            missing + GrowthPages(free_.size(), want.pages_min, file_.page_size())};
  return std::nullopt;
}

Status PageAllocator::Grow(const Growth& growth, uint64_t& pages) {
  const uint64_t now = growth.pages_now;
  pages = growth.pages_wanted;
  Status grown = file_.file().Allocate((now + pages) * file_.page_size());
  if (!grown && grown.error().code() == Errc::kNoSpace && pages > growth.pages_min) {
    // There may be room for what is needed now, if not for a large step.
    MANIFOLDDB_MARK("page.allocator.grow_little");
    pages = growth.pages_min;
    grown = file_.file().Allocate((now + pages) * file_.page_size());
  }
  return grown;
}

std::optional<PageRun> PageAllocator::FinishGrowth(uint64_t pages, const Want& want) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(growing_);
  growing_ = false;
  // After a failure those who wait try for themselves: what they need may be less.
  grown_.NotifyAll();
  if (pages == 0) return std::nullopt;
  AddPagesLocked(pages);
  return TakeLocked(want);
}

void PageAllocator::AddPagesLocked(uint64_t pages) {
  const PageRun added{format::PageId{free_.size()}, pages};
  free_.Resize(added.end());
  free_.Set(added);
  free_count_ += pages;
}

uint64_t PageAllocator::KeptLocked(Room room) const {
  if (room == Room::kAll || MANIFOLDDB_BROKEN("page.allocator.reserve.skip")) return 0;
  const uint64_t reserve = ReservePages(free_.size());
  return room == Room::kMakes ? reserve / 2 : reserve;
}

std::optional<PageRun> PageAllocator::TakeLocked(const Want& want) {
  const uint64_t kept = KeptLocked(want.room);
  if (free_count_ < kept + want.pages_min) return std::nullopt;
  const uint64_t pages_wanted = std::min(want.pages_wanted, free_count_ - kept);
  const std::optional<PageRun> run = FindLocked(want.pages_min, pages_wanted);
  if (!run) return std::nullopt;
  MANIFOLDDB_ASSERT(run->pages >= want.pages_min && run->pages <= pages_wanted);
  if (!MANIFOLDDB_BROKEN("page.allocator.double")) {
    free_.Clear(*run);
    free_count_ -= run->pages;
  }
  next_fit_ = run->end();
  return run;
}

std::optional<PageRun> PageAllocator::FindLocked(uint64_t pages_min, uint64_t pages_wanted) {
  if (ceiling_ != 0) {
    if (const auto run = FindBelowLocked(ceiling_, pages_min, pages_wanted)) return run;
    ceiling_ = 0;
  }
  if (const auto run = FindNextLocked(next_fit_, free_.size(), pages_min, pages_wanted)) return run;
  return FindNextLocked(0, next_fit_, pages_min, pages_wanted);
}

std::optional<PageRun> PageAllocator::FindBelowLocked(uint64_t until, uint64_t pages_min,
                                                      uint64_t pages_wanted) const {
  // From the front: what is moved there comes to lie together.
  for (uint64_t at = 0; at < until;) {
    const auto run = FindNextLocked(at, until, pages_min, pages_wanted);
    if (!run) return std::nullopt;
    const uint64_t pages = std::min(run->end(), until) - run->first.raw();
    if (pages >= pages_min) return PageRun{run->first, pages};
    at = run->end();
  }
  return std::nullopt;
}

std::optional<PageRun> PageAllocator::FindNextLocked(uint64_t from, uint64_t until, uint64_t pages_min,
                                                     uint64_t pages_wanted) const {
  for (uint64_t at = free_.NextSet(from); at < until; at = free_.NextSet(at)) {
    // No further than what is wanted: the rest of the file may be free.
    const uint64_t end_max = std::min(at + pages_wanted, free_.size());
    uint64_t end = at;
    while (end + 64 <= end_max && free_.TestAll({format::PageId{end}, 64})) end += 64;
    while (end < end_max && free_.Test(format::PageId{end})) ++end;
    if (end - at >= pages_min) return PageRun{format::PageId{at}, end - at};
    at = end;
  }
  return std::nullopt;
}

void PageAllocator::Free(PageRun run) {
  base::MutexLock lock(mutex_);
  FreeLocked(run);
}

void PageAllocator::Free(std::span<const PageRun> runs) {
  constexpr size_t kRunsPerLock = 1024;  // who allocates waits for no more than this
  while (!runs.empty()) {
    const size_t now = std::min(runs.size(), kRunsPerLock);
    base::MutexLock lock(mutex_);
    for (const PageRun& run : runs.first(now)) FreeLocked(run);
    runs = runs.subspan(now);
  }
}

void PageAllocator::FreeLocked(PageRun run) {
  MANIFOLDDB_ASSERT(run.pages > 0 && run.first != format::PageId{} && run.end() <= free_.size());
  if (!free_.TestNone(run)) {
    MANIFOLDDB_ASSERT(MANIFOLDDB_BROKEN("page.allocator.double"));  // freed twice
    return;
  }
  free_.Set(run);
  free_count_ += run.pages;
}

const mvcc::RemovedRun* PageAllocator::Disown(std::span<const mvcc::RemovedRun> runs) {
  const auto inherited = [this](const mvcc::RemovedRun& removed) { return Inherited(removed.birth); };
  if (std::none_of(runs.begin(), runs.end(), inherited)) return nullptr;
  base::MutexLock lock(mutex_);
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!inherited(runs[i])) continue;
    if (inherited_.TestAll(runs[i].run)) {
      inherited_.Clear(runs[i].run);
      continue;
    }
    for (const mvcc::RemovedRun& before : runs.first(i)) {
      if (inherited(before)) inherited_.Set(before.run);
    }
    return &runs[i];
  }
  return nullptr;
}

void PageAllocator::Reown(const mvcc::RemovedRun& removed) {
  if (!Inherited(removed.birth)) return;
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(inherited_.TestNone(removed.run) && free_.TestNone(removed.run));
  inherited_.Set(removed.run);
}

std::unexpected<Error> PageAllocator::BirthsExhausted() const {
  return Fail(
      Errc::kLimit, "page.birth",
      {.file = file_.name(), .message = "every birth of this opening has been drawn: reopen the database"});
}

uint64_t PageAllocator::page_count() const {
  base::MutexLock lock(mutex_);
  return free_.size();
}

uint64_t PageAllocator::pages_free() const {
  base::MutexLock lock(mutex_);
  return free_count_ + spare_.pages;
}

uint64_t PageAllocator::PagesTakenFrom(uint64_t from) const {
  base::MutexLock lock(mutex_);
  uint64_t taken = 0;
  for (uint64_t at = free_.NextClear(from); at < free_.size();) {
    const uint64_t end = free_.NextSet(at);
    taken += end - at;
    at = free_.NextClear(end);
  }
  return taken;
}

PageBitmap PageAllocator::FreePages() const {
  base::MutexLock lock(mutex_);
  PageBitmap free = free_;
  if (spare_.pages > 0) free.Set(spare_);
  return free;
}

}  // namespace manifolddb::page
