// Many values for one key, as a user has them: each pair once, in order, by key and by value; told from
// ordinary tables. (proptest/multimap_model_test.cc has random ones against a model.)

#include "manifolddb/multimap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <utility>

#include "engine/db/family_fixture.h"
#include "manifolddb/typed.h"
#include "manifolddb/uuid.h"

namespace manifolddb {
namespace {

using Tag = std::pair<std::string, uint32_t>;

constexpr MultimapTableDefinition<std::string, uint32_t> kTags("tags");
constexpr MultimapTableDefinition<uint8_t, std::string> kWords("words");
constexpr TableDefinition<std::string, uint32_t> kPlain("tags");
constexpr MultimapTableDefinition<std::string, int32_t> kOtherValues("tags");
constexpr TableDefinition<int32_t, int32_t> kNumbers("numbers");
constexpr MultimapTableDefinition<int32_t, int32_t> kNumbersMistaken("numbers");

static_assert(kTags.types().key == "multimap<string, u32>" && kTags.types().value == "tuple<>");
static_assert(MultimapTableDefinition<Uuid, ByteView>::types().key == "multimap<uuid, bytes>");
static_assert(std::ranges::input_range<MultimapEntries<std::string, uint32_t>>);
static_assert(std::ranges::input_range<MultimapValues<std::string>>);
static_assert(std::ranges::input_range<MultimapKeys<uint8_t, std::string>>);

template <class Loop>
auto ListOf(Result<Loop> loop) {
  using Element = typename Loop::Element;
  EXPECT_TRUE(loop) << loop.error().ToString();
  if constexpr (std::is_same_v<Element, MultimapEntry<std::string, uint32_t>>) {
    std::vector<Tag> all;
    for (const auto& entry : *loop) all.emplace_back(entry->key, entry->value);
    return all;
  } else if constexpr (std::is_same_v<Element, std::string_view>) {
    std::vector<std::string> all;
    for (const auto& element : *loop) all.emplace_back(*element);
    return all;
  } else {
    std::vector<Element> all;
    for (const auto& element : *loop) all.push_back(*element);
    return all;
  }
}

// On pages of 1 KiB: those of 512 bytes have no room for the names of the types.
class MultimapTest : public FamilyTest {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    db_.reset();
    Options options = TinyOptions();
    options.page_size = 1024;
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    family_ = *db_->OpenOrCreateColumnFamily("a");
  }
  template <class Definition, class Change>
  void Write(const Definition& definition, Change change) {
    auto txn = db_->BeginWrite(family_);
    auto table = definition.OpenOrCreate(*txn, family_);
    ASSERT_TRUE(table) << table.error().ToString();
    change(*table);
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  // "red" has 1, 7 and 300, "green" 7, and what is nearly "red" one each.
  void WriteTags() {
    Write(kTags, [](auto& tags) {
      for (const auto& [tag, item] : {Tag("red", 300), Tag("red", 7), Tag("green", 7), Tag("red", 1),
                                      Tag("re", 9), Tag("redd", 9), Tag(std::string("red\0", 4), 8)}) {
        ASSERT_TRUE(*tags.Insert(tag, item));
      }
    });
  }
};

TEST_F(MultimapTest, APairIsThereOnce) {
  Write(kTags, [](auto& tags) {
    EXPECT_TRUE(*tags.Insert("red", 7));
    EXPECT_FALSE(*tags.Insert("red", 7));
    EXPECT_TRUE(*tags.Insert("red", 8));
    EXPECT_EQ(*tags.Length(), 2u);
    EXPECT_TRUE(*tags.Contains("red", 7));
    EXPECT_FALSE(*tags.Contains("red", 9));
    EXPECT_FALSE(*tags.Contains("re", 7));
    EXPECT_TRUE(*tags.Remove("red", 7));
    EXPECT_FALSE(*tags.Remove("red", 7));
    EXPECT_EQ(*tags.Length(), 1u);
  });
  Reopen();
  auto snapshot = db_->BeginRead();
  EXPECT_EQ(ListOf(kTags.Open(*snapshot, family_)->Entries()), std::vector<Tag>{Tag("red", 8)});
}

TEST_F(MultimapTest, AKeyHasItsValuesInOrderAndNoOthers) {
  WriteTags();
  auto snapshot = db_->BeginRead();
  const auto tags = kTags.Open(*snapshot, family_);
  using Items = std::vector<uint32_t>;
  EXPECT_EQ(ListOf(tags->Get("red")), (Items{1, 7, 300}));
  EXPECT_EQ(ListOf(tags->Get("red", {}, Direction::kDescending)), (Items{300, 7, 1}));
  EXPECT_EQ(ListOf(tags->Get("red", {.lower = 7})), (Items{7, 300}));
  EXPECT_EQ(ListOf(tags->Get("red", {.upper = 7})), (Items{1}));
  EXPECT_EQ(ListOf(tags->Get("red", {.after = 1, .through = 7})), (Items{7}));
  EXPECT_EQ(ListOf(tags->Get("blue")), Items{});
  EXPECT_EQ(ListOf(tags->Get("")), Items{});
  EXPECT_EQ(*tags->CountOf("red"), 3u);
  EXPECT_EQ(*tags->CountOf("red", {.after = 7}), 1u);
  EXPECT_EQ(*tags->CountOf(std::string("red\0", 4)), 1u);
  EXPECT_EQ(*tags->CountOf("blue"), 0u);
  EXPECT_EQ(*tags->Length(), 7u);
}

TEST_F(MultimapTest, RangesAreOfKeys) {
  WriteTags();
  auto snapshot = db_->BeginRead();
  const auto tags = kTags.Open(*snapshot, family_);
  const std::string red0("red\0", 4);
  const std::vector<Tag> red = {{"red", 1}, {"red", 7}, {"red", 300}};
  using Names = std::vector<std::string>;
  EXPECT_EQ(ListOf(tags->Keys()), (Names{"green", "re", "red", red0, "redd"}));
  EXPECT_EQ(ListOf(tags->Keys({}, Direction::kDescending)), (Names{"redd", red0, "red", "re", "green"}));
  EXPECT_EQ(ListOf(tags->Entries({.lower = "red", .upper = red0})), red);
  EXPECT_EQ(ListOf(tags->Entries({.after = "re", .through = "red"})), red);
  EXPECT_EQ(ListOf(tags->Keys({.after = "red"})), (Names{red0, "redd"}));
  EXPECT_EQ(ListOf(tags->Keys({.lower = "g", .upper = "s", .after = "green", .through = red0})),
            (Names{"re", "red", red0}));
  EXPECT_EQ(ListOf(tags->Keys({.prefix = PrefixOf<std::string>("red")})), (Names{"red", red0, "redd"}));
  EXPECT_EQ(ListOf(tags->Keys({.prefix = PrefixOf<std::string>(red0)})), (Names{red0}));
  EXPECT_EQ(*tags->Count({.prefix = PrefixOf<std::string>("red")}), 5u);
  EXPECT_EQ(*tags->Count({.upper = "red"}), 2u);
  EXPECT_EQ(*tags->Count(), 7u);
}

// 255 is all ones, so nothing is behind its group; and values may look like the beginning of other groups.
TEST_F(MultimapTest, TheGreatestKeyHasAnEndToo) {
  Write(kWords, [](auto& words) {
    for (const uint8_t key : {uint8_t{0}, uint8_t{254}, uint8_t{255}}) {
      for (const char* const value : {"", "\xff", "\xff\xff", "a"}) ASSERT_TRUE(*words.Insert(key, value));
    }
    ASSERT_TRUE(*words.Insert(1, ""));
  });
  auto snapshot = db_->BeginRead();
  const auto words = kWords.Open(*snapshot, family_);
  EXPECT_EQ(ListOf(words->Get(255)), (std::vector<std::string>{"", "a", "\xff", "\xff\xff"}));
  EXPECT_EQ(ListOf(words->Get(255, {.prefix = PrefixOf<std::string>("\xff")})),
            (std::vector<std::string>{"\xff", "\xff\xff"}));
  EXPECT_EQ(*words->Count({.after = 255}), 0u);
  EXPECT_EQ(*words->Count({.after = 254}), 4u);
  EXPECT_EQ(*words->Count({.through = 255}), 13u);
  EXPECT_EQ(*words->Count({.lower = 254, .after = 255}), 0u);
  EXPECT_EQ(ListOf(words->Keys()), (std::vector<uint8_t>{0, 1, 254, 255}));
  auto cursor = words->NewCursor();
  EXPECT_TRUE(*cursor->SeekForPrev(0));
  EXPECT_EQ(*cursor->key(), 0);
  EXPECT_EQ(*cursor->value(), "\xff\xff");
  EXPECT_TRUE(*cursor->SeekForPrev(255));
  EXPECT_FALSE(*cursor->NextKey());
  EXPECT_FALSE(cursor->valid());
  EXPECT_TRUE(*cursor->PrevKey());
  EXPECT_EQ(*cursor->key(), 255);
}

TEST_F(MultimapTest, ACursorMovesByPairsAndByKeys) {
  WriteTags();
  auto snapshot = db_->BeginRead();
  const auto tags = kTags.Open(*snapshot, family_);
  auto cursor = tags->NewCursor();
  const auto at = [&] { return Tag(*cursor->key(), *cursor->value()); };
  EXPECT_TRUE(*cursor->First());
  EXPECT_EQ(at(), Tag("green", 7));
  EXPECT_TRUE(*cursor->Seek("rea"));
  EXPECT_EQ(at(), Tag("red", 1));
  EXPECT_TRUE(*cursor->NextKey());
  EXPECT_EQ(at(), Tag(std::string("red\0", 4), 8));
  EXPECT_TRUE(*cursor->PrevKey());
  EXPECT_EQ(at(), Tag("red", 300));
  EXPECT_TRUE(*cursor->Prev());
  EXPECT_EQ(at(), Tag("red", 7));
  const std::string position = *cursor->Position();
  EXPECT_TRUE(*cursor->PrevKey());
  EXPECT_EQ(at(), Tag("re", 9));
  EXPECT_TRUE(*cursor->Restore(AsBytes(position)));
  EXPECT_EQ(at(), Tag("red", 7));
  EXPECT_TRUE(*cursor->Seek("red", 8));
  EXPECT_EQ(at(), Tag("red", 300));
  EXPECT_TRUE(*cursor->SeekForPrev("red", 299));
  EXPECT_EQ(at(), Tag("red", 7));
  EXPECT_TRUE(*cursor->SeekForPrev("red"));
  EXPECT_EQ(at(), Tag("red", 300));
  EXPECT_TRUE(*cursor->SeekForPrev("rec"));
  EXPECT_EQ(at(), Tag("re", 9));
  EXPECT_FALSE(*cursor->SeekForPrev("a"));
  EXPECT_TRUE(*cursor->Last());
  EXPECT_EQ(at(), Tag("redd", 9));
  EXPECT_FALSE(*cursor->NextKey());
}

TEST_F(MultimapTest, ALoopOverKeysGoesOnWhereItWas) {
  WriteTags();
  std::string position;
  {
    auto snapshot = db_->BeginRead();
    auto keys = kTags.Open(*snapshot, family_)->Keys();
    auto at = keys->begin();
    EXPECT_EQ(**at, "green");
    ++at;
    ++at;
    EXPECT_EQ(**at, "red");
    position = *keys->Position();
  }
  Write(kTags, [](auto& tags) {
    EXPECT_EQ(*tags.RemoveAll("red"), 3u);
    EXPECT_TRUE(*tags.Insert("red", 2));
  });
  auto snapshot = db_->BeginRead();
  auto keys = kTags.Open(*snapshot, family_)->Keys();
  ASSERT_TRUE(keys->StartAfter(position));
  std::vector<std::string> rest;
  for (const auto& key : *keys) rest.push_back(*key);
  EXPECT_EQ(rest, (std::vector<std::string>{std::string("red\0", 4), "redd"}));
}

TEST_F(MultimapTest, RemovalIsByPairByKeyAndByRange) {
  WriteTags();
  Write(kTags, [](auto& tags) {
    EXPECT_EQ(*tags.RemoveAll("red", {.lower = 2, .upper = 300}), 1u);
    EXPECT_EQ(*tags.CountOf("red"), 2u);
    EXPECT_EQ(*tags.RemoveAll("red"), 2u);
    EXPECT_EQ(*tags.RemoveAll("red"), 0u);
    EXPECT_EQ(*tags.Length(), 4u);
    EXPECT_EQ(*tags.Retain({.lower = "re"}, [](const auto& pair) { return pair.value == 8; }), 2u);
    EXPECT_EQ(*tags.RemoveRange({.through = "green"}), 1u);
    EXPECT_EQ(ListOf(tags.Entries()), (std::vector<Tag>{{std::string("red\0", 4), 8}}));
  });
}

TEST_F(MultimapTest, IsToldFromAnOrdinaryTable) {
  WriteTags();
  Write(kNumbers, [](auto& numbers) { ASSERT_TRUE(numbers.Put(1, 2)); });
  auto txn = db_->BeginWrite(family_);
  const auto plain = kPlain.Open(*txn, family_);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), Errc::kTypeMismatch);
  EXPECT_EQ(plain.error().message(),
            "table 'tags' holds keys 'multimap<string, u32>' and values 'tuple<>', not keys 'string' and "
            "values 'u32'");
  const auto multimap = kNumbersMistaken.OpenOrCreate(*txn, family_);
  ASSERT_FALSE(multimap);
  EXPECT_EQ(multimap.error().message(),
            "table 'numbers' holds keys 'i32' and values 'i32', not keys 'multimap<i32, i32>' and values "
            "'tuple<>'");
  EXPECT_EQ(kOtherValues.Open(*txn, family_).error().code(), Errc::kTypeMismatch);
  EXPECT_EQ(txn->OpenTable(family_, "tags").error().code(), Errc::kTypeMismatch);
  EXPECT_EQ(kTags.Create(*txn, family_).error().code(), Errc::kAlreadyExists);
}

