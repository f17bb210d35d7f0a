#pragma once
// A backup: one file of blocks that each prove themselves, and the items that lie in them one behind the
// other. Which item may follow which, format.md says.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "engine/base/le.h"
#include "engine/format/ids.h"
#include "engine/format/layout.h"
#include "engine/format/meta_page.h"
#include "manifolddb/bytes.h"

namespace manifolddb::format {

inline constexpr uint32_t kBackupVersion = 1;
// Block `number` lies at `number` times this; the last one ends with its last used byte, and the file with
// it.
inline constexpr uint32_t kBackupBlockBytes = 16384;

// The magic, the checksum rule and the place of the version stay the same in every future version.
struct BackupBlockDisk {
  std::array<char, 8> magic;  // "mfld-bak"
  base::le64 checksum;        // of all bytes after this field, to the last used one
  base::le32 format_version;
  base::le32 used;    // bytes of items behind this header
  Identity backup;    // drawn for this backup: a block of another one is recognised
  base::le64 number;  // of the block, from 0
  base::le32 first;   // where the first item begins that begins here, from this header's end; ~0: none does
  base::le32 last;    // 1: the last block; else 0
  base::le64 leaves;  // of the last block: in which block the lists of leaves begin; else 0
};
FORMAT_SIZE(BackupBlockDisk, 64);
FORMAT_FIELD(BackupBlockDisk, checksum, 8);
FORMAT_FIELD(BackupBlockDisk, format_version, 16);
FORMAT_FIELD(BackupBlockDisk, used, 20);
FORMAT_FIELD(BackupBlockDisk, backup, 24);
FORMAT_FIELD(BackupBlockDisk, number, 40);
FORMAT_FIELD(BackupBlockDisk, first, 48);
FORMAT_FIELD(BackupBlockDisk, last, 52);
FORMAT_FIELD(BackupBlockDisk, leaves, 56);

inline constexpr uint32_t kBackupUsedMax = kBackupBlockBytes - sizeof(BackupBlockDisk);

struct BackupBlock {
  uint32_t used = 0;
  Identity backup = {};
  uint64_t number = 0;
  std::optional<uint32_t> first = {};
  bool last = false;
  uint64_t leaves = 0;
};
// `bytes`: room for the header, then the used bytes.
void SealBackupBlock(const BackupBlock& block, MutableByteView bytes);

struct DecodedBackupBlock {
  MetaVerdict verdict = MetaVerdict::kNotOurs;
  const char* why = nullptr;  // for all but kValid
  bool cut = false;           // of kDamaged: the bytes end before the block does
  BackupBlock block = {};     // for kValid
};
// `bytes`: as many of a block as there are, at most kBackupBlockBytes.
DecodedBackupBlock DecodeBackupBlock(ByteView bytes);

enum class BackupItemKind : uint8_t {
  kSnapshot = 1,
  kFamily = 2,
  kTable = 3,
  kData = 4,
  kResume = 5,
  kOpen = 6,
  kEntry = 7,
  kClose = 8,
  kDataEnd = 9,
  kLeaves = 10,
  kEnd = 11,
};

struct BackupItemDisk {
  uint8_t kind;
  base::le32 bytes;  // that follow
};
FORMAT_SIZE(BackupItemDisk, 5);
FORMAT_FIELD(BackupItemDisk, bytes, 1);
inline constexpr uint64_t kBackupItemBytesMax = std::numeric_limits<uint32_t>::max();

struct BackupSnapshotDisk {
  Identity identity;
  Identity base;
  base::le64 commit;
  base::le64 base_commit;
  base::le64 families;
  base::le64 tables;
  base::le32 page_size;
  base::le32 write_unit;
};
FORMAT_SIZE(BackupSnapshotDisk, 72);
FORMAT_FIELD(BackupSnapshotDisk, base, 16);
FORMAT_FIELD(BackupSnapshotDisk, commit, 32);
FORMAT_FIELD(BackupSnapshotDisk, base_commit, 40);
FORMAT_FIELD(BackupSnapshotDisk, families, 48);
FORMAT_FIELD(BackupSnapshotDisk, tables, 56);
FORMAT_FIELD(BackupSnapshotDisk, page_size, 64);
FORMAT_FIELD(BackupSnapshotDisk, write_unit, 68);

struct BackupFamilyDisk {
  base::le64 family;
};
FORMAT_SIZE(BackupFamilyDisk, 8);

struct BackupTableDisk {
  base::le64 family;
  base::le64 table;
  base::le64 entries;
  base::le32 name_bytes;
  base::le32 key_type_bytes;
};
FORMAT_SIZE(BackupTableDisk, 32);
FORMAT_FIELD(BackupTableDisk, table, 8);
FORMAT_FIELD(BackupTableDisk, entries, 16);
FORMAT_FIELD(BackupTableDisk, name_bytes, 24);
FORMAT_FIELD(BackupTableDisk, key_type_bytes, 28);

struct BackupPlaceDisk {
  base::le64 family;
  base::le64 table;
};
FORMAT_SIZE(BackupPlaceDisk, 16);
FORMAT_FIELD(BackupPlaceDisk, table, 8);

struct BackupBoundDisk {
  uint8_t present;
};
FORMAT_SIZE(BackupBoundDisk, 1);

struct BackupEntryDisk {
  base::le32 key_bytes;
};
FORMAT_SIZE(BackupEntryDisk, 4);

struct BackupCountsDisk {
  base::le64 ranges;
  base::le64 entries;
};
FORMAT_SIZE(BackupCountsDisk, 16);
FORMAT_FIELD(BackupCountsDisk, entries, 8);

struct BackupLeafDisk {
  base::le64 birth;
  base::le64 place;
};
FORMAT_SIZE(BackupLeafDisk, 16);
FORMAT_FIELD(BackupLeafDisk, place, 8);

// ---- The bodies of items. Decoders check sizes, reserved values and bounds; false if the bytes are no such
// body. Views into the bytes.

struct BackupSnapshot {
  Identity identity = {};  // of the database
  Identity base = {};      // the backup that this one continues; zeros: none, it is whole by itself
  uint64_t commit = 0;
  uint64_t base_commit = 0;
  uint64_t families = 0;
  uint64_t tables = 0;
  uint32_t page_size = 0;
  uint32_t write_unit = 0;

