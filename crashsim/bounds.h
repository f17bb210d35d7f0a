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

// Whether a database that may not grow has pages for one put, beyond those that are kept for who makes room
// (docs/design/006), once a checkpoint has given back what waits for it.
bool HasRoomForOnePut(const DatabaseStats& stats);

}  // namespace manifolddb::crashsim
