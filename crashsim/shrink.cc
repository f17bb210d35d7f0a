// (1) In this order: the kind of end (the simplest first, over ever longer beginnings of the program), then
//     steps, operations within them, values, names, and last where it ends and what is lost.
// (2) What is smaller counts if the same rule is broken; the first translation must break the same promise,
//     or, where the engine was broken on purpose, any.
// (3) With the same line everything comes out the same: bounded by recoveries, not by time.
// (4) Threads that do less come to the same place after fewer events: with each smaller program one switch at
//     a time is tried at other events of its step.
// (5) What no shape of ends shows, or not in few operations, is hunted for (hunt.h), and made smaller as it
//     was found (reduce.h).
#include "crashsim/shrink.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "crashsim/hunt.h"
#include "crashsim/iteration.h"
#include "crashsim/reduce.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kRecoveriesEach = 6'000;   // of one candidate
constexpr uint64_t kRecoveriesFirst = 5'000;  // until there is a first one
constexpr uint64_t kRecoveriesBest = 100'000;
constexpr uint64_t kHunts = 2;  // until what is found is as small as is wished
constexpr uint64_t kOperationsFew = 8;
constexpr uint32_t kStepsFew = 12;
constexpr uint64_t kRecoveriesOfShapes = 30'000;  // until there is one: then it is hunted for

using enum EndKind;

// The simplest first. Two ends and more are looked for in short programs only: their number grows with the
// square of the steps, and beyond.
const std::vector<Shape>& OneEnd() {
  static const std::vector<Shape> shapes = {{}, {kPower}, {kKill}};
  return shapes;
}
const std::vector<Shape>& TwoEnds() {
  static const std::vector<Shape> shapes = {{kDamage},        {kPower, kGoOn}, {kKill, kGoOn},
                                            {kPower, kPower}, {kKill, kPower}, {kPower, kKill}};
  return shapes;
}
const std::vector<Shape>& ThreeEnds() {
  static const std::vector<Shape> shapes = {
      {kKill, kKill, kPower}, {kPower, kPower, kPower}, {kPower, kKill, kPower}, {kKill, kPower, kPower}};
  return shapes;
}

// Three ends in a row are too many to look for everywhere: whoever ends the first life earlier finds it with
// a shorter program.
bool IsLate(const Shape& shape) { return shape.size() > 2; }

// Fits into any page.
std::string Shorter(const std::string& key) {
  constexpr size_t kMost = 100;
  if (key.size() <= kMost) return key;
  return key.substr(0, kMost - 20) + std::to_string(Digest(key));
}

// The little that certificates say: puts and deletions; of column families their creation; one snapshot.
std::optional<Step> Plain(Step step) {
  switch (step.kind) {
    case StepKind::kDropFamily:
    case StepKind::kRenameFamily:
    case StepKind::kCloseSnapshot: return std::nullopt;
    default: break;
  }
  std::erase_if(step.ops, [](const Op& op) { return op.kind != OpKind::kPut && op.kind != OpKind::kDelete; });
  for (Op& op : step.ops) op.key = Shorter(op.key);
  step.add_later = false;
  step.slot = 0;
  step.all_families = false;
  if (step.through_checkpoint) step.durability = Durability::kImmediate;
  return step;
}

// Rounds one after the other, within them the actors' steps in turn.
void AddProgram(const Program& program, Items& items) {
  for (const Round& round : program.rounds) {
    size_t longest = 0;
    for (const auto& steps : round.actors) longest = std::max(longest, steps.size());
    for (size_t i = 0; i < longest; ++i) {
      for (const auto& steps : round.actors) {
        if (i >= steps.size()) continue;
        if (const auto step = Plain(steps[i])) items.push_back({.step = *step});
      }
    }
    if (round.reopen) items.push_back({.reopen = true});
  }
  items.push_back({.reopen = true});
}

std::string Letters(size_t bytes, Serial serial, size_t op) {
  return std::string(bytes, static_cast<char>('a' + (serial * 7 + op) % 26));
}

// (4)
std::vector<Switches> Moved(const Switches& switches) {
  constexpr uint64_t kLater = 16;
  std::vector<Switches> all;
  for (size_t i = 0; i < switches.size(); ++i) {
    for (uint64_t event = 0; event < switches[i].event + kLater; ++event) {
      if (event == switches[i].event) continue;
      all.push_back(switches);
      all.back()[i].event = event;
    }
  }
  return all;
}

