// Frames: where they come from, how they are found, and where they go. Write-out is in page_write_out.cc.
//
// Invariants of page_cache.h, and:
// (5) A frame is free, private to one thread, linked, or retired. Only the holder of the lock moves it from
//     one place to another; the array points to linked frames and to no others.
// (6) frames_ counts all but the free ones, dirty_frames_ the linked ones that are not clean.
// (7) Frames are retired a little ahead of need (frames_ahead_): what is unlinked now can be reused only
//     after the thread that asks for a frame has left its epoch itself.
// Nothing here is proportional to the byte budget before pages have come to use it.

#include "engine/page/page_cache.h"

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) static_cast<void>(0)
#endif

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/page/page_text.h"

namespace manifolddb::page {
namespace {

using format::PageId;
using format::PageRef;

constexpr size_t kTableAlignment = 64;
constexpr uint64_t kDirectoryChunksMin = 64;

// Frames are allocated in slabs that double. Under AddressSanitizer what lies behind each page is poisoned,
// so that it sees an access beyond the page's end. The frames are the same, in the same order: what the cache
// does must not depend on the build, for a seed of crashsim is to find the same in all of them.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitizer = false;
#endif
constexpr uint64_t kGapBytes = kAddressSanitizer ? kBufferAlignment : 0;
constexpr uint64_t kSlabBytesMin = uint64_t{64} << 10;
constexpr uint64_t kSlabBytesMax = uint64_t{4} << 20;

// One call moves the clock's hand no further, so that the lock is not held for long; the next goes on from
// there.
constexpr uint64_t kClockStepsMax = 1024;
constexpr uint64_t kEvictMax = 64;
constexpr uint64_t kDroppedPerLock = 128;  // readers that miss a page wait for no more than this
// What was retired is looked through once in so many frames taken: often enough to reuse bytes that are still
// in the processor's cache, seldom enough for the scan of all readers not to count.
constexpr uint64_t kHarvestMax = 64;
constexpr uint64_t kHarvestStep = 16;

uint64_t FramesAhead(uint64_t budget) {
  return std::min(std::clamp<uint64_t>(budget / 32, 2, 64), budget / 2);
}
uint64_t FramesMax(uint64_t budget) { return std::max<uint64_t>(budget - FramesAhead(budget), 1); }

}  // namespace

PageCache::PageCache(DataFile& file, mvcc::ReaderSlots& slots, uint64_t bytes_max)
    : file_(file),
      slots_(slots),
      frame_bytes_(std::max<uint64_t>(file.page_size(), kBufferAlignment)),
      frames_ahead_(FramesAhead(bytes_max / file.page_size())),
      frames_max_(FramesMax(bytes_max / file.page_size())) {}

PageCache::~PageCache() {
  base::MutexLock lock(mutex_);
  for (const Frame& frame : all_frames_) {
    MANIFOLDDB_ASSERT(frame.pins.load(std::memory_order_acquire) == 0);
    MANIFOLDDB_ASSERT(frame.place != Frame::Place::kPrivate);
  }
  for (const Slab& slab : slabs_) {
    ASAN_UNPOISON_MEMORY_REGION(slab.bytes, slab.frames * (frame_bytes_ + kGapBytes));
    base::FreeBytes(slab.bytes, slab.alignment);
  }
  Directory* newest = directory_.load(std::memory_order_acquire);
  for (uint64_t i = 0; i < newest->chunks; ++i) {
    Chunk* chunk = newest->at(i)->load(std::memory_order_acquire);
    if (chunk != nullptr) base::FreeBytes(reinterpret_cast<std::byte*>(chunk), kTableAlignment);
  }
  for (Directory* directory : directories_) {
    base::FreeBytes(reinterpret_cast<std::byte*>(directory), kTableAlignment);
  }
}

// ---- Finding ----------------------------------------------------------------------------------------------

Result<Frame*> PageCache::FetchSlow(PageRef ref, const mvcc::EpochGuard&) {
  MANIFOLDDB_ASSERT(!ref.null());
  if (Frame* frame = Find(ref.id)) return CheckBirth(frame, ref);
  MANIFOLDDB_ASSIGN(Frame* const frame, TakeFrame());
  Status read = file_.ReadPage(ref, {frame->bytes, page_size()});
  if (!read) {
    GiveBack(frame);
    return std::unexpected<Error>(std::move(read).error());
  }
  frame->ref = ref;
  frame->writer = 0;
  MANIFOLDDB_ASSIGN(Frame* const linked, LinkRead(frame));
  return CheckBirth(linked, ref);
}

Result<Frame*> PageCache::CheckBirth(Frame* frame, PageRef ref) const {
  MANIFOLDDB_ASSERT(frame->ref.id == ref.id);
  if (frame->ref.birth == ref.birth) return frame;
  // Snapshots keep every page that a sound reference names, so this one comes from a damaged page.
  MANIFOLDDB_MARK("page.fetch.stale_reference");
  return file_.Corrupt("page.fetch", ref.id,
                       "stale reference: expected " + TextOf(ref) + ", but it is of birth " +
                           TextOf(frame->ref.birth) + " by now");
}

PageCache::Link& PageCache::LinkOf(const Frame* frame) {
  const uint64_t id = frame->ref.id.raw();
  Chunk* chunk =
      directory_.load(std::memory_order_relaxed)->at(id / kChunkPages)->load(std::memory_order_relaxed);
  Link& link = chunk->links[id % kChunkPages];
  MANIFOLDDB_ASSERT(link.frame.load(std::memory_order_relaxed) == frame);
  return link;
}

Result<PageCache::Link*> PageCache::EnsureLinkLocked(PageId id) {
  const uint64_t index = id.raw() / kChunkPages;
  if (index >= directory_.load(std::memory_order_relaxed)->chunks)
    MANIFOLDDB_TRY(GrowDirectoryLocked(index + 1));
  std::atomic<Chunk*>& link = *directory_.load(std::memory_order_relaxed)->at(index);
  Chunk* chunk = link.load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    std::byte* bytes = base::AllocateBytes(sizeof(Chunk), kTableAlignment);
    if (bytes == nullptr) return Fail(Errc::kNoMemory, "page.table", {.file = file_.name()});
    chunk = new (bytes) Chunk;
    link.store(chunk, std::memory_order_release);
  }
  return &chunk->links[id.raw() % kChunkPages];
}

