// Removing many keys at once: ranges and whole trees.
//
// (1) Of the nodes that a range covers wholly none is written: they are read, counted, and removed.
// (2) On each level at most two nodes are covered in part: where the range begins and where it ends.
// (3) A node is removed after everything below it. (Freeing a dropped tree goes the other way: what is left
//     of it is a list of subtrees.)
// (4) Between two nodes no epoch is entered; of the way down the branches are pinned, no leaf.

#include <string>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/btree/tree_edit.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;
using page::MutablePage;

Status RemoveExtents(page::PageWriter& pages, NodeView leaf, uint32_t begin, uint32_t end) {
  for (uint32_t index = begin; index < end; ++index) {
    if (leaf.HasExtent(index) && !MANIFOLDDB_BROKEN("btree.range.keep_extent")) {
      MANIFOLDDB_TRY(pages.RemoveExtent(leaf.Extent(index)));
    }
  }
  return {};
}

using Bound = std::optional<ByteView>;

class RangeCut {
 public:
  RangeCut(page::PageWriter& pages, format::TreeRoot& root, mvcc::ReaderSlot* slot)
      : pages_(pages), root_(root), slot_(slot) {}

  uint64_t removed() const { return removed_; }
  Status CollapseRoot() {
    const mvcc::EpochGuard guard(slot_);
    return TreeEdit(pages_, root_, guard).CollapseRoot();
  }

  // Cuts [lower, upper) out of the subtree; what stands for it now, null if nothing is left.
  Result<PageRef> Cut(PageRef ref, uint32_t level, Bound lower, Bound upper);
  // Removes the subtree and counts its entries.
  Status CutAll(PageRef ref, uint32_t level);

 private:
  // What becomes of the children of a branch: those of [inner_begin, inner_end) go; `first` and `last`, where
  // the range begins or ends within them, are cut.
  struct Plan {
    std::optional<uint32_t> first;
    std::optional<uint32_t> last;
    uint32_t inner_begin = 0;
    uint32_t inner_end = 0;
    PageRef first_after = {};
    PageRef last_after = {};
  };
  static Plan MakePlan(NodeView node, Bound lower, Bound upper);
  Result<PageRef> CutLeaf(PageRef ref, NodeView node, Bound lower, Bound upper,
                          const mvcc::EpochGuard& guard);
  Result<PageRef> Apply(PageRef ref, uint32_t cells, const Plan& plan);

  page::PageWriter& pages_;
  format::TreeRoot& root_;
  mvcc::ReaderSlot* const slot_;
  uint64_t removed_ = 0;
};

Result<PageRef> RangeCut::CutLeaf(PageRef ref, NodeView node, Bound lower, Bound upper,
                                  const mvcc::EpochGuard& guard) {
  const uint32_t begin = lower ? node.Find(*lower).index : 0;
  uint32_t end = upper ? node.Find(*upper).index : node.cells();
  if (begin < end && MANIFOLDDB_BROKEN("btree.range.miss_last")) --end;
  if (begin >= end) return ref;
  removed_ += end - begin;
  MANIFOLDDB_TRY(RemoveExtents(pages_, node, begin, end));
  if (end - begin == node.cells()) {
    MANIFOLDDB_TRY(pages_.Remove(ref));
    return PageRef{};
  }
  MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Edit(ref, guard));
  RemoveCells({page.bytes, pages_.page_size()}, begin, end - begin);
  return page.ref;
}

RangeCut::Plan RangeCut::MakePlan(NodeView node, Bound lower, Bound upper) {
  const uint32_t first = lower ? node.ChildIndex(*lower) : 0;
  const uint32_t last = upper ? node.ChildIndexBefore(*upper) : node.cells() - 1;
  MANIFOLDDB_ASSERT(first <= last);  // the bounds are in order, and so are separators
  Plan plan;
  if (lower) plan.first = first;
  if (upper && (!lower || last > first)) plan.last = last;
  plan.inner_begin = lower ? first + 1 : first;
  plan.inner_end = std::max(plan.inner_begin, upper ? last : last + 1);
  return plan;
}

Result<PageRef> RangeCut::Cut(PageRef ref, uint32_t level, Bound lower, Bound upper) {
  page::FramePin branch;
  {
    const mvcc::EpochGuard guard(slot_);
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, ref, level, guard));
    const NodeView found(frame->bytes);
    if (found.leaf()) return CutLeaf(ref, found, lower, upper, guard);
    branch = page::FramePin(frame);
  }
  const NodeView node(branch.get()->bytes);
  const uint64_t removed_before = removed_;
  const uint32_t below = node.level() - 1;
  Plan plan = MakePlan(node, lower, upper);
  if (plan.first) {
    const bool ends_there = upper && !plan.last;
    MANIFOLDDB_ASSIGN(plan.first_after,
                      Cut(node.Child(*plan.first), below, lower, ends_there ? upper : std::nullopt));
  }
  for (uint32_t index = plan.inner_begin; index < plan.inner_end; ++index) {
    MANIFOLDDB_TRY(CutAll(node.Child(index), below));
  }
  if (plan.last) {
    MANIFOLDDB_ASSIGN(plan.last_after, Cut(node.Child(*plan.last), below, std::nullopt, upper));
  }
  if (removed_ == removed_before) return ref;
  return Apply(ref, node.cells(), plan);
}

