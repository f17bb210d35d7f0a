#include "engine/page/data_file.h"

#include <gtest/gtest.h>

#include "engine/base/checksum.h"
#include "engine/page/page_test_support.h"
#include "manifolddb/options.h"

namespace manifolddb::page {
namespace {

using format::ExtentRef;
using format::PageId;
using format::PageRef;

constexpr uint32_t kPageSize = 512;

class DataFileTest : public ::testing::Test {
 protected:
  DataFileTest() : pages_(kPageSize, 32, 8), page_(*base::Buffer::Make(kPageSize, "test")) {}

  Status Read(PageRef ref) { return pages_.data.ReadPage(ref, page_.span()); }
  std::string ErrorOf(PageRef ref) {
    const Status read = Read(ref);
    return read ? "none" : read.error().ToString();
  }

  PageFixture pages_;
  base::Buffer page_;
};

TEST_F(DataFileTest, ReadsThePageThatTheReferenceNames) {
  const PageRef ref = pages_.StoreLeaf(7, 5, 77);
  ASSERT_TRUE(Read(ref));
  EXPECT_EQ(StampOf(page_.data(), kPageSize), 77u);
}

TEST_F(DataFileTest, EveryFlippedBitOfAPageIsCorruption) {
  const PageRef ref = pages_.StoreLeaf(7, 5, 77);
  std::byte* stored = pages_.file.bytes().data() + 7 * kPageSize;
  for (uint32_t bit = 0; bit < kPageSize * 8; ++bit) {
    stored[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const Status read = Read(ref);
    ASSERT_FALSE(read) << "bit " << bit;
    EXPECT_EQ(read.error().code(), Errc::kCorrupt);
    stored[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
  EXPECT_TRUE(Read(ref));
}

TEST_F(DataFileTest, ErrorsNameFileOffsetAndWhatWasFound) {
  pages_.StoreLeaf(7, 5, 77);
  EXPECT_EQ(
      ErrorOf({PageId{7}, PageFixture::BirthOf(6)}),
      "kCorrupt in page.read: test-data at byte 3584: the page is of another birth than its reference: "
      "expected "
      "page 7 of birth 3.6, found page 7 of birth 3.5 (run 'manifolddb verify' and restore from a backup)");
}

TEST_F(DataFileTest, APageWrittenToAnotherPlaceIsCorruption) {
  const PageRef ref = pages_.StoreLeaf(7, 5, 77);
  std::vector<std::byte>& bytes = pages_.file.bytes();
  std::memcpy(bytes.data() + 9 * kPageSize, bytes.data() + 7 * kPageSize, kPageSize);
  const Status read = Read({PageId{9}, ref.birth});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::kCorrupt);
  EXPECT_EQ(read.error().offset(), 9 * kPageSize);
}

TEST_F(DataFileTest, ZerosAreNotAPage) {
  const Status read = Read({PageId{3}, PageFixture::BirthOf(1)});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::kCorrupt);
}

TEST_F(DataFileTest, APageBeyondTheEndOfTheFileIsCorruption) {
  for (const uint64_t id : {uint64_t{32}, uint64_t{1} << 40, uint64_t{1} << 54, ~uint64_t{0}}) {
    const Status read = Read({PageId{id}, PageFixture::BirthOf(1)});
    ASSERT_FALSE(read) << id;
    EXPECT_EQ(read.error().code(), Errc::kCorrupt) << id;
    EXPECT_EQ(read.error().file(), "test-data");
  }
}

TEST_F(DataFileTest, ErrorsOfTheStorageAreNotTakenForCorruption) {
  const PageRef ref = pages_.StoreLeaf(7, 5, 77);
  pages_.file.short_reads = true;
  EXPECT_EQ(Read(ref).error().code(), Errc::kTruncated) << "the file is long enough";
  pages_.file.short_reads = false;
  pages_.file.fail_reads = true;
  EXPECT_EQ(Read(ref).error().code(), Errc::kIo);
}

std::vector<std::byte> Value(size_t size) {
  std::vector<std::byte> value(size);
  for (size_t i = 0; i < size; ++i) value[i] = static_cast<std::byte>(i * 7 + i / 256);
  return value;
}

TEST_F(DataFileTest, ExtentsComeBackAsTheyWereFromAnyAddress) {
  for (const size_t size :
       {size_t{1}, size_t{511}, size_t{512}, size_t{513}, size_t{5000}, size_t{3} << 20}) {
    const std::vector<std::byte> all = Value(size + 1);
    const ByteView value = ByteView(all).subspan(1);
    ASSERT_TRUE(pages_.data.WriteExtent(PageId{4}, value));
    const ExtentRef ref{.first = PageId{4}, .birth = {}, .bytes = size, .checksum = base::Checksum64(value)};
    const auto read = pages_.data.ReadExtent(ref);
    ASSERT_TRUE(read) << read.error().ToString();
    EXPECT_TRUE(Equal(read->view(), value)) << size;
  }
}

TEST_F(DataFileTest, ExtentsAreWrittenInWholePagesWithZerosBehind) {
  std::fill(pages_.file.bytes().begin(), pages_.file.bytes().end(), std::byte{0xFF});
  ASSERT_TRUE(pages_.data.WriteExtent(PageId{4}, Value(513)));
  EXPECT_EQ(pages_.file.TakeLog(), "write @2048 +1024\n");
  const std::byte* bytes = pages_.file.bytes().data();
  for (size_t at = 4 * kPageSize + 513; at < 6 * kPageSize; ++at) EXPECT_EQ(bytes[at], std::byte{0});
  EXPECT_EQ(bytes[6 * kPageSize], std::byte{0xFF});
  ASSERT_TRUE(pages_.data.WriteExtent(PageId{1}, Value((2 << 20) + 1)));
  EXPECT_EQ(pages_.file.TakeLog(), "write @512 +1048576\nwrite @1049088 +1048576\nwrite @2097664 +512\n");
}

TEST_F(DataFileTest, ADamagedExtentIsCorruption) {
  const std::vector<std::byte> value = Value(1000);
  ASSERT_TRUE(pages_.data.WriteExtent(PageId{4}, value));
  const ExtentRef ref{.first = PageId{4}, .birth = {}, .bytes = 1000, .checksum = base::Checksum64(value)};
  pages_.file.bytes()[4 * kPageSize + 999] ^= std::byte{1};
  const auto read = pages_.data.ReadExtent(ref);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::kCorrupt);
  EXPECT_EQ(read.error().offset(), 4 * kPageSize);
  pages_.file.bytes()[4 * kPageSize + 999] ^= std::byte{1};
  pages_.file.bytes()[4 * kPageSize + 1000] ^= std::byte{1};  // padding
  EXPECT_TRUE(pages_.data.ReadExtent(ref));
}

TEST_F(DataFileTest, ImpossibleExtentsAreCorruptionBeforeMemoryIsTaken) {
  for (const ExtentRef& ref : {
           ExtentRef{.first = PageId{4}, .birth = {}, .bytes = 0, .checksum = 0},
           ExtentRef{.first = PageId{4}, .birth = {}, .bytes = ~uint64_t{0}, .checksum = 0},
           ExtentRef{.first = PageId{4}, .birth = {}, .bytes = kValueBytesMax, .checksum = 0},
           ExtentRef{.first = PageId{31}, .birth = {}, .bytes = kPageSize + 1, .checksum = 0},
           ExtentRef{.first = PageId{~uint64_t{0}}, .birth = {}, .bytes = 1, .checksum = 0},
       }) {
    const auto read = pages_.data.ReadExtent(ref);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Errc::kCorrupt);
    EXPECT_EQ(pages_.file.TakeLog(), "");
  }
}

TEST_F(DataFileTest, AFailedExtentWriteIsTheStoragesError) {
  pages_.file.fail_writes = true;
  const Status written = pages_.data.WriteExtent(PageId{4}, Value(10));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Errc::kIo);
  EXPECT_EQ(written.error().offset(), 4 * kPageSize);
}

}  // namespace
}  // namespace manifolddb::page
