// (1) Time is taken around the commits, not around opening, closing or comparing.
// (2) What is compared afterwards is every entry: a lost or a foreign one ends the measurement.

#include "bench/workloads/writes.h"

#include <atomic>
#include <numeric>
#include <thread>

#include "bench/workloads/sessions.h"

namespace manifolddb::bench {
namespace {

// One thread's part.
struct Writer {
  uint64_t commits = 0;
  uint64_t conflicts = 0;
  std::vector<uint32_t> nanos;  // of each commit, its puts included
};

uint64_t KeyOf(const Writes& what, uint64_t thread, uint64_t number) {
  const uint64_t ascending = thread << 40 | number;
  return what.random_keys ? Mix(ascending) >> 1 : ascending;
}

void WriteAll(Session& session, const Writes& what, uint64_t thread, Writer& writer) {
  ValueMaker maker(what.value_bytes);
  const int family = static_cast<int>(thread) % what.families;
  const bool by_time = what.commits == 0;
  uint64_t before = NowNanos();
  const uint64_t end = before + static_cast<uint64_t>(what.seconds * 1e9);
  while (by_time ? before < end : writer.commits < what.commits) {
    const uint64_t first = writer.commits * what.puts_per_commit;
    writer.conflicts += CommitBatch(session, family, [&] {
      for (uint64_t i = first; i < first + what.puts_per_commit; ++i) {
        const uint64_t key = KeyOf(what, thread, i);
        session.Put(key, maker.Make(key));
      }
    });
    ++writer.commits;
    const uint64_t after = NowNanos();
    writer.nanos.push_back(ClampedNanos(after - before));
    before = after;
  }
}

// Thread what.threads: until the writers are done, at least one checkpoint.
uint64_t CheckpointWhile(Engine& engine, const std::atomic<int>& writers) {
  uint64_t checkpoints = 0;
  do {
    engine.Checkpoint();
    ++checkpoints;
    std::this_thread::yield();
  } while (writers.load() > 0);
  return checkpoints;
}

double ValueOf(const Writes& what, double commits, double seconds) {
  const double puts = commits * static_cast<double>(what.puts_per_commit);
  switch (what.figure) {
    case Figure::kCommits: return commits / seconds;
    case Figure::kPuts: return puts / seconds;
    case Figure::kMegabytes: return puts * static_cast<double>(what.value_bytes) / 1e6 / seconds;
  }
  Fail("writes", "no such figure");
}

const char* UnitOf(Figure figure) {
  return figure == Figure::kCommits ? "commits/s" : figure == Figure::kPuts ? "puts/s" : "MB/s";
}

}  // namespace

void RequireSyncs(const Meter& meter, uint64_t commits, int threads) {
  if (!CallsAreCounted()) return;
  Require(meter.syncs() * static_cast<uint64_t>(threads) >= commits, "durable commits",
          "fewer syncs than durable commits need: they were not durable");
}

void VerifyWhole(const Run& run, int families, uint64_t entries, size_t value_bytes) {
  const std::unique_ptr<Engine> engine = run.Open({.families = families});
  uint64_t found = 0;
  {
    const std::unique_ptr<Session> session = engine->NewSession();
    session->BeginRead(Reads::kMany);
    for (int family = 0; family < families; ++family) {
      const std::function<void(uint64_t, std::string_view)> compare = [&](uint64_t key,
                                                                          std::string_view value) {
        Require(IsWhole(value, key, value_bytes), "reading back", "a value is not what was written");
      };
      Scan scan;
      scan.each = &compare;
      session->Run(family, scan);
      found += scan.entries();
    }
    session->EndRead();
  }
  engine->Close();
  if (found != entries)
    Fail("reading back", std::to_string(found) + " entries instead of " + std::to_string(entries));
}

void MeasureWrites(Run& run, const Writes& what) {
  auto engine = run.Open(
      {.families = what.families, .durable = what.durable, .through_checkpoint = what.through_checkpoint});
  std::vector<Writer> writers(static_cast<size_t>(what.threads));
  for (Writer& writer : writers) writer.nanos.reserve(1 << 16);
  std::atomic<int> running{what.threads};
  uint64_t checkpoints = 0;
  Sessions sessions = OpenSessions(*engine, what.threads, what.families);
  Meter meter(run.directory(), [&] { return engine->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = what.row, .unit = UnitOf(what.figure)};
  outcome.seconds = Together(what.threads + (what.checkpoints ? 1 : 0), [&](int i) {
    if (i == what.threads) {
      checkpoints = CheckpointWhile(*engine, running);
    } else {
      const auto thread = static_cast<size_t>(i);
      WriteAll(*sessions[thread], what, thread, writers[thread]);
      running.fetch_sub(1);
    }
  });
  meter.Stop();
  meter.AddTo(outcome, true);
  engine->AddTo(outcome.counters);
  sessions.clear();
  engine->Close();
  engine.reset();

  uint64_t commits = 0, conflicts = 0;
  std::vector<uint32_t> nanos;
  for (const Writer& writer : writers) {
    commits += writer.commits;
    conflicts += writer.conflicts;
    nanos.insert(nanos.end(), writer.nanos.begin(), writer.nanos.end());
  }
  const uint64_t puts = commits * what.puts_per_commit;
  const uint64_t bytes = puts * (what.value_bytes + Key::size());
  meter.AddClosedTo(outcome, bytes, bytes);
  if (what.durable) RequireSyncs(meter, commits, what.threads);
  outcome.value = ValueOf(what, static_cast<double>(commits), outcome.seconds);
  outcome.latency = LatencyOf(nanos);
  auto& counters = outcome.counters;
  counters["commits"] = static_cast<double>(commits);
  counters["operations_written"] = static_cast<double>(puts);
  counters["bytes_written"] = static_cast<double>(bytes);
  counters["conflicts"] = static_cast<double>(conflicts);
  if (what.checkpoints) counters["checkpoints_asked_for"] = static_cast<double>(checkpoints);
  outcome.params = {{"threads", what.threads},
                    {"families", what.families},
                    {"puts_per_commit", static_cast<double>(what.puts_per_commit)},
                    {"value_bytes", static_cast<double>(what.value_bytes)},
                    {"durable", what.durable ? 1 : 0},
                    {"random_keys", what.random_keys ? 1 : 0}};
  VerifyWhole(run, what.families, puts, what.value_bytes);
  run.Report(std::move(outcome));
}

}  // namespace manifolddb::bench
