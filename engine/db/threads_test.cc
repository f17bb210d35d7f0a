// Many threads on one database: what they rely on, and nothing about time. Meant for ThreadSanitizer as well.

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr int kCommitsEach = 150;

class ThreadsTest : public testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.page_size = 1024;
    options.write_unit = 512;
    options.log_bytes_initial = 64 * 512;
    options.log_bytes_max = 256 * 512;
    options.cache_bytes = 64 * 1024;
    options.dirty_bytes_max = 32 * 1024;
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  void TearDown() override {
    const auto report = db_->Verify();
    ASSERT_TRUE(report);
    for (const auto& problem : report->problems) ADD_FAILURE() << problem.offset << ": " << problem.what;
    const Status closed = db_->Close();
    ASSERT_TRUE(closed) << closed.error().ToString();
  }
  // Adds one to the number at `key` and writes some ballast.
  void Increment(std::span<const ColumnFamily> families, Durability durability) {
    auto txn = db_->BeginWrite(families);
    ASSERT_TRUE(txn) << txn.error().ToString();
    for (const ColumnFamily family : families) {
      auto table = txn->OpenOrCreateTable(family, "t");
      ASSERT_TRUE(table);
      auto value = table->Get(AsBytes("count"));
      ASSERT_TRUE(value);
      const int count = *value ? std::stoi(std::string((*value)->text())) : 0;
      ASSERT_TRUE(table->Put(AsBytes("count"), AsBytes(std::to_string(count + 1))));
      const std::string key = "ballast" + std::to_string(count % 40);
      ASSERT_TRUE(table->Put(AsBytes(key), AsBytes(std::string(100, 'b'))));
    }
    const auto committed = txn->Commit({.durability = durability});
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  int Count(ReadTransaction& txn, ColumnFamily family) {
    auto table = txn.OpenTable(family, "t");
    if (!table) return 0;
    auto value = table->Get(AsBytes("count"));
    EXPECT_TRUE(value);
    return value && *value ? std::stoi(std::string((*value)->text())) : 0;
  }
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
};

