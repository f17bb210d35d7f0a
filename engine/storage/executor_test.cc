#include "manifolddb/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "engine/base/mutex.h"

namespace manifolddb {
namespace {

TEST(Executor, InlineRunsTheWorkInsideSubmit) {
  auto executor = MakeInlineExecutor();
  std::vector<int> order;
  executor->Submit([&] {
    order.push_back(1);
    executor->Submit([&] { order.push_back(2); });
  });
  order.push_back(3);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Executor, TheThreadRunsAllWorkInOrderBeforeItIsJoined) {
  std::vector<int> order;
  std::thread::id id;
  {
    auto executor = MakeThreadExecutor();
    for (int i = 0; i < 1000; ++i) {
      executor->Submit([&order, &id, i] {
        order.push_back(i);
        id = std::this_thread::get_id();
      });
    }
  }
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_NE(id, std::this_thread::get_id());
}

TEST(Executor, APoolRunsAsMuchAtOnceAsItHasThreads) {
  constexpr int kThreads = 3;
  std::latch all(kThreads);  // nobody goes on before all have come
  std::atomic<int> ran = 0;
  {
    auto executor = MakeThreadPoolExecutor(kThreads);
    for (int i = 0; i < kThreads; ++i) executor->Submit([&] { all.arrive_and_wait(); });
    for (int i = 0; i < 100; ++i) executor->Submit([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(Executor, APoolThatIsBeingDestroyedRunsWhatItsWorkSubmits) {
  std::atomic<int> ran = 0;
  {
    auto executor = MakeThreadPoolExecutor(4);
    Executor* raw = executor.get();
    executor->Submit([&ran, raw] {
      for (int i = 0; i < 10; ++i) raw->Submit([&ran] { ++ran; });
    });
  }
  EXPECT_EQ(ran, 10);
}

TEST(Executor, WorkSubmittedByWorkRunsAlthoughTheExecutorIsBeingDestroyed) {
  int ran = 0;
  {
    auto executor = MakeThreadExecutor();
    Executor* raw = executor.get();
    executor->Submit([&ran, raw] {
      ++ran;
      raw->Submit([&ran] { ++ran; });
    });
  }
  EXPECT_EQ(ran, 2);
}

TEST(Executor, TheWorkMayBeTheLastOwner) {
  struct Gate {  // outlives the thread, which nobody joins
    base::Mutex mutex{base::LockRank::kLifecycle};
    base::CondVar changed;
    bool released GUARDED_BY(mutex) = false;
    bool done GUARDED_BY(mutex) = false;
  };
  static Gate gate;
  {
    auto executor = MakeThreadExecutor();
    Executor& target = *executor;
    target.Submit([owner = std::move(executor)]() mutable {
      {
        base::MutexLock lock(gate.mutex);
        while (!gate.released) gate.changed.Wait(gate.mutex);
      }
      owner.reset();
      base::MutexLock lock(gate.mutex);
      gate.done = true;
      gate.changed.NotifyAll();
    });
  }
  base::MutexLock lock(gate.mutex);
  gate.released = true;
  gate.changed.NotifyAll();
  while (!gate.done) gate.changed.Wait(gate.mutex);
  SUCCEED();
}

TEST(Executor, TheMonotonicClockNeverGoesBack) {
  auto clock = MakeMonotonicClock();
  uint64_t last = clock->NowNanos();
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = clock->NowNanos();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace manifolddb
