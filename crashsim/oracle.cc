// (1) The order of commits is what Commit returned; family operations, which return none, fill the gaps.
// Numbers
//     are dense, agree with what ended before what began, and with who held a family after whom.
// (2) Every answer a transaction got, also of one that was aborted, is the answer of the state it ran on
// (G4). (3) Every reading equals the state at its number, not older than what had been acknowledged before it
// began. (4) A crash leaves a position at or above the floor: the newest durable commit that was
// acknowledged, or seen by
//     a reader, or covered by a checkpoint that succeeded.
#include "crashsim/oracle.h"

#include <algorithm>
#include <set>
#include <utility>

namespace manifolddb::crashsim {
namespace {

// When `later` came to hold the first of the families that `earlier` held as well; nothing if there is none.
std::optional<uint64_t> TookOver(const Transaction& later, const Transaction& earlier) {
  std::optional<uint64_t> since;
  for (size_t i = 0; i < later.held_since.size(); ++i) {
    if (std::ranges::find(earlier.families, later.families[i]) == earlier.families.end()) continue;
    since = std::min(since.value_or(later.held_since[i]), later.held_since[i]);
  }
  return since;
}

std::string Text(const Outcome& outcome) {
  if (outcome.error) return std::string(Name(*outcome.error));
  return "ok, " + std::to_string(outcome.value);
}

const char* NameOf(OpKind kind) {
  constexpr const char* kNames[] = {"Put",  "Delete",      "DeleteRange", "Get",        "Length",
                                    "Scan", "CreateTable", "DropTable",   "RenameTable"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace

bool IsEnvironment(Errc code) {
  switch (code) {
    case Errc::kPoisoned:
    case Errc::kUnknownOutcome:
    case Errc::kIo:
    case Errc::kNoSpace:
    case Errc::kNoMemory:
    case Errc::kCorrupt:  // without a fault reported by whoever made the call
    case Errc::kTruncated:
    case Errc::kClosed: return true;
    default: return false;
  }
}

std::string Describe(const Transaction& transaction) {
  constexpr const char* kNames[] = {"transaction ", "create family ", "drop family ", "rename family "};
  std::string text = kNames[static_cast<int>(transaction.kind)] + std::to_string(transaction.serial);
  text += " (";
  if (transaction.number != 0) text += "commit " + std::to_string(transaction.number) + ", ";
  text += transaction.through_checkpoint ? "through a checkpoint"
          : transaction.durable()        ? "Immediate"
                                         : "None";
  return text + ")";
}

std::optional<std::string> ApplyTo(Model& state, const Transaction& transaction) {
  const auto compare = [&](const Outcome& expected, const Outcome& found,
                           const std::string& what) -> std::optional<std::string> {
    if (expected == found || (found.error && IsEnvironment(*found.error))) return std::nullopt;
    return Describe(transaction) + ", " + what + ": answer " + Text(found) + " instead of " + Text(expected);
  };
  const auto& names = transaction.names;
  switch (transaction.kind) {
    case StepKind::kCreateFamily:
      return compare(state.CreateFamily(transaction.families.empty() ? ~FamilyUid{transaction.serial}
                                                                     : transaction.families.front(),
                                        names.at(0)),
                     transaction.outcome, "CreateColumnFamily '" + names.at(0) + "'");
    case StepKind::kDropFamily:
      return compare(state.DropFamily(names.at(0)), transaction.outcome,
                     "DropColumnFamily '" + names.at(0) + "'");
    case StepKind::kRenameFamily:
      return compare(state.RenameFamily(names.at(0), names.at(1)), transaction.outcome,
                     "RenameColumnFamily '" + names.at(0) + "' to '" + names.at(1) + "'");
    default: break;
  }
  std::optional<std::string> first;
  bool failed = false;  // after a fault only Abort is left
  for (size_t i = 0; i < transaction.operations.size(); ++i) {
    const Performed& done = transaction.operations[i];
    failed = failed || (done.outcome.error && IsEnvironment(*done.outcome.error));
    const Outcome expected = state.Apply(done.family, done.op, transaction.serial);
    if (!first && !failed) {
      first = compare(
          expected, done.outcome,
          "operation " + std::to_string(i) + ", " + NameOf(done.op.kind) + " in '" + done.op.table + "'");
    }
  }
  return first;
}

Oracle::Oracle(Model base, uint64_t base_number, History history)
    : base_(std::move(base)), base_number_(base_number), history_(std::move(history)) {
  FindOrder();
  CheckOrder();
  PlaceRefused();
  Replay();
  for (size_t i = 0; i < positions_.size(); ++i) by_sum_.emplace(positions_[i].sum, i);
  for (const Reading& reading : history_.readings) CheckReading(reading);
  FindFloors();
}

void Oracle::Fail(Promise promise, std::string expected, std::string found) {
  run_violations_.push_back({promise, std::move(expected), std::move(found)});
}

// Sorts what was acknowledged by number. Family operations return no number: in the order of their ends they
// take the numbers that are left (the workload never runs two of them side by side).
void Oracle::FindOrder() {
  std::set<uint64_t> taken;
  std::vector<size_t> unnumbered;
  auto& all = history_.transactions;
  for (const bool changed : {true, false}) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].end != End::kAcked || all[i].changed != changed) continue;
      if (all[i].number == 0) {
        unnumbered.push_back(i);
        continue;
      }
      // One that changed nothing need not have a place of its own: then it names the newest that was
      // published.
      if (!changed && (all[i].number <= base_number_ || taken.contains(all[i].number))) continue;
      if (!taken.insert(all[i].number).second) {
        Fail(Promise::kPrefix, "every commit has a number of its own",
             Describe(all[i]) + " has one that is taken");
      }
      order_.push_back(i);
    }
  }
  std::ranges::sort(unnumbered, {}, [&](size_t i) { return all[i].ended.event; });
  uint64_t number = base_number_;
  for (const size_t i : unnumbered) {
    for (++number; taken.contains(number);) ++number;
    all[i].number = number;
    order_.push_back(i);
  }
  std::ranges::sort(order_, {}, [&](size_t i) { return all[i].number; });
  known_ = order_.size();
}

