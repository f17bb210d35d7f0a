// (1) Every value that comes out is compared with the tag of its key.
// (2) Clocks are read once per snapshot or 1,000 reads, not per read.
// (3) Sessions exist, and have read everything once, before the clock starts.

#include "bench/workloads/reads.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <vector>

#include "bench/workloads/distributions.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

constexpr uint64_t kLoadBatch = 10'000;
constexpr uint64_t kUpdateBatch = 100;

uint64_t EndAfter(double seconds) { return NowNanos() + static_cast<uint64_t>(seconds * 1e9); }

void ReadInOrder(Session& session, const Dataset& data) {
  Scan scan;
  session.BeginRead(Reads::kMany);
  session.Run(0, scan);
  session.EndRead();
  Require(scan.entries() == data.entries, "warming", "entries are missing");
}

void ReadByKey(Session& session, const Dataset& data) {
  session.BeginRead(Reads::kMany);
  for (uint64_t i = 0; i < data.entries; ++i)
    Require(session.Get(0, i * data.stride).has_value(), "warming", "an entry is missing");
  session.EndRead();
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
  constexpr int kPassesMax = 4;
  const std::unique_ptr<Session> session = engine.NewSession();
  ReadInOrder(*session, data);
  uint64_t reads_before = UINT64_MAX;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    const uint64_t begin = Called().reads;
    ReadByKey(*session, data);
    const uint64_t reads = Called().reads - begin;
    if (reads == 0 || reads >= reads_before) return;
    reads_before = reads;
  }
}

// What the threads of one measurement have in common.
struct ReadDatabase::Reading {
  const PointReads& what;
  const ScrambledZipfian* zipfian;
  std::atomic<int> readers;

  void Check(uint64_t key, std::optional<std::string_view> value) const {
    if (what.keys == Keys::kMissing) {
      Require(!value, "get", "found what nobody put");
    } else {
      Require(value && HasTag(*value, key), "get", "a value is missing or belongs to another key");
    }
  }
};

ReadDatabase::ReadDatabase(Run& run, const Dataset& data, const Opening& opening)
    : run_(run), data_(data), cached_(opening.cache_bytes == 0), acknowledged_(data.entries) {
  Load(run_, data_);
  engine_ = run_.Open({.durable = opening.durable, .cache_bytes = opening.cache_bytes});
  if (cached_) Warm(*engine_, data_);
}

uint64_t ReadDatabase::KeyFor(const Reading& reading, Random& random) const {
  switch (reading.what.keys) {
    case Keys::kUniform: return random.Below(data_.entries) * data_.stride;
    case Keys::kZipfian: return reading.zipfian->Next(random) * data_.stride;
    case Keys::kMissing: return random.Below(data_.entries) * data_.stride + 1;  // between two that are there
  }
  Fail("reads", "no such keys");
}

uint64_t ReadDatabase::Read(const Reading& reading, int thread) const {
  Session& session = sessions_[thread];
  const PointReads& what = reading.what;
  Random random(static_cast<uint64_t>(thread) + 100);
  const Session::Found found = [&](uint64_t key, std::optional<std::string_view> value) {
    reading.Check(key, value);
  };
  std::vector<uint64_t> keys(what.keys_per_get);
  const uint64_t snapshots =
      std::max<uint64_t>(1, 1000 / what.gets_per_snapshot);  // between looks at the clock
  uint64_t count = 0;
  const uint64_t end = EndAfter(what.seconds);
  do {  // at least once, however late this thread is
    for (uint64_t s = 0; s < snapshots; ++s) {
      session.BeginRead(what.gets_per_snapshot == 1 ? Reads::kOne : Reads::kMany);
      for (uint64_t i = 0; i < what.gets_per_snapshot; i += what.keys_per_get) {
        if (what.keys_per_get > 1) {
          for (uint64_t& key : keys) key = KeyFor(reading, random);
          session.MultiGet(0, keys, found);
        } else {
          const uint64_t key = KeyFor(reading, random);
          reading.Check(key, session.Get(0, key));
        }
        count += what.keys_per_get;
      }
      session.EndRead();
    }
  } while (NowNanos() < end);
  return count;
}

// Batches of updates until the last reader is done, at least one.
uint64_t ReadDatabase::Update(const Reading& reading, int thread,
                              std::vector<AcknowledgedWrite>& writes) const {
  Session& session = sessions_[thread];
  Random random(static_cast<uint64_t>(thread) + 200);
  ValueMaker maker(data_.value_bytes);
  uint64_t count = 0;
  do {
    std::array<uint64_t, kUpdateBatch> numbers;
    for (uint64_t& number : numbers) number = random.Below(data_.entries);
    const uint64_t version = measured_ << 40 | static_cast<uint64_t>(thread) << 32 | ++count;
    const uint64_t begun = NowNanos();
    CommitBatch(session, 0, [&] {
      for (const uint64_t number : numbers)
        session.Put(number * data_.stride, maker.Make(number * data_.stride, version));
    });
    const uint64_t done = NowNanos();
    for (const uint64_t number : numbers)
      writes.push_back({.key = number, .version = version, .begun = begun, .done = done});
  } while (reading.readers.load() > 0);
  return count * kUpdateBatch;
}

