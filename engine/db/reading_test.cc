// Reading beyond one key and a cursor: ranges, scans through C++'s views, positions that are kept, many keys
// at once, counts, ends, and several threads over one snapshot.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/db/family_fixture.h"
#include "engine/db/forged_files.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

using Texts = std::vector<std::string>;

static_assert(std::ranges::input_range<EntryScan> && std::ranges::input_range<KeyScan>);
static_assert(std::input_iterator<EntryScan::Iterator> && !std::forward_iterator<EntryScan::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, EntryScan::Iterator>);
static_assert(std::same_as<std::ranges::range_value_t<EntryScan>, Result<Entry>>);
static_assert(std::input_iterator<EntryScan::ElementRange::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, EntryScan::ElementRange::Iterator>);
static_assert(std::same_as<std::ranges::range_value_t<EntryScan::ElementRange>, Entry>);
static_assert(std::ranges::viewable_range<EntryScan&> && std::ranges::viewable_range<EntryScan>);
static_assert(std::movable<EntryScan> && !std::copyable<EntryScan>);

std::string Number(int i) { return std::to_string(1000 + i); }

class ReadingTest : public FamilyTest {
 protected:
  // Value "v" and the key's number; each tenth is large.
  static std::string ValueOf(int i) {
    return "v" + std::to_string(i) + (i % 10 == 0 ? std::string(2000, '.') : "");
  }
  void Fill(int count) {
    Change([count](WriteTable& table) {
      for (int i = 0; i < count; ++i) {
        ASSERT_TRUE(table.Put(AsBytes(Number(i)), AsBytes(ValueOf(i))));
      }
    });
  }
  void Put(const Texts& keys) {
    Change([&](WriteTable& table) {
      for (const std::string& key : keys) ASSERT_TRUE(table.Put(AsBytes(key), AsBytes("=" + key)));
    });
  }
  template <class Function>
  void Change(Function change) {
    auto txn = db_->BeginWrite(family_);
    auto table = txn->OpenOrCreateTable(family_, "t");
    ASSERT_TRUE(table);
    change(*table);
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  // Calls `read` with the table of a snapshot, and with that of a write transaction.
  template <class Function>
  void Read(Function read) {
    {
      auto snapshot = db_->BeginRead();
      read(*snapshot->OpenTable(family_, "t"));
    }
    auto txn = db_->BeginWrite(family_);
    read(*txn->OpenTable(family_, "t"));
  }
  Texts KeysOf(const Range& range, Direction direction = Direction::kAscending) {
    Texts keys;
    auto snapshot = db_->BeginRead();
    auto scan = snapshot->OpenTable(family_, "t")->Keys(range, direction);
    for (const auto& key : *scan) keys.emplace_back(key ? AsText(*key) : "error");
    return keys;
  }
};

TEST_F(ReadingTest, EachConditionOfARangeCountsAndAllOfThemTogether) {
  Put({"a", "ab", "abc", "b", "c", "ca"});
  EXPECT_EQ(KeysOf({}), (Texts{"a", "ab", "abc", "b", "c", "ca"}));
  EXPECT_EQ(KeysOf({.lower = AsBytes("ab"), .upper = AsBytes("c")}), (Texts{"ab", "abc", "b"}));
  EXPECT_EQ(KeysOf({.after = AsBytes("ab")}), (Texts{"abc", "b", "c", "ca"}));
  EXPECT_EQ(KeysOf({.through = AsBytes("ab")}), (Texts{"a", "ab"}));
  EXPECT_EQ(KeysOf({.prefix = AsBytes("ab")}), (Texts{"ab", "abc"}));
  EXPECT_EQ(KeysOf({.after = AsBytes("ab"), .prefix = AsBytes("a")}), (Texts{"abc"}));
  EXPECT_EQ(KeysOf({.lower = AsBytes("b"), .upper = AsBytes("a")}), (Texts{}));
  EXPECT_EQ(KeysOf({.after = AsBytes("a"), .through = AsBytes("b")}, Direction::kDescending),
            (Texts{"b", "abc", "ab"}));
}

TEST_F(ReadingTest, KeysThatEndWithTheLastByteAreInTheirPrefix) {
  Put({"a", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff"});
  EXPECT_EQ(KeysOf({.prefix = AsBytes("a\xff")}), (Texts{"a\xff", "a\xff\xff"}));
  EXPECT_EQ(KeysOf({.prefix = AsBytes("\xff")}), (Texts{"\xff", "\xff\xff"}));
  EXPECT_EQ(KeysOf({.prefix = AsBytes("")}).size(), 6u);
}

TEST_F(ReadingTest, ARangeMayBeDeleted) {
  Put({"a", "ab", "abc", "b", "c"});
  Change([](WriteTable& table) {
    EXPECT_EQ(*table.DeleteRange({.after = AsBytes("a"), .prefix = AsBytes("a")}), 2u);
    EXPECT_EQ(*table.DeleteRange({.through = AsBytes("a")}), 1u);
  });
  storage_ = Files::Of(*storage_).Mount();  // the log says the same
  Open();
  EXPECT_EQ(KeysOf({}), (Texts{"b", "c"}));
}

TEST_F(ReadingTest, AScanGivesEntriesInEitherDirection) {
  Fill(300);
  Read([](const auto& table) {
    auto up = table.Entries({.lower = AsBytes(Number(100))});
    int i = 100;
    for (const auto& entry : *up) {
      ASSERT_TRUE(entry) << entry.error().ToString();
      EXPECT_EQ(AsText(entry->key), Number(i));
      EXPECT_EQ(AsText(entry->value), ValueOf(i++));
    }
    EXPECT_EQ(i, 300);
    auto down = table.Values({.upper = AsBytes(Number(100))}, Direction::kDescending);
    for (const auto& value : *down) EXPECT_EQ(AsText(*value), ValueOf(--i - 200));
    EXPECT_EQ(i, 200);
  });
}

TEST_F(ReadingTest, ViewsOfTheLanguageWorkOnScans) {
  Fill(50);
  Read([](const auto& table) {
    auto entries = table.Entries();
    Texts keys;
    for (const auto& entry : *entries | std::views::drop(5) | std::views::take(2)) {
      keys.emplace_back(AsText(entry->key));
    }
    EXPECT_EQ(keys, (Texts{Number(5), Number(6)}));

    ScanStatus status;
    const auto even = [](const Entry& entry) { return std::to_integer<int>(entry.key.back()) % 2 == 0; };
    const auto text = [](const Entry& entry) { return std::string(AsText(entry.key)); };
    keys.clear();
    for (const std::string& key : entries->UntilError(status) | std::views::drop(10) |
                                      std::views::filter(even) | std::views::transform(text)) {
      keys.push_back(key);
    }
    EXPECT_TRUE(status.Take());
    EXPECT_EQ(keys.size(), 20u);
    EXPECT_EQ(keys.front(), Number(10));
  });
}

TEST_F(ReadingTest, AnAlgorithmOfTheLanguageEndsAtTheSentinel) {
  Fill(50);
  Read([](const auto& table) {
    auto keys = table.Keys();
    const auto found = std::ranges::find_if(*keys, [](const auto& key) { return AsText(*key) == Number(7); });
    ASSERT_NE(found, keys->end());
    EXPECT_EQ(AsText(**found), Number(7));
    EXPECT_EQ(std::ranges::distance(*keys), 50);  // begins anew
  });
}

// ---- Errors -----------------------------------------------------------------------------------------------

class DamagedTest : public ReadingTest {
 protected:
  // Damages the extent of entry 20 on the way back in: found when it is read, and no sooner.
  void SetUp() override {
    ReadingTest::SetUp();
    Fill(40);
    ASSERT_TRUE(db_->Close());
    db_.reset();
    Files files = Files::Of(*storage_);
    const std::string value = "v20....";
    ASSERT_NE(files.data.find(value), std::string::npos);
    for (size_t at = 0; (at = files.data.find(value, at)) != std::string::npos;) files.data[at] = 'w';
    storage_ = files.Mount();
    Open();
  }
};

TEST_F(DamagedTest, AnErrorAmidALoopIsItsLastElement) {
  Read([](const auto& table) {
    auto entries = table.Entries();
    int good = 0;
    Errc code{};
    for (const auto& entry : *entries) {
      ASSERT_EQ(code, Errc{}) << "the error is the last";
      entry ? void(++good) : void(code = entry.error().code());
    }
    EXPECT_EQ(good, 20);
    EXPECT_EQ(code, Errc::kCorrupt);
  });
}

TEST_F(DamagedTest, KeysDoNotReadValues) { EXPECT_EQ(KeysOf({}).size(), 40u); }

TEST_F(DamagedTest, APipelineTellsItsStatus) {
  Read([](const auto& table) {
    auto entries = table.Entries();
    ScanStatus status;
    const auto none = [](const Entry&) { return false; };  // what would swallow an error element
    for ([[maybe_unused]] const Entry& entry : entries->UntilError(status) | std::views::filter(none)) FAIL();
    const Status taken = status.Take();
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Errc::kCorrupt);
    EXPECT_TRUE(status.Take()) << "once told, it is told";
  });
}

TEST_F(DamagedTest, AStatusOfSeveralScansKeepsTheFirstError) {
  Read([](const auto& table) {
    auto entries = table.Entries();
    auto keys = table.Keys();
    ScanStatus status;
    for ([[maybe_unused]] const Entry& entry : entries->UntilError(status)) {
    }
    for ([[maybe_unused]] const ByteView key : keys->UntilError(status)) {
    }
    const Status taken = status.Take();
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Errc::kCorrupt);
  });
}

TEST_F(DamagedTest, APositionBehindAnErrorIsThatOfTheLastElementBeforeIt) {
  Read([](const auto& table) {
    for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
      auto entries = table.Entries({}, direction);
      for ([[maybe_unused]] const auto& entry : *entries) {
      }
      auto rest = table.Keys({}, direction);
      ASSERT_TRUE(rest->StartAfter(*entries->Position()));
      EXPECT_EQ(AsText(**rest->begin()), Number(20)) << "it is not skipped";
      // Also if it is the first of all.
      auto first = table.Entries({.lower = AsBytes(Number(20)), .through = AsBytes(Number(20))}, direction);
      EXPECT_FALSE(*first->begin());
      EXPECT_EQ(*first->Position(), "");
    }
  });
}

