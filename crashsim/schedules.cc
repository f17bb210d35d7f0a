// (1) No race speaks for another: each has a process of its own, and one that dies is a violation of the
//     schedule that it was in, which it noted in shared memory.
#include "crashsim/schedules.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/json_lines.h"
#include "crashsim/races.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

constexpr size_t kNotedMax = 4096;

// `schedule`: empty if nobody knows which it was.
void PrintRepro(const SchedulesOptions& options, const std::string& race, const std::string& schedule) {
  const RaceOptions& how = options.how;
  std::string rest = " --depth " + std::to_string(how.depth);
  if (how.points > 0) rest += " --points " + std::to_string(how.points);
  for (const std::string& site : options.broken) rest += " --break " + site;
  rest += " --race '" + race + "'";
  if (!schedule.empty()) {
    rest += " --schedule " + schedule;
  } else if (how.strategy == Strategy::kBounded) {
    rest += " --preemptions " + std::to_string(how.preemptions);
  } else {
    rest += " --strategy " + std::string(Name(how.strategy)) + " --seed " + std::to_string(how.seed) +
            " --runs " + std::to_string(how.runs);
  }
  std::printf("REPRO git=%s crashsim schedules%s\n", GitRevision().c_str(), rest.c_str());
}

void Print(const RaceVerdict& verdict, const SchedulesOptions& options) {
  for (const std::string& one : verdict.violations) {
    std::printf("VIOLATION %s: %s\n", verdict.race.c_str(), one.c_str());
  }
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%-40s %7llu schedules, %5llu runs, up to %3llu switches; %6llu points, %s images, %llu recoveries; "
      "hash %016llx\n",
      verdict.race.c_str(), number(verdict.schedules), number(verdict.runs), number(verdict.switches_max),
      number(verdict.tally.points), verdict.tally.images.get_str().c_str(), number(verdict.tally.recoveries),
      number(verdict.trace_hash));
  if (verdict.wrong > 0) PrintRepro(options, verdict.race, verdict.wrong_schedule);
}

// Enough was tried for the race to have met what it is about, if that can be met.
bool Demands(const SchedulesOptions& options, const KnownRace& race) {
  if (options.schedule || !options.broken.empty()) return false;
  constexpr uint32_t kPreemptions = 2;
  constexpr uint64_t kRuns = 100;
  if (race.length == Length::kLong) return options.how.runs >= kRuns;
  return options.how.strategy == Strategy::kBounded && options.how.preemptions >= kPreemptions;
}

// What was to be met and was not; empty if nothing is missing.
std::string MissingOf(const RaceVerdict& verdict, const KnownRace& race) {
  std::string missing;
  const auto demand = [&](uint64_t had, uint64_t wanted, const char* what) {
    if (had >= wanted) return;
    missing +=
        (missing.empty() ? "" : ", ") + std::to_string(had) + " of " + std::to_string(wanted) + " " + what;
  };
  demand(verdict.struck, ParseRace(race.text)->fault ? 1 : 0, "runs with the fault");
  demand(verdict.waits_max, race.meets.waits, "waits for room in the log in one run");
  demand(verdict.told_max, race.meets.told, "commits told that nobody knows what became of them");
  return missing;
}

