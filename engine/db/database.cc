// The public Database: a thin handle.

#include "manifolddb/database.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/base/try.h"
#include "engine/db/database_impl.h"
#include "engine/format/page_header.h"
#include "engine/txn/await_durable.h"
#include "engine/txn/batch_contents.h"
#include "engine/txn/bulk_load.h"
#include "engine/txn/catalog_change.h"
#include "engine/txn/names.h"
#include "engine/txn/read_transaction.h"
#include "engine/txn/restore.h"
#include "engine/txn/retry.h"
#include "engine/txn/write_transaction.h"
#include "manifolddb/write_batch.h"

namespace manifolddb {

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, const Options& options) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  if (directory.empty()) directory = "/";
  if (name.empty()) {
    return Fail(Errc::kInvalidArgument, "database.open", {.file = path, .message = "the path names no file"});
  }
  auto opened = Open(MakePosixStorage(directory), name, options);
  // A directory most of all: what has the name is no file that could be opened.
  if (!opened && opened.error().code() == Errc::kInvalidArgument &&
      opened.error().operation() == "posix_storage.open") {
    return Fail(Errc::kInvalidArgument, "database.open",
                {.file = path,
                 .os_error = opened.error().os_error(),
                 .message = "not a regular file; give the name of the database's data file"},
                opened.error());
  }
  return opened;
}

Result<std::unique_ptr<Database>> Database::Open(std::shared_ptr<Storage> storage, const std::string& name,
                                                 const Options& options) noexcept {
  MANIFOLDDB_ASSIGN(auto impl, db::DatabaseImpl::Open(std::move(storage), name, options));
  return std::make_unique<Database>(std::move(impl));
}

Database::Database(std::unique_ptr<db::DatabaseImpl> impl) : impl_(std::move(impl)) {}
Database::~Database() {
  if (impl_ == nullptr || impl_->core().CheckProcess("database.close")) return;
  // A child of the process that opened it: to take it apart is to wait for the parent's threads. Left as it
  // is, on purpose; the memory is the child's own copy, and its descriptors close when it ends or calls exec.
  static_cast<void>(impl_.release());
}

Result<ColumnFamily> Database::CreateColumnFamily(std::string_view name) {
  MANIFOLDDB_ASSIGN(const txn::Family* const family, txn::CreateFamily(impl_->core(), name));
  return ColumnFamily(family->id().raw());
}
Status Database::DropColumnFamily(std::string_view name) { return txn::DropFamily(impl_->core(), name); }
Status Database::RenameColumnFamily(std::string_view from, std::string_view to) {
  return txn::RenameFamily(impl_->core(), from, to);
}
Result<ColumnFamily> Database::OpenOrCreateColumnFamily(std::string_view name) {
  // Others may create it after the one call, and drop it after the other.
  for (;;) {
    auto family = OpenColumnFamily(name);
    if (family || family.error().code() != Errc::kNoSuchColumnFamily) return family;
    family = CreateColumnFamily(name);
    if (family || family.error().code() != Errc::kAlreadyExists) return family;
  }
}

Result<ColumnFamily> Database::OpenColumnFamily(std::string_view name) const {
  MANIFOLDDB_ASSIGN(const ReadTransaction newest, BeginRead());
  return newest.OpenColumnFamily(name);
}
Result<std::vector<std::string>> Database::ListColumnFamilies() const {
  MANIFOLDDB_ASSIGN(const ReadTransaction newest, BeginRead());
  return newest.ListColumnFamilies();
}

Result<WriteTransaction> Database::BeginWrite(std::span<const ColumnFamily> families,
                                              const WriteOptions& options) {
  MANIFOLDDB_ASSIGN(auto impl, txn::WriteTransactionImpl::Begin(impl_->core(), families, options));
  return WriteTransaction(std::move(impl));
}
Result<uint64_t> Database::Write(std::span<const ColumnFamily> families,
                                 const std::function<Status(WriteTransaction&)>& change,
                                 const WriteScope& scope) {
  return txn::WithRetries(impl_->core(), scope.retry, [&]() -> Result<uint64_t> {
    MANIFOLDDB_ASSIGN(WriteTransaction transaction, BeginWrite(families, scope.begin));
    MANIFOLDDB_TRY(change(transaction));
    return transaction.Commit(scope.commit);
  });
}
Status Database::Retry(const RetryPolicy& policy, const std::function<Status()>& attempt) {
  return txn::WithRetries(impl_->core(), policy, attempt);
}
Result<uint64_t> Database::Apply(const WriteBatch& batch, const CommitOptions& commit,
                                 const WriteOptions& options) {
  std::vector<ColumnFamily> families;
  if (batch.contents() != nullptr) {
    for (const txn::BatchTable& table : batch.contents()->tables) families.push_back(table.family);
  }
  MANIFOLDDB_ASSIGN(WriteTransaction transaction, BeginWrite(families, options));
  MANIFOLDDB_TRY(transaction.Apply(batch));
  return transaction.Commit(commit);
}
Result<BulkLoadProgress> Database::BulkLoad(ColumnFamily family, std::string_view table,
                                            const EntrySource& source, const BulkLoadOptions& options) {
  const auto begin = [&] { return BeginWrite(family, options.begin); };
  return txn::BulkLoad({begin, family, std::string(table)}, source, options);
}
Status Database::AwaitDurable(const CommitTicket& ticket) {
  return txn::AwaitDurable(impl_->core(), format::TxnId{ticket.commit_number});
}
Result<bool> Database::IsDurable(const CommitTicket& ticket) const {
  const txn::Core& core = impl_->core();
  if (core.config.read_only) {
    return Fail(Errc::kReadOnly, "database.is_durable", {.file = core.config.name});
  }
  return ticket.commit_number <= core.pipeline->durable_txn().raw();
}
Result<ReadTransaction> Database::BeginRead() const {
  auto impl = std::make_unique<txn::ReadTransactionImpl>(impl_->core());
  MANIFOLDDB_TRY(impl_->core().CheckOpen("transaction.begin_read"));
  return ReadTransaction(std::move(impl));
}

