// The groups of a log file. Unlike recovery, which follows the log from the checkpoint and stops at its end,
// this looks at every place where a group may begin, so that what lies behind damage is seen as well.
//
// (1) What is called intact has a matching checksum; nothing is said of the rest but where it lies and what
//     its header claims.
// (2) Which groups follow the checkpoint is worked out from the positions and chain values of intact groups
// alone.

#include "tools/log_scan.h"

#include <cstring>
#include <map>

#include "engine/base/try.h"

namespace manifolddb::tools {

using format::LogGroup;
using format::Lsn;
using format::MetaPage;

namespace {

Result<LogFront> ReadFront(RawFile& log, const MetaPage* meta) {
  LogFront front;
  MANIFOLDDB_ASSIGN(const ByteView first, log.Read(0, sizeof front.disk));
  if (!first.empty()) std::memcpy(&front.disk, first.data(), first.size());
  front.header = format::DecodeLogHeader(first);
  const bool valid = front.header.verdict == format::MetaVerdict::kValid;
  front.write_unit = valid             ? front.header.header.write_unit
                     : meta != nullptr ? meta->write_unit
                                       : format::kWriteUnitMin;
  const format::Identity identity = valid ? front.header.header.identity : front.disk.identity;
  MANIFOLDDB_ASSIGN(const ByteView marker, log.Read(front.write_unit, sizeof(format::LogMarkerDisk)));
  front.marker = format::DecodeLogMarker(marker, identity);
  return front;
}

Status FindGroups(RawFile& log, LogScan& scan) {
  const uint64_t unit = scan.front.write_unit;
  for (uint64_t offset = format::LogRingOffset(scan.front.write_unit); offset < log.size();) {
    MANIFOLDDB_ASSIGN(const ByteView begin, log.Read(offset, sizeof(format::LogGroupDisk)));
    GroupFound found;
    found.offset = offset;
    if (!format::DecodeLogGroupHeader(begin, found.header)) {
      offset += unit;
      continue;
    }
    const uint64_t span = format::LogGroupSpan(found.header.bytes, scan.front.write_unit);
    bool intact = false;
    if (span <= log.size() - offset) {
      MANIFOLDDB_ASSIGN(const ByteView group, log.Read(offset, span));
      intact = format::LogGroupIntact(group);
    }
    if (!intact) found.place = GroupPlace::kTorn;
    scan.groups.push_back(found);
    // What a group that is not intact covers is not known: something may begin at the next unit.
    offset += intact ? span : unit;
  }
  return {};
}

// Where the groups of `scan` stand with respect to the checkpoint of `meta`.
class Placing {
 public:
  Placing(const MetaPage& meta, LogScan& scan) : meta_(meta), scan_(scan) {
    for (GroupFound& group : scan.groups) {
      if (group.place == GroupPlace::kTorn) continue;
      if (group.header.identity != meta.identity) {
        group.place = GroupPlace::kForeign;
        continue;
      }
      group.place = GroupPlace::kOld;
      if (!meta.clean && group.header.life == meta.log_life) by_lsn_[group.header.lsn] = &group;
    }
  }

  void Run() {
    Lsn end = meta_.lsn;
    uint64_t chain = meta_.chain;
    format::TxnId next = meta_.txn.next();
    while (GroupFound* const group = Next(end, chain, next)) {
      group->place = GroupPlace::kFollows;
      end = format::Advance(group->header.lsn, SpanOf(*group));
      chain = group->header.checksum;
      next = format::TxnId{next.raw() + group->header.records};
      scan_.following_commits += group->header.records;
    }
    scan_.end = end;
    for (auto& [lsn, group] : by_lsn_) {
      if (lsn >= end) group->place = GroupPlace::kBeyond;
    }
    for (const GroupFound& group : scan_.groups) Contradicts(group, end);
  }

 private:
  uint64_t SpanOf(const GroupFound& group) const {
    return format::LogGroupSpan(group.header.bytes, scan_.front.write_unit);
  }
  // The group at `end`, or at the ring's next beginning, if it continues the log.
  GroupFound* Next(Lsn end, uint64_t chain, format::TxnId next) {
    const uint64_t in_ring = format::Distance(meta_.log_origin, end) % meta_.log_capacity;
    const Lsn beginning = in_ring == 0 ? end : format::Advance(end, meta_.log_capacity - in_ring);
    for (const Lsn at : {end, beginning}) {
      const auto found = by_lsn_.find(at);
      if (found == by_lsn_.end()) continue;
      GroupFound* const group = found->second;
      const uint64_t offset = format::LogRingOffset(scan_.front.write_unit) +
                              format::Distance(meta_.log_origin, at) % meta_.log_capacity;
      if (group->offset == offset && group->header.chain == chain && group->header.first_txn == next)
        return group;
    }
    return nullptr;
  }
  void Contradicts(const GroupFound& group, Lsn end) {
    if (group.place == GroupPlace::kTorn || group.place == GroupPlace::kForeign) return;
    const std::string who = "the group at byte " + std::to_string(group.offset) + " states that ";
    if (group.header.durable_meta > meta_.number) {
      scan_.contradictions.push_back(who + "meta page " + std::to_string(group.header.durable_meta.raw()) +
                                     " was durable, but the newest one found is " +
                                     std::to_string(meta_.number.raw()));
    }
    if (!meta_.clean && group.header.life == meta_.log_life && group.header.durable_lsn > end) {
      scan_.contradictions.push_back(who + "everything below " +
                                     std::to_string(group.header.durable_lsn.raw()) +
                                     " was durable, but the log ends at " + std::to_string(end.raw()));
    }
  }

  const MetaPage& meta_;
  LogScan& scan_;
  std::map<Lsn, GroupFound*> by_lsn_;
};

}  // namespace

const char* PlaceName(GroupPlace place) {
  switch (place) {
    case GroupPlace::kFollows: return "follows the checkpoint";
    case GroupPlace::kOld: return "old";
    case GroupPlace::kBeyond: return "beyond the end";
    case GroupPlace::kForeign: return "of another database";
    case GroupPlace::kTorn: return "not intact";
    case GroupPlace::kUnknown: return "intact";
  }
  return "";
}

Result<LogScan> ScanLog(RawFile& log, const MetaPage* meta) {
  LogScan scan;
  MANIFOLDDB_ASSIGN(scan.front, ReadFront(log, meta));
  MANIFOLDDB_TRY(FindGroups(log, scan));
  if (meta != nullptr && scan.front.write_unit == meta->write_unit) Placing(*meta, scan).Run();
  return scan;
}

}  // namespace manifolddb::tools
