// (1) Exactly one actor runs at any time, the one whose turn it is; turns change hands under mutex_, so that
//     what actors do is ordered.
// (2) Whoever is switched away from holds no lock of the engine: it sleeps in an I/O or is in a wait, which
//     gave its lock back.
// (3) Waits are polled: each time that somebody who did not wait stops (begins an I/O or a wait, or ends),
//     all who wait look again, kPollsMax times, before time goes on. Several times, because a look may itself
//     lead to something that lets another go on. One that would need yet another look gets it at the next
//     event: late in virtual time, but the same in every run.

#include "bench/exact/actors.h"

#include <algorithm>
#include <utility>

#include "bench/exact/allocations.h"
#include "bench/exact/data.h"
#include "engine/base/mutex.h"

namespace manifolddb::bench::exact {
namespace {

thread_local Actors* current_actors = nullptr;
thread_local void* current_actor = nullptr;

constexpr uint32_t kPollsMax = 4;
constexpr uint32_t kPollsHopeless = 1000;  // nobody sleeps, and so many looks were in vain

class ActorsExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override {
    const Uncounted harness;
    if (Actors* const actors = Actors::Current()) {
      actors->Spawn(std::move(work));
    } else {
      work();
    }
  }
};

}  // namespace

Actors::~Actors() = default;

Actors* Actors::Current() { return current_actors; }

void Actors::Run(std::vector<std::function<void()>> bodies) {
  const Uncounted harness;
  std::unique_lock lock(mutex_);
  for (auto& body : bodies) AddLocked(std::move(body));
  HandOnLocked();
  idle_.wait(lock, [&] { return turn_ == nullptr; });
  lock.unlock();
  for (const auto& actor : actors_) actor->thread.join();
  actors_.clear();
}

void Actors::Spawn(std::function<void()> body) {
  const std::lock_guard lock(mutex_);
  AddLocked(std::move(body));
}

void Actors::AddLocked(std::function<void()> body) {
  Actor& actor = *actors_.emplace_back(std::make_unique<Actor>());
  actor.until = now_;
  actor.order = ++orders_;
  actor.thread = std::thread([this, &actor, run = std::move(body)] { Body(actor, run); });
}

void Actors::Body(Actor& me, const std::function<void()>& body) {
  current_actors = this;
  current_actor = &me;
  base::simulated_wait = &Actors::Wait;
  {
    std::unique_lock lock(mutex_);
    WaitTurn(lock, me);
    me.state = Actor::State::kRunning;
  }
  body();
  base::simulated_wait = nullptr;
  current_actors = nullptr;
  const std::lock_guard lock(mutex_);
  me.state = Actor::State::kFinished;
  NoteEventLocked();
  HandOnLocked();
}

void Actors::WaitTurn(std::unique_lock<std::mutex>& lock, Actor& me) {
  me.wake.wait(lock, [&] { return turn_ == &me; });
}

void Actors::NoteEventLocked() {
  for (const auto& actor : actors_) actor->polls = 0;
}

// Those who wait and have not looked often enough since the last event come first, in the order of waiting;
// then who sleeps the shortest.
Actors::Actor* Actors::ChooseLocked(uint32_t polls_max) const {
  Actor* waiting = nullptr;
  Actor* sleeping = nullptr;
  for (const auto& actor : actors_) {
    if (actor->state == Actor::State::kWaiting && actor->polls < polls_max &&
        (waiting == nullptr || actor->order < waiting->order)) {
      waiting = actor.get();
    }
    if (actor->state == Actor::State::kSleeping &&
        (sleeping == nullptr ||
         std::pair(actor->until, actor->order) < std::pair(sleeping->until, sleeping->order))) {
      sleeping = actor.get();
    }
  }
  return waiting != nullptr ? waiting : sleeping;
}

void Actors::HandOnLocked() {
  Actor* next = ChooseLocked(kPollsMax);
  if (next == nullptr) next = ChooseLocked(kPollsHopeless);
  if (next == nullptr) {
    for (const auto& actor : actors_) {
      if (actor->state != Actor::State::kFinished) Die("every thread waits for another");
    }
    turn_ = nullptr;
    idle_.notify_one();
    return;
  }
  if (next->state == Actor::State::kSleeping) now_ = std::max(now_, next->until);
  turn_ = next;
  next->wake.notify_one();
}

void Actors::SleepUntil(uint64_t nanos) {
  if (current_actors != this) {
    now_ = std::max(now_, nanos);
    return;
  }
  const Uncounted harness;
  Actor& me = *static_cast<Actor*>(current_actor);
  std::unique_lock lock(mutex_);
  NoteEventLocked();
  me.acted = true;
  me.state = Actor::State::kSleeping;
  me.until = std::max(now_, nanos);
  me.order = ++orders_;
  HandOnLocked();
  WaitTurn(lock, me);
  me.state = Actor::State::kRunning;
}

// In place of a wait of the engine's.
void Actors::Wait() {
  const Uncounted harness;
  Actors& self = *current_actors;
  Actor& me = *static_cast<Actor*>(current_actor);
  std::unique_lock lock(self.mutex_);
  if (std::exchange(me.acted, false)) self.NoteEventLocked();
  ++me.polls;
  me.state = Actor::State::kWaiting;
  me.order = ++self.orders_;
  self.HandOnLocked();
  self.WaitTurn(lock, me);
  me.state = Actor::State::kRunning;
}

Platform ActorsPlatform() {
  const auto actors = std::make_shared<Actors>();
  return {.timeline = actors,
          .executor = std::make_shared<ActorsExecutor>(),
          .run = [actors](std::vector<std::function<void()>> bodies) { actors->Run(std::move(bodies)); },
          .side_by_side = true};
}

}  // namespace manifolddb::bench::exact
