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

Status RemoveExtent(page::PageWriter& pages, const ExtentRef& extent) {
  if (extent.null() || MANIFOLDDB_BROKEN("btree.delete.keep_extent")) return {};
  return pages.RemoveExtent(extent);
}

// Behind all keys, into the last leaf, without a way down from the root. False: nothing has changed.
bool Append(page::PageWriter& pages, format::TreeRoot& root, const AppendHint& hint, const CellParts& cell,
            const mvcc::EpochGuard& guard) {
  if (hint.leaf.null() || hint.root != root.root) return false;
  if (hint.leaves_created != pages.leaves_created()) return false;
  std::byte* const bytes = pages.InPlace(hint.leaf, guard);
  if (bytes == nullptr) return false;
  const NodeView leaf(bytes);
  const uint32_t cells = leaf.cells();
  if (cells == 0) return false;
  const NodeView::Position at = leaf.FindFrom(cells - 1, cell.key.rest);
  const bool behind = at.index == cells && !at.equal;
  if (!behind && !MANIFOLDDB_BROKEN("btree.append.not_behind")) return false;
  if (!InsertCell({bytes, pages.page_size()}, cells, cell)) return false;
  MANIFOLDDB_MARK("btree.appended");
  ++root.entries;
  return true;
}

// `value` is what the leaf stores.
Result<bool> PutStored(page::PageWriter& pages, format::TreeRoot& root, ByteView key, LeafValue value,
                       const mvcc::EpochGuard& guard, AppendHint* hint = nullptr) {
  MANIFOLDDB_ASSERT(key.size() <= format::KeyBytesMax(pages.page_size()));
  const LeafLead lead(value);
  const CellParts cell = lead.Parts(key);
  if (hint != nullptr && Append(pages, root, *hint, cell, guard)) return true;
  TreeEdit edit(pages, root, guard);
  if (root.root.null()) {
    MANIFOLDDB_TRY(edit.PlantRoot(cell));
    root.entries = 1;
    return true;
  }
  MANIFOLDDB_TRY(edit.DescendForEdit(key));
  const NodeView leaf = edit.leaf();
  const NodeView::Position at = leaf.Find(key);
  if (!at.equal) {
    const bool last = hint != nullptr && at.index == leaf.cells() && edit.leaf_is_last();
    MANIFOLDDB_TRY(edit.PutCell(at.index, TreeEdit::Mode::kInsert, cell));
    if (last) {
      const PageRef now = edit.split_off().null() ? edit.leaf_ref() : edit.split_off();
      *hint = {.root = root.root, .leaf = now, .leaves_created = pages.leaves_created()};
    }
    ++root.entries;
    return true;
  }
  const ExtentRef old = leaf.HasExtent(at.index) ? leaf.Extent(at.index) : ExtentRef{};
  if (!ReplaceValue(edit.leaf_bytes(), at.index, value)) {
    MANIFOLDDB_TRY(edit.PutCell(at.index, TreeEdit::Mode::kReplace, cell));
  }
  MANIFOLDDB_TRY(RemoveExtent(pages, old));
  return false;
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

bool NeedsExtent(uint32_t page_size, uint64_t key_bytes, uint64_t value_bytes) {
  return key_bytes + value_bytes > format::InlineBytesMax(page_size);
}

Result<bool> Put(page::PageWriter& pages, format::TreeRoot& root, ByteView key, ByteView value,
                 const mvcc::EpochGuard& guard, AppendHint* hint) {
  MANIFOLDDB_ASSERT(value.size() <= kValueBytesMax);
  if (!NeedsExtent(pages.page_size(), key.size(), value.size())) {
    return PutStored(pages, root, key, {.bytes = value, .extent = false}, guard, hint);
  }
  MANIFOLDDB_ASSIGN(const ExtentRef extent, pages.WriteExtent(value));
  return PutExtent(pages, root, key, extent, guard);
}

Result<bool> PutExtent(page::PageWriter& pages, format::TreeRoot& root, ByteView key, const ExtentRef& extent,
                       const mvcc::EpochGuard& guard) {
  const format::ExtentRefDisk stored = format::Encode(extent);
  return PutStored(pages, root, key, {.bytes = std::as_bytes(std::span(&stored, 1)), .extent = true}, guard);
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
