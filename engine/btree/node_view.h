#pragma once
// A node as it lies in a page: reading and searching. Pure functions over bytes, no I/O, no allocation.
//
// The page has passed format::WhyNodeInvalid, on load or because this code wrote it; so its structure is
// trusted. Whether it is the node that belongs here (kind, level) is for the caller to check.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/base/le.h"
#include "engine/format/page_header.h"
#include "manifolddb/bytes.h"

namespace manifolddb::btree {

inline constexpr uint32_t kNodeHeaderBytes = sizeof(format::NodeHeader);
inline constexpr uint32_t kSlotBytes = sizeof(format::Slot);
inline constexpr uint32_t kLeafLeadBytes = sizeof(format::LeafCell);
inline constexpr uint32_t kBranchLeadBytes = sizeof(format::BranchCell);

inline void CopyBytes(std::byte* to, ByteView from) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

// A key as a node stores it: the node's prefix, then the rest.
struct KeyParts {
  ByteView prefix;
  ByteView rest;
  size_t size() const { return prefix.size() + rest.size(); }
  void CopyTo(std::byte* out) const {
    CopyBytes(out, prefix);
    CopyBytes(out + prefix.size(), rest);
  }
  // Without its first `bytes` bytes, or only these. REQUIRES: at most size().
  KeyParts Skip(size_t bytes) const {
    const size_t of_prefix = std::min(bytes, prefix.size());
    return {prefix.subspan(of_prefix), rest.subspan(bytes - of_prefix)};
  }
  KeyParts First(size_t bytes) const {
    const size_t of_prefix = std::min(bytes, prefix.size());
    return {prefix.first(of_prefix), rest.first(bytes - of_prefix)};
  }
};

// Negative, zero or positive as the `Word` at `a` comes before, is, or comes after that at `b`, as bytes.
template <class Word>
inline int CompareWords(const std::byte* a, const std::byte* b) {
  const Word left = std::byteswap(base::LoadLe<Word>(a));
  const Word right = std::byteswap(base::LoadLe<Word>(b));
  return (left > right) - (left < right);
}

// The same of the `bytes` bytes. Inlined, because what is left of a key behind prefix and head is short: a
// call would cost more than the comparison. Ends overlap, so there is no loop over single bytes.
inline int CompareBytes(const std::byte* a, const std::byte* b, size_t bytes) {
  if (bytes >= 8) {
    for (size_t at = 0; at + 8 < bytes; at += 8) {
      if (const int order = CompareWords<uint64_t>(a + at, b + at); order != 0) return order;
    }
    return CompareWords<uint64_t>(a + bytes - 8, b + bytes - 8);
  }
  if (bytes >= 4) {
    if (const int order = CompareWords<uint32_t>(a, b); order != 0) return order;
    return CompareWords<uint32_t>(a + bytes - 4, b + bytes - 4);
  }
  for (size_t at = 0; at < bytes; ++at) {
    if (a[at] != b[at]) return a[at] < b[at] ? -1 : 1;
  }
  return 0;
}

class NodeView {
 public:
  NodeView() = default;
  explicit NodeView(const std::byte* page) : page_(page) {}

  const std::byte* page() const { return page_; }
  bool leaf() const { return KindIs(format::PageKind::kLeaf); }
  bool branch() const { return KindIs(format::PageKind::kBranch); }
  uint32_t level() const { return static_cast<uint32_t>(page_[offsetof(format::NodeHeader, level)]); }
  uint32_t cells() const { return Load16(offsetof(format::NodeHeader, cells)); }
  uint32_t prefix_bytes() const { return Load16(offsetof(format::NodeHeader, prefix_bytes)); }
  uint32_t heap_begin() const { return Load32(offsetof(format::NodeHeader, heap_begin)); }
  uint32_t heap_garbage() const { return Load32(offsetof(format::NodeHeader, heap_garbage)); }
  ByteView prefix() const { return {page_ + kNodeHeaderBytes, prefix_bytes()}; }
  uint32_t lead_bytes() const { return leaf() ? kLeafLeadBytes : kBranchLeadBytes; }

