// CLOCK_MONOTONIC.

#include <time.h>

#include "engine/base/assert.h"
#include "engine/storage/posix_fork.h"
#include "manifolddb/executor.h"

namespace manifolddb {
namespace {

class MonotonicClock final : public Clock {
 public:
  uint64_t NowNanos() override {
    timespec now{};
    const int result = clock_gettime(CLOCK_MONOTONIC, &now);
    MANIFOLDDB_ASSERT(result == 0);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }
};

}  // namespace

std::shared_ptr<Clock> MakeMonotonicClock() {
  // Forks count from here on, also for a database in memory without threads of its own.
  static_cast<void>(storage::ForkGeneration());
  return std::make_shared<MonotonicClock>();
}

}  // namespace manifolddb
