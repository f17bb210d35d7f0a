#pragma once
// Meta pages: the roots of trust. Slot A and slot B, two copies each, every copy in a write unit of its own,
// at offsets 0, U, 2U, 3U of the data file. The first page behind them is FirstPage().

#include <array>
#include <cstdint>

#include "engine/base/le.h"
#include "engine/format/ids.h"
#include "engine/format/layout.h"
#include "engine/format/page_header.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::format {

inline constexpr uint32_t kFormatVersion = 1;  // 0.x of the project: may still change, see format.md
// Feature bits; a reader refuses those it does not know. This one: the catalog lists savepoints, whose pages
// the free map calls free (docs/design/017).
inline constexpr uint64_t kFeatureSavepoints = 1;
inline constexpr uint64_t kKnownFeatures = kFeatureSavepoints;
inline constexpr uint32_t kWriteUnitMin = 512;
inline constexpr uint32_t kWriteUnitMax = 16384;
// Write units that a log ring has at least, and bytes that it has at most.
inline constexpr uint64_t kLogRingUnitsMin = 8;
inline constexpr uint64_t kLogRingBytesMax = uint64_t{1} << 48;

using Identity = std::array<std::byte, 16>;

// Which copy of its slot a meta page was written as: what was written second may not be on the disk although
// it can be read (a killed process), what was written first is.
enum class CopyOrder : uint8_t { kFirst = 1, kSecond = 2 };

// A meta page in memory.
struct MetaPage {
  MetaNumber number = {};
  Identity identity = {};
  uint32_t page_size = 0;
  uint32_t write_unit = 0;
  Life life = {};      // the opening that wrote this copy; 0: the creation
  Life log_life = {};  // the life whose groups follow the checkpoint in the log
  bool clean = false;  // closed: nothing follows
  CopyOrder copy_order = CopyOrder::kFirst;
  // The checkpoint: the state after commit `txn`, whose group ends at `lsn` with chain value `chain`.
  TxnId txn = {};
  Lsn lsn = {};
  uint64_t chain = 0;
  // The ring: `log_capacity` bytes in which `log_origin` (at or before `lsn`) lies at offset 0.
  uint64_t log_capacity = 0;
  Lsn log_origin = {};
  TreeRoot catalog = {};
  ExtentRef free_map = {};  // a PageBitmap of page_count bits, set: free in this checkpoint; null: none is
  uint64_t page_count = 0;  // length of the data file, in pages
  FamilyId next_family = {};
  bool savepoints = false;  // the catalog lists some
};

