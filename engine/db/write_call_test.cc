// Transactions as calls: Write and its retries, waits that end, limits, tickets and callbacks.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/db/full_disk.h"
#include "engine/db/writing_fixture.h"

namespace manifolddb {
namespace {

// Goes on by `step` each time that somebody looks.
class SteppingClock final : public Clock {
 public:
  uint64_t NowNanos() override { return now_.fetch_add(step.load()); }
  void Pass(uint64_t nanos) { now_ += nanos; }
  std::atomic<uint64_t> step{0};

 private:
  std::atomic<uint64_t> now_{1};
};

constexpr uint64_t kMs = 1'000'000;

class WriteCallTest : public WritingTest {
 protected:
  void SetUp() override {
    WritingTest::SetUp();
    db_.reset();
    Options options = TinyOptions();
    options.clock = clock_;
    options.checkpoint_interval_ms = 0;
    db_ = std::move(*Database::Open(storage_, "db", options));
  }
  // A transaction of a thread that has gone, which holds `family`.
  WriteTransaction HeldElsewhere(ColumnFamily family) {
    std::optional<WriteTransaction> txn;
    std::thread([&] { txn.emplace(std::move(*db_->BeginWrite(family))); }).join();
    return std::move(*txn);
  }
  std::function<Status(WriteTransaction&)> Putting(const std::string& key) {
    return [this, key](WriteTransaction& txn) -> Status {
      auto table = txn.OpenTable(family_, "t");
      if (!table) return std::unexpected(table.error());
      return table->Put(AsBytes(key), AsBytes("v"));
    };
  }

