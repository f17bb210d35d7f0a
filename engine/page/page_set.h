#pragma once
// A sparse set of pages: small for a small transaction in a large file, a bit per page for a large one.

#include <array>
#include <cstdint>
#include <map>

#include "engine/base/small_vector.h"
#include "engine/format/page_bitmap.h"

namespace manifolddb::page {

class PageSet {
 public:
  PageSet() = default;
  PageSet(const PageSet&) = delete;
  PageSet& operator=(const PageSet&) = delete;

  uint64_t size() const { return size_; }
  bool Contains(format::PageId id) const;
  bool ContainsAll(format::PageRun run) const;
  // REQUIRES: none of them is in the set.
  void Insert(format::PageRun run);
  // REQUIRES: all of them are in the set.
  void Erase(format::PageRun run);
  void Clear();
  // What is in the set: ascending, coalesced.
  base::SmallVector<format::PageRun, 8> Runs() const;

 private:
  static constexpr uint64_t kWordBits = 64;
  static constexpr uint64_t kWords = 16;
  static constexpr uint64_t kBlockPages = kWords * kWordBits;
  using Block = std::array<uint64_t, kWords>;

  // The block of page `id`; made if it is not there.
  Block& BlockOf(uint64_t id);
  const Block* FindBlock(uint64_t id) const;

  // The block used first, and the others, by id / kBlockPages: a small set needs no memory.
  static constexpr uint64_t kNoIndex = ~uint64_t{0};
  uint64_t first_index_ = kNoIndex;
  Block first_{};
  std::map<uint64_t, Block> blocks_;
  // The block used last: what the allocator hands out lies close together.
  uint64_t last_index_ = kNoIndex;
  Block* last_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace manifolddb::page
