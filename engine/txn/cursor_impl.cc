// Values and cursors. A cursor of a write transaction looks at the writer's edit count before each move: if
// anything was changed, the tree cursor finds its key's place anew in the tree as it is now.

#include "engine/txn/cursor_impl.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/format/page_header.h"
#include "engine/txn/write_transaction.h"

namespace manifolddb {

Value::~Value() {
  if (keeper_.frame != nullptr) {
    static_cast<page::Frame*>(keeper_.frame)->pins.fetch_sub(1, std::memory_order_release);
  }
  if (keeper_.owned != nullptr) base::FreeBytes(keeper_.owned, kBufferAlignment);
}

namespace txn {

Result<std::optional<Value>> ReadValue(Core& core, mvcc::ReaderSlot* slot, format::PageRef root, ByteView key,
                                       const page::PageWriter* writer) {
  const mvcc::EpochGuard guard(slot);
  MANIFOLDDB_ASSIGN(const std::optional<btree::FoundValue> found, btree::Get(*core.cache, root, key, guard));
  if (!found) return std::optional<Value>();
  if (found->extent.null() && writer != nullptr && writer->Edits(*found->frame) &&
      !MANIFOLDDB_BROKEN("txn.get.own_page")) {
    // The page is changed in place by what comes next in this transaction: the value needs bytes of its own.
    if (found->inline_bytes.empty()) return std::optional<Value>(Value({}, {}));
    MANIFOLDDB_ASSIGN(base::Buffer bytes, base::Buffer::Make(found->inline_bytes.size(), "table.get"));
    btree::CopyBytes(bytes.data(), found->inline_bytes);
    const ByteView view = bytes.view().first(found->inline_bytes.size());
    return std::optional<Value>(Value(view, {.owned = bytes.Release()}));
  }
  if (found->extent.null()) {
    found->frame->pins.fetch_add(1, std::memory_order_relaxed);
    return std::optional<Value>(Value(found->inline_bytes, {.frame = found->frame}));
  }
  // The version is pinned, so the extent stays; its bytes are read into memory of the value's own.
  MANIFOLDDB_ASSIGN(base::Buffer bytes, core.file->ReadExtent(found->extent));
  const ByteView view = bytes.view().first(base::ToSize(found->extent.bytes));
  return std::optional<Value>(Value(view, {.owned = bytes.Release()}));
}

Range CutBounds(const Range& range, uint32_t page_size) {
  const size_t bytes_max = format::KeyBytesMax(page_size) + size_t{1};
  Range cut = range;
  if (cut.lower) cut.lower = cut.lower->first(std::min(cut.lower->size(), bytes_max));
  if (cut.upper) cut.upper = cut.upper->first(std::min(cut.upper->size(), bytes_max));
  return cut;
}

}  // namespace txn

Cursor::Impl::Impl(txn::Core& core, mvcc::ReaderSlot* slot, const Range& range, format::PageRef root)
    : core_(core), slot_(slot), cursor_(*core.cache, root, range.lower, range.upper) {}

Cursor::Impl::Impl(txn::Core& core, mvcc::ReaderSlot* slot, const Range& range,
                   txn::WriteTransactionImpl* writer, txn::WriteTableState* table)
    : core_(core),
      slot_(slot),
      writer_(writer),
      table_(table),
      edits_seen_(writer->edits()),
      cursor_(*core.cache, table->tree.root, range.lower, range.upper) {}

Status Cursor::Impl::FollowWriter(const char* operation) {
  if (writer_ == nullptr) return {};  // its version cannot change, and the slot keeps the database open
  MANIFOLDDB_TRY(writer_->CheckTable(*table_, operation));
  if (edits_seen_ != writer_->edits()) {
    cursor_.Rebase(table_->tree.root);
    edits_seen_ = writer_->edits();
  }
  return {};
}

template <class Move>
Result<bool> Cursor::Impl::Run(const char* operation, Move move) {
  MANIFOLDDB_TRY(FollowWriter(operation));
  const mvcc::EpochGuard guard(slot_);
  return move(cursor_, guard);
}

Result<ByteView> Cursor::Impl::ReadCurrent() {
  MANIFOLDDB_ASSERT(cursor_.valid());
  // The transaction may have written since the last move, or that move may have failed.
  if (writer_ != nullptr) MANIFOLDDB_TRY(FollowWriter("cursor.value"));
  if (!cursor_.settled()) {
    const mvcc::EpochGuard guard(slot_);
    MANIFOLDDB_ASSIGN(const bool there, cursor_.Refresh(guard));
    if (!there) {
      return Fail(Errc::kInvalidArgument, "cursor.value",
                  {.file = core_.config.name, .message = "the entry was deleted since: move the cursor"});
    }
  }
  const btree::FoundValue value = cursor_.value();
  if (value.extent.null()) return value.inline_bytes;
  MANIFOLDDB_ASSIGN(extent_, core_.file->ReadExtent(value.extent));
  return extent_.view().first(base::ToSize(value.extent.bytes));
}

namespace {

Status CheckHere(const std::unique_ptr<Cursor::Impl>& impl, const char* operation) {
  if (impl != nullptr) [[likely]]
    return {};
  return Fail(Errc::kInvalidArgument, operation, {.message = "the cursor was moved to another object"});
}

template <class Move>
Result<bool> Run(const std::unique_ptr<Cursor::Impl>& impl, const char* operation, Move move) {
  MANIFOLDDB_TRY(CheckHere(impl, operation));
  return impl->Run(operation, move);
}

}  // namespace

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Result<bool> Cursor::First() {
  return Run(impl_, "cursor.first", [](auto& tree, auto& guard) { return tree.First(guard); });
}
Result<bool> Cursor::Last() {
  return Run(impl_, "cursor.last", [](auto& tree, auto& guard) { return tree.Last(guard); });
}
Result<bool> Cursor::Seek(ByteView key) {
  return Run(impl_, "cursor.seek", [key](auto& tree, auto& guard) { return tree.Seek(key, guard); });
}
Result<bool> Cursor::SeekForPrev(ByteView key) {
  return Run(impl_, "cursor.seek_for_prev",
             [key](auto& tree, auto& guard) { return tree.SeekForPrev(key, guard); });
}
Result<bool> Cursor::Next() {
  if (impl_ != nullptr && impl_->NextInLeaf()) [[likely]]
    return true;
  return Run(impl_, "cursor.next", [](auto& tree, auto& guard) { return tree.Next(guard); });
}
Result<bool> Cursor::Prev() {
  if (impl_ != nullptr && impl_->PrevInLeaf()) [[likely]]
    return true;
  return Run(impl_, "cursor.prev", [](auto& tree, auto& guard) { return tree.Prev(guard); });
}

bool Cursor::valid() const { return impl_ != nullptr && impl_->tree().valid(); }
ByteView Cursor::key() const { return impl_ != nullptr ? impl_->tree().key() : ByteView(); }
Result<ByteView> Cursor::value() {
  if (impl_ != nullptr) [[likely]] {
    if (const std::optional<ByteView> value = impl_->ValueInLeaf()) [[likely]]
      return *value;
  }
  MANIFOLDDB_TRY(CheckHere(impl_, "cursor.value"));
  return impl_->ReadCurrent();
}

}  // namespace manifolddb
