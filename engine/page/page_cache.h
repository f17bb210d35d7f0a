#pragma once
// Page ids to verified bytes in memory.
//
// (1) A published page's bytes never change; an edited page is a new page. So readers need no latch.
// (2) PageId -> frame goes through a two-level array of atomics. A frame that is unlinked from it is reused
//     only when every epoch that could have seen it is over and its pin count is zero.
// (3) A frame is dirty from its creation until the sync that covers its write has succeeded; dirty frames
//     are never evicted.
// (4) Clean frames are evicted (clock) so that all frames together stay in the byte budget, unless pins,
//     epochs or dirty frames forbid it.
// I/O is done without holding the cache's lock; two threads that miss the same page both read it, one wins.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/format/ids.h"
#include "engine/format/page_bitmap.h"
#include "engine/format/page_header.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/data_file.h"

namespace manifolddb::page {

enum class FrameState : uint8_t {
  kClean,    // equal to what is durable in the file
  kDirty,    // not in the file
  kWritten,  // written, not yet covered by a sync
};

// A cache line of its own: what a reader touches before the bytes.
struct alignas(64) Frame {
  std::byte* bytes = nullptr;  // page_size bytes; checksum and gap belong to write-out alone, once frozen
  format::PageRef ref;
  // Serial of the PageWriter that may change the bytes; 0: frozen. Written and compared by page writers only,
  // which the family's writer token orders.
  uint64_t writer = 0;
  std::atomic<uint32_t> pins{0};
  std::atomic<bool> used{false};  // second chance of the clock
  std::atomic<FrameState> state{FrameState::kClean};

