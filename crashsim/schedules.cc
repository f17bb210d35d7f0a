// (1) A schedule is the list of choices that differ from the first one possible; the same list, the same run,
//     to the effect: checked on every schedule whose number is a multiple of kCheckedAgain.
// (2) Runs are told apart by what the disk saw and what the actors were told, with its order. What comes to
//     the same leaves the same, and is owed the same.
#include "crashsim/schedules.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <unordered_set>
#include <utility>

#include "crashsim/cover.h"
#include "crashsim/json.h"
#include "crashsim/json_lines.h"
#include "crashsim/point_judge.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/scheduler.h"
#include "crashsim/sequences.h"
#include "crashsim/session.h"
#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

constexpr const char* kRaces[] = {
    "put a | put a",
    "put a | put b",
    "put a | both",
    "none a | put b",
    "none a | none a",
    "put a | checkpoint",
    "put b | through a",
    "none b | through a",
    "through a | through a",
    "large a, large a; large a | put b",  // the log is full
    "snapshot, snapshot | put a, checkpoint",
    "put b | no family b",
    "family c | put a",
    "put a | drop a",
    "put a | put b | put a",
    "put a | put b | checkpoint",
};
constexpr uint64_t kCheckedAgain = 64;
constexpr uint64_t kWrongShown = 5;

// ---- One schedule after the other

class Schedule final : public Director {
 public:
  explicit Schedule(uint32_t preemptions) : preemptions_(preemptions) {}
  // One that is given.
  explicit Schedule(std::map<uint64_t, size_t> given) : preemptions_(0), given_(std::move(given)) {}

  size_t Choose(size_t actors, bool forced) override {
    const uint64_t call = calls_++;
    if (given_) {
      const auto found = given_->find(call);
      const size_t choice = found == given_->end() ? 0 : found->second;
      MANIFOLDDB_ASSERT(choice < actors);
      return choice;
    }
    if (!forced && used_ == preemptions_) return 0;
    if (next_ == choices_.size()) choices_.push_back({call, actors, 0});
    const Choice& choice = choices_[next_++];
    MANIFOLDDB_ASSERT(choice.call == call && choice.actors == actors);
    if (!forced && choice.chosen != 0) ++used_;
    return choice.chosen;
  }
  void Rewind() { next_ = 0, calls_ = 0, used_ = 0; }
  bool Advance() {
    while (!choices_.empty() && choices_.back().chosen + 1 == choices_.back().actors) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().chosen;
    return true;
  }
  // "12:1,40:2": the choices that are not the first; "-" for none.
  std::string ToString() const {
    std::string text;
    for (const Choice& choice : choices_) {
      if (choice.chosen == 0) continue;
      text += (text.empty() ? "" : ",") + std::to_string(choice.call) + ":" + std::to_string(choice.chosen);
    }
    return text.empty() ? "-" : text;
  }
  static std::optional<Schedule> Parse(const std::string& text) {
    std::map<uint64_t, size_t> given;
    if (text == "-") return Schedule(std::move(given));
    const char* at = text.c_str();
    for (;;) {
      unsigned long long call = 0;
      unsigned long long choice = 0;
      int read = 0;
      if (std::sscanf(at, "%llu:%llu%n", &call, &choice, &read) != 2) return std::nullopt;
      given[call] = static_cast<size_t>(choice);
      at += read;
      if (*at == '\0') return Schedule(std::move(given));
      if (*at++ != ',') return std::nullopt;
    }
  }
  uint64_t calls() const { return calls_; }

 private:
  struct Choice {
    uint64_t call;
    size_t actors;
    size_t chosen;
  };
  const uint32_t preemptions_;
  const std::optional<std::map<uint64_t, size_t>> given_ = std::nullopt;
  std::vector<Choice> choices_;
  size_t next_ = 0;
  uint64_t calls_ = 0;  // of Choose in this run
  uint32_t used_ = 0;   // preemptions in this run
};

// ---- One race

struct RaceVerdict {
  std::string race;
  uint64_t schedules = 0;
  uint64_t runs = 0;          // that differ
  uint64_t switches_max = 0;  // places where one schedule could have gone on otherwise
  CoverTally tally = {};
  uint64_t wrong = 0;
  std::string wrong_schedule = {};  // the first
  std::vector<std::string> violations = {};
};

