// Moving through one version of a tree.
//
// (1) settled(): leaf_ is pinned, slot_ is in [begin_slot_, end_slot_), key_ holds the key of slot_, and
//     path_ leads to the leaf.
// (2) Otherwise no slot is between begin_slot_ and end_slot_, so that the inline steps never touch a leaf.
// (3) begin_slot_ and end_slot_ leave out what the bounds exclude: no key is compared with a bound while
//     the cursor moves within a leaf.
// (4) key_ changes only when the cursor settles, so an error on the way does not lose the place; and in
//     Restore, which takes another place before it looks for it: an error leaves the cursor at the new one.

#include "engine/btree/tree_cursor.h"

#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {

using format::PageRef;
using page::Frame;

TreeCursor::TreeCursor(page::PageCache& cache, PageRef root, std::optional<ByteView> lower,
                       std::optional<ByteView> upper)
    : cache_(&cache), root_(root), has_lower_(lower.has_value()), has_upper_(upper.has_value()) {
  const ByteView low = lower.value_or(ByteView());
  const ByteView high = upper.value_or(ByteView());
  if (!bounds_.Reserve(low.size() + high.size())) {
    bounds_lost_ = true;
    return;
  }
  bounds_.AppendReserved(low);
  bounds_.AppendReserved(high);
  lower_bytes_ = low.size();
}

// ---- The moves --------------------------------------------------------------------------------------------

Result<bool> TreeCursor::First(const mvcc::EpochGuard& guard) {
  MANIFOLDDB_TRY(EnsureMemory());
  if (has_lower_) return Seek(lower(), guard);
  Unsettle();
  if (root_.null()) return Beyond(Place::kAfterLast);
  depth_ = 0;
  MANIFOLDDB_TRY(DescendEdge(root_, kAnyLevel, Edge::kFirst, guard));
  return SettleForward(0, guard);
}

Result<bool> TreeCursor::Last(const mvcc::EpochGuard& guard) {
  MANIFOLDDB_TRY(EnsureMemory());
  Unsettle();
  if (root_.null()) return Beyond(Place::kBeforeFirst);
  if (has_upper_) {
    MANIFOLDDB_TRY(DescendTo(upper(), guard));
  } else {
    depth_ = 0;
    MANIFOLDDB_TRY(DescendEdge(root_, kAnyLevel, Edge::kLast, guard));
  }
  return SettleBackward(NodeView(leaf_bytes_).cells(), guard);
}

Result<bool> TreeCursor::Seek(ByteView key, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_TRY(EnsureMemory());
  Unsettle();
  if (root_.null()) return Beyond(Place::kAfterLast);
  const ByteView from = BelowLower(key) ? lower() : key;
  MANIFOLDDB_TRY(DescendTo(from, guard));
  return SettleForward(NodeView(leaf_bytes_).Find(from).index, guard);
}

Result<bool> TreeCursor::SeekForPrev(ByteView key, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_TRY(EnsureMemory());
  if (FromUpper(key)) return Last(guard);
  Unsettle();
  if (root_.null()) return Beyond(Place::kBeforeFirst);
  MANIFOLDDB_TRY(DescendTo(key, guard));
  const NodeView::Position at = NodeView(leaf_bytes_).Find(key);
  return SettleBackward(at.equal ? at.index + 1 : at.index, guard);
}

Result<bool> TreeCursor::NextSlow(const mvcc::EpochGuard& guard) {
  if (place_ == Place::kBeforeFirst) return First(guard);
  if (place_ == Place::kAfterLast) return false;
  if (settled()) {
    // The last slot of the leaf within the bounds.
    Unsettle();
    return SettleForward(slot_ + 1, guard);
  }
  if (root_.null()) return Beyond(Place::kAfterLast);
  MANIFOLDDB_TRY(DescendTo(key(), guard));
  const NodeView::Position at = NodeView(leaf_bytes_).Find(key());
  return SettleForward(at.equal ? at.index + 1 : at.index, guard);
}

Result<bool> TreeCursor::PrevSlow(const mvcc::EpochGuard& guard) {
  if (place_ == Place::kAfterLast) return Last(guard);
  if (place_ == Place::kBeforeFirst) return false;
  if (settled()) {
    Unsettle();
    return SettleBackward(slot_, guard);
  }
  if (root_.null()) return Beyond(Place::kBeforeFirst);
  MANIFOLDDB_TRY(DescendTo(key(), guard));
  return SettleBackward(NodeView(leaf_bytes_).Find(key()).index, guard);
}

