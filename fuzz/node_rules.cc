// A node read by offsets alone: every slot, cell, key, prefix and reference of it.
#include <algorithm>
#include <utility>
#include <vector>

#include "fuzz/raw.h"
#include "fuzz/rules.h"

namespace manifolddb::fuzz {
namespace {

constexpr size_t kHeaderBytes = 48;
constexpr size_t kSlotBytes = 8;

class NodeReader {
 public:
  explicit NodeReader(ByteView page)
      : page_(page),
        branch_(page[24] == std::byte{2}),
        cells_(Le16(page, 26)),
        prefix_bytes_(Le16(page, 28)),
        heap_begin_(Le32(page, 32)),
        key_max_(std::min<size_t>(page.size() / 4, 8192)) {}

  const char* Why() {
    if (const char* why = WhyNoHeader()) return why;
    for (size_t index = 0; index < cells_; ++index) {
      if (const char* why = WhyNoSlot(index)) return why;
    }
    return WhyNoHeap();
  }

 private:
  const char* WhyNoHeader() const {
    const int level = std::to_integer<int>(page_[25]);
    if (page_[24] != std::byte{1} && !branch_) return "no node";
    if (branch_ != (level > 0) || level > 31) return "an impossible level";
    if (Le16(page_, 30) != 0 || Le64(page_, 40) != 0) return "reserved bytes";
    if (cells_ == 0) return "no cells";
    if (prefix_bytes_ > key_max_) return "a prefix longer than any key";
    if (heap_begin_ > page_.size()) return "the heap begins outside";
    return kHeaderBytes + prefix_bytes_ + cells_ * kSlotBytes > heap_begin_ ? "slots reach into the heap"
                                                                            : nullptr;
  }

  const char* WhyNoSlot(size_t index) {
    const size_t slot = kHeaderBytes + prefix_bytes_ + index * kSlotBytes;
    const size_t cell = Le16(page_, slot);
    const size_t key_bytes = Le16(page_, slot + 2);
    const size_t lead = branch_ ? 16 : 2;
    if (cell < heap_begin_ || cell + lead + key_bytes > page_.size()) return "a key outside the heap";
    if (prefix_bytes_ + key_bytes > key_max_) return "a key too long";
    const std::string_view key = AsText(page_.subspan(cell + lead, key_bytes));
    size_t bytes = lead + key_bytes;
    const char* const why = branch_ ? WhyNoChild(cell, index, key_bytes) : WhyNoValue(cell, key_bytes, bytes);
    if (why != nullptr) return why;
    taken_.emplace_back(cell, cell + bytes);
    uint64_t head = 0;
    for (size_t i = 0; i < 4; ++i) head = head << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
    if (head != Le32(page_, slot + 4)) return "a head that is not the key's";
    // All keys share the prefix; the first separator of a branch is none.
    if (index > (branch_ ? 1u : 0u) && key <= before_) return "keys do not ascend";
    before_ = key;
    return nullptr;
  }

  bool LaterLife(uint64_t birth) const { return LifeOfBirth(birth) > LifeOfBirth(Le64(page_, 16)); }

  const char* WhyNoChild(size_t cell, size_t index, size_t key_bytes) const {
    if (Le64(page_, cell) == 0 || Le64(page_, cell + 8) == 0) return "a null child";
    if (LaterLife(Le64(page_, cell + 8))) return "a child of a later life";
    if (index == 0) return key_bytes == 0 ? nullptr : "the first separator is not empty";
    return prefix_bytes_ + key_bytes == 0 ? "an empty separator" : nullptr;
  }

  const char* WhyNoValue(size_t cell, size_t key_bytes, size_t& bytes) const {
    const size_t stated = Le16(page_, cell);
    const size_t inline_max = page_.size() / 4;
    const size_t full_key = prefix_bytes_ + key_bytes;
    if (stated < 0x8000) {
      bytes += stated;
      if (cell + bytes > page_.size()) return "a value outside";
      return full_key + stated > inline_max ? "a value too long for a leaf" : nullptr;
    }
    const size_t at = cell + bytes;
    bytes += 32;
    if (cell + bytes > page_.size()) return "a reference outside";
    if (stated != 0x8000) return "an impossible length";
    if (Le64(page_, at) == 0 || Le64(page_, at + 8) == 0) return "a null extent";
    if (LaterLife(Le64(page_, at + 8))) return "an extent of a later life";
    const uint64_t length = Le64(page_, at + 16);
    if (length > uint64_t{2} << 30) return "an extent longer than any value";
    return full_key + length <= inline_max ? "a short value in an extent" : nullptr;
  }

  // Cells are apart, and what no cell takes of the heap is counted.
  const char* WhyNoHeap() {
    std::sort(taken_.begin(), taken_.end());
    size_t used = 0;
    for (size_t i = 0; i < taken_.size(); ++i) {
      if (i > 0 && taken_[i].first < taken_[i - 1].second) return "cells overlap";
      used += taken_[i].second - taken_[i].first;
    }
    return page_.size() - heap_begin_ - used == Le32(page_, 36) ? nullptr : "garbage counted wrongly";
  }

  const ByteView page_;
  const bool branch_;
  const size_t cells_;
  const size_t prefix_bytes_;
  const size_t heap_begin_;
  const size_t key_max_;
  std::vector<std::pair<size_t, size_t>> taken_;
  std::string_view before_;
};

}  // namespace

const char* WhyNoNode(ByteView page) { return NodeReader(page).Why(); }

}  // namespace manifolddb::fuzz