// `schedule`: empty if nobody knows which it was.
void PrintRepro(const SchedulesOptions& options, const std::string& race, const std::string& schedule) {
  std::string rest;
  for (const std::string& site : options.broken) rest += " --break " + site;
  rest += " --race '" + race + "'";
  if (!schedule.empty()) rest += " --schedule " + schedule;
  std::printf("REPRO git=%s crashsim schedules --preemptions %u --depth %u%s\n", GitRevision().c_str(),
              options.preemptions, options.depth, rest.c_str());
}

Json ToJson(const RaceVerdict& verdict) {
  return {{"type", "race"},
          {"race", verdict.race},
          {"verdict", verdict.wrong == 0 ? "holds" : "violation"},
          {"schedules", verdict.schedules},
          {"runs", verdict.runs},
          {"switches_max", verdict.switches_max},
          {"points", verdict.tally.points},
          {"images", verdict.tally.images.get_str()},
          {"recoveries", verdict.tally.recoveries},
          {"wrong", verdict.wrong},
          {"violations", verdict.violations}};
}

uint64_t HashOf(const Stamp& stamp) { return Mix(stamp.effects, stamp.event); }

// (2)
uint64_t HashOf(const Session& session, uint64_t first) {
  uint64_t hash = session.trace->Hash(first, session.trace->effects.size());
  for (const Transaction& one : session.history.transactions) {
    hash = Mix(hash, one.number, static_cast<uint64_t>(one.end));
    hash = Mix(Mix(hash, HashOf(one.began), HashOf(one.called)), HashOf(one.ended));
    for (const Performed& done : one.operations) hash = Mix(hash, done.outcome.value);
  }
  for (const Reading& one : session.history.readings) {
    hash = Mix(Mix(hash, one.number, one.sum.a), HashOf(one.began), HashOf(one.read));
  }
  for (const Settled& one : session.history.settled) hash = Mix(hash, HashOf(one.called), HashOf(one.ended));
  return hash;
}

class RaceRunner {
 public:
  RaceRunner(const SchedulesOptions& options, const Race& race)
      : options_(options), race_(race), setup_(SetupOfSequences(false)), beginning_(setup_) {
    verdict_.race = NameOf(race);
    const auto before = RunProgram(ProgramOf(race.before), nullptr).trace;
    first_ = before->effects.size();
    before_ = before->Hash(0, first_);
  }

  RaceVerdict All() {
    Schedule schedule(options_.preemptions);
    do {
      One(schedule, [&] { return schedule.ToString(); });
    } while (!Enough() && schedule.Advance());
    return std::move(verdict_);
  }
  RaceVerdict Given(Schedule schedule) {
    One(schedule, [&] { return *options_.schedule; });
    return std::move(verdict_);
  }

 private:
  bool Enough() const { return options_.stop_at_violation && verdict_.wrong > 0; }

  Session RunProgram(const Program& program, Director* director) const {
    SessionPlan plan{.setup = setup_, .program = program};
    plan.director = director;
    return RunSession(std::make_shared<faultfs::Disk>(beginning_.image, setup_.traits, 2), plan, deadlock_);
  }

  template <class Text>
  void One(Schedule& schedule, Text text) {
    deadlock_ = [&] { Deadlock(text()); };
    schedule.Rewind();
    const Session session = RunProgram(ProgramOf(race_), &schedule);
    MANIFOLDDB_ASSERT(session.open_error || session.trace->Hash(0, first_) == before_);
    ++verdict_.schedules;
    verdict_.switches_max = std::max(verdict_.switches_max, schedule.calls());
    const uint64_t hash = HashOf(session, first_);
    if (verdict_.schedules % kCheckedAgain == 1) {  // (1)
      schedule.Rewind();
      MANIFOLDDB_ASSERT(HashOf(RunProgram(ProgramOf(race_), &schedule), first_) == hash);
    }
    if (!seen_.insert(hash).second) return;
    ++verdict_.runs;
    Judge(session, text());
  }

