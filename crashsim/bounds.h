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
// Nor the changed pages in memory, while `running` write transactions do: dirty_bytes_max, as much again for
// all of them together, and a few pages for each (options.h).
std::optional<Violation> DirtyBeyondBound(const DatabaseStats& stats, const Setup& setup, size_t running);

// Counts one that runs.
class Running {
 public:
  explicit Running(size_t& count) : count_(count) { ++count_; }
  ~Running() { --count_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  size_t& count_;
};

}  // namespace manifolddb::crashsim
