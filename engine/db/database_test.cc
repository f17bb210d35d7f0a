// The database as a user sees it, over memory, with pages and logs so small that everything happens soon.

#include "manifolddb/database.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/db/test_support.h"

namespace manifolddb {
namespace {

Options Tiny() {
  Options options = TinyOptions();
  options.cache_bytes = 32 * 512;
  options.dirty_bytes_max = 16 * 512;
  return options;
}

class FakeClock final : public Clock {
 public:
  uint64_t NowNanos() override { return now_; }
  void Advance(uint64_t milliseconds) { now_ += milliseconds * 1'000'000; }

 private:
  uint64_t now_ = 0;
};

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void TearDown() override {
    if (db_ == nullptr) return;
    ExpectWhole();
    const Status closed = db_->Close();
    EXPECT_TRUE(closed) << closed.error().ToString();
  }
  void Open() {
    db_.reset();
    auto opened = Database::Open(storage_, "db", options_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  void ExpectWhole() {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const auto& problem : report->problems) ADD_FAILURE() << problem.offset << ": " << problem.what;
  }
  ColumnFamily Family(const std::string& name) {
    auto family = db_->OpenOrCreateColumnFamily(name);
    EXPECT_TRUE(family) << family.error().ToString();
    return *family;
  }
  void Put(const std::string& family, const std::string& key, const std::string& value,
           CommitOptions commit = {}) {
    auto txn = db_->BeginWrite(Family(family));
    ASSERT_TRUE(txn) << txn.error().ToString();
    auto table = txn->OpenOrCreateTable(Family(family), "t");
    ASSERT_TRUE(table) << table.error().ToString();
    const Status put = table->Put(AsBytes(key), AsBytes(value));
    ASSERT_TRUE(put) << put.error().ToString();
    const auto committed = txn->Commit(commit);
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  std::string Get(ReadTransaction& txn, const std::string& family, const std::string& key) {
    auto handle = txn.OpenColumnFamily(family);
    if (!handle) return "no family";
    auto table = txn.OpenTable(*handle, "t");
    if (!table) return "no table";
    auto value = table->Get(AsBytes(key));
    if (!value) return value.error().ToString();
    return *value ? std::string((*value)->text()) : "none";
  }
  std::string Get(const std::string& family, const std::string& key) {
    auto txn = db_->BeginRead();
    return Get(*txn, family, key);
  }
  std::map<std::string, std::string> Contents(const std::string& family) {
    std::map<std::string, std::string> all;
    auto txn = db_->BeginRead();
    auto table = txn->OpenTable(*txn->OpenColumnFamily(family), "t");
    auto cursor = table->NewCursor();
    for (auto more = cursor->First(); *more; more = cursor->Next()) {
      all[std::string(AsText(cursor->key()))] = std::string(AsText(*cursor->value()));
    }
    EXPECT_EQ(*table->Length(), all.size());
    return all;
  }

  std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  Options options_ = Tiny();
  std::unique_ptr<Database> db_;
};

TEST_F(DatabaseTest, WhatWasCommittedIsReadAlsoAfterReopening) {
  Put("a", "k", "v");
  EXPECT_EQ(Get("a", "k"), "v");
  EXPECT_EQ(Get("a", "other"), "none");
  Open();
  EXPECT_EQ(Get("a", "k"), "v");
  EXPECT_EQ(db_->Stats().recovered_commits, 0u);
}

TEST_F(DatabaseTest, AnAbortedTransactionLeavesNothing) {
  Put("a", "k", "v");
  {
    auto txn = db_->BeginWrite(Family("a"));
    auto table = txn->OpenTable(Family("a"), "t");
    ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("w")));
    ASSERT_TRUE(table->Put(AsBytes("l"), AsBytes(std::string(3000, 'x'))));
    EXPECT_EQ((*table->Get(AsBytes("k")))->text(), "w");
  }
  EXPECT_EQ(Contents("a"), (std::map<std::string, std::string>{{"k", "v"}}));
}

TEST_F(DatabaseTest, ASnapshotStaysAsItWas) {
  Put("a", "k", "1");
  auto old = db_->BeginRead();
  for (int i = 2; i < 100; ++i) Put("a", "k", std::to_string(i));
  ASSERT_TRUE(db_->Checkpoint());
  ASSERT_TRUE(db_->DropColumnFamily("a"));
  for (int i = 0; i < 50; ++i) Put("b", "k" + std::to_string(i), std::string(100, 'b'));
  EXPECT_EQ(Get(*old, "a", "k"), "1");
  EXPECT_EQ(Get("a", "k"), "no family");
}

TEST_F(DatabaseTest, AValueReadInAWriteTransactionKeepsItsBytesWhenItsEntryChanges) {
  Put("a", "k", "first");
  auto txn = db_->BeginWrite(Family("a"));
  ASSERT_TRUE(txn);
  auto table = txn->OpenTable(Family("a"), "t");
  ASSERT_TRUE(table);
  const auto committed = table->Get(AsBytes("k"));
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("second")));
  const auto own = table->Get(AsBytes("k"));
  ASSERT_TRUE(committed && *committed && own && *own);
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("third")));
  ASSERT_TRUE(table->Put(AsBytes("j"), AsBytes("another in the same leaf")));
  ASSERT_TRUE(table->Delete(AsBytes("k")));
  EXPECT_EQ((*committed)->text(), "first");
  EXPECT_EQ((*own)->text(), "second");
  ASSERT_TRUE(txn->Commit());
  EXPECT_EQ((*own)->text(), "second");
}

