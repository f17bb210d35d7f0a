#include "engine/mvcc/family_versions.h"

#include <algorithm>
#include <string_view>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"

namespace manifolddb::mvcc {

const TableVersion* FindTable(const Tables& tables, std::string_view name) {
  const auto at = std::lower_bound(tables.begin(), tables.end(), name,
                                   [](const TableVersion& table, std::string_view wanted) {
                                     return std::string_view(*table.name) < wanted;
                                   });
  return at != tables.end() && *at->name == name ? &*at : nullptr;
}

FamilyVersions::~FamilyVersions() {
  FamilyVersion* version = newest_.load(std::memory_order_acquire);
  while (version != nullptr) {
    FamilyVersion* const older = version->older.load(std::memory_order_acquire);
    delete version;
    version = older;
  }
}

const FamilyVersion* FamilyVersions::At(format::TxnId at) const {
  const FamilyVersion* version = newest_.load(std::memory_order_acquire);
  while (version != nullptr && version->txn > at) version = version->older.load(std::memory_order_acquire);
  return version;
}

void FamilyVersions::Install(std::unique_ptr<FamilyVersion> version) {
  FamilyVersion* const newest = newest_.load(std::memory_order_acquire);
  MANIFOLDDB_ASSERT(newest == nullptr || newest->txn < version->txn);
  MANIFOLDDB_ASSERT(version->tables != nullptr);
  version->older.store(newest, std::memory_order_relaxed);
  base::AtPublishing();
  newest_.store(version.release(), std::memory_order_release);
  ++length_;
}

void FamilyVersions::Prune(format::TxnId published, const std::vector<uint64_t>& pinned, Garbage& garbage) {
  FamilyVersion* kept = newest_.load(std::memory_order_acquire);
  if (kept == nullptr) return;
  length_ = 1;
  // Everything down to what `published` sees stays; below it, a version stays if a pinned snapshot lies
  // between it and the next newer one that stays.
  while (kept->txn > published) {
    FamilyVersion* const older = kept->older.load(std::memory_order_acquire);
    if (older == nullptr) return;
    kept = older;
    ++length_;
  }
  FamilyVersion* version = kept->older.load(std::memory_order_acquire);
  while (version != nullptr) {
    FamilyVersion* const older = version->older.load(std::memory_order_acquire);
    const auto first = std::lower_bound(pinned.begin(), pinned.end(), version->txn.raw());
    const bool needed = first != pinned.end() && *first < kept->txn.raw();
    if (needed) {
      kept = version;
      ++length_;
    } else {
      base::AtPublishing();
      kept->older.store(older, std::memory_order_release);
      garbage.Retire(std::unique_ptr<FamilyVersion>(version));
    }
    version = older;
  }
}

}  // namespace manifolddb::mvcc
