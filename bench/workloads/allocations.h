#pragma once
// What operations allocate: of the thread that operates, and of those in the background.

#include <cstdint>

#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"

namespace manifolddb::bench {

// Rows allocations/get and allocations/put: a transaction each, on a database that was loaded; read back.
// REQUIRES: calls are counted.
void MeasureAllocations(Run& run, const Dataset& data, uint64_t operations);

}  // namespace manifolddb::bench
