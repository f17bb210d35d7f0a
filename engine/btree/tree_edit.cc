// One change of one tree.
//
// (1) Nodes are changed from the leaf upwards; before a node is changed every node above it may be changed,
// too. (2) An insertion splits each level once at most: after it both halves fit (node_edit_test.cc proves
// it). (3) No node is ever empty; a branch that lost all but one child and fits nowhere may keep the one. (4)
// A removal never needs more room anywhere: what would not fit is left as it is. (5) A page is read from its
// image in scratch while it is built anew, never from itself.

#include "engine/btree/tree_edit.h"

#include <functional>

#include "engine/base/assert.h"
#include "engine/base/try.h"

namespace manifolddb::btree {
namespace {

using format::PageKind;
using format::PageRef;
using page::Frame;
using page::MutablePage;

// The same bytes in the page's image, if `bytes` lie in the page.
ByteView InImage(ByteView bytes, NodeView node, NodeView image, uint32_t page_bytes) {
  const std::less<const std::byte*> before;
  if (bytes.empty() || before(bytes.data(), node.page()) || !before(bytes.data(), node.page() + page_bytes)) {
    return bytes;
  }
  return {image.page() + (bytes.data() - node.page()), bytes.size()};
}

int CompareKeys(const KeyParts& a, const KeyParts& b) {
  const size_t shared = CommonBytes(a, b);
  if (shared == a.size() || shared == b.size()) return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
  const auto byte = [shared](const KeyParts& key) {
    return shared < key.prefix.size() ? key.prefix[shared] : key.rest[shared - key.prefix.size()];
  };
  return byte(a) < byte(b) ? -1 : 1;
}

// The separator parts the keys of two neighbours. Of branches the first key is no key.
bool InOrder(NodeView left, const KeyParts& separator, NodeView right) {
  const uint32_t last = left.cells() - 1;
  if (left.leaf())
    return CompareKeys(left.Key(last), separator) < 0 && CompareKeys(separator, right.Key(0)) <= 0;
  return (last == 0 || CompareKeys(left.Key(last), separator) < 0) &&
         (right.cells() == 1 || CompareKeys(separator, right.Key(1)) < 0);
}

// Whether `separator` has its place in the branch between the separators before and behind `index`.
bool FitsBetween(NodeView parent, const KeyParts& separator, uint32_t before, uint32_t behind) {
  return (before == 0 || CompareKeys(parent.Key(before), separator) < 0) &&
         (behind >= parent.cells() || CompareKeys(separator, parent.Key(behind)) < 0);
}

constexpr const char* kOutOfPlace = "a child's keys are not between its separators";

CellSequence CellsWith(NodeView node, uint32_t index, TreeEdit::Mode mode, const CellParts& cell) {
  CellSequence cells(node.leaf());
  cells.AddNode(node, 0, index);
  cells.AddCell(cell);
  cells.AddNode(node, index + (mode == TreeEdit::Mode::kReplace ? 1 : 0), node.cells());
  return cells;
}

}  // namespace

std::unexpected<Error> CorruptNode(page::DataFile& file, PageRef ref, const char* what) {
  return file.Corrupt("btree.descend", ref.id, what);
}

// ---- Going down -------------------------------------------------------------------------------------------

Status TreeEdit::DescendForEdit(ByteView key) {
  PageRef ref = root_.root;
  uint32_t level = kAnyLevel;
  for (uint32_t depth = 0; depth < path_.size(); ++depth) {
    if (ref.null()) return CorruptNode(pages_.file(), ref, "null reference");
    if (level == 0) pages_.Prefetch(ref.id);
    MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Edit(ref, guard_));
    const NodeView node(page.bytes);
    if (!LevelFits(node, level)) return CorruptNode(pages_.file(), ref, "node of the wrong level");
    if (page.ref != ref) {
      if (depth == 0) {
        root_.root = page.ref;
      } else if (!MANIFOLDDB_BROKEN("btree.edit.keep_old_child")) {
        SetChild(Bytes(path_[depth - 1]), path_[depth - 1].index, page.ref);
      }
    }
    SetStep(depth, page.ref, page.bytes);
    if (node.leaf()) {
      depth_ = depth;
      return {};
    }
    path_[depth].index = node.ChildIndex(key);
    ref = node.Child(path_[depth].index);
    level = node.level() - 1;
  }
  return CorruptNode(pages_.file(), ref, "tree too deep");
}

