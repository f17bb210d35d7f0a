// What a table is asked to do beside single puts and deletes.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "engine/db/writing_fixture.h"

namespace manifolddb {
namespace {

class TableWritingTest : public WritingTest {
 protected:
  static Status Put(WriteTable& table, const std::string& key, const std::string& value) {
    return table.Put(AsBytes(key), AsBytes(value));
  }
  void Fill() {
    Change([](WriteTable& table) {
      for (int i = 10; i < 40; ++i) ASSERT_TRUE(Put(table, std::to_string(i), ValueOf(i)));
    });
  }
  // Some of them large.
  static std::string ValueOf(int i) {
    return "v" + std::to_string(i) + (i % 7 == 0 ? std::string(1500, '.') : "");
  }
  static Texts Filled(int begin, int end, int step = 1) {
    Texts texts;
    for (int i = begin; i < end; i += step) texts[std::to_string(i)] = ValueOf(i);
    return texts;
  }
};

TEST_F(TableWritingTest, FindOrInsert) {
  Change([](WriteTable& table) {
    auto first = table.GetOrInsert(AsBytes("k"), AsBytes("one"));
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->inserted);
    EXPECT_EQ(first->value.text(), "one");
    auto second = table.GetOrInsert(AsBytes("k"), AsBytes("two"));
    EXPECT_FALSE(second->inserted);
    EXPECT_EQ(second->value.text(), "one");
    int made = 0;
    const auto make = [&made] {
      ++made;
      return std::string("made");
    };
    EXPECT_FALSE(table.GetOrInsertWith(AsBytes("k"), make)->inserted);
    EXPECT_EQ(made, 0);
    EXPECT_EQ(table.GetOrInsertWith(AsBytes("l"), make)->value.text(), "made");
    EXPECT_EQ(made, 1);
    const auto fail = []() -> Result<std::string> { return Fail(Errc::kNotFound, "test"); };
    EXPECT_TRUE(Fails(table.GetOrInsertWith(AsBytes("m"), fail), Errc::kNotFound));
  });
  EXPECT_EQ(InT(), (Texts{{"k", "one"}, {"l", "made"}}));
}

TEST_F(TableWritingTest, AnUpdatePutsDeletesOrLeavesTheEntryAlone) {
  using Text = std::optional<std::string>;
  Change([](WriteTable& table) {
    EXPECT_TRUE(table.Update(AsBytes("k"), [](std::optional<ByteView> now) {
      EXPECT_FALSE(now);
      return Text("one");
    }));
    EXPECT_TRUE(table.Update(AsBytes("k"), [](std::optional<ByteView> now) {
      return Text(std::string(AsText(*now)) + " and two");
    }));
    EXPECT_TRUE(table.Update(AsBytes("none"), [](std::optional<ByteView>) { return Text(); }));
    EXPECT_TRUE(Fails(
        table.Update(AsBytes("k"),
                     [](std::optional<ByteView>) -> Result<Text> { return Fail(Errc::kNotFound, "test"); }),
        Errc::kNotFound));
  });
  EXPECT_EQ(InT(), (Texts{{"k", "one and two"}}));
  const uint64_t number = db_->Stats().commit_number;
  Change([](WriteTable& table) {
    EXPECT_TRUE(table.Update(AsBytes("k"), [](std::optional<ByteView> now) { return Text(AsText(*now)); }));
  });
  EXPECT_EQ(db_->Stats().commit_number, number) << "the same bytes are no change";
  Change([](WriteTable& table) {
    EXPECT_TRUE(table.Update(AsBytes("k"), [](std::optional<ByteView>) { return Text(); }));
  });
  EXPECT_EQ(InT(), Texts());
}

TEST_F(TableWritingTest, ASwapHappensOnlyWhereTheValueIsAsExpected) {
  Change([](WriteTable& table) {
    const auto swap = [&](std::optional<ByteView> expected, std::optional<ByteView> desired) {
      return *table.CompareAndSwap(AsBytes("k"), expected, desired);
    };
    const ByteView one = AsBytes("one");
    const ByteView two = AsBytes("two");
    EXPECT_FALSE(swap(one, two)) << "there is none";
    EXPECT_TRUE(swap(std::nullopt, std::nullopt));
    EXPECT_TRUE(swap(std::nullopt, one));
    EXPECT_FALSE(swap(std::nullopt, two)) << "there is one";
    EXPECT_FALSE(swap(two, std::nullopt)) << "there is another";
    EXPECT_EQ((*table.Get(AsBytes("k")))->text(), "one");
    EXPECT_TRUE(swap(one, two));
    EXPECT_EQ((*table.Get(AsBytes("k")))->text(), "two");
    EXPECT_FALSE(swap(AsBytes("tw"), one)) << "a beginning is not all of it";
    EXPECT_TRUE(swap(two, std::nullopt));
    EXPECT_FALSE(*table.Get(AsBytes("k")));
    EXPECT_TRUE(swap(std::nullopt, ByteView())) << "no bytes are a value";
    EXPECT_FALSE(swap(std::nullopt, one));
    EXPECT_TRUE(swap(ByteView(), one));
  });
  EXPECT_EQ(InT(), (Texts{{"k", "one"}}));
}

TEST_F(TableWritingTest, CountersAddAndStopAtTheirEnds) {
  static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  Change([](WriteTable& table) {
    EXPECT_EQ(*table.AddToCounter(AsBytes("n"), 5), 5);
    EXPECT_EQ(*table.AddToCounter(AsBytes("n"), -7), -2);
    EXPECT_EQ(*table.AddToCounter(AsBytes("most"), kMost), kMost);
    EXPECT_TRUE(Fails(table.AddToCounter(AsBytes("most"), 1), Errc::kLimit,
                      "the counter at 'most' stays 9223372036854775807"));
    EXPECT_EQ(*table.AddToCounter(AsBytes("least"), kLeast), kLeast);
    EXPECT_TRUE(Fails(table.AddToCounter(AsBytes("least"), -1), Errc::kLimit));
    ASSERT_TRUE(Put(table, "text", "not a number"));
    EXPECT_TRUE(Fails(table.AddToCounter(AsBytes("text"), 1), Errc::kInvalidArgument, "'text' has 12 bytes"));
  });
  Replay();
  Change([](WriteTable& table) {
    EXPECT_EQ(*table.AddToCounter(AsBytes("n"), 0), -2);
    EXPECT_EQ(*table.AddToCounter(AsBytes("most"), -1), kMost - 1);
    EXPECT_EQ((*table.Get(AsBytes("text")))->text(), "not a number");
  });
}

TEST_F(TableWritingTest, WhatIsNotRetainedGoes) {
  Fill();
  const auto even = [](const Entry& entry) {
    const int number = std::stoi(std::string(AsText(entry.key)));
    EXPECT_EQ(AsText(entry.value), ValueOf(number));
    return number % 2 == 0;
  };
  Change([&](WriteTable& table) {
    EXPECT_EQ(*table.Retain({.lower = AsBytes("20"), .upper = AsBytes("30")}, even), 5u);
  });
  Texts expected = Filled(10, 20);
  expected.merge(Filled(20, 30, 2));
  expected.merge(Filled(30, 40));
  EXPECT_EQ(InT(), expected);
  Change([&](WriteTable& table) {
    EXPECT_EQ(*table.Retain({}, [](const Entry&) { return true; }), 0u);
    EXPECT_EQ(*table.Retain({}, [](const Entry&) { return false; }), 25u);
    EXPECT_EQ(*table.Length(), 0u);
  });
  ExpectWhole();
}

TEST_F(TableWritingTest, AnErrorOfTheQuestionEndsTheCallAndNotTheTransaction) {
  Fill();
  Change([&](WriteTable& table) {
    int asked = 0;
    const auto third_fails = [&](const Entry&) -> Result<bool> {
      if (++asked == 3) return Fail(Errc::kNotFound, "test");
      return false;
    };
    EXPECT_TRUE(Fails(table.Retain({}, third_fails), Errc::kNotFound));
    EXPECT_EQ(TextsOf(table), Filled(12, 40));
    const auto throws = [](const Entry&) -> Result<bool> { throw std::runtime_error("test"); };
    EXPECT_THROW(static_cast<void>(table.Retain({}, throws)), std::runtime_error);
    EXPECT_TRUE(table.Delete(AsBytes("12")));
  });
  EXPECT_EQ(InT(), Filled(13, 40));
}

TEST_F(TableWritingTest, EntriesAreExtractedAsTheyAreAskedFor) {
  Fill();
  Change([&](WriteTable& table) {
    auto odd = table.ExtractIf({.lower = AsBytes("20")}, [](const Entry& entry) {
      return std::to_integer<int>(entry.key.back()) % 2 == 1;
    });
    ASSERT_TRUE(odd);
    EXPECT_EQ(*table.Length(), 30u) << "nobody has asked";
    for (const int i : {21, 23}) {
      auto taken = odd->Next();
      ASSERT_TRUE(taken && *taken);
      EXPECT_EQ((*taken)->key.text(), std::to_string(i));
      EXPECT_EQ((*taken)->value.text(), ValueOf(i));
      EXPECT_FALSE(*table.Get(AsBytes(std::to_string(i))));
    }
    EXPECT_EQ(*table.Length(), 28u);
    int rest = 0;
    for (auto taken = odd->Next(); taken && *taken; taken = odd->Next()) ++rest;
    EXPECT_EQ(rest, 8);
    EXPECT_FALSE(*odd->Next()) << "the end stays the end";
  });
  Texts expected = Filled(10, 20);
  expected.merge(Filled(20, 40, 2));
  EXPECT_EQ(InT(), expected);
}

// ---- In place ---------------------------------------------------------------------------------------------

Status WriteText(MutableByteView value, std::string_view text) {
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(value.data()));
  return {};
}

