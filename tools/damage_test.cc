// Each byte that a database owns is covered: wherever one is changed, opening or verify says so, and a byte
// that nobody owns is of no effect (G7). Everything is read from real files, as the tool does it.

#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "engine/format/page_bitmap.h"
#include "engine/format/page_header.h"
#include "tools/test_database.h"

namespace manifolddb::tools {
namespace {

using format::PageId;

constexpr uint32_t kPage = 512;

// What looking at a database came to.
struct Look {
  bool reported = false;       // by opening or by verify
  std::set<uint64_t> offsets;  // where
  std::map<std::string, std::string> contents;
};

std::map<std::string, std::string> Contents(Database& database) {
  std::map<std::string, std::string> all;
  auto snapshot = database.BeginRead();
  const std::vector<std::string> families = *snapshot->ListColumnFamilies();
  for (const std::string& family : families) {
    const ColumnFamily handle = *snapshot->OpenColumnFamily(family);
    const std::vector<std::string> names = *snapshot->ListTables(handle);
    for (const std::string& name : names) {
      auto table = snapshot->OpenTable(handle, name);
      auto cursor = table->NewCursor();
      for (auto more = cursor->First(); *more; more = cursor->Next()) {
        const std::string key = family + "/" + name + "/" + std::string(AsText(cursor->key()));
        all[key] = std::string(AsText(*cursor->value()));
      }
    }
  }
  return all;
}

Look LookAt(const std::string& path) {
  Look look;
  Options options = SmallOptions();
  options.page_size = 0;
  options.read_only = true;
  const auto database = Database::Open(path, options);
  if (!database) {
    EXPECT_TRUE(database.error().code() == Errc::kCorrupt || database.error().code() == Errc::kTruncated)
        << database.error().ToString();
    look.reported = true;
    look.offsets.insert(database.error().offset());
    return look;
  }
  const auto report = (*database)->Verify();
  if (!report) {
    EXPECT_EQ(report.error().code(), Errc::kCorrupt) << report.error().ToString();
    look.reported = true;
    look.offsets.insert(report.error().offset());
    return look;
  }
  look.reported = !report->ok();
  for (const auto& problem : report->problems) look.offsets.insert(problem.offset);
  if (!look.reported) look.contents = Contents(**database);
  return look;
}

class DamageTest : public testing::Test {
 protected:
  void SetUp() override {
    MakeSample(path_);
    Load();
  }
  void Load() {
    data_ = ReadBytes(path_);
    log_ = ReadBytes(path_ + "-wal");
    whole_ = LookAt(path_);
    ASSERT_FALSE(whole_.reported);
    ASSERT_GT(whole_.contents.size(), 100u);
    meta_ = Newest();
    const std::string map = data_.substr(meta_.free_map.first.raw() * kPage, meta_.free_map.bytes);
    free_ = format::PageBitmap::Decode(AsBytes(map), meta_.page_count);
  }
  format::MetaPage Newest() const {
    format::MetaPage newest;
    for (uint64_t at = 0; at < 4 * 512; at += 512) {
      const auto decoded = format::DecodeMetaPage(AsBytes(data_).subspan(at, 512));
      EXPECT_EQ(decoded.verdict, format::MetaVerdict::kValid);
      if (decoded.meta.number > newest.number) newest = decoded.meta;
    }
    return newest;
  }
  bool IsFreeMap(PageId id) const {
    const uint64_t pages = format::ExtentPages(meta_.free_map.bytes, kPage);
    return id >= meta_.free_map.first && id.raw() < meta_.free_map.first.raw() + pages;
  }
  bool IsNode(PageId id) const {
    format::NodeHeader header;
    std::memcpy(&header, data_.data() + id.raw() * kPage, sizeof header);
    const format::PageRef self{PageId{header.page_id}, format::Birth{header.birth}};
    return self.id == id &&
           format::WhyInvalid(AsBytes(data_).subspan(id.raw() * kPage, kPage), self) == nullptr;
  }
  Look WithData(const std::string& bytes) {
    WriteBytes(path_, bytes);
    return LookAt(path_);
  }
  Look WithDataByte(uint64_t at, int mask) {
    std::string bytes = data_;
    bytes[at] = static_cast<char>(bytes[at] ^ mask);
    return WithData(bytes);
  }
  Look WithLogByte(uint64_t at, int mask) {
    std::string bytes = log_;
    bytes[at] = static_cast<char>(bytes[at] ^ mask);
    WriteBytes(path_ + "-wal", bytes);
    return LookAt(path_);
  }
  std::vector<PageId> Owned() const {
    std::vector<PageId> owned;
    for (uint64_t id = format::FirstPage(kPage, 512).raw(); id < meta_.page_count; ++id) {
      if (!free_.Test(PageId{id}) && !IsFreeMap(PageId{id})) owned.push_back(PageId{id});
    }
    return owned;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "db";
  std::string data_;
  std::string log_;
  Look whole_;
  format::MetaPage meta_;
  format::PageBitmap free_;
};

// Positions that differ from page to page, so that together they fall on every field.
std::vector<uint64_t> Positions(uint64_t seed, uint64_t bytes) {
  return {0, 8 + seed % 40, 48 + seed * 13 % 200, seed * 101 % bytes, bytes - 1};
}

TEST_F(DamageTest, AFlippedBitInAnyOwnedPageIsReportedAtThatPage) {
  int nodes = 0;
  int extent_pages = 0;
  for (const PageId id : Owned()) {
    const bool node = IsNode(id);
    node ? ++nodes : ++extent_pages;
    for (const uint64_t at : Positions(id.raw(), kPage)) {
      const Look look = WithDataByte(id.raw() * kPage + at, 1 << (id.raw() + at) % 8);
      EXPECT_TRUE(look.reported) << "page " << id.raw() << " byte " << at;
      // An extent is checked as a whole and named by its first page.
      EXPECT_TRUE(!node || look.offsets.contains(id.raw() * kPage)) << "page " << id.raw() << " byte " << at;
    }
  }
  EXPECT_GT(nodes, 20);
  EXPECT_EQ(extent_pages, 2 + 4 + 6);
}

TEST_F(DamageTest, EveryByteOfAPageIsCovered) {
  const PageId id = meta_.catalog.root.id;
  for (uint64_t at = 0; at < kPage; ++at) {
    EXPECT_TRUE(WithDataByte(id.raw() * kPage + at, 0x10).reported) << at;
  }
}

TEST_F(DamageTest, APageOfZerosOrAnotherPagesBytesIsReported) {
  const std::vector<PageId> owned = Owned();
  for (size_t i = 0; i < owned.size(); ++i) {
    const uint64_t at = owned[i].raw() * kPage;
    std::string zeros = data_;
    zeros.replace(at, kPage, std::string(kPage, '\0'));
    EXPECT_TRUE(WithData(zeros).reported) << owned[i].raw();
    std::string misdirected = data_;
    misdirected.replace(at, kPage, data_.substr(owned[(i + 1) % owned.size()].raw() * kPage, kPage));
    if (misdirected == data_) continue;
    EXPECT_TRUE(WithData(misdirected).reported) << owned[i].raw();
  }
}

TEST_F(DamageTest, AFlippedBitInTheFreeMapIsReported) {
  const uint64_t at = meta_.free_map.first.raw() * kPage;
  for (uint64_t i = 0; i < meta_.free_map.bytes; ++i) {
    const Look look = WithDataByte(at + i, 1 << i % 8);
    EXPECT_TRUE(look.reported) << i;
    EXPECT_TRUE(look.offsets.contains(at)) << i;
  }
}

TEST_F(DamageTest, WhatNobodyOwnsIsOfNoEffect) {
  std::string bytes = data_;
  uint64_t changed = 0;
  for (uint64_t id = 0; id < meta_.page_count; ++id) {
    if (!free_.Test(PageId{id})) continue;
    bytes.replace(id * kPage, kPage, std::string(kPage, 'x'));
    ++changed;
  }
  const uint64_t behind_free_map = meta_.free_map.first.raw() * kPage + meta_.free_map.bytes;
  bytes[behind_free_map] = 'x';
  ASSERT_GT(changed, 5u);
  const Look look = WithData(bytes);
  EXPECT_FALSE(look.reported);
  EXPECT_EQ(look.contents, whole_.contents);
}

TEST_F(DamageTest, AFlippedBitInOneCopyOfAMetaPageIsOfNoEffectAndInBothIsReported) {
  for (uint64_t at = 0; at < sizeof(format::MetaPageDisk); ++at) {
    for (uint64_t copy = 0; copy < 4; ++copy) {
      const Look look = WithDataByte(copy * 512 + at, 1 << at % 8);
      EXPECT_FALSE(look.reported) << copy << " " << at;
      EXPECT_EQ(look.contents, whole_.contents) << copy << " " << at;
    }
    for (uint64_t slot = 0; slot < 2; ++slot) {
      std::string bytes = data_;
      for (uint64_t copy = 0; copy < 2; ++copy) {
        char& byte = bytes[(slot * 2 + copy) * 512 + at];
        byte = static_cast<char>(byte ^ 1 << at % 8);
      }
      EXPECT_TRUE(WithData(bytes).reported) << slot << " " << at;
    }
  }
}

TEST_F(DamageTest, AFileThatIsCutShortAnywhereIsReported) {
  for (uint64_t size = 512; size < data_.size(); size += 3 * kPage + 100) {
    EXPECT_TRUE(WithData(data_.substr(0, size)).reported) << size;
  }
}

TEST_F(DamageTest, AfterACleanCloseOnlyTheLogsHeaderCounts) {
  for (uint64_t at = 0; at < sizeof(format::LogHeaderDisk); ++at) {
    EXPECT_TRUE(WithLogByte(at, 1 << at % 8).reported) << at;
  }
  for (uint64_t at = 512; at < log_.size(); at += 509) {
    const Look look = WithLogByte(at, 0xff);
    EXPECT_FALSE(look.reported) << at;
    EXPECT_EQ(look.contents, whole_.contents) << at;
  }
}

// The groups behind the checkpoint, but for the last, of which nothing says that it was durable.
TEST_F(DamageTest, AfterACrashAFlippedBitInAGroupIsReportedUnlessItIsTheLast) {
  MakeCrashed(path_);
  Load();
  uint64_t groups = 0;
  uint64_t last = 0;
  for (uint64_t at = format::LogRingOffset(512); at < log_.size(); at += 512) {
    format::LogGroup group;
    if (!format::DecodeLogGroupHeader(AsBytes(log_).subspan(at), group) || group.lsn < meta_.lsn) continue;
    ++groups;
    last = at;
    const bool is_last = group.first_txn.raw() == meta_.txn.raw() + 5;
    const uint64_t covered = sizeof(format::LogGroupDisk) + group.bytes;
    for (uint64_t i = 0; i < covered; ++i) {
      const Look look = WithLogByte(at + i, 1 << i % 8);
      EXPECT_TRUE(is_last || look.reported) << "group " << groups << " byte " << i;
      // Without the last commit: that may be a crash. A wrong answer it is not.
      EXPECT_TRUE(look.reported || look.contents.size() + 1 == whole_.contents.size()) << i;
    }
    EXPECT_EQ(WithLogByte(at + covered, 0xff).contents, whole_.contents);
  }
  EXPECT_EQ(groups, 5u);
  EXPECT_GT(last, 0u);
}

}  // namespace
}  // namespace manifolddb::tools
