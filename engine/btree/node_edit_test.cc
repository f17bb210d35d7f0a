#include "engine/btree/node_edit.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "engine/btree/node_test_util.h"

namespace manifolddb::btree {
namespace {

using Entries = std::map<std::string, std::string>;  // values of 32 bytes that start with 'X' are extents

LeafValue ValueOf(const std::string& value) {
  return {.bytes = AsBytes(value), .extent = value.size() == 32 && value[0] == 'X'};
}

std::string Extent(uint64_t bytes) {
  format::ExtentRefDisk disk = format::Encode({format::PageId{'X'}, format::Birth{1}, bytes, 1});
  return std::string(reinterpret_cast<const char*>(&disk), sizeof disk);
}

void ExpectHolds(const TestPage& page, const Entries& entries) {
  const NodeView node = page.node();
  ASSERT_EQ(node.cells(), entries.size());
  uint32_t index = 0;
  for (const auto& [key, value] : entries) {
    ASSERT_EQ(ToString(node.Key(index)), key);
    ASSERT_EQ(AsText(node.StoredValue(index)), value);
    ASSERT_EQ(node.HasExtent(index), ValueOf(value).extent);
    ++index;
  }
  if (!entries.empty()) {
    ASSERT_STREQ(page.WhyInvalid(), nullptr);
  }
}

class Leaf {
 public:
  explicit Leaf(uint32_t page_bytes) : page_bytes_(page_bytes), page_(page_bytes, 0) {}

  // As the tree does it, without the split. False: needs one.
  bool Put(const std::string& key, const std::string& value) {
    const NodeView::Position at = page_.node().Find(AsBytes(key));
    const LeafLead lead(ValueOf(value));
    const CellParts cell = lead.Parts(AsBytes(key));
    const bool done = at.equal ? ReplaceValue(page_.span(), at.index, ValueOf(value))
                               : page_.node().cells() > 0 && InsertCell(page_.span(), at.index, cell);
    if (!done) {
      const uint32_t replaced = at.equal ? at.index : kNoIndex;
      const TestPage image = page_;
      CellSequence cells(true);
      cells.AddNode(image.node(), 0, at.index);
      cells.AddCell(cell);
      cells.AddNode(image.node(), at.index + (at.equal ? 1 : 0), image.node().cells());
      const uint32_t needed = cells.NodeBytes(0, cells.size());
      if (page_.node().cells() > 0) {
        EXPECT_LE(needed, UsedBytesWith(page_.node(), page_bytes_, cell, replaced));
      }
      if (needed > page_bytes_) {
        ExpectSplitFits(cells, at.equal ? kNoIndex : at.index);
        return false;
      }
      Build(page_.span(), cells, 0, cells.size());
      EXPECT_EQ(UsedBytes(page_.node(), page_bytes_), needed);
      EXPECT_EQ(page_.node().heap_garbage(), 0u);
    }
    entries_[key] = value;
    if (entries_.size() <= 16 || ++puts_ % 16 == 0) ExpectHolds(page_, entries_);
    return true;
  }

  void Remove(uint32_t first, uint32_t count) {
    RemoveCells(page_.span(), first, count);
    entries_.erase(std::next(entries_.begin(), first), std::next(entries_.begin(), first + count));
    ExpectHolds(page_, entries_);
  }

  const Entries& entries() const { return entries_; }
  const TestPage& page() const { return page_; }
  int splits() const { return splits_; }

 private:
  void ExpectSplitFits(const CellSequence& cells, uint32_t inserted) {
    ++splits_;
    const uint32_t at = ChooseSplit(cells, inserted);
    ASSERT_GT(at, 0u);
    ASSERT_LT(at, cells.size());
    ASSERT_LE(cells.NodeBytes(0, at), page_bytes_);
    ASSERT_LE(cells.NodeBytes(at, cells.size()), page_bytes_);
    const std::string separator = ToString(SplitSeparator(cells, at));
    const std::string before = ToString(cells.At(at - 1).key);
    const std::string after = ToString(cells.At(at).key);
    ASSERT_LT(before, separator);
    ASSERT_LE(separator, after);
    ASSERT_LE(separator.substr(0, separator.size() - 1), before);  // nothing shorter parts them
    TestPage left(page_bytes_, 0);
    TestPage right(page_bytes_, 0);
    Build(left.span(), cells, 0, at);
    Build(right.span(), cells, at, cells.size());
    ASSERT_STREQ(left.WhyInvalid(), nullptr);
    ASSERT_STREQ(right.WhyInvalid(), nullptr);
    ASSERT_EQ(left.node().cells() + right.node().cells(), cells.size());
  }