  const std::shared_ptr<SteppingClock> clock_ = std::make_shared<SteppingClock>();
};

TEST_F(WriteCallTest, ACallIsATransactionOverItsFamilies) {
  const auto number = db_->Write({family_, other_}, [&](WriteTransaction& txn) -> Status {
    auto t = txn.OpenTable(family_, "t");
    auto u = txn.OpenTable(other_, "u");
    EXPECT_TRUE(t->Put(AsBytes("k"), AsBytes("t")));
    EXPECT_EQ((*t->Get(AsBytes("k")))->text(), "t") << "it reads what it has written";
    return u->Put(AsBytes("k"), AsBytes("u"));
  });
  ASSERT_TRUE(number);
  EXPECT_EQ(*number, db_->Stats().commit_number);
  EXPECT_EQ(InT(), (Texts{{"k", "t"}}));
  EXPECT_EQ(InU(), (Texts{{"k", "u"}}));
  ASSERT_TRUE(db_->Write(family_, Putting("l"), {.commit = {.durability = Durability::kNone}}));
  EXPECT_EQ(InT().size(), 2u);
}

TEST_F(WriteCallTest, WhatFailsOrThrowsIsAborted) {
  EXPECT_TRUE(Fails(db_->Write(family_,
                               [&](WriteTransaction& txn) -> Status {
                                 EXPECT_TRUE(Putting("k")(txn));
                                 return Fail(Errc::kNotFound, "test");
                               }),
                    Errc::kNotFound));
  EXPECT_THROW(static_cast<void>(db_->Write(family_,
                                            [&](WriteTransaction& txn) -> Status {
                                              EXPECT_TRUE(Putting("k")(txn));
                                              throw std::runtime_error("test");
                                            })),
               std::runtime_error);
  EXPECT_EQ(InT(), Texts());
  EXPECT_TRUE(db_->Write(family_, Putting("k"))) << "the family is free";
}

TEST_F(WriteCallTest, AFamilyThatIsHeldIsWaitedForAsLongAsIsSaid) {
  const WriteTransaction held = HeldElsewhere(other_);
  EXPECT_TRUE(Fails(db_->BeginWrite({family_, other_}, {.wait_ms_max = 0}), Errc::kBusy,
                    "column family 'b' is being written by another transaction"));
  clock_->step = kMs;
  EXPECT_TRUE(Fails(db_->BeginWrite(other_, {.wait_ms_max = 5}), Errc::kBusy, "wait_ms_max"));
  clock_->step = 0;
  EXPECT_TRUE(db_->BeginWrite(family_, {.wait_ms_max = 0})) << "none is held after a wait in vain";
}

TEST_F(WriteCallTest, WhatIsBusyIsTriedAgainWithPauses) {
  std::optional<WriteTransaction> held = HeldElsewhere(family_);
  std::vector<uint64_t> pauses;
  WriteScope scope{.begin = {.wait_ms_max = 0}};
  scope.retry = {.attempts_max = 5, .pause_us_first = 100, .pause = [&](uint64_t nanos) {
                   pauses.push_back(nanos);
                   if (pauses.size() == 3) held.reset();
                 }};
  EXPECT_TRUE(db_->Write(family_, Putting("k"), scope));
  ASSERT_EQ(pauses.size(), 3u);
  EXPECT_LE(pauses[0], 100'000u);
  EXPECT_LE(pauses[2], 400'000u);

  held = HeldElsewhere(family_);
  pauses.clear();
  scope.retry.pause = [&](uint64_t nanos) { pauses.push_back(nanos); };
  int calls = 0;
  EXPECT_TRUE(Fails(db_->Write(
                        family_,
                        [&](WriteTransaction&) {
                          ++calls;
                          return Status();
                        },
                        scope),
                    Errc::kBusy));
  EXPECT_EQ(pauses.size(), 4u);
  EXPECT_EQ(calls, 0);
}

TEST_F(WriteCallTest, AChangeThatMeetsSomebodyIsMadeAnew) {
  std::optional<WriteTransaction> held = HeldElsewhere(other_);
  int calls = 0;
  WriteScope scope;
  scope.retry = {.attempts_max = 2, .pause = [&](uint64_t) { held.reset(); }};
  ASSERT_TRUE(db_->Write(
      family_,
      [&](WriteTransaction& txn) -> Status {
        ++calls;
        auto table = txn.OpenTable(family_, "t");
        EXPECT_EQ(*table->Length(), 0u) << "nothing of the attempt before";
        EXPECT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
        return txn.AddColumnFamily(other_);
      },
      scope));
  EXPECT_EQ(calls, 2);
  int attempts = 0;
  EXPECT_TRUE(db_->Retry({.attempts_max = 3, .pause = [](uint64_t) {}}, [&]() -> Status {
    if (++attempts < 3) return Fail(Errc::kBusy, "test");
    return {};
  }));
  EXPECT_EQ(attempts, 3);
}

TEST_F(WriteCallTest, ATransactionThatTakesTooLongEndsAtItsNextCall) {
  auto txn = db_->BeginWrite(family_, {.run_ms_max = 10});
  auto table = txn->OpenTable(family_, "t");
  clock_->Pass(10 * kMs - 1);
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
  const auto savepoint = txn->SetSavepoint();
  clock_->Pass(1);
  EXPECT_TRUE(Fails(table->Put(AsBytes("l"), AsBytes("v")), Errc::kLimit,
                    "more than the 10 ms that it was given (WriteOptions::run_ms_max)"));
  EXPECT_TRUE(Fails(table->Get(AsBytes("k")), Errc::kTransactionEnded, "only Abort is left"));
  EXPECT_FALSE(txn->RollBackTo(*savepoint));
  EXPECT_FALSE(txn->Commit());
  txn = db_->BeginWrite(family_, {.run_ms_max = 10});
  clock_->Pass(10 * kMs);
  EXPECT_TRUE(Fails(txn->Commit(), Errc::kLimit)) << "also where there is nothing to commit";
  EXPECT_EQ(InT(), Texts());
  txn = db_->BeginWrite(family_, {.run_ms_max = kNoLimit - 1});
  clock_->Pass(1'000'000'000 * kMs);
  EXPECT_TRUE(txn->Commit());
}

// The process ends without a word, so what is found is what lies on the disk.
TEST_F(WriteCallTest, ATransactionWithoutTheLogIsDurableAndLeavesNothingInTheLog) {
  ASSERT_TRUE(db_->Write(family_, Putting("logged, not durable"), {.commit = {Durability::kNone}}));
  const DatabaseStats before = db_->Stats();
  auto txn = db_->BeginWrite(family_, {.log = false});
  ASSERT_TRUE(Putting("k")(*txn));
  const auto savepoint = txn->SetSavepoint();
  ASSERT_TRUE(Putting("rolled back")(*txn));
  ASSERT_TRUE(txn->RollBackTo(*savepoint));
  ASSERT_TRUE(txn->OpenTable(family_, "t")->PutReserve(AsBytes("filled"), 3, [](MutableByteView value) {
    std::fill(value.begin(), value.end(), std::byte{'f'});
    return Status();
  }));
  ASSERT_TRUE(txn->Commit({.durability = Durability::kNone}));
  const DatabaseStats after = db_->Stats();
  EXPECT_EQ(after.checkpoints, before.checkpoints + 1);
  EXPECT_EQ(after.redo_bytes, before.redo_bytes);
  EXPECT_EQ(after.log_bytes_written, before.log_bytes_written);
  const Texts found = {{"filled", "fff"}, {"k", "v"}, {"logged, not durable", "v"}};
  EXPECT_EQ(InT(), found);
  auto aborted = db_->BeginWrite(family_, {.log = false});
  ASSERT_TRUE(Putting("aborted")(*aborted));
  aborted->Abort();
  auto empty = db_->BeginWrite(family_, {.log = false});
  ASSERT_TRUE(empty->Commit());
  EXPECT_EQ(db_->Stats().checkpoints, after.checkpoints) << "nothing to write, no checkpoint";
  EXPECT_EQ(InT(), found);
}

TEST_F(WriteCallTest, ATicketIsWaitedForWithOneSyncForAll) {
  std::vector<CommitTicket> tickets;
  for (int i = 0; i < 3; ++i) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(Putting("k" + std::to_string(i))(*txn));
    const auto ticket = txn->CommitAsync();
    ASSERT_TRUE(ticket);
    tickets.push_back(*ticket);
  }
  EXPECT_EQ(InT().size(), 3u) << "seen already";
  EXPECT_FALSE(*db_->IsDurable(tickets[0]));
  const uint64_t syncs = db_->Stats().log_syncs;
  EXPECT_TRUE(db_->AwaitDurable(tickets[1]));
  for (const CommitTicket& ticket : tickets) {
    EXPECT_TRUE(*db_->IsDurable(ticket));
    EXPECT_TRUE(db_->AwaitDurable(ticket));
  }
  EXPECT_EQ(db_->Stats().log_syncs, syncs + 1);
  Replay();
  EXPECT_EQ(InT().size(), 3u);
}

TEST_F(WriteCallTest, ALaterDurableCommitIsAsGoodAsWaiting) {
  auto txn = db_->BeginWrite(family_);
  ASSERT_TRUE(Putting("k")(*txn));
  const auto ticket = txn->CommitAsync();
  ASSERT_TRUE(db_->Write(family_, Putting("l")));
  EXPECT_TRUE(*db_->IsDurable(*ticket));
  const uint64_t syncs = db_->Stats().log_syncs;
  EXPECT_TRUE(db_->AwaitDurable(*ticket));
  EXPECT_EQ(db_->Stats().log_syncs, syncs);
  EXPECT_TRUE(Fails(db_->AwaitDurable({1'000'000}), Errc::kInvalidArgument, "there is no commit 1000000"));
}

TEST_F(WriteCallTest, ACommitThroughACheckpointIsDurable) {
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  ASSERT_TRUE(table->Put(AsBytes("large"), AsBytes(std::string(40'000, 'l'))));
  const auto ticket = txn->CommitAsync();
  ASSERT_TRUE(ticket) << ticket.error().ToString();
  EXPECT_TRUE(*db_->IsDurable(*ticket));
}

TEST(CommitTicketTroubleTest, WhatCannotBecomeDurableIsOfUnknownOutcome) {
  const auto disk = std::make_shared<FullDisk>();
  auto db = std::move(*Database::Open(disk, "db", TinyOptions()));
  const ColumnFamily family = *db->CreateColumnFamily("f");
  auto txn = db->BeginWrite(family);
  ASSERT_TRUE(txn->CreateTable(family, "t"));
  const auto ticket = txn->CommitAsync();
  ASSERT_TRUE(ticket);
  disk->stops = true;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Fails(db->AwaitDurable(*ticket), Errc::kUnknownOutcome));
  EXPECT_FALSE(*db->IsDurable(*ticket));
  EXPECT_TRUE(db->AwaitDurable({ticket->commit_number - 1})) << "that one was durable before";
}

TEST_F(WriteCallTest, CallbacksComeBehindTheCommitInTheirOrder) {
  std::vector<std::string> called;
  uint64_t told = 0;
  auto txn = db_->BeginWrite(family_);
  ASSERT_TRUE(Putting("k")(*txn));
  ASSERT_TRUE(txn->OnCommit([&](uint64_t number) {
    told = number;
    EXPECT_EQ(InT().size(), 1u) << "published";
    EXPECT_TRUE(db_->Write(family_, Putting("l"))) << "the family is free";
    called.push_back("first");
  }));
  const auto savepoint = txn->SetSavepoint();
  ASSERT_TRUE(txn->OnCommit([&](uint64_t) { called.push_back("undone"); }));
  ASSERT_TRUE(txn->RollBackTo(*savepoint));
  ASSERT_TRUE(txn->OnCommit([&](uint64_t) { called.push_back("second"); }));
  const auto number = txn->Commit();
  ASSERT_TRUE(number);
  EXPECT_EQ(told, *number);
  EXPECT_EQ(called, (std::vector<std::string>{"first", "second"}));
  EXPECT_TRUE(Fails(txn->OnCommit([](uint64_t) {}), Errc::kTransactionEnded));
}

TEST_F(WriteCallTest, WithoutACommitNobodyIsCalled) {
  int called = 0;
  const auto count = [&called](uint64_t) { ++called; };
  {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn->OnCommit(count));
    txn->Abort();
  }
  EXPECT_FALSE(db_->Write(family_, [&](WriteTransaction& txn) -> Status {
    EXPECT_TRUE(txn.OnCommit(count));
    return Fail(Errc::kNotFound, "test");
  }));
  EXPECT_EQ(called, 0);
  // One that throws: the commit stays.
  auto txn = db_->BeginWrite(family_);
  ASSERT_TRUE(Putting("k")(*txn));
  ASSERT_TRUE(txn->OnCommit([](uint64_t) { throw std::runtime_error("test"); }));
  EXPECT_THROW(static_cast<void>(txn->Commit()), std::runtime_error);
  EXPECT_EQ(InT().size(), 1u);
}

}  // namespace
}  // namespace manifolddb
