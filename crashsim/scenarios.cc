// (1) Each scenario draws from its own stream, named by kind and ordinal: one can be played again without the
//     others.
// (2) A run with a fault has an oracle of its own: what it acknowledged stays, what it called unknown may be
//     there.
#include "crashsim/scenarios.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "crashsim/point_judge.h"

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
const std::string kNoMemoryAt = "no_memory@";

Violations ViolationsOf(const Session& session, const Judges& judges) {
  Violations violations = session.violations;
  std::ranges::move(judges.RunViolations(), std::back_inserter(violations));
  return violations;
}

// Effects that were asked for as such; of this file, or of any.
uint64_t CountIn(const faultfs::Trace& trace, EffectKind kind, const std::string& file = {}) {
  uint64_t count = 0;
  for (size_t i = 0; i < trace.effects.size(); ++i) {
    const faultfs::Effect& effect = trace.effects[i];
    if (effect.kind == kind && !effect.by_write && (file.empty() || effect.name == file)) ++count;
  }
  return count;
}

// The first effect of a recovery's checkpoint on a meta page: the last two writes of meta pages are its own.
uint64_t BeforeCheckpoint(const faultfs::Trace& trace, const Setup& setup) {
  std::array<uint64_t, 2> last = {0, 0};
  for (size_t i = 0; i < trace.effects.size(); ++i) {
    if (IsMetaWrite(trace.effects[i], setup)) last = {last[1], i};
  }
  return last[0];
}

}  // namespace

void Scenarios::Run(Random random) {
  if (generation_.plan.setup.traits.lying_flush) return;  // what they demand rests on syncs
  const bool every = campaign_.replaying()
                         ? KindOf(campaign_.options().only->scenario) == ScenarioKind::kEveryFault
                         : campaign_.options().every_fault;
  if (every) {
    EveryFault(random);
    return;
  }
  Try(ScenarioKind::kKill, 1, &Scenarios::KillThenCut, random);
  Try(ScenarioKind::kFailedSync, generation_.plan.setup.limits.resting ? 5 : 1, &Scenarios::FailSync, random);
  Try(ScenarioKind::kCrashLoop, 2, &Scenarios::LoopCrashes, random);
  Try(ScenarioKind::kIoFault, 3, &Scenarios::FailCall, random);
  Try(ScenarioKind::kRot, 12, &Scenarios::Rot, random);
  Try(ScenarioKind::kMetaRot, 16, &Scenarios::RotMeta, random);
  Try(ScenarioKind::kLostWrite, 64, &Scenarios::LoseWrite, random);
  Try(ScenarioKind::kOpenings, 48, &Scenarios::LoopOpenings, random);
  Try(ScenarioKind::kEndings, 4, &Scenarios::PairEndings, random);
  Try(ScenarioKind::kForeign, 4, &Scenarios::Foreign, random);
  Try(ScenarioKind::kMissing, 4, &Scenarios::Missing, random);
  Try(ScenarioKind::kOlderFile, 4, &Scenarios::OlderFile, random);
  if (generation_.index == 0) {
    Try(ScenarioKind::kNeighbour, 4, &Scenarios::Neighbour, random);
    Try(ScenarioKind::kCreation, 20, &Scenarios::CutCreation, random);
  }
  Try(ScenarioKind::kNoRoom, 2, &Scenarios::FillDisk, random);
  if (generation_.index == 0) Try(ScenarioKind::kFullLog, 1, &Scenarios::FillLargeLog, random);
  Try(ScenarioKind::kNoMemory, 1, &Scenarios::RefuseMemory, random);
  // Without --sample each takes as long as all points of the run itself.
  const bool many = campaign_.options().sample || campaign_.replaying();
  Try(ScenarioKind::kSchedules, many ? 8 : 1, &Scenarios::Reschedule, random);
}

