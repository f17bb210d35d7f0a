// (1) Each scenario draws from its own stream, named by kind and ordinal: one can be played again without the
//     others.
// (2) A run with a fault has an oracle of its own: what it acknowledged stays, what it called unknown may be
// there. (3) Damage is judged by what is read: an error is honest, right contents are, wrong contents never.
#include "crashsim/scenarios.h"

#include <algorithm>
#include <array>
#include <utility>

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::EffectKind;
using faultfs::Fault;
using faultfs::FaultKind;
using faultfs::Image;
using faultfs::Policy;

constexpr uint32_t kLoops = 6;

}  // namespace

void Scenarios::Run(Random random) {
  Try(ScenarioKind::kKill, 1, &Scenarios::KillThenCut, random);
  Try(ScenarioKind::kFailedSync, generation_.plan.setup.limits.resting ? 3 : 1, &Scenarios::FailSync, random);
  Try(ScenarioKind::kCrashLoop, 2, &Scenarios::LoopCrashes, random);
  Try(ScenarioKind::kIoFault, 1, &Scenarios::FailCall, random);
  Try(ScenarioKind::kRot, 12, &Scenarios::Rot, random);
  Try(ScenarioKind::kMetaRot, 4, &Scenarios::RotMeta, random);
  Try(ScenarioKind::kLostWrite, 16, &Scenarios::LoseWrite, random);
  Try(ScenarioKind::kOpenings, 16, &Scenarios::LoopOpenings, random);
  Try(ScenarioKind::kForeign, 4, &Scenarios::Foreign, random);
  Try(ScenarioKind::kMissing, 4, &Scenarios::Missing, random);
  Try(ScenarioKind::kNoRoom, 1, &Scenarios::FillDisk, random);
  Try(ScenarioKind::kNoMemory, 1, &Scenarios::RefuseMemory, random);
}

void Scenarios::Try(ScenarioKind kind, uint32_t times, Body body, const Random& random) {
  kind_ = kind;
  Counters& counters = campaign_.counters();
  const auto index = static_cast<size_t>(kind);
  for (uint32_t i = 0; i < times && !campaign_.Stop(); ++i) {
    const std::string name = std::string(Name(kind)) + "#" + std::to_string(i);
    if (!campaign_.WantsScenario(generation_.index, name)) continue;
    campaign_.EnterSession(generation_.index, name, "");
    Random draws = random.Fork(1000 * index + i);
    std::string what;
    ++counters.scenarios_run[index];
    const uint64_t before = counters.recoveries;
    if ((this->*body)(draws, what)) ++counters.scenarios_bitten[index];
    counters.scenario_recoveries[index] += counters.recoveries - before;
  }
  campaign_.LeaveCut();
}

uint64_t Scenarios::CountOf(EffectKind kind) const {
  const auto& effects = generation_.session.trace->effects;
  uint64_t count = 0;
  for (size_t i = 0; i < effects.size(); ++i) {
    if (effects[i].kind == kind && !effects[i].by_write) ++count;
  }
  return count;
}

