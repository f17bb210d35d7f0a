// Openings that end early, several in a row: by a kill, a failed sync, a failed write, a power cut.
// (1) One that something ended says so; one that nothing did shows what is owed, and what the one before it
//     showed and committed.
#include "crashsim/scenarios.h"

#include <algorithm>
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

// Faults that end an opening amid step 1; and none, for one that lives on.
std::vector<std::optional<Fault>> EarlyEndings(Random& random) {
  std::vector<std::optional<Fault>> endings(1);
  for (uint64_t at = 1; at <= 3; ++at) {
    const FaultKind kind = random.Chance(70) ? FaultKind::kSyncKeepsClean : FaultKind::kSyncReverts;
    endings.push_back(Fault{.kind = kind, .counted = Only(faultfs::Operation::kSync), .at = at});
  }
  for (uint64_t at = 1; at <= 5; ++at) {
    const uint64_t bytes = 1 + random.Below(1 << 20);
    endings.push_back(Fault{.kind = FaultKind::kShortWrite,
                            .counted = Only(faultfs::Operation::kWrite),
                            .at = at,
                            .parameter = SometimesFewBytes(bytes, random)});
  }
  return endings;
}

}  // namespace

// After some write of a meta page, and perhaps its sync. Most often one of a commit through a checkpoint: the
// log does not have it, so whoever loses that page loses the commit.
uint64_t Scenarios::NearMeta(bool lone, Random& random) const {
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
    const bool meta = IsMetaWrite(effects[i], generation_.plan.setup);
    // Of a checkpoint's two copies the first is followed by a sync before there is another.
    const bool first = i + 1 < effects.size() && effects[i + 1].kind == EffectKind::kSync;
    const bool second = !writes.empty() && writes.back() + 2 == i;
    if (!meta || (lone && (!first || second))) continue;
    writes.push_back(i);
    if (through(i)) writes_through.push_back(i);
  }
  if (writes.empty()) return random.Below(effects.size() + 1);
  // Or of the close: the next life's log is found by its page alone.
  const bool close = lone && session.closed && random.Chance(writes_through.empty() ? 90 : 20);
  if (close) writes = {writes.back()};
  const bool through_one = !close && !writes_through.empty() && random.Chance(lone ? 90 : 75);
  const auto& from = through_one ? writes_through : writes;
  const uint64_t behind = 1 + random.Below(lone ? 2 : 3);
  return std::min<uint64_t>(from[random.Below(from.size())] + behind, effects.size());
}

void Scenarios::EndEarly(Disk& disk, bool at_once, Random& random) {
  constexpr uint64_t kFirstWrites = 4;
  const uint64_t soon = at_once             ? kStepOneEffects / 2
                        : random.Chance(75) ? kStepOneEffects
                                            : 4 * kStepOneEffects;
  const auto ending = static_cast<Ending>(at_once ? 1 + random.Below(2) : random.Below(3));
  if (ending == Ending::kKilled) {
    disk.KillAt(disk.effects() + 1 + random.Below(random.Chance(40) ? kFirstWrites : soon));
    return;
  }
  Fault fault{.kind = random.Chance(50) ? FaultKind::kSyncKeepsClean : FaultKind::kSyncReverts,
              .counted = Only(faultfs::Operation::kSync)};
  fault.at = 1 + random.Below(soon / 3);  // step 1 has two syncs or three
  if (ending == Ending::kWriteFails) {
    const bool tears = at_once || random.Chance(70);
    fault = {.kind = tears ? FaultKind::kShortWrite : FaultKind::kIoError,
             .counted = Only(faultfs::Operation::kWrite)};
    fault.at = at_once && random.Chance(60) ? 1 : 1 + random.Below(soon / 2);
    if (tears && random.Chance(80)) fault.parameter = SometimesFewBytes(1 + random.Below(1 << 20), random);
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
    violations = generation_.oracle().Judge(found.seen, generation_.oracle().At(owed.effects),
                                            [] { return Observation(); });
  } else if (found.seen.sum != owed.shown->seen.sum || found.seen.number != owed.shown->seen.number) {
    violations.push_back({Promise::kRestartable, "commit " + std::to_string(owed.shown->seen.number),
                          where + ": commit " + std::to_string(found.seen.number)});
  }
  if (!found.error && violations.empty() && !found.sound()) {
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
  // Some begin beside a meta page, and each opening fails within a few calls: what it takes to tear several
  // copies of the meta page one after the other.
  const bool at_once = random.Chance(50);
  const bool near = at_once || random.Chance(75);
  owed.effects = near ? NearMeta(at_once, random) : random.Below(generation_.effects() + 1);
  std::shared_ptr<Disk> disk;
  if (random.Chance(at_once ? 20 : 50)) {
    disk = std::make_shared<Disk>(*trace, owed.effects, random.Next());
  } else {
    const Image image = DrawTorn(CrashPoint(trace, owed.effects), random);
    campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                           "torn@" + std::to_string(owed.effects));
    if (!JudgeStart(image, owed)) return true;
    disk = std::make_shared<Disk>(image, setup.traits, random.Next());
  }
  bool ended = false;
  const uint32_t openings = 2 + static_cast<uint32_t>(random.Below(5));
  while (owed.openings < openings) {
    const bool lives = random.Chance(25);
    if (!lives) EndEarly(*disk, at_once, random);
    const Judged judged = OpenNext(disk, lives, owed);
    ended = ended || judged.hindered;
    if (!judged.holds) return true;
    GoOnWith(disk, at_once ? 20 : 45, random);
  }
  if (random.Chance(70)) Cut(disk, random);
  const Recovered last = Recover(disk, setup, workload_.invariant());
  campaign_.CountRecovery(last);
  JudgeOpening(last, false, owed);
  return ended;
}

