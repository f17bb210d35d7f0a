#include "bench/workloads/allocations.h"

#include <functional>
#include <string>

#include "bench/measure/meter.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

void ReportAllocations(Run& run, const Engine& engine, const Dataset& data, const std::string& row,
                       uint64_t operations, bool writes, const std::function<void(uint64_t)>& operate) {
  Outcome outcome{.row = row, .unit = "allocations/operation", .better = Better::kLower};
  Meter meter(run.directory(), [&] { return engine.CacheHits(); });
  meter.Start();
  outcome.seconds = Together(1, [&](int) {
    for (uint64_t i = 0; i < operations; ++i) operate(i);
  });
  meter.Stop();
  meter.AddTo(outcome, writes);
  const uint64_t entry_bytes = data.value_bytes + Key::size();
  meter.AddOpenTo(outcome, writes ? operations * entry_bytes : 0, data.entries * entry_bytes);
  outcome.value = outcome.counters.at("allocations") / static_cast<double>(operations);
  const auto count = static_cast<double>(operations);
  outcome.counters[writes ? "operations_written" : "operations_read"] = count;
  if (writes) outcome.counters["bytes_written"] = count * static_cast<double>(entry_bytes);
  outcome.params = {{"operations", count}, {"entries", static_cast<double>(data.entries)}};
  run.Report(std::move(outcome));
}

}  // namespace

void MeasureAllocations(Run& run, const Dataset& data, uint64_t operations) {
  Load(run, data);
  Acknowledged acknowledged(data.entries);
  const auto engine = run.Open({.durable = false});
  Warm(*engine, data);
  {
    const Sessions sessions = OpenSessions(*engine, 1);
    Session& session = *sessions[0];
    Random random(1);
    ReportAllocations(run, *engine, data, "allocations/get", operations, false, [&](uint64_t) {
      const uint64_t key = random.Below(data.entries);
      session.BeginRead(Reads::kOne);
      const auto value = session.Get(0, key);
      Require(value && HasTag(*value, key), "get", "a value is missing or belongs to another key");
      session.EndRead();
    });
    ValueMaker maker(data.value_bytes);
    std::vector<uint64_t> keys(operations);
    for (uint64_t& key : keys) key = random.Below(data.entries);
    ReportAllocations(run, *engine, data, "allocations/put", operations, true, [&](uint64_t i) {
      CommitBatch(session, 0, [&] { session.Put(keys[i], maker.Make(keys[i], i + 1)); });
    });
    // One after the other, so their numbers are as good as times.
    for (uint64_t i = 0; i < operations; ++i)
      acknowledged.Add({.key = keys[i], .version = i + 1, .begun = 2 * i + 1, .done = 2 * i + 2});
  }
  engine->Close();
  VerifyAcknowledged(run, acknowledged, data.value_bytes, [](uint64_t key) { return key; });
}

}  // namespace manifolddb::bench
