#pragma once
// A database whose process ends without closing it, opened again.

#include <cstdint>
#include <string>

#include "bench/measure/theme.h"

namespace manifolddb::bench {

struct Crash {
  std::string row;
  uint64_t commits = 200;
  uint64_t puts_per_commit = 1000;
  size_t value_bytes = 1024;
  bool as_time = false;  // the figure is the time to the first read, not entries per second
};
// From opening to the first correct read; then everything is compared.
void MeasureRecovery(Run& run, const Crash& what);

}  // namespace manifolddb::bench
