#pragma once
// What can be told of a range of keys without looking at its entries: how many they are, and where to cut it.
//
// Bounds are as everywhere here: `lower` inclusive, `upper` exclusive. All functions enter epochs of
// `slot` by themselves, for a few nodes at a time, so that the cache stays in its bounds however large the
// range is. Errors: kCorrupt, kIo, kNoMemory.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/ids.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/page_cache.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"
#include "manifolddb/stats.h"

namespace manifolddb::btree {

// Entries within the bounds, exactly. Branches do not know how many entries are under them, so every leaf
// within the range is read for its count, or every leaf outside it, whichever are fewer as far as the
// branches tell: at most half of the tree. Of entries only those at the bounds are looked at.
Result<uint64_t> Count(page::PageCache& cache, const format::TreeRoot& root, std::optional<ByteView> lower,
                       std::optional<ByteView> upper, mvcc::ReaderSlot* slot);

// Of the whole tree; every page of it is read.
Result<TableShape> ShapeOf(page::PageCache& cache, const format::TreeRoot& root, mvcc::ReaderSlot* slot);

// At most `pieces` - 1 keys, ascending, within the bounds, not the first: they cut what is between the bounds
// into pieces of about equally many pages (entries where there are few pages). Separators of branches, so
// most are no keys of entries. Reads some 4 * `pieces` branches at most, and a leaf only if there are few.
// REQUIRES: 1 piece at least.
Result<std::vector<std::string>> SplitPoints(page::PageCache& cache, format::PageRef root,
                                             std::optional<ByteView> lower, std::optional<ByteView> upper,
                                             size_t pieces, mvcc::ReaderSlot* slot);

}  // namespace manifolddb::btree
