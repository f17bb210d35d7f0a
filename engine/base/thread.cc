#include "engine/base/thread.h"

#include <atomic>

namespace manifolddb::base {

uint64_t ThisThread() {
  static constinit std::atomic<uint64_t> threads{0};
  constinit thread_local uint64_t here = 0;
  if (here == 0) here = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return here;
}

}  // namespace manifolddb::base
