// Options that change while the database is open, and options that are put together call by call.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/db/writing_fixture.h"
#include "manifolddb/options_builder.h"
#include "manifolddb/presets.h"

namespace manifolddb {
namespace {

class StandingClock final : public Clock {
 public:
  uint64_t NowNanos() override { return now_.load(); }
  void Pass(uint64_t ms) { now_ += ms * 1'000'000; }

 private:
  std::atomic<uint64_t> now_{1};
};

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    Options options = TinyOptions();
    options.clock = clock_;
    Open(options);
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn->CreateTable(family_, "t"));
    ASSERT_TRUE(txn->Commit());
  }
  void Open(const Options& options) {
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    if (!options.read_only) family_ = *db_->OpenOrCreateColumnFamily("a");
  }
  void Put(int number, size_t bytes = 100) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn) << txn.error().ToString();
    auto table = txn->OpenTable(family_, "t");
    const std::string key = "key" + std::to_string(10'000 + number);
    ASSERT_TRUE(table->Put(AsBytes(key), AsBytes(std::string(bytes, 'v'))));
    ASSERT_TRUE(txn->Commit());
  }
  void Read(int count) {
    auto snapshot = db_->BeginRead();
    auto table = snapshot->OpenTable(*snapshot->OpenColumnFamily("a"), "t");
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(table->Get(AsBytes("key" + std::to_string(10'000 + i)))->has_value());
  }
  void Set(const OptionChanges& changes) {
    const Status set = db_->SetOptions(changes);
    ASSERT_TRUE(set) << set.error().ToString();
  }

  const std::shared_ptr<StandingClock> clock_ = std::make_shared<StandingClock>();
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
};

TEST_F(OptionsTest, WhatWritersMayChangeBetweenCheckpoints) {
  Set({.log_bytes_max = uint64_t{1} << 20, .dirty_bytes_max = uint64_t{1} << 20});
  for (int i = 0; i < 10; ++i) Put(i);
  ASSERT_TRUE(db_->Checkpoint());
  const uint64_t before = db_->Stats().checkpoints;
  for (int i = 0; i < 4; ++i) Put(i);
  EXPECT_EQ(db_->Stats().checkpoints, before);
  EXPECT_GT(db_->Stats().dirty_bytes, 0u);
  Set({.dirty_bytes_max = 2 * kTinyUnit});
  Put(4);  // finds that one is due by now
  EXPECT_GT(db_->Stats().checkpoints, before);
  EXPECT_EQ(db_->Stats().dirty_bytes_max, 2u * kTinyUnit);
  // As much of the cache as it is now.
  Set({.cache_bytes = uint64_t{8} << 20, .dirty_bytes_max = 0});
  EXPECT_EQ(db_->Stats().dirty_bytes_max, uint64_t{4} << 20);
  Set({.cache_bytes = uint64_t{16} << 20});
  EXPECT_EQ(db_->Stats().dirty_bytes_max, uint64_t{8} << 20);
}

TEST_F(OptionsTest, HowOftenACheckpointRunsBecauseOfTime) {
  Set({.dirty_bytes_max = uint64_t{1} << 20, .checkpoint_interval_ms = 0});
  ASSERT_TRUE(db_->Checkpoint());
  const uint64_t before = db_->Stats().checkpoints;
  clock_->Pass(1'000'000);
  Put(1);
  EXPECT_EQ(db_->Stats().checkpoints, before);
  Set({.checkpoint_interval_ms = 2'000'000});
  Put(2);
  EXPECT_EQ(db_->Stats().checkpoints, before);
  Set({.checkpoint_interval_ms = 1'000'000});
  Put(3);
  EXPECT_EQ(db_->Stats().checkpoints, before + 1);
  EXPECT_EQ(db_->Stats().checkpoint_interval_ms, 1'000'000u);
}

TEST_F(OptionsTest, TheCacheGrowsAndShrinks) {
  constexpr int kEntries = 1000;
  for (int i = 0; i < kEntries; ++i) Put(i);
  ASSERT_TRUE(db_->Checkpoint());
  Read(kEntries);
  EXPECT_LE(db_->Stats().cache_bytes, 64u * kTinyUnit);
  Set({.cache_bytes = 4096 * kTinyUnit});
  Read(kEntries);
  const DatabaseStats all = db_->Stats();
  EXPECT_GT(all.cache_bytes, 128u * kTinyUnit);
  EXPECT_EQ(all.cache_bytes_max, 4096u * kTinyUnit);
  Read(kEntries);
  EXPECT_EQ(db_->Stats().pages_read, all.pages_read);
  // At once, without waiting for who reads the next page.
  Set({.cache_bytes = 32 * kTinyUnit});
  Put(0);  // and what was let go of is nobody's any more
  EXPECT_LE(db_->Stats().cache_bytes, 64u * kTinyUnit);
  Read(kEntries);
  EXPECT_LE(db_->Stats().cache_bytes, 40u * kTinyUnit);
  EXPECT_GT(db_->Stats().pages_read, all.pages_read);
}

TEST_F(OptionsTest, HowFarTheLogMayGrow) {
  for (int i = 0; i < 500; ++i) Put(i, 300);
  EXPECT_EQ(db_->Stats().log_bytes_capacity, 64u * kTinyUnit);
  Set({.log_bytes_max = 128 * kTinyUnit});
  for (int i = 0; i < 500; ++i) Put(i, 300);
  EXPECT_EQ(db_->Stats().log_bytes_capacity, 128u * kTinyUnit);
  Set({.log_bytes_max = 16 * kTinyUnit});  // what there is stays
  for (int i = 0; i < 500; ++i) Put(i, 300);
  EXPECT_EQ(db_->Stats().log_bytes_capacity, 128u * kTinyUnit);
  EXPECT_EQ(db_->Stats().log_bytes_max, 16u * kTinyUnit);
  EXPECT_TRUE(db_->Verify()->ok());
}

TEST_F(OptionsTest, OneMistakeAndNothingIsChanged) {
  const Options before = db_->CurrentOptions();
  const Status set = db_->SetOptions({.log_bytes_max = 1, .cache_bytes = 0, .dirty_bytes_max = 4096});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(set.error().operation(), "database.set_options");
  EXPECT_NE(set.error().message().find("log_bytes_max is 1"), std::string::npos);
  EXPECT_NE(set.error().message().find("cache_bytes is 0"), std::string::npos);
  EXPECT_EQ(db_->CurrentOptions().dirty_bytes_max, before.dirty_bytes_max);
  EXPECT_EQ(db_->Stats().dirty_bytes_max, before.dirty_bytes_max);
}

TEST_F(OptionsTest, TheyAreOfThisOpening) {
  Set({.cache_bytes = 128 * kTinyUnit});
  const Options now = db_->CurrentOptions();
  EXPECT_EQ(now.cache_bytes, 128u * kTinyUnit);
  EXPECT_EQ(now.page_size, kTinyUnit);
  EXPECT_EQ(now.write_unit, kTinyUnit);
  EXPECT_EQ(now.clock, clock_);
  ASSERT_TRUE(db_->Close());
  EXPECT_EQ(db_->SetOptions({}).error().code(), Errc::kClosed);
  db_.reset();
  Options reading = TinyOptions();
  reading.read_only = true;
  reading.page_size = 0;
  reading.write_unit = 4096;
  reading.log_bytes_initial = reading.log_bytes_max = 64 * 4096;
  Open(reading);
  EXPECT_EQ(db_->CurrentOptions().cache_bytes, 64u * kTinyUnit);
  EXPECT_EQ(db_->CurrentOptions().page_size, kTinyUnit);
  EXPECT_EQ(db_->CurrentOptions().write_unit, kTinyUnit);
  Set({.cache_bytes = 32 * kTinyUnit});
}

TEST_F(OptionsTest, TheyChangeAmidReadersAndWriters) {
  for (int i = 0; i < 200; ++i) Put(i);
  std::atomic<bool> ends = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; !ends; i = (i + 1) % 200) Put(i);
  });
  threads.emplace_back([&] {
    while (!ends) Read(200);
  });
  for (uint64_t i = 0; i < 100; ++i) {
    const uint64_t units = 16 << i % 6;
    Set({.log_bytes_max = 64 * kTinyUnit,
         .cache_bytes = units * kTinyUnit,
         .dirty_bytes_max = units * 256,
         .checkpoint_interval_ms = i});
    EXPECT_EQ(db_->Stats().cache_bytes_max, units * kTinyUnit);
  }
  ends = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(db_->Verify()->ok());
}

