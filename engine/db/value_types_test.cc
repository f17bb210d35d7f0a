// Values as users have them elsewhere: JSON, what a serializer writes, UUIDs, vectors read where they lie.

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "engine/db/family_fixture.h"
#include "manifolddb/json.h"
#include "manifolddb/typed.h"
#include "manifolddb/uuid.h"

namespace manifolddb {
namespace {

using nlohmann::json;

// Keys in the order of numbers, values as text.
struct Number {
  uint32_t number = 0;
};
struct Order {
  std::string what;
  uint32_t pieces = 0;
  friend bool operator==(const Order&, const Order&) = default;
};

struct Position {
  double north = 0;
  double east = 0;
};
struct Place : Position {
  uint32_t people = 0;
  std::array<uint16_t, 3> codes = {};
  bool known = false;
  std::array<char, 5> unused = {};
};

}  // namespace

template <>
struct KeyCodec<Number> {
  static constexpr std::string_view kName = "Number";
  [[maybe_unused]] static constexpr size_t kBytes = 4;
  static void Encode(const Number& key, EncodedBytes& out) { KeyCodec<uint32_t>::Encode(key.number, out); }
  static std::optional<Number> Decode(ByteView bytes) {
    const auto number = KeyCodec<uint32_t>::Decode(bytes);
    return number ? std::optional(Number{*number}) : std::nullopt;
  }
};
template <>
struct Serializer<Number> {
  static constexpr std::string_view kName = "Number, text";
  static std::string ToBytes(const Number& number) { return std::to_string(number.number); }
  static std::optional<Number> FromBytes(ByteView bytes) {
    return Number{static_cast<uint32_t>(std::stoul(std::string(AsText(bytes))))};
  }
};

// As it lies in memory; of a bool two bytes are values.
template <>
struct RawLayout<Place> {
  static constexpr std::string_view kName = "Place";
  static bool Valid(ByteView bytes) { return bytes[26] <= std::byte{1}; }
};

// In five lines.
template <>
struct Serializer<Order> {
  static constexpr std::string_view kName = "Order, text";
  static std::string ToBytes(const Order& order) {
    if (order.what.empty()) throw std::invalid_argument("an order of nothing");
    return std::to_string(order.pieces) + " " + order.what;
  }
  static std::optional<Order> FromBytes(ByteView bytes) {
    const std::string text(AsText(bytes));
    const size_t space = text.find(' ');
    if (space == std::string::npos || text.find_first_not_of("0123456789") != space) return std::nullopt;
    return Order{text.substr(space + 1), static_cast<uint32_t>(std::stoul(text))};
  }
};

namespace {

constexpr TableDefinition<uint64_t, JsonText> kTexts("texts");
constexpr TableDefinition<uint64_t, JsonCbor> kBinary("binary");
constexpr TableDefinition<Uuid, Order> kOrders("orders");
constexpr TableDefinition<std::string, std::span<const float>> kVectors("vectors");
constexpr TableDefinition<std::string, std::vector<float>> kVectorsCopied("vectors");
constexpr TableDefinition<std::string, Stored<Place>> kPlaces("places");
constexpr TableDefinition<std::string, Place> kPlacesCopied("places");

static_assert(kTexts.types().value == "json" && kBinary.types().value == "json as cbor");
static_assert(kOrders.types().key == "uuid" && kOrders.types().value == "Order, text");

class ValueTypesTest : public FamilyTest {
 protected:
  template <class Definition, class Change>
  void Write(const Definition& definition, Change change) {
    auto txn = db_->BeginWrite(family_);
    auto table = definition.OpenOrCreate(*txn, family_);
    ASSERT_TRUE(table) << table.error().ToString();
    change(*table);
    ASSERT_TRUE(txn->Commit());
  }
  // As bytes, past the types.
  void WriteRaw(std::string_view table, ByteView key, std::string_view value) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn->OpenTable(family_, table, TableTypes::Any())->Put(key, AsBytes(value)));
    ASSERT_TRUE(txn->Commit());
  }
};

