#pragma once
// Measurements in processes of their own: memory, allocators, caches and crashes of one engine do not touch
// the next, and an engine that hangs is ended.

#include <functional>
#include <string>
#include <vector>

#include "bench/measure/outcome.h"

namespace manifolddb::bench {

struct ChildReport {
  std::vector<Outcome> outcomes;  // each with peak_rss_bytes, that of the process
  std::string error;              // empty: it went well
};

// Runs `work` in a child and waits for what it reports. REQUIRES: this process has no other threads.
// A child that takes longer than `seconds_max` is killed; that is an error, too.
ChildReport InChild(const std::function<std::vector<Outcome>()>& work, int seconds_max);

// Within a measurement: runs `work` in a process that then ends as one does that was killed, with no
// destructor run and nothing closed. Fails if it failed.
void InDyingProcess(const std::function<void()>& work);

}  // namespace manifolddb::bench
