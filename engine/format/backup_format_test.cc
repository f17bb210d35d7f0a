#include "engine/format/backup_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace manifolddb::format {
namespace {

constexpr BackupBlock kBlock{.used = 5, .number = 3, .first = 1};

std::vector<std::byte> Sealed(const BackupBlock& block, const std::string& items = "items") {
  std::vector<std::byte> bytes(sizeof(BackupBlockDisk) + items.size());
  std::memcpy(bytes.data() + sizeof(BackupBlockDisk), items.data(), items.size());
  SealBackupBlock(block, bytes);
  return bytes;
}

template <class Disk>
ByteView BytesOf(const Disk& disk) {
  return std::as_bytes(std::span(&disk, 1));
}

TEST(BackupFormat, ABlockIsReadBack) {
  for (const bool last : {false, true}) {
    BackupBlock block = kBlock;
    block.last = last;
    block.leaves = last ? 2 : 0;
    if (last) block.first.reset();
    const DecodedBackupBlock decoded = DecodeBackupBlock(Sealed(block));
    ASSERT_EQ(decoded.verdict, MetaVerdict::kValid) << decoded.why;
    EXPECT_EQ(decoded.block.used, 5u);
    EXPECT_EQ(decoded.block.number, 3u);
    EXPECT_EQ(decoded.block.first, block.first);
    EXPECT_EQ(decoded.block.last, last);
    EXPECT_EQ(decoded.block.leaves, block.leaves);
  }
}

TEST(BackupFormat, EveryChangedByteAndEveryCutIsNoticed) {
  const std::vector<std::byte> bytes = Sealed(kBlock);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::vector<std::byte> changed = bytes;
    changed[at] ^= std::byte{4};
    EXPECT_NE(DecodeBackupBlock(changed).verdict, MetaVerdict::kValid) << at;
    const DecodedBackupBlock cut = DecodeBackupBlock(ByteView(bytes).first(at));
    EXPECT_NE(cut.verdict, MetaVerdict::kValid) << at;
    EXPECT_TRUE(cut.cut) << at;
  }
  std::vector<std::byte> longer = bytes;
  longer.resize(kBackupBlockBytes);
  EXPECT_EQ(DecodeBackupBlock(longer).verdict, MetaVerdict::kValid);
}

TEST(BackupFormat, ABlockOfANewerVersionIsToldFromDamage) {
  std::vector<std::byte> bytes = Sealed(kBlock);
  BackupBlockDisk disk;
  std::memcpy(&disk, bytes.data(), sizeof disk);
  disk.format_version = kBackupVersion + 1;
  std::memcpy(bytes.data(), &disk, sizeof disk);
  EXPECT_EQ(DecodeBackupBlock(bytes).verdict, MetaVerdict::kDamaged);
}

TEST(BackupFormat, BodiesAreReadBackAndOthersRefused) {
  BackupSnapshot snapshot{.commit = 7, .families = 1, .tables = 2, .page_size = 8192, .write_unit = 4096};
  BackupSnapshot read;
  ASSERT_TRUE(DecodeBackupSnapshot(BytesOf(Encode(snapshot)), read));
  EXPECT_EQ(read.commit, 7u);
  EXPECT_TRUE(read.full());
  EXPECT_FALSE(DecodeBackupSnapshot(BytesOf(Encode(snapshot)).first(71), read));
  snapshot.base_commit = 1;  // without a base
  EXPECT_FALSE(DecodeBackupSnapshot(BytesOf(Encode(snapshot)), read));
  snapshot.base_commit = 0;
  for (const uint32_t page_size : {0u, 4095u, 131072u, 2048u}) {
    snapshot.page_size = page_size;
    EXPECT_FALSE(DecodeBackupSnapshot(BytesOf(Encode(snapshot)), read)) << page_size;
  }

  BackupPlace place;
  const auto place_possible = [&place](uint64_t family, uint64_t table) {
    return DecodeBackupPlace(BytesOf(Encode(BackupPlace{FamilyId{family}, TableId{table}})), place);
  };
  EXPECT_TRUE(place_possible(1, kTableIdMax));
  EXPECT_FALSE(place_possible(0, 1));
  EXPECT_FALSE(place_possible(1, 0));
  EXPECT_FALSE(place_possible(kFamilyIdMax + 1, 1));
  EXPECT_FALSE(place_possible(1, kTableIdMax + 1));
}

TEST(BackupFormat, NamesLieWithinTheirItems) {
  const BackupTable table{
      .family = FamilyId{1}, .table = TableId{2}, .entries = 3, .name = "name", .key_type = "u64"};
  std::string body(AsText(BytesOf(Encode(table))));
  body += "nameu64string";
  BackupTable read;
  ASSERT_TRUE(DecodeBackupTable(AsBytes(body), read));
  EXPECT_EQ(read.name, "name");
  EXPECT_EQ(read.key_type, "u64");
  EXPECT_EQ(read.value_type, "string");
  EXPECT_EQ(read.entries, 3u);
  EXPECT_FALSE(DecodeBackupTable(AsBytes(body.substr(0, body.size() - 7)), read));
  EXPECT_FALSE(DecodeBackupTable(AsBytes(body + std::string(300, 's')), read));

  const std::string entry = std::string("\3\0\0\0", 4) + "keyvalue";
  BackupEntry of_entry;
  ASSERT_TRUE(DecodeBackupEntry(AsBytes(entry), of_entry));
  EXPECT_EQ(AsText(of_entry.key), "key");
  EXPECT_EQ(AsText(of_entry.value), "value");
  EXPECT_FALSE(DecodeBackupEntry(AsBytes(entry.substr(0, 6)), of_entry));

  std::optional<ByteView> bound;
  ASSERT_TRUE(DecodeBackupBound(AsBytes("\1key"), bound));
  EXPECT_EQ(AsText(*bound), "key");
  ASSERT_TRUE(DecodeBackupBound(AsBytes(std::string_view("\0", 1)), bound));
  EXPECT_FALSE(bound);
  EXPECT_FALSE(DecodeBackupBound(AsBytes(std::string_view("\0key", 4)), bound));
  EXPECT_FALSE(DecodeBackupBound(AsBytes("\2key"), bound));
  EXPECT_FALSE(DecodeBackupBound({}, bound));
}

}  // namespace
}  // namespace manifolddb::format
