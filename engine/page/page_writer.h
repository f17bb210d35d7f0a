#pragma once
// One transaction's hand on the pages: creates, edits by copying, removes, and keeps the books.
//
// (1) A page is changed in place only if this writer created it and has not written it out (spilled) since;
//     otherwise the change goes to a copy under a new PageId and birth, and the old page is removed.
// (2) A page this writer created and removed again was never visible: it goes back to the allocator
//     at once.
// (3) After Finish or Abandon nothing of the reserve of free pages is left behind.
// (4) What there was at a mark stays as it is, allocated and unchanged, until the mark is gone.
// Used by one thread at a time.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/poison.h"
#include "engine/base/small_vector.h"
#include "engine/format/ids.h"
#include "engine/format/page_header.h"
#include "engine/mvcc/page_delta.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"
#include "engine/page/page_set.h"

namespace manifolddb::page {

// A page whose bytes this writer may change until it is written out.
struct MutablePage {
  format::PageRef ref;
  std::byte* bytes = nullptr;
};

using mvcc::PageDelta;
using mvcc::RemovedRun;

class PageWriter {
 public:
  // `serial` is unique among all writers of the cache's lifetime, not 0.
  PageWriter(PageCache& cache, PageAllocator& allocator, uint64_t serial, Room room);
  ~PageWriter();  // Abandon, unless Finish was called
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;

  // How far it may go from here on where the device is full.
  void SetRoom(Room room) { room_ = room; }

  uint32_t page_size() const { return cache_.page_size(); }
  DataFile& file() { return cache_.file(); }

  Result<Frame*> Fetch(format::PageRef ref, const mvcc::EpochGuard& guard) {
    return cache_.Fetch(ref, guard);
  }
  void Prefetch(format::PageId id) const { cache_.Prefetch(id); }
  // Memory for whoever changes pages, taken when it is first wanted and kept until the writer is gone: what
  // is in it lasts until the next call. REQUIRES: always the same `bytes`.
  Result<std::byte*> Scratch(uint64_t bytes, const char* operation);
  // Gives it back. REQUIRES: nobody edits any more.
  void DropScratch() { scratch_ = base::Buffer(); }
  // A new page; its NodeHeader's page_id, birth, kind and level are set, the rest is zero.
  Result<MutablePage> Create(format::PageKind kind, uint8_t level);
  // The page itself if it may be changed in place, else a copy (header adjusted) that stands for it from now
  // on: the caller must put the new ref where the old one was. The old bytes stay readable while `guard`
  // lives.
  Result<MutablePage> Edit(format::PageRef ref, const mvcc::EpochGuard& guard);
  // Would it be the page itself? Then its bytes are nobody's to keep.
  bool Edits(const Frame& frame) const { return frame.writer == serial_; }
  // The page's bytes if Edit would be the page itself, without asking anything of the disk; else null.
  std::byte* InPlace(format::PageRef ref, const mvcc::EpochGuard& guard) const {
    Frame* const frame = cache_.Peek(ref, guard);
    return frame != nullptr && Edits(*frame) ? frame->bytes : nullptr;
  }
  // The page is not part of the new version. kCorrupt, here and below, if a reference from the disk names
  // what nobody owns: then nothing is removed.
  Status Remove(format::PageRef ref);

  // Writes `value` to a new extent now; durable with the checkpoint. The device is told by StartWriteBack, or
  // by later extents of a transaction that has many.
  Result<format::ExtentRef> WriteExtent(ByteView value);
  Result<base::Buffer> ReadExtent(const format::ExtentRef& ref) { return cache_.file().ReadExtent(ref); }
  Status RemoveExtent(const format::ExtentRef& ref);
  // All of them, or none.
  Status RemoveAll(std::span<const RemovedRun> runs);
  RemovedRun RunOf(const format::ExtentRef& ref) const {
    return {{ref.first, format::ExtentPages(ref.bytes, page_size())}, ref.birth};
  }

  // Extents whose places are given, for a replay that finds no room otherwise (docs/design/006). In this
  // order, and no WriteExtent:
  // (0) AllowBeyond: a node that finds no page gets one beyond any that the file may have, in memory only.
  // (1) PlanExtent names an extent's place and takes no page, so that it may lie where another one lies that
  //     will be removed; a planned extent is removed like any other.
  // (2) TakePlanned takes the places of those that are left, and beside them a run of `pages_together`, if
  //     there is any (asked for when the file is as long as the places want it). `in_the_way`: nodes of this
  //     writer that lie there, or beyond the file. kCorrupt: the pages are somebody else's, or two extents
  //     share one; kNoSpace.
  // (3) MoveOff, for each of these: the node's page is a planned extent's from here on.
  // (4) WritePlanned, for each that is left; then GiveUpTogether frees the pages that lie together.
  void AllowBeyond();
  Result<format::ExtentRef> PlanExtent(format::PageId first, ByteView value);
  Status TakePlanned(const std::function<uint64_t()>& pages_together, PageSet& in_the_way);
  Result<format::PageRef> MoveOff(format::PageRef ref, const mvcc::EpochGuard& guard);
  bool IsPlanned(format::Birth birth) const { return planned_.contains(birth); }
  bool AnyPlanned() const { return !planned_.empty(); }
  uint64_t PlannedPages(format::Birth birth) const { return planned_.at(birth).pages; }
  Status WritePlanned(format::Birth birth, ByteView value);
  void GiveUpTogether();
  // A page this writer created, and did not remove.
  bool Owns(format::PageId id) const { return own_.Contains(id); }

