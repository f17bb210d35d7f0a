#include "engine/format/log_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/format/golden_samples.h"

namespace manifolddb::format {
namespace {

std::vector<std::byte> EncodedHeader() {
  std::vector<std::byte> unit(SampleLogHeader().write_unit, std::byte{0xee});
  EncodeLogHeader(SampleLogHeader(), unit);
  return unit;
}

DecodedLogHeader DecodeForged(std::function<void(LogHeaderDisk&)> change) {
  LogHeaderDisk disk;
  std::memcpy(&disk, EncodedHeader().data(), sizeof disk);
  change(disk);
  disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
  return DecodeLogHeader(std::as_bytes(std::span(&disk, 1)));
}

// One record of `bytes` operation bytes, sealed in units of 512.
std::vector<std::byte> SealedGroup(uint64_t bytes) {
  LogGroup header = SampleLogGroup();
  header.records = 1;
  header.bytes = sizeof(LogRecordDisk) + bytes;
  std::vector<std::byte> group(LogGroupSpan(header.bytes, 512), std::byte{0xee});
  const LogRecordDisk record = EncodeLogRecord(bytes);
  std::memcpy(group.data() + sizeof(LogGroupDisk), &record, sizeof record);
  SealLogGroup(header, group);
  return group;
}

TEST(LogHeader, AnyChangeOfAnyByteIsSeen) {
  std::vector<std::byte> unit = EncodedHeader();
  ASSERT_EQ(DecodeLogHeader(unit).verdict, MetaVerdict::kValid);
  for (size_t at = 0; at < sizeof(LogHeaderDisk); ++at) {
    for (int change = 1; change < 256; ++change) {
      unit[at] ^= static_cast<std::byte>(change);
      const DecodedLogHeader decoded = DecodeLogHeader(unit);
      ASSERT_EQ(decoded.verdict, at < 8 ? MetaVerdict::kNotOurs : MetaVerdict::kDamaged)
          << at << " ^ " << change;
      ASSERT_NE(decoded.why, nullptr);
      unit[at] ^= static_cast<std::byte>(change);
    }
  }
}

TEST(LogHeader, ForgedFieldsAreRefusedAndANewerFormatIsNamed) {
  EXPECT_EQ(DecodeForged([](LogHeaderDisk&) {}).verdict, MetaVerdict::kValid);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.format_version = kFormatVersion + 1; }).verdict,
            MetaVerdict::kNewerFormat);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.format_version = 0; }).verdict, MetaVerdict::kDamaged);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.write_unit = 0; }).verdict, MetaVerdict::kDamaged);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.write_unit = 1000; }).verdict, MetaVerdict::kDamaged);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.write_unit = 32768; }).verdict, MetaVerdict::kDamaged);
  EXPECT_EQ(DecodeForged([](LogHeaderDisk& d) { d.reserved[23] = std::byte{1}; }).verdict,
            MetaVerdict::kDamaged);
  EXPECT_EQ(DecodeLogHeader(ByteView(EncodedHeader()).first(63)).verdict, MetaVerdict::kNotOurs);
  EXPECT_EQ(DecodeLogHeader({}).verdict, MetaVerdict::kNotOurs);
}

TEST(LogMarker, IsValidForItsDatabaseOnlyAndNotWhenAnyByteChanged) {
  std::vector<std::byte> unit(512, std::byte{0xee});
  EncodeLogMarker(SampleIdentity(), Life{5}, unit);
  EXPECT_EQ(DecodeLogMarker(unit, SampleIdentity()), Life{5});
  EXPECT_FALSE(DecodeLogMarker(unit, Identity{}));
  EXPECT_FALSE(DecodeLogMarker(ByteView(unit).first(39), SampleIdentity()));
  EXPECT_FALSE(DecodeLogMarker(std::vector<std::byte>(512), SampleIdentity()));
  for (size_t at = 0; at < sizeof(LogMarkerDisk); ++at) {
    for (int change = 1; change < 256; ++change) {
      unit[at] ^= static_cast<std::byte>(change);
      ASSERT_FALSE(DecodeLogMarker(unit, SampleIdentity())) << at << " ^ " << change;
      unit[at] ^= static_cast<std::byte>(change);
    }
  }
}

TEST(LogGroup, AnyChangeOfHeaderOrRecordsIsSeenAndPaddingCountsForNothing) {
  std::vector<std::byte> group = SealedGroup(460);  // 468 of 512 + 44 used
  const size_t used = sizeof(LogGroupDisk) + sizeof(LogRecordDisk) + 460;
  ASSERT_EQ(group.size(), 1024u);
  ASSERT_TRUE(LogGroupIntact(group));
  for (size_t at = 0; at < group.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      group[at] ^= static_cast<std::byte>(change);
      ASSERT_EQ(LogGroupIntact(group), at >= used) << at << " ^ " << change;
      group[at] ^= static_cast<std::byte>(change);
    }
  }
  for (size_t at = used; at < group.size(); ++at) ASSERT_EQ(group[at], std::byte{0});
}

