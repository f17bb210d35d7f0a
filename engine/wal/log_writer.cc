// Packs transactions into groups and writes them, one group after the other.
//
// (1) A group is written by one write to units that no durable group lies in: behind the last one, or at the
//     ring's beginning where the caller's reservation says that the durable checkpoint needs nothing any
//     more.
// (2) durable_lsn moves only after a sync that began after the last write below it had returned. A crash
//     before that may leave any part of what lies above; whoever was not told of success cannot complain.
// (3) A group states only what is durable already: a reader may take its word for it after any crash.
// (4) After an error nothing is written or synced any more: nobody knows what reached the disk, and a second
//     sync would report success over pages that the first one threw away.
// Append, Sync and SetRing come from one leader at a time.

#include "engine/wal/log_writer.h"

#include <algorithm>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::wal {
namespace {

// Header and operations of one transaction.
uint64_t RecordBytes(const base::ByteBuffer& redo) {
  MANIFOLDDB_ASSERT(redo.size() >= kRedoGap);
  return sizeof(format::LogRecordDisk) + (redo.size() - kRedoGap);
}

void PutRecordHeader(std::byte* to, uint64_t record_bytes) {
  const format::LogRecordDisk disk = format::EncodeLogRecord(record_bytes - sizeof disk);
  std::memcpy(to, &disk, sizeof disk);
}

}  // namespace

LogWriter::LogWriter(File& log, base::Poison& poison, const Config& config)
    : log_(log),
      poison_(poison),
      identity_(config.identity),
      life_(config.life),
      durable_lsn_(config.end.lsn.raw()),
      durable_meta_(config.durable_meta.raw()),
      ring_(config.ring),
      end_(config.end) {
  MANIFOLDDB_ASSERT(ring_.Possible());
  MANIFOLDDB_ASSERT(end_.lsn >= ring_.origin && ring_.OffsetOf(end_.lsn) % ring_.write_unit == 0);
  MANIFOLDDB_ASSERT(life_ != format::Life{});
}

Result<LogEnd> LogWriter::Append(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn) {
  MANIFOLDDB_TRY(poison_.Check("wal.append"));
  auto end = AppendUnlessPoisoned(redos, first_txn);
  if (!end && !MANIFOLDDB_BROKEN("wal.append.poison.skip")) poison_.Set(end.error());
  return end;
}

Result<LogEnd> LogWriter::AppendUnlessPoisoned(std::span<base::ByteBuffer* const> redos,
                                               format::TxnId first_txn) {
  MANIFOLDDB_ASSERT(!redos.empty());
  MANIFOLDDB_ASSERT(first_txn != format::TxnId{});
  if (redos.size() == 1) {
    MANIFOLDDB_TRY(AppendInPlace(*redos.front(), first_txn));
    return end_;
  }
  uint64_t record_bytes = 0;
  for (const base::ByteBuffer* redo : redos) record_bytes += RecordBytes(*redo);
  const uint64_t span = format::LogGroupSpan(record_bytes, ring_.write_unit);
  MANIFOLDDB_ASSERT(span <= ring_.group_bytes_max());
  if (ReserveStaging(span)) {
    MANIFOLDDB_TRY(AppendPacked(redos, record_bytes, first_txn));
  } else {
    MANIFOLDDB_MARK("wal.no_staging");
    MANIFOLDDB_TRY(AppendEach(redos, first_txn));
  }
  return end_;
}

// One transaction: sealed and written where it lies.
Status LogWriter::AppendInPlace(base::ByteBuffer& redo, format::TxnId txn) {
  const uint64_t record_bytes = RecordBytes(redo);
  MANIFOLDDB_ASSIGN(const uint64_t span, ReserveSealing(redo, ring_.write_unit));
  PutRecordHeader(redo.data() + sizeof(format::LogGroupDisk), record_bytes);
  return WriteGroup({redo.data(), span}, record_bytes, 1, txn);
}

Status LogWriter::AppendEach(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn) {
  format::TxnId txn = first_txn;
  for (base::ByteBuffer* redo : redos) {
    MANIFOLDDB_TRY(AppendInPlace(*redo, txn));
    txn = txn.next();
  }
  return {};
}

