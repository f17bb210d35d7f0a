// Follows the chain of groups behind a checkpoint, then looks for proof that it should have been longer.
//
// (1) A group is the next one if it is intact, of this database and life, stands where the writer would have
//     put it and names the checksum of the group before. Everything in it is checked before any of it is
//     applied.
// (2) Where no such group stands the log ends: a group that a crash tore, or lost, was never acknowledged.
//     Groups behind it may have reached the disk before it did, as long as none was known durable when they
//     were written.
// (3) What an intact group states was true when it was written, wherever it lies now. So if one of this life
//     states that the log was durable beyond its end, or one of any life that a newer meta page was, then
//     acknowledged bytes are gone, and saying where the log ends would be a wrong answer.
// Groups of earlier laps and earlier lives lie all over the ring: they have other positions or lives and
// state less.

#include "engine/wal/log_reader.h"

#include <algorithm>
#include <optional>
#include <string>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::wal {
namespace {

using format::LogGroup;
using format::Lsn;

constexpr uint64_t kBlockBytes = uint64_t{1} << 20;

uint64_t WholeUnits(uint64_t bytes, uint32_t unit) { return bytes / unit * unit; }

// A part of a file through a buffer that moves over it, forward most of the time.
class FileWindow {
 public:
  FileWindow(File& file, uint64_t offset, uint64_t size) : file_(file), offset_(offset), size_(size) {}

  uint64_t size() const { return size_; }

  // Lives until the next call. REQUIRES: [at, at + bytes) lies inside.
  Result<ByteView> View(uint64_t at, uint64_t bytes) {
    MANIFOLDDB_ASSERT(bytes > 0 && bytes <= size_ && at <= size_ - bytes);
    if (at < begin_ || at + bytes > begin_ + length_) MANIFOLDDB_TRY(Move(at, bytes));
    return buffer_.view().subspan(base::ToSize(at - begin_), base::ToSize(bytes));
  }

 private:
  Status Move(uint64_t at, uint64_t bytes) {
    const uint64_t length = std::min(std::max(bytes, kBlockBytes), size_ - at);
    length_ = 0;
    if (buffer_.size() < length) {
      MANIFOLDDB_ASSIGN(buffer_, base::Buffer::Make(length, "wal.read"));
    }
    MANIFOLDDB_TRY(file_.Read(offset_ + at, buffer_.span().first(base::ToSize(length))));
    begin_ = at;
    length_ = length;
    return {};
  }

  File& file_;
  const uint64_t offset_;
  const uint64_t size_;
  base::Buffer buffer_;
  uint64_t begin_ = 0;
  uint64_t length_ = 0;
};

// A group that lies anywhere in the file, torn by nothing.
struct FoundGroup {
  LogGroup header;
  uint64_t offset;  // in the window
};

// The first intact one that is `wanted` by its header, for which a torn one is asked, too.
template <class Wanted>
Result<std::optional<FoundGroup>> FindIntactGroup(FileWindow& window, uint32_t unit_bytes, Wanted wanted) {
  for (uint64_t offset = 0; offset < window.size(); offset += unit_bytes) {
    MANIFOLDDB_ASSIGN(const ByteView unit, window.View(offset, unit_bytes));
    LogGroup header;
    if (!format::DecodeLogGroupHeader(unit, header) || !wanted(header)) continue;
    const uint64_t span = format::LogGroupSpan(header.bytes, unit_bytes);
    if (span > window.size() - offset) continue;
    MANIFOLDDB_ASSIGN(const ByteView group, window.View(offset, span));
    // Torn itself: what it says is not evidence.
    if (format::LogGroupIntact(group)) return FoundGroup{header, offset};
  }
  return std::nullopt;
}

class LogScanner {
 public:
  using Apply = std::function<Status(const LogTransaction&)>;

  LogScanner(File& log, const LogScan& scan, uint64_t file_bytes, const Apply& apply)
      : log_(log),
        scan_(scan),
        apply_(apply),
        unit_(scan.ring.write_unit),
        window_(log, format::LogRingOffset(unit_),
                WholeUnits(file_bytes - format::LogRingOffset(unit_), unit_)),
        result_{.end = scan.start, .next_txn = scan.first_txn} {}

  Result<LogScanResult> Run() {
    MANIFOLDDB_ASSIGN(const LogPrefix prefix, RunToDamage());
    if (prefix.damage) return std::unexpected<Error>(*prefix.damage);
    return prefix.read;
  }

