// The records of the catalog and the table trees to bytes and back.
//
// Their pages are checksummed and their trees walked by identity and birth, so what is refused here was
// forged or miswritten; it is checked because what follows relies on it.

#include "engine/format/catalog_record.h"

#include <bit>
#include <cstring>
#include <span>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

// A tree without entries has no root, and one without a root no entries. `entries_max`: what is read is
// bounded more narrowly than what is written, see kNumberMax.
bool TreePossible(const TreeRoot& tree, uint64_t entries_max) {
  if (tree.root.null()) {
    return (tree.root.birth == Birth{} && tree.entries == 0) || MANIFOLDDB_BROKEN("decode.catalog.no_root");
  }
  return tree.root.birth != Birth{} && tree.entries != 0 && tree.entries <= entries_max;
}

bool FamilyPossible(const FamilyRecord& record, uint64_t entries_max) {
  return record.family != FamilyId{} && record.family.raw() <= kFamilyIdMax &&
         record.next_table != TableId{} && record.next_table.raw() <= kTableIdMax + 1 &&
         TreePossible(record.tables, entries_max);
}

bool TablePossible(const TableRecord& record, uint64_t entries_max) {
  return record.table != TableId{} && record.table.raw() <= kTableIdMax &&
         TreePossible(record.tree, entries_max);
}

// Where in the file its references may lead is for whoever knows the file.
bool SavepointPossible(const SavepointRecord& record, uint64_t number_max) {
  return record.txn.raw() <= number_max && record.page_count > 0 && record.page_count <= kNumberReadMax &&
         !record.free_map.null() && record.free_map.bytes == (record.page_count + 7) / 8 &&
         record.free_map.birth == Birth{} && TreePossible(record.catalog, number_max);
}

template <class Disk>
bool TakeDisk(ByteView value, Disk& disk) {
  if (value.size() != sizeof disk) return false;
  std::memcpy(&disk, value.data(), sizeof disk);
  return true;
}

}  // namespace

FamilyRecordDisk Encode(const FamilyRecord& record) {
  MANIFOLDDB_ASSERT(FamilyPossible(record, kNumberMax));
  FamilyRecordDisk disk = {};
  disk.family = record.family.raw();
  disk.next_table = record.next_table.raw();
  disk.tables_root_id = record.tables.root.id.raw();
  disk.tables_root_birth = record.tables.root.birth.raw();
  disk.tables_entries = record.tables.entries;
  return disk;
}

std::string Encode(const TableRecord& record) {
  MANIFOLDDB_ASSERT(TablePossible(record, kNumberMax));
  MANIFOLDDB_ASSERT(record.key_type.size() <= kTypeNameBytesMax);
  MANIFOLDDB_ASSERT(record.value_type.size() <= kTypeNameBytesMax);
  TableRecordDisk disk = {};
  disk.table = record.table.raw();
  disk.root_id = record.tree.root.id.raw();
  disk.root_birth = record.tree.root.birth.raw();
  disk.entries = record.tree.entries;
  disk.key_type_bytes = static_cast<uint32_t>(record.key_type.size());
  disk.value_type_bytes = static_cast<uint32_t>(record.value_type.size());
  std::string value(AsText(std::as_bytes(std::span(&disk, 1))));
  return value.append(record.key_type).append(record.value_type);
}

DroppedRecordDisk EncodeDropped(PageRef subtree) {
  MANIFOLDDB_ASSERT(!subtree.null() && subtree.birth != Birth{});
  DroppedRecordDisk disk = {};
  disk.root_id = subtree.id.raw();
  disk.root_birth = subtree.birth.raw();
  return disk;
}

SavepointRecordDisk Encode(const SavepointRecord& record) {
  MANIFOLDDB_ASSERT(SavepointPossible(record, kNumberMax));
  SavepointRecordDisk disk = {};
  disk.txn = record.txn.raw();
  disk.catalog_root_id = record.catalog.root.id.raw();
  disk.catalog_root_birth = record.catalog.root.birth.raw();
  disk.catalog_entries = record.catalog.entries;
  disk.free_map_first = record.free_map.first.raw();
  disk.free_map_checksum = record.free_map.checksum;
  disk.page_count = record.page_count;
  return disk;
}

bool DecodeFamilyRecord(ByteView value, FamilyRecord& out) {
  FamilyRecordDisk disk;
  if (!TakeDisk(value, disk)) return false;
  const FamilyRecord record = {
      .family = FamilyId{disk.family},
      .next_table = TableId{disk.next_table},
      .tables = {.root = {.id = PageId{disk.tables_root_id}, .birth = Birth{disk.tables_root_birth}},
                 .entries = disk.tables_entries}};
  if (!FamilyPossible(record, kNumberReadMax)) return false;
  if (disk.options != 0 && !MANIFOLDDB_BROKEN("decode.catalog.options")) return false;
  out = record;
  return true;
}