TEST_F(MultimapTest, KeyAndValueTogetherHaveTheLengthOfAKey) {
  const uint64_t bytes = db_->key_bytes_max();
  Write(kWords, [&](auto& words) {
    EXPECT_TRUE(*words.Insert(7, std::string(bytes - 1, 'v')));
    const auto too_long = words.Insert(7, std::string(bytes, 'v'));
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code(), Errc::kKeyTooLong);
    EXPECT_EQ(*words.Length(), 1u);
  });
}

TEST_F(MultimapTest, WhatIsNoPairIsCorrupt) {
  WriteTags();
  auto txn = db_->BeginWrite(family_);
  auto raw = txn->OpenTable(family_, "tags", TableTypes::Any());
  ASSERT_TRUE(raw->Put(AsBytes("red without an end"), {}));
  const auto tags = kTags.Open(*txn, family_);
  std::vector<std::string> told;
  auto entries = tags->Entries({.lower = "red"});
  for (const auto& entry : *entries) told.push_back(entry ? "pair" : entry.error().message());
  EXPECT_EQ(told.size(), 5u);  // an error is the last
  EXPECT_EQ(told.back(), "a key of table 'tags' is no 'multimap<string, u32>': 18 bytes");
  auto keys = tags->Keys({.after = "red"});
  auto key = keys->begin();
  EXPECT_TRUE(*key);
  ++key;
  ASSERT_FALSE(*key);
  EXPECT_EQ((*key).error().code(), Errc::kCorrupt);
  auto cursor = tags->NewCursor();
  EXPECT_TRUE(*cursor->Seek("red", 301));
  EXPECT_TRUE(*cursor->Next());
  EXPECT_EQ(cursor->value().error().code(), Errc::kCorrupt);
  EXPECT_EQ(cursor->NextKey().error().code(), Errc::kCorrupt);
  EXPECT_EQ(cursor->PrevKey().error().code(), Errc::kCorrupt);
}

