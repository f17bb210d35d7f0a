#pragma once
// A scan of a workload, as one operation.

#include <cstdint>

#include "crashsim/program.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {

// What `op` (of kind kScan) shows of the table, in order, as one number: the model's must be the same.
Result<uint64_t> Scan(const Op& op, const WriteTable& table);

}  // namespace manifolddb::crashsim
