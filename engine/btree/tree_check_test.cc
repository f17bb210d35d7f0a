#include "engine/btree/tree_check.h"

#include <gtest/gtest.h>

#include "engine/btree/node_edit.h"
#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

// Two levels of branches over leaves of "value"s.
class Check : public testing::Test {
 protected:
  Check() : tree_(512) {
    for (int i = 0; i < 1500; ++i) tree_.Put(NumberKey(i), "value");
    tree_.Put("extent", std::string(2000, 'e'));
    EXPECT_TRUE(tree_.Walk().problems.empty());
  }
  ~Check() override { tree_.Abandon({}); }

  // The bytes of a node that the running transaction may change; on the leftmost way down, at `depth`.
  MutableByteView NodeAt(uint32_t depth, format::PageRef* ref = nullptr) {
    const mvcc::EpochGuard guard(tree_.slot());
    format::PageRef at = tree_.root().root;
    for (;; --depth) {
      const page::MutablePage page = Must(tree_.writer().Edit(at, guard));
      EXPECT_EQ(page.ref, at);
      if (ref != nullptr) *ref = at;
      if (depth == 0) return {page.bytes, 512};
      at = NodeView(page.bytes).Child(0);
    }
  }
  format::Slot& SlotOf(MutableByteView node, uint32_t index) {
    const size_t at = kNodeHeaderBytes + NodeView(node.data()).prefix_bytes() + index * size_t{kSlotBytes};
    return *reinterpret_cast<format::Slot*>(node.data() + at);
  }
  std::string FirstProblem() {
    const TreeFixture::Found found = tree_.Walk();
    if (found.problems.empty()) return "";
    return found.problems[0].substr(found.problems[0].find(' ') + 1);
  }

  TreeFixture tree_;
};

TEST_F(Check, AWholeTreeHasNoProblemsAndShowsEveryEntry) {
  const TreeFixture::Found found = tree_.Walk();
  EXPECT_TRUE(found.problems.empty());
  EXPECT_TRUE(found.ordered);
  EXPECT_EQ(found.entries.size(), 1501u);
  EXPECT_EQ(found.entries.at("extent"), std::string(2000, 'e'));
}

TEST_F(Check, AWrongCountIsFound) {
  tree_.root().entries += 1;
  EXPECT_EQ(FirstProblem(), "1501 entries where 1502 were counted");
  tree_.root().entries -= 1;
}

TEST_F(Check, EntriesWithoutATreeAreFound) {
  tree_.Abandon({{}, 3});
  EXPECT_EQ(FirstProblem(), "0 entries where 3 were counted");
}

TEST_F(Check, ChildrenInEachOthersPlaceAreFound) {
  const MutableByteView branch = NodeAt(1);
  const format::PageRef first = NodeView(branch.data()).Child(0);
  const format::PageRef second = NodeView(branch.data()).Child(1);
  SetChild(branch, 0, second);
  SetChild(branch, 1, first);
  EXPECT_EQ(FirstProblem(), "key not before the separator on its right");
  SetChild(branch, 0, first);
  SetChild(branch, 1, second);
}

TEST_F(Check, ASeparatorOutsideItsParentsFencesIsFound) {
  const MutableByteView root = NodeAt(0);
  const format::PageRef first = NodeView(root.data()).Child(0);
  const format::PageRef second = NodeView(root.data()).Child(1);
  SetChild(root, 0, second);
  SetChild(root, 1, first);
  EXPECT_EQ(FirstProblem(), "separator not before the separator on its right");
  SetChild(root, 0, first);
  SetChild(root, 1, second);
}

TEST_F(Check, APageInTwoPlacesIsFoundAndNotFollowed) {
  const MutableByteView branch = NodeAt(1);
  const format::PageRef first = NodeView(branch.data()).Child(0);
  const format::PageRef second = NodeView(branch.data()).Child(1);
  SetChild(branch, 1, first);
  EXPECT_EQ(FirstProblem(), "page " + std::to_string(first.id.raw()) + " is owned twice or outside the file");
  EXPECT_EQ(tree_.Walk().problems.size(), 1u);  // and no complaint about the count
  SetChild(branch, 1, second);
}

TEST_F(Check, AReferenceOutsideTheFileIsFound) {
  const MutableByteView branch = NodeAt(1);
  const format::PageRef first = NodeView(branch.data()).Child(0);
  SetChild(branch, 0, {format::PageId{uint64_t{1} << 40}, format::Birth{1}});
  EXPECT_EQ(FirstProblem(), "page 1099511627776 is owned twice or outside the file");
  SetChild(branch, 0, first);
}

TEST_F(Check, ANodeOfTheWrongLevelIsFound) {
  const MutableByteView root = NodeAt(0);
  const MutableByteView branch = NodeAt(1);
  const format::PageRef first = NodeView(root.data()).Child(0);
  SetChild(root, 0, NodeView(branch.data()).Child(0));
  EXPECT_EQ(FirstProblem(), "node of the wrong level");
  SetChild(root, 0, first);
}

TEST_F(Check, AnInvalidNodeThatWasNeverWrittenIsFound) {
  const MutableByteView leaf = NodeAt(2);
  std::swap(SlotOf(leaf, 1), SlotOf(leaf, 2));
  EXPECT_EQ(FirstProblem(), "keys out of order");
  std::swap(SlotOf(leaf, 1), SlotOf(leaf, 2));
}

TEST_F(Check, ARootWithASingleChildIsFound) {
  const MutableByteView root = NodeAt(0);
  RemoveCells(root, 1, NodeView(root.data()).cells() - 1);
  EXPECT_EQ(FirstProblem(), "root branch with a single child");
}

// What is missing is what the problem says that it hides, to the key.
void ExpectAllOthers(const TreeFixture::Found& found, const EntryMap& all) {
  const TreeDamage& damage = found.damages[0];
  EXPECT_TRUE(damage.hides_keys);
  EXPECT_TRUE(found.ordered);
  for (const auto& [key, value] : all) {
    const bool hidden = (!damage.lower || key >= *damage.lower) && (!damage.upper || key < *damage.upper);
    EXPECT_EQ(found.entries.contains(key), !hidden) << key;
  }
}

TEST_F(Check, EveryDamagedPageOfTheFileIsFoundAndHidesWhatItSays) {
  tree_.Reopen();
  auto file = Must(tree_.storage().Open("tree", OpenMode::kReadWrite));
  const std::set<uint64_t> owned = tree_.owned();
  const EntryMap all = tree_.Walk().entries;
  auto page = Must(base::Buffer::Make(4096, "test"));
  uint64_t round = 0;
  for (const uint64_t id : owned) {
    if (++round % 4 != 0) continue;
    Must(file->Read(id * 512, page.span().first(512)));
    const size_t at = round * 31 % 464;  // the last page of the extent ends after 464 bytes
    page.data()[at] ^= std::byte{4};
    Must(file->Write(id * 512, page.view().first(512)));
    tree_.Reopen();
    const TreeFixture::Found found = tree_.Walk();
    ASSERT_EQ(found.problems.size(), 1u) << id;
    ExpectAllOthers(found, all);
    page.data()[at] ^= std::byte{4};
    Must(file->Write(id * 512, page.view().first(512)));
  }
  tree_.Reopen();
  EXPECT_TRUE(tree_.Walk().problems.empty());
}

}  // namespace
}  // namespace manifolddb::btree
