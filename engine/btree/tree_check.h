#pragma once
// Walks a whole tree and proves what its readers rely on.

#include <functional>
#include <optional>
#include <string>

#include "engine/btree/tree.h"

namespace manifolddb::btree {

// TreeRoot::entries of a tree whose number of entries is not known: a subtree that was dropped.
inline constexpr uint64_t kUnknownEntries = ~uint64_t{0};

// Something that is wrong with a tree.
struct TreeDamage {
  uint64_t offset = 0;  // in the data file
  std::string what;
  // What cannot be read, or not be trusted, because of it: the keys from `lower` to `upper` (absent: no
  // bound).
  bool hides_keys = false;
  std::optional<std::string> lower = {};
  std::optional<std::string> upper = {};
};

// What the walk reports. Any callback may be empty.
struct CheckVisitor {
  // A run of pages that this tree owns (a node, or an extent). Return false if somebody owns it already, or
  // if it does not lie in the file: it is reported as a problem and not looked into.
  std::function<bool(format::PageRun)> owns;
  std::function<void(const TreeDamage&)> problem;
  // A leaf: the entries up to the next one lie in it.
  std::function<void(format::PageId)> leaf;
  // An entry, in order; `value` is read and verified, from `extent` unless that is null. No key that a
  // problem hides, except for the last one: a number of entries that is not the one counted hides any key.
  std::function<void(ByteView key, ByteView value, const format::ExtentRef& extent)> entry;
};

// Checks node validity, order of keys within and across nodes, separators against both sides, levels, that no
// node is empty and no root a branch with one child, the number of entries against root.entries, extents'
// checksums. Continues after a damaged subtree. Returns an error only for what stops the walk itself (kIo,
// kNoMemory); damage goes to `visitor.problem`. Enters epochs of `slot` by itself, node by node.
Status CheckTree(page::PageCache& cache, const format::TreeRoot& root, mvcc::ReaderSlot* slot,
                 const CheckVisitor& visitor);

}  // namespace manifolddb::btree
