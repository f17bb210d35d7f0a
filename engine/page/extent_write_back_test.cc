// When the device is told of the extents that a transaction has written.

#include <gtest/gtest.h>

#include <string>

#include "engine/page/page_test_support.h"
#include "engine/page/page_writer.h"

namespace manifolddb::page {
namespace {

class TellsOfExtents : public testing::Test {
 protected:
  static constexpr uint32_t kLarge = 65536;
  // The extents that lie side by side from the first of `count` new ones, as the file is told of them.
  std::string Write(uint64_t count) {
    const std::string value(kLarge, 'v');
    uint64_t first = 0;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t page = writer_.WriteExtent(AsBytes(value))->first.raw();
      if (i == 0) first = page;
      EXPECT_EQ(page, first + i);
    }
    return "start @" + std::to_string(first * kLarge) + " +" + std::to_string(count * kLarge) + "\n";
  }
  bool Told() { return pages_.file.TakeLog().find("start") != std::string::npos; }

  PageFixture pages_{kLarge, 256, 256};
  PageWriter writer_{pages_.cache, pages_.allocator, 1, Room::kAll};
};

TEST_F(TellsOfExtents, AfterTheCommitOfThoseThatLieSideBySideAtOnce) {
  const std::string expected = Write(4);
  EXPECT_FALSE(Told()) << "the commit's write of the log comes first";
  const PageDelta delta = writer_.Finish();
  EXPECT_FALSE(Told());
  writer_.StartWriteBack();
  EXPECT_EQ(pages_.file.TakeLog(), expected);
  writer_.StartWriteBack();
  EXPECT_FALSE(Told()) << "of what it was told before";
}

TEST_F(TellsOfExtents, BeforeTheCommitOfATransactionThatHasMany) {
  constexpr uint64_t kMany = (uint64_t{4} << 20) / kLarge;
  Write(kMany - 1);
  EXPECT_FALSE(Told());
  Write(1);
  EXPECT_TRUE(Told());
  Write(1);
  EXPECT_FALSE(Told());
}

TEST_F(TellsOfExtents, NotOfWhatTheSyncWritesAsSoon) {
  PageFixture pages(4096, 64, 64);
  PageWriter writer(pages.cache, pages.allocator, 1, Room::kAll);
  ASSERT_TRUE(writer.WriteExtent(AsBytes(std::string(3 * 4096, 'v'))));
  pages.file.TakeLog();
  writer.StartWriteBack();
  EXPECT_EQ(pages.file.TakeLog(), "");
}

}  // namespace
}  // namespace manifolddb::page