SessionPlan Scenarios::SmallPlan(Random& random) const {
  SessionPlan plan;
  plan.setup = generation_.plan.setup;
  plan.seed = random.Next();
  // Serials far from those of the generation's own program.
  plan.program = workload_.Draw(random, generation_.index, generation_.last_serial + 100'000);
  auto& rounds = plan.program.rounds;
  if (rounds.size() > 2) rounds.resize(2);
  for (Round& round : rounds) {
    round.reopen = false;
    for (auto& steps : round.actors) {
      if (steps.size() > 5) steps.resize(5);
    }
  }
  return plan;
}

// ---- The same boot ----------------------------------------------------------------------------------------

// What the cache has lost, or what it has still to tell, may show as errors. Of contents it excuses nothing
// but what JudgeFaulted and Bench say.
Scenarios::Hurt Scenarios::HurtOf(const Disk& disk, LyingSync* lie) {
  Hurt hurt;
  if (lie == nullptr) return hurt;
  const auto trace = disk.trace();
  hurt.lost = lie->LostIn(disk.CacheImage(), *trace, trace->effects.size());
  hurt.untold = !lie->ReportedIn(*trace, trace->effects.size());
  return hurt;
}

void Scenarios::Reopen(const std::shared_ptr<Disk>& disk, const Oracle& before, LyingSync* lie,
                       uint64_t cut_from, Random& random) {
  const uint64_t before_effects = disk->effects();
  const Hurt hurt = HurtOf(*disk, lie);
  SessionPlan plan = SmallPlan(random);
  plan.damaged = hurt.lost;
  plan.sync_fails = hurt.untold;
  Session session = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  campaign_.Narrate("opened again at effect " + std::to_string(session.first_effect) + ", as commit " +
                        std::to_string(session.opened.number),
                    Lines(session.history));
  campaign_.NarrateDisk("the disk since", *session.trace, session.first_effect);
  const uint64_t last = session.trace->effects.size();
  const Explorer::Extent extent{.first = std::min(cut_from, last), .last = last, .light = true};
  if (session.open_error) {
    const Error& error = *session.open_error;
    if (!(hurt.lost && ReportsDamage(error)) && !(hurt.untold && error.code() == Errc::kIo)) {
      campaign_.Report(
          {{Promise::kHonestAboutErrors, "the database opens again in the same boot", Describe(error)}});
      return;
    }
    Bench bench(before);
    bench.Excuse(lie);
    explorer_.Points(session.trace, bench, extent, random.Fork(3));
    return;
  }
  Allowed allowed = before.At(before_effects);
  if (hurt.lost) allowed.floor = std::min(allowed.floor, before.At(lie->at()).floor);
  campaign_.Report(before.Judge(session.opened.Summarize(), allowed, [&] { return session.opened; }));
  const auto position = before.Find(session.opened.Sum(), session.opened.number, allowed);
  if (!position) return;
  Model base = before.StateAt(*position);
  BindIds(base, session.opened);
  const Oracle oracle(std::move(base), session.opened.number, session.history);
  Violations violations = session.violations;
  violations.insert(violations.end(), oracle.run_violations().begin(), oracle.run_violations().end());
  campaign_.Report(violations);
  Bench bench(oracle, session.opened_effect, before, before_effects);
  bench.Excuse(lie);
  explorer_.Points(session.trace, bench, extent, random.Fork(3));
}

// Somewhere where the cache is ahead of the disk.
bool Scenarios::KillThenCut(Random& random, std::string&) {
  uint64_t effects = 0;
  bool unsynced = false;
  for (int tries = 0; tries < 8 && !unsynced; ++tries) {
    effects = random.Below(generation_.effects() + 1);
    unsynced = CrashPoint(generation_.session.trace, effects).has_unsynced();
  }
  auto disk = std::make_shared<Disk>(*generation_.session.trace, effects, random.Next());
  Reopen(disk, *generation_.oracle, nullptr, effects, random);
  return unsynced;
}

bool Scenarios::FailSync(Random& random, std::string&) {
  constexpr std::array kKinds = {FaultKind::kSyncKeepsClean, FaultKind::kSyncReverts,
                                 FaultKind::kSyncFailsLater};
  const uint64_t syncs = CountOf(EffectKind::kSync) + CountOf(EffectKind::kSyncRange);
  Fault fault{.kind = kKinds[random.Below(kKinds.size())], .counted = Only(faultfs::Operation::kSync)};
  fault.at = 1 + random.Below(std::max<uint64_t>(syncs, 1));
  Random more = random.Fork(1);
  if (generation_.plan.setup.limits.resting && more.Chance(50)) {
    // Of the data file: pages that were let go of too early are gone when this one reverts.
    fault.file = kDatabase;
    fault.kind = more.Chance(60) ? FaultKind::kSyncReverts : fault.kind;
    fault.at = 1 + more.Below(std::max<uint64_t>(syncs / 2, 1));
  }
  return RunWithFault(fault, false, random);
}

bool Scenarios::FailCall(Random& random, std::string&) {
  constexpr std::array kKinds = {FaultKind::kIoError,   FaultKind::kIoError,     FaultKind::kShortWrite,
                                 FaultKind::kShortRead, FaultKind::kCorruptRead, FaultKind::kNoSpace};
  Fault fault{.kind = kKinds[random.Below(kKinds.size())]};
  uint64_t calls = CountOf(EffectKind::kWrite);
  if (fault.kind == FaultKind::kCorruptRead) fault.file = kDatabase;  // of the log: undecidable, as rot there
  if (fault.kind == FaultKind::kIoError) calls += CountOf(EffectKind::kSync) + 10;
  if (fault.kind == FaultKind::kShortRead || fault.kind == FaultKind::kCorruptRead) calls = 12;
  fault.parameter = fault.kind == FaultKind::kCorruptRead ? random.Below(4096 * 8) : 0;
  fault.at = 1 + random.Below(std::max<uint64_t>(calls, 1));
  fault.lasting = random.Chance(25) && fault.kind != FaultKind::kCorruptRead;
  return RunWithFault(fault, false, random);
}

bool Scenarios::FillDisk(Random& random, std::string&) {
  Fault fault{.kind = FaultKind::kNoSpace, .counted = Only(faultfs::Operation::kAllocate), .lasting = true};
  fault.at = 1 + random.Below(std::max<uint64_t>(CountOf(EffectKind::kSize), 1));
  return RunWithFault(fault, true, random);
}

bool Scenarios::RefuseMemory(Random& random, std::string&) {
  const bool in_commit = generation_.allocations_in_commit > 0 && random.Chance(50);
  const uint64_t count = in_commit ? generation_.allocations_in_commit : generation_.allocations;
  const uint64_t at = 1 + random.Below(count);
  MemoryGate gate(at, 1 + random.Below(random.Chance(50) ? 2 : 40), in_commit);
  const auto disk = generation_.MakeDisk();
  SessionPlan plan = generation_.plan;
  plan.faults_armed = true;
  plan.make_room = true;
  plan.memory = &gate;
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         "no_memory@" + std::to_string(at) + (in_commit ? "/commit" : ""));
  Session session = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  if (!gate.refused()) return false;
  JudgeFaulted(disk, session, session.first_effect, false, random);
  return true;
}