Status TreeEdit::DescendForRead(ByteView key) {
  PageRef ref = root_.root;
  uint32_t level = kAnyLevel;
  for (uint32_t depth = 0; depth < path_.size(); ++depth) {
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, ref, level, guard_));
    const NodeView node(frame->bytes);
    SetStep(depth, ref, frame->bytes);
    if (node.leaf()) {
      depth_ = depth;
      return {};
    }
    path_[depth].index = node.ChildIndex(key);
    ref = node.Child(path_[depth].index);
    level = node.level() - 1;
  }
  return CorruptNode(pages_.file(), ref, "tree too deep");
}

Status TreeEdit::MakeEditable() {
  for (uint32_t depth = 0; depth <= depth_; ++depth) {
    const uint32_t index = path_[depth].index;
    MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Edit(path_[depth].ref(), guard_));
    if (page.ref == path_[depth].ref()) continue;
    SetStep(depth, page.ref, page.bytes);
    path_[depth].index = index;
    if (depth == 0) {
      root_.root = page.ref;
    } else {
      SetChild(Bytes(path_[depth - 1]), path_[depth - 1].index, page.ref);
    }
  }
  return {};
}

bool TreeEdit::leaf_is_last() const {
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (path_[depth].index + 1 != NodeView(path_[depth].bytes).cells()) return false;
  }
  return true;
}

// ---- Scratch ----------------------------------------------------------------------------------------------

Status TreeEdit::EnsureScratch() {
  if (scratch_ != nullptr) return {};
  const size_t bytes = 2 * (size_t{page_bytes_} + format::KeyBytesMax(page_bytes_));
  MANIFOLDDB_ASSIGN(scratch_, pages_.Scratch(bytes, "btree.edit"));
  return {};
}

NodeView TreeEdit::ImageOf(uint32_t which, NodeView node) {
  MANIFOLDDB_ASSERT(scratch_ != nullptr && which < 2);
  std::byte* image = scratch_ + size_t{which} * page_bytes_;
  // Of a page that is published already a checkpoint may be setting the checksum and clearing the gap.
  constexpr size_t kChecksumBytes = sizeof(format::NodeHeader::checksum);
  const format::NodeGap gap =
      format::GapOf(*reinterpret_cast<const format::NodeHeader*>(node.page()), page_bytes_);
  std::memcpy(image + kChecksumBytes, node.page() + kChecksumBytes, gap.begin - kChecksumBytes);
  std::memcpy(image + gap.end, node.page() + gap.end, page_bytes_ - gap.end);
  return NodeView(image);
}

std::byte* TreeEdit::KeyScratch(uint32_t which) {
  MANIFOLDDB_ASSERT(scratch_ != nullptr && which < 2);
  return scratch_ + 2 * size_t{page_bytes_} + size_t{which} * format::KeyBytesMax(page_bytes_);
}

// ---- Growing ----------------------------------------------------------------------------------------------

Status TreeEdit::PlantRoot(const CellParts& cell) {
  MANIFOLDDB_ASSERT(root_.root.null());
  MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Create(PageKind::kLeaf, 0));
  CellSequence cells(true);
  cells.AddCell(cell);
  Build(Bytes(page), cells, 0, 1);
  root_.root = page.ref;
  return {};
}

