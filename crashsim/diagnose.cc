// Says which promise a recovered state breaks, and how: found by the tags that every write carries, not by
// asking the engine. Slow, and only ever run on what is already known to be wrong.
#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "crashsim/oracle.h"

namespace manifolddb::crashsim {
namespace {

struct Cell {
  uint64_t digest = 0;
  Serial serial = 0;  // who wrote it
};
using Flat =
    std::map<std::string, Cell>;  // "family/table/key" -> value; families and tables are cells as well

// Keys are any bytes: printable ones as they are, others as \xNN, long ones shortened.
std::string Printable(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size() && i < 48; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte >= 0x20 && byte < 0x7f) {
      text += bytes[i];
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  if (bytes.size() > 48) text += "...(" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

Flat Flatten(const Model& state) {
  Flat flat;
  for (const auto& [uid, family] : state.families()) {
    flat[family.name] = {};
    for (const auto& [name, table] : family.tables) {
      flat[family.name + "/" + name] = {};
      for (const auto& [key, value] : table.entries) {
        flat[family.name + "/" + name + "/" + key] = {value.digest, value.serial};
      }
    }
  }
  return flat;
}

struct Difference {
  std::string where;
  std::optional<Cell> expected;
  std::optional<Cell> found;
};

std::vector<Difference> Differences(const Flat& expected, const Flat& found) {
  std::vector<Difference> all;
  for (const auto& [where, cell] : expected) {
    const auto other = found.find(where);
    if (other == found.end()) {
      all.push_back({where, cell, std::nullopt});
    } else if (other->second.digest != cell.digest) {
      all.push_back({where, cell, other->second});
    }
  }
  for (const auto& [where, cell] : found) {
    if (!expected.contains(where)) all.push_back({where, std::nullopt, cell});
  }
  return all;
}

std::string Text(const Difference& difference) {
  const auto cell = [](const std::optional<Cell>& value) {
    if (!value) return std::string("nothing");
    return value->digest == 0 ? "present" : "what transaction " + std::to_string(value->serial) + " wrote";
  };
  return Printable(difference.where) + ": " + cell(difference.found) + " instead of " +
         cell(difference.expected);
}

// Contents to writer, over everything that was ever written.
std::unordered_map<uint64_t, Serial> Writers(const Model& base, const History& history) {
  std::unordered_map<uint64_t, Serial> writers;
  for (const auto& [where, cell] : Flatten(base)) writers.emplace(cell.digest, cell.serial);
  for (const Transaction& transaction : history.transactions) {
    for (const Performed& done : transaction.operations) {
      if (done.op.kind == OpKind::kPut) writers.emplace(Digest(done.op.value), transaction.serial);
    }
  }
  return writers;
}

// Is everything that the transaction wrote there? (Of a key that it wrote twice, what it wrote last.)
bool Whole(const Transaction& transaction, const Model& names, const Flat& found) {
  std::map<std::string, uint64_t> written;
  for (const Performed& done : transaction.operations) {
    const auto family = names.families().find(done.family);
    if (done.op.kind != OpKind::kPut || family == names.families().end()) continue;
    written[family->second.name + "/" + done.op.table + "/" + done.op.key] = Digest(done.op.value);
  }
  return std::ranges::all_of(written, [&](const auto& write) {
    const auto at = found.find(write.first);
    return at != found.end() && at->second.digest == write.second;
  });
}

}  // namespace

Violations Oracle::JudgeForm(const Summary& seen) {
  Violations violations;
  for (const std::string& problem : seen.problems) {
    violations.push_back(
        {Promise::kWhole, "one order of keys, in both directions, as long as Length says", problem});
  }
  return violations;
}

Violation Oracle::WrongNumber(const Summary& seen, size_t found) const {
  return {Promise::kPrefix,
          "commit number " + std::to_string(positions_[found].number) + " for these contents",
          "the database says " + std::to_string(seen.number)};
}

Violation Oracle::Diagnose(const Observation& seen, const Allowed& allowed) const {
  const auto& all = history_.transactions;
  const std::string floor = allowed.floor == 0 ? std::string("the state at the beginning of the run")
                                               : Describe(all[order_[allowed.floor - 1]]);
  const auto [first, last] = by_sum_.equal_range(seen.Sum());
  if (first != last) {
    const size_t position = std::prev(last)->second;
    if (position < allowed.floor) {
      const bool reader = std::string_view(allowed.why) == "reader";
      return {reader ? Promise::kIsolated : Promise::kDurable,
              "at least " + floor + ", owed to a " + allowed.why,
              "the state after " + std::to_string(position) + " commits of the run, " +
                  std::to_string(allowed.floor - position) + " too few"};
    }
    return {Promise::kPrefix, "no commit that was not called yet",
            "the state after commit " + std::to_string(positions_[position].number)};
  }

  // Not a state of this history: measure it against the nearest one that was allowed.
  const Flat found = Flatten(ModelOf(seen));
  const auto writers = Writers(base_, history_);
  std::vector<Difference> nearest;
  size_t nearest_position = allowed.floor;
  for (size_t p = allowed.floor; p < positions_.size(); ++p) {
    if (positions_[p].called_at > allowed.effects) continue;
    auto differences = Differences(Flatten(StateAt(p)), found);
    if (p == allowed.floor || differences.size() < nearest.size()) {
      nearest = std::move(differences);
      nearest_position = p;
    }
  }
  Violation violation{Promise::kPrefix, "a state after a prefix of the commits, from " + floor + " on",
                      "none; nearest is commit " + std::to_string(positions_[nearest_position].number) +
                          " with " + std::to_string(nearest.size()) + " differences"};
  std::set<Serial> concerned;
  for (size_t i = 0; i < nearest.size(); ++i) {
    if (i < 3) violation.found += (i == 0 ? ": " : "; ") + Text(nearest[i]);
    if (nearest[i].expected) concerned.insert(nearest[i].expected->serial);
    if (nearest[i].found) concerned.insert(nearest[i].found->serial);
    if (nearest[i].found && nearest[i].found->digest != 0 && !writers.contains(nearest[i].found->digest)) {
      violation.promise = Promise::kHonestAboutDamage;
      violation.expected = "only values that somebody wrote";
    }
  }
  // Whose writes are there in part? Then it is not a matter of order alone.
  std::set<Serial> present;
  for (const auto& [where, cell] : found) present.insert(cell.serial);
  const Model names = ModelOf(seen);
  const bool partial = std::ranges::any_of(all, [&](const Transaction& one) {
    return concerned.contains(one.serial) && present.contains(one.serial) && !Whole(one, names, found);
  });
  if (violation.promise == Promise::kPrefix && partial) {
    violation.promise = Promise::kAtomic;
    violation.expected = "each transaction whole or not at all";
  }
  return violation;
}

}  // namespace manifolddb::crashsim
