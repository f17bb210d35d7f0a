// Checks pages that came from disk.
//
// (1) Nothing outside the page is read, whatever it holds: every offset is checked before it is used.
// (2) A page that passes has disjoint cells inside its heap, ascending keys, heads that agree with the
//     keys, and exact books of its garbage: who edits it may rely on all of that without looking again.
// (3) A page that passes is the page that the reference names: position and birth are part of the page.

#include "engine/format/page_header.h"

#include <array>

#include "engine/base/checksum.h"
#include "engine/base/sites.h"
#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

const NodeHeader& HeaderOf(ByteView page) { return *reinterpret_cast<const NodeHeader*>(page.data()); }

// Which bytes of a page belong to a cell, one bit each.
class CellMap {
 public:
  explicit CellMap(size_t page_bytes) {
    for (size_t word = 0; word < page_bytes / 64; ++word) words_[word] = 0;
  }
  // False if one of the bytes is taken already. REQUIRES: `bytes` > 0, inside the page.
  bool Take(uint32_t begin, uint32_t bytes) {
    const uint32_t last = begin + bytes - 1;
    bool free = true;
    for (uint32_t word = begin / 64; word <= last / 64; ++word) {
      uint64_t mask = ~uint64_t{0};
      if (word == begin / 64) mask &= ~uint64_t{0} << (begin % 64);
      if (word == last / 64) mask &= ~uint64_t{0} >> (63 - last % 64);
      free &= (words_[word] & mask) == 0;
      words_[word] |= mask;
    }
    return free;
  }

 private:
  std::array<uint64_t, kPageBytesMax / 64> words_;
};

const char* WhyHeaderInvalid(ByteView page, PageRef ref) {
  const NodeHeader& header = HeaderOf(page);
  if (header.kind != static_cast<uint8_t>(PageKind::kLeaf) &&
      header.kind != static_cast<uint8_t>(PageKind::kBranch)) {
    return "not a node page";
  }
  // A misdirected write: the right bytes in the wrong place. (Births are unique, so of this database's own
  // pages the birth would tell as well; a neighbour's may have the same one.)
  if (header.page_id != ref.id.raw() && !MANIFOLDDB_BROKEN("format.page.id")) {
    return "the page belongs elsewhere";
  }
  // A lost write, or a reference that outlived its page: intact, but of another time.
  if (header.birth != ref.birth.raw() && !MANIFOLDDB_BROKEN("format.page.birth")) {
    return "the page is of another birth than its reference";
  }
  const bool leaf = header.kind == static_cast<uint8_t>(PageKind::kLeaf);
  if ((leaf != (header.level == 0) || header.level > kLevelMax) && !MANIFOLDDB_BROKEN("decode.node.level")) {
    return "impossible level";
  }
  if ((header.reserved0 != 0 || header.reserved1 != 0) && !MANIFOLDDB_BROKEN("decode.node.reserved")) {
    return "reserved bytes are not zero";
  }
  if (header.cells == 0) return "empty node";
  if (header.prefix_bytes > KeyBytesMax(static_cast<uint32_t>(page.size()))) return "prefix too long";
  const uint32_t slots_end =
      uint32_t{sizeof(NodeHeader)} + header.prefix_bytes + uint32_t{header.cells} * uint32_t{sizeof(Slot)};
  if (header.heap_begin > page.size() || slots_end > header.heap_begin) return "slots and cells overlap";
  return nullptr;
}

// What a page refers to was born before the page was last changed, in the same life at the latest: an edit in
// a later one is a new page.
bool BornLater(Birth referred, ByteView page) {
  return LifeOf(referred) > LifeOf(Birth{HeaderOf(page).birth}) &&
         !MANIFOLDDB_BROKEN("decode.node.later_life");
}

// A leaf cell at `at`, whose first `bytes` bytes (the fixed part and the key) are known to be in the page;
// adds the bytes of the value.
const char* WhyValueInvalid(ByteView page, uint32_t at, uint32_t key_bytes, uint32_t& bytes) {
  const auto& cell = *reinterpret_cast<const LeafCell*>(page.data() + at);
  const uint32_t full_key_bytes = HeaderOf(page).prefix_bytes + key_bytes;
  const bool in_extent = (cell.value_bytes & LeafCell::kExtentBit) != 0;
  const uint32_t stored = in_extent ? uint32_t{sizeof(ExtentRefDisk)} : uint32_t{cell.value_bytes};
  if (page.size() - at - bytes < stored && !MANIFOLDDB_BROKEN("decode.node.value_end")) {
    return "value outside the page";
  }
  const uint32_t inline_max = InlineBytesMax(static_cast<uint32_t>(page.size()));
  if (in_extent) {
    if (cell.value_bytes != LeafCell::kExtentBit) return "impossible value length";
    const ExtentRef extent = Decode(*reinterpret_cast<const ExtentRefDisk*>(page.data() + at + bytes));
    if (extent.null() || extent.birth == Birth{}) return "null extent";
    if (BornLater(extent.birth, page)) return "extent of a later life";
    if (extent.bytes > kValueBytesMax && !MANIFOLDDB_BROKEN("decode.node.extent_length")) {
      return "extent too long";
    }
    if (full_key_bytes + extent.bytes <= inline_max) return "small value in an extent";
  } else if (full_key_bytes + stored > inline_max) {
    return "large value in a leaf";
  }
  bytes += stored;
  return nullptr;
}

