#pragma once
// The lock seam: every lock and every wait of the engine comes from here, annotated for clang's thread-safety
// analysis and checked against the lock hierarchy. The simulator may put its own scheduler under this header.

#include <cstdint>
#if defined(__STDCPP_THREADS__)
#include <chrono>
#include <condition_variable>
#include <mutex>
#endif

#include "engine/base/assert.h"
#include "engine/base/lock_rank.h"

#if defined(__clang__)
#define MANIFOLDDB_TSA(x) __attribute__((x))
#else
#define MANIFOLDDB_TSA(x)
#endif
#define CAPABILITY(x) MANIFOLDDB_TSA(capability(x))
#define SCOPED_CAPABILITY MANIFOLDDB_TSA(scoped_lockable)
#define GUARDED_BY(x) MANIFOLDDB_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) MANIFOLDDB_TSA(pt_guarded_by(x))
#define REQUIRES(...) MANIFOLDDB_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MANIFOLDDB_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) MANIFOLDDB_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) MANIFOLDDB_TSA(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) MANIFOLDDB_TSA(try_acquire_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS MANIFOLDDB_TSA(no_thread_safety_analysis)

namespace manifolddb::base {

// Run-time half of the hierarchy; no-ops where MANIFOLDDB_SLOW_CHECKS is 0.
void NoteAcquire(LockRank rank);
void NoteRelease(LockRank rank);
// Asserts that the calling thread holds no lock: said before every I/O and every wait for another party.
void AssertNoLocksHeld();

#if defined(__STDCPP_THREADS__)
using PlainMutex = std::mutex;
#else
// A target without threads, as wasm32: nobody else is there to take a lock, or to end a wait.
struct PlainMutex {
  void lock() {}
  void unlock() {}
};
#endif

#if MANIFOLDDB_SITES
// Names of their own: the harness's libraries are compiled without sites, and one program may link both.
inline namespace with_sites {

// The simulator's scheduler: what this thread does instead of waiting. Called without the lock; may return at
// any time, as every wait may. Null: it waits.
inline thread_local void (*simulated_wait)() = nullptr;

// A scheduler that runs one thread at a time and decides each switch, at locks as well, wants to know who
// waits for what and who wakes whom. Where there is one it has all waits of the thread.
class SwitchSeam {
 public:
  // A lock of this rank is about to be taken; it was.
  virtual void BeforeLock(LockRank rank) = 0;
  virtual void Locked(LockRank rank) = 0;
  // In place of a wait: for a lock that another thread has, or (`on` is a CondVar) until somebody wakes who
  // waits for it. `at_most`: or some time has passed. May return early, as every wait may.
  virtual void Wait(const void* on, bool at_most) = 0;
  // A lock was given back.
  virtual void Unlocked(const void* lock, LockRank rank) = 0;
  // Who waits for the CondVar was woken.
  virtual void Wake(const void* on) = 0;
  // An atomic is about to be stored or loaded by which threads tell each other something without a lock.
  virtual void AtPublishing() = 0;
  // A call to a file is about to be made that reads, writes, grows or syncs; one that syncs has come back.
  virtual void AtIo() = 0;

 protected:
  ~SwitchSeam() = default;
};
inline thread_local SwitchSeam* switch_seam = nullptr;

inline void AtPublishing() {
  if (switch_seam != nullptr) switch_seam->AtPublishing();
}
inline void AtIo() {
  if (switch_seam != nullptr) switch_seam->AtIo();
}
#else
// Said before such an atomic is stored or loaded, where another thread amid that could matter.
inline void AtPublishing() {}
inline void AtIo() {}
#endif

class CAPABILITY("mutex") Mutex {
 public:
  explicit Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ACQUIRE() {
    NoteAcquire(rank_);
#if MANIFOLDDB_SITES
    if (switch_seam != nullptr) {
      switch_seam->BeforeLock(rank_);
      while (!mutex_.try_lock()) switch_seam->Wait(this, false);
      switch_seam->Locked(rank_);
      return;
    }
#endif
    mutex_.lock();
  }
  void Unlock() RELEASE() {
    NoteRelease(rank_);  // before: who takes the lock next may destroy it
#if MANIFOLDDB_SITES
    const LockRank rank = rank_;
    mutex_.unlock();
    if (switch_seam != nullptr) switch_seam->Unlocked(this, rank);
#else
    mutex_.unlock();
#endif
  }

 private:
  friend class CondVar;
  PlainMutex mutex_;
  const LockRank rank_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits may wake without a reason: always wait in a loop over the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
#if MANIFOLDDB_SITES
    if (switch_seam != nullptr) return WaitInSeam(mutex, false);
    if (simulated_wait != nullptr) {
      mutex.Unlock();
      simulated_wait();
      mutex.Lock();
      return;
    }
#endif
#if defined(__STDCPP_THREADS__)
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
#else
    static_cast<void>(mutex);
    MANIFOLDDB_ASSERT(!"one thread waits for itself");
#endif
  }
  // Wait that ends after `nanos` at the latest: false, if that is why. Under the simulator's scheduler, which
  // knows no time, it is never why: count the returns as well.
  bool WaitAtMost(Mutex& mutex, uint64_t nanos) REQUIRES(mutex) {
#if MANIFOLDDB_SITES
    if (switch_seam != nullptr) {
      WaitInSeam(mutex, true);
      return true;
    }
    if (simulated_wait != nullptr) {
      Wait(mutex);
      return true;
    }
#endif
#if defined(__STDCPP_THREADS__)
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto why = condition_.wait_for(lock, std::chrono::nanoseconds(nanos));
    lock.release();
    return why == std::cv_status::no_timeout;
#else
    static_cast<void>(mutex), static_cast<void>(nanos);
    return false;
#endif
  }
  void NotifyOne() {
#if defined(__STDCPP_THREADS__)
    condition_.notify_one();
#endif
    TellSeam();
  }
  void NotifyAll() {
#if defined(__STDCPP_THREADS__)
    condition_.notify_all();
#endif
    TellSeam();
  }

 private:
#if MANIFOLDDB_SITES
  void WaitInSeam(Mutex& mutex, bool at_most) REQUIRES(mutex) {
    mutex.Unlock();
    switch_seam->Wait(this, at_most);
    mutex.Lock();
  }
  void TellSeam() const {
    if (switch_seam != nullptr) switch_seam->Wake(this);
  }
#else
  void TellSeam() const {}
#endif
#if defined(__STDCPP_THREADS__)
  std::condition_variable condition_;
#endif
};

#if MANIFOLDDB_SITES
}  // namespace with_sites
#endif

}  // namespace manifolddb::base
