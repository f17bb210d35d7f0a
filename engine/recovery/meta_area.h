#pragma once
// The meta area of a data file: reading all copies, and beginning a life.

#include "engine/recovery/recovery_plan.h"
#include "manifolddb/storage.h"

namespace manifolddb::recovery {

// Reads and decodes the four copies. Finds the write unit by itself. kNotADatabase, kTruncated, kIo.
Result<MetaArea> ReadMetaArea(File& file);

// Step 1 of recovery: writes `life` over all four copies, in two rounds of one copy per slot, each synced.
// `stamps`: the plan's; kept current.
Status WriteLife(File& file, const format::MetaPage& life, const MetaPlan& plan, format::MetaStamps& stamps);

}  // namespace manifolddb::recovery
