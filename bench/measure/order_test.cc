// Nobody always begins, and nobody always follows the same one.

#include "bench/measure/order.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace manifolddb::bench {
namespace {

TEST(Order, EachStandsEverywhereAndFollowsEachOtherEquallyOften) {
  for (const size_t count : {1U, 2U, 3U, 6U, 7U}) {
    std::vector<size_t> items(count);
    for (size_t i = 0; i < count; ++i) items[i] = i;
    const size_t turns = count % 2 == 1 ? 2 * count : count;
    std::map<std::pair<size_t, size_t>, size_t> places, follows;
    for (size_t turn = 0; turn < turns; ++turn) {
      const std::vector<size_t> order = InTurn(items, turn);
      for (size_t i = 0; i < count; ++i) {
        ++places[{order[i], i}];
        if (i > 0) ++follows[{order[i - 1], order[i]}];
      }
    }
    EXPECT_EQ(places.size(), count * count);
    for (const auto& [place, times] : places) EXPECT_EQ(times, turns / count);
    EXPECT_EQ(follows.size(), count * (count - 1));
    for (const auto& [pair, times] : follows) EXPECT_EQ(times, turns / count);
  }
}

TEST(Order, OfNobodyIsEmpty) { EXPECT_TRUE(InTurn(std::vector<int>{}, 3).empty()); }

}  // namespace
}  // namespace manifolddb::bench
