// (1) A life is played once, to its end; what would have happened if it had ended earlier is read from its
//     trace, as everywhere in this harness. What was acknowledged by then follows from the stamps.
// (2) An opening that shows what is not allowed ends the case: what follows it would be judged by nothing.
#include "crashsim/case.h"

#include <algorithm>
#include <map>
#include <utility>

#include "crashsim/iteration.h"
#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::Atom;
using faultfs::Image;

constexpr uint64_t kSeed = 2;  // of identities: those of the next boot are others
constexpr uint64_t kSeedOfTwin = 3;

// What a cut after so many effects is judged by: before the life's opening had returned, what was owed to the
// one before.
void TakeOwed(const Start& start, const Played& played, uint64_t effects, Start& next) {
  const bool before = start.oracle != nullptr && (!played.oracle || effects < played.session.opened_effect);
  next.oracle = before ? start.oracle : played.oracle;
  next.owed_at = before ? start.owed_at : effects;
  if (before) next.shown = start.shown;
}

Finding Of(const Violation& violation, Rule rule) {
  return {violation.promise == Promise::kWhole ? Rule::kWhole : rule, violation};
}

// Of a state: a wrong number beside the right contents is nothing that a case is made of.
std::optional<Finding> JudgeState(const Start& start, const Summary& seen,
                                  const std::function<Observation()>& contents) {
  const Allowed allowed = start.oracle->At(start.owed_at);
  if (seen.problems.empty() && start.oracle->Find(seen.sum, seen.number, allowed)) {
    if (!start.shown || seen.sum == *start.shown) return std::nullopt;
    return Finding{Rule::kRestarts,
                   {Promise::kRestartable, "what is shown if no opening is ended",
                    "other contents, as commit " + std::to_string(seen.number)}};
  }
  const Violations violations = start.oracle->Judge(seen, allowed, contents);
  MANIFOLDDB_ASSERT(!violations.empty());
  return Of(violations.front(), Rule::kState);
}

// Who does what, from what a director is told.
class Chronicle {
 public:
  Chronicle(const faultfs::Disk& disk, std::vector<Happened>& happened) : disk_(disk), happened_(happened) {}

  void Meet(const Moment& moment) {
    Begin(moment.actor);
    last_ = moment;
    if (moment.at != Moment::At::kStep && moment.at != Moment::At::kEnd) return;
    if (const auto doing = doing_.find(moment.actor); doing != doing_.end()) {
      Add({.what = Happened::What::kEnds, .thread = moment.actor, .step = doing->second});
      doing_.erase(doing);
    }
    if (moment.at == Moment::At::kStep) begins_[moment.actor] = moment.step;
  }
  void GoesOn(size_t actor) {
    if (last_ && last_->actor != actor) {
      Add({Happened::What::kSwitches, last_->actor, last_->step, last_->event, last_->at, actor});
    }
    Begin(actor);
  }

 private:
  // A step that was switched away from at its beginning begins when its thread goes on.
  void Begin(size_t actor) {
    const auto begins = begins_.find(actor);
    if (begins == begins_.end()) return;
    Add({.what = Happened::What::kBegins, .thread = actor, .step = begins->second});
    doing_[actor] = begins->second;
    begins_.erase(begins);
  }
  void Add(Happened one) {
    one.effects = disk_.effects();
    happened_.push_back(one);
  }

  const faultfs::Disk& disk_;
  std::vector<Happened>& happened_;
  std::optional<Moment> last_;
  std::map<size_t, size_t> begins_, doing_;  // thread, step
};

// From the life's beginning on.
void ArmAll(const Life& life, faultfs::Disk& disk, SessionPlan& plan) {
  using faultfs::FaultKind;
  const auto of_sync = [](const faultfs::Fault& fault) {
    return fault.kind == FaultKind::kSyncKeepsClean || fault.kind == FaultKind::kSyncReverts;
  };
  for (const faultfs::Fault& fault : life.faults) {
    disk.Arm(fault);
    plan.extents_revert = plan.extents_revert || fault.kind == FaultKind::kSyncReverts;
  }
  plan.faults_armed = !life.faults.empty();
  plan.reads_go_on = plan.faults_armed && std::ranges::all_of(life.faults, of_sync);
}