TEST_F(MultimapTest, BatchesAndLoadsAndParallelScansHaveItsTypes) {
  Write(kTags, [](auto& tags) { ASSERT_TRUE(*tags.Insert("old", 1)); });
  WriteBatch batch;
  auto table = kTags.In(batch, family_);
  ASSERT_TRUE(table.Insert("new", 2));
  ASSERT_TRUE(table.Insert("new", 2));
  ASSERT_TRUE(table.Remove("old", 1));
  ASSERT_TRUE(db_->Apply(batch));
  uint32_t next = 0;
  const auto source = kTags.Source([&]() -> std::optional<Tag> {
    if (next == 500) return std::nullopt;
    const uint32_t item = next++;
    return Tag("loaded " + std::to_string(item % 7), item / 2);
  });
  ASSERT_TRUE(db_->BulkLoad(family_, kTags.name(), source, {.types = kTags.types()}));
  auto snapshot = db_->BeginRead();
  const auto tags = kTags.Open(*snapshot, family_);
  EXPECT_EQ(*tags->CountOf("old"), 0u);
  EXPECT_EQ(*tags->CountOf("new"), 1u);
  EXPECT_EQ(*tags->Length(), 501u);
  const auto executor = MakeThreadPoolExecutor(2);
  std::atomic<uint64_t> seen = 0;
  const auto scan = [&](size_t, MultimapEntries<std::string, uint32_t>& entries) -> Status {
    for (const auto& entry : entries) {
      if (!entry) return std::unexpected(entry.error());
      ++seen;
    }
    return {};
  };
  ASSERT_TRUE(tags->ParallelScan(*executor, 5, {.prefix = PrefixOf<std::string>("loaded")}, scan));
  EXPECT_EQ(seen, 500u);
}

}  // namespace
}  // namespace manifolddb
