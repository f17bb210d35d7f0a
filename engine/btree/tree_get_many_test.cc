#include "engine/btree/tree_get_many.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

// What GetTogether finds for the keys, in text; "-" for none.
std::string Together(TreeFixture& tree, const std::vector<std::string>& keys) {
  std::vector<ByteView> views;
  for (const std::string& key : keys) views.push_back(AsBytes(key));
  std::array<std::optional<FoundValue>, kGetTogetherMax> found;
  found.fill(FoundValue{});  // what was there before is gone afterwards
  const mvcc::EpochGuard guard(tree.slot());
  Must(GetTogether(tree.cache(), tree.root().root, views, std::span(found).first(keys.size()), guard));
  std::string text;
  for (size_t i = 0; i < keys.size(); ++i) text += found[i] ? tree.TextOf(*found[i]) + "," : "-,";
  return text;
}

TEST(GetTogether, OfAnEmptyTreeNothingIsFound) {
  TreeFixture tree(512);
  EXPECT_EQ(Together(tree, {"", "a"}), "-,-,");
  EXPECT_EQ(Together(tree, {}), "");
}

TEST(GetTogether, InOneLeafEachKeyHasItsValue) {
  TreeFixture tree(512);
  tree.Put("b", "1");
  tree.Put("d", std::string(2000, 'x'));  // in an extent
  EXPECT_EQ(Together(tree, {"a", "b", "c"}), "-,1,-,");
  EXPECT_EQ(Together(tree, {"d", "b", "b"}), std::string(2000, 'x') + ",1,1,");
}

TEST(GetTogether, FindsWhatGetFindsInATreeOfSeveralLevels) {
  TreeFixture tree(512);
  for (uint64_t i = 0; i < 2000; ++i) tree.Put(NumberKey(2 * i), std::to_string(i));
  tree.Reopen();
  for (uint64_t from = 0; from < 4000; from += 133) {
    std::vector<std::string> keys;
    std::string expected;
    for (uint64_t i = 0; i < kGetTogetherMax; ++i) {
      keys.push_back(NumberKey((from + i * 271) % 4100));
      expected += tree.Get(keys.back()).value_or("-") + ",";
    }
    ASSERT_EQ(Together(tree, keys), expected);
  }
}

}  // namespace
}  // namespace manifolddb::btree
