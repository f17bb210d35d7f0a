#pragma once
// Transactions: one snapshot to read from, or a set of column families to change, whole or not at all.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manifolddb/bytes.h"
#include "manifolddb/cursor.h"
#include "manifolddb/executor.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"
#include "manifolddb/scan.h"
#include "manifolddb/table_reading.h"

namespace manifolddb {

namespace txn {
class ReadTransactionImpl;
class WriteTransactionImpl;
struct WriteTableState;
struct ReadTableState;
struct TableInside;
}  // namespace txn
class WriteBatch;

// Names a column family for good: renaming keeps it, dropping ends it, ids are never used again. A plain
// value.
class ColumnFamily {
 public:
  ColumnFamily() = default;
  explicit ColumnFamily(uint64_t id) : id_(id) {}
  // The number by which the database knows it.
  uint64_t id() const { return id_; }
  friend bool operator==(ColumnFamily, ColumnFamily) = default;

 private:
  uint64_t id_ = 0;
};

// What a table holds, by name: stored with it when it is created, and compared when it is opened. The engine
// gives the names no meaning; manifolddb/typed.h does. Empty: raw bytes.
struct TableTypes {
  std::string_view key = {};    // the name of the keys' type
  std::string_view value = {};  // and of the values'
  bool any = false;             // as Any

  // For opening: whatever the table holds. For tools, which take keys and values as the bytes they are.
  static constexpr TableTypes Any() { return {.any = true}; }
};

// A table as one read transaction sees it. A plain value; must not outlive the transaction. Ranges, counts,
// many keys at once: table_reading.h.
class ReadTable : public TableReading<ReadTable> {
 public:
  // The value at `key`, or none. Errors: kCorrupt, kIo, kNoMemory, kTransactionEnded. O(log n).
  Result<std::optional<Value>> Get(ByteView key) const;
  // Number of entries. O(1).
  Result<uint64_t> Length() const;
  Result<Cursor> NewCursor(const Range& range = {}) const;
  // As stored; the names live as long as the transaction.
  TableTypes types() const;

  // Cuts the range into at most `pieces` of about equally many pages (SplitPoints) and calls `scan` once
  // for each: with its number, from 0 in the order of keys, and its entries. Calls run on threads of
  // `executor` and on this one, side by side, all over this very snapshot. Returns when none runs any
  // more: the error of the piece with the least number that failed; once one has, no further piece is
  // begun. Some four pieces for each thread leave none idle for long. Without threads (MakeInlineExecutor)
  // one after the other. kInvalidArgument unless `pieces` is 1 to kPiecesMax. May be called by work of the
  // executor itself.
  //
  // `scan` uses what it is given, which ends with its call, and nothing else of this transaction: neither it
  // nor its tables nor its cursors, which are this thread's. An exception from `scan` is one of the thread
  // that the call ran on: on this one the caller gets it, on another the executor (those of
  // executor.h end the process); if that goes on, the piece is one that failed, with kInvalidArgument.
  Status ParallelScan(Executor& executor, size_t pieces, const Range& range,
                      const std::function<Status(size_t piece, EntryScan& entries)>& scan) const;
  // The same with a cursor for each piece, at no entry yet.
  Status ParallelCursors(Executor& executor, size_t pieces, const Range& range,
                         const std::function<Status(size_t piece, Cursor& cursor)>& scan) const;

 private:
  friend class txn::ReadTransactionImpl;
  friend struct txn::TableInside;
  ReadTable(txn::ReadTransactionImpl* transaction, const txn::ReadTableState* state)
      : transaction_(transaction), state_(state) {}
  txn::ReadTransactionImpl* transaction_;
  const txn::ReadTableState* state_;
};

// One prefix of the commit order, over all column families, for as long as it lives (G4). Never waits for
// writers nor makes them wait. Used by one thread at a time; may move between threads. Must not outlive the
// Database. Calls on one that was moved from are kInvalidArgument.
class ReadTransaction {
 public:
  explicit ReadTransaction(std::unique_ptr<txn::ReadTransactionImpl> impl);
  ReadTransaction(ReadTransaction&&) noexcept;
  ReadTransaction& operator=(ReadTransaction&&) noexcept;
  ~ReadTransaction();