  // Slot `index`. REQUIRES: index < cells(), here and below.
  const std::byte* slot(uint32_t index) const {
    return page_ + kNodeHeaderBytes + prefix_bytes() + index * kSlotBytes;
  }
  uint32_t cell_offset(uint32_t index) const { return base::LoadLe<uint16_t>(slot(index)); }
  uint32_t key_bytes(uint32_t index) const { return base::LoadLe<uint16_t>(slot(index) + 2); }
  const std::byte* cell(uint32_t index) const { return page_ + cell_offset(index); }
  uint32_t cell_bytes(uint32_t index) const {
    if (!leaf()) return kBranchLeadBytes + key_bytes(index);
    return kLeafLeadBytes + key_bytes(index) + static_cast<uint32_t>(StoredValue(index).size());
  }

  // The key behind the prefix.
  template <uint32_t kLeadBytes>
  ByteView RestOf(uint32_t index) const {
    return {cell(index) + kLeadBytes, key_bytes(index)};
  }
  ByteView Rest(uint32_t index) const { return {cell(index) + lead_bytes(), key_bytes(index)}; }
  // The whole key; nothing for the first separator of a branch, which stands for the node's low end.
  KeyParts Key(uint32_t index) const {
    if (index == 0 && !leaf()) return {};
    return {prefix(), Rest(index)};
  }

  // Of a leaf. An extent's ExtentRefDisk is the value as the leaf stores it.
  bool HasExtent(uint32_t index) const {
    return (base::LoadLe<uint16_t>(cell(index)) & format::LeafCell::kExtentBit) != 0;
  }
  ByteView StoredValue(uint32_t index) const {
    const std::byte* at = cell(index);
    const uint32_t value_bytes = base::LoadLe<uint16_t>(at);
    const bool extent = (value_bytes & format::LeafCell::kExtentBit) != 0;
    return {at + kLeafLeadBytes + key_bytes(index), extent ? sizeof(format::ExtentRefDisk) : value_bytes};
  }
  format::ExtentRef Extent(uint32_t index) const {
    return format::Decode(*reinterpret_cast<const format::ExtentRefDisk*>(StoredValue(index).data()));
  }

  // Of a leaf: what a scan takes of the entry in the slot at `slot`, decoded at once.
  struct Entry {
    uint32_t cell;            // its offset
    ByteView rest;            // of the key, behind the prefix
    const std::byte* stored;  // the value, or the ExtentRefDisk
    uint32_t value_bytes;     // of the value in the leaf
    bool extent;
  };
  Entry EntryAt(const std::byte* slot) const {
    const uint32_t offset = base::LoadLe<uint16_t>(slot);
    const ByteView rest{page_ + offset + kLeafLeadBytes, base::LoadLe<uint16_t>(slot + 2)};
    const uint32_t value_bytes = base::LoadLe<uint16_t>(page_ + offset);
    return {offset, rest, rest.data() + rest.size(), value_bytes,
            (value_bytes & format::LeafCell::kExtentBit) != 0};
  }

  // Of a branch.
  format::PageRef Child(uint32_t index) const {
    const std::byte* at = cell(index);
    return {format::PageId{base::LoadLe<uint64_t>(at)}, format::Birth{base::LoadLe<uint64_t>(at + 8)}};
  }

