// Tables with types, as a user has them: what is written comes back as what it was, in its order; views live
// as long as their guards; what is stored and is no such type is told. (proptest/key_codec_test.cc has the
// encodings.)

#include "manifolddb/typed.h"

#include <gtest/gtest.h>

#include <functional>
#include <ranges>

#include "engine/db/family_fixture.h"
#include "engine/db/forged_files.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

struct Pixel {
  uint8_t red = 0;
  uint8_t green = 0;
  uint16_t depth = 0;
};
// Wherever it is used: letters count, their case does not.
struct Nickname {
  std::string text;
};
struct Unknown {};

}  // namespace

template <>
struct RawLayout<Pixel> {
  static constexpr std::string_view kName = "Pixel";
};
template <>
struct KeyCodec<Nickname> {
  static constexpr std::string_view kName = "Nickname";
  static void Encode(const Nickname& key, EncodedBytes& out) {
    for (const char c : key.text) out.Append(static_cast<uint8_t>(c >= 'A' && c <= 'Z' ? c + 32 : c));
  }
  static std::optional<Nickname> Decode(ByteView bytes) {
    for (const char c : AsText(bytes)) {
      if (c >= 'A' && c <= 'Z') return std::nullopt;
    }
    return Nickname{std::string(AsText(bytes))};
  }
};

