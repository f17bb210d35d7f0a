#include "engine/format/catalog_record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <vector>

#include "engine/format/golden_samples.h"

namespace manifolddb::format {
namespace {

template <class Disk>
ByteView BytesOf(const Disk& disk) {
  return std::as_bytes(std::span(&disk, 1));
}

TEST(CatalogRecord, FamiliesWithAndWithoutTablesGoThere) {
  FamilyRecord empty = {.family = FamilyId{3}, .next_table = TableId{1}, .tables = {}};
  for (const FamilyRecord& record : {empty, SampleFamilyRecord()}) {
    FamilyRecord out;
    ASSERT_TRUE(DecodeFamilyRecord(BytesOf(Encode(record)), out));
    EXPECT_EQ(out.family, record.family);
    EXPECT_EQ(out.next_table, record.next_table);
    EXPECT_EQ(out.tables, record.tables);
  }
}

TEST(CatalogRecord, TablesWithAndWithoutEntriesGoThere) {
  TableRecord empty = {.table = TableId{3}, .tree = {}};
  for (const TableRecord& record : {empty, SampleTableRecord()}) {
    TableRecord out;
    const std::string value = Encode(record);
    ASSERT_TRUE(DecodeTableRecord(AsBytes(value), out));
    EXPECT_EQ(out.table, record.table);
    EXPECT_EQ(out.tree, record.tree);
    EXPECT_EQ(out.key_type, record.key_type);
    EXPECT_EQ(out.value_type, record.value_type);
  }
}

TEST(CatalogRecord, ImpossibleFamiliesAreRefused) {
  const FamilyRecordDisk good = Encode(SampleFamilyRecord());
  FamilyRecord out;
  const auto refused = [&](auto change) {
    FamilyRecordDisk disk = good;
    change(disk);
    return !DecodeFamilyRecord(BytesOf(disk), out);
  };
  EXPECT_TRUE(refused([](auto& d) { d.family = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.next_table = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.family = kFamilyIdMax + 1; }));
  EXPECT_FALSE(refused([](auto& d) { d.family = kFamilyIdMax; }));
  EXPECT_TRUE(refused([](auto& d) { d.next_table = kTableIdMax + 2; }));
  EXPECT_FALSE(refused([](auto& d) { d.next_table = kTableIdMax + 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.tables_entries = kNumberReadMax + 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.options = 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.tables_root_id = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.tables_root_birth = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.tables_entries = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.tables_root_id = 0, d.tables_root_birth = 0; }));
  EXPECT_FALSE(refused([](auto& d) { d.tables_root_id = 0, d.tables_root_birth = 0, d.tables_entries = 0; }));
  EXPECT_FALSE(DecodeFamilyRecord(BytesOf(good).first(47), out));
  EXPECT_FALSE(DecodeFamilyRecord({}, out));
}

TEST(CatalogRecord, ImpossibleTablesAreRefused) {
  const std::string good = Encode(SampleTableRecord());
  TableRecord out;
  const auto refused = [&](auto change) {
    TableRecordDisk disk;
    std::string value = good;
    std::memcpy(&disk, value.data(), sizeof disk);
    change(disk);
    std::memcpy(value.data(), &disk, sizeof disk);
    return !DecodeTableRecord(AsBytes(value), out);
  };
  EXPECT_TRUE(refused([](auto& d) { d.table = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.table = kTableIdMax + 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.entries = kNumberReadMax + 1; }));
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& d) { d.key_type_bytes = 4; }));
  EXPECT_TRUE(refused([](auto& d) { d.value_type_bytes = 5; }));
  EXPECT_FALSE(refused([](auto& d) { d.key_type_bytes = 9, d.value_type_bytes = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.key_type_bytes = uint32_t{0} - 1, d.value_type_bytes = 10; }));
  EXPECT_TRUE(refused([](auto& d) { d.root_id = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.root_birth = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.entries = 0; }));
  EXPECT_FALSE(DecodeTableRecord(AsBytes(good).first(39), out));
  EXPECT_FALSE(DecodeTableRecord(AsBytes(good).first(good.size() - 1), out));
  EXPECT_FALSE(DecodeTableRecord(AsBytes(good + "x"), out));
}

TEST(CatalogRecord, NamesOfTypesHaveABound) {
  const std::string longest(kTypeNameBytesMax, 't');
  TableRecord record = SampleTableRecord();
  record.key_type = record.value_type = longest;
  std::string value = Encode(record);
  TableRecord out;
  ASSERT_TRUE(DecodeTableRecord(AsBytes(value), out));
  EXPECT_EQ(out.value_type, longest);
  TableRecordDisk disk;
  std::memcpy(&disk, value.data(), sizeof disk);
  disk.key_type_bytes = kTypeNameBytesMax + 1;
  std::memcpy(value.data(), &disk, sizeof disk);
  EXPECT_FALSE(DecodeTableRecord(AsBytes(value + "t"), out));

  EXPECT_TRUE(TypeNamesFit(4096, kTypeNameBytesMax, kTypeNameBytesMax));
  EXPECT_FALSE(TypeNamesFit(4096, kTypeNameBytesMax + 1, 0));
  EXPECT_TRUE(TypeNamesFit(512, 20, 4));
  EXPECT_FALSE(TypeNamesFit(512, 20, 5));
}

