// Workloads that write.
//
// (1) Options are the defaults, but for executor and clock.
// (2) What was acknowledged is compared after closing and opening again.

#include <algorithm>
#include <array>

#include "bench/exact/data.h"
#include "bench/exact/table_check.h"
#include "bench/exact/workloads.h"

namespace manifolddb::bench::exact {
namespace {

constexpr size_t kSmallBytes = 100;
constexpr size_t kLargeBytes = 1024;
constexpr uint64_t kBatch = 1000;
constexpr uint64_t kThreadShift = 40;  // keys of thread n begin at n << this

// The tag of the value that key `number` has in its version `version`.
uint64_t Tag(uint64_t number, uint64_t version) { return number + (version << 56); }

void Reopen(const World& world, std::unique_ptr<Database>& database) {
  Must(database->Close(), "close");
  database.reset();
  database = world.Open();
}

// The families that the threads write to: one each, or one for all.
std::vector<ColumnFamily> MakeFamilies(Database& database, uint64_t threads, Families families) {
  std::vector<ColumnFamily> made;
  for (uint64_t i = 0; i < threads; ++i) {
    const bool makes = i == 0 || families == Families::kOwn;
    made.push_back(makes ? MakeFamily(database, "family " + std::to_string(i)) : made.front());
  }
  return made;
}

// Threads put `per_thread` consecutive keys each.
void CheckThreads(Database& database, const std::vector<ColumnFamily>& families, uint64_t per_thread,
                  size_t value_bytes) {
  std::map<uint64_t, Expected> expected;  // by family
  for (uint64_t thread = 0; thread < families.size(); ++thread) {
    Expected& of_family = expected[families[thread].id()];
    of_family.value_bytes = value_bytes;
    for (uint64_t i = 0; i < per_thread; ++i) {
      const uint64_t number = (thread << kThreadShift) + i;
      of_family.tags[number] = Tag(number, 0);
    }
  }
  for (const auto& [id, of_family] : expected) CheckTable(database, ColumnFamily(id), of_family);
}

void PutAscending(Database& database, ColumnFamily family, uint64_t first, uint64_t count,
                  Durability durability) {
  std::array<std::byte, kLargeBytes> value;
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
  for (uint64_t number = first; number < first + count; ++number) {
    FillValue(Tag(number, 0), value);
    Must(table.Put(Key(number).view(), value), "put");
  }
  Must(transaction.Commit({.durability = durability}), "commit");
}

std::string Threads(uint64_t threads) { return "/threads:" + std::to_string(threads); }

}  // namespace

uint64_t Plan::Scaled(uint64_t count, uint64_t least) const {
  return std::max(least, static_cast<uint64_t>(static_cast<double>(count) * scale));
}

Figure Batches(const Plan& plan, const MakePlatform& platform, uint64_t threads, Durability durability) {
  const World world(platform());
  auto database = world.Open();
  const std::vector<ColumnFamily> families = MakeFamilies(*database, threads, Families::kOwn);
  const uint64_t commits = plan.Scaled(threads == 1 ? 100 : 25, 2);
  std::vector<std::function<void()>> bodies;
  for (uint64_t thread = 0; thread < threads; ++thread) {
    bodies.emplace_back([&, thread] {
      for (uint64_t i = 0; i < commits; ++i) {
        PutAscending(*database, families[thread], (thread << kThreadShift) + i * kBatch, kBatch, durability);
      }
    });
  }
  const DatabaseStats before = database->Stats();
  const Probe probe(world);
  world.platform().run(std::move(bodies));
  const char* const name = threads > 1 ? "W2" : durability == Durability::kImmediate ? "W1" : "W4";
  Figure figure = probe.Done(name + Threads(threads), threads * commits * kBatch);
  const DatabaseStats after = database->Stats();
  figure.counters["commits"] = after.commits - before.commits;
  figure.counters["log_groups"] = after.log_groups - before.log_groups;
  figure.counters["checkpoints"] = after.checkpoints - before.checkpoints;
  figure.params["value_bytes"] = kLargeBytes;
  Reopen(world, database);
  CheckThreads(*database, families, commits * kBatch, kLargeBytes);
  return figure;
}

namespace {

// Allocations of the calls of which a commit of one put consists.
struct Steps {
  Allocations begin, open_table, put, commit;
};

void Step(Allocations& step, Allocations& last) {
  const Allocations now = AllocationsSoFar();
  step.count += now.count - last.count;
  step.bytes += now.bytes - last.bytes;
  last = now;
}

void CommitOne(Database& database, ColumnFamily family, uint64_t number, Steps& steps) {
  std::array<std::byte, kSmallBytes> value;
  FillValue(Tag(number, 0), value);
  Allocations last = AllocationsSoFar();
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  Step(steps.begin, last);
  WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
  Step(steps.open_table, last);
  Must(table.Put(Key(number).view(), value), "put");
  Step(steps.put, last);
  Must(transaction.Commit(), "commit");
  Step(steps.commit, last);
}

}  // namespace

Figure SingleCommits(const Plan& plan, const MakePlatform& platform, uint64_t threads, Families families) {
  const World world(platform());
  auto database = world.Open();
  const std::vector<ColumnFamily> of_threads = MakeFamilies(*database, threads, families);
  const uint64_t commits = plan.Scaled(threads == 1 ? 5000 : 1000, 20);
  std::vector<uint64_t> nanos;
  nanos.reserve(threads * commits);  // outside of what is counted
  Steps steps;
  std::vector<std::function<void()>> bodies;
  for (uint64_t thread = 0; thread < threads; ++thread) {
    bodies.emplace_back([&, thread] {
      for (uint64_t i = 0; i < commits; ++i) {
        const uint64_t before = world.timeline().Now();
        CommitOne(*database, of_threads[thread], (thread << kThreadShift) + i, steps);
        nanos.push_back(world.timeline().Now() - before);
      }
    });
  }
  const DatabaseStats before = database->Stats();
  const Probe probe(world);
  world.platform().run(std::move(bodies));
  const char* const suffix = !world.platform().side_by_side ? ""
                             : threads == 1                 ? "/checkpoints_beside"
                             : families == Families::kOwn   ? "/own_families"
                                                            : "/one_family";
  Figure figure = probe.Done("W3" + Threads(threads) + suffix, threads * commits);
  const DatabaseStats after = database->Stats();
  figure.counters["log_groups"] = after.log_groups - before.log_groups;
  figure.counters["checkpoints"] = after.checkpoints - before.checkpoints;
  if (!world.platform().side_by_side) {  // else what others do falls into the steps
    figure.counters["allocations_begin"] = steps.begin.count;
    figure.counters["allocations_open_table"] = steps.open_table.count;
    figure.counters["allocations_put"] = steps.put.count;
    figure.counters["allocations_commit"] = steps.commit.count;
    figure.counters["allocated_bytes_put"] = steps.put.bytes;
    figure.counters["allocated_bytes_commit"] = steps.commit.bytes;
  }
  AddLatencies(figure, std::move(nanos));
  figure.params["value_bytes"] = kSmallBytes;
  Reopen(world, database);
  CheckThreads(*database, of_threads, commits, kSmallBytes);
  return figure;
}

// ---- Random order -----------------------------------------------------------------------------------------

namespace {

// A table of values of one size, and what it has to hold by now. Operations go in commits of 1,000.
class Keyed {
 public:
  Keyed(const World& world, const Plan& plan, uint64_t keys, size_t value_bytes)
      : world_(world), seed_(Mix(plan.seed)), keys_(keys), database_(world.Open()) {
    expected_.value_bytes = value_bytes;
    value_.resize(value_bytes);
    family_ = MakeFamily(*database_, "f");
  }

