#pragma once
// A range of keys as the tree wants it: two bounds.

#include <optional>

#include "engine/base/memory.h"
#include "manifolddb/cursor.h"

namespace manifolddb::txn {

// From `lower` (inclusive) to `upper` (exclusive). A condition that is one of these already is used as it
// is; others are made into one, of bytes that are the Bounds' own. Of a condition longer than any key only
// so much counts as makes it longer than any key. (No key equals it, and no key is long enough to differ
// from it further on.)
class Bounds {
 public:
  // The range's bytes outlive the Bounds. kNoMemory, unless the range has only `lower` and `upper`.
  static Result<Bounds> Of(const Range& range, uint32_t page_size);

  std::optional<ByteView> lower() const { return lower_; }
  std::optional<ByteView> upper() const { return upper_; }

 private:
  Status AddOthers(const Range& range, size_t bytes_max);
  // The first key behind `key`, kept.
  ByteView Successor(ByteView key);
  void RaiseLower(ByteView bound);
  void CutUpper(ByteView bound);

  std::optional<ByteView> lower_;
  std::optional<ByteView> upper_;
  base::ByteBuffer made_;
};

}  // namespace manifolddb::txn