TEST_F(DatabaseTest, ValuesOfEverySizeSurvive) {
  std::map<std::string, std::string> model;
  for (size_t size : {0, 1, 100, 127, 128, 129, 511, 512, 513, 1024, 5000, 100000}) {
    const std::string key = "key" + std::to_string(size);
    model[key] = std::string(size, static_cast<char>('a' + size % 26));
    Put("a", key, model[key]);
  }
  EXPECT_EQ(Contents("a"), model);
  Open();
  EXPECT_EQ(Contents("a"), model);
}

TEST_F(DatabaseTest, CommitsThroughACheckpointAreLikeOthers) {
  std::map<std::string, std::string> model;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "k" + std::to_string(i % 7);
    model[key] = std::to_string(i);
    Put("a", key, model[key], {.through_checkpoint = i % 3 == 0});
  }
  EXPECT_EQ(Contents("a"), model);
  Open();
  EXPECT_EQ(Contents("a"), model);
}

TEST_F(DatabaseTest, ATransactionLargerThanLogAndMemoryCommits) {
  std::map<std::string, std::string> model;
  auto txn = db_->BeginWrite(Family("a"));
  auto table = txn->CreateTable(Family("a"), "t");
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "key" + std::to_string(i * 7919 % 3000);
    model[key] = std::string(40, static_cast<char>('a' + i % 26));
    const Status put = table->Put(AsBytes(key), AsBytes(model[key]));
    ASSERT_TRUE(put) << put.error().ToString();
  }
  const auto committed = txn->Commit();
  ASSERT_TRUE(committed) << committed.error().ToString();
  EXPECT_EQ(Contents("a"), model);
}

TEST_F(DatabaseTest, ManyLargeTransactionsAtOnceShareTheMemory) {
  constexpr int kWriters = 32;
  constexpr int kPutsEach = 200;
  options_.dirty_bytes_max = 128 * 512;
  options_.cache_bytes = 2 * options_.dirty_bytes_max;
  Open();
  std::vector<WriteTransaction> writers;
  std::vector<WriteTable> tables;
  for (int w = 0; w < kWriters; ++w) {
    const ColumnFamily family = Family("f" + std::to_string(w));
    writers.push_back(std::move(*db_->BeginWrite(family)));
    tables.push_back(*writers.back().CreateTable(family, "t"));
  }
  uint64_t dirty_bytes_most = 0;
  for (int i = 0; i < kPutsEach; ++i) {
    for (WriteTable& table : tables) {
      const std::string key = "key" + std::to_string(i * 7919 % kPutsEach);
      ASSERT_TRUE(table.Put(AsBytes(key), AsBytes(std::string(60, 'v'))));
      dirty_bytes_most = std::max(dirty_bytes_most, db_->Stats().dirty_bytes);
    }
  }
  EXPECT_GT(dirty_bytes_most, options_.dirty_bytes_max);
  EXPECT_LE(dirty_bytes_most, 2 * options_.dirty_bytes_max);
  for (WriteTransaction& writer : writers) ASSERT_TRUE(writer.Commit());
  writers.clear();
  for (int w = 0; w < kWriters; ++w) EXPECT_EQ(Contents("f" + std::to_string(w)).size(), size_t{kPutsEach});
}

