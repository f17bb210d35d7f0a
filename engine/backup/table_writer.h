#pragma once
// One table's data into a backup.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/backup/block_writer.h"
#include "engine/backup/leaves.h"
#include "engine/btree/node_view.h"
#include "engine/txn/core.h"
#include "manifolddb/backup.h"

namespace manifolddb::backup {

// Walks a tree of a pinned snapshot in the order of keys. Leaves that the base knows at the same place are
// passed over; what lies between them is written, as ranges with all their entries. Holds no epoch while it
// writes or tells of progress.
class TableWriter {
 public:
  struct Parts {
    txn::Core& core;
    mvcc::ReaderSlot* slot;
    BlockWriter& out;
    // Leaves of this birth and later ones may come up again with other contents: the births were drawn by an
    // opening that leaves no trace.
    format::Birth unrecognisable;
    const std::function<void(uint64_t entries)>& written;  // after each leaf: entries of it
  };
  TableWriter(const Parts& parts, const KnownLeaves& known) : parts_(parts), known_(known) {}

  // kCorrupt if there are not as many entries as the tree counts.
  Status Write(const format::TreeRoot& tree);

  const format::BackupCounts& counts() const { return counts_; }
  const std::vector<Leaf>& leaves() const { return leaves_; }
  uint64_t leaves_written() const { return leaves_written_; }

 private:
  Status Node(format::PageRef ref, uint32_t level, const Fences& fences);
  Status Branch(btree::NodeView node, const Fences& fences);
  Status WriteLeaf(btree::NodeView node, const Fences& fences);
  Status Entry(btree::NodeView leaf, uint32_t index);
  Status Open(const std::string* lower);
  Status Close(const std::string* upper);
  void Remember(format::PageRef leaf, uint64_t place);

  const Parts parts_;
  const KnownLeaves& known_;
  bool open_ = false;  // a range
  format::BackupCounts counts_;
  std::vector<Leaf> leaves_;
  uint64_t leaves_written_ = 0;
};

}  // namespace manifolddb::backup