  uint32_t page_bytes_;
  TestPage page_;
  Entries entries_;
  int puts_ = 0;
  int splits_ = 0;
};

// Keys of every shape, with the longest ones and long shared prefixes among them.
std::string AnyKey(std::mt19937& random, uint32_t page_bytes) {
  const uint32_t bytes_max = format::KeyBytesMax(page_bytes);
  const uint32_t shape = random() % 8;
  const std::string tail = std::to_string(random() % 1000);
  if (shape == 0) return tail.substr(0, random() % 4);
  if (shape == 1) return std::string(bytes_max - 3, 'm') + std::to_string(100 + random() % 900);
  if (shape == 2)
    return std::string(1, static_cast<char>('a' + random() % 26)) + std::string(bytes_max - 1, 'z');
  if (shape == 3) return std::string(random() % bytes_max, 'm') + 'n';
  return std::string(bytes_max / 2, 'm') + tail;
}

std::string AnyValue(std::mt19937& random, uint32_t page_bytes, const std::string& key) {
  const uint32_t inline_max = format::InlineBytesMax(page_bytes);
  if (random() % 6 == 0) return Extent(inline_max + 1 + random() % 1000);
  const uint32_t room = inline_max - static_cast<uint32_t>(key.size());
  const uint32_t bytes = random() % 3 == 0 ? room : random() % std::min(room + 1, 40u);
  return std::string(bytes, static_cast<char>('a' + random() % 26));
}

TEST(NodeEdit, LeavesOfEverySizeHoldWhatWasPutAndSplitInTwoAtMost) {
  for (uint32_t page_bytes = format::kPageBytesMin; page_bytes <= format::kPageBytesMax; page_bytes *= 2) {
    std::mt19937 random(page_bytes);
    int splits = 0;
    for (int round = 0; round < 3; ++round) {
      Leaf leaf(page_bytes);
      for (int step = 0; step < 150; ++step) {
        const std::string key = AnyKey(random, page_bytes);
        if (!leaf.Put(key, AnyValue(random, page_bytes, key)) && random() % 3 == 0) {
          const auto cells = static_cast<uint32_t>(leaf.entries().size());
          const uint32_t first = random() % cells;
          leaf.Remove(first, random() % (cells - first + 1));
        }
        if (testing::Test::HasFatalFailure()) FAIL() << page_bytes;
      }
      splits += leaf.splits();
    }
    EXPECT_GT(splits, page_bytes <= 8192 ? 10 : 0) << page_bytes;
  }
}

TEST(NodeEdit, TheLargestEntriesFitAfterOneSplit) {
  for (uint32_t page_bytes = format::kPageBytesMin; page_bytes <= format::kPageBytesMax; page_bytes *= 2) {
    const uint32_t key_max = format::KeyBytesMax(page_bytes);
    const uint32_t inline_max = format::InlineBytesMax(page_bytes);
    std::mt19937 random(page_bytes + 1);
    const int rounds = page_bytes <= 1024 ? 60 : 12;
    for (int round = 0; round < rounds; ++round) {
      Leaf leaf(page_bytes);
      // Fill with one shape, then put the largest entries at every place.
      const bool shared = round % 2 == 0;
      const uint32_t bytes = round % 3 == 0 ? key_max : 1 + random() % key_max;
      for (int i = 0; i < 150 && leaf.splits() == 0; ++i) {
        std::string key(bytes, 'm');
        const std::string number = std::to_string(100 + random() % 900);
        const size_t at = shared ? bytes - std::min<size_t>(3, bytes) : 0;
        key.replace(at, std::min<size_t>(3, bytes), number.substr(0, std::min<size_t>(3, bytes)));
        leaf.Put(key, round % 5 == 0 ? Extent(inline_max + 1)
                                     : std::string(random() % (inline_max - bytes + 1), 'v'));
      }
      for (const char place : {'a', 'm', 'z'}) {
        std::string key(key_max, place);
        key.back() = 'Q';
        Leaf copy = leaf;
        copy.Put(key, Extent(inline_max + 1));
        if (testing::Test::HasFatalFailure()) FAIL() << page_bytes;
      }
    }
  }
}

TEST(NodeEdit, ReplacedValuesAreWrittenInPlaceWhereTheyFit) {
  Leaf leaf(512);
  leaf.Put("a", "12345");
  leaf.Put("b", "abc");
  const uint32_t cell = leaf.page().node().cell_offset(0);
  EXPECT_TRUE(leaf.Put("a", "123"));
  EXPECT_EQ(leaf.page().node().cell_offset(0), cell);
  EXPECT_EQ(leaf.page().node().heap_garbage(), 2u);
  EXPECT_TRUE(leaf.Put("a", "123456"));
  EXPECT_NE(leaf.page().node().cell_offset(0), cell);
  EXPECT_EQ(leaf.page().node().heap_garbage(), 8u);
  EXPECT_TRUE(leaf.Put("a", Extent(600)));
  EXPECT_TRUE(leaf.Put("a", ""));
  EXPECT_EQ(AsText(leaf.page().node().StoredValue(0)), "");
}

TEST(NodeEdit, AValueMayBeReplacedByAPieceOfItself) {
  Leaf leaf(512);
  leaf.Put("a", "0123456789");
  TestPage page = leaf.page();
  ASSERT_TRUE(
      ReplaceValue(page.span(), 0, {.bytes = page.node().StoredValue(0).subspan(3), .extent = false}));
  EXPECT_EQ(AsText(page.node().StoredValue(0)), "3456789");
}

TEST(NodeEdit, RoomThatGarbageTookComesBackByARebuild) {
  Leaf leaf(512);
  int puts = 0;
  for (int i = 0; i < 200; ++i) {
    // Growing in turn leaves a hole each time; the live bytes always fit.
    puts += leaf.Put(std::string(1, static_cast<char>('a' + i % 4)), std::string(1 + i % 70, 'v')) ? 1 : 0;
  }
  EXPECT_EQ(puts, 200);
}

TEST(NodeEdit, ThePrefixIsWhatTheKeysShareAndShrinksForOneThatDoesNot) {
  Leaf leaf(512);
  leaf.Put("abcdef", "1");
  EXPECT_EQ(AsText(leaf.page().node().prefix()), "abcdef");
  leaf.Put("abcxyz", "2");
  EXPECT_EQ(AsText(leaf.page().node().prefix()), "abc");
  leaf.Put("abcd", "3");
  EXPECT_EQ(AsText(leaf.page().node().prefix()), "abc");
  leaf.Put("ab", "4");
  EXPECT_EQ(AsText(leaf.page().node().prefix()), "ab");
  leaf.Put("", "5");
  EXPECT_EQ(AsText(leaf.page().node().prefix()), "");
}

// ---- Branches ---------------------------------------------------------------------------------------------

using Children = std::vector<std::pair<std::string, uint64_t>>;  // separator, child

class Branch {
 public:
  explicit Branch(uint32_t page_bytes) : page_bytes_(page_bytes), page_(page_bytes, 3) {
    CellSequence cells(false);
    const BranchLead lead(Ref(1));
    cells.AddCell(lead.Parts({}));
    Build(page_.span(), cells, 0, 1);
    children_ = {{"", 1}};
  }
  static format::PageRef Ref(uint64_t child) { return {format::PageId{child}, format::Birth{child + 1}}; }