bool SameSize(const Setup& one, const Setup& other) {
  return one.options.page_size == other.options.page_size &&
         one.options.log_bytes_max == other.options.log_bytes_max &&
         one.options.dirty_bytes_max == other.options.dirty_bytes_max;
}

}  // namespace

std::optional<Origin> OriginOf(const Coordinates& at, std::string& why) {
  const auto preset = faultfs::ParsePreset(at.preset);
  if (preset != faultfs::Preset::kStrict || at.lying) {
    why = "certificates are of disks that keep no order (preset strict), and do not lie";
    return std::nullopt;
  }
  Random random(at.seed);
  Random draws = random.Fork(1);
  auto setup = DrawSetup(
      {.config = at.config, .preset = *preset, .unit = at.unit, .write_unit = at.write_unit}, draws);
  if (!setup) {
    why = "there is no configuration '" + at.config + "'";
    return std::nullopt;
  }
  const auto workload = MakeWorkload(at.workload, *setup, at.ops, draws, why);
  if (!workload) return std::nullopt;
  Origin origin{.setup = *setup, .items = {}, .scenario = at.scenario, .seed = at.seed};
  Serial last_serial = 0;
  for (uint32_t generation = 0; generation <= at.generation; ++generation) {
    Random own = random.Fork(100 + generation);
    static_cast<void>(own.Next());  // the session's seed
    const Program program = workload->Draw(own, generation, last_serial);
    last_serial = LastSerial(program, last_serial);
    AddProgram(program, origin.items);
  }
  // No torn sectors: what is lost is whole. Cursors that rest are the campaign's.
  origin.setup.traits.garbage_in_torn_units = false;
  origin.setup.traits.outside_bytes_safe = true;
  origin.setup.limits.resting = false;
  origin.setup.recovery_dirty_bytes_max = origin.setup.options.dirty_bytes_max;
  return origin;
}

Origin OriginOf(const Sequence& sequence) {
  Origin origin{.setup = SetupOfSequences(false), .items = {}};
  AddProgram(BeginningOfSequences(), origin.items);
  AddProgram(ProgramOf(sequence), origin.items);
  origin.items.pop_back();  // the last one is left running
  return origin;
}

std::optional<Origin> OriginOf(const Race& race, const Wander& wander) {
  if (race.fault) return std::nullopt;
  Origin origin{.setup = SetupOfSequences(false), .items = {}, .wander = wander};
  AddProgram(BeginningOfSequences(), origin.items);
  const Program program = ProgramOf(race);
  for (size_t i = 0; i < race.round(); ++i) {
    if (const auto step = Plain(program.rounds[i].actors[0][0])) origin.items.push_back({.step = *step});
    if (program.rounds[i].reopen) origin.items.push_back({.reopen = true});
  }
  const auto& actors = program.rounds[race.round()].actors;
  for (size_t thread = 0; thread < actors.size(); ++thread) {
    for (const Step& whole : actors[thread]) {
      auto step = Plain(whole);
      if (!step || step->kind == StepKind::kCreateFamily) continue;
      step->slot = static_cast<uint8_t>(thread);
      origin.items.push_back({.step = std::move(*step), .thread = thread});
    }
  }
  return origin;
}

std::optional<Hit> Shrinker::Try(const Setup& setup, const Items& items, uint64_t recoveries_max) {
  if (Spent()) return std::nullopt;
  SearchWish wish{.setup = setup, .items = items, .shape = shape_, .rule = rule_};
  wish.promise = rule_ ? std::nullopt : promise_;
  wish.late = IsLate(shape_) || Races();
  if (Races()) wish.otherwise = Moved(SwitchesOf(items));
  wish.recoveries_max = std::min(recoveries_max, recoveries_max_ - recoveries_);
  return Find(wish);
}

// What the unbroken engine does as well is no failure: it is asked more than it can do.
std::optional<Hit> Shrinker::Find(const SearchWish& wish) {
  SearchResult result = SearchApart(wish);
  recoveries_ += std::max<uint64_t>(1, result.recoveries);
  const auto counts = [&](const std::optional<Hit>& hit) {
    return hit && (!broken_ || HoldsUnbroken(hit->what));
  };
  if (counts(result.hit)) return std::move(result.hit);
  if (broken_ && !other_.hit && !rule_ && counts(result.other)) {
    other_ = {wish.setup, wish.items, wish.shape, std::move(result.other)};
  }
  return std::nullopt;
}

