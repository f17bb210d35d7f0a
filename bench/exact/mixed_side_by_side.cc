// W7 by several threads. Each batch reads from one snapshot and then makes its updates in one durable commit;
// all threads write to the same family, so their batches' updates follow one another.
//
// (1) What is expected is noted under the family's lock, so in the order of the commits.
// (2) A snapshot may be older than that: of a key it has some version up to the last one.

#include <vector>

#include "bench/exact/allocations.h"
#include "bench/exact/data.h"
#include "bench/exact/table_check.h"
#include "bench/exact/workloads.h"

namespace manifolddb::bench::exact {
namespace {

constexpr size_t kValueBytes = 100;
constexpr uint64_t kBatch = 1000;
constexpr uint64_t kVersionShift = 56;
constexpr uint64_t kVersionsMax = 256;

uint64_t Tag(uint64_t number, uint64_t version) { return number + (version << kVersionShift); }

class SideBySide {
 public:
  SideBySide(const World& world, uint64_t keys, uint64_t reads_percent, uint64_t keys_per_batch)
      : world_(world),
        reads_(kBatch * reads_percent / 100),
        keys_per_batch_(keys_per_batch),
        database_(world.Open()),
        family_(MakeFamily(*database_, "f")),
        versions_(keys, 0) {
    WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
    WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
    for (uint64_t number = 0; number < keys; ++number) Put(table, number);
    Must(transaction.Commit(), "commit");
  }

  void Batch(uint64_t& random) {
    std::vector<uint64_t> some;
    {
      const Uncounted harness;
      some.resize(keys_per_batch_);
    }
    for (uint64_t& key : some) key = Draw(random, versions_.size());
    const auto next = [&] {
      return some.empty() ? Draw(random, versions_.size()) : some[Draw(random, some.size())];
    };
    {
      ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
      const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
      for (uint64_t i = 0; i < reads_; ++i) Get(table, next());
    }
    WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
    WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
    for (uint64_t i = reads_; i < kBatch; ++i) {
      const uint64_t number = next();
      if (++versions_[number] == kVersionsMax) Die("too many versions of a key for this scale");
      Put(table, number);
    }
    Must(transaction.Commit(), "commit");
  }

  void Finish(Figure& figure) const {
    const DatabaseStats stats = database_->Stats();
    figure.counters["log_groups"] = stats.log_groups;
    figure.counters["checkpoints"] = stats.checkpoints;
    figure.params = {
        {"keys", versions_.size()}, {"value_bytes", kValueBytes}, {"keys_per_batch", keys_per_batch_}};
  }

  void Check() {
    Must(database_->Close(), "close");
    database_.reset();
    database_ = world_.Open();
    Expected expected{.tags = {}, .value_bytes = kValueBytes};
    for (uint64_t number = 0; number < versions_.size(); ++number)
      expected.tags[number] = Tag(number, versions_[number]);
    CheckTable(*database_, family_, expected);
  }

 private:
  static uint64_t Draw(uint64_t& random, uint64_t below) { return (random = Mix(random)) % below; }

  void Put(WriteTable& table, uint64_t number) {
    std::array<std::byte, kValueBytes> value;
    FillValue(Tag(number, versions_[number]), value);
    Must(table.Put(Key(number).view(), value), "put");
  }
  void Get(const ReadTable& table, uint64_t number) {
    const auto value = Must(table.Get(Key(number).view()), "get");
    uint64_t version = versions_[number];
    while (value && version > 0 && !HasTag(value->bytes(), Tag(number, version))) --version;
    if (!value || !HasTag(value->bytes(), Tag(number, version))) Die("a wrong value was read");
  }

  const World& world_;
  const uint64_t reads_;  // of each batch
  const uint64_t keys_per_batch_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  std::vector<uint64_t> versions_;  // last put, by key
};

}  // namespace

Figure MixedSideBySide(const Plan& plan, const MakePlatform& platform, uint64_t threads,
                       uint64_t reads_percent, uint64_t keys_per_batch) {
  const World world(platform());
  SideBySide mixed(world, plan.Scaled(20'000, 2000), reads_percent, keys_per_batch);
  const uint64_t batches = plan.Scaled(8, 1);
  std::vector<std::function<void()>> bodies;
  for (uint64_t thread = 0; thread < threads; ++thread) {
    bodies.emplace_back([&, random = Mix(plan.seed + thread)]() mutable {
      for (uint64_t i = 0; i < batches; ++i) mixed.Batch(random);
    });
  }
  const Probe probe(world);
  world.platform().run(std::move(bodies));
  const std::string name = keys_per_batch > 0 ? "W7_seed/reads:" : "W7/reads:";
  Figure figure = probe.Done(name + std::to_string(reads_percent) + "/threads:" + std::to_string(threads),
                             threads * batches * kBatch);
  mixed.Finish(figure);
  mixed.Check();
  return figure;
}

}  // namespace manifolddb::bench::exact
