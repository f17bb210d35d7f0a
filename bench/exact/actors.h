#pragma once
// Threads in virtual time: each has its own place in it, they run one at a time, in the order of time and
// then of asking. The same bodies give the same interleaving. The engine's waits come here
// (base::simulated_wait), its I/O through a Disk over this timeline.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/exact/timeline.h"
#include "bench/exact/world.h"

namespace manifolddb::bench::exact {

class Actors final : public Timeline {
 public:
  Actors() = default;
  ~Actors() override;
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;

  // Runs `bodies` side by side until all, and all that they spawned, have returned. Not from an actor.
  void Run(std::vector<std::function<void()>> bodies);
  // From an actor: one more, beginning now.
  void Spawn(std::function<void()> body);

  uint64_t Now() const override { return now_; }
  // From an actor: others go on meanwhile. Outside of Run: moves the clock.
  void SleepUntil(uint64_t nanos) override;

  // Whose actor the calling thread is; null if it is none.
  static Actors* Current();

 private:
  struct Actor {
    std::thread thread;
    std::condition_variable wake;
    enum class State : uint8_t { kSleeping, kWaiting, kRunning, kFinished } state = State::kSleeping;
    uint64_t until = 0;  // while it sleeps
    uint64_t order = 0;  // of falling asleep, or of beginning to wait
    uint32_t polls = 0;  // since the last event
    bool acted = true;   // it began, or woke from sleep, and has not stopped since
  };

  static void Wait();
  void AddLocked(std::function<void()> body);
  void Body(Actor& me, const std::function<void()>& body);
  Actor* ChooseLocked(uint32_t polls_max) const;
  void HandOnLocked();
  void WaitTurn(std::unique_lock<std::mutex>& lock, Actor& me);
  void NoteEventLocked();

  uint64_t now_ = 0;  // changed by whose turn it is
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Actor>> actors_;
  const Actor* turn_ = nullptr;
  uint64_t orders_ = 0;
};

// Actors, and an executor that makes an actor of each work.
Platform ActorsPlatform();

}  // namespace manifolddb::bench::exact
