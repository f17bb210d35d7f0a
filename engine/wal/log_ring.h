#pragma once
// Where in the circular log a group lies: pure arithmetic.

#include <algorithm>
#include <cstdint>

#include "engine/base/assert.h"
#include "engine/format/ids.h"
#include "engine/format/log_format.h"

namespace manifolddb::wal {

// The ring of one checkpoint: `capacity` bytes, `origin` lies at ring offset 0. All positions are multiples
// of write_unit from origin.
//
// (1) Groups placed one behind the other never overlap, and none straddles the ring's end.
// (2) What a wrap wastes is less than the span of the group that wraps, hence less than group_bytes_max(). So
//     as long as the spans of the groups behind a position sum up to at most usable_bytes(), none reaches
//     that position again.
struct LogRing {
  uint64_t capacity = 0;
  format::Lsn origin = {};
  uint32_t write_unit = 0;

  // Ring offset of a position.
  constexpr uint64_t OffsetOf(format::Lsn lsn) const {
    MANIFOLDDB_ASSERT(lsn >= origin && capacity > 0);
    return format::Distance(origin, lsn) % capacity;
  }
  // Byte offset in the log file.
  constexpr uint64_t FileOffsetOf(format::Lsn lsn) const {
    return format::LogRingOffset(write_unit) + OffsetOf(lsn);
  }
  // Where a group of `span` bytes goes if the log ends at `end`: there, or at the ring's next beginning,
  // since a group never straddles the ring's end.
  constexpr format::Lsn Place(format::Lsn end, uint64_t span) const {
    MANIFOLDDB_ASSERT(span > 0 && span <= capacity && span % write_unit == 0);
    return OffsetOf(end) + span <= capacity ? end : NextBeginning(end);
  }
  // The next beginning of the ring at or after `lsn`.
  constexpr format::Lsn NextBeginning(format::Lsn lsn) const {
    const uint64_t offset = OffsetOf(lsn);
    return offset == 0 ? lsn : format::Advance(lsn, capacity - offset);
  }
  // Largest span of one group: a quarter of the ring, so that wasted ends stay small.
  constexpr uint64_t group_bytes_max() const {
    return std::min(capacity / 4 / write_unit * write_unit, format::kLogGroupBytesMax);
  }
  // What may be reserved in all: the ring less the largest end that a wrap can waste.
  constexpr uint64_t usable_bytes() const { return capacity - group_bytes_max(); }
  // What every intact meta page grants.
  constexpr bool Possible() const {
    return write_unit > 0 && capacity % write_unit == 0 && capacity / write_unit >= format::kLogRingUnitsMin;
  }
};

}  // namespace manifolddb::wal
