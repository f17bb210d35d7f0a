#pragma once
// Time and resources of one measured part of a workload.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bench/measure/counted_calls.h"
#include "bench/measure/outcome.h"

namespace manifolddb::bench {

uint64_t NowNanos();

// Runs `work` on `threads` threads that begin at the same time; the seconds until the last one is done.
double Together(int threads, const std::function<void(int)>& work);

// Bytes that the files of `directory` occupy on the device: holes and sparse ends do not count.
uint64_t SpaceOf(const std::string& directory);

// Counters from Start to Stop. What the machine does not offer (cycles in most virtual machines, the device
// of an overlay) is left out of the outcome.
class Meter {
 public:
  // `cache_hits`: what the engine has counted so far; none: it counts none.
  using CacheHits = std::function<std::optional<uint64_t>()>;
  explicit Meter(
      std::string directory, CacheHits cache_hits = [] { return std::nullopt; });
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  // Begins with nothing unwritten in the file system's cache: earlier work is not charged to this one.
  // Threads that exist already count for calls and processor time, but not for cycles.
  void Start();
  void Stop();

  uint64_t syncs() const { return stopped_.called.syncs - started_.called.syncs; }

  // syncs, file_reads, file_writes, file_bytes, allocations, page_faults, cpu_seconds, cycles; device_bytes
  // if `wrote`; peak_rss_bytes, up to Stop, since the process began; cache_hits if the engine counts them.
  void AddTo(Outcome& outcome, bool wrote) const;
  // The same yardsticks as after closing, but now, with the engine open: space_bytes, and against the user's
  // bytes (0: there are none) write_amplification and space_amplification. What was put off is not in them.
  void AddOpenTo(Outcome& outcome, uint64_t user_bytes_written, uint64_t user_bytes_live) const;
  // After the engine was closed: the work that it had put off counts, too. space_bytes, file_bytes_closed,
  // device_bytes_closed and, against the user's bytes, write_amplification and space_amplification.
  void AddClosedTo(Outcome& outcome, uint64_t user_bytes_written, uint64_t user_bytes_live) const;

 private:
  struct Reading {
    CalledSoFar called;
    double cpu_seconds = 0;
    uint64_t page_faults = 0;
    uint64_t peak_rss_bytes = 0;
    std::optional<uint64_t> device_bytes;
    std::optional<uint64_t> cycles;
    std::optional<uint64_t> cache_hits;
  };
  Reading Read() const;
  void SyncFileSystem() const;
  void AddSpaceTo(Outcome& outcome, uint64_t user_bytes_live) const;

  const std::string directory_;
  const CacheHits cache_hits_;
  const std::string device_statistics_;  // a file of /sys; may not exist
  const int cycles_file_;                // -1: the machine does not count them
  Reading started_;
  Reading stopped_;
};

}  // namespace manifolddb::bench
