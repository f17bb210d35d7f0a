// Durable puts of 100 bytes, anywhere, one per commit and many per commit: as a batch, and in a transaction.
//
// (1) The rows take turns many times in one process, so that what the disk does meanwhile meets all of them.
// (2) Afterwards the database is opened again, and every entry is compared.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bench/measure/meter.h"
#include "bench/measure/theme.h"
#include "bench/workloads/data.h"
#include "manifolddb/database.h"
#include "manifolddb/write_batch.h"

namespace manifolddb::bench {
namespace {

constexpr std::string_view kTable = "t";
constexpr size_t kValueBytes = 100;
constexpr uint64_t kBatchPuts = 1000;

template <class T>
T Must(Result<T> result, const char* doing) {
  if (!result) [[unlikely]]
    Fail(std::string("batches, ") + doing, result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Row {
  std::string name;
  uint64_t puts = 0;
  uint64_t commits = 0;
  double seconds = 0;
  double PutsPerSecond() const { return static_cast<double>(puts) / seconds; }
};

class Batches {
 public:
  explicit Batches(std::string path) : path_(std::move(path)) {
    Open();
    WriteTransaction txn = Must(database_->BeginWrite(family_), "begin");
    Must(txn.CreateTable(family_, kTable), "create the table");
    Must(txn.Commit(), "commit");
  }

  void PutSingly(Row& row, uint64_t count) {
    Timed(row, count, count, [&] {
      for (uint64_t i = 0; i < count; ++i) PutInTransaction(1);
    });
  }
  void PutTogether(Row& row) {
    Timed(row, kBatchPuts, 1, [&] { PutInTransaction(kBatchPuts); });
  }
  // The batch is filled within the time that is measured.
  void PutAsBatch(Row& row) {
    Timed(row, kBatchPuts, 1, [&] {
      batch_.Clear();
      const WriteBatch::Table table = batch_.In(family_, kTable);
      for (uint64_t i = 0; i < kBatchPuts; ++i) {
        const uint64_t key = NextKey();
        Must(batch_.Put(table, AsBytes(Key(key).text()), AsBytes(maker_.Make(key))), "put into the batch");
      }
      Must(database_->Apply(batch_), "apply");
    });
  }

  void CloseAndCompare() {
    Must(database_->Close(), "close");
    database_.reset();
    Open();
    ReadTransaction txn = Must(database_->BeginRead(), "begin to read");
    const ReadTable table = Must(txn.OpenTable(family_, kTable), "open");
    for (uint64_t i = 0; i < next_; ++i) {
      const uint64_t key = KeyOf(i);
      const std::optional<Value> value = Must(table.Get(AsBytes(Key(key).text())), "get");
      Require(value && IsWhole(value->text(), key, kValueBytes), "batches", "an entry is not what was put");
    }
    Require(Must(table.Length(), "length") == next_, "batches", "another number of entries than was put");
  }

 private:
  void Open() {
    database_ = Must(Database::Open(path_), "open");
    family_ = Must(database_->OpenOrCreateColumnFamily("f"), "open the family");
  }
  static uint64_t KeyOf(uint64_t number) { return Mix(number) >> 1; }
  uint64_t NextKey() { return KeyOf(next_++); }

  void PutInTransaction(uint64_t count) {
    WriteTransaction txn = Must(database_->BeginWrite(family_), "begin");
    WriteTable table = Must(txn.OpenTable(family_, kTable), "open the table");
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t key = NextKey();
      Must(table.Put(AsBytes(Key(key).text()), AsBytes(maker_.Make(key))), "put");
    }
    Must(txn.Commit(), "commit");
  }

  template <class Work>
  static void Timed(Row& row, uint64_t puts, uint64_t commits, const Work& work) {
    const uint64_t before = NowNanos();
    work();
    row.seconds += static_cast<double>(NowNanos() - before) / 1e9;
    row.puts += puts;
    row.commits += commits;
  }

  const std::string path_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  WriteBatch batch_;
  ValueMaker maker_{kValueBytes};
  uint64_t next_ = 0;
};

void Report(Run& run, const Row& row, double value, const char* unit) {
  Outcome outcome{.row = row.name, .seconds = row.seconds, .value = value, .unit = unit};
  outcome.counters["commits"] = static_cast<double>(row.commits);
  outcome.counters["operations_written"] = static_cast<double>(row.puts);
  outcome.params = {{"value_bytes", static_cast<double>(kValueBytes)}, {"durable", 1}};
  run.Report(std::move(outcome));
}

void MeasureBatches(Run& run, const std::vector<std::string>& names) {
  const int turns = run.profile().Pick(2, 20, 100, 50);
  const uint64_t singles = run.profile().Pick<uint64_t>(5, 100, 200, 200);
  Batches batches(run.directory() + "/db");
  Row single{.name = names[0]}, together{.name = names[1]}, batch{.name = names[2]};
  for (int turn = 0; turn < turns; ++turn) {
    batches.PutSingly(single, singles);
    batches.PutTogether(together);
    batches.PutAsBatch(batch);
  }
  batches.CloseAndCompare();
  Report(run, single, single.PutsPerSecond(), "puts/s");
  Report(run, together, together.PutsPerSecond(), "puts/s");
  Report(run, batch, batch.PutsPerSecond(), "puts/s");
  Row ratio = batch;
  ratio.name = names[3];
  Report(run, ratio, batch.PutsPerSecond() / single.PutsPerSecond(), "times");
}

std::vector<Job> BatchesJobs(const Profile&) {
  const std::vector<std::string> rows = {"single", "transaction:1000", "batch:1000",
                                         "batch:1000/against_single"};
  return {{rows, [rows](Run& run) { MeasureBatches(run, rows); }, "manifolddb"}};
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "batches", manifolddb::bench::BatchesJobs);
}
