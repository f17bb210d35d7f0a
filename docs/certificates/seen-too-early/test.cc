// Made by `crashsim shrink` from the certificate beside it. Fails where promise G4 isolated is
// broken as the certificate says; holds on a sound engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint32_t kSector = 512;
[[maybe_unused]] constexpr uint64_t kAtTheEnd = ~uint64_t{0};

class Ticks final : public Clock {
  uint64_t NowNanos() override { return now_ += 1000; }
  uint64_t now_ = 0;
};

Options Sizes() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 4096;
  options.log_bytes_max = 4096;
  options.cache_bytes = 32768;
  options.dirty_bytes_max = 32768;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  options.clock = std::make_shared<Ticks>();
  return options;
}

// Column family, table, key: value.
using State = std::map<std::string, std::map<std::string, std::map<std::string, std::string>>>;

struct Put {
  std::string family, table, key, value;
  bool deletes = false;
};

// A change that had not been synced and is lost: sector `sector` of `file`, or its size, or its name.
struct Lost {
  faultfs::Atom::Kind kind;
  std::string file;
  uint64_t effect;
  uint64_t sector = 0;
};

State ReadAll(ReadTransaction& transaction) {
  State state;
  const auto families = transaction.ListColumnFamilies();
  if (!families) return {{families.error().ToString(), {}}};
  for (const std::string& family : *families) {
    const ColumnFamily handle = transaction.OpenColumnFamily(family).value();
    const auto tables = transaction.ListTables(handle);
    if (!tables) return {{tables.error().ToString(), {}}};
    state[family];
    for (const std::string& table : *tables) {
      auto source = transaction.OpenTable(handle, table);
      if (!source) return {{source.error().ToString(), {}}};
      auto entries = source->Entries();
      if (!entries) return {{entries.error().ToString(), {}}};
      state[family][table];
      for (const auto& entry : *entries) {
        if (!entry) return {{entry.error().ToString(), {}}};
        state[family][table].emplace(AsText(entry->key), AsText(entry->value));
      }
    }
  }
  return state;
}

State ReadAll(Database& database) {
  auto transaction = database.BeginRead();
  if (!transaction) return {{transaction.error().ToString(), {}}};
  return ReadAll(*transaction);
}

