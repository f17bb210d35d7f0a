#pragma once
// What a workload does, as data: typed operations in steps, steps of several actors side by side in rounds.
// Drawn before anything runs; knows names, not engine objects.

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manifolddb/bytes.h"
#include "manifolddb/options.h"

namespace manifolddb::crashsim {

// A transaction of the harness's own count, over all generations of a campaign's iteration. 0 is none. Family
// operations count as transactions: each is a commit of its own.
using Serial = uint32_t;

enum class OpKind : uint8_t {
  kPut,
  kDelete,
  kDeleteRange,
  kGet,
  kLength,
  kScan,  // `count` entries from `key` onwards (or backwards), or from the end if there is no key
  kCreateTable,
  kDropTable,
  kRenameTable,  // table -> key
  // Of the whole transaction, whatever family they name:
  kSetSavepoint,
  kRollBack,          // to the innermost savepoint but `count` (the outermost, if there are no more)
  kReleaseSavepoint,  // the same one
};
inline bool IsAboutSavepoints(OpKind kind) { return kind >= OpKind::kSetSavepoint; }

// One operation in a transaction. Tables are made when first named by kPut.
struct Op {
  OpKind kind = OpKind::kPut;
  uint8_t family = 0;  // index into Step::families
  std::string table = {};
  std::string key = {};    // or lower bound, start, new name
  std::string upper = {};  // kDeleteRange, kScan
  std::string lower = {};  // kScan
  bool has_key = true;
  bool has_upper = false;
  bool has_lower = false;
  bool backwards = false;
  uint32_t count = 0;
  uint32_t turn_after = 0;  // kScan: after so many moves the other way; 0: never
  std::string value = {};
};

enum class StepKind : uint8_t {
  kTransaction,
  kCreateFamily,
  kDropFamily,
  kRenameFamily,
  kCheckpoint,
  kVerify,
  kReadAll,       // opens a snapshot, reads everything, closes it
  kOpenSnapshot,  // keeps it in `slot`, read once
  kReadSnapshot,  // reads it again: nothing may have changed
  kCloseSnapshot,
};

struct Step {
  StepKind kind = StepKind::kTransaction;
  Serial serial = 0;                       // of transactions and family operations
  std::vector<std::string> families = {};  // kRenameFamily: from, to
  std::vector<Op> ops = {};
  bool commit = true;
  Durability durability = Durability::kImmediate;
  bool through_checkpoint = false;
  bool all_families = false;  // not begun if one of them is missing: its creation may have been refused
  bool add_later = false;     // the last family is added to the running transaction
  uint8_t slot = 0;
};

// Actors run side by side; the round ends when all are done.
struct Round {
  std::vector<std::vector<Step>> actors;
  bool reopen = false;  // close and open again after it
};

struct Program {
  std::vector<Round> rounds = {};
  bool close = true;             // at the end
  bool background = false;       // checkpoints run as an actor of their own, not inside the commit
  uint32_t switch_percent = 50;  // how often another actor goes on at an I/O
  uint32_t hold_percent = 0;     // of these, how often the one that it went on from is held back for long
};

inline constexpr uint8_t kActorsMax = 4;
inline constexpr uint8_t kSnapshotSlots = kActorsMax;  // one for each actor

// The bytes of a value: serial and operation as its tag where there is room, then a stream drawn from them.
std::string MakeValue(Serial serial, uint32_t op, size_t bytes);
// The tag at the front of a value; {0, 0} if it is too short to hold one.
struct ValueTag {
  Serial serial = 0;
  uint32_t op = 0;
};
ValueTag TagOf(ByteView value);

// In runs with a ledger, each transaction leaves a row under its serial in this table of each family it
// holds.
inline constexpr char kLedgerTable[] = "~ledger";
std::string LedgerKey(Serial serial);

// Deletes everything in `held`, (family, table), and everything the program may have put, in one transaction:
// what must agree between families still does.
using HeldTables = std::set<std::pair<std::string, std::string>>;
Step DeletionOfAll(const Program& program, HeldTables held, Serial serial);

// The last serial that the program gives, or `before` if it gives none behind that.
Serial LastSerial(const Program& program, Serial before);

// Certainly small enough for a group of the log, whose largest is a quarter of the ring.
bool FitsTheLog(const Step& step, const Options& options);

}  // namespace manifolddb::crashsim
