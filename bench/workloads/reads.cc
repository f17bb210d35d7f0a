// (1) Every value that comes out is compared with the tag of its key.
// (2) Clocks are read once per snapshot or 1,000 reads, not per read.

#include "bench/workloads/reads.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "bench/measure/meter.h"
#include "bench/workloads/distributions.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

constexpr uint64_t kLoadBatch = 10'000;
constexpr uint64_t kUpdateBatch = 100;

uint64_t EndAfter(double seconds) { return NowNanos() + static_cast<uint64_t>(seconds * 1e9); }

// What the threads of one measurement have in common.
struct Reading {
  Engine& engine;
  const Dataset& data;
  const PointReads& what;
  const ScrambledZipfian* zipfian;
  std::atomic<int> readers;
};

uint64_t KeyFor(const Reading& reading, Random& random) {
  const Dataset& data = reading.data;
  switch (reading.what.keys) {
    case Keys::kUniform: return random.Below(data.entries) * data.stride;
    case Keys::kZipfian: return reading.zipfian->Next(random) * data.stride;
    case Keys::kMissing: return random.Below(data.entries) * data.stride + 1;  // between two that are there
  }
  Fail("reads", "no such keys");
}

void Check(const Reading& reading, uint64_t key, std::optional<std::string_view> value) {
  if (reading.what.keys == Keys::kMissing) {
    Require(!value, "get", "found what nobody put");
  } else {
    Require(value && HasTag(*value, key), "get", "a value is missing or belongs to another key");
  }
}

uint64_t Read(const Reading& reading, int thread) {
  const std::unique_ptr<Session> session = reading.engine.NewSession();
  const PointReads& what = reading.what;
  Random random(static_cast<uint64_t>(thread) + 100);
  const Session::Found found = [&](uint64_t key, std::optional<std::string_view> value) {
    Check(reading, key, value);
  };
  std::vector<uint64_t> keys(what.keys_per_get);
  const uint64_t snapshots =
      std::max<uint64_t>(1, 1000 / what.gets_per_snapshot);  // between looks at the clock
  uint64_t count = 0;
  const uint64_t end = EndAfter(what.seconds);
  do {  // at least once, however late this thread is
    for (uint64_t s = 0; s < snapshots; ++s) {
      session->BeginRead(what.gets_per_snapshot == 1 ? Reads::kOne : Reads::kMany);
      for (uint64_t i = 0; i < what.gets_per_snapshot; i += what.keys_per_get) {
        if (what.keys_per_get > 1) {
          for (uint64_t& key : keys) key = KeyFor(reading, random);
          session->MultiGet(0, keys, found);
        } else {
          const uint64_t key = KeyFor(reading, random);
          Check(reading, key, session->Get(0, key));
        }
        count += what.keys_per_get;
      }
      session->EndRead();
    }
  } while (NowNanos() < end);
  return count;
}

// Batches of updates until the last reader is done.
uint64_t Update(const Reading& reading, int thread) {
  const std::unique_ptr<Session> session = reading.engine.NewSession();
  Random random(static_cast<uint64_t>(thread) + 200);
  ValueMaker maker(reading.data.value_bytes);
  uint64_t count = 0;
  while (reading.readers.load() > 0) {
    std::array<uint64_t, kUpdateBatch> keys;
    for (uint64_t& key : keys) key = random.Below(reading.data.entries) * reading.data.stride;
    ++count;
    CommitBatch(*session, 0, [&] {
      for (const uint64_t key : keys) session->Put(key, maker.Make(key, count));
    });
  }
  return count * kUpdateBatch;
}

}  // namespace

void Load(const Run& run, const Dataset& data) {
  const std::unique_ptr<Engine> engine = run.Open({.durable = false});
  {
    const std::unique_ptr<Session> session = engine->NewSession();
    ValueMaker maker(data.value_bytes);
    for (uint64_t at = 0; at < data.entries; at += kLoadBatch) {
      CommitBatch(*session, 0, [&] {
        for (uint64_t i = at; i < std::min(at + kLoadBatch, data.entries); ++i)
          session->Put(i * data.stride, maker.Make(i * data.stride));
      });
    }
  }
  engine->Settle();
  engine->Close();
}