 private:
  friend class PageCache;
  enum class Place : uint8_t {
    kFree,     // nobody's
    kPrivate,  // being filled by one thread
    kLinked,   // in the array
    kRetired,  // unlinked; somebody may still look at it
  };
  Place place = Place::kFree;  // guarded by the cache's mutex, as the next
  uint64_t retired_tag = 0;
};

// Keeps a frame in memory across epochs: resting cursors, value guards.
class FramePin {
 public:
  FramePin() = default;
  // REQUIRES: an epoch in which `frame` was found is still entered.
  explicit FramePin(Frame* frame) : frame_(frame) {
    base::AtPublishing();
    frame_->pins.fetch_add(1, std::memory_order_relaxed);
  }
  FramePin(FramePin&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FramePin& operator=(FramePin&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~FramePin() {
    if (frame_ != nullptr) frame_->pins.fetch_sub(1, std::memory_order_release);
  }
  Frame* get() const { return frame_; }

 private:
  Frame* frame_ = nullptr;
};

class PageCache {
 public:
  PageCache(DataFile& file, mvcc::ReaderSlots& slots, uint64_t bytes_max);
  ~PageCache();  // REQUIRES: no pins, no epochs
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  uint32_t page_size() const { return file_.page_size(); }
  DataFile& file() { return file_; }

  // The page's frame, read and validated if it is not in memory. Valid while the guard lives. Errors:
  // kCorrupt (also when the page in memory has another birth), kIo, kNoMemory. REQUIRES: the caller holds no
  // lock.
  Result<Frame*> Fetch(format::PageRef ref, const mvcc::EpochGuard& guard) {
    base::AtPublishing();
    if (Frame* frame = Find(ref.id); frame != nullptr && frame->ref.birth == ref.birth) [[likely]] {
      if (!frame->used.load(std::memory_order_relaxed)) frame->used.store(true, std::memory_order_relaxed);
      guard.CountHit();
      return frame;
    }
    return FetchSlow(ref, guard);
  }

  // The page's frame if it is in memory, else null. Valid while the guard lives.
  Frame* Peek(format::PageRef ref, const mvcc::EpochGuard&) const {
    base::AtPublishing();
    Frame* const frame = Find(ref.id);
    return frame != nullptr && frame->ref.birth == ref.birth ? frame : nullptr;
  }

  // Asks for what the search of the node in that page reads first, if it is in memory: its lines come while
  // Fetch waits for the frame. Changes nothing.
  void Prefetch(format::PageId id) const {
    const Link* const link = LinkOf(id);
    if (link == nullptr) [[unlikely]]
      return;
    const uintptr_t front = link->front.load(std::memory_order_relaxed);
    const auto* const line = reinterpret_cast<const std::byte*>(front & ~kFrontLinesMask);
    for (uintptr_t i = 0, lines = front & kFrontLinesMask; i < lines; ++i)
      __builtin_prefetch(line + i * kLineBytes);
  }
  // The same for one who reads the node from its first entry on: its header and first slots.
  void PrefetchHead(format::PageId id) const {
    const Link* const link = LinkOf(id);
    if (link == nullptr) [[unlikely]]
      return;
    const uintptr_t front = link->front.load(std::memory_order_relaxed);
    if (front == 0) return;
    const auto* const line = reinterpret_cast<const std::byte*>(front & ~kFrontLinesMask);
    __builtin_prefetch(line), __builtin_prefetch(line + kLineBytes);
  }

  // A new dirty frame of zeros for a page just allocated. Replaces whatever frame the PageId had (a page that
  // was freed meanwhile).
  Result<Frame*> Create(format::PageRef ref, uint64_t writer) EXCLUDES(mutex_);
  // The same, with the bytes of `from` but for checksum and gap; in the gap lies anything, until it is
  // cleared when the page is written. REQUIRES: `from` is a node, pinned or of an epoch still entered.
  Result<Frame*> CreateCopy(format::PageRef ref, uint64_t writer, const Frame& from) EXCLUDES(mutex_);
  // The pages are owned by nobody any more: forgets their frames, dirty or not.
  void Drop(format::PageId first, uint64_t pages) EXCLUDES(mutex_);
  // The same of many at once: random changes free one page here and one there.
  void Drop(std::span<const format::PageRun> runs) EXCLUDES(mutex_);
  // Ends the right of their writer to change these pages. REQUIRES: called by the writer, the pages are its
  // own and not yet written out.
  void Freeze(std::span<const format::PageId> pages) EXCLUDES(mutex_);

  // Writes those of `pages` (ascending) that are dirty, coalescing neighbours, checksums set. Pages without a
  // frame were written before. REQUIRES: none of them can change any more, or be freed before MarkClean. Adds
  // the bytes written to `bytes_written`. After an error some may have been written, others are still dirty.
  Status WriteOut(std::span<const format::PageId> pages, uint64_t& bytes_written) EXCLUDES(mutex_);
  // After a successful sync that began after WriteOut of `pages` returned: they are clean.
  void MarkClean(std::span<const format::PageId> pages) EXCLUDES(mutex_);

  // What frames together may take from now on. Less: clean pages that nobody looks at go at once.
  void SetBytesMax(uint64_t bytes_max) EXCLUDES(mutex_);

  // Pages in memory, those included that were forgotten and are still looked at.
  uint64_t bytes_cached() const { return frames_.load(std::memory_order_relaxed) * page_size(); }
  // Since the cache was made; of pages of trees.
  struct Figures {
    uint64_t read = 0;
    uint64_t evicted = 0;
    uint64_t written = 0;
  };
  Figures figures() const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    return figures_;
  }
  // Pages that Fetch found in memory, since the cache was made.
  uint64_t hits() const { return slots_.Hits(); }
  uint64_t bytes_dirty() const { return dirty_frames_.load(std::memory_order_relaxed) * page_size(); }

 private:
  static constexpr uint64_t kChunkPages = 1024;
  // `front` says where the frame's bytes begin and, in the low bits that their alignment leaves, how many
  // lines of them a search reads first. A hint for Prefetch alone: it may be that of the frame before.
  struct Link {
    std::atomic<Frame*> frame{nullptr};
    std::atomic<uintptr_t> front{0};
  };
  struct Chunk {
    std::array<Link, kChunkPages> links{};
  };
  static constexpr size_t kLineBytes = 64;
  static constexpr uintptr_t kFrontLinesMask = kBufferAlignment - 1;
  static constexpr size_t kFrontLinesMax = 12;  // more are faster left to the search
  // Followed in memory by `chunks` pointers to chunks.
  struct alignas(64) Directory {
    uint64_t chunks;
    std::atomic<Chunk*>* at(uint64_t index) {
      return reinterpret_cast<std::atomic<Chunk*>*>(this + 1) + index;
    }
  };
  struct Slab {
    std::byte* bytes;
    uint64_t frames;
    size_t alignment;
  };
  // Dirty frames on their way to the file, pinned.
  static constexpr uint64_t kBatchPages = 128;
  struct Batch {
    std::array<Frame*, kBatchPages> frames;
    size_t count = 0;
    size_t written = 0;  // the first `written` of them are in the file
  };

  // Where the page's frame is linked, if it is; null where the array has no place for it.
  const Link* LinkOf(format::PageId id) const {
    // Acquire: a directory, a chunk and a frame were filled before they were linked.
    Directory* directory = directory_.load(std::memory_order_acquire);
    const uint64_t index = id.raw() / kChunkPages;
    if (index >= directory->chunks) [[unlikely]]
      return nullptr;
    const Chunk* chunk = directory->at(index)->load(std::memory_order_acquire);
    if (chunk == nullptr) [[unlikely]]
      return nullptr;
    return &chunk->links[id.raw() % kChunkPages];
  }
  Frame* Find(format::PageId id) const {
    const Link* const link = LinkOf(id);
    if (link == nullptr) [[unlikely]]
      return nullptr;
    return link->frame.load(std::memory_order_acquire);
  }
  static uintptr_t FrontOf(const Frame& frame);
  Result<Frame*> FetchSlow(format::PageRef ref, const mvcc::EpochGuard& guard) EXCLUDES(mutex_);
  // `frame` holds the page that `ref` names by position: is it the one it names by birth?
  Result<Frame*> CheckBirth(Frame* frame, format::PageRef ref) const;

  // Where the array points to a frame that is linked.
  Link& LinkOf(const Frame* frame) REQUIRES(mutex_);
  // The place of the page in the array, made if it is not there. kNoMemory.
  Result<Link*> EnsureLinkLocked(format::PageId id) REQUIRES(mutex_);
  Status GrowDirectoryLocked(uint64_t chunks) REQUIRES(mutex_);

  // A private frame whose bytes nobody looks at; they are not cleared. Makes room by eviction.
  Result<Frame*> TakeFrame() EXCLUDES(mutex_);
  void GiveBack(Frame* frame) EXCLUDES(mutex_);
  void GiveBackLocked(Frame* frame) REQUIRES(mutex_);
  Status AddSlabLocked() REQUIRES(mutex_);
  // Retired frames that nobody looks at any more become free.
  void HarvestLocked() REQUIRES(mutex_);
  void EvictLocked(uint64_t wanted) REQUIRES(mutex_);
  // Takes a frame that was just unlinked out of the books. Before the caller lets go of the lock,
  // TagRetiredLocked.
  void RetireLocked(Frame* frame) REQUIRES(mutex_);
  void DropLocked(uint64_t begin, uint64_t end) REQUIRES(mutex_);
  void TagRetiredLocked() REQUIRES(mutex_);

  // Links a private frame for a page read from the file; if another thread was faster, that one's frame.
  Result<Frame*> LinkRead(Frame* frame) EXCLUDES(mutex_);
  Result<Frame*> LinkCreated(Frame* frame) EXCLUDES(mutex_);

  // Pins the dirty frames among the first of `pages`; returns how many pages it looked at.
  size_t Collect(std::span<const format::PageId> pages, Batch& batch) EXCLUDES(mutex_);
  Status WriteBatch(Batch& batch, uint64_t& bytes_written);
  void Settle(const Batch& batch) EXCLUDES(mutex_);

  inline static Directory empty_directory_{};  // of every cache that has no page yet

  // Constant after construction.
  DataFile& file_;
  mvcc::ReaderSlots& slots_;
  const uint64_t frame_bytes_;  // memory of one page: page_size, rounded up to what the storage wants

  std::atomic<uint64_t> frames_{0};  // linked, private and retired; written under mutex_, read by anyone
  std::atomic<uint64_t> dirty_frames_{0};  // linked and not kClean; the same
  std::atomic<Directory*> directory_{&empty_directory_};

  mutable base::Mutex mutex_{base::LockRank::kPageCache};
  // Frames that age in retirement, to be there when the next page is read.
  uint64_t frames_ahead_ GUARDED_BY(mutex_);
  // Linked and private ones beyond this make the clock turn.
  uint64_t frames_max_ GUARDED_BY(mutex_);
  Figures figures_ GUARDED_BY(mutex_);
  std::vector<Directory*> directories_
      GUARDED_BY(mutex_);                            // all there ever were: readers may hold an old one
  std::deque<Frame> all_frames_ GUARDED_BY(mutex_);  // never shrinks; frames stay where they are
  std::vector<Slab> slabs_ GUARDED_BY(mutex_);
  std::vector<Frame*> free_ GUARDED_BY(mutex_);
  std::deque<Frame*> retired_ GUARDED_BY(mutex_);     // ascending by tag, but for pinned ones put back
  uint64_t retired_untagged_ GUARDED_BY(mutex_) = 0;  // the last so many of them
  uint64_t takes_to_harvest_ GUARDED_BY(mutex_) = 0;  // frames to be taken until retired_ is looked through
  size_t clock_hand_ GUARDED_BY(mutex_) = 0;          // index into all_frames_
};

}  // namespace manifolddb::page
