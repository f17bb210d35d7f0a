#pragma once
// The judge. From a run's history it works out every state that the order of commits leads through, checks
// the run itself against it (G3, G4), and says of recovered contents whether they are one of the states that
// the contract allows at that crash (G1 to G4).
//
// A *position* is a state: 0 is the base, i the state after the first i commits of the order. Commits whose
// outcome the engine called unknown come last, each possible sequence of them being positions of its own.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/history.h"
#include "crashsim/model.h"
#include "crashsim/observation.h"
#include "crashsim/rules.h"
#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

struct Position {
  StateSum sum;
  uint64_t number = 0;          // commit number
  uint64_t called_at = 0;       // effects when the last of its commits was called: not before can it exist
  std::vector<size_t> unknown;  // behind the known order: indices into transactions
};

// Which positions a crash may leave.
struct Allowed {
  size_t floor = 0;          // among the known positions
  const char* why = "base";  // what the floor comes from: "commit", "reader", "checkpoint", "close", "base"
  uint64_t effects = 0;
};

class Oracle {
 public:
  // `base` is the state at the beginning of the run, with commit number `base_number`.
  Oracle(Model base, uint64_t base_number, History history, Forgotten forgotten = {});

  // What the run itself violated, whatever a crash does.
  const Violations& run_violations() const { return run_violations_; }

  // At a crash after `effects` effects of the run.
  Allowed At(uint64_t effects) const;
  // The same if so many groups of the log are damaged (G7's exception): what a checkpoint covers must still
  // be there, and what some later group states to be durable. One after the other, so many durable commits
  // lie in groups of their own, of which one at least is whole.
  Allowed AtWithDamagedLog(uint64_t effects, size_t groups = 1) const;
  // The same if both copies of one checkpoint's meta page never arrived, written by effects `first` and
  // `second`, nothing being unreadable. Only a log group can tell of it: one that names that page, or that
  // states to be durable what the older page no longer leads to. So what is owed is what was acknowledged
  // before such a group was asked for; without one, what an earlier checkpoint covers.
  Allowed AtWithLostMeta(uint64_t effects, uint64_t first, uint64_t second) const;

  // The position that `sum` is, among the allowed ones; of several with the same contents the one with commit
  // number `number`, if any has it.
  std::optional<size_t> Find(StateSum sum, uint64_t number, const Allowed& allowed) const;
  // Full judgement: nothing, or what is wrong. `contents` is asked for only if it is needed to say what.
  template <class Contents>
  Violations Judge(const Summary& seen, const Allowed& allowed, Contents&& contents) const {
    Violations violations = JudgeForm(seen);
    const auto found = Find(seen.sum, seen.number, allowed);
    const bool numbered = found && positions_[*found].number == seen.number;
    if (numbered || (found && forgotten_(JudgingRule::kNumber))) return violations;
    violations.push_back(found ? WrongNumber(seen, *found) : Diagnose(contents(), allowed));
    return violations;
  }

  size_t known() const { return known_; }  // commits in the known order
  const std::vector<Position>& positions() const { return positions_; }
  const History& history() const { return history_; }
  // Commits of the known order, as indices into transactions.
  const std::vector<size_t>& order() const { return order_; }
  Model StateAt(size_t position) const;

 private:
  struct Floor {
    uint64_t effects;
    size_t position;
    const char* why;
  };

  void ListNumbers();
  // The run explained by one guess; true if nothing is wrong. Stops at an order that is wrong in itself,
  // unless it is wanted `to_the_end`.
  bool WorkOut(uint64_t guess, bool to_the_end);
  void FindOrder(uint64_t guess);
  void CheckOrder();
  void CheckNamed();
  void Replay();
  void PlaceRefused();
  static bool Preceded(const Transaction& before, const Transaction& one);
  std::vector<size_t> UnknownBefore(const Transaction& one) const;
  void ReplayRefused(const Model& state, size_t position);
  void CheckReading(const Reading& reading);
  void AddUnknown(const Model& state, Position at, std::vector<size_t>& left);
  bool MustPrecede(const Transaction& first, const Transaction& second) const;
  void FindFloors();
  size_t NewestAcked(const Stamp& before) const;
  Allowed Covered(uint64_t effects) const;
  void Check(Model& state, const Transaction& transaction);
  void Fail(Promise promise, std::string expected, std::string found);

  static Violations JudgeForm(const Summary& seen);
  Violation WrongNumber(const Summary& seen, size_t found) const;
  Violation Diagnose(const Observation& seen, const Allowed& allowed) const;

  Model base_;
  uint64_t base_number_;
  History history_;
  Forgotten forgotten_;
  std::vector<size_t> numbered_;    // acknowledged, changed something, told their number
  std::vector<size_t> unnumbered_;  // family operations, in the order of their ends
  std::vector<size_t> idle_;        // changed nothing, named a number that none of the numbered has
  std::vector<size_t> order_;
  size_t known_ = 0;
  std::vector<Position> positions_;
  std::multimap<StateSum, size_t> by_sum_;
  std::vector<Floor> floors_;                 // ascending in effects and position
  std::vector<std::vector<size_t>> refused_;  // per known position: what ran on it without effect
  Violations run_violations_;
};

// An error that says nothing about the contents: the storage failed, or the database had failed before.
bool IsEnvironment(Errc code);
// An error by which damage may be reported: says that stored bytes are not what they should be, and names the
// file.
bool ReportsDamage(const Error& error);

// Applies a transaction or family operation to a state, comparing each answer with the recorded one; the
// first difference is described, or nothing.
std::optional<std::string> ApplyTo(Model& state, const Transaction& transaction);
// "transaction 12 (commit 9, Immediate)": for messages.
std::string Describe(const Transaction& transaction);

}  // namespace manifolddb::crashsim
