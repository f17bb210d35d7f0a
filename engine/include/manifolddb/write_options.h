#pragma once
// How a write transaction is begun: how long it may wait, how long it may take, how often it is tried.

#include <cstdint>
#include <functional>

namespace manifolddb {

// Of times: none is too long.
inline constexpr uint64_t kNoLimit = ~uint64_t{0};

// Times are those of Options::clock.
struct WriteOptions {
  // How long to wait for column families that other transactions hold, milliseconds: then kBusy, and none is
  // held. 0: not at all. Waiting for memory or for the log, which a checkpoint ends, is not limited by it.
  uint64_t wait_ms_max = kNoLimit;
  // How long the transaction may take from when it holds its families, milliseconds. The first call behind
  // that is kLimit, also Commit, which then has done nothing; after it only Abort is left. Looked at when the
  // transaction is called: one that nobody uses keeps its families until it is destroyed. With a limit each
  // call reads the clock.
  uint64_t run_ms_max = kNoLimit;
  // false: nothing of the transaction goes to the log, and no redo is kept in memory for it; its pages are
  // written instead, when it commits, by a checkpoint that every commit of others behind it waits for. So it
  // is as atomic and at least as durable as any (CommitOptions::durability makes no difference), each byte is
  // written once instead of twice, and the checkpoint writes what others have changed as well: for loads of
  // megabytes, not for small commits. As CommitOptions::through_checkpoint, but known from the beginning.
  bool log = true;
};

// How often something is tried that may fail because somebody else is in the way (ErrorCategory::kRetry), and
// how long to wait between. The n-th pause is drawn at random between nothing and `pause_us_first` doubled
// n - 1 times, `pause_us_max` at most: so those who met once do not meet again.
struct RetryPolicy {
  uint32_t attempts_max = 1;        // at least 1, which is no retry
  uint64_t pause_us_first = 500;    // microseconds, as the next one
  uint64_t pause_us_max = 100'000;  // the longest pause is drawn from no more
  // Of the random numbers. Mixed with a number of the call's own: two that run at once pause differently.
  uint64_t seed = 0;
  // Waits so many nanoseconds; none given: the thread waits by itself, which in a build for one thread is not
  // at all. For tests, and for programs that have something better to do.
  std::function<void(uint64_t nanos)> pause = nullptr;
};

}  // namespace manifolddb