TEST_F(ReadingTest, AScanStatusThatNobodyAsksEndsTheProcess) {
  Fill(3);
  auto snapshot = db_->BeginRead();
  auto entries = snapshot->OpenTable(family_, "t")->Entries();
  const auto forgotten = [&] {
    ScanStatus status;
    for ([[maybe_unused]] const Entry& entry : entries->UntilError(status)) {
    }
  };
  EXPECT_DEATH(forgotten(), "asked_how_the_scan_ended");
  ScanStatus left;  // before its end: nothing to ask for
  for ([[maybe_unused]] const Entry& entry : entries->UntilError(left) | std::views::take(2)) {
  }
}

// ---- Positions --------------------------------------------------------------------------------------------

TEST_F(ReadingTest, PagesOfAListFollowEachOtherAcrossOpenings) {
  Fill(25);
  for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
    Texts keys;
    std::string position;
    for (size_t pages = 0; keys.size() == 10 * pages; ++pages) {
      {
        auto snapshot = db_->BeginRead();
        auto scan = snapshot->OpenTable(family_, "t")->Keys({}, direction);
        ASSERT_TRUE(scan->StartAfter(position));
        for (const auto& key : *scan | std::views::take(10)) keys.emplace_back(AsText(*key));
        position = *scan->Position();
      }
      Open();
    }
    if (direction == Direction::kDescending) std::ranges::reverse(keys);
    ASSERT_EQ(keys.size(), 25u);
    for (int i = 0; i < 25; ++i) EXPECT_EQ(keys[static_cast<size_t>(i)], Number(i));
  }
}