// Each leaves as much unwritten as it may by itself, then the next one comes.
TEST_F(DatabaseTest, TransactionsThatComeOneAfterAnotherShareTheMemoryToo) {
  constexpr uint64_t kWriters = 120;
  constexpr uint64_t kPutsEachMax = 400;
  options_.dirty_bytes_max = 1024 * 512;
  options_.cache_bytes = 4 * options_.dirty_bytes_max;
  Open();
  std::vector<ColumnFamily> families;
  for (uint64_t w = 0; w < kWriters; ++w) families.push_back(Family("f" + std::to_string(w)));
  ASSERT_TRUE(db_->Checkpoint());
  std::vector<WriteTransaction> writers;
  uint64_t dirty_bytes_most = 0;
  for (uint64_t w = 0; w < kWriters; ++w) {
    auto writer = db_->BeginWrite(families[w]);
    ASSERT_TRUE(writer);
    writers.push_back(std::move(*writer));
    auto table = writers[w].CreateTable(families[w], "t");
    ASSERT_TRUE(table);
    const uint64_t share = options_.dirty_bytes_max / std::max(uint64_t{8}, w + 1) - uint64_t{4} * 512;
    const uint64_t before = db_->Stats().dirty_bytes;
    for (uint64_t i = 0; i < kPutsEachMax && db_->Stats().dirty_bytes < before + share; ++i) {
      ASSERT_TRUE(table->Put(AsBytes("key" + std::to_string(1000 + i)), AsBytes(std::string(100, 'v'))));
      dirty_bytes_most = std::max(dirty_bytes_most, db_->Stats().dirty_bytes);
    }
  }
  EXPECT_GT(dirty_bytes_most, options_.dirty_bytes_max);
  EXPECT_LE(dirty_bytes_most, 2 * options_.dirty_bytes_max);
  // What they give up, and what they commit, counts no longer.
  for (uint64_t w = 0; w < kWriters; w += 2) writers[w].Abort();
  for (uint64_t w = 1; w < kWriters; w += 2) ASSERT_TRUE(writers[w].Commit());
  writers.clear();
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_EQ(db_->Stats().dirty_bytes, 0u);
}

TEST_F(DatabaseTest, AnAbortedLargeTransactionGivesItsPagesBack) {
  Put("a", "k", "v");
  ASSERT_TRUE(db_->Checkpoint());
  const uint64_t free_before = db_->Stats().pages_total - db_->Stats().pages_free;
  for (int round = 0; round < 3; ++round) {
    auto txn = db_->BeginWrite(Family("a"));
    auto table = txn->OpenTable(Family("a"), "t");
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(table->Put(AsBytes("key" + std::to_string(i)), AsBytes(std::string(60, 'x'))));
    }
    txn->Abort();
  }
  EXPECT_EQ(db_->Stats().pages_total - db_->Stats().pages_free, free_before);
}

