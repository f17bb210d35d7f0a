#include "bench/exact/world.h"

#include <algorithm>
#include <cmath>

#include "bench/exact/data.h"

namespace manifolddb::bench::exact {

Platform SoloPlatform() {
  return {.timeline = std::make_shared<SoloTimeline>(),
          .executor = MakeInlineExecutor(),
          .run =
              [](const std::vector<std::function<void()>>& bodies) {
                if (bodies.size() != 1) Die("one thread only");
                bodies.front()();
              },
          .side_by_side = false};
}

World::World(Platform platform)
    : platform_(std::move(platform)),
      disk_(std::make_shared<Disk>(DiskModel{}, platform_.timeline)),
      storage_(std::make_shared<SimulatedStorage>(disk_)) {}

World::World(Platform platform, const World& other)
    : platform_(std::move(platform)),
      disk_(std::make_shared<Disk>(DiskModel{}, platform_.timeline)),
      storage_(other.storage_->Copy(disk_)) {}

Options World::DefaultOptions() const {
  Options options;
  options.executor = platform_.executor;
  options.clock = std::make_shared<TimelineClock>(platform_.timeline);
  return options;
}

std::unique_ptr<Database> World::Open(const Options& options) const {
  return Must(Database::Open(storage_, kDataName, options), "open");
}

Probe::Probe(const World& world)
    : world_(world),
      now_(world.timeline().Now()),
      flushes_(world.storage().disk().flushes()),
      all_(world.storage().Counts()),
      log_(world.storage().Counts(World::kLogName)),
      data_(world.storage().Counts(World::kDataName)),
      allocations_(AllocationsSoFar()) {}

Figure Probe::Done(const std::string& benchmark, uint64_t operations) const {
  const Allocations allocated = AllocationsSoFar();  // before this function takes its own
  Figure figure{.benchmark = "exact/" + benchmark,
                .operations = operations,
                .virtual_ns = world_.timeline().Now() - now_,
                .counters = {},
                .params = {{"ops", operations}}};
  const SimulatedStorage& storage = world_.storage();
  const IoCounts all = storage.Counts().Since(all_);
  const IoCounts log = storage.Counts(World::kLogName).Since(log_);
  const IoCounts data = storage.Counts(World::kDataName).Since(data_);
  figure.counters = {{"reads", all.reads},
                     {"read_bytes", all.read_bytes},
                     {"writes", all.writes},
                     {"write_bytes", all.write_bytes},
                     {"durable_writes", all.durable_writes},
                     {"durable_bytes", all.durable_bytes},
                     {"syncs", all.syncs},
                     {"sync_bytes", all.sync_bytes},
                     {"flushes", storage.disk().flushes() - flushes_},
                     {"log_writes", log.writes + log.durable_writes},
                     {"log_write_bytes", log.write_bytes + log.durable_bytes},
                     {"log_syncs", log.syncs},
                     {"data_writes", data.writes + data.durable_writes},
                     {"data_write_bytes", data.write_bytes + data.durable_bytes},
                     {"data_syncs", data.syncs},
                     {"allocations", allocated.count - allocations_.count},
                     {"allocated_bytes", allocated.bytes - allocations_.bytes},
                     {"file_bytes", storage.FileBytes()}};
  return figure;
}

void AddLatencies(Figure& figure, std::vector<uint64_t> nanos) {
  if (nanos.empty()) return;
  std::sort(nanos.begin(), nanos.end());
  const auto at = [&](size_t percent) { return nanos[(nanos.size() - 1) * percent / 100]; };
  figure.counters["p50_ns"] = at(50);
  figure.counters["p99_ns"] = at(99);
  figure.counters["max_ns"] = nanos.back();
}

ColumnFamily MakeFamily(Database& database, const std::string& name) {
  const ColumnFamily family = Must(database.CreateColumnFamily(name), "create family");
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  Must(transaction.CreateTable(family, kTable), "create table");
  Must(transaction.Commit(), "commit");
  return family;
}

}  // namespace manifolddb::bench::exact
