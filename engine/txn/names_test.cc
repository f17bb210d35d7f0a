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

}  // namespace
}  // namespace manifolddb::txn
