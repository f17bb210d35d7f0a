#pragma once
// One simulated machine with its disk, and what a workload needs to measure on it.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/exact/allocations.h"
#include "bench/exact/simulated_storage.h"
#include "bench/exact/timeline.h"
#include "manifolddb/database.h"

namespace manifolddb::bench::exact {

// Where virtual time comes from, and who runs side by side.
struct Platform {
  std::shared_ptr<Timeline> timeline;
  std::shared_ptr<Executor> executor;  // for checkpoints
  // Runs them until all have returned; side by side if the platform can.
  std::function<void(std::vector<std::function<void()>> bodies)> run;
  bool side_by_side = false;  // checkpoints, too
};
// One thread; checkpoints run where they are asked for.
Platform SoloPlatform();

class World {
 public:
  explicit World(Platform platform);
  // Another machine with what a process that was killed on `other` leaves behind; its caches are empty.
  World(Platform platform, const World& other);

  // Engine's defaults, in this world's time.
  Options DefaultOptions() const;
  std::unique_ptr<Database> Open(const Options& options) const;
  std::unique_ptr<Database> Open() const { return Open(DefaultOptions()); }
  SimulatedStorage& storage() const { return *storage_; }
  Timeline& timeline() const { return *platform_.timeline; }
  const Platform& platform() const { return platform_; }

  static constexpr const char* kDataName = "db";
  static constexpr const char* kLogName = "db-wal";

 private:
  const Platform platform_;
  const std::shared_ptr<Disk> disk_;
  const std::shared_ptr<SimulatedStorage> storage_;
};

// One result.
struct Figure {
  std::string benchmark;
  uint64_t operations = 0;
  uint64_t virtual_ns = 0;  // in all
  nlohmann::ordered_json counters;
  nlohmann::ordered_json params;
  double PerOperation() const { return static_cast<double>(virtual_ns) / static_cast<double>(operations); }
};

// What has happened in a world since a moment.
class Probe {
 public:
  explicit Probe(const World& world);
  // Up to now.
  Figure Done(const std::string& benchmark, uint64_t operations) const;

 private:
  const World& world_;
  const uint64_t now_;
  const uint64_t flushes_;
  const IoCounts all_;
  const IoCounts log_;
  const IoCounts data_;
  const Allocations allocations_;
};

// Adds p50_ns and p99_ns to the counters.
void AddLatencies(Figure& figure, std::vector<uint64_t> nanos);

// A new family with one table, durably.
ColumnFamily MakeFamily(Database& database, const std::string& name);
inline constexpr const char* kTable = "t";

}  // namespace manifolddb::bench::exact
