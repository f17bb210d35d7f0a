#include "crashsim/certificate_parts.h"

namespace manifolddb::crashsim {

const char* const kSourceOfClock = R"(class Ticks final : public Clock {
  uint64_t NowNanos() override { return now_ += 1000; }
  uint64_t now_ = 0;
};

)";

const char* const kSourceOfThreads = R"(
// Before this event of this step of this thread that one goes on.
struct Switch {
  size_t thread, step;
  uint64_t event;
  size_t to;
};

// Runs threads one at a time over the engine's lock seam. Events are counted in each step: its beginning,
// what the seam tells (before a lock, at an atomic that publishes, at an I/O), a wait, and behind the last
// step the end. A thread goes on until a switch names its event, and the thread that is to go on can; where
// it waits or has ended, the first goes on that can.
class Schedule final : public base::SwitchSeam {
 public:
  using Steps = std::vector<std::function<void()>>;

  Schedule(const std::vector<Steps>& threads, std::vector<Switch> switches)
      : switches_(std::move(switches)), actors_(threads.size()) {
    for (size_t i = 0; i < threads.size(); ++i) {
      actors_[i].thread = std::thread([this, i, &steps = threads[i]] { Body(actors_[i], steps); });
    }
    actors_[0].turn.release();
    for (Actor& actor : actors_) actor.thread.join();
  }
  static size_t Running() { return current->running_; }
  // While it lives nothing is an event: reading contents.
  struct Aside {
    Aside() { Set(true); }
    ~Aside() { Set(false); }
    static void Set(bool on) {
      if (current != nullptr) current->actors_[Running()].aside = on;
    }
  };

  void BeforeLock(base::LockRank) override { Event(); }
  void AtPublishing() override { Event(); }
  void AtIo() override { Event(); }
  void Locked(base::LockRank) override {}
  void Unlocked(const void* lock, base::LockRank) override { Wake(lock); }
  void Wake(const void* on) override {
    for (Actor& actor : actors_) {
      if (actor.waits_for == on) actor.waits_for = nullptr;
    }
  }
  void Wait(const void* on, bool at_most) override {
    Actor& me = actors_[running_];
    me.waits_for = on;
    me.at_most = at_most;
    Event();
    me.waits_for = nullptr;
  }

 private:
  struct Actor {
    std::thread thread;
    std::binary_semaphore turn{0};
    size_t step = 0;
    uint64_t event = 0;  // of the step: the next one
    const void* waits_for = nullptr;
    bool at_most = false;  // it waits no longer than some time
    bool aside = false;
    bool ended = false;
  };

  void Body(Actor& me, const Steps& steps) {
    me.turn.acquire();
    base::switch_seam = this;
    current = this;
    for (size_t i = 0; i < steps.size(); ++i) {
      me.step = i;
      me.event = 0;
      Event();
      steps[i]();
    }
    base::switch_seam = nullptr;
    current = nullptr;
    me.ended = true;
    Event();
  }
  bool Can(size_t i) const {
    const Actor& actor = actors_[i];
    return i != running_ && !actor.ended && (actor.waits_for == nullptr || actor.at_most);
  }
  void Event() {
    Actor& me = actors_[running_];
    size_t next = 0;
    while (next < actors_.size() && !Can(next)) ++next;
    const bool alone = next == actors_.size();
    if (!me.ended && (me.waits_for == nullptr || (alone && me.at_most))) next = running_;
    for (const Switch& one : switches_) {
      if (one.thread != running_ || one.step != me.step || one.event != me.event || me.aside) continue;
      if (Can(one.to)) next = one.to;
    }
    if (!me.aside) ++me.event;
    if (next == running_ || (alone && me.ended)) return;
    ASSERT_LT(next, actors_.size()) << "everybody waits";
    running_ = next;
    actors_[next].turn.release();
    if (!me.ended) me.turn.acquire();
  }

  static inline thread_local Schedule* current = nullptr;
  const std::vector<Switch> switches_;
  std::deque<Actor> actors_;
  size_t running_ = 0;
};

