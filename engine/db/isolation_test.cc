// The anomalies of docs/transactions.md: each tried, none found, but the one that the guide says can be had.
//
// Names are those of Adya, Liskov and O'Neil (2000) and of Berenson and others (1995). Where two writers must
// meet, the second runs in a thread that is begun while the first holds the family: whether it has come to
// its wait by then or not, what it finds is the same.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "engine/db/family_fixture.h"

namespace manifolddb {
namespace {

class IsolationTest : public FamilyTest {
 protected:
  void SetUp() override {
    FamilyTest::SetUp();
    other_ = *db_->OpenOrCreateColumnFamily("b");
    Write(family_, "x", "1");
    Write(other_, "y", "1");
  }

  static void Put(WriteTransaction& transaction, ColumnFamily family, const std::string& key,
                  const std::string& value) {
    auto table = transaction.OpenOrCreateTable(family, "t");
    ASSERT_TRUE(table) << table.error().ToString();
    ASSERT_TRUE(table->Put(AsBytes(key), AsBytes(value)));
  }
  template <class Transaction>
  static std::string Get(Transaction& transaction, ColumnFamily family, const std::string& key) {
    auto table = transaction.OpenTable(family, "t");
    if (!table) return "";
    const auto value = table->Get(AsBytes(key));
    EXPECT_TRUE(value);
    return value && *value ? std::string((*value)->text()) : "";
  }
  void Write(ColumnFamily family, const std::string& key, const std::string& value) {
    auto transaction = db_->BeginWrite(family);
    ASSERT_TRUE(transaction);
    Put(*transaction, family, key, value);
    ASSERT_TRUE(transaction->Commit());
  }
  std::string Newest(ColumnFamily family, const std::string& key) {
    auto snapshot = db_->BeginRead();
    EXPECT_TRUE(snapshot);
    return snapshot ? Get(*snapshot, family, key) : "";
  }