  // Puts `child` behind `separator`, which is not there. False: needs a split.
  bool Insert(const std::string& separator, uint64_t child) {
    const uint32_t index = page_.node().ChildIndex(AsBytes(separator)) + 1;
    const BranchLead lead(Ref(child));
    const CellParts cell = lead.Parts(AsBytes(separator));
    if (!InsertCell(page_.span(), index, cell)) {
      const TestPage image = page_;
      CellSequence cells(false);
      cells.AddNode(image.node(), 0, index);
      cells.AddCell(cell);
      cells.AddNode(image.node(), index, image.node().cells());
      const uint32_t needed = cells.NodeBytes(0, cells.size());
      EXPECT_LE(needed, UsedBytesWith(page_.node(), page_bytes_, cell, kNoIndex));
      if (needed > page_bytes_) {
        EXPECT_GE(image.node().cells(), 3u);  // every branch has room for three children
        ExpectSplitFits(cells, index);
        return false;
      }
      Build(page_.span(), cells, 0, cells.size());
    }
    children_.insert(children_.begin() + index, {separator, child});
    ExpectHolds();
    return true;
  }

  void Remove(uint32_t first, uint32_t count) {
    RemoveCells(page_.span(), first, count);
    children_.erase(children_.begin() + first, children_.begin() + first + count);
    if (!children_.empty()) children_[0].first.clear();
    ExpectHolds();
  }

