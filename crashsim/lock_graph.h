#pragma once
// Which locks are asked for while which others are held, over all runs of a race. A cycle is a deadlock that
// some schedule has, whether or not one of those that were tried did.
//
// Locks are known by their ranks, so runs add up: addresses differ from one to the next. Two locks of one
// rank, one inside the other, are a cycle as well, as the hierarchy has it (engine/base/lock_rank.h).

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "engine/base/lock_rank.h"

namespace manifolddb::crashsim {

class LockGraph {
 public:
  // What is asked for from now on is asked for in this schedule.
  void Enter(const std::string& schedule) { schedule_ = schedule; }
  // An actor that holds `held` asks for one more. It need not get it.
  void Ask(std::span<const base::LockRank> held, base::LockRank asked);
  // The first cycle that was closed since the last call, with a schedule for each of its edges.
  std::optional<std::string> TakeInversion() { return std::exchange(inversion_, std::nullopt); }

  // Pairs of ranks of which one was asked for inside the other.
  size_t orders() const;

 private:
  using Asked = std::map<base::LockRank, std::string>;  // and in which schedule first

  std::optional<std::string> PathOf(base::LockRank from, base::LockRank to) const;

  std::string schedule_;
  std::map<base::LockRank, Asked> behind_;  // by what is held
  std::optional<std::string> inversion_;
};

}  // namespace manifolddb::crashsim
