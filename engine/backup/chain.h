#pragma once
// A whole backup and the increments behind it, read as one: the entries of the last one's snapshot.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/backup/backup_reader.h"
#include "manifolddb/backup.h"

namespace manifolddb::backup {

// Each file is read once, from its beginning to its end, all of them side by side. Used by one thread.
class Chain {
 public:
  // kInvalidArgument if these are no chain.
  static Result<Chain> Open(std::span<const BackupFile> files);

  // Of the last backup.
  const Catalog& catalog() const { return readers_.back()->catalog(); }

  // To the next table, in the order of the catalog: its number, or none behind the last one, when every file
  // was read to its end. REQUIRES: NextEntry has said that there are no more of the one before.
  Result<std::optional<size_t>> NextTable();
  // To the next entry of the table; false: there are no more. Behind the last one the number of entries is
  // compared with the catalog's: kCorrupt.
  Result<bool> NextEntry();
  ByteView key() const { return layers_.back().current->key; }
  ByteView value() const { return layers_.back().current->value; }

  uint64_t bytes_read() const;

 private:
  // What one backup has of the table, over what those before it have.
  struct Layer {
    BackupReader* reader;
    bool in_range = false;
    // The entry that this one and all below it come to, and whose it is. Its views live in that reader.
    std::optional<format::BackupEntry> current = {};
    bool own = false;
  };

  explicit Chain(std::vector<std::unique_ptr<BackupReader>> readers) : readers_(std::move(readers)) {}
  // To the first entry at or behind the reader's event, of `layers_` up to number `top`.
  Status Step(size_t top);
  // The layer's entry, or one below it, was used.
  Status Pass(size_t top);

  std::vector<std::unique_ptr<BackupReader>> readers_;
  std::vector<Layer> layers_;  // of the table: those that have data of it, the oldest first
  size_t table_ = 0;           // the next one
  uint64_t entries_ = 0;       // of the table so far
};

// Null, or why `next` does not continue `before`.
const char* WhyNoContinuation(BackupReader& before, BackupReader& next);
// kInvalidArgument, unless there are as many as there may be.
Status CheckLength(std::span<const BackupFile> files, const char* operation);

}  // namespace manifolddb::backup