// The image from which openings begin: drawn for them alone, so it is judged here, and owed is what the
// oracle says. What it shows is what the openings owe in turn.
bool Scenarios::JudgeStart(const Image& image, Owed& owed) {
  Recovered found = Recover(image, generation_.plan.setup, workload_.invariant());
  campaign_.CountRecovery(found);
  if (!explorer_.Judge(image, found, Bench(*generation_.judges).At(owed.effects))) return false;
  owed.shown = std::move(found);
  return true;
}

bool Scenarios::HasThrough() const {
  return std::ranges::any_of(generation_.session.history.transactions, [](const Transaction& one) {
    return one.through_checkpoint && one.end == End::kAcked;
  });
}

// Every pair of early endings, one behind the other, from where one copy of a meta page may stand alone: what
// it takes to tear the two copies that matter. Behind them, several states that the disk may then be in.
bool Scenarios::PairEndings(Random& random, std::string&) {
  // Where every commit is in the log little hangs on the page.
  if (!HasThrough() && random.Chance(generation_.session.closed ? 60 : 80)) return false;
  Owed owed;
  owed.effects = NearMeta(true, random);
  const CrashPoint point(generation_.session.trace, owed.effects);
  const bool all = random.Chance(70);
  const faultfs::ImageSpec spec = {all ? Policy::kAll : Policy::kRandom, random.Next() >> 1};
  const Image image = point.Draw(spec);
  campaign_.EnterCut({owed.effects, spec});
  if (!JudgeStart(image, owed)) return true;
  const auto endings = EarlyEndings(random);
  bool ended = false;
  for (const auto& first : endings) {
    for (const auto& second : endings) {
      const Judged judged = EndTwice(image, owed, first, second, random);
      ended = ended || judged.hindered;
      if (!judged.holds) return true;
      if (campaign_.Stop()) return ended;
    }
  }
  // Once more those that matter most: a sync of step 1 fails, so that what it wrote is in the cache only, and
  // a write tears the other copy.
  Random more = random.Fork(1);
  const auto pays = [](const std::optional<Fault>& a, const std::optional<Fault>& b) {
    return a && b && a->kind != FaultKind::kShortWrite && b->kind == FaultKind::kShortWrite &&
           std::max(a->at, b->at) <= 2;
  };
  for (int times = 0; times < 4; ++times) {
    for (const auto& first : endings) {
      for (const auto& second : endings) {
        if (!pays(first, second) && !pays(second, first)) continue;
        if (!EndTwice(image, owed, first, second, more).holds || campaign_.Stop()) return true;
      }
    }
  }
  return ended;
}

