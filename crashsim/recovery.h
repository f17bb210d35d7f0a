#pragma once
// Opens the database on one image of a disk and looks at everything.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/observe.h"
#include "crashsim/session.h"
#include "faultfs/disk.h"

namespace manifolddb::crashsim {

// What must hold of any state of a workload's data, without a model: returns what is wrong.
using Invariant = std::function<std::vector<std::string>(ReadTransaction&)>;

struct Recovered {
  std::optional<Error> error;  // opening, reading or verifying failed
  bool refused = false;        // opening did
  Summary seen;
  std::vector<std::string> verify;     // what Verify found
  std::vector<std::string> invariant;  // what the workload's invariant found
  std::optional<Summary> written;      // what was there after the transaction that was wished for
  uint64_t replayed = 0;               // commits
  uint64_t pages_total = 0;
  uint64_t effects = 0;                         // of the recovery
  uint64_t behaviour = 0;                       // which marks opening passed, and how it ended
  uint64_t cpu_nanos = 0;                       // that opening, reading and verifying took
  std::shared_ptr<const faultfs::Trace> trace;  // of the recovery, if kept

  bool sound() const { return !error && seen.problems.empty() && verify.empty() && invariant.empty(); }
};

struct RecoveryWish {
  bool keep_trace = false;
  bool read_only = false;
  bool verify = true;
  uint64_t write = 0;  // not 0: a durable transaction with this in it, once everything was looked at
};

Recovered Recover(const std::shared_ptr<faultfs::Disk>& disk, const Setup& setup, const Invariant& invariant,
                  const RecoveryWish& wish = {});
Recovered Recover(const faultfs::Image& image, const Setup& setup, const Invariant& invariant,
                  const RecoveryWish& wish = {});

// All contents, as recovery from the disk, or from `image`, shows them; empty if it fails.
Observation ContentsOf(const std::shared_ptr<faultfs::Disk>& disk, const Setup& setup);
Observation ContentsOf(const faultfs::Image& image, const Setup& setup);

// Recovers, writes one durable transaction, closes, opens again: nothing is to be replayed, everything is to
// be there, and before the close as well after one more cut. What is wrong, or nothing.
std::vector<std::string> GoOn(const faultfs::Image& image, const Setup& setup, const Recovered& before);

}  // namespace manifolddb::crashsim
