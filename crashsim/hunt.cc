// (1) A case is drawn from its number; the engine, which may end the process, is met behind that. Who goes on
//     behind a death begins with the next number.
// (2) A life is played once, and ended in several ways.
#include "crashsim/hunt.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "crashsim/apart.h"
#include "crashsim/case_ends.h"
#include "crashsim/harms.h"
#include "crashsim/json.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::Arrivals;
using faultfs::CrashPoint;
using faultfs::EffectKind;
using faultfs::Fault;
using faultfs::FaultKind;
using faultfs::Operation;
using faultfs::Policy;

constexpr unsigned kSecondsOfHunt = 600;
constexpr uint64_t kAccusedMax =
    3'000;  // cases that the sound engine fails as well: nothing tells all damage

// How often, in percent, a case has what.
struct Habits {
  uint64_t faults = 10;    // a call fails in the first life
  uint64_t of_sync = 40;   // of these: a sync
  uint64_t no_space = 10;  // of these: the disk is full from there on
  uint64_t of_names = 10;  // of these: a call to the directory
  uint64_t no_memory = 0;
  uint64_t harms = 0;   // the last end
  uint64_t early = 20;  // openings behind the first one are hindered
  uint64_t lives_max = 3;
  uint64_t bare = 30;       // of these: nothing is asked of them
  uint64_t near_meta = 30;  // ends beside a meta page
  uint64_t filling = 0;     // a large log, and far more in it than the data file has to spare
  uint64_t creating = 5;    // ends amid the creation
  uint64_t cut_off = 0;     // wide: the first life ends in commits behind a checkpoint that need not be there
};

Habits HabitsOf(std::string_view scenario) {
  const std::string_view kind = scenario.substr(0, scenario.find('#'));
  if (kind == "failed_sync") return {.faults = 95, .of_sync = 95, .no_space = 0};
  if (kind == "io_fault") return {.faults = 90, .of_sync = 30, .of_names = 30};
  if (kind == "no_room") return {.faults = 95, .of_sync = 0, .no_space = 90};
  if (kind == "full_log")
    return {.faults = 100, .of_sync = 0, .no_space = 100, .lives_max = 1, .filling = 100};
  if (kind == "no_memory") return {.no_memory = 90};
  if (kind == "openings" || kind == "endings" || kind == "crash_loop")
    return {.early = 90, .lives_max = 4, .bare = 85, .near_meta = 75};
  if (kind == "kill") return {.cut_off = 50};
  if (kind == "creation") return {.lives_max = 3, .creating = 80};
  constexpr std::array kHarms = {"rot",          "meta_rot",   "lost_write", "foreign",
                                 "missing_file", "older_file", "neighbour"};
  if (std::ranges::find(kHarms, kind) != kHarms.end()) return {.faults = 0, .harms = 90, .lives_max = 2};
  return {};
}

// As certificates can tell them.
std::optional<Step> AsTold(Step step) {
  if (step.kind == StepKind::kRenameFamily) return std::nullopt;
  std::erase_if(step.ops, [](const Op& op) {
    constexpr std::array kKinds = {OpKind::kPut, OpKind::kDelete, OpKind::kDeleteRange, OpKind::kGet,
                                   OpKind::kScan};
    return std::ranges::find(kKinds, op.kind) == kKinds.end();
  });
  for (Op& op : step.ops) op.turn_after = 0;
  step.add_later = false;
  step.all_families = false;
  if (step.through_checkpoint) step.durability = Durability::kImmediate;
  return step;
}

std::vector<Step> StepsOf(const Program& program) {
  std::vector<Step> all;
  for (const Round& round : program.rounds) {
    size_t longest = 0;
    for (const auto& steps : round.actors) longest = std::max(longest, steps.size());
    for (size_t i = 0; i < longest; ++i) {
      for (const auto& steps : round.actors) {
        if (i >= steps.size()) continue;
        if (auto step = AsTold(steps[i])) all.push_back(std::move(*step));
      }
    }
  }
  return all;
}

class Hunter {
 public:
  Hunter(const HuntWish& wish, const Tell& tell) : wish_(wish), tell_(tell) {}

