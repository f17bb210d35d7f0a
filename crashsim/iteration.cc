// (1) Everything follows from the iteration's seed: what one part draws never shifts another's draws.
// (2) A generation's base is the state that the oracle of the generation before says the image holds.
#include "crashsim/iteration.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/scenarios.h"
#include "crashsim/unicode.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kTracesWritten = 6;  // iterations whose traces the report can draw

class MixedWorkload final : public Workload {
 public:
  MixedWorkload(const Setup& setup, uint32_t steps, bool savepoints, Random& random)
      : limits_(setup.limits), steps_(steps), savepoints_(savepoints), swarm_(DrawSwarm(random)) {
    Press(swarm_, limits_, random.Fork(1));
  }

  Program Draw(Random& random, uint32_t, Serial last_serial) override {
    Program program = DrawProgram(random, swarm_, limits_, steps_, last_serial);
    if (savepoints_) AddSavepoints(program, random.Fork(2));
    return program;
  }
  std::string Describe() const override {
    return crashsim::Describe(swarm_) + (savepoints_ ? " savepoints" : "");
  }

 private:
  const WorkloadLimits limits_;
  const uint32_t steps_;
  const bool savepoints_;
  Swarm swarm_;
};

}  // namespace

std::unique_ptr<Workload> MakeWorkload(const std::string& name, const Setup& setup, uint32_t steps,
                                       Random& random, std::string& why) {
  const bool savepoints = name == "savepoints";
  if (savepoints || name == "mixed") return std::make_unique<MixedWorkload>(setup, steps, savepoints, random);
  if (name == "unicode") return MakeUnicodeWorkload(setup, steps, random, why);
  why = "there is no workload '" + name + "': mixed, savepoints or unicode";
  return nullptr;
}

std::shared_ptr<faultfs::Disk> Generation::MakeDisk() const {
  if (!image) return std::make_shared<faultfs::Disk>(plan.setup.traits, index + 1);
  return std::make_shared<faultfs::Disk>(*image, plan.setup.traits, index + 1);
}

void BindIds(Model& base, const Observation& opened) {
  for (const ObservedFamily& family : opened.families) base.Rebind(family.name, family.uid);
}

void OnDeadlock(Place& place) {
  ++place.deadlocks;
  ++place.beat;
  ::_exit(static_cast<int>(Outcomes::kViolation));
}

Iteration::Iteration(Campaign& campaign, Place& place, uint64_t index, uint64_t seed)
    : campaign_(campaign), place_(place), random_(seed) {
  campaign_.BeginIteration(index, seed);
  campaign_.EnterSession(0, "run", "");
  Random draws = random_.Fork(1);
  if (auto setup = DrawSetup(campaign_.options().setup, draws)) setup_ = std::move(*setup);
  campaign_.SetTraits(setup_.traits);
  if (!campaign_.Supports(setup_)) return;
  std::string why;
  workload_ = MakeWorkload(campaign_.options().workload, setup_, campaign_.options().ops, draws, why);
  if (!workload_) campaign_.HarnessError(why);
}

void Iteration::Run() {
  if (!workload_) return;
  Generation generation;
  for (;;) {
    if (!RunGeneration(generation)) return;
    const uint32_t next = generation.index + 1;
    if (next >= campaign_.options().generations || campaign_.Stop()) return;
    // What a lying disk has lost of an opening, its life above all, the next one gives again: nothing tells
    // their
    // pages apart.
    if (setup_.traits.lying_flush) return;
    if (campaign_.replaying() && campaign_.options().only->generation < next) return;
    auto following = NextGeneration(generation);
    if (!following) return;
    generation = std::move(*following);
  }
}