  uint64_t keys() const { return keys_; }
  Database& database() { return *database_; }
  // Key of rank `rank`: no two ranks have the same.
  uint64_t KeyOf(uint64_t rank) const { return Mix(rank + seed_); }
  uint64_t RandomRank() { return (random_ = Mix(random_)) % keys_; }

  // Runs `operation(table, i)` for i below `count`; 1,000 in each durable commit.
  template <class Operation>
  void InBatches(uint64_t count, Operation operation) {
    for (uint64_t done = 0; done < count;) {
      WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
      WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
      for (const uint64_t end = std::min(count, done + kBatch); done < end; ++done) operation(table, done);
      Must(transaction.Commit(), "commit");
    }
  }

  void Put(WriteTable& table, uint64_t number) {
    uint64_t tag = 0;
    {
      const Uncounted harness;
      const auto [at, added] = expected_.tags.try_emplace(number, Tag(number, 0));
      if (!added) at->second = Tag(at->second, 1);
      tag = at->second;
    }
    FillValue(tag, value_);
    Must(table.Put(Key(number).view(), value_), "put");
  }
  void Delete(WriteTable& table, uint64_t number) {
    const bool there = Must(table.Delete(Key(number).view()), "delete");
    const Uncounted harness;
    if (there != (expected_.tags.erase(number) > 0)) Die("a wrong answer to a delete");
  }
  template <class Table>
  void Get(Table& table, uint64_t number) {
    const auto value = Must(table.Get(Key(number).view()), "get");
    const auto expected = expected_.tags.find(number);
    if (value.has_value() != (expected != expected_.tags.end())) Die("a wrong answer to a get");
    if (value && !HasTag(value->bytes(), expected->second)) Die("a wrong value was read");
  }
  void Gets(uint64_t count) {
    for (uint64_t done = 0; done < count;) {
      ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
      const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
      for (const uint64_t end = std::min(count, done + kBatch); done < end; ++done) {
        Get(table, KeyOf(RandomRank()));
      }
    }
  }

  void Finish(Figure& figure) {
    figure.params["keys"] = keys_;
    figure.params["value_bytes"] = expected_.value_bytes;
    figure.counters["live_bytes"] = expected_.tags.size() * (expected_.value_bytes + sizeof(uint64_t));
    figure.counters["checkpoints"] = database_->Stats().checkpoints;
  }
  void Check() {
    Reopen(world_, database_);
    CheckTable(*database_, family_, expected_);
  }