// Stamp, magic, checksum rule (all that follows in these 256 bytes) and the places of version and features
// are the same in every future version, so that an older program can tell a newer format from damage.
struct MetaPageDisk {
  // Never what lay there before. A write that ended after its first bytes may be torn on the disk although
  // its unit reads, from the system's cache, like what it was to replace; so those bytes must not be the
  // same.
  uint8_t stamp;
  std::array<char, 7> magic;  // "manifdb"
  base::le64 checksum;        // of all bytes after this field, to the struct's end
  base::le32 format_version;
  base::le32 page_size;
  base::le32 write_unit;
  uint8_t clean;
  uint8_t copy_order;
  uint8_t stamp_again;
  uint8_t reserved0;
  base::le64 features;
  base::le64 number;
  Identity identity;
  base::le64 life;
  base::le64 log_life;
  base::le64 txn;
  base::le64 lsn;
  base::le64 chain;
  base::le64 log_capacity;
  base::le64 log_origin;
  base::le64 catalog_root_id;
  base::le64 catalog_root_birth;
  base::le64 catalog_entries;
  ExtentRefDisk free_map;
  base::le64 page_count;
  base::le64 next_family;
  std::array<std::byte, 64> reserved1;
};
FORMAT_SIZE(MetaPageDisk, 256);
FORMAT_FIELD(MetaPageDisk, magic, 1);
FORMAT_FIELD(MetaPageDisk, checksum, 8);
FORMAT_FIELD(MetaPageDisk, format_version, 16);
FORMAT_FIELD(MetaPageDisk, page_size, 20);
FORMAT_FIELD(MetaPageDisk, write_unit, 24);
FORMAT_FIELD(MetaPageDisk, clean, 28);
FORMAT_FIELD(MetaPageDisk, copy_order, 29);
FORMAT_FIELD(MetaPageDisk, stamp_again, 30);
FORMAT_FIELD(MetaPageDisk, reserved0, 31);
FORMAT_FIELD(MetaPageDisk, features, 32);
FORMAT_FIELD(MetaPageDisk, number, 40);
FORMAT_FIELD(MetaPageDisk, identity, 48);
FORMAT_FIELD(MetaPageDisk, life, 64);
FORMAT_FIELD(MetaPageDisk, log_life, 72);
FORMAT_FIELD(MetaPageDisk, txn, 80);
FORMAT_FIELD(MetaPageDisk, lsn, 88);
FORMAT_FIELD(MetaPageDisk, chain, 96);
FORMAT_FIELD(MetaPageDisk, log_capacity, 104);
FORMAT_FIELD(MetaPageDisk, log_origin, 112);
FORMAT_FIELD(MetaPageDisk, catalog_root_id, 120);
FORMAT_FIELD(MetaPageDisk, catalog_root_birth, 128);
FORMAT_FIELD(MetaPageDisk, catalog_entries, 136);
FORMAT_FIELD(MetaPageDisk, free_map, 144);
FORMAT_FIELD(MetaPageDisk, page_count, 176);
FORMAT_FIELD(MetaPageDisk, next_family, 184);
FORMAT_FIELD(MetaPageDisk, reserved1, 192);

// Byte offset of a copy (0 or 1) of a slot (0: A, 1: B).
constexpr uint64_t MetaOffset(int slot, int copy, uint32_t write_unit) {
  return static_cast<uint64_t>(slot * 2 + copy) * write_unit;
}
struct MetaPlace {
  int slot = 0;  // 0: A, 1: B
  int copy = 0;
};
// Where a checkpoint writes this meta page. (The beginning of a life writes the newest one into both slots.)
constexpr int SlotOf(MetaNumber number) { return number.raw() % 2 == 1 ? 0 : 1; }
// First page behind the meta area.
constexpr PageId FirstPage(uint32_t page_size, uint32_t write_unit) {
  return PageId{(uint64_t{4} * write_unit + page_size - 1) / page_size};
}

// The first byte of each copy's unit, by slot and copy.
using MetaStamps = std::array<std::array<uint8_t, 2>, 2>;

// Fills `unit` (write_unit bytes) with the encoded page, zeros behind it. `stamp`: another than the unit has
// in the file now. Asserts whatever decoding would refuse.
void EncodeMetaPage(const MetaPage& meta, uint8_t stamp, MutableByteView unit);

// Bytes that claim to be a meta page. The only road to a MetaPage. The caller knows where the bytes lay: that
// the write unit is the one it read by, it checks itself.
enum class MetaVerdict : uint8_t {
  kValid,
  kNotOurs,      // no magic: zeros, another program's file, or torn at the front
  kDamaged,      // our magic, wrong checksum or impossible fields
  kNewerFormat,  // intact, but of a version or with features that this code does not know
};
struct DecodedMeta {
  MetaVerdict verdict = MetaVerdict::kNotOurs;
  const char* why = nullptr;  // for all but kValid
  MetaPage meta;              // for kValid
  uint8_t stamp = 0;          // the first byte, whatever it stands for
};
DecodedMeta DecodeMetaPage(ByteView unit);

// Do these bytes, all that is left of a unit, begin as a meta page does? A stamp, then the magic.
bool BeginsAsMetaPage(ByteView front);

}  // namespace manifolddb::format