void ReadDatabase::Complete(Outcome& outcome, const Meter& meter, uint64_t operations,
                            uint64_t bytes_written) const {
  constexpr double kSharePermitted = 0.01;  // of gets that read a file, where everything is in the cache
  meter.AddTo(outcome, bytes_written > 0);
  meter.AddOpenTo(outcome, bytes_written, data_.entries * (data_.value_bytes + Key::size()));
  engine_->AddTo(outcome.counters);
  auto& counters = outcome.counters;
  counters["operations_read"] = static_cast<double>(operations);
  const auto reads = counters.find("file_reads");
  if (cached_ && reads != counters.end() &&
      reads->second > kSharePermitted * static_cast<double>(operations)) {
    counters["not_cached"] = reads->second / static_cast<double>(operations);
    std::fprintf(stderr, "%s: not all of it is in the cache: %.0f reads of files\n", outcome.row.c_str(),
                 reads->second);
  }
  outcome.params["entries"] = static_cast<double>(data_.entries);
  outcome.params["value_bytes"] = static_cast<double>(data_.value_bytes);
}

void ReadDatabase::Measure(const PointReads& what) {
  const bool skewed = what.keys == Keys::kZipfian;
  const ScrambledZipfian zipfian(std::max<uint64_t>(2, data_.entries));
  Reading reading{what, skewed ? &zipfian : nullptr, what.threads};
  const int threads = what.threads + what.writers;
  sessions_.Reserve(*engine_, threads, data_.entries);
  std::vector<uint64_t> counts(static_cast<size_t>(threads));
  std::vector<std::vector<AcknowledgedWrite>> writes(counts.size());
  ++measured_;
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = what.row, .unit = "gets/s"};
  outcome.seconds = Together(threads, [&](int i) {
    const auto thread = static_cast<size_t>(i);
    if (i < what.threads) {
      counts[thread] = Read(reading, i);
      reading.readers.fetch_sub(1);
    } else {
      counts[thread] = Update(reading, i, writes[thread]);
    }
  });
  meter.Stop();
  uint64_t gets = 0, updates = 0;
  for (size_t i = 0; i < counts.size(); ++i)
    (i < static_cast<size_t>(what.threads) ? gets : updates) += counts[i];
  const uint64_t bytes_written = updates * (data_.value_bytes + Key::size());
  Complete(outcome, meter, gets, bytes_written);
  outcome.value = static_cast<double>(gets) / outcome.seconds;
  if (what.writers > 0) {
    outcome.counters["operations_written"] = static_cast<double>(updates);
    outcome.counters["bytes_written"] = static_cast<double>(bytes_written);
  }
  outcome.params["threads"] = what.threads;
  outcome.params["writers"] = what.writers;
  outcome.params["gets_per_snapshot"] = static_cast<double>(what.gets_per_snapshot);
  for (const auto& of_thread : writes) acknowledged_.Add(of_thread);
  run_.Report(std::move(outcome));
}

// One scan; the number of entries. Checks that none is missing.
uint64_t ReadDatabase::ScanOnce(Session& session, const Scans& what, Random& random) const {
  Scan scan;
  scan.backwards = what.backwards;
  scan.keys_only = what.keys_only;
  uint64_t expected = data_.entries;
  if (what.entries == 0) {
    if (what.backwards) scan.from = data_.entries * data_.stride;
  } else {
    uint64_t first = random.Below(data_.entries - what.entries + 1);
    if (what.prefix) first -= first % what.entries;
    expected = what.entries;
    scan.from = (what.backwards ? first + what.entries - 1 : first) * data_.stride;
    if (what.prefix) {
      scan.until = (first + what.entries) * data_.stride;
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

void ReadDatabase::Measure(const Scans& what) {
  Require(what.entries <= data_.entries, "scan", "longer than the data");
  sessions_.Reserve(*engine_, 1, data_.entries);
  uint64_t scans = 0, entries = 0;
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = what.row, .unit = what.entries == 0 ? "entries/s" : "scans/s"};
  outcome.seconds = Together(1, [&](int) {
    Random random(300);
    const uint64_t end = EndAfter(what.seconds);
    do {
      entries += ScanOnce(sessions_[0], what, random);
      ++scans;
    } while (NowNanos() < end);
  });
  meter.Stop();
  Complete(outcome, meter, entries, 0);
  outcome.value = static_cast<double>(what.entries == 0 ? entries : scans) / outcome.seconds;
  outcome.params["scan_entries"] = static_cast<double>(what.entries);
  run_.Report(std::move(outcome));
}

void ReadDatabase::CloseAndVerify() {
  sessions_.Close();
  engine_->Close();
  engine_.reset();
  VerifyAcknowledged(run_, acknowledged_, data_.value_bytes,
                     [&](uint64_t key) { return key / data_.stride; });
}

}  // namespace manifolddb::bench
