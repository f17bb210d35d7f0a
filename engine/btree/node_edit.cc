// Changing nodes.
//
// (1) After each function the page passes WhyNodeInvalid, if it did before.
// (2) The garbage count is exact: page size = header + prefix + slots + gap + cells + garbage.
// (3) A key of a sequence starts with the prefix of the node that is built of it, because the sequence is
//     in order and its first and last key do.

#include "engine/btree/node_edit.h"

#include "engine/base/assert.h"

namespace manifolddb::btree {
namespace {

using base::StoreLe;
using format::NodeHeader;

NodeHeader& HeaderOf(MutableByteView page) { return *reinterpret_cast<NodeHeader*>(page.data()); }

std::byte* SlotIn(MutableByteView page, uint32_t index) {
  return page.data() + kNodeHeaderBytes + HeaderOf(page).prefix_bytes + index * kSlotBytes;
}

uint32_t GapBytes(NodeView node) {
  return node.heap_begin() - kNodeHeaderBytes - node.prefix_bytes() - node.cells() * kSlotBytes;
}

// Puts lead, key and tail below the heap and returns where. The key comes without the prefix.
uint32_t WriteCell(MutableByteView page, ByteView lead, KeyParts key, ByteView tail) {
  NodeHeader& header = HeaderOf(page);
  const auto bytes = static_cast<uint32_t>(lead.size() + key.size() + tail.size());
  MANIFOLDDB_ASSERT(bytes <= header.heap_begin);
  const uint32_t at = header.heap_begin - bytes;
  std::byte* out = page.data() + at;
  CopyBytes(out, lead);
  key.CopyTo(out + lead.size());
  CopyBytes(out + lead.size() + key.size(), tail);
  header.heap_begin = at;
  return at;
}

void WriteSlot(std::byte* slot, uint32_t cell, ByteView key) {
  StoreLe<uint16_t>(slot, static_cast<uint16_t>(cell));
  StoreLe<uint16_t>(slot + 2, static_cast<uint16_t>(key.size()));
  StoreLe<uint32_t>(slot + 4, format::SlotHead(key));
}

void AddGarbage(MutableByteView page, uint32_t bytes) {
  HeaderOf(page).heap_garbage = HeaderOf(page).heap_garbage + bytes;
}

size_t CommonBytes(const std::byte* a, const std::byte* b, size_t bytes) {
  size_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    const uint64_t differ = base::LoadLe<uint64_t>(a + at) ^ base::LoadLe<uint64_t>(b + at);
    if (differ != 0) return at + static_cast<size_t>(std::countr_zero(differ)) / 8;
  }
  while (at < bytes && a[at] == b[at]) ++at;
  return at;
}

// From `at` on, the part of a key that lies in one piece.
ByteView PieceAt(const KeyParts& key, size_t at) {
  return at < key.prefix.size() ? key.prefix.subspan(at) : key.rest.subspan(at - key.prefix.size());
}

bool StartsWith(const KeyParts& key, NodeView node) {
  if (key.prefix.empty()) return node.ComparePrefix(key.rest) == 0;  // a key from outside lies in one piece
  return CommonBytes({node.prefix(), {}}, key) == node.prefix_bytes();
}

}  // namespace

LeafLead::LeafLead(LeafValue value) : value_(value) {
  MANIFOLDDB_ASSERT(!value.extent || value.bytes.size() == sizeof(format::ExtentRefDisk));
  MANIFOLDDB_ASSERT(value.bytes.size() < format::LeafCell::kExtentBit);
  cell_.value_bytes = value.extent ? format::LeafCell::kExtentBit : static_cast<uint16_t>(value.bytes.size());
}

BranchLead::BranchLead(format::PageRef child) {
  MANIFOLDDB_ASSERT(!child.null());
  cell_.child_id = child.id.raw();
  cell_.child_birth = child.birth.raw();
}

size_t CommonBytes(KeyParts a, KeyParts b) {
  const size_t bytes_max = std::min(a.size(), b.size());
  size_t at = 0;
  while (at < bytes_max) {
    const ByteView left = PieceAt(a, at);
    const ByteView right = PieceAt(b, at);
    const size_t bytes = std::min(left.size(), right.size());
    const size_t same = CommonBytes(left.data(), right.data(), bytes);
    at += same;
    if (same < bytes) break;
  }
  return at;
}

void CellSequence::AddNode(NodeView node, uint32_t begin, uint32_t end, KeyParts first_key) {
  MANIFOLDDB_ASSERT(begin <= end && end <= node.cells());
  MANIFOLDDB_ASSERT(node.leaf() == leaf_);
  if (begin == end) return;
  MANIFOLDDB_ASSERT(runs_count_ < kRunsMax);
  size_ += end - begin;
  runs_[runs_count_++] = {
      .node = node, .node_begin = begin, .end = size_, .first_key = first_key, .cell = {}};
}

