#pragma once
// Column families by id. Finding takes no lock.
//
// A tree of five levels, 256 entries each: what it takes depends on how many families there are, not on how
// large their ids are, which come from the disk. Nodes stay where they are.

#include <array>
#include <atomic>

#include "engine/format/ids.h"

namespace manifolddb::txn {

class Family;

class FamilyTable {
 public:
  FamilyTable() = default;
  ~FamilyTable();
  FamilyTable(const FamilyTable&) = delete;
  FamilyTable& operator=(const FamilyTable&) = delete;

  // Null if there is none, also for ids that no family can have.
  Family* Find(format::FamilyId id) const;
  // REQUIRES: the id is at most kFamilyIdMax and not taken; one caller at a time.
  void Add(format::FamilyId id, Family* family);

 private:
  static constexpr int kLevels = 5;
  static constexpr int kBits = 8;
  static_assert(format::kFamilyIdMax >> (kLevels * kBits) == 0);

  // Entries of the lowest level are families, those of the others nodes. Release: publishes what is there.
  struct Node {
    std::array<std::atomic<void*>, 1 << kBits> entries{};
  };
  static size_t IndexOf(format::FamilyId id, int level) {
    return (id.raw() >> (level * kBits)) & ((1 << kBits) - 1);
  }
  static void Destroy(Node* node, int level);

  Node root_;
};

}  // namespace manifolddb::txn
