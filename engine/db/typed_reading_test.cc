// Ranges, scans and the rest of reading over tables with types.

#include <gtest/gtest.h>

#include <chrono>
#include <ranges>
#include <string>
#include <tuple>
#include <vector>

#include "engine/db/family_fixture.h"
#include "manifolddb/database.h"
#include "manifolddb/typed.h"

namespace manifolddb {
namespace {

using Moment = std::tuple<std::string, int32_t>;
constexpr TableDefinition<int32_t, std::string> kNotes("notes");
constexpr TableDefinition<Moment, double> kReadings("readings");
constexpr TableDefinition<std::string, uint32_t> kWords("words");

static_assert(std::ranges::input_range<TypedKeys<int32_t>> && std::ranges::input_range<TypedValues<double>>);
static_assert(std::same_as<std::ranges::range_value_t<TypedKeys<std::string>>, Result<std::string_view>>);
static_assert(!std::convertible_to<EncodedPrefix<std::string>, decltype(TypedRange<Moment>::prefix)>);
static_assert(std::same_as<OwnedKey<std::string>, std::string> && std::same_as<OwnedKey<int32_t>, int32_t>);

class TypedReadingTest : public FamilyTest {
 protected:
  void SetUp() override {
    FamilyTest::SetUp();
    auto txn = db_->BeginWrite(family_);
    auto notes = kNotes.Create(*txn, family_);
    for (const int32_t key : {300, -1, 0, 7, -70'000}) {
      ASSERT_TRUE(notes->Put(key, "note " + std::to_string(key)));
    }
    auto readings = kReadings.Create(*txn, family_);
    for (const char* sensor : {"roof", "roof east", "cellar"}) {
      for (const int32_t second : {-30, 30, 90}) ASSERT_TRUE(readings->Put({sensor, second}, second / 10.0));
    }
    auto words = kWords.Create(*txn, family_);
    for (uint32_t i = 0; i < 500; ++i) ASSERT_TRUE(words->Put("word" + std::to_string(1000 + i), i));
    ASSERT_TRUE(txn->Commit());
  }
  template <class Scan>
  static auto Elements(Result<Scan> scan) {
    std::vector<typename Scan::Element> elements;
    for (const auto& element : *scan) elements.push_back(*element);
    return elements;
  }
};

TEST_F(TypedReadingTest, RangesAreOfTheTypeOfTheKey) {
  auto snapshot = db_->BeginRead();
  auto notes = kNotes.Open(*snapshot, family_);
  EXPECT_EQ(Elements(notes->Keys({.after = -1, .through = 7})), (std::vector<int32_t>{0, 7}));
  EXPECT_EQ(Elements(notes->Keys({.upper = 0}, Direction::kDescending)), (std::vector<int32_t>{-1, -70'000}));
  EXPECT_EQ(*notes->Count({.lower = -1}), 4u);
}

TEST_F(TypedReadingTest, APrefixIsOfTextOrOfTheFirstPartsOfATuple) {
  auto snapshot = db_->BeginRead();
  auto readings = kReadings.Open(*snapshot, family_);
  const auto roof = Elements(readings->Entries({.prefix = PrefixOf<Moment>("roof")}));
  ASSERT_EQ(roof.size(), 3u) << "not of 'roof east'";
  EXPECT_EQ(roof[0].key, Moment("roof", -30));
  EXPECT_EQ(roof[2].value, 9.0);
  EXPECT_EQ(Elements(readings->Values({.after = Moment("roof", -30), .prefix = PrefixOf<Moment>("roof")})),
            (std::vector<double>{3, 9}));
  EXPECT_EQ(*readings->Count({.prefix = PrefixOf<Moment>("roof", 30)}), 1u);
  EXPECT_EQ(*readings->Count({.prefix = PrefixOf<Moment>()}), 9u);
  using Pair = std::pair<std::string, int32_t>;
  EXPECT_EQ(AsText(PrefixOf<Pair>("roof").view()), AsText(PrefixOf<Moment>("roof").view()));
  auto words = kWords.Open(*snapshot, family_);
  EXPECT_EQ(*words->Count({.prefix = PrefixOf<std::string>("word11")}), 100u);
}

TEST_F(TypedReadingTest, ScansGoThroughViews) {
  auto snapshot = db_->BeginRead();
  auto words = kWords.Open(*snapshot, family_);
  auto entries = words->Entries({.prefix = PrefixOf<std::string>("word12")});
  ScanStatus status;
  uint32_t sum = 0;
  const auto even = [](const auto& entry) { return entry.value % 2 == 0; };
  for (const auto& [key, value] :
       entries->UntilError(status) | std::views::filter(even) | std::views::take(3)) {
    EXPECT_EQ(key, "word" + std::to_string(1000 + value));
    sum += value;
  }
  EXPECT_TRUE(status.Take());
  EXPECT_EQ(sum, 200u + 202 + 204);
}

TEST_F(TypedReadingTest, EndsAreReadAndTaken) {
  auto txn = db_->BeginWrite(family_);
  auto notes = kNotes.Open(*txn, family_);
  EXPECT_EQ((*notes->First())->key(), -70'000);
  EXPECT_EQ((*notes->Last())->value(), "note 300");
  auto popped = notes->PopFirst({.after = -1});
  auto last = notes->PopLast();
  EXPECT_FALSE(notes->First({.lower = 1000})->has_value());
  EXPECT_FALSE(notes->PopLast({.lower = 1000})->has_value());
  EXPECT_EQ(*notes->Length(), 3u);
  ASSERT_TRUE(txn->Commit());
  EXPECT_EQ((*popped)->key(), 0);
  EXPECT_EQ((*popped)->value(), "note 0");
  EXPECT_EQ((*last)->key(), 300);
}

TEST_F(TypedReadingTest, ManyKeysAreReadInTheirPlaces) {
  auto snapshot = db_->BeginRead();
  auto notes = kNotes.Open(*snapshot, family_);
  const auto values = notes->GetMany({7, 8, -1});
  ASSERT_TRUE(values);
  EXPECT_EQ(**(*values)[0], "note 7");
  EXPECT_FALSE((*values)[1]);
  EXPECT_EQ(**(*values)[2], "note -1");
  const std::vector<std::string> keys = {"word1499", "word1500", "word1000"};
  const auto numbers = kWords.Open(*snapshot, family_)->GetMany(keys);
  EXPECT_EQ(**(*numbers)[0], 499u);
  EXPECT_FALSE((*numbers)[1]);
  EXPECT_EQ(**(*numbers)[2], 0u);
}

TEST_F(TypedReadingTest, ManyKeysMayBeMadeOnTheWay) {
  auto snapshot = db_->BeginRead();
  auto words = kWords.Open(*snapshot, family_);
  const std::string word = "word that is too long to lie within the object, ";
  const auto made = [&](uint32_t i) {
    return i % 2 == 0 ? "word" + std::to_string(1000 + i) : word + "and odd";
  };
  const auto numbers = words->GetMany(std::views::iota(0u, 100u) | std::views::transform(made));
  ASSERT_TRUE(numbers);
  for (uint32_t i = 0; i < 100; ++i) {
    ASSERT_EQ((*numbers)[i].has_value(), i % 2 == 0) << i;
    if (i % 2 == 0) {
      EXPECT_EQ(**(*numbers)[i], i);
    }
  }
  std::vector<std::string> keys = {"word1001", "none", "word1003"};
  const auto is_word = [](const std::string& key) { return key.starts_with("word"); };
  const auto filtered = words->GetMany(keys | std::views::filter(is_word));
  ASSERT_EQ(filtered->size(), 2u);
  EXPECT_EQ(**(*filtered)[1], 3u);
}

TEST_F(TypedReadingTest, PositionsAreKept) {
  auto snapshot = db_->BeginRead();
  auto notes = kNotes.Open(*snapshot, family_);
  auto cursor = notes->NewCursor();
  ASSERT_TRUE(*cursor->Seek(0));
  auto kept = cursor->KeepValue();
  const std::string position = *cursor->Position();
  auto restored = notes->NewCursor();
  EXPECT_TRUE(*restored->Restore(AsBytes(position)));
  EXPECT_EQ(*restored->key(), 0);
  EXPECT_EQ(**kept, "note 0");
  auto rest = notes->Keys();
  ASSERT_TRUE(rest->StartAfter(position));
  EXPECT_EQ(**rest->begin(), 7);
  EXPECT_FALSE(kWords.Open(*snapshot, family_)->Keys()->StartAfter(position));
}

TEST_F(TypedReadingTest, SplitPointsAreKeysAndAParallelScanSeesAll) {
  auto snapshot = db_->BeginRead();
  auto words = kWords.Open(*snapshot, family_);
  const auto points = words->SplitPoints(4);
  ASSERT_EQ(points->size(), 3u);
  for (const std::string& point : *points) EXPECT_TRUE(words->Get(point)->has_value());
  const auto sample = words->SampleKeys(9, 1, {.prefix = PrefixOf<std::string>("word1")});
  ASSERT_EQ(sample->size(), 9u);
  for (const std::string& key : *sample) EXPECT_TRUE(words->Get(key)->has_value());
  const auto executor = MakeThreadPoolExecutor(2);
  std::vector<uint64_t> sums(8);
  const auto sum = [&](size_t piece, TypedEntries<std::string, uint32_t>& entries) -> Status {
    for (const auto& entry : entries) {
      if (!entry) return std::unexpected<Error>(entry.error());
      sums[piece] += entry->value;
    }
    return {};
  };
  const Status scanned =
      words->ParallelScan(*executor, sums.size(), {.prefix = PrefixOf<std::string>("word1")}, sum);
  ASSERT_TRUE(scanned) << scanned.error().ToString();
  uint64_t total = 0;
  for (const uint64_t each : sums) total += each;
  EXPECT_EQ(total, 499u * 500 / 2);
}

}  // namespace
}  // namespace manifolddb
