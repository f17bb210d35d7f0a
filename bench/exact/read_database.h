#pragma once
// A database of ascending keys with values of 100 bytes, for reading.

#include <cstdint>
#include <memory>

#include "bench/exact/world.h"

namespace manifolddb::bench::exact {

class ReadDatabase {
 public:
  static constexpr size_t kValueBytes = 100;
  // Made, closed, and opened again with `options`: nothing is in the cache.
  ReadDatabase(const World& world, uint64_t entries, const Options& options);

  uint64_t entries() const { return entries_; }
  Database& database() const { return *database_; }
  ColumnFamily family() const { return family_; }

  // Each checks what it reads. All entries, in order; how many there are.
  uint64_t Scan() const;
  // `length` entries from a random one, so many times.
  void ShortScans(uint64_t scans, uint64_t length, uint64_t seed) const;
  // The same downwards.
  void ScansBackwards(uint64_t scans, uint64_t length, uint64_t seed) const;
  // All kPrefixEntries entries of a random prefix, by a cursor of its own that is bounded by it.
  static constexpr uint64_t kPrefixEntries = 256;  // keys that differ in their last byte alone
  void PrefixScans(uint64_t scans, uint64_t seed) const;
  // Random point reads, so many in each read transaction.
  void Gets(uint64_t gets, uint64_t per_transaction, uint64_t seed) const;

 private:
  const uint64_t entries_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
};

}  // namespace manifolddb::bench::exact
