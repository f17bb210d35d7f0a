#pragma once
// The header of every page of the data file (meta pages and extents excepted), and the node that follows it.

#include <bit>
#include <cstdint>

#include "engine/base/le.h"
#include "engine/format/ids.h"
#include "engine/format/layout.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::format {

enum class PageKind : uint8_t {
  kInvalid = 0,  // a page of zeros is never valid
  kLeaf = 1,
  kBranch = 2,
};

// Highest level of a root. Levels fall by one on the way down, so no walk is longer than this plus one nodes.
inline constexpr uint8_t kLevelMax = 31;

// A node page: header, prefix bytes, slots (growing up), free space, cells (growing down from the page's
// end). Every key in the node starts with the prefix, the empty first separator of a branch excepted; slots
// and cells leave it out. The prefix says nothing about keys that are not in the node: who searches compares
// it first.
struct NodeHeader {
  base::le64 checksum;  // of all bytes after this field; not maintained in memory, set when written out
  base::le64 page_id;   // own position: catches misdirected writes
  base::le64 birth;     // catches stale and lost writes
  uint8_t kind;         // PageKind
  uint8_t level;        // 0: leaf
  base::le16 cells;     // number of slots, at least one
  base::le16 prefix_bytes;
  base::le16 reserved0;     // written 0, checked 0
  base::le32 heap_begin;    // offset of the lowest cell byte; page size when there is none
  base::le32 heap_garbage;  // bytes between heap_begin and the page's end that belong to no cell
  base::le64 reserved1;     // written 0, checked 0
};
FORMAT_SIZE(NodeHeader, 48);
FORMAT_FIELD(NodeHeader, checksum, 0);
FORMAT_FIELD(NodeHeader, page_id, 8);
FORMAT_FIELD(NodeHeader, birth, 16);
FORMAT_FIELD(NodeHeader, kind, 24);
FORMAT_FIELD(NodeHeader, level, 25);
FORMAT_FIELD(NodeHeader, cells, 26);
FORMAT_FIELD(NodeHeader, prefix_bytes, 28);
FORMAT_FIELD(NodeHeader, reserved0, 30);
FORMAT_FIELD(NodeHeader, heap_begin, 32);
FORMAT_FIELD(NodeHeader, heap_garbage, 36);
FORMAT_FIELD(NodeHeader, reserved1, 40);

// One entry of the slot array. `head` is the first four bytes of the key after the prefix, most significant
// first, zero-padded: most comparisons of a search end there and never touch the cell.
struct Slot {
  base::le16 cell;       // offset of the cell
  base::le16 key_bytes;  // after the prefix
  base::le32 head;
};
FORMAT_SIZE(Slot, 8);
FORMAT_FIELD(Slot, cell, 0);
FORMAT_FIELD(Slot, key_bytes, 2);
FORMAT_FIELD(Slot, head, 4);
// The head of a key that has had its prefix taken away.
inline uint32_t SlotHead(ByteView key) {
  if (key.size() >= 4) [[likely]]
    return std::byteswap(base::LoadLe<uint32_t>(key.data()));
  uint32_t head = 0;
  for (size_t i = 0; i < 4; ++i) head = head << 8 | (i < key.size() ? static_cast<uint32_t>(key[i]) : 0);
  return head;
}

// Leaf cell: this, the key after the prefix, then the value, or an ExtentRefDisk where kExtentBit is set.
struct LeafCell {
  base::le16 value_bytes;  // of the inline value; kExtentBit alone for a value in an extent
  static constexpr uint16_t kExtentBit = 0x8000;
};
FORMAT_SIZE(LeafCell, 2);

// Branch cell: this, then the separator after the prefix. The subtree holds keys at or above its separator
// and below the next one; the first separator of a node is empty (its key_bytes and head 0, and the prefix
// does not apply) and stands for the node's low end.
struct BranchCell {
  base::le64 child_id;
  base::le64 child_birth;
};
FORMAT_SIZE(BranchCell, 16);
FORMAT_FIELD(BranchCell, child_id, 0);
FORMAT_FIELD(BranchCell, child_birth, 8);

struct ExtentRefDisk {
  base::le64 first;
  base::le64 birth;
  base::le64 bytes;
  base::le64 checksum;  // Checksum64 of the value's bytes
};
FORMAT_SIZE(ExtentRefDisk, 32);
FORMAT_FIELD(ExtentRefDisk, first, 0);
FORMAT_FIELD(ExtentRefDisk, birth, 8);
FORMAT_FIELD(ExtentRefDisk, bytes, 16);
FORMAT_FIELD(ExtentRefDisk, checksum, 24);

ExtentRefDisk Encode(const ExtentRef& ref);
ExtentRef Decode(const ExtentRefDisk& disk);

inline constexpr uint32_t kPageBytesMin = 512;
inline constexpr uint32_t kPageBytesMax = 65536;
inline constexpr uint32_t kPageBytesDefault = 8192;
constexpr bool IsPageSize(uint64_t bytes) {
  return bytes >= kPageBytesMin && bytes <= kPageBytesMax && (bytes & (bytes - 1)) == 0;
}

// Longest key: a quarter of the page, at most 8 KiB. So a branch holds at least three children, and an entry
// of any size fits into a leaf after one split.
constexpr uint32_t KeyBytesMax(uint32_t page_size) { return page_size / 4 < 8192 ? page_size / 4 : 8192; }
// Key (prefix included) and value together at most this stay in the leaf; larger values go to an extent.
constexpr uint32_t InlineBytesMax(uint32_t page_size) { return page_size / 4; }
// The largest cells and their slots must leave room for a second one (leaf) or third (branch, its first
// separator being empty) in the smallest page.
static_assert(sizeof(NodeHeader) + 2 * (sizeof(Slot) + sizeof(LeafCell) + KeyBytesMax(kPageBytesMin) +
                                        sizeof(ExtentRefDisk)) <=
              kPageBytesMin);
static_assert(sizeof(NodeHeader) + 3 * (sizeof(Slot) + sizeof(BranchCell)) + 2 * KeyBytesMax(kPageBytesMin) <=
              kPageBytesMin);

// Why a page's bytes are not the page `ref` names; null if they are, with every bound, order and reserved
// field of the node checked as well. Never reads outside `page`, whatever it holds. A message without
// allocation.
const char* WhyInvalid(ByteView page, PageRef ref);
// The same without the checksum, for pages that were never written out. (WhyInvalid calls it.)
const char* WhyNodeInvalid(ByteView page, PageRef ref);
// What NodeHeader::checksum must hold: stored into it as the last thing before a page is written.
uint64_t PageChecksum(ByteView page);

// The bytes between a node's slots and its cells, which mean nothing: [begin, end). None where the header
// makes no sense.
struct NodeGap {
  uint32_t begin;
  uint32_t end;
};
inline NodeGap GapOf(const NodeHeader& header, uint32_t page_bytes) {
  const uint32_t begin =
      uint32_t{sizeof(NodeHeader)} + header.prefix_bytes + uint32_t{header.cells} * uint32_t{sizeof(Slot)};
  const uint32_t end = header.heap_begin;
  return begin <= end && end <= page_bytes ? NodeGap{begin, end} : NodeGap{page_bytes, page_bytes};
}

}  // namespace manifolddb::format