bool Shrinker::Take(Found found) {
  rule_ = found.hit->finding.rule;
  setup_ = std::move(found.setup);
  items_ = std::move(found.items);
  shape_ = std::move(found.shape);
  hit_ = std::move(found.hit);
  SetSwitches(hit_->what.lives.back().switches, items_);
  return true;
}

// In any of its schedules.
bool Shrinker::TranslateRace() {
  for (const Shape& shape : OneEnd()) {
    if (Spent()) return false;
    SearchWish wish{.setup = origin_.setup, .items = origin_.items, .wander = origin_.wander, .shape = shape};
    wish.promise = promise_;
    wish.late = true;
    wish.recoveries_max = recoveries_max_ - recoveries_;
    if (auto hit = Find(wish)) return Take({wish.setup, wish.items, shape, std::move(hit)});
    if (other_.hit) return Take(std::move(other_));
  }
  return false;
}

// (1): ever longer beginnings, so that short programs are met first.
bool Shrinker::TranslateIn(const std::vector<Shape>& shapes) {
  const size_t ends = shapes.back().size();
  const size_t longest = ends <= 1 ? origin_.items.size() : ends == 2 ? 9 : 4;
  std::set<size_t> lengths;
  for (size_t n = 0; n < longest && n < origin_.items.size(); n = n < 4 ? n + 1 : n * 3 / 2) {
    lengths.insert(n);
  }
  lengths.insert(std::min(longest, origin_.items.size()));
  for (const size_t length : lengths) {
    const Items items(origin_.items.begin(), origin_.items.begin() + static_cast<ptrdiff_t>(length));
    for (const Shape& shape : shapes) {
      for (const Setup& setup : {SetupOfSequences(false), origin_.setup}) {
        if (recoveries_ >= std::min(recoveries_max_, kRecoveriesOfShapes)) return false;
        if (ends > 1 && !SameSize(setup, SetupOfSequences(false))) continue;
        SearchWish wish{.setup = setup, .items = items, .shape = shape};
        wish.promise = promise_;
        // Damage is at the end of what was closed.
        if (!shape.empty() && shape[0] == kDamage) wish.items.push_back({.reopen = true});
        wish.late = IsLate(shape);
        wish.recoveries_max = (wish.late ? 4 : 1) * kRecoveriesFirst;
        if (auto hit = Find(wish)) return Take({setup, wish.items, shape, std::move(hit)});
      }
    }
  }
  return false;
}

bool Shrinker::Translate() {
  for (const auto* shapes : {&OneEnd(), &TwoEnds(), &ThreeEnds()}) {
    if (TranslateIn(*shapes)) return true;
    if (other_.hit) return Take(std::move(other_));
  }
  return false;
}

bool Shrinker::Accept(Items items) {
  auto hit = Try(setup_, items, kRecoveriesEach);
  if (!hit) return false;
  items_ = std::move(items);
  hit_ = std::move(hit);
  SetSwitches(hit_->what.lives.back().switches, items_);
  return true;
}

// In ever smaller pieces, from the end: what comes last depends on the most.
void Shrinker::DropItems() {
  for (size_t piece = std::max<size_t>(1, items_.size() / 2); piece > 0; piece /= 2) {
    for (size_t end = items_.size(); end > 0;) {
      const size_t begin = end - std::min(piece, end);
      Items fewer = items_;
      fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(begin), fewer.begin() + static_cast<ptrdiff_t>(end));
      static_cast<void>(Accept(std::move(fewer)));
      end = std::min(begin, items_.size());
    }
  }
}

void Shrinker::DropOps() {
  for (size_t i = 0; i < items_.size(); ++i) {
    for (size_t piece = std::max<size_t>(1, items_[i].step.ops.size() / 2); piece > 0; piece /= 2) {
      for (size_t end = items_[i].step.ops.size(); end > 0;) {
        const size_t begin = end - std::min(piece, end);
        Items fewer = items_;
        auto& ops = fewer[i].step.ops;
        ops.erase(ops.begin() + static_cast<ptrdiff_t>(begin), ops.begin() + static_cast<ptrdiff_t>(end));
        static_cast<void>(Accept(std::move(fewer)));
        end = std::min(begin, items_[i].step.ops.size());
      }
    }
  }
}

// One after the other, from the last.
void Shrinker::DropSwitches() {
  for (size_t i = SwitchesOf(items_).size(); i > 0; --i) {
    Switches fewer = SwitchesOf(items_);
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i - 1));
    Items items = items_;
    SetSwitches(fewer, items);
    static_cast<void>(Accept(std::move(items)));
  }
}

