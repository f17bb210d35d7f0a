#pragma once
// Where the engine's background work runs, and what time it is. The engine starts no thread and reads no
// clock of its own.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace manifolddb {

// Who does work in the background. Implementations are called from any thread.
class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` once: on another thread at some time, or here and now. Never drops it. The caller holds no
  // lock. Work of the engine throws nothing; that of ReadTable::ParallelScan lets exceptions of its caller's
  // function pass. Those made below let them pass too: on a thread of theirs that ends the process.
  virtual void Submit(std::function<void()> work) = 0;
};

// One background thread, started by the first Submit, joined by the destructor after all work has run.
std::shared_ptr<Executor> MakeThreadExecutor();
// As many threads as given, at least one, started as work comes, joined by the destructor after all work has
// run. For ReadTable::ParallelScan; a database's own background work is content with one.
std::shared_ptr<Executor> MakeThreadPoolExecutor(size_t threads);
// Runs the work inside Submit: for one thread, for the browser, for simulation.
std::shared_ptr<Executor> MakeInlineExecutor();

// Where the engine has the time from.
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since some fixed moment; never goes back. Thread-safe.
  virtual uint64_t NowNanos() = 0;
};

// The system's, which does not jump when somebody sets the time.
std::shared_ptr<Clock> MakeMonotonicClock();

}  // namespace manifolddb
