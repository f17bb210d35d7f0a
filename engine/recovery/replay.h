#pragma once
// Step 2 of recovery: the log's transactions, applied in memory with the verbs of a write transaction.

#include "engine/format/meta_page.h"
#include "engine/txn/core.h"
#include "engine/wal/log_reader.h"

namespace manifolddb::recovery {

// Where values that do not lie in a leaf go.
enum class Extents : uint8_t {
  kAnywhere,  // where there is room, as they come
  // What is left of them at the end, to where the process before had written it: finds room wherever that
  // process had (docs/design/006). Reads the log twice.
  kInPlace,
};

// The groups that follow the checkpoint `meta`.
wal::LogScan LogBehind(const format::MetaPage& meta);

// Replays the groups that follow the checkpoint `meta` and publishes the result as the newest version;
// nothing of it is durable until the next checkpoint. Memory stays in the dirty limit: pages are written out
// to where the durable checkpoint has free ones. (In place, those that find none are not.) kCorrupt if the
// log proves damage or a record cannot be applied, kNoSpace.
Result<wal::LogScanResult> ReplayLog(txn::Core& core, File& log, const format::MetaPage& meta,
                                     Extents extents);

}  // namespace manifolddb::recovery
