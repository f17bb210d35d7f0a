// Threads in virtual time: their order, and durable writes side by side.

#include "bench/exact/actors.h"

#include <gtest/gtest.h>

#include "bench/exact/fit.h"
#include "bench/exact/parallel_fit.h"
#include "engine/base/mutex.h"

namespace manifolddb::bench::exact {
namespace {

TEST(Actors, RunInTheOrderOfTime) {
  Actors actors;
  std::vector<std::pair<uint64_t, int>> seen;
  const auto sleeper = [&](int who, uint64_t nap) {
    return [&, who, nap] {
      for (int i = 0; i < 3; ++i) {
        actors.SleepUntil(actors.Now() + nap);
        seen.emplace_back(actors.Now(), who);
      }
    };
  };
  actors.Run({sleeper(1, 10), sleeper(2, 15)});
  const std::vector<std::pair<uint64_t, int>> expected = {{10, 1}, {15, 2}, {20, 1},
                                                          {30, 2}, {30, 1}, {45, 2}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(actors.Now(), 45U);
}

TEST(Actors, WhoWaitsGoesOnWhenWhatItWaitsForIsThere) {
  Actors actors;
  base::Mutex mutex{base::LockRank::kStorage};
  base::CondVar changed;
  bool there = false;
  uint64_t seen_at = 0;
  actors.Run({[&] {
                base::MutexLock lock(mutex);
                while (!there) changed.Wait(mutex);
                seen_at = actors.Now();
              },
              [&] {
                actors.SleepUntil(100);
                {
                  base::MutexLock lock(mutex);
                  there = true;
                }
                changed.NotifyAll();
                actors.SleepUntil(500);
              }});
  EXPECT_EQ(seen_at, 100U);
}

TEST(Actors, SpawnedOnesAreWaitedFor) {
  Actors actors;
  bool done = false;
  actors.Run({[&] {
    actors.Spawn([&] {
      actors.SleepUntil(70);
      done = true;
    });
  }});
  EXPECT_TRUE(done);
  EXPECT_EQ(actors.Now(), 70U);
}

TEST(DiskModel, SeveralThreadsAreWithinATenthOfTheMeasuredDisk) {
  for (const MeasuredThreads& row : kMeasuredParallel) {
    const std::array<double, 3> modelled = ModelledThreads(DiskModel{}, row.durable_call);
    for (size_t i = 0; i < modelled.size(); ++i) {
      EXPECT_NEAR(modelled[i], row.per_second[i], row.per_second[i] / 10)
          << row.name << ", " << kMeasuredThreads[i] << " threads";
    }
  }
}

}  // namespace
}  // namespace manifolddb::bench::exact
