// YCSB's six core workloads by one thread. Numbers of records, not hashes of them, say what is popular, as in
// the measured theme: the same mixes, distributions, keys and records of 1,000 bytes.
//
// (1) Each operation is a transaction of its own; those that write are durable.
// (2) What was acknowledged last of each record is compared, by every read and after closing.

#include <array>
#include <string>
#include <vector>

#include "bench/exact/data.h"
#include "bench/exact/table_check.h"
#include "bench/exact/workloads.h"
#include "bench/workloads/distributions.h"

namespace manifolddb::bench::exact {
namespace {

constexpr size_t kValueBytes = 1000;
constexpr uint64_t kLoadBatch = 1000;

uint64_t KeyOf(uint64_t record) { return FnvHash(record); }

class YcsbRecords {
 public:
  YcsbRecords(const World& world, uint64_t records, uint64_t seed)
      : world_(world),
        database_(world.Open()),
        family_(MakeFamily(*database_, "f")),
        random_(seed),
        zipfian_(records),
        latest_(records),
        versions_(records, 0) {
    for (uint64_t record = 0; record < records;) {
      WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
      WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
      for (uint64_t i = 0; i < kLoadBatch && record < records; ++i, ++record) Put(table, record);
      Must(transaction.Commit(), "commit");
    }
    Must(database_->Checkpoint(), "checkpoint");
  }

  void Operate(const YcsbMix& mix) {
    const uint64_t percent = random_.Below(100);
    uint64_t below = mix.inserts;
    if (percent < below) {
      {
        const Uncounted harness;
        versions_.push_back(0);
      }
      Write(versions_.size() - 1);
      return;
    }
    const uint64_t record = mix.latest ? latest_.Next(random_, versions_.size()) : zipfian_.Next(random_);
    if (percent < (below += mix.reads)) {
      Read(record);
    } else if (percent < (below += mix.updates)) {
      Update(record);
    } else if (percent < (below += mix.scans)) {
      Scan(record);
    } else {
      Read(record);
      Update(record);
    }
  }

  void Finish(Figure& figure) const {
    figure.params["records"] = versions_.size();
    figure.params["value_bytes"] = kValueBytes;
    figure.counters["live_bytes"] = versions_.size() * (kValueBytes + sizeof(uint64_t));
    figure.counters["checkpoints"] = database_->Stats().checkpoints;
  }

  void Check() {
    Must(database_->Close(), "close");
    database_.reset();
    database_ = world_.Open();
    Expected expected{.tags = {}, .value_bytes = kValueBytes};
    for (uint64_t record = 0; record < versions_.size(); ++record)
      expected.tags[KeyOf(record)] = TagOf(record);
    if (expected.tags.size() != versions_.size()) Die("two records have one key");
    CheckTable(*database_, family_, expected);
  }

 private:
  uint64_t TagOf(uint64_t record) const { return Mix(record) + versions_[record]; }

  void Put(WriteTable& table, uint64_t record) {
    std::array<std::byte, kValueBytes> value;
    FillValue(TagOf(record), value);
    Must(table.Put(Key(KeyOf(record)).view(), value), "put");
  }
  void Write(uint64_t record) {
    WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
    WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
    Put(table, record);
    Must(transaction.Commit(), "commit");
  }
  void Update(uint64_t record) {
    ++versions_[record];
    Write(record);
  }
  void Read(uint64_t record) const {
    ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
    const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
    const auto value = Must(table.Get(Key(KeyOf(record)).view()), "get");
    if (!value || !HasTag(value->bytes(), TagOf(record))) Die("a wrong value was read");
  }
  // Its first record is known; those that follow are whichever have the next keys.
  void Scan(uint64_t record) {
    ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
    const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
    Cursor cursor = Must(table.NewCursor(), "cursor");
    bool more = Must(cursor.Seek(Key(KeyOf(record)).view()), "seek");
    if (!more || !HasTag(Must(cursor.value(), "value"), TagOf(record))) Die("a wrong value was read");
    for (uint64_t left = random_.Below(kYcsbScanMax); left > 0 && more; --left) {
      more = Must(cursor.Next(), "next");
      if (more && Must(cursor.value(), "value").size() != kValueBytes) Die("a value of another length");
    }
  }

  const World& world_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  Random random_;
  const ScrambledZipfian zipfian_;
  const Latest latest_;
  std::vector<uint64_t> versions_;  // of each record
};

}  // namespace

std::vector<Figure> Ycsb(const Plan& plan, const MakePlatform& platform) {
  const World world(platform());
  YcsbRecords records(world, plan.Scaled(20'000, 2000), plan.seed);
  const uint64_t operations = plan.Scaled(10'000, 200);
  std::vector<Figure> figures;
  for (const YcsbMix& mix : kYcsbMixes) {
    const Probe probe(world);
    for (uint64_t i = 0; i < operations; ++i) records.Operate(mix);
    figures.push_back(probe.Done("YCSB/" + std::string(1, mix.letter), operations));
    records.Finish(figures.back());
  }
  records.Check();
  return figures;
}

}  // namespace manifolddb::bench::exact