TEST_F(ReadingTest, APositionAtTheEndOfAScanFindsWhatCameBehindIt) {
  Put({"a", "b"});
  std::string position;
  const auto read_on = [&] {
    auto snapshot = db_->BeginRead();
    auto scan = snapshot->OpenTable(family_, "t")->Keys({.prefix = AsBytes("")});
    EXPECT_TRUE(scan->StartAfter(position));
    Texts keys;
    for (const auto& key : *scan) keys.emplace_back(AsText(*key));
    position = *scan->Position();
    return keys;
  };
  EXPECT_EQ(read_on(), (Texts{"a", "b"}));
  EXPECT_EQ(read_on(), (Texts{}));
  Put({"aa", "c"});
  EXPECT_EQ(read_on(), (Texts{"c"}));
  Change([](WriteTable& table) { ASSERT_TRUE(table.DeleteRange({})); });
  EXPECT_EQ(read_on(), (Texts{}));
  Put({"b", "d"});
  EXPECT_EQ(read_on(), (Texts{"d"}));
}

TEST_F(ReadingTest, APlaceIsKeptWhenItsEntryIsGone) {
  Put({"a", "c", "e"});
  std::string position;
  {
    auto snapshot = db_->BeginRead();
    auto cursor = snapshot->OpenTable(family_, "t")->NewCursor();
    EXPECT_FALSE(cursor->Position()) << "on no entry yet";
    ASSERT_TRUE(*cursor->Seek(AsBytes("c")));
    position = *cursor->Position();
    while (*cursor->Next()) {
    }
    EXPECT_NE(*cursor->Position(), position) << "of the last one";
  }
  Read([&](const auto& table) {
    auto cursor = table.NewCursor();
    EXPECT_TRUE(*cursor->Restore(AsBytes(position)));
    EXPECT_EQ(AsText(*cursor->value()), "=c");
  });
  Change([](WriteTable& table) { EXPECT_TRUE(*table.Delete(AsBytes("c"))); });
  Read([&](const auto& table) {
    auto cursor = table.NewCursor();
    EXPECT_FALSE(*cursor->Restore(AsBytes(position)));
    EXPECT_EQ(cursor->value().error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(*cursor->Position(), position);
    EXPECT_TRUE(*cursor->Next());
    EXPECT_EQ(AsText(cursor->key()), "e");
    EXPECT_FALSE(*cursor->Restore(AsBytes(position)));
    EXPECT_TRUE(*cursor->Prev());
    EXPECT_EQ(AsText(cursor->key()), "a");
    auto below = table.NewCursor({.upper = AsBytes("b")});
    EXPECT_FALSE(*below->Restore(AsBytes(position)));
    EXPECT_FALSE(*below->Next());
    EXPECT_TRUE(*below->Prev());
    auto above = table.NewCursor({.lower = AsBytes("d")});
    EXPECT_FALSE(*above->Restore(AsBytes(position)));
    EXPECT_TRUE(*above->Next());
  });
}

TEST_F(ReadingTest, APositionOfAnotherTableIsRefused) {
  Put({"a"});
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  auto other = txn->CreateTable(family_, "u");
  ASSERT_TRUE(other->Put(AsBytes("a"), AsBytes("")));
  auto cursor = table->NewCursor();
  ASSERT_TRUE(*cursor->First());
  const std::string position = *cursor->Position();
  auto elsewhere = other->NewCursor();
  ASSERT_TRUE(*elsewhere->First());
  const auto restored = elsewhere->Restore(AsBytes(position));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), Errc::kInvalidArgument);
  EXPECT_TRUE(elsewhere->valid()) << "it stays where it is";
  EXPECT_FALSE(other->Entries()->StartAfter(position));
  // The table stays the same under another name.
  ASSERT_TRUE(txn->RenameTable(family_, "t", "s"));
  EXPECT_TRUE(*txn->OpenTable(family_, "s")->NewCursor()->Restore(AsBytes(position)));
}

