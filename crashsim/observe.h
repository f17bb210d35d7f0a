#pragma once
// Reads a whole database through the public API, in both directions.

#include <cstdint>

#include "crashsim/observation.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {

enum class Detail : uint8_t { kSums, kContents };

// Reads all families and tables of the snapshot, forwards and backwards.
Result<Observation> Observe(ReadTransaction& transaction, Detail detail);
Result<Observation> Observe(const Database& database, Detail detail);

}  // namespace manifolddb::crashsim