TEST(CatalogRecord, ImpossibleDroppedSubtreesAreRefused) {
  const DroppedRecordDisk good = EncodeDropped({.id = PageId{4}, .birth = Birth{5}});
  PageRef out;
  ASSERT_TRUE(DecodeDroppedRecord(BytesOf(good), out));
  EXPECT_EQ(out, (PageRef{.id = PageId{4}, .birth = Birth{5}}));
  DroppedRecordDisk disk = good;
  disk.root_id = 0;
  EXPECT_FALSE(DecodeDroppedRecord(BytesOf(disk), out));
  disk = good;
  disk.root_birth = 0;
  EXPECT_FALSE(DecodeDroppedRecord(BytesOf(disk), out));
  EXPECT_FALSE(DecodeDroppedRecord(BytesOf(good).first(15), out));
}

TEST(CatalogRecord, ImpossibleSavepointsAreRefused) {
  SavepointRecord empty = SampleSavepointRecord();
  empty.catalog = {};
  SavepointRecord out;
  for (const SavepointRecord& record : {empty, SampleSavepointRecord()}) {
    ASSERT_TRUE(DecodeSavepointRecord(BytesOf(Encode(record)), out));
    EXPECT_EQ(out.txn, record.txn);
    EXPECT_EQ(out.catalog, record.catalog);
    EXPECT_EQ(out.free_map, record.free_map);
    EXPECT_EQ(out.page_count, record.page_count);
  }
  const SavepointRecordDisk good = Encode(SampleSavepointRecord());
  const auto refused = [&](auto change) {
    SavepointRecordDisk disk = good;
    change(disk);
    return !DecodeSavepointRecord(BytesOf(disk), out);
  };
  EXPECT_TRUE(refused([](auto& d) { d.txn = kNumberReadMax + 1; }));
  EXPECT_FALSE(refused([](auto& d) { d.txn = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.catalog_root_id = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.catalog_root_birth = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.catalog_entries = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.catalog_entries = kNumberReadMax + 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.free_map_first = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.page_count = 0; }));
  EXPECT_TRUE(refused([](auto& d) { d.page_count = kNumberReadMax + 1; }));
  EXPECT_TRUE(refused([](auto& d) { d.page_count = ~uint64_t{0}; }));
  EXPECT_FALSE(DecodeSavepointRecord(BytesOf(good).first(55), out));
  EXPECT_FALSE(DecodeSavepointRecord({}, out));
}

TEST(CatalogRecord, KeysKeepKindsApartAndDroppedOnesInTheOrderOfTheirNumbers) {
  EXPECT_EQ(FamilyKey(AsBytes("orders")), "Forders");
  EXPECT_EQ(DroppedKey(0x0102), std::string("D\0\0\0\0\0\0\1\2", 9));
  EXPECT_TRUE(Compare(AsBytes(DroppedKey(255)), AsBytes(DroppedKey(256))) < 0);
  EXPECT_TRUE(Compare(AsBytes(DroppedKey(~uint64_t{0})), AsBytes(FamilyKey(AsBytes("a")))) < 0);
}

TEST(CatalogRecord, KeysThatNoEngineWritesAreRefused) {
  std::string_view name;
  ASSERT_TRUE(DecodeFamilyKey(AsBytes("Forders"), name));
  EXPECT_EQ(name, "orders");
  EXPECT_TRUE(DecodeFamilyKey(AsBytes("F" + std::string(64, 'n')), name));
  EXPECT_FALSE(DecodeFamilyKey(AsBytes("F" + std::string(65, 'n')), name));
  EXPECT_FALSE(DecodeFamilyKey(AsBytes("F"), name));
  EXPECT_FALSE(DecodeFamilyKey(AsBytes("Dorders"), name));
  EXPECT_FALSE(DecodeFamilyKey({}, name));
  ASSERT_TRUE(DecodeSavepointKey(AsBytes("Smonday"), name));
  EXPECT_EQ(name, "monday");
  EXPECT_TRUE(DecodeSavepointKey(AsBytes("S" + std::string(64, 'n')), name));
  EXPECT_FALSE(DecodeSavepointKey(AsBytes("S" + std::string(65, 'n')), name));
  EXPECT_FALSE(DecodeSavepointKey(AsBytes("S"), name));
  EXPECT_FALSE(DecodeSavepointKey(AsBytes("Fmonday"), name));
  EXPECT_FALSE(DecodeSavepointKey({}, name));
  uint64_t number = 0;
  ASSERT_TRUE(DecodeDroppedKey(AsBytes(DroppedKey(kNumberReadMax)), number));
  EXPECT_EQ(number, kNumberReadMax);
  EXPECT_FALSE(DecodeDroppedKey(AsBytes(DroppedKey(kNumberReadMax + 1)), number));
  EXPECT_FALSE(DecodeDroppedKey(AsBytes(DroppedKey(1)).first(8), number));
  EXPECT_FALSE(DecodeDroppedKey({}, number));
  EXPECT_TRUE(IsTableKey(AsBytes(std::string(64, 'n'))));
  EXPECT_FALSE(IsTableKey(AsBytes(std::string(65, 'n'))));
  EXPECT_FALSE(IsTableKey({}));
}

TEST(CatalogRecord, ARangeOfKeysHidesTheFamiliesWhoseKeysLieInIt) {
  const auto text = [](const std::optional<std::string>& lower, const std::optional<std::string>& upper) {
    const auto names = FamilyNamesIn(lower, upper);
    return names ? names->lower.value_or("-") + " " + names->upper.value_or("-") : "none";
  };
  EXPECT_EQ(text({}, {}), "- -");
  EXPECT_EQ(text("Fa", "Fm"), "a m");
  EXPECT_EQ(text("D1", "Fm"), "- m");
  EXPECT_EQ(text("Fa", "G"), "a -");
  EXPECT_EQ(text({}, "F"), "none");
  EXPECT_EQ(text({}, "D1"), "none");
  EXPECT_EQ(text("G", {}), "none");
}

}  // namespace
}  // namespace manifolddb::format
