// From a file that may hold anything to items whose bytes are what was written.
//
// (1) No byte of a block is looked at before its checksum, its number and its backup's id have matched.
// (2) No length that was read is believed beyond the end of the file: memory is bounded by what there is.

#include "engine/backup/block_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::backup {

using format::BackupItemKind;
using format::DecodedBackupBlock;
using format::kBackupBlockBytes;
using format::MetaVerdict;

BlockReader::BlockReader(std::unique_ptr<File> file, uint64_t size, base::Buffer buffer)
    : file_(std::move(file)),
      size_(size),
      blocks_((size + kBackupBlockBytes - 1) / kBackupBlockBytes),
      buffer_(std::move(buffer)) {}

std::unexpected<Error> BlockReader::Refuse(Errc code, uint64_t number, std::string message) const {
  return Fail(code, "backup.read",
              {.file = name(), .offset = number * kBackupBlockBytes, .message = std::move(message)});
}

Result<std::unique_ptr<BlockReader>> BlockReader::Open(const BackupFile& file, Ends ends) {
  MANIFOLDDB_ASSIGN(std::unique_ptr<File> opened, file.storage->Open(file.name, OpenMode::kReadOnly));
  MANIFOLDDB_ASSIGN(const uint64_t size, opened->Size());
  MANIFOLDDB_ASSIGN(base::Buffer buffer, base::Buffer::Make(kTogether * kBackupBlockBytes, "backup.read"));
  std::unique_ptr<BlockReader> reader(new BlockReader(std::move(opened), size, std::move(buffer)));
  MANIFOLDDB_TRY(reader->ReadEnds(ends == Ends::kBoth));
  return reader;
}

Status BlockReader::ReadEnds(bool must_end) {
  if (size_ == 0) return Refuse(Errc::kNotADatabase, 0, "this is no backup: the file is empty");
  MANIFOLDDB_ASSIGN(const ByteView front, Fetch(0));
  const DecodedBackupBlock begin = format::DecodeBackupBlock(front);
  switch (begin.verdict) {
    case MetaVerdict::kValid: break;
    case MetaVerdict::kNotOurs:
      return Refuse(Errc::kNotADatabase, 0, std::string("this is no backup: ") + begin.why);
    case MetaVerdict::kNewerFormat: return Refuse(Errc::kNewerFormat, 0, begin.why);
    case MetaVerdict::kDamaged: return Refuse(begin.cut ? Errc::kTruncated : Errc::kCorrupt, 0, begin.why);
  }
  backup_ = begin.block.backup;
  if (begin.block.number != 0) return Refuse(Errc::kCorrupt, 0, "the first block is not the first one");
  const auto end = Read(blocks_ - 1);
  if (!end && must_end) return std::unexpected<Error>(end.error());
  return {};
}

Result<ByteView> BlockReader::Fetch(uint64_t number) {
  MANIFOLDDB_ASSERT(number < blocks_);
  const uint64_t begin = number / kTogether * kTogether;
  if (buffered_ != begin) {
    buffered_.reset();
    const uint64_t at = begin * kBackupBlockBytes;
    const uint64_t bytes = std::min(size_ - at, kTogether * kBackupBlockBytes);
    MANIFOLDDB_TRY(file_->Read(at, buffer_.span().first(base::ToSize(bytes))));
    buffered_ = begin;
  }
  const uint64_t at = (number - begin) * kBackupBlockBytes;
  const uint64_t bytes = std::min<uint64_t>(size_ - number * kBackupBlockBytes, kBackupBlockBytes);
  return buffer_.view().subspan(base::ToSize(at), base::ToSize(bytes));
}

Result<BlockReader::Block> BlockReader::Read(uint64_t number) {
  MANIFOLDDB_ASSIGN(const ByteView bytes, Fetch(number));
  const DecodedBackupBlock decoded = format::DecodeBackupBlock(bytes);
  const format::BackupBlock& block = decoded.block;
  const bool valid = decoded.verdict == MetaVerdict::kValid;
  // A power cut leaves no such file under the name of a backup: it was cut, or copied in part.
  if (number + 1 == blocks_ && (valid ? !block.last : decoded.cut)) {
    return Fail(Errc::kTruncated, "backup.read",
                {.file = name(), .offset = size_, .message = "the backup ends before its last block does"});
  }
  if (!valid) return Refuse(Errc::kCorrupt, number, decoded.why);
  if (block.backup != backup_ && !MANIFOLDDB_BROKEN("decode.backup.identity")) {
    return Refuse(Errc::kCorrupt, number, "this block is another backup's");
  }
  if (block.number != number && !MANIFOLDDB_BROKEN("decode.backup.number")) {
    return Refuse(
        Errc::kCorrupt, number,
        "block " + std::to_string(block.number) + " lies where block " + std::to_string(number) + " belongs");
  }
  const ByteView items = bytes.subspan(sizeof(format::BackupBlockDisk), block.used);
  if (block.last) {
    const bool ends = number + 1 == blocks_ && items.size() + sizeof(format::BackupBlockDisk) == bytes.size();
    if (!ends) return Refuse(Errc::kCorrupt, number, "there is something behind the last block");
    leaves_ = block.leaves;
  }
  return Block{items, block.first};
}

