// Background threads.
//
// (1) Work begins in the order of submission, each exactly once, also what is submitted by work while the
//     executor is being destroyed; as many at a time as there are threads.
// (2) The queue outlives the executor: the last owner may be the work itself, on the thread itself.
// (3) A child after fork has none of the threads: there the work is done by who submits it, and nobody waits
//     for what stands for the parent's.

#include <algorithm>
#include <deque>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "engine/storage/posix_fork.h"
#include "manifolddb/executor.h"

namespace manifolddb {
namespace {

struct Queue {
  base::Mutex mutex{base::LockRank::kExecutor};
  base::CondVar changed;
  std::deque<std::function<void()>> work GUARDED_BY(mutex);
  bool stopping GUARDED_BY(mutex) = false;

  // The next piece of work; null when there will be none.
  std::function<void()> Take() EXCLUDES(mutex) {
    base::MutexLock lock(mutex);
    while (work.empty() && !stopping) changed.Wait(mutex);
    if (work.empty()) return nullptr;
    std::function<void()> next = std::move(work.front());
    work.pop_front();
    return next;
  }
};

void RunQueue(const std::shared_ptr<Queue>& queue) {
  while (std::function<void()> work = queue->Take()) work();
}

class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(size_t threads_max) : threads_max_(std::max<size_t>(threads_max, 1)) {}
  ~ThreadExecutor() override {
    if (InChild()) {
      // (3): they can be neither joined nor destroyed here, and the queue is theirs, too.
      static_cast<void>(new std::vector<std::thread>(std::move(threads_)));
      return;
    }
    {
      base::MutexLock lock(queue_->mutex);
      queue_->stopping = true;
      queue_->changed.NotifyAll();
    }
    {
      base::MutexLock lock(start_mutex_);
      ending_ = true;
    }
    for (std::thread& thread : threads_) {
      if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();  // (2): it ends by itself when the queue is empty
      } else {
        thread.join();
      }
    }
  }

  void Submit(std::function<void()> work) override {
    base::AssertNoLocksHeld();
    MANIFOLDDB_ASSERT(work != nullptr);
    if (InChild() || !HasThread()) {
      work();
      return;
    }
    base::MutexLock lock(queue_->mutex);
    queue_->work.push_back(std::move(work));
    queue_->changed.NotifyOne();
  }

 private:
  bool InChild() const { return generation_ != storage::ForkGeneration(); }
  // Starts one more as long as there are too few. False where the system gives none: the work is done here
  // and now instead.
  bool HasThread() EXCLUDES(start_mutex_) {
    base::MutexLock lock(start_mutex_);
    if (threads_.size() == threads_max_ || ending_) return true;
    try {
      threads_.emplace_back([queue = queue_] { RunQueue(queue); });
    } catch (const std::system_error&) {
      return !threads_.empty();
    }
    return true;
  }

  const size_t threads_max_;
  const uint64_t generation_ = storage::ForkGeneration();
  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  base::Mutex start_mutex_{base::LockRank::kExecutor};
  bool ending_ GUARDED_BY(start_mutex_) = false;
  std::vector<std::thread> threads_;  // written under start_mutex_ until ending_, then the destructor's
};

}  // namespace

std::shared_ptr<Executor> MakeThreadExecutor() { return std::make_shared<ThreadExecutor>(1); }
std::shared_ptr<Executor> MakeThreadPoolExecutor(size_t threads) {
  return std::make_shared<ThreadExecutor>(threads);
}

}  // namespace manifolddb
