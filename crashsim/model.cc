// (1) A table's sum is at every moment the sum over its entries.
// (2) Apply answers as the engine's contract does: what is missing is an error or "not there", never created,
//     except that kPut makes its table.
#include "crashsim/model.h"

#include <algorithm>

namespace manifolddb::crashsim {

void ModelTable::Put(std::string_view key, const ModelValue& value) {
  const uint64_t key_digest = Digest(key);
  auto at = entries.find(key);
  if (at == entries.end()) {
    entries.emplace(std::string(key), value);
  } else {
    sum -= SumOfEntry(key_digest, at->second.digest);
    at->second = value;
  }
  sum += SumOfEntry(key_digest, value.digest);
}

bool ModelTable::Delete(std::string_view key) {
  auto at = entries.find(key);
  if (at == entries.end()) return false;
  sum -= SumOfEntry(Digest(key), at->second.digest);
  entries.erase(at);
  return true;
}

void AddToScan(SequenceSum& sum, std::string_view key, uint64_t value_digest) {
  sum.Add(Digest(key));
  sum.Add(value_digest);
}

uint64_t FoundValue(uint64_t digest) { return digest | 1; }

uint64_t ScanOf(const ModelTable& table, const Op& op) {
  // What lies within the bounds; `at` is 0 before the first of them, one more than their number after the
  // last.
  std::vector<std::pair<std::string_view, uint64_t>> window;
  for (auto one = op.has_lower ? table.entries.lower_bound(op.lower) : table.entries.begin();
       one != table.entries.end() && (!op.has_upper || one->first < op.upper); ++one) {
    window.emplace_back(one->first, one->second.digest);
  }
  const auto before = [&](const auto& entry) { return entry.first < op.key; };
  const auto up_to = [&](const auto& entry) { return entry.first <= op.key; };
  size_t at = op.backwards ? window.size() : 1;
  if (op.has_key) {
    at = static_cast<size_t>(op.backwards ? std::ranges::count_if(window, up_to)
                                          : std::ranges::count_if(window, before) + 1);
  }
  SequenceSum sum;
  bool backwards = op.backwards;
  for (uint32_t shown = 1; shown <= op.count; ++shown) {
    const bool there = at > 0 && at <= window.size();
    if (!there && op.turn_after == 0) break;
    if (there) AddToScan(sum, window[at - 1].first, window[at - 1].second);
    if (shown == op.turn_after) backwards = !backwards;
    if (backwards) {
      at -= at > 0 ? 1 : 0;
    } else {
      at = std::min(at + 1, window.size() + 1);
    }
  }
  return sum.value();
}

namespace {

uint64_t DeleteRange(ModelTable& table, const Op& op) {
  auto at = op.has_key ? table.entries.lower_bound(op.key) : table.entries.begin();
  std::vector<std::string> gone;
  for (; at != table.entries.end() && (!op.has_upper || at->first < op.upper); ++at)
    gone.push_back(at->first);
  for (const std::string& key : gone) table.Delete(key);
  return gone.size();
}

}  // namespace

Outcome Model::ApplyToTable(ModelTable& table, const Op& op, Serial serial) {
  switch (op.kind) {
    case OpKind::kPut: table.Put(op.key, {Digest(op.value), op.value.size(), serial}); return {};
    case OpKind::kDelete: return {.value = table.Delete(op.key) ? 1u : 0u};
    case OpKind::kDeleteRange: return {.value = DeleteRange(table, op)};
    case OpKind::kGet: {
      const auto at = table.entries.find(op.key);
      return {.value = at == table.entries.end() ? 0 : FoundValue(at->second.digest)};
    }
    case OpKind::kLength: return {.value = table.entries.size()};
    case OpKind::kScan: return {.value = ScanOf(table, op)};
    default: return {.error = Errc::kInvalidArgument};
  }
}

Outcome Model::Apply(FamilyUid family, const Op& op, Serial serial) {
  const auto holder = families_.find(family);
  if (holder == families_.end()) return {.error = Errc::kNoSuchColumnFamily};
  auto& tables = holder->second.tables;
  if (op.kind == OpKind::kCreateTable) {
    return tables.try_emplace(op.table).second ? Outcome{} : Outcome{.error = Errc::kAlreadyExists};
  }
  auto table = tables.find(op.table);
  if (table == tables.end() && op.kind == OpKind::kPut) table = tables.try_emplace(op.table).first;
  if (table == tables.end()) return {.error = Errc::kNoSuchTable};
  if (op.kind == OpKind::kDropTable) {
    tables.erase(table);
    return {};
  }
  if (op.kind == OpKind::kRenameTable) {
    if (tables.contains(op.key)) return {.error = Errc::kAlreadyExists};
    auto node = tables.extract(table);
    node.key() = op.key;
    tables.insert(std::move(node));
    return {};
  }
  return ApplyToTable(table->second, op, serial);
}

Outcome ModelSavepoints::Apply(Model& state, const Op& op) {
  if (op.kind == OpKind::kSetSavepoint) {
    set_.push_back(state);
    return {};
  }
  if (set_.empty()) return {.error = Errc::kInvalidArgument};
  for (uint32_t inner = 0; inner < op.count && set_.size() > 1; ++inner) set_.pop_back();
  if (op.kind == OpKind::kRollBack) {
    state = set_.back();
  } else {
    set_.pop_back();
  }
  return {};
}

Outcome Model::CreateFamily(FamilyUid family, const std::string& name) {
  if (Find(name)) return {.error = Errc::kAlreadyExists};
  if (!families_.try_emplace(family, ModelFamily{.name = name, .tables = {}}).second) {
    return {.error = Errc::kInvalidArgument};  // an id was used again
  }
  return {};
}

Outcome Model::DropFamily(const std::string& name) {
  const auto uid = Find(name);
  if (!uid) return {.error = Errc::kNoSuchColumnFamily};
  families_.erase(*uid);
  return {};
}

Outcome Model::RenameFamily(const std::string& from, const std::string& to) {
  const auto uid = Find(from);
  if (!uid) return {.error = Errc::kNoSuchColumnFamily};
  if (Find(to)) return {.error = Errc::kAlreadyExists};
  families_[*uid].name = to;
  return {};
}

StateSum Model::Sum() const {
  StateSum sum;
  for (const auto& [uid, family] : families_) {
    StateSum tables;
    for (const auto& [name, table] : family.tables)
      tables += SumOfTable(name, table.entries.size(), table.sum);
    sum += SumOfFamily(family.name, family.tables.size(), tables);
  }
  return sum;
}

std::optional<FamilyUid> Model::Find(std::string_view name) const {
  const auto at =
      std::ranges::find_if(families_, [&](const auto& entry) { return entry.second.name == name; });
  if (at == families_.end()) return std::nullopt;
  return at->first;
}

void Model::Rebind(const std::string& name, FamilyUid uid) {
  const auto old = Find(name);
  if (!old || *old == uid) return;
  auto node = families_.extract(*old);
  node.key() = uid;
  // Another family may hold this id for now: it is given its own later, until then one nobody has.
  if (auto taken = families_.extract(uid); !taken.empty()) {
    taken.key() = ~uid;
    families_.insert(std::move(taken));
  }
  families_.insert(std::move(node));
}

void Model::TakeFamilies(const Model& other, const std::vector<FamilyUid>& uids) {
  for (const FamilyUid uid : uids) {
    const auto at = other.families_.find(uid);
    if (at != other.families_.end()) families_[uid] = at->second;
  }
}

}  // namespace manifolddb::crashsim
