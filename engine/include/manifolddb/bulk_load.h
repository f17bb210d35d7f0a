#pragma once
// Many entries into one table: sorted or not, in one transaction or in several, with somebody looking on.

#include <cstdint>
#include <functional>
#include <optional>

#include "manifolddb/result.h"
#include "manifolddb/scan.h"
#include "manifolddb/transaction.h"
#include "manifolddb/write_options.h"

namespace manifolddb {

// Gives the next entry to be loaded, or none: that was all. Its views are used until it is called again. An
// error ends the load, which hands it on.
using EntrySource = std::function<Result<std::optional<Entry>>()>;

// How far a load is, and what has become of it.
struct BulkLoadProgress {
  uint64_t entries = 0;            // taken from the source
  uint64_t bytes = 0;              // of their keys and values
  uint64_t entries_committed = 0;  // durable
  uint64_t commits = 0;            // that were made of them
  bool cancelled = false;          // `progress` has said so
};

// How to load; as it stands: unsorted, in one transaction.
struct BulkLoadOptions {
  // Whether the source gives ascending keys, each once; what does not is kInvalidArgument. Behind all that
  // the table holds they fill its pages to the brim, without memory for sorting.
  bool sorted = false;
  // Unsorted: entries are collected until they take so many bytes, sorted, and put in the order of keys; so a
  // load that fits is as a sorted one, and a larger one changes each page once per so many bytes. Of several
  // entries with one key the last one counts.
  uint64_t sort_bytes_max = uint64_t{64} << 20;
  // A commit once keys and values of so many bytes, at least, have been put. kNoLimit: one transaction, so
  // that all of it is there or nothing. Otherwise what is committed stays, whatever happens later, and others
  // may write the family in between.
  uint64_t commit_bytes = kNoLimit;
  // Of the table, which is created if there is none.
  TableTypes types = {};
  WriteOptions begin = {};  // of each transaction
  // Asked after each so many entries, and at the end; false cancels: the transaction that is open is aborted,
  // and the load returns what there was, `cancelled` set. It may not use the database.
  std::function<bool(const BulkLoadProgress&)> progress = nullptr;
  uint64_t progress_entries = 10'000;
};

}  // namespace manifolddb
