#pragma once
// Items into blocks, blocks into the file of a backup.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "engine/base/memory.h"
#include "engine/format/backup_format.h"
#include "manifolddb/storage.h"

namespace manifolddb::backup {

// Writes from the beginning of an empty file to its end. Used by one thread.
class BlockWriter {
 public:
  static Result<std::unique_ptr<BlockWriter>> Create(File& file, const format::Identity& backup);

  // The next item has this body, which Append gives in pieces: as many bytes as stated here.
  Status BeginItem(format::BackupItemKind kind, uint64_t body_bytes);
  Status Append(ByteView bytes);
  // The whole item.
  Status Item(format::BackupItemKind kind, ByteView body, ByteView more = {});

  // From here on items are of this table's data; none: of nobody's. Whoever begins to read in a block amid
  // them is told there.
  void SetPlace(std::optional<format::BackupPlace> place) { place_ = place; }
  // The next item begins a block: its number.
  Result<uint64_t> BeginBlock();

  // The last block; then everything is written, and durable. `leaves`: the block in which their lists begin.
  Status Finish(uint64_t leaves);

  // Of the file so far.
  uint64_t bytes() const {
    return number_ * format::kBackupBlockBytes + sizeof(format::BackupBlockDisk) + used_;
  }

 private:
  // What is written at once.
  static constexpr uint64_t kTogether = 16;

  BlockWriter(File& file, const format::Identity& backup, base::Buffer buffer)
      : file_(file), backup_(backup), buffer_(std::move(buffer)) {}
  std::byte* block() {
    return buffer_.data() + static_cast<size_t>(number_ % kTogether) * format::kBackupBlockBytes;
  }
  Status EndBlock();
  void Seal(bool last, uint64_t leaves);
  // Writes the blocks from the last multiple of kTogether on, `end` bytes of them.
  Status Write(uint64_t end);

  File& file_;
  const format::Identity backup_;
  base::Buffer buffer_;  // kTogether blocks
  uint64_t number_ = 0;  // of the block that is being filled
  uint32_t used_ = 0;
  std::optional<uint32_t> first_;
  std::optional<format::BackupPlace> place_;
  uint64_t owed_ = 0;  // bytes of the item that Append has not given yet
};

}  // namespace manifolddb::backup