  bool full() const { return base == Identity{}; }
};
BackupSnapshotDisk Encode(const BackupSnapshot& snapshot);
bool DecodeBackupSnapshot(ByteView body, BackupSnapshot& out);

struct BackupFamily {
  FamilyId family = {};
  std::string_view name = {};
};
bool DecodeBackupFamily(ByteView body, BackupFamily& out);

struct BackupTable {
  FamilyId family = {};
  TableId table = {};
  uint64_t entries = 0;
  std::string_view name = {};
  std::string_view key_type = {};
  std::string_view value_type = {};
};
// The names follow.
BackupTableDisk Encode(const BackupTable& table);
bool DecodeBackupTable(ByteView body, BackupTable& out);

// A table's data, wherever it is.
struct BackupPlace {
  FamilyId family = {};
  TableId table = {};
  friend auto operator<=>(const BackupPlace&, const BackupPlace&) = default;
};
BackupPlaceDisk Encode(const BackupPlace& place);
bool DecodeBackupPlace(ByteView body, BackupPlace& out);

bool DecodeBackupBound(ByteView body, std::optional<ByteView>& out);

struct BackupEntry {
  ByteView key = {};
  ByteView value = {};
};
bool DecodeBackupEntry(ByteView body, BackupEntry& out);

struct BackupCounts {
  uint64_t ranges = 0;
  uint64_t entries = 0;
  friend bool operator==(const BackupCounts&, const BackupCounts&) = default;
};
BackupCountsDisk Encode(const BackupCounts& counts);
bool DecodeBackupCounts(ByteView body, BackupCounts& out);

}  // namespace manifolddb::format
