#pragma once
// What happened in a run, recorded outside the engine: every call with its answer, stamped with the number of
// effects the disk had seen. The oracle's only source beside the recovered data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/digest.h"
#include "crashsim/model.h"
#include "crashsim/program.h"

namespace manifolddb::crashsim {

// When something happened: how many effects the disk had taken, and its place among all recorded events.
struct Stamp {
  uint64_t effects = 0;
  uint64_t event = 0;  // 0: has not happened
};

enum class End : uint8_t {
  kRunning,  // neither committed nor aborted when the run ended
  kCalled,   // Commit was called and never returned
  kAcked,    // Commit returned success
  kRefused,  // Commit returned an error that says: nothing happened
  kUnknown,  // kUnknownOutcome
  kAborted,
};

struct Performed {
  Op op;
  FamilyUid family = 0;
  Outcome outcome;
};

// A write transaction or a family operation.
struct Transaction {
  Serial serial = 0;
  StepKind kind = StepKind::kTransaction;
  std::vector<std::string> names = {};    // family operations: the name, or from and to
  std::vector<FamilyUid> families = {};   // held; for kCreateFamily: the new id, if known
  std::vector<uint64_t> held_since = {};  // per family: the event
  std::vector<Performed> operations = {};
  Outcome outcome = {};  // of a family operation, or of the commit
  End end = End::kRunning;
  Durability durability = Durability::kImmediate;
  bool through_checkpoint = false;
  bool logged = false;   // certainly in the log: asked for no checkpoint, and is not too large
  bool changed = false;  // some operation changed something
  uint64_t number = 0;   // the place in the commit order that the engine told, 0 if it did not
  Stamp began = {};      // BeginWrite returned: the families are held
  Stamp called = {};     // Commit was called
  Stamp ended = {};      // Commit returned

  void Hold(FamilyUid family, uint64_t since) {
    families.push_back(family);
    held_since.push_back(since);
  }
  bool durable() const { return durability == Durability::kImmediate || through_checkpoint; }
};

// One reading of everything through one snapshot.
struct Reading {
  uint64_t number = 0;  // the snapshot's, as the engine told
  StateSum sum;
  std::vector<std::string> problems;  // what was wrong in itself: order, directions that differ, lengths
  Stamp began = {};                   // the snapshot was taken
  Stamp read = {};
};

// A successful Checkpoint or Close: what was published before the call is durable after it.
struct Settled {
  Stamp called = {};
  Stamp ended = {};
  const char* what = "";  // "checkpoint", "close"
};

struct History {
  std::vector<Transaction> transactions;
  std::vector<Reading> readings;
  std::vector<Settled> settled;
  uint64_t events = 0;  // last event given
};

// In the order in which things began.
std::vector<std::string> Lines(const History& history);

}  // namespace manifolddb::crashsim
