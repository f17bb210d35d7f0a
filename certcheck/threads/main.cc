// Replays crash certificates of threads (docs/certificates.md), as certcheck does those of one thread: a
// scheduler of its own over the engine's lock seam, certcheck's disk, a judge that looks for an order of the
// commits.
//
// certcheck_threads FILE...: exit codes 0 all confirmed; 1 one is not; 2 one is none, or impossible.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <semaphore>
#include <set>
#include <thread>

#include "certcheck/disk.h"
#include "engine/base/mutex.h"
#include "engine/base/sites.h"
#include "manifolddb/database.h"

namespace manifolddb::certcheck {
namespace {

using Json = nlohmann::json;
using State = std::map<std::string, std::map<std::string, std::map<std::string, std::string>>>;

constexpr uint64_t kNever = ~uint64_t{0};
// Thrown by what is no certificate; by a broken rule; where the process has died.
[[noreturn]] void Reject(const std::string& why) { throw std::invalid_argument(why); }
struct Wrong {
  std::string rule, why;
};
struct Ended {};

uint64_t Number(const Json& json, const char* name, uint64_t most) {
  const Json& value = json.at(name);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) Reject(std::string("bad ") + name);
  return value;
}

// One thread runs at a time. Before the event that a switch names another one goes on, if it can; where one
// waits or has ended, else, the first that can.
class Schedule final : public base::SwitchSeam {
 public:
  Schedule(const Json& switches, size_t threads) : switches_(switches), threads_(threads) {
    for (const Json& one : switches) Number(one, "to", threads - 1);
  }
  void Run(const std::function<void(size_t)>& body) {
    for (size_t i = 0; i < threads_.size(); ++i) {
      threads_[i].thread = std::thread([this, i, &body] {
        threads_[i].turn.acquire();
        base::switch_seam = this;
        body(i);
        base::switch_seam = nullptr;
        threads_[i].ended = true;
        Event();
      });
    }
    threads_[0].turn.release();
    for (Thread& one : threads_) one.thread.join();
  }
  void Step(size_t step) {
    threads_[running_].step = step, threads_[running_].event = 0;
    Event();
  }
  // Reading contents is nothing that counts.
  void Aside(bool on) { threads_[running_].aside = on; }

  void BeforeLock(base::LockRank) override { Event(); }
  void AtPublishing() override { Event(); }
  void AtIo() override { Event(); }
  void Locked(base::LockRank) override {}
  void Unlocked(const void* lock, base::LockRank) override { Wake(lock); }
  void Wake(const void* on) override {
    for (Thread& one : threads_) one.waits = one.waits == on ? nullptr : one.waits;
  }
  void Wait(const void* on, bool at_most) override {
    Thread& me = threads_[running_];
    me.waits = on, me.at_most = at_most;
    Event();
    me.waits = nullptr;
  }

 private:
  struct Thread {
    std::thread thread = {};
    std::binary_semaphore turn{0};
    uint64_t step = 0, event = 0;  // the next one
    const void* waits = nullptr;
    bool at_most = false, aside = false, ended = false;
  };
  void Event() {
    const size_t count = threads_.size(), running = running_;
    Thread& me = threads_[running];
    const auto can = [&](size_t i) {
      const Thread& one = threads_[i];
      return i < count && i != running && !one.ended && (one.waits == nullptr || one.at_most);
    };
    size_t next = 0;
    while (next < count && !can(next)) ++next;
    if (!me.ended && (me.waits == nullptr || (next == count && me.at_most))) next = running;
    for (const Json& one : switches_) {
      const bool here = one["thread"] == running && one["step"] == me.step && one["event"] == me.event;
      if (here && !me.aside && can(one["to"])) next = one["to"];
    }
    me.event += me.aside ? 0 : 1;
    if (next == running) return;
    const bool all = std::ranges::all_of(threads_, &Thread::ended);
    if (all) return;
    if (next == count) std::printf("not confirmed: all threads wait\n"), std::fflush(nullptr), _exit(1);
    running_ = next;
    threads_[next].turn.release();
    if (!me.ended) me.turn.acquire();
  }

