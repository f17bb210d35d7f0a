// Blocks of bits in an ordered map. Invariant: size_ is the number of bits set.

#include "engine/page/page_set.h"

#include <algorithm>
#include <bit>

#include "engine/base/assert.h"

namespace manifolddb::page {
namespace {

using format::PageId;
using format::PageRun;

// Calls op(first page of the word, mask) for each word of bits that `run` touches.
template <class Op>
void ForEachWord(PageRun run, Op op) {
  uint64_t at = run.first.raw();
  for (uint64_t left = run.pages; left > 0;) {
    const uint64_t bit = at % 64;
    const uint64_t bits = std::min(64 - bit, left);
    op(at - bit, (~uint64_t{0} >> (64 - bits)) << bit);
    at += bits;
    left -= bits;
  }
}

}  // namespace

PageSet::Block& PageSet::BlockOf(uint64_t id) {
  const uint64_t index = id / kBlockPages;
  if (index == last_index_) return *last_;
  if (first_index_ == kNoIndex) first_index_ = index;
  last_ = index == first_index_ ? &first_ : &blocks_[index];  // nodes of a map stay where they are
  last_index_ = index;
  return *last_;
}

const PageSet::Block* PageSet::FindBlock(uint64_t id) const {
  const uint64_t index = id / kBlockPages;
  if (index == last_index_) return last_;
  if (index == first_index_) return &first_;
  const auto found = blocks_.find(index);
  return found == blocks_.end() ? nullptr : &found->second;
}

bool PageSet::Contains(PageId id) const { return ContainsAll({id, 1}); }

bool PageSet::ContainsAll(PageRun run) const {
  bool all = run.pages <= size_;
  if (!all) return false;
  ForEachWord(run, [&](uint64_t page, uint64_t mask) {
    const Block* block = all ? FindBlock(page) : nullptr;
    all = block != nullptr && ((*block)[page % kBlockPages / kWordBits] & mask) == mask;
  });
  return all;
}

void PageSet::Insert(PageRun run) {
  ForEachWord(run, [&](uint64_t page, uint64_t mask) {
    uint64_t& word = BlockOf(page)[page % kBlockPages / kWordBits];
    MANIFOLDDB_ASSERT((word & mask) == 0);
    word |= mask;
  });
  size_ += run.pages;
}

void PageSet::Erase(PageRun run) {
  MANIFOLDDB_ASSERT(run.pages <= size_);
  ForEachWord(run, [&](uint64_t page, uint64_t mask) {
    uint64_t& word = BlockOf(page)[page % kBlockPages / kWordBits];
    MANIFOLDDB_ASSERT((word & mask) == mask);
    word &= ~mask;
  });
  size_ -= run.pages;
}

void PageSet::Clear() {
  blocks_.clear();
  first_index_ = kNoIndex;
  first_ = {};
  last_index_ = kNoIndex;
  last_ = nullptr;
  size_ = 0;
}

base::SmallVector<PageRun, 8> PageSet::Runs() const {
  base::SmallVector<PageRun, 8> runs;
  const auto add = [&runs](uint64_t index, const Block& block) {
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t base = index * kBlockPages + i * kWordBits;
      for (uint64_t word = block[i]; word != 0;) {
        const auto begin = static_cast<uint64_t>(std::countr_zero(word));
        const auto ones = static_cast<uint64_t>(std::countr_one(word >> begin));
        if (!runs.empty() && runs.back().end() == base + begin) {
          runs.back().pages += ones;
        } else {
          runs.push_back({PageId{base + begin}, ones});
        }
        word &= ~((~uint64_t{0} >> (kWordBits - ones)) << begin);
      }
    }
  };
  const auto behind = first_index_ == kNoIndex ? blocks_.end() : blocks_.lower_bound(first_index_);
  for (auto at = blocks_.begin(); at != behind; ++at) add(at->first, at->second);
  if (first_index_ != kNoIndex) add(first_index_, first_);
  for (auto at = behind; at != blocks_.end(); ++at) add(at->first, at->second);
  return runs;
}

}  // namespace manifolddb::page