template <class Table>
void ExpectDocuments(Table& table) {
  const json order = {{"what", "lamp"}, {"pieces", 2}, {"note", "f\u00fcr\n\"Ada\""}, {"paid", nullptr}};
  ASSERT_TRUE(table.Put(1, order));
  ASSERT_TRUE(table.Put(2, {1, 2.5, -3, {{"deep", {true}}}}));
  EXPECT_EQ(***table.Get(1), order);
  EXPECT_EQ((***table.Get(2))[3]["deep"][0], true);
  ASSERT_TRUE(table.Update(1, [](std::optional<json> now) {
    now->at("pieces") = 3;
    return now;
  }));
  EXPECT_EQ((***table.Get(1))["pieces"], 3);
  const auto made = table.GetOrInsertWith(3, [] { return json{{"made", true}}; });
  EXPECT_TRUE(made->inserted);
  EXPECT_EQ((*made->value)["made"], true);
  EXPECT_EQ(*table.Retain({}, [](const auto& entry) { return entry.value.is_object(); }), 1u);
  EXPECT_EQ(*table.Length(), 2u);
}

TEST_F(ValueTypesTest, DocumentsComeBackFromTextAndFromCbor) {
  Write(kTexts, [](auto& texts) { ExpectDocuments(texts); });
  Write(kBinary, [](auto& binary) { ExpectDocuments(binary); });
  auto snapshot = db_->BeginRead();
  const auto raw = snapshot->OpenTable(family_, "texts", TableTypes::Any());
  EXPECT_EQ((*raw->First())->value.text(),
            "{\"note\":\"f\u00fcr\\n\\\"Ada\\\"\",\"paid\":null,\"pieces\":3,\"what\":\"lamp\"}");
}

TEST_F(ValueTypesTest, WhatIsNoDocumentIsToldNotGuessed) {
  Write(kTexts, [](auto& texts) { ASSERT_TRUE(texts.Put(1, {{"a", 1}})); });
  Write(kBinary, [](auto& binary) { ASSERT_TRUE(binary.Put(1, {{"a", 1}})); });
  const codec::Encoding<KeyCodec<uint64_t>, uint64_t> key(1);
  WriteRaw("texts", key.view(), "{\"a\":1} and more");
  WriteRaw("binary", key.view(), "\xa1\x61");
  auto snapshot = db_->BeginRead();
  const auto text = kTexts.Open(*snapshot, family_)->Get(1);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Errc::kCorrupt);
  EXPECT_EQ(text.error().message(), "a value of table 'texts' is no 'json': 16 bytes");
  EXPECT_EQ(kBinary.Open(*snapshot, family_)->Get(1).error().code(), Errc::kCorrupt);
}

