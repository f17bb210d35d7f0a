#include "engine/txn/names.h"

#include <gtest/gtest.h>

namespace manifolddb::txn {
namespace {

TEST(Names, HaveOneToSixtyFourBytes) {
  EXPECT_FALSE(CheckName("", "test"));
  EXPECT_TRUE(CheckName("a", "test"));
  EXPECT_TRUE(CheckName(std::string(64, '\0'), "test"));
  EXPECT_FALSE(CheckName(std::string(65, 'a'), "test"));
}

TEST(Names, AreShownSoThatAnyByteCanBeRead) {
  EXPECT_EQ(Quoted("plain"), "'plain'");
  EXPECT_EQ(Quoted(std::string("a\n\x00\xff'", 5)), "'a\\x0a\\x00\\xff\\x27'");
  EXPECT_LT(Quoted(std::string(1000, 'a')).size(), 100u);
}

TEST(Names, OfAnEntryAreAddedToWhatTheDiskSays) {
  const Error rot(Errc::kCorrupt, "page.read", {.file = "db", .offset = 512, .message = "checksum mismatch"});
  const Error named = OfEntry(rot, "t", AsBytes(std::string("k\0", 2)));
  EXPECT_EQ(named.message(), "table 't', key 'k\\x00': checksum mismatch");
  EXPECT_EQ(named.code(), Errc::kCorrupt);
  EXPECT_EQ(named.operation(), "page.read");
  EXPECT_EQ(named.file(), "db");
  EXPECT_EQ(named.offset(), 512u);
  const Error other(Errc::kTransactionEnded, "table.get", {.message = "it was committed"});
  EXPECT_EQ(OfEntry(other, "t", AsBytes("k")).message(), "it was committed");
}

}  // namespace
}  // namespace manifolddb::txn
