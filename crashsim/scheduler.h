#pragma once
// Runs several threads one at a time, switching only where they do I/O, wait, or say so: the same seed gives
// the same interleaving. The engine's waits come here (base::simulated_wait), its I/O through a
// ScheduledStorage.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "crashsim/lock_graph.h"
#include "crashsim/random.h"
#include "engine/base/mutex.h"
#include "manifolddb/executor.h"
#include "manifolddb/storage.h"

namespace manifolddb::crashsim {

// Where an actor may be switched away from. What it does is counted in steps, and in each of them from 0 in
// events, so that whoever runs the same steps over the same seam can count them as well: the step's
// beginning, what the seam tells (before a lock, at an atomic that publishes, at an I/O), a wait, and behind
// the last step the end. What the harness alone does is no event (`counts`), nor is what comes of reading
// contents, which others may do with other calls: the next event then has this number.
struct Moment {
  enum class At : uint8_t { kStep, kLock, kPublishing, kIo, kWait, kEnd, kElse };
  size_t actor = 0;
  size_t step = 0;
  uint64_t event = 0;
  At at = At::kElse;
  bool counts = false;
};

// Decides every switch, where chance is not to.
class Director {
 public:
  // The actor that runs is there: told before Choose and Only are asked, and where nobody is asked.
  virtual void Meet(const Moment& /*moment*/) {}
  // Which of `actors` goes on, by position; they are named by numbers, in the order in which they were added.
  // If the one that ran may go on it is the first of them; otherwise (`forced`) it waits or has ended, or
  // none has run yet.
  virtual size_t Choose(std::span<const size_t> actors, bool forced) = 0;
  // There was nothing to choose: nobody but this one can go on.
  virtual void Only(size_t /*actor*/) {}
  // Is it asked at atomics that publish as well?
  virtual bool AtPublishing() const { return false; }
  // An actor goes on.
  virtual void GoesOn(size_t /*actor*/) {}

 protected:
  ~Director() = default;
};

class Scheduler final : public base::SwitchSeam {
 public:
  // How often, at an I/O, another actor goes on; and how often the one that it went on from is held back for
  // some turns, as by an I/O that takes long, while the others do all that they can.
  struct Habits {
    uint32_t switch_percent = 50;
    uint32_t hold_percent = 0;
  };

  // `on_deadlock` is called, and must not return, when every actor waits for another. With a director, seed
  // and habits say nothing: it is asked before each lock and each I/O, at waits, when an actor has ended, and
  // at atomics if it wants to be. Who waits goes on only when somebody has woken it, so a wake-up that is
  // missing is a deadlock.
  // `locks` is told which locks they ask for inside which others; with a director only.
  Scheduler(uint64_t seed, Habits habits, std::function<void()> on_deadlock, Director* director = nullptr,
            LockGraph* locks = nullptr);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Runs `bodies` side by side until all, and all that they spawned, have returned. Not from an actor.
  void Run(std::vector<std::function<void()>> bodies);
  // From an actor: one more, which begins at some later switch.
  void Spawn(std::function<void()> body);

  // From an actor: perhaps another goes on. From any other thread: no effect.
  void Yield(uint32_t percent) { Yield(percent, habits_.hold_percent); }
  void Yield(uint32_t percent, uint32_t hold_percent);
  // From an actor: a step of its own begins. The same as Yield, but an event.
  void BeginStep(size_t step);
  uint32_t switch_percent() const { return habits_.switch_percent; }
  uint64_t switches() const { return switches_; }

  void BeforeLock(base::LockRank rank) override;
  void Locked(base::LockRank rank) override;
  void Unlocked(const void* lock, base::LockRank rank) override;
  void Wait(const void* on, bool at_most) override;
  void Wake(const void* on) override;
  void AtPublishing() override;
  void AtIo() override;

  // While it lives what the calling actor does is no event. Of any other thread: no effect.
  class Aside {
   public:
    Aside();
    ~Aside();
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;
  };

  // The scheduler whose actor the calling thread is; null if it is none.
  static Scheduler* Current();

 private:
  struct Actor {
    size_t number = 0;
    std::thread thread;
    std::condition_variable wake;
    bool waiting = false;             // for something that another actor must do
    const void* waits_for = nullptr;  // the same where a director decides: what it must be woken from
    bool at_most = false;             // but goes on as well when nobody does
    std::vector<base::LockRank> holds;
    size_t step = 0;
    uint64_t event = 0;  // of the step: the next one
    uint32_t aside = 0;
    uint32_t held = 0;  // turns for which others go on rather
    bool finished = false;
  };

  static void PolledWait();
  // Those that could go on; `first` before the others, if it is given.
  std::vector<Actor*> ReadyLocked(Actor* first, const Actor* besides) const;
  void SwitchHere(Moment::At at);
  void MeetLocked(Actor& me, Moment::At at);
  Actor* DirectLocked(const std::vector<Actor*>& ready, bool forced);
  void WaitTurn(std::unique_lock<std::mutex>& lock, Actor& me);
  void Body(Actor& me, const std::function<void()>& body);
  void AddLocked(std::function<void()> body);
  Actor* ChooseLocked(const Actor* besides);
  void HandTo(Actor* next);

  Director* const director_;
  LockGraph* const locks_;
  const Habits habits_;
  const std::function<void()> on_deadlock_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<std::unique_ptr<Actor>> actors_;
  Actor* turn_ = nullptr;
  Random random_;
  uint64_t fruitless_ = 0;  // waits in a row without anybody having done anything else
  uint64_t switches_ = 0;
};

// Another storage with switches before and after what it does.
std::shared_ptr<Storage> MakeScheduledStorage(std::shared_ptr<Storage> below);

// Runs work as an actor of its own where there is a scheduler, otherwise inside Submit.
std::shared_ptr<Executor> MakeScheduledExecutor();

// A clock that stands still but for one step per look.
std::shared_ptr<Clock> MakeSteppingClock(uint64_t nanos_per_look);

}  // namespace manifolddb::crashsim