  // Of the case with this number: its lives, all of them to their ends.
  static Case Draw(const HuntWish& wish, uint64_t number, Habits& habits) {
    Random random = Random(wish.seed).Fork(number);
    habits = HabitsOf(random.Chance(85) ? std::string_view(wish.scenario) : "");
    Case what{.setup = wish.setup, .lives = {}};
    if (random.Chance(60)) {
      if (auto drawn = DrawSetup({}, random)) what.setup = std::move(*drawn);
    }
    const bool filling = random.Chance(habits.filling);
    if (filling) what.setup = WithLargeLog(what.setup);
    what.setup.limits.resting = false;
    what.setup.traits.garbage_in_torn_units = true;
    what.setup.traits.outside_bytes_safe = true;
    what.setup.traits.preset = faultfs::Preset::kStrict;
    what.setup.traits.lying_flush = false;
    const uint64_t lives = random.Between(1, habits.lives_max);
    WorkloadLimits limits = what.setup.limits;
    limits.resting = random.Chance(60);  // cursors with bounds
    Serial serial = 0;
    for (uint64_t i = 0; i < lives; ++i) {
      Swarm swarm = DrawSwarm(random);
      swarm.actors = 1;
      swarm.ledger = swarm.background = false;
      Press(swarm, limits, random.Fork(1));
      const auto count =
          static_cast<uint32_t>(i == 0 ? random.Between(3, wish.steps_max) : random.Between(1, 4));
      const Program program = filling ? DrawFilling(random, limits, kFillingSteps)
                                      : DrawProgram(random, swarm, limits, count, serial);
      serial = LastSerial(program, serial);
      Life& life = what.lives.emplace_back(Life{.steps = StepsOf(program)});
      if (i > 0)
        life.steps.resize(random.Chance(habits.bare) ? 0
                                                     : std::min<size_t>(life.steps.size(), random.Below(5)));
      life.closes = i == 0 ? random.Chance(50) : random.Chance(20);
    }
    if (wish.wide && random.Chance(habits.cut_off)) CutOff(random, serial, what.lives);
    return what;
  }

  // Commits whose groups may arrive without those before them, and whoever comes next writes in front of
  // them what is as long: where recovery has nothing to replay, the log goes on where the checkpoint ends.
  static void CutOff(Random& random, Serial serial, std::vector<Life>& lives) {
    Life& first = lives[0];
    const auto puts = [](const Step& step) {
      const bool of_one = step.kind == StepKind::kTransaction && step.families.size() == 1;
      return of_one && !step.ops.empty() && step.ops[0].kind == OpKind::kPut;
    };
    const auto like = std::ranges::find_if(first.steps, puts);
    if (like == first.steps.end()) return;
    Step put{.families = like->families, .ops = {like->ops[0]}};
    const auto next = [&](Durability durability) {
      put.serial = ++serial;
      put.ops[0].value = MakeValue(serial, 0, 1 + random.Below(20));
      put.durability = durability;
      return put;
    };
    first.closes = false;
    first.steps.push_back({.kind = StepKind::kCheckpoint});
    for (uint64_t more = random.Between(2, 3); more > 0; --more) {
      first.steps.push_back(next(Durability::kNone));
    }
    for (size_t i = 1; i < lives.size(); ++i) lives[i].steps = {next(Durability::kImmediate)};
  }

  // False: it is over.
  bool Try(uint64_t number) {
    random_ = Random(wish_.seed).Fork(number).Fork(7);
    case_ = Draw(wish_, number, habits_);
    lives_.clear();
    const Start start = EmptyDisk(case_.setup);
    const Life& first = case_.lives[0];
    const Played plain = PlayHere(start, first);
    if (plain.finding) return Offer(first, *plain.finding);
    constexpr int kVariants = 10;
    for (int i = 0; i < kVariants && !Over(); ++i) {
      Life life = first;
      if (!DrawFault(plain, life)) {
        if (!EndHere(start, plain, life, 0)) return false;
        continue;
      }
      const Played played = PlayHere(start, life);
      const bool goes_on = played.finding ? Offer(life, *played.finding) : EndHere(start, played, life, 0);
      if (!goes_on) return false;
    }
    return !Over();
  }