void Oracle::CheckOrder() {
  const auto& all = history_.transactions;
  uint64_t called_max = 0;
  for (size_t p = 0; p < known_; ++p) {
    const Transaction& at = all[order_[p]];
    if (at.number != base_number_ + p + 1) {
      Fail(Promise::kPrefix, "commit numbers without a gap: " + std::to_string(base_number_ + p + 1),
           Describe(at));
      break;
    }
    if (at.ended.event < called_max) {
      Fail(Promise::kPrefix, "what ended before another was called precedes it in the order", Describe(at));
    }
    called_max = std::max(called_max, at.called.event);
    for (size_t q = 0; q < p; ++q) {
      const Transaction& before = all[order_[q]];
      const auto since = TookOver(at, before);
      if (since && before.kind == StepKind::kTransaction && *since < before.called.event) {
        Fail(Promise::kIsolated, "a family is held by one transaction at a time, in the order of commits",
             Describe(at) + " began before " + Describe(before) + " was committed");
      }
    }
  }
}

void Oracle::Check(Model& state, const Transaction& transaction) {
  if (auto wrong = ApplyTo(state, transaction)) {
    Fail(Promise::kIsolated, "a transaction sees the state that it was ordered after", *wrong);
  }
}

// Walks the order, keeping every state's sum and checking every answer on the way.
void Oracle::Replay() {
  Model state = base_;
  positions_.push_back({state.Sum(), base_number_, 0, {}});
  ReplayRefused(state, 0);
  for (size_t p = 0; p < known_; ++p) {
    const Transaction& at = history_.transactions[order_[p]];
    Check(state, at);
    positions_.push_back(
        {state.Sum(), base_number_ + p + 1, std::max(positions_.back().called_at, at.called.effects), {}});
    ReplayRefused(state, p + 1);
  }
  std::vector<size_t> unknown;
  for (size_t i = 0; i < history_.transactions.size(); ++i) {
    const End end = history_.transactions[i].end;
    if (end == End::kUnknown || end == End::kCalled) unknown.push_back(i);
  }
  if (!unknown.empty()) AddUnknown(state, positions_.back(), unknown);
}

// What changed nothing (aborted, refused, never ended) still got answers: from the state after the last
// commit that held one of its families before it did; of a family operation, after the last family operation.
void Oracle::PlaceRefused() {
  const auto& all = history_.transactions;
  refused_.resize(known_ + 1);
  for (size_t i = 0; i < all.size(); ++i) {
    const Transaction& one = all[i];
    if (one.end == End::kUnknown || one.end == End::kCalled || std::ranges::find(order_, i) != order_.end())
      continue;
    const bool family_operation = one.kind != StepKind::kTransaction;
    size_t after = 0;
    for (size_t p = known_; p > 0 && after == 0; --p) {
      const Transaction& before = all[order_[p - 1]];
      const bool other_kind = before.kind != StepKind::kTransaction;
      const uint64_t since = other_kind ? one.began.event : TookOver(one, before).value_or(0);
      if ((other_kind || !family_operation) && before.called.event < since) after = p;
    }
    refused_[after].push_back(i);
  }
}

void Oracle::ReplayRefused(const Model& state, size_t position) {
  for (const size_t i : refused_[position]) {
    const Transaction& one = history_.transactions[i];
    Model copy;
    if (one.kind == StepKind::kTransaction) {
      copy.TakeFamilies(state, one.families);
    } else {
      copy = state;
    }
    Check(copy, one);
  }
}

bool Oracle::MustPrecede(const Transaction& first, const Transaction& second) const {
  if (first.ended.event != 0 && first.ended.event < second.called.event) return true;
  return first.called.event < TookOver(second, first).value_or(0);
}

