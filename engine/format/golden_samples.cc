// Samples whose fields all differ, so that two that were swapped show.

#include "engine/format/golden_samples.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <sstream>
#include <string_view>

#include "engine/base/assert.h"
#include "engine/format/page_bitmap.h"
#include "engine/format/page_header.h"
#include "engine/format/redo.h"

namespace manifolddb::format {
namespace {

constexpr size_t kBytesPerLine = 32;

template <class Disk>
std::vector<std::byte> BytesOf(const Disk& disk) {
  const auto bytes = std::as_bytes(std::span(&disk, 1));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> Copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

void AddPages(std::vector<GoldenSample>& out) {
  NodeHeader node;
  node.checksum = 0x0102030405060708;
  node.page_id = 0x1112131415161718;
  node.birth = 0x2122232425262728;
  node.kind = static_cast<uint8_t>(PageKind::kBranch);
  node.level = 3;
  node.cells = 0x3132;
  node.prefix_bytes = 0x4142;
  node.reserved0 = 0;
  node.heap_begin = 0x51525354;
  node.heap_garbage = 0x61626364;
  node.reserved1 = 0;
  out.push_back({"NodeHeader", BytesOf(node)});
  Slot slot;
  slot.cell = 0x0102;
  slot.key_bytes = 0x1112;
  slot.head = 0x21222324;
  out.push_back({"Slot", BytesOf(slot)});
  LeafCell leaf;
  leaf.value_bytes = LeafCell::kExtentBit;
  out.push_back({"LeafCell", BytesOf(leaf)});
  BranchCell branch;
  branch.child_id = 0x0102030405060708;
  branch.child_birth = 0x1112131415161718;
  out.push_back({"BranchCell", BytesOf(branch)});
  const ExtentRef extent = {.first = PageId{0x0102030405060708},
                            .birth = Birth{0x1112131415161718},
                            .bytes = 0x2122232425262728,
                            .checksum = 0x3132333435363738};
  out.push_back({"ExtentRefDisk", BytesOf(Encode(extent))});
  PageBitmap bitmap(20);
  bitmap.Set({PageId{3}, 6});
  bitmap.Set({PageId{19}, 1});
  std::vector<std::byte> bits(bitmap.EncodedBytes());
  bitmap.Encode(bits);
  out.push_back({"PageBitmap", bits});
}

void AddMetaAndLog(std::vector<GoldenSample>& out) {
  std::vector<std::byte> unit(SampleMetaPage().write_unit);
  EncodeMetaPage(SampleMetaPage(), 0x5a, unit);
  out.push_back({"MetaPageDisk", Copy(ByteView(unit).first(sizeof(MetaPageDisk)))});
  unit.resize(SampleLogHeader().write_unit);
  EncodeLogHeader(SampleLogHeader(), unit);
  out.push_back({"LogHeaderDisk", Copy(ByteView(unit).first(sizeof(LogHeaderDisk)))});
  EncodeLogMarker(SampleIdentity(), Life{9}, unit);
  out.push_back({"LogMarkerDisk", Copy(ByteView(unit).first(sizeof(LogMarkerDisk)))});
  out.push_back({"LogRecordDisk", BytesOf(EncodeLogRecord(0x01020304))});

  // Two records, of 3 bytes and of none.
  std::vector<std::byte> group(LogGroupSpan(SampleLogGroup().bytes, 512));
  std::byte* to = group.data() + sizeof(LogGroupDisk);
  const LogRecordDisk first = EncodeLogRecord(3);
  const LogRecordDisk second = EncodeLogRecord(0);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + sizeof first, "abc", 3);
  std::memcpy(to + sizeof first + 3, &second, sizeof second);
  SealLogGroup(SampleLogGroup(), group);
  out.push_back({"LogGroupDisk", Copy(ByteView(group).first(sizeof(LogGroupDisk) + SampleLogGroup().bytes))});
}

void AddCatalog(std::vector<GoldenSample>& out) {
  out.push_back({"FamilyRecordDisk", BytesOf(Encode(SampleFamilyRecord()))});
  out.push_back({"TableRecordDisk", Copy(AsBytes(Encode(SampleTableRecord())))});
  TableRecord bytes = SampleTableRecord();
  bytes.key_type = bytes.value_type = {};
  out.push_back({"TableRecordDisk.bytes", Copy(AsBytes(Encode(bytes)))});
  const PageRef dropped = {.id = PageId{0x0102030405060708}, .birth = Birth{0x1112131415161718}};
  out.push_back({"DroppedRecordDisk", BytesOf(EncodeDropped(dropped))});
  out.push_back({"SavepointRecordDisk", BytesOf(Encode(SampleSavepointRecord()))});
  out.push_back({"FamilyKey", Copy(AsBytes(FamilyKey(AsBytes("names"))))});
  out.push_back({"DroppedKey", Copy(AsBytes(DroppedKey(0x0102030405060708)))});
  out.push_back({"SavepointKey", Copy(AsBytes(SavepointKey(AsBytes("names"))))});
}

void AddBackup(std::vector<GoldenSample>& out) {
  std::vector<std::byte> block(sizeof(BackupBlockDisk) + 3);
  std::memcpy(block.data() + sizeof(BackupBlockDisk), "abc", 3);
  SealBackupBlock({.used = 3,
                   .backup = SampleIdentity(),
                   .number = 0x0102030405060708,
                   .first = 2,
                   .last = true,
                   .leaves = 0x0102030405060700},
                  block);
  out.push_back({"BackupBlockDisk", block});
  BackupItemDisk item = {};
  item.kind = static_cast<uint8_t>(BackupItemKind::kEntry);
  item.bytes = 0x01020304;
  out.push_back({"BackupItemDisk", BytesOf(item)});
  out.push_back({"BackupSnapshotDisk", BytesOf(Encode(SampleBackupSnapshot()))});
  BackupFamilyDisk family = {};
  family.family = 0x0102030405;
  out.push_back({"BackupFamilyDisk", BytesOf(family)});
  const BackupTable table = {.family = FamilyId{0x0102030405},
                             .table = TableId{0x1112131415},
                             .entries = 0x0122232425262728,
                             .name = "table",
                             .key_type = "u64"};
  out.push_back({"BackupTableDisk", BytesOf(Encode(table))});
  const BackupPlace place = {FamilyId{0x0102030405}, TableId{0x1112131415}};
  out.push_back({"BackupPlaceDisk", BytesOf(Encode(place))});
  BackupBoundDisk bound = {};
  bound.present = 1;
  out.push_back({"BackupBoundDisk", BytesOf(bound)});
  BackupEntryDisk entry = {};
  entry.key_bytes = 0x01020304;
  out.push_back({"BackupEntryDisk", BytesOf(entry)});
  const BackupCounts counts = {.ranges = 0x0102030405060708, .entries = 0x1112131415161718};
  out.push_back({"BackupCountsDisk", BytesOf(Encode(counts))});
  BackupLeafDisk leaf = {};
  leaf.birth = 0x0102030405060708;
  leaf.place = 0x1112131415161718;
  out.push_back({"BackupLeafDisk", BytesOf(leaf)});
}

template <class Append>
void AddOperation(std::vector<GoldenSample>& out, const char* name, Append append) {
  base::ByteBuffer redo;
  const Status done = append(redo);
  MANIFOLDDB_ASSERT(done.has_value());
  out.push_back({name, Copy(redo.view())});
}

void AddRedo(std::vector<GoldenSample>& out) {
  using Redo = base::ByteBuffer;
  const FamilyId family{5};
  const TableId table{300};  // two bytes as a varint
  const ByteView key = AsBytes("key");
  const ByteView name = AsBytes("name");
  const std::string text(200, 'v');
  const ByteView value = AsBytes(text);
  AddOperation(out, "kSelect", [&](Redo& redo) { return AppendSelect(redo, family, table); });
  AddOperation(out, "kSelect.largest",
               [&](Redo& redo) { return AppendSelect(redo, FamilyId{~uint64_t{0}}, TableId{1}); });
  AddOperation(out, "kPut", [&](Redo& redo) { return AppendPut(redo, key, value); });
  AddOperation(out, "kPut.empty", [&](Redo& redo) { return AppendPut(redo, {}, {}); });
  AddOperation(out, "kPutExtent", [&](Redo& redo) { return AppendPutExtent(redo, key, value, PageId{300}); });
  AddOperation(out, "kDelete", [&](Redo& redo) { return AppendDelete(redo, key); });
  AddOperation(out, "kDeleteRange", [&](Redo& redo) { return AppendDeleteRange(redo, key, name); });
  AddOperation(out, "kDeleteRange.lower", [&](Redo& redo) { return AppendDeleteRange(redo, key, {}); });
  AddOperation(out, "kDeleteRange.upper", [&](Redo& redo) { return AppendDeleteRange(redo, {}, key); });
  AddOperation(out, "kDeleteRange.all", [&](Redo& redo) { return AppendDeleteRange(redo, {}, {}); });
  AddOperation(out, "kCreateTable",
               [&](Redo& redo) { return AppendCreateTable(redo, family, table, name, {}, {}); });
  AddOperation(out, "kCreateTypedTable",
               [&](Redo& redo) { return AppendCreateTable(redo, family, table, name, "u64", "string"); });
  AddOperation(out, "kDropTable", [&](Redo& redo) { return AppendDropTable(redo, family, table); });
  AddOperation(out, "kRenameTable", [&](Redo& redo) { return AppendRenameTable(redo, family, table, name); });
  AddOperation(out, "kCreateFamily", [&](Redo& redo) { return AppendCreateFamily(redo, family, name); });
  AddOperation(out, "kDropFamily", [&](Redo& redo) { return AppendDropFamily(redo, family); });
  AddOperation(out, "kRenameFamily", [&](Redo& redo) { return AppendRenameFamily(redo, family, name); });
}

}  // namespace

Identity SampleIdentity() {
  Identity identity;
  for (size_t i = 0; i < identity.size(); ++i) identity[i] = static_cast<std::byte>(0xa0 + i);
  return identity;
}

MetaPage SampleMetaPage() {
  return {
      .number = MetaNumber{7},
      .identity = SampleIdentity(),
      .page_size = 8192,
      .write_unit = 4096,
      .life = Life{6},
      .log_life = Life{5},
      .clean = true,
      .copy_order = CopyOrder::kSecond,
      .txn = TxnId{0x0102030405060708},
      .lsn = Lsn{0x1112131415161000},
      .chain = 0x2122232425262728,
      .log_capacity = uint64_t{4} << 20,
      .log_origin = Lsn{0x1112131415160000},
      .catalog = {.root = {.id = PageId{1000}, .birth = Birth{FirstBirth(Life{4}).raw() + 9}}, .entries = 77},
      .free_map = {.first = PageId{1001},
                   .birth = Birth{FirstBirth(Life{6}).raw() + 8},
                   .bytes = 250,
                   .checksum = 0x3132333435363738},
      .page_count = 2000,
      .next_family = FamilyId{12}};
}

LogHeader SampleLogHeader() { return {.write_unit = 4096, .identity = SampleIdentity()}; }

LogGroup SampleLogGroup() {
  return {.checksum = 0,
          .records = 2,
          .bytes = 2 * sizeof(LogRecordDisk) + 3,
          .identity = SampleIdentity(),
          .life = Life{0x010203},
          .lsn = Lsn{0x1112131415161718},
          .first_txn = TxnId{0x2122232425262728},
          .chain = 0x3132333435363738,
          .durable_lsn = Lsn{0x1112131415161700},
          .durable_meta = MetaNumber{0x4142434445464748}};
}

FamilyRecord SampleFamilyRecord() {
  return {.family = FamilyId{0x0102030405},
          .next_table = TableId{0x1112131415},
          .tables = {.root = {.id = PageId{0x2122232425262728}, .birth = Birth{0x3132333435363738}},
                     .entries = 0x0142434445464748}};
}

TableRecord SampleTableRecord() {
  return {.table = TableId{0x0102030405},
          .tree = {.root = {.id = PageId{0x1112131415161718}, .birth = Birth{0x2122232425262728}},
                   .entries = 0x0132333435363738},
          .key_type = "u64",
          .value_type = "string"};
}

SavepointRecord SampleSavepointRecord() {
  return {.txn = TxnId{0x0102030405060708},
          .catalog = {.root = {.id = PageId{0x1112131415161718}, .birth = Birth{0x2122232425262728}},
                      .entries = 0x0132333435363738},
          .free_map = {.first = PageId{0x4142434445464748},
                       .birth = {},
                       .bytes = (0x0162636465666768 + 7) / 8,
                       .checksum = 0x5152535455565758},
          .page_count = 0x0162636465666768};
}

BackupSnapshot SampleBackupSnapshot() {
  BackupSnapshot snapshot = {.identity = SampleIdentity(),
                             .base = SampleIdentity(),
                             .commit = 0x0122232425262728,
                             .base_commit = 0x0132333435363738,
                             .families = 0x4142434445464748,
                             .tables = 0x5152535455565758,
                             .page_size = 8192,
                             .write_unit = 4096};
  std::ranges::reverse(snapshot.base);
  return snapshot;
}

std::vector<GoldenSample> GoldenSamples() {
  std::vector<GoldenSample> samples;
  AddPages(samples);
  AddMetaAndLog(samples);
  AddCatalog(samples);
  AddRedo(samples);
  AddBackup(samples);
  return samples;
}

std::string ToText(const std::vector<GoldenSample>& samples) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "# The bytes on disk of each struct and operation: format version " +
                     std::to_string(kFormatVersion) +
                     ".\n# Written by the target format_golden; a change here is a change of the format.\n";
  for (const GoldenSample& sample : samples) {
    text += "\n= " + sample.name;
    for (size_t i = 0; i < sample.bytes.size(); ++i) {
      if (i % kBytesPerLine == 0) text += '\n';
      const auto byte = static_cast<uint8_t>(sample.bytes[i]);
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    text += '\n';
  }
  return text;
}

std::vector<GoldenSample> FromText(const std::string& text) {
  std::vector<GoldenSample> samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("= ")) {
      samples.push_back({line.substr(2), {}});
      continue;
    }
    MANIFOLDDB_ASSERT(!samples.empty() && line.size() % 2 == 0);
    for (size_t i = 0; i < line.size(); i += 2) {
      samples.back().bytes.push_back(static_cast<std::byte>(std::stoi(line.substr(i, 2), nullptr, 16)));
    }
  }
  return samples;
}

}  // namespace manifolddb::format