bool Scenarios::RunWithFault(const Fault& fault, bool make_room, Random& random) {
  const auto disk = generation_.MakeDisk();
  SessionPlan plan = generation_.plan;
  plan.faults_armed = true;
  plan.make_room = make_room;
  plan.reads_go_on = fault.kind == FaultKind::kSyncKeepsClean || fault.kind == FaultKind::kSyncReverts;
  plan.extents_revert = fault.kind == FaultKind::kSyncReverts;
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario, fault.ToString());
  disk->Arm(fault);
  Session session = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  const auto kind = static_cast<size_t>(fault.kind);
  const std::vector<faultfs::FaultRecord> fired = disk->faults_fired();
  campaign_.counters().faults_armed[kind] += 1;
  campaign_.counters().faults_fired[kind] += fired.empty() ? 0 : 1;
  disk->DisarmAll();
  if (fired.empty() && fault.at > 1) {
    // There were fewer such calls than the run without it has effects: then the first of them.
    Fault first = fault;
    first.at = 1;
    return RunWithFault(first, make_room, random);
  }
  if (fired.empty()) return false;
  JudgeFaulted(disk, session, fired[0].effects, fault.kind == FaultKind::kSyncFailsLater, random);
  return true;
}

void Scenarios::JudgeFaulted(const std::shared_ptr<Disk>& disk, const Session& session, uint64_t failed_at,
                             bool sync_lied, Random& random) {
  campaign_.Narrate("with the fault, from commit " + std::to_string(generation_.base_number),
                    Lines(session.history));
  campaign_.NarrateDisk("the disk; the fault struck after effect " + std::to_string(failed_at),
                        *session.trace);
  Model base = generation_.base;
  BindIds(base, session.opened);
  const Oracle oracle(std::move(base), generation_.base_number, session.history);
  Violations violations = session.violations;
  violations.insert(violations.end(), oracle.run_violations().begin(), oracle.run_violations().end());
  if (session.open_error && !IsEnvironment(session.open_error->code()) &&
      !ReportsDamage(*session.open_error)) {
    violations.push_back(
        {Promise::kHonestAboutErrors, "an error that names the fault", Describe(*session.open_error)});
  }
  campaign_.Report(violations);
  std::optional<LyingSync> lie;
  if (sync_lied) lie.emplace(*session.trace, failed_at);
  if (random.Chance(50)) disk->EvictClean(random.Next());
  Reopen(disk, oracle, lie ? &*lie : nullptr, failed_at, random);
}

// ---- Recovery that is cut again and again
// -------------------------------------------------------------------