  const Json& switches_;
  std::deque<Thread> threads_;
  size_t running_ = 0;
};

class Ticks final : public Clock {
  uint64_t NowNanos() override { return now_ += 1000; }
  uint64_t now_ = 0;
};

// Something that was asked for, and what was said.
struct Act {
  bool durable = false;  // once it has ended: itself, and all before it
  std::string creates = {};
  std::vector<std::pair<Json, char>> changes = {};  // 'p' put, '1' deleted, '0' nothing there to delete
  std::optional<State> seen = std::nullopt;         // by a reader
  uint64_t called = 0, ended = kNever;
};

std::string ValueOf(const Json& change) {
  const std::string value = change.at("value");
  return change.contains("times") ? std::string(Number(change, "times", 1 << 20), value.at(0)) : value;
}

// False: in that state nobody could have said so.
bool Apply(const Act& act, State& state) {
  if (!act.creates.empty() && !state.try_emplace(act.creates).second) return false;
  for (const auto& [change, answer] : act.changes) {
    auto& tables = state[change.at("family")];
    const std::string table = change.at("table"), key = change.at("key");
    if (answer == 'p') {
      tables[table][key] = ValueOf(change);
    } else if (answer != (tables.contains(table) && tables[table].erase(key) > 0 ? '1' : '0')) {
      return false;
    }
  }
  return !act.seen || *act.seen == state;
}

class Player {
 public:
  // `lenient`: what a certificate loses is lost whatever wrote it, as far as it is there to be lost.
  Player(const Json& certificate, bool lenient) : life_(certificate.at("lives").at(0)), lenient_(lenient) {
    const Json& sizes = certificate.at("database");
    disk_->unit = Number(certificate.at("disk"), "sector", 16384);
    options_.page_size = static_cast<uint32_t>(Number(sizes, "page_size", 65536));
    options_.write_unit = static_cast<uint32_t>(Number(sizes, "write_unit", 16384));
    options_.log_bytes_initial = Number(sizes, "log_bytes_initial", 1 << 24);
    options_.log_bytes_max = Number(sizes, "log_bytes_max", 1 << 24);
    options_.cache_bytes = Number(sizes, "cache_bytes", 1 << 28);
    options_.dirty_bytes_max = Number(sizes, "dirty_bytes_max", 1 << 28);
    options_.checkpoint_interval_ms = 0;
    options_.executor = MakeInlineExecutor();
    if (disk_->unit < 512 || options_.write_unit % disk_->unit != 0) Reject("bad sector");
  }

  void Play(const Json& switches, uint64_t end) {
    try {
      Open(end);
      for (const Json& step : life_.at("steps")) Do(step, 0);
      begun = disk_->effects;
      Race(life_.at("threads"), switches);
    } catch (const Ended&) {
    }
    End();
    Open(kNever);
    Verify("opens");
  }

  uint64_t begun = 0, effects = 0;  // when the threads began; at the end
 private:
  void Require(bool holds, const std::string& rule, const std::string& why) const {
    if (!holds && !disk_->Lives(process_)) throw Ended();
    if (!holds) throw Wrong{rule, why};
  }
  template <class Answer>
  Answer Take(Answer answer, const std::string& rule) const {
    if (answer) return answer;
    const Error& error = answer.error();
    if (error.code() == Errc::kInvalidArgument || error.code() == Errc::kKeyTooLong) Reject(error.ToString());
    Require(false, rule, error.ToString());
    return answer;
  }
  void Verify(const std::string& rule) const {
    const auto report = Take(database_->Verify(), rule);
    if (!report->ok()) Require(false, "whole", report->problems.front().what);
  }