// `hindered`: the first was. `holds`: all did, in several states that the disk may then be in.
Scenarios::Judged Scenarios::EndTwice(const Image& image, Owed owed, const std::optional<Fault>& first,
                                      const std::optional<Fault>& second, Random& random) {
  const Setup& setup = generation_.plan.setup;
  auto disk = std::make_shared<Disk>(image, setup.traits, random.Next());
  if (first) disk->Arm(*first);
  Judged judged = OpenNext(disk, !first, owed);
  if (!judged.holds) return judged;
  // One that lived and committed most often meets a cut: it has synced all that it needs.
  if (first ? random.Chance(40) : random.Chance(80)) GoOnWith(disk, first ? 40 : 90, random);
  if (second) disk->Arm(*second);
  judged.holds = OpenNext(disk, !second, owed).holds;
  for (int i = 0; i < 5 && judged.holds; ++i) {
    auto next = std::make_shared<Disk>(*disk->trace(), disk->effects(), random.Next());
    GoOnWith(next, 40, random);
    Owed last = owed;
    judged.holds = OpenNext(next, true, last).holds;
  }
  return judged;
}

// A process that creates the database is killed, the next one of the same boot finds what it left in the
// cache and creates it again, or goes on; then the power is cut. Most often beside what changes a name.
// Nothing was handed out by the first: whatever is left opens, and is empty.
bool Scenarios::CutCreation(Random& random, std::string&) {
  constexpr int kCuts = 12;
  const auto draw = [&](const faultfs::Trace& trace, uint64_t first, uint64_t last) {
    std::vector<uint64_t> behind_names;
    for (uint64_t i = first; i < last; ++i) {
      const EffectKind kind = trace.effects[i].kind;
      const bool names =
          kind == EffectKind::kCreate || kind == EffectKind::kRename || kind == EffectKind::kRemove;
      if (names) behind_names.push_back(i + 1);
    }
    if (behind_names.empty() || random.Chance(20)) return random.Between(first, last);
    return behind_names[random.Below(behind_names.size())];
  };
  const Setup& setup = generation_.plan.setup;
  Owed owed;
  owed.effects = draw(*generation_.session.trace, 0, generation_.session.opened_effect);
  const std::string killed = "killed@" + std::to_string(owed.effects);
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario, killed);
  auto disk = std::make_shared<Disk>(*generation_.session.trace, owed.effects, random.Next());
  const uint64_t first = disk->effects();
  if (!OpenNext(disk, false, owed).holds) return true;
  const auto trace = disk->trace();
  bool unsynced = false;
  for (int i = 0; i < kCuts && !campaign_.Stop(); ++i) {
    const uint64_t cut = draw(*trace, first, trace->effects.size());
    campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                           killed + "/cut@" + std::to_string(cut));
    const CrashPoint point(trace, cut);
    unsynced = unsynced || point.has_unsynced();
    const auto next = std::make_shared<Disk>(DrawTorn(point, random), setup.traits, random.Next());
    if (Owed now = owed; !OpenNext(next, false, now).holds) return true;
  }
  return unsynced;
}

// Opens, with what the disk has been armed with, and judges. One that is to live commits as well: the next
// owes that too.
Scenarios::Judged Scenarios::OpenNext(const std::shared_ptr<Disk>& disk, bool lives, Owed& owed) {
  ++owed.openings;
  const size_t fired = disk->faults_fired().size();
  const RecoveryWish wish{.verify = false, .write = lives ? owed.openings : 0};
  const Recovered found = Recover(disk, generation_.plan.setup, {}, wish);
  campaign_.CountRecovery(found);
  Judged judged{.hindered = disk->kill_struck() || disk->faults_fired().size() > fired};
  judged.holds = JudgeOpening(found, judged.hindered, owed);
  if (found.written) owed.shown->seen = *found.written;
  disk->DisarmAll();
  disk->KillAt(kNever);
  return judged;
}

// The same boot, with or without the cache's clean sectors, or the next one.
void Scenarios::GoOnWith(std::shared_ptr<Disk>& disk, uint64_t cut_percent, Random& random) const {
  if (random.Chance(cut_percent)) return Cut(disk, random);
  if (random.Chance(60)) disk->EvictClean(random.Next());
}

void Scenarios::Cut(std::shared_ptr<Disk>& disk, Random& random) const {
  const CrashPoint point(disk->trace(), disk->effects());
  const Image image = random.Chance(30) ? point.Draw({Policy::kNone, 0}) : DrawTorn(point, random);
  disk = std::make_shared<Disk>(image, generation_.plan.setup.traits, random.Next());
}

}  // namespace manifolddb::crashsim
