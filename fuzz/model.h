#pragma once
// What a database must hold: after each commit, everything.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/target.h"

namespace manifolddb::fuzz {

using Entries = std::map<std::string, std::string>;
// Tables are shared between the states that have them alike.
using Tables = std::map<std::string, std::shared_ptr<const Entries>>;
using State = std::map<std::string, Tables>;  // by the name of the column family

// The entries, to be changed: a copy, unless nobody else has them.
inline Entries& Edit(std::shared_ptr<const Entries>& table) {
  if (table.use_count() != 1) table = std::make_shared<Entries>(*table);
  return const_cast<Entries&>(*table);
}

// The states that commits led to, by their numbers.
class History {
 public:
  History() { states_[0] = std::make_shared<const State>(); }

  uint64_t newest() const { return states_.rbegin()->first; }
  // Whoever made this commit was told so, and that it lasts.
  uint64_t acknowledged() const { return acknowledged_; }
  std::shared_ptr<const State> Newest() const { return states_.rbegin()->second; }
  std::shared_ptr<const State> At(uint64_t number) const {
    const auto found = states_.find(number);
    return found == states_.end() ? nullptr : found->second;
  }

  void Add(uint64_t number, State state, bool durable) {
    Expect(number == newest() + 1, "a commit's number is not the next one");
    states_[number] = std::make_shared<const State>(std::move(state));
    if (durable) acknowledged_ = number;
  }
  // All of it lasts.
  void Acknowledge() { acknowledged_ = newest(); }
  // What came after commit `number` never happened; everything up to it did.
  void CutBehind(uint64_t number) {
    Expect(states_.contains(number), "a commit that nobody made");
    states_.erase(states_.upper_bound(number), states_.end());
    acknowledged_ = number;
  }
  // Begins anew with what was found.
  void Restart(uint64_t number, State state) {
    states_.clear();
    states_[number] = std::make_shared<const State>(std::move(state));
    acknowledged_ = number;
  }

 private:
  std::map<uint64_t, std::shared_ptr<const State>> states_;
  uint64_t acknowledged_ = 0;
};

}  // namespace manifolddb::fuzz