  void ExpectHolds() const {
    const NodeView node = page_.node();
    ASSERT_EQ(node.cells(), children_.size());
    for (uint32_t i = 0; i < children_.size(); ++i) {
      ASSERT_EQ(ToString(node.Key(i)), children_[i].first);
      ASSERT_EQ(node.Child(i), Ref(children_[i].second));
    }
    ASSERT_STREQ(page_.WhyInvalid(), nullptr);
  }
  bool Has(const std::string& separator) const {
    return std::any_of(children_.begin(), children_.end(),
                       [&](const auto& c) { return c.first == separator; });
  }

  TestPage& page() { return page_; }
  uint32_t cells() const { return static_cast<uint32_t>(children_.size()); }
  int splits() const { return splits_; }

 private:
  void ExpectSplitFits(const CellSequence& cells, uint32_t inserted) {
    ++splits_;
    const uint32_t at = ChooseSplit(cells, inserted);
    ASSERT_GE(at, 2u);
    ASSERT_LE(at, cells.size() - 2);
    ASSERT_LE(cells.NodeBytes(0, at), page_bytes_);
    ASSERT_LE(cells.NodeBytes(at, cells.size()), page_bytes_);
    TestPage left(page_bytes_, 3);
    TestPage right(page_bytes_, 3);
    Build(left.span(), cells, 0, at);
    Build(right.span(), cells, at, cells.size());
    ASSERT_STREQ(left.WhyInvalid(), nullptr);
    ASSERT_STREQ(right.WhyInvalid(), nullptr);
    // Together again, with the separator pulled down, they are what they were.
    const std::string separator = ToString(SplitSeparator(cells, at));
    CellSequence merged(false);
    merged.AddNode(left.node(), 0, left.node().cells());
    merged.AddNode(right.node(), 0, right.node().cells(), {{}, AsBytes(separator)});
    ASSERT_EQ(merged.size(), cells.size());
    for (uint32_t i = 0; i < cells.size(); ++i)
      ASSERT_EQ(ToString(merged.At(i).key), ToString(cells.At(i).key));
  }