  ColumnFamily other_;
};

TEST_F(IsolationTest, DirtyWriteG0) {
  auto first = db_->BeginWrite(family_);
  ASSERT_TRUE(first);
  Put(*first, family_, "x", "first");
  std::thread second([&] {  // begins when the first has ended
    auto transaction = db_->BeginWrite(family_);
    ASSERT_TRUE(transaction);
    EXPECT_EQ(Get(*transaction, family_, "x"), "first");
    Put(*transaction, family_, "x", "second");
    ASSERT_TRUE(transaction->Commit());
  });
  Put(*first, family_, "z", "first");
  ASSERT_TRUE(first->Commit());
  second.join();
  EXPECT_EQ(Newest(family_, "x") + Newest(family_, "z"), "secondfirst");
}

TEST_F(IsolationTest, AbortedReadG1a) {
  auto writer = db_->BeginWrite(family_);
  ASSERT_TRUE(writer);
  Put(*writer, family_, "x", "never");
  EXPECT_EQ(Newest(family_, "x"), "1");
  writer->Abort();
  EXPECT_EQ(Newest(family_, "x"), "1");
}

TEST_F(IsolationTest, IntermediateReadG1b) {
  auto writer = db_->BeginWrite(family_);
  ASSERT_TRUE(writer);
  Put(*writer, family_, "x", "half");
  EXPECT_EQ(Newest(family_, "x"), "1");
  Put(*writer, family_, "x", "whole");
  ASSERT_TRUE(writer->Commit());
  EXPECT_EQ(Newest(family_, "x"), "whole");
}

// Who reads and writes two families holds both, so of two such transactions one is wholly before the other.
TEST_F(IsolationTest, CircularInformationFlowG1c) {
  std::string seen_by_second;
  auto first = db_->BeginWrite({family_, other_});
  ASSERT_TRUE(first);
  std::thread second([&] {
    auto transaction = db_->BeginWrite({other_, family_});
    ASSERT_TRUE(transaction);
    seen_by_second = Get(*transaction, family_, "x");
    Put(*transaction, other_, "y", "second");
    ASSERT_TRUE(transaction->Commit());
  });
  Put(*first, family_, "x", "first");
  EXPECT_EQ(Get(*first, other_, "y"), "1");
  ASSERT_TRUE(first->Commit());
  second.join();
  EXPECT_EQ(seen_by_second, "first");
}

TEST_F(IsolationTest, FuzzyReadP2) {
  auto snapshot = db_->BeginRead();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(Get(*snapshot, family_, "x"), "1");
  Write(family_, "x", "2");
  EXPECT_EQ(Get(*snapshot, family_, "x"), "1");
}

TEST_F(IsolationTest, PhantomP3) {
  auto snapshot = db_->BeginRead();
  ASSERT_TRUE(snapshot);
  const auto count = [&] {
    auto table = snapshot->OpenTable(family_, "t");
    return *table->Count({.lower = AsBytes("a")});
  };
  const uint64_t before = count();
  Write(family_, "xx", "new");
  EXPECT_EQ(count(), before);
}

TEST_F(IsolationTest, LostUpdateP4) {
  constexpr int kEach = 50;
  const auto add = [&] {
    for (int i = 0; i < kEach; ++i) {
      auto transaction = db_->BeginWrite(family_);
      ASSERT_TRUE(transaction);
      Put(*transaction, family_, "x", std::to_string(std::stoi(Get(*transaction, family_, "x")) + 1));
      ASSERT_TRUE(transaction->Commit({.durability = Durability::kNone}));
    }
  };
  std::thread one(add);
  std::thread two(add);
  one.join();
  two.join();
  EXPECT_EQ(Newest(family_, "x"), std::to_string(1 + 2 * kEach));
}

TEST_F(IsolationTest, ReadSkewA5A) {
  auto snapshot = db_->BeginRead();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(Get(*snapshot, family_, "x"), "1");
  auto writer = db_->BeginWrite({family_, other_});
  ASSERT_TRUE(writer);
  Put(*writer, family_, "x", "2");
  Put(*writer, other_, "y", "2");
  ASSERT_TRUE(writer->Commit());
  EXPECT_EQ(Get(*snapshot, other_, "y"), "1") << "both of before";
  EXPECT_EQ(Newest(family_, "x") + Newest(other_, "y"), "22");
}

// At least one of x and y is to stay 1. Each of two transactions holds both, and looks before it clears one.
TEST_F(IsolationTest, WriteSkewA5B) {
  const auto clear = [&](ColumnFamily mine, const char* my_key, ColumnFamily theirs, const char* their_key) {
    auto transaction = db_->BeginWrite({mine, theirs});
    ASSERT_TRUE(transaction);
    if (Get(*transaction, theirs, their_key) == "1") Put(*transaction, mine, my_key, "0");
    ASSERT_TRUE(transaction->Commit());
  };
  std::thread one([&] { clear(family_, "x", other_, "y"); });
  std::thread two([&] { clear(other_, "y", family_, "x"); });
  one.join();
  two.join();
  EXPECT_NE(Newest(family_, "x") + Newest(other_, "y"), "00");
}

// What the guide warns of: who looks at a family through a snapshot, and does not hold it, decides on what
// may
// have changed by the time it commits.
TEST_F(IsolationTest, WriteSkewCanBeHadByLookingWithoutHolding) {
  auto one = db_->BeginWrite(family_);
  ASSERT_TRUE(one);
  std::thread two([&] {
    auto transaction = db_->BeginWrite(other_);
    ASSERT_TRUE(transaction);
    if (Newest(family_, "x") == "1") Put(*transaction, other_, "y", "0");
    ASSERT_TRUE(transaction->Commit());
  });
  if (Newest(other_, "y") == "1") Put(*one, family_, "x", "0");
  two.join();  // before the first commits
  ASSERT_TRUE(one->Commit());
  const std::string both = Newest(family_, "x") + Newest(other_, "y");
  // Either the second had committed before the first looked, or both have cleared theirs.
  EXPECT_TRUE(both == "00" || both == "10") << both;
}

TEST_F(IsolationTest, ATransactionReadsItsOwnWrites) {
  auto writer = db_->BeginWrite(family_);
  ASSERT_TRUE(writer);
  Put(*writer, family_, "x", "mine");
  EXPECT_EQ(Get(*writer, family_, "x"), "mine");
}

// Strict: a snapshot taken after a commit was acknowledged has it, and so have those it was taken after.
TEST_F(IsolationTest, ASnapshotHasWhatWasAcknowledgedBefore) {
  for (int i = 0; i < 10; ++i) {
    const ColumnFamily family = i % 2 == 0 ? family_ : other_;
    auto writer = db_->BeginWrite(family);
    ASSERT_TRUE(writer);
    Put(*writer, family, "k", std::to_string(i));
    const auto number = writer->Commit({.durability = Durability::kNone});
    ASSERT_TRUE(number);
    auto snapshot = db_->BeginRead();
    ASSERT_TRUE(snapshot);
    EXPECT_GE(snapshot->commit_number(), *number);
    EXPECT_EQ(Get(*snapshot, family, "k"), std::to_string(i));
  }
}

}  // namespace
}  // namespace manifolddb
