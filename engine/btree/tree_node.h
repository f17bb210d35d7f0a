#pragma once
// Internal to btree: from a page reference to the node that belongs there.

#include <optional>

#include "engine/base/try.h"
#include "engine/btree/node_view.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/data_file.h"
#include "engine/page/page_cache.h"
#include "manifolddb/result.h"

namespace manifolddb::btree {

inline constexpr uint32_t kAnyLevel = ~uint32_t{0};  // of a root: whatever it says

// kCorrupt at the page's place in the file.
std::unexpected<Error> CorruptNode(page::DataFile& file, format::PageRef ref, const char* what);

// Levels fall by one from node to node, so that no chain of references, however wrong, is followed for ever.
// (That a leaf is of level 0, and nothing else is, was checked when the page was read.)
inline bool LevelFits(NodeView node, uint32_t level) { return level == kAnyLevel || node.level() == level; }

// The node that `ref` names, of `level`. `source`: a PageCache or a PageWriter. Of FetchAsked the caller has
// asked for the page's memory already.
template <class Source>
Result<page::Frame*> FetchAsked(Source& source, format::PageRef ref, uint32_t level,
                                const mvcc::EpochGuard& guard) {
  if (ref.null()) [[unlikely]]
    return CorruptNode(source.file(), ref, "null reference");
  Result<page::Frame*> frame = source.Fetch(ref, guard);
  if (frame && !LevelFits(NodeView((*frame)->bytes), level)) [[unlikely]] {
    return CorruptNode(source.file(), ref, "node of the wrong level");
  }
  return frame;
}
template <class Source>
Result<page::Frame*> FetchNode(Source& source, format::PageRef ref, uint32_t level,
                               const mvcc::EpochGuard& guard) {
  // The search of a leaf reads its header, then slots here and there, then a cell: each would wait for memory
  // by itself, and all of them for the frame. Asking for header and slots at once makes it two waits.
  if (level == 0 && !ref.null()) source.Prefetch(ref.id);
  return FetchAsked(source, ref, level, guard);
}

// A node that was found, kept beyond the epoch.
inline Result<page::FramePin> PinNode(page::PageCache& cache, format::PageRef ref, uint32_t level,
                                      mvcc::ReaderSlot* slot) {
  const mvcc::EpochGuard guard(slot);
  MANIFOLDDB_ASSIGN(page::Frame* const frame, FetchNode(cache, ref, level, guard));
  return page::FramePin(frame);
}

// Slots of a leaf, or children of a branch, that are in the range at least in part: [begin, end), or none.
struct Window {
  uint32_t begin;
  uint32_t end;
};
inline Window WindowOf(NodeView node, std::optional<ByteView> lower, std::optional<ByteView> upper) {
  Window window{0, node.cells()};
  if (node.leaf()) {
    if (lower) window.begin = node.Find(*lower).index;
    if (upper) window.end = node.Find(*upper).index;
  } else {
    if (lower) window.begin = node.ChildIndex(*lower);
    if (upper) window.end = node.ChildIndexBefore(*upper) + 1;
  }
  return window;
}

}  // namespace manifolddb::btree
