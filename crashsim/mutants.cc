// (1) Each mutant is killed by the general campaign, as it runs on the sound engine: same workloads, same
//     scenarios, same seeds; with --sample, to meet more programs. There is no test made for one site.
// (2) The sound engine goes first, with the same seed: a campaign that accuses it proves nothing.
#include "crashsim/mutants.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "crashsim/json.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"

namespace manifolddb::crashsim {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Trial {
  std::string site;  // empty: the sound engine
  pid_t pid = -1;
  std::string json;
  SteadyClock::time_point begun;
  double seconds = 0;
  double processor_seconds = 0;
  int status = -1;  // exit code
  Json violation;   // the first
  Json summary;

  bool ended_well() const { return status >= 0 && summary.is_object(); }
  bool killed() const { return status == static_cast<int>(Outcomes::kViolation) && violation.is_object(); }
  uint64_t recoveries() const { return summary.is_object() ? summary.value("recoveries", uint64_t{0}) : 0; }
  uint64_t hits() const { return summary.is_object() ? summary.value("broken_hits", uint64_t{0}) : 0; }
};

// What goes back to savepoints has a workload of its own; all else is met by the general one.
const char* WorkloadFor(const std::string& site) {
  return site.starts_with("txn.savepoint.") ? "savepoints" : "mixed";
}

void StartTrial(const MutantsOptions& options, const std::string& scratch, Trial& trial, size_t index) {
  trial.json = scratch + "/" + std::to_string(index) + ".jsonl";
  trial.begun = SteadyClock::now();
  const std::string seed = std::to_string(options.seed);
  const std::string seconds = std::to_string(static_cast<uint64_t>(options.seconds)) + "s";
  const std::string executions = std::to_string(options.executions_max);
  std::vector<const char*> arguments = {options.program.c_str(),
                                        "run",
                                        "--workload",
                                        WorkloadFor(trial.site),
                                        "--seed",
                                        seed.c_str(),
                                        "--for",
                                        seconds.c_str(),
                                        "--jobs",
                                        "1",
                                        "--processor-time",
                                        "--recoveries",
                                        executions.c_str(),
                                        "--sample",
                                        options.matrix ? "--survey" : "--until-violation",
                                        "--json",
                                        trial.json.c_str()};
  if (!trial.site.empty()) arguments.insert(arguments.end(), {"--break", trial.site.c_str()});
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  trial.pid = ::fork();
  if (trial.pid != 0) return;
  // What it says is in the file.
  if (std::freopen("/dev/null", "w", stdout) != nullptr &&
      std::freopen("/dev/null", "w", stderr) != nullptr) {
    ::execv(options.program.c_str(), const_cast<char* const*>(arguments.data()));
  }
  ::_exit(static_cast<int>(Outcomes::kHarnessError));
}

// True once the trial has ended.
bool Finished(Trial& trial) {
  int status = 0;
  rusage used = {};  // with what its worker used
  if (::wait4(trial.pid, &status, WNOHANG, &used) != trial.pid) return false;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  trial.processor_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  trial.seconds = std::chrono::duration<double>(SteadyClock::now() - trial.begun).count();
  trial.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ifstream lines(trial.json);
  for (std::string line; std::getline(lines, line);) {
    Json record = Json::parse(line, nullptr, false);
    if (!record.is_object()) continue;
    if (record.value("type", "") == "violation" && !trial.violation.is_object()) trial.violation = record;
    if (record.value("type", "") == "summary") trial.summary = record;
  }
  return true;
}

// answer: a rule of the judges; death: the process ended, as by an assertion; hang: it did not go on.
std::string NoticedBy(const Trial& trial) {
  return trial.killed() ? trial.violation.value("noticed", "?") : std::string();
}

std::string KilledBy(const Trial& trial) {
  if (!trial.killed()) return trial.ended_well() ? "SURVIVED" : "NO VERDICT";
  const Json& by = trial.violation;
  std::string text = by.value("promise", "?") + " " + by.value("scenario", "?");
  if (by.contains("policy") && by["policy"].is_string()) text += "/" + by["policy"].get<std::string>();
  return text.substr(0, text.find(':'));
}

Json RecordOf(const Trial& trial) {
  Json record = {{"type", "mutant"},
                 {"site", trial.site},
                 {"killed", trial.killed()},
                 {"noticed", NoticedBy(trial)},
                 {"by", KilledBy(trial)},
                 {"executions", trial.recoveries()},
                 {"hits", trial.hits()},
                 {"seconds", trial.seconds},
                 {"processor_seconds", trial.processor_seconds}};
  if (trial.summary.is_object()) {
    Json by = Json::object();
    by["run"] = trial.summary.value("run_violations", uint64_t{0});
    for (const auto& [name, scenario] : trial.summary["scenarios"].items()) by[name] = scenario["violations"];
    record["by_scenario"] = std::move(by);
  }
  if (trial.killed()) {
    for (const char* field : {"promise", "scenario", "policy", "found", "repro"}) {
      if (trial.violation.contains(field)) record[field] = trial.violation[field];
    }
  }
  return record;
}

void PrintRow(const Trial& trial) {
  std::printf("  %-36s %-30s %-8s %10llu %10llu %7.1f %9.1f\n",
              trial.site.empty() ? "(sound engine)" : trial.site.c_str(),
              trial.site.empty() && !trial.killed() ? "holds, as it should" : KilledBy(trial).c_str(),
              NoticedBy(trial).c_str(), static_cast<unsigned long long>(trial.recoveries()),
              static_cast<unsigned long long>(trial.hits()), trial.seconds, trial.processor_seconds);
  std::fflush(stdout);
}

// Runs all trials, `jobs` at a time.
void RunAll(const MutantsOptions& options, const std::string& scratch, std::vector<Trial>& trials,
            JsonLines& out) {
  size_t next = 0;
  std::vector<Trial*> running;
  while (next < trials.size() || !running.empty()) {
    while (next < trials.size() && running.size() < options.jobs) {
      StartTrial(options, scratch, trials[next], next);
      running.push_back(&trials[next++]);
    }
    std::erase_if(running, [&](Trial* trial) {
      if (!Finished(*trial)) return false;
      PrintRow(*trial);
      out.Write(RecordOf(*trial));
      return true;
    });
    ::poll(nullptr, 0, 10);
  }
}

constexpr double kMinute = 60;  // of a processor

// A broken engine that takes longer is as good as unnoticed; the sound one is given more, to come by
// everything. Where recoveries are counted they are the bound, the same on every machine.
bool InTime(const MutantsOptions& options, const Trial& trial) {
  return options.executions_max != 0 || trial.processor_seconds <= kMinute;
}

struct Count {
  Count(const MutantsOptions& options, const std::vector<Trial>& trials) {
    for (const Trial& trial : trials) {
      if (trial.site.empty() || !trial.killed()) continue;
      ++killed;
      if (InTime(options, trial)) ++in_time;
      ++by[NoticedBy(trial)];
    }
  }
  size_t killed = 0;
  size_t in_time = 0;
  size_t By(const std::string& what) const { return by.contains(what) ? by.at(what) : 0; }