// ---- Ends, many, counts -----------------------------------------------------------------------------------

TEST_F(ReadingTest, TheEndsOfARangeAreRead) {
  Fill(30);
  Read([](const auto& table) {
    EXPECT_EQ((*table.First())->key.text(), Number(0));
    EXPECT_EQ((*table.Last())->value.text(), ValueOf(29));
    EXPECT_EQ((*table.First({.after = AsBytes(Number(9))}))->value.text(), ValueOf(10));
    EXPECT_EQ((*table.Last({.upper = AsBytes(Number(9))}))->key.text(), Number(8));
    EXPECT_FALSE(*table.First({.prefix = AsBytes("x")}));
    EXPECT_FALSE(*table.Last({.upper = AsBytes("0")}));
  });
}

TEST_F(ReadingTest, PoppingTakesWhatItGives) {
  Fill(30);
  std::vector<KeptEntry> kept;
  Change([&](WriteTable& table) {
    kept.push_back(std::move(**table.PopFirst()));
    kept.push_back(std::move(**table.PopFirst()));
    kept.push_back(std::move(**table.PopLast()));
    kept.push_back(std::move(**table.PopLast({.through = AsBytes(Number(20))})));
    EXPECT_FALSE(*table.PopFirst({.prefix = AsBytes("x")}));
    EXPECT_EQ(*table.Length(), 26u);
    EXPECT_EQ(*table.DeleteRange({}), 26u);
    EXPECT_FALSE(*table.PopLast());
  });
  const std::vector<int> expected = {0, 1, 29, 20};
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].key.text(), Number(expected[i]));
    EXPECT_EQ(kept[i].value.text(), ValueOf(expected[i]));
  }
}