 private:
  const World& world_;
  const uint64_t seed_;
  const uint64_t keys_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  Expected expected_;
  std::vector<std::byte> value_;
  uint64_t random_ = seed_;
};

}  // namespace

std::vector<Figure> RandomOrder(const Plan& plan, const MakePlatform& platform) {
  const World world(platform());
  Keyed keyed(world, plan, plan.Scaled(50'000, 2000), kSmallBytes);
  std::vector<Figure> figures;
  const auto measure = [&](const std::string& name, uint64_t count, auto work) {
    const Probe probe(world);
    work(count);
    figures.push_back(probe.Done(name, count));
    keyed.Finish(figures.back());
  };
  measure("W8", keyed.keys(), [&](uint64_t count) {
    keyed.InBatches(count, [&](WriteTable& table, uint64_t i) { keyed.Put(table, keyed.KeyOf(i)); });
  });
  measure("W11/updates", keyed.keys() / 2, [&](uint64_t count) {
    keyed.InBatches(count,
                    [&](WriteTable& table, uint64_t) { keyed.Put(table, keyed.KeyOf(keyed.RandomRank())); });
  });
  measure("W11/deletes", keyed.keys() / 4, [&](uint64_t count) {
    keyed.InBatches(
        count, [&](WriteTable& table, uint64_t) { keyed.Delete(table, keyed.KeyOf(keyed.RandomRank())); });
  });
  measure("W11/reads", keyed.keys() / 2, [&](uint64_t count) { keyed.Gets(count); });
  keyed.Check();
  return figures;
}

Figure Mixed(const Plan& plan, const MakePlatform& platform, uint64_t reads_percent) {
  const World world(platform());
  Keyed keyed(world, plan, plan.Scaled(20'000, 2000), kLargeBytes);
  keyed.InBatches(keyed.keys(), [&](WriteTable& table, uint64_t i) { keyed.Put(table, keyed.KeyOf(i)); });
  const uint64_t operations = plan.Scaled(50'000, 2000);
  const Probe probe(world);
  keyed.InBatches(operations, [&](WriteTable& table, uint64_t i) {
    const uint64_t number = keyed.KeyOf(keyed.RandomRank());
    if (Mix(i) % 100 < reads_percent) {
      keyed.Get(table, number);
    } else {
      keyed.Put(table, number);
    }
  });
  Figure figure = probe.Done("W7/reads:" + std::to_string(reads_percent), operations);
  keyed.Finish(figure);
  keyed.Check();
  return figure;
}

Figure Churn(const Plan& plan, const MakePlatform& platform) {
  const World world(platform());
  Keyed keyed(world, plan, plan.Scaled(20'000, 2000), kSmallBytes);
  keyed.InBatches(keyed.keys(), [&](WriteTable& table, uint64_t i) { keyed.Put(table, keyed.KeyOf(i)); });
  Must(keyed.database().Checkpoint(), "checkpoint");
  const uint64_t before = world.storage().FileBytes();
  const uint64_t operations = keyed.keys() * 10;
  const Probe probe(world);
  keyed.InBatches(operations,
                  [&](WriteTable& table, uint64_t) { keyed.Put(table, keyed.KeyOf(keyed.RandomRank())); });
  Figure figure = probe.Done("churn", operations);
  keyed.Finish(figure);
  figure.counters["file_bytes_before"] = before;
  keyed.Check();
  return figure;
}

Figure LargeValues(const Plan& plan, const MakePlatform& platform, uint64_t value_bytes) {
  constexpr uint64_t kCommitBytes = 1'000'000;
  const World world(platform());
  auto database = world.Open();
  const ColumnFamily family = MakeFamily(*database, "f");
  const uint64_t commits = plan.Scaled(64, 2);
  const uint64_t per_commit = kCommitBytes / value_bytes;
  std::vector<std::byte> value(value_bytes);
  Expected expected{.tags = {}, .value_bytes = value_bytes};
  for (uint64_t number = 0; number < commits * per_commit; ++number) expected.tags[number] = number;
  const Probe probe(world);
  for (uint64_t commit = 0; commit < commits; ++commit) {
    WriteTransaction transaction = Must(database->BeginWrite(family), "begin");
    WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
    for (uint64_t number = commit * per_commit; number < (commit + 1) * per_commit; ++number) {
      FillValue(number, value);
      Must(table.Put(Key(number).view(), value), "put");
    }
    Must(transaction.Commit(), "commit");
  }
  Figure figure = probe.Done("W9/" + std::to_string(value_bytes / 1000) + "KB", commits * per_commit);
  figure.params["value_bytes"] = value_bytes;
  figure.counters["live_bytes"] = commits * per_commit * (value_bytes + sizeof(uint64_t));
  figure.counters["checkpoints"] = database->Stats().checkpoints;
  Reopen(world, database);
  CheckTable(*database, family, expected);
  return figure;
}

}  // namespace manifolddb::bench::exact