  // Is there an order of what was asked for, one that time allows, that explains all answers? And, if a crash
  // left `found`, in which that comes behind all that somebody was told is durable (then `owed` holds at the
  // end), or saw behind it (`shown`)?
  bool Explains(const State& state, uint64_t placed, bool owed, bool shown, const State* found) {
    if (++orders_ > 1'000'000) Reject("too much side by side");
    const auto left = [&](size_t i) { return (placed >> i & 1) == 0; };
    bool all = owed;
    for (size_t i = 0; i < acts_.size(); ++i) all = all && (!left(i) || acts_[i].ended == kNever);
    for (size_t i = 0; i < acts_.size() && !all; ++i) {
      const Act& act = acts_[i];
      const bool ended = act.ended != kNever;
      bool possible = left(i);
      for (size_t j = 0; j < acts_.size(); ++j)
        possible = possible && (!left(j) || acts_[j].ended > act.called);
      State after = state;
      if (!possible || !Apply(act, after)) continue;
      const bool here = found == nullptr || after == *found;
      const bool then_shown = here || (shown && !act.durable);
      const bool then_owed = here || (act.seen ? then_shown : owed && !(act.durable && ended));
      all = Explains(after, placed | uint64_t{1} << i, then_owed, then_shown, found);
    }
    return all;
  }
  bool Explained(const State* found) {
    if (acts_.size() > 60) Reject("too many steps");
    const bool here = found == nullptr || found->empty();
    orders_ = 0;
    return Explains({}, 0, here, here, found);
  }

  void Open(uint64_t last_effects) {
    process_ = disk_->Start(last_effects);
    options_.clock = std::make_shared<Ticks>();
    database_ = *Take(Database::Open(std::make_shared<Process>(disk_, process_), "db", options_), "opens");
    auto transaction = Take(database_->BeginRead(), "opens");
    const State found = Read(*transaction, "opens");
    Require(Explained(&found), "state", "the database shows none of the states that it may show");
  }

  void End() {
    effects = disk_->effects;
    disk_->alive = 0;
    held_.clear(), database_ = nullptr;
    if (!Explained(nullptr)) throw Wrong{"answer", "no order of the commits explains what was answered"};
    if (life_.at("end") == "kill") return;
    const Json& lost = life_.at("lost");
    std::set<size_t> taken;
    disk_->PowerCut([&](const Disk::Change& change) {
      bool gone = false;
      for (size_t i = 0; i < lost.size(); ++i) {
        const Json& one = lost[i];
        if (one.at("what") != change.what() || one.at("file") != change.file) continue;
        if (change.kind == Disk::Change::kSector && one.at("sector") != change.place) continue;
        if (!lenient_ && one.at("effect") != change.effect) continue;
        gone = true;
        taken.insert(i);
      }
      return gone;
    });
    if (!lenient_ && taken.size() < lost.size()) Reject("it loses what was synced, or never written");
  }

  void Race(const Json& threads, const Json& switches) {
    if (threads.empty() || threads.size() > 8) Reject("bad threads");
    Schedule schedule(switches, threads.size());
    schedule_ = &schedule;
    std::exception_ptr thrown;
    schedule.Run([&](size_t thread) {
      try {
        for (size_t i = 0; i < threads[thread].size(); ++i) schedule.Step(i), Do(threads[thread][i], thread);
      } catch (...) {
        if (!thrown) thrown = std::current_exception();
      }
    });
    schedule_ = nullptr;
    if (thrown) std::rethrow_exception(thrown);
  }

  size_t Call(Act act) {
    act.called = ++time_;
    acts_.push_back(std::move(act));
    return acts_.size() - 1;
  }
  void Return(size_t act) { acts_[act].ended = ++time_; }