void Scenarios::Try(ScenarioKind kind, uint32_t times, Body body, const Random& random) {
  kind_ = kind;
  campaign_.BeginScenario();
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

uint64_t Scenarios::CountOf(EffectKind kind) const { return CountIn(*generation_.session.trace, kind); }

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

void Scenarios::Reopen(const std::shared_ptr<Disk>& disk, const Judges& before, const Boot& boot,
                       uint64_t cut_from, Random& random) {
  LyingSync* const lie = boot.lie;
  const uint64_t before_effects = disk->effects();
  const Hurt hurt = HurtOf(*disk, lie);
  SessionPlan plan = SmallPlan(random);
  plan.damaged = hurt.lost;
  plan.sync_fails = hurt.untold;
  plan.faults_armed = boot.full;
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
  const Oracle& owing = before.oracle();
  Allowed allowed = owing.At(before_effects);
  if (hurt.lost) allowed.floor = std::min(allowed.floor, owing.At(lie->at()).floor);
  campaign_.Report(owing.Judge(session.opened.Summarize(), allowed, [&] { return session.opened; }));
  const auto position = owing.Find(session.opened.Sum(), session.opened.number, allowed);
  if (!position) return;
  Model base = owing.StateAt(*position);
  BindIds(base, session.opened);
  const Judges judges(std::move(base), session.opened.number, session);
  campaign_.Report(ViolationsOf(session, judges));
  Bench bench(judges, session.opened_effect, before, before_effects);
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
  Reopen(disk, *generation_.judges, {}, effects, random);
  return unsynced;
}

// Syncs of the data file, by their number, that cover what was written before the log grew by a group: pages
// that others may have seen and the cache may have let go of; a meta page on which the group may rely.
std::vector<uint64_t> Scenarios::SyncsBehindGroups() const {
  std::vector<uint64_t> late;
  uint64_t syncs = 0;
  bool written = false;
  bool group_since = false;
  for (size_t i = 0; i < generation_.session.trace->effects.size(); ++i) {
    const faultfs::Effect& effect = generation_.session.trace->effects[i];
    const bool writes = effect.kind == EffectKind::kWrite;
    if (effect.name == kLogFile && writes) group_since = written;
    if (effect.name != kDatabase) continue;
    written = written || writes;
    if (effect.kind != EffectKind::kSync && effect.kind != EffectKind::kSyncRange) continue;
    ++syncs;
    if (group_since) late.push_back(syncs);
    written = group_since = false;
  }
  return late;
}

// Syncs of the data file, by their number, with another one before the next meta page, while a transaction
// runs: perhaps its own, when it spills, amid a checkpoint that must not believe its sync any more.
std::vector<uint64_t> Scenarios::SyncsAmidCheckpoints() const {
  constexpr uint64_t kNoSync = ~uint64_t{0};
  std::vector<uint64_t> amid;
  uint64_t syncs = 0;
  uint64_t last = kNoSync;  // effect
  for (uint64_t i = 0; i < generation_.session.trace->effects.size(); ++i) {
    const faultfs::Effect& effect = generation_.session.trace->effects[i];
    if (effect.name != kDatabase) continue;
    if (IsMetaWrite(effect, generation_.plan.setup)) last = kNoSync;
    if (effect.kind != EffectKind::kSync && effect.kind != EffectKind::kSyncRange) continue;
    const auto runs = [&](const Transaction& one) {
      return one.began.effects <= last && last < one.called.effects;
    };
    const auto& transactions = generation_.session.history.transactions;
    if (last != kNoSync && std::ranges::any_of(transactions, runs)) amid.push_back(syncs);
    ++syncs;
    last = i;
  }
  return amid;
}

bool Scenarios::FailSync(Random& random, std::string&) {
  constexpr std::array kKinds = {FaultKind::kSyncKeepsClean, FaultKind::kSyncReverts,
                                 FaultKind::kSyncFailsLater};
  const uint64_t syncs = CountOf(EffectKind::kSync) + CountOf(EffectKind::kSyncRange);
  Fault fault{.kind = kKinds[random.Below(kKinds.size())], .counted = Only(faultfs::Operation::kSync)};
  fault.at = 1 + random.Below(std::max<uint64_t>(syncs, 1));
  Random more = random.Fork(1);
  const WorkloadLimits& limits = generation_.plan.setup.limits;
  if (limits.resting && more.Chance(limits.pressure == Pressure::kCache ? 85 : 50)) {
    // Of the data file: pages that were let go of too early are gone when this one reverts.
    fault.file = kDatabase;
    fault.kind = more.Chance(60) ? FaultKind::kSyncReverts : fault.kind;
    fault.at = 1 + more.Below(std::max<uint64_t>(syncs / 2, 1));
    const std::vector<uint64_t> late = SyncsBehindGroups();
    if (!late.empty() && more.Chance(70)) {
      fault.kind = FaultKind::kSyncReverts;
      fault.at = late[more.Below(late.size())];
    }
  }
  const std::vector<uint64_t> amid = SyncsAmidCheckpoints();
  if (Random beside = random.Fork(2); !amid.empty() && beside.Chance(50)) {
    fault = {.kind = FaultKind::kSyncReverts, .counted = fault.counted, .file = kDatabase};
    fault.at = amid[beside.Below(amid.size())];
  }
  return RunWithFault(fault, Relief::kNone, random);
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
  if (fault.kind == FaultKind::kShortWrite && random.Chance(50)) fault.parameter = 1 + random.Below(1 << 20);
  fault.at = 1 + random.Below(std::max<uint64_t>(calls, 1));
  fault.lasting = random.Chance(25) && fault.kind != FaultKind::kCorruptRead;
  Random more = random.Fork(1);
  if (fault.kind == FaultKind::kShortWrite) fault.parameter = SometimesFewBytes(fault.parameter, more);
  if (generation_.index == 0 && more.Chance(40)) {
    // Of the creation: the next opening finds names that are in the system's cache only.
    fault = {.kind = FaultKind::kIoError, .counted = Only(faultfs::Operation::kDirectory)};
    fault.at = 1 + more.Below(14);
  }
  return RunWithFault(fault, Relief::kNone, random);
}

bool Scenarios::FillDisk(Random& random, std::string&) {
  Fault fault{.kind = FaultKind::kNoSpace, .counted = Only(faultfs::Operation::kAllocate), .lasting = true};
  const uint64_t growths = std::max<uint64_t>(CountOf(EffectKind::kSize), 1);
  fault.at = 1 + random.Below(growths);
  Random more = random.Fork(2);
  if (more.Chance(50)) return RunWithFault(fault, Relief::kSoon, random);
  // It must help itself until the end of the session. Mostly late: there must be something to delete.
  if (more.Chance(70)) fault.at = growths - more.Below((growths + 2) / 3);
  return RunWithFault(fault, Relief::kAtTheEnd, random);
}

bool Scenarios::RefuseMemory(Random& random, std::string&) {
  const bool in_commit = generation_.allocations_in_commit > 0 && random.Chance(50);
  const uint64_t count = in_commit ? generation_.allocations_in_commit : generation_.allocations;
  const uint64_t at = 1 + random.Below(count);
  return RefuseAt({at, 1 + random.Below(random.Chance(50) ? 2 : 40), in_commit}, random);
}

bool Scenarios::RefuseAt(const Refusal& refusal, Random& random) {
  MemoryGate gate(refusal.at, refusal.many, refusal.in_commit);
  const auto disk = generation_.MakeDisk();
  SessionPlan plan = generation_.plan;
  plan.faults_armed = true;
  plan.make_room = true;
  plan.memory = &gate;
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         kNoMemoryAt + std::to_string(refusal.at) + (refusal.in_commit ? "/commit" : ""));
  Session session = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  if (!gate.refused()) return false;
  JudgeFaulted(disk, session, session.first_effect, false, random);
  return true;
}

