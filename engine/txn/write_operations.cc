// What a write transaction does to its tables: each change goes to the redo first, then to the pages, so that
// a change that made it into the pages can always be replayed.

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/format/page_header.h"
#include "engine/format/redo.h"
#include "engine/txn/cursor_impl.h"
#include "engine/txn/names.h"
#include "engine/txn/write_transaction.h"

namespace manifolddb::txn {

namespace {

std::unexpected<Error> NoSuchTable(const char* operation, std::string_view name) {
  return Fail(Errc::kNoSuchTable, operation, {.message = Quoted(name)});
}

// Lets a deletion go deeper into the last free pages than what needs more room.
class MakingRoom {
 public:
  explicit MakingRoom(page::PageWriter& pages) : pages_(pages) { pages_.SetRoom(page::Room::kMakes); }
  ~MakingRoom() { pages_.SetRoom(page::Room::kShared); }
  MakingRoom(const MakingRoom&) = delete;
  MakingRoom& operator=(const MakingRoom&) = delete;

 private:
  page::PageWriter& pages_;
};

}  // namespace

template <class Append>
Status WriteTransactionImpl::Log(const WriteTableState* table, uint64_t bytes, Append append) {
  if (!redo_given_up_ && redo_.size() + bytes > core_.log_space->group_bytes_max()) {
    // Goes through a checkpoint: the pages are the record, the redo only costs memory.
    redo_given_up_ = true;
    redo_ = base::ByteBuffer();
  }
  if (redo_given_up_) return {};
  // What sealing the group will need is there from the beginning, so that the commit copies nothing.
  constexpr uint64_t kEncodingBytesMax = 64;  // kinds, ids and lengths of a selection and an operation
  Status logged = redo_.Reserve(bytes + kEncodingBytesMax + core_.config.write_unit);
  if (logged && table != nullptr) logged = Select(*table);
  if (logged) logged = append();
  if (!logged) return Failed(logged.error());
  return {};
}

Result<WriteTable> WriteTransactionImpl::CreateTable(ColumnFamily family, std::string_view name,
                                                     const TableTypes& types) noexcept {
  MANIFOLDDB_TRY(CheckLive("table.create"));
  MANIFOLDDB_TRY(CheckName(name, "table.create"));
  MANIFOLDDB_TRY(CheckNewTypes(types, pages_.page_size()));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.create"));
  if (edit->Find(name) != nullptr) {
    return Fail(Errc::kAlreadyExists, "table.create", {.message = Quoted(name)});
  }
  if (Status room = core_.allocator->CheckRoom(); !room) return Failed(room.error());
  const format::TableId id = edit->next_table();
  if (id.raw() > format::kTableIdMax) {
    return Fail(Errc::kLimit, "table.create",
                {.message = "2^40 tables have been created in this column family; use another one"});
  }
  MANIFOLDDB_TRY(Log(nullptr, name.size() + types.key.size() + types.value.size(), [&] {
    return format::AppendCreateTable(redo_, edit->family()->id(), id, AsBytes(name), types.key, types.value);
  }));
  WriteTableState* const table = edit->Create(name, MakeTypeNames(types.key, types.value));
  MANIFOLDDB_ASSERT(table->id == id);
  if (Status after = AfterChange(); !after) return Failed(after.error());
  return WriteTable(this, table);
}

Result<WriteTable> WriteTransactionImpl::OpenTable(ColumnFamily family, std::string_view name,
                                                   const TableTypes& types) noexcept {
  MANIFOLDDB_TRY(CheckLive("table.open"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.open"));
  WriteTableState* const table = edit->Find(name);
  if (table == nullptr) return NoSuchTable("table.open", name);
  MANIFOLDDB_TRY(CheckTypes(name, table->types.get(), types));
  return WriteTable(this, table);
}

Status WriteTransactionImpl::DropTable(ColumnFamily family, std::string_view name) noexcept {
  MANIFOLDDB_TRY(CheckLive("table.drop"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.drop"));
  WriteTableState* const table = edit->Find(name);
  if (table == nullptr) return NoSuchTable("table.drop", name);
  MANIFOLDDB_TRY(
      Log(nullptr, 0, [&] { return format::AppendDropTable(redo_, edit->family()->id(), table->id); }));
  if (const format::PageRef root = edit->Drop(table); !root.null()) dropped_.push_back(root);
  return AfterChange();
}

Status WriteTransactionImpl::RenameTable(ColumnFamily family, std::string_view from,
                                         std::string_view to) noexcept {
  MANIFOLDDB_TRY(CheckLive("table.rename"));
  MANIFOLDDB_TRY(CheckName(to, "table.rename"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.rename"));
  WriteTableState* const table = edit->Find(from);
  if (table == nullptr) return NoSuchTable("table.rename", from);
  if (edit->Find(to) != nullptr) return Fail(Errc::kAlreadyExists, "table.rename", {.message = Quoted(to)});
  if (Status room = core_.allocator->CheckRoom(); !room) return Failed(room.error());
  MANIFOLDDB_TRY(Log(nullptr, to.size(), [&] {
    return format::AppendRenameTable(redo_, edit->family()->id(), table->id, AsBytes(to));
  }));
  edit->Rename(table, to);
  return AfterChange();
}

Result<std::vector<std::string>> WriteTransactionImpl::ListTables(ColumnFamily family) {
  MANIFOLDDB_TRY(CheckLive("table.list"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.list"));
  return edit->ListNames();
}

Result<std::optional<Value>> WriteTransactionImpl::Get(const WriteTableState& table, ByteView key) {
  MANIFOLDDB_TRY(CheckTable(table, "table.get"));
  auto value = ReadValue(core_, slot_, table.tree.root, key, &pages_);
  if (value) [[likely]]
    return value;
  return std::unexpected<Error>(OfEntry(value.error(), table.name, key));
}

Result<uint64_t> WriteTransactionImpl::Length(const WriteTableState& table) {
  MANIFOLDDB_TRY(CheckTable(table, "table.length"));
  return table.tree.entries;
}

Result<Cursor> WriteTransactionImpl::NewCursor(WriteTableState* table, const Range& range) {
  MANIFOLDDB_TRY(CheckTable(*table, "table.new_cursor"));
  MANIFOLDDB_ASSIGN(const Bounds bounds, Bounds::Of(range, pages_.page_size()));
  return Cursor(std::make_unique<Cursor::Impl>(core_, slot_, bounds, this, table));
}

Status WriteTransactionImpl::Select(const WriteTableState& table) {
  if (selected_ == &table) return {};
  MANIFOLDDB_TRY(format::AppendSelect(redo_, table.family->family()->id(), table.id));
  selected_ = &table;
  return {};
}

Status WriteTransactionImpl::Put(WriteTableState& table, ByteView key, ByteView value) noexcept {
  MANIFOLDDB_TRY(CheckTable(table, "table.put"));
  if (const Status sized = CheckSizes(key.size(), value.size(), "table.put"); !sized) [[unlikely]] {
    return std::unexpected<Error>(OfEntry(sized.error(), table.name, key));
  }
  const bool extent = btree::NeedsExtent(pages_.page_size(), key.size(), value.size());
  const auto put = extent ? PutExtent(table, key, value) : PutInline(table, key, value);
  MANIFOLDDB_TRY(put);
  table.family->MarkChanged();
  return AfterChange();
}

Status WriteTransactionImpl::CheckSizes(uint64_t key_bytes, uint64_t value_bytes,
                                        const char* operation) const {
  const uint32_t key_bytes_max = format::KeyBytesMax(core_.file->page_size());
  if (key_bytes > key_bytes_max) [[unlikely]] {
    return Fail(Errc::kKeyTooLong, operation,
                {.message = std::to_string(key_bytes) + " bytes, at most " + std::to_string(key_bytes_max)});
  }
  if (value_bytes > kValueBytesMax) [[unlikely]] {
    return Fail(
        Errc::kValueTooLong, operation,
        {.message = std::to_string(value_bytes) + " bytes, at most " + std::to_string(kValueBytesMax)});
  }
  return {};
}

// The value is filled in where it is first needed, in the redo, and goes to its page or extent from there.
// Where no redo is kept it is filled in in memory of its own.
Status WriteTransactionImpl::PutReserve(WriteTableState& table, ByteView key, uint64_t bytes,
                                        const std::function<Status(MutableByteView)>& fill) {
  MANIFOLDDB_TRY(CheckTable(table, "table.put_reserve"));
  if (const Status sized = CheckSizes(key.size(), bytes, "table.put_reserve"); !sized) [[unlikely]] {
    return std::unexpected<Error>(OfEntry(sized.error(), table.name, key));
  }
  const bool extent = btree::NeedsExtent(pages_.page_size(), key.size(), bytes);
  const size_t redo_before = redo_.size();
  const WriteTableState* const selected_before = selected_;
  MutableByteView value;
  MANIFOLDDB_TRY(Log(&table, key.size() + bytes, [&]() -> Status {
    MANIFOLDDB_ASSIGN(value, format::AppendPutToFill(redo_, key, base::ToSize(bytes), extent));
    return {};
  }));
  if (redo_given_up_) {
    MANIFOLDDB_ASSIGN(base::Buffer buffer, base::Buffer::MakeScratch(bytes + 1, "table.put_reserve"));
    value = buffer.span().first(base::ToSize(bytes));
    std::fill(value.begin(), value.end(), std::byte{0});
    MANIFOLDDB_TRY(Fill(value, fill));
    return Put(table, key, value);
  }
  if (Status filled = Fill(value, fill); !filled) {
    redo_.Truncate(redo_before);
    selected_ = selected_before;
    return filled;
  }
  MANIFOLDDB_TRY(extent ? StoreFilledExtent(table, key, value) : StoreFilled(table, key, value));
  table.family->MarkChanged();
  return AfterChange();
}

// Meanwhile the redo is nowhere where anything could be added to it, and every call but Abort is refused.
// (Should `fill` throw it stays so.)
Status WriteTransactionImpl::Fill(MutableByteView value, const std::function<Status(MutableByteView)>& fill) {
  base::ByteBuffer redo = std::move(redo_);
  failed_for_good_ = true;
  failed_.emplace(Errc::kInvalidArgument, "table.put_reserve",
                  ErrorDetails{.message = "the value is being written in place"});
  Status filled = fill(value);
  if (ended_) {
    return Fail(Errc::kTransactionEnded, "table.put_reserve",
                {.message = "the transaction was aborted while the value was written in place"});
  }
  failed_.reset();
  failed_for_good_ = false;
  redo_ = std::move(redo);
  return filled;
}

// The value lies in the redo already, here and below.
Status WriteTransactionImpl::StoreFilled(WriteTableState& table, ByteView key, ByteView value) {
  const mvcc::EpochGuard guard(slot_);
  if (auto put = btree::Put(pages_, table.tree, key, value, guard, &table.append); !put)
    return Failed(put.error());
  return {};
}

Status WriteTransactionImpl::StoreFilledExtent(WriteTableState& table, ByteView key, ByteView value) {
  const auto extent = pages_.WriteExtent(value);
  if (!extent) return Failed(extent.error());
  format::AppendExtentPlace(redo_, extent->first);
  const mvcc::EpochGuard guard(slot_);
  if (auto put = btree::PutExtent(pages_, table.tree, key, *extent, guard); !put) return Failed(put.error());
  return {};
}

Status WriteTransactionImpl::PutInline(WriteTableState& table, ByteView key, ByteView value) {
  MANIFOLDDB_TRY(
      Log(&table, key.size() + value.size(), [&] { return format::AppendPut(redo_, key, value); }));
  const mvcc::EpochGuard guard(slot_);
  if (auto put = btree::Put(pages_, table.tree, key, value, guard, &table.append); !put)
    return Failed(put.error());
  return {};
}

// The extent first: the redo says where it lies.
Status WriteTransactionImpl::PutExtent(WriteTableState& table, ByteView key, ByteView value) {
  const auto extent = pages_.WriteExtent(value);
  if (!extent) return Failed(extent.error());
  MANIFOLDDB_TRY(Log(&table, key.size() + value.size(),
                     [&] { return format::AppendPutExtent(redo_, key, value, extent->first); }));
  const mvcc::EpochGuard guard(slot_);
  if (auto put = btree::PutExtent(pages_, table.tree, key, *extent, guard); !put) return Failed(put.error());
  return {};
}

Result<bool> WriteTransactionImpl::Delete(WriteTableState& table, ByteView key) noexcept {
  MANIFOLDDB_TRY(CheckTable(table, "table.delete"));
  if (key.size() > format::KeyBytesMax(core_.file->page_size())) return false;
  bool found = false;
  {
    const mvcc::EpochGuard guard(slot_);
    const MakingRoom making(pages_);
    auto deleted = btree::Delete(pages_, table.tree, key, guard);
    if (!deleted) return Failed(deleted.error());
    found = *deleted;
  }
  if (!found) return false;  // no change: nothing to replay
  MANIFOLDDB_TRY(Log(&table, key.size(), [&] { return format::AppendDelete(redo_, key); }));
  table.family->MarkChanged();
  MANIFOLDDB_TRY(AfterChange());
  return true;
}

Result<uint64_t> WriteTransactionImpl::DeleteRange(WriteTableState& table, const Range& wanted) noexcept {
  MANIFOLDDB_TRY(CheckTable(table, "table.delete_range"));
  MANIFOLDDB_ASSIGN(const Bounds range, Bounds::Of(wanted, pages_.page_size()));
  auto deleted = [&] {
    const MakingRoom making(pages_);
    return btree::DeleteRange(pages_, table.tree, range.lower(), range.upper(), slot_);
  }();
  if (!deleted) return Failed(deleted.error());
  const uint64_t count = *deleted;
  if (count == 0) return 0;
  const uint64_t bytes =
      (range.lower() ? range.lower()->size() : 0) + (range.upper() ? range.upper()->size() : 0);
  MANIFOLDDB_TRY(
      Log(&table, bytes, [&] { return format::AppendDeleteRange(redo_, range.lower(), range.upper()); }));
  table.family->MarkChanged();
  MANIFOLDDB_TRY(AfterChange());
  return count;
}

Status WriteTransactionImpl::AfterChange() {
  ++edits_;
  // Running transactions may overdraw the limit by as much again, together, but for a few pages each; one by
  // itself by an eighth. Beyond it, whoever finds memory short writes its own pages out.
  constexpr uint64_t kPartsMin = 8;
  constexpr uint64_t kPagesMin = 4;  // fewer are not worth a write and a sync
  const uint64_t limit = core_.DirtyBytesMax();
  const uint64_t own = pages_.pages_unwritten() * pages_.page_size();
  const bool too_many = CountUnwritten(own) > limit && pages_.pages_unwritten() >= kPagesMin;
  const bool spills = core_.cache->bytes_dirty() > limit && (too_many || own * kPartsMin >= limit);
  if (spills && !MANIFOLDDB_BROKEN("txn.spill.skip")) {
    MANIFOLDDB_MARK("txn.spill");
    if (Status spilled = pages_.Spill(*core_.poison); !spilled) {
      failed_for_good_ = true;  // which of the pages are written is not known
      return Failed(spilled.error());
    }
    CountUnwritten(0);
  }
  return {};
}

uint64_t WriteTransactionImpl::CountUnwritten(uint64_t bytes) {
  const uint64_t more = bytes - std::exchange(bytes_counted_, bytes);  // modulo 2^64, also when it is less
  return core_.unwritten_bytes.fetch_add(more, std::memory_order_relaxed) + more;
}

}  // namespace manifolddb::txn
