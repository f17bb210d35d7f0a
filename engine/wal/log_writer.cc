// Packs transactions into groups and writes them, one group after the other.
//
// (1) A group is written by one write to units that no durable group lies in: behind the last one, or at the
//     ring's beginning where the caller's reservation says that the durable checkpoint needs nothing any
//     more.
// (2) durable_lsn moves only after a sync that began after the last write below it had returned, or with a
//     durable write of all that lay above it. A crash before that may leave any part of what lies above;
//     whoever was not told of success cannot complain.
// (3) A group states only what is durable already: a reader may take its word for it after any crash.
// (4) After an error nothing is written or synced any more: nobody knows what reached the disk, and a second
//     sync would report success over pages that the first one threw away.
// Append, AppendDurable, Sync and SetRing come from one leader at a time.

#include "engine/wal/log_writer.h"

#include <algorithm>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::wal {
namespace {

// A larger group is written into the system's cache and then synced: the system spreads it over the disk.
constexpr uint64_t kDurableWriteBytesMax = uint64_t{2} << 20;

// To pack what is larger costs more than what one group saves (docs/design/007).
constexpr uint64_t kPackedUnitsMax = 32;
constexpr uint64_t kWriteBackBytesMin = uint64_t{128} << 10;

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
  if (Status done = AppendUnlessPoisoned(redos, first_txn, Promise::kWritten); !done) {
    if (!MANIFOLDDB_BROKEN("wal.append.poison.skip")) poison_.Set(done.error());
    return std::unexpected<Error>(std::move(done).error());
  }
  return end_;
}

Result<LogEnd> LogWriter::AppendDurable(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn) {
  MANIFOLDDB_TRY(poison_.Check("wal.append"));
  Status done = AppendUnlessPoisoned(redos, first_txn, Promise::kDurable);
  if (done && durable_lsn() != end_.lsn) done = SyncUnlessPoisoned();
  if (!done) {
    const bool forgotten =
        MANIFOLDDB_BROKEN("wal.append.poison.skip") || MANIFOLDDB_BROKEN("wal.sync.poison.skip");
    if (!forgotten) poison_.Set(done.error());
    return std::unexpected<Error>(std::move(done).error());
  }
  return end_;
}

Status LogWriter::AppendUnlessPoisoned(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn,
                                       Promise promise) {
  MANIFOLDDB_ASSERT(!redos.empty());
  MANIFOLDDB_ASSERT(first_txn != format::TxnId{});
  if (redos.size() == 1) return AppendInPlace(*redos.front(), first_txn, promise);
  Contents contents{0, static_cast<uint32_t>(redos.size()), first_txn};
  for (const base::ByteBuffer* redo : redos) contents.record_bytes += RecordBytes(*redo);
  const uint64_t span = format::LogGroupSpan(contents.record_bytes, ring_.write_unit);
  MANIFOLDDB_ASSERT(span <= ring_.group_bytes_max());
  // In a small ring as many units as would be large are never in a group of several.
  const uint64_t large = std::min(kPackedUnitsMax * ring_.write_unit, ring_.capacity / 16);
  if (contents.record_bytes >= redos.size() * large) {
    MANIFOLDDB_MARK("wal.large_apart");
    // The device writes one while the next is on its way to it, and one sync is for all.
    return AppendEach(redos, first_txn, promise == Promise::kDurable ? Promise::kSyncedNext : promise);
  }
  if (ReserveStaging(span)) return AppendPacked(redos, contents, promise);
  MANIFOLDDB_MARK("wal.no_staging");
  return AppendEach(redos, first_txn, promise);
}

// One transaction: sealed and written where it lies.
Status LogWriter::AppendInPlace(base::ByteBuffer& redo, format::TxnId txn, Promise promise) {
  const uint64_t record_bytes = RecordBytes(redo);
  MANIFOLDDB_ASSIGN(const uint64_t span, ReserveSealing(redo, ring_.write_unit));
  PutRecordHeader(redo.data() + sizeof(format::LogGroupDisk), record_bytes);
  return WriteGroup({redo.data(), base::ToSize(span)}, {record_bytes, 1, txn}, promise);
}