  // Marks lie within each other; the newest is the one that is rolled back to or released, and gone then.
  // From here on pages that this writer created before are changed by copying, and kept when they are
  // removed. `serial`: a new one; guards that were given out of such pages stay what they are. O(1).
  // REQUIRES: no extents are planned.
  void SetMark(uint64_t serial);
  // All is as it was at the newest mark: what was created since is free, what was removed since is not. The
  // caller has the references of then. O(pages since).
  void RollBackToMark();
  // What was done since the newest mark stays. O(pages since).
  void ReleaseMark();
  size_t marks() const { return marks_.size(); }

  // Writes all pages this writer created and has not written yet, syncs, and lets go of them: they are clean,
  // and a later Edit copies. For transactions larger than the dirty limit. After an error the transaction
  // must abort. A failed sync poisons.
  Status Spill(base::Poison& poison);

  // Ends the writer: pages created are frozen, the books are handed over. REQUIRES: no marks.
  PageDelta Finish();
  // Ends the writer: everything created is free again. No effect after Finish.
  void Abandon();

  // The device may begin with the extents. Nothing but the next checkpoint's sync wants them on the disk:
  // together they would hold that up, and the log's writes with it; begun before the commit's own write of
  // the log, they would hold up that one (docs/design/016). Also after Finish.
  void StartWriteBack();

  // Leaves created so far, not those that stand for others (Edit, MoveOff).
  uint64_t leaves_created() const { return leaves_created_; }
  // Pages created and not removed again, those of extents included.
  uint64_t pages_created() const { return own_.size(); }
  // Pages removed so far, its own and others', also what was rolled back since.
  uint64_t pages_removed() const { return pages_removed_; }
  // Node pages created since the last Spill, at least those that are in memory for this writer alone.
  uint64_t pages_unwritten() const { return unwritten_.size(); }

 private:
  Result<format::PageRef> TakePage();
  void GiveBack(format::PageId id);
  Result<MutablePage> Own(Result<Frame*> created, format::PageRef ref);
  Status WriteAt(PageRun run, ByteView value);
  Status TakePlace(PageRun place, PageSet& in_the_way);
  format::PageId TakeBeyond();
  bool IsBeyond(format::PageId id) const { return beyond_begin_ != 0 && id.raw() >= beyond_begin_; }
  void FreeOwn(PageRun run);
  PageRun FindTogether(uint64_t pages, const PageSet& in_the_way) const;
  void RemoveRun(const RemovedRun& removed);
  void RemoveOwn(PageRun run);
  bool InExtent(format::PageId id) const { return extents_ && extents_->Contains(id); }
  PageSet& Extents() {
    if (!extents_) extents_ = std::make_unique<PageSet>();
    return *extents_;
  }
  struct Mark {
    PageSet created;            // since, and not removed again
    std::vector<PageRun> kept;  // created before and removed since: still in own_
    size_t removed = 0;         // how many removed_ were there
  };
  void NoteUntold(PageRun extent);
  void End();

  PageCache& cache_;
  PageAllocator& allocator_;
  uint64_t serial_;  // of the pages created since the newest mark
  Room room_;

  std::map<format::Birth, PageRun> planned_;  // extents that have a place and no bytes yet
  PageRun together_;                          // what TakePlanned took beside them
  uint64_t beyond_begin_ = 0;                 // pages from here on are in memory only; 0: there are none
  uint64_t beyond_end_ = 0;
  bool beyond_allowed_ = false;
  std::vector<format::PageId> beyond_free_;

  PageSet own_;  // what this writer created and has not removed
  // Those of own_ that lie in extents; made by the first one. Without it a transaction is small enough for
  // the C library to have its memory at hand (docs/design/015).
  std::unique_ptr<PageSet> extents_;
  std::vector<PageRun> untold_;  // extents that the device was not told of yet; neighbours as one
  uint64_t untold_pages_ = 0;
  // Node pages created since the last Spill; some may be removed, or twice.
  base::SmallVector<format::PageId, 8> unwritten_;
  base::SmallVector<RemovedRun, 8> removed_;  // of other writers
  std::vector<std::unique_ptr<Mark>> marks_;  // the newest is the last
  PageRun reserve_;                           // allocated, not used yet
  uint64_t reserve_pages_next_ = 1;
  uint64_t pages_removed_ = 0;
  uint64_t leaves_created_ = 0;
  base::Buffer scratch_;
  bool ended_ = false;
};

}  // namespace manifolddb::page
