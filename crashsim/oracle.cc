// (1) The order of commits is what Commit returned; family operations, which return none, fill the gaps.
//     Numbers are dense, agree with what ended before what began, and with who held a family after whom.
// (2) Every answer a transaction got, also of one that was aborted, is the answer of the state it ran on
//     (G4).
// (3) Every reading equals the state at its number, not older than what had been acknowledged before it
//     began.
// (4) A crash leaves a position at or above the floor: the newest durable commit that was acknowledged, or
//     seen by a reader, or covered by a checkpoint that succeeded.
#include "crashsim/oracle.h"

#include <algorithm>
#include <set>
#include <utility>

#include "crashsim/beat.h"

namespace manifolddb::crashsim {
namespace {

constexpr size_t kIdleMax = 12;  // that are guessed about

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
  constexpr const char* kNames[] = {"Put",         "Delete",       "DeleteRange", "Get",
                                    "Length",      "Scan",         "CreateTable", "DropTable",
                                    "RenameTable", "SetSavepoint", "RollBackTo",  "Release"};
  return kNames[static_cast<int>(kind)];
}

std::string Wrong(const Transaction& transaction, const Outcome& expected, const Outcome& found,
                  const std::string& what) {
  return Describe(transaction) + ", " + what + ": answer " + Text(found) + " instead of " + Text(expected);
}

// What a transaction answers to everything after an operation that met a failure of the environment; nothing
// if it goes on. G8 and transaction.h: a change that failed may have been made in part, so only Abort is
// left; a poisoned database says so each time; a read that failed has done no harm, and what follows is
// answered as ever.
std::optional<Errc> AfterFailure(const Performed& failed) {
  switch (failed.op.kind) {
    case OpKind::kGet:
    case OpKind::kLength:
    case OpKind::kScan:
      if (failed.outcome.error != Errc::kPoisoned) return std::nullopt;
      break;
    default: break;
  }
  return failed.outcome.error == Errc::kPoisoned ? Errc::kPoisoned : Errc::kTransactionEnded;
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

bool ReportsDamage(const Error& error) {
  switch (error.code()) {
    case Errc::kCorrupt:
    case Errc::kNotADatabase:
    case Errc::kTruncated:
    case Errc::kNewerFormat:
    case Errc::kPageSizeMismatch: return !error.file().empty();
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
    return Wrong(transaction, expected, found, what);
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
  std::optional<Errc> over;  // what every call answers from here on, until it is taken back
  ModelSavepoints savepoints;
  for (size_t i = 0; i < transaction.operations.size(); ++i) {
    const Performed& done = transaction.operations[i];
    const auto what = [&] {
      return "operation " + std::to_string(i) + ", " + NameOf(done.op.kind) + " in '" + done.op.table + "'";
    };
    // Going back undoes a change that failed, too, if the transaction can go on at all.
    if (over == Errc::kTransactionEnded && done.op.kind == OpKind::kRollBack && !done.outcome.error) {
      over.reset();
    }
    // Whether the database is poisoned is asked before what has failed in this transaction.
    const bool says_why = done.op.kind == OpKind::kRollBack && done.outcome.error == Errc::kPoisoned;
    if (over) {
      if (says_why) continue;
      if (!first && done.outcome.error != over)
        first = Wrong(transaction, {.error = over}, done.outcome, what());
      continue;
    }
    if (done.outcome.error && IsEnvironment(*done.outcome.error)) {
      over = AfterFailure(done);
      continue;
    }
    const Outcome expected = IsAboutSavepoints(done.op.kind)
                                 ? savepoints.Apply(state, done.op)
                                 : state.Apply(done.family, done.op, transaction.serial);
    if (!first && expected != done.outcome) first = Wrong(transaction, expected, done.outcome, what());
  }
  if (!first && !over && transaction.outcome.error == Errc::kTransactionEnded) {
    first = Wrong(transaction, {}, transaction.outcome, "Commit");
  }
  if (!first && over && transaction.end != End::kAborted && transaction.end != End::kRunning &&
      transaction.outcome.error != over) {
    first = Wrong(transaction, {.error = over}, transaction.outcome, "Commit");
  }
  return first;
}

Oracle::Oracle(Model base, uint64_t base_number, History history, Forgotten forgotten)
    : base_(std::move(base)), base_number_(base_number), history_(std::move(history)), forgotten_(forgotten) {
  ListNumbers();
  const size_t open = unnumbered_.empty() ? 0 : std::min(idle_.size(), kIdleMax);
  const uint64_t guesses = uint64_t{1} << open;
  bool holds = false;
  std::optional<uint64_t>
      best;  // what is wrong is told of the plainest order, if there is one that is right in itself
  for (uint64_t guess = 0; guess < guesses && !holds; ++guess) {
    holds = WorkOut(guess, false);
    if (!positions_.empty() && !best) best = guess;
  }
  if (!holds) static_cast<void>(WorkOut(best.value_or(0), true));
  FindFloors();
}

bool Oracle::WorkOut(uint64_t guess, bool to_the_end) {
  Beat();
  run_violations_.clear();
  order_.clear();
  positions_.clear();
  refused_.clear();
  by_sum_.clear();
  FindOrder(guess);
  CheckOrder();
  CheckNamed();
  if (!run_violations_.empty() && !to_the_end) return false;
  PlaceRefused();
  Replay();
  for (size_t i = 0; i < positions_.size(); ++i) by_sum_.emplace(positions_[i].sum, i);
  for (const Reading& reading : history_.readings) CheckReading(reading);
  return run_violations_.empty();
}

void Oracle::Fail(Promise promise, std::string expected, std::string found) {
  run_violations_.push_back({promise, std::move(expected), std::move(found)});
}

// Who told its number, and who did not.
void Oracle::ListNumbers() {
  const auto& all = history_.transactions;
  std::map<uint64_t, size_t> idle;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].end != End::kAcked) continue;
    if (all[i].number == 0) {
      unnumbered_.push_back(i);
    } else if (all[i].changed) {
      numbered_.push_back(i);
    }
  }
  std::ranges::sort(unnumbered_, {}, [&](size_t i) { return all[i].ended.event; });
  const auto taken = [&](uint64_t number) {
    return std::ranges::any_of(numbered_, [&](size_t i) { return all[i].number == number; });
  };
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].end != End::kAcked || all[i].changed || all[i].number <= base_number_) continue;
    if (taken(all[i].number)) continue;
    // Of several that name one number at most the one called first has it: the others found it published.
    const auto [at, first] = idle.try_emplace(all[i].number, i);
    if (!first && all[i].called.event < all[at->second].called.event) at->second = i;
  }
  for (const auto& [number, i] : idle) idle_.push_back(i);
}

