// Registers job by job, and for each row of it all engines, in an order that changes from job to job and from
// round to round. A job's process runs when its first row is asked for; its other rows report what that
// process has found.

#include "bench/measure/theme.h"

#include <benchmark/benchmark.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <sstream>

#include "bench/engines/settings.h"
#include "bench/measure/child.h"
#include "bench/measure/order.h"

namespace manifolddb::bench {
namespace {

struct Options {
  Profile profile;
  std::string directory;
  std::vector<std::string> engines;
  uint64_t round = 1;
};

std::string NameOf(const std::string& theme, const std::string& row, const std::string& engine) {
  return theme + "/" + row + "/engine:" + engine;
}

// How many of the jobs have been run, of how many that the filter leaves.
struct Progress {
  std::string theme;
  size_t jobs_done = 0;
  size_t jobs = 0;
};

// One job for one engine.
class Work {
 public:
  Work(Job job, std::string engine, const EngineKind* kind, const Options& options, Progress& progress)
      : job_(std::move(job)),
        engine_(std::move(engine)),
        kind_(kind),
        profile_(options.profile),
        directory_(options.directory + "/bench-" + progress.theme + "-" + std::to_string(::getpid())),
        progress_(progress) {}

  // None: it failed, see error().
  const Outcome* OutcomeOf(const std::string& row) {
    if (!report_) RunOnce();
    if (!report_->error.empty()) return nullptr;
    for (const Outcome& outcome : report_->outcomes) {
      if (outcome.row == row) return &outcome;
    }
    report_->error = "the workload did not report " + row;
    return nullptr;
  }
  const std::string& error() const { return report_->error; }

 private:
  void RunOnce() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    const int seconds_max = profile_.Pick(120, 300, 3600, 6 * 3600);
    constexpr uint64_t kMiB = uint64_t{1} << 20;
    TouchMemory(profile_.Pick<uint64_t>(0, 256 * kMiB, 2048 * kMiB, 1024 * kMiB));
    ++progress_.jobs_done;
    // Each line when its row is measured: some jobs have many rows and take minutes.
    const auto say = [&](const Outcome& outcome) {
      std::fprintf(stderr, "[%zu of %zu] %s: %.4g %s\n", progress_.jobs_done, progress_.jobs,
                   NameOf(progress_.theme, outcome.row, engine_).c_str(), outcome.value,
                   outcome.unit.c_str());
    };
    report_ = InChild(
        [&] {
          Run run(kind_, profile_, directory_, say);
          job_.run(run);
          return run.TakeOutcomes();
        },
        seconds_max);
    std::filesystem::remove_all(directory_);
  }