  uint64_t plays() const { return plays_; }

 private:
  static constexpr uint32_t kFillingSteps = 80;
  static constexpr uint64_t kFillingCost = 10;  // of one play of them, in plays of others

  bool Over() const { return plays_ >= wish_.plays_max || found_; }

  Played PlayHere(const Start& start, const Life& life) {
    plays_ += case_.lives[0].steps.size() > kFillingSteps / 2 ? kFillingCost : 1;
    return Play(case_.setup, start, life);
  }

  static uint64_t CountOf(const Played& played, EffectKind kind) {
    uint64_t count = 0;
    const auto& effects = played.session.trace->effects;
    for (uint64_t i = played.session.first_effect; i < effects.size(); ++i) count += effects[i].kind == kind;
    return count;
  }

  // False: none.
  bool DrawFault(const Played& plain, Life& life) {
    if (random_.Chance(habits_.no_memory)) {
      life.no_memory = 1 + random_.Below(random_.Chance(50) ? 60 : 500);
      return true;
    }
    if (!random_.Chance(habits_.faults)) return false;
    const auto among = [&](uint64_t count) { return 1 + random_.Below(std::max<uint64_t>(1, count)); };
    const uint64_t writes = CountOf(plain, EffectKind::kWrite);
    const uint64_t syncs = CountOf(plain, EffectKind::kSync) + CountOf(plain, EffectKind::kSyncRange);
    Fault fault;
    if (random_.Chance(habits_.of_sync)) {
      fault = {.kind = random_.Chance(50) ? FaultKind::kSyncReverts : FaultKind::kSyncKeepsClean,
               .counted = Only(Operation::kSync)};
      fault.at = among(syncs);
      if (random_.Chance(60)) {
        fault.file = random_.Chance(70) ? kDatabase : kLogFile;
        fault.at = among((syncs + 1) / 2);
      }
    } else if (random_.Chance(habits_.no_space)) {
      fault = {.kind = FaultKind::kNoSpace, .counted = Only(Operation::kAllocate), .lasting = true};
      fault.file = kDatabase;
      const uint64_t growths = CountOf(plain, EffectKind::kSize);
      fault.at = growths - std::min(growths, random_.Below(growths / 2 + 1));
      fault.at = std::max<uint64_t>(1, fault.at);
    } else if (random_.Chance(habits_.of_names)) {
      fault = {.kind = FaultKind::kIoError, .counted = Only(Operation::kDirectory)};
      fault.at = among(14);
    } else {
      fault = {.kind = random_.Chance(50) ? FaultKind::kIoError : FaultKind::kShortWrite,
               .counted = Only(Operation::kWrite)};
      fault.at = among(writes);
      if (fault.kind == FaultKind::kShortWrite && random_.Chance(70))
        fault.parameter = random_.Chance(40) ? 1 + random_.Below(10) : 1 + random_.Below(1 << 20);
      fault.lasting = random_.Chance(15);
    }
    life.faults = {fault};
    return true;
  }

  // Step 1 of an opening and the beginning of its checkpoint.
  void DrawEarlyFault(Life& life) {
    life.faults.clear();
    if (!random_.Chance(habits_.early) || random_.Chance(30)) return;
    Fault fault{.kind = random_.Chance(60) ? FaultKind::kSyncKeepsClean : FaultKind::kSyncReverts,
                .counted = Only(Operation::kSync),
                .at = 1 + random_.Below(3)};
    if (random_.Chance(50)) {
      fault = {
          .kind = FaultKind::kShortWrite, .counted = Only(Operation::kWrite), .at = 1 + random_.Below(5)};
      fault.parameter = random_.Chance(40) ? 1 + random_.Below(10) : 1 + random_.Below(1 << 20);
    }
    life.faults = {fault};
  }

