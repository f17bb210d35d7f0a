// All leaves are at one depth, so all keys arrive there in the same round.

#include "engine/btree/tree_get_many.h"

#include <array>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;

std::optional<FoundValue> FindIn(Frame* frame, ByteView key) {
  const NodeView leaf(frame->bytes);
  const NodeView::Position at = leaf.Find(key);
  if (!at.equal) return std::nullopt;
  if (leaf.HasExtent(at.index)) return FoundValue{frame, {}, leaf.Extent(at.index)};
  return FoundValue{frame, leaf.StoredValue(at.index), {}};
}

}  // namespace

Status GetTogether(page::PageCache& cache, PageRef root, std::span<const ByteView> keys,
                   std::span<std::optional<FoundValue>> found, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_ASSERT(keys.size() <= kGetTogetherMax && found.size() == keys.size());
  for (std::optional<FoundValue>& each : found) each.reset();
  if (root.null() || keys.empty()) return {};
  std::array<PageRef, kGetTogetherMax> refs;
  std::array<Frame*, kGetTogetherMax> frames;
  refs.fill(root);
  uint32_t level = kAnyLevel;
  for (uint32_t depth = 0; depth <= format::kLevelMax; ++depth) {
    // First every node is asked for, then each is looked into.
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!refs[i].null()) cache.Prefetch(refs[i].id);
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      MANIFOLDDB_ASSIGN(frames[i], FetchAsked(cache, refs[i], level, guard));
    }
    level = NodeView(frames[0]->bytes).level();
    for (size_t i = 0; i < keys.size(); ++i) {
      if (level == 0) {
        found[i] = FindIn(frames[i], keys[i]);
      } else {
        const NodeView node(frames[i]->bytes);
        refs[i] = node.Child(node.ChildIndex(keys[i]));
      }
    }
    if (level == 0) return {};
    --level;
  }
  return CorruptNode(cache.file(), root, "tree too deep");
}

}  // namespace manifolddb::btree
