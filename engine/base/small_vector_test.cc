#include "engine/base/small_vector.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace manifolddb::base {
namespace {

using Few = SmallVector<int, 4>;

Few Counted(int count) {
  Few few;
  for (int i = 0; i < count; ++i) few.push_back(i);
  return few;
}

std::vector<int> Expected(int count) {
  std::vector<int> expected(static_cast<size_t>(count));
  std::iota(expected.begin(), expected.end(), 0);
  return expected;
}

TEST(SmallVectorTest, HoldsWhatWasAppended) {
  for (int count = 0; count <= 20; ++count) {
    const Few few = Counted(count);
    EXPECT_EQ(few, Expected(count));
    EXPECT_EQ(few.empty(), count == 0);
  }
}

TEST(SmallVectorTest, MovingLeavesItEmptyAndOfUse) {
  for (const int count : {0, 3, 4, 5, 20}) {
    Few from = Counted(count);
    Few to = Counted(7);
    to = std::move(from);
    EXPECT_EQ(to, Expected(count));
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    for (int i = 0; i < 6; ++i) from.push_back(i);
    EXPECT_EQ(from, Expected(6));
    EXPECT_EQ(to, Expected(count));
    EXPECT_EQ(Few(std::move(from)), Expected(6));
  }
}

TEST(SmallVectorTest, AnElementOfItsOwnCanBeAppended) {
  Few few = Counted(4);
  few.push_back(few[0]);
  EXPECT_EQ(few.back(), 0);
  EXPECT_EQ(few.size(), 5u);
}

TEST(SmallVectorTest, CanBeClearedAndCut) {
  Few few = Counted(9);
  few.truncate(few.begin() + 2);
  EXPECT_EQ(few, Expected(2));
  few.clear();
  EXPECT_TRUE(few.empty());
  few.push_back(0);
  EXPECT_EQ(few, Expected(1));
}

}  // namespace
}  // namespace manifolddb::base
