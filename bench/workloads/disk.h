#pragma once
// What the disk itself can do: blocks that were written before, overwritten and synced. No engine that keeps
// its promise with one sync per commit is faster, alone; several committers may share a sync.

#include <cstdint>
#include <string>

#include "bench/measure/theme.h"

namespace manifolddb::bench {

struct Overwrites {
  std::string row;
  int threads = 1;  // on one file, each in a region of its own
  uint64_t block_bytes = 4096;
  double seconds = 1;
  std::string unit = "commits/s";
  double units_per_block = 1;  // of the figure: puts in a batch, megabytes
};
void MeasureOverwrites(Run& run, const Overwrites& what);

}  // namespace manifolddb::bench
