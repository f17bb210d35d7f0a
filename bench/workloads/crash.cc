#include "bench/workloads/crash.h"

#include "bench/measure/child.h"
#include "bench/measure/meter.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

void CommitAndDie(const Run& run, const Crash& what) {
  // Never destroyed: the process ends, and what its engine has in memory with it.
  Engine* engine = run.Open({}).release();
  Session* session = engine->NewSession().release();
  ValueMaker maker(what.value_bytes);
  for (uint64_t commit = 0; commit < what.commits; ++commit) {
    const uint64_t first = commit * what.puts_per_commit;
    CommitBatch(*session, 0, [&] {
      for (uint64_t key = first; key < first + what.puts_per_commit; ++key)
        session->Put(key, maker.Make(key));
    });
  }
}

}  // namespace

void MeasureRecovery(Run& run, const Crash& what) {
  InDyingProcess([&] { CommitAndDie(run, what); });
  const uint64_t entries = what.commits * what.puts_per_commit;
  Outcome outcome{.row = what.row, .unit = "entries/s"};
  std::unique_ptr<Engine> engine;
  Meter meter(run.directory(), [&] { return engine == nullptr ? std::nullopt : engine->CacheHits(); });
  meter.Start();
  const uint64_t live_bytes = entries * (what.value_bytes + Key::size());
  meter.AddOpenTo(outcome, 0, live_bytes);  // as the process that died left it
  if (const auto log_bytes = run.LogBytes()) outcome.counters["log_bytes"] = static_cast<double>(*log_bytes);
  outcome.seconds = Together(1, [&](int) {
    engine = run.Open({});
    const std::unique_ptr<Session> session = engine->NewSession();
    session->BeginRead(Reads::kOne);
    const auto value = session->Get(0, entries - 1);
    Require(value && IsWhole(*value, entries - 1, what.value_bytes), "recovery", "the last commit is lost");
    session->EndRead();
  });
  meter.Stop();
  meter.AddTo(outcome, true);
  engine->AddTo(outcome.counters);
  engine->Close();
  engine.reset();
  outcome.counters["live_bytes"] = static_cast<double>(live_bytes);
  outcome.value = static_cast<double>(entries) / outcome.seconds;
  if (what.as_time) {
    outcome.value = outcome.seconds * 1000;
    outcome.unit = "ms";
    outcome.better = Better::kLower;
  }
  outcome.counters["first_read_seconds"] = outcome.seconds;
  outcome.params = {{"entries", static_cast<double>(entries)},
                    {"value_bytes", static_cast<double>(what.value_bytes)},
                    {"puts_per_commit", static_cast<double>(what.puts_per_commit)}};
  VerifyWhole(run, 1, entries, what.value_bytes);
  run.Report(std::move(outcome));
}

}  // namespace manifolddb::bench