void CellSequence::AddCell(const CellParts& cell) {
  MANIFOLDDB_ASSERT(runs_count_ < kRunsMax);
  MANIFOLDDB_ASSERT(cell.lead.size() == (leaf_ ? kLeafLeadBytes : kBranchLeadBytes));
  size_ += 1;
  runs_[runs_count_++] = {.node = {}, .node_begin = 0, .end = size_, .first_key = {}, .cell = cell};
}

CellParts CellSequence::At(uint32_t index) const {
  MANIFOLDDB_ASSERT(index < size_);
  uint32_t run = 0;
  while (index >= runs_[run].end) ++run;
  return CellOf(runs_[run], index - (run == 0 ? 0 : runs_[run - 1].end));
}

size_t CellSequence::PrefixBytes(uint32_t begin, uint32_t end) const {
  MANIFOLDDB_ASSERT(begin < end);
  const uint32_t first_key = leaf_ ? begin : begin + 1;
  if (first_key >= end) return 0;
  return CommonBytes(At(first_key).key, At(end - 1).key);
}

uint32_t CellSequence::NodeBytes(uint32_t begin, uint32_t end) const {
  const size_t prefix_bytes = PrefixBytes(begin, end);
  size_t bytes = kNodeHeaderBytes + prefix_bytes;
  ForEach(begin, end, [&](uint32_t index, const CellParts& cell) {
    bytes += kSlotBytes + cell.lead.size() + cell.tail.size();
    if (leaf_ || index > begin) bytes += cell.key.size() - prefix_bytes;
    return true;
  });
  return static_cast<uint32_t>(bytes);
}

uint32_t UsedBytes(NodeView node, uint32_t page_bytes) {
  return page_bytes - GapBytes(node) - node.heap_garbage();
}

uint32_t UsedBytesWith(NodeView node, uint32_t page_bytes, const CellParts& cell, uint32_t replaced) {
  const size_t prefix_bytes = node.prefix_bytes();
  const size_t shared = CommonBytes({node.prefix(), {}}, cell.key);
  uint32_t keys = node.leaf() ? node.cells() : node.cells() - 1;
  size_t bytes = UsedBytes(node, page_bytes);
  if (replaced != kNoIndex) {
    bytes -= kSlotBytes + node.cell_bytes(replaced);
    --keys;
  }
  bytes += kSlotBytes + cell.lead.size() + (cell.key.size() - shared) + cell.tail.size();
  bytes += keys * (prefix_bytes - shared);
  return static_cast<uint32_t>(bytes - (prefix_bytes - shared));
}

bool InsertCell(MutableByteView page, uint32_t index, const CellParts& cell) {
  NodeHeader& header = HeaderOf(page);
  const NodeView node(page.data());
  MANIFOLDDB_ASSERT(index <= node.cells() && (index > 0 || node.leaf()));
  const size_t prefix_bytes = node.prefix_bytes();
  if (!StartsWith(cell.key, node)) return false;
  const KeyParts key = cell.key.Skip(prefix_bytes);
  const size_t bytes = kSlotBytes + cell.lead.size() + key.size() + cell.tail.size();
  if (bytes > GapBytes(node)) return false;

  const uint32_t at = WriteCell(page, cell.lead, key, cell.tail);
  std::byte* slot = SlotIn(page, index);
  std::memmove(slot + kSlotBytes, slot, (node.cells() - index) * size_t{kSlotBytes});
  WriteSlot(slot, at, page.subspan(at + cell.lead.size(), key.size()));
  header.cells = static_cast<uint16_t>(node.cells() + 1);
  return true;
}

bool ReplaceValue(MutableByteView page, uint32_t index, LeafValue value) {
  const NodeView node(page.data());
  MANIFOLDDB_ASSERT(node.leaf() && index < node.cells());
  const LeafLead lead(value);
  const ByteView old_value = node.StoredValue(index);
  if (value.bytes.size() <= old_value.size()) {
    std::byte* cell = page.data() + node.cell_offset(index);
    // The new value may be a piece of the old one.
    const auto spared = static_cast<uint32_t>(old_value.size() - value.bytes.size());
    if (!value.bytes.empty()) {
      std::memmove(cell + kLeafLeadBytes + node.key_bytes(index), value.bytes.data(), value.bytes.size());
    }
    CopyBytes(cell, lead.LeadBytes());
    if (spared > 0) AddGarbage(page, spared);
    return true;
  }
  const ByteView key = node.Rest(index);
  if (kLeafLeadBytes + key.size() + value.bytes.size() > GapBytes(node)) return false;
  AddGarbage(page, node.cell_bytes(index));
  const uint32_t at = WriteCell(page, lead.LeadBytes(), {{}, key}, value.bytes);
  StoreLe<uint16_t>(SlotIn(page, index), static_cast<uint16_t>(at));
  return true;
}

