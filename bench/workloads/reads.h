#pragma once
// Workloads that read a database which was loaded before, and is in the cache unless said otherwise.

#include <cstdint>
#include <string>

#include "bench/measure/theme.h"

namespace manifolddb::bench {

struct Dataset {
  uint64_t entries = 0;
  size_t value_bytes = 100;
  uint64_t stride = 1;  // of keys: entry i has key i * stride
};

// Loads ascending keys into family 0 without syncs, brings them into their best shape and closes.
void Load(const Run& run, const Dataset& data);
// Reads all of it once: then it is in the cache, if that is large enough.
void Warm(Engine& engine, const Dataset& data);

enum class Keys : uint8_t { kUniform, kZipfian, kMissing };

struct PointReads {
  std::string row;
  int threads = 1;
  double seconds = 1;
  uint64_t gets_per_snapshot = 1000;
  Keys keys = Keys::kUniform;
  uint64_t keys_per_get = 1;  // more: multi-get
  // Beside the readers, each committing batches of 100 updates, not synced.
  int writers = 0;
};
void MeasurePointReads(Run& run, Engine& engine, const Dataset& data, const PointReads& what);

struct Scans {
  std::string row;
  double seconds = 1;
  uint64_t entries = 0;  // of each scan, from a random start; 0: all, from the beginning, once
  bool backwards = false;
  bool keys_only = false;
  bool prefix = false;  // bounded by the end of an aligned range of `entries` keys instead of by count
};
// With `entries`: scans/s, otherwise entries/s.
void MeasureScans(Run& run, Engine& engine, const Dataset& data, const Scans& what);

}  // namespace manifolddb::bench