  void Judge(const Session& session, const std::string& schedule) {
    const auto report = [&](const std::string& where, const Violations& violations) {
      for (const Violation& one : violations) {
        if (++verdict_.wrong > kWrongShown) return;
        if (verdict_.wrong == 1) verdict_.wrong_schedule = schedule;
        verdict_.violations.push_back("schedule " + schedule + ": " + where + " " + Describe(one));
      }
    };
    if (session.open_error) {
      report("the run:", {{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
      return;
    }
    const Oracle oracle(beginning_.BaseFor(session), beginning_.number, session.history);
    report("the run:", session.violations);
    report("the run:", oracle.run_violations());
    const auto recover = [&](const std::shared_ptr<faultfs::Disk>& disk) {
      return Recover(disk, setup_, {}, {.keep_trace = true});
    };
    Cover cover(setup_.traits, options_.depth, recover, report);
    faultfs::CrashPoint point(session.trace, first_);
    for (uint64_t effects = first_; effects <= session.trace->effects.size() && !Enough(); ++effects) {
      point.MoveTo(effects);
      cover.Cut(point, PointJudge(setup_, oracle, nullptr, effects));
    }
    verdict_.tally.Add(cover.tally());
  }

  // Everybody waits: told by the process that dies of it.
  [[noreturn]] void Deadlock(const std::string& schedule) {
    std::printf("VIOLATION %s: schedule %s: G10 bounded: expected somebody goes on; found everybody waits\n",
                verdict_.race.c_str(), schedule.c_str());
    PrintRepro(options_, verdict_.race, schedule);
    std::fflush(nullptr);
    ::_exit(static_cast<int>(Outcomes::kViolation));
  }

  const SchedulesOptions& options_;
  const Race race_;
  const Setup setup_;
  const Beginning beginning_;
  uint64_t first_ = 0;   // effect of the race
  uint64_t before_ = 0;  // hash of those before
  std::function<void()> deadlock_ = [] { MANIFOLDDB_ASSERT(false); };
  std::unordered_set<uint64_t> seen_;
  RaceVerdict verdict_;
};

// ---- All of them

void Print(const RaceVerdict& verdict, const SchedulesOptions& options) {
  for (const std::string& one : verdict.violations) {
    std::printf("VIOLATION %s: %s\n", verdict.race.c_str(), one.c_str());
  }
  std::printf(
      "%-40s %7llu schedules, %5llu runs, up to %3llu switches; %6llu points, %s images, %llu recoveries\n",
      verdict.race.c_str(), static_cast<unsigned long long>(verdict.schedules),
      static_cast<unsigned long long>(verdict.runs), static_cast<unsigned long long>(verdict.switches_max),
      static_cast<unsigned long long>(verdict.tally.points), verdict.tally.images.get_str().c_str(),
      static_cast<unsigned long long>(verdict.tally.recoveries));
  if (verdict.wrong > 0) PrintRepro(options, verdict.race, verdict.wrong_schedule);
}

// In a process of its own.
Outcomes RunRace(const SchedulesOptions& options, const std::string& name, JsonLines& out) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return Outcomes::kHarnessError;
  if (pid == 0) {
    RaceRunner runner(options, *ParseRace(name));
    const RaceVerdict verdict =
        options.schedule ? runner.Given(*Schedule::Parse(*options.schedule)) : runner.All();
    Print(verdict, options);
    std::fflush(nullptr);
    out.Write(ToJson(verdict));
    ::_exit(verdict.wrong == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Outcomes::kHolds;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) return Outcomes::kViolation;
  std::printf("VIOLATION %s: the process died of it, status %d\n", name.c_str(), status);
  PrintRepro(options, name, "");
  return Outcomes::kViolation;
}

}  // namespace

std::vector<std::string> RaceNames() { return {std::begin(kRaces), std::end(kRaces)}; }

Outcomes RunSchedules(const SchedulesOptions& options) {
  if (options.race && !ParseRace(*options.race)) {
    std::fprintf(stderr, "crashsim: no such race: %s\n", options.race->c_str());
    return Outcomes::kHarnessError;
  }
  if (options.schedule && (!options.race || !Schedule::Parse(*options.schedule))) {
    std::fprintf(stderr, "crashsim: --schedule wants a race, and choices as in 12:1,40:2\n");
    return Outcomes::kHarnessError;
  }
  if (!BreakSites(options.broken)) return Outcomes::kHarnessError;
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(options.json);
  Outcomes outcome = Outcomes::kHolds;
  for (const std::string& name : options.race ? std::vector{*options.race} : RaceNames()) {
    MANIFOLDDB_ASSERT(ParseRace(name));
    const Outcomes one = RunRace(options, name, out);
    if (one == Outcomes::kHarnessError) {
      std::fprintf(stderr, "crashsim: schedules: cannot start a process\n");
      return one;
    }
    if (one == Outcomes::kViolation) outcome = one;
    if (outcome == Outcomes::kViolation && options.stop_at_violation) break;
  }
  return outcome;
}

}  // namespace manifolddb::crashsim
