#include "engine/txn/retry.h"

#include <algorithm>

#include "engine/base/mutex.h"

namespace manifolddb::txn {
namespace {

constexpr uint64_t kNanosPerUs = 1000;

}  // namespace

Backoff::Backoff(const RetryPolicy& policy, uint64_t number)
    : ceiling_us_max_(std::min(policy.pause_us_max, (kNoLimit - 1) / kNanosPerUs)),
      ceiling_us_(std::min(policy.pause_us_first, ceiling_us_max_)),
      state_(policy.seed) {
  state_ = Random() ^ number;
}

uint64_t Backoff::NextNanos() {
  const uint64_t ceiling = ceiling_us_ * kNanosPerUs;
  ceiling_us_ = ceiling_us_ > ceiling_us_max_ / 2 ? ceiling_us_max_ : ceiling_us_ * 2;
  return Random() % (ceiling + 1);
}

// SplitMix64: neighbouring seeds have nothing in common.
uint64_t Backoff::Random() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

Status CheckPolicy(const RetryPolicy& policy) {
  if (policy.attempts_max > 0) return {};
  return Fail(Errc::kInvalidArgument, "database.retry",
              {.message = "RetryPolicy::attempts_max is 0; 1 is a single attempt"});
}

// Nobody wakes who waits for a CondVar of its own. Waking early does no harm.
void Pause(const RetryPolicy& policy, uint64_t nanos) {
  base::AssertNoLocksHeld();
  if (policy.pause != nullptr) return policy.pause(nanos);
  constexpr uint64_t kAtOnceMax = uint64_t{3600} * 1'000'000'000;  // what any clock can add
  base::Mutex mutex(base::LockRank::kLifecycle);
  base::CondVar nobody;
  base::MutexLock lock(mutex);
  nobody.WaitAtMost(mutex, std::min(nanos, kAtOnceMax));
}

}  // namespace manifolddb::txn