// Sorts what was acknowledged by number. Two kinds leave it open: one that changed nothing names its own
// number, or the newest that was published; and family operations tell none, in the order of their ends they
// take the numbers that are left (the workload never runs two of them side by side). Bit i of `guess`: the
// i-th of the idle ones has a place of its own. What the engine did is right if any guess explains all of it.
void Oracle::FindOrder(uint64_t guess) {
  auto& all = history_.transactions;
  std::set<uint64_t> taken;
  const auto take = [&](size_t i) {
    if (!taken.insert(all[i].number).second) {
      Fail(Promise::kPrefix, "every commit has a number of its own",
           Describe(all[i]) + " has one that is taken");
    }
    order_.push_back(i);
  };
  for (const size_t i : numbered_) take(i);
  for (size_t i = 0; i < idle_.size(); ++i) {
    // Without family operations nobody else can have it.
    if (unnumbered_.empty() || i >= kIdleMax || (guess >> i & 1) != 0) take(idle_[i]);
  }
  uint64_t number = base_number_;
  for (const size_t i : unnumbered_) {
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
    if (at.ended.event < called_max && !forgotten_(JudgingRule::kOrder)) {
      Fail(Promise::kPrefix, "what ended before another was called precedes it in the order", Describe(at));
    }
    called_max = std::max(called_max, at.called.event);
    for (size_t q = 0; q < p && !forgotten_(JudgingRule::kOrder); ++q) {
      const Transaction& before = all[order_[q]];
      const auto since = TookOver(at, before);
      if (since && before.kind == StepKind::kTransaction && *since < before.called.event) {
        Fail(Promise::kIsolated, "a family is held by one transaction at a time, in the order of commits",
             Describe(at) + " began before " + Describe(before) + " was committed");
      }
    }
  }
}