  const Job job_;
  const std::string engine_;
  const EngineKind* const kind_;
  const Profile& profile_;
  const std::string directory_;
  Progress& progress_;
  std::optional<ChildReport> report_;
};

// Tiny measurements are tests: in memory if there is room, so that a busy disk does not make them slow.
std::string DefaultDirectory(const Profile& profile) {
  constexpr const char* kMemory = "/dev/shm";
  constexpr uint64_t kRoom = uint64_t{2} << 30;
  struct statvfs status;
  const bool fits = ::access(kMemory, W_OK) == 0 && ::statvfs(kMemory, &status) == 0 &&
                    status.f_bavail * uint64_t{status.f_frsize} >= kRoom;
  return profile.size == Size::kTiny && fits ? kMemory : MANIFOLDDB_BENCH_DIRECTORY;
}

[[noreturn]] void Refuse(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

// Takes `--name=value` out of the arguments.
std::string TakeOption(std::vector<char*>& arguments, const std::string& name, const std::string& otherwise) {
  std::string value = otherwise;
  const std::string prefix = "--" + name + "=";
  std::erase_if(arguments, [&](const char* argument) {
    if (std::strncmp(argument, prefix.c_str(), prefix.size()) != 0) return false;
    value = argument + prefix.size();
    return true;
  });
  return value;
}

Size SizeNamed(const std::string& name) {
  if (name == "tiny") return Size::kTiny;
  if (name == "quick") return Size::kQuick;
  if (name == "full") return Size::kFull;
  if (name == "nightly") return Size::kNightly;
  Refuse("--profile=" + name + ": tiny, quick, full or nightly");
}

const EngineKind* KindNamed(const std::string& name) {
  const auto& kinds = EngineKinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

std::vector<std::string> EnginesNamed(const std::string& names) {
  std::vector<std::string> engines;
  if (names.empty()) {
    engines.emplace_back(kDisk);
    for (const EngineKind& kind : EngineKinds()) engines.push_back(kind.name);
    return engines;
  }
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (name != kDisk && KindNamed(name) == nullptr) Refuse("--engines: this build has no '" + name + "'");
    engines.push_back(name);
  }
  return engines;
}

void ReportTo(benchmark::State& state, const Outcome& outcome, const std::string& engine) {
  state.SetIterationTime(outcome.seconds);
  for (const auto& [name, value] : outcome.counters) state.counters[name] = value;
  state.counters["value"] = outcome.value;
  if (outcome.latency) {
    state.counters["latency_p50_us"] = outcome.latency->p50;
    state.counters["latency_p90_us"] = outcome.latency->p90;
    state.counters["latency_p99_us"] = outcome.latency->p99;
    state.counters["latency_p99_9_us"] = outcome.latency->p99_9;
    state.counters["latency_max_us"] = outcome.latency->max;
  }
  // Google Benchmark's records have no field for text but this one.
  const nlohmann::json label = {{"engine", engine},
                                {"row", outcome.row},
                                {"unit", outcome.unit},
                                {"better", outcome.better == Better::kHigher ? "higher" : "lower"},
                                {"params", outcome.params}};
  state.SetLabel(label.dump());
}

bool any_failed = false;

void Register(const std::string& name, const std::string& row, const std::string& engine,
              const std::shared_ptr<Work>& work) {
  const auto body = [=](benchmark::State& state) {
    for ([[maybe_unused]] const auto iteration : state) {
      const Outcome* outcome = work->OutcomeOf(row);
      if (outcome != nullptr) {
        ReportTo(state, *outcome, engine);
      } else {
        any_failed = true;
        std::fprintf(stderr, "%s: %s\n", name.c_str(), work->error().c_str());
        state.SkipWithError(work->error().c_str());
        break;
      }
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), body)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

// As Google Benchmark understands --benchmark_filter.
bool IsWanted(const std::string& name) {
  std::string filter = benchmark::GetBenchmarkFilter();
  if (filter.empty() || filter == "all") return true;
  const bool negated = filter[0] == '-';
  if (negated) filter.erase(0, 1);
  return std::regex_search(name, std::regex(filter, std::regex::extended)) != negated;
}

// The bare disk takes part in jobs of its own.
std::vector<std::string> EnginesOf(const Job& job, const std::vector<std::string>& engines) {
  std::vector<std::string> taking_part;
  for (const std::string& engine : engines) {
    if (job.only.empty() ? engine != kDisk : engine == job.only) taking_part.push_back(engine);
  }
  return taking_part;
}

void RegisterAll(const Options& options, const std::vector<Job>& jobs, Progress& progress) {
  for (size_t number = 0; number < jobs.size(); ++number) {
    const Job& job = jobs[number];
    std::vector<std::pair<std::string, std::shared_ptr<Work>>> works;
    for (const std::string& engine : InTurn(EnginesOf(job, options.engines), number + options.round - 1))
      works.emplace_back(engine, std::make_shared<Work>(job, engine, KindNamed(engine), options, progress));
    for (const auto& [engine, work] : works) {
      const auto wanted = [&](const std::string& row) {
        return IsWanted(NameOf(progress.theme, row, engine));
      };
      if (std::any_of(job.rows.begin(), job.rows.end(), wanted)) ++progress.jobs;
    }
    for (const std::string& row : job.rows) {
      for (const auto& [engine, work] : works)
        Register(NameOf(progress.theme, row, engine), row, engine, work);
    }
  }
}

uint64_t NumberIn(const std::string& text, const char* option) {
  char* end = nullptr;
  const uint64_t number = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') Refuse(std::string(option) + "=" + text + ": not a number");
  return number;
}

bool TakeFlag(std::vector<char*>& arguments, const char* flag) {
  return std::erase_if(arguments, [&](const char* argument) { return std::strcmp(argument, flag) == 0; }) > 0;
}

}  // namespace

std::unique_ptr<Engine> Run::Open(const Opening& opening) const {
  Require(kind_ != nullptr, "run", "the bare disk has no engine");
  return kind_->open({.directory = directory_,
                      .families = opening.families,
                      .durable = opening.durable,
                      .cache_bytes = opening.cache_bytes != 0 ? opening.cache_bytes : settings::kCacheBytes,
                      .through_checkpoint = opening.through_checkpoint,
                      .page_bytes = profile_.page_bytes,
                      .count_hits = profile_.count_hits,
                      .tiny = profile_.size == Size::kTiny});
}

std::optional<uint64_t> Run::LogBytes() const {
  if (kind_ == nullptr || kind_->is_log == nullptr) return std::nullopt;
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    if (entry.is_regular_file() && kind_->is_log(entry.path().filename().string()))
      bytes += entry.file_size();
  }
  return bytes;
}

int ThemeMain(int argc, char** argv, const std::string& theme, const Jobs& jobs) {
  std::vector<char*> arguments(argv, argv + argc);
  if (TakeFlag(arguments, "--list-engines")) {
    for (const EngineKind& kind : EngineKinds())
      std::printf("%s %s\n", kind.name.c_str(), kind.version.c_str());
    return 0;
  }
  Options options;
  options.profile.size = SizeNamed(TakeOption(arguments, "profile", "quick"));
  options.profile.page_bytes =
      static_cast<uint32_t>(NumberIn(TakeOption(arguments, "page_bytes", "0"), "--page_bytes"));
  options.profile.count_hits = TakeFlag(arguments, "--count-hits");
  options.round = NumberIn(TakeOption(arguments, "round", "1"), "--round");
  if (options.round == 0) Refuse("--round=0: they are counted from 1");
  options.directory = TakeOption(arguments, "dir", DefaultDirectory(options.profile));
  options.engines = EnginesNamed(TakeOption(arguments, "engines", ""));
  if (!std::filesystem::is_directory(options.directory)) Refuse("--dir: no directory " + options.directory);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  Progress progress{.theme = theme};
  RegisterAll(options, jobs(options.profile), progress);
  if (benchmark::RunSpecifiedBenchmarks() == 0) Refuse(theme + ": nothing to measure");
  benchmark::Shutdown();
  return any_failed ? 1 : 0;
}

}  // namespace manifolddb::bench
