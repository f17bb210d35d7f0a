// Values and cursors. A cursor of a write transaction looks at the writer's edit count before each move: if
// anything was changed, the tree cursor finds its key's place anew in the tree as it is now.

#include "engine/txn/cursor_impl.h"

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

namespace {

// Whether the value lies where it can not stay: in an extent, or on a page that is changed in place by what
// comes next in this transaction.
bool NeedsCopy(const btree::FoundValue& found, const page::PageWriter* writer) {
  if (!found.extent.null()) return true;
  return writer != nullptr && writer->Edits(*found.frame) && !MANIFOLDDB_BROKEN("txn.get.own_page");
}

// In memory of the value's own. (The version is pinned, so an extent stays until it is read.)
Result<Value> CopyOf(Core& core, const btree::FoundValue& found) {
  if (!found.extent.null()) {
    MANIFOLDDB_ASSIGN(base::Buffer bytes, core.file->ReadExtent(found.extent));
    const ByteView view = bytes.view().first(base::ToSize(found.extent.bytes));
    return Value(view, {.owned = bytes.Release()});
  }
  return txn::CopyOf(found.inline_bytes, "table.get");
}

Value PinOf(const btree::FoundValue& found) {
  found.frame->pins.fetch_add(1, std::memory_order_relaxed);
  return Value(found.inline_bytes, {.frame = found.frame});
}

}  // namespace

Result<std::optional<Value>> ReadValue(Core& core, mvcc::ReaderSlot* slot, format::PageRef root, ByteView key,
                                       const page::PageWriter* writer) {
  const mvcc::EpochGuard guard(slot);
  MANIFOLDDB_ASSIGN(const std::optional<btree::FoundValue> found, btree::Get(*core.cache, root, key, guard));
  if (!found) return std::optional<Value>();
  if (NeedsCopy(*found, writer)) [[unlikely]] {
    MANIFOLDDB_ASSIGN(Value copy, CopyOf(core, *found));
    return std::optional<Value>(std::move(copy));
  }
  return std::optional<Value>(PinOf(*found));
}

Result<Value> CopyOf(ByteView bytes, const char* operation) {
  if (bytes.empty()) return Value({}, {});
  MANIFOLDDB_ASSIGN(base::Buffer copy, base::Buffer::Make(bytes.size(), operation));
  btree::CopyBytes(copy.data(), bytes);
  const ByteView view = copy.view().first(bytes.size());
  return Value(view, {.owned = copy.Release()});
}

Result<Value> KeepValue(Core& core, const btree::FoundValue& found, const page::PageWriter* writer) {
  if (NeedsCopy(found, writer)) return CopyOf(core, found);
  return PinOf(found);
}

}  // namespace txn

Cursor::Impl::Impl(txn::Core& core, mvcc::ReaderSlot* slot, const txn::Bounds& bounds, format::PageRef root,
                   txn::TableIdentity identity)
    : core_(core),
      slot_(slot),
      identity_(identity),
      cursor_(*core.cache, root, bounds.lower(), bounds.upper()) {}

Cursor::Impl::Impl(txn::Core& core, mvcc::OwnedSlot slot, const txn::Bounds& bounds, format::PageRef root,
                   txn::TableIdentity identity)
    : core_(core),
      own_slot_(std::move(slot)),
      slot_(own_slot_.get()),
      identity_(identity),
      cursor_(*core.cache, root, bounds.lower(), bounds.upper()) {}

Cursor::Impl::Impl(txn::Core& core, mvcc::ReaderSlot* slot, const txn::Bounds& bounds,
                   txn::WriteTransactionImpl* writer, txn::WriteTableState* table)
    : core_(core),
      slot_(slot),
      writer_(writer),
      table_(table),
      edits_seen_(writer->edits()),
      identity_{table->family->family()->id(), table->id},
      cursor_(*core.cache, table->tree.root, bounds.lower(), bounds.upper()) {}

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

