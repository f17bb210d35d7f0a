#pragma once
// The inside of a write transaction: redo and pages, side by side.

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/small_vector.h"
#include "engine/page/page_writer.h"
#include "engine/txn/core.h"
#include "engine/txn/family_edit.h"
#include "manifolddb/transaction.h"
#include "manifolddb/write_options.h"

namespace manifolddb::txn {

// (1) Every change is in the redo and in the pages, in the same order, or the transaction can only be
// aborted. (2) Until it is ordered, nobody else sees any of it, and giving up costs nothing but its own
// pages. (3) The families' tokens are held until the commit is ordered, or the transaction is given up.
// noexcept, as CommitPipeline::Commit: a small allocation that fails amid a change would leave redo and pages
// at odds, or families taken that nobody gives back.
class WriteTransactionImpl {
 public:
  static Result<std::unique_ptr<WriteTransactionImpl>> Begin(Core& core,
                                                             std::span<const ColumnFamily> families,
                                                             const WriteOptions& options = {}) noexcept;
  ~WriteTransactionImpl();  // aborts unless ended
  WriteTransactionImpl(const WriteTransactionImpl&) = delete;
  WriteTransactionImpl& operator=(const WriteTransactionImpl&) = delete;

  Result<WriteTable> CreateTable(ColumnFamily family, std::string_view name,
                                 const TableTypes& types) noexcept;
  Result<WriteTable> OpenTable(ColumnFamily family, std::string_view name, const TableTypes& types) noexcept;
  Status DropTable(ColumnFamily family, std::string_view name) noexcept;
  Status RenameTable(ColumnFamily family, std::string_view from, std::string_view to) noexcept;
  Result<std::vector<std::string>> ListTables(ColumnFamily family);
  Status AddColumnFamily(ColumnFamily family) noexcept;

  Result<std::optional<Value>> Get(const WriteTableState& table, ByteView key);
  Result<uint64_t> Length(const WriteTableState& table);
  Result<Cursor> NewCursor(WriteTableState* table, const Range& range);
  Status Put(WriteTableState& table, ByteView key, ByteView value) noexcept;
  // `fill` is the caller's, and may throw.
  Status PutReserve(WriteTableState& table, ByteView key, uint64_t bytes,
                    const std::function<Status(MutableByteView)>& fill);
  Result<bool> Delete(WriteTableState& table, ByteView key) noexcept;
  Result<uint64_t> DeleteRange(WriteTableState& table, const Range& wanted) noexcept;

  // One part of what lies at or behind a page of the file goes to where the allocator finds room for it. (The
  // family changes, even if nothing of it lies there: a checkpoint looks at its list of tables as well.)
  // REQUIRES: begun without a log. No redo says it, and replay needs none: what is read stays the same.
  struct FamilyLowering {
    std::string table = {};  // those before it are done
    btree::Lowering nodes = {};
    bool done = false;
    uint64_t pages = 0;  // in all parts
  };
  Status LowerPages(ColumnFamily family, FamilyLowering& lowering) noexcept;

  // Savepoints have numbers that no other of this opening has.
  Result<uint64_t> SetSavepoint() noexcept;
  Status RollBackTo(uint64_t savepoint) noexcept;
  Status ReleaseSavepoint(uint64_t savepoint) noexcept;
  Result<std::vector<uint64_t>> ListSavepoints();

  Result<uint64_t> Commit(const CommitOptions& options) noexcept;
  void Abort() noexcept;
  // Kept until the transaction ends, or is rolled back to a savepoint before; who commits it takes them.
  Status OnCommit(std::function<void(uint64_t)> callback);
  std::vector<std::function<void(uint64_t)>> TakeCallbacks() { return std::move(on_commit_); }

  // For cursors: whether the table may still be used, and how often anything changed.
  Status CheckTable(const WriteTableState& table, const char* operation);
  uint64_t edits() const { return edits_; }
  const page::PageWriter& pages() const { return pages_; }
  mvcc::ReaderSlot* slot() const { return slot_; }
  Core& core() const { return core_; }

