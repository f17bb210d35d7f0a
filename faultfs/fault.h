#pragma once
// Faults on order: which call fails, how, and the log of those that did.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/trace.h"

namespace manifolddb::faultfs {

// What is counted. A durable write counts as a write and then as a sync; so it has two operation numbers.
enum class Operation : uint8_t {
  kRead = 1,
  kWrite = 2,
  kSync = 4,
  kAllocate = 8,
  kDirectory = 16,  // open, create, exists, rename, remove, and the directory's sync
};
// Sets of operations: kRead | kWrite.
using Operations = uint8_t;
constexpr Operations Only(Operation operation) { return static_cast<Operations>(operation); }
inline constexpr Operations kAllOperations = 31;

enum class FaultKind : uint8_t {
  kIoError,           // EIO. Of a sync: as kSyncKeepsClean. Of anything else: without any effect
  kNoSpace,           // ENOSPC, without any effect: write, allocate, directory
  kShortRead,         // the first half arrives, then kTruncated
  kCorruptRead,       // success, with one bit flipped in what the caller gets; cache and disk are sound
  kShortWrite,        // the first half (whole sectors, at least none) is written, then EIO; with a
                      // `parameter`, so many bytes of it (modulo its length): torn amid a sector
  kLostWrite,         // success; the write never reaches the disk
  kMisdirectedWrite,  // success; it reaches the disk `parameter` sectors further on (as signed; 0: one
                      // sector)
  kSyncKeepsClean,    // EIO; what was dirty stays in the cache, clean, and may never reach the disk
  kSyncFailsLater,    // success, but as kSyncKeepsClean; EIO from the next sync of the file
  kSyncReverts,       // EIO; cache and size of the file go back to what is on the disk
  kLostSync,          // success; nothing is made durable, what was dirty stays dirty
};
inline constexpr size_t kFaultKinds = 11;

std::string_view Name(FaultKind kind);
std::optional<FaultKind> ParseFaultKind(std::string_view name);
// What a fault of this kind can befall.
Operations OperationsOf(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::kIoError;
  // Which operations count, and may fail; those that the kind cannot befall are left out.
  Operations counted = kAllOperations;
  // Only of this file (as opened; for directory operations the first name); empty: of any.
  std::string file = {};
  // The first to fail: the at-th counted one from now on, 1, 2, ...
  uint64_t at = 1;
  // All counted ones from there on, until it is disarmed.
  bool lasting = false;
  uint64_t parameter = 0;  // kMisdirectedWrite: sectors; kCorruptRead: which bit; kShortWrite

  // "io_error@3", "no_space@1+/10=0:db-wal": KIND@AT, then where they apply + (lasting), /OPERATIONS,
  // =PARAMETER, :FILE.
  std::string ToString() const;
  static std::optional<Fault> Parse(std::string_view text);
};

// One fault that fired. Fixed size, so that logs of them can be written and read as they are.
struct FaultRecord {
  uint64_t operation = 0;  // number of the call
  uint64_t effects = 0;    // that had happened before it
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint32_t fault = 0;  // what Disk::Arm returned
  Inode inode = kNoInode;
  FaultKind kind = FaultKind::kIoError;
  Operation befell = Operation::kRead;
  std::array<uint8_t, 6> reserved = {};
};
static_assert(sizeof(FaultRecord) == 48);

struct FaultCounts {
  std::array<uint64_t, kFaultKinds> armed = {};
  std::array<uint64_t, kFaultKinds> fired = {};
};

// The faults of one disk: counts operations, says which fault befalls one. Not thread-safe; the disk's lock
// guards it.
class FaultPlan {
 public:
  // Returns a number for Disarm, never 0.
  uint32_t Arm(Fault fault);
  void Disarm(uint32_t number);
  void DisarmAll() { armed_.clear(); }

  // Counts one operation and returns the fault that befalls it; of several, the one armed first. Logs it.
  struct Call {
    Operation operation;
    uint64_t number;
    uint64_t effects;
    const std::string& file;
    Inode inode;
    uint64_t offset;
    uint64_t bytes;
  };
  std::optional<Fault> Next(const Call& call);

  const std::vector<FaultRecord>& fired() const { return fired_; }
  const FaultCounts& counts() const { return counts_; }

 private:
  struct Armed {
    uint32_t number;
    Fault fault;
    uint64_t counted = 0;
  };
  std::vector<Armed> armed_;
  std::vector<FaultRecord> fired_;
  FaultCounts counts_;
  uint32_t last_number_ = 0;
};

}  // namespace manifolddb::faultfs