// Keys of each length, so that values begin at each address there is.
TEST_F(ValueTypesTest, StructsAreReadWhereTheyLie) {
  static_assert(sizeof(Place) == 32 && kPlaces.types().value == kPlacesCopied.types().value);
  const auto place = [](size_t number) {
    Place made;
    made.north = 53.5 + static_cast<double>(number);
    made.east = -10;
    made.people = static_cast<uint32_t>(number * 1000);
    made.codes = {1, 2, static_cast<uint16_t>(number)};
    made.known = number % 2 == 0;
    return made;
  };
  Write(kPlaces, [&](auto& places) {
    for (size_t i = 1; i <= 16; ++i) ASSERT_TRUE(places.Put(std::string(i, 'k'), place(i)));
    EXPECT_EQ((***places.Get("kk")).template Get<&Place::people>(), 2000u);
    ASSERT_TRUE(places.Update("kkk", [&](std::optional<Stored<Place>> now) -> std::optional<Place> {
      Place changed = now->value();
      changed.people += 1;
      return changed;
    }));
  });
  Write(kPlaces, [&](auto& places) {
    EXPECT_FALSE(places.GetOrInsertWith("k", [&] { return place(5); })->inserted);
    EXPECT_TRUE(*places.CompareAndSwap("k", place(1), place(1)));
    EXPECT_FALSE(*places.CompareAndSwap("kk", place(1), place(2)));
  });
  auto snapshot = db_->BeginRead();
  const auto places = kPlaces.Open(*snapshot, family_);
  auto entries = places->Entries();
  size_t number = 0;
  for (const auto& entry : *entries) {
    ++number;
    const Stored<Place>& stored = entry->value;
    EXPECT_EQ(stored.Get<&Place::north>(), 53.5 + static_cast<double>(number));
    EXPECT_EQ(stored.Get<&Place::people>(), number * 1000 + (number == 3 ? 1 : 0));
    EXPECT_EQ(stored.Get<&Place::codes>()[2], number);
    EXPECT_EQ(stored.Get<&Place::known>(), number % 2 == 0);
    EXPECT_EQ(stored.value().east, -10);
    EXPECT_EQ(stored.bytes().size(), sizeof(Place));
  }
  EXPECT_EQ(number, 16u);
  EXPECT_EQ((***kPlacesCopied.Open(*snapshot, family_)->Get("k")).people, 1000u);
}

TEST_F(ValueTypesTest, BytesThatAreNoStructAreToldNotRead) {
  Write(kPlaces, [](auto& places) { ASSERT_TRUE(places.Put("k", Place())); });
  for (const std::string& bytes : {std::string(31, '\0'), std::string(32, '\2')}) {
    WriteRaw("places", AsBytes("k"), bytes);
    auto snapshot = db_->BeginRead();
    EXPECT_EQ(kPlaces.Open(*snapshot, family_)->Get("k").error().code(), Errc::kCorrupt);
    EXPECT_EQ(kPlacesCopied.Open(*snapshot, family_)->Get("k").error().code(), Errc::kCorrupt);
  }
}

// The library's reader throws for these although it is told not to.
TEST(Cbor, LengthsThatNoMemoryHasAreNoDocument) {
  for (const unsigned char kind : {0x9b, 0xbb}) {
    const std::array<unsigned char, 9> bytes = {kind, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    EXPECT_FALSE(ValueCodec<JsonCbor>::Decode(std::as_bytes(std::span(bytes))));
  }
}

TEST(Cbor, ABinaryValueKeepsItsSubtype) {
  const nlohmann::json document = {{"picture", nlohmann::json::binary({1, 2, 3}, 42)}};
  EncodedBytes bytes;
  ValueCodec<JsonCbor>::Encode(document, bytes);
  EXPECT_EQ(ValueCodec<JsonCbor>::Decode(bytes.view()), document);
}

TEST_F(ValueTypesTest, APutThatThrowsChangesNothing) {
  Write(kTexts, [](auto& texts) {
    EXPECT_THROW(static_cast<void>(texts.Put(1, "no UTF-8: \xff")), json::type_error);
    ASSERT_TRUE(texts.Put(2, "\u00fc"));
  });
  Write(kOrders, [](auto& orders) {
    EXPECT_THROW(static_cast<void>(orders.Put({}, {})), std::invalid_argument);
    EXPECT_EQ(*orders.Length(), 0u);
  });
  auto snapshot = db_->BeginRead();
  EXPECT_EQ(*kTexts.Open(*snapshot, family_)->Length(), 1u);
}

TEST_F(ValueTypesTest, ASerializerMakesATypeAValue) {
  const Uuid id = *Uuid::Parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
  Write(kOrders, [&](auto& orders) {
    ASSERT_TRUE(orders.Put(id, {"lamp", 2}));
    EXPECT_EQ(***orders.Get(id), (Order{"lamp", 2}));
  });
  WriteRaw("orders", ByteView(id.bytes), "two lamps");
  auto snapshot = db_->BeginRead();
  const auto broken = kOrders.Open(*snapshot, family_)->Get(id);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message(), "a value of table 'orders' is no 'Order, text': 9 bytes");
}

