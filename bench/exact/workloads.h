#pragma once
// The workloads. Each does a fixed thing in a world of its own, measures only that, and reads back what it
// wrote; a wrong answer ends the program. Names W1 to W11 are those of docs and of the other benchmarks.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/exact/world.h"

namespace manifolddb::bench::exact {

struct Plan {
  double scale = 1;  // of numbers of keys and operations
  uint64_t seed = 1;
  uint64_t Scaled(uint64_t count, uint64_t least) const;
};
using MakePlatform = std::function<Platform()>;

// ---- Commits
// 1,000 ascending puts of 1 KiB in each commit.
Figure Batches(const Plan& plan, const MakePlatform& platform, uint64_t threads, Durability durability);
enum class Families : uint8_t { kOwn, kShared };
// One put of 100 bytes in each durable commit.
Figure SingleCommits(const Plan& plan, const MakePlatform& platform, uint64_t threads, Families families);
// Of each 1,000 operations in a durable commit so many are reads.
Figure Mixed(const Plan& plan, const MakePlatform& platform, uint64_t reads_percent);
// The same by several threads on one family; `keys_per_batch`: the different keys of a batch, 0: any.
Figure MixedSideBySide(const Plan& plan, const MakePlatform& platform, uint64_t threads,
                       uint64_t reads_percent, uint64_t keys_per_batch);
// W8 and, on what it leaves, W11: load in random order, updates, deletes, reads.
std::vector<Figure> RandomOrder(const Plan& plan, const MakePlatform& platform);
// W9: values of so many bytes, 1 MB in each durable commit.
Figure LargeValues(const Plan& plan, const MakePlatform& platform, uint64_t value_bytes);

// ---- Reads
// W5 and W6 with everything in the cache.
std::vector<Figure> CachedReads(const Plan& plan, const MakePlatform& platform);
// W5 with a quarter of it in the cache.
Figure ReadsFromDisk(const Plan& plan, const MakePlatform& platform);

// ---- YCSB
// A, B, C, F, D, E on one database, each operation a transaction, updates durable.
std::vector<Figure> Ycsb(const Plan& plan, const MakePlatform& platform);

// ---- Lives
// W10: open after the process was killed, to the first correct read.
Figure Recovery(const Plan& plan, const MakePlatform& platform);
// The same after a clean close.
Figure CleanOpen(const Plan& plan, const MakePlatform& platform);
// One checkpoint over fresh commits.
Figure CheckpointCost(const Plan& plan, const MakePlatform& platform);
// The same keys again and again: how large the file grows.
Figure Churn(const Plan& plan, const MakePlatform& platform);

}  // namespace manifolddb::bench::exact
