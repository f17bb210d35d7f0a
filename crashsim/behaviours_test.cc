#include "crashsim/behaviours.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <set>

#include "crashsim/random.h"

namespace manifolddb::crashsim {
namespace {

TEST(Behaviours, CountEachProgramOnce) {
  const auto seen = std::make_unique<Behaviours>();
  seen->Note(7, 0);
  seen->Note(7, 0);
  seen->Note(7, 2);
  seen->Note(7 + Behaviours::kMax, 2);  // meets the other one's slot
  seen->Note(0, 2);
  std::map<uint64_t, uint64_t> programs;
  seen->AddTo(programs);
  EXPECT_EQ(programs, (std::map<uint64_t, uint64_t>{{7, 2}, {7 + Behaviours::kMax, 1}, {1, 1}}));
  seen->AddTo(programs);  // a second worker's
  EXPECT_EQ(programs[7], 4u);
  EXPECT_EQ(seen->lost(), 0u);
}

TEST(Behaviours, SayWhenThereIsNoRoom) {
  const auto seen = std::make_unique<Behaviours>();
  for (uint64_t i = 1; i <= Behaviours::kMax; ++i) seen->Note(i, 0);
  EXPECT_EQ(seen->lost(), 0u);
  seen->Note(Behaviours::kMax + 1, 0);
  EXPECT_EQ(seen->lost(), 1u);
}

TEST(EstimateUnseen, KnowsTheEnds) {
  EXPECT_EQ(EstimateUnseen({}, 0).next, 0);
  const Unseen all_seen = EstimateUnseen({{1, 9}, {2, 5}}, 10);
  EXPECT_EQ(all_seen.next, 0);
  EXPECT_EQ(all_seen.at_least, 0);
  EXPECT_EQ(all_seen.coverage, 1);
  EXPECT_FALSE(all_seen.believed) << "of ten programs";
  EXPECT_TRUE(EstimateUnseen({{1, 9}}, 30).believed);
  EXPECT_FALSE(EstimateUnseen({{1, 9}}, 30, 1).believed) << "there was no room";
  const Unseen nothing_twice = EstimateUnseen({{1, 1}, {2, 1}, {3, 1}}, 4);
  EXPECT_EQ(nothing_twice.next, 0.75);
  EXPECT_NEAR(nothing_twice.at_least, 0.75 * 3, 1e-9);
  EXPECT_NEAR(nothing_twice.coverage, 0, 1e-9);
}

// Programs that show rare things rarely: what is expected of the next ones is what they show.
TEST(EstimateUnseen, ForetellsWhatTheNextProgramsShow) {
  constexpr uint64_t kThere = 400;  // behaviours; the i-th is shown by a program in i + 1
  constexpr uint64_t kTried = 60;
  constexpr uint64_t kMore = 60;
  double foretold = 0;
  double shown = 0;
  uint64_t beyond = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const auto program = [&] {
      std::set<uint64_t> shows;
      for (uint64_t i = 1; i <= kThere; ++i) {
        if (random.Below(i + 1) == 0) shows.insert(i);
      }
      return shows;
    };
    std::map<uint64_t, uint64_t> programs;
    for (uint64_t i = 0; i < kTried; ++i) {
      for (const uint64_t behaviour : program()) ++programs[behaviour];
    }
    const Unseen unseen = EstimateUnseen(programs, kTried);
    foretold += unseen.next;
    if (unseen.at_least <= static_cast<double>(kThere - programs.size())) ++beyond;
    uint64_t fresh = 0;
    for (uint64_t i = 0; i < kMore; ++i) {
      for (const uint64_t behaviour : program()) fresh += programs.contains(behaviour) ? 0 : 1;
    }
    shown += static_cast<double>(fresh) / static_cast<double>(kMore);
  }
  EXPECT_NEAR(foretold / shown, 1, 0.05);
  EXPECT_GE(beyond, 32u) << "a lower bound, by and large";
}

}  // namespace
}  // namespace manifolddb::crashsim
