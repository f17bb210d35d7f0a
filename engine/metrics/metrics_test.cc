// Figures count what happens, and their texts say all of them.

#include "manifolddb/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "engine/db/full_disk.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

std::unique_ptr<Database> OpenOn(const std::shared_ptr<Storage>& storage, Options options = {}) {
  options.executor = MakeInlineExecutor();
  auto database = Database::Open(storage, "db", options);
  EXPECT_TRUE(database) << database.error().ToString();
  return std::move(*database);
}

void Put(Database& database, int number, size_t bytes, Durability durability = Durability::kImmediate) {
  const auto family = database.OpenOrCreateColumnFamily("f");
  ASSERT_TRUE(family);
  auto transaction = database.BeginWrite(*family);
  ASSERT_TRUE(transaction);
  auto table = transaction->OpenOrCreateTable(*family, "t");
  const std::string key = std::to_string(1'000'000 + number);
  ASSERT_TRUE(table->Put(AsBytes(key), AsBytes(std::string(bytes, 'v'))));
  ASSERT_TRUE(transaction->Commit({.durability = durability}));
}

TEST(Histograms, CountByTheirBits) {
  Histogram histogram;
  EXPECT_EQ(histogram.AtMost(0.5), 0u);
  for (const uint64_t value : {0u, 1u, 2u, 3u, 4u, 1000u}) histogram.Add(value);
  histogram.Add(~uint64_t{0} >> 1);
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_EQ(histogram.bucket(0), 1u);
  EXPECT_EQ(histogram.bucket(1), 1u);
  EXPECT_EQ(histogram.bucket(2), 2u);
  EXPECT_EQ(histogram.bucket(3), 1u);
  EXPECT_EQ(histogram.bucket(10), 1u);
  EXPECT_EQ(histogram.bucket(Histogram::kBuckets - 1), 1u);
  EXPECT_EQ(Histogram::UpperBound(3), 7u);
  EXPECT_EQ(histogram.AtMost(0.5), 3u);
  EXPECT_EQ(histogram.AtMost(0.8), 1023u);
  EXPECT_EQ(histogram.AtMost(1), Histogram::kNoBound);
}

TEST(Stats, CountCommitsAbortsGroupsAndSyncs) {
  const auto database = OpenOn(MakeMemoryStorage());
  const DatabaseStats before = database->Stats();
  for (int i = 0; i < 5; ++i) Put(*database, i, 100);
  const DatabaseStats created = database->Stats();  // the family's and the table's creation included
  for (int i = 5; i < 15; ++i) Put(*database, i, 100);
  Put(*database, 15, 100, Durability::kNone);
  const auto family = database->OpenColumnFamily("f");
  {
    auto aborted = database->BeginWrite(*family);
    auto table = aborted->OpenTable(*family, "t");
    ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
  }
  auto empty = database->BeginWrite(*family);
  ASSERT_TRUE(empty->Commit());
  const DatabaseStats after = database->Stats();
  EXPECT_EQ(before.aborts, 0u);
  EXPECT_EQ(after.aborts, 1u);
  EXPECT_EQ(after.commits - created.commits, 11u);
  EXPECT_EQ(after.group_commits.count() - created.group_commits.count(), 11u);
  EXPECT_EQ(after.group_commits.sum() - created.group_commits.sum(), 11u);
  EXPECT_EQ(after.log_syncs - created.log_syncs, 10u);
  EXPECT_EQ(after.sync_nanos.count() - created.sync_nanos.count(), 10u);
  const uint64_t redo = after.redo_bytes - created.redo_bytes;
  EXPECT_GE(redo, 11u * 100);
  EXPECT_LT(redo, 11u * 200);
  EXPECT_EQ(after.log_bytes_written - created.log_bytes_written, 11u * after.write_unit);
}