// A machine whose last steps are done by threads side by side.
class Threads : public Machine {
 public:
  // What they were told is put in the order that the numbers of the commits say.
  void Race(const std::vector<Schedule::Steps>& threads, std::vector<Switch> switches) {
    Schedule(threads, std::move(switches));
    std::ranges::sort(done_, {}, &Done::number);
    std::vector<uint64_t> ended(commits_.size(), 0);
    for (const Done& one : done_) {
      if (one.number == 0) continue;
      State state = commits_.back().state;
      for (const Put& put : one.puts) Apply(put, state[put.family][put.table]);
      commits_.push_back({one.called_effects, one.ended_effects, one.durable, std::move(state)});
      ended.push_back(one.ended);
    }
    for (const Done& one : done_) {
      if (one.number == 0) one.seen ? OweToReader(one) : OweToCheckpoint(one, ended);
    }
  }
  void Transact(const std::vector<std::string>& families, const std::vector<Put>& puts, bool commits = true,
                CommitOptions how = {}) {
    if (base::switch_seam == nullptr) return Machine::Transact(families, puts, commits, how);
    std::map<std::string, ColumnFamily> handles;
    std::vector<ColumnFamily> held;
    for (const std::string& family : families) {
      held.push_back(handles[family] = database_->OpenColumnFamily(family).value());
    }
    auto transaction = database_->BeginWrite(held);
    ASSERT_TRUE(transaction) << transaction.error().ToString();
    for (const Put& put : puts) Make(*transaction, handles.at(put.family), put);
    if (!commits) return transaction->Abort();
    const size_t at = Call({.durable = how.durability == Durability::kImmediate, .puts = puts});
    const auto number = transaction->Commit(how);
    ASSERT_TRUE(number) << number.error().ToString();
    done_[at].number = *number;
    Return(at);
  }
  void Checkpoint() {
    if (base::switch_seam == nullptr) return Machine::Checkpoint();
    const size_t at = Call({});
    EXPECT_TRUE(database_->Checkpoint());
    Return(at);
  }
  void Read() {
    if (base::switch_seam == nullptr) return Machine::Read();
    const size_t at = Call({});
    auto transaction = database_->BeginRead().value();
    done_[at].seen = Seen(transaction);
    Return(at);
  }
  void OpenSnapshot() {
    if (base::switch_seam == nullptr) return Machine::OpenSnapshot();
    const size_t at = Call({});
    auto transaction = database_->BeginRead().value();
    const State seen = Seen(transaction);
    done_[at].seen = seen;
    held_.insert_or_assign(Schedule::Running(), std::pair(std::move(transaction), seen));
    Return(at);
  }
  void ReadSnapshot() {
    if (base::switch_seam == nullptr) return Machine::ReadSnapshot();
    const auto held = held_.find(Schedule::Running());
    if (held == held_.end()) return;
    EXPECT_EQ(Seen(held->second.first), held->second.second) << "a snapshot has changed";
  }
  void Kill(uint64_t effects) {
    held_.clear();
    Machine::Kill(effects);
  }
  void CutPower(uint64_t effects, const std::vector<Lost>& lost) {
    held_.clear();
    Machine::CutPower(effects, lost);
  }

 private:
  struct Done {
    bool durable = false;
    std::vector<Put> puts = {};
    uint64_t number = 0;  // of a commit
    std::optional<State> seen = std::nullopt;
    uint64_t called = 0, ended = 0;                  // among all of them
    uint64_t called_effects = 0, ended_effects = 0;  // of the disk
  };

  static State Seen(ReadTransaction& transaction) {
    const Schedule::Aside aside;
    return ReadAll(transaction);
  }
  static void Make(WriteTransaction& transaction, ColumnFamily family, const Put& put) {
    auto table = put.deletes ? transaction.OpenTable(family, put.table)
                             : transaction.OpenOrCreateTable(family, put.table);
    EXPECT_TRUE(table || put.deletes) << table.error().ToString();
    if (!table) return;
    const bool done = put.deletes ? table->Delete(AsBytes(put.key)).has_value()
                                  : table->Put(AsBytes(put.key), AsBytes(put.value)).has_value();
    EXPECT_TRUE(done);
  }
  static void Apply(const Put& put, std::map<std::string, std::string>& entries) {
    if (put.deletes) {
      entries.erase(put.key);
    } else {
      entries[put.key] = put.value;
    }
  }
  size_t Call(Done one) {
    one.called = ++now_;
    one.called_effects = disk_->effects();
    done_.push_back(std::move(one));
    return done_.size() - 1;
  }
  void Return(size_t at) {
    done_[at].ended = ++now_;
    done_[at].ended_effects = disk_->effects();
  }

  // What was durable where a reader stood.
  void OweToReader(const Done& reader) {
    const auto found = std::ranges::find(commits_, *reader.seen, &Commit::state);
    ASSERT_TRUE(found != commits_.end()) << "a reader saw what was never there";
    auto at = static_cast<size_t>(found - commits_.begin());
    while (at > 0 && !commits_[at].durable) --at;
    OweFrom(reader.ended_effects, commits_[at]);
  }
  // The commits that had ended before it began.
  void OweToCheckpoint(const Done& checkpoint, const std::vector<uint64_t>& ended) {
    size_t at = 0;
    for (size_t i = 0; i < ended.size(); ++i) at = ended[i] < checkpoint.called ? i : at;
    OweFrom(checkpoint.ended_effects, commits_[at]);
  }
  static void OweFrom(uint64_t effects, Commit& commit) {
    commit.ended = commit.durable ? std::min(commit.ended, effects) : effects;
    commit.durable = true;
  }

  std::map<size_t, std::pair<ReadTransaction, State>> held_;  // a snapshot of each thread
  std::deque<Done> done_;
  uint64_t now_ = 0;
};

)";

}  // namespace manifolddb::crashsim
