#pragma once
// Options for kinds of use, to begin with: each is a plain Options, and every member may be changed
// afterwards. Without one of them, Options as it is fits a program among others on a desktop.

#include <algorithm>
#include <cstdint>

#include "manifolddb/executor.h"
#include "manifolddb/options.h"

namespace manifolddb {

// A device with little memory and little room: about 6 MiB of memory and at most 8 MiB of log. What it costs
// is checkpoints, each of which syncs the data file: one at the latest for every 2 MiB of changed pages.
inline Options OptionsForSmallDevice() {
  Options options;
  options.page_size = 4096;
  options.log_bytes_initial = uint64_t{256} << 10;
  options.log_bytes_max = uint64_t{8} << 20;
  options.cache_bytes = uint64_t{4} << 20;
  options.dirty_bytes_max = uint64_t{4} << 20;
  return options;
}

// A machine, or that much of its memory, for this database: `memory_bytes`, 64 MiB at least. Three quarters
// are cache, a quarter of it for changed pages; the rest is for what running transactions change and readers
// keep. A log of up to 1 GiB, hence few checkpoints that have much to write, and at most so much to replay.
inline Options OptionsForServer(uint64_t memory_bytes) {
  Options options;
  const uint64_t memory = std::max(memory_bytes, uint64_t{64} << 20);
  options.cache_bytes = memory / 4 * 3;
  options.dirty_bytes_max = options.cache_bytes / 4;
  options.log_bytes_initial = uint64_t{64} << 20;
  options.log_bytes_max = uint64_t{1} << 30;
  return options;
}

// A program that must have no thread but its own: checkpoints run within the commits that make them due,
// which take longer then.
inline Options OptionsForOneThread() {
  Options options;
  options.executor = MakeInlineExecutor();
  return options;
}

}  // namespace manifolddb
