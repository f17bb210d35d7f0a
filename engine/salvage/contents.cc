// Ranges of lost keys, and to whom they belong.
//
// (1) Behind the trees a range only ever shrinks, and by what the log proves: a key that is not in the new
//     database and was in the old one lies in a range from the beginning to the end.

#include "engine/salvage/contents.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace manifolddb::salvage {

LostRanges::Ranges::iterator LostRanges::FirstBehind(const std::string& key) {
  auto at = ranges_.upper_bound(key);
  if (at == ranges_.begin()) return at;
  const auto before = std::prev(at);
  return !before->second.upper || *before->second.upper > key ? before : at;
}

void LostRanges::Add(const std::optional<std::string>& lower, const std::optional<std::string>& upper,
                     Cause cause) {
  std::string from = lower.value_or("");
  Rest added{upper, std::move(cause)};
  const auto ends_behind = [&added](const Rest& rest) {
    return !rest.upper || (added.upper && *rest.upper >= *added.upper);
  };
  auto at = FirstBehind(from);
  if (at != ranges_.end() && at->first <= from && ends_behind(at->second)) return;
  while (at != ranges_.end() && (!added.upper || at->first < *added.upper)) {
    from = std::min(from, at->first);
    if (ends_behind(at->second)) added.upper = at->second.upper;
    at = ranges_.erase(at);
  }
  ranges_.emplace(std::move(from), std::move(added));
}

void LostRanges::AddKey(const std::string& key, Cause cause) { Add(key, key + '\0', std::move(cause)); }

void LostRanges::Regain(const std::optional<std::string>& lower, const std::optional<std::string>& upper) {
  const std::string from = lower.value_or("");
  if (upper && *upper <= from) return;
  for (auto at = FirstBehind(from); at != ranges_.end() && (!upper || at->first < *upper);) {
    auto range = ranges_.extract(at++);
    Rest& rest = range.mapped();
    if (upper && (!rest.upper || *rest.upper > *upper)) ranges_.emplace(*upper, rest);
    if (range.key() >= from) continue;
    rest.upper = from;
    ranges_.insert(std::move(range));
  }
}

void LostRanges::RegainKey(const std::string& key) {
  const auto at = ranges_.find(key);
  if (at != ranges_.end() && at->second.upper && *at->second.upper == key + '\0') ranges_.erase(at);
}

void LostRanges::AddTo(std::vector<SalvageLoss>& losses, const VerifyReport::Affected& of) const {
  for (const auto& [lower, rest] : ranges_) {
    SalvageLoss loss{of, rest.cause.file, rest.cause.offset, rest.cause.why};
    if (!lower.empty()) loss.keys.lower = lower;
    loss.keys.upper = rest.upper;
    losses.push_back(std::move(loss));
  }
}

std::vector<SalvageLoss> Contents::Losses() const {
  std::vector<SalvageLoss> losses;
  lost.AddTo(losses, {});
  for (const auto& [id, family] : families) {
    family.lost.AddTo(losses, {family.name, {}, {}, {}});
    for (const auto& [table_id, table] : family.tables) {
      table.lost.AddTo(losses, {family.name, table.name, {}, {}});
    }
  }
  return losses;
}

}  // namespace manifolddb::salvage