  Result<LogPrefix> RunToDamage() {
    for (;;) {
      if (scan_.until && result_.end.lsn >= *scan_.until) return LogPrefix{.read = result_, .damage = {}};
      const Result<std::optional<Next>> next = FindNext();
      if (!next) return Stopped(next.error());
      if (!*next) break;
      const Status checked = Check(**next);
      if (!checked) return Stopped(checked.error());
      MANIFOLDDB_TRY(Accept(**next));
    }
    const Status looked = LookBeyondTheEnd();
    if (!looked) return Stopped(looked.error());
    return LogPrefix{.read = result_, .damage = {}, .torn = torn_};
  }

 private:
  // A group that continues the log.
  struct Next {
    LogGroup header;
    Lsn lsn;
    ByteView group;  // the whole span
  };

  uint64_t SpanOf(const LogGroup& header) const { return format::LogGroupSpan(header.bytes, unit_); }
  bool Holds(uint64_t offset, uint64_t bytes) const {
    return bytes <= window_.size() && offset <= window_.size() - bytes;
  }
  bool Ours(const LogGroup& header) const {
    return header.identity == scan_.identity || MANIFOLDDB_BROKEN("wal.identity.skip");
  }

  std::unexpected<Error> Corrupt(Lsn at, std::string message) const {
    return Fail(Errc::kCorrupt, "wal.read",
                {.file = log_.name(), .offset = scan_.ring.FileOffsetOf(at), .message = std::move(message)});
  }

  Result<LogPrefix> Stopped(const Error& error) const {
    if (error.code() != Errc::kCorrupt) return std::unexpected<Error>(error);
    return LogPrefix{.read = result_, .damage = error};
  }

  // The end itself, or the ring's next beginning if the group did not fit before it.
  Result<std::optional<Next>> FindNext() {
    const Lsn end = result_.end.lsn;
    torn_.reset();
    MANIFOLDDB_ASSIGN(std::optional<Next> next, Probe(end));
    const Lsn beginning = scan_.ring.NextBeginning(end);
    if (next || beginning == end || MANIFOLDDB_BROKEN("wal.read.wrap.skip")) return next;
    MANIFOLDDB_ASSIGN(next, Probe(beginning));
    if (next) MANIFOLDDB_MARK("wal.read.wrap");
    return next;
  }

  // The group at `at` if it is the next one.
  Result<std::optional<Next>> Probe(Lsn at) {
    const std::optional<Next> none;
    const LogRing& ring = scan_.ring;
    const uint64_t offset = ring.OffsetOf(at);
    if (!Holds(offset, unit_)) return none;  // of a log that was cut
    MANIFOLDDB_ASSIGN(const ByteView unit, window_.View(offset, unit_));
    LogGroup header;
    // Nothing was written here, or the middle of an older group lies here, or the header itself was torn.
    if (!format::DecodeLogGroupHeader(unit, header)) return none;
    // Another database's group: a misdirected write, or a disk that hands out old sectors for new files.
    if (!Ours(header)) return none;
    // An earlier life's: what a crash cut off, in front of which this life began.
    if (header.life != scan_.life && !MANIFOLDDB_BROKEN("wal.life.skip")) {
      MANIFOLDDB_MARK("wal.other_life_at_end");
      return none;
    }
    // An earlier lap's.
    if (header.lsn != at && !MANIFOLDDB_BROKEN("wal.lsn.skip")) return none;
    const uint64_t span = SpanOf(header);
    // Only a torn header says so: the writer would have put this elsewhere. (At the beginning: behind another
    // group.)
    if (span > ring.group_bytes_max() || ring.Place(result_.end.lsn, span) != at) return none;
    if (!Holds(offset, span)) return none;
    MANIFOLDDB_ASSIGN(const ByteView group, window_.View(offset, span));
    if (!format::LogGroupIntact(group) && !MANIFOLDDB_BROKEN("wal.checksum.skip")) {
      MANIFOLDDB_MARK("wal.torn_tail");
      torn_ = scan_.ring.FileOffsetOf(at);
      return none;
    }
    if (header.chain != result_.end.chain && !MANIFOLDDB_BROKEN("wal.chain.skip")) {
      // At the beginning it may follow a group that was torn before it. At the end itself it can follow
      // nothing but what stands there, and the one with the next TxnId likewise: in one life each position is
      // written once.
      if (at == result_.end.lsn || header.first_txn == result_.next_txn) {
        return Corrupt(
            at, "an intact group of this life does not continue the log: it names another group before it");
      }
      return none;
    }
    return Next{.header = header, .lsn = at, .group = group};
  }

