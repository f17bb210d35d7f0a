#pragma once
// The copy-on-write B+tree: what can be done with one tree. Stateless: a tree is its TreeRoot.
//
// Reading takes a PageCache, changing a PageWriter; both inside the caller's epoch. After an error from a
// change the tree in `root` is not to be used: the transaction aborts. Keys are unique, ordered bytewise.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "engine/format/ids.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/page_cache.h"
#include "engine/page/page_writer.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::btree {

// A value as it lies in a leaf: bytes in the frame, or where its extent is.
struct FoundValue {
  page::Frame* frame = nullptr;  // valid while the epoch lasts; pin it to keep `inline_bytes`
  ByteView inline_bytes;
  format::ExtentRef extent;  // not null: the value is there, inline_bytes is empty
};

// Errors, here and below: kCorrupt, kIo, kNoMemory; for changes also kNoSpace and kLimit.
Result<std::optional<FoundValue>> Get(page::PageCache& cache, format::PageRef root, ByteView key,
                                      const mvcc::EpochGuard& guard);

// The last leaf of a tree, for who puts in ascending order and keeps this from put to put: whatever is done
// to the tree in between, it is used only where the root is the same, the leaf is still the writer's own to
// change in place, and the writer has made no leaf since: then it is the last one still.
struct AppendHint {
  format::PageRef root;
  format::PageRef leaf;
  uint64_t leaves_created = 0;  // by the writer
};

// REQUIRES: key within KeyBytesMax, value within kValueBytesMax. True if the key is new. `key` and `value`
// may lie in the leaf that is changed.
Result<bool> Put(page::PageWriter& pages, format::TreeRoot& root, ByteView key, ByteView value,
                 const mvcc::EpochGuard& guard, AppendHint* hint = nullptr);
// Would the value go to an extent of its own? Decided by the sizes alone.
bool NeedsExtent(uint32_t page_size, uint64_t key_bytes, uint64_t value_bytes);
// The same with a value that is in `extent` already, which belongs to the tree from here on.
// REQUIRES: NeedsExtent.
Result<bool> PutExtent(page::PageWriter& pages, format::TreeRoot& root, ByteView key,
                       const format::ExtentRef& extent, const mvcc::EpochGuard& guard);
// True if the key was there.
Result<bool> Delete(page::PageWriter& pages, format::TreeRoot& root, ByteView key,
                    const mvcc::EpochGuard& guard);
// Removes keys from `lower` (inclusive) to `upper` (exclusive); returns how many. Subtrees that lie wholly
// inside are read (for the count and the extents) but not rewritten. Enters epochs of `slot` by itself, node
// by node, so that the cache stays in its bounds however large the range is: `lower` and `upper` are the
// caller's to keep.
Result<uint64_t> DeleteRange(page::PageWriter& pages, format::TreeRoot& root, std::optional<ByteView> lower,
                             std::optional<ByteView> upper, mvcc::ReaderSlot* slot);

// Moves the nodes of the writer's own that lie on pages of `from` to others; those pages are then nobody's,
// and not free (PageWriter::MoveOff). Enters epochs of `slot` by itself, node by node. Nodes of others are
// left. `moved` is called outside them after each: it may spill. An error from it is returned.
Status MoveNodesOff(page::PageWriter& pages, format::PageRef& root, const page::PageSet& from,
                    mvcc::ReaderSlot* slot, const std::function<Status()>& moved);

// Going through a tree for what lies at or behind a page of the file (docs/design/018), in parts.
struct Lowering {
  uint64_t limit = 0;                     // that page
  uint64_t pages_max = ~uint64_t{0};      // about so many are moved at once
  uint64_t leaves_max = ~uint64_t{0};     // and no more than so many leaves looked at
  std::optional<std::string> after = {};  // keys up to this one have been looked at
  bool done = false;                      // all have
  uint64_t leaves = 0;                    // looked at in this part
  uint64_t pages = 0;                     // moved in this part, those of extents that are to be included
  std::vector<std::string> extents =
      {};  // keys in this part whose values lie there: the caller's to put again

  bool spent() const { return pages >= pages_max || leaves >= leaves_max; }
};
// Copies the nodes that lie there: the allocator decides where to. Enters epochs of `slot` by itself, node by
// node. `moved` is called outside them after each: it may spill. An error from it is returned.
Status LowerNodes(page::PageWriter& pages, format::PageRef& root, Lowering& lowering, mvcc::ReaderSlot* slot,
                  const std::function<Status()>& moved);

struct LeftSubtree {
  format::PageRef root;     // of any level
  bool unreadable = false;  // it, or what its leaf refers to, is damaged or cannot be read now
};
// Frees a tree that no table owns any more, at most about `pages_max` pages of it. What is left to free is
// appended to `rest`; nothing added: all done. Extents go with their leaves. What cannot be read is left, and
// no error: kNoMemory is the only one. Enters epochs of `slot` by itself, node by node.
Status FreeSubtree(page::PageWriter& pages, format::PageRef subtree, uint64_t pages_max,
                   std::vector<LeftSubtree>& rest, mvcc::ReaderSlot* slot);

}  // namespace manifolddb::btree