// What one without a place of its own names was published when it answered.
void Oracle::CheckNamed() {
  const auto& all = history_.transactions;
  for (size_t i = 0; i < all.size(); ++i) {
    const Transaction& one = all[i];
    if (one.end != End::kAcked || one.changed || one.number <= base_number_) continue;
    const uint64_t place = one.number - base_number_ - 1;
    if (place < known_ && (order_[place] == i || all[order_[place]].called.event < one.ended.event)) continue;
    Fail(Promise::kPrefix, "the number of a commit that was called before it answered", Describe(one));
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

// Was commit `before` in the state that `one` started from?
bool Oracle::Preceded(const Transaction& before, const Transaction& one) {
  if (before.kind == StepKind::kTransaction) {
    return one.kind == StepKind::kTransaction && before.called.event < TookOver(one, before).value_or(0);
  }
  if (before.ended.event < one.began.event) return true;
  // Side by side: what holds a family found it made; and it was dropped behind whoever held it.
  return before.kind == StepKind::kCreateFamily && !before.families.empty() &&
         std::ranges::find(one.families, before.families.front()) != one.families.end();
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
    size_t after = UnknownBefore(one).empty() ? 0 : known_;
    for (size_t p = known_; p > 0 && after == 0; --p) {
      if (Preceded(all[order_[p - 1]], one)) after = p;
    }
    refused_[after].push_back(i);
  }
}

// The commits of unknown outcome that held one of its families before: they were ordered, so it started from
// them (early lock release), although it can never be committed itself.
std::vector<size_t> Oracle::UnknownBefore(const Transaction& one) const {
  const auto& all = history_.transactions;
  std::vector<size_t> before;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].end != End::kUnknown || all[i].kind != StepKind::kTransaction) continue;
    if (all[i].called.event < TookOver(one, all[i]).value_or(0)) before.push_back(i);
  }
  std::ranges::sort(before, {}, [&](size_t i) { return all[i].called.event; });
  return before;
}

void Oracle::ReplayRefused(const Model& state, size_t position) {
  for (const size_t i : refused_[position]) {
    const Transaction& one = history_.transactions[i];
    Model copy;
    if (one.kind == StepKind::kTransaction) {
      copy.TakeFamilies(state, one.families);
      for (const size_t unknown : UnknownBefore(one)) {
        // What it did to other families is not looked at.
        ModelSavepoints savepoints;
        for (const Performed& done : history_.transactions[unknown].operations) {
          if (done.outcome.error) continue;
          if (IsAboutSavepoints(done.op.kind)) {
            static_cast<void>(savepoints.Apply(copy, done.op));
          } else if (std::ranges::find(one.families, done.family) != one.families.end()) {
            static_cast<void>(copy.Apply(done.family, done.op, history_.transactions[unknown].serial));
          }
        }
      }
    } else {
      copy = state;
    }
    Check(copy, one);
  }
}

bool Oracle::MustPrecede(const Transaction& first, const Transaction& second) const {
  if (forgotten_(JudgingRule::kUnknownOrder)) return false;
  if (first.ended.event != 0 && first.ended.event < second.called.event) return true;
  return first.called.event < TookOver(second, first).value_or(0);
}