Status LogWriter::AppendPacked(std::span<base::ByteBuffer* const> redos, uint64_t record_bytes,
                               format::TxnId first_txn) {
  const uint64_t span = format::LogGroupSpan(record_bytes, ring_.write_unit);
  MANIFOLDDB_ASSERT(staging_.size() >= span);
  std::byte* to = staging_.data() + sizeof(format::LogGroupDisk);
  for (const base::ByteBuffer* redo : redos) {
    const uint64_t bytes = RecordBytes(*redo);
    PutRecordHeader(to, bytes);
    const ByteView operations = redo->view().subspan(kRedoGap);
    if (!operations.empty()) {
      std::memcpy(to + sizeof(format::LogRecordDisk), operations.data(), operations.size());
    }
    to += bytes;
  }
  MANIFOLDDB_ASSERT(to == staging_.data() + sizeof(format::LogGroupDisk) + record_bytes);
  return WriteGroup({staging_.data(), span}, record_bytes, static_cast<uint32_t>(redos.size()), first_txn);
}

bool LogWriter::ReserveStaging(uint64_t bytes) {
  if (staging_.size() >= bytes) return true;
  const uint64_t size = std::min(std::max(bytes, uint64_t{staging_.size()} * 2), ring_.group_bytes_max());
  auto grown = base::Buffer::Make(size, "wal.stage");
  if (!grown) return false;
  staging_ = std::move(*grown);
  return true;
}

// `group` is the whole span; its records lie behind the place of the header.
Status LogWriter::WriteGroup(MutableByteView group, uint64_t record_bytes, uint32_t records,
                             format::TxnId first_txn) {
  MANIFOLDDB_ASSERT(group.size() == format::LogGroupSpan(record_bytes, ring_.write_unit));
  MANIFOLDDB_ASSERT(group.size() <= ring_.group_bytes_max());
  const format::Lsn lsn = ring_.Place(end_.lsn, group.size());
  if (lsn != end_.lsn) MANIFOLDDB_MARK("wal.wrap");
  format::LogGroup header = {
      .records = records,
      .bytes = record_bytes,
      .identity = identity_,
      .life = life_,
      .lsn = lsn,
      .first_txn = first_txn,
      .chain = end_.chain,
      .durable_lsn = durable_lsn(),
      .durable_meta = format::MetaNumber{durable_meta_.load(std::memory_order_acquire)}};
  if (MANIFOLDDB_BROKEN("wal.durable_lsn.early")) header.durable_lsn = end_.lsn;
  const uint64_t checksum = format::SealLogGroup(header, group);
  MANIFOLDDB_TRY(log_.Write(ring_.FileOffsetOf(lsn), group));
  end_ = {.lsn = format::Advance(lsn, group.size()), .chain = checksum};
  groups_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<uint64_t> LogWriter::ReserveSealing(base::ByteBuffer& redo, uint32_t write_unit) {
  const uint64_t span = format::LogGroupSpan(RecordBytes(redo), write_unit);
  MANIFOLDDB_TRY(redo.Reserve(span - redo.size()));
  return span;
}

Status LogWriter::Sync() {
  MANIFOLDDB_TRY(poison_.Check("wal.sync"));
  Status done = SyncUnlessPoisoned();
  if (!done && !MANIFOLDDB_BROKEN("wal.sync.poison.skip")) poison_.Set(done.error());
  return done;
}

Status LogWriter::SyncUnlessPoisoned() {
  const format::Lsn target = end_.lsn;
  MANIFOLDDB_ASSERT(durable_lsn() <= target);
  if (!MANIFOLDDB_BROKEN("wal.sync.skip")) {
    Status synced = log_.Sync();
    if (!synced && !MANIFOLDDB_BROKEN("wal.sync.error_ignored")) return synced;
  }
  syncs_.fetch_add(1, std::memory_order_relaxed);
  MANIFOLDDB_ASSERT(end_.lsn == target);  // the leader does not append while it syncs
  durable_lsn_.store(target.raw(), std::memory_order_release);
  return {};
}

void LogWriter::SetDurableMeta(format::MetaNumber number) {
  MANIFOLDDB_ASSERT(number.raw() >= durable_meta_.load(std::memory_order_relaxed));
  durable_meta_.store(number.raw(), std::memory_order_release);
}

void LogWriter::SetRing(const LogRing& ring) {
  MANIFOLDDB_ASSERT(ring.Possible());
  MANIFOLDDB_ASSERT(ring.write_unit == ring_.write_unit && ring.capacity >= ring_.capacity);
  MANIFOLDDB_ASSERT(end_.lsn >= ring.origin && ring.OffsetOf(end_.lsn) % ring.write_unit == 0);
  ring_ = ring;
}

}  // namespace manifolddb::wal
