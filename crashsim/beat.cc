// One place for the process: a worker is one, and watched as one.
#include "crashsim/beat.h"

namespace manifolddb::crashsim {
namespace {

std::atomic<std::atomic<uint64_t>*> counted_in{nullptr};

}  // namespace

void CountBeatsIn(std::atomic<uint64_t>* beats) { counted_in.store(beats, std::memory_order_release); }

void Beat() {
  if (auto* const beats = counted_in.load(std::memory_order_acquire)) {
    beats->fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace manifolddb::crashsim
