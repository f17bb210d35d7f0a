#include "engine/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace manifolddb::base {
namespace {

class Counter {
 public:
  void Add(int times) EXCLUDES(mutex_) {
    for (int i = 0; i < times; ++i) {
      MutexLock lock(mutex_);
      ++count_;
      changed_.NotifyAll();
    }
  }
  void AwaitAtLeast(int wanted) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (count_ < wanted) changed_.Wait(mutex_);
  }
  int count() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return count_;
  }

 private:
  Mutex mutex_{LockRank::kCommitQueue};
  CondVar changed_;
  int count_ GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, LetsOneThreadInAtATime) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { counter.Add(2000); });
  counter.AwaitAtLeast(8000);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.count(), 8000);
}

TEST(Mutex, AWaitGivesTheLockBack) {
  Counter counter;
  std::thread waiting([&] { counter.AwaitAtLeast(1); });
  counter.Add(1);
  waiting.join();
  AssertNoLocksHeld();
}

#if MANIFOLDDB_SLOW_CHECKS
TEST(LockRank, LocksAreTakenUpwards) {
  Mutex low(LockRank::kFamilies);
  Mutex high(LockRank::kPageCache);
  MutexLock first(low);
  MutexLock second(high);
  EXPECT_DEATH(AssertNoLocksHeld(), "assertion failed: held.count == 0");
}

void TakeDownwards() {
  Mutex low(LockRank::kFamilies);
  Mutex high(LockRank::kPageCache);
  MutexLock first(high);
  MutexLock second(low);
}
void TakeEqual() {
  Mutex one(LockRank::kStorage);
  Mutex other(LockRank::kStorage);
  MutexLock first(one);
  MutexLock second(other);
}

TEST(LockRank, TakingDownwardsDies) {
  EXPECT_DEATH(TakeDownwards(), "assertion failed: held.count == 0 \\|\\|");
}
TEST(LockRank, TakingTwoOfOneRankDies) {
  EXPECT_DEATH(TakeEqual(), "assertion failed: held.count == 0 \\|\\|");
}

TEST(LockRank, ReleasesComeInAnyOrder) {
  Mutex low(LockRank::kFamilies);
  Mutex middle(LockRank::kAllocator);
  Mutex high(LockRank::kStorage);
  low.Lock();
  middle.Lock();
  low.Unlock();
  high.Lock();
  middle.Unlock();
  high.Unlock();
  AssertNoLocksHeld();
  low.Lock();
  low.Unlock();
}

TEST(LockRank, WhatAThreadHoldsIsItsOwn) {
  Mutex high(LockRank::kStorage);
  Mutex low(LockRank::kFamilies);
  MutexLock held(high);
  std::thread other([&] {
    AssertNoLocksHeld();
    MutexLock lock(low);
  });
  other.join();
}
#endif

}  // namespace
}  // namespace manifolddb::base