 private:
  std::map<std::string, size_t> by;
};

// Not accused, and with that much time its campaign has come by everything that it arms.
bool IsSound(const Trial& sound) { return sound.status == static_cast<int>(Outcomes::kHolds); }

// Says what it came to.
Outcomes Judge(const MutantsOptions& options, const std::vector<Trial>& trials) {
  const Count count(options, trials);
  const Trial& sound = trials[0];
  std::printf("  %zu of %zu mutants killed, by an answer %zu, a death %zu, a hang %zu; %zu within %s\n",
              count.killed, trials.size() - 1, count.By("answer"), count.By("death"), count.By("hang"),
              count.in_time,
              options.executions_max == 0 ? "a minute of a processor"
                                          : (std::to_string(options.executions_max) + " recoveries").c_str());
  for (const Trial& trial : trials) {
    if (trial.site.empty() || (trial.killed() && InTime(options, trial))) continue;
    std::printf("  survivor: %s (%s)\n", trial.site.c_str(),
                trial.killed()      ? "it was noticed, after more than a minute of a processor"
                : trial.hits() == 0 ? "its code never ran"
                                    : "its effect was never noticed");
  }
  const bool vacuous = sound.status == static_cast<int>(Outcomes::kVacuous);
  if (vacuous) {
    std::printf("  the campaign on the sound engine proved nothing: %s\n",
                sound.summary["vacuities"].dump().c_str());
  } else if (!IsSound(sound)) {
    std::printf("  THE SOUND ENGINE WAS ACCUSED, or gave no verdict\n");
  }
  const bool all_killed = count.in_time + 1 == trials.size();
  if (all_killed && IsSound(sound)) return Outcomes::kHolds;
  const bool no_verdict = std::ranges::any_of(trials, [](const Trial& trial) { return !trial.ended_well(); });
  if (no_verdict && !all_killed) return Outcomes::kHarnessError;
  return all_killed && vacuous ? Outcomes::kVacuous : Outcomes::kViolation;
}

}  // namespace

Outcomes RunMutants(const MutantsOptions& options) {
  const std::vector<std::string> registered = SiteNames();
  std::vector<Trial> trials(1);
  uint64_t number = 0;
  for (const std::string& site : options.sites.empty() ? registered : options.sites) {
    if (number++ % options.shards != options.shard) continue;
    if (std::ranges::find(registered, site) == registered.end()) {
      std::fprintf(stderr, "crashsim: there is no site '%s' (crashsim sites lists them)\n", site.c_str());
      return Outcomes::kHarnessError;
    }
    trials.emplace_back().site = site;
  }
  std::error_code error;
  const std::string scratch =
      (std::filesystem::temp_directory_path() / ("crashsim-" + std::to_string(::getpid()))).string();
  std::filesystem::create_directories(scratch, error);
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(options.json);
  if (error || !out.good()) {
    std::fprintf(stderr, "crashsim: cannot write %s\n", error ? scratch.c_str() : options.json.c_str());
    return Outcomes::kHarnessError;
  }
  out.Write({{"type", "header"},
             {"tool", "crashsim mutants"},
             {"git", GitRevision()},
             {"seed", options.seed},
             {"seconds", options.seconds},
             {"executions", options.executions_max},
             {"matrix", options.matrix},
             {"shard", options.shard},
             {"shards", options.shards},
             {"sites", trials.size() - 1}});
  std::printf("  %-36s %-30s %-8s %10s %10s %7s %9s\n", "site", "killed by", "noticed", "executions", "hits",
              "seconds", "processor");
  RunAll(options, scratch, trials, out);
  std::filesystem::remove_all(scratch, error);

  const Outcomes outcome = Judge(options, trials);
  const Count count(options, trials);
  out.Write({{"type", "mutants_summary"},
             {"killed", count.killed},
             {"killed_in_time", count.in_time},
             {"sites", trials.size() - 1},
             {"sound", IsSound(trials[0])},
             {"verdict", Name(outcome)}});
  return outcome;
}

}  // namespace manifolddb::crashsim
