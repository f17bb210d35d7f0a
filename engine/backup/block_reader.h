#pragma once
// A backup's file as blocks, and the items in them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/memory.h"
#include "engine/format/backup_format.h"
#include "manifolddb/backup.h"

namespace manifolddb::backup {

// Used by one thread.
class BlockReader {
 public:
  // What must be readable for a start.
  enum class Ends : uint8_t { kFirst, kBoth };
  // Opens and reads the first block and the last one. kNotADatabase if this is no backup, kNewerFormat;
  // kTruncated if it ends before its last block does, kCorrupt if one that must be readable is damaged.
  static Result<std::unique_ptr<BlockReader>> Open(const BackupFile& file, Ends ends);

  const std::string& name() const { return file_->name(); }
  uint64_t bytes() const { return size_; }
  uint64_t blocks() const { return blocks_; }
  const format::Identity& backup() const { return backup_; }
  // Where the lists of leaves begin. REQUIRES: both ends were read.
  uint64_t leaves() const { return leaves_; }

  struct Block {
    ByteView items;  // until the next call of Read
    std::optional<uint32_t> first;
  };
  // REQUIRES: number < blocks(). kCorrupt, kTruncated, kIo.
  Result<Block> Read(uint64_t number);

 private:
  // What is read at once.
  static constexpr uint64_t kTogether = 16;

  BlockReader(std::unique_ptr<File> file, uint64_t size, base::Buffer buffer);
  Status ReadEnds(bool must_end);
  // Its bytes in the buffer.
  Result<ByteView> Fetch(uint64_t number);
  std::unexpected<Error> Refuse(Errc code, uint64_t number, std::string message) const;

  const std::unique_ptr<File> file_;
  const uint64_t size_;
  const uint64_t blocks_;
  base::Buffer buffer_;  // of kTogether blocks: [buffered_, buffered_ + kTogether), as far as there are any
  std::optional<uint64_t> buffered_;
  format::Identity backup_ = {};
  uint64_t leaves_ = 0;
};

struct Item {
  format::BackupItemKind kind = format::BackupItemKind::kEnd;
  ByteView body = {};   // until the next call of Next
  uint64_t offset = 0;  // in the file
};

// The items of a backup, one after the other. What kResume says is looked at here, and not given out.
class ItemReader {
 public:
  explicit ItemReader(BlockReader& blocks) : blocks_(blocks) {}

  // From the first item that begins in this block or behind it. False: there is none.
  Result<bool> StartAt(uint64_t number);
  // REQUIRES: the item before was not kEnd.
  Result<Item> Next();
  // The block in which the last item was looked for, or its end was.
  uint64_t block() const { return number_; }
  // Where the next item begins.
  uint64_t offset() const {
    return number_ * format::kBackupBlockBytes + sizeof(format::BackupBlockDisk) + at_;
  }
  // Whose data the block says that it holds, since StartAt; none: of nobody's.
  const std::optional<format::BackupPlace>& place() const { return place_; }
  // After a kEnd: nothing is behind it.
  bool AtEnd() const { return number_ + 1 == blocks_.blocks() && at_ == items_.size(); }

 private:
  Status LoadNext();
  Result<Item> NextOfAny();
  // `bytes` of the stream, which may lie in several blocks.
  Status Copy(std::byte* to, uint64_t bytes);
  std::unexpected<Error> Refuse(uint64_t offset, std::string message) const;

  BlockReader& blocks_;
  uint64_t number_ = 0;
  ByteView items_;  // of the block
  std::optional<uint32_t> first_;
  size_t at_ = 0;
  bool begun_ = false;  // an item has begun in the block
  std::optional<format::BackupPlace> place_;
  base::ByteBuffer body_;  // of an item that lies in several blocks
};

}  // namespace manifolddb::backup
