// Batches: changes put together without a transaction, made in one.

#include "manifolddb/write_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/db/writing_fixture.h"

namespace manifolddb {
namespace {

class WriteBatchTest : public WritingTest {};

TEST_F(WriteBatchTest, ChangesOfSeveralFamiliesAreMadeInOneCommit) {
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  const auto u = batch.In(other_, "u");
  const std::string large(3000, 'v');
  ASSERT_TRUE(batch.Put(t, AsBytes("k"), AsBytes(large)));
  ASSERT_TRUE(batch.Put(u, AsBytes("k"), AsBytes("u")));
  ASSERT_TRUE(batch.Put(u, AsBytes("gone"), AsBytes("x")));
  ASSERT_TRUE(batch.Delete(u, AsBytes("gone")));
  ASSERT_TRUE(batch.Delete(t, AsBytes("never there")));
  EXPECT_EQ(batch.changes(), 5u);
  const uint64_t before = db_->Stats().commit_number;
  const auto number = db_->Apply(batch);
  ASSERT_TRUE(number) << number.error().ToString();
  EXPECT_EQ(*number, before + 1);
  EXPECT_EQ(db_->Stats().commit_number, before + 1);
  for (int opening = 0; opening < 2; ++opening) {
    EXPECT_EQ(InT(), (Texts{{"k", large}}));
    EXPECT_EQ(InU(), (Texts{{"k", "u"}}));
    Replay();
  }
}

TEST_F(WriteBatchTest, ABatchOwnsItsBytesAndIsUsedAgain) {
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  {
    std::string key = "k";
    std::string value = "v";
    ASSERT_TRUE(batch.Put(t, AsBytes(key), AsBytes(value)));
    key = value = "overwritten";
  }
  EXPECT_GT(batch.bytes(), 2u);
  ASSERT_TRUE(db_->Apply(batch));
  ASSERT_TRUE(db_->Apply(batch)) << "any number of times";
  EXPECT_EQ(InT(), (Texts{{"k", "v"}}));
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0u);
  ASSERT_TRUE(db_->Apply(batch)) << "no change is one, too";
  ASSERT_TRUE(batch.Put(t, AsBytes("l"), AsBytes("w"))) << "tables stay";
  ASSERT_TRUE(db_->Apply(batch, {.durability = Durability::kNone}));
  EXPECT_EQ(InT(), (Texts{{"k", "v"}, {"l", "w"}}));
}

TEST_F(WriteBatchTest, ItIsMadeInATransactionBesideOtherChanges) {
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  ASSERT_TRUE(batch.Put(t, AsBytes("k"), AsBytes("batch")));
  ASSERT_TRUE(batch.AddToCounter(t, AsBytes("n"), 5));
  ASSERT_TRUE(batch.AddToCounter(t, AsBytes("n"), -2));
  auto txn = db_->BeginWrite(family_);
  auto table = txn->OpenTable(family_, "t");
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("before")));
  ASSERT_TRUE(txn->Apply(batch));
  EXPECT_EQ((*table->Get(AsBytes("k")))->text(), "batch");
  EXPECT_EQ(*table->AddToCounter(AsBytes("n"), 0), 3);
  txn->Abort();
  EXPECT_EQ(InT(), Texts());
}

TEST_F(WriteBatchTest, WhatCannotBeMadeIsSaidWithItsNumberAndChangesNothing) {
  const auto expect_nothing = [&] {
    EXPECT_EQ(InT(), Texts());
    EXPECT_EQ(InU(), Texts());
  };
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  ASSERT_TRUE(batch.Put(t, AsBytes("k"), AsBytes("v")));
  ASSERT_TRUE(batch.Put(t, AsBytes(std::string(db_->key_bytes_max() + 1, 'k')), AsBytes("v")));
  EXPECT_TRUE(Fails(db_->Apply(batch), Errc::kKeyTooLong, "change 2 of the batch, in table 't': key 'kkkk"));
  expect_nothing();

  batch.Clear();
  ASSERT_TRUE(batch.Put(t, AsBytes("k"), AsBytes("five!")));
  ASSERT_TRUE(batch.AddToCounter(t, AsBytes("k"), 1));
  EXPECT_TRUE(Fails(db_->Apply(batch), Errc::kInvalidArgument, "change 2 of the batch, in table 't': "));
  expect_nothing();

  batch.Clear();
  ASSERT_TRUE(batch.Put(t, AsBytes("k"), AsBytes("v")));
  const auto missing = batch.In(other_, "missing");
  ASSERT_TRUE(batch.Put(missing, AsBytes("k"), AsBytes("v")));
  EXPECT_TRUE(Fails(db_->Apply(batch), Errc::kNoSuchTable, "'missing'"));
  expect_nothing();
}

TEST_F(WriteBatchTest, TablesAreOpenedWithTheirTypes) {
  WriteBatch batch;
  ASSERT_TRUE(batch.Put(batch.In(family_, "t", {.key = "u64"}), AsBytes("k"), AsBytes("v")));
  EXPECT_TRUE(Fails(db_->Apply(batch), Errc::kTypeMismatch, "'t' holds keys raw bytes"));
  WriteBatch any;
  ASSERT_TRUE(any.Put(any.In(family_, "t", TableTypes::Any()), AsBytes("k"), AsBytes("v")));
  EXPECT_TRUE(db_->Apply(any));
}

TEST_F(WriteBatchTest, WhatNoDatabaseCanTakeIsRefusedAtOnce) {
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  EXPECT_TRUE(Fails(batch.Put(t, AsBytes(std::string(8193, 'k')), AsBytes("v")), Errc::kKeyTooLong));
  EXPECT_TRUE(Fails(batch.Put(t, AsBytes("k"), ByteView(AsBytes("v").data(), kValueBytesMax + 1)),
                    Errc::kValueTooLong));
  EXPECT_TRUE(Fails(batch.Put(WriteBatch::Table(), AsBytes("k"), AsBytes("v")), Errc::kInvalidArgument,
                    "none of this batch"));
  EXPECT_TRUE(batch.empty());
}

TEST_F(WriteBatchTest, MisuseIsSaid) {
  WriteBatch batch;
  const auto u = batch.In(other_, "u");
  ASSERT_TRUE(batch.Put(u, AsBytes("k"), AsBytes("v")));
  auto txn = db_->BeginWrite(family_);
  EXPECT_TRUE(Fails(txn->Apply(batch), Errc::kInvalidArgument, "not begun with column family"));
  txn->Abort();
  EXPECT_TRUE(Fails(txn->Apply(batch), Errc::kTransactionEnded));
  WriteBatch moved = std::move(batch);
  EXPECT_TRUE(Fails(batch.Put(u, AsBytes("k"), AsBytes("v")), Errc::kInvalidArgument, "moved"));
  EXPECT_TRUE(Fails(db_->Apply(batch), Errc::kInvalidArgument, "moved"));
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(db_->Apply(moved));
}

TEST_F(WriteBatchTest, ABatchLargerThanTheLogGoesThroughACheckpoint) {
  WriteBatch batch;
  const auto t = batch.In(family_, "t");
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(batch.Put(t, AsBytes("key" + std::to_string(i)), AsBytes(std::string(40, 'v'))));
  }
  ASSERT_TRUE(db_->Apply(batch));
  EXPECT_EQ(InT().size(), 2000u);
  ExpectWhole();
}

}  // namespace
}  // namespace manifolddb
