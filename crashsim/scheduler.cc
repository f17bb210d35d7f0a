// (1) Exactly one actor runs at any time: the one whose turn it is. Turns change hands under mutex_, so
//     actors need no locks among themselves, and what they do is ordered for sanitizers as well.
// (2) Where chance decides, whoever is switched away from holds no lock of the engine: it is at an I/O, where
//     the engine holds none, or in a wait, which gave its lock back. So locks are never contended. A director
//     switches at locks and atomics as well: who finds a lock taken waits for it.
// (3) Waits are polled: an actor that waits is let go on now and then and looks again. If nobody did anything
//     else for many polls, nobody ever will.
#include "crashsim/scheduler.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "crashsim/beat.h"
#include "engine/base/mutex.h"

namespace manifolddb::crashsim {
namespace {

thread_local Scheduler* current_scheduler = nullptr;
thread_local void* current_actor = nullptr;

constexpr uint64_t kFruitlessMax = 2000;  // per actor
constexpr uint64_t kHeldTurnsMax = 60;

}  // namespace

Scheduler::Scheduler(uint64_t seed, Habits habits, std::function<void()> on_deadlock, Director* director,
                     LockGraph* locks)
    : director_(director),
      locks_(locks),
      habits_(habits),
      on_deadlock_(std::move(on_deadlock)),
      random_(seed) {}

Scheduler::~Scheduler() = default;

Scheduler* Scheduler::Current() { return current_scheduler; }

void Scheduler::Run(std::vector<std::function<void()>> bodies) {
  if (bodies.empty()) return;
  std::unique_lock lock(mutex_);
  for (auto& body : bodies) AddLocked(std::move(body));
  turn_ = director_ != nullptr ? DirectLocked(ReadyLocked(nullptr, nullptr), true)
                               : actors_[random_.Below(actors_.size())].get();
  if (director_ != nullptr) director_->GoesOn(turn_->number);
  turn_->wake.notify_one();
  idle_.wait(lock, [&] { return turn_ == nullptr; });
  lock.unlock();
  for (const auto& actor : actors_) actor->thread.join();
  actors_.clear();
}

void Scheduler::Spawn(std::function<void()> body) {
  const std::lock_guard lock(mutex_);
  fruitless_ = 0;
  AddLocked(std::move(body));
}

void Scheduler::AddLocked(std::function<void()> body) {
  Actor& actor = *actors_.emplace_back(std::make_unique<Actor>());
  actor.number = actors_.size() - 1;
  actor.thread = std::thread([this, &actor, run = std::move(body)] { Body(actor, run); });
}

void Scheduler::Body(Actor& me, const std::function<void()>& body) {
  current_scheduler = this;
  current_actor = &me;
  base::simulated_wait = &Scheduler::PolledWait;
  {
    std::unique_lock lock(mutex_);
    WaitTurn(lock, me);
  }
  if (director_ != nullptr) base::switch_seam = this;
  body();
  base::switch_seam = nullptr;
  base::simulated_wait = nullptr;
  current_scheduler = nullptr;
  current_actor = nullptr;
  const std::lock_guard lock(mutex_);
  if (director_ != nullptr) MeetLocked(me, Moment::At::kEnd);
  me.finished = true;
  fruitless_ = 0;
  HandTo(director_ != nullptr ? DirectLocked(ReadyLocked(nullptr, &me), true) : ChooseLocked(&me));
}

void Scheduler::WaitTurn(std::unique_lock<std::mutex>& lock, Actor& me) {
  me.wake.wait(lock, [&] { return turn_ == &me; });
}

void Scheduler::HandTo(Actor* next) {
  Beat();
  turn_ = next;
  ++switches_;
  if (director_ != nullptr && next != nullptr) director_->GoesOn(next->number);
  if (next != nullptr) {
    next->wake.notify_one();
  } else {
    idle_.notify_one();
  }
}

// Rather one that does not wait, none that is held back if there is another; among equals any.
Scheduler::Actor* Scheduler::ChooseLocked(const Actor* besides) {
  std::vector<Actor*> ready;
  std::vector<Actor*> waiting;
  std::vector<Actor*> held;
  for (const auto& actor : actors_) {
    if (actor.get() == besides || actor->finished) continue;
    (actor->held > 0 ? held : actor->waiting ? waiting : ready).push_back(actor.get());
    if (actor->held > 0) --actor->held;
  }
  if (ready.empty() && waiting.empty()) ready.swap(held);
  const bool poll = ready.empty() || (!waiting.empty() && random_.Chance(30));
  const std::vector<Actor*>& from = poll ? waiting : ready;
  return from.empty() ? nullptr : from[random_.Below(from.size())];
}

void Scheduler::Yield(uint32_t percent, uint32_t hold_percent) {
  if (current_scheduler != this) return;
  if (director_ != nullptr) return SwitchHere(Moment::At::kElse);
  std::unique_lock lock(mutex_);
  fruitless_ = 0;
  if (!random_.Chance(percent)) return;
  Actor& me = *static_cast<Actor*>(current_actor);
  Actor* const next = ChooseLocked(&me);
  if (next == nullptr) return;
  if (hold_percent > 0 && random_.Chance(hold_percent)) {
    me.held = static_cast<uint32_t>(1 + random_.Below(kHeldTurnsMax));
  }
  HandTo(next);
  WaitTurn(lock, me);
  me.held = 0;
}

// ---- Where a director decides

std::vector<Scheduler::Actor*> Scheduler::ReadyLocked(Actor* first, const Actor* besides) const {
  std::vector<Actor*> ready;
  if (first != nullptr) ready.push_back(first);
  for (const auto& actor : actors_) {
    const bool waits = actor->waits_for != nullptr && !actor->at_most;
    if (actor.get() != first && actor.get() != besides && !actor->finished && !waits) {
      ready.push_back(actor.get());
    }
  }
  return ready;
}

// Null: all have ended.
Scheduler::Actor* Scheduler::DirectLocked(const std::vector<Actor*>& ready, bool forced) {
  if (ready.size() > 1) {
    std::vector<size_t> numbers;
    for (const Actor* actor : ready) numbers.push_back(actor->number);
    return ready[director_->Choose(numbers, forced)];
  }
  if (ready.size() == 1) director_->Only(ready.front()->number);
  if (ready.empty() && !std::ranges::all_of(actors_, [](const auto& actor) { return actor->finished; })) {
    on_deadlock_();
  }
  return ready.empty() ? nullptr : ready.front();
}

void Scheduler::BeforeLock(base::LockRank rank) {
  if (locks_ != nullptr) locks_->Ask(static_cast<Actor*>(current_actor)->holds, rank);
  SwitchHere(Moment::At::kLock);
}

void Scheduler::Locked(base::LockRank rank) { static_cast<Actor*>(current_actor)->holds.push_back(rank); }

void Scheduler::Unlocked(const void* lock, base::LockRank rank) {
  std::vector<base::LockRank>& holds = static_cast<Actor*>(current_actor)->holds;
  const auto held = std::ranges::find(holds, rank);
  if (held != holds.end()) holds.erase(held);
  Wake(lock);
}

void Scheduler::BeginStep(size_t step) {
  if (director_ == nullptr) return Yield(habits_.switch_percent);
  Actor& me = *static_cast<Actor*>(current_actor);
  me.step = step;
  me.event = 0;
  SwitchHere(Moment::At::kStep);
}

void Scheduler::MeetLocked(Actor& me, Moment::At at) {
  const bool counts = at != Moment::At::kElse && me.aside == 0;
  director_->Meet({me.number, me.step, me.event, at, counts});
  if (counts) ++me.event;
}

void Scheduler::SwitchHere(Moment::At at) {
  Actor& me = *static_cast<Actor*>(current_actor);
  std::unique_lock lock(mutex_);
  MeetLocked(me, at);
  Actor* const next = DirectLocked(ReadyLocked(&me, nullptr), false);
  if (next == &me) return;
  HandTo(next);
  WaitTurn(lock, me);
}

void Scheduler::Wait(const void* on, bool at_most) {
  Actor& me = *static_cast<Actor*>(current_actor);
  std::unique_lock lock(mutex_);
  MeetLocked(me, Moment::At::kWait);
  me.waits_for = on;
  me.at_most = at_most;
  const std::vector<Actor*> others = ReadyLocked(nullptr, &me);
  if (!others.empty() || !at_most) {
    HandTo(DirectLocked(others, true));
    WaitTurn(lock, me);
  }
  me.waits_for = nullptr;
}

void Scheduler::Wake(const void* on) {
  const std::lock_guard lock(mutex_);
  for (const auto& actor : actors_) {
    if (actor->waits_for == on) actor->waits_for = nullptr;
  }
}

void Scheduler::AtPublishing() {
  if (director_->AtPublishing()) return SwitchHere(Moment::At::kPublishing);
  const std::lock_guard lock(mutex_);
  MeetLocked(*static_cast<Actor*>(current_actor), Moment::At::kPublishing);
}

void Scheduler::AtIo() {
  Beat();
  SwitchHere(Moment::At::kIo);
}

Scheduler::Aside::Aside() {
  if (current_actor != nullptr) ++static_cast<Actor*>(current_actor)->aside;
}

Scheduler::Aside::~Aside() {
  if (current_actor != nullptr) --static_cast<Actor*>(current_actor)->aside;
}

// ---- Where chance decides

// In place of a wait of the engine's: lets others go on, then has the waiter look again.
void Scheduler::PolledWait() {
  Scheduler& self = *current_scheduler;
  Actor& me = *static_cast<Actor*>(current_actor);
  std::unique_lock lock(self.mutex_);
  if (++self.fruitless_ > kFruitlessMax * self.actors_.size()) self.on_deadlock_();
  me.waiting = true;
  if (Actor* const next = self.ChooseLocked(&me); next != nullptr) {
    self.HandTo(next);
    self.WaitTurn(lock, me);
  }
  me.waiting = false;
}

namespace {

void YieldHere(uint32_t divisor) {
  Beat();
  if (Scheduler* const scheduler = Scheduler::Current())
    scheduler->Yield(scheduler->switch_percent() / divisor);
}

// After a sync. Who has been told that it failed is mostly held back: the others go on as if it had not.
void YieldBehind(const Status& synced) {
  constexpr uint32_t kSwitch = 80;
  constexpr uint32_t kHold = 70;
  if (synced) return YieldHere(2);
  if (Scheduler* const scheduler = Scheduler::Current()) scheduler->Yield(kSwitch, kHold);
}

class ScheduledFile final : public File {
 public:
  explicit ScheduledFile(std::unique_ptr<File> below) : File(below->name()), below_(std::move(below)) {}

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    YieldHere(8);
    return below_->Read(offset, out);
  }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    YieldHere(1);
    return below_->Write(offset, parts);
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    YieldHere(1);
    Status status = below_->WriteDurable(offset, parts);
    YieldBehind(status);
    return status;
  }
  Status DoSync() override {
    YieldHere(1);
    Status status = below_->Sync();
    YieldBehind(status);
    return status;
  }
  Result<uint64_t> DoSize() override { return below_->Size(); }
  Status DoAllocate(uint64_t size) override {
    YieldHere(1);
    return below_->Allocate(size);
  }
  Result<bool> DoTruncate(uint64_t size) override {
    YieldHere(1);
    return below_->Truncate(size);
  }
  Status DoLock(LockMode mode) override { return below_->Lock(mode); }

