// Savepoints: a transaction is taken back to what it was, and what it commits then is also what is replayed.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/full_disk.h"
#include "engine/db/writing_fixture.h"

namespace manifolddb {
namespace {

class SavepointTest : public WritingTest {
 protected:
  void SetUp() override {
    WritingTest::SetUp();
    Begin();
  }
  void TearDown() override {
    txn_.reset();
    ExpectWhole();
  }
  void Begin() {
    txn_.emplace(std::move(*db_->BeginWrite({family_, other_})));
    t_.emplace(*txn_->OpenTable(family_, "t"));
  }
  static void Put(WriteTable& table, const std::string& key, const std::string& value) {
    const Status put = table.Put(AsBytes(key), AsBytes(value));
    ASSERT_TRUE(put) << put.error().ToString();
  }
  Texts Now() { return TextsOf(*t_); }
  // Commits, and finds the same here, and in a process that replays the log.
  void ExpectCommitted(const Texts& texts) {
    const auto committed = txn_->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
    txn_.reset();
    EXPECT_EQ(InT(), texts);
    ExpectWhole();
    Replay();
    EXPECT_EQ(InT(), texts);
  }

  std::optional<WriteTransaction> txn_;
  std::optional<WriteTable> t_;
};

TEST_F(SavepointTest, WhatWasDoneSinceIsUndone) {
  const std::string large(2000, 'l');
  Put(*t_, "early", "e");
  Put(*t_, "large", large);
  const auto savepoint = txn_->SetSavepoint();
  ASSERT_TRUE(savepoint);
  Put(*t_, "early", "changed");
  Put(*t_, "late", "l");
  Put(*t_, "large", "small");
  Put(*t_, "large, too", large);
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  EXPECT_EQ(Now(), (Texts{{"early", "e"}, {"large", large}}));
  Put(*t_, "afterwards", "a");
  ExpectCommitted({{"afterwards", "a"}, {"early", "e"}, {"large", large}});
}

TEST_F(SavepointTest, ItMayBeRolledBackToAgainUntilItIsReleased) {
  const auto savepoint = txn_->SetSavepoint();
  for (int i = 0; i < 3; ++i) {
    for (int key = 0; key < 60; ++key) Put(*t_, std::to_string(100 + key), std::string(50, 'v'));
    ASSERT_TRUE(txn_->RollBackTo(*savepoint));
    EXPECT_EQ(Now(), Texts());
  }
  Put(*t_, "k", "v");
  ASSERT_TRUE(txn_->Release(*savepoint));
  EXPECT_TRUE(Fails(txn_->RollBackTo(*savepoint), Errc::kInvalidArgument, "released"));
  EXPECT_TRUE(Fails(txn_->Release(*savepoint), Errc::kInvalidArgument));
  ExpectCommitted({{"k", "v"}});
}

TEST_F(SavepointTest, TheyLieWithinEachOther) {
  std::vector<Savepoint> savepoints;
  std::vector<Texts> then;
  for (int i = 0; i < 5; ++i) {
    savepoints.push_back(*txn_->SetSavepoint());
    then.push_back(Now());
    for (int key = i; key < 40; key += i + 1) Put(*t_, std::to_string(100 + key), std::to_string(i));
    if (i > 0) {
      ASSERT_TRUE(t_->Delete(AsBytes(std::to_string(100 + i))));
    }
  }
  EXPECT_EQ(*txn_->ListSavepoints(), savepoints);
  ASSERT_TRUE(txn_->Release(savepoints[3]));
  EXPECT_EQ(*txn_->ListSavepoints(), std::vector<Savepoint>(savepoints.begin(), savepoints.begin() + 3));
  EXPECT_TRUE(Fails(txn_->RollBackTo(savepoints[4]), Errc::kInvalidArgument)) << "went with the one before";
  ASSERT_TRUE(txn_->RollBackTo(savepoints[2]));
  EXPECT_EQ(Now(), then[2]);
  Put(*t_, "k", "v");
  ASSERT_TRUE(txn_->RollBackTo(savepoints[1]));
  EXPECT_EQ(Now(), then[1]);
  EXPECT_TRUE(Fails(txn_->RollBackTo(savepoints[2]), Errc::kInvalidArgument));
  ExpectCommitted(then[1]);
}

TEST_F(SavepointTest, TablesComeBackUnderTheHandlesThatTheyHad) {
  Put(*t_, "k", "v");
  const auto savepoint = txn_->SetSavepoint();
  auto made = txn_->CreateTable(family_, "made");
  Put(*made, "k", "v");
  ASSERT_TRUE(txn_->RenameTable(family_, "t", "renamed"));
  ASSERT_TRUE(txn_->DropTable(other_, "u"));
  ASSERT_TRUE(txn_->DropTable(family_, "renamed"));
  EXPECT_TRUE(Fails(t_->Get(AsBytes("k")), Errc::kNoSuchTable));
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  EXPECT_EQ(*txn_->ListTables(family_), std::vector<std::string>{"t"});
  EXPECT_EQ(*txn_->ListTables(other_), std::vector<std::string>{"u"});
  EXPECT_EQ(Now(), (Texts{{"k", "v"}}));
  EXPECT_TRUE(Fails(made->Put(AsBytes("k"), AsBytes("v")), Errc::kNoSuchTable));
  // Its number is given again: replay has never heard of the one that was undone.
  auto again = txn_->CreateTable(family_, "again");
  Put(*again, "k", "again");
  Put(*t_, "l", "w");
  ExpectCommitted({{"k", "v"}, {"l", "w"}});
  EXPECT_EQ(Committed(family_, "again"), (Texts{{"k", "again"}}));
}

TEST_F(SavepointTest, AFamilyThatWasAddedSinceStaysHeldAndIsUnchanged) {
  txn_.emplace(std::move(*db_->BeginWrite(std::span<const ColumnFamily>())));
  const auto savepoint = txn_->SetSavepoint();
  ASSERT_TRUE(txn_->AddColumnFamily(family_));
  t_.emplace(*txn_->OpenTable(family_, "t"));
  Put(*t_, "k", "v");
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  EXPECT_EQ(Now(), Texts());
  const uint64_t number = db_->Stats().commit_number;
  EXPECT_EQ(*txn_->Commit(), number) << "nothing to commit";
}

// Changes before it select one table, those behind it another one.
TEST_F(SavepointTest, TheLogGoesOnWithTheTableOfThen) {
  auto u = txn_->OpenTable(other_, "u");
  Put(*t_, "k", "t");
  const auto savepoint = txn_->SetSavepoint();
  Put(*u, "k", "u");
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  Put(*t_, "l", "t");
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  Put(*u, "l", "u");
  ExpectCommitted({{"k", "t"}});
  EXPECT_EQ(InU(), (Texts{{"l", "u"}}));
}

TEST_F(SavepointTest, CursorsAndGuardsLiveThroughIt) {
  for (int i = 10; i < 60; ++i) Put(*t_, std::to_string(i), "before " + std::to_string(i));
  const auto savepoint = txn_->SetSavepoint();
  // On a page that is not changed any more, so it is no copy.
  const auto guard = t_->Get(AsBytes("30"));
  auto cursor = t_->NewCursor();
  ASSERT_TRUE(*cursor->Seek(AsBytes("30")));
  ASSERT_TRUE(t_->DeleteRange({.upper = AsBytes("50")}));
  Put(*t_, "30", "since");
  const auto since = t_->Get(AsBytes("30"));
  ASSERT_TRUE(txn_->RollBackTo(*savepoint));
  EXPECT_EQ(AsText(*cursor->value()), "before 30");
  ASSERT_TRUE(*cursor->Next());
  EXPECT_EQ(AsText(cursor->key()), "31");
  Put(*t_, "30", "afterwards");
  EXPECT_EQ((*guard)->text(), "before 30");
  EXPECT_EQ((*since)->text(), "since");
  txn_->Abort();
  EXPECT_EQ((*guard)->text(), "before 30");
}

TEST_F(SavepointTest, ItWorksInATransactionTooLargeForTheLogAndForMemory) {
  const auto fill = [&](const std::string& with) {
    for (int i = 0; i < 1500; ++i) Put(*t_, std::to_string(10'000 + i), with + std::string(30, '.'));
  };
  Put(*t_, "k", "v");
  const auto small = txn_->SetSavepoint();
  fill("first");
  const auto large = txn_->SetSavepoint();
  const Texts then = Now();
  fill("second");
  ASSERT_TRUE(t_->DeleteRange({.lower = AsBytes("10700")}));
  ASSERT_TRUE(txn_->RollBackTo(*large));
  EXPECT_EQ(Now(), then);
  ASSERT_TRUE(txn_->RollBackTo(*small));
  Put(*t_, "l", "w");
  ExpectCommitted({{"k", "v"}, {"l", "w"}});
}

TEST_F(SavepointTest, ScopesUndoThemselvesUnlessTheySucceed) {
  const auto fails = [&]() -> Status {
    Put(*t_, "inner", "i");
    return Fail(Errc::kNotFound, "test");
  };
  EXPECT_TRUE(txn_->Nested([&]() -> Status {
    Put(*t_, "outer", "o");
    EXPECT_TRUE(Fails(txn_->Nested(fails), Errc::kNotFound));
    EXPECT_EQ(Now(), (Texts{{"outer", "o"}}));
    return {};
  }));
  EXPECT_TRUE(Fails(txn_->Nested(fails), Errc::kNotFound));
  const auto throws = [&]() -> Status {
    Put(*t_, "thrown", "t");
    throw std::runtime_error("test");
  };
  EXPECT_THROW(static_cast<void>(txn_->Nested(throws)), std::runtime_error);
  ExpectCommitted({{"outer", "o"}});
}

TEST_F(SavepointTest, MisuseIsSaid) {
  const auto savepoint = txn_->SetSavepoint();
  EXPECT_TRUE(Fails(txn_->RollBackTo(Savepoint()), Errc::kInvalidArgument));
  txn_->Abort();
  EXPECT_TRUE(Fails(txn_->RollBackTo(*savepoint), Errc::kTransactionEnded));
  EXPECT_TRUE(Fails(txn_->SetSavepoint(), Errc::kTransactionEnded));
  Begin();
  const auto later = txn_->SetSavepoint();
  EXPECT_TRUE(Fails(txn_->RollBackTo(*savepoint), Errc::kInvalidArgument, "another transaction's"));
  EXPECT_TRUE(txn_->RollBackTo(*later));
  WriteTransaction moved = std::move(*txn_);
  EXPECT_TRUE(Fails(txn_->SetSavepoint(), Errc::kInvalidArgument, "moved"));
  EXPECT_TRUE(moved.RollBackTo(*later));
}

TEST_F(SavepointTest, CommitGivesUpThoseThatAreLeft) {
  ASSERT_TRUE(txn_->SetSavepoint());
  Put(*t_, "k", "v");
  ASSERT_TRUE(txn_->SetSavepoint());
  Put(*t_, "k", "w");
  ASSERT_TRUE(t_->Delete(AsBytes("none")));
  ExpectCommitted({{"k", "w"}});
}

TEST_F(SavepointTest, AbortFreesWhatTheyHaveKept) {
  txn_->Abort();
  ASSERT_TRUE(db_->Checkpoint());
  const auto used = [this] { return db_->Stats().pages_total - db_->Stats().pages_free; };
  const uint64_t used_before = used();
  Begin();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(txn_->SetSavepoint());
    for (int i = 0; i < 40; ++i) Put(*t_, std::to_string(100 + i), std::string(60, 'v'));
    Put(*t_, "large", std::string(3000, 'l'));
  }
  txn_->Abort();
  EXPECT_EQ(used(), used_before);
}

// What failed has left redo and pages at odds: both go back.
TEST(SavepointTroubleTest, AChangeThatFoundNoRoomIsUndone) {
  const auto disk = std::make_shared<FullDisk>();
  auto db = std::move(*Database::Open(disk, "db", TinyOptions()));
  const ColumnFamily family = *db->CreateColumnFamily("f");
  {
    auto txn = db->BeginWrite(family);
    ASSERT_TRUE(txn->CreateTable(family, "t"));
    ASSERT_TRUE(txn->Commit());
  }
  disk->bytes_max = 0;
  auto txn = db->BeginWrite(family);
  auto table = txn->OpenTable(family, "t");
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
  const auto savepoint = txn->SetSavepoint();
  Status put;
  for (int i = 0; i < 100'000 && put; ++i) {
    put = table->Put(AsBytes(std::to_string(100'000 + i)), AsBytes(std::string(60, 'v')));
  }
  EXPECT_TRUE(Fails(put, Errc::kNoSpace));
  EXPECT_TRUE(Fails(table->Get(AsBytes("k")), Errc::kTransactionEnded));
  ASSERT_TRUE(txn->RollBackTo(*savepoint));
  EXPECT_EQ(*table->Length(), 1u);
  ASSERT_TRUE(table->Put(AsBytes("l"), AsBytes("w")));
  const auto committed = txn->Commit();
  ASSERT_TRUE(committed) << committed.error().ToString();
  auto snapshot = db->BeginRead();
  EXPECT_EQ(*snapshot->OpenTable(family, "t")->Length(), 2u);
  EXPECT_TRUE(db->Verify()->ok());
}

}  // namespace
}  // namespace manifolddb