Status PageCache::GrowDirectoryLocked(uint64_t chunks) {
  Directory* old = directory_.load(std::memory_order_relaxed);
  chunks = std::bit_ceil(std::max(chunks, kDirectoryChunksMin));
  std::byte* bytes =
      base::AllocateBytes(sizeof(Directory) + chunks * sizeof(std::atomic<Chunk*>), kTableAlignment);
  if (bytes == nullptr) return Fail(Errc::kNoMemory, "page.table", {.file = file_.name()});
  auto* grown = new (bytes) Directory{.chunks = chunks};
  for (uint64_t i = 0; i < chunks; ++i) {
    Chunk* chunk = i < old->chunks ? old->at(i)->load(std::memory_order_relaxed) : nullptr;
    new (grown->at(i)) std::atomic<Chunk*>(chunk);
  }
  // Readers go on in the old one; it lacks only chunks that hold nothing they may look for.
  directories_.push_back(grown);
  base::AtPublishing();
  directory_.store(grown, std::memory_order_release);
  return {};
}

uintptr_t PageCache::FrontOf(const Frame& frame) {
  const auto& header = *reinterpret_cast<const format::NodeHeader*>(frame.bytes);
  size_t lines = kFrontLinesMax;  // of a page that is still to be filled
  if (header.cells > 0) {
    const size_t bytes = sizeof(header) + header.prefix_bytes + header.cells * sizeof(format::Slot);
    lines = std::min((bytes + kLineBytes - 1) / kLineBytes, kFrontLinesMax);
  }
  return reinterpret_cast<uintptr_t>(frame.bytes) + lines;
}