Status LogWriter::AppendEach(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn,
                             Promise promise) {
  format::TxnId txn = first_txn;
  for (base::ByteBuffer* redo : redos) {
    MANIFOLDDB_TRY(AppendInPlace(*redo, txn, promise));
    txn = txn.next();
  }
  return {};
}

Status LogWriter::AppendPacked(std::span<base::ByteBuffer* const> redos, const Contents& contents,
                               Promise promise) {
  const uint64_t span = format::LogGroupSpan(contents.record_bytes, ring_.write_unit);
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
  MANIFOLDDB_ASSERT(to == staging_.data() + sizeof(format::LogGroupDisk) + contents.record_bytes);
  return WriteGroup({staging_.data(), base::ToSize(span)}, contents, promise);
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
Status LogWriter::WriteGroup(MutableByteView group, const Contents& contents, Promise promise) {
  MANIFOLDDB_ASSERT(group.size() == format::LogGroupSpan(contents.record_bytes, ring_.write_unit));
  MANIFOLDDB_ASSERT(group.size() <= ring_.group_bytes_max());
  const format::Lsn lsn = ring_.Place(end_.lsn, group.size());
  if (lsn != end_.lsn) MANIFOLDDB_MARK("wal.wrap");
  format::LogGroup header = {
      .records = contents.records,
      .bytes = contents.record_bytes,
      .identity = identity_,
      .life = life_,
      .lsn = lsn,
      .first_txn = contents.first_txn,
      .chain = end_.chain,
      .durable_lsn = durable_lsn(),
      .durable_meta = format::MetaNumber{durable_meta_.load(std::memory_order_acquire)}};
  if (MANIFOLDDB_BROKEN("wal.durable_lsn.early")) header.durable_lsn = end_.lsn;
  const uint64_t checksum = format::SealLogGroup(header, group);
  // A durable write speaks of its own range only: what lies below must be durable already.
  const bool durably =
      promise == Promise::kDurable && durable_lsn() == end_.lsn && group.size() <= kDurableWriteBytesMax;
  MANIFOLDDB_TRY(Put(lsn, group, durably));
  if (!durably && promise != Promise::kWritten && group.size() >= kWriteBackBytesMin) {
    log_.StartWriteBack(ring_.FileOffsetOf(lsn), group.size());
  }
  end_ = {.lsn = format::Advance(lsn, group.size()), .chain = checksum};
  groups_.fetch_add(1, std::memory_order_relaxed);
  if (durably) NoteDurable();
  return {};
}

Status LogWriter::Put(format::Lsn lsn, ByteView group, bool durably) {
  const uint64_t offset = ring_.FileOffsetOf(lsn);
  if (!durably || MANIFOLDDB_BROKEN("wal.sync.skip")) return log_.Write(offset, group);
  Status written = log_.WriteDurable(offset, {&group, 1});
  if (!written && MANIFOLDDB_BROKEN("wal.sync.error_ignored")) return {};
  return written;
}

void LogWriter::NoteDurable() {
  syncs_.fetch_add(1, std::memory_order_relaxed);
  base::AtPublishing();
  durable_lsn_.store(end_.lsn.raw(), std::memory_order_release);
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
  MANIFOLDDB_ASSERT(end_.lsn == target);  // the leader does not append while it syncs
  NoteDurable();
  return {};
}

void LogWriter::SetDurableMeta(format::MetaNumber number) {
  MANIFOLDDB_ASSERT(number.raw() >= durable_meta_.load(std::memory_order_relaxed));
  base::AtPublishing();
  durable_meta_.store(number.raw(), std::memory_order_release);
}

void LogWriter::SetRing(const LogRing& ring) {
  MANIFOLDDB_ASSERT(ring.Possible());
  MANIFOLDDB_ASSERT(ring.write_unit == ring_.write_unit && ring.capacity >= ring_.capacity);
  MANIFOLDDB_ASSERT(end_.lsn >= ring.origin && ring.OffsetOf(end_.lsn) % ring.write_unit == 0);
  ring_ = ring;
}

}  // namespace manifolddb::wal
