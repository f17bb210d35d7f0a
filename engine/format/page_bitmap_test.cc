#include "engine/format/page_bitmap.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace manifolddb::format
