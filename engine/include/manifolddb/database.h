#pragma once
// A database: one data file, one log, any number of column families that commit side by side.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manifolddb/bulk_load.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"
#include "manifolddb/stats.h"
#include "manifolddb/storage.h"
#include "manifolddb/transaction.h"
#include "manifolddb/write_options.h"

namespace manifolddb {

namespace db {
class DatabaseImpl;
struct DatabaseInside;
}  // namespace db

// A database by its storage and the name of its data file there.
struct DatabaseFile {
  std::shared_ptr<Storage> storage;  // where it lies
  std::string name;                  // of its data file there; NAME-wal is the log
};

// What Verify found. `problems` is empty if and only if the database is whole (G5).
struct VerifyReport {
  // Keys that cannot be read: of a table, from `lower` to `upper` (absent: no bound). No table: the tables of
  // the family whose names lie between the bounds. No family either: the column families likewise.
  struct Affected {
    std::string family;                // by name; empty: all, as said above
    std::string table;                 // likewise
    std::optional<std::string> lower;  // bytes of a key, or of a name
    std::optional<std::string> upper;  // behind the last one
    friend bool operator==(const Affected&, const Affected&) = default;
  };
  // One place where something is wrong.
  struct Problem {
    std::string file;                // as the storage names it
    uint64_t offset = 0;             // of the first byte of what is wrong
    std::string what;                // what is wrong, and what it belongs to
    std::vector<Affected> affected;  // of the newest published version
  };
  uint64_t pages_owned = 0;       // of the data file, by some version
  uint64_t pages_free = 0;        // by none
  uint64_t entries = 0;           // of all tables, as far as they can be read
  std::vector<Problem> problems;  // in no order in particular
  // Whether it is whole.
  bool ok() const { return problems.empty(); }
};

// How far Verify is. It reads several versions, the newest published one, the durable checkpoint and each
// savepoint; a page counts once for each that is to own it.
struct VerifyProgress {
  uint64_t pages = 0;        // met so far, never more than the total
  uint64_t pages_total = 0;  // that are to be met: all in the end, unless something is damaged
  uint64_t entries = 0;      // as in VerifyReport, so far
};
// Called on the thread that verifies, now and then, and at the end of one that succeeds. It may read the
// database, and must not change it. What it throws ends Verify, and goes to its caller.
using VerifyProgressCall = std::function<void(const VerifyProgress&)>;

// Figures since opening, unless said otherwise. Taken without stopping anybody: each is exact, together they
// may be a commit apart.
struct DatabaseStats {
  uint64_t page_size = 0;               // bytes
  uint64_t write_unit = 0;              // bytes
  uint64_t pages_total = 0;             // of the data file
  uint64_t pages_free = 0;              // reusable now
  uint64_t pages_pending = 0;           // reusable once a version goes
  uint64_t pages_kept = 0;              // that nothing but savepoints has: reusable once these are deleted
  uint64_t savepoints = 0;              // persistent ones, now
  uint64_t cache_bytes = 0;             // in memory now
  uint64_t cache_bytes_max = 0;         // Options::cache_bytes, as it is now
  uint64_t dirty_bytes = 0;             // changed since the last durable checkpoint
  uint64_t dirty_bytes_max = 0;         // what bounds them now
  uint64_t log_bytes_capacity = 0;      // of the ring
  uint64_t log_bytes_max = 0;           // that it may have, Options::log_bytes_max, as it is now
  uint64_t log_bytes_used = 0;          // since the last durable checkpoint
  uint64_t checkpoint_interval_ms = 0;  // of Options, as it is now
  uint64_t commits = 0;                 // published
  uint64_t log_groups = 0;              // written; commits through a checkpoint are in none
  uint64_t log_syncs = 0;               // of the log
  uint64_t log_bytes_written = 0;       // groups, headers and padding included
  uint64_t redo_bytes = 0;              // of the changes in them, as they are logged: what was to be written
  uint64_t aborts = 0;                  // write transactions that ended before their commit was ordered
  uint64_t family_waits = 0;            // for column families that another transaction held
  uint64_t stalls = 0;                  // waits of writers for a checkpoint to make room
  uint64_t stall_nanos = 0;             // that they took, together
  Histogram group_commits;              // commits that went into one group
  Histogram sync_nanos;                 // of durable groups: write and sync, until both were done
  uint64_t cache_hits = 0;              // pages that reads and writes found in the cache
  uint64_t pages_read = 0;              // from the data file: those that were not in the cache
  uint64_t pages_evicted = 0;           // from the cache, to make room
  uint64_t pages_written = 0;           // to the data file
  // What lies outside the pages of trees and is not cached: large values, and the map of free pages, which
  // each opening reads and each checkpoint writes.
  uint64_t large_reads = 0;
  uint64_t large_bytes_read = 0;
  uint64_t large_bytes_written = 0;
  uint64_t checkpoints = 0;
  std::vector<CheckpointInfo> checkpoint_history;  // the last 16 at most, oldest first
  uint64_t commit_number = 0;                      // newest published, of the database's whole life
  uint64_t life = 0;               // openings for writing so far, of the database's whole life
  uint64_t recovered_commits = 0;  // replayed from the log by this opening
  bool tail_may_be_lost = false;   // read-only after a crash: what was replayed may not be durable

