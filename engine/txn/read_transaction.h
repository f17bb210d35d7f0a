#pragma once
// The inside of a read transaction: a slot with a pinned snapshot, and the tables opened from it.

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/txn/core.h"
#include "engine/txn/position.h"
#include "engine/txn/savepoint_version.h"
#include "manifolddb/transaction.h"

namespace manifolddb::txn {

struct ReadTableState {
  format::TreeRoot tree;
  const mvcc::TypeNames* types;  // of the version, which stays
  TableIdentity identity;
};

// (1) The snapshot, or the savepoint, is pinned from construction to destruction; everything it reaches
//     stays.
// (2) Nothing here takes a lock but opening by name.
class ReadTransactionImpl {
 public:
  explicit ReadTransactionImpl(Core& core);
  // Of a savepoint instead of the newest version.
  static Result<std::unique_ptr<ReadTransactionImpl>> OfSavepoint(Core& core, std::string_view name) noexcept;
  ~ReadTransactionImpl();
  ReadTransactionImpl(const ReadTransactionImpl&) = delete;
  ReadTransactionImpl& operator=(const ReadTransactionImpl&) = delete;

  format::TxnId snapshot() const { return snapshot_; }
  Result<ColumnFamily> OpenColumnFamily(std::string_view name) const;
  Result<std::vector<std::string>> ListColumnFamilies() const;
  Result<ReadTable> OpenTable(ColumnFamily family, std::string_view name, const TableTypes& types);
  Result<std::vector<std::string>> ListTables(ColumnFamily family);

  Result<std::optional<Value>> Get(const ReadTableState& table, ByteView key);
  Result<uint64_t> Length(const ReadTableState& table) const;
  Result<Cursor> NewCursor(const ReadTableState& table, const Range& range);
  // For table_reading.cc.
  Core& core() const { return core_; }
  mvcc::ReaderSlot* slot() const { return slot_; }

 private:
  ReadTransactionImpl(Core& core, mvcc::OwnedSlot slot, std::unique_ptr<SavepointVersion> savepoint);
  // What reading that entry met, with the table's name and the key.
  Error NamedError(const Error& error, const ReadTableState& table, ByteView key);
  // What this snapshot sees of the family.
  Result<const mvcc::FamilyVersion*> FindVersion(ColumnFamily family, const char* operation);

  Core& core_;
  mvcc::ReaderSlot* const slot_;
  format::TxnId snapshot_;
  std::unique_ptr<SavepointVersion> savepoint_;  // null: snapshot_ is pinned
  // The first table opened needs no memory of its own: most snapshots read one.
  std::optional<ReadTableState> first_table_;
  std::vector<std::unique_ptr<ReadTableState>> more_tables_;
};

}  // namespace manifolddb::txn
