// (1) The graph has no cycle but the one that is told next: an edge that closes one is left out, so that it
//     is told again of the next schedule that has it.
#include "crashsim/lock_graph.h"

namespace manifolddb::crashsim {
namespace {

std::string TextOf(base::LockRank held, base::LockRank asked, const std::string& schedule) {
  return std::to_string(static_cast<int>(asked)) + " asked for inside " +
         std::to_string(static_cast<int>(held)) + " in schedule " + schedule;
}

}  // namespace

void LockGraph::Ask(std::span<const base::LockRank> held, base::LockRank asked) {
  for (const base::LockRank outer : held) {
    const auto found = behind_.find(outer);
    if (found != behind_.end() && found->second.contains(asked)) continue;
    if (const auto back = PathOf(asked, outer)) {
      if (!inversion_) inversion_ = "lock of rank " + TextOf(outer, asked, schedule_) + *back;
      continue;  // (1)
    }
    behind_[outer].emplace(asked, schedule_);
  }
}

size_t LockGraph::orders() const {
  size_t orders = 0;
  for (const auto& [outer, asked] : behind_) orders += asked.size();
  return orders;
}

// The edges from one to the other, as text; empty, but there, if they are the same.
std::optional<std::string> LockGraph::PathOf(base::LockRank from, base::LockRank to) const {
  if (from == to) return "";
  const auto found = behind_.find(from);
  if (found == behind_.end()) return std::nullopt;
  for (const auto& [inner, schedule] : found->second) {
    if (const auto rest = PathOf(inner, to)) return "; " + TextOf(from, inner, schedule) + *rest;
  }
  return std::nullopt;
}

}  // namespace manifolddb::crashsim
