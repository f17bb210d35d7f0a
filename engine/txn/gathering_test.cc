#include "engine/txn/gathering.h"

#include <gtest/gtest.h>

namespace manifolddb::txn {
namespace {

TEST(GatheringTest, ACommitterByItselfExpectsNobody) {
  Gathering gathering;
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(gathering.Complete(1));
    gathering.Begins(false);
    gathering.Ended(1, 0);
  }
}

TEST(GatheringTest, ThoseWhoWereWokenAndThoseWhoWaitAreExpected) {
  Gathering gathering;
  gathering.Begins(false);
  gathering.Ended(3, 2);
  EXPECT_FALSE(gathering.Complete(2));
  EXPECT_FALSE(gathering.Complete(4));
  EXPECT_TRUE(gathering.Complete(5));
  EXPECT_TRUE(gathering.Complete(6));  // somebody new
}

// How many groups, after one that was waited for in vain, are not waited for.
int GroupsWithout(Gathering& gathering) {
  for (int groups = 0;; ++groups) {
    gathering.Ended(4, 0);
    if (!gathering.Complete(1)) return groups;
    gathering.Begins(false);
  }
}

TEST(GatheringTest, WhereTheyDoNotComeItIsTriedEverMoreSeldom) {
  Gathering gathering;
  EXPECT_EQ(GroupsWithout(gathering), 0);
  int before = 0;
  for (int i = 0; i < 6; ++i) {
    gathering.Begins(true);
    const int groups = GroupsWithout(gathering);
    EXPECT_EQ(groups, 2 * before + 1);
    before = groups;
  }
  gathering.Begins(true);
  EXPECT_EQ(GroupsWithout(gathering), before);  // but it is tried
}

TEST(GatheringTest, OnceTheyComeItIsWorthItAgain) {
  Gathering gathering;
  for (int i = 0; i < 3; ++i) {
    gathering.Begins(true);
    GroupsWithout(gathering);
  }
  gathering.Begins(false);
  EXPECT_EQ(GroupsWithout(gathering), 0);
  gathering.Begins(true);
  EXPECT_EQ(GroupsWithout(gathering), 1);
}

TEST(GatheringTest, TheTimeIsLessThanASyncAndBounded) {
  Gathering gathering;
  const uint64_t least = gathering.nanos_max();
  EXPECT_GT(least, 0u);
  for (int i = 0; i < 100; ++i) gathering.NoteSync(400'000);
  EXPECT_GT(gathering.nanos_max(), 250'000u);
  EXPECT_LT(gathering.nanos_max(), 400'000u);
  for (int i = 0; i < 100; ++i) gathering.NoteSync(uint64_t{1} << 40);
  EXPECT_LE(gathering.nanos_max(), 1'000'000u);
  for (int i = 0; i < 300; ++i) gathering.NoteSync(1);
  EXPECT_EQ(gathering.nanos_max(), least);
}

}  // namespace
}  // namespace manifolddb::txn
