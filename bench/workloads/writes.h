#pragma once
// Workloads that put new entries, in commits of a fixed number of puts.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure/meter.h"
#include "bench/measure/theme.h"

namespace manifolddb::bench {

enum class Figure : uint8_t { kPuts, kCommits, kMegabytes };

struct Writes {
  std::string row;
  Figure figure = Figure::kPuts;
  int threads = 1;
  int families = 1;      // thread i writes to family i % families
  uint64_t commits = 0;  // of each thread; 0: by time
  double seconds = 0;    // if by time
  uint64_t puts_per_commit = 1;
  size_t value_bytes = 100;
  bool durable = true;
  bool random_keys = false;         // anywhere among all numbers; otherwise ascending in each thread
  bool through_checkpoint = false;  // see OpenOptions
  // Beside the writers one thread makes checkpoints, one after the other.
  bool checkpoints = false;
};

// Writes, closes, opens again and compares every entry with what was acknowledged.
void MeasureWrites(Run& run, const Writes& what);

// Does `changes` in one batch, again as long as other transactions are in the way. Returns how often they
// were.
template <class Changes>
uint64_t CommitBatch(Session& session, int family, const Changes& changes) {
  constexpr uint64_t kConflictsMax = 100'000;  // in a row: nobody gets on any more
  for (uint64_t conflicts = 0; conflicts < kConflictsMax; ++conflicts) {
    session.BeginWrite(family);
    changes();
    if (session.Commit()) return conflicts;
  }
  Fail("commit", "other transactions were in the way every time");
}

// Opens again and reads all of it: `entries` in all families, each value whole.
void VerifyWhole(const Run& run, int families, uint64_t entries, size_t value_bytes);

// Nobody is measured doing nothing: a durable commit that was not shared with other threads has synced.
void RequireSyncs(const Meter& meter, uint64_t commits, int threads);

inline uint32_t ClampedNanos(uint64_t nanos) {
  return static_cast<uint32_t>(nanos < UINT32_MAX ? nanos : UINT32_MAX);
}

}  // namespace manifolddb::bench