namespace {

constexpr TableDefinition<int32_t, std::string> kNotes("notes");
constexpr TableDefinition<int32_t, double> kNotesMistaken("notes");
constexpr TableDefinition<std::string, std::vector<uint32_t>> kIndex("index");
constexpr TableDefinition<std::string_view, Pixel> kPixels("pixels");
constexpr TableDefinition<std::tuple<std::string, int64_t>, bool> kPairs("pairs");
constexpr TableDefinition<ByteView, std::vector<std::byte>> kBytes("bytes");
constexpr TableDefinition<Nickname, uint8_t> kNicknames("nicknames");

static_assert(kPairs.types().key == "tuple<string, i64>" && kPairs.types().value == "bool");
static_assert(kIndex.types().value == "vector<u32>");
static_assert(kBytes.types().key.empty() && kBytes.types().value.empty());
static_assert(KeyCodec<std::chrono::sys_time<std::chrono::seconds>>::kName == "time<i64, 1/1>");
static_assert(KeyCodec<std::tuple<ByteView, std::optional<float>>>::kName == "tuple<bytes, optional<f32>>");
static_assert(std::ranges::input_range<TypedEntries<int32_t, std::string>>);

// What has no codec is no key, no value, and no part of one.
static_assert(!KeyType<Unknown> && !ValueType<Unknown>);
static_assert(!KeyType<std::tuple<int, Unknown>> && !KeyType<std::optional<Unknown>>);
static_assert(!KeyType<Pixel> && ValueType<Pixel>);  // raw bytes have no order that means something
static_assert(!KeyType<std::vector<uint32_t>> && !ValueType<std::vector<std::string>>);
static_assert(!KeyType<char> && !KeyType<wchar_t> && !KeyType<int*> && !KeyType<long double>);

class TypedTest : public FamilyTest {
 protected:
  template <class Definition, class Change>
  void Write(const Definition& definition, Change change) {
    auto txn = db_->BeginWrite(family_);
    auto table = definition.OpenOrCreate(*txn, family_);
    ASSERT_TRUE(table) << table.error().ToString();
    change(*table);
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  void WriteNotes() {
    Write(kNotes, [](auto& notes) {
      for (const int32_t key : {300, -1, 0, 7, -70'000}) {
        ASSERT_TRUE(notes.Put(key, "note " + std::to_string(key)));
      }
    });
  }
  // Keys in the order of a loop over the range.
  std::vector<int32_t> NoteKeys(const TypedRange<int32_t>& range = {}) {
    std::vector<int32_t> keys;
    auto snapshot = db_->BeginRead();
    auto notes = kNotes.Open(*snapshot, family_);
    auto entries = notes->Entries(range);
    for (const auto& entry : *entries) {
      EXPECT_TRUE(entry) << entry.error().ToString();
      EXPECT_EQ(entry->value, "note " + std::to_string(entry->key));
      keys.push_back(entry->key);
    }
    return keys;
  }

  void ExpectNotesOnly() {
    auto snapshot = db_->BeginRead();
    auto txn = db_->BeginWrite(family_);
    const std::string both =
        "table 'notes' holds keys 'i32' and values 'string', not keys 'i32' and values 'f64'";
    const auto read = kNotesMistaken.Open(*snapshot, family_);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Errc::kTypeMismatch);
    EXPECT_EQ(read.error().message(), both);
    EXPECT_EQ(kNotesMistaken.Open(*txn, family_).error().message(), both);
    EXPECT_EQ(kNotesMistaken.OpenOrCreate(*txn, family_).error().message(), both);
    EXPECT_EQ(kNotes.Create(*txn, family_).error().code(), Errc::kAlreadyExists);
    EXPECT_EQ(kPairs.Open(*txn, family_).error().code(), Errc::kNoSuchTable);
  }
};

TEST_F(TypedTest, EntriesAreInTheOrderOfTheirKeys) {
  WriteNotes();
  EXPECT_EQ(NoteKeys(), (std::vector<int32_t>{-70'000, -1, 0, 7, 300}));
  EXPECT_EQ(NoteKeys({.lower = -1, .upper = 300}), (std::vector<int32_t>{-1, 0, 7}));
  EXPECT_EQ(NoteKeys({.lower = 301}), std::vector<int32_t>{});
  Write(kNotes, [](auto& notes) {
    EXPECT_EQ(*notes.Length(), 5u);
    EXPECT_TRUE(*notes.Delete(7));
    EXPECT_FALSE(*notes.Delete(8));
    EXPECT_EQ(*notes.DeleteRange({.upper = 0}), 2u);
    EXPECT_EQ(*notes.Length(), 2u);
    EXPECT_EQ(***notes.Get(300), "note 300");
    EXPECT_FALSE(notes.Get(7)->has_value());
  });
  EXPECT_EQ(NoteKeys(), (std::vector<int32_t>{0, 300}));
}

TEST_F(TypedTest, ACursorMovesByTypedKeys) {
  WriteNotes();
  auto snapshot = db_->BeginRead();
  auto cursor = kNotes.Open(*snapshot, family_)->NewCursor({.lower = -1});
  ASSERT_TRUE(cursor);
  EXPECT_TRUE(*cursor->Seek(1));
  EXPECT_EQ(*cursor->key(), 7);
  EXPECT_EQ(*cursor->value(), "note 7");
  EXPECT_TRUE(*cursor->SeekForPrev(6));
  EXPECT_EQ(*cursor->key(), 0);
  EXPECT_TRUE(*cursor->Prev());
  EXPECT_EQ(*cursor->key(), -1);
  EXPECT_FALSE(*cursor->Prev());
  EXPECT_FALSE(cursor->valid());
  EXPECT_TRUE(*cursor->Last());
  EXPECT_EQ(*cursor->key(), 300);
  EXPECT_TRUE(*cursor->First());
  EXPECT_TRUE(*cursor->Next());
  EXPECT_EQ(*cursor->key(), 0);
}

TEST_F(TypedTest, EachKindOfKeyAndValueComesBack) {
  const std::string large(3000, 'v');
  Write(kIndex, [](auto& index) {
    ASSERT_TRUE(index.Put("three", {1, 2, 0xffffffff}));
    ASSERT_TRUE(index.Put("none", {}));
    EXPECT_EQ(***index.Get("three"), (std::vector<uint32_t>{1, 2, 0xffffffff}));
    EXPECT_TRUE((**index.Get("none"))->empty());
  });
  Write(kPixels, [](auto& pixels) {
    ASSERT_TRUE(pixels.Put("corner", {.red = 1, .green = 2, .depth = 0x0304}));
    EXPECT_EQ((**pixels.Get("corner"))->depth, 0x0304);
  });
  Write(kBytes, [&](auto& bytes) {
    ASSERT_TRUE(bytes.Put(AsBytes("k"), AsBytes(large)));
    EXPECT_EQ(AsText(***bytes.Get(AsBytes("k"))), large);
  });
  Write(kNicknames, [](auto& nicknames) {
    ASSERT_TRUE(nicknames.Put({"Ada"}, 7));
    EXPECT_EQ(***nicknames.Get({"ADA"}), 7);
  });
  Write(kPairs, [](auto& pairs) {
    ASSERT_TRUE(pairs.Put({"b", -1}, true));
    ASSERT_TRUE(pairs.Put({"b", -2}, false));
    ASSERT_TRUE(pairs.Put({"a", 5}, true));
    auto cursor = pairs.NewCursor();
    EXPECT_TRUE(*cursor->Seek({"b", std::numeric_limits<int64_t>::min()}));
    EXPECT_EQ(*cursor->key(), (std::tuple<std::string, int64_t>("b", -2)));
    EXPECT_FALSE(*cursor->value());
  });
}

TEST_F(TypedTest, AViewLivesAsLongAsItsGuard) {
  WriteNotes();
  const std::string large(3000, 'v');
  Write(kNotes, [&](auto& notes) { ASSERT_TRUE(notes.Put(1, large)); });
  std::vector<TypedValue<std::string>> kept;
  {
    auto snapshot = db_->BeginRead();
    auto notes = kNotes.Open(*snapshot, family_);
    kept.push_back(std::move(**notes->Get(7)));
    kept.push_back(std::move(**notes->Get(1)));
  }
  Write(kNotes, [](auto& notes) { EXPECT_EQ(*notes.DeleteRange({}), 6u); });
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_EQ(*kept[0], "note 7");
  EXPECT_EQ(*kept[1], large);
  EXPECT_EQ(kept[1]->size(), large.size());
}

TEST_F(TypedTest, ATableIsOpenedAsWhatItIsAlsoAfterACrash) {
  WriteNotes();
  storage_ = Files::Of(*storage_).Mount();
  Open();
  EXPECT_GT(db_->Stats().recovered_commits, 0u);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(NoteKeys().size(), 5u);
    ExpectNotesOnly();
    ASSERT_TRUE(db_->Checkpoint());
    storage_ = Files::Of(*storage_).Mount();
    Open();
  }
}

TEST_F(TypedTest, StoredBytesThatAreNoSuchTypeAreTold) {
  WriteNotes();
  {
    auto txn = db_->BeginWrite(family_);
    auto raw = txn->OpenTable(family_, "notes", TableTypes::Any());
    ASSERT_TRUE(raw->Put(AsBytes("\xff\xff\xff"), AsBytes("v")));
    auto pairs = kPairs.Create(*txn, family_);
    ASSERT_TRUE(pairs->Put({"k", 1}, true));
    auto raw_pairs = txn->OpenTable(family_, "pairs", TableTypes::Any());
    auto cursor = raw_pairs->NewCursor();
    ASSERT_TRUE(*cursor->First());
    ASSERT_TRUE(raw_pairs->Put(std::vector(cursor->key().begin(), cursor->key().end()), AsBytes("2")));
    ASSERT_TRUE(txn->Commit());
  }
  auto snapshot = db_->BeginRead();
  const auto value = kPairs.Open(*snapshot, family_)->Get({"k", 1});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code(), Errc::kCorrupt);
  EXPECT_EQ(value.error().message(), "a value of table 'pairs' is no 'bool': 1 bytes");
  auto entries = kNotes.Open(*snapshot, family_)->Entries({.lower = 0});
  std::vector<std::string> seen;
  for (const auto& entry : *entries) seen.push_back(entry ? "entry" : entry.error().message());
  EXPECT_EQ(seen.size(), 4u);  // an error is the last
  EXPECT_EQ(seen.back(), "a key of table 'notes' is no 'i32': 3 bytes");
}

}  // namespace
}  // namespace manifolddb
