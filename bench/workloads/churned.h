#pragma once
// One database that is loaded in random order, updated and deleted from, with every entry's version known.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/sessions.h"

namespace manifolddb::bench {

class Churned {
 public:
  Churned(Run& run, uint32_t keys, size_t value_bytes);

  // All keys once, in random order.
  void Load(const std::string& row);
  // Updates of random keys that are there.
  void Update(const std::string& row, uint64_t count);
  // Deletes of random keys that are there.
  void Delete(const std::string& row, uint64_t count);
  // Puts the deleted ones in again.
  void Restore(const std::string& row);
  // Random gets of all keys, also of those that were deleted.
  void Read(const std::string& row, double seconds);
  // Closes, opens again and compares every entry, and the absence of every other.
  void CloseAndVerify();

 private:
  static constexpr uint32_t kAbsent = 0;
  static constexpr uint64_t kOperationsPerCommit = 1000;

  // Measures commits of puts (or deletes) of `keys`; their new versions are set already.
  void Commit(const std::string& row, const std::vector<uint32_t>& keys, const char* unit, bool deletes);
  uint64_t LiveBytes() const;

  Run& run_;
  const size_t value_bytes_;
  std::unique_ptr<Engine> engine_;
  SharedSessions sessions_;  // one, opened while there are no entries
  uint32_t next_version_ = 1;
  std::vector<uint32_t> versions_;  // of each key
  uint64_t drawn_ = 0;              // seeds used so far
};

}  // namespace manifolddb::bench