 private:
  // Lets go of everything; what is not committed is forgotten.
  void End() noexcept;
  explicit WriteTransactionImpl(Core& core);

  Status PrepareRedo();
  Status TakeFamilies(std::span<const ColumnFamily> families, const WriteOptions& options);
  Status AddTaken(Family* family);
  Status LowerTable(WriteTableState& table, btree::Lowering& nodes);
  Result<FamilyEdit*> FindEdit(ColumnFamily family, const char* operation);
  Status CheckLive(const char* operation);
  Status CheckTime(const char* operation);
  Status Select(const WriteTableState& table);
  Status PutInline(WriteTableState& table, ByteView key, ByteView value);
  Status PutExtent(WriteTableState& table, ByteView key, ByteView value);
  Status CheckSizes(uint64_t key_bytes, uint64_t value_bytes, const char* operation) const;
  Status Fill(MutableByteView value, const std::function<Status(MutableByteView)>& fill);
  Status StoreFilled(WriteTableState& table, ByteView key, ByteView value);
  Status StoreFilledExtent(WriteTableState& table, ByteView key, ByteView value);
  // Remembers that the transaction can only be aborted now.
  std::unexpected<Error> Failed(const Error& error);
  // Bookkeeping after each change: cursors, memory.
  Status AfterChange();
  // Enters the bytes of its unwritten pages into the sum over all running transactions; the new sum.
  uint64_t CountUnwritten(uint64_t bytes);
  // Has `append` put a change into the redo, while the redo is kept. `table`: whose entries change; null: of
  // a change that names its table. `bytes`: of its keys, values and names.
  template <class Append>
  Status Log(const WriteTableState* table, uint64_t bytes, Append append);

  // What a savepoint remembers beside the marks of pages_, of which each has one.
  struct SavepointState {
    uint64_t number = 0;
    size_t redo_bytes = 0;
    const WriteTableState* selected = nullptr;
    size_t dropped = 0;
    size_t callbacks = 0;
    std::vector<FamilyEdit::Mark> families;  // of those that were held, in their order
  };
  Result<size_t> FindSavepoint(uint64_t number, const char* operation) const;
  void PushSavepoint(uint64_t number);
  void Restore(const SavepointState& state);

  bool changed() const;
  uint64_t LogSpan() const;  // bytes of the log that the redo takes as a group of its own
  Result<format::TxnId> CommitLogged(Durability durability);
  Result<format::TxnId> CommitThrough();
  void InstallVersions(format::TxnId txn);
  base::SmallVector<Family*, 8> HeldFamilies() const;
  void ReleaseFamilies();

  Core& core_;
  mvcc::ReaderSlot* slot_;  // null once ended
  page::PageWriter pages_;
  base::ByteBuffer redo_;
  // No redo is kept, and the commit goes through a checkpoint: begun so, or larger than a log group.
  bool redo_given_up_ = false;
  std::list<FamilyEdit> families_;
  std::vector<format::PageRef> dropped_;
  std::vector<std::function<void(uint64_t)>> on_commit_;
  const WriteTableState* selected_ = nullptr;
  std::optional<Error> failed_;
  bool failed_for_good_ = false;            // a savepoint does not help
  std::vector<SavepointState> savepoints_;  // the newest is the last
  format::TxnId newest_read_;               // newest commit that this transaction's families show it
  uint64_t edits_ = 0;
  uint64_t bytes_counted_ = 0;   // its part of Core::unwritten_bytes
  uint64_t ends_ns_ = kNoLimit;  // when its time is over
  uint64_t run_ms_max_ = kNoLimit;
  bool ended_ = false;
  bool holds_tokens_ = false;
  uint64_t thread_;  // whose the tokens are: who used the transaction last
};

}  // namespace manifolddb::txn
