#pragma once
// Reads the groups that follow a checkpoint, and decides where the log ends.
//
// The first position where no valid group of the life with the right chain stands is the end, unless anything
// in the file proves that more was durable: an intact group of this life that states a durable LSN beyond the
// end, or an intact group of any life of this database that names a newer meta page than the one found. Then
// the log is damaged (kCorrupt), not torn. So it is if an intact group stands where the next one belongs and
// does not continue the log.

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/format/log_format.h"
#include "engine/wal/log_ring.h"
#include "engine/wal/log_writer.h"
#include "manifolddb/storage.h"

namespace manifolddb::wal {

struct LogScan {
  LogRing ring = {};
  format::Identity identity = {};
  format::Life life = {};        // whose groups follow
  LogEnd start = {};             // the checkpoint's position and chain value
  format::TxnId first_txn = {};  // the commit after the checkpoint
  format::MetaNumber meta = {};  // the meta page found
  // Not beyond this position, which ends a group: for reading up to a later checkpoint.
  std::optional<format::Lsn> until = {};
};

struct LogScanResult {
  LogEnd end = {};
  format::TxnId next_txn = {};  // first commit that is not in the log
  uint64_t groups = 0;
  uint64_t records = 0;
};

// Calls `apply` for each transaction in order (its redo operations, without headers); an error from it stops
// the scan. The views live during the call. Any contents give a result or kCorrupt; what was applied counts
// only if there is a result. Memory: a megabyte, or the largest group.
Result<LogScanResult> ReadLog(File& log, const LogScan& scan,
                              const std::function<Status(format::TxnId, ByteView)>& apply);

// A transaction of the log, and where its group begins in the file.
struct LogTransaction {
  format::TxnId txn;
  ByteView operations;
  uint64_t group_offset = 0;
};
struct LogPrefix {
  LogScanResult read;
  // What ReadLog would have refused the log for: it went on behind what was read, or may have.
  std::optional<Error> damage;
  // Where the next group begins in the file if it is there and not intact, and no damage. A crash may have
  // torn it before anybody was told of it; or it has decayed since, and nothing can tell.
  std::optional<uint64_t> torn = {};
};
// The same of a log that may be damaged, or too short for its ring: what is intact in front of the damage.
// Errors only for what is not the bytes' fault.
Result<LogPrefix> ReadLogPrefix(File& log, const LogScan& scan,
                                const std::function<Status(const LogTransaction&)>& apply);

// kCorrupt if an intact group of this database, anywhere in the log, is of a later life than `newest`: the
// data file that knows of no later one is an older copy. Reads the whole log.
Status CheckLives(File& log, const format::LogHeader& header, format::Life newest);

}  // namespace manifolddb::wal