// There may be fewer such calls than the run without the fault has effects: then the first of them.
bool Scenarios::RunWithFault(const Fault& fault, Relief relief, Random& random) {
  if (TryFault(fault, relief, random)) return true;
  Fault first = fault;
  first.at = 1;
  return fault.at > 1 && TryFault(first, relief, random);
}

// Call after call, in all phases: the creation or the recovery that the run begins with, commits,
// checkpoints, verifying, the close.
void Scenarios::EveryFault(const Random& random) {
  constexpr std::array kKinds = {FaultKind::kIoError,        FaultKind::kNoSpace,
                                 FaultKind::kShortRead,      FaultKind::kShortWrite,
                                 FaultKind::kCorruptRead,    FaultKind::kSyncKeepsClean,
                                 FaultKind::kSyncFailsLater, FaultKind::kSyncReverts};
  kind_ = ScenarioKind::kEveryFault;
  if (campaign_.replaying()) {
    const std::string& name = campaign_.options().only->scenario;
    const std::string what = name.substr(std::min(name.size(), name.find('#') + 1));
    if (what.starts_with(kNoMemoryAt)) {
      static_cast<void>(LackMemoryAt(std::strtoull(what.c_str() + kNoMemoryAt.size(), nullptr, 10), random));
    } else if (const auto fault = Fault::Parse(what)) {
      static_cast<void>(FailAt(*fault, random));
    }
    return;
  }
  for (const FaultKind kind : kKinds) {
    // Of the log a wrong bit is undecidable, as rot there. A disk that goes on lying is --lying's.
    const bool wrong_bit = kind == FaultKind::kCorruptRead;
    const bool once = wrong_bit || kind == FaultKind::kSyncFailsLater;
    for (const bool lasting : {false, true}) {
      if (lasting && once) continue;
      Fault fault{.kind = kind, .file = wrong_bit ? kDatabase : "", .lasting = lasting};
      while (!campaign_.Stop() && FailAt(fault, random)) ++fault.at;
    }
  }
  for (uint64_t at = 1; !campaign_.Stop() && LackMemoryAt(at, random);) ++at;
  campaign_.LeaveCut();
}

