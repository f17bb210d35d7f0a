#pragma once
// The database under test and the disk under it, by name of a configuration.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crashsim/random.h"
#include "crashsim/workload.h"
#include "faultfs/trace.h"
#include "faultfs/traits.h"
#include "manifolddb/options.h"

namespace manifolddb::crashsim {

inline constexpr char kDatabase[] = "db";
inline constexpr char kLogFile[] = "db-wal";

// The database under test: how it is opened, on what disk.
struct Setup {
  Options options;  // without executor and clock
  faultfs::Traits traits;
  WorkloadLimits limits;
  uint64_t recovery_dirty_bytes_max = 0;  // of the openings that look at an image

  // What the contract is stated for: the disk writes no more atomically than the database relies on. On
  // another pairing nothing is promised, so nothing is judged.
  bool supported() const { return traits.atomic_unit <= options.write_unit; }
};
// The same with a log and memory that hold many times what the data file keeps back on a full disk.
Setup WithLargeLog(Setup setup);
// Options for an opening outside any scheduler: work runs inline, time stands still.
Options InlineOptions(const Setup& setup);

// Of a meta page: two slots of two copies each lie at the front of the data file.
bool IsMetaWrite(const faultfs::Effect& effect, const Setup& setup);

struct SetupWish {
  std::string config = "any";  // any (of tiny, ring and cache), tiny, ring, cache, small, default
  faultfs::Preset preset = faultfs::Preset::kStrict;
  uint32_t unit = 0;        // the disk's atomic unit; 0: the configuration's
  bool lying = false;       // syncs succeed and do nothing
  uint32_t write_unit = 0;  // the database's; 0: whatever covers the disk's unit
  bool pairings = false;    // both units are drawn of 512, 4096 and 16384, each by itself
};

// Nothing if there is no such configuration.
std::optional<Setup> DrawSetup(const SetupWish& wish, Random& random);
// Steps of one program, if nobody says otherwise.
uint32_t DefaultSteps(std::string_view config);

}  // namespace manifolddb::crashsim
