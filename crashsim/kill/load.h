#pragma once
// What the writers write: each transaction is a function of the seed, its writer and its number, so that
// whoever knows how many of a writer's transactions are there knows all that must be there.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manifolddb/options.h"
#include "manifolddb/transaction.h"

namespace manifolddb::crashsim::kill {

// Families: own0, own1, ... of one writer each; shared0 and shared1 of all of them.
// Tables: "book" and "data" in each.
//   own, book:     "number" -> number of the last transaction; "shared0" -> number of the last one in shared0
//   own, data:     anything
//   shared, book:  "w3" -> number of writer 3's last transaction in it: equal to what own3 says
//   shared, data:  keys that all writers write: "writer number padding"
inline constexpr uint32_t kShared = 2;
inline constexpr uint32_t kContendedKeys = 6;

struct Load {
  uint64_t seed = 0;
  uint32_t writers = 1;
};

// Page size and write unit are drawn from the seed; the log and all bounds are small, so that it wraps, grows
// and is checkpointed all the time.
Options OptionsOf(const Load& load);
std::string OwnName(uint32_t writer);
std::string SharedName(uint32_t shared);

struct Change {
  enum class Kind : uint8_t { kPut, kDelete, kDeleteRange, kNewTable } kind;
  std::string key = {};
  std::string value = {};  // kDeleteRange: the upper bound
};

struct Plan {
  CommitOptions commit;
  std::array<bool, kShared> shared = {};
  std::array<std::string, kShared> contended_keys = {};
  std::array<std::string, kShared> contended_values = {};
  std::vector<Change> data;  // in the own family
};
Plan PlanOf(const Load& load, uint32_t writer, uint64_t number);

// What one writer's first `number` transactions leave in what only it writes.
struct WriterState {
  uint64_t number = 0;
  std::array<uint64_t, kShared> shared = {};  // number of the last one there; 0: none
  std::map<std::string, std::string> data;

  void Apply(const Plan& plan);
};

// Carries the plan out in `txn`, which has been begun with the families it needs.
Status Apply(const Plan& plan, uint32_t writer, uint64_t number, WriteTransaction& txn, ColumnFamily own,
             const std::array<ColumnFamily, kShared>& shared);

}  // namespace manifolddb::crashsim::kill
