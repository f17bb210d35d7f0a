#pragma once
// One worker's part of a campaign: its wishes, its counters, where it is now, and what it reports.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crashsim/behaviours.h"
#include "crashsim/json_lines.h"
#include "crashsim/lines/coordinates.h"
#include "crashsim/setup.h"
#include "crashsim/verdict.h"
#include "faultfs/crash_point.h"
#include "faultfs/fault.h"
#include "faultfs/traits.h"

namespace manifolddb::crashsim {

struct Recovered;

struct CampaignOptions {
  std::string workload = "mixed";
  uint64_t seed = 1;
  double seconds = 30;
  bool processor_time = false;  // seconds are those of each worker's processor, not the wall's
  uint64_t iterations_max = 0;  // 0: as many as there is time for
  uint64_t recoveries_max = 0;  // of each worker; 0: as many as there is time for
  double enough_seen = 0;       // stop where another program would show fewer new behaviours; 0: never
  uint32_t generations = 3;
  uint32_t ops = 0;  // steps per program; 0: the configuration's
  SetupWish setup = {};
  std::vector<std::string> broken = {};  // sites
  bool sample = false;                   // try some points of each run only: more programs in the same time
  bool stop_at_violation = false;
  bool every_fault = false;  // each call of each run fails, in each way; nothing else
  bool survey = false;       // after a violation go on with the next scenario: which of them notice
  std::string json = {};
  unsigned jobs = 2;
  uint64_t shard = 0;  // of `shards`: every so many iterations, from its own on
  uint64_t shards = 1;
  std::vector<std::string> required_marks = {"recovery.",  // prefixes
                                             "wal.",
                                             "txn.",
                                             "page.spill",
                                             "page.cache.evicted",
                                             "checkpoint.log_grows",
                                             "checkpoint.log_reserved",
                                             "checkpoint.synced_amid"};
  std::optional<Coordinates> only = std::nullopt;  // play this again, nothing else
  bool tells = true;                               // of that what happens, for the person who watches
};

// What is done to a run beside cutting it at every effect.
enum class ScenarioKind : uint8_t {
  kPoints,      // power cut at every effect
  kKill,        // process killed, cache alive, opened again, then a power cut
  kFailedSync,  // a sync fails, opened again in the same boot, then a power cut
  kIoFault,     // EIO, ENOSPC, short reads and writes at an operation
  kNoRoom,      // ENOSPC until room is made
  kNoMemory,    // an allocation whose size comes from data fails
  kCrashLoop,   // recovery cut again and again
  kRot,         // bits flipped at rest
  kMetaRot,     // the newest meta page unreadable
  kLostWrite,   // an acknowledged write that never arrived, or elsewhere
  kOpenings,    // openings that end early, each in its own way, mostly amid step 1
  kForeign,     // a group of another database where the log goes on
  kMissing,     // one of the two files is gone
  kEndings,     // every pair of early endings of openings, where a copy of a meta page stands alone
  kSchedules,   // the same program, its actors otherwise interleaved
  kOlderFile,   // a data file as it was before, beside the log of now
  kFullLog,     // killed as the disk became full, with far more in the log than the data file has to spare
  kNeighbour,   // a file, a meta page or a page of another database where this one's belongs
  kCreation,    // killed amid the creation, created once more in the same boot, then a power cut
  kEveryFault,  // with --every-fault, and then alone: each kind of failure at each call, once and lasting
};
inline constexpr size_t kScenarios = 20;
const char* Name(ScenarioKind kind);
// Of the scenario that coordinates name, as in "kill#3"; nothing for "run" and "start", which are none.
std::optional<ScenarioKind> KindOf(std::string_view scenario);

inline constexpr size_t kMarksMax = 512;

// Sums over everything that was tried. Plain numbers: lives in memory that the supervising process shares.
struct Counters {
  uint64_t iterations = 0;
  uint64_t unsupported = 0;        // of these: the pairing of disk and database is none, nothing was run
  uint64_t generations_tried = 0;  // all their scenarios, that is; points as far as time allows
  uint64_t traces_tried = 0;       // of generations: every point of theirs, which none is with --sample
  uint64_t sessions = 0;
  uint64_t effects = 0;
  uint64_t commits = 0;
  uint64_t switches = 0;
  uint64_t points = 0;
  uint64_t points_unsynced = 0;
  uint64_t images = 0;      // looked at
  uint64_t recoveries = 0;  // run; an image seen before at a neighbouring point is not recovered again
  uint64_t nested = 0;      // of the recoveries, those of a recovery that was cut
  uint64_t read_only = 0;
  uint64_t went_on = 0;         // wrote, closed and opened again after recovery
  uint64_t recovery_nanos = 0;  // of a processor
  uint64_t judged_twice = 0;    // recovered states that both judges were asked about
  uint64_t violations = 0;
  uint64_t harness_errors = 0;
  std::array<uint64_t, faultfs::kPolicies> policy_images = {};
  std::array<uint64_t, faultfs::kPolicies> policy_violations = {};
  std::array<uint64_t, faultfs::kFaultKinds> faults_armed = {};
  std::array<uint64_t, faultfs::kFaultKinds> faults_fired = {};
  std::array<uint64_t, kScenarios> scenarios_run = {};
  std::array<uint64_t, kScenarios> scenarios_bitten = {};  // there was something to do harm to
  std::array<uint64_t, kScenarios> scenario_recoveries = {};
  std::array<uint64_t, kScenarios> scenario_violations = {};  // and of the run itself: what it answers
  uint64_t run_violations = 0;
  uint64_t broken_hits = 0;  // how often a broken site misbehaved
  // Of the line that is played again: how often its parts were really come to.
  uint64_t again_scenario = 0;
  uint64_t again_fault = 0;  // in that scenario
  uint64_t again_cut = 0;
  uint64_t again_nested = 0;  // the last one
  std::array<uint64_t, kMarksMax> marks = {};

