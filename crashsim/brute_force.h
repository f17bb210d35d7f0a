#pragma once
// A second judge, simple enough to be believed: builds the whole database after every prefix of the commits,
// anew and entry by entry, and compares. Shares no code with Model or Oracle. Slow: for tests, and for
// histories of a few transactions.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crashsim/digest.h"
#include "crashsim/history.h"
#include "crashsim/observation.h"

namespace manifolddb::crashsim {

using BruteTable = std::map<std::string, uint64_t>;
using BruteFamily = std::map<std::string, BruteTable>;
using BruteState = std::map<std::string, BruteFamily>;

class BruteForce {
 public:
  // Of runs with one actor, whose transactions are in the order of their commits.
  explicit BruteForce(const History& history) : history_(history) {}

  // Is `seen` a state that a crash after `effects` effects may leave?
  bool Permits(const Observation& seen, uint64_t effects) const {
    const BruteState recovered = StateOf(seen);
    std::vector<const Transaction*> commits;
    for (const Transaction& transaction : history_.transactions) {
      if (transaction.end == End::kAcked && transaction.changed) commits.push_back(&transaction);
    }
    size_t least = 0;
    for (size_t i = 0; i < commits.size(); ++i) {
      if (commits[i]->durable() && commits[i]->ended.effects <= effects) least = i + 1;
      for (const Settled& settled : history_.settled) {
        const bool before = commits[i]->ended.event < settled.called.event;
        if (before && settled.ended.effects <= effects) least = std::max(least, i + 1);
      }
    }
    for (size_t many = least; many <= commits.size(); ++many) {
      if (many > 0 && commits[many - 1]->called.effects > effects) break;
      BruteState state;
      std::map<FamilyUid, std::string> names;
      for (size_t i = 0; i < many; ++i) Replay(*commits[i], state, names);
      if (state == recovered && seen.number == many) return true;
    }
    return false;
  }

 private:
  static BruteState StateOf(const Observation& seen) {
    BruteState state;
    for (const ObservedFamily& family : seen.families) {
      for (const ObservedTable& table : family.tables) {
        for (const ObservedEntry& entry : table.contents)
          state[family.name][table.name][entry.key] = entry.digest;
        state[family.name][table.name];
      }
      state[family.name];
    }
    return state;
  }

  static void Replay(const Transaction& one, BruteState& state, std::map<FamilyUid, std::string>& names) {
    if (one.kind == StepKind::kCreateFamily) {
      state[one.names[0]];
      names[one.families[0]] = one.names[0];
    } else if (one.kind == StepKind::kDropFamily) {
      state.erase(one.names[0]);
    } else if (one.kind == StepKind::kRenameFamily) {
      std::swap(state[one.names[1]], state[one.names[0]]);
      state.erase(one.names[0]);
      for (auto& [uid, name] : names) name = name == one.names[0] ? one.names[1] : name;
    }
    for (const Performed& done : one.operations) {
      if (!done.outcome.error) Do(done.op, state.at(names.at(done.family)));
    }
  }

  static void Do(const Op& op, BruteFamily& family) {
    switch (op.kind) {
      case OpKind::kPut: family[op.table][op.key] = Digest(op.value); break;
      case OpKind::kDelete: family.at(op.table).erase(op.key); break;
      case OpKind::kDeleteRange: {
        const BruteTable old = family.at(op.table);
        for (const auto& [key, digest] : old) {
          const bool above = !op.has_key || op.key <= key;
          if (above && (!op.has_upper || key < op.upper)) family.at(op.table).erase(key);
        }
        break;
      }
      case OpKind::kCreateTable: family[op.table]; break;
      case OpKind::kDropTable: family.erase(op.table); break;
      case OpKind::kRenameTable:
        family[op.key] = family.at(op.table);
        family.erase(op.table);
        break;
      default: break;
    }
  }

  const History& history_;
};

}  // namespace manifolddb::crashsim
