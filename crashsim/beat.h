#pragma once
// Signs of life. Whoever watches a worker calls it hung if none comes for long, so one comes with whatever
// can be slow on a busy machine: every I/O of a session, every switch, every recovery, every guess of the
// oracle's.

#include <atomic>
#include <cstdint>

namespace manifolddb::crashsim {

// Counted here from now on; null: nowhere.
void CountBeatsIn(std::atomic<uint64_t>* beats);
// From any thread.
void Beat();

}  // namespace manifolddb::crashsim