// Every sequence in which commits of unknown outcome may have been ordered behind the known ones.
void Oracle::AddUnknown(const Model& state, Position at, std::vector<size_t>& left) {
  Beat();
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
  if (reading.number < base_number_ + newest && !forgotten_(JudgingRule::kFreshness)) {
    Fail(Promise::kIsolated,
         "the next read sees an acknowledged commit: " + std::to_string(base_number_ + newest), which);
    return;
  }
  const auto same = std::ranges::find_if(positions_, [&](const Position& position) {
    return position.number == reading.number && position.sum == reading.sum;
  });
  if (same == positions_.end()) {
    if (forgotten_(JudgingRule::kReading)) return;
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
    if (!at.durable() || forgotten_(JudgingRule::kCommitFloor)) continue;
    floors_.push_back({at.ended.effects, p + 1, "commit"});
  }
  for (const Reading& reading : history_.readings) {
    if (forgotten_(JudgingRule::kReaderFloor)) break;
    const uint64_t seen = std::min<uint64_t>(reading.number - std::min(reading.number, base_number_), known_);
    floors_.push_back({reading.read.effects, durable_below(seen), "reader"});
  }
  for (const Settled& settled : history_.settled) {
    if (forgotten_(JudgingRule::kSettledFloor)) break;
    floors_.push_back({settled.ended.effects, NewestAcked(settled.called), settled.what});
  }
  std::ranges::stable_sort(floors_, {}, &Floor::effects);
  for (size_t i = 1; i < floors_.size(); ++i) {
    const Floor& before = floors_[i - 1];
    if (before.position >= floors_[i].position) {
      floors_[i] = {floors_[i].effects, before.position, before.why};
    }
  }
}

Allowed Oracle::At(uint64_t effects) const {
  auto at = std::ranges::upper_bound(floors_, effects, {}, &Floor::effects);
  if (at == floors_.begin()) return {0, "base", effects};
  --at;
  return {at->position, at->why, effects};
}

// By a checkpoint that had succeeded, or was some commit's own.
Allowed Oracle::Covered(uint64_t effects) const {
  Allowed allowed{0, "base", effects};
  for (const Settled& settled : history_.settled) {
    const size_t covered = settled.ended.effects <= effects ? NewestAcked(settled.called) : 0;
    if (covered > allowed.floor) allowed = {covered, settled.what, effects};
  }
  for (size_t p = known_; p > allowed.floor; --p) {
    const Transaction& at = history_.transactions[order_[p - 1]];
    if (at.through_checkpoint && at.changed && at.ended.effects <= effects)
      allowed = {p, "checkpoint", effects};
  }
  return allowed;
}

Allowed Oracle::AtWithDamagedLog(uint64_t effects, size_t groups) const {
  const auto& all = history_.transactions;
  const Allowed covered = Covered(effects);
  for (size_t p = known_; p > covered.floor; --p) {
    const Transaction& at = all[order_[p - 1]];
    if (!at.durable() || at.ended.effects > effects) continue;
    size_t proofs = 0;
    uint64_t ended = at.ended.event;
    for (size_t q = p; q < known_ && proofs < groups; ++q) {
      const Transaction& later = all[order_[q]];
      if (!later.durable() || later.called.event < ended || later.ended.effects > effects) continue;
      ++proofs;
      ended = later.ended.event;
    }
    if (proofs == groups) return {p, "commit", effects};
  }
  return covered;
}

Allowed Oracle::AtWithLostMeta(uint64_t effects, uint64_t first, uint64_t second) const {
  Allowed allowed{0, "base", effects};
  for (const Settled& settled : history_.settled) {
    const size_t covered = settled.ended.effects <= first ? NewestAcked(settled.called) : 0;
    if (covered > allowed.floor) allowed = {covered, settled.what, effects};
  }
  for (const size_t i : order_) {
    const Transaction& teller = history_.transactions[i];
    // Called after the second copy's sync, the effect behind it.
    const bool tells = teller.logged && teller.durable() && teller.called.effects > second + 1;
    if (!tells || teller.ended.effects > effects) continue;
    size_t told = NewestAcked(teller.called);
    while (told > 0 && !history_.transactions[order_[told - 1]].durable()) --told;
    if (told > allowed.floor) allowed = {told, "commit", effects};
  }
  return allowed;
}

std::optional<size_t> Oracle::Find(StateSum sum, uint64_t number, const Allowed& allowed) const {
  std::optional<size_t> found;
  const auto same = by_sum_.equal_range(sum);
  const bool any = forgotten_(JudgingRule::kContents);
  const auto last = any ? by_sum_.end() : same.second;
  for (auto at = any ? by_sum_.begin() : same.first; at != last; ++at) {
    const Position& position = positions_[at->second];
    if (at->second < allowed.floor) continue;
    if (position.called_at > allowed.effects && !forgotten_(JudgingRule::kNotBefore)) continue;
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
