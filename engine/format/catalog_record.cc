// The records of the catalog and the table trees to bytes and back.
//
// Their pages are checksummed and their trees walked by identity and birth, so what is refused here was
// forged or miswritten; it is checked because what follows relies on it.

#include "engine/format/catalog_record.h"

#include <bit>
#include <cstring>

#include "engine/base/assert.h"
#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

// A tree without entries has no root, and one without a root no entries.
bool TreePossible(const TreeRoot& tree) {
  if (tree.root.null()) return tree.root.birth == Birth{} && tree.entries == 0;
  return tree.root.birth != Birth{} && tree.entries != 0;
}

template <class Disk>
bool TakeDisk(ByteView value, Disk& disk) {
  if (value.size() != sizeof disk) return false;
  std::memcpy(&disk, value.data(), sizeof disk);
  return true;
}

}  // namespace

FamilyRecordDisk Encode(const FamilyRecord& record) {
  MANIFOLDDB_ASSERT(record.family != FamilyId{} && record.next_table != TableId{});
  MANIFOLDDB_ASSERT(TreePossible(record.tables));
  FamilyRecordDisk disk = {};
  disk.family = record.family.raw();
  disk.next_table = record.next_table.raw();
  disk.tables_root_id = record.tables.root.id.raw();
  disk.tables_root_birth = record.tables.root.birth.raw();
  disk.tables_entries = record.tables.entries;
  return disk;
}

TableRecordDisk Encode(const TableRecord& record) {
  MANIFOLDDB_ASSERT(record.table != TableId{});
  MANIFOLDDB_ASSERT(TreePossible(record.tree));
  TableRecordDisk disk = {};
  disk.table = record.table.raw();
  disk.root_id = record.tree.root.id.raw();
  disk.root_birth = record.tree.root.birth.raw();
  disk.entries = record.tree.entries;
  return disk;
}

DroppedRecordDisk EncodeDropped(PageRef subtree) {
  MANIFOLDDB_ASSERT(!subtree.null() && subtree.birth != Birth{});
  DroppedRecordDisk disk = {};
  disk.root_id = subtree.id.raw();
  disk.root_birth = subtree.birth.raw();
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
  if (record.family == FamilyId{} || record.next_table == TableId{} || !TreePossible(record.tables)) {
    return false;
  }
  if (disk.options != 0) return false;
  out = record;
  return true;
}

bool DecodeTableRecord(ByteView value, TableRecord& out) {
  TableRecordDisk disk;
  if (!TakeDisk(value, disk)) return false;
  const TableRecord record = {.table = TableId{disk.table},
                              .tree = {.root = {.id = PageId{disk.root_id}, .birth = Birth{disk.root_birth}},
                                       .entries = disk.entries}};
  if (record.table == TableId{} || !TreePossible(record.tree)) return false;
  if (disk.key_type != 0 || disk.value_type != 0) return false;
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

std::string FamilyKey(ByteView name) {
  MANIFOLDDB_ASSERT(!name.empty() && name.size() <= kNameBytesMax);
  return std::string(1, kFamilyKey).append(AsText(name));
}

std::string DroppedKey(uint64_t number) {
  std::string key(1, kDroppedKey);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

}  // namespace manifolddb::format
