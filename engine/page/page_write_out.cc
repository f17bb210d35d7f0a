// From dirty frames to the file, and what a sync makes of them.
//
// (1) The frames being written are pinned, so their bytes stay as they are without the lock, whatever
//     becomes of their place in the array meanwhile.
// (2) Only a frame that is still linked moves from dirty to written, and from written to clean.
// (3) The checksum is set here and nowhere else, and the gap between slots and cells is cleared: in memory it
//     may hold what the frame held before, of anybody's. Readers look at neither, and who copies a page that
//     is frozen copies neither (PageCache::CreateCopy, TreeEdit::ImageOf).

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "engine/base/assert.h"
#include "engine/base/le.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/page/page_cache.h"

namespace manifolddb::page {
namespace {

using format::PageId;

constexpr uint64_t kWriteBytesMax = uint64_t{1} << 20;
constexpr size_t kPagesPerLock = 128;  // readers that miss a page wait for no more than this

}  // namespace

Status PageCache::WriteOut(std::span<const PageId> pages, uint64_t& bytes_written) {
  MANIFOLDDB_ASSERT(std::adjacent_find(pages.begin(), pages.end(), std::greater_equal<>()) == pages.end());
  base::AssertNoLocksHeld();
  while (!pages.empty()) {
    Batch batch;
    pages = pages.subspan(Collect(pages, batch));
    const Status written = WriteBatch(batch, bytes_written);
    Settle(batch);
    MANIFOLDDB_TRY(written);
  }
  return {};
}

size_t PageCache::Collect(std::span<const PageId> pages, Batch& batch) {
  const uint64_t frames_max = std::clamp<uint64_t>(kWriteBytesMax / page_size(), 1, kBatchPages);
  base::MutexLock lock(mutex_);
  size_t looked_at = 0;
  for (; looked_at < pages.size() && looked_at < kPagesPerLock && batch.count < frames_max; ++looked_at) {
    Frame* frame = Find(pages[looked_at]);
    if (frame == nullptr || frame->state.load(std::memory_order_relaxed) != FrameState::kDirty) continue;
    frame->pins.fetch_add(1, std::memory_order_relaxed);
    batch.frames[batch.count++] = frame;
  }
  return looked_at;
}

Status PageCache::WriteBatch(Batch& batch, uint64_t& bytes_written) {
  std::array<ByteView, kBatchPages> parts;
  while (batch.written < batch.count) {
    const PageId first = batch.frames[batch.written]->ref.id;
    size_t run = 0;
    while (batch.written + run < batch.count) {
      Frame* frame = batch.frames[batch.written + run];
      if (frame->ref.id.raw() != first.raw() + run) break;
      const ByteView bytes(frame->bytes, page_size());
      const format::NodeGap gap =
          format::GapOf(*reinterpret_cast<const format::NodeHeader*>(frame->bytes), page_size());
      std::memset(frame->bytes + gap.begin, 0, gap.end - gap.begin);
      base::StoreLe<uint64_t>(frame->bytes, format::PageChecksum(bytes));
      parts[run++] = bytes;
    }
    MANIFOLDDB_ASSERT(run > 0);
    if (!MANIFOLDDB_BROKEN("page.write_out.skip")) {
      MANIFOLDDB_TRY(file_.file().Write(file_.OffsetOf(first), std::span<const ByteView>(parts.data(), run)));
    }
    batch.written += run;
    bytes_written += uint64_t{run} * page_size();
  }
  // While the next ones get their checksums and are copied, the device has something to do: at the sync there
  // would be all of it left (docs/design/007).
  if (batch.count * page_size() >= kWriteBackBytesMin) {
    const uint64_t begin = file_.OffsetOf(batch.frames[0]->ref.id);
    const uint64_t end = file_.OffsetOf(batch.frames[batch.count - 1]->ref.id) + page_size();
    file_.file().StartWriteBack(begin, end - begin);
  }
  return {};
}

void PageCache::Settle(const Batch& batch) {
  base::MutexLock lock(mutex_);
  figures_.written += batch.written;
  for (size_t i = 0; i < batch.count; ++i) {
    Frame* frame = batch.frames[i];
    if (i < batch.written && frame->place == Frame::Place::kLinked) {
      MANIFOLDDB_ASSERT(frame->state.load(std::memory_order_relaxed) == FrameState::kDirty);
      frame->state.store(FrameState::kWritten, std::memory_order_relaxed);
      LinkOf(frame).front.store(FrontOf(*frame), std::memory_order_relaxed);  // it had no cells, or others
    }
    frame->pins.fetch_sub(1, std::memory_order_release);
  }
}

void PageCache::MarkClean(std::span<const PageId> pages) {
  while (!pages.empty()) {
    const size_t now = std::min(pages.size(), kPagesPerLock);
    base::MutexLock lock(mutex_);
    for (const PageId id : pages.first(now)) {
      Frame* frame = Find(id);
      if (frame == nullptr || frame->state.load(std::memory_order_relaxed) != FrameState::kWritten) continue;
      frame->state.store(FrameState::kClean, std::memory_order_relaxed);
      dirty_frames_.fetch_sub(1, std::memory_order_relaxed);
    }
    pages = pages.subspan(now);
  }
}

void PageCache::Freeze(std::span<const PageId> pages) {
  while (!pages.empty()) {
    const size_t now = std::min(pages.size(), kPagesPerLock);
    base::MutexLock lock(mutex_);
    for (const PageId id : pages.first(now)) {
      Frame* frame = Find(id);
      MANIFOLDDB_ASSERT(frame != nullptr || MANIFOLDDB_BROKEN("page.cache.evict_dirty"));
      if (frame != nullptr) frame->writer = 0;
    }
    pages = pages.subspan(now);
  }
}

}  // namespace manifolddb::page
