#pragma once
// A theme: workloads, each for every engine, reported by Google Benchmark. One binary per theme.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/engines/engine.h"
#include "bench/measure/outcome.h"

namespace manifolddb::bench {

// How much is done. Tiny: that it works, figures say nothing. Quick: all engines in minutes. Full: as peers
// are compared; hours. Nightly: every row of every theme, three times, in about two hours with all peers.
enum class Size : uint8_t { kTiny, kQuick, kFull, kNightly };

struct Profile {
  Size size = Size::kQuick;
  uint32_t page_bytes = 0;  // of manifolddb's databases; 0: its default
  bool count_hits = false;  // peers that take more time to count hits of their cache do it
  template <class T>
  T Pick(T tiny, T quick, T full, T nightly) const {
    return size == Size::kTiny ? tiny : size == Size::kQuick ? quick : size == Size::kFull ? full : nightly;
  }
  template <class T>
  T Pick(T tiny, T quick, T full) const {
    return Pick(tiny, quick, full, full);
  }
};

// What one job of one engine works with, in its own process.
class Run {
 public:
  // `on_report`: is told of each outcome at once, not only when the job is done.
  using OnReport = std::function<void(const Outcome&)>;
  Run(const EngineKind* kind, const Profile& profile, std::string directory, OnReport on_report = {})
      : kind_(kind), profile_(profile), directory_(std::move(directory)), on_report_(std::move(on_report)) {}

  const Profile& profile() const { return profile_; }
  // Empty at first, this run's alone, removed afterwards.
  const std::string& directory() const { return directory_; }

  struct Opening {
    int families = 1;
    bool durable = true;
    uint64_t cache_bytes = 0;  // 0: as much as all workloads get
    bool through_checkpoint = false;
  };
  std::unique_ptr<Engine> Open(const Opening& opening) const;
  // Of the engine's log files, as they are now. None: it has no log.
  std::optional<uint64_t> LogBytes() const;

  void Report(Outcome outcome) {
    if (on_report_) on_report_(outcome);
    if (profile_.page_bytes != 0) outcome.params["page_bytes"] = profile_.page_bytes;
    if (profile_.count_hits) outcome.params["count_hits"] = 1;
    outcomes_.push_back(std::move(outcome));
  }
  std::vector<Outcome> TakeOutcomes() { return std::move(outcomes_); }

 private:
  const EngineKind* const kind_;  // none: the bare disk
  const Profile& profile_;
  const std::string directory_;
  const OnReport on_report_;
  std::vector<Outcome> outcomes_;
};

inline constexpr const char* kDisk = "disk";

// Rows that one process measures, one after the other, on the same data.
struct Job {
  std::vector<std::string> rows;  // each is reported exactly once
  std::function<void(Run&)> run;
  std::string only = "";  // this engine, or kDisk, no engine: what the disk itself can do; "": every engine
};

using Jobs = std::function<std::vector<Job>(const Profile&)>;

// main() of a theme's binary. Options, beside Google Benchmark's own:
//   --profile=tiny|quick|full|nightly   default: quick
//   --dir=DIRECTORY                     where the databases are; default: the build directory, for tiny
//                                       memory
//   --engines=a,b,c                     which; default: all, and the disk
//   --round=N                           the order of engines changes with each job and each round; default: 1
//   --count-hits                        of the caches of RocksDB and WiredTiger, too: their reads take longer
//   --list-engines                      one line each, with the version
// Exit code 1 if a measurement failed.
int ThemeMain(int argc, char** argv, const std::string& theme, const Jobs& jobs);

}  // namespace manifolddb::bench
