#include "engine/format/redo.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

using base::ByteBuffer;

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

Status AppendAgain(ByteBuffer& redo, const RedoOperation& op) {
  switch (op.kind) {
    case RedoKind::kSelect: return AppendSelect(redo, op.family, op.table);
    case RedoKind::kPut: return AppendPut(redo, op.key, op.value);
    case RedoKind::kPutExtent: return AppendPutExtent(redo, op.key, op.value, op.first);
    case RedoKind::kDelete: return AppendDelete(redo, op.key);
    case RedoKind::kDeleteRange: return AppendDeleteRange(redo, op.lower, op.upper);
    case RedoKind::kCreateTable:
    case RedoKind::kCreateTypedTable:
      return AppendCreateTable(redo, op.family, op.table, op.key, op.key_type, op.value_type);
    case RedoKind::kDropTable: return AppendDropTable(redo, op.family, op.table);
    case RedoKind::kRenameTable: return AppendRenameTable(redo, op.family, op.table, op.key);
    case RedoKind::kCreateFamily: return AppendCreateFamily(redo, op.family, op.key);
    case RedoKind::kDropFamily: return AppendDropFamily(redo, op.family);
    case RedoKind::kRenameFamily: return AppendRenameFamily(redo, op.family, op.key);
  }
  ADD_FAILURE();
  return {};
}

// Reads to the end or to the first refusal. What was read encodes to exactly the bytes it came from.
size_t ReadAll(ByteView record, const char** why = nullptr) {
  RedoReader reader(record);
  ByteBuffer again;
  size_t count = 0;
  while (!reader.done()) {
    const auto operation = reader.Next();
    if (!operation) {
      EXPECT_NE(reader.why(), nullptr);
      EXPECT_FALSE(reader.Next());  // and stays where it is
      if (why != nullptr) *why = reader.why();
      break;
    }
    EXPECT_TRUE(AppendAgain(again, *operation));
    ++count;
  }
  EXPECT_LE(again.size(), record.size());
  EXPECT_TRUE(Equal(again.view(), record.first(again.size())));
  EXPECT_EQ(again.size() == record.size(), reader.done());
  return count;
}

std::string WhyRefused(const std::vector<std::byte>& record) {
  const char* why = nullptr;
  ReadAll(record, &why);
  return why == nullptr ? "" : why;
}

TEST(Redo, EveryOperationComesBackAsItWasAppended) {
  ByteBuffer redo;
  const std::string large(70000, 'x');
  ASSERT_TRUE(AppendCreateFamily(redo, FamilyId{9}, AsBytes("family")));
  ASSERT_TRUE(AppendCreateTable(redo, FamilyId{9}, TableId{1}, AsBytes("table")));
  ASSERT_TRUE(AppendSelect(redo, FamilyId{9}, TableId{1}));
  ASSERT_TRUE(AppendPut(redo, AsBytes("k"), AsBytes(large)));
  ASSERT_TRUE(AppendPut(redo, {}, {}));
  ASSERT_TRUE(AppendPutExtent(redo, AsBytes("k"), AsBytes(large), PageId{77}));
  ASSERT_TRUE(AppendDelete(redo, AsBytes("gone")));
  ASSERT_TRUE(AppendDeleteRange(redo, AsBytes("a"), AsBytes("b")));
  ASSERT_TRUE(AppendDeleteRange(redo, std::nullopt, ByteView{}));
  ASSERT_TRUE(AppendRenameTable(redo, FamilyId{9}, TableId{1}, AsBytes("other")));
  ASSERT_TRUE(AppendDropTable(redo, FamilyId{9}, TableId{1}));
  ASSERT_TRUE(AppendRenameFamily(redo, FamilyId{9}, AsBytes("kin")));
  ASSERT_TRUE(AppendDropFamily(redo, FamilyId{9}));

  RedoReader reader(redo.view());
  auto op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->kind, RedoKind::kCreateFamily);
  EXPECT_EQ(op->family, FamilyId{9});
  EXPECT_EQ(AsText(op->key), "family");
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->kind, RedoKind::kCreateTable);
  EXPECT_EQ(op->table, TableId{1});
  ASSERT_TRUE(reader.Next());
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->kind, RedoKind::kPut);
  EXPECT_EQ(AsText(op->key), "k");
  EXPECT_EQ(AsText(op->value), large);
  ASSERT_TRUE(reader.Next());
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->kind, RedoKind::kPutExtent);
  EXPECT_EQ(AsText(op->value), large);
  EXPECT_EQ(op->first, PageId{77});
  ASSERT_TRUE(reader.Next());
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(AsText(*op->lower), "a");
  EXPECT_EQ(AsText(*op->upper), "b");
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_FALSE(op->lower.has_value());
  EXPECT_TRUE(op->upper.has_value());
  EXPECT_TRUE(op->upper->empty());
  EXPECT_EQ(ReadAll(redo.view()), 13u);
}