TEST_F(ReadingTest, ManyKeysAreReadInTheirPlaces) {
  Fill(200);
  const std::vector<std::string> texts = {Number(150), "x", Number(10), Number(10), "", Number(199)};
  std::vector<ByteView> keys;
  for (const std::string& text : texts) keys.push_back(AsBytes(text));
  std::vector<std::string> all;
  for (int i = 0; i < 400; ++i) all.push_back(Number(i * 7 % 400));
  std::vector<ByteView> all_keys;
  for (const std::string& text : all) all_keys.push_back(AsBytes(text));
  std::vector<std::optional<Value>> kept;
  Read([&](const auto& table) {
    auto values = table.GetMany(keys);
    ASSERT_TRUE(values) << values.error().ToString();
    ASSERT_EQ(values->size(), 6u);
    EXPECT_EQ((*values)[0]->text(), ValueOf(150));
    EXPECT_FALSE((*values)[1]);
    EXPECT_EQ((*values)[2]->text(), ValueOf(10));
    EXPECT_EQ((*values)[3]->text(), ValueOf(10));
    EXPECT_FALSE((*values)[4]);
    EXPECT_EQ((*values)[5]->text(), ValueOf(199));
    EXPECT_TRUE(table.GetMany({})->empty());
    kept = std::move(*table.GetMany(all_keys));
  });
  for (size_t i = 0; i < all.size(); ++i) {
    const int number = static_cast<int>(i) * 7 % 400;
    ASSERT_EQ(kept[i].has_value(), number < 200);
    if (!kept[i]) continue;
    EXPECT_EQ(kept[i]->text(), ValueOf(number)) << "also after the transaction";
  }
}

TEST_F(ReadingTest, ValuesOfAWritersOwnPagesAreKeptAsTheyWere) {
  Change([](WriteTable& table) {
    ASSERT_TRUE(table.Put(AsBytes("k"), AsBytes("before")));
    auto cursor = table.NewCursor();
    ASSERT_TRUE(*cursor->First());
    auto kept = cursor->KeepValue();
    const ByteView key = AsBytes("k");
    auto many = table.GetMany(std::span(&key, 1));
    ASSERT_TRUE(table.Put(AsBytes("k"), AsBytes("behind")));
    EXPECT_EQ(kept->text(), "before");
    EXPECT_EQ((*many)[0]->text(), "before");
    EXPECT_EQ(cursor->KeepValue()->text(), "behind");
  });
}

TEST_F(ReadingTest, CountsAreExact) {
  Fill(300);
  Read([](const auto& table) {
    EXPECT_EQ(*table.Count(), 300u);
    EXPECT_EQ(*table.Count({.lower = AsBytes(Number(10)), .upper = AsBytes(Number(20))}), 10u);
    EXPECT_EQ(*table.Count({.after = AsBytes(Number(10)), .through = AsBytes(Number(290))}), 280u);
    EXPECT_EQ(*table.Count({.prefix = AsBytes("11")}), 100u);
    EXPECT_EQ(*table.Count({.lower = AsBytes("x")}), 0u);
  });
}