  void Add(const Counters& other);
  void CountViolation(std::string_view scenario);
};

// Where a worker is, for whoever finds it dead.
struct Place {
  static constexpr size_t kCutsMax = 4;
  uint64_t seed = 0;
  uint32_t generation = 0;
  uint32_t cuts = 0;
  std::array<char, 64> scenario = {};
  std::array<char, 96> fault = {};
  faultfs::Traits traits = {};  // of the disk that this iteration has drawn
  uint32_t write_unit = 0;      // of its database
  struct PlainCut {
    uint64_t effects;
    uint64_t parameter;
    uint8_t policy;
  };
  std::array<PlainCut, kCutsMax> cut = {};
  std::atomic<uint64_t> beat = 0;     // moves while the worker lives (beat.h)
  std::atomic<uint64_t> entered = 0;  // what it was when this session or cut began
  uint64_t deadlocks = 0;
  std::atomic<bool> enough = false;  // set by whoever watches: begin nothing more
};

class Campaign {
 public:
  Campaign(const CampaignOptions& options, Counters& counters, Behaviours& behaviours, Place& place,
           JsonLines& out);

  const CampaignOptions& options() const { return options_; }
  Counters& counters() { return counters_; }
  JsonLines& out() { return out_; }
  bool OutOfTime() const;
  // Nothing more is to be tried in this iteration.
  bool Stop() const;

  void BeginIteration(uint64_t index, uint64_t seed);
  // What the iteration has drawn; told with every violation.
  void SetTraits(const faultfs::Traits& traits);
  // False: this pairing of disk and database is unsupported. That is told, and nothing is to be run.
  bool Supports(const Setup& setup);
  uint64_t iteration() const { return iteration_; }
  // Another scenario, which with --survey is tried whatever the ones before have found.
  void BeginScenario();
  void EnterSession(uint32_t generation, std::string scenario, std::string fault);
  void EnterCut(const Cut& cut) { cuts_.assign(1, cut), CountAgain(), Mirror(); }
  void PushNested(const Cut& cut) { cuts_.push_back(cut), CountAgain(), Mirror(); }
  void PopNested() { cuts_.pop_back(), Mirror(); }
  void LeaveCut() { cuts_.clear(), Mirror(); }

  // While something is played again: is this it?
  bool WantsScenario(uint32_t generation, const std::string& scenario) const;
  bool WantsPoint(uint64_t effects) const {
    return !only_cut() || only_cut()->effects == effects;  // no point named: all of the scenario's
  }
  const std::optional<Cut>& only_cut() const;
  bool replaying() const { return options_.only.has_value(); }

  void CountRecovery(const Recovered& found);
  void Report(const Violations& violations);
  void HarnessError(const std::string& what);
  // While something is played again: what happened, for the person who watches.
  void Narrate(const std::string& title, const std::vector<std::string>& lines) const;
  void NarrateDisk(const std::string& title, const faultfs::Trace& trace, uint64_t first = 0) const;
  Coordinates Here() const;

 private:
  void Mirror();
  void CountAgain();
  bool Narrates() const;

  const CampaignOptions& options_;
  Counters& counters_;
  Behaviours& behaviours_;
  Place& place_;
  JsonLines& out_;
  const std::chrono::steady_clock::time_point started_;
  uint64_t iteration_ = 0;
  uint64_t seed_ = 0;
  uint32_t generation_ = 0;
  std::string scenario_;
  std::string fault_;
  std::vector<Cut> cuts_;
  std::set<std::pair<uint32_t, uint32_t>> told_;  // pairings that are unsupported
  uint64_t reported_here_ = 0;
};

// The disk, for a violation's record.
Json DiskOf(const faultfs::Traits& traits);
// Coordinates of a place; the rest from the options.
Coordinates CoordinatesOf(const CampaignOptions& options, const Place& place);

}  // namespace manifolddb::crashsim
