// Keys drawn at random. The seeds are fixed, so a test that passes passes always.

#include "engine/btree/tree_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/btree/tree_survey.h"
#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

using Keys = std::vector<std::string>;

class SampleTest : public testing::Test {
 protected:
  static constexpr uint64_t kSmall = 1200, kLarge = 300;

  // Many small entries to a leaf, then few large ones: who drew leaves and took one of each would have large
  // ones three times as often.
  void SetUp() override {
    for (uint64_t i = 0; i < kSmall + kLarge; ++i)
      tree_.Put(NumberKey(i), std::string(i < kSmall ? 1 : 60, 'v'));
  }
  Keys Sample(size_t count, uint64_t seed, const std::optional<std::string>& lower = {},
              const std::optional<std::string>& upper = {}) {
    return Must(SampleKeys(tree_.cache(), tree_.root().root, TreeFixture::View(lower),
                           TreeFixture::View(upper), count, seed, tree_.slot()));
  }
  uint64_t Leaves() { return Must(ShapeOf(tree_.cache(), tree_.root(), tree_.slot())).leaf_pages; }

  // How far the counts of keys [begin, end), of samples with `rounds` seeds, are from equal ones: chi-square,
  // in standard deviations from what chance alone gives.
  double Deviations(size_t count, uint64_t rounds, uint64_t begin, uint64_t end, bool bounded) {
    std::map<std::string, uint64_t> times;
    for (uint64_t seed = 0; seed < rounds; ++seed) {
      const Keys keys = bounded ? Sample(count, seed, NumberKey(begin), NumberKey(end)) : Sample(count, seed);
      EXPECT_EQ(keys.size(), count);
      for (const std::string& key : keys) ++times[key];
    }
    const auto keys = static_cast<double>(end - begin);
    const double expected = static_cast<double>(count * rounds) / keys;
    double sum = 0;
    for (uint64_t i = begin; i < end; ++i) {
      const double off = static_cast<double>(times[NumberKey(i)]) - expected;
      sum += off * off / expected;
    }
    // Without replacement the counts vary less than independent ones.
    sum /= 1 - static_cast<double>(count) / keys;
    return (sum - (keys - 1)) / std::sqrt(2 * (keys - 1));
  }

  TreeFixture tree_{512};
};

TEST_F(SampleTest, IsAscendingAndWithoutRepetition) {
  for (const size_t count : {1, 2, 10, 40, 200, 1499}) {
    const Keys keys = Sample(count, count);
    ASSERT_EQ(keys.size(), count);
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()), keys.end());
    for (const std::string& key : keys) EXPECT_TRUE(tree_.Get(key)) << key;
  }
  EXPECT_TRUE(Sample(0, 1).empty());
  EXPECT_EQ(Sample(kSmall + kLarge, 1).size(), kSmall + kLarge);
  EXPECT_EQ(Sample(1 << 20, 1).size(), kSmall + kLarge);
}

TEST_F(SampleTest, IsOfItsSeed) {
  for (const size_t count : {5, 500}) {
    EXPECT_EQ(Sample(count, 7), Sample(count, 7));
    EXPECT_NE(Sample(count, 7), Sample(count, 8));
  }
}

TEST_F(SampleTest, OfFewKeysLooksAtFewLeaves) {
  const uint64_t leaves = Leaves();
  uint64_t hits = tree_.cache().hits();
  EXPECT_EQ(Sample(3, 1).size(), 3u);
  EXPECT_LT(tree_.cache().hits() - hits, leaves / 2);
  hits = tree_.cache().hits();
  EXPECT_EQ(Sample(700, 1).size(), 700u);
  EXPECT_GE(tree_.cache().hits() - hits, leaves);
}

// Both ways: a few that are drawn, and many that are chosen from all.
TEST_F(SampleTest, IsFairToLargeAndSmall) {
  EXPECT_LT(std::abs(Deviations(12, 4000, 0, kSmall + kLarge, false)), 3.0);
  EXPECT_LT(std::abs(Deviations(600, 100, 0, kSmall + kLarge, false)), 3.0);
}

// Here the first leaf and the last one are in the range in part.
TEST_F(SampleTest, OfARangeIsFairToItsEnds) {
  EXPECT_LT(std::abs(Deviations(4, 6000, 403, 1407, true)), 3.0);
  EXPECT_LT(std::abs(Deviations(300, 100, 403, 1407, true)), 3.0);
  EXPECT_EQ(Sample(9, 1, NumberKey(3), NumberKey(5)), (Keys{NumberKey(3), NumberKey(4)}));
  EXPECT_TRUE(Sample(9, 1, NumberKey(5), NumberKey(3)).empty());
  EXPECT_TRUE(Sample(9, 1, NumberKey(4000)).empty());
}

// Each pair must be as likely as any other, too; with 6 keys there are 15.
TEST(Sample, HasEverySetWithTheSameChance) {
  TreeFixture tree(512);
  EXPECT_TRUE(Must(SampleKeys(tree.cache(), tree.root().root, std::nullopt, std::nullopt, 3, 1, tree.slot()))
                  .empty());
  for (uint64_t i = 0; i < 6; ++i) tree.Put(NumberKey(i), "v");
  std::map<Keys, int> times;
  constexpr int kRounds = 15'000;
  for (int seed = 0; seed < kRounds; ++seed) {
    ++times[Must(SampleKeys(tree.cache(), tree.root().root, std::nullopt, std::nullopt, 2,
                            static_cast<uint64_t>(seed), tree.slot()))];
  }
  EXPECT_EQ(times.size(), 15u);
  for (const auto& [keys, count] : times) EXPECT_NEAR(count, kRounds / 15, 4 * std::sqrt(kRounds / 15.0));
}

TEST_F(SampleTest, OfDamagedPagesIsAnError) {
  tree_.Reopen();
  tree_.root().root.id = format::PageId{tree_.root().root.id.raw() + 1};
  const auto sample =
      SampleKeys(tree_.cache(), tree_.root().root, std::nullopt, std::nullopt, 3, 1, tree_.slot());
  ASSERT_FALSE(sample);
  EXPECT_EQ(sample.error().code(), Errc::kCorrupt);
}

}  // namespace
}  // namespace manifolddb::btree
