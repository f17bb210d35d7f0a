#pragma once
// Internal to btree: one change of one tree, from the leaf where it happens up to the root.

#include <array>
#include <optional>

#include "engine/btree/node_edit.h"
#include "engine/btree/tree_node.h"
#include "engine/page/page_writer.h"

namespace manifolddb::btree {

class TreeEdit {
 public:
  TreeEdit(page::PageWriter& pages, format::TreeRoot& root, const mvcc::EpochGuard& guard)
      : pages_(pages), root_(root), guard_(guard), page_bytes_(pages.page_size()) {}

  // Goes down to the leaf where `key` belongs, making every node on the way one that may be changed.
  // REQUIRES: the tree is not empty.
  Status DescendForEdit(ByteView key);
  // Goes down without a change. Then MakeEditable does what DescendForEdit would have done.
  Status DescendForRead(ByteView key);
  Status MakeEditable();

  NodeView leaf() const { return NodeView(path_[depth_].bytes); }
  format::PageRef leaf_ref() const { return path_[depth_].ref(); }
  // Is it the tree's last leaf?
  bool leaf_is_last() const;
  MutableByteView leaf_bytes() { return Bytes(path_[depth_]); }

  // The first leaf of an empty tree.
  Status PlantRoot(const CellParts& cell);
  // Puts `cell` at `index` of the leaf, or in the place of slot `index`; splits what is full up to the root.
  // If the leaf was split, split_off() is its new right neighbour.
  enum class Mode : uint8_t { kInsert, kReplace };
  Status PutCell(uint32_t index, Mode mode, const CellParts& cell);
  format::PageRef split_off() const { return split_off_; }
  // After cells were removed from the leaf: removes what is empty, joins what is nearly empty, up to the
  // root.
  Status Shrink();

  // Child `index` of `parent`, a branch that may be changed, lost cells: if little is left in it, joins it
  // with a neighbour (true: the parent has one cell less) or evens the two out. Where neither fits it stays
  // as it is.
  Result<bool> Rebalance(const page::MutablePage& parent, uint32_t index);
  // A root with a single child gives way to it.
  Status CollapseRoot();

 private:
  // Left uninitialised until the descent fills it in.
  struct Step {
    uint64_t id;
    uint64_t birth;
    std::byte* bytes;
    uint32_t index;  // the child taken
    format::PageRef ref() const { return {format::PageId{id}, format::Birth{birth}}; }
    page::MutablePage page() const { return {ref(), bytes}; }
  };
  void SetStep(uint32_t depth, format::PageRef ref, std::byte* bytes) {
    path_[depth] = {ref.id.raw(), ref.birth.raw(), bytes, 0};
  }
  // Two neighbours under one parent, and all their cells in order.
  struct Pair {
    uint32_t left_index;
    format::PageRef left;
    format::PageRef right;
    NodeView left_node;
    NodeView right_node;
    CellSequence Cells(NodeView parent) const;
  };

  MutableByteView Bytes(const Step& step) const { return {step.bytes, page_bytes_}; }
  MutableByteView Bytes(const page::MutablePage& page) const { return {page.bytes, page_bytes_}; }
  bool Underfull(NodeView node) const;

  // The writer's memory for two images of pages and two keys.
  Status EnsureScratch();
  NodeView ImageOf(uint32_t which, NodeView node);
  std::byte* KeyScratch(uint32_t which);

  Status Rebuild(MutableByteView page, uint32_t index, Mode mode, const CellParts& cell);
  // Parts the node into itself and a new one to its right, with `cell` in one of them. `separator` lies in
  // scratch.
  Status Split(const Step& step, uint32_t index, Mode mode, const CellParts& cell, page::MutablePage& right,
               ByteView& separator);
  Status GrowRoot(ByteView separator, format::PageRef right);
  Result<Pair> FetchPair(NodeView parent, uint32_t left_index);
  Result<bool> Merge(const page::MutablePage& parent, const Pair& pair, bool keep_left);
  Result<bool> Even(const page::MutablePage& parent, const Pair& pair);

  page::PageWriter& pages_;
  format::TreeRoot& root_;
  const mvcc::EpochGuard& guard_;
  const uint32_t page_bytes_;
  std::array<Step, format::kLevelMax + 1> path_;  // from the root to the leaf
  uint32_t depth_ = 0;                            // index of the leaf in it
  format::PageRef split_off_;
  std::byte* scratch_ = nullptr;
  uint32_t next_key_scratch_ = 0;
};

}  // namespace manifolddb::btree