  uint64_t DrawEnd(const Played& played, size_t depth) {
    constexpr uint64_t kStepOneEffects = 12;
    const uint64_t first = played.session.first_effect;
    const uint64_t last = played.effects();
    const auto within = [&](uint64_t end) {
      while (end < last && played.session.trace->effects[end].by_write) ++end;
      return std::min(end, last);
    };
    if (depth == 0 && random_.Chance(habits_.creating))
      return within(random_.Between(first, played.session.opened_effect));
    if (depth > 0 && played.struck && random_.Chance(80)) return last;
    if (depth > 0 && random_.Chance(habits_.early)) return within(first + random_.Below(kStepOneEffects));
    if (random_.Chance(25)) return last;
    if (!random_.Chance(habits_.near_meta)) return within(random_.Between(first, last));
    std::vector<uint64_t> metas;
    for (uint64_t i = first; i < last; ++i) {
      if (IsMetaWrite(played.session.trace->effects[i], case_.setup)) metas.push_back(i);
    }
    if (metas.empty()) return last;
    return within(metas[random_.Below(metas.size())] + 1 + random_.Below(3));
  }

  Arrivals DrawArrivals(const CrashPoint& point) {
    switch (random_.Below(8)) {
      case 0: return point.Resolve({Policy::kNone, 0});
      case 1:
      case 2: return point.Resolve({Policy::kAll, 0});
      case 3:
      case 4: {
        Arrivals torn(point.atoms().size());
        for (uint64_t& arrival : torn) arrival = random_.Below(3);
        return torn;
      }
      case 5: {
        const Policy policy = random_.Chance(50) ? Policy::kAllButOne : Policy::kOne;
        const uint64_t count = point.ParameterCount(policy);
        if (count > 0) return point.Resolve({policy, random_.Below(count)});
        [[fallthrough]];
      }
      default: return point.Resolve({Policy::kRandom, random_.Next() >> 1});
    }
  }

  // With so many `more` steps than were begun.
  static Life Until(const Played& played, Life life, uint64_t end, size_t more = 0) {
    size_t begun = more;
    while (begun - more < played.begun.size() && played.begun[begun - more] < end) ++begun;
    if (end >= played.effects()) return life;
    life.steps.resize(std::min(life.steps.size(), begun));
    const auto& settled = played.session.history.settled;
    life.closes = life.closes && played.session.closed && settled.back().called.effects < end;
    life.effects = end;
    return life;
  }

  // False: it is over.
  bool EndHere(const Start& start, const Played& played, const Life& whole, size_t depth) {
    const int ends = depth == 0 ? 8 : whole.steps.empty() ? 5 : 2;
    const bool last = depth + 1 == case_.lives.size();
    for (int i = 0; i < ends && !Over(); ++i) {
      const uint64_t end = DrawEnd(played, depth);
      Life life = Until(played, whole, end);
      if (last && random_.Chance(habits_.harms)) {
        if (!HarmHere(start, played, Until(played, whole, end, 1 + random_.Below(3)), end)) return false;
        continue;
      }
      Start next;
      if (random_.Chance(played.full ? 90 : 40)) {
        next = AfterKill(start, played, end);
      } else {
        const CrashPoint point(played.session.trace, end);
        const Arrivals arrivals = DrawArrivals(point);
        life.power = true;
        life.lost = LossesOf(point, arrivals);
        next = AfterPower(start, played, point, arrivals);
        life.restarts = wish_.wide && !last;
        plays_ += life.restarts ? 1 : 0;
        if (life.restarts) next = WithShown(case_.setup, std::move(next));
      }
      lives_.push_back(std::move(life));
      const bool goes_on = GoOn(next, depth + 1, played.full);
      lives_.pop_back();
      if (!goes_on) return false;
    }
    return true;
  }

  bool GoOn(const Start& start, size_t depth, bool full) {
    if (depth < case_.lives.size()) {
      Life life = case_.lives[depth];
      DrawEarlyFault(life);
      if (full) life.faults = {StaysFull()};
      const Played played = PlayHere(start, life);
      if (played.finding) return Offer(life, *played.finding);
      return EndHere(start, played, life, depth);
    }
    if (full) {  // whoever looks finds the disk full as well
      const Life life{.faults = {StaysFull()}};
      const Played played = PlayHere(start, life);
      if (played.finding) return Offer(life, *played.finding);
    }
    ++plays_;
    const auto finding = Look(case_.setup, start);
    return !finding || Offer(std::nullopt, *finding);
  }

