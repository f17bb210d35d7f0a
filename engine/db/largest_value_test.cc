// The longest value there may be, over real files. Takes 2.2 GB of memory, twice as much of the disk and half
// a minute, so it runs at night only.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/base/checksum.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// Bytes that nobody has touched yet take no memory.
class Mapping {
 public:
  Mapping(size_t bytes, int protection) : bytes_(bytes) {
    at_ = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(at_, MAP_FAILED);
  }
  ~Mapping() { EXPECT_EQ(::munmap(at_, bytes_), 0); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  MutableByteView span() const { return {static_cast<std::byte*>(at_), bytes_}; }

 private:
  const size_t bytes_;
  void* at_ = nullptr;
};

// Other bytes in every place.
void Fill(MutableByteView bytes) {
  uint64_t word = 0x9e3779b97f4a7c15;
  for (size_t at = 0; at + sizeof word <= bytes.size(); at += sizeof word) {
    word = word * 6364136223846793005 + 1442695040888963407;
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
}

class LargestValueTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/largest_value_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    Open();
  }
  void TearDown() override {
    db_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    db_.reset();
    auto opened = Database::Open(folder_ + "/db");
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    const auto family = db_->OpenOrCreateColumnFamily("f");
    ASSERT_TRUE(family) << family.error().ToString();
    family_ = *family;
  }
  // Commits it, and says what went wrong on the way.
  Status Put(const std::string& key, ByteView value) {
    auto txn = db_->BeginWrite(family_);
    if (!txn) return std::unexpected<Error>(txn.error());
    auto table = txn->OpenOrCreateTable(family_, "t");
    if (!table) return std::unexpected<Error>(table.error());
    if (Status put = table->Put(AsBytes(key), value); !put) return put;
    const auto committed = txn->Commit();
    if (!committed) return std::unexpected<Error>(committed.error());
    return {};
  }
  // Bytes and checksum of the value there.
  std::pair<size_t, uint64_t> Look(const std::string& key) {
    auto snapshot = db_->BeginRead();
    const auto found = snapshot->OpenTable(family_, "t")->Get(AsBytes(key));
    EXPECT_TRUE(found) << found.error().ToString();
    if (!found || !*found) return {};
    return {(*found)->bytes().size(), base::Checksum64((*found)->bytes())};
  }
  void ExpectWhole(uint64_t entries) {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->ok()) << report->problems[0].what;
    EXPECT_EQ(report->entries, entries);
  }

  std::string folder_;
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
};

TEST_F(LargestValueTest, GoesThroughACommitAReopeningAndVerify) {
  uint64_t checksum = 0;
  ASSERT_TRUE(Put("a", AsBytes("small")));
  {
    const Mapping value(kValueBytesMax, PROT_READ | PROT_WRITE);
    Fill(value.span());
    checksum = base::Checksum64(value.span());
    const uint64_t checkpoints = db_->Stats().checkpoints;
    const Status put = Put("longest", value.span());
    ASSERT_TRUE(put) << put.error().ToString();
    EXPECT_GT(db_->Stats().checkpoints, checkpoints) << "no log takes it";
  }
  ASSERT_TRUE(Put("z", AsBytes("small")));
  const std::pair<size_t, uint64_t> expected = {kValueBytesMax, checksum};
  EXPECT_EQ(Look("longest"), expected);
  ASSERT_TRUE(db_->Close());
  Open();
  EXPECT_EQ(Look("longest"), expected);
  EXPECT_EQ(Look("a").first, 5u);
  EXPECT_EQ(Look("z").first, 5u);
  ExpectWhole(3);
  // Given up, its pages serve the next one, once no checkpoint needs them: the file does not grow.
  const uint64_t pages = db_->Stats().pages_total;
  {
    const Mapping zeros(kValueBytesMax, PROT_READ);
    ASSERT_TRUE(Put("longest", AsBytes("short")));
    ASSERT_TRUE(db_->Checkpoint());
    const Status put = Put("next", zeros.span());
    ASSERT_TRUE(put) << put.error().ToString();
  }
  EXPECT_EQ(db_->Stats().pages_total, pages);
  EXPECT_EQ(Look("next").first, kValueBytesMax);
  ExpectWhole(4);
}

TEST_F(LargestValueTest, OneByteMoreIsRefusedUnread) {
  // Whoever looks at it dies.
  const Mapping value(kValueBytesMax + 1, PROT_NONE);
  const Status put = Put("too long", value.span());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Errc::kValueTooLong);
  ASSERT_TRUE(Put("a", AsBytes("small")));
  ExpectWhole(1);
}

}  // namespace
}  // namespace manifolddb
