#include "engine/txn/family_table.h"

#include "engine/base/assert.h"

namespace manifolddb::txn {

FamilyTable::~FamilyTable() {
  for (auto& entry : root_.entries) Destroy(static_cast<Node*>(entry.load()), kLevels - 2);
}

void FamilyTable::Destroy(Node* node, int level) {
  if (node == nullptr) return;
  if (level > 0) {
    for (auto& entry : node->entries) Destroy(static_cast<Node*>(entry.load()), level - 1);
  }
  delete node;
}

Family* FamilyTable::Find(format::FamilyId id) const {
  if (id.raw() > format::kFamilyIdMax) return nullptr;
  const Node* node = &root_;
  for (int level = kLevels - 1; level > 0; --level) {
    node = static_cast<const Node*>(node->entries[IndexOf(id, level)].load(std::memory_order_acquire));
    if (node == nullptr) return nullptr;
  }
  return static_cast<Family*>(node->entries[IndexOf(id, 0)].load(std::memory_order_acquire));
}

void FamilyTable::Add(format::FamilyId id, Family* family) {
  MANIFOLDDB_ASSERT(id.raw() != 0 && id.raw() <= format::kFamilyIdMax);
  Node* node = &root_;
  for (int level = kLevels - 1; level > 0; --level) {
    std::atomic<void*>& entry = node->entries[IndexOf(id, level)];
    auto* below = static_cast<Node*>(entry.load(std::memory_order_relaxed));
    if (below == nullptr) {
      below = new Node;
      entry.store(below, std::memory_order_release);
    }
    node = below;
  }
  std::atomic<void*>& entry = node->entries[IndexOf(id, 0)];
  MANIFOLDDB_ASSERT(entry.load(std::memory_order_relaxed) == nullptr);
  entry.store(family, std::memory_order_release);
}

}  // namespace manifolddb::txn