Result<Frame*> PageCache::LinkRead(Frame* frame) {
  base::MutexLock lock(mutex_);
  const auto link = EnsureLinkLocked(frame->ref.id);
  if (!link) {
    GiveBackLocked(frame);
    return std::unexpected<Error>(link.error());
  }
  if (Frame* faster = (*link)->frame.load(std::memory_order_relaxed)) {
    GiveBackLocked(frame);
    return faster;
  }
  ++figures_.read;
  frame->used.store(false, std::memory_order_relaxed);
  frame->state.store(FrameState::kClean, std::memory_order_relaxed);
  frame->place = Frame::Place::kLinked;
  (*link)->front.store(FrontOf(*frame), std::memory_order_relaxed);
  base::AtPublishing();
  (*link)->frame.store(frame, std::memory_order_release);
  return frame;
}

// ---- Creating and forgetting ------------------------------------------------------------------------------

Result<Frame*> PageCache::Create(PageRef ref, uint64_t writer) {
  MANIFOLDDB_ASSIGN(Frame* const frame, TakeFrame());
  std::memset(frame->bytes, 0, page_size());
  frame->ref = ref;
  frame->writer = writer;
  return LinkCreated(frame);
}

Result<Frame*> PageCache::CreateCopy(PageRef ref, uint64_t writer, const Frame& from) {
  constexpr size_t kChecksumBytes = sizeof(format::NodeHeader::checksum);
  MANIFOLDDB_ASSIGN(Frame* const frame, TakeFrame());
  // The checksum of `from` may be being set at this moment, and its gap cleared. What the frame held there
  // before is cleared when the page is written.
  const format::NodeGap gap =
      format::GapOf(*reinterpret_cast<const format::NodeHeader*>(from.bytes), page_size());
  std::memset(frame->bytes, 0, kChecksumBytes);
  std::memcpy(frame->bytes + kChecksumBytes, from.bytes + kChecksumBytes, gap.begin - kChecksumBytes);
  std::memcpy(frame->bytes + gap.end, from.bytes + gap.end, page_size() - gap.end);
  frame->ref = ref;
  frame->writer = writer;
  return LinkCreated(frame);
}

Result<Frame*> PageCache::LinkCreated(Frame* frame) {
  MANIFOLDDB_ASSERT(!frame->ref.null() && frame->writer != 0);
  base::MutexLock lock(mutex_);
  const auto link = EnsureLinkLocked(frame->ref.id);
  if (!link) {
    GiveBackLocked(frame);
    return std::unexpected<Error>(link.error());
  }
  Frame* old = (*link)->frame.load(std::memory_order_relaxed);
  frame->used.store(true, std::memory_order_relaxed);
  frame->state.store(FrameState::kDirty, std::memory_order_relaxed);
  frame->place = Frame::Place::kLinked;
  dirty_frames_.fetch_add(1, std::memory_order_relaxed);
  (*link)->front.store(FrontOf(*frame), std::memory_order_relaxed);
  base::AtPublishing();
  (*link)->frame.store(frame, std::memory_order_release);
  if (old != nullptr) {
    RetireLocked(old);
    TagRetiredLocked();
  }
  return frame;
}

void PageCache::Drop(PageId first, uint64_t pages) {
  // Nobody asks for these pages any more, so none can appear: where there is no frame now there will be none.
  const uint64_t end = first.raw() + pages;
  uint64_t at = first.raw();
  while (at < end && Find(PageId{at}) == nullptr) ++at;
  if (at == end) return;
  base::MutexLock lock(mutex_);
  DropLocked(at, end);
  TagRetiredLocked();
}

void PageCache::Drop(std::span<const format::PageRun> runs) {
  while (!runs.empty()) {
    size_t now = 0;
    uint64_t pages = 0;
    while (now < runs.size() && pages + runs[now].pages <= kDroppedPerLock) pages += runs[now++].pages;
    if (now == 0) {
      // As long as only a large value is, which has no frames: seen without the lock.
      Drop(runs.front().first, runs.front().pages);
      now = 1;
    } else {
      base::MutexLock lock(mutex_);
      for (const format::PageRun& run : runs.first(now)) DropLocked(run.first.raw(), run.end());
      TagRetiredLocked();
    }
    runs = runs.subspan(now);
  }
}

