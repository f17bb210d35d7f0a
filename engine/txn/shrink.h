#pragma once
// What lies at the end of the file goes before the allocator's ceiling (docs/design/018).

#include <cstdint>
#include <functional>

#include "engine/txn/core.h"
#include "manifolddb/result.h"

namespace manifolddb::txn {

// Of all tables of all families, in transactions of its own, each of about so many pages: while one runs its
// family is held, and each goes through a checkpoint. How many pages were moved. `moved` is told between two
// of them how many that are so far; what it throws ends it there.
Result<uint64_t> LowerPages(Core& core, uint64_t pages_at_once, const std::function<void(uint64_t)>& moved);

}  // namespace manifolddb::txn
