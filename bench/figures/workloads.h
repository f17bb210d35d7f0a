#pragma once
// The workloads behind the README's figures. Each does a fixed thing, measures only that, and then reads back
// what it wrote; a wrong answer ends the program.

#include <cstdint>
#include <memory>
#include <string>

namespace manifolddb::bench {

struct Config {
  std::string directory;
  double scale = 1;  // of sizes and durations
};

// What was done in how long.
struct Measured {
  double seconds = 0;
  double count = 0;
  double latency_p50_us = 0;  // 0: not measured
  double latency_p99_us = 0;
  double group_size = 0;  // commits per log group; 0: not measured
  double bytes = 0;       // written or read by the user; 0: not measured
};

// One 4 KiB block of a file, overwritten and synced again and again: what a durable commit cannot be faster
// than, alone.
Measured OverwriteAndSync(const Config& config);

enum class Families : uint8_t { kOwn, kShared };
// One put of 100 bytes in each durable commit.
Measured DurableCommits(const Config& config, int threads, Families families);
// 1,000 puts of 1 KiB, ascending, in each durable commit.
Measured DurableBatches(const Config& config);

// A database of 1 M values of 100 bytes, made at the first use, kept open and in the cache.
class ReadDatabase {
 public:
  explicit ReadDatabase(const Config& config);
  ~ReadDatabase();
  // Random point reads, a read transaction for each 1,000.
  Measured PointReads(int threads);
  // All entries, key and value, in order.
  Measured Scan();

 private:
  struct Open;
  Open& Prepared();
  const Config config_;
  std::unique_ptr<Open> open_;
};

// The files of a database that crashed with a full log (90,000 values of 1 KiB), made at the first use.
class CrashedDatabase {
 public:
  explicit CrashedDatabase(const Config& config);
  ~CrashedDatabase();
  // From opening to the first correct read.
  Measured Recover();

 private:
  struct Files;
  Files& Prepared();
  const Config config_;
  std::unique_ptr<Files> files_;
};

}  // namespace manifolddb::bench
