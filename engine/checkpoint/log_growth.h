#pragma once
// The log's next ring: made step by step, beside commits, then stated by a later checkpoint. Filled with
// zeros; or, where groups are large, only reserved: then the books of blocks that are written for the first
// time are little beside the group, and filling them would double what is written (docs/design/007).
//
// (1) Only what lies behind the ring in use is written, and what counts as made has been synced.
// (2) A checkpoint states a ring only when all of it is made.
// (3) No room for a larger log is no reason to stop: the smaller one goes on, and a smaller growth is tried
// then, after a pause, which doubles.
// Grow runs on one thread at a time; everything else comes from whoever has the checkpointer's role.

#include <atomic>
#include <cstdint>

#include "engine/wal/log_file.h"
#include "manifolddb/storage.h"

namespace manifolddb::checkpoint {

class LogGrowth {
 public:
  // `capacity`: of the ring in use.
  LogGrowth(File& log, uint32_t write_unit, uint64_t capacity, uint64_t bytes_max)
      : log_(log),
        write_unit_(write_unit),
        bytes_max_(Rounded(bytes_max, write_unit)),
        wanted_(capacity),
        made_(capacity) {}

  // Whatever is wanted from now on is bounded by it.
  void SetBytesMax(uint64_t bytes_max) {
    bytes_max_.store(Rounded(bytes_max, write_unit_), std::memory_order_relaxed);
  }
  // A checkpoint has found the ring in use, of `capacity` bytes, half full. A larger one spares checkpoints:
  // where these have little to write, that is worth no more than kCheapMax. (What has been made of a growth
  // that was under way is used all the same.)
  enum class Checkpoints : uint8_t { kWrite, kCheap };
  static constexpr uint64_t kCheapMax = uint64_t{16} << 20;
  void Want(uint64_t capacity, wal::NewBytes new_bytes, Checkpoints checkpoints = Checkpoints::kWrite);
  // The ring that can be stated now.
  uint64_t Ready(uint64_t capacity) const {
    // Acquire: what is made is on the disk.
    const uint64_t made = made_.load(std::memory_order_acquire);
    return made < wanted_.load(std::memory_order_relaxed) ? capacity : std::max(made, capacity);
  }
  // One step more: false if there was nothing to do. After an error nothing more is wanted.
  Result<bool> Grow();

 private:
  // The bound was checked against the write unit that a new database would have.
  static uint64_t Rounded(uint64_t bytes, uint32_t unit) { return bytes - bytes % unit; }
  uint64_t SizeAfter(uint64_t capacity, wal::NewBytes new_bytes, uint64_t bytes_max);

  File& log_;
  const uint32_t write_unit_;
  std::atomic<uint64_t> bytes_max_;
  std::atomic<uint64_t> wanted_;
  std::atomic<wal::NewBytes> new_bytes_{wal::NewBytes::kWritten};
  std::atomic<uint64_t> made_;
  std::atomic<uint64_t> refused_{~uint64_t{0}};  // for want of room, by the device
  uint64_t passed_ = 0;                          // wishes that were passed over since the last refusal
  uint64_t pause_ = 1;                           // so many of them are
};

}  // namespace manifolddb::checkpoint