void PageCache::DropLocked(uint64_t begin, uint64_t end) {
  for (uint64_t at = begin; at < end; ++at) {
    Frame* frame = Find(PageId{at});
    if (frame == nullptr) continue;
    base::AtPublishing();
    LinkOf(frame).frame.store(nullptr, std::memory_order_release);
    RetireLocked(frame);
  }
}

void PageCache::SetBytesMax(uint64_t bytes_max) {
  const uint64_t budget = bytes_max / file_.page_size();
  uint64_t steps = 0;
  {
    base::MutexLock lock(mutex_);
    frames_ahead_ = FramesAhead(budget);
    frames_max_ = FramesMax(budget);
    // The hand comes to each frame twice: what was used since has its chance first, then it goes.
    steps = 2 * all_frames_.size();
  }
  // Others come in between.
  for (; steps > 0; steps -= std::min(steps, kEvictMax)) {
    base::MutexLock lock(mutex_);
    const uint64_t live = frames_.load(std::memory_order_relaxed) - retired_.size();
    if (live <= frames_max_) return;
    EvictLocked(std::min(live - frames_max_, kEvictMax));
    HarvestLocked();
  }
}

// ---- Frames -----------------------------------------------------------------------------------------------

Result<Frame*> PageCache::TakeFrame() {
  base::MutexLock lock(mutex_);
  const uint64_t live = frames_.load(std::memory_order_relaxed) - retired_.size();
  if (live >= frames_max_) EvictLocked(std::min(live - frames_max_ + frames_ahead_ / 2 + 1, kEvictMax));
  // Frames that a pile behind a slow reader has left are no reason to keep more than the budget.
  const bool full = frames_.load(std::memory_order_relaxed) >= frames_max_ + frames_ahead_;
  if (free_.empty() || takes_to_harvest_ == 0 || full) HarvestLocked();
  if (takes_to_harvest_ > 0) --takes_to_harvest_;
  if (free_.empty()) MANIFOLDDB_TRY(AddSlabLocked());
  Frame* frame = free_.back();
  free_.pop_back();
  MANIFOLDDB_ASSERT(frame->place == Frame::Place::kFree);
  frame->place = Frame::Place::kPrivate;
  frames_.fetch_add(1, std::memory_order_relaxed);
  return frame;
}

void PageCache::GiveBack(Frame* frame) {
  base::MutexLock lock(mutex_);
  GiveBackLocked(frame);
}

void PageCache::GiveBackLocked(Frame* frame) {
  MANIFOLDDB_ASSERT(frame->place == Frame::Place::kPrivate);
  frame->place = Frame::Place::kFree;
  frames_.fetch_sub(1, std::memory_order_relaxed);
  free_.push_back(frame);
}

Status PageCache::AddSlabLocked() {
  const uint64_t frames_now = all_frames_.size();
  const uint64_t budget = frames_max_ + frames_ahead_;
  uint64_t frames = 1;
  if (frames_now < budget) {
    const uint64_t bytes = std::clamp(frames_now * frame_bytes_, kSlabBytesMin, kSlabBytesMax);
    frames = std::clamp<uint64_t>(bytes / frame_bytes_, 1, budget - frames_now);
  } else {
    MANIFOLDDB_MARK("page.cache.over_budget");
  }
  const uint64_t stride = frame_bytes_ + kGapBytes;
  size_t alignment = frames * stride < base::kHugePageBytes ? kBufferAlignment : base::kHugePageBytes;
  std::byte* bytes = base::AllocateBytes(frames * stride, alignment);
  if (bytes == nullptr && frames > 1) {
    frames = 1;
    alignment = kBufferAlignment;
    bytes = base::AllocateBytes(stride, alignment);
  }
  if (bytes == nullptr) {
    return Fail(Errc::kNoMemory, "page.frame",
                {.file = file_.name(), .message = std::to_string(frame_bytes_) + " bytes"});
  }
  if (alignment == base::kHugePageBytes) base::PreferHugePages(bytes, frames * stride);
  slabs_.push_back({bytes, frames, alignment});
  for (uint64_t i = 0; i < frames; ++i) {
    Frame& frame = all_frames_.emplace_back();
    frame.bytes = bytes + i * stride;
    ASAN_POISON_MEMORY_REGION(frame.bytes + page_size(), stride - page_size());
    free_.push_back(&frame);
  }
  return {};
}