TEST_F(TableWritingTest, AValueIsWrittenInPlace) {
  for (const size_t bytes : {size_t{0}, size_t{3}, size_t{100}, size_t{5000}}) {
    const std::string text(bytes, 'x');
    Change([&](WriteTable& table) {
      ASSERT_TRUE(Put(table, "before", "b"));
      EXPECT_TRUE(table.PutReserve(AsBytes("k"), bytes + 2, [&](MutableByteView value) {
        EXPECT_EQ(value.size(), bytes + 2);
        return WriteText(value, text);
      }));
      EXPECT_EQ((*table.Get(AsBytes("k")))->text(), text + std::string(2, '\0')) << "zeros behind it";
      ASSERT_TRUE(Put(table, "behind", "a"));
    });
    Replay();
    EXPECT_EQ(InT(), (Texts{{"before", "b"}, {"behind", "a"}, {"k", text + std::string(2, '\0')}}));
    ExpectWhole();
  }
}

TEST_F(TableWritingTest, WhoCannotWriteTheValueHasChangedNothing) {
  Change([](WriteTable& table) { ASSERT_TRUE(Put(table, "k", "old")); });
  for (const size_t bytes : {size_t{3}, size_t{5000}}) {
    Change([&](WriteTable& table) {
      const auto fail = [](MutableByteView value) -> Status {
        static_cast<void>(WriteText(value, "new"));
        return Fail(Errc::kNotFound, "test");
      };
      EXPECT_TRUE(Fails(table.PutReserve(AsBytes("k"), bytes, fail), Errc::kNotFound));
      EXPECT_EQ((*table.Get(AsBytes("k")))->text(), "old");
      ASSERT_TRUE(Put(table, "behind", "a"));
    });
    Replay();
    EXPECT_EQ(InT(), (Texts{{"behind", "a"}, {"k", "old"}}));
  }
}

