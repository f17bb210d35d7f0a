#include "crashsim/savepoints.h"

#include <algorithm>

namespace manifolddb::crashsim {

std::optional<Status> Savepoints::Do(const Op& op, bool& changed) {
  if (op.kind == OpKind::kSetSavepoint) {
    const auto set = transaction_.SetSavepoint();
    if (!set) return std::unexpected(set.error());
    set_.emplace_back(*set, changed);
    return Status{};
  }
  if (set_.empty()) return std::nullopt;
  const size_t at = set_.size() - 1 - std::min<size_t>(op.count, set_.size() - 1);
  const bool back = op.kind == OpKind::kRollBack;
  const Status done = back ? transaction_.RollBackTo(set_[at].first) : transaction_.Release(set_[at].first);
  if (!done) return done;
  if (back) changed = set_[at].second;
  set_.resize(at + (back ? 1 : 0));
  return done;
}

}  // namespace manifolddb::crashsim
