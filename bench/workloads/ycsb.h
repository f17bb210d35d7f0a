#pragma once
// YCSB's core workloads A to F with the published proportions and distributions; each operation is a
// transaction of its own.
//
// Records have 1,000 bytes, YCSB's ten fields of 100 as one value: an update writes all of it, a read returns
// all of it. Keys are the hashes of record numbers, as with insertorder=hashed.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/acknowledged.h"
#include "bench/workloads/distributions.h"
#include "bench/workloads/sessions.h"

namespace manifolddb::bench {

// Numbers records, and knows up to which one all have been inserted.
class Inserted {
 public:
  explicit Inserted(uint64_t records) : next_(records), done_(records) {}
  uint64_t Take() { return next_.fetch_add(1); }
  void Done(uint64_t number);
  uint64_t done() const { return done_.load(); }

 private:
  std::atomic<uint64_t> next_;
  std::atomic<uint64_t> done_;
  std::mutex mutex_;
  std::set<uint64_t> later_;  // done, but one before is not
};

class YcsbDatabase {
 public:
  YcsbDatabase(Run& run, uint64_t records, bool durable);
  void Measure(const std::string& row, const YcsbMix& mix, int threads, double seconds);
  // Closes, opens again: every record is there, whole, and as the last operation on it left it.
  void CloseAndVerify();

 private:
  struct Thread;
  void Work(const YcsbMix& mix, uint64_t end, Thread& thread);
  void Operate(const YcsbMix& mix, Thread& thread);

  Run& run_;
  const uint64_t records_;
  const bool durable_;
  std::unique_ptr<Engine> engine_;
  const ScrambledZipfian zipfian_;
  const Latest latest_;
  Inserted inserted_;
  SharedSessions sessions_;
  Acknowledged acknowledged_;
  uint64_t measured_ = 0;  // rows, so that no two draw the same numbers
};

}  // namespace manifolddb::bench
