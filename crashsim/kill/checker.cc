// The check, by the numbers of the contract:
//   G1  an acknowledged Immediate transaction is there;
//   G2  a writer's own family and the shared ones name the same last transaction;
//   G3  the commit order is dense, and what is there is a prefix of it: the number of commits is the number
//   of
//       families plus that of all transactions, and an acknowledged one is there if and only if its place
//       says so;
//   and what a writer left is exactly what its first N transactions leave.

#include "crashsim/kill/checker.h"

#include <cstdlib>
#include <optional>

namespace manifolddb::crashsim::kill {
namespace {

using Entries = std::map<std::string, std::string>;

// Empty where there is no such family or table (yet).
Result<Entries> ReadAll(ReadTransaction& txn, const std::string& family, const std::string& table_name) {
  Entries entries;
  const auto handle = txn.OpenColumnFamily(family);
  if (!handle && handle.error().code() == Errc::kNoSuchColumnFamily) return entries;
  if (!handle) return std::unexpected<Error>(handle.error());
  const auto table = txn.OpenTable(*handle, table_name);
  if (!table && table.error().code() == Errc::kNoSuchTable) return entries;
  if (!table) return std::unexpected<Error>(table.error());
  auto cursor = table->NewCursor();
  if (!cursor) return std::unexpected<Error>(cursor.error());
  auto more = cursor->First();
  for (; more && *more; more = cursor->Next()) {
    const auto value = cursor->value();
    if (!value) return std::unexpected<Error>(value.error());
    entries.emplace(AsText(cursor->key()), AsText(*value));
  }
  if (!more) return std::unexpected<Error>(more.error());
  return entries;
}

uint64_t NumberIn(const Entries& book, const std::string& key) {
  const auto at = book.find(key);
  return at == book.end() ? 0 : std::strtoull(at->second.c_str(), nullptr, 10);
}

std::string Text(uint32_t writer, uint64_t number) {
  return "transaction " + std::to_string(number) + " of writer " + std::to_string(writer);
}

}  // namespace

Result<uint64_t> NumberOf(ReadTransaction& txn, uint32_t writer) {
  const auto book = ReadAll(txn, OwnName(writer), "book");
  if (!book) return std::unexpected<Error>(book.error());
  return NumberIn(*book, "number");
}

Result<Problems> FindTorn(ReadTransaction& txn, const Load& load) {
  Problems problems;
  for (uint32_t shared = 0; shared < kShared; ++shared) {
    const auto theirs = ReadAll(txn, SharedName(shared), "book");
    if (!theirs) return std::unexpected<Error>(theirs.error());
    for (uint32_t writer = 0; writer < load.writers; ++writer) {
      const auto own = ReadAll(txn, OwnName(writer), "book");
      if (!own) return std::unexpected<Error>(own.error());
      const uint64_t here = NumberIn(*own, SharedName(shared));
      const uint64_t there = NumberIn(*theirs, "w" + std::to_string(writer));
      if (here != there) {
        problems.push_back("torn: " + Text(writer, here) + " is the last one in its own family, " +
                           std::to_string(there) + " in " + SharedName(shared));
      }
    }
  }
  return problems;
}

void Checker::Acknowledge(const Acknowledgement& acknowledgement) {
  if (acknowledgement.writer == kNoWriter) return;
  ++acknowledged_;
  promises_[{acknowledgement.writer, acknowledgement.number}] = {acknowledgement.commit,
                                                                 acknowledgement.immediate != 0};
}

Result<Problems> Checker::Check(Database& db) {
  auto txn = db.BeginRead();
  if (!txn) return std::unexpected<Error>(txn.error());
  auto problems = FindTorn(*txn, load_);
  if (!problems) return problems;
  std::vector<uint64_t> numbers;
  for (uint32_t writer = 0; writer < load_.writers; ++writer) {
    const auto number = NumberOf(*txn, writer);
    if (!number) return std::unexpected<Error>(number.error());
    numbers.push_back(*number);
    const auto found = CheckWriter(*txn, writer, *number);
    if (!found) return found;
    problems->insert(problems->end(), found->begin(), found->end());
  }
  for (uint32_t shared = 0; shared < kShared; ++shared) {
    const auto found = CheckContended(*txn, shared, numbers);
    if (!found) return found;
    problems->insert(problems->end(), found->begin(), found->end());
  }
  const auto families = txn->ListColumnFamilies();
  if (!families) return std::unexpected<Error>(families.error());
  uint64_t expected = families->size();
  for (const uint64_t number : numbers) expected += number;
  const uint64_t commits = txn->commit_number();
  if (commits != expected) {
    problems->push_back("hole: " + std::to_string(commits) +
                        " commits are said to be there, and families and " + "transactions of " +
                        std::to_string(expected) + " are");
  }
  const Problems prefix = CheckPrefix(numbers, commits);
  problems->insert(problems->end(), prefix.begin(), prefix.end());
  return problems;
}

Result<Problems> Checker::CheckWriter(ReadTransaction& txn, uint32_t writer, uint64_t number) {
  Problems problems;
  WriterState& state = states_[writer];
  if (number < state.number) {
    // What an earlier check found was in a checkpoint since that opening.
    problems.push_back("gone: " + Text(writer, state.number) + " had been recovered, now there are " +
                       std::to_string(number));
    return problems;
  }
  while (state.number < number) state.Apply(PlanOf(load_, writer, state.number + 1));
  const auto data = ReadAll(txn, OwnName(writer), "data");
  if (!data) return std::unexpected<Error>(data.error());
  if (*data != state.data) {
    problems.push_back("writer " + std::to_string(writer) + ": its data is not what its first " +
                       std::to_string(number) + " transactions leave");
  }
  const auto book = ReadAll(txn, OwnName(writer), "book");
  if (!book) return std::unexpected<Error>(book.error());
  for (uint32_t shared = 0; shared < kShared; ++shared) {
    const uint64_t last = NumberIn(*book, SharedName(shared));
    if (last != state.shared[shared]) {
      problems.push_back("torn: " + Text(writer, state.shared[shared]) + " was its last in " +
                         SharedName(shared) + ", its book says " + std::to_string(last));
    }
  }
  return problems;
}

// Each entry is of a transaction that is there, and of none that a later one must have overwritten.
Result<Problems> Checker::CheckContended(ReadTransaction& txn, uint32_t shared,
                                         const std::vector<uint64_t>& numbers) {
  Problems problems;
  const auto data = ReadAll(txn, SharedName(shared), "data");
  if (!data) return std::unexpected<Error>(data.error());
  for (const auto& [key, value] : *data) {
    char* end = nullptr;
    const auto writer = static_cast<uint32_t>(std::strtoul(value.c_str(), &end, 10));
    const uint64_t number = std::strtoull(end, nullptr, 10);
    const std::string who = SharedName(shared) + " " + key + ", by " + Text(writer, number);
    if (writer >= load_.writers || number == 0 || number > numbers[writer]) {
      problems.push_back("torn: " + who + ", which is not there");
      continue;
    }
    const Plan plan = PlanOf(load_, writer, number);
    if (!plan.shared[shared] || plan.contended_keys[shared] != key ||
        plan.contended_values[shared] != value) {
      problems.push_back("wrong: " + who + ", which did not write this");
    }
    const auto promise = promises_.find({writer, number});
    for (uint32_t other = 0; other < load_.writers; ++other) {
      for (uint64_t later = numbers[other]; later > 0; --later) {
        const Plan rival = PlanOf(load_, other, later);
        if (!rival.shared[shared] || rival.contended_keys[shared] != key) continue;
        const auto known = promises_.find({other, later});
        const bool overwritten = other == writer ? later > number
                                                 : promise != promises_.end() && known != promises_.end() &&
                                                       known->second.commit > promise->second.commit;
        if (overwritten) problems.push_back("stale: " + who + ", was overwritten by " + Text(other, later));
        break;  // the last one of each writer says it all
      }
    }
  }
  return problems;
}

Problems Checker::CheckPrefix(const std::vector<uint64_t>& numbers, uint64_t commits) {
  Problems problems;
  std::erase_if(promises_, [&](const auto& entry) {
    const auto& [id, promise] = entry;
    const bool there = id.second <= numbers[id.first];
    const std::string what = Text(id.first, id.second) + ", commit " + std::to_string(promise.commit);
    if (!there && promise.immediate) problems.push_back("lost: " + what + ", acknowledged as durable");
    if (there != (promise.commit <= commits)) {
      problems.push_back("hole: " + what + (there ? " is there" : " is not there") +
                         ", and the prefix ends at " + std::to_string(commits));
    }
    lost_ += there ? 0 : 1;
    return !there;
  });
  return problems;
}

}  // namespace manifolddb::crashsim::kill
