#include "engine/backup/leaves.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/backup/block_reader.h"
#include "engine/base/checksum.h"
#include "engine/base/le.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::backup {

using format::BackupItemKind;

uint64_t PlaceOf(const Fences& fences) {
  std::string text;
  text += fences.low != nullptr ? '\1' : '\0';
  text += fences.high != nullptr ? '\1' : '\0';
  // With its length, so that no two pairs of fences are the same text.
  std::byte low_bytes[sizeof(uint32_t)];
  base::StoreLe(low_bytes, static_cast<uint32_t>(fences.low != nullptr ? fences.low->size() : 0));
  text += AsText(low_bytes);
  if (fences.low != nullptr) text += *fences.low;
  if (fences.high != nullptr) text += *fences.high;
  return base::Checksum64(AsBytes(text));
}

KnownLeaves::KnownLeaves(std::vector<Leaf> leaves) : leaves_(std::move(leaves)) {
  std::ranges::sort(leaves_, {}, &Leaf::birth);
}

bool KnownLeaves::Has(uint64_t birth, uint64_t place) const {
  if (birth == 0) return false;
  for (auto at = std::ranges::lower_bound(leaves_, birth, {}, &Leaf::birth);
       at != leaves_.end() && at->birth == birth; ++at) {
    if (at->place == place || MANIFOLDDB_BROKEN("backup.leaves.place.skip")) return true;
  }
  return false;
}

namespace {

std::unexpected<Error> Malformed(const BlockReader& blocks, uint64_t offset) {
  return Fail(Errc::kCorrupt, "backup.read_base",
              {.file = blocks.name(), .offset = offset, .message = "the list of leaves is malformed"});
}

}  // namespace

Result<Base> ReadBase(const BackupFile& file) {
  MANIFOLDDB_ASSIGN(const auto blocks, BlockReader::Open(file, BlockReader::Ends::kBoth));
  Base base{.backup = blocks->backup()};
  ItemReader items(*blocks);
  MANIFOLDDB_ASSIGN(bool any, items.StartAt(0));
  if (!any) return Malformed(*blocks, 0);
  {
    MANIFOLDDB_ASSIGN(const Item item, items.Next());
    const bool sound =
        item.kind == BackupItemKind::kSnapshot && format::DecodeBackupSnapshot(item.body, base.snapshot);
    if (!sound) return Malformed(*blocks, item.offset);
  }
  MANIFOLDDB_ASSIGN(any, items.StartAt(blocks->leaves()));
  if (!any) return Malformed(*blocks, blocks->leaves() * format::kBackupBlockBytes);
  for (;;) {
    MANIFOLDDB_ASSIGN(const Item item, items.Next());
    if (item.kind == BackupItemKind::kEnd) return base;
    format::BackupPlace place;
    const bool sound = item.kind == BackupItemKind::kLeaves && format::DecodeBackupPlace(item.body, place);
    if (!sound) return Malformed(*blocks, item.offset);
    ByteView leaves = item.body.subspan(sizeof(format::BackupPlaceDisk));
    if (leaves.size() % sizeof(format::BackupLeafDisk) != 0) return Malformed(*blocks, item.offset);
    for (; !leaves.empty(); leaves = leaves.subspan(sizeof(format::BackupLeafDisk))) {
      format::BackupLeafDisk disk;
      std::memcpy(&disk, leaves.data(), sizeof disk);
      base.leaves[place].push_back({disk.birth, disk.place});
    }
  }
}

}  // namespace manifolddb::backup