TEST(LogGroup, IsNotIntactWithoutItsLastByte) {
  const std::vector<std::byte> group = SealedGroup(460);
  const size_t used = sizeof(LogGroupDisk) + sizeof(LogRecordDisk) + 460;
  EXPECT_TRUE(LogGroupIntact(ByteView(group).first(used)));
  for (size_t size = 0; size < used; ++size) {
    ASSERT_FALSE(LogGroupIntact(ByteView(group).first(size))) << size;
  }
}

TEST(LogGroup, TheChecksumDependsOnEveryFieldOfTheHeader) {
  std::vector<uint64_t> checksums;
  const std::function<void(LogGroup&)> changes[] = {
      [](LogGroup&) {},
      [](LogGroup& g) { g.records = 1; },
      [](LogGroup& g) { g.bytes += 1; },
      [](LogGroup& g) { g.identity[15] ^= std::byte{1}; },
      [](LogGroup& g) { g.life = g.life.next(); },
      [](LogGroup& g) { g.lsn = g.lsn.next(); },
      [](LogGroup& g) { g.first_txn = g.first_txn.next(); },
      [](LogGroup& g) { g.chain += 1; },
      [](LogGroup& g) { g.durable_lsn = g.durable_lsn.next(); },
      [](LogGroup& g) { g.durable_meta = g.durable_meta.next(); },
  };
  for (const auto& change : changes) {
    LogGroup header = SampleLogGroup();
    change(header);
    std::vector<std::byte> group(512);
    checksums.push_back(SealLogGroup(header, group));
  }
  for (size_t i = 0; i < checksums.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(checksums[i], checksums[j]) << i << " and " << j;
  }
}

TEST(LogGroup, HeadersThatCannotBeAreNotRead) {
  const std::vector<std::byte> good = SealedGroup(10);
  const std::function<void(LogGroupDisk&)> changes[] = {
      [](LogGroupDisk& d) { d.magic = 0; },
      [](LogGroupDisk& d) { d.records = 0; },
      [](LogGroupDisk& d) { d.records = 4; },  // four headers are more than 18 bytes
      [](LogGroupDisk& d) { d.bytes = 0; },
      [](LogGroupDisk& d) { d.bytes = ~uint64_t{0}; },
      [](LogGroupDisk& d) { d.bytes = kLogGroupBytesMax - sizeof(LogGroupDisk) + 1; },
      [](LogGroupDisk& d) { d.life = 0; },
      [](LogGroupDisk& d) { d.life = kLifeMax + 1; },
      [](LogGroupDisk& d) { d.lsn = kLsnMax + 1; },
      [](LogGroupDisk& d) { d.first_txn = kNumberMax + 1; },
      [](LogGroupDisk& d) { d.first_txn = 0; },
  };
  LogGroup out;
  ASSERT_TRUE(DecodeLogGroupHeader(good, out));
  EXPECT_FALSE(DecodeLogGroupHeader(ByteView(good).first(sizeof(LogGroupDisk) - 1), out));
  for (size_t i = 0; i < std::size(changes); ++i) {
    LogGroupDisk disk;
    std::memcpy(&disk, good.data(), sizeof disk);
    changes[i](disk);
    EXPECT_FALSE(DecodeLogGroupHeader(std::as_bytes(std::span(&disk, 1)), out)) << i;
  }
}

TEST(LogGroup, TheLargestGroupHasASpanWithinTheLimit) {
  for (const uint32_t unit : {512u, 4096u, 16384u}) {
    EXPECT_EQ(LogGroupSpan(kLogGroupBytesMax - sizeof(LogGroupDisk), unit), kLogGroupBytesMax);
    EXPECT_EQ(LogGroupSpan(sizeof(LogRecordDisk), unit), unit);
    EXPECT_EQ(LogGroupSpan(unit - sizeof(LogGroupDisk), unit), unit);
    EXPECT_EQ(LogGroupSpan(unit - sizeof(LogGroupDisk) + 1, unit), 2 * unit);
  }
}

TEST(LogRecord, RecordsComeOffOneByOneAndNeverReachBeyondTheGroup) {
  std::vector<std::byte> bytes;
  for (const uint32_t size : {3u, 0u, 5u}) {
    const LogRecordDisk record = EncodeLogRecord(size);
    const auto header = std::as_bytes(std::span(&record, 1));
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.insert(bytes.end(), size, std::byte{'x'});
  }
  ByteView rest = bytes;
  for (const size_t size : {3, 0, 5}) {
    const auto record = TakeLogRecord(rest);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->size(), size);
  }
  EXPECT_TRUE(rest.empty());
  for (size_t cut = 1; cut < 13; ++cut) {
    ByteView last = ByteView(bytes).subspan(19).first(cut);
    EXPECT_FALSE(TakeLogRecord(last)) << cut;
  }
  bytes[4] = std::byte{1};  // reserved
  rest = bytes;
  EXPECT_FALSE(TakeLogRecord(rest));
}

}  // namespace
}  // namespace manifolddb::format