Played PlayWith(const Setup& setup, const Start& start, const Life& life, RaceDirector* director, bool quiet,
                uint64_t seed = kSeed) {
  Played played;
  const auto disk = start.Boot(setup, seed);
  SessionPlan plan{.setup = setup, .program = {.close = life.closes}};
  for (const Step& step : life.steps) plan.program.rounds.push_back({.actors = {{step}}});
  if (!life.threads.empty()) plan.program.rounds.push_back({.actors = life.threads});
  plan.quiet = quiet;
  Chronicle chronicle(*disk, played.happened);
  if (director != nullptr) {
    plan.director = director;
    director->SetWatch({[&](const Moment& moment) { chronicle.Meet(moment); },
                        [&](size_t actor) { chronicle.GoesOn(actor); }});
    director->OnEndless([] { MANIFOLDDB_ASSERT(!"a schedule that comes to an end"); });
    director->Begin();
  }
  plan.before_round = [&](size_t round) {
    played.begun.push_back(disk->effects());
    if (director != nullptr) director->Race(round == life.steps.size());
  };
  // One actor waits for nobody; of several that do there is no certificate.
  ArmAll(life, *disk, plan);
  MemoryGate gate(life.no_memory, 1, true);
  if (life.no_memory > 0) plan.memory = &gate;
  played.session = RunSession(disk, plan, [] { MANIFOLDDB_ASSERT(!"somebody goes on"); });
  const std::vector<faultfs::FaultRecord> fired = disk->faults_fired();
  played.struck = !fired.empty() || gate.refused();
  const auto of_room = [](const auto& one) { return one.kind == faultfs::FaultKind::kNoSpace; };
  played.full = std::ranges::any_of(fired, of_room);
  played.refused = played.struck && std::ranges::all_of(fired, of_room);
  if (director != nullptr) director->SetWatch({});
  return played;
}

std::optional<Finding> JudgeOpening(const Start& start, const Played& played, Session& session, Model& base) {
  // A call that fails may fail the opening. On a full disk a database opens that was open once.
  const bool owed = played.full && start.oracle != nullptr;
  if (session.open_error && played.struck && !owed && !ReportsDamage(*session.open_error)) {
    return std::nullopt;
  }
  if (session.open_error) {
    return Finding{Rule::kOpens, {Promise::kDurable, "the database opens", Describe(*session.open_error)}};
  }
  if (start.oracle == nullptr) return std::nullopt;
  const auto wrong = JudgeState(start, session.opened.Summarize(), [&] { return session.opened; });
  if (wrong) return wrong;
  const Allowed allowed = start.oracle->At(start.owed_at);
  base = start.oracle->StateAt(*start.oracle->Find(session.opened.Sum(), session.opened.number, allowed));
  BindIds(base, session.opened);
  return std::nullopt;
}

// A damaged database: an error that says so, or the right contents.
std::optional<Finding> LookAtDamage(const Start& start, const Recovered& found) {
  if (found.error) {
    if (ReportsDamage(*found.error)) return std::nullopt;
    return Finding{
        Rule::kDamage,
        {Promise::kHonestAboutDamage, "an error that says so and names the file", Describe(*found.error)}};
  }
  const Allowed allowed = start.oracle->At(start.owed_at);
  const bool reported = !found.verify.empty() && found.seen.problems.empty();
  if (start.oracle->Find(found.seen.sum, found.seen.number, allowed) || reported) return std::nullopt;
  return Finding{Rule::kDamage,
                 {Promise::kHonestAboutDamage, "the right contents, or an error that says so",
                  "other contents, as commit " + std::to_string(found.seen.number)}};
}

}  // namespace

const char* Name(Rule rule) {
  constexpr const char* kNames[kRules] = {"answer", "opens", "state", "whole", "damage", "restarts"};
  return kNames[static_cast<size_t>(rule)];
}

const char* Sentence(Rule rule) {
  constexpr const char* kSentences[kRules] = {
      "While a program runs, each call answers what it must.",
      "After a power cut or a kill the database opens, and all of it can be read.",
      ("What is found is the state after a prefix of the commits, which has at least every commit that was "
       "acknowledged as durable."),
      "Verify finds nothing, and both directions of every table agree.",
      "Damaged bytes are of no effect, or are reported.",
      ("Recovery can be ended anywhere, any number of times: what is found then is what it finds if nothing "
       "ends it.")};
  return kSentences[static_cast<size_t>(rule)];
}

std::shared_ptr<faultfs::Disk> Start::Boot(const Setup& setup, uint64_t seed) const {
  if (trace != nullptr) return std::make_shared<faultfs::Disk>(*trace, effects, seed);
  return std::make_shared<faultfs::Disk>(image, setup.traits, seed);
}

Start EmptyDisk(const Setup& setup) { return {.image = Image(setup.traits.atomic_unit)}; }

