#include "bench/workloads/ycsb.h"

#include <algorithm>

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
  explicit Thread(Engine& engine, int number)
      : session(engine.NewSession()), random(static_cast<uint64_t>(number) + 1) {}

  std::unique_ptr<Session> session;
  Random random;
  ValueMaker maker{kValueBytes};
  uint64_t reads = 0, writes = 0, scanned = 0;
  std::vector<uint32_t> nanos;  // of each operation

  void Read(uint64_t key) {
    session->BeginRead(Reads::kOne);
    const auto value = session->Get(0, key);
    Require(value && HasTag(*value, key), "get", "a record is missing or belongs to another key");
    session->EndRead();
    ++reads;
  }
  void Write(uint64_t key) {
    CommitBatch(*session, 0, [&] { session->Put(key, maker.Make(key, random.Next())); });
    ++writes;
  }
  void ScanFrom(uint64_t key) {
    Scan scan;
    scan.from = key;
    scan.limit = 1 + random.Below(kYcsbScanMax);
    session->BeginRead(Reads::kMany);
    session->Run(0, scan);
    session->EndRead();
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
      inserted_(records) {
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
    thread.Write(KeyOf(record));
    inserted_.Done(record);
    return;
  }
  const uint64_t record =
      mix.latest ? latest_.Next(thread.random, inserted_.done()) : zipfian_.Next(thread.random);
  const uint64_t key = KeyOf(record);
  if (percent < (below += mix.reads)) {
    thread.Read(key);
  } else if (percent < (below += mix.updates)) {
    thread.Write(key);
  } else if (percent < (below += mix.scans)) {
    thread.ScanFrom(key);
  } else {
    thread.Read(key);
    thread.Write(key);
  }
}

void YcsbDatabase::Work(const YcsbMix& mix, uint64_t end, Thread& thread) {
  uint64_t before = NowNanos();
  do {  // at least one, however late this thread is
    Operate(mix, thread);
    const uint64_t after = NowNanos();
    thread.nanos.push_back(ClampedNanos(after - before));
    before = after;
  } while (before < end);
}

void YcsbDatabase::Measure(const std::string& row, const YcsbMix& mix, int threads, double seconds) {
  std::vector<Thread> working;
  for (int i = 0; i < threads; ++i) working.emplace_back(*engine_, i);
  const bool writes = mix.updates + mix.inserts + mix.modifies > 0;
  Meter meter(run_.directory());
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
  }
  if (durable_ && writes) RequireSyncs(meter, written, threads);
  outcome.value = static_cast<double>(nanos.size()) / outcome.seconds;
  outcome.counters["operations_read"] = static_cast<double>(reads);
  outcome.counters["operations_written"] = static_cast<double>(written);
  outcome.counters["bytes_written"] = static_cast<double>(written * (kValueBytes + Key::size()));
  outcome.counters["entries_scanned"] = static_cast<double>(scanned);
  outcome.latency = LatencyOf(nanos);
  outcome.params = {
      {"records", static_cast<double>(records_)}, {"threads", threads}, {"durable", durable_ ? 1 : 0}};
  run_.Report(std::move(outcome));
}

void YcsbDatabase::CloseAndVerify() {
  engine_->Close();
  engine_.reset();
  VerifyWhole(run_, 1, inserted_.done(), kValueBytes);
}

}  // namespace manifolddb::bench
