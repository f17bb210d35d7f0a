#include "engine/recovery/recovery_plan.h"

#include <gtest/gtest.h>

namespace manifolddb::recovery {
namespace {

using format::CopyOrder;
using format::DecodedMeta;
using format::Life;
using format::MetaNumber;
using format::MetaPage;
using format::MetaVerdict;

DecodedMeta Copy(uint64_t number, uint64_t life, CopyOrder order) {
  DecodedMeta copy;
  copy.verdict = MetaVerdict::kValid;
  copy.meta.number = MetaNumber{number};
  copy.meta.life = Life{life};
  copy.meta.log_life = Life{life};
  copy.meta.copy_order = order;
  copy.meta.page_size = 4096;
  copy.meta.write_unit = 4096;
  return copy;
}

DecodedMeta Unreadable(MetaVerdict verdict = MetaVerdict::kDamaged) {
  DecodedMeta copy;
  copy.verdict = verdict;
  copy.why = "wrong checksum";
  return copy;
}

constexpr CopyOrder k1st = CopyOrder::kFirst;
constexpr CopyOrder k2nd = CopyOrder::kSecond;

// Slot A holds odd numbers.
TEST(RecoveryPlan, TheGreaterNumberCounts) {
  const auto plan =
      PlanFromMeta({{{Copy(3, 1, k1st), Copy(3, 1, k2nd)}, {Copy(4, 1, k1st), Copy(4, 1, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.number.raw(), 4u);
  EXPECT_EQ(plan->slot, 1);
}

TEST(RecoveryPlan, TheCopyWrittenLastIsRewrittenFirst) {
  auto plan =
      PlanFromMeta({{{Copy(3, 1, k1st), Copy(3, 1, k2nd)}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->first_copy, (std::array{1, 1}));
  // A life began by writing copy 1 first: then copy 0 was the last.
  plan = PlanFromMeta({{{Copy(3, 2, k2nd), Copy(3, 2, k1st)}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->first_copy, (std::array{0, 1}));
}

TEST(RecoveryPlan, AHalfBegunLifeGoesOnWithTheCopyItWroteLast) {
  const auto plan =
      PlanFromMeta({{{Copy(3, 1, k1st), Copy(3, 2, k1st)}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.life.raw(), 2u);
  EXPECT_EQ(plan->first_copy, (std::array{1, 1}));
}

TEST(RecoveryPlan, AnUnreadableCopyIsRewrittenFirst) {
  for (int unreadable = 0; unreadable < 4; ++unreadable) {
    MetaArea area{{{Copy(3, 1, k1st), Copy(3, 1, k2nd)}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}};
    const auto slot = static_cast<size_t>(unreadable / 2);
    area[slot][static_cast<size_t>(unreadable % 2)] = Unreadable();
    const auto plan = PlanFromMeta(area, "db");
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->newest.number.raw(), 3u);
    EXPECT_EQ(plan->slot, 0);
    EXPECT_EQ(plan->first_copy[slot], unreadable % 2);
    EXPECT_EQ(plan->first_copy[1 - slot], 1) << "written last";
  }
}

TEST(RecoveryPlan, AHalfWrittenCheckpointCounts) {
  const auto plan =
      PlanFromMeta({{{Copy(5, 1, k1st), Copy(3, 1, k2nd)}, {Copy(4, 1, k1st), Copy(4, 1, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.number.raw(), 5u);
  EXPECT_EQ(plan->first_copy, (std::array{0, 1}));
}

// What a life leaves: the newest page in both slots, until the next checkpoint takes one of them.
TEST(RecoveryPlan, TheNewestPageMayLieInBothSlots) {
  auto plan =
      PlanFromMeta({{{Copy(4, 2, k1st), Copy(4, 2, k2nd)}, {Copy(4, 2, k1st), Copy(4, 2, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.number.raw(), 4u);
  EXPECT_EQ(plan->first_copy, (std::array{1, 1}));
  plan = PlanFromMeta({{{Copy(5, 2, k1st), Copy(4, 2, k2nd)}, {Copy(4, 2, k1st), Copy(4, 2, k2nd)}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.number.raw(), 5u);
  EXPECT_EQ(plan->first_copy, (std::array{0, 1}));
}

// A process was killed in the first round of its step 1, which went from the other slot to this one.
TEST(RecoveryPlan, ALifeThatReachedTheOtherSlotOnlyCounts) {
  const auto plan =
      PlanFromMeta({{{Copy(4, 3, k1st), Copy(3, 1, k2nd)}, {Copy(4, 2, k1st), Unreadable()}}}, "db");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->newest.life.raw(), 3u);
  EXPECT_EQ(plan->slot, 0);
  EXPECT_EQ(plan->first_copy, (std::array{0, 1}));
}

// What only one copy states stays untouched until the other slot states it too (G6).
TEST(RecoveryPlan, TheOnlyCopyOfTheNewestNumberIsGuarded) {
  const auto lone = [](const MetaArea& area) { return PlanFromMeta(area, "db")->lone_slot; };
  const auto old = Copy(4, 2, k2nd);
  EXPECT_EQ(lone({{{Copy(4, 2, k1st), old}, {Copy(4, 2, k1st), old}}}), std::nullopt);
  EXPECT_EQ(lone({{{Copy(6, 2, k1st), old}, {Copy(5, 2, k1st), Copy(5, 2, k2nd)}}}), 0);
  EXPECT_EQ(lone({{{Copy(4, 2, k1st), old}, {Copy(5, 2, k1st), old}}}), 1);
  EXPECT_EQ(lone({{{Copy(4, 2, k1st), old}, {Copy(5, 2, k1st), Unreadable()}}}), std::nullopt)
      << "the unreadable copy goes first";
  EXPECT_EQ(lone({{{Copy(5, 3, k1st), old}, {Copy(5, 2, k1st), old}}}), 1)
      << "a step 1 that was killed left the younger one";
}

TEST(RecoveryPlan, ASlotWithBothCopiesUnreadableIsDamageNotAStepBack) {
  const auto plan =
      PlanFromMeta({{{Unreadable(), Unreadable()}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}}, "db");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), Errc::kCorrupt);
}

TEST(RecoveryPlan, NothingOfOursIsNotADatabase) {
  const DecodedMeta alien = Unreadable(MetaVerdict::kNotOurs);
  const auto plan = PlanFromMeta({{{alien, alien}, {alien, alien}}}, "db");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), Errc::kNotADatabase);
}

TEST(RecoveryPlan, ANewerFormatIsSaidToBeOne) {
  const DecodedMeta newer = Unreadable(MetaVerdict::kNewerFormat);
  const auto plan = PlanFromMeta({{{newer, newer}, {newer, newer}}}, "db");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), Errc::kNewerFormat);
}

TEST(RecoveryPlan, MetaPagesOfTwoDatabasesAreDamage) {
  MetaArea area{{{Copy(3, 1, k1st), Copy(3, 1, k2nd)}, {Copy(2, 1, k1st), Copy(2, 1, k2nd)}}};
  area[1][0].meta.identity[0] = std::byte{1};
  const auto plan = PlanFromMeta(area, "db");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), Errc::kCorrupt);
}

TEST(BeginLife, ACleanCheckpointHasTheNewLifesLogBehindIt) {
  MetaPage meta = Copy(3, 7, k1st).meta;
  meta.clean = true;
  const auto begun = BeginLife({.newest = meta}, "db");
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->life.raw(), 8u);
  EXPECT_EQ(begun->log_life.raw(), 8u);
  EXPECT_FALSE(begun->clean);
}

TEST(BeginLife, AfterACrashTheLogOfTheLastLifeStillFollows) {
  MetaPage meta = Copy(3, 9, k1st).meta;
  meta.log_life = Life{7};  // two openings that never finished a checkpoint
  const auto begun = BeginLife({.newest = meta}, "db");
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->life.raw(), 10u);
  EXPECT_EQ(begun->log_life.raw(), 7u);
}

// The other slot is written in the life between, before the lone copy is touched.
TEST(BeginLife, ALoneCopyIsGuardedByALifeBetween) {
  MetaPage meta = Copy(3, 9, k1st).meta;
  meta.log_life = Life{7};
  const auto begun = BeginLife({.newest = meta, .lone_slot = 0}, "db");
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->life.raw(), 11u);
  EXPECT_EQ(begun->log_life.raw(), 7u);
  EXPECT_EQ(GuardOf(*begun).life.raw(), 10u);
  EXPECT_EQ(GuardOf(*begun).log_life.raw(), 7u);
  meta.clean = true;
  const auto after_close = BeginLife({.newest = meta, .lone_slot = 0}, "db");
  ASSERT_TRUE(after_close);
  EXPECT_EQ(after_close->log_life.raw(), 11u);
  EXPECT_EQ(GuardOf(*after_close).log_life.raw(), 10u);
  EXPECT_FALSE(GuardOf(*after_close).clean);
}

TEST(BeginLife, LivesAreBounded) {
  EXPECT_TRUE(BeginLife({.newest = Copy(3, format::kLifeMax - 1, k1st).meta}, "db"));
  const auto begun = BeginLife({.newest = Copy(3, format::kLifeMax, k1st).meta}, "db");
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code(), Errc::kLimit);
}

}  // namespace
}  // namespace manifolddb::recovery