bool Iteration::RunGeneration(Generation& generation) {
  Random draws = random_.Fork(100 + generation.index);
  generation.plan.setup = setup_;
  generation.plan.seed = draws.Next();
  generation.plan.program = workload_->Draw(draws, generation.index, generation.last_serial);
  campaign_.EnterSession(generation.index, "run", "");
  MemoryGate gate(MemoryGate::kNever, 0);
  generation.plan.memory = &gate;
  generation.session = RunSession(generation.MakeDisk(), generation.plan, [this] { OnDeadlock(place_); });
  generation.plan.memory = nullptr;
  generation.allocations = gate.counted();
  generation.allocations_in_commit = gate.counted_in_commit();
  Session& session = generation.session;
  Counters& counters = campaign_.counters();
  ++counters.sessions;
  counters.effects += session.trace->effects.size();
  counters.commits += session.history.transactions.size();
  counters.switches += session.switches;
  if (session.open_error) {
    campaign_.Report({{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
    return false;
  }
  if (generation.index == 0) generation.base_number = session.opened.number;
  campaign_.Narrate("the run, from commit " + std::to_string(generation.base_number), Lines(session.history));
  campaign_.NarrateDisk("the disk", *session.trace);
  BindIds(generation.base, session.opened);
  Violations violations = session.violations;
  if (session.opened.Sum() != generation.base.Sum()) {
    violations.push_back(
        {Promise::kRestartable, "two recoveries of one image show the same", "other contents"});
  }
  generation.judges = std::make_unique<Judges>(generation.base, generation.base_number, session);
  std::ranges::move(generation.judges->RunViolations(), std::back_inserter(violations));
  campaign_.Report(violations);
  WriteTrace(generation);

  const std::string name = Name(ScenarioKind::kPoints);
  Explorer explorer(campaign_, setup_, workload_->invariant());
  // First: they are short, and a short run is to have tried them all.
  Scenarios scenarios(campaign_, place_, explorer, *workload_, generation);
  scenarios.Run(draws.Fork(2));
  if (!campaign_.Stop()) ++counters.generations_tried;
  if (campaign_.WantsScenario(generation.index, name)) {
    campaign_.BeginScenario();
    campaign_.EnterSession(generation.index, name, "");
    ++counters.scenarios_run[static_cast<size_t>(ScenarioKind::kPoints)];
    const uint64_t before = counters.recoveries;
    const uint64_t unsynced = counters.points_unsynced;
    explorer.Points(session.trace, Bench(*generation.judges), {.last = generation.effects()}, draws.Fork(1));
    if (!campaign_.Stop() && !campaign_.options().sample) ++counters.traces_tried;
    counters.scenario_recoveries[static_cast<size_t>(ScenarioKind::kPoints)] += counters.recoveries - before;
    const bool bitten = counters.points_unsynced > unsynced;
    counters.scenarios_bitten[static_cast<size_t>(ScenarioKind::kPoints)] += bitten ? 1 : 0;
  }
  return true;
}

// Cuts somewhere and goes on with what is left. That image is drawn for this alone, so it is judged here.
std::optional<Generation> Iteration::NextGeneration(const Generation& last) {
  Random draws = random_.Fork(200 + last.index);
  const uint64_t effects = draws.Between(last.session.opened_effect, last.effects());
  const faultfs::CrashPoint point(last.session.trace, effects);
  const faultfs::ImageSpec spec = {faultfs::Policy::kRandom, draws.Next() >> 1};
  Generation next;
  next.index = last.index + 1;
  next.image = point.Draw(spec);
  next.last_serial = LastSerial(last.plan.program, last.last_serial);
  campaign_.EnterSession(next.index, "start", "");
  campaign_.EnterCut({effects, spec});
  const Recovered found = Recover(*next.image, setup_, workload_->invariant());
  campaign_.CountRecovery(found);
  Explorer explorer(campaign_, setup_, workload_->invariant());
  const auto position = explorer.Judge(*next.image, found, Bench(*last.judges).At(effects));
  campaign_.LeaveCut();
  if (!position || !found.sound()) return std::nullopt;
  next.base = last.oracle().StateAt(*position);
  next.base_number = last.oracle().positions()[*position].number;
  return next;
}

// What the report draws: effects on lanes, transactions with their marks.
void Iteration::WriteTrace(const Generation& generation) {
  if (!campaign_.out().on() ||
      (campaign_.iteration() >= kTracesWritten && campaign_.counters().violations == 0)) {
    return;
  }
  const Session& session = generation.session;
  Json effects = Json::array();
  for (size_t i = 0; i < session.trace->effects.size(); ++i) {
    const faultfs::Effect& effect = session.trace->effects[i];
    Json one = {static_cast<int>(effect.kind), effect.name, effect.offset, effect.size};
    if (!effect.name2.empty()) one.push_back(effect.name2);
    effects.push_back(std::move(one));
  }
  Json transactions = Json::array();
  for (const Transaction& one : session.history.transactions) {
    transactions.push_back({{"serial", one.serial},
                            {"number", one.number},
                            {"kind", static_cast<int>(one.kind)},
                            {"families", one.families.size()},
                            {"operations", one.operations.size()},
                            {"durable", one.durable()},
                            {"through", one.through_checkpoint},
                            {"end", static_cast<int>(one.end)},
                            {"began", one.began.effects},
                            {"called", one.called.effects},
                            {"ended", one.ended.effects}});
  }
  Json settled = Json::array();
  for (const Settled& one : session.history.settled) {
    settled.push_back({{"what", one.what}, {"called", one.called.effects}, {"ended", one.ended.effects}});
  }
  campaign_.out().Write({{"type", "trace"},
                         {"iteration", campaign_.iteration()},
                         {"gen", generation.index},
                         {"workload", workload_->Describe()},
                         {"traits", setup_.traits.ToString()},
                         {"page_size", setup_.options.page_size},
                         {"write_unit", setup_.options.write_unit},
                         {"log_bytes_max", setup_.options.log_bytes_max},
                         {"opened", session.opened_effect},
                         {"closed", session.closed},
                         {"effects", effects},
                         {"transactions", transactions},
                         {"settled", settled}});
}

}  // namespace manifolddb::crashsim