void TreeCursor::Rebase(PageRef root) {
  root_ = root;
  Unsettle();
  leaf_ = page::FramePin();
  leaf_bytes_ = nullptr;
}

Result<bool> TreeCursor::Refresh(const mvcc::EpochGuard& guard) {
  MANIFOLDDB_ASSERT(valid());
  if (settled()) return true;
  if (root_.null()) return false;
  MANIFOLDDB_TRY(DescendTo(key(), guard));
  const NodeView::Position at = NodeView(leaf_bytes_).Find(key());
  const Window window = WindowOfLeaf();
  if (!at.equal || at.index < window.begin || at.index >= window.end) return false;
  return SettleAt(at.index, window);
}

Result<bool> TreeCursor::Restore(ByteView key, const mvcc::EpochGuard& guard) {
  MANIFOLDDB_TRY(EnsureMemory());
  MANIFOLDDB_ASSERT(key.size() + KeyBlock::kBytes <= key_.size());
  if (BelowLower(key)) return Beyond(Place::kBeforeFirst);
  if (FromUpper(key)) return Beyond(Place::kAfterLast);
  CopyBytes(key_.data(), key);
  entry_.key = key_.data();
  entry_.key_bytes = key.size();
  place_ = Place::kAt;
  Unsettle();
  return Refresh(guard);
}

FoundValue TreeCursor::value() const {
  MANIFOLDDB_ASSERT(settled());
  const NodeView leaf(leaf_bytes_);
  FoundValue found;
  found.frame = leaf_.get();
  if (leaf.HasExtent(slot_)) {
    found.extent = leaf.Extent(slot_);
  } else {
    found.inline_bytes = leaf.StoredValue(slot_);
  }
  return found;
}

// ---- Leaves -----------------------------------------------------------------------------------------------

Status TreeCursor::EnsureMemory() {
  if (bounds_lost_) return Fail(Errc::kNoMemory, "btree.cursor", {.message = "for the bounds"});
  if (key_.size() > 0) return {};
  const size_t bytes = format::KeyBytesMax(cache_->page_size()) + KeyBlock::kBytes;
  MANIFOLDDB_ASSIGN(key_, base::Buffer::MakeScratch(bytes, "btree.cursor"));
  block_until_ = cache_->page_size() - kLeafLeadBytes - KeyBlock::kBytes;
  return {};
}

Status TreeCursor::DescendTo(ByteView key, const mvcc::EpochGuard& guard) {
  PageRef ref = root_;
  uint32_t level = kAnyLevel;
  for (depth_ = 0; depth_ <= path_.size(); ++depth_) {
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(*cache_, ref, level, guard));
    const NodeView node(frame->bytes);
    if (node.leaf()) {
      EnterLeaf(frame);
      return {};
    }
    if (depth_ == path_.size()) break;
    const uint32_t index = node.ChildIndex(key);
    path_[depth_] = {ref, index, node.cells(), node.level()};
    ref = node.Child(index);
    level = node.level() - 1;
  }
  return CorruptNode(cache_->file(), ref, "tree too deep");
}

Status TreeCursor::DescendEdge(PageRef ref, uint32_t level, Edge edge, const mvcc::EpochGuard& guard) {
  for (; depth_ <= path_.size(); ++depth_) {
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchAsked(*cache_, ref, level, guard));
    const NodeView node(frame->bytes);
    if (node.leaf()) {
      EnterLeaf(frame);
      return {};
    }
    if (depth_ == path_.size()) break;
    const uint32_t index = edge == Edge::kFirst ? 0 : node.cells() - 1;
    path_[depth_] = {ref, index, node.cells(), node.level()};
    ref = node.Child(index);
    level = node.level() - 1;
  }
  return CorruptNode(cache_->file(), ref, "tree too deep");
}

void TreeCursor::EnterLeaf(Frame* frame) {
  leaf_ = page::FramePin(frame);
  leaf_bytes_ = frame->bytes;
}