  // An intact group with the right chain was written by us behind what was read so far. Where it contradicts
  // that, no crash explains it.
  Status Check(const Next& next) const {
    const LogGroup& header = next.header;
    if (NamesNewerMeta(header)) {
      MANIFOLDDB_MARK("wal.newer_meta_named");
      return Corrupt(next.lsn, NewerMeta(header));
    }
    if (header.durable_lsn > header.lsn) {
      return Corrupt(next.lsn, "a group states bytes behind itself to be durable");
    }
    if (header.first_txn != result_.next_txn) {
      return Corrupt(next.lsn, "the group begins with commit " + std::to_string(header.first_txn.raw()) +
                                   ", but commit " + std::to_string(result_.next_txn.raw()) + " comes next");
    }
    if (format::Distance(scan_.start.lsn, next.lsn) + next.group.size() > scan_.ring.capacity) {
      return Corrupt(next.lsn, "the log is longer than its ring");
    }
    ByteView records = RecordsOf(next);
    for (uint32_t i = 0; i < header.records; ++i) {
      if (records.empty() || !format::TakeLogRecord(records)) {
        return Corrupt(next.lsn, "record " + std::to_string(i) + " of the group ends outside it");
      }
    }
    if (!records.empty() && !MANIFOLDDB_BROKEN("decode.log.rest")) {
      return Corrupt(next.lsn, "the group has bytes behind its last record");
    }
    return {};
  }

  static ByteView RecordsOf(const Next& next) {
    return next.group.subspan(sizeof(format::LogGroupDisk), base::ToSize(next.header.bytes));
  }

  Status Accept(const Next& next) {
    ByteView records = RecordsOf(next);
    while (!records.empty()) {
      const std::optional<ByteView> operations = format::TakeLogRecord(records);
      MANIFOLDDB_ASSERT(operations.has_value());  // Check has seen it
      MANIFOLDDB_TRY(apply_({.txn = result_.next_txn,
                             .operations = *operations,
                             .group_offset = scan_.ring.FileOffsetOf(next.lsn)}));
      result_.next_txn = result_.next_txn.next();
      ++result_.records;
    }
    ++result_.groups;
    result_.end = {.lsn = format::Advance(next.lsn, next.group.size()), .chain = next.header.checksum};
    return {};
  }

  // Reads the whole file, not only the ring: behind it lies what a newer meta page, now lost, had added.
  Status LookBeyondTheEnd() {
    MANIFOLDDB_ASSIGN(const std::optional<FoundGroup> proof,
                      FindIntactGroup(window_, unit_, [this](const LogGroup& header) {
                        return Ours(header) && (NamesNewerMeta(header) || StatesMoreDurable(header));
                      }));
    if (!proof) return {};
    if (NamesNewerMeta(proof->header)) {
      MANIFOLDDB_MARK("wal.newer_meta_named");
      return Corrupt(result_.end.lsn, NewerMeta(proof->header) + Where(proof->offset));
    }
    MANIFOLDDB_MARK("wal.tail_proves_damage");
    return Corrupt(result_.end.lsn, LaterDurable(proof->header) + Where(proof->offset));
  }

  bool NamesNewerMeta(const LogGroup& header) const {
    return header.durable_meta > scan_.meta && !MANIFOLDDB_BROKEN("wal.meta_rule.skip");
  }
  bool StatesMoreDurable(const LogGroup& header) const {
    if (header.life != scan_.life) return false;
    if (header.durable_lsn > result_.end.lsn && !MANIFOLDDB_BROKEN("wal.tail_rule.skip")) return true;
    // Several groups were on their way, and the disk wrote this one before one in front of it: legal, lost.
    if (header.lsn > result_.end.lsn) MANIFOLDDB_MARK("wal.later_group_lost");
    return false;
  }

