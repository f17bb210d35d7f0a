#pragma once
// What the log says of the time after the checkpoint, done to the new database.

#include <string>
#include <vector>

#include "engine/salvage/contents.h"
#include "engine/salvage/output.h"
#include "engine/wal/log_reader.h"
#include "manifolddb/salvage.h"

namespace manifolddb::salvage {

struct LogCopyResult {
  format::TxnId newest = {};  // what was done last, or the checkpoint
  uint64_t transactions = 0;
  // Why it went no further than that: the log contradicts itself or the trees.
  std::vector<VerifyReport::Problem> doubts;
};
// A part of the log, and where it ended when the evidence was read.
struct LogPart {
  wal::LogScan scan;
  wal::LogEnd end;
  format::TxnId next_txn;
};
// Does again the transactions of `part`. What they say of families and tables that are lost is lost; a key
// that they write into a lost range is known again. kCorrupt if it ends elsewhere than before.
Result<LogCopyResult> CopyLog(File& log, const LogPart& part, Output& output, const SalvageOptions& options,
                              Contents& contents);

}  // namespace manifolddb::salvage
