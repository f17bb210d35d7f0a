// The books of one transaction's pages.
//
// (1) own_ is exactly what this writer allocated and has not freed, less the reserve; removed_ are others'.
// (2) A page leaves the cache before it goes back to the allocator: who gets it next creates its frame anew.
// (3) What this writer removed may come back to it at once, as a node or in an extent; extents_ says which.
// (4) A frame carries this writer's serial exactly while its page may be changed in place: a mark takes a new
//     serial, and none is used again, since guards were given out of pages that could not be changed then.
// (5) What is kept for a mark is in own_ until the mark is gone: written by Spill, freed by Abandon.

#include "engine/page/page_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/page/page_text.h"

namespace manifolddb::page {
namespace {

using format::Birth;
using format::ExtentRef;
using format::PageId;
using format::PageRef;

constexpr uint64_t kReservePagesOfWriterMax = 64;
// Further than a file grows between two checkpoints. (The cache's directory takes 2 MiB for it.)
constexpr uint64_t kBeyondMin = uint64_t{1} << 28;

format::NodeHeader& HeaderOf(Frame* frame) { return *reinterpret_cast<format::NodeHeader*>(frame->bytes); }

}  // namespace

PageWriter::PageWriter(PageCache& cache, PageAllocator& allocator, uint64_t serial, Room room)
    : cache_(cache), allocator_(allocator), serial_(serial), room_(room) {
  MANIFOLDDB_ASSERT(serial != 0);
}

PageWriter::~PageWriter() {
  if (!ended_) Abandon();
}

Result<PageRef> PageWriter::TakePage() {
  MANIFOLDDB_ASSERT(!ended_);
  MANIFOLDDB_ASSIGN(const Birth birth, allocator_.DrawBirth());
  if (reserve_.pages == 0) {
    // Where the device may be full a deletion takes what it needs, no more.
    const uint64_t wanted = room_ == Room::kMakes ? 1 : reserve_pages_next_;
    Result<PageRun> run = allocator_.Allocate(1, wanted, room_);
    if (!run && run.error().code() == Errc::kNoSpace && beyond_allowed_) return PageRef{TakeBeyond(), birth};
    if (!run) return std::unexpected<Error>(std::move(run).error());
    reserve_ = *run;
    reserve_pages_next_ = std::min(reserve_pages_next_ * 2, kReservePagesOfWriterMax);
  }
  const PageId id = reserve_.first;
  reserve_ = {id.next(), reserve_.pages - 1};
  return PageRef{id, birth};
}

void PageWriter::AllowBeyond() {
  beyond_allowed_ = true;
  beyond_begin_ = beyond_end_ = std::max(kBeyondMin, 2 * allocator_.page_count());
}

PageId PageWriter::TakeBeyond() {
  MANIFOLDDB_MARK("page.beyond");
  if (beyond_free_.empty()) return PageId{beyond_end_++};
  const PageId id = beyond_free_.back();
  beyond_free_.pop_back();
  return id;
}

// Pages that were in own_ and are not any more.
void PageWriter::FreeOwn(PageRun run) {
  cache_.Drop(run.first, run.pages);
  if (!IsBeyond(run.first)) return allocator_.Free(run);
  for (uint64_t page = run.first.raw(); page < run.end(); ++page) beyond_free_.push_back(PageId{page});
}

void PageWriter::GiveBack(PageId id) {
  if (IsBeyond(id)) return beyond_free_.push_back(id);
  MANIFOLDDB_ASSERT(id.next() == reserve_.first);
  reserve_ = {id, reserve_.pages + 1};
}

Result<MutablePage> PageWriter::Own(Result<Frame*> created, PageRef ref) {
  if (!created) {
    GiveBack(ref.id);
    return std::unexpected<Error>(std::move(created).error());
  }
  Frame* frame = *created;
  HeaderOf(frame).page_id = ref.id.raw();
  HeaderOf(frame).birth = ref.birth.raw();
  own_.Insert({ref.id, 1});
  if (!marks_.empty()) marks_.back()->created.Insert({ref.id, 1});
  unwritten_.push_back(ref.id);
  return MutablePage{ref, frame->bytes};
}

Result<MutablePage> PageWriter::Create(format::PageKind kind, uint8_t level) {
  MANIFOLDDB_ASSERT(kind != format::PageKind::kInvalid);
  MANIFOLDDB_ASSIGN(const PageRef ref, TakePage());
  MANIFOLDDB_ASSIGN(const MutablePage page, Own(cache_.Create(ref, serial_), ref));
  auto& header = *reinterpret_cast<format::NodeHeader*>(page.bytes);
  header.kind = static_cast<uint8_t>(kind);
  header.level = level;
  if (kind == format::PageKind::kLeaf) ++leaves_created_;
  return page;
}

Result<MutablePage> PageWriter::Edit(PageRef ref, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_ASSERT(!ended_);
  MANIFOLDDB_ASSIGN(Frame* const frame, cache_.Fetch(ref, guard));
  if (Edits(*frame)) return MutablePage{ref, frame->bytes};
  MANIFOLDDB_ASSIGN(const PageRef copy_ref, TakePage());
  MANIFOLDDB_ASSIGN(const MutablePage copy, Own(cache_.CreateCopy(copy_ref, serial_, *frame), copy_ref));
  MANIFOLDDB_TRY(Remove(ref));
  return copy;
}

Result<std::byte*> PageWriter::Scratch(uint64_t bytes, const char* operation) {
  if (scratch_.size() == 0) {
    MANIFOLDDB_ASSIGN(scratch_, base::Buffer::Make(bytes, operation));
  }
  MANIFOLDDB_ASSERT(scratch_.size() == bytes);
  return scratch_.data();
}

Status PageWriter::Remove(PageRef ref) {
  const RemovedRun removed{{ref.id, 1}, ref.birth};
  return RemoveAll({&removed, 1});
}

Status PageWriter::RemoveExtent(const ExtentRef& ref) {
  const RemovedRun removed = RunOf(ref);
  return RemoveAll({&removed, 1});
}

Status PageWriter::RemoveAll(std::span<const RemovedRun> runs) {
  MANIFOLDDB_ASSERT(!ended_);
  if (const RemovedRun* const damaged = allocator_.Disown(runs)) {
    MANIFOLDDB_MARK("page.remove.not_owned");
    return cache_.file().Corrupt("page.remove", damaged->run.first,
                                 TextOf(PageRef{damaged->run.first, damaged->birth}) + " and " +
                                     std::to_string(damaged->run.pages - 1) +
                                     " pages behind it cannot be given up: not all of them are owned");
  }
  for (const RemovedRun& removed : runs) RemoveRun(removed);
  return {};
}

void PageWriter::RemoveRun(const RemovedRun& removed) {
  const PageRun run = removed.run;
  MANIFOLDDB_ASSERT(run.first != PageId{} && run.pages > 0 && removed.birth != Birth{});
  pages_removed_ += run.pages;
  if (planned_.erase(removed.birth) > 0) return;
  if (!own_.ContainsAll(run)) {
    removed_.push_back(removed);
    return;
  }
  RemoveOwn(run);
}

void PageWriter::RemoveOwn(PageRun run) {
  if (!marks_.empty()) {
    Mark& mark = *marks_.back();
    if (!mark.created.ContainsAll(run)) {
      mark.kept.push_back(run);
      return;
    }
    mark.created.Erase(run);
  }
  own_.Erase(run);
  if (extents_ && extents_->ContainsAll(run)) extents_->Erase(run);
  FreeOwn(run);
}

void PageWriter::SetMark(uint64_t serial) {
  MANIFOLDDB_ASSERT(!ended_ && planned_.empty() && !beyond_allowed_ && serial > serial_);
  serial_ = serial;
  marks_.push_back(std::make_unique<Mark>());
  marks_.back()->removed = removed_.size();
}

void PageWriter::RollBackToMark() {
  MANIFOLDDB_ASSERT(!ended_ && !marks_.empty());
  const std::unique_ptr<Mark> mark = std::move(marks_.back());
  marks_.pop_back();
  for (const PageRun& run : mark->created.Runs()) {
    own_.Erase(run);
    for (uint64_t page = run.first.raw(); page < run.end(); ++page) {
      if (InExtent(PageId{page})) extents_->Erase({PageId{page}, 1});
    }
    FreeOwn(run);
  }
  const RemovedRun* const kept = removed_.begin() + mark->removed;
  for (const RemovedRun* removed = kept; removed != removed_.end(); ++removed) allocator_.Reown(*removed);
  removed_.truncate(kept);
  // For the count: Spill leaves out what is not its own anyway.
  unwritten_.truncate(
      std::remove_if(unwritten_.begin(), unwritten_.end(), [this](PageId id) { return !own_.Contains(id); }));
}

void PageWriter::ReleaseMark() {
  MANIFOLDDB_ASSERT(!ended_ && !marks_.empty());
  const std::unique_ptr<Mark> mark = std::move(marks_.back());
  marks_.pop_back();
  if (!marks_.empty()) {
    for (const PageRun& run : mark->created.Runs()) marks_.back()->created.Insert(run);
  }
  // Nobody refers to these; an older mark may still want them.
  for (const PageRun& run : mark->kept) RemoveOwn(run);
}

Result<ExtentRef> PageWriter::WriteExtent(ByteView value) {
  MANIFOLDDB_ASSERT(!ended_ && !value.empty());
  const uint64_t pages = format::ExtentPages(value.size(), page_size());
  MANIFOLDDB_ASSIGN(const Birth birth, allocator_.DrawBirth());
  MANIFOLDDB_ASSIGN(const PageRun run, allocator_.Allocate(pages, pages, room_));
  if (Status written = WriteAt(run, value); !written) {
    allocator_.Free(run);
    return std::unexpected<Error>(std::move(written).error());
  }
  return ExtentRef{
      .first = run.first, .birth = birth, .bytes = value.size(), .checksum = base::Checksum64(value)};
}

// REQUIRES: the pages are this writer's, and not in own_.
Status PageWriter::WriteAt(PageRun run, ByteView value) {
  // Nodes that lay here before must not be taken for what lies here now.
  cache_.Drop(run.first, run.pages);
  MANIFOLDDB_TRY(cache_.file().WriteExtent(run.first, value));
  own_.Insert(run);
  Extents().Insert(run);
  if (!marks_.empty()) marks_.back()->created.Insert(run);
  NoteUntold(run);
  return {};
}

Result<ExtentRef> PageWriter::PlanExtent(PageId first, ByteView value) {
  MANIFOLDDB_ASSERT(!ended_ && !value.empty() && first != PageId{});
  const uint64_t pages = format::ExtentPages(value.size(), page_size());
  if (first.raw() > format::kNumberReadMax / page_size()) {
    return cache_.file().Corrupt("page.plan", PageId{}, "an extent is said to have lain beyond any file");
  }
  MANIFOLDDB_ASSIGN(const Birth birth, allocator_.DrawBirth());
  planned_[birth] = {first, pages};
  return ExtentRef{
      .first = first, .birth = birth, .bytes = value.size(), .checksum = base::Checksum64(value)};
}

Status PageWriter::TakePlanned(const std::function<uint64_t()>& pages_together, PageSet& in_the_way) {
  if (reserve_.pages > 0) allocator_.Free(reserve_);
  reserve_ = {};
  beyond_allowed_ = false;
  for (const PageRun& run : own_.Runs()) {
    if (IsBeyond(run.first)) in_the_way.Insert(run);
  }
  PageSet places;
  for (const auto& [birth, place] : planned_) {
    for (uint64_t page = place.first.raw(); page < place.end(); ++page) {
      if (!places.Contains(PageId{page})) continue;
      return cache_.file().Corrupt("page.plan", PageId{page}, "two extents are said to have lain here");
    }
    places.Insert(place);
    MANIFOLDDB_TRY(TakePlace(place, in_the_way));
  }
  const uint64_t together = pages_together();
  together_ = FindTogether(together, in_the_way);
  // It may end where the file does, which may be longer than the checkpoint knew.
  for (uint64_t i = 0; i < together && together_.pages == 0; ++i) {
    if (!allocator_.GrowTo(allocator_.page_count() + 1)) break;
    together_ = FindTogether(together, in_the_way);
  }
  if (together_.pages > 0) MANIFOLDDB_TRY(TakePlace(together_, in_the_way));
  return {};
}

Status PageWriter::TakePlace(PageRun place, PageSet& in_the_way) {
  if (IsBeyond(PageId{place.end()})) {
    return Fail(Errc::kNoSpace, "page.plan",
                {.file = cache_.file().name(),
                 .offset = cache_.file().OffsetOf(place.first),
                 .message = "an extent is said to have lain far behind the file's end"});
  }
  MANIFOLDDB_TRY(allocator_.GrowTo(place.end()));
  for (uint64_t page = place.first.raw(); page < place.end(); ++page) {
    if (allocator_.TakeIfFree(PageId{page})) continue;
    if (!own_.Contains(PageId{page})) {
      return cache_.file().Corrupt("page.plan", PageId{page},
                                   "an extent is said to have lain where another page is");
    }
    in_the_way.Insert({PageId{page}, 1});
  }
  return {};
}

// Where no page is but free ones and nodes that can be moved. None if there is no such place: whoever wants
// it looks again.
PageRun PageWriter::FindTogether(uint64_t pages, const PageSet& in_the_way) const {
  format::PageBitmap usable = allocator_.FreePages();
  for (const PageRun& run : own_.Runs()) {
    if (!IsBeyond(run.first)) usable.Set(run);
  }
  for (const PageRun& run : in_the_way.Runs()) {
    if (!IsBeyond(run.first)) usable.Clear(run);
  }
  for (uint64_t at = usable.NextSet(0); at < usable.size(); at = usable.NextSet(at)) {
    const uint64_t end = usable.NextClear(at);
    if (end - at >= pages) return {PageId{at}, pages};
    at = end;
  }
  return {};
}

Result<PageRef> PageWriter::MoveOff(PageRef ref, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_ASSERT(own_.Contains(ref.id));
  MANIFOLDDB_ASSIGN(Frame* const frame, cache_.Fetch(ref, guard));
  MANIFOLDDB_ASSIGN(const PageRef to, TakePage());
  MANIFOLDDB_ASSIGN(const MutablePage copy, Own(cache_.CreateCopy(to, serial_, *frame), to));
  own_.Erase({ref.id, 1});
  cache_.Drop(ref.id, 1);
  return copy.ref;
}

Status PageWriter::WritePlanned(Birth birth, ByteView value) {
  const auto planned = planned_.find(birth);
  const PageRun place = planned->second;
  planned_.erase(planned);
  MANIFOLDDB_ASSERT(format::ExtentPages(value.size(), page_size()) == place.pages);
  if (MANIFOLDDB_BROKEN("page.planned.write.skip")) {
    own_.Insert(place);
    Extents().Insert(place);
    return {};
  }
  return WriteAt(place, value);
}

void PageWriter::GiveUpTogether() {
  if (together_.pages > 0) allocator_.Free(together_);
  together_ = {};
}

void PageWriter::NoteUntold(PageRun extent) {
  constexpr uint64_t kBytesMax = uint64_t{4} << 20;
  if (!untold_.empty() && untold_.back().end() == extent.first.raw()) {
    untold_.back().pages += extent.pages;
  } else {
    untold_.push_back(extent);
  }
  untold_pages_ += extent.pages;
  if (untold_pages_ * page_size() >= kBytesMax) StartWriteBack();
}

void PageWriter::StartWriteBack() {
  DataFile& data = cache_.file();
  for (const PageRun& run : untold_) {
    const uint64_t bytes = run.pages * page_size();
    if (bytes >= kWriteBackBytesMin) data.file().StartWriteBack(data.OffsetOf(run.first), bytes);
  }
  untold_.clear();
  untold_pages_ = 0;
}

Status PageWriter::Spill(base::Poison& poison) {
  MANIFOLDDB_ASSERT(!ended_);
  unwritten_.truncate(std::remove_if(unwritten_.begin(), unwritten_.end(),
                                     [this](PageId id) { return !own_.Contains(id) || InExtent(id); }));
  std::sort(unwritten_.begin(), unwritten_.end());
  unwritten_.truncate(std::unique(unwritten_.begin(), unwritten_.end()));
  // Those beyond the file, all behind the others, have no place to be written to.
  const auto beyond =
      std::find_if(unwritten_.begin(), unwritten_.end(), [this](PageId id) { return IsBeyond(id); });
  const std::span<const PageId> written(unwritten_.begin(), beyond);
  if (written.empty()) return {};
  MANIFOLDDB_MARK("page.spill");
  // First of all: whatever happens now, these pages are not changed any more.
  cache_.Freeze(written);
  uint64_t bytes_written = 0;
  MANIFOLDDB_TRY(cache_.WriteOut(written, bytes_written));
  if (!MANIFOLDDB_BROKEN("page.spill.sync.skip")) {
    if (Status synced = cache_.file().file().Sync(); !synced) {
      // Others have written to the file as well; nobody knows what of it is durable.
      poison.Set(synced.error());
      return synced;
    }
  }
  cache_.MarkClean(written);
  unwritten_.truncate(std::move(beyond, unwritten_.end(), unwritten_.begin()));
  return {};
}

PageDelta PageWriter::Finish() {
  MANIFOLDDB_ASSERT(marks_.empty());
  PageDelta delta{.introduced = own_.Runs(), .removed = std::exchange(removed_, {})};
  End();
  return delta;
}

void PageWriter::Abandon() {
  if (ended_) return;  // finished for a checkpoint that came to nothing, which has given the pages back
  for (const PageRun& run : own_.Runs()) FreeOwn(run);
  for (const RemovedRun& removed : removed_) allocator_.Reown(removed);
  removed_.clear();
  marks_.clear();
  End();
}

void PageWriter::End() {
  MANIFOLDDB_ASSERT(!ended_);
  ended_ = true;
  if (reserve_.pages > 0) allocator_.Free(reserve_);
  reserve_ = {};
  own_.Clear();
  extents_.reset();
}

}  // namespace manifolddb::page