  std::string NewerMeta(const LogGroup& header) const {
    return "meta page " + std::to_string(scan_.meta.raw()) + " is the newest one found, but meta page " +
           std::to_string(header.durable_meta.raw()) + " was durable when the group at log position " +
           std::to_string(header.lsn.raw()) + " was written";
  }
  std::string LaterDurable(const LogGroup& header) const {
    return "no valid group continues the log at position " + std::to_string(result_.end.lsn.raw()) +
           ", but everything below " + std::to_string(header.durable_lsn.raw()) +
           " was durable when the group at log position " + std::to_string(header.lsn.raw()) + " was written";
  }
  std::string Where(uint64_t offset) const {
    return " (it lies at byte " + std::to_string(format::LogRingOffset(unit_) + offset) + ")";
  }

  File& log_;
  const LogScan& scan_;
  const Apply& apply_;
  const uint32_t unit_;
  FileWindow window_;
  LogScanResult result_;
  std::optional<uint64_t> torn_ = {};  // a group in the next one's place
};

}  // namespace

Status CheckLives(File& log, const format::LogHeader& header, format::Life newest) {
  const uint32_t unit = header.write_unit;
  const uint64_t front = format::LogRingOffset(unit);
  MANIFOLDDB_ASSIGN(const uint64_t file_bytes, log.Size());
  FileWindow window(log, front, WholeUnits(file_bytes - front, unit));
  MANIFOLDDB_ASSIGN(const std::optional<FoundGroup> later,
                    FindIntactGroup(window, unit, [&](const LogGroup& group) {
                      // No site: it takes a damaged marker beside another database's group of a later life.
                      return group.identity == header.identity && group.life > newest;
                    }));
  if (!later) return {};
  MANIFOLDDB_MARK("wal.later_life_in_ring");
  return Fail(
      Errc::kCorrupt, "wal.open",
      {.file = log.name(),
       .offset = front + later->offset,
       .message = "a group of opening " + std::to_string(later->header.life.raw()) +
                  " of the database lies here, its data file knows of " + std::to_string(newest.raw()) +
                  " only: an older copy; restore the data file that belongs to this log"});
}

namespace {

void CheckScan(const LogScan& scan) {
  const LogRing& ring = scan.ring;
  MANIFOLDDB_ASSERT(ring.Possible());
  MANIFOLDDB_ASSERT(scan.start.lsn >= ring.origin && ring.OffsetOf(scan.start.lsn) % ring.write_unit == 0);
  MANIFOLDDB_ASSERT(scan.start.lsn.raw() <= format::kLsnMax && ring.capacity <= format::kLogRingBytesMax);
}

// Null, or how the file is too short for its ring.
std::optional<Error> WhyCut(const File& log, const LogScan& scan, uint64_t file_bytes) {
  const LogRing& ring = scan.ring;
  if (file_bytes >= format::LogRingOffset(ring.write_unit) + ring.capacity) return std::nullopt;
  return Error(Errc::kCorrupt, "wal.read",
               {.file = log.name(),
                .offset = file_bytes,
                .message = "the log ends inside its ring of " + std::to_string(ring.capacity) + " bytes"});
}

}  // namespace

Result<LogScanResult> ReadLog(File& log, const LogScan& scan,
                              const std::function<Status(format::TxnId, ByteView)>& apply) {
  CheckScan(scan);
  MANIFOLDDB_ASSIGN(const uint64_t file_bytes, log.Size());
  if (const auto cut = WhyCut(log, scan, file_bytes)) return std::unexpected<Error>(*cut);
  const LogScanner::Apply applies = [&apply](const LogTransaction& transaction) {
    return apply(transaction.txn, transaction.operations);
  };
  return LogScanner(log, scan, file_bytes, applies).Run();
}

Result<LogPrefix> ReadLogPrefix(File& log, const LogScan& scan,
                                const std::function<Status(const LogTransaction&)>& apply) {
  CheckScan(scan);
  MANIFOLDDB_ASSIGN(const uint64_t file_bytes, log.Size());
  const std::optional<Error> cut = WhyCut(log, scan, file_bytes);
  if (file_bytes < format::LogRingOffset(scan.ring.write_unit)) {
    return LogPrefix{.read = {.end = scan.start, .next_txn = scan.first_txn}, .damage = cut};
  }
  MANIFOLDDB_ASSIGN(LogPrefix prefix, LogScanner(log, scan, file_bytes, apply).RunToDamage());
  if (!prefix.damage) prefix.damage = cut;
  return prefix;
}

}  // namespace manifolddb::wal
