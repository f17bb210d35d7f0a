#include "engine/txn/family_edit.h"

#include <gtest/gtest.h>

namespace manifolddb::txn {
namespace {

using format::TableId;
using Names = std::vector<std::string>;

class FamilyEditTest : public testing::Test {
 protected:
  FamilyEditTest() {
    auto tables = std::make_shared<mvcc::Tables>();
    for (const char* name : {"b", "d", "f"}) {
      const auto id = static_cast<uint64_t>(name[0]);
      tables->push_back(
          {std::make_shared<const std::string>(name), TableId{id}, {{format::PageId{id}, {}}, id}});
    }
    base_.tables = std::move(tables);
    base_.next_table = TableId{1000};
  }
  mvcc::FamilyVersion base_;
  Family family_{format::FamilyId{1}, format::TxnId{1}};
};

TEST_F(FamilyEditTest, WithoutChangesItIsTheVersionItStartedFrom) {
  FamilyEdit edit(&family_, &base_);
  EXPECT_EQ(edit.Find("d")->tree.entries, 'd');
  EXPECT_EQ(edit.Find("c"), nullptr);
  EXPECT_FALSE(edit.changed());
  EXPECT_EQ(edit.ListNames(), (Names{"b", "d", "f"}));
}

TEST_F(FamilyEditTest, TablesKeepTheirIdentityWhenRenamed) {
  FamilyEdit edit(&family_, &base_);
  WriteTableState* const table = edit.Find("d");
  edit.Rename(table, "a");
  EXPECT_EQ(edit.Find("d"), nullptr);
  EXPECT_EQ(edit.Find("a"), table);
  EXPECT_EQ(edit.FindById(TableId{'d'}), table);
  EXPECT_EQ(edit.ListNames(), (Names{"a", "b", "f"}));
  WriteTableState* const again = edit.Create("d");
  EXPECT_EQ(again->id, TableId{1000});
  EXPECT_EQ(edit.next_table(), TableId{1001});
  const auto tables = edit.Build();
  EXPECT_EQ(mvcc::FindTable(*tables, "a")->tree.entries, 'd');
  EXPECT_EQ(mvcc::FindTable(*tables, "d")->tree.entries, 0u);
}

TEST_F(FamilyEditTest, WhatWasDoneSinceItWasSavedIsUndone) {
  FamilyEdit edit(&family_, &base_);
  WriteTableState* const b = edit.Find("b");
  b->tree.entries = 7;
  edit.Rename(b, "a");
  WriteTableState* const made = edit.Create("made");
  const FamilyEdit::Mark mark = edit.Save();
  b->tree.entries = 8;
  edit.Rename(b, "z");
  edit.Drop(made);
  WriteTableState* const d = edit.Find("d");  // opened since
  d->tree.entries = 9;
  edit.Drop(edit.Find("f"));
  WriteTableState* const undone = edit.Create("f");
  EXPECT_EQ(undone->id, TableId{1001});

  edit.Restore(mark);
  EXPECT_EQ(edit.ListNames(), (Names{"a", "d", "f", "made"}));
  EXPECT_EQ(b->tree.entries, 7u);
  EXPECT_EQ(edit.Find("made"), made);
  EXPECT_EQ(edit.Find("d"), d);
  EXPECT_EQ(d->tree.entries, 'd');
  EXPECT_TRUE(undone->dropped);
  EXPECT_EQ(edit.Find("f")->id, TableId{'f'});
  EXPECT_TRUE(edit.changed());
  WriteTableState* const again = edit.Create("again");
  EXPECT_EQ(again->id, TableId{1001}) << "replay knows nothing of the one that was undone";

  edit.Reset();
  EXPECT_FALSE(edit.changed());
  EXPECT_EQ(edit.ListNames(), (Names{"b", "d", "f"}));
  EXPECT_EQ(edit.next_table(), TableId{1000});
}

TEST_F(FamilyEditTest, ADroppedTableIsGoneAndItsNameFree) {
  FamilyEdit edit(&family_, &base_);
  EXPECT_EQ(edit.Drop(edit.Find("b")).id, format::PageId{'b'});
  EXPECT_EQ(edit.Find("b"), nullptr);
  EXPECT_EQ(edit.FindById(TableId{'b'}), nullptr);
  edit.Create("b");
  EXPECT_EQ(edit.ListNames(), (Names{"b", "d", "f"}));
  EXPECT_EQ(mvcc::FindTable(*edit.Build(), "b")->id, TableId{1000});
}

TEST_F(FamilyEditTest, NewRootsAreInTheVersionItBuilds) {
  FamilyEdit edit(&family_, &base_);
  edit.Find("f")->tree.entries = 7;
  edit.MarkChanged();
  EXPECT_TRUE(edit.changed());
  EXPECT_EQ(mvcc::FindTable(*edit.Build(), "f")->tree.entries, 7u);
  EXPECT_EQ(mvcc::FindTable(*base_.tables, "f")->tree.entries, 'f');
}

}  // namespace
}  // namespace manifolddb::txn
