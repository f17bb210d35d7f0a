// Sets of pages, word by word. Invariant: bits at or above size() are clear, so that counting and comparing
// need no special last word.

#include "engine/format/page_bitmap.h"

#include <algorithm>
#include <bit>

#include "engine/base/assert.h"
#include "engine/base/le.h"
#include "engine/base/size.h"

namespace manifolddb::format {
namespace {

// Calls op(word index, mask) for each word that `run` touches.
template <class Op>
void ForEachWord(PageRun run, Op op) {
  uint64_t at = run.first.raw();
  const uint64_t end = run.end();
  while (at < end) {
    const uint64_t bit = at % 64;
    const uint64_t bits = std::min<uint64_t>(64 - bit, end - at);
    const uint64_t mask = (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1) << bit;
    op(base::ToSize(at / 64), mask);
    at += bits;
  }
}

}  // namespace

void PageBitmap::Resize(uint64_t pages) {
  if (pages < pages_) Clear({PageId{pages}, pages_ - pages});
  words_.resize(base::ToSize((pages + kWordBits - 1) / kWordBits), 0);
  pages_ = pages;
}

bool PageBitmap::Test(PageId id) const {
  return id.raw() < pages_ &&
         ((words_[base::ToSize(id.raw() / kWordBits)] >> (id.raw() % kWordBits)) & 1) != 0;
}

bool PageBitmap::TestAll(PageRun run) const {
  if (!Holds(run)) return false;
  bool all = true;
  ForEachWord(run, [&](size_t word, uint64_t mask) { all = all && (words_[word] & mask) == mask; });
  return all;
}

bool PageBitmap::TestNone(PageRun run) const {
  if (run.first.raw() >= pages_) return true;
  run.pages = std::min(run.pages, pages_ - run.first.raw());
  bool none = true;
  ForEachWord(run, [&](size_t word, uint64_t mask) { none = none && (words_[word] & mask) == 0; });
  return none;
}

void PageBitmap::Set(PageRun run) {
  MANIFOLDDB_ASSERT(Holds(run));
  ForEachWord(run, [&](size_t word, uint64_t mask) { words_[word] |= mask; });
}

void PageBitmap::Clear(PageRun run) {
  MANIFOLDDB_ASSERT(Holds(run));
  ForEachWord(run, [&](size_t word, uint64_t mask) { words_[word] &= ~mask; });
}

uint64_t PageBitmap::CountSet() const {
  uint64_t count = 0;
  for (const uint64_t word : words_) count += static_cast<uint64_t>(std::popcount(word));
  return count;
}

uint64_t PageBitmap::Next(uint64_t from, uint64_t invert) const {
  if (from >= pages_) return pages_;
  size_t index = base::ToSize(from / kWordBits);
  uint64_t word = (words_[index] ^ invert) & (~uint64_t{0} << (from % kWordBits));
  while (word == 0) {
    if (++index == words_.size()) return pages_;
    word = words_[index] ^ invert;
  }
  return std::min(pages_, uint64_t{index} * kWordBits + static_cast<uint64_t>(std::countr_zero(word)));
}

uint64_t PageBitmap::NextSet(uint64_t from) const { return Next(from, 0); }
uint64_t PageBitmap::NextClear(uint64_t from) const { return Next(from, ~uint64_t{0}); }

void PageBitmap::Complement() {
  for (uint64_t& word : words_) word = ~word;
  if (pages_ % kWordBits != 0) words_.back() &= (uint64_t{1} << (pages_ % kWordBits)) - 1;
}

void PageBitmap::Add(const PageBitmap& other) {
  if (other.pages_ > pages_) Resize(other.pages_);
  for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

void PageBitmap::Remove(const PageBitmap& other) {
  const size_t common = std::min(words_.size(), other.words_.size());
  for (size_t i = 0; i < common; ++i) words_[i] &= ~other.words_[i];
}

void PageBitmap::KeepOnly(const PageBitmap& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= i < other.words_.size() ? other.words_[i] : 0;
}

void PageBitmap::Encode(MutableByteView out) const {
  MANIFOLDDB_ASSERT(out.size() == EncodedBytes());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::byte>(words_[i / 8] >> (8 * (i % 8)));
  }
}

PageBitmap PageBitmap::Decode(ByteView bytes, uint64_t pages) {
  PageBitmap set(pages);
  MANIFOLDDB_ASSERT(bytes.size() == set.EncodedBytes());
  for (size_t i = 0; i < bytes.size(); ++i) {
    set.words_[i / 8] |= static_cast<uint64_t>(bytes[i]) << (8 * (i % 8));
  }
  if (pages % kWordBits != 0) set.words_.back() &= (uint64_t{1} << (pages % kWordBits)) - 1;
  return set;
}

std::vector<PageId> PageBitmap::Difference(const PageBitmap& a, const PageBitmap& b) {
  std::vector<PageId> ids;
  for (size_t i = 0; i < a.words_.size(); ++i) {
    uint64_t word = a.words_[i] & ~(i < b.words_.size() ? b.words_[i] : 0);
    for (; word != 0; word &= word - 1) {
      ids.push_back(PageId{uint64_t{i} * kWordBits + static_cast<uint64_t>(std::countr_zero(word))});
    }
  }
  return ids;
}

}  // namespace manifolddb::format
