#pragma once
// Keys of a range that are drawn at random.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/ids.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/page_cache.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::btree {

// `count` different keys within the bounds (`lower` inclusive, `upper` exclusive), ascending: each set of so
// many is as likely as any other. All keys if there are no more. The same for the same seed and tree. Reads
// the branches of the range, then leaves here and there, at most as many as the range has; or, where so many
// would not find enough, all leaves of the range, and once more those above which something was drawn. Enters
// epochs of `slot` by itself, node by node. Errors: kCorrupt, kIo, kNoMemory.
Result<std::vector<std::string>> SampleKeys(page::PageCache& cache, format::PageRef root,
                                            std::optional<ByteView> lower, std::optional<ByteView> upper,
                                            size_t count, uint64_t seed, mvcc::ReaderSlot* slot);

}  // namespace manifolddb::btree
