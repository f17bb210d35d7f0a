#include "engine/wal/log_ring.h"

#include <gtest/gtest.h>

#include <deque>

#include "engine/wal/log_fixture.h"

namespace manifolddb::wal {
namespace {

using format::Lsn;

constexpr LogRing kRing = {.capacity = 16 * 512, .origin = Lsn{100 * 512}, .write_unit = 512};
constexpr Lsn At(uint64_t unit) { return Lsn{unit * 512}; }

static_assert(kRing.Possible());
static_assert(kRing.group_bytes_max() == 4 * 512);
static_assert(kRing.usable_bytes() == 12 * 512);
static_assert(kRing.OffsetOf(At(100)) == 0);
static_assert(kRing.OffsetOf(At(115)) == 15 * 512);
static_assert(kRing.OffsetOf(At(116)) == 0);
static_assert(kRing.FileOffsetOf(At(101)) == 3 * 512);
static_assert(kRing.NextBeginning(At(100)) == At(100));
static_assert(kRing.NextBeginning(At(101)) == At(116));
static_assert(kRing.NextBeginning(At(116)) == At(116));
static_assert(kRing.Place(At(112), 4 * 512) == At(112));  // up to the very end
static_assert(kRing.Place(At(113), 4 * 512) == At(116));
static_assert(kRing.Place(At(116), 4 * 512) == At(116));
static_assert(kRing.Place(At(115), 512) == At(115));
static_assert(!LogRing{.capacity = 7 * 512, .origin = {}, .write_unit = 512}.Possible());
static_assert(!LogRing{.capacity = 8 * 512 + 1, .origin = {}, .write_unit = 512}.Possible());
static_assert(!LogRing{}.Possible());
static_assert(LogRing{.capacity = uint64_t{1} << 40, .origin = {}, .write_unit = 4096}.group_bytes_max() ==
              format::kLogGroupBytesMax);

TEST(LogRing, AGroupLiesAtTheEndOrAtTheNextBeginningAndNeverStraddles) {
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const uint64_t units = 8 + random.Below(60);
    const LogRing ring = {
        .capacity = units * 512, .origin = Lsn{random.Below(1000) * 512}, .write_unit = 512};
    const Lsn end{ring.origin.raw() + random.Below(10 * units) * 512};
    const uint64_t span = (1 + random.Below(ring.group_bytes_max() / 512)) * 512;
    const Lsn placed = ring.Place(end, span);
    ASSERT_TRUE(placed == end || placed == ring.NextBeginning(end));
    ASSERT_LE(ring.OffsetOf(placed) + span, ring.capacity);
    ASSERT_LT(format::Distance(end, placed), ring.group_bytes_max());
    ASSERT_LE(ring.FileOffsetOf(placed) + span, format::LogRingOffset(512) + ring.capacity);
    // It wraps only if it must.
    if (placed != end) {
      ASSERT_GT(ring.OffsetOf(end) + span, ring.capacity);
    }
  }
}

TEST(LogRing, WhatWasReservedNeverOverlapsWhatIsStillNeeded) {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    const uint64_t units = 8 + random.Below(30);
    const LogRing ring = {.capacity = units * 512, .origin = Lsn{random.Below(99) * 512}, .write_unit = 512};
    struct Group {
      Lsn lsn;
      uint64_t span;
    };
    std::deque<Group> needed;  // since the checkpoint
    uint64_t reserved = 0;
    Lsn end{ring.origin.raw() + random.Below(units) * 512};
    Lsn tail = end;
    for (int step = 0; step < 200; ++step) {
      const uint64_t span = (1 + random.Below(ring.group_bytes_max() / 512)) * 512;
      while (reserved + span > ring.usable_bytes()) {
        ASSERT_FALSE(needed.empty());
        tail = format::Advance(needed.front().lsn, needed.front().span);
        reserved -= needed.front().span;
        needed.pop_front();
      }
      const Lsn lsn = ring.Place(end, span);
      const uint64_t begin = ring.OffsetOf(lsn);
      for (const Group& group : needed) {
        const uint64_t other = ring.OffsetOf(group.lsn);
        ASSERT_TRUE(begin + span <= other || other + group.span <= begin);
      }
      end = format::Advance(lsn, span);
      ASSERT_LE(format::Distance(tail, end), ring.capacity);
      needed.push_back({lsn, span});
      reserved += span;
    }
  }
}

}  // namespace
}  // namespace manifolddb::wal
