#pragma once
// Backups: of one snapshot, taken while writers go on; whole, or what has changed since an earlier one.
// Restored into a new database, checked without one. And a compact copy of a database. (docs/backup.md)

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "manifolddb/database.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"
#include "manifolddb/storage.h"

namespace manifolddb {

// A backup by its storage and its name there.
struct BackupFile {
  std::shared_ptr<Storage> storage;  // where it lies
  std::string name;                  // of the file there
};

// How far long work is. Told on the thread that works, which holds no lock meanwhile: what is called may use
// the database, also write to it. Exceptions from it are the caller's mistake.
struct BackupProgress {
  uint64_t entries = 0;        // read so far; of an increment, those that were written
  uint64_t entries_total = 0;  // of the snapshot
  uint64_t bytes = 0;          // of backups, written or read so far
};
// Is told how far long work is; none given: nobody is.
using BackupProgressCall = std::function<void(const BackupProgress&)>;

// What a backup is to hold, and who looks on.
struct BackupOptions {
  // Then only what has changed since this one is written: to restore the new one takes this one as well, and
  // what it continues itself. It is read in part: its beginning, its end, and its list of leaves, which takes
  // 16 bytes of memory for each leaf page of the database.
  std::optional<BackupFile> base = std::nullopt;
  // Called after each leaf page that was written.
  BackupProgressCall progress = {};
};

// What Backup has written.
struct BackupReport {
  uint64_t commit_number = 0;    // the backup is of the state after this commit
  uint64_t column_families = 0;  // of that state
  uint64_t tables = 0;           // of that state
  uint64_t entries = 0;          // of that state
  uint64_t entries_written = 0;  // all, or those that may have changed since the base
  uint64_t leaves = 0;           // pages of that state that hold entries
  uint64_t leaves_written = 0;   // of them, into this file
  uint64_t bytes = 0;            // of the file
};

// Writes a backup of one snapshot of all column families: of all commits up to one, and of none behind it.
// Readers and writers go on, and are never waited for; the snapshot keeps the pages that it sees, so the data
// file may grow while it lasts. Thread-safe; several at a time are.
//
// An increment holds, table by table, the ranges of keys whose leaf pages are not those of the base, with all
// entries of them: what changed between two backups of one database, whatever happened in between, but for
// one thing: files of the database were replaced by older copies of themselves, and it was then opened for
// writing. After that a backup without base is needed; nothing recognises it. (A database that was restored
// is another one, and so is a compact copy: kInvalidArgument.)
//
// The file has its name when it is complete and durable; until then it is `output`.name + "-unfinished",
// and what a power cut left of that name is replaced. After an error there is none, unless only the last
// sync of the directory has failed: then it is there, and complete, but its name may not outlive a power cut.
// Errors beside those of reading the database and writing the file: kAlreadyExists if there is a file of the
// name; kLocked if another backup is being written to it; kInvalidArgument if the base is of another
// database; kNotADatabase, kNewerFormat, kTruncated or kCorrupt if the base is no backup, or damaged where it
// is read.
//
// Costs: reads every page of every table, of an increment every branch page and the leaves that changed.
// Memory: a megabyte, the largest value, and 16 bytes for each leaf page of the database, twice for an
// increment. The file: keys and values, and 5 bytes and 4 more for each entry, and 16 for each leaf page.
Result<BackupReport> Backup(const Database& database, const BackupFile& output,
                            const BackupOptions& options = {});

// How the new database is to be, and who looks on.
struct RestoreOptions {
  // Of the new database. Page size and write unit are those of the one that was backed up.
  Options output = {};
  // Called after each thousand entries, about.
  BackupProgressCall progress = {};
};

// What Restore has written.
struct RestoreReport {
  uint64_t commit_number = 0;    // of the database that was backed up
  uint64_t column_families = 0;  // in the new database
  uint64_t tables = 0;           // in the new database
  uint64_t entries = 0;          // in the new database
};

// Backups in a chain, at most.
inline constexpr size_t kBackupChainMax = 1024;

// Writes what `chain` holds into the new database `output`: a whole backup, then the increments that
// continue it, each the one before. The state is that of the last one.
//
// Names, keys, values and types of tables are kept. Column families and tables get new ids, commits are
// counted anew, and the identity is new: positions (Cursor::Position) of the old database are refused, and
// increments of the new one begin with a whole backup of it.
//
// All of each backup is read and checked, and the entries are counted, before the new database gets its name;
// until then it is `output`.name + "-restore". After an error there is none, unless only the last sync of its
// directory has failed: then it is there, and complete, but its name may not outlive a power cut. Errors
// beside those of opening and writing: kAlreadyExists if there is a file of one of the output's names;
// kInvalidArgument if the chain is empty, longer than kBackupChainMax, or not one; kNotADatabase,
// kNewerFormat; kTruncated if a backup ends too early; kCorrupt with file, byte and what is wrong there
// (CheckBackup says what else). Memory: the cache of the new database, and for each backup half a megabyte,
// its names and the largest value. The chain is not changed, and no files but those of the output are.
Result<RestoreReport> Restore(std::span<const BackupFile> chain, const DatabaseFile& output,
                              const RestoreOptions& options = {});

// What CheckBackup found. `problems` is empty if and only if the chain can be restored, all of it.
struct BackupCheck {
  uint64_t commit_number = 0;    // of the last backup, as everything here
  uint64_t column_families = 0;  // in it
  uint64_t tables = 0;           // in it
  uint64_t entries = 0;          // in it
  uint64_t bytes = 0;            // of the whole chain
  // With the keys of that backup that are, or may be, lost by it. A problem that hides everything names no
  // column family.
  std::vector<VerifyReport::Problem> problems;
  bool ok() const { return problems.empty(); }
};

// Reads every byte of each backup of the chain and checks it: checksums, order of keys and ranges, numbers of
// entries, and that each continues the one before. Then, if nothing is wrong, that together they give as many
// entries of each table as the last one counted. What is damaged is passed over, so that all of it is
// reported. Whatever the bytes are, it takes time and memory that are linear in the length of the files.
// Errors are for what stops it: those of opening and reading files (kNotFound, kIo, ...), kNotADatabase,
// kNewerFormat, kNoMemory; kInvalidArgument as of Restore, but for what the files themselves say: that is a
// problem.
Result<BackupCheck> CheckBackup(std::span<const BackupFile> chain, const BackupProgressCall& progress = {});

// How the copy is to be, and who looks on.
struct CompactOptions {
  // Of the new database. Page size and write unit are those of the database.
  Options output = {};
  // Called after each thousand entries, about. `bytes` stays 0.
  BackupProgressCall progress = {};
};

// What Compact has written.
struct CompactReport {
  uint64_t commit_number = 0;    // the copy is of the state after this commit
  uint64_t column_families = 0;  // in the copy
  uint64_t tables = 0;           // in the copy
  uint64_t entries = 0;          // in the copy
  uint64_t bytes_before = 0;     // of the data file
  uint64_t bytes_after = 0;      // of the new one
};

// Writes one snapshot of the database into the new database `output`, in the order of keys: pages are full,
// and the only free ones are those by which a data file grows at a time, and the reserve for a full disk. So
// of a small database, or a dense one, there may be nothing to save. Readers and writers go on, and are never
// waited for; what is committed meanwhile is not in the copy. Everything else is as with Restore; until it is
// complete it is `output`.name + "-compact".
Result<CompactReport> Compact(const Database& database, const DatabaseFile& output,
                              const CompactOptions& options = {});

}  // namespace manifolddb
