#pragma once
// Waiting awake: for what is mostly over sooner than a thread falls asleep and is woken again.

#include <atomic>

#include "engine/base/mutex.h"

namespace manifolddb::base {

// Gives the lock back, looks at `flag` for some 10 us or until it is set, and takes the lock again. Under the
// simulator, where nobody else runs meanwhile, it returns at once. On a single processor nobody does either,
// and these microseconds are lost.
inline void SpinUntil(const std::atomic<bool>& flag, Mutex& mutex) REQUIRES(mutex) {
#if MANIFOLDDB_SITES
  if (switch_seam != nullptr || simulated_wait != nullptr) return;
#endif
#if defined(__STDCPP_THREADS__)
  constexpr int kLooks = 400;  // of 20 to 50 ns each
  mutex.Unlock();
  for (int i = 0; i < kLooks && !flag.load(std::memory_order_acquire); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb");
#endif
  }
  mutex.Lock();
#else
  static_cast<void>(flag), static_cast<void>(mutex);
#endif
}

}  // namespace manifolddb::base
