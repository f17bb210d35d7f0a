// The bytes on disk are what they were: encoding still produces the golden file, and decoding still reads it.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "engine/format/golden_samples.h"
#include "engine/format/page_bitmap.h"
#include "engine/format/redo.h"

namespace manifolddb::format {
namespace {

std::string GoldenText() {
  std::ifstream file(MANIFOLDDB_GOLDEN_FILE, std::ios::binary);
  EXPECT_TRUE(file.good()) << MANIFOLDDB_GOLDEN_FILE;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::byte> Golden(const std::string& name) {
  for (const GoldenSample& sample : FromText(GoldenText())) {
    if (sample.name == name) return sample.bytes;
  }
  ADD_FAILURE() << "no golden bytes for " << name;
  return {};
}

TEST(Golden, EveryStructAndOperationEncodesToTheBytesItAlwaysDid) {
  const std::vector<GoldenSample> golden = FromText(GoldenText());
  const std::vector<GoldenSample> now = GoldenSamples();
  ASSERT_EQ(golden.size(), now.size()) << "added or removed on purpose? then build format_golden";
  for (size_t i = 0; i < now.size(); ++i) {
    EXPECT_EQ(golden[i].name, now[i].name);
    EXPECT_EQ(golden[i].bytes, now[i].bytes) << now[i].name << " changed on disk";
  }
  EXPECT_EQ(GoldenText(), ToText(now));
}

TEST(Golden, ThereIsASampleOfEveryRedoOperation) {
  std::set<RedoKind> kinds;
  for (const GoldenSample& sample : FromText(GoldenText())) {
    if (!sample.name.starts_with('k')) continue;
    base::ByteBuffer record;
    ASSERT_TRUE(AppendSelect(record, FamilyId{1}, TableId{1}));
    ASSERT_TRUE(record.Append(sample.bytes));
    RedoReader reader(record.view());
    ASSERT_TRUE(reader.Next());
    const auto operation = reader.Next();
    ASSERT_TRUE(operation) << sample.name << ": " << reader.why();
    EXPECT_TRUE(reader.done()) << sample.name;
    kinds.insert(operation->kind);
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(RedoKind::kCreateTypedTable));
}

TEST(Golden, TheMetaPageOfThisVersionStaysReadable) {
  std::vector<std::byte> unit = Golden("MetaPageDisk");
  const DecodedMeta decoded = DecodeMetaPage(unit);
  ASSERT_EQ(decoded.verdict, MetaVerdict::kValid) << decoded.why;
  const MetaPage wanted = SampleMetaPage();
  EXPECT_EQ(decoded.meta.number, wanted.number);
  EXPECT_EQ(decoded.meta.identity, wanted.identity);
  EXPECT_EQ(decoded.meta.page_size, wanted.page_size);
  EXPECT_EQ(decoded.meta.write_unit, wanted.write_unit);
  EXPECT_EQ(decoded.meta.life, wanted.life);
  EXPECT_EQ(decoded.meta.log_life, wanted.log_life);
  EXPECT_EQ(decoded.meta.clean, wanted.clean);
  EXPECT_EQ(decoded.meta.copy_order, wanted.copy_order);
  EXPECT_EQ(decoded.meta.txn, wanted.txn);
  EXPECT_EQ(decoded.meta.lsn, wanted.lsn);
  EXPECT_EQ(decoded.meta.chain, wanted.chain);
  EXPECT_EQ(decoded.meta.log_capacity, wanted.log_capacity);
  EXPECT_EQ(decoded.meta.log_origin, wanted.log_origin);
  EXPECT_EQ(decoded.meta.catalog, wanted.catalog);
  EXPECT_EQ(decoded.meta.free_map, wanted.free_map);
  EXPECT_EQ(decoded.meta.page_count, wanted.page_count);
  EXPECT_EQ(decoded.meta.next_family, wanted.next_family);
}

TEST(Golden, TheLogOfThisVersionStaysReadable) {
  const DecodedLogHeader header = DecodeLogHeader(Golden("LogHeaderDisk"));
  ASSERT_EQ(header.verdict, MetaVerdict::kValid) << header.why;
  EXPECT_EQ(header.header.write_unit, SampleLogHeader().write_unit);
  EXPECT_EQ(header.header.identity, SampleIdentity());
  EXPECT_EQ(DecodeLogMarker(Golden("LogMarkerDisk"), SampleIdentity()), Life{9});

  const std::vector<std::byte> bytes = Golden("LogGroupDisk");
  ASSERT_TRUE(LogGroupIntact(bytes));
  LogGroup group;
  ASSERT_TRUE(DecodeLogGroupHeader(bytes, group));
  const LogGroup wanted = SampleLogGroup();
  EXPECT_EQ(group.records, wanted.records);
  EXPECT_EQ(group.bytes, wanted.bytes);
  EXPECT_EQ(group.identity, wanted.identity);
  EXPECT_EQ(group.life, wanted.life);
  EXPECT_EQ(group.lsn, wanted.lsn);
  EXPECT_EQ(group.first_txn, wanted.first_txn);
  EXPECT_EQ(group.chain, wanted.chain);
  EXPECT_EQ(group.durable_lsn, wanted.durable_lsn);
  EXPECT_EQ(group.durable_meta, wanted.durable_meta);
  ByteView records = ByteView(bytes).subspan(sizeof(LogGroupDisk));
  const auto first = TakeLogRecord(records);
  ASSERT_TRUE(first);
  EXPECT_EQ(AsText(*first), "abc");
  const auto second = TakeLogRecord(records);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->empty());
  EXPECT_TRUE(records.empty());
}

TEST(Golden, TheCatalogOfThisVersionStaysReadable) {
  FamilyRecord family;
  ASSERT_TRUE(DecodeFamilyRecord(Golden("FamilyRecordDisk"), family));
  EXPECT_EQ(family.family, SampleFamilyRecord().family);
  EXPECT_EQ(family.next_table, SampleFamilyRecord().next_table);
  EXPECT_EQ(family.tables, SampleFamilyRecord().tables);
  TableRecord table;  // views into the bytes
  const std::vector<std::byte> typed = Golden("TableRecordDisk");
  ASSERT_TRUE(DecodeTableRecord(typed, table));
  EXPECT_EQ(table.table, SampleTableRecord().table);
  EXPECT_EQ(table.tree, SampleTableRecord().tree);
  EXPECT_EQ(table.key_type, "u64");
  EXPECT_EQ(table.value_type, "string");
  const std::vector<std::byte> untyped = Golden("TableRecordDisk.bytes");
  ASSERT_TRUE(DecodeTableRecord(untyped, table));
  EXPECT_TRUE(table.key_type.empty() && table.value_type.empty());
  PageRef dropped;
  ASSERT_TRUE(DecodeDroppedRecord(Golden("DroppedRecordDisk"), dropped));
  EXPECT_EQ(dropped.id, PageId{0x0102030405060708});
  EXPECT_EQ(dropped.birth, Birth{0x1112131415161718});
  EXPECT_EQ(PageBitmap::Decode(Golden("PageBitmap"), 20).CountSet(), 7u);
}

TEST(Golden, ABackupOfThisVersionStaysReadable) {
  const DecodedBackupBlock decoded = DecodeBackupBlock(Golden("BackupBlockDisk"));
  ASSERT_EQ(decoded.verdict, MetaVerdict::kValid) << decoded.why;
  EXPECT_EQ(decoded.block.used, 3u);
  EXPECT_EQ(decoded.block.backup, SampleIdentity());
  EXPECT_EQ(decoded.block.number, 0x0102030405060708u);
  EXPECT_EQ(decoded.block.first, 2u);
  EXPECT_TRUE(decoded.block.last);
  EXPECT_EQ(decoded.block.leaves, 0x0102030405060700u);
  BackupSnapshot snapshot;
  ASSERT_TRUE(DecodeBackupSnapshot(Golden("BackupSnapshotDisk"), snapshot));
  EXPECT_EQ(snapshot.identity, SampleBackupSnapshot().identity);
  EXPECT_EQ(snapshot.base, SampleBackupSnapshot().base);
  EXPECT_EQ(snapshot.commit, SampleBackupSnapshot().commit);
  EXPECT_EQ(snapshot.base_commit, SampleBackupSnapshot().base_commit);
  EXPECT_EQ(snapshot.families, SampleBackupSnapshot().families);
  EXPECT_EQ(snapshot.tables, SampleBackupSnapshot().tables);
  EXPECT_EQ(snapshot.page_size, 8192u);
  EXPECT_EQ(snapshot.write_unit, 4096u);
  BackupPlace place;
  ASSERT_TRUE(DecodeBackupPlace(Golden("BackupPlaceDisk"), place));
  EXPECT_EQ(place, (BackupPlace{FamilyId{0x0102030405}, TableId{0x1112131415}}));
  BackupCounts counts;
  ASSERT_TRUE(DecodeBackupCounts(Golden("BackupCountsDisk"), counts));
  EXPECT_EQ(counts, (BackupCounts{0x0102030405060708, 0x1112131415161718}));
}

}  // namespace
}  // namespace manifolddb::format