TEST_F(DatabaseTest, FamiliesAndTablesCanBeRenamedAndDropped) {
  Put("a", "k", "v");
  ASSERT_TRUE(db_->RenameColumnFamily("a", "b"));
  EXPECT_EQ(Get("b", "k"), "v");
  EXPECT_EQ(Get("a", "k"), "no family");
  Put("a", "k", "new a");
  EXPECT_EQ(*db_->ListColumnFamilies(), (std::vector<std::string>{"a", "b"}));
  {
    auto txn = db_->BeginWrite({Family("a"), Family("b")});
    ASSERT_TRUE(txn->RenameTable(Family("a"), "t", "u"));
    ASSERT_TRUE(txn->CreateTable(Family("a"), "t"));
    ASSERT_TRUE(txn->DropTable(Family("b"), "t"));
    EXPECT_EQ(*txn->ListTables(Family("a")), (std::vector<std::string>{"t", "u"}));
    ASSERT_TRUE(txn->Commit());
  }
  Open();
  EXPECT_EQ(Get("a", "k"), "none");
  EXPECT_EQ(Get("b", "k"), "no table");
  ASSERT_TRUE(db_->DropColumnFamily("b"));
  ASSERT_TRUE(db_->RenameColumnFamily("a", "b"));
  ASSERT_TRUE(db_->Checkpoint());
  Open();
  EXPECT_EQ(*db_->ListColumnFamilies(), (std::vector<std::string>{"b"}));
}

TEST_F(DatabaseTest, ASnapshotFindsFamiliesByTheNamesOfItsTime) {
  Put("a", "k", "1");
  Put("b", "k", "2");
  auto old = db_->BeginRead();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(db_->RenameColumnFamily("a", "c"));
    ASSERT_TRUE(db_->RenameColumnFamily("c", "a"));
    ASSERT_TRUE(db_->DropColumnFamily("b"));
    ASSERT_TRUE(db_->CreateColumnFamily("b"));
  }
  ASSERT_TRUE(db_->DropColumnFamily("a"));
  ASSERT_TRUE(db_->DropColumnFamily("b"));
  EXPECT_EQ(*old->ListColumnFamilies(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Get(*old, "a", "k"), "1");
  EXPECT_EQ(Get(*old, "b", "k"), "2");
  EXPECT_TRUE(db_->ListColumnFamilies()->empty());
}

TEST_F(DatabaseTest, AFamilyIsRenamedAlsoWhenNobodyHasUsedItSinceTheOpening) {
  Put("a", "k", "v");
  Open();
  ASSERT_TRUE(db_->RenameColumnFamily("a", "b"));
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_EQ(Get("b", "k"), "v");
}

// A checkpoint finds the catalog's old key by the name that the family had then, however often that changed.
TEST_F(DatabaseTest, ManyNamesBetweenTwoCheckpointsLeaveNoneOfThemBehind) {
  storage_ = MakeMemoryStorage();
  options_.log_bytes_initial = options_.log_bytes_max = uint64_t{1} << 20;  // no checkpoint but those below
  Open();
  Put("a", "k", "v");
  Put("gone", "k", "v");
  ASSERT_TRUE(db_->Checkpoint());
  const std::vector<std::string> names = {"b", "c", "a", "d", "e"};
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(db_->RenameColumnFamily(i == 0 ? "a" : names[i - 1], names[i]));
  }
  ASSERT_TRUE(db_->RenameColumnFamily("gone", "away"));
  ASSERT_TRUE(db_->DropColumnFamily("away"));
  Put("a", "k", "another a");
  ExpectWhole();
  ASSERT_EQ(db_->Stats().checkpoints, 1u);
  ASSERT_TRUE(db_->Checkpoint());
  Open();
  EXPECT_EQ(*db_->ListColumnFamilies(), (std::vector<std::string>{"a", "e"}));
  EXPECT_EQ(Get("e", "k"), "v");
  EXPECT_EQ(Get("a", "k"), "another a");
}

