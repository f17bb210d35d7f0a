// The public transaction types: thin handles over their insides.

#include "manifolddb/transaction.h"

#include <utility>

#include "engine/base/try.h"
#include "engine/txn/names.h"
#include "engine/txn/read_transaction.h"
#include "engine/txn/write_transaction.h"

namespace manifolddb {
namespace {

template <class Impl>
Status CheckHere(const std::unique_ptr<Impl>& impl, const char* operation) {
  if (impl != nullptr) [[likely]]
    return {};
  return Fail(Errc::kInvalidArgument, operation, {.message = "the transaction was moved to another object"});
}

}  // namespace

ReadTransaction::ReadTransaction(std::unique_ptr<txn::ReadTransactionImpl> impl) : impl_(std::move(impl)) {}
ReadTransaction::ReadTransaction(ReadTransaction&&) noexcept = default;
ReadTransaction& ReadTransaction::operator=(ReadTransaction&&) noexcept = default;
ReadTransaction::~ReadTransaction() = default;

uint64_t ReadTransaction::commit_number() const { return impl_ != nullptr ? impl_->snapshot().raw() : 0; }
Result<ColumnFamily> ReadTransaction::OpenColumnFamily(std::string_view name) const {
  MANIFOLDDB_TRY(CheckHere(impl_, "column_family.open"));
  return impl_->OpenColumnFamily(name);
}
Result<std::vector<std::string>> ReadTransaction::ListColumnFamilies() const {
  MANIFOLDDB_TRY(CheckHere(impl_, "column_family.list"));
  return impl_->ListColumnFamilies();
}
Result<ReadTable> ReadTransaction::OpenTable(ColumnFamily family, std::string_view name, TableTypes types) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.open"));
  return impl_->OpenTable(family, name, types);
}
Result<std::vector<std::string>> ReadTransaction::ListTables(ColumnFamily family) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.list"));
  return impl_->ListTables(family);
}

Result<std::optional<Value>> ReadTable::Get(ByteView key) const { return transaction_->Get(*state_, key); }
Result<uint64_t> ReadTable::Length() const { return transaction_->Length(*state_); }
Result<Cursor> ReadTable::NewCursor(const Range& range) const {
  return transaction_->NewCursor(*state_, range);
}
TableTypes ReadTable::types() const { return txn::TypesOf(state_->types); }

Result<std::optional<Value>> WriteTable::Get(ByteView key) const { return transaction_->Get(*state_, key); }
Result<uint64_t> WriteTable::Length() const { return transaction_->Length(*state_); }
Result<Cursor> WriteTable::NewCursor(const Range& range) const {
  return transaction_->NewCursor(state_, range);
}
TableTypes WriteTable::types() const { return txn::TypesOf(state_->types.get()); }
Status WriteTable::Put(ByteView key, ByteView value) { return transaction_->Put(*state_, key, value); }
Status WriteTable::PutReserve(ByteView key, uint64_t bytes,
                              const std::function<Status(MutableByteView value)>& fill) {
  return transaction_->PutReserve(*state_, key, bytes, fill);
}
Result<bool> WriteTable::Delete(ByteView key) { return transaction_->Delete(*state_, key); }
Result<uint64_t> WriteTable::DeleteRange(const Range& range) {
  return transaction_->DeleteRange(*state_, range);
}

Result<std::optional<KeptEntry>> WriteTable::PopFirst(const Range& range) {
  MANIFOLDDB_ASSIGN(std::optional<KeptEntry> entry, First(range));
  if (entry) MANIFOLDDB_TRY(Delete(entry->key.bytes()));
  return entry;
}
Result<std::optional<KeptEntry>> WriteTable::PopLast(const Range& range) {
  MANIFOLDDB_ASSIGN(std::optional<KeptEntry> entry, Last(range));
  if (entry) MANIFOLDDB_TRY(Delete(entry->key.bytes()));
  return entry;
}

WriteTransaction::WriteTransaction(std::unique_ptr<txn::WriteTransactionImpl> impl)
    : impl_(std::move(impl)) {}
WriteTransaction::WriteTransaction(WriteTransaction&&) noexcept = default;
WriteTransaction& WriteTransaction::operator=(WriteTransaction&&) noexcept = default;
WriteTransaction::~WriteTransaction() = default;

