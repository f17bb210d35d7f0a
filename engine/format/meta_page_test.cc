#include "engine/format/meta_page.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/format/golden_samples.h"

namespace manifolddb::format {
namespace {

std::vector<std::byte> Encoded(const MetaPage& meta, uint8_t stamp = 7) {
  std::vector<std::byte> unit(meta.write_unit, std::byte{0xee});
  EncodeMetaPage(meta, stamp, unit);
  return unit;
}

MetaPageDisk DiskOf(const MetaPage& meta) {
  MetaPageDisk disk;
  std::memcpy(&disk, Encoded(meta).data(), sizeof disk);
  return disk;
}

// As a forger would: the checksum matches.
DecodedMeta DecodeForged(MetaPageDisk disk) {
  disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
  return DecodeMetaPage(std::as_bytes(std::span(&disk, 1)));
}

TEST(MetaPage, DecodingGivesBackWhatWasEncodedAndTheUnitIsZeroBehindIt) {
  const std::vector<std::byte> unit = Encoded(SampleMetaPage());
  const DecodedMeta decoded = DecodeMetaPage(unit);
  ASSERT_EQ(decoded.verdict, MetaVerdict::kValid);
  EXPECT_EQ(Encoded(decoded.meta), unit);
  for (size_t i = sizeof(MetaPageDisk); i < unit.size(); ++i) ASSERT_EQ(unit[i], std::byte{0});
}

TEST(MetaPage, TheFirstMetaPageOfAnEmptyDatabaseIsValid) {
  const MetaPage first = {.number = MetaNumber{1},
                          .identity = SampleIdentity(),
                          .page_size = 512,
                          .write_unit = 512,
                          .life = Life{0},
                          .log_life = Life{0},
                          .clean = true,
                          .log_capacity = 8 * 512,
                          .page_count = FirstPage(512, 512).raw(),
                          .next_family = FamilyId{1}};
  EXPECT_EQ(DecodeMetaPage(Encoded(first)).verdict, MetaVerdict::kValid);
}

TEST(MetaPage, AnyChangeOfAnyByteIsSeen) {
  std::vector<std::byte> unit = Encoded(SampleMetaPage());
  for (size_t at = 0; at < sizeof(MetaPageDisk); ++at) {
    for (int change = 1; change < 256; ++change) {
      unit[at] ^= static_cast<std::byte>(change);
      const DecodedMeta decoded = DecodeMetaPage(unit);
      ASSERT_EQ(decoded.verdict, at >= 1 && at < 8 ? MetaVerdict::kNotOurs : MetaVerdict::kDamaged)
          << at << " ^ " << change;
      ASSERT_NE(decoded.why, nullptr);
      unit[at] ^= static_cast<std::byte>(change);
    }
  }
  EXPECT_EQ(DecodeMetaPage(unit).verdict, MetaVerdict::kValid);
}

TEST(MetaPage, EveryTornMixtureOfTwoMetaPagesIsSeen) {
  MetaPage next = SampleMetaPage();
  next.number = MetaNumber{9};
  next.txn = next.txn.next();
  const std::vector<std::byte> older = Encoded(SampleMetaPage(), 7);
  const std::vector<std::byte> newer = Encoded(next, 8);
  for (size_t cut = 1; cut < sizeof(MetaPageDisk); ++cut) {
    std::vector<std::byte> torn = older;
    std::memcpy(torn.data(), newer.data(), cut);
    const bool whole = torn == newer;  // what is left is the same
    ASSERT_EQ(DecodeMetaPage(torn).verdict == MetaVerdict::kValid, whole) << cut;
  }
}

// What is torn on the disk must not read, from a cache, like what it was to replace.
TEST(MetaPage, AWriteThatEndedAfterItsFirstByteIsSeen) {
  const std::vector<std::byte> older = Encoded(SampleMetaPage(), 255);
  const std::vector<std::byte> newer = Encoded(SampleMetaPage(), 0);
  std::vector<std::byte> torn = older;
  torn[0] = newer[0];
  const DecodedMeta decoded = DecodeMetaPage(torn);
  EXPECT_EQ(decoded.verdict, MetaVerdict::kDamaged);
  EXPECT_EQ(decoded.stamp, 0) << "what the next write must not begin with";
  EXPECT_EQ(DecodeMetaPage(older).stamp, 255);
}

TEST(MetaPage, ZerosShortFilesAndOtherProgramsAreNotOurs) {
  const std::vector<std::byte> zeros(4096);
  EXPECT_EQ(DecodeMetaPage(zeros).verdict, MetaVerdict::kNotOurs);
  EXPECT_EQ(DecodeMetaPage({}).verdict, MetaVerdict::kNotOurs);
  EXPECT_EQ(DecodeMetaPage(ByteView(Encoded(SampleMetaPage())).first(255)).verdict, MetaVerdict::kNotOurs);
  std::vector<std::byte> other(4096);
  std::memcpy(other.data(), "SQLite format 3", 16);
  EXPECT_EQ(DecodeMetaPage(other).verdict, MetaVerdict::kNotOurs);
}

TEST(MetaPage, AnIntactPageOfANewerFormatIsNotCalledDamaged) {
  MetaPageDisk disk = DiskOf(SampleMetaPage());
  disk.format_version = kFormatVersion + 1;
  disk.page_size = 12345;  // whatever a later version makes of it
  disk.reserved1[7] = std::byte{1};
  EXPECT_EQ(DecodeForged(disk).verdict, MetaVerdict::kNewerFormat);
  EXPECT_EQ(DecodeMetaPage(std::as_bytes(std::span(&disk, 1))).verdict, MetaVerdict::kDamaged);

  for (int bit = 1; bit < 64; ++bit) {
    disk = DiskOf(SampleMetaPage());
    disk.features = uint64_t{1} << bit;
    EXPECT_EQ(DecodeForged(disk).verdict, MetaVerdict::kNewerFormat) << bit;
  }
}

TEST(MetaPage, SaysByAFeatureThatThereAreSavepoints) {
  MetaPage meta = SampleMetaPage();
  EXPECT_EQ(DiskOf(meta).features, 0u);
  meta.savepoints = true;
  EXPECT_EQ(DiskOf(meta).features, kFeatureSavepoints);
  EXPECT_TRUE(DecodeMetaPage(Encoded(meta)).meta.savepoints);
  EXPECT_FALSE(DecodeMetaPage(Encoded(SampleMetaPage())).meta.savepoints);
}

struct Forgery {
  const char* name;
  std::function<void(MetaPageDisk&)> change;
};

const Forgery kForgeries[] = {
    {"version 0", [](MetaPageDisk& d) { d.format_version = 0; }},
    {"page size 0", [](MetaPageDisk& d) { d.page_size = 0; }},
    {"page size not a power of two", [](MetaPageDisk& d) { d.page_size = 8191; }},
    {"page size too large", [](MetaPageDisk& d) { d.page_size = 131072; }},
    {"page smaller than the write unit", [](MetaPageDisk& d) { d.page_size = 2048; }},
    {"write unit 0", [](MetaPageDisk& d) { d.write_unit = 0; }},
    {"write unit too small", [](MetaPageDisk& d) { d.write_unit = 256; }},
    {"write unit too large", [](MetaPageDisk& d) { d.write_unit = 32768, d.page_size = 65536; }},
    {"write unit not a power of two", [](MetaPageDisk& d) { d.write_unit = 4095; }},
    {"clean flag 2", [](MetaPageDisk& d) { d.clean = 2; }},
    {"copy order 0", [](MetaPageDisk& d) { d.copy_order = 0; }},
    {"copy order 3", [](MetaPageDisk& d) { d.copy_order = 3; }},
    {"reserved0", [](MetaPageDisk& d) { d.reserved0 = 1; }},
    {"reserved1", [](MetaPageDisk& d) { d.reserved1[63] = std::byte{1}; }},
    {"number 0", [](MetaPageDisk& d) { d.number = 0; }},
    {"number without headroom", [](MetaPageDisk& d) { d.number = kNumberReadMax + 1; }},
    {"txn without headroom", [](MetaPageDisk& d) { d.txn = kNumberReadMax + 1; }},
    {"lsn without headroom",
     [](MetaPageDisk& d) { d.lsn = kLsnMax - 8192 + 4096, d.log_origin = kLsnMax - 8192; }},
    {"catalog entries without headroom", [](MetaPageDisk& d) { d.catalog_entries = kNumberReadMax + 1; }},
    {"next family too large", [](MetaPageDisk& d) { d.next_family = kFamilyIdMax + 2; }},
    {"life 0 and not clean", [](MetaPageDisk& d) { d.life = 0, d.log_life = 0, d.clean = 0; }},
    {"life 0 and pages born in one", [](MetaPageDisk& d) { d.life = 0, d.log_life = 0; }},
    {"life too large", [](MetaPageDisk& d) { d.life = kLifeMax + 1; }},
    {"log life 0", [](MetaPageDisk& d) { d.log_life = 0; }},
    {"log life after life", [](MetaPageDisk& d) { d.log_life = 7; }},
    {"lsn off the units", [](MetaPageDisk& d) { d.lsn = d.lsn + 1; }},
    {"lsn before origin", [](MetaPageDisk& d) { d.lsn = d.log_origin - 4096; }},
    {"lsn too large", [](MetaPageDisk& d) { d.lsn = ~uint64_t{4095}; }},
    {"capacity 0", [](MetaPageDisk& d) { d.log_capacity = 0; }},
    {"capacity too small", [](MetaPageDisk& d) { d.log_capacity = 7 * 4096; }},
    {"capacity off the units", [](MetaPageDisk& d) { d.log_capacity = d.log_capacity + 512; }},
    {"capacity too large", [](MetaPageDisk& d) { d.log_capacity = kLogRingBytesMax + 4096; }},
    {"catalog root in the meta area", [](MetaPageDisk& d) { d.catalog_root_id = 1; }},
    {"catalog root behind the file", [](MetaPageDisk& d) { d.catalog_root_id = 2000; }},
    {"catalog root without birth", [](MetaPageDisk& d) { d.catalog_root_birth = 0; }},
    {"catalog root of a later life",
     [](MetaPageDisk& d) { d.catalog_root_birth = FirstBirth(Life{7}).raw(); }},
    {"catalog root without entries", [](MetaPageDisk& d) { d.catalog_entries = 0; }},
    {"catalog entries without root",
     [](MetaPageDisk& d) { d.catalog_root_id = 0, d.catalog_root_birth = 0; }},
    {"free map in the meta area", [](MetaPageDisk& d) { d.free_map.first = 1; }},
    {"free map behind the file", [](MetaPageDisk& d) { d.free_map.first = 2000; }},
    {"free map far behind the file", [](MetaPageDisk& d) { d.free_map.first = ~uint64_t{0}; }},
    {"free map too short", [](MetaPageDisk& d) { d.free_map.bytes = 249; }},
    {"free map too long", [](MetaPageDisk& d) { d.free_map.bytes = ~uint64_t{0}; }},
    {"free map of a later life", [](MetaPageDisk& d) { d.free_map.birth = ~uint64_t{0}; }},
    {"free map without place", [](MetaPageDisk& d) { d.free_map.first = 0; }},
    {"no pages", [](MetaPageDisk& d) { d.page_count = 0; }},
    {"too many pages", [](MetaPageDisk& d) { d.page_count = ~uint64_t{0}; }},
    {"next family 0", [](MetaPageDisk& d) { d.next_family = 0; }},
};

TEST(MetaPage, ImpossibleFieldsAreDamageAlsoBehindAMatchingChecksum) {
  EXPECT_EQ(DecodeForged(DiskOf(SampleMetaPage())).verdict, MetaVerdict::kValid);
  for (const Forgery& forgery : kForgeries) {
    MetaPageDisk disk = DiskOf(SampleMetaPage());
    forgery.change(disk);
    const DecodedMeta decoded = DecodeForged(disk);
    EXPECT_EQ(decoded.verdict, MetaVerdict::kDamaged) << forgery.name;
  }
}

TEST(MetaPage, AFreeMapThatReachesTheLastPageIsValidAndOneFurtherIsNot) {
  MetaPage meta = SampleMetaPage();
  meta.page_count = 2000;
  meta.free_map.first = PageId{1999};
  EXPECT_EQ(DecodeMetaPage(Encoded(meta)).verdict, MetaVerdict::kValid);
  meta.page_count = 100000;
  meta.free_map.bytes = 12500;  // two pages
  meta.free_map.first = PageId{99998};
  MetaPageDisk disk = DiskOf(meta);
  disk.free_map.first = 99999;
  EXPECT_EQ(DecodeForged(disk).verdict, MetaVerdict::kDamaged);
}

// What decoding accepts, encoding accepts too and writes back byte by byte, however it came about.
TEST(MetaPage, RandomForgeriesAreRefusedOrCanonical) {
  std::mt19937_64 random(1);
  const MetaPageDisk sample = DiskOf(SampleMetaPage());
  int valid = 0;
  for (int round = 0; round < 20000; ++round) {
    MetaPageDisk disk = sample;
    auto bytes = std::as_writable_bytes(std::span(&disk, 1));
    for (uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      bytes[16 + random() % (bytes.size() - 16)] = static_cast<std::byte>(random());
    }
    const DecodedMeta decoded = DecodeForged(disk);
    if (decoded.verdict != MetaVerdict::kValid) continue;
    ++valid;
    disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
    const std::vector<std::byte> again = Encoded(decoded.meta);
    ASSERT_EQ(std::memcmp(again.data(), &disk, sizeof disk), 0);
  }
  EXPECT_GT(valid, 100);  // changes of txn, chain, identity are possible pages
}

TEST(MetaPageDeathTest, NobodyWritesWhatWouldBeRefused) {
  MetaPage meta = SampleMetaPage();
  meta.number = MetaNumber{};
  std::vector<std::byte> unit(meta.write_unit);
  EXPECT_DEATH(EncodeMetaPage(meta, 1, unit), "WhyImpossible");
  unit.resize(512);
  EXPECT_DEATH(EncodeMetaPage(SampleMetaPage(), 1, unit), "write_unit");
}

}  // namespace
}  // namespace manifolddb::format
