// What is to stay small however much there is: manifolddb alone, against itself.
//
// (1) Ratios are of two databases that take turns in one process: what the disk does meanwhile meets both.
// (2) Memory is what of this process is resident and of no file; for small objects what the allocator has
//     given out.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
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

namespace manifolddb::bench {
namespace {

constexpr std::string_view kTable = "t";
constexpr uint64_t kMiB = uint64_t{1} << 20;

template <class T>
T Must(Result<T> result, const char* doing) {
  if (!result) [[unlikely]]
    Fail(std::string("bounds, ") + doing, result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Bytes that the allocator has given out and not got back, blocks of their own mapping left out.
double HeapBytes() { return static_cast<double>(::mallinfo2().uordblks); }

double ResidentBytes() {
  uint64_t all = 0, resident = 0, of_files = 0;
  std::ifstream file("/proc/self/statm");
  if (!(file >> all >> resident >> of_files)) Fail("bounds", "/proc/self/statm cannot be read");
  return static_cast<double>(resident - of_files) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double SecondsOf(const std::function<void()>& work) {
  const uint64_t before = NowNanos();
  work();
  return static_cast<double>(NowNanos() - before) / 1e9;
}

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// One table of the keys 0 to `entries` - 1 in the first of its families; every value carries the version put
// last.
class Store {
 public:
  // Versions put last, by key; 0: none.
  using Versions = std::vector<uint64_t>;
  Store(std::string path, const Options& options, size_t value_bytes, Versions versions)
      : path_(std::move(path)),
        options_(options),
        maker_(value_bytes),
        value_bytes_(value_bytes),
        versions_(std::move(versions)) {
    Open();
    WriteTransaction txn = Must(database_->BeginWrite(family_), "begin");
    Must(txn.CreateTable(family_, kTable), "create the table");
    Must(txn.Commit(), "commit");
  }

  void Open() {
    database_ = Must(Database::Open(path_, options_), "open");
    family_ = Must(database_->OpenOrCreateColumnFamily("family 0"), "open the family");
  }
  void Close() {
    Must(database_->Close(), "close");
    database_.reset();
  }
  Database& database() { return *database_; }

  void AddFamilies(uint32_t families) {
    for (uint32_t i = 1; i < families; ++i) {
      Must(database_->CreateColumnFamily("family " + std::to_string(i)), "create a family");
    }
  }
  // Puts each of `keys`, in one commit.
  void Put(const std::vector<uint64_t>& keys, Durability durability = Durability::kImmediate) {
    WriteTransaction txn = Must(database_->BeginWrite(family_), "begin");
    WriteTable table = Must(txn.OpenTable(family_, kTable), "open the table");
    for (const uint64_t key : keys) {
      Must(table.Put(AsBytes(Key(key).text()), AsBytes(maker_.Make(key, ++versions_[key]))), "put");
    }
    Must(txn.Commit({.durability = durability}), "commit");
  }
  // Puts each entry once.
  void Load() {
    const uint64_t per_commit = std::max<uint64_t>(1, kMiB / value_bytes_);
    std::vector<uint64_t> keys;
    for (uint64_t key = 0; key < versions_.size(); ++key) {
      keys.push_back(key);
      if (keys.size() < per_commit && key + 1 < versions_.size()) continue;
      Put(keys, Durability::kNone);
      keys.clear();
    }
  }
  void Read(uint64_t key) {
    ReadTransaction txn = Must(database_->BeginRead(), "begin to read");
    const ReadTable table = Must(txn.OpenTable(family_, kTable), "open");
    Compare(table, key);
  }
  // Every `step`th entry is what was put last.
  void CompareAll(uint64_t step = 1) {
    ReadTransaction txn = Must(database_->BeginRead(), "begin to read");
    const ReadTable table = Must(txn.OpenTable(family_, kTable), "open");
    for (uint64_t key = 0; key < versions_.size(); key += step) Compare(table, key);
  }

 private:
  void Compare(const ReadTable& table, uint64_t key) {
    const std::optional<Value> value = Must(table.Get(AsBytes(Key(key).text())), "get");
    if (versions_[key] == 0) {
      Require(!value, "bounds", "an entry that nobody has put");
      return;
    }
    Require(value && IsWhole(value->text(), key, value_bytes_) && VersionOf(value->text()) == versions_[key],
            "bounds", "an entry is not what was put last");
  }

  const std::string path_;
  const Options options_;
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  ValueMaker maker_;
  const size_t value_bytes_;
  Versions versions_;
};

void Report(Run& run, const std::string& row, double seconds, double value, const char* unit, Better better,
            std::map<std::string, double> params) {
  run.Report({.row = row,
              .seconds = seconds,
              .value = value,
              .unit = unit,
              .better = better,
              .params = std::move(params)});
}

// ---- Many families, all but one of them idle. -----------------------------------------------------------

struct Opened {
  double seconds = 0;
  double heap_bytes = 0;  // less the pages in the cache, which has its own limit
};
Opened OpenedAgain(Store& store) {
  store.Close();
  const double before = HeapBytes();
  Opened opened;
  opened.seconds = SecondsOf([&] { store.Open(); });
  opened.heap_bytes = HeapBytes() - before - static_cast<double>(store.database().Stats().cache_bytes);
  return opened;
}

// What a checkpoint writes to the data file when one entry has changed.
double CheckpointBytes(Store& store) {
  store.Put({0});
  const DatabaseStats before = store.database().Stats();
  Must(store.database().Checkpoint(), "checkpoint");
  const DatabaseStats after = store.database().Stats();
  return static_cast<double>((after.pages_written - before.pages_written) * after.page_size +
                             after.large_bytes_written - before.large_bytes_written);
}

void MeasureFamilies(Run& run, uint32_t families, const std::vector<std::string>& rows) {
  const int turns = run.profile().Pick(3, 9, 25, 15);
  const uint64_t commits = run.profile().Pick<uint64_t>(20, 500, 2000, 2000);
  // As long from the start: the creation of many families would make the log of theirs grow.
  Options options;
  options.log_bytes_initial = 64 * kMiB;
  Store one(run.directory() + "/one", options, 100, Store::Versions(commits));
  Store many(run.directory() + "/many", options, 100, Store::Versions(commits));
  many.AddFamilies(families);
  const std::map<std::string, double> params = {{"families", static_cast<double>(families)}};

  std::vector<double> seconds, idle;
  double total = 0;
  for (int turn = 0; turn < turns; ++turn) {
    const Opened few = OpenedAgain(one), all = OpenedAgain(many);
    seconds.push_back(all.seconds);
    idle.push_back((all.heap_bytes - few.heap_bytes) / (families - 1));
    total += all.seconds;
  }
  Report(run, rows[0], total, MedianOf(seconds) * 1e3, "ms", Better::kLower, params);
  Report(run, rows[1], total, MedianOf(idle), "bytes", Better::kLower, params);

  double of_one = 0, of_many = 0;
  for (int turn = 0; turn < turns; ++turn) {
    const auto commit_all = [&](Store& store) {
      return SecondsOf([&] {
        for (uint64_t i = 0; i < commits; ++i) store.Put({i}, Durability::kNone);
      });
    };
    if (turn % 2 == 0) of_one += commit_all(one);
    of_many += commit_all(many);
    if (turn % 2 == 1) of_one += commit_all(one);
  }
  Report(run, rows[2], of_many, of_one / of_many, "times", Better::kHigher, params);

  double bytes_of_one = 0, bytes_of_many = 0;
  const double checkpoint_seconds = SecondsOf([&] {
    for (int turn = 0; turn < turns; ++turn) {
      bytes_of_one += CheckpointBytes(one);
      bytes_of_many += CheckpointBytes(many);
    }
  });
  Report(run, rows[3], checkpoint_seconds, bytes_of_many / bytes_of_one, "times", Better::kLower, params);
  for (Store* store : {&one, &many}) {
    store->Close();
    store->Open();
    store->CompareAll();
  }
  const auto found = Must(many.database().ListColumnFamilies(), "list the families").size();
  Require(found == families, "bounds", "another number of families than was created");
}

Job FamiliesJob(const Profile& profile) {
  const auto families = profile.Pick<uint32_t>(50, 2000, 10'000, 10'000);
  const std::string of = "families:" + std::to_string(families);
  const std::vector<std::string> rows = {of + "/open", of + "/heap_of_an_idle_one",
                                         of + "/commits_against_one", of + "/checkpoint_bytes_against_one"};
  return {rows, [=](Run& run) { MeasureFamilies(run, families, rows); }, "manifolddb"};
}

// ---- Opening what was closed. ---------------------------------------------------------------------------

void MeasureOpen(Run& run, const std::string& row, uint64_t bytes) {
  constexpr size_t kValueBytes = 1024;
  const int turns = run.profile().Pick(3, 9, 9, 9);
  Store store(run.directory() + "/db", {}, kValueBytes, Store::Versions(bytes / kValueBytes));
  store.Load();
  std::vector<double> seconds;
  double total = 0;
  for (int turn = 0; turn < turns; ++turn) {
    store.Close();
    seconds.push_back(SecondsOf([&] { store.Open(); }));
    total += seconds.back();
  }
  store.CompareAll(run.profile().Pick<uint64_t>(1, 1, 101, 11));
  Report(run, row, total, MedianOf(seconds) * 1e3, "ms", Better::kLower,
         {{"bytes", static_cast<double>(bytes)}});
}

Job OpenJob(const Profile& profile) {
  const auto bytes = profile.Pick<uint64_t>(2 * kMiB, 64 * kMiB, 10'000'000'000, 1'000'000'000);
  const std::string row = "open_closed/bytes:" + std::to_string(bytes);
  return {{row}, [=](Run& run) { MeasureOpen(run, row, bytes); }, "manifolddb"};
}

// ---- A snapshot that is held all the time. --------------------------------------------------------------

void MeasureHeld(Run& run, const std::string& row) {
  const auto entries = run.profile().Pick<uint64_t>(2000, 20'000, 200'000, 100'000);
  const int turns = run.profile().Pick(2, 10, 100, 50);
  constexpr uint64_t kCommitPuts = 1000;
  Store held(run.directory() + "/held", {}, 100, Store::Versions(entries));
  Store without(run.directory() + "/without", {}, 100, Store::Versions(entries));
  held.Load();
  without.Load();
  double of_held = 0, of_without = 0;
  {
    const ReadTransaction snapshot = Must(held.database().BeginRead(), "begin to read");
    Random random(1);
    std::vector<uint64_t> keys(kCommitPuts);
    for (int turn = 0; turn < turns; ++turn) {
      for (uint64_t& key : keys) key = random.Below(entries);
      std::sort(keys.begin(), keys.end());
      // Who comes first has the disk to itself a little more often: each does every other time.
      for (const bool first : {true, false}) {
        const bool is_held = first == (turn % 2 == 0);
        (is_held ? of_held : of_without) += SecondsOf([&] { (is_held ? held : without).Put(keys); });
      }
    }
  }
  held.CompareAll();
  without.CompareAll();
  Report(run, row, of_held, of_without / of_held, "times", Better::kHigher,
         {{"entries", static_cast<double>(entries)}, {"turns", turns}});
}

Job HeldJob() {
  const std::string row = "snapshot_held/puts_against_none";
  return {{row}, [=](Run& run) { MeasureHeld(run, row); }, "manifolddb"};
}

// ---- Memory. --------------------------------------------------------------------------------------------

// The most that was in use, against Options::cache_bytes, with four times as much in the database.
void MeasureBudget(Run& run, const std::string& row) {
  constexpr size_t kValueBytes = 1024;
  const auto cache_bytes = run.profile().Pick<uint64_t>(4 * kMiB, 16 * kMiB, 128 * kMiB, 64 * kMiB);
  const uint64_t entries = 4 * cache_bytes / kValueBytes;
  Store::Versions versions(entries);  // not the engine's: before
  const double before = ResidentBytes();
  double most = 0;
  const double seconds = SecondsOf([&] {
    Options options;
    options.cache_bytes = cache_bytes;
    Store store(run.directory() + "/db", options, kValueBytes, std::move(versions));
    const auto look = [&] { most = std::max(most, ResidentBytes() - before); };
    store.Load();
    look();
    Random random(1);
    std::vector<uint64_t> keys(100);
    for (uint64_t i = 0; i < entries / keys.size(); ++i) {
      for (uint64_t& key : keys) key = random.Below(entries);
      store.Put(keys, Durability::kNone);
      for (int read = 0; read < 10; ++read) store.Read(random.Below(entries));
      look();
    }
    store.CompareAll(7);
  });
  Report(run, row, seconds, most / static_cast<double>(cache_bytes), "times", Better::kLower,
         {{"cache_bytes", static_cast<double>(cache_bytes)}, {"entries", static_cast<double>(entries)}});
}

Job BudgetJob() {
  const std::string row = "memory/resident_against_cache_bytes";
  return {{row}, [=](Run& run) { MeasureBudget(run, row); }, "manifolddb"};
}

std::vector<Job> BoundsJobs(const Profile& profile) {
  return {FamiliesJob(profile), OpenJob(profile), HeldJob(), BudgetJob()};
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "bounds", manifolddb::bench::BoundsJobs);
}