// Numbers the threads that have something to do; one alone is none.
void Shrinker::CloseRanks() {
  std::map<size_t, size_t> numbers;
  for (const Item& item : items_) {
    if (item.thread) numbers.emplace(*item.thread, 0);
  }
  Switches switches = SwitchesOf(items_);
  // Who goes on before anybody has done anything is the first: then that takes no switch.
  const auto begins = std::ranges::find_if(
      switches, [](const Switch& at) { return at.thread == 0 && at.step == 0 && at.event == 0; });
  std::optional<size_t> first;
  if (begins != switches.end() && numbers.contains(begins->to)) {
    first = begins->to;
    switches.erase(begins);
  }
  size_t next = first ? 1 : 0;
  for (auto& [thread, number] : numbers) number = thread == first ? 0 : next++;
  std::erase_if(switches, [&](const Switch& at) { return !numbers.contains(at.to); });
  for (Switch& at : switches) {
    at.thread = numbers.at(at.thread);
    at.to = numbers.at(at.to);
  }
  Items items = items_;
  for (Item& item : items) {
    if (!item.thread) continue;
    item.step.slot = static_cast<uint8_t>(numbers.at(*item.thread));
    item.thread = numbers.size() == 1 ? std::nullopt : std::optional(numbers.at(*item.thread));
  }
  SetSwitches(switches, items);
  static_cast<void>(Accept(std::move(items)));
}

// `change` says whether it had anything to change. Tried in all steps at once, then in each alone.
void Shrinker::AcceptSteps(const std::function<bool(Step&)>& change) {
  Items all = items_;
  bool changed = false;
  for (Item& item : all) changed = change(item.step) || changed;
  if (!changed || Accept(std::move(all))) return;
  for (size_t i = 0; i < items_.size(); ++i) {
    Items one = items_;
    if (change(one[i].step)) static_cast<void>(Accept(std::move(one)));
  }
}

void Shrinker::Simplify() {
  // Families that no operation names.
  AcceptSteps([](Step& step) {
    if (step.kind != StepKind::kTransaction || step.families.size() < 2) return false;
    std::vector<std::string> used;
    for (Op& op : step.ops) {
      const std::string& name = step.families[op.family];
      auto at = std::ranges::find(used, name);
      if (at == used.end()) at = used.insert(used.end(), name);
      op.family = static_cast<uint8_t>(at - used.begin());
    }
    if (used.empty()) used.push_back(step.families[0]);
    if (used.size() == step.families.size()) return false;
    step.families = std::move(used);
    return true;
  });
  AcceptSteps([](Step& step) { return std::exchange(step.through_checkpoint, false); });
  if (Races()) {
    AcceptSteps([](Step& step) {
      if (step.kind != StepKind::kOpenSnapshot) return false;
      step.kind = StepKind::kReadAll;
      return true;
    });
  }
  for (const size_t bytes : {size_t{1}, size_t{40}, size_t{200}, size_t{600}}) {
    AcceptSteps([&](Step& step) {
      bool changed = false;
      for (size_t i = 0; i < step.ops.size(); ++i) {
        Op& op = step.ops[i];
        if (op.kind != OpKind::kPut || op.value.size() <= bytes) continue;
        op.value = Letters(bytes, step.serial, i);
        changed = true;
      }
      return changed;
    });
  }
  // Values as long as they must be, of one letter: they are to be read.
  AcceptSteps([&](Step& step) {
    for (size_t i = 0; i < step.ops.size(); ++i) {
      if (step.ops[i].kind == OpKind::kPut) {
        step.ops[i].value = Letters(step.ops[i].value.size(), step.serial, i);
      }
    }
    return !step.ops.empty();
  });
}

namespace {

using Names = std::map<std::string, std::string>;

// Short names in the order of the old ones.
Names ShortNames(const std::set<std::string>& names, char first) {
  Names shorter;
  for (const std::string& name : names) {
    const size_t number = shorter.size();
    shorter[name] = number < 10 ? std::string(1, static_cast<char>(first + number))
                                : std::string(1, first) + std::to_string(number);
  }
  return shorter;
}

}  // namespace

