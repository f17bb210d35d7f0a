#pragma once
// The log's next ring: filled with zeros step by step, beside commits, then stated by a later checkpoint.
//
// (1) Only what lies behind the ring in use is written, and what counts as filled has been synced.
// (2) A checkpoint states a ring only when all of it is filled.
// (3) No room for a larger log is no reason to stop: the smaller one goes on, and it is tried again.
// Fill runs on one thread at a time; everything else comes from whoever has the checkpointer's role.

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "manifolddb/storage.h"

namespace manifolddb::checkpoint {

class LogGrowth {
 public:
  // `capacity`: of the ring in use.
  LogGrowth(File& log, uint32_t write_unit, uint64_t capacity, uint64_t bytes_max)
      : log_(log),
        write_unit_(write_unit),
        // The bound was checked against the write unit that a new database would have.
        bytes_max_(bytes_max - bytes_max % write_unit),
        wanted_(capacity),
        filled_(capacity) {}

  // A checkpoint has found the ring in use, of `capacity` bytes, half full.
  void Want(uint64_t capacity) {
    wanted_.store(std::max(capacity, std::min(capacity * 4, bytes_max_)), std::memory_order_relaxed);
  }
  // The ring that can be stated now.
  uint64_t Ready(uint64_t capacity) const {
    // Acquire: what is filled is on the disk.
    const uint64_t filled = filled_.load(std::memory_order_acquire);
    return filled < wanted_.load(std::memory_order_relaxed) ? capacity : std::max(filled, capacity);
  }
  // Fills one step more: false if there was nothing to do. After an error nothing more is wanted.
  Result<bool> Fill();

 private:
  File& log_;
  const uint32_t write_unit_;
  const uint64_t bytes_max_;
  std::atomic<uint64_t> wanted_;
  std::atomic<uint64_t> filled_;
};

}  // namespace manifolddb::checkpoint
