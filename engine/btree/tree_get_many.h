#pragma once
// Looking up several keys of one tree side by side.

#include <optional>
#include <span>

#include "engine/btree/tree.h"

namespace manifolddb::btree {

// So many at a time: as many as a processor has loads under way.
inline constexpr size_t kGetTogetherMax = 16;

// As Get for each of `keys`, into the place of the same number in `found`; ascending keys share the most. All
// go down level by level, so that the waits for memory of one are spent on the others. REQUIRES: at most
// kGetTogetherMax, as many places as keys.
Status GetTogether(page::PageCache& cache, format::PageRef root, std::span<const ByteView> keys,
                   std::span<std::optional<FoundValue>> found, const mvcc::EpochGuard& guard);

}  // namespace manifolddb::btree
