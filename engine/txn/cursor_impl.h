#pragma once
// Reading for both kinds of transactions: values, and the inside of a cursor.

#include <optional>

#include "engine/base/memory.h"
#include "engine/btree/tree_cursor.h"
#include "engine/page/page_writer.h"
#include "engine/txn/core.h"
#include "manifolddb/cursor.h"

namespace manifolddb::txn {

class WriteTransactionImpl;
struct WriteTableState;

// The value at `key` of the tree, kept alive. `writer`: of the write transaction that reads, null if none
// does.
Result<std::optional<Value>> ReadValue(Core& core, mvcc::ReaderSlot* slot, format::PageRef root, ByteView key,
                                       const page::PageWriter* writer = nullptr);

// The same range with bounds of bounded length: of a bound longer than any key only so much counts as makes
// it longer than any key. (No key equals it, and no key is long enough to differ from it further on.)
Range CutBounds(const Range& range, uint32_t page_size);

}  // namespace manifolddb::txn

namespace manifolddb {

class Cursor::Impl {
 public:
  // Over a version that cannot change.
  Impl(txn::Core& core, mvcc::ReaderSlot* slot, const Range& range, format::PageRef root);
  // Over the tree a write transaction is changing.
  Impl(txn::Core& core, mvcc::ReaderSlot* slot, const Range& range, txn::WriteTransactionImpl* writer,
       txn::WriteTableState* table);

  // Runs `move` on the tree cursor inside an epoch, on the tree as it is now.
  template <class Move>
  Result<bool> Run(const char* operation, Move move);
  // A move that ends in the leaf it begins in, of a cursor whose version cannot change: no epoch, no error.
  // False: nothing has happened.
  bool NextInLeaf() { return writer_ == nullptr && cursor_.NextInLeaf(); }
  bool PrevInLeaf() { return writer_ == nullptr && cursor_.PrevInLeaf(); }
  // The value, if nothing has to be looked up or read for it: nothing otherwise.
  std::optional<ByteView> ValueInLeaf() const {
    if (writer_ != nullptr || !cursor_.settled()) [[unlikely]]
      return std::nullopt;
    return cursor_.InlineValue();
  }
  Result<ByteView> ReadCurrent();
  btree::TreeCursor& tree() { return cursor_; }
  const btree::TreeCursor& tree() const { return cursor_; }

 private:
  Status FollowWriter(const char* operation);

  txn::Core& core_;
  mvcc::ReaderSlot* const slot_;
  txn::WriteTransactionImpl* const writer_ = nullptr;
  txn::WriteTableState* const table_ = nullptr;
  uint64_t edits_seen_ = 0;
  btree::TreeCursor cursor_;
  base::Buffer extent_;  // the current value, if it lies in an extent and was asked for
};

}  // namespace manifolddb
