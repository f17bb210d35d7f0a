// Looking up, putting and deleting single keys.
//
// (1) A value lies in the leaf if key and value together are at most InlineBytesMax, else in an extent:
//     decided by their sizes alone, never by where the entry happens to be.
// (2) An extent is owned by exactly one leaf cell: who drops the cell removes the extent.
// (3) root.entries is the number of leaf cells.

#include "engine/btree/tree.h"

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree_edit.h"
#include "engine/btree/tree_node.h"
#include "manifolddb/options.h"

namespace manifolddb::btree {
namespace {

using format::ExtentRef;
using format::PageRef;
using page::Frame;

// A value on its way into a leaf: itself, or the reference to the extent that was written for it.
class StoredValue {
 public:
  static Result<StoredValue> Make(page::PageWriter& pages, ByteView key, ByteView value) {
    StoredValue stored;
    stored.value_ = value;
    if (key.size() + value.size() <= format::InlineBytesMax(pages.page_size())) return stored;
    MANIFOLDDB_ASSIGN(const ExtentRef extent, pages.WriteExtent(value));
    stored.extent_ = format::Encode(extent);
    stored.in_extent_ = true;
    return stored;
  }
  LeafValue Value() const {
    if (!in_extent_) return {.bytes = value_, .extent = false};
    return {.bytes = std::as_bytes(std::span(&extent_, 1)), .extent = true};
  }

 private:
  ByteView value_;
  format::ExtentRefDisk extent_;
  bool in_extent_ = false;
};

Status RemoveExtent(page::PageWriter& pages, const ExtentRef& extent) {
  if (extent.null() || MANIFOLDDB_BROKEN("btree.delete.keep_extent")) return {};
  return pages.RemoveExtent(extent);
}

}  // namespace

// Filled in where the caller wants it: every way out returns the one object.
Result<std::optional<FoundValue>> Get(page::PageCache& cache, PageRef root, ByteView key,
                                      const mvcc::EpochGuard& guard) {
  Result<std::optional<FoundValue>> result;
  PageRef ref = root;
  uint32_t level = kAnyLevel;
  if (root.null()) return result;
  for (uint32_t depth = 0; depth <= format::kLevelMax; ++depth) {
    Result<Frame*> fetched = FetchNode(cache, ref, level, guard);
    if (!fetched) [[unlikely]] {
      result = std::unexpected<Error>(std::move(fetched).error());
      return result;
    }
    const NodeView node((*fetched)->bytes);
    if (node.leaf()) {
      const NodeView::Position at = node.Find(key);
      if (!at.equal) return result;
      FoundValue& found = result->emplace();
      found.frame = *fetched;
      if (node.HasExtent(at.index)) [[unlikely]] {
        found.extent = node.Extent(at.index);
      } else {
        found.inline_bytes = node.StoredValue(at.index);
      }
      return result;
    }
    ref = node.Child(node.ChildIndex(key));
    level = node.level() - 1;
  }
  result = CorruptNode(cache.file(), ref, "tree too deep");
  return result;
}

Result<bool> Put(page::PageWriter& pages, format::TreeRoot& root, ByteView key, ByteView value,
                 const mvcc::EpochGuard& guard) {
  MANIFOLDDB_ASSERT(key.size() <= format::KeyBytesMax(pages.page_size()));
  MANIFOLDDB_ASSERT(value.size() <= kValueBytesMax);
  MANIFOLDDB_ASSIGN(const StoredValue stored, StoredValue::Make(pages, key, value));
  const LeafLead lead(stored.Value());
  const CellParts cell = lead.Parts(key);
  TreeEdit edit(pages, root, guard);
  if (root.root.null()) {
    MANIFOLDDB_TRY(edit.PlantRoot(cell));
    root.entries = 1;
    return true;
  }
  MANIFOLDDB_TRY(edit.DescendForEdit(key));
  const NodeView::Position at = edit.leaf().Find(key);
  if (!at.equal) {
    MANIFOLDDB_TRY(edit.PutCell(at.index, TreeEdit::Mode::kInsert, cell));
    ++root.entries;
    return true;
  }
  const ExtentRef old = edit.leaf().HasExtent(at.index) ? edit.leaf().Extent(at.index) : ExtentRef{};
  if (!ReplaceValue(edit.leaf_bytes(), at.index, stored.Value())) {
    MANIFOLDDB_TRY(edit.PutCell(at.index, TreeEdit::Mode::kReplace, cell));
  }
  MANIFOLDDB_TRY(RemoveExtent(pages, old));
  return false;
}

Result<bool> Delete(page::PageWriter& pages, format::TreeRoot& root, ByteView key,
                    const mvcc::EpochGuard& guard) {
  if (root.root.null()) return false;
  TreeEdit edit(pages, root, guard);
  MANIFOLDDB_TRY(edit.DescendForRead(key));
  const NodeView::Position at = edit.leaf().Find(key);
  if (!at.equal) return false;
  if (root.entries == 0) return CorruptNode(pages.file(), root.root, "more entries than counted");
  MANIFOLDDB_TRY(edit.MakeEditable());
  if (edit.leaf().HasExtent(at.index)) MANIFOLDDB_TRY(RemoveExtent(pages, edit.leaf().Extent(at.index)));
  RemoveCells(edit.leaf_bytes(), at.index, 1);
  --root.entries;
  MANIFOLDDB_TRY(edit.Shrink());
  if (root.root.null() != (root.entries == 0)) {
    return CorruptNode(pages.file(), root.root, "another number of entries than counted");
  }
  return true;
}

}  // namespace manifolddb::btree
