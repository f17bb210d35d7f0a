#include "engine/checkpoint/log_growth.h"

#include <algorithm>

#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::checkpoint {
namespace {

// A commit that meets a step may wait for it, some milliseconds.
constexpr uint64_t kStepBytes = uint64_t{4} << 20;

constexpr uint64_t kTimesWritten = 4;
constexpr uint64_t kTimesReserved = 16;  // where all that is allowed was refused
constexpr uint64_t kPauseMax = 64;       // checkpoints that find the ring half full

}  // namespace

void LogGrowth::Want(uint64_t capacity, wal::NewBytes new_bytes, Checkpoints checkpoints) {
  uint64_t bytes_max = bytes_max_.load(std::memory_order_relaxed);
  if (checkpoints == Checkpoints::kCheap) bytes_max = std::min(bytes_max, Rounded(kCheapMax, write_unit_));
  new_bytes_.store(new_bytes, std::memory_order_relaxed);
  // What is large enough is no wish that was passed over.
  const uint64_t wanted = capacity >= bytes_max ? capacity : SizeAfter(capacity, new_bytes, bytes_max);
  wanted_.store(std::max(capacity, wanted), std::memory_order_relaxed);
}

// A ring that is filled is paid for; one that is reserved takes room, but no time. What the device has
// refused is not asked for again soon: while it is tried, nobody has room for anything.
uint64_t LogGrowth::SizeAfter(uint64_t capacity, wal::NewBytes new_bytes, uint64_t bytes_max) {
  const uint64_t filled = std::min(capacity * kTimesWritten, bytes_max);
  if (new_bytes == wal::NewBytes::kReserved) {
    for (const uint64_t size : {bytes_max, std::min(capacity * kTimesReserved, bytes_max)}) {
      if (size < refused_.load(std::memory_order_relaxed)) return size;
    }
  }
  if (filled < refused_.load(std::memory_order_relaxed)) return filled;
  if (++passed_ < pause_) return capacity;
  passed_ = 0;
  pause_ = std::min(pause_ * 2, kPauseMax);
  return filled;
}

Result<bool> LogGrowth::Grow() {
  const uint64_t from = made_.load(std::memory_order_relaxed);
  const uint64_t wanted = wanted_.load(std::memory_order_relaxed);
  if (from >= wanted) return false;
  const wal::NewBytes new_bytes = new_bytes_.load(std::memory_order_relaxed);
  const bool reserve = new_bytes == wal::NewBytes::kReserved;
  uint64_t to = std::min(wanted, from + kStepBytes);
  if (reserve) {
    // A crash amid a growth leaves a file that is longer than its ring. On a full device that is all there
    // is.
    MANIFOLDDB_ASSIGN(const uint64_t size, log_.Size());
    const uint64_t there = wal::RingBytesIn(write_unit_, size);
    to = there > from ? std::min(wanted, there) : wanted;
    wanted_.store(to, std::memory_order_relaxed);
  }
  if (Status grown = wal::GrowLog(log_, write_unit_, from, to, new_bytes); !grown) {
    MANIFOLDDB_MARK("checkpoint.log_growth_failed");
    if (grown.error().code() == Errc::kNoSpace) refused_.store(to, std::memory_order_relaxed);
    wanted_.store(0, std::memory_order_relaxed);
    return std::unexpected<Error>(std::move(grown).error());
  }
  if (reserve) MANIFOLDDB_MARK("checkpoint.log_reserved");
  if (to == wanted_.load(std::memory_order_relaxed)) MANIFOLDDB_MARK("checkpoint.log_grows");
  made_.store(to, std::memory_order_release);
  return true;
}

}  // namespace manifolddb::checkpoint
