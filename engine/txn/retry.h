#pragma once
// Trying again what failed because somebody else was in the way.

#include <cstdint>
#include <optional>

#include "engine/base/try.h"
#include "engine/txn/core.h"
#include "manifolddb/result.h"
#include "manifolddb/write_options.h"

namespace manifolddb::txn {

// How long to pause before each attempt but the first: the same numbers for the same seed and number.
class Backoff {
 public:
  // `number`: of the call, so that two with one policy do not pause alike.
  Backoff(const RetryPolicy& policy, uint64_t number);
  uint64_t NextNanos();

 private:
  uint64_t Random();

  const uint64_t ceiling_us_max_;
  uint64_t ceiling_us_;
  uint64_t state_;
};

// kInvalidArgument for a policy that cannot be followed.
Status CheckPolicy(const RetryPolicy& policy);
// By the policy's own means. REQUIRES: the caller holds no lock.
void Pause(const RetryPolicy& policy, uint64_t nanos);

// Calls `attempt`, which returns a Result, until it succeeds, fails for another reason (kUnknownOutcome above
// all: it may have happened), or has been made often enough. What it returned last.
template <class Attempt>
auto WithRetries(Core& core, const RetryPolicy& policy, Attempt attempt) -> decltype(attempt()) {
  MANIFOLDDB_TRY(CheckPolicy(policy));
  std::optional<Backoff> backoff;
  for (uint32_t made = 1;; ++made) {
    auto result = attempt();
    if (result || result.error().category() != ErrorCategory::kRetry || made >= policy.attempts_max) {
      return result;
    }
    if (!backoff) backoff.emplace(policy, core.DrawWriterSerial());
    Pause(policy, backoff->NextNanos());
  }
}

}  // namespace manifolddb::txn