// Where a process notes what it is at, for those who find it dead.
class Note {
 public:
  Note() : text_(::mmap(nullptr, kNotedMax, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  ~Note() {
    if (good()) ::munmap(text_, kNotedMax);
  }
  bool good() const { return text_ != MAP_FAILED; }
  void Write(const std::string& text) {
    const size_t size = std::min(text.size(), kNotedMax - 1);
    std::memcpy(text_, text.data(), size);
    static_cast<char*>(text_)[size] = '\0';
  }
  std::string text() const { return static_cast<const char*>(text_); }

 private:
  void* const text_;
};

// The body of a race's process: does not return.
[[noreturn]] void Work(const SchedulesOptions& options, const KnownRace& race, Note& note, JsonLines& out) {
  const auto stuck = [&](const std::string& schedule, const std::string& why) {
    std::printf("VIOLATION %s: schedule %s: G10 bounded: expected everybody comes to an end; found %s\n",
                race.text, schedule.c_str(), why.c_str());
    PrintRepro(options, race.text, schedule);
    std::fflush(nullptr);
    ::_exit(static_cast<int>(Outcomes::kViolation));
  };
  const auto entered = [&](const std::string& schedule) { note.Write(schedule); };
  RaceRunner runner(options.how, *ParseRace(race.text), {entered, stuck});
  const RaceVerdict verdict =
      options.schedule ? runner.Given(*ParseSchedule(*options.schedule)) : runner.All();
  const std::string missing = Demands(options, race) ? MissingOf(verdict, race) : "";
  Print(verdict, options);
  if (!missing.empty()) std::printf("vacuous: %s: %s\n", race.text, missing.c_str());
  std::fflush(nullptr);
  Json json = ToJson(verdict);
  json["scenario"] = race.scenario;
  json["missing"] = missing;
  out.Write(json);
  const Outcomes outcome = verdict.wrong > 0  ? Outcomes::kViolation
                           : !missing.empty() ? Outcomes::kVacuous
                                              : Outcomes::kHolds;
  ::_exit(static_cast<int>(outcome));
}

Outcomes RunRace(const SchedulesOptions& options, const KnownRace& race, JsonLines& out) {
  std::fflush(nullptr);
  Note note;
  const pid_t pid = note.good() ? ::fork() : -1;
  if (pid < 0) return Outcomes::kHarnessError;
  if (pid == 0) Work(options, race, note, out);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) {
    for (const Outcomes outcome : {Outcomes::kHolds, Outcomes::kViolation, Outcomes::kVacuous}) {
      if (WEXITSTATUS(status) == static_cast<int>(outcome)) return outcome;
    }
  }
  std::printf("VIOLATION %s: schedule %s: the process died of it, status %d\n", race.text,
              note.text().c_str(), status);
  PrintRepro(options, race.text, note.text());
  return Outcomes::kViolation;
}

// Those of `options`; none if there is no such race.
std::vector<KnownRace> RacesOf(const SchedulesOptions& options) {
  if (options.race) {
    const std::vector<KnownRace> found = FindRaces(*options.race);
    if (!found.empty()) return found;
    if (!ParseRace(*options.race)) return {};
    return {{.scenario = "", .text = options.race->c_str()}};
  }
  std::vector<KnownRace> races;
  for (const KnownRace& race : KnownRaces()) {
    if (race.length == Length::kShort || options.how.strategy != Strategy::kBounded) races.push_back(race);
  }
  return races;
}

}  // namespace

void ListRaces() {
  const char* scenario = "";
  for (const KnownRace& race : KnownRaces()) {
    if (std::strcmp(scenario, race.scenario) != 0) std::printf("%s\n", scenario = race.scenario);
    std::printf("    %s%s\n", race.text, race.length == Length::kLong ? "    (drawn only)" : "");
  }
}

Outcomes RunSchedules(const SchedulesOptions& options) {
  const std::vector<KnownRace> races = RacesOf(options);
  if (races.empty()) {
    std::fprintf(stderr, "crashsim: no such race: %s\n", options.race->c_str());
    return Outcomes::kHarnessError;
  }
  if (options.schedule && (races.size() != 1 || !ParseSchedule(*options.schedule))) {
    std::fprintf(stderr, "crashsim: --schedule wants a race, and choices as in 12:1,40:2, or walk:5:17\n");
    return Outcomes::kHarnessError;
  }
  if (!BreakSites(options.broken)) return Outcomes::kHarnessError;
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(options.json);
  out.Write({{"type", "schedules"},
             {"git", GitRevision()},
             {"strategy", Name(options.how.strategy)},
             {"preemptions", options.how.preemptions},
             {"seed", options.how.seed},
             {"runs", options.how.runs},
             {"broken", options.broken}});
  Outcomes outcome = Outcomes::kHolds;
  for (const KnownRace& race : races) {
    MANIFOLDDB_ASSERT(ParseRace(race.text));
    const Outcomes one = RunRace(options, race, out);
    if (one == Outcomes::kHarnessError) {
      std::fprintf(stderr, "crashsim: schedules: cannot start a process\n");
      return one;
    }
    if (one != Outcomes::kHolds && outcome != Outcomes::kViolation) outcome = one;
    if (outcome == Outcomes::kViolation && options.how.stop_at_violation) break;
  }
  return outcome;
}

}  // namespace manifolddb::crashsim
