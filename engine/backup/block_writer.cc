// Blocks are filled one after the other and written several at once, never twice.
//
// (1) A block that is sealed does not change any more.
// (2) The first item that begins in a block amid a table's data says whose data that is.

#include "engine/backup/block_writer.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::backup {

using format::BackupItemKind;
using format::kBackupBlockBytes;
using format::kBackupUsedMax;

Result<std::unique_ptr<BlockWriter>> BlockWriter::Create(File& file, const format::Identity& backup) {
  MANIFOLDDB_ASSIGN(base::Buffer buffer, base::Buffer::Make(kTogether * kBackupBlockBytes, "backup.write"));
  return std::unique_ptr<BlockWriter>(new BlockWriter(file, backup, std::move(buffer)));
}

Status BlockWriter::BeginItem(BackupItemKind kind, uint64_t body_bytes) {
  MANIFOLDDB_ASSERT(owed_ == 0 && body_bytes <= format::kBackupItemBytesMax);
  if (used_ == kBackupUsedMax) MANIFOLDDB_TRY(EndBlock());
  // What says whose data it is may itself end in the next block, which then has one, too.
  while (!first_ && place_ && kind != BackupItemKind::kResume) {
    const format::BackupPlaceDisk place = Encode(*place_);
    MANIFOLDDB_TRY(Item(BackupItemKind::kResume, std::as_bytes(std::span(&place, 1))));
    if (used_ == kBackupUsedMax) MANIFOLDDB_TRY(EndBlock());
  }
  if (!first_) first_ = used_;
  format::BackupItemDisk header = {};
  header.kind = static_cast<uint8_t>(kind);
  header.bytes = static_cast<uint32_t>(body_bytes);
  owed_ = sizeof header + body_bytes;
  return Append(std::as_bytes(std::span(&header, 1)));
}

Status BlockWriter::Append(ByteView bytes) {
  MANIFOLDDB_ASSERT(bytes.size() <= owed_);
  owed_ -= bytes.size();
  while (!bytes.empty()) {
    if (used_ == kBackupUsedMax) MANIFOLDDB_TRY(EndBlock());
    const size_t step = std::min<size_t>(bytes.size(), kBackupUsedMax - used_);
    std::memcpy(block() + sizeof(format::BackupBlockDisk) + used_, bytes.data(), step);
    used_ += static_cast<uint32_t>(step);
    bytes = bytes.subspan(step);
  }
  return {};
}

Status BlockWriter::Item(BackupItemKind kind, ByteView body, ByteView more) {
  MANIFOLDDB_TRY(BeginItem(kind, body.size() + more.size()));
  MANIFOLDDB_TRY(Append(body));
  return Append(more);
}

Result<uint64_t> BlockWriter::BeginBlock() {
  MANIFOLDDB_ASSERT(owed_ == 0);
  if (used_ > 0) MANIFOLDDB_TRY(EndBlock());
  return number_;
}

Status BlockWriter::Finish(uint64_t leaves) {
  MANIFOLDDB_ASSERT(owed_ == 0);
  Seal(true, leaves);
  const uint64_t before = number_ % kTogether * kBackupBlockBytes;
  MANIFOLDDB_TRY(Write(before + sizeof(format::BackupBlockDisk) + used_));
  if (MANIFOLDDB_BROKEN("backup.sync.skip")) return {};
  return file_.Sync();
}

Status BlockWriter::EndBlock() {
  Seal(false, 0);
  std::memset(block() + sizeof(format::BackupBlockDisk) + used_, 0, kBackupUsedMax - used_);
  if ((number_ + 1) % kTogether == 0) MANIFOLDDB_TRY(Write(kTogether * kBackupBlockBytes));
  ++number_;
  used_ = 0;
  first_.reset();
  return {};
}

void BlockWriter::Seal(bool last, uint64_t leaves) {
  const format::BackupBlock sealed{
      .used = used_, .backup = backup_, .number = number_, .first = first_, .last = last, .leaves = leaves};
  format::SealBackupBlock(sealed, {block(), sizeof(format::BackupBlockDisk) + used_});
}

Status BlockWriter::Write(uint64_t end) {
  const uint64_t begin = number_ / kTogether * kTogether * kBackupBlockBytes;
  return file_.Write(begin, buffer_.view().first(base::ToSize(end)));
}

}  // namespace manifolddb::backup