TEST_F(ThreadsTest, WritersOfDifferentFamiliesDoNotLoseCommits) {
  std::vector<ColumnFamily> families;
  for (int i = 0; i < 4; ++i) families.push_back(*db_->CreateColumnFamily("f" + std::to_string(i)));
  std::vector<std::thread> writers;
  for (const ColumnFamily family : families) {
    writers.emplace_back([&, family] {
      for (int i = 0; i < kCommitsEach; ++i) {
        Increment({&family, 1}, i % 3 == 0 ? Durability::kNone : Durability::kImmediate);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  auto txn = db_->BeginRead();
  for (const ColumnFamily family : families) EXPECT_EQ(Count(*txn, family), kCommitsEach);
}

TEST_F(ThreadsTest, AllWhoCloseAreToldTheSame) {
  const ColumnFamily family = *db_->CreateColumnFamily("a");
  Increment({&family, 1}, Durability::kImmediate);
  std::vector<std::thread> threads;
  std::atomic<int> closed{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { closed += db_->Close().has_value() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(closed, 4);
  EXPECT_EQ(db_->Checkpoint().error().code(), Errc::kClosed);
  SetUp();
}

TEST_F(ThreadsTest, ACloseThatIsRefusedDisturbsNobody) {
  const ColumnFamily family = *db_->CreateColumnFamily("a");
  Increment({&family, 1}, Durability::kImmediate);
  auto open = db_->BeginRead();
  auto table = open->OpenTable(family, "t");
  std::atomic<bool> done{false};
  std::thread closing([&] {
    while (!done.load()) EXPECT_EQ(db_->Close().error().code(), Errc::kBusy);
  });
  std::string trouble;
  const auto expect = [&](const auto& result) {
    if (!result) trouble = result.error().ToString();
  };
  for (int i = 0; i < 5000 && trouble.empty(); ++i) {
    expect(table->Get(AsBytes("count")));
    expect(db_->BeginRead());
    expect(db_->BeginWrite(family));
    expect(db_->OpenColumnFamily("a"));
  }
  EXPECT_EQ(trouble, "");
  done.store(true);
  closing.join();
}

TEST_F(ThreadsTest, WritersOfOneFamilyTakeTurns) {
  const ColumnFamily family = *db_->CreateColumnFamily("f");
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < kCommitsEach; ++i) Increment({&family, 1}, Durability::kImmediate);
    });
  }
  for (std::thread& writer : writers) writer.join();
  auto txn = db_->BeginRead();
  EXPECT_EQ(Count(*txn, family), 4 * kCommitsEach);
}

TEST_F(ThreadsTest, ThreadsThatHoldAFamilyEachAreToldThatTheyWouldWaitForEachOther) {
  const ColumnFamily families[] = {*db_->CreateColumnFamily("a"), *db_->CreateColumnFamily("b")};
  std::barrier both(2);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      auto first = db_->BeginWrite(families[t]);
      ASSERT_TRUE(first);
      both.arrive_and_wait();
      const auto second = db_->BeginWrite(families[1 - t]);
      ASSERT_FALSE(second);
      EXPECT_EQ(second.error().code(), Errc::kBusy) << second.error().ToString();
      both.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(db_->BeginWrite(families));
}

TEST_F(ThreadsTest, AThreadThatHoldsAFamilyDoesNotWaitForOneThatDropsIt) {
  const ColumnFamily family = *db_->CreateColumnFamily("a");
  std::optional<WriteTransaction> holder = std::move(*db_->BeginWrite(family));
  std::atomic<bool> dropped{false};
  std::thread dropping([&] {
    EXPECT_TRUE(db_->DropColumnFamily("a"));
    dropped.store(true);
  });
  // Creating works until the other thread is on its way; then it says so instead of waiting.
  for (int i = 0;; ++i) {
    const auto created = db_->CreateColumnFamily("x" + std::to_string(i));
    if (created) continue;
    EXPECT_EQ(created.error().code(), Errc::kBusy) << created.error().ToString();
    break;
  }
  EXPECT_FALSE(dropped.load());
  holder.reset();
  dropping.join();
}

TEST_F(ThreadsTest, ATransactionIsOfTheThreadThatUsesIt) {
  const ColumnFamily a = *db_->CreateColumnFamily("a");
  const ColumnFamily b = *db_->CreateColumnFamily("b");
  std::optional<WriteTransaction> moved = std::move(*db_->BeginWrite(a));
  std::latch used{1};
  std::latch refused{1};
  std::thread other([&] {
    ASSERT_TRUE(moved->CreateTable(a, "t"));
    used.count_down();
    refused.wait();
    ASSERT_TRUE(moved->Commit());
  });
  used.wait();
  {
    auto own = db_->BeginWrite(b);  // it holds this one alone, and may wait for the other in one call only
    ASSERT_TRUE(own);
    EXPECT_EQ(db_->BeginWrite(a).error().code(), Errc::kBusy);
  }
  refused.count_down();
  EXPECT_TRUE(db_->BeginWrite({a, b}));  // held by nobody here: waits
  other.join();
}

TEST_F(ThreadsTest, ReadersSeeBothFamiliesOfATransactionOrNeither) {
  const ColumnFamily families[] = {*db_->CreateColumnFamily("a"), *db_->CreateColumnFamily("b")};
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      int newest = 0;
      uint64_t newest_commit = 0;
      while (!done.load()) {
        auto txn = db_->BeginRead();
        const int a = Count(*txn, families[0]);
        ASSERT_EQ(a, Count(*txn, families[1]));
        ASSERT_GE(a, newest);
        ASSERT_GE(txn->commit_number(), newest_commit);
        newest = a;
        newest_commit = txn->commit_number();
      }
    });
  }
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < kCommitsEach; ++i) Increment(families, Durability::kImmediate);
    });
  }
  for (std::thread& writer : writers) writer.join();
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  auto txn = db_->BeginRead();
  EXPECT_EQ(Count(*txn, families[0]), 2 * kCommitsEach);
}