bool Scenarios::LoopCrashes(Random& random, std::string&) {
  const uint64_t effects = random.Below(generation_.effects() + 1);
  const CrashPoint point(generation_.session.trace, effects);
  const Setup& setup = generation_.plan.setup;
  Image image = point.Draw({Policy::kRandom, random.Next() >> 1});
  std::optional<Recovered> first;
  uint64_t cut_at = effects;
  for (uint32_t loop = 0; loop <= kLoops; ++loop) {
    const Recovered found = Recover(image, setup, workload_.invariant(), {.keep_trace = true});
    campaign_.CountRecovery(found.cpu_nanos);
    const std::string where =
        "after " + std::to_string(loop) + " cut recoveries, the last at effect " + std::to_string(cut_at);
    if (!first) {
      if (!found.sound()) return false;  // reported where this point was explored
      first = found;
    } else if (found.error) {
      campaign_.Report({{Promise::kRestartable, "recovery succeeds", where + ": " + Describe(*found.error)}});
      return true;
    } else if (found.seen.sum != first->seen.sum || found.seen.number != first->seen.number) {
      campaign_.Report({{Promise::kRestartable, "commit " + std::to_string(first->seen.number),
                         where + ": commit " + std::to_string(found.seen.number)}});
      return true;
    } else if (!found.sound()) {
      campaign_.Report({{Promise::kWhole, "Verify finds nothing",
                         where + ": " + (found.verify.empty() ? "form" : found.verify.front())}});
      return true;
    } else if (found.pages_total > 2 * first->pages_total + 64) {
      campaign_.Report({{Promise::kNoLeaks,
                         "a file that does not grow from crash to crash, about " +
                             std::to_string(first->pages_total) + " pages",
                         where + ": " + std::to_string(found.pages_total) + " pages"}});
      return true;
    }
    // Mostly before its checkpoint can have finished.
    cut_at = random.Below(random.Chance(70) ? found.effects * 2 / 3 + 1 : found.effects + 1);
    image = CrashPoint(found.trace, cut_at).Draw({Policy::kRandom, random.Next() >> 1});
  }
  return first->effects > 0;
}

// ---- Openings that end early ------------------------------------------------------------------------------

namespace {

constexpr uint64_t kStepOneEffects = 12;  // step 1 and the beginning of its checkpoint
constexpr uint64_t kNever = ~uint64_t{0};

// What an opening meets before it is done.
enum class Ending : uint8_t { kKilled, kSyncFails, kWriteFails };

// An image in which whatever may be torn often is.
Image DrawTorn(const CrashPoint& point, Random& random) {
  if (random.Chance(40)) return point.Draw({Policy::kRandom, random.Next() >> 1});
  faultfs::Arrivals arrivals(point.atoms().size());
  for (uint64_t& arrival : arrivals) arrival = random.Below(3);
  return point.Make(arrivals);
}

}  // namespace

// After some write of a meta page, and perhaps its sync. Most often one of a commit through a checkpoint: the
// log does not have it, so whoever loses that page loses the commit.
uint64_t Scenarios::NearMeta(Random& random) const {
  const Session& session = generation_.session;
  const auto& effects = session.trace->effects;
  const auto through = [&](uint64_t effect) {
    return std::ranges::any_of(session.history.transactions, [&](const Transaction& one) {
      const bool commits = one.through_checkpoint && one.end == End::kAcked;
      return commits && one.called.effects <= effect && effect < one.ended.effects;
    });
  };
  std::vector<uint64_t> writes;
  std::vector<uint64_t> writes_through;
  for (uint64_t i = 0; i < effects.size(); ++i) {
    const bool meta = effects[i].name == kDatabase && effects[i].kind == EffectKind::kWrite &&
                      effects[i].offset < 4 * generation_.plan.setup.options.write_unit;
    if (!meta) continue;
    writes.push_back(i);
    if (through(i)) writes_through.push_back(i);
  }
  if (writes.empty()) return random.Below(effects.size() + 1);
  const auto& from = !writes_through.empty() && random.Chance(75) ? writes_through : writes;
  return std::min<uint64_t>(from[random.Below(from.size())] + 1 + random.Below(3), effects.size());
}