// False: there are fewer such calls.
bool Scenarios::FailAt(const Fault& fault, const Random& random) {
  campaign_.EnterSession(generation_.index, std::string(Name(kind_)) + "#" + fault.ToString(), "");
  Random draws = random.Fork(Digest(fault.ToString()));
  Fault drawn = fault;
  if (fault.kind == FaultKind::kCorruptRead) drawn.parameter = draws.Below(4096 * 8);
  return Counted([&] { return TryFault(drawn, Relief::kNone, draws); });
}

// An allocation whose size comes from data is refused. False: there are fewer.
bool Scenarios::LackMemoryAt(uint64_t at, const Random& random) {
  const std::string what = kNoMemoryAt + std::to_string(at);
  campaign_.EnterSession(generation_.index, std::string(Name(kind_)) + "#" + what, "");
  Random draws = random.Fork(Digest(what));
  return Counted([&] { return RefuseAt({at, 1, false}, draws); });
}

bool Scenarios::Counted(const std::function<bool()>& body) {
  constexpr auto kIndex = static_cast<size_t>(ScenarioKind::kEveryFault);
  Counters& counters = campaign_.counters();
  const uint64_t before = counters.recoveries;
  const bool struck = body();
  counters.scenarios_run[kIndex] += struck ? 1 : 0;
  counters.scenarios_bitten[kIndex] += struck ? 1 : 0;
  counters.scenario_recoveries[kIndex] += counters.recoveries - before;
  return struck;
}

bool Scenarios::TryFault(const Fault& fault, Relief relief, Random& random) {
  const auto disk = generation_.MakeDisk();
  SessionPlan plan = generation_.plan;
  plan.faults_armed = true;
  plan.make_room = relief != Relief::kNone;
  plan.full = relief == Relief::kAtTheEnd;
  if (generation_.base_number > 0) plan.create = false;  // an acknowledged commit is in it
  plan.reads_go_on = fault.kind == FaultKind::kSyncKeepsClean || fault.kind == FaultKind::kSyncReverts;
  plan.extents_revert = fault.kind == FaultKind::kSyncReverts;
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario, fault.ToString());
  if (fault.kind == FaultKind::kCorruptRead && generation_.image) {
    // A crash may have left the newest meta page in one copy only, which nothing tells from a torn one once
    // it reads wrong: what it alone held was never acknowledged. Settled first, so that it is known what is
    // owed.
    campaign_.CountRecovery(Recover(disk, generation_.plan.setup, {}));
  }
  disk->Arm(fault);
  Session session = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  const auto kind = static_cast<size_t>(fault.kind);
  const std::vector<faultfs::FaultRecord> fired = disk->faults_fired();
  campaign_.counters().faults_armed[kind] += 1;
  campaign_.counters().faults_fired[kind] += fired.empty() ? 0 : 1;
  disk->DisarmAll();
  if (fired.empty()) return false;
  JudgeFaulted(disk, session, fired[0].effects, fault.kind == FaultKind::kSyncFailsLater, random);
  if (relief == Relief::kAtTheEnd && !session.open_error) {
    Random more = random.Fork(1);
    const auto killed = KilledWhileFull(session, fired[0].effects, more);
    Reopen(killed, JudgesOf(session), {.full = true}, killed->effects(), more);
  }
  return true;
}

