#pragma once
// What one commit did to the set of owned pages.

#include <vector>

#include "engine/format/page_bitmap.h"

namespace manifolddb::mvcc {

struct RemovedRun {
  format::PageRun run;
  format::Birth birth;
};

// `introduced`: in the commit's version and not in the one before; `removed`: the reverse. No page is in
// both.
struct PageDelta {
  std::vector<format::PageRun> introduced;  // coalesced, ascending
  std::vector<RemovedRun> removed;
};

}  // namespace manifolddb::mvcc
