#include "engine/btree/tree_survey.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

using Bound = std::optional<std::string>;

uint64_t CountOf(TreeFixture& tree, const Bound& lower, const Bound& upper) {
  return Must(
      Count(tree.cache(), tree.root(), TreeFixture::View(lower), TreeFixture::View(upper), tree.slot()));
}

std::vector<std::string> PointsOf(TreeFixture& tree, size_t pieces, const Bound& lower = {},
                                  const Bound& upper = {}) {
  return Must(SplitPoints(tree.cache(), tree.root().root, TreeFixture::View(lower), TreeFixture::View(upper),
                          pieces, tree.slot()));
}

void Fill(TreeFixture& tree, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) tree.Put(NumberKey(2 * i), "v" + std::to_string(i));
}

// How many even numbers below `end` are in [from, to).
uint64_t Evens(uint64_t from, uint64_t to, uint64_t end) {
  const uint64_t below_to = (std::min(to, end) + 1) / 2;
  const uint64_t below_from = (std::min(from, end) + 1) / 2;
  return below_to > below_from ? below_to - below_from : 0;
}

TEST(Count, OfAnEmptyTreeIsZero) {
  TreeFixture tree(512);
  EXPECT_EQ(CountOf(tree, {}, {}), 0u);
  EXPECT_EQ(CountOf(tree, "a", "b"), 0u);
}

TEST(Count, IsExactWhereverTheBoundsLie) {
  for (const uint64_t entries : {1, 12, 300, 3000}) {
    TreeFixture tree(512);
    Fill(tree, entries);
    EXPECT_EQ(CountOf(tree, {}, {}), entries);
    const uint64_t end = 2 * entries;
    const uint64_t step = std::max<uint64_t>(1, end / 40);
    for (uint64_t from = 0; from <= end; from += step) {
      ASSERT_EQ(CountOf(tree, NumberKey(from), {}), Evens(from, end, end));
      ASSERT_EQ(CountOf(tree, {}, NumberKey(from)), Evens(0, from, end));
      for (uint64_t to = 0; to <= end + step; to += step) {
        ASSERT_EQ(CountOf(tree, NumberKey(from), NumberKey(to)), Evens(from, to, end)) << from << " " << to;
      }
    }
  }
}

TEST(Count, OfMostOfATreeReadsFewLeaves) {
  TreeFixture tree(512);
  Fill(tree, 3000);
  tree.Reopen();
  EXPECT_EQ(CountOf(tree, NumberKey(4), {}), 2998u);
  EXPECT_LE(tree.cache().bytes_cached(), 16u * 512u);
}

TEST(Count, OfDamagedPagesIsAnError) {
  TreeFixture tree(512);
  Fill(tree, 3000);
  tree.root().entries = 1;
  const auto count = Count(tree.cache(), tree.root(), AsBytes(NumberKey(4000)), std::nullopt, tree.slot());
  EXPECT_EQ(Must(count), 1000u);  // what is inside is counted, what is outside was not believed
  const auto outside = Count(tree.cache(), tree.root(), AsBytes(NumberKey(400)), std::nullopt, tree.slot());
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code(), Errc::kCorrupt);
  tree.root().entries = 3000;
}

TEST(SplitPoints, CutIntoPiecesOfLikeSize) {
  TreeFixture tree(512);
  Fill(tree, 4000);
  for (const size_t pieces : {2, 3, 7, 16, 100}) {
    const auto points = PointsOf(tree, pieces);
    ASSERT_EQ(points.size(), pieces - 1);
    EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
    Bound from;
    for (size_t i = 0; i < pieces; ++i) {
      const Bound to = i < points.size() ? Bound(points[i]) : Bound();
      const uint64_t count = CountOf(tree, from, to);
      EXPECT_GT(count, 4000 / pieces / 2) << pieces;
      EXPECT_LT(count, 4000 / pieces * 2) << pieces;
      from = to;
    }
  }
}

TEST(SplitPoints, LieWithinTheBounds) {
  TreeFixture tree(512);
  Fill(tree, 4000);
  const std::string lower = NumberKey(1001);
  const std::string upper = NumberKey(1777);
  for (const size_t pieces : {2, 8, 64, 5000}) {
    const auto points = PointsOf(tree, pieces, lower, upper);
    EXPECT_FALSE(points.empty());
    EXPECT_LT(points.size(), pieces);
    for (const std::string& point : points) {
      EXPECT_LT(lower, point);
      EXPECT_LT(point, upper);
    }
    EXPECT_EQ(std::adjacent_find(points.begin(), points.end(), std::greater_equal<>()), points.end());
  }
}

TEST(SplitPoints, OfFewEntriesAreTheEntries) {
  TreeFixture tree(512);
  EXPECT_TRUE(PointsOf(tree, 4).empty());
  tree.Put("a", "1");
  EXPECT_TRUE(PointsOf(tree, 4).empty());
  tree.Put("b", "2");
  tree.Put("c", "3");
  EXPECT_EQ(PointsOf(tree, 100), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(PointsOf(tree, 100, "b"), (std::vector<std::string>{"c"}));
  EXPECT_TRUE(PointsOf(tree, 1).empty());
  EXPECT_TRUE(PointsOf(tree, 4, "c", "b").empty());
}

}  // namespace
}  // namespace manifolddb::btree