void Scenarios::EndEarly(Disk& disk, Random& random) {
  constexpr uint64_t kFirstWrites = 4;
  const uint64_t soon = random.Chance(75) ? kStepOneEffects : 4 * kStepOneEffects;
  const auto ending = static_cast<Ending>(random.Below(3));
  if (ending == Ending::kKilled) {
    disk.KillAt(disk.effects() + 1 + random.Below(random.Chance(40) ? kFirstWrites : soon));
    return;
  }
  Fault fault{.kind = random.Chance(50) ? FaultKind::kSyncKeepsClean : FaultKind::kSyncReverts,
              .counted = Only(faultfs::Operation::kSync)};
  fault.at = 1 + random.Below(soon / 3);
  if (ending == Ending::kWriteFails) {
    fault = {.kind = random.Chance(70) ? FaultKind::kShortWrite : FaultKind::kIoError,
             .counted = Only(faultfs::Operation::kWrite)};
    fault.at = 1 + random.Below(soon / 2);
  }
  disk.Arm(fault);
}

// An opening that something ended says so; one that nothing did shows what is owed.
bool Scenarios::JudgeOpening(const Recovered& found, bool hindered, Owed& owed) {
  const std::string where = "opening " + std::to_string(owed.openings);
  Violations violations;
  if (found.error) {
    if (!hindered || ReportsDamage(*found.error)) {
      violations.push_back({Promise::kRestartable, "openings can be ended anywhere, any number of times",
                            where + ": " + Describe(*found.error)});
    }
  } else if (!owed.shown) {
    violations = generation_.oracle->Judge(found.seen, generation_.oracle->At(owed.effects),
                                           [] { return Observation(); });
  } else if (found.seen.sum != owed.shown->seen.sum || found.seen.number != owed.shown->seen.number) {
    violations.push_back({Promise::kRestartable, "commit " + std::to_string(owed.shown->seen.number),
                          where + ": commit " + std::to_string(found.seen.number)});
  } else if (!found.sound()) {
    violations.push_back({Promise::kWhole, "Verify finds nothing",
                          where + ": " + (found.verify.empty() ? "form" : found.verify.front())});
  }
  campaign_.Report(violations);
  if (!found.error) owed.shown = found;
  return violations.empty();
}

// From a power cut, or from a process that was killed and left its cache; then openings that end early in
// every way a process can, in the same boot or after a cut, with or without the cache's clean sectors.
bool Scenarios::LoopOpenings(Random& random, std::string&) {
  const auto& trace = generation_.session.trace;
  const Setup& setup = generation_.plan.setup;
  Owed owed;
  owed.effects = random.Chance(75) ? NearMeta(random) : random.Below(generation_.effects() + 1);
  std::shared_ptr<Disk> disk;
  if (random.Chance(50)) {
    disk = std::make_shared<Disk>(*trace, owed.effects, random.Next());
  } else {
    const Image image = DrawTorn(CrashPoint(trace, owed.effects), random);
    owed.shown = Recover(image, setup, {}, {.verify = false});
    campaign_.CountRecovery(owed.shown->cpu_nanos);
    if (!owed.shown->sound()) return false;  // reported where this point was explored
    disk = std::make_shared<Disk>(image, setup.traits, random.Next());
  }
  bool ended = false;
  const uint32_t openings = 2 + static_cast<uint32_t>(random.Below(5));
  for (; owed.openings < openings; ++owed.openings) {
    EndEarly(*disk, random);
    const size_t fired = disk->faults_fired().size();
    const Recovered found = Recover(disk, setup, {}, {.verify = false});
    campaign_.CountRecovery(found.cpu_nanos);
    const bool hindered = disk->kill_struck() || disk->faults_fired().size() > fired;
    ended = ended || hindered;
    if (!JudgeOpening(found, hindered, owed)) return true;
    disk->DisarmAll();
    disk->KillAt(kNever);
    if (random.Chance(45)) {
      const Image image = DrawTorn(CrashPoint(disk->trace(), disk->effects()), random);
      disk = std::make_shared<Disk>(image, setup.traits, random.Next());
    } else if (random.Chance(50)) {
      disk->EvictClean(random.Next());
    }
  }
  if (random.Chance(70)) {
    const Image image = DrawTorn(CrashPoint(disk->trace(), disk->effects()), random);
    disk = std::make_shared<Disk>(image, setup.traits, random.Next());
  }
  const Recovered last = Recover(disk, setup, workload_.invariant());
  campaign_.CountRecovery(last.cpu_nanos);
  JudgeOpening(last, false, owed);
  return ended;
}