namespace {

// Want of room or memory is met before anything is ordered: what was refused has not poisoned the database.
std::optional<Finding> JudgeRefusals(const Played& played) {
  if (!played.refused) return std::nullopt;
  for (const Transaction& one : played.session.history.transactions) {
    const bool poisoned = one.outcome.error == Errc::kPoisoned || one.end == End::kUnknown;
    if (!poisoned) continue;
    return Finding{Rule::kAnswer,
                   {Promise::kHonestAboutErrors, "want of room or memory poisons nothing",
                    Describe(one) + " is answered as if it had"}};
  }
  return std::nullopt;
}

Played JudgedPlay(const Start& start, Played played) {
  Session& session = played.session;
  Model base;
  played.finding = JudgeOpening(start, played, session, base);
  if (played.finding || session.open_error) return played;
  played.oracle = std::make_shared<const Oracle>(std::move(base), session.opened.number, session.history);
  Violations violations = session.violations;
  const Violations& answers = played.oracle->run_violations();
  violations.insert(violations.end(), answers.begin(), answers.end());
  if (!violations.empty()) played.finding = Of(violations.front(), Rule::kAnswer);
  if (!played.finding) played.finding = JudgeRefusals(played);
  return played;
}

}  // namespace

Played Play(const Setup& setup, const Start& start, const Life& life) {
  if (life.threads.empty()) return JudgedPlay(start, PlayWith(setup, start, life, nullptr, false));
  const auto director = MakeSwitched(life.switches);
  return JudgedPlay(start, PlayWith(setup, start, life, director.get(), true));
}

Played Play(const Setup& setup, const Start& start, const std::vector<Step>& steps, bool closes) {
  return Play(setup, start, Life{.steps = steps, .closes = closes});
}

Played PlayUnder(const Setup& setup, const Start& start, const Life& life, RaceDirector& director,
                 bool quiet) {
  return JudgedPlay(start, PlayWith(setup, start, life, &director, quiet));
}

Start AfterKill(const Start& start, const Played& played, uint64_t effects) {
  Start next{.trace = played.session.trace, .effects = std::min(effects, played.effects())};
  TakeOwed(start, played, next.effects, next);
  return next;
}

Start AfterPower(const Start& start, const Played& played, const faultfs::CrashPoint& point,
                 const faultfs::Arrivals& arrivals) {
  Start next{.image = point.Make(arrivals)};
  TakeOwed(start, played, point.effects(), next);
  return next;
}

Start AfterDamage(const Start& start, const Played& played, const Damage& damage) {
  const faultfs::CrashPoint point(played.session.trace, played.effects());
  Start next{.image = point.Draw({faultfs::Policy::kAll, 0}), .damaged = true};
  TakeOwed(start, played, played.effects(), next);
  const faultfs::FileImage* const whole = next.image.Find(damage.file);
  if (whole == nullptr) return next;
  if (damage.removed) {
    next.image.Remove(damage.file);
    return next;
  }
  faultfs::FileImage file = *whole;
  std::byte byte{};
  file.Read(damage.offset, MutableByteView(&byte, 1));
  byte ^= std::byte{1};
  file.Write(damage.offset, ByteView(&byte, 1));
  next.image.Put(damage.file, std::move(file));
  return next;
}

Start AfterHarm(const Played& played, uint64_t effects, Start next, const std::vector<Harm>& harm,
                const Image* twin) {
  next.damaged = true;
  for (const Harm& one : harm) {
    const faultfs::FileImage* const there = next.image.Find(one.file);
    if (there == nullptr) continue;
    if (one.how == Harm::How::kRemove) {
      next.image.Remove(one.file);
      continue;
    }
    faultfs::FileImage file = *there;
    if (one.how == Harm::How::kFlip) {
      std::byte byte{};
      if (one.offset >= file.size()) continue;
      file.Read(one.offset, MutableByteView(&byte, 1));
      byte ^= static_cast<std::byte>(1u << one.bit % 8);
      file.Write(one.offset, ByteView(&byte, 1));
      next.image.Put(one.file, std::move(file));
      continue;
    }
    Image other;
    if (one.how == Harm::How::kOlder) {
      const uint64_t then = std::min({one.effects, effects, played.effects()});
      other = faultfs::CrashPoint(played.session.trace, then).Draw({faultfs::Policy::kAll, 0});
    } else if (twin != nullptr) {
      other = *twin;
    }
    const faultfs::FileImage* const from = other.Find(one.file);
    if (from == nullptr) continue;
    if (one.bytes == 0) {
      next.image.Put(one.file, *from);
      continue;
    }
    if (one.offset >= from->size() || one.to >= file.size()) continue;
    const uint64_t bytes = std::min({one.bytes, from->size() - one.offset, file.size() - one.to});
    std::vector<std::byte> buffer(bytes);
    from->Read(one.offset, buffer);
    file.Write(one.to, buffer);
    next.image.Put(one.file, std::move(file));
  }
  return next;
}

Image TwinOf(const Setup& setup, const Life& life) {
  const Played played = PlayWith(setup, EmptyDisk(setup), life, nullptr, false, kSeedOfTwin);
  return faultfs::CrashPoint(played.session.trace, played.effects()).Draw({faultfs::Policy::kAll, 0});
}

