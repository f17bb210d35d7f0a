#include "engine/storage/posix_fork.h"

#include <pthread.h>

#include "engine/base/assert.h"
#include "engine/base/fork.h"

namespace manifolddb::storage {

uint64_t ForkGeneration() {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { base::fork_generation.fetch_add(1, std::memory_order_relaxed); });
  MANIFOLDDB_ASSERT(registered == 0);
  return base::ForkGeneration();
}

}  // namespace manifolddb::storage