Status Cursor::Impl::Settle(const char* operation) {
  MANIFOLDDB_ASSERT(cursor_.valid());
  // The transaction may have written since the last move, or that move may have failed.
  if (writer_ != nullptr) MANIFOLDDB_TRY(FollowWriter(operation));
  if (cursor_.settled()) return {};
  const mvcc::EpochGuard guard(slot_);
  MANIFOLDDB_ASSIGN(const bool there, cursor_.Refresh(guard));
  if (there) return {};
  return Fail(Errc::kInvalidArgument, operation,
              {.file = core_.config.name, .message = "the entry was deleted since: move the cursor"});
}

Result<ByteView> Cursor::Impl::ReadCurrent() {
  MANIFOLDDB_TRY(Settle("cursor.value"));
  const btree::FoundValue value = cursor_.value();
  if (value.extent.null()) return value.inline_bytes;
  // Views that were given of it live until the cursor moves.
  if (extent_of_ != value.extent) {
    extent_of_ = {};
    MANIFOLDDB_ASSIGN(extent_, core_.file->ReadExtent(value.extent));
    extent_of_ = value.extent;
  }
  return extent_.view().first(base::ToSize(value.extent.bytes));
}

Result<Value> Cursor::Impl::KeepCurrent() {
  MANIFOLDDB_TRY(Settle("cursor.keep_value"));
  const page::PageWriter* const pages = writer_ != nullptr ? &writer_->pages() : nullptr;
  return txn::KeepValue(core_, cursor_.value(), pages);
}

Result<std::string> Cursor::Impl::Position() const {
  if (const std::optional<ByteView> key = cursor_.last_key()) {
    return txn::EncodePosition(core_.config.identity, identity_, *key);
  }
  return Fail(Errc::kInvalidArgument, "cursor.position",
              {.file = core_.config.name, .message = "the cursor has not been on any entry: move it first"});
}

Result<bool> Cursor::Impl::Restore(ByteView position) {
  MANIFOLDDB_ASSIGN(const ByteView key, txn::DecodePosition(core_.config.identity, identity_, position));
  if (key.size() > format::KeyBytesMax(core_.file->page_size())) return txn::NoPosition(position);
  return Run("cursor.restore", [key](auto& tree, auto& guard) { return tree.Restore(key, guard); });
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

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), entry_(impl_->entry()) {}
Cursor::Cursor(Cursor&& other) noexcept
    : impl_(std::move(other.impl_)), entry_(std::exchange(other.entry_, nullptr)) {}
Cursor& Cursor::operator=(Cursor&& other) noexcept {
  impl_ = std::move(other.impl_);
  entry_ = std::exchange(other.entry_, nullptr);
  return *this;
}
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
bool Cursor::NextInLeaf(Impl& impl) { return impl.tree().NextInLeaf(); }
bool Cursor::PrevInLeaf(Impl& impl) { return impl.tree().PrevInLeaf(); }
Result<bool> Cursor::NextSlow() {
  return Run(impl_, "cursor.next", [](auto& tree, auto& guard) { return tree.Next(guard); });
}
Result<bool> Cursor::PrevSlow() {
  return Run(impl_, "cursor.prev", [](auto& tree, auto& guard) { return tree.Prev(guard); });
}

bool Cursor::valid() const { return impl_ != nullptr && impl_->tree().valid(); }
ByteView Cursor::KeySlow() const { return impl_ != nullptr ? impl_->tree().key() : ByteView(); }
Result<ByteView> Cursor::ValueSlow() {
  MANIFOLDDB_TRY(CheckHere(impl_, "cursor.value"));
  return impl_->ReadCurrent();
}
Result<Value> Cursor::KeepValue() {
  MANIFOLDDB_TRY(CheckHere(impl_, "cursor.keep_value"));
  return impl_->KeepCurrent();
}
Result<std::string> Cursor::Position() const {
  MANIFOLDDB_TRY(CheckHere(impl_, "cursor.position"));
  return impl_->Position();
}
Result<bool> Cursor::Restore(ByteView position) {
  MANIFOLDDB_TRY(CheckHere(impl_, "cursor.restore"));
  return impl_->Restore(position);
}

}  // namespace manifolddb