const char* WhyChildInvalid(ByteView page, uint32_t at, uint32_t key_bytes, bool first) {
  const auto& cell = *reinterpret_cast<const BranchCell*>(page.data() + at);
  if (cell.child_id == 0 || cell.child_birth == 0) return "null child";
  if (BornLater(Birth{cell.child_birth}, page)) return "child of a later life";
  if (first && key_bytes != 0) return "first separator is not empty";
  if (!first && HeaderOf(page).prefix_bytes + key_bytes == 0) return "empty separator";
  return nullptr;
}

// Checks slot `index` and its cell; `key` becomes its key after the prefix.
const char* WhySlotInvalid(ByteView page, uint32_t index, CellMap& map, uint32_t& cells_bytes,
                           ByteView& key) {
  const NodeHeader& header = HeaderOf(page);
  const bool leaf = header.level == 0;
  const auto& slot = *reinterpret_cast<const Slot*>(page.data() + sizeof(NodeHeader) + header.prefix_bytes +
                                                    index * sizeof(Slot));
  const uint32_t at = slot.cell;
  const uint32_t key_bytes = slot.key_bytes;
  const uint32_t lead_bytes = leaf ? sizeof(LeafCell) : sizeof(BranchCell);
  if (at < header.heap_begin || at >= page.size()) return "cell outside the heap";
  uint32_t bytes = lead_bytes + key_bytes;
  if (page.size() - at < bytes) return "key outside the page";
  if (header.prefix_bytes + key_bytes > KeyBytesMax(static_cast<uint32_t>(page.size())))
    return "key too long";
  const char* why =
      leaf ? WhyValueInvalid(page, at, key_bytes, bytes) : WhyChildInvalid(page, at, key_bytes, index == 0);
  if (why != nullptr) return why;
  if (!map.Take(at, bytes) && !MANIFOLDDB_BROKEN("decode.node.overlap")) return "cells overlap";
  cells_bytes += bytes;
  key = page.subspan(at + lead_bytes, key_bytes);
  const bool heads_fit = slot.head == SlotHead(key) || MANIFOLDDB_BROKEN("decode.node.head");
  return heads_fit ? nullptr : "head differs from the key";
}

}  // namespace

ExtentRefDisk Encode(const ExtentRef& ref) {
  return {.first = ref.first.raw(), .birth = ref.birth.raw(), .bytes = ref.bytes, .checksum = ref.checksum};
}

ExtentRef Decode(const ExtentRefDisk& disk) {
  return {.first = PageId{disk.first},
          .birth = Birth{disk.birth},
          .bytes = disk.bytes,
          .checksum = disk.checksum};
}

const char* WhyInvalid(ByteView page, PageRef ref) {
  if (!IsPageSize(page.size())) return "not the size of a page";
  // Torn writes and bit rot.
  if (HeaderOf(page).checksum != PageChecksum(page) && !MANIFOLDDB_BROKEN("format.page.checksum")) {
    return "checksum mismatch";
  }
  return WhyNodeInvalid(page, ref);
}

const char* WhyNodeInvalid(ByteView page, PageRef ref) {
  if (!IsPageSize(page.size())) return "not the size of a page";
  if (const char* why = WhyHeaderInvalid(page, ref); why != nullptr) return why;
  const NodeHeader& header = HeaderOf(page);
  CellMap map(page.size());
  uint32_t cells_bytes = 0;
  ByteView before;
  for (uint32_t index = 0; index < header.cells; ++index) {
    ByteView key;
    if (const char* why = WhySlotInvalid(page, index, map, cells_bytes, key); why != nullptr) return why;
    // The first separator of a branch is no key.
    const bool ordered = index < (header.level == 0 ? 1u : 2u) || Compare(before, key) < 0;
    if (!ordered && !MANIFOLDDB_BROKEN("decode.node.order")) return "keys out of order";
    before = key;
  }
  if (page.size() - header.heap_begin - cells_bytes != header.heap_garbage &&
      !MANIFOLDDB_BROKEN("decode.node.garbage")) {
    return "wrong count of garbage bytes";
  }
  return nullptr;
}

uint64_t PageChecksum(ByteView page) { return base::Checksum64(page.subspan(sizeof(NodeHeader::checksum))); }

}  // namespace manifolddb::format