bool DecodeTableRecord(ByteView value, TableRecord& out) {
  TableRecordDisk disk;
  if (value.size() < sizeof disk || !TakeDisk(value.first(sizeof disk), disk)) return false;
  const uint32_t key_bytes = disk.key_type_bytes;
  const uint32_t value_bytes = disk.value_type_bytes;
  if (key_bytes > kTypeNameBytesMax || value_bytes > kTypeNameBytesMax) return false;
  const std::string_view names = AsText(value.subspan(sizeof disk));
  if (names.size() != key_bytes + value_bytes) return false;
  const TableRecord record = {.table = TableId{disk.table},
                              .tree = {.root = {.id = PageId{disk.root_id}, .birth = Birth{disk.root_birth}},
                                       .entries = disk.entries},
                              .key_type = names.substr(0, key_bytes),
                              .value_type = names.substr(key_bytes)};
  if (!TablePossible(record, kNumberReadMax)) return false;
  out = record;
  return true;
}

bool DecodeDroppedRecord(ByteView value, PageRef& out) {
  DroppedRecordDisk disk;
  if (!TakeDisk(value, disk)) return false;
  if (disk.root_id == 0 || disk.root_birth == 0) return false;
  out = {.id = PageId{disk.root_id}, .birth = Birth{disk.root_birth}};
  return true;
}

bool DecodeSavepointRecord(ByteView value, SavepointRecord& out) {
  SavepointRecordDisk disk;
  if (!TakeDisk(value, disk)) return false;
  const uint64_t pages = disk.page_count;
  if (pages > kNumberReadMax) return false;
  const SavepointRecord record = {
      .txn = TxnId{disk.txn},
      .catalog = {.root = {.id = PageId{disk.catalog_root_id}, .birth = Birth{disk.catalog_root_birth}},
                  .entries = disk.catalog_entries},
      .free_map = {.first = PageId{disk.free_map_first},
                   .birth = {},
                   .bytes = (pages + 7) / 8,
                   .checksum = disk.free_map_checksum},
      .page_count = pages};
  if (!SavepointPossible(record, kNumberReadMax)) return false;
  out = record;
  return true;
}

std::string FamilyKey(ByteView name) {
  MANIFOLDDB_ASSERT(!name.empty() && name.size() <= kNameBytesMax);
  return std::string(1, kFamilyKey).append(AsText(name));
}

std::string SavepointKey(ByteView name) {
  MANIFOLDDB_ASSERT(!name.empty() && name.size() <= kNameBytesMax);
  return std::string(1, kSavepointKey).append(AsText(name));
}

std::string DroppedKey(uint64_t number) {
  std::string key(1, kDroppedKey);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

bool DecodeFamilyKey(ByteView key, std::string_view& name) {
  if (key.size() < 2 || key.size() > 1 + kNameBytesMax || static_cast<char>(key[0]) != kFamilyKey)
    return false;
  name = AsText(key.subspan(1));
  return true;
}

bool DecodeSavepointKey(ByteView key, std::string_view& name) {
  if (key.size() < 2 || key.size() > 1 + kNameBytesMax || static_cast<char>(key[0]) != kSavepointKey)
    return false;
  name = AsText(key.subspan(1));
  return true;
}

bool DecodeDroppedKey(ByteView key, uint64_t& number) {
  if (key.size() != 1 + sizeof number || static_cast<char>(key[0]) != kDroppedKey) return false;
  number = 0;
  for (size_t i = 1; i < key.size(); ++i) number = number << 8 | static_cast<uint64_t>(key[i]);
  return number <= kNumberReadMax || MANIFOLDDB_BROKEN("decode.catalog.dropped_number");
}

std::optional<NameRange> FamilyNamesIn(const std::optional<std::string>& lower,
                                       const std::optional<std::string>& upper) {
  const std::string low(1, kFamilyKey);  // before every family's key
  const std::string high(1, kFamilyKey + 1);
  if ((lower && *lower >= high) || (upper && *upper <= low)) return std::nullopt;
  NameRange names;
  if (lower && *lower > low) names.lower = lower->substr(1);
  if (upper && *upper < high) names.upper = upper->substr(1);
  return names;
}

bool IsTableKey(ByteView key) { return !key.empty() && key.size() <= kNameBytesMax; }

}  // namespace manifolddb::format