std::optional<Finding> Look(const Setup& setup, const Start& start) {
  return Judge(setup, start, Recover(start.Boot(setup), setup, {}));
}

std::optional<Finding> Judge(const Setup& setup, const Start& start, const Recovered& found) {
  if (start.damaged) return LookAtDamage(start, found);
  if (found.error) {
    return Finding{Rule::kOpens,
                   {Promise::kDurable, "the database opens and can be read", Describe(*found.error)}};
  }
  const auto wrong = JudgeState(start, found.seen, [&] { return ContentsOf(start.Boot(setup), setup); });
  if (wrong) return wrong;
  if (found.verify.empty()) return std::nullopt;
  return Finding{Rule::kWhole, {Promise::kWhole, "Verify finds nothing", found.verify.front()}};
}

std::vector<Loss> LossesOf(const faultfs::CrashPoint& point, const faultfs::Arrivals& arrivals) {
  std::vector<Loss> lost;
  const std::vector<Atom>& atoms = point.atoms();
  for (size_t i = 0; i < atoms.size(); ++i) {
    const bool torn = arrivals[i] == faultfs::arrival::kTorn && atoms[i].kind == Atom::Kind::kSector;
    if (arrivals[i] != faultfs::arrival::kLost && !torn) continue;
    lost.push_back({.kind = atoms[i].kind,
                    .effect = atoms[i].effect,
                    .file = point.trace().effects[atoms[i].effect].name,
                    .sector = atoms[i].sector,
                    .torn = torn});
  }
  return lost;
}

faultfs::Arrivals ArrivalsWithout(const faultfs::CrashPoint& point, const std::vector<Loss>& lost) {
  const std::vector<Atom>& atoms = point.atoms();
  faultfs::Arrivals arrivals(atoms.size(), faultfs::arrival::kWhole);
  for (size_t i = 0; i < atoms.size(); ++i) {
    const Loss here{.kind = atoms[i].kind,
                    .effect = atoms[i].effect,
                    .file = point.trace().effects[atoms[i].effect].name,
                    .sector = atoms[i].sector};
    Loss torn = here;
    torn.torn = true;
    if (std::ranges::find(lost, here) != lost.end()) arrivals[i] = faultfs::arrival::kLost;
    if (std::ranges::find(lost, torn) != lost.end()) arrivals[i] = faultfs::arrival::kTorn;
  }
  return arrivals;
}

Start WithShown(const Setup& setup, Start next) {
  if (next.oracle == nullptr || next.shown) return next;
  const Recovered found = Recover(next.Boot(setup), setup, {});
  const Allowed allowed = next.oracle->At(next.owed_at);
  const bool right = !found.error && next.oracle->Find(found.seen.sum, found.seen.number, allowed);
  if (right) next.shown = found.seen.sum;
  return next;
}

bool WantsTwin(const Life& life) {
  return std::ranges::any_of(life.harm, [](const Harm& one) { return one.how == Harm::How::kTwin; });
}

Replay ReplayCase(const Case& what) {
  Replay replay{.lives = {}, .start = EmptyDisk(what.setup), .finding = std::nullopt};
  for (const Life& life : what.lives) {
    const Start start = replay.start;
    replay.lives.push_back(Play(what.setup, start, life));
    const Played& played = replay.lives.back();
    replay.finding = played.finding;
    if (replay.finding) return replay;
    const uint64_t effects = std::min(life.effects, played.effects());
    if (life.damage) {
      replay.start = AfterDamage(start, played, *life.damage);
    } else if (life.power) {
      const faultfs::CrashPoint point(played.session.trace, effects);
      replay.start = AfterPower(start, played, point, ArrivalsWithout(point, life.lost));
      if (!life.harm.empty()) {
        const Image twin = WantsTwin(life) ? TwinOf(what.setup, life) : Image(what.setup.traits.atomic_unit);
        replay.start = AfterHarm(played, effects, std::move(replay.start), life.harm, &twin);
      }
      if (life.restarts) replay.start = WithShown(what.setup, std::move(replay.start));
    } else {
      replay.start = AfterKill(start, played, effects);
    }
  }
  replay.finding = Look(what.setup, replay.start);
  return replay;
}

uint64_t OperationsOf(const Case& what) {
  uint64_t operations = 0;
  const auto count = [&](const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      operations += step.kind == StepKind::kTransaction ? std::max<uint64_t>(1, step.ops.size()) : 1;
    }
  };
  for (const Life& life : what.lives) {
    count(life.steps);
    for (const auto& steps : life.threads) count(steps);
  }
  return operations;
}

uint64_t LossesOf(const Case& what) {
  uint64_t losses = 0;
  for (const Life& life : what.lives) losses += life.lost.size();
  return losses;
}

}  // namespace manifolddb::crashsim