Judges Scenarios::JudgesOf(const Session& session) const {
  Model base = generation_.base;
  BindIds(base, session.opened);
  return Judges(std::move(base), generation_.base_number, session);
}

void Scenarios::JudgeFaulted(const std::shared_ptr<Disk>& disk, const Session& session, uint64_t failed_at,
                             bool sync_lied, Random& random) {
  campaign_.Narrate("with the fault, from commit " + std::to_string(generation_.base_number),
                    Lines(session.history));
  campaign_.NarrateDisk("the disk; the fault struck after effect " + std::to_string(failed_at),
                        *session.trace);
  const Judges judges = JudgesOf(session);
  Violations violations = ViolationsOf(session, judges);
  if (session.open_error && !IsEnvironment(session.open_error->code()) &&
      !ReportsDamage(*session.open_error)) {
    violations.push_back(
        {Promise::kHonestAboutErrors, "an error that names the fault", Describe(*session.open_error)});
  }
  campaign_.Report(violations);
  std::optional<LyingSync> lie;
  if (sync_lied) lie.emplace(*session.trace, failed_at);
  if (random.Chance(50)) disk->EvictClean(random.Next());
  Reopen(disk, judges, {.lie = lie ? &*lie : nullptr}, failed_at, random);
}

// As its process left it at some effect from `full_at` on; the disk stays full.
std::shared_ptr<Disk> Scenarios::KilledWhileFull(const Session& session, uint64_t full_at,
                                                 Random& random) const {
  const uint64_t from = std::max(full_at, session.opened_effect);
  const uint64_t effects = from + random.Below(session.trace->effects.size() - from + 1);
  auto disk = std::make_shared<Disk>(*session.trace, effects, random.Next());
  disk->Arm({.kind = FaultKind::kNoSpace, .counted = Only(faultfs::Operation::kAllocate), .lasting = true});
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         campaign_.Here().fault + "/killed@" + std::to_string(effects));
  return disk;
}

