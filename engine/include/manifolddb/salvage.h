#pragma once
// What can be proven of a damaged database, into a new one. (docs/salvage.md)

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifolddb/database.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"
#include "manifolddb/storage.h"

namespace manifolddb {

// Where entries were read. Told in the order in which they are written: of a key that comes up again the last
// one is the source. Entries may be deleted again by what the log says later.
struct SalvageSource {
  std::string_view family;  // by name, as in the new database
  std::string_view table;   // likewise
  // `entries` of them, from `first` to `last`. The views live during the call.
  ByteView first;
  ByteView last;
  uint64_t entries = 0;
  // A leaf, or the log's group.
  std::string_view file;
  uint64_t offset = 0;
  // Of one entry whose value lies in an extent: where that is, in the same file; else 0.
  uint64_t extent_offset = 0;
  uint64_t extent_bytes = 0;
};

// What is good enough, and who is told of it.
struct SalvageOptions {
  // Writes a state from which newer commits are missing, or may be. Each entry of it was committed, but may
  // have been overwritten or deleted since.
  bool allow_older = false;
  // Of the new database. Page size and write unit are those of the damaged one.
  Options output = {};
  std::function<void(const SalvageSource&)> source = {};
};

// Keys of which nothing is known; some of those in the range may have been found in the log nevertheless.
struct SalvageLoss {
  // As in VerifyReport; names as in the new database.
  VerifyReport::Affected keys;
  // What is damaged.
  std::string file;
  uint64_t offset = 0;
  std::string why;
};

// What Salvage has written, and what it could not.
struct SalvageReport {
  uint64_t commit_number = 0;       // what was written is of the state after this commit
  uint64_t replayed_commits = 0;    // of them from the log
  uint64_t column_families = 0;     // written
  uint64_t tables = 0;              // written
  uint64_t entries = 0;             // written
  std::vector<SalvageLoss> losses;  // what is not in the new database, and why
  // Why there may have been later commits; not empty with allow_older only.
  std::vector<VerifyReport::Problem> doubts;
  // What else was met that is wrong, and has cost nothing: not all that is, which Verify tells. Also a last
  // group of the log that is not intact, of a database that was not closed: a crash has torn it before
  // anybody was told of its commits, or it was damaged since, and then they are lost. Nothing shows which, as
  // in an opening.
  std::vector<VerifyReport::Problem> notes;
  // It is the newest state as far as the files show (see notes), and all of it.
  bool complete() const { return losses.empty() && doubts.empty(); }
};

// Reads everything that can be proven from `damaged`, which is not changed by a byte, into the new database
// `output`. Proven is what the newest meta page leads to over references that its checksums, positions and
// births confirm, and what the log then says. So every entry that is written was committed, none was deleted
// or overwritten since, and each entry of that state that is not written lies in one of the losses.
//
// Where it cannot be shown that there were no later commits (both copies of a meta page are damaged, the log
// is, or it is gone), what can be read may be an older state: kCorrupt, which says why, unless
// options.allow_older.
//
// The new database gets its name when it is complete; until then it is `output`.name + "-salvage". After an
// error there is none, unless only the last sync of its directory has failed: then it is there, and complete,
// but its name may not outlive a power cut. The damaged one must not be open for writing (kLocked). Errors
// beside those of opening and writing: kAlreadyExists if there is a file of one of the output's names;
// kInvalidArgument if one of them would be one of the damaged database's in the same storage; kCorrupt or
// kNotADatabase if no meta page can be read, so that nothing is known; kCorrupt if the log reads otherwise
// when it is read again. Memory: the cache of the new database, the largest value, a bit for each page, the
// names of all tables, what is lost.
Result<SalvageReport> Salvage(const DatabaseFile& damaged, const DatabaseFile& output,
                              const SalvageOptions& options = {});

}  // namespace manifolddb