  uint32_t page_bytes_;
  TestPage page_;
  Children children_;
  int splits_ = 0;
};

TEST(NodeEdit, BranchesOfEverySizeHoldTheirChildrenAndSplitInTwoAtMost) {
  for (uint32_t page_bytes = format::kPageBytesMin; page_bytes <= format::kPageBytesMax; page_bytes *= 2) {
    std::mt19937 random(page_bytes);
    int splits = 0;
    for (int round = 0; round < 3; ++round) {
      Branch branch(page_bytes);
      for (uint64_t step = 2; step < 150; ++step) {
        const std::string separator = AnyKey(random, page_bytes);
        if (separator.empty() || branch.Has(separator)) continue;
        if (!branch.Insert(separator, step) && random() % 3 == 0) {
          const uint32_t first = random() % branch.cells();
          branch.Remove(first, random() % std::min(branch.cells() - first + 1, branch.cells()));
        }
        if (testing::Test::HasFatalFailure()) FAIL() << page_bytes;
      }
      splits += branch.splits();
    }
    EXPECT_GT(splits, page_bytes <= 8192 ? 10 : 0) << page_bytes;
  }
}

TEST(NodeEdit, AChildIsReplacedInPlace) {
  Branch branch(512);
  branch.Insert("k", 2);
  branch.Insert("p", 3);
  SetChild(branch.page().span(), 1, Branch::Ref(77));
  EXPECT_EQ(branch.page().node().Child(1), Branch::Ref(77));
  EXPECT_EQ(branch.page().node().Child(2), Branch::Ref(3));
  EXPECT_STREQ(branch.page().WhyInvalid(), nullptr);
}

TEST(NodeEdit, AscendingAndDescendingInsertionsLeaveTheFullNodeAsItIs) {
  const LeafLead lead({.bytes = AsBytes("0123456789"), .extent = false});
  for (const bool ascending : {true, false}) {
    Leaf leaf(512);
    int number = 500;
    while (leaf.Put("k" + std::to_string(number), "0123456789")) number += ascending ? 1 : -1;
    const std::string key = "k" + std::to_string(number);
    const uint32_t cells_before = leaf.page().node().cells();
    CellSequence cells(true);
    if (!ascending) cells.AddCell(lead.Parts(AsBytes(key)));
    cells.AddNode(leaf.page().node(), 0, cells_before);
    if (ascending) cells.AddCell(lead.Parts(AsBytes(key)));
    EXPECT_EQ(ChooseSplit(cells, ascending ? cells_before : 0), ascending ? cells_before : 1);
    // Elsewhere: halves.
    const uint32_t middle = ChooseSplit(cells, cells_before / 3);
    EXPECT_NEAR(middle, cells.size() / 2.0, 1.0);
  }
}

TEST(NodeEdit, ASingleKeyIsNotAllPrefixWhereTheNextOneIsExpectedBesideIt) {
  const LeafLead lead({.bytes = AsBytes("value"), .extent = false});
  const CellParts next = lead.Parts(AsBytes("number18"));
  CellSequence cells(true);
  cells.AddCell(lead.Parts(AsBytes("number16")));
  cells.AddCell(lead.Parts(AsBytes("number17")));
  TestPage whole(512, 0);
  Build(whole.span(), cells, 1, 2);
  EXPECT_EQ(AsText(whole.node().prefix()), "number17");
  EXPECT_FALSE(InsertCell(whole.span(), 1, next));

  TestPage page(512, 0);
  Build(page.span(), cells, 1, 2, 7);
  EXPECT_EQ(AsText(page.node().prefix()), "number1");
  EXPECT_EQ(UsedBytes(page.node(), 512), UsedBytes(whole.node(), 512));
  EXPECT_TRUE(InsertCell(page.span(), 1, next));
  EXPECT_STREQ(page.WhyInvalid(), nullptr);
  // Several keys have the longest prefix there is.
  Build(page.span(), cells, 0, 2, 3);
  EXPECT_EQ(AsText(page.node().prefix()), "number1");
}

TEST(NodeEdit, CommonBytesSeesThroughTheSeamBetweenPrefixAndRest) {
  const std::string text = "abcdefgh";
  for (size_t cut_a = 0; cut_a <= 8; ++cut_a) {
    for (size_t cut_b = 0; cut_b <= 8; ++cut_b) {
      for (size_t differ = 0; differ <= 8; ++differ) {
        std::string other = text;
        if (differ < 8) other[differ] = '!';
        const KeyParts a{AsBytes(text).first(cut_a), AsBytes(text).subspan(cut_a)};
        const KeyParts b{AsBytes(other).first(cut_b), AsBytes(other).subspan(cut_b)};
        ASSERT_EQ(CommonBytes(a, b), differ);
        ASSERT_EQ(ToString(a.Skip(differ)), text.substr(differ));
        ASSERT_EQ(ToString(a.First(differ)), text.substr(0, differ));
      }
    }
  }
}

}  // namespace
}  // namespace manifolddb::btree
