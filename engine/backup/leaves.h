#pragma once
// Which leaf pages a backup's snapshot had, and between which keys: what an increment need not write again.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/backup_format.h"
#include "manifolddb/backup.h"

namespace manifolddb::backup {

// Keys from `low` to before `high`; null: no bound.
struct Fences {
  const std::string* low = nullptr;
  const std::string* high = nullptr;
};

// A leaf, and its place in its tree: the keys that would lie in it. A birth is never drawn again, so a leaf
// of the same birth holds the same entries; where the fences are the same as well, both trees have the same
// entries between them.
struct Leaf {
  uint64_t birth = 0;  // 0: not to be recognised again
  uint64_t place = 0;  // a checksum over the fences
};
uint64_t PlaceOf(const Fences& fences);

class KnownLeaves {
 public:
  KnownLeaves() = default;
  explicit KnownLeaves(std::vector<Leaf> leaves);
  bool Has(uint64_t birth, uint64_t place) const;

 private:
  std::vector<Leaf> leaves_;  // ascending by birth
};

// What an increment must know of its base.
struct Base {
  format::Identity backup = {};
  format::BackupSnapshot snapshot = {};
  std::map<format::BackupPlace, std::vector<Leaf>> leaves = {};
};
// Reads the beginning and the lists of leaves, no data.
Result<Base> ReadBase(const BackupFile& file);

}  // namespace manifolddb::backup