TEST_F(DatabaseTest, AViewOfALargeValueLivesUntilTheCursorMoves) {
  const std::string large(10'000, 'x');
  Put("a", "k", large);
  auto txn = db_->BeginRead();
  auto cursor = txn->OpenTable(Family("a"), "t")->NewCursor();
  ASSERT_TRUE(*cursor->First());
  const ByteView first = *cursor->value();
  const ByteView second = *cursor->value();
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(AsText(first), large);
}

TEST_F(DatabaseTest, ACursorReadsItsEntryAsTheTransactionHasItNow) {
  auto txn = db_->BeginWrite(Family("a"));
  auto table = txn->OpenOrCreateTable(Family("a"), "t");
  ASSERT_TRUE(table->Put(AsBytes("b"), AsBytes("value of b")));
  ASSERT_TRUE(table->Put(AsBytes("c"), AsBytes("value of c")));
  auto cursor = table->NewCursor();
  ASSERT_TRUE(*cursor->Seek(AsBytes("b")));
  for (int i = 0; i < 40; ++i) {  // before it, until its leaf has been split
    ASSERT_TRUE(table->Put(AsBytes("a" + std::to_string(i)), AsBytes(std::string(60, 'a'))));
    const auto value = cursor->value();
    ASSERT_TRUE(value) << value.error().ToString();
    EXPECT_EQ(AsText(*value), "value of b");
    EXPECT_EQ(AsText(cursor->key()), "b");
  }
  ASSERT_TRUE(table->Delete(AsBytes("b")));
  EXPECT_EQ(cursor->value().error().code(), Errc::kInvalidArgument);
  ASSERT_TRUE(*cursor->Next());
  EXPECT_EQ(AsText(*cursor->value()), "value of c");
  ASSERT_TRUE(txn->Commit());
  EXPECT_EQ(cursor->value().error().code(), Errc::kTransactionEnded);
}

TEST_F(DatabaseTest, TheLogsBoundIsRoundedToTheWriteUnitOfTheDatabase) {
  db_.reset();
  const auto storage = MakeMemoryStorage();
  Options options = Tiny();
  options.page_size = 4096;
  options.write_unit = 4096;
  options.log_bytes_initial = options.log_bytes_max = 8 * 4096;
  ASSERT_TRUE((*Database::Open(storage, "db", options))->Close());
  options.page_size = 0;
  options.write_unit = 512;
  options.log_bytes_max = 12 * 4096 + 512;  // whatever it may be
  auto db = std::move(*Database::Open(storage, "db", options));
  const auto family = db->CreateColumnFamily("f");
  for (int i = 0; i < 50; ++i) {
    auto txn = db->BeginWrite(*family);
    auto table = txn->OpenOrCreateTable(*family, "t");
    ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
    ASSERT_TRUE(txn->Commit());
  }
  EXPECT_TRUE(db->Close());
}

TEST_F(DatabaseTest, DroppedTreesAreFreedInTheEnd) {
  for (int i = 0; i < 200; ++i) Put("a", "key" + std::to_string(i), std::string(100, 'a'));
  Put("a", "large", std::string(20000, 'l'));
  ASSERT_TRUE(db_->DropColumnFamily("a"));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(db_->Checkpoint());
  const auto report = db_->Verify();
  ASSERT_TRUE(report);
  EXPECT_LT(report->pages_owned, 20u);
  EXPECT_EQ(db_->Stats().pages_pending, 0u);
}

TEST_F(DatabaseTest, ASteadyOverwriteDoesNotGrowTheFile) {
  const auto overwrite = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) Put("a", "key" + std::to_string(i % 50), std::string(100, 'a'));
  };
  overwrite(300);
  const uint64_t pages = db_->Stats().pages_total;
  overwrite(1500);
  EXPECT_EQ(db_->Stats().pages_total, pages);
  {
    auto reader = db_->BeginRead();  // stays open over many checkpoints
    overwrite(1500);
    EXPECT_LE(db_->Stats().pages_total, 2 * pages);
  }
  const uint64_t with_reader = db_->Stats().pages_total;
  overwrite(1500);
  EXPECT_EQ(db_->Stats().pages_total, with_reader);
}

TEST_F(DatabaseTest, CommitsWithoutDurabilityAreSeenAndSurviveAClose) {
  for (int i = 0; i < 60; ++i) {
    Put("a", "k" + std::to_string(i), "v",
        {.durability = i % 4 == 0 ? Durability::kImmediate : Durability::kNone});
  }
  EXPECT_EQ(Contents("a").size(), 60u);
  Open();
  EXPECT_EQ(Contents("a").size(), 60u);
}

TEST_F(DatabaseTest, NeitherACloseNorTheDestructorLeavesAnythingToReplay) {
  for (const bool closes : {true, false}) {
    Put("a", "k", closes ? "closed" : "destroyed");
    Put("a", "none", "v", {.durability = Durability::kNone});
    if (closes) {
      ASSERT_TRUE(db_->Close());
    }
    Open();
    EXPECT_EQ(db_->Stats().recovered_commits, 0u);
    EXPECT_EQ(Get("a", "k"), closes ? "closed" : "destroyed");
    EXPECT_EQ(Get("a", "none"), "v");
  }
}

