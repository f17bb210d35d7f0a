#include "engine/base/sites.h"

#include <gtest/gtest.h>

#include <string_view>

#include "engine/base/memory.h"

namespace manifolddb::base {
namespace {

template <class Node>
Node* Find(std::string_view name) {
  Node* found = nullptr;
  for (Node* node = Node::First(); node != nullptr; node = node->next()) {
    if (name != node->name()) continue;
    EXPECT_EQ(found, nullptr) << name << " is there twice";
    found = node;
  }
  return found;
}

bool Step() { return !MANIFOLDDB_BROKEN("test.step.skip"); }
bool StepElsewhere() { return !MANIFOLDDB_BROKEN("test.step.skip"); }
[[maybe_unused]] bool NeverCalled() { return MANIFOLDDB_BROKEN("test.never.called"); }

TEST(Sites, AreThereBeforeAnyOfThemRan) {
  ASSERT_NE(Find<Site>("test.step.skip"), nullptr);
  ASSERT_NE(Find<Site>("test.never.called"), nullptr);
  EXPECT_EQ(Find<Site>("test.nothing"), nullptr);
}

TEST(Sites, MisbehaveOnlyWhileBrokenAndCountIt) {
  Site* site = Find<Site>("test.step.skip");
  ASSERT_NE(site, nullptr);
  EXPECT_TRUE(Step());
  EXPECT_EQ(site->hits(), 0u);
  site->Break(true);
  EXPECT_FALSE(Step());
  EXPECT_FALSE(StepElsewhere());
  EXPECT_EQ(site->hits(), 2u);
  site->Break(false);
  EXPECT_TRUE(Step());
  EXPECT_EQ(site->hits(), 2u);
}

TEST(Marks, CountEveryTimeTheyAreTaken) {
  Mark* mark = Find<Mark>("test.rare");
  ASSERT_NE(mark, nullptr);
  EXPECT_EQ(mark->hits(), 0u);
  for (int i = 0; i < 3; ++i) MANIFOLDDB_MARK("test.rare");
  EXPECT_EQ(mark->hits(), 3u);
}

// Refuses allocations of `size` bytes and more while it lives.
class RefuseFrom {
 public:
  explicit RefuseFrom(size_t size) {
    SetAllocationGate([size](size_t wanted) { return wanted < size; });
  }
  ~RefuseFrom() { SetAllocationGate({}); }
};

TEST(AllocationGate, RefusesWhatItIsToldToAndNothingElse) {
  {
    const RefuseFrom refuse(1000);
    const auto small = Buffer::Make(999, "test.make");
    EXPECT_TRUE(small);
    const auto large = Buffer::Make(1000, "test.make");
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code(), Errc::kNoMemory);
    EXPECT_EQ(large.error().operation(), "test.make");
    EXPECT_EQ(AllocateBytes(1000, 16), nullptr);
  }
  EXPECT_TRUE(Buffer::Make(1000, "test.make"));
}

TEST(AllocationGate, AFailedReserveChangesNothing) {
  ByteBuffer buffer;
  ASSERT_TRUE(buffer.Append(AsBytes("abc")));
  {
    const RefuseFrom refuse(1000);
    const Status status = buffer.Reserve(1000);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Errc::kNoMemory);
  }
  EXPECT_EQ(AsText(buffer.view()), "abc");
  ASSERT_TRUE(buffer.Append(AsBytes("def")));
  EXPECT_EQ(AsText(buffer.view()), "abcdef");
}

}  // namespace
}  // namespace manifolddb::base