  // Position of the snapshot in the commit order: commits 1 to this one are seen.
  uint64_t commit_number() const;

  // As of the snapshot: kNoSuchColumnFamily also for one that was created since.
  Result<ColumnFamily> OpenColumnFamily(std::string_view name) const;
  Result<std::vector<std::string>> ListColumnFamilies() const;  // in byte order
  // kNoSuchTable, kNoSuchColumnFamily if they are not in this snapshot; kTypeMismatch.
  Result<ReadTable> OpenTable(ColumnFamily family, std::string_view name, TableTypes types = {});
  Result<std::vector<std::string>> ListTables(ColumnFamily family);  // in byte order

 private:
  std::unique_ptr<txn::ReadTransactionImpl> impl_;
};

// What was found, or put because there was none.
struct GotOrInserted {
  Value value;            // that is there now
  bool inserted = false;  // by this call
};

class Extraction;

// A table as one write transaction sees and changes it. A plain value; must not outlive the transaction.
// After the transaction or the table ended every call is kTransactionEnded or kNoSuchTable.
//
// Functions that a call is given (`make`, `change`, `keep`, `take`) run within it, on its thread, and use
// nothing of the transaction. An error that one of them returns is handed on and ends the call; what the call
// has changed by then stays. Views that they are given live until they return.
class WriteTable : public TableReading<WriteTable> {
 public:
  // As those of ReadTable, with the transaction's own changes.
  Result<std::optional<Value>> Get(ByteView key) const;
  Result<uint64_t> Length() const;
  Result<Cursor> NewCursor(const Range& range = {}) const;
  // As stored; the names live as long as the transaction.
  TableTypes types() const;

  // Sets the value at `key`. Errors: kKeyTooLong, kValueTooLong, kNoMemory, kNoSpace, kCorrupt, kIo. After an
  // error the transaction can only be aborted, except for the two bounds, which change nothing.
  Status Put(ByteView key, ByteView value);
  // Put of a value of `bytes` bytes that `fill` writes in place: into what the log will get, so that it is
  // copied once less than by Put; in a transaction too large for the log, of which no redo is kept, into
  // memory of its own. It is zeros where `fill` writes nothing. While `fill` runs, every call of the
  // transaction but Abort is kTransactionEnded. An error that it returns is handed on, and nothing was
  // changed; if it throws, only Abort is left. Errors otherwise: as Put.
  Status PutReserve(ByteView key, uint64_t bytes, const std::function<Status(MutableByteView value)>& fill);
  // True if there was an entry.
  Result<bool> Delete(ByteView key);
  // Number of entries that were there. Visits each of them.
  Result<uint64_t> DeleteRange(const Range& range);
  // Takes the entry with the least key in the range, or with the greatest, out of the table; or none if there
  // is none. Errors: as First and Delete. O(log n).
  Result<std::optional<KeptEntry>> PopFirst(const Range& range = {});
  Result<std::optional<KeptEntry>> PopLast(const Range& range = {});

