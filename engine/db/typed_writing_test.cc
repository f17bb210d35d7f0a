// Writing to tables with types beside single puts and deletes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "engine/db/writing_fixture.h"
#include "manifolddb/typed.h"

namespace manifolddb {
namespace {

constexpr TableDefinition<int32_t, std::string> kNotes("notes");
constexpr TableDefinition<std::string, int64_t> kTotals("totals");
constexpr TableDefinition<std::string, uint8_t> kSmall("small");

class TypedWritingTest : public WritingTest {
 protected:
  void SetUp() override {
    WritingTest::SetUp();
    auto txn = db_->BeginWrite(family_);
    auto notes = kNotes.Create(*txn, family_);
    for (int32_t key = -3; key <= 3; ++key) ASSERT_TRUE(notes->Put(key, "note " + std::to_string(key)));
    ASSERT_TRUE(kTotals.Create(*txn, family_));
    ASSERT_TRUE(kSmall.Create(*txn, family_));
    ASSERT_TRUE(txn->Commit());
  }
  template <class Definition, class Function>
  void ChangeTyped(const Definition& definition, Function change) {
    auto txn = db_->BeginWrite(family_);
    auto table = definition.Open(*txn, family_);
    ASSERT_TRUE(table) << table.error().ToString();
    change(*table);
    ASSERT_TRUE(txn->Commit());
  }
};

TEST_F(TypedWritingTest, EntriesAreFoundMadeChangedAndSwapped) {
  ChangeTyped(kNotes, [](auto& notes) {
    EXPECT_EQ(*notes.GetOrInsert(1, "another")->value, "note 1");
    EXPECT_TRUE(notes.GetOrInsert(9, "nine")->inserted);
    EXPECT_EQ(*notes.GetOrInsertWith(10, [] { return std::string("ten"); })->value, "ten");
    EXPECT_TRUE(notes.Update(9, [](std::optional<std::string_view> now) {
      return std::optional(std::string(*now) + " and a half");
    }));
    EXPECT_TRUE(
        notes.Update(10, [](std::optional<std::string_view>) { return std::optional<std::string>(); }));
    EXPECT_EQ(**(*notes.Get(9)), "nine and a half");
    EXPECT_FALSE(*notes.Get(10));
    EXPECT_TRUE(*notes.CompareAndSwap(1, "note 1", "swapped"));
    EXPECT_FALSE(*notes.CompareAndSwap(2, "note 1", "swapped"));
    EXPECT_TRUE(*notes.CompareAndSwap(2, "note 2", std::nullopt));
    EXPECT_FALSE(*notes.Get(2));
  });
}

TEST_F(TypedWritingTest, ATextIsWrittenWhereItIsStored) {
  ChangeTyped(kNotes, [](auto& notes) {
    ASSERT_TRUE(notes.PutReserve(7, 3, [](MutableByteView value) {
      std::fill(value.begin(), value.end(), std::byte{'x'});
      return Status();
    }));
    EXPECT_EQ(**(*notes.Get(7)), "xxx");
  });
}

TEST_F(TypedWritingTest, NumbersAddAsWhatTheyAre) {
  ChangeTyped(kTotals, [](auto& totals) {
    EXPECT_EQ(*totals.Add("n", 5), 5);
    EXPECT_EQ(*totals.Add("n", -12), -7);
  });
  // The same counters as bytes, and in a batch.
  WriteBatch batch;
  auto totals = kTotals.In(batch, family_);
  auto notes = kNotes.In(batch, family_);
  ASSERT_TRUE(totals.AddToCounter("n", 10));
  ASSERT_TRUE(notes.Put(100, "in a batch"));
  ASSERT_TRUE(notes.Delete(-3));
  ASSERT_TRUE(db_->Apply(batch));
  auto txn = db_->BeginWrite(family_);
  auto bytes = txn->OpenTable(family_, "totals", TableTypes::Any());
  EXPECT_EQ(*bytes->AddToCounter(AsBytes("n"), 1), 4);
  EXPECT_EQ(*kNotes.Open(*txn, family_)->Length(), 7u);
  auto small = kSmall.Open(*txn, family_);
  EXPECT_EQ(*small->Add("n", 250), 250);
  EXPECT_TRUE(Fails(small->Add("n", 6), Errc::kLimit,
                    "a counter of table 'small' stays 250: with 6 more it is no 'u8'"));
  EXPECT_TRUE(Fails(small->Add("n", -251), Errc::kLimit));
  EXPECT_TRUE(Fails(small->Add("n", std::numeric_limits<int64_t>::max()), Errc::kLimit));
  EXPECT_EQ(*small->Add("n", -250), 0);
}

TEST_F(TypedWritingTest, EntriesAreRetainedAndExtractedByWhatTheySay) {
  ChangeTyped(kNotes, [](auto& notes) {
    EXPECT_EQ(*notes.Retain({.upper = 0}, [](const auto& note) { return note.key == -2; }), 2u);
    int asked = 0;
    auto taken = notes.ExtractIf({}, [asked](const auto& note) mutable {
      ++asked;
      return asked > 1 && note.value != "note 1";
    });
    ASSERT_TRUE(taken);
    for (const int32_t key : {0, 2, 3}) {
      auto entry = taken->Next();
      ASSERT_TRUE(entry && *entry);
      EXPECT_EQ((*entry)->key(), key);
      EXPECT_EQ((*entry)->value(), "note " + std::to_string(key));
    }
    EXPECT_FALSE(*taken->Next());
    EXPECT_EQ(*notes.Length(), 2u) << "-2, for which it was not yet time, and 1";
  });
}

TEST_F(TypedWritingTest, BytesThatAreNoEncodingAreTold) {
  auto txn = db_->BeginWrite(family_);
  auto bytes = txn->OpenTable(family_, "small", TableTypes::Any());
  ASSERT_TRUE(bytes->Put(AsBytes("n"), AsBytes("three")));
  auto small = kSmall.Open(*txn, family_);
  EXPECT_TRUE(Fails(small->Add("n", 1), Errc::kCorrupt, "a value of table 'small' is no 'u8': 5 bytes"));
  EXPECT_TRUE(Fails(small->Update("n", [](std::optional<uint8_t> now) { return now; }), Errc::kCorrupt));
  EXPECT_TRUE(Fails(small->Retain({}, [](const auto&) { return false; }), Errc::kCorrupt));
  EXPECT_EQ(*small->Length(), 1u);
}

}  // namespace
}  // namespace manifolddb