TEST_F(TableWritingTest, TheTransactionIsOutOfReachWhileAValueIsWrittenInPlace) {
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  EXPECT_TRUE(table->PutReserve(AsBytes("k"), 3, [&](MutableByteView value) {
    EXPECT_TRUE(Fails(Put(*table, "l", "v"), Errc::kTransactionEnded, "written in place"));
    EXPECT_TRUE(Fails(table->Get(AsBytes("k")), Errc::kTransactionEnded));
    EXPECT_TRUE(Fails(txn->SetSavepoint(), Errc::kTransactionEnded));
    EXPECT_TRUE(Fails(txn->OpenTable(family_, "t"), Errc::kTransactionEnded));
    return WriteText(value, "abc");
  }));
  ASSERT_TRUE(Put(*table, "l", "v"));
  EXPECT_TRUE(txn->Commit());
  EXPECT_EQ(InT(), (Texts{{"k", "abc"}, {"l", "v"}}));

  txn = db_->BeginWrite(family_);
  table = txn->OpenTable(family_, "t");
  const auto abort = [&](MutableByteView value) {
    txn->Abort();
    return WriteText(value, "def");
  };
  EXPECT_TRUE(Fails(table->PutReserve(AsBytes("k"), 3, abort), Errc::kTransactionEnded, "aborted"));
  EXPECT_TRUE(db_->BeginWrite(family_)) << "the family is free";

  txn = db_->BeginWrite(family_);
  table = txn->OpenTable(family_, "t");
  const auto throws = [](MutableByteView) -> Status { throw std::runtime_error("test"); };
  EXPECT_THROW(static_cast<void>(table->PutReserve(AsBytes("k"), 3, throws)), std::runtime_error);
  EXPECT_TRUE(Fails(txn->Commit(), Errc::kTransactionEnded));
  EXPECT_EQ(InT(), (Texts{{"k", "abc"}, {"l", "v"}}));
  ExpectWhole();
}

TEST_F(TableWritingTest, BeyondWhatTheLogHoldsItIsWrittenInMemoryOfItsOwn) {
  const std::string large(40'000, 'x');  // the ring has 32 KiB at most
  Change([&](WriteTable& table) {
    ASSERT_TRUE(table.PutReserve(AsBytes("k"), large.size(),
                                 [&](MutableByteView value) { return WriteText(value, large); }));
    ASSERT_TRUE(table.PutReserve(AsBytes("l"), 2, [](MutableByteView) { return Status(); }));
    const auto fail = [](MutableByteView) -> Status { return Fail(Errc::kNotFound, "test"); };
    EXPECT_TRUE(Fails(table.PutReserve(AsBytes("k"), 3, fail), Errc::kNotFound));
  });
  EXPECT_EQ(InT(), (Texts{{"k", large}, {"l", std::string(2, '\0')}}));
  ExpectWhole();
}

TEST_F(TableWritingTest, BoundsAreThoseOfPut) {
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  const auto never = [](MutableByteView) -> Status {
    ADD_FAILURE() << "it was asked for";
    return {};
  };
  EXPECT_TRUE(Fails(table->PutReserve(AsBytes(std::string(129, 'k')), 3, never), Errc::kKeyTooLong));
  EXPECT_TRUE(Fails(table->PutReserve(AsBytes("k"), kValueBytesMax + 1, never), Errc::kValueTooLong));
  EXPECT_TRUE(txn->Commit());
}

}  // namespace
}  // namespace manifolddb
