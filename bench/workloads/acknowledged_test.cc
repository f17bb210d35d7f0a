// Which versions a database may hold after writes that followed one another or overlapped.

#include "bench/workloads/acknowledged.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace manifolddb::bench {
namespace {

TEST(Acknowledged, OfWritesOneAfterTheOtherOnlyTheLastMayBeThere) {
  Acknowledged known(2);
  EXPECT_TRUE(known.MayBe(0, 0));
  known.Add({.key = 0, .version = 1, .begun = 10, .done = 20});
  known.Add({.key = 0, .version = 2, .begun = 30, .done = 40});
  EXPECT_FALSE(known.MayBe(0, 0));
  EXPECT_FALSE(known.MayBe(0, 1));
  EXPECT_TRUE(known.MayBe(0, 2));
  EXPECT_TRUE(known.MayBe(1, 0)) << "nobody wrote it";
  EXPECT_FALSE(known.MayBe(1, 2));
}

TEST(Acknowledged, AWriteTwiceInABatchCountsOnce) {
  Acknowledged known(1);
  for (int i = 0; i < 2; ++i) known.Add({.key = 0, .version = 1, .begun = 10, .done = 20});
  known.Add({.key = 0, .version = 2, .begun = 30, .done = 40});
  EXPECT_FALSE(known.MayBe(0, 1));
}

TEST(Acknowledged, AKeyBeyondTheLastIsNew) {
  Acknowledged known(1);
  EXPECT_FALSE(known.MayBe(3, 0));
  known.Add({.key = 3, .version = 7, .begun = 1, .done = 2});
  EXPECT_EQ(known.keys(), 4U);
  EXPECT_TRUE(known.MayBe(3, 7));
}

// By the definition: any write after whose end no other one began. In every order in which they are told.
TEST(Acknowledged, OverlappingWritesMayEachBeTheLastUntilOneBeganAfterThem) {
  std::vector<AcknowledgedWrite> writes = {{.version = 1, .begun = 10, .done = 20},
                                           {.version = 2, .begun = 15, .done = 50},
                                           {.version = 3, .begun = 30, .done = 35},
                                           {.version = 4, .begun = 35, .done = 60}};
  const auto by_version = [](const auto& a, const auto& b) { return a.version < b.version; };
  do {
    Acknowledged known(1);
    known.Add(writes);
    EXPECT_FALSE(known.MayBe(0, 0));
    EXPECT_FALSE(known.MayBe(0, 1)) << "2 overlaps it, but 3 began afterwards";
    EXPECT_TRUE(known.MayBe(0, 2));
    EXPECT_TRUE(known.MayBe(0, 3)) << "4 began at the same moment";
    EXPECT_TRUE(known.MayBe(0, 4));
  } while (std::next_permutation(writes.begin(), writes.end(), by_version));
}

}  // namespace
}  // namespace manifolddb::bench