  // The steps before the threads are thread 0's.
  void Do(const Json& step, size_t thread) {
    if (!disk_->Lives(process_)) throw Ended();
    const std::string what = step.at("do");
    if (what == "transaction") return Transact(step);
    if (what == "verify") return Verify("answer");
    if (what == "read_snapshot" && !held_.contains(thread)) return;
    if (what == "read_snapshot") {
      auto& [transaction, seen] = held_.at(thread);
      return Require(Read(transaction, "answer") == seen, "answer", "a snapshot has changed");
    }
    const size_t act = Call({.durable = what != "read" && what != "open_snapshot"});
    if (what == "checkpoint") {
      static_cast<void>(Take(database_->Checkpoint(), "answer"));
    } else if (what == "create_family") {
      acts_[act].creates = step.at("family");
      static_cast<void>(Take(database_->CreateColumnFamily(acts_[act].creates), "answer"));
    } else if (!acts_[act].durable) {
      auto transaction = Take(database_->BeginRead(), "answer");
      State seen = Read(*transaction, "answer");
      acts_[act].seen = seen;
      if (what == "open_snapshot") held_.insert_or_assign(thread, std::pair(*std::move(transaction), seen));
    } else {
      Reject("bad step");
    }
    Return(act);
  }

  void Transact(const Json& step) {
    std::vector<ColumnFamily> held;
    std::map<std::string, ColumnFamily> families;
    for (const Json& one : step.at("families")) {
      const std::string name = one;
      const auto family = database_->OpenColumnFamily(name);
      if (family) held.push_back(families[name] = *family);
    }
    if (held.empty()) return;
    auto transaction = Take(database_->BeginWrite(held), "answer");
    const std::string end = step.at("end");
    Act act{.durable = end != "commit, not durable"};
    for (const Json& change : step.at("changes")) {
      if (!families.contains(change.at("family"))) continue;
      act.changes.emplace_back(change, Make(*transaction, families[change.at("family")], change));
    }
    if (end == "abort") return transaction->Abort();
    CommitOptions how{.through_checkpoint = end == "commit through a checkpoint"};
    if (!act.durable) how.durability = Durability::kNone;
    const size_t number = Call(std::move(act));
    static_cast<void>(Take(transaction->Commit(how), "answer"));
    Return(number);
  }

  char Make(WriteTransaction& transaction, ColumnFamily family, const Json& change) const {
    const std::string name = change.at("table"), key = change.at("key");
    const bool puts = change.at("do") == "put";
    auto table = puts ? transaction.OpenOrCreateTable(family, name) : transaction.OpenTable(family, name);
    if (!puts && !table && table.error().code() == Errc::kNoSuchTable) return '0';
    static_cast<void>(Take(table.has_value() ? Status() : std::unexpected(table.error()), "answer"));
    if (!puts) return *Take(table->Delete(AsBytes(key)), "answer") ? '1' : '0';
    const std::string value = ValueOf(change);
    static_cast<void>(Take(table->Put(AsBytes(key), AsBytes(value)), "answer"));
    return 'p';
  }

  State Read(ReadTransaction& transaction, const std::string& rule) const {
    if (schedule_ != nullptr) schedule_->Aside(true);
    State state;
    const auto names = Take(transaction.ListColumnFamilies(), rule);
    for (const std::string& name : *names) {
      const ColumnFamily family = *Take(transaction.OpenColumnFamily(name), rule);
      const auto tables = Take(transaction.ListTables(family), rule);
      state[name];
      for (const std::string& table : *tables) {
        const auto source = Take(transaction.OpenTable(family, table), rule);
        auto& entries = state[name][table];
        auto scan = Take(source->Entries(), rule);
        for (const auto& entry : *scan) {
          const auto [key, value] = *Take(entry, rule);
          Require(entries.emplace(AsText(key), AsText(value)).second, "whole", "a key is there twice");
        }
      }
    }
    if (schedule_ != nullptr) schedule_->Aside(false);
    return state;
  }

