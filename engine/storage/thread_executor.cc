// One background thread.
//
// (1) Work runs in the order of submission, one at a time, each exactly once, also what is submitted by work
//     while the executor is being destroyed.
// (2) The queue outlives the executor: the last owner may be the work itself, on the thread itself.

#include <deque>
#include <system_error>
#include <thread>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
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
  ~ThreadExecutor() override {
    {
      base::MutexLock lock(queue_->mutex);
      queue_->stopping = true;
      queue_->changed.NotifyAll();
    }
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // (2): it ends by itself when the queue is empty
    } else {
      thread_.join();
    }
  }

  void Submit(std::function<void()> work) override {
    base::AssertNoLocksHeld();
    MANIFOLDDB_ASSERT(work != nullptr);
    if (!HasThread()) {
      work();
      return;
    }
    base::MutexLock lock(queue_->mutex);
    queue_->work.push_back(std::move(work));
    queue_->changed.NotifyOne();
  }

 private:
  // False where the system gives no thread: the work is done here and now instead.
  bool HasThread() EXCLUDES(start_mutex_) {
    base::MutexLock lock(start_mutex_);
    if (thread_.joinable()) return true;
    try {
      thread_ = std::thread([queue = queue_] { RunQueue(queue); });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  base::Mutex start_mutex_{base::LockRank::kExecutor};
  std::thread thread_;  // written under start_mutex_, read by the destructor
};

}  // namespace

std::shared_ptr<Executor> MakeThreadExecutor() { return std::make_shared<ThreadExecutor>(); }

}  // namespace manifolddb
