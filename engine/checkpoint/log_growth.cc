#include "engine/checkpoint/log_growth.h"

#include "engine/base/sites.h"
#include "engine/wal/log_file.h"

namespace manifolddb::checkpoint {
namespace {

// A commit that meets a step may wait for it, some milliseconds.
constexpr uint64_t kStepBytes = uint64_t{4} << 20;

}  // namespace

Result<bool> LogGrowth::Fill() {
  const uint64_t from = filled_.load(std::memory_order_relaxed);
  const uint64_t wanted = wanted_.load(std::memory_order_relaxed);
  if (from >= wanted) return false;
  const uint64_t to = std::min(wanted, from + kStepBytes);
  if (Status filled = wal::GrowLog(log_, write_unit_, from, to); !filled) {
    MANIFOLDDB_MARK("checkpoint.log_growth_failed");
    wanted_.store(0, std::memory_order_relaxed);
    return std::unexpected<Error>(std::move(filled).error());
  }
  if (to == wanted) MANIFOLDDB_MARK("checkpoint.log_grows");
  filled_.store(to, std::memory_order_release);
  return true;
}

}  // namespace manifolddb::checkpoint
