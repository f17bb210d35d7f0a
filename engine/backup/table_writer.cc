// The ranges that are written and the leaves that are passed over are, together, all keys: leaf by leaf, each
// begins where the one before ends.

#include "engine/backup/table_writer.h"

#include <span>

#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::backup {

using btree::NodeView;
using format::BackupItemKind;
using format::PageRef;

namespace {

std::string KeyText(NodeView node, uint32_t index) {
  const btree::KeyParts key = node.Key(index);
  std::string text(key.size(), '\0');
  key.CopyTo(reinterpret_cast<std::byte*>(text.data()));
  return text;
}

// The node that `ref` names, kept beyond the epoch.
Result<page::FramePin> PinNode(page::PageCache& cache, PageRef ref, uint32_t level, mvcc::ReaderSlot* slot) {
  const mvcc::EpochGuard guard(slot);
  MANIFOLDDB_ASSIGN(page::Frame* const frame, btree::FetchNode(cache, ref, level, guard));
  return page::FramePin(frame);
}

}  // namespace

Status TableWriter::Write(const format::TreeRoot& tree) {
  if (!tree.root.null()) {
    MANIFOLDDB_TRY(Node(tree.root, btree::kAnyLevel, {}));
  } else if (!open_) {
    // Whatever the base has, there is nothing any more.
    MANIFOLDDB_TRY(Open(nullptr));
  }
  if (open_) MANIFOLDDB_TRY(Close(nullptr));
  // Where nothing was passed over.
  const bool all = leaves_written_ == leaves_.size();
  if (!all || counts_.entries == tree.entries) return {};
  return parts_.core.file->Corrupt(
      "backup.read_table", tree.root.id,
      std::to_string(counts_.entries) + " entries where " + std::to_string(tree.entries) + " were counted");
}

// Levels fall by one on the way down, so this goes no deeper than format::kLevelMax.
Status TableWriter::Node(PageRef ref, uint32_t level, const Fences& fences) {
  const uint64_t place = PlaceOf(fences);
  if (known_.Has(ref.birth.raw(), place)) {
    if (open_ && !MANIFOLDDB_BROKEN("backup.range.close.skip")) MANIFOLDDB_TRY(Close(fences.low));
    Remember(ref, place);
    return {};
  }
  MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(*parts_.core.cache, ref, level, parts_.slot));
  const NodeView node(pin.get()->bytes);
  if (node.branch()) return Branch(node, fences);
  Remember(ref, place);
  return WriteLeaf(node, fences);
}

Status TableWriter::Branch(NodeView node, const Fences& fences) {
  std::string separator;
  std::string next;
  for (uint32_t index = 0; index < node.cells(); ++index) {
    Fences below = fences;
    if (index > 0) below.low = &separator;
    if (index + 1 < node.cells()) {
      next = KeyText(node, index + 1);
      below.high = &next;
    }
    MANIFOLDDB_TRY(Node(node.Child(index), node.level() - 1, below));
    separator.swap(next);
  }
  return {};
}

Status TableWriter::WriteLeaf(NodeView node, const Fences& fences) {
  if (!open_) MANIFOLDDB_TRY(Open(fences.low));
  for (uint32_t index = 0; index < node.cells(); ++index) MANIFOLDDB_TRY(Entry(node, index));
  ++leaves_written_;
  parts_.written(node.cells());
  return {};
}

Status TableWriter::Entry(NodeView leaf, uint32_t index) {
  const std::string key = KeyText(leaf, index);
  base::Buffer extent;
  ByteView value;
  if (leaf.HasExtent(index)) {
    MANIFOLDDB_ASSIGN(extent, parts_.core.file->ReadExtent(leaf.Extent(index)));
    value = extent.view();
  } else {
    value = leaf.StoredValue(index);
  }
  format::BackupEntryDisk disk = {};
  disk.key_bytes = static_cast<uint32_t>(key.size());
  MANIFOLDDB_TRY(parts_.out.BeginItem(BackupItemKind::kEntry, sizeof disk + key.size() + value.size()));
  MANIFOLDDB_TRY(parts_.out.Append(std::as_bytes(std::span(&disk, 1))));
  MANIFOLDDB_TRY(parts_.out.Append(AsBytes(key)));
  MANIFOLDDB_TRY(parts_.out.Append(value));
  ++counts_.entries;
  return {};
}

Status TableWriter::Open(const std::string* lower) {
  open_ = true;
  ++counts_.ranges;
  format::BackupBoundDisk disk = {};
  disk.present = lower != nullptr ? 1 : 0;
  return parts_.out.Item(BackupItemKind::kOpen, std::as_bytes(std::span(&disk, 1)),
                         lower != nullptr ? AsBytes(*lower) : ByteView());
}

Status TableWriter::Close(const std::string* upper) {
  open_ = false;
  format::BackupBoundDisk disk = {};
  disk.present = upper != nullptr ? 1 : 0;
  return parts_.out.Item(BackupItemKind::kClose, std::as_bytes(std::span(&disk, 1)),
                         upper != nullptr ? AsBytes(*upper) : ByteView());
}

void TableWriter::Remember(PageRef leaf, uint64_t place) {
  const bool once_only =
      leaf.birth < parts_.unrecognisable || MANIFOLDDB_BROKEN("backup.leaves.replayed.believe");
  leaves_.push_back({once_only ? leaf.birth.raw() : 0, place});
}

}  // namespace manifolddb::backup