  // The first key of a leaf at or after `key`: its index (cells() if there is none), and whether it is the
  // very key.
  struct Position {
    uint32_t index = 0;
    bool equal = false;
  };
  Position Find(ByteView key) const { return LowerBound<kLeafLeadBytes>(key, 0); }
  // The same among those from `first` on. REQUIRES: first < cells().
  Position FindFrom(uint32_t first, ByteView key) const { return LowerBound<kLeafLeadBytes>(key, first); }
  // The child of a branch under which `key` belongs.
  uint32_t ChildIndex(ByteView key) const {
    const Position at = LowerBound<kBranchLeadBytes>(key, 1);
    return at.equal ? at.index : at.index - 1;
  }
  // The last child of a branch under which there may be keys before `key`.
  uint32_t ChildIndexBefore(ByteView key) const { return LowerBound<kBranchLeadBytes>(key, 1).index - 1; }

  // How `key` compares with every key that starts with the prefix; 0: it starts with it, too.
  int ComparePrefix(ByteView key) const {
    const size_t bytes = prefix_bytes();
    const int order = CompareBytes(key.data(), page_ + kNodeHeaderBytes, std::min(bytes, key.size()));
    if (order != 0) return order;
    return key.size() < bytes ? -1 : 0;
  }

 private:
  uint32_t Load16(size_t at) const { return base::LoadLe<uint16_t>(page_ + at); }
  uint32_t Load32(size_t at) const { return base::LoadLe<uint32_t>(page_ + at); }
  bool KindIs(format::PageKind kind) const {
    return page_[offsetof(format::NodeHeader, kind)] == static_cast<std::byte>(kind);
  }
  static uint32_t HeadAt(const std::byte* slot) { return base::LoadLe<uint32_t>(slot + 4); }

  // How the key of slot `index`, whose head is equal to that of `rest`, compares with `rest`.
  template <uint32_t kLeadBytes>
  int CompareEqualHeads(uint32_t index, ByteView rest) const {
    const ByteView key = RestOf<kLeadBytes>(index);
    const int order = CompareBytes(key.data(), rest.data(), std::min(key.size(), rest.size()));
    if (order != 0) return order;
    return key.size() < rest.size() ? -1 : key.size() > rest.size() ? 1 : 0;
  }

  // Among slots from `first`: heads alone decide as long as they differ, and they lie side by side.
  template <uint32_t kLeadBytes>
  Position LowerBound(ByteView key, uint32_t first) const {
    const uint32_t count = cells();
    if (const int order = ComparePrefix(key); order != 0) [[unlikely]]
      return {order < 0 ? first : count, false};
    const ByteView rest = key.subspan(prefix_bytes());
    const uint32_t head = format::SlotHead(rest);
    const std::byte* slots = slot(0);
    // Halving without branches on the outcome: the processor could only guess them.
    const std::byte* at = slots + first * kSlotBytes;
    uint32_t length = count - first;
    while (length > 1) {
      const uint32_t half = length / 2;
      const bool before = HeadAt(at + (half - 1) * kSlotBytes) < head;
      at += (size_t{0} - static_cast<size_t>(before)) & (half * kSlotBytes);
      length -= half;
    }
    uint32_t low = static_cast<uint32_t>(at - slots) / kSlotBytes;
    if (length == 1 && HeadAt(at) < head) ++low;
    if (low == count || HeadAt(slots + low * kSlotBytes) != head) return {low, false};
    return LowerBoundAmongEqualHeads<kLeadBytes>(rest, head, low);
  }

  // `low` is the first slot with this head. Mostly it is the only one.
  template <uint32_t kLeadBytes>
  Position LowerBoundAmongEqualHeads(ByteView rest, uint32_t head, uint32_t low) const {
    if (const int order = CompareEqualHeads<kLeadBytes>(low, rest); order >= 0) return {low, order == 0};
    const std::byte* slots = slot(0);
    uint32_t high = cells();
    ++low;
    bool equal = false;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      const uint32_t middle_head = HeadAt(slots + middle * kSlotBytes);
      const int order = middle_head > head ? 1 : CompareEqualHeads<kLeadBytes>(middle, rest);
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle;
        equal = order == 0;
      }
    }
    return {low, equal};
  }

  const std::byte* page_ = nullptr;
};

}  // namespace manifolddb::btree
