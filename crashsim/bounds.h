#pragma once
// What the user bounds, and whether a database under test stays within it (G10).

#include <cstddef>
#include <optional>

#include "crashsim/setup.h"
#include "crashsim/verdict.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {

// The log never outgrows what it was allowed.
std::optional<Violation> LogBeyondBound(const faultfs::Disk& disk, const Setup& setup);
// Nor the changed pages in memory, while at most `transactions` run side by side: dirty_bytes_max, as much
// again for all that run, and a few pages for each (options.h).
std::optional<Violation> DirtyBeyondBound(const DatabaseStats& stats, const Setup& setup,
                                          size_t transactions);

}  // namespace manifolddb::crashsim
