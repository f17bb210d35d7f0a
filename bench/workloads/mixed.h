#pragma once
// Reads and updates side by side, on one family for all threads.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/acknowledged.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/sessions.h"

namespace manifolddb::bench {

struct Mixed {
  std::string row;
  int threads = 1;
  double seconds = 1;
  uint64_t reads_percent = 50;
  uint64_t operations_per_batch = 1000;
  uint64_t keys_per_batch = 0;  // distinct ones at most; 0: as many as there are operations
  bool durable = true;
};

// One loaded database, and which version of each key was acknowledged last.
class MixedDatabase {
 public:
  MixedDatabase(Run& run, const Dataset& data);
  // A batch: its reads from one snapshot, then its updates in one commit.
  void Measure(const Mixed& what);
  // Closes, opens again: every value is whole, and what the last batch with its key has put.
  void CloseAndVerify();

 private:
  struct Thread {
    uint64_t batches = 0, reads = 0, updates = 0, conflicts = 0;
    std::vector<uint32_t> nanos;               // of each batch
    std::vector<AcknowledgedWrite> committed;  // of each batch; without a key
    std::vector<uint32_t> updated;             // the keys of all batches, as many of each
  };
  void AddAcknowledged(const Thread& thread);
  void Work(const Mixed& what, int number, Thread& thread);
  void ReadSome(Session& session, const Mixed& what, const std::vector<uint64_t>& keys, Random& random,
                Thread& thread);

  Run& run_;
  const Dataset data_;
  std::unique_ptr<Engine> engine_;
  SharedSessions sessions_;
  uint64_t measured_ = 0;  // so that no two measurements draw the same keys
  Acknowledged acknowledged_;
};

// Rows that share a database, in a process of their own.
Job MixedJob(const Dataset& data, const std::vector<Mixed>& rows);

}  // namespace manifolddb::bench