  // Bytes that were written to both files for a byte that was to be; 0 if there was none. It says too much
  // where commits go through a checkpoint, of which no redo is counted.
  double write_amplification() const {
    const uint64_t written = log_bytes_written + pages_written * page_size + large_bytes_written;
    return redo_bytes == 0 ? 0.0 : static_cast<double>(written) / static_cast<double>(redo_bytes);
  }
};

// What ShrinkFile did.
struct ShrinkReport {
  uint64_t bytes_before = 0;  // of the data file
  uint64_t bytes_after = 0;   // the same, unless the storage cuts no files or it grew meanwhile
  uint64_t pages_moved = 0;   // of tables and their large values
};

// How far ShrinkFile is.
struct ShrinkProgress {
  uint64_t pages_moved = 0;   // so far
  uint64_t pages_behind = 0;  // in use behind where the file is to end, when it began; some may have to stay
};
// Called on the thread that shrinks, between two of its transactions. It may read and write the database.
// What it throws ends ShrinkFile, and goes to its caller; what was moved until then stays moved.
using ShrinkProgressCall = std::function<void(const ShrinkProgress&)>;

// A state of the whole database that is kept under a name (Database::CreateSavepoint).
struct SavepointInfo {
  std::string name;            // as it was created
  uint64_t commit_number = 0;  // it is the state after this commit
  uint64_t pages = 0;          // of the data file, that this state consists of
  uint64_t pages_only = 0;     // of these, what nothing else has: free once it is deleted
};

// How Database::Write goes about it.
struct WriteScope {
  WriteOptions begin = {};    // of each attempt
  CommitOptions commit = {};  // of the one that gets as far
  RetryPolicy retry = {};     // how many attempts; one unless told otherwise
};

// Thread-safe. Everything that was opened from it must be gone before it is destroyed.
class Database {
 public:
  // Opens or creates `path` and its log, `path`-wal. Recovers if the last process did not close it. Errors,
  // each with the path: kNotFound, kPermission, kLocked, kNotADatabase, kNewerFormat, kPageSizeMismatch,
  // kTruncated, kCorrupt, kInvalidArgument, kIo, kNoSpace, kNoMemory. What is refused is left
  // as it was, but that damage found in the log, or by what it leads to, is found after this opening was
  // counted in the meta pages.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, const Options& options = {});
  // The same over another storage; `name` is a file name in it.
  static Result<std::unique_ptr<Database>> Open(std::shared_ptr<Storage> storage, const std::string& name,
                                                const Options& options = {}) noexcept;
  explicit Database(std::unique_ptr<db::DatabaseImpl> impl);
  // Closes without a report of errors; call Close to have it. In a child process after fork it does nothing,
  // and leaves the memory and its share of the file's lock until the child ends or calls exec.
  ~Database();

  // Each of these four is a durable commit of its own. kAlreadyExists, also for renaming to the name it has;
  // kNoSuchColumnFamily. A family that is dropped while write transactions hold it: waits for them. Snapshots
  // keep seeing it. kBusy instead of waiting for another thread if this very thread has a write transaction.
  Result<ColumnFamily> CreateColumnFamily(std::string_view name);
  Status DropColumnFamily(std::string_view name);
  Status RenameColumnFamily(std::string_view from, std::string_view to);
  Result<ColumnFamily> OpenOrCreateColumnFamily(std::string_view name);

  // As of now. kNoSuchColumnFamily.
  Result<ColumnFamily> OpenColumnFamily(std::string_view name) const;
  Result<std::vector<std::string>> ListColumnFamilies() const;  // in byte order

