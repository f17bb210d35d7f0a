// (1) The same schedule, the same run, to the effect: checked on every schedule whose number is a multiple of
//     kCheckedAgain.
// (2) Runs are told apart by what the disk saw and what the actors were told, with its order. What comes to
//     the same leaves the same, and is owed the same.
// (3) Where a call failed the process may also be killed in the same boot: the next one finds in the cache
//     what the disk may not have.
#include "crashsim/race_runner.h"

#include <algorithm>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/point_judge.h"
#include "crashsim/registry.h"
#include "crashsim/stall_watch.h"
#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kCheckedAgain = 64;
constexpr uint64_t kWrongShown = 5;
constexpr char kWaitsForSpace[] = "txn.waits_for_log_space";

uint64_t HashOf(const Stamp& stamp) { return Mix(stamp.effects, stamp.event); }

// Where every commit syncs the log, and only then tells anybody.
bool IsSyncOfTheLog(const faultfs::Fault& fault) {
  return fault.file == kLogFile &&
         (faultfs::OperationsOf(fault.kind) & fault.counted) == faultfs::Only(faultfs::Operation::kSync);
}

}  // namespace

// (2)
uint64_t HashOfRun(const Session& session, uint64_t first) {
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

Json ToJson(const RaceVerdict& verdict) {
  return {{"type", "race"},
          {"race", verdict.race},
          {"verdict", verdict.wrong == 0 ? "holds" : "violation"},
          {"schedules", verdict.schedules},
          {"runs", verdict.runs},
          {"switches_max", verdict.switches_max},
          {"trace_hash", verdict.trace_hash},
          {"struck", verdict.struck},
          {"waits_max", verdict.waits_max},
          {"passed_max", verdict.passed_max},
          {"told_max", verdict.told_max},
          {"lock_orders", verdict.lock_orders},
          {"points", verdict.tally.points},
          {"images", verdict.tally.images.get_str()},
          {"kills", verdict.tally.kills},
          {"recoveries", verdict.tally.recoveries},
          {"wrong", verdict.wrong},
          {"violations", verdict.violations}};
}

RaceRunner::RaceRunner(const RaceOptions& options, const Race& race, Told told)
    : options_(options),
      race_(race),
      told_(std::move(told)),
      setup_(SetupOfSequences(false)),
      beginning_(setup_),
      cover_(
          setup_.traits, options.depth,
          [this](const std::shared_ptr<faultfs::Disk>& disk) {
            return Recover(disk, setup_, {}, {.keep_trace = true});
          },
          [this](const std::string& path, const Violations& violations) { Report(path, violations); }) {
  verdict_.race = NameOf(race);
  const SessionPlan plan{.setup = setup_, .program = ProgramOf(race.before)};
  const auto disk = std::make_shared<faultfs::Disk>(beginning_.image, setup_.traits, 2);
  const auto before = RunSession(disk, plan, [] { MANIFOLDDB_ASSERT(false); }).trace;  // one actor
  first_ = before->effects.size();
  before_ = before->Hash(0, first_);
}

RaceVerdict RaceRunner::All() {
  if (options_.strategy == Strategy::kBounded) return Go(*MakeBounded(options_.preemptions));
  const Draw draw{.strategy = options_.strategy, .seed = options_.seed, .runs = options_.runs};
  return Go(*MakeDrawn(draw, MeasureSteps()));
}

RaceVerdict RaceRunner::Given(const NamedSchedule& schedule) {
  if (!schedule.draw) return Go(*MakeListed(schedule.choices));
  return Go(*MakeDrawn(*schedule.draw, MeasureSteps()));
}

RaceVerdict RaceRunner::Go(RaceDirector& director) {
  do {
    Take(director);
  } while (!Enough() && director.Advance());
  verdict_.tally = cover_.tally();
  verdict_.lock_orders = locks_.orders();
  return std::move(verdict_);
}

// Of a run in which nobody is preempted.
uint64_t RaceRunner::MeasureSteps() {
  const auto plain = MakeListed({});
  plain->SwitchAtPublishing();
  schedule_ = plain->ToString();
  static_cast<void>(RunOnce(*plain));
  return plain->steps();
}

void RaceRunner::Stuck(const char* why) {
  const auto inversion = locks_.TakeInversion();
  told_.stuck(schedule_, why + (inversion ? "; " + *inversion : ""));
}

RaceRunner::Run RaceRunner::RunOnce(RaceDirector& director) {
  Run run{.disk = std::make_shared<faultfs::Disk>(beginning_.image, setup_.traits, 2), .session = {}};
  told_.entered(schedule_);
  director.OnEndless([this] { Stuck("they run for ever"); });
  director.Begin();
  SessionPlan plan{.setup = setup_, .program = ProgramOf(race_)};
  const auto watch = std::make_shared<StallWatch>();
  plan.setup.options.clock = watch;
  plan.setup.options.listener = watch;
  director.SetWatch({.meets = [&](const Moment& moment) {
    if (moment.at == Moment::At::kWait) watch->Waits();
  }});
  plan.director = &director;
  plan.locks = &locks_;
  locks_.Enter(schedule_);
  plan.faults_armed = race_.fault.has_value();
  if (race_.fault) {
    plan.extents_revert = race_.fault->kind == faultfs::FaultKind::kSyncReverts;
    plan.reads_go_on = plan.extents_revert || race_.fault->kind == faultfs::FaultKind::kSyncKeepsClean;
  }
  plan.before_round = [&](size_t round) {
    const bool races = round == race_.round();
    director.Race(races);
    if (races) run.waits = HitsOf(kWaitsForSpace);
    if (races && race_.fault) run.disk->Arm(*race_.fault);
    if (!races) run.disk->DisarmAll();
  };
  run.session = RunSession(run.disk, plan, [&] { Stuck("everybody waits"); });
  run.waits = HitsOf(kWaitsForSpace) - run.waits;
  director.SetWatch({});
  run.passed = watch->passed();
  run.told = static_cast<uint64_t>(
      std::ranges::count(run.session.history.transactions, End::kUnknown, &Transaction::end));
  if (const auto fired = run.disk->faults_fired(); !fired.empty()) run.struck = fired.front().effects;
  return run;
}

void RaceRunner::Take(RaceDirector& director) {
  schedule_ = director.ToString();
  const Run run = RunOnce(director);
  MANIFOLDDB_ASSERT(run.session.open_error || run.session.trace->Hash(0, first_) == before_);
  ++verdict_.schedules;
  verdict_.switches_max = std::max(verdict_.switches_max, director.choices());
  verdict_.struck += run.struck ? 1 : 0;
  verdict_.waits_max = std::max(verdict_.waits_max, run.waits);
  verdict_.passed_max = std::max(verdict_.passed_max, run.passed);
  verdict_.told_max = std::max(verdict_.told_max, run.told);
  if (const auto inversion = locks_.TakeInversion()) {
    Report("the locks:", {{Promise::kBounded, "locks taken in one order", *inversion}});
  }
  const uint64_t hash = HashOfRun(run.session, first_);
  verdict_.trace_hash = Mix(verdict_.trace_hash, hash);
  if (verdict_.schedules % kCheckedAgain == 1) {  // (1)
    MANIFOLDDB_ASSERT(HashOfRun(RunOnce(director).session, first_) == hash);
  }
  if (!seen_.insert(hash).second) return;
  ++verdict_.runs;
  Judge(run);
}

void RaceRunner::Report(const std::string& where, const Violations& violations) {
  for (const Violation& one : violations) {
    if (++verdict_.wrong > kWrongShown) return;
    if (verdict_.wrong == 1) verdict_.wrong_schedule = schedule_;
    verdict_.violations.push_back("schedule " + schedule_ + ": " + where + " " + Describe(one));
  }
}

// In ascending order.
std::vector<uint64_t> RaceRunner::PointsOf(const Session& session, uint64_t hash) const {
  std::vector<uint64_t> points;
  for (uint64_t at = first_; at <= session.trace->effects.size(); ++at) points.push_back(at);
  if (options_.points == 0) return points;
  Random random(hash);
  for (size_t left = points.size(); left > options_.points; --left) {
    points.erase(points.begin() + static_cast<ptrdiff_t>(random.Below(left)));
  }
  return points;
}

void RaceRunner::Judge(const Run& run) {
  const Session& session = run.session;
  if (session.open_error) {
    Report("the run:", {{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
    return;
  }
  const Judges judges(beginning_.BaseFor(session), beginning_.number, session);
  const Oracle& oracle = judges.oracle();
  Report("the run:", session.violations);
  Report("the run:", judges.RunViolations());
  faultfs::CrashPoint point(session.trace, first_);
  for (const uint64_t effects : PointsOf(session, HashOfRun(session, first_))) {
    if (Enough()) return;
    point.MoveTo(effects);
    cover_.Cut(point, PointJudge(setup_, oracle, judges.second(), effects));
  }
  if (!run.struck) return;
  JudgeStruck(run);
  for (const uint64_t effects : KillsOf(*session.trace, *run.struck, session.trace->effects.size())) {
    cover_.Kill(session.trace, effects, PointJudge(setup_, oracle, judges.second(), effects));
  }
}

// A sync of the log that fails poisons: whoever came behind the race was refused, and nothing reached the
// log.
void RaceRunner::JudgeStruck(const Run& run) {
  const std::vector<Transaction>& all = run.session.history.transactions;
  if (!IsSyncOfTheLog(*race_.fault)) return;
  if (run.told == 0) {
    Report("the run:",
           {{Promise::kHonestAboutErrors, "a commit whose sync failed is told that its outcome is unknown",
             "nobody was told"}});
  }
  for (size_t behind = all.size() - std::min<size_t>(all.size(), 2); behind < all.size(); ++behind) {
    if (all[behind].end == End::kRefused) continue;
    Report("the run:",
           {{Promise::kHonestAboutErrors, "a poisoned database refuses writes", Describe(all[behind])}});
  }
}

}  // namespace manifolddb::crashsim
