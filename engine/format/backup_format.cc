// The parts of a backup to bytes and back.
//
// (1) A block is judged as a whole: nothing in it counts before the checksum over all of it has matched.
// (2) Behind a matching checksum bodies are still checked: a checksum can be forged, and whoever reads on
//     relies on every bound.

#include "engine/format/backup_format.h"

#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/sites.h"
#include "engine/format/page_header.h"
#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

constexpr std::array<char, 8> kBackupMagic = {'m', 'f', 'l', 'd', '-', 'b', 'a', 'k'};
constexpr uint32_t kNoFirst = ~uint32_t{0};
constexpr size_t kBlockChecked = offsetof(BackupBlockDisk, checksum) + sizeof(BackupBlockDisk::checksum);
static_assert(kBlockChecked == 16);

DecodedBackupBlock RefuseBlock(MetaVerdict verdict, const char* why, bool cut = false) {
  return {.verdict = verdict, .why = why, .cut = cut};
}

// The struct at the front of `body`; what is behind it is left in `rest`.
template <class Disk>
bool TakeFront(ByteView body, Disk& disk, ByteView& rest) {
  if (body.size() < sizeof disk) return false;
  std::memcpy(&disk, body.data(), sizeof disk);
  rest = body.subspan(sizeof disk);
  return true;
}

bool BackupFamilyPossible(uint64_t family) { return family != 0 && family <= kFamilyIdMax; }
bool BackupTablePossible(uint64_t table) { return table != 0 && table <= kTableIdMax; }
bool BackupNamePossible(uint64_t bytes) { return bytes != 0 && bytes <= kNameBytesMax; }

// No damage makes one of these behind a matching checksum; forgers do.
const char* WhyBlockImpossible(const BackupBlockDisk& disk) {
  const bool no_first = disk.first == kNoFirst;
  const bool behind = !no_first && disk.first >= disk.used;
  if (behind && !MANIFOLDDB_BROKEN("decode.backup.first")) {
    return "the first item of the block begins behind its end";
  }
  if (disk.last > 1) return "the mark of the last block is neither 0 nor 1";
  if (disk.last == 0 && disk.leaves != 0) return "a block amid the backup names the lists of leaves";
  if (disk.last == 1 && disk.leaves > disk.number) return "the lists of leaves lie behind the last block";
  return nullptr;
}

}  // namespace

void SealBackupBlock(const BackupBlock& block, MutableByteView bytes) {
  MANIFOLDDB_ASSERT(bytes.size() == sizeof(BackupBlockDisk) + block.used);
  MANIFOLDDB_ASSERT(block.used <= kBackupUsedMax);
  BackupBlockDisk disk = {};
  disk.magic = kBackupMagic;
  disk.format_version = kBackupVersion;
  disk.used = block.used;
  disk.backup = block.backup;
  disk.number = block.number;
  disk.first = block.first.value_or(kNoFirst);
  disk.last = block.last ? 1 : 0;
  disk.leaves = block.leaves;
  MANIFOLDDB_ASSERT(WhyBlockImpossible(disk) == nullptr);
  std::memcpy(bytes.data(), &disk, sizeof disk);
  disk.checksum = base::Checksum64(bytes.subspan(kBlockChecked));
  std::memcpy(bytes.data(), &disk, sizeof disk);
}

DecodedBackupBlock DecodeBackupBlock(ByteView bytes) {
  BackupBlockDisk disk;
  const bool has_magic = bytes.size() >= kBackupMagic.size();
  if (!has_magic || std::memcmp(bytes.data(), kBackupMagic.data(), kBackupMagic.size()) != 0) {
    return RefuseBlock(MetaVerdict::kNotOurs, "no magic of a backup", !has_magic);
  }
  if (bytes.size() < sizeof disk) {
    return RefuseBlock(MetaVerdict::kDamaged, "the file ends inside the header of a block", true);
  }
  std::memcpy(&disk, bytes.data(), sizeof disk);
  // A newer version may have longer blocks: of it nothing is known but that it is newer.
  if (disk.used > kBackupUsedMax) {
    return RefuseBlock(MetaVerdict::kDamaged, "the block states more bytes than a block has");
  }
  if (disk.used > bytes.size() - sizeof disk) {
    return RefuseBlock(MetaVerdict::kDamaged, "the file ends inside a block", true);
  }
  const ByteView checked = bytes.subspan(kBlockChecked, sizeof disk - kBlockChecked + disk.used);
  if (disk.checksum != base::Checksum64(checked) && !MANIFOLDDB_BROKEN("decode.backup.checksum")) {
    return RefuseBlock(MetaVerdict::kDamaged, "checksum mismatch in a block");
  }
  if (disk.format_version > kBackupVersion) {
    return RefuseBlock(MetaVerdict::kNewerFormat, "a newer version of the backup format");
  }
  if (disk.format_version != kBackupVersion) {
    return RefuseBlock(MetaVerdict::kDamaged, "no such version of the backup format");
  }
  if (const char* why = WhyBlockImpossible(disk)) return RefuseBlock(MetaVerdict::kDamaged, why);
  BackupBlock block{.used = disk.used,
                    .backup = disk.backup,
                    .number = disk.number,
                    .first = disk.first,
                    .last = disk.last == 1,
                    .leaves = disk.leaves};
  if (disk.first == kNoFirst) block.first.reset();
  return {.verdict = MetaVerdict::kValid, .block = block};
}