TEST_F(ValueTypesTest, AKeyMayBeStoredOtherwiseAsAValue) {
  constexpr TableDefinition<Number, Number> kNumbers("numbers");
  static_assert(kNumbers.types().key == "Number" && kNumbers.types().value == "Number, text");
  Write(kNumbers, [](auto& numbers) {
    ASSERT_TRUE(numbers.Put({10}, {300}));
    ASSERT_TRUE(numbers.Put({9}, {2}));
  });
  auto snapshot = db_->BeginRead();
  const auto first = snapshot->OpenTable(family_, "numbers", TableTypes::Any())->First();
  EXPECT_EQ((*first)->value.text(), "2");
  EXPECT_EQ((**kNumbers.Open(*snapshot, family_)->Get({10}))->number, 300u);
}

TEST_F(ValueTypesTest, ASpanIsReadWhereItIsStored) {
  std::vector<float> numbers(2000);  // outside the leaves
  std::iota(numbers.begin(), numbers.end(), -1000.0F);
  Write(kVectors, [&](auto& vectors) {
    ASSERT_TRUE(vectors.Put("few", std::span(numbers).first(3)));
    ASSERT_TRUE(vectors.Put("many", numbers));
    ASSERT_TRUE(vectors.Put("none", {}));
  });
  auto snapshot = db_->BeginRead();
  const auto vectors = kVectors.Open(*snapshot, family_);
  const auto many = vectors->Get("many");
  EXPECT_TRUE(std::ranges::equal(***many, numbers));
  EXPECT_EQ((***many)[1999], 999.0F);
  EXPECT_EQ(std::ranges::lower_bound(***many, 0.0F) - (**many)->begin(), 1000);
  EXPECT_EQ((**vectors->Get("few"))->size(), 3u);
  EXPECT_TRUE((**vectors->Get("none"))->empty());
  // The same type as a vector of the same elements.
  EXPECT_EQ(***kVectorsCopied.Open(*snapshot, family_)->Get("many"), numbers);
}

TEST(Uuids, AreReadAndWrittenAsText) {
  const std::string text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  EXPECT_EQ(Uuid::Parse(text)->ToString(), text);
  EXPECT_EQ(Uuid::Parse("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"), Uuid::Parse(text));
  EXPECT_EQ(Uuid{}.ToString(), "00000000-0000-0000-0000-000000000000");
  static_assert(Uuid::Parse("00000000-0000-0000-0000-000000000001")->bytes[15] == std::byte{1});
  for (const char* const wrong :
       {"", "f81d4fae7dec11d0a76500a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "{81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf60",
        "f81d4fae-7dec-11d0a-765-00a0c91e6bf6", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6"}) {
    EXPECT_FALSE(Uuid::Parse(wrong)) << wrong;
  }
}

TEST(Uuids, OfATimeAreInItsOrder) {
  using std::chrono::milliseconds;
  using std::chrono::sys_time;
  std::array<std::byte, 10> ones;
  ones.fill(std::byte{0xff});
  const sys_time<milliseconds> time(milliseconds(0x017f22e279b0));  // RFC 9562, A.6
  const Uuid least = Uuid::OfTime(time, {});
  const Uuid greatest = Uuid::OfTime(time, ones);
  EXPECT_EQ(least.ToString(), "017f22e2-79b0-7000-8000-000000000000");
  EXPECT_EQ(greatest.ToString(), "017f22e2-79b0-7fff-bfff-ffffffffffff");
  EXPECT_LT(least, greatest);
  EXPECT_LT(greatest, Uuid::OfTime(time + milliseconds(1), {}));
  std::array<std::byte, 16> random;
  random.fill(std::byte{0xff});
  EXPECT_EQ(Uuid::OfRandom(random).ToString(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(Uuid::OfRandom({}).ToString(), "00000000-0000-4000-8000-000000000000");
}

}  // namespace
}  // namespace manifolddb