std::unexpected<Error> ItemReader::Refuse(uint64_t offset, std::string message) const {
  return Fail(Errc::kCorrupt, "backup.read",
              {.file = blocks_.name(), .offset = offset, .message = std::move(message)});
}

Result<bool> ItemReader::StartAt(uint64_t number) {
  place_.reset();
  for (number_ = number; number_ < blocks_.blocks(); ++number_) {
    MANIFOLDDB_ASSIGN(const BlockReader::Block block, blocks_.Read(number_));
    if (!block.first) continue;
    items_ = block.items;
    first_ = block.first;
    at_ = *block.first;
    begun_ = false;
    return true;
  }
  return false;
}

Status ItemReader::LoadNext() {
  if (number_ + 1 >= blocks_.blocks()) return Refuse(offset(), "the backup ends amid its items");
  ++number_;
  items_ = {};
  at_ = 0;
  MANIFOLDDB_ASSIGN(const BlockReader::Block block, blocks_.Read(number_));
  items_ = block.items;
  first_ = block.first;
  begun_ = false;
  return {};
}

Status ItemReader::Copy(std::byte* to, uint64_t bytes) {
  while (bytes > 0) {
    if (at_ == items_.size()) {
      MANIFOLDDB_TRY(LoadNext());
      continue;
    }
    const size_t step = base::ToSize(std::min<uint64_t>(bytes, items_.size() - at_));
    std::memcpy(to, items_.data() + at_, step);
    to += step;
    at_ += step;
    bytes -= step;
  }
  return {};
}

Result<Item> ItemReader::NextOfAny() {
  while (at_ == items_.size()) MANIFOLDDB_TRY(LoadNext());
  Item item{.offset = offset()};
  // Whoever begins to read in this block must come by the same items as we do.
  if (!begun_ && first_ != at_) {
    return Refuse(item.offset, "an item begins where the block says that none does");
  }
  begun_ = true;
  format::BackupItemDisk header;
  MANIFOLDDB_TRY(Copy(reinterpret_cast<std::byte*>(&header), sizeof header));
  if (header.kind == 0 || header.kind > static_cast<uint8_t>(BackupItemKind::kEnd)) {
    return Refuse(item.offset, "an item of no known kind");
  }
  item.kind = static_cast<BackupItemKind>(header.kind);
  const uint64_t bytes = header.bytes;
  if (bytes <= items_.size() - at_) {
    item.body = items_.subspan(at_, base::ToSize(bytes));
    at_ += base::ToSize(bytes);
    return item;
  }
  const bool behind = bytes > blocks_.bytes() - std::min(blocks_.bytes(), offset());
  if (behind && !MANIFOLDDB_BROKEN("decode.backup.item_end")) {
    return Refuse(item.offset, "an item ends behind the end of the file");
  }
  body_.Clear();
  MANIFOLDDB_TRY(body_.Reserve(bytes));
  for (uint64_t left = bytes; left > 0;) {
    if (at_ == items_.size()) MANIFOLDDB_TRY(LoadNext());
    const size_t step = base::ToSize(std::min<uint64_t>(left, items_.size() - at_));
    body_.AppendReserved(items_.subspan(at_, step));
    at_ += step;
    left -= step;
  }
  item.body = body_.view();
  return item;
}

Result<Item> ItemReader::Next() {
  for (;;) {
    MANIFOLDDB_ASSIGN(const Item item, NextOfAny());
    if (item.kind == BackupItemKind::kData) {
      format::BackupPlace place;
      if (!format::DecodeBackupPlace(item.body, place)) return Refuse(item.offset, "a malformed item");
      place_ = place;
    }
    if (item.kind == BackupItemKind::kDataEnd) place_.reset();
    if (item.kind != BackupItemKind::kResume) return item;
    format::BackupPlace place;
    const bool sound =
        item.body.size() == sizeof(format::BackupPlaceDisk) && format::DecodeBackupPlace(item.body, place);
    if (!sound) return Refuse(item.offset, "a malformed item");
    if (place_ && *place_ != place) return Refuse(item.offset, "the block is of another table's data");
    place_ = place;
  }
}

}  // namespace manifolddb::backup