Status TreeEdit::PutCell(uint32_t index, Mode mode, const CellParts& leaf_cell) {
  CellParts cell = leaf_cell;
  std::optional<BranchLead> lead;  // of the cell, above the leaf
  for (uint32_t depth = depth_;; --depth) {
    const Step& step = path_[depth];
    if (mode == Mode::kInsert && InsertCell(Bytes(step), index, cell)) return {};
    const uint32_t replaced = mode == Mode::kReplace ? index : kNoIndex;
    if (UsedBytesWith(NodeView(step.bytes), page_bytes_, cell, replaced) <= page_bytes_) {
      return Rebuild(Bytes(step), index, mode, cell);
    }
    MutablePage right;
    ByteView separator;
    MANIFOLDDB_TRY(Split(step, index, mode, cell, right, separator));
    if (depth == depth_) split_off_ = right.ref;
    if (depth == 0) return GrowRoot(separator, right.ref);
    lead.emplace(right.ref);
    cell = lead->Parts(separator);
    index = path_[depth - 1].index + 1;
    mode = Mode::kInsert;
    if (!FitsBetween(NodeView(path_[depth - 1].bytes), cell.key, index - 1, index)) {
      return CorruptNode(pages_.file(), path_[depth - 1].ref(), kOutOfPlace);
    }
  }
}

Status TreeEdit::Rebuild(MutableByteView page, uint32_t index, Mode mode, const CellParts& cell) {
  MANIFOLDDB_MARK("btree.node.rebuild");
  MANIFOLDDB_TRY(EnsureScratch());
  const NodeView node(page.data());
  const NodeView image = ImageOf(0, node);
  CellParts safe = cell;
  safe.key.rest = InImage(cell.key.rest, node, image, page_bytes_);
  safe.tail = InImage(cell.tail, node, image, page_bytes_);
  const CellSequence cells = CellsWith(image, index, mode, safe);
  Build(page, cells, 0, cells.size());
  return {};
}

Status TreeEdit::Split(const Step& step, uint32_t index, Mode mode, const CellParts& cell, MutablePage& right,
                       ByteView& separator) {
  MANIFOLDDB_TRY(EnsureScratch());
  const NodeView node(step.bytes);
  const CellSequence cells = CellsWith(node, index, mode, cell);
  const uint32_t at = ChooseSplit(cells, mode == Mode::kInsert ? index : kNoIndex);
  MANIFOLDDB_ASSIGN(right, pages_.Create(node.leaf() ? PageKind::kLeaf : PageKind::kBranch,
                                         static_cast<uint8_t>(node.level())));
  // The key before it stays where it is: it is the separator of the level below, and part of `cells`.
  std::byte* key = KeyScratch(next_key_scratch_);
  next_key_scratch_ = 1 - next_key_scratch_;
  const bool too_low = at > 1 && MANIFOLDDB_BROKEN("btree.split.wrong_separator");
  const KeyParts parts = SplitSeparator(cells, too_low ? at - 1 : at);
  parts.CopyTo(key);
  separator = {key, parts.size()};
  const bool lose_last = cells.size() - at > 1 && MANIFOLDDB_BROKEN("btree.split.lose_last");
  // What a key by itself shares with its neighbour here it mostly shares with those to come.
  const size_t shared = CommonBytes(cells.At(at - 1).key, cells.At(at).key);
  Build(Bytes(right), cells, at, cells.size() - (lose_last ? 1 : 0), shared);

  if (mode == Mode::kInsert && index >= at && node.cells() - at < 2) {
    // An ascending load: the left node is as good as new.
    RemoveCells(Bytes(step), at, node.cells() - at);
    return {};
  }
  const NodeView image = ImageOf(0, node);
  CellParts safe = cell;
  safe.key.rest = InImage(cell.key.rest, node, image, page_bytes_);
  safe.tail = InImage(cell.tail, node, image, page_bytes_);
  Build(Bytes(step), CellsWith(image, index, mode, safe), 0, at, shared);
  return {};
}

Status TreeEdit::GrowRoot(ByteView separator, PageRef right) {
  const uint32_t level = NodeView(path_[0].bytes).level() + 1;
  if (level > format::kLevelMax) {
    return Fail(Errc::kLimit, "btree.grow", {.file = pages_.file().name(), .message = "too many levels"});
  }
  MANIFOLDDB_ASSIGN(const MutablePage page, pages_.Create(PageKind::kBranch, static_cast<uint8_t>(level)));
  const BranchLead first(root_.root);
  const BranchLead second(right);
  CellSequence cells(false);
  cells.AddCell(first.Parts({}));
  cells.AddCell(second.Parts(separator));
  Build(Bytes(page), cells, 0, 2);
  root_.root = page.ref;
  return {};
}

