#pragma once
// The generated workload: draws a program from a seed.

#include <string>
#include <vector>

#include "crashsim/program.h"
#include "crashsim/random.h"

namespace manifolddb::crashsim {

// What the sizes of a database press for.
enum class Pressure : uint8_t {
  kNone,
  kLog,    // the smallest ring: committers wait for room while a checkpoint makes some
  kCache,  // more data than pages in memory
};

// What the database is like, as far as the workload must know.
struct WorkloadLimits {
  uint64_t page_size = 512;
  uint64_t key_bytes_max = 128;
  uint64_t log_bytes_max = 16384;
  uint64_t group_bytes_max = 4096;  // of the log as it is created
  Pressure pressure = Pressure::kNone;
  bool resting = false;  // cursors with bounds, that rest; values that are kept
};

// Kinds of things that one run does or never does (swarm testing: what is absent lets the rest go further).
struct Swarm {
  bool large_values = true;
  bool deletes = true;
  bool ranges = true;
  bool reads = true;
  bool several_families = true;
  bool none_commits = true;
  bool through_checkpoint = true;
  bool aborts = true;
  bool table_changes = true;
  bool family_changes = true;
  bool checkpoints = true;
  bool snapshots = true;
  bool reopens = true;
  bool ledger = true;
  bool background = true;
  bool large_groups = false;  // of the log, where it is under pressure
  uint32_t actors = 1;
  uint32_t keys = 16;          // per table: few, so that operations meet
  uint32_t ops_per_step = 4;   // at most
  uint32_t none_percent = 30;  // of the commits
  uint32_t through_percent = 8;
};
Swarm DrawSwarm(Random& random);
// What a database under pressure needs to feel it.
void Press(Swarm& swarm, const WorkloadLimits& limits, Random random);
// As switched-on names, for reports.
std::string Describe(const Swarm& swarm);

// A program of about `steps` steps; its serials start behind `last_serial`. Every program makes at least one
// durable commit.
Program DrawProgram(Random& random, const Swarm& swarm, const WorkloadLimits& limits, uint32_t steps,
                    Serial last_serial);

// Puts savepoints into the transactions of `program`: some are rolled back to, some released, some left.
void AddSavepoints(Program& program, Random random);

// `steps` durable transactions of few puts and deletions, values of up to 8 pages among them, and in half of
// the programs large ones beside them that leave little: for a disk on which they have no room.
Program DrawFilling(Random& random, const WorkloadLimits& limits, uint32_t steps);

}  // namespace manifolddb::crashsim