// What a process had room for on this disk, recovery has room for: many programs of its own, each on a disk
// with less room than it takes. What the last one leaves is opened by a process that goes on, and is cut.
bool Scenarios::FillLargeLog(Random& random, std::string&) {
  constexpr uint32_t kSteps = 300;
  constexpr int kPrograms = 10;
  constexpr int kKills = 4;  // of each
  Generation own;
  own.plan.setup = WithLargeLog(generation_.plan.setup);
  Explorer explorer(campaign_, own.plan.setup, {});
  Scenarios scenarios(campaign_, place_, explorer, workload_, own);
  uint64_t growths = 0;  // of the data file, where there is room
  bool filled = false;
  for (int program = 0; program <= kPrograms && !campaign_.Stop(); ++program) {
    own.plan.seed = random.Next();
    own.plan.program = DrawFilling(random, own.plan.setup.limits, kSteps);
    own.plan.faults_armed = own.plan.make_room = own.plan.full = growths > 0;
    const auto disk = own.MakeDisk();
    Fault fault{
        .kind = FaultKind::kNoSpace, .counted = Only(faultfs::Operation::kAllocate), .file = kDatabase};
    fault.lasting = true;
    fault.at = growths - random.Below(growths / 2 + 1);
    campaign_.EnterSession(generation_.index, campaign_.Here().scenario, fault.ToString());
    if (growths > 0) disk->Arm(fault);
    const Session session = RunSession(disk, own.plan, [this] { OnDeadlock(place_); });
    ++campaign_.counters().sessions;
    const Judges judges = scenarios.JudgesOf(session);
    campaign_.Report(ViolationsOf(session, judges));
    const std::vector<faultfs::FaultRecord> fired = disk->faults_fired();
    if (session.open_error)
      campaign_.Report({{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
    if (growths == 0) growths = CountIn(*session.trace, EffectKind::kSize, kDatabase);
    if (fired.empty() || session.open_error) continue;
    filled = true;
    if (program == kPrograms) {
      const auto killed = scenarios.KilledWhileFull(session, fired[0].effects, random);
      scenarios.Reopen(killed, judges, {.full = true}, killed->effects(), random);
      break;
    }
    for (int kill = 0; kill < kKills; ++kill) {
      campaign_.EnterSession(generation_.index, campaign_.Here().scenario, fault.ToString());
      const auto killed = scenarios.KilledWhileFull(session, fired[0].effects, random);
      const PointJudge judge(own.plan.setup, judges.oracle(), judges.second(), killed->effects());
      const Recovered found = Recover(killed, own.plan.setup, {});
      campaign_.CountRecovery(found);
      if (found.error) {
        campaign_.Report(
            {{Promise::kHonestAboutErrors, "the database opens on a full disk", Describe(*found.error)}});
      } else {
        campaign_.Report(judge(found, [&] { return killed; }));
      }
    }
  }
  return filled;
}

// ---- Other interleavings ----------------------------------------------------------------------------------

bool Scenarios::Reschedule(Random& random, std::string&) {
  SessionPlan plan = generation_.plan;
  const bool alone =
      std::ranges::all_of(plan.program.rounds, [](const Round& round) { return round.actors.size() < 2; });
  if (alone) return false;
  plan.seed = random.Next();
  plan.program.background = plan.program.background || random.Chance(50);
  plan.program.switch_percent = static_cast<uint32_t>(20 + random.Below(70));
  plan.program.hold_percent = random.Chance(70) ? static_cast<uint32_t>(5 + random.Below(60)) : 0;
  const Session session = RunSession(generation_.MakeDisk(), plan, [this] { OnDeadlock(place_); });
  Counters& counters = campaign_.counters();
  ++counters.sessions;
  counters.switches += session.switches;
  if (session.open_error) {
    campaign_.Report({{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
    return true;
  }
  campaign_.Narrate("interleaved otherwise, from commit " + std::to_string(generation_.base_number),
                    Lines(session.history));
  campaign_.NarrateDisk("the disk", *session.trace);
  const Judges judges = JudgesOf(session);
  campaign_.Report(ViolationsOf(session, judges));
  const Explorer::Extent extent{.last = session.trace->effects.size(), .light = true};
  explorer_.Points(session.trace, Bench(judges), extent, random.Fork(1));
  return true;
}

// ---- Recovery that is cut again and again ----------------------------------------------------------------

bool Scenarios::LoopCrashes(Random& random, std::string&) {
  const uint64_t effects = random.Below(generation_.effects() + 1);
  const CrashPoint point(generation_.session.trace, effects);
  const Setup& setup = generation_.plan.setup;
  const faultfs::ImageSpec spec = {Policy::kRandom, random.Next() >> 1};
  Image image = point.Draw(spec);
  // In half of the loops no checkpoint ever finishes.
  const bool never = random.Fork(1).Chance(50);
  bool cut_early = false;
  std::optional<Recovered> first;
  uint64_t cut_at = effects;
  for (uint32_t loop = 0; loop <= kLoops; ++loop) {
    const Recovered found = Recover(image, setup, workload_.invariant(), {.keep_trace = true});
    campaign_.CountRecovery(found);
    const std::string where =
        "after " + std::to_string(loop) + " cut recoveries, the last at effect " + std::to_string(cut_at);
    if (!first) {
      campaign_.EnterCut({effects, spec});
      if (!explorer_.Judge(image, found, Bench(*generation_.judges).At(effects))) return true;
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
    if (never) cut_at = std::min(cut_at, BeforeCheckpoint(*found.trace, setup));
    cut_early = cut_early || cut_at < found.effects;
    image = CrashPoint(found.trace, cut_at).Draw({Policy::kRandom, random.Next() >> 1});
  }
  return cut_early;
}

}  // namespace manifolddb::crashsim
