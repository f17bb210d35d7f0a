#pragma once
// What the catalog tree and the table trees hold.
//
// The catalog maps 'F' + family name to a FamilyRecord, 'D' + big-endian number to a DroppedRecord: a subtree
// whose pages are still owned but belong to no table, to be freed step by step; and 'S' + savepoint's name to
// a SavepointRecord: the roots of an earlier checkpoint. A family's table tree maps the table's name to a
// TableRecord, with the names of its types behind it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/le.h"
#include "engine/format/ids.h"
#include "engine/format/layout.h"
#include "engine/format/page_header.h"
#include "manifolddb/bytes.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"

namespace manifolddb::format {

struct FamilyRecordDisk {
  base::le64 family;
  base::le64 next_table;
  base::le64 tables_root_id;
  base::le64 tables_root_birth;
  base::le64 tables_entries;
  base::le64 options;  // none yet: written 0, checked 0
};
FORMAT_SIZE(FamilyRecordDisk, 48);
FORMAT_FIELD(FamilyRecordDisk, next_table, 8);
FORMAT_FIELD(FamilyRecordDisk, tables_root_id, 16);
FORMAT_FIELD(FamilyRecordDisk, tables_root_birth, 24);
FORMAT_FIELD(FamilyRecordDisk, tables_entries, 32);
FORMAT_FIELD(FamilyRecordDisk, options, 40);

struct TableRecordDisk {
  base::le64 table;
  base::le64 root_id;
  base::le64 root_birth;
  base::le64 entries;
  base::le32 key_type_bytes;    // name of the key type, behind the record; 0: raw bytes
  base::le32 value_type_bytes;  // name of the value type, behind that; 0: raw bytes
};
FORMAT_SIZE(TableRecordDisk, 40);
FORMAT_FIELD(TableRecordDisk, root_id, 8);
FORMAT_FIELD(TableRecordDisk, root_birth, 16);
FORMAT_FIELD(TableRecordDisk, entries, 24);
FORMAT_FIELD(TableRecordDisk, key_type_bytes, 32);
FORMAT_FIELD(TableRecordDisk, value_type_bytes, 36);

struct DroppedRecordDisk {
  base::le64 root_id;
  base::le64 root_birth;
};
FORMAT_SIZE(DroppedRecordDisk, 16);
FORMAT_FIELD(DroppedRecordDisk, root_birth, 8);

// With the longest name it lies in a leaf of the smallest page. The free map's birth is not in it: its pages
// are never removed by a reference.
struct SavepointRecordDisk {
  base::le64 txn;
  base::le64 catalog_root_id;
  base::le64 catalog_root_birth;
  base::le64 catalog_entries;
  base::le64 free_map_first;
  base::le64 free_map_checksum;
  base::le64 page_count;
};
FORMAT_SIZE(SavepointRecordDisk, 56);
FORMAT_FIELD(SavepointRecordDisk, catalog_root_id, 8);
FORMAT_FIELD(SavepointRecordDisk, catalog_root_birth, 16);
FORMAT_FIELD(SavepointRecordDisk, catalog_entries, 24);
FORMAT_FIELD(SavepointRecordDisk, free_map_first, 32);
FORMAT_FIELD(SavepointRecordDisk, free_map_checksum, 40);
FORMAT_FIELD(SavepointRecordDisk, page_count, 48);

struct FamilyRecord {
  FamilyId family = {};
  TableId next_table = {};
  TreeRoot tables = {};
};
struct TableRecord {
  TableId table = {};
  TreeRoot tree = {};
  std::string_view key_type = {};  // decoded: views into the value
  std::string_view value_type = {};
};

// A checkpoint whose pages stay, as its meta page stated it.
struct SavepointRecord {
  TxnId txn = {};
  TreeRoot catalog = {};
  ExtentRef free_map = {};  // of page_count bits; its birth is not known
  uint64_t page_count = 0;
};
// Savepoints that there can be at one time.
inline constexpr size_t kSavepointsMax = 16;

// Whether a table of any name may have types of these names: its record has to lie in a leaf.
constexpr bool TypeNamesFit(uint32_t page_size, size_t key_type_bytes, size_t value_type_bytes) {
  return key_type_bytes <= kTypeNameBytesMax && value_type_bytes <= kTypeNameBytesMax &&
         kNameBytesMax + sizeof(TableRecordDisk) + key_type_bytes + value_type_bytes <=
             InlineBytesMax(page_size);
}

FamilyRecordDisk Encode(const FamilyRecord& record);
std::string Encode(const TableRecord& record);
DroppedRecordDisk EncodeDropped(PageRef subtree);
SavepointRecordDisk Encode(const SavepointRecord& record);
// Each checks size, reserved fields and bounds; false if the bytes are no such record.
bool DecodeFamilyRecord(ByteView value, FamilyRecord& out);
bool DecodeTableRecord(ByteView value, TableRecord& out);
bool DecodeDroppedRecord(ByteView value, PageRef& out);
bool DecodeSavepointRecord(ByteView value, SavepointRecord& out);

inline constexpr char kFamilyKey = 'F';
inline constexpr char kDroppedKey = 'D';
inline constexpr char kSavepointKey = 'S';
static_assert(1 + kNameBytesMax + sizeof(SavepointRecordDisk) <= InlineBytesMax(kPageBytesMin));
std::string FamilyKey(ByteView name);
std::string SavepointKey(ByteView name);
std::string DroppedKey(uint64_t number);
// The name (of 1 to kNameBytesMax bytes), the number (up to kNumberReadMax); false if the key is none of
// these.
bool DecodeFamilyKey(ByteView key, std::string_view& name);
bool DecodeSavepointKey(ByteView key, std::string_view& name);
bool DecodeDroppedKey(ByteView key, uint64_t& number);
// A range of names, from `lower` to `upper` (absent: no bound).
struct NameRange {
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};
// The names of the column families whose keys lie between these keys of the catalog; none if there is no room
// for any.
std::optional<NameRange> FamilyNamesIn(const std::optional<std::string>& lower,
                                       const std::optional<std::string>& upper);
// A table's key in its family's tree is its name: 1 to kNameBytesMax bytes.
bool IsTableKey(ByteView key);

}  // namespace manifolddb::format
