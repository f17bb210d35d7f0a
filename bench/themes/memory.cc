// What operations allocate, what a load takes at its peak, and reads and updates with a cache that holds a
// quarter of the data. LMDB has no cache of its own: the system's is not made small, and its figures say what
// that is worth.

#include <sys/resource.h>

#include <functional>
#include <string>
#include <vector>

#include "bench/measure/counted_calls.h"
#include "bench/measure/meter.h"
#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

// Allocations per operation, of the thread that operates and of those in the background.
void ReportAllocations(Run& run, const std::string& row, uint64_t operations,
                       const std::function<void(uint64_t)>& operate) {
  Outcome outcome{.row = row, .unit = "allocations/operation", .better = Better::kLower};
  Meter meter(run.directory());
  meter.Start();
  outcome.seconds = Together(1, [&](int) {
    for (uint64_t i = 0; i < operations; ++i) operate(i);
  });
  meter.Stop();
  meter.AddTo(outcome, false);
  outcome.value = outcome.counters.at("allocations") / static_cast<double>(operations);
  outcome.params = {{"operations", static_cast<double>(operations)}};
  run.Report(std::move(outcome));
}

Job AllocationsJob(const Profile& profile) {
  const Dataset data = {.entries = profile.Pick(2000U, 50'000U, 500'000U)};
  const auto operations = profile.Pick(1000U, 10'000U, 100'000U);
  return {{"allocations/get", "allocations/put"}, [=](Run& run) {
            Load(run, data);
            const auto engine = run.Open({.durable = false});
            Warm(*engine, data);
            {
              const std::unique_ptr<Session> session = engine->NewSession();
              Random random(1);
              ReportAllocations(run, "allocations/get", operations, [&](uint64_t) {
                const uint64_t key = random.Below(data.entries);
                session->BeginRead(Reads::kOne);
                const auto value = session->Get(0, key);
                Require(value && HasTag(*value, key), "get", "a value is missing or belongs to another key");
                session->EndRead();
              });
              ValueMaker maker(data.value_bytes);
              ReportAllocations(run, "allocations/put", operations, [&](uint64_t i) {
                const uint64_t key = random.Below(data.entries);
                CommitBatch(*session, 0, [&] { session->Put(key, maker.Make(key, i)); });
              });
            }
            engine->Close();
          }};
}

// The most that the process had in memory while it loaded and closed.
void MeasurePeak(Run& run, const std::string& row, const Dataset& data) {
  Outcome outcome{.row = row, .unit = "MB", .better = Better::kLower};
  outcome.seconds = Together(1, [&](int) { Load(run, data); });
  rusage usage;
  Require(::getrusage(RUSAGE_SELF, &usage) == 0, "memory", "getrusage failed");
  outcome.value = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
  const auto bytes = static_cast<double>(data.entries * (data.value_bytes + Key::size()));
  outcome.counters["bytes_written"] = bytes;
  outcome.params = {{"entries", static_cast<double>(data.entries)},
                    {"value_bytes", static_cast<double>(data.value_bytes)}};
  VerifyWhole(run, 1, data.entries, data.value_bytes);
  run.Report(std::move(outcome));
}

// The database is four times the cache.
Job PressureJob(const Profile& profile) {
  const Dataset data = {.entries = profile.Pick(8000U, 60'000U, 1'000'000U), .value_bytes = 1024};
  const uint64_t cache_bytes = data.entries * (data.value_bytes + Key::size()) / 4;
  const auto seconds = profile.Pick(0.01, 0.3, 5.0);
  const std::vector<PointReads> reads = {
      {.row = "cache:quarter/uniform", .seconds = seconds},
      {.row = "cache:quarter/zipfian", .seconds = seconds, .keys = Keys::kZipfian},
      {.row = "cache:quarter/beside_a_writer", .seconds = seconds, .writers = 1}};
  Job job;
  for (const PointReads& row : reads) job.rows.push_back(row.row);
  job.rows.emplace_back("cache:quarter/scan");
  job.run = [=](Run& run) {
    Load(run, data);
    const auto engine = run.Open({.durable = false, .cache_bytes = cache_bytes});
    Warm(*engine, data);
    for (const PointReads& row : reads) MeasurePointReads(run, *engine, data, row);
    MeasureScans(run, *engine, data, {.row = "cache:quarter/scan", .seconds = seconds});
    engine->Close();
    VerifyWhole(run, 1, data.entries, data.value_bytes);
  };
  return job;
}

std::vector<Job> MemoryJobs(const Profile& profile) {
  std::vector<Job> jobs;
  if (CallsAreCounted()) jobs.push_back(AllocationsJob(profile));
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
