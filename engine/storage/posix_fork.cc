#include "engine/storage/posix_fork.h"

#include <pthread.h>

#include <atomic>

#include "engine/base/assert.h"

namespace manifolddb::storage {
namespace {

std::atomic<uint64_t> fork_generation{0};

}  // namespace

uint64_t ForkGeneration() {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });
  MANIFOLDDB_ASSERT(registered == 0);
  return fork_generation.load(std::memory_order_relaxed);
}

}  // namespace manifolddb::storage
