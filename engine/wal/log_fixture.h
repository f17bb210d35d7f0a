#pragma once
// What the tests of the log share: a storage that records and fails, a log over it, and groups made by hand.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "engine/format/log_format.h"
#include "engine/wal/log_reader.h"
#include "engine/wal/log_ring.h"
#include "engine/wal/log_writer.h"
#include "manifolddb/storage.h"

namespace manifolddb::wal {

// SplitMix64: the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

// Records every effect as a line, and fails those it is told to fail.
struct Trace {
  std::vector<std::string> lines;
  // Returns true if the effect of this line is to fail. Called before it happens.
  std::function<bool(const std::string&)> fails;
};
std::shared_ptr<Storage> MakeTracedStorage(std::shared_ptr<Storage> under, Trace& trace);

format::Identity TestIdentity(int number = 1);
// A redo buffer as a transaction leaves it: the gap, then `operations`.
base::ByteBuffer MakeRedo(std::string_view operations);
// A string that differs from that of every other transaction.
std::string OperationsOf(uint64_t txn, size_t bytes);

// A log with a model of what was appended to it.
class TestLog {
 public:
  struct Config {
    uint32_t write_unit = 512;
    uint64_t units = 16;  // of the ring
    uint64_t origin = 0;
  };
  explicit TestLog(const Config& config, std::shared_ptr<Storage> storage = MakeMemoryStorage());

  // Appends one group of the next transactions. Returns where it lies.
  format::Lsn Append(const std::vector<size_t>& operation_bytes);
  void Sync();
  // A checkpoint of everything appended: reading starts here from now on.
  void Checkpoint();
  // A new opening for writing at the present end.
  void NextLife();

  // What reading gives: the operations of each transaction from the checkpoint on.
  struct Read {
    Result<LogScanResult> result;
    std::map<uint64_t, std::string> operations;
  };
  Read ReadBack();
  // What was appended from the checkpoint up to (not including) `next_txn`, as ReadBack should see it.
  std::map<uint64_t, std::string> Expected(uint64_t next_txn) const;

  // Raw bytes of the ring, at multiples of `write_unit`.
  std::vector<std::byte> RingBytes(uint64_t offset, uint64_t bytes);
  void SetRingBytes(uint64_t offset, ByteView bytes);
  void Flip(uint64_t ring_offset, uint8_t change = 1);
  // Seals a group of `records` and puts it where `header.lsn` says. Fills in counts; returns the checksum.
  uint64_t PutGroup(format::LogGroup header, const std::vector<std::string>& records);
  // A header for PutGroup that continues the log.
  format::LogGroup NextHeader() const;

  File& file() { return *file_; }
  Storage& storage() { return *storage_; }
  LogWriter& writer() { return *writer_; }
  base::Poison& poison() { return *poison_; }
  const LogRing& ring() const { return ring_; }
  LogScan& scan() { return scan_; }
  uint64_t next_txn() const { return next_txn_; }

 private:
  void StartWriter();

  std::shared_ptr<Storage> storage_;
  std::unique_ptr<File> file_;
  LogRing ring_;
  LogScan scan_;
  std::unique_ptr<base::Poison> poison_;
  std::unique_ptr<LogWriter> writer_;
  std::map<uint64_t, std::string> appended_;
  uint64_t next_txn_ = 1;
  uint64_t life_ = 1;
};

}  // namespace manifolddb::wal
