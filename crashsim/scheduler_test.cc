// The scheduler: one at a time, the same for the same seed, and deadlocks are noticed.
#include "crashsim/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/mutex.h"

namespace manifolddb::crashsim {
namespace {

[[noreturn]] void Die() { std::_Exit(7); }

std::vector<int> Interleaving(uint64_t seed, Scheduler::Habits habits = {}) {
  std::vector<int> order;
  Scheduler scheduler(seed, habits, Die);
  std::vector<std::function<void()>> bodies;
  for (int actor = 0; actor < 3; ++actor) {
    bodies.push_back([&order, &scheduler, actor] {
      for (int i = 0; i < 20; ++i) {
        order.push_back(actor);
        scheduler.Yield(50);
      }
    });
  }
  scheduler.Run(std::move(bodies));
  return order;
}

TEST(Scheduler, RepeatsItselfForTheSameSeedAndMixesActors) {
  const std::vector<int> order = Interleaving(3);
  EXPECT_EQ(order.size(), 60u);
  EXPECT_EQ(order, Interleaving(3));
  EXPECT_NE(order, Interleaving(4));
  int switches = 0;
  for (size_t i = 1; i < order.size(); ++i) switches += order[i] != order[i - 1];
  EXPECT_GT(switches, 10);
}

// What one actor does while another is held back.
TEST(Scheduler, HoldsOneBackWhileTheOthersGoOn) {
  const auto longest_absence = [](const std::vector<int>& order) {
    size_t longest = 0;
    for (int actor = 0; actor < 3; ++actor) {
      size_t last = order.size();
      for (size_t i = 0; i < order.size(); ++i) {
        if (order[i] != actor) continue;
        if (last < i) longest = std::max(longest, i - last);
        last = i;
      }
    }
    return longest;
  };
  size_t held = 0;
  size_t free = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<int> order = Interleaving(seed, {.hold_percent = 30});
    EXPECT_EQ(order.size(), 60u) << "in the end everybody is done";
    EXPECT_EQ(order, Interleaving(seed, {.hold_percent = 30}));
    held += longest_absence(order);
    free += longest_absence(Interleaving(seed));
  }
  EXPECT_GT(held, free * 5 / 4);
}

TEST(Scheduler, LetsTheEnginesWaitsThrough) {
  base::Mutex mutex(base::LockRank::kFamilies);
  base::CondVar changed;
  bool ready = false;
  int seen = 0;
  Scheduler scheduler(1, {}, Die);
  scheduler.Run({[&] {
                   base::MutexLock lock(mutex);
                   while (!ready) changed.Wait(mutex);
                   ++seen;
                 },
                 [&] {
                   for (int i = 0; i < 10; ++i) scheduler.Yield(50);
                   base::MutexLock lock(mutex);
                   ready = true;
                   changed.NotifyAll();
                 }});
  EXPECT_EQ(seen, 1);
}

TEST(Scheduler, WaitsForWhatActorsSpawn) {
  int done = 0;
  Scheduler scheduler(9, {}, Die);
  auto executor = MakeScheduledExecutor();
  scheduler.Run({[&] { executor->Submit([&] { ++done; }); }});
  EXPECT_EQ(done, 1);
  executor->Submit([&] { ++done; });
  EXPECT_EQ(done, 2) << "without a scheduler it runs at once";
}

TEST(SchedulerDeathTest, NoticesThatEverybodyWaits) {
  EXPECT_EXIT(
      {
        base::Mutex mutex(base::LockRank::kFamilies);
        base::CondVar never;
        Scheduler scheduler(1, {}, Die);
        const auto wait = [&] {
          base::MutexLock lock(mutex);
          for (;;) never.Wait(mutex);
        };
        scheduler.Run({wait, wait});
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace manifolddb::crashsim