void Warm(Engine& engine, const Dataset& data) {
  const std::unique_ptr<Session> session = engine.NewSession();
  session->BeginRead(Reads::kMany);
  Scan scan;
  session->Run(0, scan);
  session->EndRead();
  Require(scan.entries() == data.entries, "warming", "entries are missing");
}

void MeasurePointReads(Run& run, Engine& engine, const Dataset& data, const PointReads& what) {
  const bool skewed = what.keys == Keys::kZipfian;
  const ScrambledZipfian zipfian(std::max<uint64_t>(2, data.entries));
  Reading reading{engine, data, what, skewed ? &zipfian : nullptr, what.threads};
  std::vector<uint64_t> counts(static_cast<size_t>(what.threads + what.writers));
  Meter meter(run.directory());
  meter.Start();
  Outcome outcome{.row = what.row, .unit = "gets/s"};
  outcome.seconds = Together(what.threads + what.writers, [&](int i) {
    if (i < what.threads) {
      counts[static_cast<size_t>(i)] = Read(reading, i);
      reading.readers.fetch_sub(1);
    } else {
      counts[static_cast<size_t>(i)] = Update(reading, i);
    }
  });
  meter.Stop();
  meter.AddTo(outcome, what.writers > 0);
  engine.AddTo(outcome.counters);
  uint64_t gets = 0, updates = 0;
  for (size_t i = 0; i < counts.size(); ++i)
    (i < static_cast<size_t>(what.threads) ? gets : updates) += counts[i];
  outcome.value = static_cast<double>(gets) / outcome.seconds;
  outcome.counters["operations_read"] = static_cast<double>(gets);
  if (what.writers > 0) {
    outcome.counters["operations_written"] = static_cast<double>(updates);
    outcome.counters["bytes_written"] = static_cast<double>(updates * (data.value_bytes + Key::size()));
  }
  outcome.params = {{"entries", static_cast<double>(data.entries)},
                    {"value_bytes", static_cast<double>(data.value_bytes)},
                    {"threads", what.threads},
                    {"writers", what.writers},
                    {"gets_per_snapshot", static_cast<double>(what.gets_per_snapshot)}};
  run.Report(std::move(outcome));
}

namespace {

// One scan; the number of entries. Checks that none is missing.
uint64_t ScanOnce(Session& session, const Dataset& data, const Scans& what, Random& random) {
  Scan scan;
  scan.backwards = what.backwards;
  scan.keys_only = what.keys_only;
  uint64_t expected = data.entries;
  if (what.entries == 0) {
    if (what.backwards) scan.from = data.entries * data.stride;
  } else {
    uint64_t first = random.Below(data.entries - what.entries + 1);
    if (what.prefix) first -= first % what.entries;
    expected = what.entries;
    scan.from = (what.backwards ? first + what.entries - 1 : first) * data.stride;
    if (what.prefix) {
      scan.until = (first + what.entries) * data.stride;
    } else {
      scan.limit = what.entries;
    }
  }
  session.BeginRead(Reads::kMany);
  session.Run(0, scan);
  session.EndRead();
  Require(scan.entries() == expected, "scan", "entries are missing");
  return scan.entries();
}

}  // namespace

void MeasureScans(Run& run, Engine& engine, const Dataset& data, const Scans& what) {
  Require(what.entries <= data.entries, "scan", "longer than the data");
  uint64_t scans = 0, entries = 0;
  Meter meter(run.directory());
  meter.Start();
  Outcome outcome{.row = what.row, .unit = what.entries == 0 ? "entries/s" : "scans/s"};
  outcome.seconds = Together(1, [&](int) {
    const std::unique_ptr<Session> session = engine.NewSession();
    Random random(300);
    const uint64_t end = EndAfter(what.seconds);
    do {
      entries += ScanOnce(*session, data, what, random);
      ++scans;
    } while (NowNanos() < end);
  });
  meter.Stop();
  meter.AddTo(outcome, false);
  engine.AddTo(outcome.counters);
  outcome.value = static_cast<double>(what.entries == 0 ? entries : scans) / outcome.seconds;
  outcome.counters["operations_read"] = static_cast<double>(entries);
  outcome.params = {{"entries", static_cast<double>(data.entries)},
                    {"value_bytes", static_cast<double>(data.value_bytes)},
                    {"scan_entries", static_cast<double>(what.entries)}};
  run.Report(std::move(outcome));
}

}  // namespace manifolddb::bench
