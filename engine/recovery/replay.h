#pragma once
// Step 2 of recovery: the log's transactions, applied in memory with the verbs of a write transaction.

#include "engine/format/meta_page.h"
#include "engine/txn/core.h"
#include "engine/wal/log_reader.h"

namespace manifolddb::recovery {

// Replays the groups that follow the checkpoint `meta` and publishes the result as the newest version;
// nothing of it is durable until the next checkpoint. Memory stays in the dirty limit: pages are written out
// to where the durable checkpoint has free ones. kCorrupt if the log proves damage or a record cannot be
// applied.
Result<wal::LogScanResult> ReplayLog(txn::Core& core, File& log, const format::MetaPage& meta);

}  // namespace manifolddb::recovery