  Options options_;
  const Json& life_;
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  const bool lenient_;
  uint64_t process_ = 0, time_ = 0, orders_ = 0;
  std::unique_ptr<Database> database_;
  std::map<size_t, std::pair<ReadTransaction, State>> held_;  // a snapshot of each thread
  std::deque<Act> acts_;
  Schedule* schedule_ = nullptr;
};

// These and no others.
void Break(const Json& sites) {
  size_t found = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    site->Break(std::ranges::find(sites, site->name()) != sites.end());
    found += std::ranges::find(sites, site->name()) != sites.end() ? 1 : 0;
  }
  if (found != sites.size()) Reject("broken: no such site");
}

// The same schedule, and those in which one switch is missing, or a few events earlier or later.
std::vector<Json> Near(const Json& switches) {
  constexpr int kNear = 3;
  std::vector<Json> all = {switches};
  for (size_t i = 0; i < switches.size(); ++i) {
    all.push_back(switches);
    all.back().erase(i);
    for (int by = -kNear; by <= kNear; ++by) {
      const int64_t event = switches[i].at("event").get<int64_t>() + by;
      if (event < 0 || by == 0) continue;
      all.push_back(switches);
      all.back()[i]["event"] = event;
    }
  }
  return all;
}

// With the engine broken; then with the sound one, wherever the threads are ended.
std::string Check(const Json& certificate) {
  Break(Json::array());
  if (certificate.at("format") != "manifolddb crash certificate, version 2") Reject("another format");
  const Json& sites = certificate.at("broken");
  if (certificate.at("lives").size() != 1) Reject("not one life");
  const Json& life = certificate["lives"][0];
  const Json& switches = life.at("switches");
  const uint64_t end = life.contains("after_effects") ? Number(life, "after_effects", 1 << 24) : kNever;
  const std::string rule = certificate.at("violation").at("rule");
  if (life.at("closes") != false || switches.size() > 100) Reject("bad life");
  for (const Json& one : switches) {
    for (const char* name : {"thread", "step", "event"}) Number(one, name, 1 << 20);
  }
  Wrong wrong;
  try {
    Break(sites);
    Player(certificate, false).Play(switches, end);
  } catch (const Wrong& caught) {
    wrong = caught;
  }
  Break(Json::array());
  if (wrong.rule.empty()) return "not confirmed: no rule is broken";
  if (wrong.rule != rule) return "not confirmed: found is: " + wrong.rule + " " + wrong.why;
  const std::string confirmed = "confirmed: " + rule + ": " + wrong.why;
  if (sites.empty()) return confirmed;
  uint64_t runs = 0;
  const std::vector<Json> schedules = Near(switches);
  try {
    for (const Json& schedule : schedules) {
      Player whole(certificate, true);
      whole.Play(schedule, kNever);
      for (uint64_t last = whole.begun; last <= whole.effects; ++last, ++runs) {
        Player(certificate, true).Play(schedule, last);
      }
    }
  } catch (const Wrong& caught) {
    return "not confirmed: the sound engine does the same: " + caught.rule + ": " + caught.why;
  }
  return confirmed + "; the sound engine holds, ended at " + std::to_string(runs) + " places of " +
         std::to_string(schedules.size()) + " schedules";
}

}  // namespace
}  // namespace manifolddb::certcheck

int main(int argc, char** argv) {
  int code = argc < 2 ? 2 : 0;
  // A broken engine may go round for ever, and so may a long certificate.
  std::signal(SIGALRM, [](int) { ::_exit(::write(1, "no certificate: endless\n", 24) == 24 ? 2 : 3); });
  for (int i = 1; i < argc; ++i) {
    ::alarm(60);
    std::string text;
    try {
      std::ifstream file(argv[i]);
      text = manifolddb::certcheck::Check(nlohmann::json::parse(file));
      code = std::max(code, text.starts_with("confirmed") ? 0 : 1);
    } catch (const std::exception& error) {
      text = std::string("no certificate: ") + error.what();
      code = 2;
    }
    std::printf("%s: %s\n", argv[i], text.c_str());
  }
  if (argc < 2) std::fprintf(stderr, "usage: certcheck_threads FILE...\n");
  return code;
}