// Families a, b, ..., tables t, u, ..., keys 0, 1, ...; each kind is a candidate of its own.
void Shrinker::Rename() {
  std::set<std::string> families, tables, keys;
  for (const Item& item : items_) {
    families.insert(item.step.families.begin(), item.step.families.end());
    for (const Op& op : item.step.ops) {
      tables.insert(op.table);
      keys.insert(op.key);
    }
  }
  const auto rename = [&](const Names& names, const std::function<void(Step&, const Names&)>& apply) {
    Items renamed = items_;
    for (Item& item : renamed) apply(item.step, names);
    static_cast<void>(Accept(std::move(renamed)));
  };
  rename(ShortNames(families, 'f'), [](Step& step, const Names& names) {
    for (std::string& name : step.families) name = names.at(name);
  });
  rename(ShortNames(tables, 't'), [](Step& step, const Names& names) {
    for (Op& op : step.ops) op.table = names.at(op.table);
  });
  rename(ShortNames(keys, '0'), [](Step& step, const Names& names) {
    for (Op& op : step.ops) op.key = names.at(op.key);
  });
}

// Where it ends, so that the least is lost.
std::optional<Hit> Shrinker::BestEnd() {
  SearchWish wish{.setup = setup_, .items = items_, .shape = shape_, .rule = rule_};
  wish.late = IsLate(shape_) || Races();
  wish.recoveries_max = kRecoveriesBest;
  wish.best = true;
  auto best = Find(wish);
  return best ? std::move(best) : hit_;
}

// (5)
std::optional<Shrunk> Shrinker::RunHunt(uint64_t operations_before) {
  if (Races() || origin_.scenario.empty()) return std::nullopt;
  HuntWish wish{.setup = origin_.setup,
                .scenario = origin_.scenario,
                .seed = origin_.seed,
                .plays_max = recoveries_max_,
                .broken = broken_};
  std::optional<Hit> best;
  for (uint64_t tries = 0; tries < kHunts && (!best || OperationsOf(best->what) > kOperationsFew); ++tries) {
    Hunted hunted = Hunt(wish);
    recoveries_ += hunted.plays;
    // What takes more plays each is looked for behind all else.
    if (!hunted.hit && !best && !wish.wide) {
      wish.wide = true;
      hunted = Hunt(wish);
      recoveries_ += hunted.plays;
    }
    if (!hunted.hit && !best) return std::nullopt;
    if (hunted.hit) {
      operations_before = std::max(operations_before, OperationsOf(hunted.hit->what));
      Reduced reduced = Reduce(std::move(*hunted.hit), broken_, recoveries_max_);
      recoveries_ += reduced.plays;
      if (!best || OperationsOf(reduced.hit.what) < OperationsOf(best->what)) best = std::move(reduced.hit);
    }
    // Once more, among programs that are short.
    ++wish.seed;
    wish.steps_max = kStepsFew;
    wish.plays_max = recoveries_max_ / 2;
  }
  Shape shape;
  for (const Life& life : best->what.lives) {
    shape.push_back(!life.harm.empty() ? kDamage : life.power ? kPower : kKill);
  }
  return Shrunk{std::move(best->what), std::move(best->finding), std::move(shape), recoveries_,
                operations_before};
}

std::optional<Shrunk> Shrinker::Run() {
  Case before{.setup = origin_.setup, .lives = {Life{}}};
  for (const Item& item : origin_.items) before.lives[0].steps.push_back(item.step);
  if (!(Races() ? TranslateRace() : Translate())) return RunHunt(OperationsOf(before));
  if (!SameSize(setup_, SetupOfSequences(false))) {
    if (auto hit = Try(SetupOfSequences(false), items_, kRecoveriesEach)) {
      setup_ = SetupOfSequences(false);
      hit_ = std::move(hit);
    }
  }
  const auto size_of = [&] { return OperationsOf(hit_->what) + SwitchesOf(items_).size(); };
  for (uint64_t size = ~uint64_t{0}; size_of() < size && !Spent();) {
    size = size_of();
    DropItems();
    DropOps();
    Simplify();
    DropSwitches();
  }
  if (Races()) CloseRanks();
  Rename();
  auto best = BestEnd();
  if (!best) return std::nullopt;
  Shrunk shrunk{std::move(best->what), std::move(best->finding), shape_, recoveries_, OperationsOf(before)};
  if (OperationsOf(shrunk.what) <= kOperationsFew) return shrunk;
  auto hunted = RunHunt(shrunk.operations_before);  // (5)
  const bool smaller = hunted && OperationsOf(hunted->what) < OperationsOf(shrunk.what);
  return smaller ? std::move(*hunted) : std::move(shrunk);
}

}  // namespace manifolddb::crashsim
