#pragma once
// Appends groups to the ring and makes them durable.
//
// (1) Bytes below durable_lsn survive any crash.
// (2) Acknowledged bytes are never rewritten: each group starts on a fresh write unit, and the ring is reused
//     only up to the durable checkpoint's position (the caller reserves space before).
// (3) After a failed write or sync every call fails: the database is poisoned, and no sync is tried again.
// One leader at a time calls Append, AppendDurable and Sync (the commit pipeline's token orders them); the
// readers of positions may be any thread.

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/base/memory.h"
#include "engine/base/poison.h"
#include "engine/format/log_format.h"
#include "engine/wal/log_ring.h"
#include "manifolddb/storage.h"

namespace manifolddb::wal {

// Bytes that a redo buffer leaves free in front of its operations, so that a group of one transaction is
// sealed and written where it lies, without a copy.
inline constexpr size_t kRedoGap = sizeof(format::LogGroupDisk) + sizeof(format::LogRecordDisk);

// Where the log ends.
struct LogEnd {
  format::Lsn lsn = {};
  uint64_t chain = 0;
};

class LogWriter {
 public:
  struct Config {
    LogRing ring = {};
    format::Identity identity = {};
    format::Life life = {};
    LogEnd end = {};                       // where the first group goes; what lies below is durable
    format::MetaNumber durable_meta = {};  // what the groups state
  };
  LogWriter(File& log, base::Poison& poison, const Config& config);

  // Writes one group of the transactions `first_txn`, `first_txn` + 1, ...; each redo buffer holds kRedoGap
  // reserved bytes, then the operations. May write into the gaps and behind the end of a buffer's contents.
  // Returns where the log then ends. Errors poison. Takes no more of the ring than what LogGroupSpan says for
  // each transaction alone. Where they are large, or there is no memory to pack them, each becomes a group of
  // its own. REQUIRES: all in one group at most ring().group_bytes_max().
  Result<LogEnd> Append(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn);
  // The same, and everything appended is durable when it returns: with one call to the disk, unless there is
  // more to make durable than this group.
  Result<LogEnd> AppendDurable(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn);
  // Gives `redo` the room behind its contents that Append writes into, and returns the span of a group of it
  // alone. Said before the transaction is ordered; then Append of it cannot fail for want of memory.
  static Result<uint64_t> ReserveSealing(base::ByteBuffer& redo, uint32_t write_unit);
  // Makes everything appended before this call durable. Errors poison.
  Status Sync();

  // For the leader, or while nobody leads.
  LogEnd end() const { return end_; }
  format::Lsn durable_lsn() const { return format::Lsn{durable_lsn_.load(std::memory_order_acquire)}; }
  // Said by the checkpointer once a meta page is durable, on any thread.
  void SetDurableMeta(format::MetaNumber number);
  // After a checkpoint that stated a new ring, in the leader's place. REQUIRES: nothing was appended since
  // its position, and SetDurableMeta was told of it.
  void SetRing(const LogRing& ring);
  const LogRing& ring() const { return ring_; }

  uint64_t groups() const { return groups_.load(std::memory_order_relaxed); }
  uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }

 private:
  enum class Promise : uint8_t {
    kWritten,     // nobody will ask for a sync soon
    kSyncedNext,  // a sync follows the last of the groups
    kDurable,     // as kSyncedNext, or durable by itself
  };
  // What a group says of itself.
  struct Contents {
    uint64_t record_bytes;
    uint32_t records;
    format::TxnId first_txn;
  };

  Status AppendUnlessPoisoned(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn,
                              Promise promise);
  Status AppendInPlace(base::ByteBuffer& redo, format::TxnId txn, Promise promise);
  Status AppendEach(std::span<base::ByteBuffer* const> redos, format::TxnId first_txn, Promise promise);
  Status AppendPacked(std::span<base::ByteBuffer* const> redos, const Contents& contents, Promise promise);
  bool ReserveStaging(uint64_t bytes);
  Status WriteGroup(MutableByteView group, const Contents& contents, Promise promise);
  Status Put(format::Lsn lsn, ByteView group, bool durably);
  Status SyncUnlessPoisoned();
  void NoteDurable();  // all that was appended is

  // Constant after construction.
  File& log_;
  base::Poison& poison_;
  const format::Identity identity_;
  const format::Life life_;
  // Own synchronisation.
  std::atomic<uint64_t> durable_lsn_;   // release: what lies below it is on the disk
  std::atomic<uint64_t> durable_meta_;  // release: the meta page of this number is on the disk
  std::atomic<uint64_t> groups_{0};
  std::atomic<uint64_t> syncs_{0};
  // The leader's.
  LogRing ring_;
  LogEnd end_;
  base::Buffer staging_;  // where groups of several transactions are packed
};

}  // namespace manifolddb::wal