TEST(Stats, CountPagesAndLargeValues) {
  const auto storage = MakeMemoryStorage();
  {
    const auto database = OpenOn(storage);
    for (int i = 0; i < 50; ++i) Put(*database, i, 1000);
    Put(*database, 50, 100'000);
    ASSERT_TRUE(database->Checkpoint());
    const DatabaseStats stats = database->Stats();
    EXPECT_GE(stats.pages_written, 50u * 1000 / stats.page_size);
    EXPECT_GE(stats.large_bytes_written, 100'000u);
    EXPECT_EQ(stats.large_reads, 0u);
    EXPECT_EQ(stats.pages_read, 0u);
  }
  Options small;
  small.cache_bytes = 4 * 8192;
  const auto database = OpenOn(storage, small);
  const DatabaseStats opened = database->Stats();
  auto snapshot = database->BeginRead();
  const auto family = snapshot->OpenColumnFamily("f");
  const auto table = snapshot->OpenTable(*family, "t");
  for (int round = 0; round < 2; ++round) {
    auto cursor = table->NewCursor();
    for (auto more = cursor->First(); *more; more = cursor->Next()) ASSERT_TRUE(cursor->value());
  }
  const DatabaseStats read = database->Stats();
  EXPECT_EQ(read.large_reads - opened.large_reads, 2u);
  EXPECT_EQ(read.large_bytes_read - opened.large_bytes_read, 200'000u);
  EXPECT_GT(read.pages_read, opened.pages_read + 8);
  EXPECT_GT(read.pages_evicted, opened.pages_evicted);
}

TEST(Stats, SayWhatIsWrittenForAByteThatWasToBe) {
  DatabaseStats stats;
  EXPECT_EQ(stats.write_amplification(), 0.0);
  stats.page_size = 100;
  stats.pages_written = 7;
  stats.log_bytes_written = 200;
  stats.large_bytes_written = 100;
  stats.redo_bytes = 400;
  EXPECT_EQ(stats.write_amplification(), 2.5);
  // Of a large value little more than the value goes to the log, and as much to the data file.
  const auto database = OpenOn(MakeMemoryStorage());
  Put(*database, 1, 1'000'000);
  ASSERT_TRUE(database->Checkpoint());
  EXPECT_GT(database->Stats().write_amplification(), 2.0);
  EXPECT_LT(database->Stats().write_amplification(), 2.3);
}

TEST(Stats, CountAHitForEachLevelThatIsInMemory) {
  const auto storage = MakeMemoryStorage();
  {
    const auto database = OpenOn(storage);
    for (int i = 0; i < 50; ++i) Put(*database, i, 1000);
  }
  const auto database = OpenOn(storage);
  auto snapshot = database->BeginRead();
  const auto family = snapshot->OpenColumnFamily("f");
  const auto table = snapshot->OpenTable(*family, "t");
  const uint32_t depth = table->Shape()->depth;
  ASSERT_GE(depth, 2u);
  const std::string key = std::to_string(1'000'007);
  ASSERT_TRUE(*table->Get(AsBytes(key)));  // now it is in memory, if it was not
  const DatabaseStats before = database->Stats();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(*table->Get(AsBytes(key)));
  const DatabaseStats after = database->Stats();
  EXPECT_EQ(after.cache_hits - before.cache_hits, 10u * depth);
  EXPECT_EQ(after.pages_read, before.pages_read);
}

class Recorder final : public EventListener {
 public:
  void OnCheckpoint(const CheckpointInfo& checkpoint) override { checkpoints.push_back(checkpoint); }
  void OnStall(const StallInfo& stall) override { stalls.push_back(stall); }
  void OnPoison(const Error& cause) override { poisons.push_back(cause); }
  void OnCorruption(const Error& what) override { corruptions.push_back(what); }
  std::vector<CheckpointInfo> checkpoints;
  std::vector<StallInfo> stalls;
  std::vector<Error> poisons;
  std::vector<Error> corruptions;
};

TEST(Events, CheckpointsAreToldOfAndRemembered) {
  const auto recorder = std::make_shared<Recorder>();
  Options options;
  options.listener = recorder;
  const auto database = OpenOn(MakeMemoryStorage(), options);
  for (int i = 0; i < 20; ++i) {
    Put(*database, i, 1000);
    ASSERT_TRUE(database->Checkpoint());
  }
  const DatabaseStats stats = database->Stats();
  ASSERT_EQ(stats.checkpoint_history.size(), 16u);
  ASSERT_EQ(recorder->checkpoints.size(), stats.checkpoints);
  const CheckpointInfo& last = recorder->checkpoints.back();
  EXPECT_EQ(stats.checkpoint_history.back().number, last.number);
  EXPECT_EQ(last.commit_number, stats.commit_number);
  EXPECT_GE(last.page_bytes, stats.page_size);
  EXPECT_GE(last.ended_ns, last.began_ns);
  EXPECT_FALSE(last.of_commit);
}

// Lets work lie until it is told to do it: checkpoints that are asked for do not come.
class LazyExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override { works_.push_back(std::move(work)); }
  void RunAll() {
    while (!works_.empty()) {
      const std::function<void()> work = std::move(works_.back());
      works_.pop_back();
      work();
    }
  }

 private:
  std::vector<std::function<void()>> works_;
};

TEST(Events, WaitsForRoomAreToldOf) {
  for (const bool memory : {true, false}) {
    const auto recorder = std::make_shared<Recorder>();
    const auto executor = std::make_shared<LazyExecutor>();
    Options options;
    options.page_size = 512;
    options.write_unit = 512;
    options.log_bytes_initial = options.log_bytes_max = memory ? 4096 * 512 : 16 * 512;
    options.dirty_bytes_max = memory ? 4 * 512 : 4096 * 512;
    options.listener = recorder;
    options.executor = executor;
    const auto database = *Database::Open(MakeMemoryStorage(), "db", options);
    for (int i = 0; i < 40 && recorder->stalls.empty(); ++i) Put(*database, i, 200);
    const DatabaseStats stats = database->Stats();
    ASSERT_EQ(recorder->stalls.size(), 1u);
    EXPECT_EQ(recorder->stalls[0].reason, memory ? StallInfo::Reason::kMemory : StallInfo::Reason::kLog);
    EXPECT_EQ(stats.stalls, 1u);
    EXPECT_EQ(stats.stall_nanos, recorder->stalls[0].nanos);
    executor->RunAll();
  }
}

TEST(Events, AFailedWriteIsToldOfOnceAsPoison) {
  const auto disk = std::make_shared<FullDisk>();
  const auto recorder = std::make_shared<Recorder>();
  Options options;
  options.listener = recorder;
  const auto database = OpenOn(disk, options);
  Put(*database, 1, 10);
  const auto family = database->OpenColumnFamily("f");
  auto transaction = database->BeginWrite(*family);
  ASSERT_TRUE(transaction->OpenTable(*family, "t")->Put(AsBytes("k"), AsBytes("v")));
  EXPECT_TRUE(recorder->poisons.empty());
  disk->stops = true;
  EXPECT_EQ(transaction->Commit().error().code(), Errc::kUnknownOutcome);
  EXPECT_FALSE(database->Checkpoint());
  ASSERT_EQ(recorder->poisons.size(), 1u);
  EXPECT_EQ(recorder->poisons[0].code(), Errc::kIo);
  EXPECT_TRUE(recorder->checkpoints.empty());
}

TEST(Events, DamageIsToldOfWhereItIsMet) {
  const auto disk = std::make_shared<FullDisk>();
  {
    const auto database = OpenOn(disk);
    Put(*database, 1, 50'000);
  }
  const auto recorder = std::make_shared<Recorder>();
  Options options;
  options.listener = recorder;
  const auto database = OpenOn(disk, options);
  auto snapshot = database->BeginRead();
  const auto table = snapshot->OpenTable(*snapshot->OpenColumnFamily("f"), "t");
  ASSERT_TRUE(table->Get(AsBytes("1000001")));
  EXPECT_TRUE(recorder->corruptions.empty());
  disk->read = [](const std::string&, MutableByteView bytes) { bytes[bytes.size() / 2] ^= std::byte{1}; };
  const auto damaged = table->Get(AsBytes("1000001"));
  ASSERT_FALSE(damaged);
  ASSERT_EQ(recorder->corruptions.size(), 1u);
  EXPECT_EQ(recorder->corruptions[0].code(), Errc::kCorrupt);
  EXPECT_EQ(recorder->corruptions[0].offset(), damaged.error().offset());
  EXPECT_TRUE(damaged.error().message().ends_with(recorder->corruptions[0].message()))
      << damaged.error().ToString();
}

// Every metric once, with help and type before its samples, as the format wants it.
TEST(Prometheus, EveryFigureHasHelpTypeAndASample) {
  const auto database = OpenOn(MakeMemoryStorage());
  for (int i = 0; i < 3; ++i) Put(*database, i, 10);
  const std::string text = ToPrometheus(database->Stats(), "a \"quoted\\ name");
  std::istringstream lines(text);
  std::set<std::string> named;
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first >> second >> name;
    if (first == "#" && second == "HELP") {
      EXPECT_TRUE(named.insert(name).second) << name;
      current = name;
    } else if (first == "#") {
      EXPECT_EQ(second, "TYPE");
      EXPECT_EQ(name, current);
    } else {
      EXPECT_EQ(line.substr(0, current.size()), current) << line;
      EXPECT_NE(line.find("database=\"a \\\"quoted\\\\ name\""), std::string::npos) << line;
    }
  }
  const std::vector<std::string> names = PrometheusNames();
  EXPECT_EQ(named, std::set<std::string>(names.begin(), names.end()));
  EXPECT_NE(text.find("# TYPE manifolddb_commits_total counter\n"), std::string::npos);
  EXPECT_NE(text.find("# TYPE manifolddb_sync_seconds histogram\n"), std::string::npos);
}

TEST(Prometheus, TimesAreSecondsAndBucketsAddUp) {
  DatabaseStats stats;
  stats.stall_nanos = 1'500'000'000;
  stats.sync_nanos.Add(1000);
  stats.sync_nanos.Add(1'000'000);
  const std::string text = ToPrometheus(stats);
  for (const char* line :
       {"manifolddb_stall_seconds_total 1.500000000\n", "manifolddb_sync_seconds_sum 0.001001000\n",
        "manifolddb_sync_seconds_count 2\n", "manifolddb_sync_seconds_bucket{le=\"0.000001023\"} 1\n",
        "manifolddb_sync_seconds_bucket{le=\"0.000000511\"} 0\n",
        "manifolddb_sync_seconds_bucket{le=\"+Inf\"} 2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Json, NamesEveryFigure) {
  DatabaseStats stats;
  stats.commits = 7;
  stats.group_commits.Add(3);
  stats.checkpoint_history.push_back({.number = 5, .commit_number = 9, .began_ns = 1, .ended_ns = 4});
  const std::string json = ToJson(stats);
  for (const char* part :
       {"{\"page_size\": 0, ", "\"commits\": 7, ", "\"tail_may_be_lost\": false, ",
        "\"group_commits\": {\"count\": 1, \"sum\": 3, \"buckets\": [{\"at_most\": 3, \"count\": 1}]}, ",
        "\"checkpoint_history\": [{\"number\": 5, \"commit_number\": 9, \"began_ns\": 1, \"ended_ns\": 4, "
        "\"page_bytes\": 0, \"of_commit\": false, \"log_grew\": false}]}"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
  }
}

TEST(Shape, SaysHowATableLiesInItsPages) {
  const auto database = OpenOn(MakeMemoryStorage());
  for (int i = 0; i < 200; ++i) Put(*database, i, 200);
  Put(*database, 200, 50'000);
  auto snapshot = database->BeginRead();
  const auto family = snapshot->OpenColumnFamily("f");
  const auto table = snapshot->OpenTable(*family, "t");
  const auto shape = table->Shape();
  ASSERT_TRUE(shape) << shape.error().ToString();
  EXPECT_EQ(shape->entries, 201u);
  EXPECT_EQ(shape->depth, 2u);
  EXPECT_EQ(shape->branch_pages, 1u);
  EXPECT_GE(shape->leaf_pages, 200u * 200 / 8192);
  EXPECT_EQ(shape->page_bytes, (shape->branch_pages + shape->leaf_pages) * 8192);
  EXPECT_GT(shape->page_bytes_used, 200u * 207);
  EXPECT_LT(shape->page_bytes_used, shape->page_bytes);
  EXPECT_GT(shape->fill(), 0.4);
  EXPECT_EQ(shape->large_values, 1u);
  EXPECT_EQ(shape->large_value_bytes, 50'000u);
  EXPECT_NE(ToJson(*shape).find("\"large_value_bytes\": 50000}"), std::string::npos) << ToJson(*shape);
  EXPECT_GT(shape->leaf_jumps, 0u);  // the large value lies in between, and pages were copied for each commit
  EXPECT_LT(shape->leaf_jumps, shape->leaf_pages);
  EXPECT_GT(shape->fragmentation(), 0);
  auto transaction = database->BeginWrite(*family);
  const auto none = transaction->CreateTable(*family, "empty")->Shape();
  EXPECT_EQ(none->depth, 0u);
  EXPECT_EQ(none->page_bytes, 0u);
}

// Loaded in order in one go, so that its leaves lie in order.
TEST(Shape, LeavesThatLieInARowAreNotScattered) {
  const auto database = OpenOn(MakeMemoryStorage());
  const auto family = database->OpenOrCreateColumnFamily("f");
  int next = 0;
  std::string key;
  const std::string value(500, 'v');
  const auto source = [&]() -> Result<std::optional<Entry>> {
    if (next == 2000) return std::optional<Entry>();
    key = std::to_string(1'000'000 + next++);
    return std::optional<Entry>(Entry{AsBytes(key), AsBytes(value)});
  };
  ASSERT_TRUE(database->BulkLoad(*family, "t", source, {.sorted = true}));
  auto snapshot = database->BeginRead();
  const auto shape = snapshot->OpenTable(*family, "t")->Shape();
  EXPECT_GT(shape->leaf_pages, 100u);
  EXPECT_LT(shape->fragmentation(), 0.1) << shape->leaf_jumps << " of " << shape->leaf_pages;
}

TEST(FamilyStats, CountWhatWasDoneToEachAndWhatTheyHold) {
  const auto database = OpenOn(MakeMemoryStorage());
  for (int i = 0; i < 5; ++i) Put(*database, i, 100);
  const auto other = database->OpenOrCreateColumnFamily("an \"odd\\\n\xff\" one");
  {
    const auto family = database->OpenColumnFamily("f");
    auto transaction = database->BeginWrite({*family, *other});
    ASSERT_TRUE(transaction->CreateTable(*other, "numbers", {.key = "u64", .value = "string"}));
    ASSERT_TRUE(transaction->Commit());  // changes one of the two
    auto aborted = database->BeginWrite(*family);
    ASSERT_TRUE(aborted->OpenTable(*family, "t")->Put(AsBytes("k"), AsBytes("v")));
  }
  ASSERT_TRUE(database->RenameColumnFamily("f", "renamed"));
  const auto plain = database->StatsByFamily();
  ASSERT_TRUE(plain) << plain.error().ToString();
  ASSERT_EQ(plain->size(), 2u);
  const FamilyStats& renamed = (*plain)[1];
  EXPECT_EQ(renamed.name, "renamed");
  EXPECT_EQ(renamed.commits, 5u);
  EXPECT_EQ(renamed.waits, 0u);
  EXPECT_EQ(renamed.entries(), 5u);
  ASSERT_EQ(renamed.tables.size(), 1u);
  EXPECT_FALSE(renamed.tables[0].shape);
  EXPECT_FALSE(renamed.shape());
  EXPECT_EQ((*plain)[0].commits, 1u);
  EXPECT_EQ((*plain)[0].tables[0].key_type, "u64");
  EXPECT_EQ(
      ToJson(std::vector{(*plain)[0]}),
      "[{\"name\": \"an \\\"odd\\\\\\\\\\\\x0a\\\\xff\\\" one\", \"id\": 2, \"entries\": 0, \"commits\": 1, "
      "\"waits\": 0, \"tables\": [{\"name\": \"numbers\", \"key_type\": \"u64\", \"value_type\": "
      "\"string\", \"entries\": 0}]}]");
  const auto shaped = database->StatsByFamily(true);
  EXPECT_EQ((*shaped)[1].shape()->entries, 5u);
  EXPECT_EQ((*shaped)[1].tables[0].shape->depth, 1u);
  EXPECT_NE(ToJson(*shaped).find("\"shape\": {\"entries\": 5, \"depth\": 1, "), std::string::npos);
}

TEST(FamilyStats, AWaitIsCountedForTheFamilyThatWasTaken) {
  const auto database = OpenOn(MakeMemoryStorage());
  const auto held = database->OpenOrCreateColumnFamily("held");
  const auto free = database->OpenOrCreateColumnFamily("free");
  auto holder = database->BeginWrite(*held);
  std::thread([&] {
    EXPECT_EQ(database->BeginWrite({*held, *free}, {.wait_ms_max = 0}).error().code(), Errc::kBusy);
  }).join();
  const auto stats = database->StatsByFamily();
  EXPECT_EQ((*stats)[0].waits, 0u);
  EXPECT_EQ((*stats)[1].waits, 1u);
}

TEST(FamilyStats, PrometheusHasTheSamplesOfOneMetricTogether) {
  const auto database = OpenOn(MakeMemoryStorage());
  Put(*database, 1, 10);
  ASSERT_TRUE(database->OpenOrCreateColumnFamily("\"q\""));
  const std::string text = ToPrometheus(*database->StatsByFamily(), "shop");
  EXPECT_EQ(text.substr(0, text.find("# HELP manifolddb_column_family_entries")),
            "# HELP manifolddb_column_family_tables Tables of a column family\n"
            "# TYPE manifolddb_column_family_tables gauge\n"
            "manifolddb_column_family_tables{database=\"shop\",family=\"\\\"q\\\"\"} 0\n"
            "manifolddb_column_family_tables{database=\"shop\",family=\"f\"} 1\n");
  EXPECT_NE(text.find("# TYPE manifolddb_column_family_commits_total counter\n"), std::string::npos) << text;
  EXPECT_NE(text.find("manifolddb_table_entries{database=\"shop\",family=\"f\",table=\"t\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("manifolddb_table_depth"), std::string::npos);
  const std::string shaped = ToPrometheus(*database->StatsByFamily(true));
  EXPECT_NE(shaped.find("manifolddb_table_depth{family=\"f\",table=\"t\"} 1\n"), std::string::npos) << shaped;
  const std::string whole = ToPrometheus(database->Stats());
  std::istringstream lines(shaped);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE")) continue;
    EXPECT_EQ(whole.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace manifolddb