// ---- Damage
// -------------------------------------------------------------------------------------------------

bool Scenarios::JudgeDamage(const Image& image, const Allowed& allowed, const std::string& what) {
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario, what);
  campaign_.Narrate("damaged: " + what + ", found after effect " + std::to_string(allowed.effects) +
                        ", owed are " + std::to_string(allowed.floor) + " commits to a " + allowed.why,
                    {});
  const Recovered found = Recover(image, generation_.plan.setup, {});
  campaign_.CountRecovery(found.cpu_nanos);
  if (found.error) {
    if (!ReportsDamage(*found.error)) {
      campaign_.Report({{Promise::kHonestAboutDamage, "damage reported as such", Describe(*found.error)}});
    }
    return true;
  }
  Violations violations = generation_.oracle->Judge(
      found.seen, allowed, [&] { return ContentsOf(image, generation_.plan.setup); });
  for (Violation& violation : violations) {
    violation.promise = Promise::kHonestAboutDamage;
    violation.expected = "damage reported or of no effect: " + violation.expected;
  }
  campaign_.Report(violations);
  return !found.verify.empty() || !violations.empty();
}

bool Scenarios::Rot(Random& random, std::string&) {
  const auto& trace = generation_.session.trace;
  const uint64_t effects = random.Between(generation_.session.opened_effect, generation_.effects());
  Image image = CrashPoint(trace, effects)
                    .Draw({random.Chance(50) ? Policy::kAll : Policy::kRandom, random.Next() >> 1});
  // Where something was written: elsewhere there is nothing to harm.
  std::vector<const faultfs::Effect*> writes;
  for (uint64_t i = 0; i < effects; ++i) {
    if (trace->effects[i].kind == EffectKind::kWrite && trace->effects[i].size > 0)
      writes.push_back(&trace->effects[i]);
  }
  if (writes.empty()) return false;
  const faultfs::Effect& hit = *writes[random.Below(writes.size())];
  const std::string file = image.Find(hit.name) != nullptr ? hit.name : std::string(kLogFile);
  const faultfs::BitRot rot{file, hit.offset + random.Below(hit.size), 1 + random.Below(8),
                            random.Next() >> 1};
  const bool clean = generation_.session.closed && effects == generation_.effects();
  const bool log = file != kDatabase && !clean;
  const Oracle& oracle = *generation_.oracle;
  return JudgeDamage(image.With(rot), log ? oracle.AtWithDamagedLog(effects) : oracle.At(effects),
                     rot.ToString());
}

bool Scenarios::RotMeta(Random& random, std::string&) {
  const auto& trace = generation_.session.trace;
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  const bool at_end = random.Chance(50);
  const uint64_t effects = at_end ? generation_.effects()
                                  : random.Between(generation_.session.opened_effect, generation_.effects());
  std::optional<uint64_t> newest;  // the two slots of two copies lie at the front of the file
  for (uint64_t i = 0; i < effects; ++i) {
    const faultfs::Effect& effect = trace->effects[i];
    if (effect.kind == EffectKind::kWrite && effect.name == kDatabase && effect.offset < 4 * unit) {
      newest = effect.offset;
    }
  }
  if (!newest) return false;
  Image image = CrashPoint(trace, effects).Draw({random.Chance(50) ? Policy::kAll : Policy::kNone, 0});
  const bool both = random.Chance(60);
  const uint64_t slot = *newest / (2 * unit) * (2 * unit);
  std::string what;
  for (const uint64_t copy : {slot, slot + unit}) {
    if (!both && copy != *newest) continue;
    const faultfs::BitRot rot{kDatabase, copy + random.Below(200), 1, random.Next() >> 1};
    image = image.With(rot);
    what += (what.empty() ? "" : "+") + rot.ToString();
  }
  return JudgeDamage(image, generation_.oracle->At(effects), what) || !both;
}