void PageCache::HarvestLocked() {
  takes_to_harvest_ = std::clamp<uint64_t>(frames_ahead_, 1, kHarvestStep);
  if (retired_.empty()) return;
  const uint64_t safe = slots_.SafeEpoch();
  for (uint64_t looks = std::min<uint64_t>(retired_.size(), kHarvestMax); looks > 0; --looks) {
    Frame* frame = retired_.front();
    if (frame->retired_tag >= safe) break;
    retired_.pop_front();
    // Acquire: what the last one to unpin read is read before the bytes change.
    if (frame->pins.load(std::memory_order_acquire) != 0 && !MANIFOLDDB_BROKEN("page.cache.pins_ignored")) {
      MANIFOLDDB_MARK("page.cache.retired_pinned");
      retired_.push_back(frame);
      continue;
    }
    MANIFOLDDB_ASSERT(frame->place == Frame::Place::kRetired);
#if MANIFOLDDB_SLOW_CHECKS
    std::memset(frame->bytes, 0xDB, page_size());  // who still looks at it shall see it
#endif
    frame->place = Frame::Place::kFree;
    frames_.fetch_sub(1, std::memory_order_relaxed);
    free_.push_back(frame);
  }
}

void PageCache::EvictLocked(uint64_t wanted) {
  // Beyond the budget, as behind a slow reader, nobody has a second chance: where all frames are used between
  // two takes, the cache would never come back into it.
  const uint64_t live = frames_.load(std::memory_order_relaxed) - retired_.size();
  const bool over = live > frames_max_ + frames_ahead_;
  uint64_t evicted = 0;
  uint64_t steps = std::min<uint64_t>(2 * all_frames_.size(), kClockStepsMax);
  for (; steps > 0 && evicted < wanted; --steps) {
    Frame& frame = all_frames_[clock_hand_];
    clock_hand_ = clock_hand_ + 1 == all_frames_.size() ? 0 : clock_hand_ + 1;
    if (frame.place != Frame::Place::kLinked) continue;
    const bool clean = frame.state.load(std::memory_order_relaxed) == FrameState::kClean;
    if (!clean && !MANIFOLDDB_BROKEN("page.cache.evict_dirty")) continue;
    if (frame.pins.load(std::memory_order_relaxed) != 0) continue;
    if (!over && frame.used.load(std::memory_order_relaxed)) {
      frame.used.store(false, std::memory_order_relaxed);
      continue;
    }
    base::AtPublishing();
    LinkOf(&frame).frame.store(nullptr, std::memory_order_release);
    RetireLocked(&frame);
    ++evicted;
  }
  if (evicted == 0) return;
  figures_.evicted += evicted;
  MANIFOLDDB_MARK("page.cache.evicted");
  TagRetiredLocked();
}

void PageCache::RetireLocked(Frame* frame) {
  MANIFOLDDB_ASSERT(frame->place == Frame::Place::kLinked);
  if (frame->state.load(std::memory_order_relaxed) != FrameState::kClean) {
    dirty_frames_.fetch_sub(1, std::memory_order_relaxed);
  }
  frame->place = Frame::Place::kRetired;
  retired_.push_back(frame);
  ++retired_untagged_;
}

void PageCache::TagRetiredLocked() {
  // The tag is drawn after the frames were unlinked: who enters an epoch above it cannot find them.
  if (retired_untagged_ == 0) return;
  const uint64_t tag = slots_.RetireTag();
  for (auto frame = retired_.rbegin(); retired_untagged_ > 0; --retired_untagged_, ++frame) {
    (*frame)->retired_tag = tag;
  }
}

}  // namespace manifolddb::page