  // Find or insert: the value at `key`; if there is none, `value`, which is put. Errors: as Get and Put.
  // O(log n).
  Result<GotOrInserted> GetOrInsert(ByteView key, ByteView value);
  // The same with a value that is made only if there is none.
  Result<GotOrInserted> GetOrInsertWith(ByteView key, const std::function<Result<std::string>()>& make);
  // Calls `change` with the value at `key`, or with none; what it returns is put, or, if that is none, the
  // entry is deleted. The same bytes again are no change. Errors: as Get, Put and Delete. O(log n).
  Status Update(ByteView key,
                const std::function<Result<std::optional<std::string>>(std::optional<ByteView> now)>& change);
  // Puts `desired` (none: deletes the entry) if the value at `key` is `expected` (none: there is no entry).
  // False: it is not, and nothing was changed. Errors: as Update.
  Result<bool> CompareAndSwap(ByteView key, std::optional<ByteView> expected,
                              std::optional<ByteView> desired);
  // Adds to the counter at `key`, which is 0 if there is none; its value now. Counters are stored as the 8
  // bytes of an i64 (docs/types.md), so TypedWriteTable's are the same ones. Errors: as Update; and, nothing
  // changed, kInvalidArgument: what is stored is no 8 bytes; kLimit: the sum has more than 64 bits.
  Result<int64_t> AddToCounter(ByteView key, int64_t delta);

  // Deletes the entries of the range that `keep` refuses; how many. Visits each of the range; O(log n) for
  // each that goes.
  Result<uint64_t> Retain(const Range& range, const std::function<Result<bool>(const Entry& entry)>& keep);
  // Takes out of the table, one by one as they are asked for, the entries of the range that `take` wants.
  Result<Extraction> ExtractIf(const Range& range, std::function<Result<bool>(const Entry& entry)> take);

 private:
  friend class txn::WriteTransactionImpl;
  friend struct txn::TableInside;
  WriteTable(txn::WriteTransactionImpl* transaction, txn::WriteTableState* state)
      : transaction_(transaction), state_(state) {}
  txn::WriteTransactionImpl* transaction_;
  txn::WriteTableState* state_;
};

// Entries on their way out of a table, in the order of their keys. What was not asked for stays. Used as the
// cursor of a write transaction that it is: by one thread, at most as long as the transaction.
class Extraction {
 public:
  // Internal.
  Extraction(WriteTable table, Cursor cursor, std::function<Result<bool>(const Entry&)> take)
      : table_(table), cursor_(std::move(cursor)), take_(std::move(take)) {}

  // The next entry that is wanted, which is in the table no more; or none: there is no further one. Errors:
  // as Cursor::Next and WriteTable::Delete, and those of `take`: the entry stays. O(log n), and a step for
  // each that is not wanted.
  Result<std::optional<KeptEntry>> Next();

 private:
  WriteTable table_;
  Cursor cursor_;
  std::function<Result<bool>(const Entry&)> take_;
  bool begun_ = false;
};

// How a transaction is to be committed; as it stands: durably.
struct CommitOptions {
  // What the commit promises when it has returned.
  Durability durability = Durability::kImmediate;
  // Writes the pages instead of the log: for bulk loads. Implies kImmediate. Chosen by itself where the
  // transaction is too large for the log, or was begun without it (WriteOptions::log).
  bool through_checkpoint = false;
};

// A commit that need not be durable yet: Database::AwaitDurable waits for that. A plain value, of the opening
// of the database that it was made in.
struct CommitTicket {
  uint64_t commit_number = 0;  // its place in the order of commits
};

// A place in a write transaction that it can be taken back to. A plain value, of the transaction that gave
// it.
class Savepoint {
 public:
  Savepoint() = default;
  friend bool operator==(Savepoint, Savepoint) = default;

 private:
  friend class WriteTransaction;
  explicit Savepoint(uint64_t number) : number_(number) {}
  uint64_t number_ = 0;
};

// Changes to the column families it was begun with; serializable; seen by others after Commit, all at once
// (G2). Used by one thread at a time; may move between threads (the receiving one must call it before it
// begins another, see Database::BeginWrite). Destroying it aborts. Must not outlive the
// Database. When a change has met kNoMemory, kNoSpace, kCorrupt or kIo, only Abort is left, or going back to
// a savepoint: everything else answers kTransactionEnded. A read that fails does no harm. Calls on one that
// was moved from are kInvalidArgument.
class WriteTransaction {
 public:
  explicit WriteTransaction(std::unique_ptr<txn::WriteTransactionImpl> impl);
  WriteTransaction(WriteTransaction&&) noexcept;
  WriteTransaction& operator=(WriteTransaction&&) noexcept;
  ~WriteTransaction();