void TreeCursor::AskAhead(NodeView parent, uint32_t index, Edge edge, const mvcc::EpochGuard& guard) const {
  const bool forward = edge == Edge::kFirst;
  const uint32_t left = forward ? parent.cells() - 1 - index : index;
  const auto child = [&](uint32_t steps) { return parent.Child(forward ? index + steps : index - steps); };
  if (left >= 2) cache_->PrefetchHead(child(2).id);
  if (left < 1) return;
  const Frame* const next = cache_->Peek(child(1), guard);
  if (next == nullptr) return;
  const NodeView leaf(next->bytes);
  const uint32_t cells = leaf.cells();
  for (uint32_t i = 0; i < std::min(cells, kCellsAhead); ++i)
    __builtin_prefetch(leaf.cell(forward ? i : cells - 1 - i));
}

Result<bool> TreeCursor::Neighbour(Edge edge, const mvcc::EpochGuard& guard) {
  for (uint32_t depth = depth_; depth > 0; --depth) {
    Step& step = path_[depth - 1];
    if (edge == Edge::kFirst ? step.index + 1 >= step.cells : step.index == 0) continue;
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(*cache_, step.ref, step.level, guard));
    const NodeView node(frame->bytes);
    if (node.cells() != step.cells)
      return CorruptNode(cache_->file(), step.ref, "node changed under a cursor");
    edge == Edge::kFirst ? ++step.index : --step.index;
    depth_ = depth;
    if (step.level == 1) AskAhead(node, step.index, edge, guard);
    MANIFOLDDB_TRY(DescendEdge(node.Child(step.index), step.level - 1, edge, guard));
    return true;
  }
  return false;
}

Result<bool> TreeCursor::SettleForward(uint32_t slot, const mvcc::EpochGuard& guard) {
  for (;; slot = 0) {
    const Window window = WindowOfLeaf();
    slot = std::max(slot, window.begin);
    if (slot < window.end) return SettleAt(slot, window);
    if (window.end < window.cells) return Beyond(Place::kAfterLast);  // the bound is in this leaf
    MANIFOLDDB_ASSIGN(const bool moved, Neighbour(Edge::kFirst, guard));
    if (!moved) return Beyond(Place::kAfterLast);
  }
}

Result<bool> TreeCursor::SettleBackward(uint32_t slot_after, const mvcc::EpochGuard& guard) {
  for (;; slot_after = ~uint32_t{0}) {
    const Window window = WindowOfLeaf();
    slot_after = std::min(slot_after, window.end);
    if (slot_after > window.begin) return SettleAt(slot_after - 1, window);
    if (window.begin > 0) return Beyond(Place::kBeforeFirst);  // the bound is in this leaf
    MANIFOLDDB_ASSIGN(const bool moved, Neighbour(Edge::kLast, guard));
    if (!moved) return Beyond(Place::kBeforeFirst);
  }
}

TreeCursor::Window TreeCursor::WindowOfLeaf() const {
  const NodeView leaf(leaf_bytes_);
  Window window{0, leaf.cells(), leaf.cells()};
  if (has_lower_) window.begin = leaf.Find(lower()).index;
  if (has_upper_ && !MANIFOLDDB_BROKEN("btree.cursor.past_upper")) window.end = leaf.Find(upper()).index;
  return window;
}

bool TreeCursor::SettleAt(uint32_t slot, const Window& window) {
  MANIFOLDDB_ASSERT(window.begin <= slot && slot < window.end);
  const NodeView leaf(leaf_bytes_);
  const ByteView prefix = leaf.prefix();
  CopyBytes(key_.data(), prefix);
  prefix_bytes_ = prefix.size();
  block_ = KeyBlock(key_.data(), prefix_bytes_);
  entry_.key = key_.data();
  slots_ = leaf.slot(0);
  begin_slot_ = window.begin;
  end_slot_ = window.end;
  slot_ = slot;
  TakeEntry();
  place_ = Place::kAt;
  seek_again_ = false;
  return true;
}

bool TreeCursor::TakeLongRest(ByteView rest) {
  CopyBytes(key_.data() + prefix_bytes_, rest);
  return true;
}

bool TreeCursor::Beyond(Place place) {
  Unsettle();
  if (place_ == Place::kAt) {
    came_from_entry_ = true;
    last_key_bytes_ = entry_.key_bytes;
  }
  entry_.key = nullptr;
  place_ = place;
  seek_again_ = false;
  leaf_ = page::FramePin();
  leaf_bytes_ = nullptr;
  return false;
}

void TreeCursor::Unsettle() {
  begin_slot_ = ~uint32_t{0};
  end_slot_ = 0;
  entry_.value = nullptr;
  seek_again_ = place_ == Place::kAt;
}

}  // namespace manifolddb::btree