TEST(Redo, ATypedTableIsCreatedByAnOperationOfItsOwn) {
  ByteBuffer redo;
  const std::string longest(kTypeNameBytesMax, 't');
  ASSERT_TRUE(AppendCreateTable(redo, FamilyId{9}, TableId{1}, AsBytes("table"), "u64", longest));
  ASSERT_TRUE(AppendCreateTable(redo, FamilyId{9}, TableId{2}, AsBytes("other"), "", "string"));
  RedoReader reader(redo.view());
  auto op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->kind, RedoKind::kCreateTypedTable);
  EXPECT_EQ(AsText(op->key), "table");
  EXPECT_EQ(op->key_type, "u64");
  EXPECT_EQ(op->value_type, longest);
  op = reader.Next();
  ASSERT_TRUE(op);
  EXPECT_EQ(op->key_type, "");
  EXPECT_EQ(op->value_type, "string");
  EXPECT_EQ(ReadAll(redo.view()), 2u);
  // Raw bytes have one encoding, and it is the other kind.
  EXPECT_EQ(WhyRefused(Bytes({12, 9, 1, 1, 'n', 0, 0})), "a typed table has no types");
  EXPECT_EQ(WhyRefused(Bytes({12, 9, 1, 1, 'n', 1, 'k'})), "the record ends inside an operation");
}

TEST(Redo, EveryIdAndLengthFromOneByteToTenComesBack) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t value : {uint64_t{1} << bit, ~uint64_t{0} >> (63 - bit)}) {
      ByteBuffer redo;
      ASSERT_TRUE(AppendSelect(redo, FamilyId{value}, TableId{value}));
      RedoReader reader(redo.view());
      const auto op = reader.Next();
      ASSERT_TRUE(op);
      EXPECT_EQ(op->family, FamilyId{value});
      EXPECT_EQ(op->table, TableId{value});
      EXPECT_TRUE(reader.done());
    }
  }
}

TEST(Redo, ARecordCutAnywhereIsRefusedAtTheCut) {
  ByteBuffer redo;
  ASSERT_TRUE(AppendSelect(redo, FamilyId{300}, TableId{1}));
  const size_t first = redo.size();
  ASSERT_TRUE(AppendPut(redo, AsBytes("key"), AsBytes("value")));
  const size_t second = redo.size();
  ASSERT_TRUE(AppendDeleteRange(redo, AsBytes("a"), AsBytes("b")));
  for (size_t cut = 1; cut < redo.size(); ++cut) {
    const size_t whole = cut < first ? 0 : cut < second ? 1 : 2;
    EXPECT_EQ(ReadAll(redo.view().first(cut)), whole) << cut;
  }
}

