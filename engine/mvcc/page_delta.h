#pragma once
// What one commit did to the set of owned pages.

#include "engine/base/small_vector.h"
#include "engine/format/page_bitmap.h"

namespace manifolddb::mvcc {

struct RemovedRun {
  format::PageRun run;
  format::Birth birth;
};

// `introduced`: in the commit's version and not in the one before; `removed`: the reverse. No page is in
// both.
struct PageDelta {
  base::SmallVector<format::PageRun, 8> introduced;  // coalesced, ascending
  base::SmallVector<RemovedRun, 8> removed;
};

}  // namespace manifolddb::mvcc
