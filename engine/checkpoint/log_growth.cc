#include "engine/checkpoint/log_growth.h"

#include <algorithm>

#include "engine/base/sites.h"

namespace manifolddb::checkpoint {
namespace {

// A commit that meets a step may wait for it, some milliseconds.
constexpr uint64_t kStepBytes = uint64_t{4} << 20;

constexpr uint64_t kTimesWritten = 4;

}  // namespace

void LogGrowth::Want(uint64_t capacity, wal::NewBytes new_bytes) {
  new_bytes_.store(new_bytes, std::memory_order_relaxed);
  // A ring that is filled is paid for; one that is reserved takes room, but no time.
  const bool reserve = new_bytes == wal::NewBytes::kReserved;
  const uint64_t to = reserve ? bytes_max_ : std::min(capacity * kTimesWritten, bytes_max_);
  wanted_.store(std::max(capacity, to), std::memory_order_relaxed);
}

Result<bool> LogGrowth::Grow() {
  const uint64_t from = made_.load(std::memory_order_relaxed);
  const uint64_t wanted = wanted_.load(std::memory_order_relaxed);
  if (from >= wanted) return false;
  const wal::NewBytes new_bytes = new_bytes_.load(std::memory_order_relaxed);
  const bool reserve = new_bytes == wal::NewBytes::kReserved;
  const uint64_t to = reserve ? wanted : std::min(wanted, from + kStepBytes);
  if (Status grown = wal::GrowLog(log_, write_unit_, from, to, new_bytes); !grown) {
    MANIFOLDDB_MARK("checkpoint.log_growth_failed");
    wanted_.store(0, std::memory_order_relaxed);
    return std::unexpected<Error>(std::move(grown).error());
  }
  if (reserve) MANIFOLDDB_MARK("checkpoint.log_reserved");
  if (to == wanted) MANIFOLDDB_MARK("checkpoint.log_grows");
  made_.store(to, std::memory_order_release);
  return true;
}

}  // namespace manifolddb::checkpoint
