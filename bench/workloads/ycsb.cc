#include "bench/workloads/ycsb.h"

#include <algorithm>
#include <utility>

#include "bench/measure/meter.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

constexpr size_t kValueBytes = 1000;
constexpr uint64_t kLoadBatch = 10'000;

uint64_t KeyOf(uint64_t record) { return FnvHash(record); }

}  // namespace

void Inserted::Done(uint64_t number) {
  const std::lock_guard lock(mutex_);
  later_.insert(number);
  uint64_t done = done_.load();
  while (!later_.empty() && *later_.begin() == done) {
    later_.erase(later_.begin());
    ++done;
  }
  done_.store(done);
}

struct YcsbDatabase::Thread {
  // `seed`: of this thread in this row, below 2^32.
  Thread(Session& of_row, uint64_t seed) : session(of_row), random(seed), version(seed << 32) {}

  Session& session;
  Random random;
  uint64_t version;  // of what it wrote last
  ValueMaker maker{kValueBytes};
  uint64_t reads = 0, writes = 0, scanned = 0;
  std::vector<uint32_t> nanos;  // of each operation
  std::vector<AcknowledgedWrite> acknowledged;

  void Read(uint64_t key) {
    session.BeginRead(Reads::kOne);
    const auto value = session.Get(0, key);
    Require(value && HasTag(*value, key), "get", "a record is missing or belongs to another key");
    session.EndRead();
    ++reads;
  }
  // Times are added when the operation is done.
  void Write(uint64_t record) {
    const uint64_t key = KeyOf(record);
    ++version;
    CommitBatch(session, 0, [&] { session.Put(key, maker.Make(key, version)); });
    acknowledged.push_back({.key = record, .version = version});
    ++writes;
  }
  void ScanFrom(uint64_t key) {
    Scan scan;
    scan.from = key;
    scan.limit = 1 + random.Below(kYcsbScanMax);
    session.BeginRead(Reads::kMany);
    session.Run(0, scan);
    session.EndRead();
    Require(scan.entries() > 0, "scan", "its first record is missing");
    scanned += scan.entries();
  }
};

YcsbDatabase::YcsbDatabase(Run& run, uint64_t records, bool durable)
    : run_(run),
      records_(records),
      durable_(durable),
      zipfian_(records),
      latest_(records),
      inserted_(records),
      acknowledged_(records) {
  engine_ = run_.Open({.durable = false});
  {
    const std::unique_ptr<Session> session = engine_->NewSession();
    ValueMaker maker(kValueBytes);
    for (uint64_t at = 0; at < records; at += kLoadBatch) {
      CommitBatch(*session, 0, [&] {
        for (uint64_t i = at; i < std::min(at + kLoadBatch, records); ++i)
          session->Put(KeyOf(i), maker.Make(KeyOf(i)));
      });
    }
  }
  engine_->Settle();
  engine_->Close();
  engine_ = run_.Open({.durable = durable_});
}

void YcsbDatabase::Operate(const YcsbMix& mix, Thread& thread) {
  const uint64_t percent = thread.random.Below(100);
  uint64_t below = mix.inserts;
  if (percent < below) {
    const uint64_t record = inserted_.Take();
    thread.Write(record);
    inserted_.Done(record);
    return;
  }
  const uint64_t record =
      mix.latest ? latest_.Next(thread.random, inserted_.done()) : zipfian_.Next(thread.random);
  const uint64_t key = KeyOf(record);
  if (percent < (below += mix.reads)) {
    thread.Read(key);
  } else if (percent < (below += mix.updates)) {
    thread.Write(record);
  } else if (percent < (below += mix.scans)) {
    thread.ScanFrom(key);
  } else {
    thread.Read(key);
    thread.Write(record);
  }
}

void YcsbDatabase::Work(const YcsbMix& mix, uint64_t end, Thread& thread) {
  uint64_t before = NowNanos();
  do {  // at least one, however late this thread is
    const size_t writes = thread.acknowledged.size();
    Operate(mix, thread);
    const uint64_t after = NowNanos();
    if (thread.acknowledged.size() > writes) {
      thread.acknowledged.back().begun = before;
      thread.acknowledged.back().done = after;
    }
    thread.nanos.push_back(ClampedNanos(after - before));
    before = after;
  } while (before < end);
}

void YcsbDatabase::Measure(const std::string& row, const YcsbMix& mix, int threads, double seconds) {
  ++measured_;
  sessions_.Reserve(*engine_, threads, inserted_.done());
  std::vector<Thread> working;
  for (int i = 0; i < threads; ++i)
    working.emplace_back(sessions_[i], measured_ << 8 | static_cast<uint64_t>(i));
  const bool writes = mix.updates + mix.inserts + mix.modifies > 0;
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = row, .unit = "operations/s"};
  const uint64_t end = NowNanos() + static_cast<uint64_t>(seconds * 1e9);
  outcome.seconds = Together(threads, [&](int i) { Work(mix, end, working[static_cast<size_t>(i)]); });
  meter.Stop();
  meter.AddTo(outcome, writes);
  engine_->AddTo(outcome.counters);
  uint64_t reads = 0, written = 0, scanned = 0;
  std::vector<uint32_t> nanos;
  for (const Thread& thread : working) {
    reads += thread.reads;
    written += thread.writes;
    scanned += thread.scanned;
    nanos.insert(nanos.end(), thread.nanos.begin(), thread.nanos.end());
    acknowledged_.Add(thread.acknowledged);
  }
  constexpr uint64_t kEntryBytes = kValueBytes + Key::size();
  meter.AddOpenTo(outcome, written * kEntryBytes, inserted_.done() * kEntryBytes);
  if (durable_ && writes) RequireSyncs(meter, written, threads);
  outcome.value = static_cast<double>(nanos.size()) / outcome.seconds;
  outcome.counters["operations_read"] = static_cast<double>(reads);
  outcome.counters["operations_written"] = static_cast<double>(written);
  outcome.counters["bytes_written"] = static_cast<double>(written * kEntryBytes);
  outcome.counters["entries_scanned"] = static_cast<double>(scanned);
  outcome.latency = LatencyOf(nanos);
  outcome.params = {
      {"records", static_cast<double>(records_)}, {"threads", threads}, {"durable", durable_ ? 1 : 0}};
  run_.Report(std::move(outcome));
}

void YcsbDatabase::CloseAndVerify() {
  sessions_.Close();
  engine_->Close();
  engine_.reset();
  std::vector<std::pair<uint64_t, uint64_t>> records;  // by key, which is a hash
  for (uint64_t record = 0; record < acknowledged_.keys(); ++record)
    records.emplace_back(KeyOf(record), record);
  std::sort(records.begin(), records.end());
  VerifyAcknowledged(run_, acknowledged_, kValueBytes, [&](uint64_t key) {
    const auto found = std::lower_bound(records.begin(), records.end(), std::pair(key, uint64_t{0}));
    return found != records.end() && found->first == key ? found->second : acknowledged_.keys();
  });
}

}  // namespace manifolddb::bench
