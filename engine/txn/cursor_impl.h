#pragma once
// Reading for both kinds of transactions: values, and the inside of a cursor.

#include <optional>

#include "engine/base/memory.h"
#include "engine/btree/tree_cursor.h"
#include "engine/page/page_writer.h"
#include "engine/txn/bounds.h"
#include "engine/txn/core.h"
#include "engine/txn/position.h"
#include "manifolddb/cursor.h"

namespace manifolddb::txn {

class WriteTransactionImpl;
struct WriteTableState;

// The value at `key` of the tree, kept alive. `writer`: of the write transaction that reads, null if none
// does.
Result<std::optional<Value>> ReadValue(Core& core, mvcc::ReaderSlot* slot, format::PageRef root, ByteView key,
                                       const page::PageWriter* writer = nullptr);

// A guard of what was found. REQUIRES: the frame is pinned, or of an epoch still entered.
Result<Value> KeepValue(Core& core, const btree::FoundValue& found, const page::PageWriter* writer);

// A copy, in memory of the value's own. `operation`: of the error if there is no memory.
Result<Value> CopyOf(ByteView bytes, const char* operation);

}  // namespace manifolddb::txn

namespace manifolddb {

class Cursor::Impl {
 public:
  // Over a version that cannot change.
  Impl(txn::Core& core, mvcc::ReaderSlot* slot, const txn::Bounds& bounds, format::PageRef root,
       txn::TableIdentity identity);
  // The same with a slot of its own, for a thread other than the transaction's.
  Impl(txn::Core& core, mvcc::OwnedSlot slot, const txn::Bounds& bounds, format::PageRef root,
       txn::TableIdentity identity);
  // Over the tree a write transaction is changing.
  Impl(txn::Core& core, mvcc::ReaderSlot* slot, const txn::Bounds& bounds, txn::WriteTransactionImpl* writer,
       txn::WriteTableState* table);

  // Runs `move` on the tree cursor inside an epoch, on the tree as it is now.
  template <class Move>
  Result<bool> Run(const char* operation, Move move);
  // The entry, of a cursor whose version cannot change; null of a writer's.
  const CursorEntry* entry() const { return writer_ == nullptr ? &cursor_.entry() : nullptr; }
  Result<ByteView> ReadCurrent();
  Result<Value> KeepCurrent();
  Result<std::string> Position() const;
  Result<bool> Restore(ByteView position);
  btree::TreeCursor& tree() { return cursor_; }
  const btree::TreeCursor& tree() const { return cursor_; }

 private:
  Status FollowWriter(const char* operation);
  // Looks for the entry if it is not known to be there.
  Status Settle(const char* operation);

  txn::Core& core_;
  const mvcc::OwnedSlot own_slot_;  // null: slot_ is the transaction's
  mvcc::ReaderSlot* const slot_;
  txn::WriteTransactionImpl* const writer_ = nullptr;
  txn::WriteTableState* const table_ = nullptr;
  uint64_t edits_seen_ = 0;
  const txn::TableIdentity identity_;
  btree::TreeCursor cursor_;
  base::Buffer extent_;  // the last value that lay in an extent and was asked for
  format::ExtentRef extent_of_;
};

}  // namespace manifolddb
