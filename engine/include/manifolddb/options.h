#pragma once
// What a user may choose. Everything else has one right value.

#include <cstdint>
#include <memory>
#include <optional>

#include "manifolddb/executor.h"
#include "manifolddb/result.h"

namespace manifolddb {

class EventListener;

// What a successful Commit promises. (docs/durability.md, G1 and G3)
enum class Durability : uint8_t {
  kImmediate,  // survives every crash from now on
  kNone,       // visible now; a crash may take it and all commits after it, never it alone
};

// How to open a database: plain values, to be changed as one likes. What cannot work Open says, all at once.
struct Options {
  // Makes a new database if there is none; else kNotFound.
  bool create_if_missing = true;
  // Serves what is there and changes no byte. Refused while another process has the database open for
  // writing.
  bool read_only = false;

  // At creation: page size in bytes, a power of two from 512 to 65,536 and a multiple of write_unit; 0 is the
  // default (8,192). At opening: 0, or what the database was created with (else kPageSizeMismatch).
  uint32_t page_size = 0;
  // At creation only: what the disk writes atomically at most, bytes, a power of two from 512 to 16,384.
  uint32_t write_unit = 4096;
  // Bytes of the log ring at creation, and at most (docs/tuning.md). Multiples of write_unit, at least 8.
  uint64_t log_bytes_initial = uint64_t{4} << 20;
  uint64_t log_bytes_max = uint64_t{128} << 20;

  // Bytes of pages kept in memory, changed ones included.
  uint64_t cache_bytes = uint64_t{128} << 20;
  // Bytes of changed pages since the last checkpoint: at half of it a checkpoint starts, at all of it new
  // write transactions wait and running ones write pages out, so that together they take as much again
  // at most, and a few pages each. 0 is half of cache_bytes, 1 MiB at least.
  uint64_t dirty_bytes_max = 0;
  // A checkpoint starts at the first commit this long after the last one; 0: never because of time.
  uint64_t checkpoint_interval_ms = 60'000;

  // Where checkpoints run; none given: a thread of the database's own.
  std::shared_ptr<Executor> executor = nullptr;
  // None given: the system's monotonic clock.
  std::shared_ptr<Clock> clock = nullptr;
  // Told of checkpoints, waits and failures (stats.h); none given: nobody is.
  std::shared_ptr<EventListener> listener = nullptr;
};

// Whether Open would take them, as far as that can be told without the files: kInvalidArgument, naming of
// each option that is wrong its value and what is allowed, all of them at once.
Status Validate(const Options& options);

// What of an open database may be changed (Database::SetOptions): what has a value. Each means what it means
// in Options.
struct OptionChanges {
  // A ring that is larger already stays as it is, and one that grows at the time gets what it was to have.
  std::optional<uint64_t> log_bytes_max = std::nullopt;
  // Less: pages are put out of memory at once, but for those that are changed, in use, or looked at by a
  // transaction that is open. Their memory stays with the database, for pages to come, until it is closed.
  std::optional<uint64_t> cache_bytes = std::nullopt;
  // 0 follows cache_bytes, also when that is changed later.
  std::optional<uint64_t> dirty_bytes_max = std::nullopt;
  std::optional<uint64_t> checkpoint_interval_ms = std::nullopt;
};

// Longest value, bytes.
inline constexpr uint64_t kValueBytesMax = uint64_t{2} << 30;
// Longest name of a column family or table, bytes. Names are any bytes, at least one.
inline constexpr uint64_t kNameBytesMax = 64;
// Longest name of a key or value type, bytes; in a database of pages below 4 KiB both together at most a
// quarter of the page less 104. Names are any bytes, UTF-8 by custom; none stands for raw bytes.
inline constexpr uint64_t kTypeNameBytesMax = 255;
// Column families that can ever be created in a database, and tables in a column family: 2^40 - 1 (kLimit).

}  // namespace manifolddb
