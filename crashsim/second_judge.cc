// (1) Numbers are dense. A number that no changing commit told belongs to a family operation, which tells
//     none, or to a transaction that changed nothing and named it: both are tried.
// (2) An order is dropped as soon as something in it came after what it precedes; a complete one if any
//     answer, reading or named number contradicts it.
#include "crashsim/second_judge.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "crashsim/beat.h"

namespace manifolddb::crashsim {
namespace {

// Of one run; hardly any has a second one.
constexpr size_t kLinesMax = 8;
constexpr size_t kTriedMax = 4096;

bool Refused(const Performed& done) { return done.outcome.error.has_value(); }

}  // namespace

// ---- Contents -----------------------------------------------------------------------------------------

StateSum SecondJudge::Contents::Sum() const {
  StateSum all;
  for (const auto& [family_name, family] : families) {
    StateSum tables;
    for (const auto& [table_name, table] : family) {
      StateSum entries;
      for (const auto& [key, digest] : table) entries += SumOfEntry(Digest(key), digest);
      tables += SumOfTable(table_name, table.size(), entries);
    }
    all += SumOfFamily(family_name, family.size(), tables);
  }
  return all;
}

// False: it cannot have answered so.
bool SecondJudge::ReplayOperation(const Performed& done, Family& family) {
  const Op& op = done.op;
  const auto answered = [&](uint64_t value) { return done.outcome.value == value; };
  if (op.kind == OpKind::kCreateTable) return family.try_emplace(op.table).second;
  if (op.kind == OpKind::kPut) {
    family[op.table][op.key] = Digest(op.value);
    return true;
  }
  const auto holder = family.find(op.table);
  if (holder == family.end()) return false;
  Table& table = holder->second;
  switch (op.kind) {
    case OpKind::kDelete: return answered(table.erase(op.key));
    case OpKind::kDeleteRange: {
      const auto first = op.has_key ? table.lower_bound(op.key) : table.begin();
      const auto last = op.has_upper ? table.lower_bound(op.upper) : table.end();
      const bool some = first != table.end() && (last == table.end() || first->first < last->first);
      const uint64_t before = table.size();
      if (some) table.erase(first, last);
      return answered(before - table.size());
    }
    case OpKind::kGet: {
      const auto entry = table.find(op.key);
      return answered(entry == table.end() ? 0 : entry->second | 1);  // 0 says that nothing is there
    }
    case OpKind::kLength: return answered(table.size());
    case OpKind::kScan: return true;  // the oracle's alone
    case OpKind::kDropTable: family.erase(holder); return true;
    case OpKind::kRenameTable: {
      if (family.contains(op.key)) return false;
      Table moved = std::move(table);
      family.erase(holder);
      family.emplace(op.key, std::move(moved));
      return true;
    }
    default: return false;
  }
}

// False: there is none.
bool SecondJudge::ReplaySavepoint(const Op& op, std::map<std::string, Family>& families,
                                  std::vector<std::map<std::string, Family>>& before) {
  if (op.kind == OpKind::kSetSavepoint) {
    before.push_back(families);
    return true;
  }
  if (before.empty()) return false;
  const size_t left = op.count < before.size() ? before.size() - op.count : 1;
  before.resize(left);
  if (op.kind == OpKind::kReleaseSavepoint) {
    before.pop_back();
  } else {
    families = before.back();
  }
  return true;
}

bool SecondJudge::Replay(const Transaction& one, Contents& contents) {
  auto& families = contents.families;
  switch (one.kind) {
    case StepKind::kCreateFamily:
      if (!one.families.empty()) contents.names[one.families[0]] = one.names[0];
      return families.try_emplace(one.names[0]).second;
    case StepKind::kDropFamily: return families.erase(one.names[0]) == 1;
    case StepKind::kRenameFamily: {
      const auto from = families.find(one.names[0]);
      if (from == families.end() || families.contains(one.names[1])) return false;
      Family moved = std::move(from->second);
      families.erase(from);
      families.emplace(one.names[1], std::move(moved));
      for (auto& [uid, name] : contents.names) name = name == one.names[0] ? one.names[1] : name;
      return true;
    }
    default: break;
  }
  std::vector<std::map<std::string, Family>> before;  // at each savepoint that is still there
  for (const Performed& done : one.operations) {
    if (Refused(done)) continue;
    if (IsAboutSavepoints(done.op.kind)) {
      if (!ReplaySavepoint(done.op, families, before)) return false;
      continue;
    }
    const auto name = contents.names.find(done.family);
    const auto family = name == contents.names.end() ? families.end() : families.find(name->second);
    if (family == families.end() || !ReplayOperation(done, family->second)) return false;
  }
  return true;
}

// ---- Orders -------------------------------------------------------------------------------------------

SecondJudge::SecondJudge(const Observation& base, History history, Forgotten forgotten)
    : history_(std::move(history)),
      forgotten_(forgotten),
      base_number_(base.number),
      last_told_(base.number) {
  for (const ObservedFamily& family : base.families) {
    base_.names[family.uid] = family.name;
    Family& tables = base_.families[family.name];
    for (const ObservedTable& table : family.tables) {
      Table& entries = tables[table.name];
      for (const ObservedEntry& entry : table.contents) entries[entry.key] = entry.digest;
    }
  }
  SortOut();
  std::vector<size_t> order;
  if (!doubled_) Extend(order, 0, 0);
}

void SecondJudge::SortOut() {
  const auto& all = history_.transactions;
  for (size_t i = 0; i < all.size(); ++i) {
    const Transaction& one = all[i];
    if (one.end == End::kUnknown || one.end == End::kCalled) unknown_.push_back(i);
    if (one.end != End::kAcked) continue;
    if (one.number == 0) {
      family_operations_.push_back(i);
    } else if (one.changed) {
      doubled_ = !told_.emplace(one.number, i).second || doubled_;
    } else if (one.number > base_number_) {
      const auto [at, first] = idle_.emplace(one.number, i);
      if (!first && one.called.event < all[at->second].called.event) at->second = i;
    }
  }
  std::ranges::sort(family_operations_, {}, [&](size_t i) { return all[i].ended.event; });
  for (const auto* numbers : {&told_, &idle_}) {
    if (!numbers->empty()) last_told_ = std::max(last_told_, numbers->rbegin()->first);
  }
}

// Every order that goes on from this one.
void SecondJudge::Extend(std::vector<size_t>& order, size_t next_operation, uint64_t called_max) {
  if (lines_.size() >= kLinesMax || tried_ >= kTriedMax) return;
  const uint64_t number = base_number_ + order.size() + 1;
  const auto place = [&](size_t one, size_t operations) {
    if (!Fits(order, one, called_max)) return;
    order.push_back(one);
    Extend(order, operations, std::max(called_max, history_.transactions[one].called.event));
    order.pop_back();
  };
  if (const auto told = told_.find(number); told != told_.end()) {
    place(told->second, next_operation);
    return;
  }
  if (next_operation < family_operations_.size()) {
    place(family_operations_[next_operation], next_operation + 1);
  } else if (number > last_told_) {
    ++tried_;
    Explain(order);
    return;
  }
  if (const auto idle = idle_.find(number); idle != idle_.end()) place(idle->second, next_operation);
}

// May it come behind these?
bool SecondJudge::Fits(const std::vector<size_t>& order, size_t one, uint64_t called_max) const {
  if (forgotten_(JudgingRule::kOrder)) return true;
  const auto& all = history_.transactions;
  const Transaction& at = all[one];
  if (called_max > at.ended.event) return false;
  // A family goes from hand to hand: whoever had it last had called Commit before this one took it.
  for (size_t i = 0; i < at.held_since.size(); ++i) {
    const auto last = std::find_if(order.rbegin(), order.rend(), [&](size_t before) {
      const auto& held = all[before].families;
      return all[before].kind == StepKind::kTransaction &&
             std::ranges::find(held, at.families[i]) != held.end();
    });
    if (last != order.rend() && at.held_since[i] < all[*last].called.event) return false;
  }
  return true;
}

// Keeps the order if it explains the run.
void SecondJudge::Explain(const std::vector<size_t>& order) {
  Beat();
  Line line{.order = order, .states = {}, .floors = {}};
  Contents contents = base_;
  State state{.sum = contents.Sum(), .number = base_number_};
  line.states.push_back(state);
  for (const size_t i : order) {
    const Transaction& one = history_.transactions[i];
    if (!Replay(one, contents)) return;
    state = {contents.Sum(), state.number + 1, std::max(state.not_before, one.called.effects)};
    line.states.push_back(state);
  }
  if (!NamesWhatWasThere(line)) return;
  AddUnknown(contents, state, unknown_, line);
  if (!ReadingsHold(line)) return;
  FindFloors(line);
  lines_.push_back(std::move(line));
}

// What changed nothing names a number of its own, or the newest: called before it was answered.
bool SecondJudge::NamesWhatWasThere(const Line& line) const {
  for (size_t i = 0; i < history_.transactions.size(); ++i) {
    const Transaction& one = history_.transactions[i];
    if (one.end != End::kAcked || one.changed || one.number <= base_number_) continue;
    const uint64_t place = one.number - base_number_ - 1;
    if (place >= line.order.size()) return false;
    const Transaction& named = history_.transactions[line.order[place]];
    if (line.order[place] != i && named.called.event >= one.ended.event) return false;
  }
  return true;
}

bool SecondJudge::MustFollow(const Transaction& later, const Transaction& earlier) const {
  if (forgotten_(JudgingRule::kUnknownOrder)) return false;
  if (earlier.ended.event != 0 && earlier.ended.event < later.called.event) return true;
  for (size_t i = 0; i < later.held_since.size(); ++i) {
    const bool shared = std::ranges::find(earlier.families, later.families[i]) != earlier.families.end();
    if (shared && earlier.called.event < later.held_since[i]) return true;
  }
  return false;
}

// What nobody knows of may have come behind everything that is known: in any sequence, some of it or all.
void SecondJudge::AddUnknown(const Contents& contents, const State& state, const std::vector<size_t>& left,
                             Line& line) {
  Beat();
  for (const size_t chosen : left) {
    const Transaction& one = history_.transactions[chosen];
    const bool blocked = std::ranges::any_of(
        left, [&](size_t other) { return other != chosen && MustFollow(one, history_.transactions[other]); });
    if (blocked) continue;
    Contents next = contents;
    // What it was answered says that it did not come here; of a family operation nobody knows.
    if (!Replay(one, next) && one.kind == StepKind::kTransaction) continue;
    const State then{next.Sum(), state.number + 1, std::max(state.not_before, one.called.effects),
                     state.unseen || one.durable()};
    line.states.push_back(then);
    std::vector<size_t> rest = left;
    std::erase(rest, chosen);
    AddUnknown(next, then, rest, line);
  }
}

// ---- Readings, and what is owed -----------------------------------------------------------------------

uint64_t SecondJudge::NewestEndedBefore(const Line& line, uint64_t event) const {
  uint64_t newest = base_number_;
  for (size_t i = 0; i < line.order.size(); ++i) {
    if (history_.transactions[line.order[i]].ended.event < event) newest = base_number_ + i + 1;
  }
  return newest;
}

bool SecondJudge::ReadingsHold(const Line& line) const {
  for (const Reading& reading : history_.readings) {
    if (!reading.problems.empty()) return false;
    const bool stale = reading.number < NewestEndedBefore(line, reading.began.event);
    if (stale && !forgotten_(JudgingRule::kFreshness)) return false;
    const bool shown = std::ranges::any_of(line.states, [&](const State& state) {
      return state.number == reading.number && state.sum == reading.sum && !state.unseen;
    });
    if (!shown && !forgotten_(JudgingRule::kReading)) return false;
  }
  return true;
}

bool SecondJudge::DurableAt(const Line& line, uint64_t number) const {
  return history_.transactions[line.order[number - base_number_ - 1]].durable();
}

void SecondJudge::FindFloors(Line& line) const {
  const uint64_t last = base_number_ + line.order.size();
  auto& floors = line.floors;
  for (uint64_t number = base_number_ + 1; number <= last && !forgotten_(JudgingRule::kCommitFloor);
       ++number) {
    const Transaction& one = history_.transactions[line.order[number - base_number_ - 1]];
    if (one.durable()) floors.emplace_back(one.ended.effects, number);
  }
  for (const Reading& reading : history_.readings) {
    if (forgotten_(JudgingRule::kReaderFloor)) break;
    uint64_t seen = std::clamp(reading.number, base_number_, last);
    while (seen > base_number_ && !DurableAt(line, seen)) --seen;
    floors.emplace_back(reading.read.effects, seen);
  }
  for (const Settled& settled : history_.settled) {
    if (forgotten_(JudgingRule::kSettledFloor)) break;
    floors.emplace_back(settled.ended.effects, NewestEndedBefore(line, settled.called.event));
  }
  std::ranges::sort(floors);
  uint64_t owed = base_number_;
  for (auto& [effects, number] : floors) owed = number = std::max(owed, number);
}

bool SecondJudge::Permits(const Summary& seen, uint64_t effects) const {
  if (!seen.problems.empty()) return false;
  return std::ranges::any_of(lines_, [&](const Line& line) {
    const auto behind =
        std::ranges::upper_bound(line.floors, std::pair{effects, std::numeric_limits<uint64_t>::max()});
    const uint64_t owed = behind == line.floors.begin() ? base_number_ : std::prev(behind)->second;
    return std::ranges::any_of(line.states, [&](const State& state) {
      return (state.sum == seen.sum || forgotten_(JudgingRule::kContents)) &&
             (state.number == seen.number || forgotten_(JudgingRule::kNumber)) && state.number >= owed &&
             (state.not_before <= effects || forgotten_(JudgingRule::kNotBefore));
    });
  });
}

}  // namespace manifolddb::crashsim