  // kAlreadyExists; kInvalidArgument: also for names of types that are too long (kTypeNameBytesMax).
  Result<WriteTable> CreateTable(ColumnFamily family, std::string_view name, TableTypes types = {});
  // kNoSuchTable; kTypeMismatch.
  Result<WriteTable> OpenTable(ColumnFamily family, std::string_view name, TableTypes types = {});
  Result<WriteTable> OpenOrCreateTable(ColumnFamily family, std::string_view name, TableTypes types = {});
  Status DropTable(ColumnFamily family, std::string_view name);
  // kAlreadyExists if there is a table of the new name, be it the same one.
  Status RenameTable(ColumnFamily family, std::string_view from, std::string_view to);
  Result<std::vector<std::string>> ListTables(ColumnFamily family);  // in byte order

  // Takes one more column family, without waiting: kBusy if another transaction holds it.
  Status AddColumnFamily(ColumnFamily family);

  // Makes the changes of `batch` (write_batch.h). Errors: kInvalidArgument, kNoSuchTable, kTypeMismatch and
  // kKeyTooLong, before anything is changed; those of the changes, which then were made up to the one that
  // is named. O(changes * log n).
  Status Apply(const WriteBatch& batch);

  // Savepoints, in memory: nothing of them is in the log. They lie within each other: the newest is the
  // innermost. O(tables opened); from then on the first change of a page copies it once more.
  Result<Savepoint> SetSavepoint();
  // Undoes all that was done since, also to the set of tables, also a change that failed (unless it was
  // writing out pages of a transaction too large for memory); families that were added stay held. Tables that
  // are there again are so under the handles that they had. The savepoint stays, and may be rolled back to
  // again; those set since are gone. kInvalidArgument: there is no such savepoint (any more). O(pages changed
  // since).
  Status RollBackTo(Savepoint savepoint);
  // Gives up the savepoint and those set since: the changes stay. Commit does it for all.
  Status Release(Savepoint savepoint);
  // Those that may be rolled back to, the oldest first.
  Result<std::vector<Savepoint>> ListSavepoints();
  // Calls `change` as a scope of its own: if it returns an error, which is handed on, or throws, what it
  // did is undone. Scopes may lie within each other. It does not end the transaction.
  Status Nested(const std::function<Status()>& change);

  // Returns when the changes are published, and durable if asked. Its place in the commit order on success.
  // Errors before ordering (kNoSpace, kNoMemory, kPoisoned, ...): nothing happened. kUnknownOutcome: see G8.
  // Ends the transaction in every case.
  Result<uint64_t> Commit(CommitOptions options = {});
  // Commits with Durability::kNone, without waiting for the disk. What it has changed is seen from now on,
  // and a crash may take it, and all commits behind it, until somebody has waited for the ticket, or a
  // later commit with kImmediate has returned. Errors: as Commit.
  Result<CommitTicket> CommitAsync();
  // Calls `callback` with the commit's number when the transaction has been committed: after it was published
  // (and is durable, if that was asked for), within Commit, on its thread, in the order in which callbacks
  // were added. The transaction has ended by then, and another may be begun. Not called if the commit fails,
  // if nobody commits, or if the transaction was rolled back to a savepoint before the callback was added.
  // What it throws goes to the caller of Commit; the commit stays. kTransactionEnded.
  Status OnCommit(std::function<void(uint64_t commit_number)> callback);
  // Forgets the changes. Ends the transaction; no effect on one that has ended.
  void Abort();

 private:
  std::unique_ptr<txn::WriteTransactionImpl> impl_;
};

}  // namespace manifolddb
