#pragma once
// Runs of pages, and sets of pages with one bit each: the free map, on disk and in memory.

#include <cstdint>
#include <vector>

#include "engine/format/ids.h"
#include "manifolddb/bytes.h"

namespace manifolddb::format {

// Contiguous pages.
struct PageRun {
  PageId first;
  uint64_t pages = 0;
  uint64_t end() const { return first.raw() + pages; }  // the page after the last
  friend bool operator==(const PageRun&, const PageRun&) = default;
};

// A set of pages below size().
class PageBitmap {
 public:
  explicit PageBitmap(uint64_t pages = 0) { Resize(pages); }
  void Resize(uint64_t pages);  // new bits are clear
  uint64_t size() const { return pages_; }
  // Every page of the run is below size(). A run that comes from the disk may end anywhere.
  bool Holds(PageRun run) const { return run.pages <= pages_ && run.first.raw() <= pages_ - run.pages; }
  bool Test(PageId id) const;
  bool TestAll(PageRun run) const;
  bool TestNone(PageRun run) const;
  void Set(PageRun run);
  void Clear(PageRun run);
  uint64_t CountSet() const;
  // Position of the first set (clear) bit at or after `from`, or size().
  uint64_t NextSet(uint64_t from) const;
  uint64_t NextClear(uint64_t from) const;
  // Flips every bit.
  void Complement();
  // With the pages of `other` as well (growing to its size), without them, or with no others.
  void Add(const PageBitmap& other);
  void Remove(const PageBitmap& other);
  void KeepOnly(const PageBitmap& other);
  // Calls visit(PageRun) for what is set, ascending, as few runs as there are.
  template <class Visit>
  void ForEachRun(Visit visit) const {
    for (uint64_t at = NextSet(0); at < pages_;) {
      const uint64_t end = NextClear(at);
      visit(PageRun{PageId{at}, end - at});
      at = NextSet(end);
    }
  }

  // As bytes on disk: bit i % 8 of byte i / 8, least significant first; EncodedBytes() of them.
  uint64_t EncodedBytes() const { return (pages_ + 7) / 8; }
  void Encode(MutableByteView out) const;
  // REQUIRES: bytes.size() == (pages + 7) / 8.
  static PageBitmap Decode(ByteView bytes, uint64_t pages);

  // The pages in `a` that are not in `b`, ascending. The sets may differ in size.
  static std::vector<PageId> Difference(const PageBitmap& a, const PageBitmap& b);

  friend bool operator==(const PageBitmap&, const PageBitmap&) = default;

 private:
  static constexpr uint64_t kWordBits = 64;
  uint64_t Next(uint64_t from, uint64_t invert) const;

  std::vector<uint64_t> words_;  // bits at or above pages_ are clear
  uint64_t pages_ = 0;
};

}  // namespace manifolddb::format