  // Waits until no other write transaction holds one of `families`, and for memory. kBusy if this very thread
  // holds one of them already, or would have to wait while it has another write transaction: two who do that
  // would wait for each other; and when `options` say that it has waited long enough. A transaction counts as
  // that of the thread that used it last: a thread that receives one must call it before it begins another,
  // or waits cannot be told from deadlocks.
  Result<WriteTransaction> BeginWrite(std::span<const ColumnFamily> families,
                                      const WriteOptions& options = {});
  Result<WriteTransaction> BeginWrite(std::initializer_list<ColumnFamily> families,
                                      const WriteOptions& options = {}) {
    return BeginWrite(std::span<const ColumnFamily>(families.begin(), families.size()), options);
  }
  Result<WriteTransaction> BeginWrite(ColumnFamily family, const WriteOptions& options = {}) {
    return BeginWrite(std::span<const ColumnFamily>(&family, 1), options);
  }
  // Begins a transaction over `families`, calls `change` with it, and commits it, if `change` returns
  // success; otherwise, and if it throws, the transaction is aborted and the error handed on. As often as
  // `scope.retry` says while it fails with an error of category kRetry, from `change` or from waiting for
  // families: then `change` runs once more, over what is there by then. It changes nothing but through the
  // transaction, and does not end it. The commit's number. Errors: those of BeginWrite, `change` and
  // Commit.
  //
  //   db.Write({users, orders}, [&](WriteTransaction& txn) -> Status { ... })
  Result<uint64_t> Write(std::span<const ColumnFamily> families,
                         const std::function<Status(WriteTransaction&)>& change,
                         const WriteScope& scope = {});
  Result<uint64_t> Write(std::initializer_list<ColumnFamily> families,
                         const std::function<Status(WriteTransaction&)>& change,
                         const WriteScope& scope = {}) {
    return Write(std::span<const ColumnFamily>(families.begin(), families.size()), change, scope);
  }
  Result<uint64_t> Write(ColumnFamily family, const std::function<Status(WriteTransaction&)>& change,
                         const WriteScope& scope = {}) {
    return Write(std::span<const ColumnFamily>(&family, 1), change, scope);
  }
  // The same for whatever may fail so: calls `attempt` until it does not, or often enough. What it returned
  // last. REQUIRES: it has no effect when it fails.
  Status Retry(const RetryPolicy& policy, const std::function<Status()>& attempt);

  // Makes the changes of `batch` (write_batch.h) in a transaction of their own, over all families that it has
  // tables in, and commits it. Errors: as BeginWrite, WriteTransaction::Apply and Commit; but for
  // kUnknownOutcome nothing has happened.
  Result<uint64_t> Apply(const WriteBatch& batch, const CommitOptions& commit = {},
                         const WriteOptions& options = {});

  // Puts what `source` gives into a table (bulk_load.h), which is created if there is none. What was taken
  // and committed; also if it was cancelled. An error of the source, of a put or of a commit ends it, and
  // with one transaction (the default) nothing has happened then, but for kUnknownOutcome; with several
  // those that were committed stay. Holds the family while it runs, but between its commits.
  Result<BulkLoadProgress> BulkLoad(ColumnFamily family, std::string_view table, const EntrySource& source,
                                    const BulkLoadOptions& options = {});

  // Returns when the commit of `ticket`, and with it all before, is durable (G1). Nothing to do if it is
  // already; else one write and one sync of the log, shared by all who wait at the time, and a commit number.
  // kUnknownOutcome: a write or sync has failed since, the commit may be lost (G8); kInvalidArgument: no
  // commit of this database; kReadOnly.
  Status AwaitDurable(const CommitTicket& ticket);
  // Whether it is known to be, without waiting.
  Result<bool> IsDurable(const CommitTicket& ticket) const;

  // Never waits.
  Result<ReadTransaction> BeginRead() const;