BackupSnapshotDisk Encode(const BackupSnapshot& snapshot) {
  BackupSnapshotDisk disk = {};
  disk.identity = snapshot.identity;
  disk.base = snapshot.base;
  disk.commit = snapshot.commit;
  disk.base_commit = snapshot.base_commit;
  disk.families = snapshot.families;
  disk.tables = snapshot.tables;
  disk.page_size = snapshot.page_size;
  disk.write_unit = snapshot.write_unit;
  return disk;
}

bool DecodeBackupSnapshot(ByteView body, BackupSnapshot& out) {
  BackupSnapshotDisk disk;
  ByteView rest;
  if (!TakeFront(body, disk, rest) || !rest.empty()) return false;
  out = {.identity = disk.identity,
         .base = disk.base,
         .commit = disk.commit,
         .base_commit = disk.base_commit,
         .families = disk.families,
         .tables = disk.tables,
         .page_size = disk.page_size,
         .write_unit = disk.write_unit};
  const bool unit_possible = out.write_unit >= kWriteUnitMin && out.write_unit <= kWriteUnitMax &&
                             (out.write_unit & (out.write_unit - 1)) == 0;
  const bool page_possible = IsPageSize(out.page_size) || MANIFOLDDB_BROKEN("decode.backup.page_size");
  return page_possible && unit_possible && out.page_size >= out.write_unit && out.commit <= kNumberReadMax &&
         out.base_commit <= kNumberReadMax && (out.base_commit == 0 || !out.full());
}

bool DecodeBackupFamily(ByteView body, BackupFamily& out) {
  BackupFamilyDisk disk;
  ByteView name;
  if (!TakeFront(body, disk, name)) return false;
  out = {.family = FamilyId{disk.family}, .name = AsText(name)};
  return BackupFamilyPossible(disk.family) && BackupNamePossible(name.size());
}

BackupTableDisk Encode(const BackupTable& table) {
  BackupTableDisk disk = {};
  disk.family = table.family.raw();
  disk.table = table.table.raw();
  disk.entries = table.entries;
  disk.name_bytes = static_cast<uint32_t>(table.name.size());
  disk.key_type_bytes = static_cast<uint32_t>(table.key_type.size());
  return disk;
}

bool DecodeBackupTable(ByteView body, BackupTable& out) {
  BackupTableDisk disk;
  ByteView names;
  if (!TakeFront(body, disk, names)) return false;
  const bool possible = BackupFamilyPossible(disk.family) && BackupTablePossible(disk.table) &&
                        disk.entries <= kNumberReadMax && BackupNamePossible(disk.name_bytes) &&
                        disk.key_type_bytes <= kTypeNameBytesMax;
  const bool inside = uint64_t{disk.name_bytes} + disk.key_type_bytes <= names.size();
  if (!possible || !(inside || MANIFOLDDB_BROKEN("decode.backup.names_end"))) return false;
  const std::string_view text = AsText(names);
  out = {.family = FamilyId{disk.family},
         .table = TableId{disk.table},
         .entries = disk.entries,
         .name = text.substr(0, disk.name_bytes),
         .key_type = text.substr(disk.name_bytes, disk.key_type_bytes),
         .value_type = text.substr(disk.name_bytes + disk.key_type_bytes)};
  return out.value_type.size() <= kTypeNameBytesMax;
}

BackupPlaceDisk Encode(const BackupPlace& place) {
  BackupPlaceDisk disk = {};
  disk.family = place.family.raw();
  disk.table = place.table.raw();
  return disk;
}

bool DecodeBackupPlace(ByteView body, BackupPlace& out) {
  BackupPlaceDisk disk;
  ByteView rest;
  if (!TakeFront(body, disk, rest)) return false;
  out = {.family = FamilyId{disk.family}, .table = TableId{disk.table}};
  return BackupFamilyPossible(disk.family) && BackupTablePossible(disk.table);
}

bool DecodeBackupBound(ByteView body, std::optional<ByteView>& out) {
  BackupBoundDisk disk;
  ByteView bound;
  if (!TakeFront(body, disk, bound)) return false;
  out.reset();
  if (disk.present == 0) return bound.empty();
  out = bound;
  return disk.present == 1 && bound.size() <= KeyBytesMax(kPageBytesMax);
}

bool DecodeBackupEntry(ByteView body, BackupEntry& out) {
  BackupEntryDisk disk;
  ByteView rest;
  if (!TakeFront(body, disk, rest) || disk.key_bytes > rest.size()) return false;
  out = {.key = rest.first(disk.key_bytes), .value = rest.subspan(disk.key_bytes)};
  return out.key.size() <= KeyBytesMax(kPageBytesMax) && out.value.size() <= kValueBytesMax;
}

BackupCountsDisk Encode(const BackupCounts& counts) {
  BackupCountsDisk disk = {};
  disk.ranges = counts.ranges;
  disk.entries = counts.entries;
  return disk;
}

bool DecodeBackupCounts(ByteView body, BackupCounts& out) {
  BackupCountsDisk disk;
  ByteView rest;
  if (!TakeFront(body, disk, rest) || !rest.empty()) return false;
  out = {.ranges = disk.ranges, .entries = disk.entries};
  return true;
}

}  // namespace manifolddb::format
