#pragma once
// Changing nodes: pure functions over the bytes of pages, no I/O, no allocation.
//
// A node's prefix is what its keys share when it is built; it only ever shrinks by a later insertion, and
// that is a rebuild. So a removal, here or next door, never invalidates a prefix.

#include <array>
#include <cstdint>

#include "engine/btree/node_view.h"

namespace manifolddb::btree {

// A cell on its way into a node.
struct CellParts {
  KeyParts key;
  ByteView lead;  // LeafCell or BranchCell
  ByteView tail;  // of a leaf cell: the value, or its ExtentRefDisk
};

// What a leaf stores for a value.
struct LeafValue {
  ByteView bytes;  // the value itself, or an ExtentRefDisk
  bool extent = false;
};

// The fixed part of a new leaf cell; must outlive the parts made from it.
class LeafLead {
 public:
  explicit LeafLead(LeafValue value);
  CellParts Parts(ByteView key) const { return {{{}, key}, LeadBytes(), value_.bytes}; }
  ByteView LeadBytes() const { return std::as_bytes(std::span(&cell_, 1)); }

 private:
  format::LeafCell cell_;
  LeafValue value_;
};

// The same of a new branch cell.
class BranchLead {
 public:
  explicit BranchLead(format::PageRef child);
  CellParts Parts(ByteView separator) const {
    return {{{}, separator}, std::as_bytes(std::span(&cell_, 1)), {}};
  }

 private:
  format::BranchCell cell_;
};

// Cells in order, taken from nodes and from outside: what a rebuilt, split or merged node will hold. Refers
// to the nodes' bytes. The first separator of a branch node that does not come first needs `first_key` to be
// a key again.
class CellSequence {
 public:
  explicit CellSequence(bool leaf) : leaf_(leaf) {}
  void AddNode(NodeView node, uint32_t begin, uint32_t end, KeyParts first_key = {});
  void AddCell(const CellParts& cell);

  bool leaf() const { return leaf_; }
  uint32_t size() const { return size_; }
  CellParts At(uint32_t index) const;
  // visit(index, cell) for [begin, end), until it returns false.
  template <class Visit>
  void ForEach(uint32_t begin, uint32_t end, Visit visit) const {
    uint32_t index = begin;
    uint32_t run_begin = 0;
    for (uint32_t run = 0; run < runs_count_ && index < end; run_begin = runs_[run++].end) {
      for (; index < std::min(end, runs_[run].end); ++index) {
        if (!visit(index, CellOf(runs_[run], index - run_begin))) return;
      }
    }
  }
  // Bytes that the keys of [begin, end) share; the first separator of a branch does not count.
  size_t PrefixBytes(uint32_t begin, uint32_t end) const;
  // Size of the node that Build makes of [begin, end).
  uint32_t NodeBytes(uint32_t begin, uint32_t end) const;

 private:
  struct Run {
    NodeView node;
    uint32_t node_begin = 0;
    uint32_t end = 0;  // position in the sequence
    KeyParts first_key;
    CellParts cell;  // where node is none
  };
  CellParts CellOf(const Run& run, uint32_t index) const {
    if (run.node.page() == nullptr) return run.cell;
    const uint32_t slot = run.node_begin + index;
    if (leaf_) {
      const ByteView rest = run.node.RestOf<kLeafLeadBytes>(slot);
      return {{run.node.prefix(), rest},
              {rest.data() - kLeafLeadBytes, kLeafLeadBytes},
              run.node.StoredValue(slot)};
    }
    const ByteView rest = run.node.RestOf<kBranchLeadBytes>(slot);
    const KeyParts key = slot == 0 ? run.first_key : KeyParts{run.node.prefix(), rest};
    return {key, {rest.data() - kBranchLeadBytes, kBranchLeadBytes}, {}};
  }

  static constexpr size_t kRunsMax = 3;
  std::array<Run, kRunsMax> runs_;
  uint32_t runs_count_ = 0;
  uint32_t size_ = 0;
  const bool leaf_;
};

// Bytes that two keys share from their beginning.
size_t CommonBytes(KeyParts a, KeyParts b);

// Header, prefix, slots and cells, without free space and garbage.
uint32_t UsedBytes(NodeView node, uint32_t page_bytes);
// UsedBytes after a rebuild with `cell` added (`replaced` is kNoIndex) or put in the place of slot
// `replaced`; the prefix shrinks to what `cell` shares. At most that: a rebuild may find a longer prefix.
inline constexpr uint32_t kNoIndex = ~uint32_t{0};
uint32_t UsedBytesWith(NodeView node, uint32_t page_bytes, const CellParts& cell, uint32_t replaced);

// The functions below change nothing and return false where there is no room without a rebuild, or where the
// key does not share the node's prefix.
bool InsertCell(MutableByteView page, uint32_t index, const CellParts& cell);
bool ReplaceValue(MutableByteView page, uint32_t index, LeafValue value);
// Removes `count` cells from `first`. A branch's new first separator becomes the empty one.
void RemoveCells(MutableByteView page, uint32_t first, uint32_t count);
void SetChild(MutableByteView page, uint32_t index, format::PageRef child);

// Makes `page` the node of [begin, end) of `cells`; identity, kind and level stay. REQUIRES: it fits; no cell
// lies in `page` itself. A single key would be all prefix, and the next one beside it would rebuild the node:
// `prefix_of_one` is how much of it may be, which costs no room.
inline constexpr size_t kWholeKey = ~size_t{0};
void Build(MutableByteView page, const CellSequence& cells, uint32_t begin, uint32_t end,
           size_t prefix_of_one = kWholeKey);

// Where to part `cells` into two nodes: the first index of the right one. `inserted`: the cell that is new,
// or kNoIndex where none is or it replaced one of its key. At either end of the node an insertion starts a
// new node and leaves the full one as it is, so ascending and descending loads fill pages; otherwise halves,
// by bytes. Both sides fit if the node without the new cell did, see node_edit_test.cc.
uint32_t ChooseSplit(const CellSequence& cells, uint32_t inserted);
// The shortest key that parts [0, at) from [at, ...): after every key of a left leaf, not after any of the
// right one. For branches the separator that goes up.
KeyParts SplitSeparator(const CellSequence& cells, uint32_t at);

}  // namespace manifolddb::btree
