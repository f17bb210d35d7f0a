#pragma once
// What each commit made of one column family: a chain of table roots, newest first.
//
// (1) TxnIds fall strictly along the chain; a snapshot s sees the first version with txn <= s.
// (2) Versions are immutable once installed. Only the holder of the family's writer token installs and
//     prunes; anyone reads, inside an epoch, or with a snapshot pinned that the version is visible to.
// (3) Pruning keeps what any pinned snapshot, the published state, and anything newer sees.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/format/ids.h"
#include "engine/mvcc/garbage.h"

namespace manifolddb::mvcc {

// Of a table's keys and values; never changes.
struct TypeNames {
  std::string key;
  std::string value;
};

struct TableVersion {
  std::shared_ptr<const std::string> name;
  format::TableId id;
  format::TreeRoot tree;
  std::shared_ptr<const TypeNames> types = nullptr;  // null: raw bytes, both
};
using Tables = std::vector<TableVersion>;  // ascending by name

// The table of that name, or null.
const TableVersion* FindTable(const Tables& tables, std::string_view name);

struct FamilyVersion {
  format::TxnId txn;
  format::TableId next_table{1};
  std::shared_ptr<const Tables> tables;
  std::atomic<FamilyVersion*> older{nullptr};
};

class FamilyVersions {
 public:
  FamilyVersions() = default;
  ~FamilyVersions();
  FamilyVersions(const FamilyVersions&) = delete;
  FamilyVersions& operator=(const FamilyVersions&) = delete;

  bool empty() const { return newest_.load(std::memory_order_acquire) == nullptr; }
  // The newest ordered version: what the next writer starts from. Null before the first Install.
  const FamilyVersion* Newest() const { return newest_.load(std::memory_order_acquire); }
  // What snapshot `at` sees; null if the family has no version that old.
  const FamilyVersion* At(format::TxnId at) const;

  void Install(std::unique_ptr<FamilyVersion> version);
  // Unlinks what nobody needs. `published` was read before `pinned` (ascending) was collected.
  void Prune(format::TxnId published, const std::vector<uint64_t>& pinned, Garbage& garbage);
  // Versions in the chain beyond the newest, roughly: when to prune.
  uint32_t length() const { return length_; }

 private:
  std::atomic<FamilyVersion*> newest_{nullptr};  // release: publishes the version it points to
  uint32_t length_ = 0;                          // guarded by the family's writer token
};

}  // namespace manifolddb::mvcc
