#pragma once
// What the command line tool does. Everything but put, delete and load (entries.h), compact without an
// output and savepoints with a name opens for reading only and changes no byte of it; salvage, restore and
// compact write a new database, backup a new file; bench makes a database and removes it.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb::tools {

enum ExitCode : int {
  kDone = 0,         // verify: the database is whole
  kDamaged = 1,      // stored bytes are not what was written
  kCouldNotRun = 2,  // wrong arguments, no such file, locked, not a database, ...
  kNoEntry = 3,      // get, delete: there is none
};
ExitCode ExitCodeOf(const Error& error);

struct Streams {
  std::ostream& out;
  std::ostream& err;
};

struct VerifyArguments {
  std::string path;
  bool json = false;
};
int Verify(const VerifyArguments& arguments, Streams streams);

struct StatArguments {
  std::string path;
  bool shape = false;  // of each table; reads all of it
  bool json = false;
};
int Stat(const StatArguments& arguments, Streams streams);

inline constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

struct DumpArguments {
  std::string path;
  std::optional<std::string> family = std::nullopt;  // escaped, as printed
  std::optional<std::string> table = std::nullopt;
  uint64_t limit = kNoLimit;  // entries of each table; of the log, groups
  bool values = false;
  bool meta = false;
  bool log = false;
  bool json = false;
};
// Families, tables and entries. With --json one object on each line.
int DumpEntries(const DumpArguments& arguments, Streams streams);
// The copies of the meta pages, from the bytes, whether the database opens or not.
int DumpMeta(const DumpArguments& arguments, Streams streams);
// The groups of the log, likewise.
int DumpLog(const DumpArguments& arguments, Streams streams);

struct SalvageArguments {
  std::string path;
  std::string output;
  bool allow_older = false;
  bool json = false;
  std::optional<std::string> report = std::nullopt;  // a file for one JSON object on each line
};
// What can be proven of a damaged database, into a new one. kDone: all of it.
int Salvage(const SalvageArguments& arguments, Streams streams);

struct SavepointsArguments {
  std::string path;
  std::optional<std::string> create = std::nullopt;  // a name each, escaped; at most one is given
  std::optional<std::string> restore = std::nullopt;
  std::optional<std::string> remove = std::nullopt;
  bool json = false;
};
// Lists them, or makes, restores or deletes one.
int Savepoints(const SavepointsArguments& arguments, Streams streams);

struct BackupArguments {
  std::string path;
  std::string output;
  std::optional<std::string> since = std::nullopt;  // an earlier backup
  bool json = false;
};
int Backup(const BackupArguments& arguments, Streams streams);

struct RestoreArguments {
  std::vector<std::string> paths;  // the chain, then the new database
  bool json = false;
};
int Restore(const RestoreArguments& arguments, Streams streams);

struct CheckArguments {
  std::vector<std::string> paths;
  bool json = false;
};
// kDone: the chain can be restored, all of it.
int Check(const CheckArguments& arguments, Streams streams);

struct CompactArguments {
  std::string path;
  std::string output;  // empty: the database's own file is made shorter
  bool json = false;
};
int Compact(const CompactArguments& arguments, Streams streams);

inline constexpr uint64_t kBenchKeyBytesMax = 8192;
inline constexpr uint64_t kBenchThreadsMax = 256;

struct BenchArguments {
  std::string path;  // of a database that is made, measured and removed
  uint64_t entries = 100'000;
  uint64_t key_bytes = 16;
  uint64_t value_bytes = 100;
  uint64_t batch = 1000;         // entries of a commit while it is filled
  uint64_t milliseconds = 2000;  // for each kind of work but the filling
  uint64_t threads = 4;          // that commit side by side; 1: none do
  uint64_t page_size = 0;        // 0: the default
  uint64_t cache_bytes = 0;      // likewise
  bool keep = false;
  bool json = false;
};
// The disk under the path, then a database there: filled, read, scanned, committed to.
int BenchDisk(const BenchArguments& arguments, Streams streams);

// For the commands: the database, opened for reading only.
Result<std::unique_ptr<Database>> OpenForReading(const std::string& path);
// The error's line on `err`, and the exit code.
int Report(const Error& error, std::ostream& err);

}  // namespace manifolddb::tools