// Both copies of one checkpoint's meta page never arrive, and nothing is unreadable: only the log can tell.
bool Scenarios::LoseMeta(Random& random) {
  auto trace = std::make_shared<faultfs::Trace>(*generation_.session.trace);
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  std::vector<std::pair<uint64_t, uint64_t>> pairs;  // of writes to the two copies of one slot
  std::optional<uint64_t> last;
  std::optional<std::pair<uint64_t, uint64_t>> of_opening;
  for (uint64_t i = 0; i < trace->effects.size(); ++i) {
    const faultfs::Effect& effect = trace->effects[i];
    if (effect.kind != EffectKind::kWrite || effect.name != kDatabase || effect.offset >= 4 * unit) continue;
    // Copy by copy; step 1 writes slot by slot.
    const bool second_copy = last && trace->effects[*last].offset + unit == effect.offset;
    if (second_copy && effect.offset / unit % 2 == 1) {
      if (i < generation_.session.opened_effect) {
        of_opening = {*last, i};
      } else {
        pairs.push_back({*last, i});
      }
    }
    last = i;
  }
  // The one with which this life's log began: the page before it leads to another life's log.
  const bool opening = of_opening && (pairs.empty() || random.Fork(1).Chance(40));
  if (!opening && pairs.empty()) return false;
  const auto [first, second] = opening ? *of_opening : pairs[random.Below(pairs.size())];
  for (const uint64_t lost : {first, second}) {
    faultfs::Effect effect = trace->effects[lost];
    effect.fault = faultfs::WriteFault::kLost;
    trace->effects.Replace(lost, effect);
    const auto kind = static_cast<size_t>(FaultKind::kLostWrite);
    ++campaign_.counters().faults_armed[kind];
    ++campaign_.counters().faults_fired[kind];
  }
  const uint64_t from = opening ? generation_.session.opened_effect : second + 1;
  const uint64_t effects = random.Between(from, trace->effects.size());
  // A torn group of this life over the other's log proves nothing, so none is torn then.
  const bool all = random.Chance(70) || opening;
  const Image image =
      CrashPoint(trace, effects).Draw({all ? Policy::kAll : Policy::kRandom, random.Next() >> 1});
  return JudgeDamage(image, generation_.oracle->AtWithLostMeta(effects, first, second),
                     "lost@" + std::to_string(first) + "+" + std::to_string(second));
}