  // Persistent savepoints: states of the whole database, all column families, that are kept under a name
  // until they are deleted, across closing and crashes. Nothing is copied: what was overwritten or deleted
  // since keeps its place in the file. At most 16 at a time, names of 1 to kNameBytesMax bytes; each takes a
  // bit per page of the file, on the disk and in memory. Thread-safe, as everything here. (What a write
  // transaction goes back to before it commits is another thing: WriteTransaction::SetSavepoint.)
  //
  // Keeps the newest published state as `name`; the number of its commit. Two checkpoints, which make every
  // commit durable that the state has; when it returns the savepoint is durable. Readers and writers go on.
  // kAlreadyExists, kLimit (there are 16), kInvalidArgument (the name), kReadOnly, kPoisoned; errors of a
  // checkpoint: then there is none, but for kUnknownOutcome.
  Result<uint64_t> CreateSavepoint(std::string_view name);
  // Those that are durable, in the byte order of their names. Never waits for the disk; O(pages of the file /
  // 64 x savepoints) for each. kClosed.
  Result<std::vector<SavepointInfo>> ListSavepoints() const;
  // As BeginRead, of a savepoint; which may be deleted meanwhile, its pages stay. Column families are to be
  // opened anew from it: one that was dropped since has another handle there than what has its name now.
  // Reads the catalog and all lists of tables: O(families + tables). kNoSuchSavepoint, kCorrupt, kIo,
  // kNoMemory.
  Result<ReadTransaction> BeginRead(std::string_view savepoint) const;
  // Makes the whole database, all column families, what it was at that savepoint; the number of the commit
  // that does it, which is durable when this returns. All that was committed since is undone; the savepoint,
  // and all others, stay. Copies nothing: O(pages of the file / 64 + families + tables). Waits until no write
  // transaction holds any family; snapshots keep seeing what they see. A column family that was dropped since
  // comes back with a new handle, others keep theirs. kNoSuchSavepoint, kBusy (this very thread has a write
  // transaction), kReadOnly, kPoisoned, kCorrupt (its catalog, or a list of tables of today); errors of a
  // commit through a checkpoint: then nothing has happened, but for kUnknownOutcome.
  Result<uint64_t> RestoreSavepoint(std::string_view name);
  // What only this savepoint kept is free when it returns. One checkpoint. kNoSuchSavepoint, kReadOnly,
  // kPoisoned; errors of a checkpoint: then it is still there, but for kUnknownOutcome.
  Status DeleteSavepoint(std::string_view name);

  // Writes what is published to the data file, so that recovery starts from here. Readers and writers go on.
  Status Checkpoint();
  // Moves what lies at the end of the data file to free places before it, in transactions of its own that
  // change no entry, and cuts what is free then off the file: as far as no open snapshot, running transaction
  // or damaged page holds it, but for what is kept back for a full disk. Reads every leaf. Readers and
  // writers go on: who wants to write to a column family waits at most while some hundred pages of it are
  // moved and a checkpoint is written. Errors: kReadOnly, kPoisoned, kBusy (this very thread has a write
  // transaction), kCorrupt, kIo, kNoMemory; what was moved until then stays moved. The file grows again when
  // more is put.
  Result<ShrinkReport> ShrinkFile(const ShrinkProgressCall& progress = {});
  // Reads everything that the newest published version, the durable checkpoint and each savepoint own, and
  // checks it (G5).
  // No checkpoint runs meanwhile: writers go on until the log or the memory for changed pages is full, and
  // then wait.
  Result<VerifyReport> Verify(const VerifyProgressCall& progress = {}) const;

  // Changes options while transactions run, all that are given or, if one of them is wrong, none:
  // kInvalidArgument, as Validate. They count from now on, for this opening alone: nothing is stored.
  // Threads: several may call it, one waits for the other. kClosed, kForked.
  Status SetOptions(const OptionChanges& changes);
  // What the database runs with: as opened and changed since; page_size and write_unit as it was created.
  // Takes no lock: while SetOptions runs, part of it may be there.
  Options CurrentOptions() const;
  DatabaseStats Stats() const;
  // The same of each column family and table of the newest published commit, in the byte order of their
  // names. O(families + tables), and the list of tables of a family that nobody has used yet is read;
  // `with_shape` reads every page of every tree as well, as TableReading::Shape does. Errors: kCorrupt, kIo,
  // kNoMemory.
  Result<std::vector<FamilyStats>> StatsByFamily(bool with_shape = false) const;

  // Longest key, bytes: a quarter of the page size, at most 8,192.
  uint64_t key_bytes_max() const;

  // Writes a checkpoint and marks the files clean. kBusy if transactions are open, running commits among
  // them; then nothing is closed. A second call returns what the first did. After it every call is kClosed.
  // kForked in a child process after fork, at once.
  Status Close();

 private:
  friend struct db::DatabaseInside;
  std::unique_ptr<db::DatabaseImpl> impl_;
};

}  // namespace manifolddb
