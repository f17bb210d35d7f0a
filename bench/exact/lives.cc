// Workloads about openings, checkpoints and what they cost. All write the same commits first: 1,000 values of
// 1 KiB each.

#include <array>

#include "bench/exact/data.h"
#include "bench/exact/table_check.h"
#include "bench/exact/workloads.h"

namespace manifolddb::bench::exact {
namespace {

constexpr size_t kValueBytes = 1024;
constexpr uint64_t kBatch = 1000;

// Takes all checkpoints by hand: memory is large enough for everything, and so is half of the log.
Options WithoutCheckpoints(const World& world, uint64_t entries) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  Options options = world.DefaultOptions();
  options.log_bytes_initial = (entries * kValueBytes * 3 / kMiB + 8) * kMiB;
  options.log_bytes_max = options.log_bytes_initial;
  options.dirty_bytes_max = uint64_t{1} << 30;
  options.cache_bytes = uint64_t{1} << 30;
  return options;
}

ColumnFamily Load(Database& database, uint64_t entries) {
  const ColumnFamily family = MakeFamily(database, "f");
  std::array<std::byte, kValueBytes> value;
  for (uint64_t number = 0; number < entries;) {
    WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
    WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
    for (const uint64_t end = std::min(entries, number + kBatch); number < end; ++number) {
      FillValue(number, value);
      Must(table.Put(Key(number).view(), value), "put");
    }
    Must(transaction.Commit(), "commit");
  }
  return family;
}

void CheckLoaded(Database& database, uint64_t entries) {
  Expected expected{.tags = {}, .value_bytes = kValueBytes};
  for (uint64_t number = 0; number < entries; ++number) expected.tags[number] = number;
  CheckTable(database, Must(database.OpenColumnFamily("f"), "open family"), expected);
}

// The last entry, so that a log cut short would be noticed.
void ReadLast(Database& database, uint64_t entries) {
  ReadTransaction snapshot = Must(database.BeginRead(), "begin");
  const ReadTable table =
      Must(snapshot.OpenTable(Must(snapshot.OpenColumnFamily("f"), "open family"), kTable), "open table");
  const auto value = Must(table.Get(Key(entries - 1).view()), "get");
  if (!value || !IsValueOf(value->bytes(), entries - 1, kValueBytes)) Die("the last commit is lost");
}

}  // namespace

Figure Recovery(const Plan& plan, const MakePlatform& platform) {
  const uint64_t entries = plan.Scaled(40'000, 2000);
  const World alive(platform());
  const auto abandoned = alive.Open(WithoutCheckpoints(alive, entries));
  Load(*abandoned, entries);
  if (abandoned->Stats().checkpoints != 0) Die("a checkpoint ran before the crash");
  const World world(platform(), alive);
  const Probe probe(world);
  const auto database = world.Open();
  ReadLast(*database, entries);
  Figure figure = probe.Done("W10", entries);
  figure.counters["recovered_commits"] = database->Stats().recovered_commits;
  figure.counters["total_ns"] = figure.virtual_ns;
  CheckLoaded(*database, entries);
  return figure;
}

Figure CleanOpen(const Plan& plan, const MakePlatform& platform) {
  const uint64_t entries = plan.Scaled(20'000, 2000);
  const World world(platform());
  {
    const auto database = world.Open();
    Load(*database, entries);
    Must(database->Close(), "close");
  }
  const Probe probe(world);
  const auto database = world.Open();
  ReadLast(*database, entries);
  Figure figure = probe.Done("open/clean", 1);
  figure.params["keys"] = entries;
  CheckLoaded(*database, entries);
  return figure;
}

Figure CheckpointCost(const Plan& plan, const MakePlatform& platform) {
  const uint64_t entries = plan.Scaled(20'000, 2000);
  const World world(platform());
  auto database = world.Open(WithoutCheckpoints(world, entries));
  Load(*database, entries);
  const uint64_t dirty = database->Stats().dirty_bytes;
  const Probe probe(world);
  Must(database->Checkpoint(), "checkpoint");
  Figure figure = probe.Done("checkpoint", 1);
  figure.counters["dirty_bytes"] = dirty;
  figure.params["keys"] = entries;
  Must(database->Close(), "close");
  database.reset();
  database = world.Open();
  CheckLoaded(*database, entries);
  return figure;
}

}  // namespace manifolddb::bench::exact
