// What two files state about the commits of a database, read by format.md, without the engine.
//
// A state that an opening claims is wrong if something that survived states more: a meta page whose
// checkpoint is later; the chain of groups, which goes on; a group of this life that states more bytes to
// have been durable than the chain has; a group that names a newer meta page; a marker that names a later
// life.
#include <algorithm>
#include <array>
#include <vector>

#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "fuzz/judge.h"

namespace manifolddb::fuzz {
namespace {

using format::LogGroup;
using format::MetaPage;

struct Evidence {
  std::optional<MetaPage> newest;
  bool slot_lost = false;
  std::vector<std::pair<uint64_t, LogGroup>> groups;  // offset in the ring, intact ones of this database
};

bool Older(const MetaPage& a, const MetaPage& b) {
  return std::make_tuple(a.number, a.life, a.copy_order) < std::make_tuple(b.number, b.life, b.copy_order);
}

void ReadMeta(ByteView data, Evidence& evidence) {
  for (const uint64_t slot : {0, 1}) {
    bool readable = false;
    for (const uint64_t copy : {0, 1}) {
      const uint64_t at = (slot * 2 + copy) * 512;  // the write unit of every database here
      if (at + 512 > data.size()) continue;
      const auto decoded = format::DecodeMetaPage(data.subspan(at, 512));
      if (decoded.verdict != format::MetaVerdict::kValid) continue;
      readable = true;
      if (!evidence.newest || Older(*evidence.newest, decoded.meta)) evidence.newest = decoded.meta;
    }
    evidence.slot_lost = evidence.slot_lost || !readable;
  }
}

void ReadGroups(ByteView log, Evidence& evidence) {
  const uint32_t unit = evidence.newest->write_unit;
  const uint64_t ring = format::LogRingOffset(unit);
  for (uint64_t at = ring; at + sizeof(format::LogGroupDisk) <= log.size(); at += unit) {
    LogGroup group;
    if (!format::DecodeLogGroupHeader(log.subspan(at), group) || !format::LogGroupIntact(log.subspan(at)))
      continue;
    if (group.identity == evidence.newest->identity) evidence.groups.emplace_back(at - ring, group);
  }
}

struct End {
  uint64_t lsn;
  uint64_t txn;
};

// The end of the chain that the meta page's position begins.
End FollowChain(const Evidence& evidence) {
  const MetaPage& meta = *evidence.newest;
  End end{meta.lsn.raw(), meta.txn.raw()};
  uint64_t chain = meta.chain;
  for (bool found = true; found;) {
    found = false;
    for (const auto& [offset, group] : evidence.groups) {
      const uint64_t capacity = meta.log_capacity;
      const uint64_t lsn = group.lsn.raw();
      if (group.life != meta.log_life || group.chain != chain || lsn < end.lsn) continue;
      if ((lsn - meta.log_origin.raw()) % capacity != offset) continue;
      // Where the one before ends, or at the ring's next beginning.
      const bool at_beginning = offset == 0 && lsn - end.lsn < capacity;
      if (lsn != end.lsn && !at_beginning) continue;
      end = {lsn + format::LogGroupSpan(group.bytes, meta.write_unit), end.txn + group.records};
      chain = group.checksum;
      found = true;
      break;
    }
  }
  return end;
}

std::optional<std::string> ProofInLog(const Evidence& evidence, uint64_t claimed) {
  const MetaPage& meta = *evidence.newest;
  const End end = FollowChain(evidence);
  if (end.txn > claimed) return "the log goes on to commit " + std::to_string(end.txn);
  for (const auto& [offset, group] : evidence.groups) {
    if (group.durable_meta > meta.number) {
      return "a group names meta page " + std::to_string(group.durable_meta.raw());
    }
    if (group.life == meta.log_life && group.durable_lsn.raw() > end.lsn) {
      return "a group states " + std::to_string(group.durable_lsn.raw()) +
             " to have been durable, the log ends at " + std::to_string(end.lsn);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ProofOfMore(const Files& files, uint64_t claimed) {
  const auto data = files.find(kDataName);
  const auto log = files.find(kLogName);
  if (data == files.end() || log == files.end()) return "a file is missing";
  Evidence evidence;
  ReadMeta(AsBytes(data->second), evidence);
  if (!evidence.newest || evidence.slot_lost) return "a slot has no readable meta page";
  const MetaPage& meta = *evidence.newest;
  if (meta.txn.raw() > claimed) return "the meta page is of commit " + std::to_string(meta.txn.raw());
  const ByteView log_bytes = AsBytes(log->second);
  if (log_bytes.size() < 1024) return "the log is cut";
  const auto marker = format::DecodeLogMarker(log_bytes.subspan(512, 512), meta.identity);
  if (marker && *marker > meta.life) return "the log's marker is of life " + std::to_string(marker->raw());
  // Closed in order: nothing follows in the log, and nobody looks.
  if (meta.clean) return std::nullopt;
  ReadGroups(log_bytes, evidence);
  return ProofInLog(evidence, claimed);
}

}  // namespace manifolddb::fuzz