// Every sequence in which commits of unknown outcome may have been ordered behind the known ones.
void Oracle::AddUnknown(const Model& state, Position at, std::vector<size_t>& left) {
  const auto& all = history_.transactions;
  for (size_t i = 0; i < left.size(); ++i) {
    const size_t chosen = left[i];
    const bool free = std::ranges::none_of(
        left, [&](size_t other) { return other != chosen && MustPrecede(all[other], all[chosen]); });
    if (!free) continue;
    Model next = state;
    // A family operation that failed has no answer to compare; what it would have done counts.
    static_cast<void>(ApplyTo(next, all[chosen]));
    Position position = at;
    position.sum = next.Sum();
    position.number = at.number + 1;
    position.called_at = std::max(at.called_at, all[chosen].called.effects);
    position.unknown.push_back(chosen);
    positions_.push_back(position);
    std::vector<size_t> rest = left;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    AddUnknown(next, position, rest);
  }
}

size_t Oracle::NewestAcked(const Stamp& before) const {
  for (size_t p = known_; p > 0; --p) {
    if (history_.transactions[order_[p - 1]].ended.event < before.event) return p;
  }
  return 0;
}

void Oracle::CheckReading(const Reading& reading) {
  const std::string which = "snapshot at commit " + std::to_string(reading.number);
  for (const std::string& problem : reading.problems)
    Fail(Promise::kIsolated, "one state", which + ": " + problem);
  const size_t newest = NewestAcked(reading.began);
  if (reading.number < base_number_ + newest) {
    Fail(Promise::kIsolated,
         "the next read sees an acknowledged commit: " + std::to_string(base_number_ + newest), which);
    return;
  }
  const auto same = std::ranges::find_if(positions_, [&](const Position& position) {
    return position.number == reading.number && position.sum == reading.sum;
  });
  if (same == positions_.end()) {
    const auto [first, last] = by_sum_.equal_range(reading.sum);
    Fail(Promise::kIsolated, "a snapshot shows the state after the commit it names, for as long as it lives",
         which + ": other contents" + (first == last ? "" : ", those of another commit"));
    return;
  }
  for (const size_t p : same->unknown) {
    const Transaction& seen = history_.transactions[p];
    if (seen.durable()) {
      Fail(Promise::kIsolated, "a reader sees no commit whose outcome is unknown",
           which + ": " + Describe(seen));
    }
  }
}

// What must survive from which effect on.
void Oracle::FindFloors() {
  const auto& all = history_.transactions;
  const auto durable_below = [&](size_t position) {
    while (position > 0 && !all[order_[position - 1]].durable()) --position;
    return position;
  };
  for (size_t p = 0; p < known_; ++p) {
    const Transaction& at = all[order_[p]];
    if (!at.durable()) continue;
    floors_.push_back({at.ended.effects, p + 1, "commit"});
    // In the log it is proved by the group of the next durable commit that was called after its end.
    for (size_t q = p + 1; q < known_; ++q) {
      const Transaction& later = all[order_[q]];
      if (!later.durable() || later.called.event < at.ended.event) continue;
      damaged_floors_.push_back({later.ended.effects, p + 1, "commit"});
      break;
    }
  }
  for (const Reading& reading : history_.readings) {
    const uint64_t seen = std::min<uint64_t>(reading.number - std::min(reading.number, base_number_), known_);
    floors_.push_back({reading.read.effects, durable_below(seen), "reader"});
  }
  for (const Settled& settled : history_.settled) {
    floors_.push_back({settled.ended.effects, NewestAcked(settled.called), settled.what});
  }
  for (auto* floors : {&floors_, &damaged_floors_}) {
    std::ranges::stable_sort(*floors, {}, &Floor::effects);
    for (size_t i = 1; i < floors->size(); ++i) {
      Floor& floor = (*floors)[i];
      const Floor& before = (*floors)[i - 1];
      if (before.position >= floor.position) floor = {floor.effects, before.position, before.why};
    }
  }
}

namespace {

template <class Floors>
Allowed NewestFloor(const Floors& floors, uint64_t effects) {
  auto at = std::ranges::upper_bound(floors, effects, {}, [](const auto& floor) { return floor.effects; });
  if (at == floors.begin()) return {0, "base", effects};
  --at;
  return {at->position, at->why, effects};
}

}  // namespace

Allowed Oracle::At(uint64_t effects) const { return NewestFloor(floors_, effects); }
Allowed Oracle::AtWithDamagedLog(uint64_t effects) const { return NewestFloor(damaged_floors_, effects); }

std::optional<size_t> Oracle::Find(StateSum sum, uint64_t number, const Allowed& allowed) const {
  std::optional<size_t> found;
  const auto [first, last] = by_sum_.equal_range(sum);
  for (auto at = first; at != last; ++at) {
    const Position& position = positions_[at->second];
    if (at->second < allowed.floor || position.called_at > allowed.effects) continue;
    if (position.number == number) return at->second;
    found = at->second;
  }
  return found;
}

Model Oracle::StateAt(size_t position) const {
  Model state = base_;
  const auto& all = history_.transactions;
  for (size_t p = 0; p < std::min(position, known_); ++p) static_cast<void>(ApplyTo(state, all[order_[p]]));
  for (const size_t i : positions_[position].unknown) static_cast<void>(ApplyTo(state, all[i]));
  return state;
}

}  // namespace manifolddb::crashsim