TEST(Redo, NumbersHaveOneFormAndAtMost64Bits) {
  EXPECT_EQ(WhyRefused(Bytes({9, 0x80, 0x00})), "a number is longer than it needs to be");
  EXPECT_EQ(WhyRefused(Bytes({9, 0x81, 0x80, 0x00})), "a number is longer than it needs to be");
  EXPECT_EQ(WhyRefused(Bytes({9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})), "");
  EXPECT_EQ(WhyRefused(Bytes({9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})),
            "a number has more than 64 bits");
  EXPECT_EQ(WhyRefused(Bytes({9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00})),
            "a number has more than 64 bits");
  EXPECT_EQ(WhyRefused(Bytes({9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00})),
            "a number is longer than it needs to be");
  EXPECT_EQ(WhyRefused(Bytes({9, 0xff})), "the record ends inside an operation");
}

TEST(Redo, UnknownKindsFlagsAndZeroIdsAreRefused) {
  EXPECT_EQ(WhyRefused(Bytes({0})), "no such operation");
  EXPECT_EQ(WhyRefused(Bytes({13})), "no such operation");
  EXPECT_EQ(WhyRefused(Bytes({255})), "no such operation");
  EXPECT_EQ(WhyRefused(Bytes({9, 0})), "an id is zero");
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 0})), "an id is zero");
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 1, 11, 0, 0, 0})), "an id is zero");
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 1, 4, 4})), "a range has unknown flags");
}

TEST(Redo, NamesAreNeitherEmptyNorTooLong) {
  EXPECT_EQ(WhyRefused(Bytes({8, 1, 0})), "a name is empty");
  ByteBuffer redo;
  const std::string longest(kNameBytesMax, 'n');
  ASSERT_TRUE(AppendCreateFamily(redo, FamilyId{1}, AsBytes(longest)));
  EXPECT_EQ(ReadAll(redo.view()), 1u);
  std::vector<std::byte> longer(redo.view().begin(), redo.view().end());
  longer[2] = static_cast<std::byte>(kNameBytesMax + 1);
  longer.push_back(std::byte{'n'});
  EXPECT_EQ(WhyRefused(longer), "a key, value or name is longer than any can be");
}

TEST(Redo, LengthsAreComparedWithTheBytesThatAreLeft) {
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 1, 3, 2, 'k'})), "a key, value or name is longer than the record");
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})),
            "a key, value or name is longer than the record");
}

TEST(Redo, EntriesNeedATable) {
  EXPECT_EQ(WhyRefused(Bytes({2, 0, 0})), "an operation comes before any table was selected");
  EXPECT_EQ(WhyRefused(Bytes({3, 0})), "an operation comes before any table was selected");
  EXPECT_EQ(WhyRefused(Bytes({4, 0})), "an operation comes before any table was selected");
  EXPECT_EQ(WhyRefused(Bytes({11, 0, 0, 1})), "an operation comes before any table was selected");
  EXPECT_EQ(WhyRefused(Bytes({1, 1, 1, 4, 0})), "");
}

TEST(Redo, RandomAndMutatedRecordsAreRefusedOrCanonical) {
  std::mt19937_64 random(2);
  ByteBuffer good;
  ASSERT_TRUE(AppendSelect(good, FamilyId{1}, TableId{300}));
  ASSERT_TRUE(AppendPut(good, AsBytes("a key"), AsBytes("a value that is a little longer")));
  ASSERT_TRUE(AppendDeleteRange(good, AsBytes("a"), AsBytes("b")));
  ASSERT_TRUE(AppendCreateTable(good, FamilyId{1}, TableId{2}, AsBytes("name")));
  size_t read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes;
    if (round % 2 == 0) {
      bytes.resize(random() % 40);
      for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random() % 16);  // often a kind or a short length
      }
    } else {
      bytes.assign(good.view().begin(), good.view().end());
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    }
    // Exactly as long as the record: the sanitizer sees every byte read beyond it.
    std::vector<std::byte> exact(bytes);
    exact.shrink_to_fit();
    read += ReadAll(exact);
  }
  EXPECT_GT(read, 10000u);
}

}  // namespace
}  // namespace manifolddb::format