// ---- Shrinking --------------------------------------------------------------------------------------------

bool TreeEdit::Underfull(NodeView node) const {
  return UsedBytes(node, page_bytes_) - kNodeHeaderBytes < (page_bytes_ - kNodeHeaderBytes) / 4;
}

Status TreeEdit::Shrink() {
  for (uint32_t depth = depth_;; --depth) {
    const Step& step = path_[depth];
    const bool empty = NodeView(step.bytes).cells() == 0;
    if (empty) MANIFOLDDB_TRY(pages_.Remove(step.ref()));
    if (depth == 0) {
      if (!empty) return CollapseRoot();
      root_.root = {};
      return {};
    }
    const Step& parent = path_[depth - 1];
    if (empty) {
      MANIFOLDDB_MARK("btree.node.emptied");
      RemoveCells(Bytes(parent), parent.index, 1);
    } else {
      MANIFOLDDB_ASSIGN(const bool merged, Rebalance(parent.page(), parent.index));
      if (!merged) return {};
    }
  }
}

Status TreeEdit::CollapseRoot() {
  for (uint32_t levels = 0; levels <= format::kLevelMax; ++levels) {
    MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, root_.root, kAnyLevel, guard_));
    const NodeView node(frame->bytes);
    if (node.leaf() || node.cells() > 1) return {};
    MANIFOLDDB_MARK("btree.root.collapsed");
    const PageRef old_root = root_.root;
    root_.root = node.Child(0);
    MANIFOLDDB_TRY(pages_.Remove(old_root));
  }
  return CorruptNode(pages_.file(), root_.root, "tree too deep");
}

CellSequence TreeEdit::Pair::Cells(NodeView parent) const {
  CellSequence cells(left_node.leaf());
  cells.AddNode(left_node, 0, left_node.cells());
  cells.AddNode(right_node, 0, right_node.cells(), parent.Key(left_index + 1));
  return cells;
}

Result<TreeEdit::Pair> TreeEdit::FetchPair(NodeView parent, uint32_t left_index) {
  Pair pair{left_index, parent.Child(left_index), parent.Child(left_index + 1), {}, {}};
  MANIFOLDDB_ASSIGN(Frame* const left, FetchNode(pages_, pair.left, parent.level() - 1, guard_));
  MANIFOLDDB_ASSIGN(Frame* const right, FetchNode(pages_, pair.right, parent.level() - 1, guard_));
  pair.left_node = NodeView(left->bytes);
  pair.right_node = NodeView(right->bytes);
  // Each node by itself was found to be in order when it was read; that they are so side by side is for the
  // first one who puts their cells together.
  if (!InOrder(pair.left_node, parent.Key(left_index + 1), pair.right_node)) {
    return CorruptNode(pages_.file(), pair.right, "keys on the wrong side of the separator");
  }
  return pair;
}

Result<bool> TreeEdit::Rebalance(const MutablePage& parent, uint32_t index) {
  const NodeView node(parent.bytes);
  MANIFOLDDB_ASSERT(node.branch() && index < node.cells());
  MANIFOLDDB_ASSIGN(Frame* const child, FetchNode(pages_, node.Child(index), node.level() - 1, guard_));
  if (!Underfull(NodeView(child->bytes))) return false;
  std::optional<Pair> neighbours[2];
  if (index + 1 < node.cells()) {
    MANIFOLDDB_ASSIGN(neighbours[0], FetchPair(node, index));
    MANIFOLDDB_ASSIGN(const bool merged, Merge(parent, *neighbours[0], true));
    if (merged) return true;
  }
  if (index > 0) {
    MANIFOLDDB_ASSIGN(neighbours[1], FetchPair(node, index - 1));
    MANIFOLDDB_ASSIGN(const bool merged, Merge(parent, *neighbours[1], false));
    if (merged) return true;
  }
  for (const std::optional<Pair>& pair : neighbours) {
    if (!pair) continue;
    MANIFOLDDB_ASSIGN(const bool evened, Even(parent, *pair));
    if (evened) return false;
  }
  return false;
}

