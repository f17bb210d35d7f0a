// Counts, and refuses a range of what it counts.
#include "crashsim/memory_gate.h"

namespace manifolddb::crashsim {

bool MemoryGate::Allows() {
  if (open_.load()) return true;
  const bool committing = committers_.load() > 0;
  uint64_t number = count_.fetch_add(1) + 1;
  if (committing) {
    const uint64_t in_commit = count_in_commit_.fetch_add(1) + 1;
    if (in_commit_) number = in_commit;
  } else if (in_commit_) {
    return true;
  }
  if (number < at_ || number - at_ >= times_) return true;
  refused_.store(true);
  return false;
}

}  // namespace manifolddb::crashsim
