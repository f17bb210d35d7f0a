#pragma once
// Measurements in processes of their own: memory, allocators, caches and crashes of one engine do not touch
// the next, and an engine that hangs is ended.

#include <functional>
#include <string>
#include <vector>

#include "bench/measure/outcome.h"

namespace manifolddb::bench {

struct ChildReport {
  std::vector<Outcome> outcomes;
  std::string error;  // empty: it went well
};

// Runs `work` in a child and waits for what it reports. REQUIRES: this process has no other threads.
// A child that takes longer than `seconds_max` is killed; that is an error, too.
ChildReport InChild(const std::function<std::vector<Outcome>()>& work, int seconds_max);

// Touches `bytes` of memory, at most half of what is free, and gives them back: half of it in huge pages,
// which the system takes from other places. A virtual machine that lay idle has returned its free memory to
// the host; whoever touches it next pays some 10 us per 4 KiB for that, up to two thirds of what a short load
// takes.
void TouchMemory(uint64_t bytes);

// Within a measurement: runs `work` in a process that then ends as one does that was killed, with no
// destructor run and nothing closed. Fails if it failed.
void InDyingProcess(const std::function<void()>& work);

}  // namespace manifolddb::bench
