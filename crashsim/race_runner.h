#pragma once
// Runs one race in schedule after schedule, and judges each run that differs from those before.

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "crashsim/cover.h"
#include "crashsim/directors.h"
#include "crashsim/json_lines.h"
#include "crashsim/sequences.h"
#include "crashsim/session.h"

namespace manifolddb::crashsim {

struct RaceOptions {
  Strategy strategy = Strategy::kBounded;
  uint32_t preemptions = 2;  // kBounded
  uint64_t seed = 1;         // of what is drawn
  uint64_t runs = 100;       // so many of it
  uint32_t depth = 0;        // of ends of recoveries (cover.h)
  uint64_t points = 0;       // of each run at which the power is cut, drawn; 0: all
  bool stop_at_violation = false;
};

struct RaceVerdict {
  std::string race;
  uint64_t schedules = 0;
  uint64_t runs = 0;          // that differ
  uint64_t switches_max = 0;  // places where one schedule could have gone on otherwise
  uint64_t trace_hash = 0;    // of all runs, in their order
  uint64_t struck = 0;        // runs in which the race's fault did
  uint64_t waits_max = 0;     // for room in the log, in one run
  uint64_t passed_max = 0;    // checkpoints, behind which a commit waited for room anew
  uint64_t told_max = 0;      // commits of one run whose outcome is unknown, and who were told so
  uint64_t lock_orders = 0;   // pairs of locks, one taken inside the other
  CoverTally tally = {};
  uint64_t wrong = 0;
  std::string wrong_schedule = {};  // the first
  std::vector<std::string> violations = {};
};
Json ToJson(const RaceVerdict& verdict);

// What the disk saw and the actors were told, with its order, from this effect on: of two runs that are alike
// in it the same is owed.
uint64_t HashOfRun(const Session& session, uint64_t first);

class RaceRunner {
 public:
  // What concerns the process: `entered` is told each schedule before it runs; `stuck`, which must not
  // return, one that comes to no end, and why.
  struct Told {
    std::function<void(const std::string& schedule)> entered;
    std::function<void(const std::string& schedule, const std::string& why)> stuck;
  };
  // `options` must outlive it.
  RaceRunner(const RaceOptions& options, const Race& race, Told told);

  RaceVerdict All();
  RaceVerdict Given(const NamedSchedule& schedule);

 private:
  struct Run {
    std::shared_ptr<faultfs::Disk> disk;
    Session session;
    uint64_t waits = 0;
    uint64_t told = 0;
    uint64_t passed = 0;
    std::optional<uint64_t> struck = std::nullopt;  // effects before the fault did
  };

  bool Enough() const { return options_.stop_at_violation && verdict_.wrong > 0; }
  void Stuck(const char* why);
  uint64_t MeasureSteps();
  RaceVerdict Go(RaceDirector& director);
  Run RunOnce(RaceDirector& director);
  void Take(RaceDirector& director);
  void Judge(const Run& run);
  void JudgeStruck(const Run& run);
  std::vector<uint64_t> PointsOf(const Session& session, uint64_t hash) const;
  void Report(const std::string& where, const Violations& violations);

  const RaceOptions& options_;
  const Race race_;
  const Told told_;
  const Setup setup_;
  const Beginning beginning_;
  uint64_t first_ = 0;    // effect of the race
  uint64_t before_ = 0;   // hash of those before
  std::string schedule_;  // that runs
  std::unordered_set<uint64_t> seen_;
  LockGraph locks_;
  Cover cover_;
  RaceVerdict verdict_;
};

}  // namespace manifolddb::crashsim
