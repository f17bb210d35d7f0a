#include "bench/workloads/mixed.h"

#include <algorithm>

#include "bench/measure/meter.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {

MixedDatabase::MixedDatabase(Run& run, const Dataset& data)
    : run_(run), data_(data), acknowledged_(data.entries) {
  Load(run_, data_);
  engine_ = run_.Open({});
  Warm(*engine_, data_);
}

void MixedDatabase::ReadSome(Session& session, const Mixed& what, const std::vector<uint64_t>& keys,
                             Random& random, Thread& thread) {
  const uint64_t reads = what.operations_per_batch * what.reads_percent / 100;
  session.BeginRead(Reads::kMany);
  for (uint64_t i = 0; i < reads; ++i) {
    const uint64_t key = keys.empty() ? random.Below(data_.entries) : keys[random.Below(keys.size())];
    const auto value = session.Get(0, key);
    Require(value && HasTag(*value, key), "get", "a value is missing or belongs to another key");
  }
  session.EndRead();
  thread.reads += reads;
}

void MixedDatabase::Work(const Mixed& what, int number, Thread& thread) {
  Session& session = sessions_[number];
  Random random(measured_ << 8 | static_cast<uint64_t>(number));
  ValueMaker maker(data_.value_bytes);
  const uint64_t updates = what.operations_per_batch - what.operations_per_batch * what.reads_percent / 100;
  std::vector<uint64_t> keys(what.keys_per_batch);
  std::vector<uint64_t> to_update(updates);
  uint64_t before = NowNanos();
  const uint64_t end = before + static_cast<uint64_t>(what.seconds * 1e9);
  do {  // at least one, however late this thread is
    for (uint64_t& key : keys) key = random.Below(data_.entries);
    ReadSome(session, what, keys, random, thread);
    for (uint64_t& key : to_update)
      key = keys.empty() ? random.Below(data_.entries) : keys[random.Below(keys.size())];
    const uint64_t version = (measured_ << 8 | static_cast<uint64_t>(number)) << 32 | ++thread.batches;
    thread.conflicts += CommitBatch(session, 0, [&] {
      for (const uint64_t key : to_update) session.Put(key, maker.Make(key, version));
    });
    thread.updates += updates;
    const uint64_t after = NowNanos();
    thread.committed.push_back({.version = version, .begun = before, .done = after});
    for (const uint64_t key : to_update) thread.updated.push_back(static_cast<uint32_t>(key));
    thread.nanos.push_back(ClampedNanos(after - before));
    before = after;
  } while (before < end);
}

void MixedDatabase::AddAcknowledged(const Thread& thread) {
  const size_t of_each = thread.updated.size() / thread.committed.size();
  for (size_t i = 0; i < thread.updated.size(); ++i) {
    AcknowledgedWrite write = thread.committed[i / of_each];
    write.key = thread.updated[i];
    acknowledged_.Add(write);
  }
}

void MixedDatabase::Measure(const Mixed& what) {
  std::vector<Thread> threads(static_cast<size_t>(what.threads));
  ++measured_;
  sessions_.Reserve(*engine_, what.threads, data_.entries);
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = what.row, .unit = "operations/s"};
  outcome.seconds = Together(what.threads, [&](int i) { Work(what, i, threads[static_cast<size_t>(i)]); });
  meter.Stop();
  meter.AddTo(outcome, true);
  engine_->AddTo(outcome.counters);
  Thread all;
  for (const Thread& thread : threads) {
    all.batches += thread.batches;
    all.reads += thread.reads;
    all.updates += thread.updates;
    all.conflicts += thread.conflicts;
    all.nanos.insert(all.nanos.end(), thread.nanos.begin(), thread.nanos.end());
    AddAcknowledged(thread);
  }
  const uint64_t entry_bytes = data_.value_bytes + Key::size();
  meter.AddOpenTo(outcome, all.updates * entry_bytes, data_.entries * entry_bytes);
  if (what.durable && all.updates > 0) RequireSyncs(meter, all.batches, what.threads);
  outcome.value = static_cast<double>(all.reads + all.updates) / outcome.seconds;
  outcome.latency = LatencyOf(all.nanos);
  auto& counters = outcome.counters;
  counters["commits"] = static_cast<double>(all.batches);
  counters["operations_read"] = static_cast<double>(all.reads);
  counters["operations_written"] = static_cast<double>(all.updates);
  counters["bytes_written"] = static_cast<double>(all.updates * entry_bytes);
  counters["conflicts"] = static_cast<double>(all.conflicts);
  outcome.params = {{"entries", static_cast<double>(data_.entries)},
                    {"value_bytes", static_cast<double>(data_.value_bytes)},
                    {"threads", what.threads},
                    {"reads_percent", static_cast<double>(what.reads_percent)},
                    {"operations_per_batch", static_cast<double>(what.operations_per_batch)},
                    {"keys_per_batch", static_cast<double>(what.keys_per_batch)}};
  run_.Report(std::move(outcome));
}

void MixedDatabase::CloseAndVerify() {
  sessions_.Close();
  engine_->Close();
  engine_.reset();
  VerifyAcknowledged(run_, acknowledged_, data_.value_bytes, [](uint64_t key) { return key; });
}

Job MixedJob(const Dataset& data, const std::vector<Mixed>& rows) {
  Job job;
  for (const Mixed& row : rows) job.rows.push_back(row.row);
  job.run = [=](Run& run) {
    MixedDatabase database(run, data);
    for (const Mixed& row : rows) database.Measure(row);
    database.CloseAndVerify();
  };
  return job;
}

}  // namespace manifolddb::bench
