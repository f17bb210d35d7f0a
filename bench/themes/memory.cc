// What operations allocate, what a load takes at its peak, and reads and updates with a cache that holds a
// quarter of the data. The system's cache is not made small: LMDB, LevelDB and SQLite read through it, by
// maps of their files, and their figures say what that is worth.

#include <string>
#include <vector>

#include "bench/measure/counted_calls.h"
#include "bench/measure/meter.h"
#include "bench/measure/theme.h"
#include "bench/workloads/allocations.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

// The most that the process had in memory while it loaded and closed.
void MeasurePeak(Run& run, const std::string& row, const Dataset& data) {
  Outcome outcome{.row = row, .unit = "MB", .better = Better::kLower};
  Meter meter(run.directory());
  meter.Start();
  outcome.seconds = Together(1, [&](int) { Load(run, data); });
  meter.Stop();
  meter.AddTo(outcome, true);
  outcome.value = outcome.counters.at("peak_rss_bytes") / 1e6;
  const uint64_t bytes = data.entries * (data.value_bytes + Key::size());
  meter.AddClosedTo(outcome, bytes, bytes);
  outcome.counters["operations_written"] = static_cast<double>(data.entries);
  outcome.counters["bytes_written"] = static_cast<double>(bytes);
  outcome.params = {{"entries", static_cast<double>(data.entries)},
                    {"value_bytes", static_cast<double>(data.value_bytes)}};
  VerifyWhole(run, 1, data.entries, data.value_bytes);
  run.Report(std::move(outcome));
}

// The database is four times the cache.
Job PressureJob(const Profile& profile) {
  const Dataset data = {.entries = profile.Pick(8000U, 60'000U, 1'000'000U, 300'000U), .value_bytes = 1024};
  const uint64_t cache_bytes = data.entries * (data.value_bytes + Key::size()) / 4;
  const auto seconds = profile.Pick(0.01, 0.3, 5.0, 2.0);
  const std::vector<PointReads> reads = {
      {.row = "cache:quarter/uniform", .seconds = seconds},
      {.row = "cache:quarter/zipfian", .seconds = seconds, .keys = Keys::kZipfian},
      {.row = "cache:quarter/beside_a_writer", .seconds = seconds, .writers = 1}};
  Job job;
  for (const PointReads& row : reads) job.rows.push_back(row.row);
  job.rows.emplace_back("cache:quarter/scan");
  job.run = [=](Run& run) {
    ReadDatabase database(run, data, {.durable = false, .cache_bytes = cache_bytes});
    for (const PointReads& row : reads) database.Measure(row);
    database.Measure(Scans{.row = "cache:quarter/scan", .seconds = seconds});
    database.CloseAndVerify();
  };
  return job;
}

std::vector<Job> MemoryJobs(const Profile& profile) {
  std::vector<Job> jobs;
  if (CallsAreCounted()) {
    const Dataset data = {.entries = profile.Pick(2000U, 50'000U, 500'000U)};
    const auto operations = profile.Pick(1000U, 10'000U, 100'000U);
    jobs.push_back({{"allocations/get", "allocations/put"},
                    [=](Run& run) { MeasureAllocations(run, data, operations); }});
  }
  const Dataset data = {.entries = profile.Pick(2000U, 100'000U, 1'000'000U)};
  jobs.push_back({{"peak/load"}, [data](Run& run) { MeasurePeak(run, "peak/load", data); }});
  jobs.push_back(PressureJob(profile));
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "memory", manifolddb::bench::MemoryJobs);
}
