#pragma once
// Figures of a database since it was opened, and what it tells of while it works.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manifolddb/result.h"

namespace manifolddb {

// How often there were values of which size. Bucket 0 counts zeros, bucket i the values of i bits: 1; 2 to 3;
// 4 to 7; the last one also all that are larger. A plain value.
class Histogram {
 public:
  // How many buckets there are.
  static constexpr size_t kBuckets = 40;

  // Counts one more value.
  void Add(uint64_t value) {
    ++buckets_[std::min<size_t>(std::bit_width(value), kBuckets - 1)];
    ++count_;
    sum_ += value;
  }

  // How many values there were, what they come to together, and how many of them a bucket counts.
  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t bucket(size_t index) const { return buckets_[index]; }
  // The greatest value that a bucket counts; of the last one: no bound, kNoBound.
  static constexpr uint64_t kNoBound = ~uint64_t{0};
  static constexpr uint64_t UpperBound(size_t index) {
    return index + 1 < kBuckets ? (uint64_t{1} << index) - 1 : kNoBound;
  }
  // At least so large is no more than the other part of the values: UpperBound of the bucket in which the
  // smallest `share` (0 to 1) of them end. 0 if there are none.
  uint64_t AtMost(double share) const {
    uint64_t below = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      below += buckets_[i];
      if (below > 0 && static_cast<double>(below) >= share * static_cast<double>(count_))
        return UpperBound(i);
    }
    return 0;
  }

 private:
  std::array<uint64_t, kBuckets> buckets_ = {};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

// How a table lies in its pages.
struct TableShape {
  uint64_t entries = 0;            // in it
  uint32_t depth = 0;              // levels, leaves included; 0: no entry was ever put
  uint64_t branch_pages = 0;       // that lead to leaves
  uint64_t leaf_pages = 0;         // that hold entries
  uint64_t page_bytes = 0;         // that these pages take
  uint64_t page_bytes_used = 0;    // of them
  uint64_t leaf_jumps = 0;         // steps of a scan from leaf to leaf that do not lead to the next page
  uint64_t large_values = 0;       // values outside these pages
  uint64_t large_value_bytes = 0;  // of them
  // How full its pages are, 0 to 1.
  double fill() const {
    return page_bytes == 0 ? 0.0 : static_cast<double>(page_bytes_used) / static_cast<double>(page_bytes);
  }
  // How scattered its leaves are in the file, 0 to 1.
  double fragmentation() const {
    return leaf_pages == 0 ? 0.0 : static_cast<double>(leaf_jumps) / static_cast<double>(leaf_pages);
  }
};

// A table, as one commit left it.
struct TableStats {
  std::string name;                                // any bytes
  std::string key_type;                            // as stored, see TableTypes; empty: raw bytes
  std::string value_type;                          // likewise
  uint64_t entries = 0;                            // how many it has
  std::optional<TableShape> shape = std::nullopt;  // if it was asked for
};

// A column family, as one commit left it, and what was done to it since the opening.
struct FamilyStats {
  std::string name;                // any bytes
  uint64_t id = 0;                 // of ColumnFamily
  uint64_t commits = 0;            // that changed it
  uint64_t waits = 0;              // for it, by transactions that found it taken
  std::vector<TableStats> tables;  // in the byte order of their names

  // Of its tables together.
  uint64_t entries() const {
    uint64_t sum = 0;
    for (const TableStats& table : tables) sum += table.entries;
    return sum;
  }
  // Of its tables together; the depth is that of the deepest. None if it was not asked for, or there are no
  // tables.
  std::optional<TableShape> shape() const {
    if (tables.empty()) return std::nullopt;
    TableShape sum;
    for (const TableStats& table : tables) {
      if (!table.shape) return std::nullopt;
      sum.entries += table.shape->entries;
      sum.depth = std::max(sum.depth, table.shape->depth);
      sum.branch_pages += table.shape->branch_pages;
      sum.leaf_pages += table.shape->leaf_pages;
      sum.page_bytes += table.shape->page_bytes;
      sum.page_bytes_used += table.shape->page_bytes_used;
      sum.leaf_jumps += table.shape->leaf_jumps;
      sum.large_values += table.shape->large_values;
      sum.large_value_bytes += table.shape->large_value_bytes;
    }
    return sum;
  }
};

// A checkpoint that has ended well. Times are those of Options::clock, nanoseconds.
struct CheckpointInfo {
  uint64_t number = 0;         // of the database's whole life
  uint64_t commit_number = 0;  // commits up to this one are in the data file
  uint64_t began_ns = 0;       // when it captured what to write
  uint64_t ended_ns = 0;       // when it was durable
  uint64_t page_bytes = 0;     // written, of trees; free map and meta pages come on top
  bool of_commit = false;      // for a transaction too large for the log
  bool log_grew = false;       // to its next size
  // How long it took.
  uint64_t nanos() const { return ended_ns - began_ns; }
};

// A writer had to wait until a checkpoint made room; it has waited.
struct StallInfo {
  // What there was no room in.
  enum class Reason : uint8_t {
    kMemory,  // changed pages took all of Options::dirty_bytes_max
    kLog,     // the log was full
  };
  Reason reason = Reason::kMemory;  // what for
  uint64_t nanos = 0;               // how long
};

// Is told of what happens. Derive from it, override what is of interest, give it in Options. Calls come from
// any thread, several at once, amid what the thread was doing: they are to be short, to use nothing of this
// database, not even its statistics, and to throw nothing (that would end the process). The engine holds no
// lock meanwhile and holds up no commit of others; but whoever waits for what this thread does waits for the
// call, too.
class EventListener {
 public:
  virtual ~EventListener() = default;
  // One has ended well: what it wrote is durable.
  virtual void OnCheckpoint(const CheckpointInfo& /*checkpoint*/) {}
  // A writer goes on, after it has waited for room.
  virtual void OnStall(const StallInfo& /*stall*/) {}
  // A write or sync has failed: nothing is committed any more until the database is opened anew. Once.
  virtual void OnPoison(const Error& /*cause*/) {}
  // A page or value of the data file is not what was written; each time that somebody meets it once the
  // database is open. The call that met it returns this error, perhaps with the table and the key in front of
  // its message; Verify reports it.
  virtual void OnCorruption(const Error& /*what*/) {}
};

}  // namespace manifolddb