TEST(OptionsBuilderTest, SetsWhatItIsTold) {
  const auto executor = MakeInlineExecutor();
  const auto clock = std::make_shared<StandingClock>();
  const auto listener = std::make_shared<EventListener>();
  const auto built = OptionsBuilder(OptionsForSmallDevice())
                         .CreateIfMissing(false)
                         .ReadOnly()
                         .PageSize(16'384)
                         .WriteUnit(8192)
                         .LogBytesInitial(uint64_t{1} << 20)
                         .LogBytesMax(uint64_t{2} << 20)
                         .CacheBytes(uint64_t{3} << 20)
                         .DirtyBytesMax(uint64_t{1} << 20)
                         .CheckpointIntervalMs(5)
                         .RunOn(executor)
                         .TimeBy(clock)
                         .Tell(listener)
                         .Build();
  ASSERT_TRUE(built) << built.error().ToString();
  EXPECT_FALSE(built->create_if_missing);
  EXPECT_TRUE(built->read_only);
  EXPECT_EQ(built->page_size, 16'384u);
  EXPECT_EQ(built->write_unit, 8192u);
  EXPECT_EQ(built->log_bytes_initial, uint64_t{1} << 20);
  EXPECT_EQ(built->log_bytes_max, uint64_t{2} << 20);
  EXPECT_EQ(built->cache_bytes, uint64_t{3} << 20);
  EXPECT_EQ(built->dirty_bytes_max, uint64_t{1} << 20);
  EXPECT_EQ(built->checkpoint_interval_ms, 5u);
  EXPECT_EQ(built->executor, executor);
  EXPECT_EQ(built->clock, clock);
  EXPECT_EQ(built->listener, listener);
}

TEST(OptionsBuilderTest, TellsEveryMistakeAtOnce) {
  const auto built = OptionsBuilder().PageSize(1000).CacheBytes(0).Build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(built.error().message(),
            "page_size is 1000; it must be a power of two from 512 to 65536; cache_bytes is 0; it must be at "
            "least 1");
  EXPECT_EQ(Validate(Options()).has_value(), true);
}

}  // namespace
}  // namespace manifolddb