TEST_F(ThreadsTest, CatalogChangesCheckpointsAndLargeCommitsRunBesideWriters) {
  const ColumnFamily family = *db_->CreateColumnFamily("f");
  std::thread threads[] = {
      std::thread([&] {
        for (int i = 0; i < kCommitsEach; ++i) Increment({&family, 1}, Durability::kImmediate);
      }),
      std::thread([&] {
        for (int i = 0; i < 40; ++i) {
          const std::string name = "x" + std::to_string(i % 3);
          ASSERT_TRUE(db_->CreateColumnFamily(name));
          ASSERT_TRUE(db_->RenameColumnFamily(name, "y"));
          ASSERT_TRUE(db_->DropColumnFamily("y"));
        }
      }),
      std::thread([&] {
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(db_->Checkpoint());
      }),
      std::thread([&] {
        const ColumnFamily large = *db_->CreateColumnFamily("large");
        for (int i = 0; i < 10; ++i) {
          auto txn = db_->BeginWrite(large);
          auto table = txn->OpenOrCreateTable(large, "t");
          ASSERT_TRUE(table->Put(AsBytes("k" + std::to_string(i)), AsBytes(std::string(9000, 'l'))));
          ASSERT_TRUE(txn->Commit({.through_checkpoint = true}));
        }
      }),
  };
  for (std::thread& thread : threads) thread.join();
  auto txn = db_->BeginRead();
  EXPECT_EQ(Count(*txn, family), kCommitsEach);
  EXPECT_EQ(*txn->ListColumnFamilies(), (std::vector<std::string>{"f", "large"}));
}

TEST_F(ThreadsTest, WhoDoesNotWaitGetsThroughByTryingAgain) {
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  const ColumnFamily family = *db_->CreateColumnFamily("f");
  ASSERT_TRUE(db_->Write(family, [&](WriteTransaction& txn) -> Status {
    auto table = txn.CreateTable(family, "t");
    return table ? Status() : Status(std::unexpected(table.error()));
  }));
  WriteScope scope{.begin = {.wait_ms_max = 0}, .commit = {.durability = Durability::kNone}};
  scope.retry = {.attempts_max = 1'000'000, .pause_us_first = 1, .pause_us_max = 20};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        const auto commit = db_->Write(
            family,
            [&](WriteTransaction& txn) -> Status {
              auto table = txn.OpenTable(family, "t");
              if (!table) return std::unexpected(table.error());
              auto sum = table->AddToCounter(AsBytes("n"), 1);
              return sum ? Status() : Status(std::unexpected(sum.error()));
            },
            scope);
        ASSERT_TRUE(commit) << commit.error().ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(db_->Write(family, [&](WriteTransaction& txn) -> Status {
    EXPECT_EQ(*txn.OpenTable(family, "t")->AddToCounter(AsBytes("n"), 0), kThreads * kEach);
    return {};
  }));
}

TEST_F(ThreadsTest, TicketsAreWaitedForSideBySide) {
  constexpr int kThreads = 4;
  std::vector<ColumnFamily> families;
  for (int t = 0; t < kThreads; ++t) families.push_back(*db_->CreateColumnFamily("f" + std::to_string(t)));
  std::vector<std::thread> threads;
  for (const ColumnFamily family : families) {
    threads.emplace_back([&, family] {
      for (int i = 0; i < 40; ++i) {
        auto txn = db_->BeginWrite(family);
        ASSERT_TRUE(txn) << txn.error().ToString();
        auto table = txn->OpenOrCreateTable(family, "t");
        ASSERT_TRUE(table->Put(AsBytes(std::to_string(i)), AsBytes("v")));
        const auto ticket = txn->CommitAsync();
        ASSERT_TRUE(ticket) << ticket.error().ToString();
        if (i % 4 != 3) continue;
        const Status durable = db_->AwaitDurable(*ticket);
        ASSERT_TRUE(durable) << durable.error().ToString();
        EXPECT_TRUE(*db_->IsDurable(*ticket));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace manifolddb
