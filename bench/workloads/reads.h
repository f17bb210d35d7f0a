#pragma once
// Workloads that read a database which was loaded before, and is in the cache unless said otherwise.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure/meter.h"
#include "bench/measure/theme.h"
#include "bench/workloads/acknowledged.h"
#include "bench/workloads/sessions.h"

namespace manifolddb::bench {

struct Dataset {
  uint64_t entries = 0;
  size_t value_bytes = 100;
  uint64_t stride = 1;  // of keys: entry i has key i * stride
};

// Loads ascending keys into family 0 without syncs, brings them into their best shape and closes.
void Load(const Run& run, const Dataset& data);
// Reads all of it, in order and key by key, until that reads no less from files than the time before: then
// everything is in the cache, as far as that is large enough.
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
struct Scans {
  std::string row;
  double seconds = 1;
  uint64_t entries = 0;  // of each scan, from a random start; 0: all, from the beginning, once
  bool backwards = false;
  bool keys_only = false;
  bool prefix = false;  // bounded by the end of an aligned range of `entries` keys instead of by count
};
// A database that was loaded, and rows that read it.
class ReadDatabase {
 public:
  struct Opening {
    bool durable = true;       // what writers beside the readers commit
    uint64_t cache_bytes = 0;  // 0: all of it is cached, and a row for which it was not says so
  };
  ReadDatabase(Run& run, const Dataset& data, const Opening& opening);

  void Measure(const PointReads& what);
  // With `entries`: scans/s, otherwise entries/s.
  void Measure(const Scans& what);
  // Closes, opens again: every entry is there, as it was loaded or as a writer's last commit left it.
  void CloseAndVerify();

 private:
  struct Reading;
  uint64_t KeyFor(const Reading& reading, Random& random) const;
  uint64_t Read(const Reading& reading, int thread) const;
  uint64_t Update(const Reading& reading, int thread, std::vector<AcknowledgedWrite>& writes) const;
  uint64_t ScanOnce(Session& session, const Scans& what, Random& random) const;
  // What all rows have: counters of space, of the cache, sizes. `operations`: gets, or entries of scans.
  void Complete(Outcome& outcome, const Meter& meter, uint64_t operations, uint64_t bytes_written) const;

  Run& run_;
  const Dataset data_;
  const bool cached_;
  std::unique_ptr<Engine> engine_;
  SharedSessions sessions_;
  Acknowledged acknowledged_;
  uint64_t measured_ = 0;  // rows, so that no two updates have the same version
};

// Rows that share a database, in a process of their own.
template <class Row>
Job ReadsJob(const Dataset& data, const std::vector<Row>& rows, const ReadDatabase::Opening& opening = {}) {
  Job job;
  for (const Row& row : rows) job.rows.push_back(row.row);
  job.run = [=](Run& run) {
    ReadDatabase database(run, data, opening);
    for (const Row& row : rows) database.Measure(row);
    database.CloseAndVerify();
  };
  return job;
}

}  // namespace manifolddb::bench