// A neighbour's groups lie where this log goes on: a misdirected write, or sectors handed out again.
bool Scenarios::Foreign(Random& random, std::string&) {
  if (generation_.image) return false;  // its identity is in the image already
  const uint64_t ring = 2 * uint64_t{generation_.plan.setup.options.write_unit};
  SessionPlan plan;
  plan.setup = generation_.plan.setup;
  plan.program.close = false;
  Round& round = plan.program.rounds.emplace_back();
  round.actors.resize(1);
  for (Serial i = 1; i <= 4; ++i) {
    round.actors[0].push_back(
        {.kind = StepKind::kCreateFamily, .serial = i, .families = {"neighbour-" + std::to_string(i)}});
  }
  const auto neighbour = std::make_shared<Disk>(plan.setup.traits, random.Next());
  const Session other = RunSession(neighbour, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  const auto groups = [&](const faultfs::Trace& trace, uint64_t from) {
    std::vector<uint64_t> writes;
    for (uint64_t i = from; i < trace.effects.size(); ++i) {
      const faultfs::Effect& effect = trace.effects[i];
      const bool group = effect.name == kLogFile && effect.offset >= ring;
      if (effect.kind == EffectKind::kWrite && group) writes.push_back(i);
    }
    return writes;
  };
  const auto& trace = generation_.session.trace;
  const std::vector<uint64_t> mine = groups(*trace, generation_.session.opened_effect);
  const std::vector<uint64_t> theirs = groups(*other.trace, other.opened_effect);
  if (mine.empty() || theirs.empty()) return false;
  // In front of one of the first groups, most often of the very first: whose chain begins as the neighbour's.
  const uint64_t skipped = random.Chance(60) ? 0 : random.Below(std::min(mine.size(), theirs.size()));
  const uint64_t effects = mine[skipped];
  Image image = CrashPoint(trace, effects).Draw({Policy::kAll, 0});
  faultfs::FileImage log = *image.Find(kLogFile);
  for (uint64_t i = skipped; i < theirs.size(); ++i) {
    const faultfs::Effect& group = other.trace->effects[theirs[i]];
    // Over a group of this log's own it would be damage to that one, which may be the last (Rot tries it).
    if (group.offset < trace->effects[effects].offset) continue;
    uint64_t index = group.offset / image.atomic_unit();
    for (const faultfs::Sector& sector : group.sectors) {
      if (index < log.sectors()) log.SetSector(index, sector);
      ++index;
    }
  }
  image.Put(kLogFile, std::move(log));
  static_cast<void>(
      JudgeDamage(image, generation_.oracle->At(effects), "foreign@" + std::to_string(effects)));
  return true;
}

// One of the two files is gone, once the database had been opened. Opening it must say so; above all it must
// not make a new database where the old one was.
bool Scenarios::Missing(Random& random, std::string&) {
  const uint64_t opened = generation_.session.opened_effect;
  const uint64_t last =
      random.Chance(50) ? std::min(opened + 6, generation_.effects()) : generation_.effects();
  const uint64_t effects = random.Between(opened, last);
  constexpr std::array kPolicies = {Policy::kNone, Policy::kAll, Policy::kRandom};
  Image image = CrashPoint(generation_.session.trace, effects)
                    .Draw({kPolicies[random.Below(kPolicies.size())], random.Next() >> 1});
  const bool log = random.Chance(30);
  const char* const gone = log ? kLogFile : kDatabase;
  const char* const left = log ? kDatabase : kLogFile;
  if (image.Find(gone) == nullptr || image.Find(left) == nullptr) return false;
  image.Remove(gone);
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         "missing:" + std::string(gone) + "@" + std::to_string(effects));
  const auto disk = std::make_shared<Disk>(image, generation_.plan.setup.traits);
  const Recovered found = Recover(disk, generation_.plan.setup, {});
  campaign_.CountRecovery(found.cpu_nanos);
  if (!found.error || !ReportsDamage(*found.error)) {
    campaign_.Report({{Promise::kHonestAboutDamage, "an error that says that a file is missing",
                       found.error ? Describe(*found.error) : "a database opens"}});
    return true;
  }
  const Image after = disk->CacheImage();
  if (after.Find(gone) != nullptr || after.Find(left) == nullptr ||
      !(*after.Find(left) == *image.Find(left))) {
    campaign_.Report({{Promise::kHonestAboutDamage, "what is left of the database stays as it is",
                       "another " + std::string(after.Find(gone) != nullptr ? gone : left)}});
  }
  return true;
}

bool Scenarios::LoseWrite(Random& random, std::string&) {
  if (random.Chance(25)) return LoseMeta(random);
  auto trace = std::make_shared<faultfs::Trace>(*generation_.session.trace);
  std::vector<uint64_t> writes;
  for (uint64_t i = generation_.session.opened_effect; i < trace->effects.size(); ++i) {
    if (trace->effects[i].kind == EffectKind::kWrite) writes.push_back(i);
  }
  if (writes.empty()) return false;
  const uint64_t lost = writes[random.Below(writes.size())];
  faultfs::Effect effect = trace->effects[lost];
  const bool elsewhere = random.Chance(40);
  effect.fault = elsewhere ? faultfs::WriteFault::kMisdirected : faultfs::WriteFault::kLost;
  effect.shift_sectors = elsewhere ? static_cast<int64_t>(1 + random.Below(8)) : 0;
  trace->effects.Replace(lost, effect);
  const auto kind = static_cast<size_t>(elsewhere ? FaultKind::kMisdirectedWrite : FaultKind::kLostWrite);
  ++campaign_.counters().faults_armed[kind];
  ++campaign_.counters().faults_fired[kind];
  const uint64_t effects = random.Between(lost + 1, trace->effects.size());
  const Image image = CrashPoint(trace, effects)
                          .Draw({random.Chance(50) ? Policy::kAll : Policy::kRandom, random.Next() >> 1});
  const bool clean = generation_.session.closed && effects == trace->effects.size();
  Allowed allowed = generation_.oracle->At(effects);
  if (effect.name != kDatabase && !clean) {
    allowed = generation_.oracle->AtWithDamagedLog(effects);
    // Two groups are hit at once: the one that was to be written, and the one that was written over.
    if (elsewhere) allowed.floor = 0;
  }
  return JudgeDamage(image, allowed, (elsewhere ? "misdirected@" : "lost@") + std::to_string(lost));
}

}  // namespace manifolddb::crashsim