Result<PageRef> RangeCut::Apply(PageRef ref, uint32_t cells, const Plan& plan) {
  const bool first_gone = plan.first && plan.first_after.null();
  const bool last_gone = plan.last && plan.last_after.null();
  const uint32_t gone = plan.inner_end - plan.inner_begin + (first_gone ? 1 : 0) + (last_gone ? 1 : 0);
  if (gone == cells) {
    MANIFOLDDB_TRY(pages_.Remove(ref));
    return PageRef{};
  }
  const mvcc::EpochGuard guard(slot_);
  TreeEdit edit(pages_, root_, guard);
  MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Edit(ref, guard));
  const MutableByteView bytes(page.bytes, pages_.page_size());
  if (plan.first && !first_gone) SetChild(bytes, *plan.first, plan.first_after);
  if (plan.last && !last_gone) SetChild(bytes, *plan.last, plan.last_after);
  // What is gone lies side by side.
  RemoveCells(bytes, plan.inner_begin - (first_gone ? 1 : 0), gone);
  bool merged = false;
  if (plan.first && !first_gone) {
    MANIFOLDDB_ASSIGN(merged, edit.Rebalance(page, *plan.first));
  }
  if (plan.last && !last_gone) {
    const uint32_t gone_before = gone + (merged ? 1 : 0);
    MANIFOLDDB_TRY(edit.Rebalance(page, *plan.last - gone_before));
  }
  return page.ref;
}

Status RangeCut::CutAll(PageRef ref, uint32_t level) {
  page::FramePin branch;
  {
    const mvcc::EpochGuard guard(slot_);
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, ref, level, guard));
    const NodeView found(frame->bytes);
    if (found.leaf()) {
      removed_ += found.cells();
      MANIFOLDDB_TRY(RemoveExtents(pages_, found, 0, found.cells()));
      return pages_.Remove(ref);
    }
    branch = page::FramePin(frame);
  }
  MANIFOLDDB_MARK("btree.range.whole_subtree");
  const NodeView node(branch.get()->bytes);
  for (uint32_t index = 0; index < node.cells(); ++index) {
    MANIFOLDDB_TRY(CutAll(node.Child(index), node.level() - 1));
  }
  return pages_.Remove(ref);
}

// A node of a dropped tree.
struct Pending {
  PageRef ref;
  uint32_t level;
};

// Frees one node with its extents, all of it or nothing; its children are added to `pending`.
Status FreeNode(page::PageWriter& pages, const Pending& next, std::vector<Pending>& pending,
                mvcc::ReaderSlot* slot) {
  const mvcc::EpochGuard guard(slot);
  MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages, next.ref, next.level, guard));
  const NodeView node(frame->bytes);
  std::vector<page::RemovedRun> runs = {{{next.ref.id, 1}, next.ref.birth}};
  for (uint32_t index = 0; node.leaf() && index < node.cells(); ++index) {
    if (node.HasExtent(index) && !MANIFOLDDB_BROKEN("btree.range.keep_extent")) {
      runs.push_back(pages.RunOf(node.Extent(index)));
    }
  }
  std::vector<Pending> children;
  for (uint32_t index = 0; node.branch() && index < node.cells(); ++index) {
    children.push_back({node.Child(index), node.level() - 1});
  }
  MANIFOLDDB_TRY(pages.RemoveAll(runs));
  pending.insert(pending.end(), children.begin(), children.end());
  return {};
}

// The bounds may lie in pages that the cut changes.
struct OwnBounds {
  base::ByteBuffer bytes;
  Bound lower;
  Bound upper;

  Status Copy(Bound lower_from, Bound upper_from) {
    const size_t lower_bytes = lower_from ? lower_from->size() : 0;
    const size_t upper_bytes = upper_from ? upper_from->size() : 0;
    MANIFOLDDB_TRY(bytes.Reserve(lower_bytes + upper_bytes));
    if (lower_from) bytes.AppendReserved(*lower_from);
    if (upper_from) bytes.AppendReserved(*upper_from);
    if (lower_from) lower = bytes.view().first(lower_bytes);
    if (upper_from) upper = bytes.view().last(upper_bytes);
    return {};
  }
};

}  // namespace

Result<uint64_t> DeleteRange(page::PageWriter& pages, format::TreeRoot& root, std::optional<ByteView> lower,
                             std::optional<ByteView> upper, mvcc::ReaderSlot* slot) {
  if (root.root.null() || (lower && upper && Compare(*lower, *upper) >= 0)) return uint64_t{0};
  OwnBounds bounds;
  MANIFOLDDB_TRY(bounds.Copy(lower, upper));
  RangeCut cut(pages, root, slot);
  if (!lower && !upper) {
    MANIFOLDDB_TRY(cut.CutAll(root.root, kAnyLevel));
    root.root = {};
  } else {
    MANIFOLDDB_ASSIGN(root.root, cut.Cut(root.root, kAnyLevel, bounds.lower, bounds.upper));
    if (!root.root.null()) {
      MANIFOLDDB_TRY(cut.CollapseRoot());
    }
  }
  if (cut.removed() > root.entries || root.root.null() != (cut.removed() == root.entries)) {
    return CorruptNode(pages.file(), root.root, "another number of entries than counted");
  }
  root.entries -= cut.removed();
  return cut.removed();
}

Status FreeSubtree(page::PageWriter& pages, PageRef subtree, uint64_t pages_max,
                   std::vector<LeftSubtree>& rest, mvcc::ReaderSlot* slot) {
  std::vector<Pending> pending = {{subtree, kAnyLevel}};
  const uint64_t removed_before = pages.pages_removed();
  while (!pending.empty() && pages.pages_removed() - removed_before < pages_max) {
    const Pending next = pending.back();
    pending.pop_back();
    const Status freed = FreeNode(pages, next, pending, slot);
    if (freed) continue;
    if (freed.error().code() == Errc::kNoMemory) return freed;
    rest.push_back({next.ref, true});
  }
  for (const Pending& left : pending) rest.push_back({left.ref, false});
  return {};
}

}  // namespace manifolddb::btree
