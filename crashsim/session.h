#pragma once
// One process's life with the database: opens it on a disk, runs a program, closes it or not, and records
// everything. Never judges contents; only what no run may show (an error without a fault, a wrong figure).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crashsim/history.h"
#include "crashsim/memory_gate.h"
#include "crashsim/observation.h"
#include "crashsim/program.h"
#include "crashsim/scheduler.h"
#include "crashsim/setup.h"
#include "crashsim/verdict.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {

struct SessionPlan {
  Setup setup;
  Program program;
  uint64_t seed = 0;
  bool faults_armed = false;  // errors of the environment are expected once one has fired
  // What a sync that lied has done to this disk, as errors show it: pages may be damaged; or the next sync
  // will tell of it.
  bool damaged = false;
  bool sync_fails = false;
  // The only fault is a sync that fails and says so: reads go on, with the right answers (G8).
  bool reads_go_on = false;
  bool extents_revert = false;  // it takes from the cache what it could not write
  bool make_room = false;  // faults are disarmed before the end, and after some refusals: writes must go on
  bool full = false;       // nor are they disarmed before what is deleted has made room on the full disk
  MemoryGate* memory = nullptr;  // counts allocations and refuses some
  bool create = true;            // the database need not exist
  Director* director = nullptr;  // decides every switch in place of the seed
  bool quiet = false;            // asks nothing of the database but what the program does
  LockGraph* locks = nullptr;    // is told who asks for which lock, where there is a director
  std::function<void(size_t round)> before_round = {};  // called before each round of the program
};

struct Session {
  std::shared_ptr<const faultfs::Trace> trace;  // of the whole disk since it was booted
  uint64_t first_effect = 0;                    // this session's effects begin here
  uint64_t opened_effect = 0;                   // Open had returned, the base had been read
  std::optional<Error> open_error;
  Observation opened;  // contents right after opening
  DatabaseStats opened_stats;
  DatabaseStats last_stats;
  bool closed = false;
  bool room_was_made = false;
  uint64_t switches = 0;
  History history;
  Violations violations;
};

// Runs `plan` on `disk`. If the program does not close the database, its process is killed after the trace
// was taken: nothing that destruction does reaches the disk.
Session RunSession(const std::shared_ptr<faultfs::Disk>& disk, const SessionPlan& plan,
                   const std::function<void()>& on_deadlock);

}  // namespace manifolddb::crashsim