// All cells into the node that was changed anyhow; the other one goes.
Result<bool> TreeEdit::Merge(const MutablePage& parent, const Pair& pair, bool keep_left) {
  const NodeView parent_node(parent.bytes);
  const CellSequence cells = pair.Cells(parent_node);
  if (cells.NodeBytes(0, cells.size()) > page_bytes_) return false;
  MANIFOLDDB_MARK("btree.node.merged");
  MANIFOLDDB_TRY(EnsureScratch());
  MANIFOLDDB_ASSIGN(const MutablePage kept, pages_.Edit(keep_left ? pair.left : pair.right, guard_));
  Pair images = pair;
  NodeView& kept_node = keep_left ? images.left_node : images.right_node;
  kept_node = ImageOf(0, kept_node);
  Build(Bytes(kept), images.Cells(parent_node), 0, cells.size());
  RemoveCells(Bytes(parent), pair.left_index + 1, 1);
  SetChild(Bytes(parent), pair.left_index, kept.ref);
  if (!MANIFOLDDB_BROKEN("btree.merge.keep_page")) {
    MANIFOLDDB_TRY(pages_.Remove(keep_left ? pair.right : pair.left));
  }
  return true;
}

// Half of the bytes into each, if that leaves neither of them underfull and the new separator fits.
Result<bool> TreeEdit::Even(const MutablePage& parent, const Pair& pair) {
  const NodeView parent_node(parent.bytes);
  const CellSequence cells = pair.Cells(parent_node);
  if (cells.size() < (cells.leaf() ? 2u : 4u)) return false;
  const uint32_t at = ChooseSplit(cells, kNoIndex);
  const uint32_t left_bytes = cells.NodeBytes(0, at);
  const uint32_t right_bytes = cells.NodeBytes(at, cells.size());
  const uint32_t worth = kNodeHeaderBytes + (page_bytes_ - kNodeHeaderBytes) / 4;
  if (std::max(left_bytes, right_bytes) > page_bytes_ || std::min(left_bytes, right_bytes) < worth)
    return false;

  MANIFOLDDB_TRY(EnsureScratch());
  const KeyParts parts = SplitSeparator(cells, at);
  std::byte* key = KeyScratch(0);
  parts.CopyTo(key);
  const ByteView separator(key, parts.size());
  // A child may hold keys that its other separator should have kept out: they must not move up.
  if (!FitsBetween(parent_node, {{}, separator}, pair.left_index, pair.left_index + 2)) {
    return CorruptNode(pages_.file(), pair.left, kOutOfPlace);
  }
  const BranchLead as_now(pair.right);
  if (UsedBytesWith(parent_node, page_bytes_, as_now.Parts(separator), pair.left_index + 1) > page_bytes_) {
    MANIFOLDDB_MARK("btree.node.left_underfull");
    return false;
  }
  MANIFOLDDB_MARK("btree.node.evened");
  MANIFOLDDB_ASSIGN(const MutablePage left, pages_.Edit(pair.left, guard_));
  MANIFOLDDB_ASSIGN(const MutablePage right, pages_.Edit(pair.right, guard_));
  Pair images = pair;
  images.left_node = ImageOf(0, pair.left_node);
  images.right_node = ImageOf(1, pair.right_node);
  const CellSequence safe = images.Cells(parent_node);
  Build(Bytes(left), safe, 0, at);
  Build(Bytes(right), safe, at, safe.size());
  SetChild(Bytes(parent), pair.left_index, left.ref);
  const BranchLead lead(right.ref);
  MANIFOLDDB_TRY(Rebuild(Bytes(parent), pair.left_index + 1, Mode::kReplace, lead.Parts(separator)));
  return true;
}

}  // namespace manifolddb::btree