Result<WriteTable> WriteTransaction::CreateTable(ColumnFamily family, std::string_view name,
                                                 TableTypes types) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.create"));
  return impl_->CreateTable(family, name, types);
}
Result<WriteTable> WriteTransaction::OpenTable(ColumnFamily family, std::string_view name, TableTypes types) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.open"));
  return impl_->OpenTable(family, name, types);
}
Result<WriteTable> WriteTransaction::OpenOrCreateTable(ColumnFamily family, std::string_view name,
                                                       TableTypes types) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.open"));
  auto table = impl_->OpenTable(family, name, types);
  if (table || table.error().code() != Errc::kNoSuchTable) return table;
  return impl_->CreateTable(family, name, types);
}
Status WriteTransaction::DropTable(ColumnFamily family, std::string_view name) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.drop"));
  return impl_->DropTable(family, name);
}
Status WriteTransaction::RenameTable(ColumnFamily family, std::string_view from, std::string_view to) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.rename"));
  return impl_->RenameTable(family, from, to);
}
Result<std::vector<std::string>> WriteTransaction::ListTables(ColumnFamily family) {
  MANIFOLDDB_TRY(CheckHere(impl_, "table.list"));
  return impl_->ListTables(family);
}
Status WriteTransaction::AddColumnFamily(ColumnFamily family) {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.add_column_family"));
  return impl_->AddColumnFamily(family);
}
Result<Savepoint> WriteTransaction::SetSavepoint() {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.set_savepoint"));
  MANIFOLDDB_ASSIGN(const uint64_t number, impl_->SetSavepoint());
  return Savepoint(number);
}
Status WriteTransaction::RollBackTo(Savepoint savepoint) {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.roll_back"));
  return impl_->RollBackTo(savepoint.number_);
}
Status WriteTransaction::Release(Savepoint savepoint) {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.release_savepoint"));
  return impl_->ReleaseSavepoint(savepoint.number_);
}
Result<std::vector<Savepoint>> WriteTransaction::ListSavepoints() {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.list_savepoints"));
  MANIFOLDDB_ASSIGN(const std::vector<uint64_t> numbers, impl_->ListSavepoints());
  std::vector<Savepoint> savepoints;
  for (const uint64_t number : numbers) savepoints.push_back(Savepoint(number));
  return savepoints;
}
Status WriteTransaction::Nested(const std::function<Status()>& change) {
  // Undoes what is not released, however it is left.
  class Scope {
   public:
    Scope(WriteTransaction& transaction, Savepoint savepoint)
        : transaction_(transaction), savepoint_(savepoint) {}
    ~Scope() {
      if (open_) static_cast<void>(RollBack());
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Status Release() {
      open_ = false;
      return transaction_.Release(savepoint_);
    }
    Status RollBack() {
      open_ = false;
      MANIFOLDDB_TRY(transaction_.RollBackTo(savepoint_));
      return transaction_.Release(savepoint_);
    }

   private:
    WriteTransaction& transaction_;
    const Savepoint savepoint_;
    bool open_ = true;
  };
  MANIFOLDDB_ASSIGN(const Savepoint savepoint, SetSavepoint());
  Scope scope(*this, savepoint);
  const Status changed = change();
  if (changed) return scope.Release();
  // If it cannot be undone only Abort is left, which the next call says.
  static_cast<void>(scope.RollBack());
  return changed;
}
Result<uint64_t> WriteTransaction::Commit(CommitOptions options) {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.commit"));
  Result<uint64_t> number = impl_->Commit(options);
  if (!number) return number;
  // A callback may do anything, also destroy this object.
  for (const auto& callback : impl_->TakeCallbacks()) callback(*number);
  return number;
}
Result<CommitTicket> WriteTransaction::CommitAsync() {
  MANIFOLDDB_ASSIGN(const uint64_t number, Commit({.durability = Durability::kNone}));
  return CommitTicket{number};
}
Status WriteTransaction::OnCommit(std::function<void(uint64_t commit_number)> callback) {
  MANIFOLDDB_TRY(CheckHere(impl_, "transaction.on_commit"));
  return impl_->OnCommit(std::move(callback));
}
void WriteTransaction::Abort() {
  if (impl_ != nullptr) impl_->Abort();
}

}  // namespace manifolddb
