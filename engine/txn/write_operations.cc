// What a write transaction does to its tables: each change goes to the redo first, then to the pages, so that
// a change that made it into the pages can always be replayed.

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
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

}  // namespace

Status WriteTransactionImpl::AppendTableChange(const std::function<Status(base::ByteBuffer&)>& append) {
  if (redo_overflow_) return {};
  return append(redo_);
}

Result<WriteTable> WriteTransactionImpl::CreateTable(ColumnFamily family, std::string_view name) {
  MANIFOLDDB_TRY(CheckLive("table.create"));
  MANIFOLDDB_TRY(CheckName(name, "table.create"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.create"));
  if (edit->Find(name) != nullptr) {
    return Fail(Errc::kAlreadyExists, "table.create", {.message = Quoted(name)});
  }
  const format::TableId id = edit->next_table();
  Status redone = AppendTableChange([&](base::ByteBuffer& redo) {
    return format::AppendCreateTable(redo, edit->family()->id(), id, AsBytes(name));
  });
  if (!redone) return Failed(redone.error());
  WriteTableState* const table = edit->Create(name);
  MANIFOLDDB_ASSERT(table->id == id);
  if (Status after = AfterChange(); !after) return Failed(after.error());
  return WriteTable(this, table);
}

Result<WriteTable> WriteTransactionImpl::OpenTable(ColumnFamily family, std::string_view name) {
  MANIFOLDDB_TRY(CheckLive("table.open"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.open"));
  WriteTableState* const table = edit->Find(name);
  if (table == nullptr) return NoSuchTable("table.open", name);
  return WriteTable(this, table);
}

Status WriteTransactionImpl::DropTable(ColumnFamily family, std::string_view name) {
  MANIFOLDDB_TRY(CheckLive("table.drop"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.drop"));
  WriteTableState* const table = edit->Find(name);
  if (table == nullptr) return NoSuchTable("table.drop", name);
  Status redone = AppendTableChange(
      [&](base::ByteBuffer& redo) { return format::AppendDropTable(redo, edit->family()->id(), table->id); });
  if (!redone) return Failed(redone.error());
  if (const format::PageRef root = edit->Drop(table); !root.null()) dropped_.push_back(root);
  return AfterChange();
}

Status WriteTransactionImpl::RenameTable(ColumnFamily family, std::string_view from, std::string_view to) {
  MANIFOLDDB_TRY(CheckLive("table.rename"));
  MANIFOLDDB_TRY(CheckName(to, "table.rename"));
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(family, "table.rename"));
  WriteTableState* const table = edit->Find(from);
  if (table == nullptr) return NoSuchTable("table.rename", from);
  if (edit->Find(to) != nullptr) return Fail(Errc::kAlreadyExists, "table.rename", {.message = Quoted(to)});
  Status redone = AppendTableChange([&](base::ByteBuffer& redo) {
    return format::AppendRenameTable(redo, edit->family()->id(), table->id, AsBytes(to));
  });
  if (!redone) return Failed(redone.error());
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
  return ReadValue(core_, slot_, table.tree.root, key, &pages_);
}

Result<uint64_t> WriteTransactionImpl::Length(const WriteTableState& table) {
  MANIFOLDDB_TRY(CheckTable(table, "table.length"));
  return table.tree.entries;
}

Result<Cursor> WriteTransactionImpl::NewCursor(WriteTableState* table, const Range& range) {
  MANIFOLDDB_TRY(CheckTable(*table, "table.new_cursor"));
  return Cursor(std::make_unique<Cursor::Impl>(core_, slot_, range, this, table));
}

Status WriteTransactionImpl::Select(const WriteTableState& table) {
  if (selected_ == &table) return {};
  MANIFOLDDB_TRY(format::AppendSelect(redo_, table.family->family()->id(), table.id));
  selected_ = &table;
  return {};
}

Status WriteTransactionImpl::Put(WriteTableState& table, ByteView key, ByteView value) {
  MANIFOLDDB_TRY(CheckTable(table, "table.put"));
  const uint32_t key_bytes_max = format::KeyBytesMax(core_.file->page_size());
  if (key.size() > key_bytes_max) {
    return Fail(Errc::kKeyTooLong, "table.put",
                {.message = std::to_string(key.size()) + " bytes, at most " + std::to_string(key_bytes_max)});
  }
  if (value.size() > kValueBytesMax) {
    return Fail(
        Errc::kValueTooLong, "table.put",
        {.message = std::to_string(value.size()) + " bytes, at most " + std::to_string(kValueBytesMax)});
  }
  if (!redo_overflow_) {
    if (Status selected = Select(table); !selected) return Failed(selected.error());
    if (Status redone = format::AppendPut(redo_, key, value); !redone) return Failed(redone.error());
  }
  {
    const mvcc::EpochGuard guard(slot_);
    if (auto put = btree::Put(pages_, table.tree, key, value, guard); !put) return Failed(put.error());
  }
  table.family->MarkChanged();
  return AfterChange();
}

Result<bool> WriteTransactionImpl::Delete(WriteTableState& table, ByteView key) {
  MANIFOLDDB_TRY(CheckTable(table, "table.delete"));
  if (key.size() > format::KeyBytesMax(core_.file->page_size())) return false;
  bool found = false;
  {
    const mvcc::EpochGuard guard(slot_);
    auto deleted = btree::Delete(pages_, table.tree, key, guard);
    if (!deleted) return Failed(deleted.error());
    found = *deleted;
  }
  if (!found) return false;  // no change: nothing to replay
  if (!redo_overflow_) {
    if (Status selected = Select(table); !selected) return Failed(selected.error());
    if (Status redone = format::AppendDelete(redo_, key); !redone) return Failed(redone.error());
  }
  table.family->MarkChanged();
  MANIFOLDDB_TRY(AfterChange());
  return true;
}

Result<uint64_t> WriteTransactionImpl::DeleteRange(WriteTableState& table, const Range& range) {
  MANIFOLDDB_TRY(CheckTable(table, "table.delete_range"));
  uint64_t count = 0;
  {
    const mvcc::EpochGuard guard(slot_);
    auto deleted = btree::DeleteRange(pages_, table.tree, range.lower, range.upper, guard);
    if (!deleted) return Failed(deleted.error());
    count = *deleted;
  }
  if (count == 0) return 0;
  if (!redo_overflow_) {
    if (Status selected = Select(table); !selected) return Failed(selected.error());
    Status redone = format::AppendDeleteRange(redo_, range.lower, range.upper);
    if (!redone) return Failed(redone.error());
  }
  table.family->MarkChanged();
  MANIFOLDDB_TRY(AfterChange());
  return count;
}

Status WriteTransactionImpl::AfterChange() {
  ++edits_;
  if (!redo_overflow_ && redo_.size() > core_.log_space->group_bytes_max()) {
    // Goes through a checkpoint: the pages are the record, the redo only costs memory.
    redo_overflow_ = true;
    redo_ = base::ByteBuffer();
  }
  // An eighth of the limit is everybody's to overdraw; beyond it, whoever finds memory short writes its own
  // pages out.
  const uint64_t own = pages_.pages_unwritten() * pages_.page_size();
  if (core_.cache->bytes_dirty() > core_.config.dirty_bytes_max && own * 8 >= core_.config.dirty_bytes_max) {
    MANIFOLDDB_MARK("txn.spill");
    if (Status spilled = pages_.Spill(*core_.poison); !spilled) {
      return Failed(spilled.error());
    }
  }
  return {};
}

}  // namespace manifolddb::txn