Result<ReadTransaction> Database::BeginRead(std::string_view savepoint) const {
  MANIFOLDDB_ASSIGN(auto impl, txn::ReadTransactionImpl::OfSavepoint(impl_->core(), savepoint));
  return ReadTransaction(std::move(impl));
}

Result<uint64_t> Database::CreateSavepoint(std::string_view name) {
  const txn::Presence presence(impl_->core());
  MANIFOLDDB_TRY(presence.Check("savepoint.create"));
  MANIFOLDDB_TRY(txn::CheckName(name, "savepoint.create"));
  MANIFOLDDB_ASSIGN(const format::TxnId txn, impl_->checkpointer().CreateSavepoint(std::string(name)));
  return txn.raw();
}
Result<uint64_t> Database::RestoreSavepoint(std::string_view name) {
  MANIFOLDDB_ASSIGN(const format::TxnId txn, txn::RestoreSavepoint(impl_->core(), name));
  return txn.raw();
}
Status Database::DeleteSavepoint(std::string_view name) {
  const txn::Presence presence(impl_->core());
  MANIFOLDDB_TRY(presence.Check("savepoint.delete"));
  return impl_->checkpointer().DeleteSavepoint(std::string(name));
}
Result<std::vector<SavepointInfo>> Database::ListSavepoints() const {
  MANIFOLDDB_TRY(impl_->core().CheckProcess("savepoint.list"));
  const ReadTransaction presence(std::make_unique<txn::ReadTransactionImpl>(impl_->core()));
  MANIFOLDDB_TRY(impl_->core().CheckOpen("savepoint.list"));
  std::vector<SavepointInfo> savepoints;
  for (const mvcc::Savepoint& savepoint : impl_->core().versions->Savepoints(true)) {
    savepoints.push_back({savepoint.name, savepoint.record.txn.raw(), savepoint.pages, savepoint.pages_only});
  }
  return savepoints;
}

Status Database::Checkpoint() {
  const txn::Presence presence(impl_->core());
  MANIFOLDDB_TRY(presence.Check("database.checkpoint"));
  return impl_->checkpointer().RunAndWait();
}
Result<ShrinkReport> Database::ShrinkFile(const ShrinkProgressCall& progress) {
  return impl_->ShrinkFile(progress);
}
Result<VerifyReport> Database::Verify(const VerifyProgressCall& progress) const {
  MANIFOLDDB_TRY(impl_->core().CheckProcess("database.verify"));
  const ReadTransaction presence(std::make_unique<txn::ReadTransactionImpl>(impl_->core()));
  MANIFOLDDB_TRY(impl_->core().CheckOpen("database.verify"));
  return impl_->Verify(progress);
}
Status Database::SetOptions(const OptionChanges& changes) {
  MANIFOLDDB_TRY(impl_->core().CheckProcess("database.set_options"));
  const ReadTransaction presence(std::make_unique<txn::ReadTransactionImpl>(impl_->core()));
  MANIFOLDDB_TRY(impl_->core().CheckOpen("database.set_options"));
  return impl_->SetOptions(changes);
}
Options Database::CurrentOptions() const { return impl_->CurrentOptions(); }
DatabaseStats Database::Stats() const { return impl_->Stats(); }
Result<std::vector<FamilyStats>> Database::StatsByFamily(bool with_shape) const {
  MANIFOLDDB_ASSIGN(ReadTransaction newest, BeginRead());
  return impl_->StatsByFamily(newest, with_shape);
}
uint64_t Database::key_bytes_max() const { return format::KeyBytesMax(impl_->found().page_size); }
Status Database::Close() { return impl_->Close(); }

}  // namespace manifolddb