  const std::unique_ptr<File> below_;
};

class ScheduledStorage final : public Storage {
 public:
  explicit ScheduledStorage(std::shared_ptr<Storage> below) : below_(std::move(below)) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    auto file = below_->Open(name, mode);
    if (!file) return std::unexpected<Error>(file.error());
    return std::unique_ptr<File>(std::make_unique<ScheduledFile>(std::move(*file)));
  }
  Result<bool> Exists(const std::string& name) override { return below_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override { return below_->Rename(from, to); }
  Status Remove(const std::string& name) override { return below_->Remove(name); }
  Status SyncDirectory() override { return below_->SyncDirectory(); }
  std::array<std::byte, 16> NewIdentity() override { return below_->NewIdentity(); }

 private:
  const std::shared_ptr<Storage> below_;
};

class ScheduledExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override {
    if (Scheduler* const scheduler = Scheduler::Current()) {
      scheduler->Spawn(std::move(work));
    } else {
      work();
    }
  }
};

class SteppingClock final : public Clock {
 public:
  explicit SteppingClock(uint64_t step) : step_(step) {}
  uint64_t NowNanos() override { return now_.fetch_add(step_, std::memory_order_relaxed) + step_; }

 private:
  const uint64_t step_;
  std::atomic<uint64_t> now_{0};
};

}  // namespace

std::shared_ptr<Storage> MakeScheduledStorage(std::shared_ptr<Storage> below) {
  return std::make_shared<ScheduledStorage>(std::move(below));
}

std::shared_ptr<Executor> MakeScheduledExecutor() { return std::make_shared<ScheduledExecutor>(); }

std::shared_ptr<Clock> MakeSteppingClock(uint64_t nanos_per_look) {
  return std::make_shared<SteppingClock>(nanos_per_look);
}

}  // namespace manifolddb::crashsim
