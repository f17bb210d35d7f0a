#pragma once
// The identities that reach the disk. Distinct types: a PageId is never taken for an Lsn.

#include <cstdint>

#include "engine/base/id.h"

namespace manifolddb::format {

using PageId = base::Id<struct PageTag>;      // position in the data file, in pages; 0 is never a page
using Birth = base::Id<struct BirthTag>;      // drawn when a page is allocated, never used again; 0: none
using Lsn = base::Id<struct LsnTag>;          // byte position in the endless log
using TxnId = base::Id<struct TxnTag>;        // dense commit order, from 1
using FamilyId = base::Id<struct FamilyTag>;  // column family, from 1, never used again
using TableId = base::Id<struct TableTag>;    // table within its family, from 1, never used again
using Life = base::Id<struct LifeTag>;        // opening for writing, from 1
using MetaNumber = base::Id<struct MetaTag>;  // meta page, from 1; odd in slot A, even in slot B

// Numbers that only grow (commits, meta pages, log positions, entries of a tree): nothing is written beyond
// kNumberMax, and nothing beyond half of it is believed when it is read. So what is read can be added to, and
// no process can count from there to where it must not write.
inline constexpr uint64_t kNumberMax = uint64_t{1} << 62;
inline constexpr uint64_t kNumberReadMax = kNumberMax / 2;
inline constexpr uint64_t kLsnMax = kNumberMax;
// Ids of column families, and of tables within one, are at most this: the next one never overflows, and a
// table by id has few levels. Creating one more is kLimit.
inline constexpr uint64_t kFamilyIdMax = (uint64_t{1} << 40) - 1;
inline constexpr uint64_t kTableIdMax = (uint64_t{1} << 40) - 1;

constexpr Lsn Advance(Lsn at, uint64_t bytes) { return Lsn{at.raw() + bytes}; }
constexpr uint64_t Distance(Lsn from, Lsn to) { return to.raw() - from.raw(); }

// A birth is the life in the upper 24 bits and a counter in the lower 40: births of a later life are greater,
// and within a life they grow in the order they were drawn.
inline constexpr int kBirthCounterBits = 40;
inline constexpr uint64_t kBirthCounterMax = (uint64_t{1} << kBirthCounterBits) - 1;
inline constexpr uint64_t kLifeMax = (uint64_t{1} << (64 - kBirthCounterBits)) - 1;
constexpr Birth FirstBirth(Life life) { return Birth{life.raw() << kBirthCounterBits}; }
constexpr Life LifeOf(Birth birth) { return Life{birth.raw() >> kBirthCounterBits}; }

// Refers to one page; the page itself carries both, so stale, lost and misdirected writes are caught.
struct PageRef {
  PageId id;
  Birth birth;
  bool null() const { return id == PageId{}; }
  friend bool operator==(PageRef, PageRef) = default;
};

// Refers to a run of raw bytes that starts at a page boundary; its pages carry nothing but the bytes.
struct ExtentRef {
  PageId first;
  Birth birth;
  uint64_t bytes = 0;
  uint64_t checksum = 0;
  bool null() const { return first == PageId{}; }
  friend bool operator==(const ExtentRef&, const ExtentRef&) = default;
};
constexpr uint64_t ExtentPages(uint64_t bytes, uint32_t page_size) {
  return (bytes + page_size - 1) / page_size;
}

// A tree: its root page (null when empty) and the number of entries.
struct TreeRoot {
  PageRef root = {};
  uint64_t entries = 0;
  friend bool operator==(const TreeRoot&, const TreeRoot&) = default;
};

}  // namespace manifolddb::format