// A computer with a database, and what the database owes.
class Machine {
 public:
  void Open() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    opened_ = disk_->effects();
    commits_ = {{0, 0, true, seen}};
  }
  void CreateFamily(const std::string& name) {
    State after = commits_.back().state;
    const bool creates = after.try_emplace(name).second;
    const uint64_t called = disk_->effects();
    EXPECT_EQ(database_->CreateColumnFamily(name).has_value(), creates);
    if (creates) commits_.push_back({called, disk_->effects(), true, after});
  }
  void Transact(const std::vector<std::string>& families, const std::vector<Put>& puts, bool commits = true,
                CommitOptions how = {}) {
    State after = commits_.back().state;
    std::vector<ColumnFamily> held;
    for (const std::string& family : families) {
      if (after.contains(family)) held.push_back(database_->OpenColumnFamily(family).value());
    }
    if (held.empty()) return;
    auto transaction = database_->BeginWrite(held);
    ASSERT_TRUE(transaction) << transaction.error().ToString();
    for (const Put& put : puts) {
      if (after.contains(put.family)) Change(*transaction, put, after[put.family]);
    }
    if (!commits) return transaction->Abort();
    const uint64_t called = disk_->effects();
    const auto done = transaction->Commit(how);
    EXPECT_TRUE(done) << done.error().ToString();
    const bool durable = how.durability == Durability::kImmediate;
    commits_.push_back({called, disk_->effects(), durable, after});
  }
  void Checkpoint() {
    EXPECT_TRUE(database_->Checkpoint());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }
  void Verify() { EXPECT_TRUE(database_->Verify().value().ok()); }
  void Read() { EXPECT_EQ(ReadAll(*database_), commits_.back().state); }
  void OpenSnapshot() {
    snapshot_.emplace(std::pair(database_->BeginRead().value(), commits_.back().state));
    ReadSnapshot();
  }
  void ReadSnapshot() {
    if (!snapshot_) return;
    EXPECT_EQ(ReadAll(snapshot_->first), snapshot_->second);
  }
  void Close() {
    snapshot_.reset();
    EXPECT_TRUE(database_->Close());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }

  // Each as if it had happened after so many effects on the disk since the machine was switched on.
  void Kill(uint64_t effects) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    disk_ = std::make_shared<faultfs::Disk>(*trace, effects, 2);
  }
  void CutPower(uint64_t effects, const std::vector<Lost>& lost) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    const faultfs::CrashPoint point(trace, effects);
    faultfs::Arrivals arrivals(point.atoms().size(), faultfs::arrival::kWhole);
    for (const Lost& one : lost) Lose(point, one, arrivals);
    disk_ = std::make_shared<faultfs::Disk>(point.Make(arrivals), disk_->traits(), 2);
  }
  // Damage of a database that was closed: from then on an error that says so will do.
  void Flip(const std::string& file, uint64_t offset) {
    auto image = disk_->CacheImage();
    auto bytes = image.Contents(file);
    bytes.at(offset) ^= std::byte{1};
    image.Put(file, bytes);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }
  void Remove(const std::string& file) {
    auto image = disk_->CacheImage();
    image.Remove(file);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }

  // What is found in the end.
  void Look() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    if (!opened && damaged_) return;
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    const auto report = database_->Verify();
    if (damaged_ && (!report || !report->ok())) return;
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->ok()) << report->problems.front().what;
  }

 protected:
  struct Commit {
    uint64_t called, ended;
    bool durable;
    State state;
  };

  void Change(WriteTransaction& transaction, const Put& put, State::mapped_type& tables) {
    const ColumnFamily family = database_->OpenColumnFamily(put.family).value();
    auto table = put.deletes ? transaction.OpenTable(family, put.table)
                             : transaction.OpenOrCreateTable(family, put.table);
    EXPECT_EQ(table.has_value(), !put.deletes || tables.contains(put.table));
    if (!table) return;
    if (put.deletes) {
      EXPECT_EQ(table->Delete(AsBytes(put.key)).value(), tables[put.table].erase(put.key) > 0);
    } else {
      EXPECT_TRUE(table->Put(AsBytes(put.key), AsBytes(put.value)));
      tables[put.table][put.key] = put.value;
    }
  }

  // States that may be found after an end there: from the newest durable one on, as far as they were asked
  // for. Before the opening had returned: what was owed then.
  void Owe(uint64_t effects) {
    if (effects < opened_) return;
    owed_.clear();
    for (const Commit& commit : commits_) {
      if (commit.called > effects) continue;
      if (commit.durable && commit.ended <= effects) owed_.clear();
      owed_.push_back(commit.state);
    }
  }

  // A sound engine writes otherwise: then whatever changed the same place is lost.
  static void Lose(const faultfs::CrashPoint& point, const Lost& lost, faultfs::Arrivals& arrivals) {
    const auto& atoms = point.atoms();
    const auto here = [&](size_t i) {
      const bool file = point.trace().effects[atoms[i].effect].name == lost.file;
      return atoms[i].kind == lost.kind && file && atoms[i].sector == lost.sector;
    };
    const bool exact = std::ranges::any_of(
        atoms, [&](const auto& atom) { return here(&atom - atoms.data()) && atom.effect == lost.effect; });
    for (size_t i = 0; i < atoms.size(); ++i) {
      if (here(i) && (!exact || atoms[i].effect == lost.effect)) arrivals[i] = faultfs::arrival::kLost;
    }
  }

  std::shared_ptr<faultfs::Disk> disk_ =
      std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = kSector});
  std::unique_ptr<Database> database_;
  std::optional<std::pair<ReadTransaction, State>> snapshot_;
  std::vector<State> owed_ = {State()};
  std::vector<Commit> commits_;  // since the opening; first, what it showed
  uint64_t opened_ = 0;          // effects
  bool damaged_ = false;
};

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

TEST(Certificate, TxnPublishEarly) {
#ifdef CERTIFICATE_BROKEN  // as it was when this was found
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (std::string(site->name()) == "txn.publish.early") site->Break(true);
  }
#endif
  Threads machine;
  machine.Open();
  machine.CreateFamily("f");
  machine.Race({{[&] {
                  machine.Transact({"f"}, {{"f", "t", "0", "m"}});
                }},
                {[&] { machine.Read(); }}},
               {{0, 0, 26, 1}});
  machine.CutPower(33, {{faultfs::Atom::Kind::kSector, "db-wal", 32, 3}});
  machine.Look();
}

}  // namespace
}  // namespace manifolddb
