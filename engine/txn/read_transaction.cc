// Read transactions. A version found for the snapshot stays while the snapshot is pinned, also outside
// epochs; and its slot keeps the database open.

#include "engine/txn/read_transaction.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/txn/cursor_impl.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {

ReadTransactionImpl::ReadTransactionImpl(Core& core)
    : core_(core),
      slot_(core.slots->Acquire()),
      snapshot_(core.slots->PinNewest(slot_, core.versions->published())) {}

ReadTransactionImpl::ReadTransactionImpl(Core& core, mvcc::OwnedSlot slot,
                                         std::unique_ptr<SavepointVersion> savepoint)
    : core_(core), slot_(slot.release()), snapshot_(savepoint->txn()), savepoint_(std::move(savepoint)) {}

Result<std::unique_ptr<ReadTransactionImpl>> ReadTransactionImpl::OfSavepoint(
    Core& core, std::string_view name) noexcept {
  constexpr const char* kOperation = "transaction.begin_read";
  MANIFOLDDB_TRY(core.CheckProcess(kOperation));
  mvcc::OwnedSlot slot = mvcc::AcquireOwned(*core.slots);
  MANIFOLDDB_TRY(core.CheckOpen(kOperation));
  MANIFOLDDB_ASSIGN(auto savepoint, SavepointVersion::Open(core, name, slot.get(), kOperation));
  return std::unique_ptr<ReadTransactionImpl>(
      new ReadTransactionImpl(core, std::move(slot), std::move(savepoint)));
}

ReadTransactionImpl::~ReadTransactionImpl() {
  if (savepoint_ == nullptr) [[likely]] {
    core_.slots->Unpin(slot_);
  } else {
    savepoint_.reset();  // while the slot keeps the database open
  }
  core_.slots->Release(slot_);
}

Result<ColumnFamily> ReadTransactionImpl::OpenColumnFamily(std::string_view name) const {
  format::FamilyId id;
  if (savepoint_ != nullptr) [[unlikely]] {
    const SavepointFamily* const family = savepoint_->Find(name);
    if (family != nullptr) id = family->record.family;
  } else if (const Family* const family = core_.families->FindByName(name, snapshot_)) {
    id = family->id();
  }
  if (id == format::FamilyId{}) {
    return Fail(Errc::kNoSuchColumnFamily, "column_family.open", {.message = Quoted(name)});
  }
  return ColumnFamily(id.raw());
}

Result<std::vector<std::string>> ReadTransactionImpl::ListColumnFamilies() const {
  if (savepoint_ == nullptr) return core_.families->ListNames(snapshot_);
  std::vector<std::string> names;
  for (const auto& family : savepoint_->families()) names.push_back(family->name);
  return names;
}

Result<const mvcc::FamilyVersion*> ReadTransactionImpl::FindVersion(ColumnFamily handle,
                                                                    const char* operation) {
  const auto none = [&] {
    return Fail(Errc::kNoSuchColumnFamily, operation,
                {.message = "column family " + std::to_string(handle.id()) + " at commit " +
                            std::to_string(snapshot_.raw())});
  };
  if (savepoint_ != nullptr) [[unlikely]] {
    const SavepointFamily* const family = savepoint_->Find(format::FamilyId{handle.id()});
    if (family == nullptr) return none();
    return &family->version;
  }
  Family* const family = core_.families->Find(format::FamilyId{handle.id()});
  if (family == nullptr || !family->ExistsAt(snapshot_)) return none();
  MANIFOLDDB_TRY(core_.LoadFamily(family, slot_));
  const mvcc::EpochGuard guard(slot_);  // the chain is walked over versions that may be pruned meanwhile
  const mvcc::FamilyVersion* const version = family->versions.At(snapshot_);
  MANIFOLDDB_ASSERT(version != nullptr);
  return version;
}

Result<ReadTable> ReadTransactionImpl::OpenTable(ColumnFamily family, std::string_view name,
                                                 const TableTypes& types) {
  MANIFOLDDB_ASSIGN(const mvcc::FamilyVersion* const version, FindVersion(family, "table.open"));
  const mvcc::TableVersion* const table = mvcc::FindTable(*version->tables, name);
  if (table == nullptr) return Fail(Errc::kNoSuchTable, "table.open", {.message = Quoted(name)});
  MANIFOLDDB_TRY(CheckTypes(name, table->types.get(), types));
  const ReadTableState state{table->tree, table->types.get(), {format::FamilyId{family.id()}, table->id}};
  if (!first_table_) return ReadTable(this, &first_table_.emplace(state));
  more_tables_.push_back(std::make_unique<ReadTableState>(state));
  return ReadTable(this, more_tables_.back().get());
}

Result<std::vector<std::string>> ReadTransactionImpl::ListTables(ColumnFamily family) {
  MANIFOLDDB_ASSIGN(const mvcc::FamilyVersion* const version, FindVersion(family, "table.list"));
  std::vector<std::string> names;
  for (const mvcc::TableVersion& table : *version->tables) names.push_back(*table.name);
  return names;
}

Result<std::optional<Value>> ReadTransactionImpl::Get(const ReadTableState& table, ByteView key) {
  // One name for what is returned: the value is made where the caller has it, and never moved.
  auto value = ReadValue(core_, slot_, table.tree.root, key);
  if (!value) [[unlikely]]
    value = std::unexpected<Error>(NamedError(value.error(), table, key));
  return value;
}

Error ReadTransactionImpl::NamedError(const Error& error, const ReadTableState& table, ByteView key) {
  const auto version = FindVersion(ColumnFamily(table.identity.family.raw()), "table.get");
  if (!version) return error;
  const mvcc::Tables& tables = *(*version)->tables;
  const auto found = std::ranges::find(tables, table.identity.table, &mvcc::TableVersion::id);
  MANIFOLDDB_ASSERT(found != tables.end());
  return OfEntry(error, *found->name, key);
}

Result<uint64_t> ReadTransactionImpl::Length(const ReadTableState& table) const { return table.tree.entries; }

Result<Cursor> ReadTransactionImpl::NewCursor(const ReadTableState& table, const Range& range) {
  MANIFOLDDB_ASSIGN(const Bounds bounds, Bounds::Of(range, core_.file->page_size()));
  return Cursor(std::make_unique<Cursor::Impl>(core_, slot_, bounds, table.tree.root, table.identity));
}

}  // namespace manifolddb::txn