void RemoveCells(MutableByteView page, uint32_t first, uint32_t count) {
  NodeHeader& header = HeaderOf(page);
  const NodeView node(page.data());
  const uint32_t cells = node.cells();
  MANIFOLDDB_ASSERT(first <= cells && count <= cells - first);
  uint32_t garbage = 0;
  for (uint32_t index = first; index < first + count; ++index) garbage += node.cell_bytes(index);
  AddGarbage(page, garbage);
  std::memmove(SlotIn(page, first), SlotIn(page, first + count),
               (cells - first - count) * size_t{kSlotBytes});
  header.cells = static_cast<uint16_t>(cells - count);
  if (cells == count) {
    header.heap_begin = static_cast<uint32_t>(page.size());
    header.heap_garbage = 0;
  } else if (first == 0 && count > 0 && !node.leaf()) {
    AddGarbage(page, node.key_bytes(0));
    WriteSlot(SlotIn(page, 0), node.cell_offset(0), {});
  }
}

void SetChild(MutableByteView page, uint32_t index, format::PageRef child) {
  const NodeView node(page.data());
  MANIFOLDDB_ASSERT(node.branch() && index < node.cells() && !child.null());
  std::byte* cell = page.data() + node.cell_offset(index);
  StoreLe<uint64_t>(cell, child.id.raw());
  StoreLe<uint64_t>(cell + 8, child.birth.raw());
}

void Build(MutableByteView page, const CellSequence& cells, uint32_t begin, uint32_t end,
           size_t prefix_of_one) {
  MANIFOLDDB_ASSERT(begin < end && end <= cells.size());
  MANIFOLDDB_ASSERT(NodeView(page.data()).leaf() == cells.leaf());
  NodeHeader& header = HeaderOf(page);
  size_t prefix_bytes = cells.PrefixBytes(begin, end);
  if (end - begin == 1) prefix_bytes = std::min(prefix_bytes, prefix_of_one);
  header.prefix_bytes = static_cast<uint16_t>(prefix_bytes);
  cells.At(end - 1).key.First(prefix_bytes).CopyTo(page.data() + kNodeHeaderBytes);
  header.cells = static_cast<uint16_t>(end - begin);
  header.heap_begin = static_cast<uint32_t>(page.size());
  header.heap_garbage = 0;
  const size_t slots_end = kNodeHeaderBytes + prefix_bytes + (end - begin) * size_t{kSlotBytes};
  cells.ForEach(begin, end, [&](uint32_t index, const CellParts& cell) {
    const bool keyless = index == begin && !cells.leaf();
    const KeyParts key = keyless ? KeyParts{} : cell.key.Skip(prefix_bytes);
    const uint32_t at = WriteCell(page, cell.lead, key, cell.tail);
    MANIFOLDDB_ASSERT(at >= slots_end);
    WriteSlot(SlotIn(page, index - begin), at, page.subspan(at + cell.lead.size(), key.size()));
    return true;
  });
}

uint32_t ChooseSplit(const CellSequence& cells, uint32_t inserted) {
  const uint32_t size = cells.size();
  // A branch has two children at least on either side.
  const uint32_t side_min = cells.leaf() ? 1 : 2;
  MANIFOLDDB_ASSERT(size >= 2 * side_min);
  if (inserted == size - 1) return size - side_min;
  if (inserted == side_min - 1) return side_min;

  const size_t prefix_bytes = cells.PrefixBytes(0, size);
  const auto bytes_of = [&](uint32_t index, const CellParts& cell) {
    const size_t key_bytes = !cells.leaf() && index == 0 ? 0 : cell.key.size() - prefix_bytes;
    return kSlotBytes + cell.lead.size() + key_bytes + cell.tail.size();
  };
  size_t total = 0;
  cells.ForEach(0, size, [&](uint32_t index, const CellParts& cell) {
    total += bytes_of(index, cell);
    return true;
  });
  size_t left = 0;
  uint32_t split = size - side_min;
  cells.ForEach(0, size - side_min, [&](uint32_t index, const CellParts& cell) {
    const size_t bytes = bytes_of(index, cell);
    // With this cell on the left, is the left side further from half than without it?
    if (index >= side_min && 2 * left + bytes > total) {
      split = index;
      return false;
    }
    left += bytes;
    return true;
  });
  return split;
}

KeyParts SplitSeparator(const CellSequence& cells, uint32_t at) {
  const KeyParts right = cells.At(at).key;
  if (!cells.leaf()) return right;
  const size_t shared = CommonBytes(cells.At(at - 1).key, right);
  MANIFOLDDB_ASSERT(shared < right.size());
  return right.First(shared + 1);
}

}  // namespace manifolddb::btree