  static Fault StaysFull() {
    return {.kind = FaultKind::kNoSpace,
            .counted = Only(Operation::kAllocate),
            .file = kDatabase,
            .lasting = true};
  }

  bool HarmHere(const Start& start, const Played& played, Life life, uint64_t end) {
    constexpr size_t kMost = 120;
    const CrashPoint point(played.session.trace, end);
    const Arrivals arrivals = random_.Chance(60) ? point.Resolve({Policy::kAll, 0}) : DrawArrivals(point);
    life.power = true;
    life.lost = LossesOf(point, arrivals);
    const Start left = AfterPower(start, played, point, arrivals);
    if (left.oracle == nullptr) return true;
    const uint64_t untouched = left.image.Hash();
    faultfs::Image twin(case_.setup.traits.atomic_unit);
    if (lives_.empty()) {
      ++plays_;
      twin = TwinOf(case_.setup, life);
    }
    std::vector<Harms> all = HarmsAt(played, end, case_.setup);
    for (size_t i = 0; i < std::min(kMost, all.size()) && !Over(); ++i) {
      std::swap(all[i], all[i + random_.Below(all.size() - i)]);
      const Start next = AfterHarm(played, end, left, all[i], &twin);
      if (next.image.Hash() == untouched) continue;
      life.harm = all[i];
      ++plays_;
      const auto finding = Look(case_.setup, next);
      lives_.push_back(life);
      const bool goes_on = !finding || Offer(std::nullopt, *finding);
      lives_.pop_back();
      if (!goes_on) return false;
    }
    return true;
  }

  // Without a life: seen by who looks in the end. False: it is over.
  bool Offer(const std::optional<Life>& last, const Finding& finding) {
    Hit hit{{case_.setup, lives_}, finding};
    if (last) hit.what.lives.push_back(*last);
    for (Life& life : hit.what.lives) life.restarts = life.restarts && finding.rule == Rule::kRestarts;
    if (wish_.broken && !HoldsUnbroken(hit.what)) return ++accused_ < kAccusedMax;
    found_ = true;
    tell_("hit " + EndsOf(hit).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    return false;
  }

  const HuntWish& wish_;
  const Tell& tell_;
  Random random_{0};
  Habits habits_;
  Case case_;
  std::vector<Life> lives_;  // that have ended
  uint64_t plays_ = 0;
  uint64_t accused_ = 0;
  bool found_ = false;
};

}  // namespace

Hunted Hunt(const HuntWish& wish) {
  constexpr uint64_t kDeathsMax = 2'000;
  Hunted hunted;
  uint64_t next = 0;
  for (uint64_t deaths = 0; deaths < kDeathsMax && hunted.plays < wish.plays_max; ++deaths) {
    HuntWish rest = wish;
    rest.plays_max = wish.plays_max - hunted.plays;
    const Told told = Apart(kSecondsOfHunt, [&](const Tell& tell) {
      Hunter hunter(rest, tell);
      for (uint64_t number = next;; ++number) {
        tell("at " + std::to_string(number) + " " + std::to_string(hunter.plays()) + "\n");
        if (!hunter.Try(number)) break;
      }
      tell("plays " + std::to_string(hunter.plays()) + "\n");
    });
    uint64_t plays = 1;
    std::string_view lines = told.text;
    while (!lines.empty()) {
      const std::string line(lines.substr(0, lines.find('\n')));
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
      if (line.starts_with("at ")) {
        const size_t space = line.find(' ', 3);
        next = std::stoull(line.substr(3));
        plays = std::stoull(line.substr(space + 1)) + 1;
      } else if (line.starts_with("plays ")) {
        plays = std::stoull(line.substr(6));
      } else if (line.starts_with("hit ")) {
        Habits ignored;
        hunted.hit = WithEnds(Hunter::Draw(wish, next, ignored), Json::parse(line.substr(4)));
      }
    }
    hunted.plays += plays;
    if (hunted.hit || told.well) break;
    ++next;
  }
  return hunted;
}

}  // namespace manifolddb::crashsim