TEST_F(ReadingTest, SplitPointsAreKeysAndNoPieceIsEmpty) {
  Fill(300);
  Read([](const auto& table) {
    for (const size_t pieces : {1, 2, 5, 50, 4096}) {
      const auto points = table.SplitPoints(pieces, {.prefix = AsBytes("11")});
      ASSERT_TRUE(points);
      EXPECT_LT(points->size(), pieces);
      EXPECT_EQ(points->empty(), pieces == 1);
      for (size_t i = 0; i <= points->size(); ++i) {
        Range piece{.prefix = AsBytes("11")};
        if (i > 0) piece.lower = AsBytes((*points)[i - 1]);
        if (i < points->size()) piece.upper = AsBytes((*points)[i]);
        EXPECT_GT(*table.Count(piece), 0u);
        if (i > 0) {
          EXPECT_TRUE(*table.Get(AsBytes((*points)[i - 1])));
        }
      }
    }
    EXPECT_EQ(table.SplitPoints(0).error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(table.SplitPoints(kPiecesMax + 1).error().code(), Errc::kInvalidArgument);
    EXPECT_TRUE(table.SplitPoints(9, {.prefix = AsBytes("x")})->empty());
  });
}

TEST_F(ReadingTest, SamplesAreKeysOfTheRange) {
  Fill(300);
  Read([](const auto& table) {
    const Range range{.prefix = AsBytes("11")};
    for (const size_t count : {0, 1, 7, 99, 100, 101}) {
      const auto keys = table.SampleKeys(count, 5, range);
      ASSERT_TRUE(keys);
      EXPECT_EQ(keys->size(), std::min<size_t>(count, 100));
      EXPECT_TRUE(std::is_sorted(keys->begin(), keys->end()));
      for (const std::string& key : *keys) {
        EXPECT_EQ(key.substr(0, 2), "11");
        EXPECT_TRUE(*table.Get(AsBytes(key)));
      }
      EXPECT_EQ(*table.SampleKeys(count, 5, range), *keys);
    }
    EXPECT_EQ(table.SampleKeys(kSampleMax + 1, 5).error().code(), Errc::kInvalidArgument);
    EXPECT_TRUE(table.SampleKeys(9, 5, {.prefix = AsBytes("x")})->empty());
  });
}

TEST_F(ReadingTest, AfterTheTransactionReadsAreRefused) {
  Fill(3);
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  auto entries = table->Entries();
  txn->Abort();
  EXPECT_EQ((*entries->begin()).error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->Entries().error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->Count().error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->First().error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->PopLast().error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->GetMany({}).error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->SplitPoints(2).error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(table->SampleKeys(2, 1).error().code(), Errc::kTransactionEnded);
}

// A loop may delete what it is at: it goes on from its place.
TEST_F(ReadingTest, AScanOfAWriterGoesOnWhenItsEntryIsDeleted) {
  Fill(100);
  Change([](WriteTable& table) {
    auto keys = table.Keys();
    int deleted = 0;
    for (const auto& key : *keys) {
      ASSERT_TRUE(key);
      deleted += *table.Delete(*key) ? 1 : 0;
    }
    EXPECT_EQ(deleted, 100);
    EXPECT_EQ(*table.Length(), 0u);
    EXPECT_FALSE(keys->Position()->empty()) << "behind the last one all the same";
  });
}

// ---- Several threads --------------------------------------------------------------------------------------

TEST_F(ReadingTest, AParallelScanSeesEachEntryOfTheSnapshotOnce) {
  Fill(300);
  auto snapshot = db_->BeginRead();
  Change([](WriteTable& table) { ASSERT_TRUE(table.DeleteRange({})); });
  const auto table = snapshot->OpenTable(family_, "t");
  for (const auto& executor : {MakeThreadPoolExecutor(4), MakeThreadExecutor(), MakeInlineExecutor()}) {
    std::vector<Texts> keys(16);
    const Status scanned = table->ParallelScan(*executor, keys.size(), {.prefix = AsBytes("1")},
                                               [&](size_t piece, EntryScan& entries) -> Status {
                                                 for (const auto& entry : entries) {
                                                   if (!entry) return std::unexpected<Error>(entry.error());
                                                   keys[piece].emplace_back(AsText(entry->key));
                                                 }
                                                 return {};
                                               });
    ASSERT_TRUE(scanned) << scanned.error().ToString();
    Texts all;
    for (const Texts& piece : keys) all.insert(all.end(), piece.begin(), piece.end());
    ASSERT_EQ(all.size(), 300u);
    EXPECT_TRUE(std::ranges::is_sorted(all));
  }
}

TEST_F(ReadingTest, AParallelScanReturnsTheErrorOfItsFirstPieceThatFailed) {
  Fill(300);
  auto snapshot = db_->BeginRead();
  const auto table = snapshot->OpenTable(family_, "t");
  const auto executor = MakeThreadPoolExecutor(3);
  std::atomic<int> ran = 0;
  std::latch both(2);
  const Status scanned = table->ParallelScan(*executor, 16, {}, [&](size_t piece, EntryScan&) -> Status {
    ++ran;
    if (piece < 2) both.arrive_and_wait();
    return Fail(Errc::kBusy, "test", {.message = "piece " + std::to_string(piece)});
  });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().message(), "piece 0");
  EXPECT_LE(ran, 4) << "no piece is begun behind an error";
  EXPECT_EQ(table->ParallelScan(*executor, 0, {}, nullptr).error().code(), Errc::kInvalidArgument);
}

TEST_F(ReadingTest, PiecesOfAParallelScanRunSideBySide) {
  Fill(300);
  auto snapshot = db_->BeginRead();
  const auto table = snapshot->OpenTable(family_, "t");
  for (const auto& executor : {MakeThreadPoolExecutor(4), MakeThreadExecutor()}) {
    std::latch both(2);  // on one thread the first would wait for ever
    std::atomic<int> entries_seen = 0;
    const Status scanned = table->ParallelScan(*executor, 2, {}, [&](size_t, EntryScan& entries) -> Status {
      both.arrive_and_wait();
      for ([[maybe_unused]] const auto& entry : entries) ++entries_seen;
      return {};
    });
    ASSERT_TRUE(scanned) << scanned.error().ToString();
    EXPECT_EQ(entries_seen, 300);
  }
}

TEST_F(ReadingTest, ACursorKeptFromAParallelScanIsOneOfItsTransaction) {
  Fill(300);
  std::optional<Cursor> kept;
  {
    auto snapshot = db_->BeginRead();
    const auto table = snapshot->OpenTable(family_, "t");
    const auto executor = MakeInlineExecutor();
    ASSERT_TRUE(table->ParallelCursors(*executor, 4, {}, [&](size_t piece, Cursor& cursor) -> Status {
      if (piece == 1) kept.emplace(std::move(cursor));
      return {};
    }));
    ASSERT_TRUE(*kept->First());
    EXPECT_GT(AsText(kept->key()), Number(0));
  }
  EXPECT_EQ(db_->Close().error().code(), Errc::kBusy);
  kept.reset();
  EXPECT_TRUE(db_->Close());
}

TEST_F(ReadingTest, APieceThatThrowsHasFailedThoughItsExecutorSwallows) {
  class Swallowing : public Executor {
   public:
    void Submit(std::function<void()> work) override {
      try {
        work();
      } catch (const std::runtime_error&) {
      }
    }
  } swallowing;
  Fill(300);
  auto snapshot = db_->BeginRead();
  const auto table = snapshot->OpenTable(family_, "t");
  const auto scan = [](size_t piece, EntryScan&) -> Status {
    if (piece == 2) throw std::runtime_error("of the caller's");
    return {};
  };
  const Status scanned = table->ParallelScan(swallowing, 4, {}, scan);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(scanned.error().message(), "the scan of piece 2 left by an exception");
  EXPECT_THROW(static_cast<void>(table->ParallelScan(*MakeInlineExecutor(), 4, {}, scan)),
               std::runtime_error);
}

// An executor that never gets to it, or whose own work scans, holds nobody up.
TEST_F(ReadingTest, AParallelScanNeedsNobodyButItsCaller) {
  class Never : public Executor {
   public:
    void Submit(std::function<void()> work) override { later.push_back(std::move(work)); }
    std::vector<std::function<void()>> later;
  } never;
  Fill(300);
  std::atomic<int> entries_seen = 0;
  const auto count = [&](size_t, EntryScan& entries) -> Status {
    for ([[maybe_unused]] const auto& entry : entries) ++entries_seen;
    return {};
  };
  {
    auto snapshot = db_->BeginRead();
    ASSERT_TRUE(snapshot->OpenTable(family_, "t")->ParallelScan(never, 8, {}, count));
    EXPECT_EQ(entries_seen, 300);
    const auto one = MakeThreadExecutor();
    std::atomic<bool> scanned = false;
    std::latch done(1);
    one->Submit([&] {
      scanned = snapshot->OpenTable(family_, "t")->ParallelScan(*one, 8, {}, count).has_value();
      done.count_down();
    });
    done.wait();
    EXPECT_TRUE(scanned);
    EXPECT_EQ(entries_seen, 600);
  }
  ASSERT_TRUE(db_->Close());
  for (const auto& work : never.later) work();  // finds nothing to do
  EXPECT_EQ(entries_seen, 600);
}

}  // namespace
}  // namespace manifolddb
