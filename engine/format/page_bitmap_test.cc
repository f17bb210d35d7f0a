#include "engine/format/page_bitmap.h"

#include <gtest/gtest.h>

#include <vector>

namespace manifolddb::format {
namespace {

TEST(PageBitmap, ARunThatEndsBehindTheLastNumberIsHeldByNone) {
  PageBitmap set(100);
  set.Set({PageId{0}, 100});
  const PageRun wraps{PageId{~uint64_t{0} - 1}, 10};
  EXPECT_FALSE(set.Holds(wraps));
  EXPECT_FALSE(set.TestAll(wraps));
  EXPECT_TRUE(set.TestNone(wraps));
  EXPECT_FALSE(set.Holds({PageId{1}, ~uint64_t{0}}));
  EXPECT_FALSE(set.TestNone({PageId{1}, ~uint64_t{0}}));
  EXPECT_TRUE(set.Holds({PageId{90}, 10}));
  EXPECT_FALSE(set.Holds({PageId{91}, 10}));
}

TEST(PageBitmap, SetsOfDifferentSizesAreJoinedAndCut) {
  PageBitmap a(70);
  a.Set({PageId{3}, 65});
  PageBitmap b(200);
  b.Set({PageId{60}, 100});
  const auto runs = [](const PageBitmap& set) {
    std::vector<PageRun> all;
    set.ForEachRun([&](PageRun run) { all.push_back(run); });
    return all;
  };
  using Runs = std::vector<PageRun>;
  EXPECT_EQ(runs(PageBitmap()), Runs{});
  PageBitmap joined = a;
  joined.Add(b);
  EXPECT_EQ(joined.size(), 200u);
  EXPECT_EQ(runs(joined), (Runs{{PageId{3}, 157}}));
  PageBitmap cut = a;
  cut.Remove(b);
  EXPECT_EQ(cut.size(), 70u);
  EXPECT_EQ(runs(cut), (Runs{{PageId{3}, 57}}));
  PageBitmap both = b;
  both.KeepOnly(a);
  EXPECT_EQ(both.size(), 200u);
  EXPECT_EQ(runs(both), (Runs{{PageId{60}, 8}}));
  b.Remove(a);
  EXPECT_EQ(runs(b), (Runs{{PageId{68}, 92}}));
}

}  // namespace
}  // namespace manifolddb::format