TEST_F(DatabaseTest, CursorsGoBothWaysWithinBoundsAndFollowTheirTransaction) {
  auto txn = db_->BeginWrite(Family("a"));
  auto table = txn->CreateTable(Family("a"), "t");
  for (char c = 'a'; c <= 'z'; ++c) ASSERT_TRUE(table->Put(AsBytes(std::string(1, c)), AsBytes("v")));
  auto cursor = table->NewCursor({.lower = AsBytes("c"), .upper = AsBytes("x")});
  const auto key = [&] { return std::string(AsText(cursor->key())); };
  ASSERT_TRUE(*cursor->First());
  EXPECT_EQ(key(), "c");
  ASSERT_TRUE(*cursor->Last());
  EXPECT_EQ(key(), "w");
  EXPECT_FALSE(*cursor->Next());
  ASSERT_TRUE(*cursor->Prev());
  EXPECT_EQ(key(), "w");
  ASSERT_TRUE(*cursor->Seek(AsBytes("mm")));
  EXPECT_EQ(key(), "n");
  ASSERT_TRUE(*cursor->SeekForPrev(AsBytes("mm")));
  EXPECT_EQ(key(), "m");
  ASSERT_TRUE(*table->Delete(AsBytes("n")));
  ASSERT_TRUE(*table->Delete(AsBytes("m")));
  ASSERT_TRUE(*cursor->Next());
  EXPECT_EQ(key(), "o");
  EXPECT_EQ(*table->DeleteRange({.lower = AsBytes("p"), .upper = AsBytes("t")}), 4u);
  ASSERT_TRUE(*cursor->Next());
  EXPECT_EQ(key(), "t");
  EXPECT_EQ(*table->Length(), 20u);
  ASSERT_TRUE(txn->Commit());
}

TEST_F(DatabaseTest, AReadOnlyOpeningServesAndChangesNothing) {
  for (int i = 0; i < 30; ++i) Put("a", "key" + std::to_string(i), "v");
  ASSERT_TRUE(db_->Close());
  options_.read_only = true;
  Open();
  EXPECT_EQ(Contents("a").size(), 30u);
  EXPECT_EQ(db_->BeginWrite(*db_->OpenColumnFamily("a")).error().code(), Errc::kReadOnly);
  EXPECT_EQ(db_->Checkpoint().error().code(), Errc::kReadOnly);
}

TEST_F(DatabaseTest, TheFirstCommitAfterTheIntervalStartsACheckpoint) {
  const auto clock = std::make_shared<FakeClock>();
  options_.clock = clock;
  options_.log_bytes_initial = options_.log_bytes_max;  // nothing but time asks for one
  for (const uint64_t interval : {uint64_t{1000}, uint64_t{0}}) {
    options_.checkpoint_interval_ms = interval;
    ASSERT_TRUE(db_->Close());
    Open();
    const uint64_t before = db_->Stats().checkpoints;
    clock->Advance(999);
    Put("f", "a", "1");
    EXPECT_EQ(db_->Stats().checkpoints, before);
    clock->Advance(1);
    EXPECT_EQ(db_->Stats().checkpoints, before);  // nobody commits
    Put("f", "b", "1");
    const uint64_t due = interval == 0 ? 0 : 1;
    EXPECT_EQ(db_->Stats().checkpoints, before + due);
    clock->Advance(999);  // counted from that one
    Put("f", "c", "1");
    EXPECT_EQ(db_->Stats().checkpoints, before + due);
  }
}

TEST_F(DatabaseTest, TheLogGrowsToItsLimitUnderLoad) {
  for (int i = 0; i < 400; ++i) Put("a", "key" + std::to_string(i % 90), std::string(60, 'v'));
  EXPECT_EQ(db_->Stats().log_bytes_capacity, 64u * 512);
  Open();
  EXPECT_EQ(Contents("a").size(), 90u);
}

}  // namespace
}  // namespace manifolddb
