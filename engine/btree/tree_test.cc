#include "engine/btree/tree.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/btree/node_edit.h"
#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

class TreeOfEverySize : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, TreeOfEverySize,
                         testing::Values(512u, 1024u, 2048u, 4096u, 8192u, 16384u, 32768u, 65536u));

TEST(Tree, AnEmptyTreeHasNothingInIt) {
  TreeFixture tree(512);
  EXPECT_FALSE(tree.Get("a"));
  EXPECT_FALSE(tree.Delete("a"));
  EXPECT_EQ(tree.DeleteRange(std::nullopt, std::nullopt), 0u);
  EXPECT_TRUE(tree.root().root.null());
  EXPECT_EQ(tree.WhyWrong({}), "");
  EXPECT_TRUE(tree.owned().empty());
}

TEST(Tree, TheEmptyKeyAndTheEmptyValueAreOrdinary) {
  TreeFixture tree(512);
  EXPECT_TRUE(tree.Put("", "empty"));
  EXPECT_TRUE(tree.Put("a", ""));
  EXPECT_FALSE(tree.Put("", ""));
  EXPECT_EQ(tree.Get(""), "");
  EXPECT_EQ(tree.Get("a"), "");
  EXPECT_EQ(tree.WhyWrong({{"", ""}, {"a", ""}}), "");
  EXPECT_TRUE(tree.Delete(""));
  EXPECT_FALSE(tree.Get(""));
  EXPECT_EQ(tree.WhyWrong({{"a", ""}}), "");
}

TEST_P(TreeOfEverySize, AscendingAndDescendingLoadsFillPages) {
  for (const bool ascending : {true, false}) {
    TreeFixture tree(GetParam());
    EntryMap model;
    uint64_t bytes = 0;
    const uint64_t count = std::min<uint64_t>(20 * GetParam() / 24, 6000);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string key = NumberKey(ascending ? i : 1000000 - i);
      const std::string value = "value" + std::to_string(i % 10);
      EXPECT_TRUE(tree.Put(key, value));
      model[key] = value;
      bytes += kSlotBytes + kLeafLeadBytes + 2 + value.size();  // most of each key is in a prefix
    }
    ASSERT_EQ(tree.WhyWrong(model), "");
    const double pages_least = static_cast<double>(bytes) / GetParam();
    // Besides the leaves: headers, branches, and one page at either end that is not full.
    EXPECT_LT(static_cast<double>(tree.owned().size()), pages_least * 1.25 + 4) << ascending;
  }
}

// Values of every kind: empty, small, at the bound of what stays in the leaf, and in extents.
std::string AnyValue(std::mt19937& random, uint32_t page_bytes, const std::string& key) {
  const uint32_t room = format::InlineBytesMax(page_bytes) - static_cast<uint32_t>(key.size());
  switch (random() % 8) {
    case 0: return std::string(room, static_cast<char>(random()));
    case 1: return std::string(room + 1, static_cast<char>(random()));
    case 2: return std::string(2 * page_bytes + random() % 5, static_cast<char>(random()));
    default: return std::string(random() % std::min(40u, room + 1), static_cast<char>(random()));
  }
}

std::string AnyKey(std::mt19937& random, uint32_t page_bytes) {
  const uint32_t bytes_max = format::KeyBytesMax(page_bytes);
  const std::string number = std::to_string(random() % 1000);
  switch (random() % 6) {
    case 0: return std::string(bytes_max - number.size(), 'k') + number;
    case 1: return std::string(1, static_cast<char>(random())) + std::string(bytes_max - 1, 'z');
    case 2: return number.substr(0, random() % 4);
    default: return std::string(bytes_max / 2, 'k') + number;
  }
}

TEST_P(TreeOfEverySize, RandomChangesLeaveTheTreeWholeAndTheBooksRight) {
  std::mt19937 random(GetParam());
  TreeFixture tree(GetParam());
  EntryMap model;
  for (int step = 0; step < 1500; ++step) {
    // Grows for a while, then shrinks.
    const uint32_t deletes = step / 500 % 2 == 0 ? 2 : 7;
    const uint32_t kind = random() % 10;
    if (kind < deletes && !model.empty()) {
      if (kind == 0) {
        std::string low = AnyKey(random, GetParam());
        std::string high = AnyKey(random, GetParam());
        if (high < low) std::swap(low, high);
        const auto begin = model.lower_bound(low);
        const auto end = model.lower_bound(high);
        if (std::distance(begin, end) > 60 && random() % 8 != 0) continue;
        const auto gone = static_cast<uint64_t>(std::distance(begin, end));
        model.erase(begin, end);
        ASSERT_EQ(tree.DeleteRange(low, high), gone);
      } else {
        auto at = model.lower_bound(AnyKey(random, GetParam()));
        if (at == model.end()) at = model.begin();
        ASSERT_TRUE(tree.Delete(at->first));
        model.erase(at);
      }
    } else {
      const std::string key = AnyKey(random, GetParam());
      const std::string value = AnyValue(random, GetParam(), key);
      ASSERT_EQ(tree.Put(key, value), model.insert_or_assign(key, value).second);
    }
    // After every operation of some stretches, else once in a while; the tree is read back from the file at
    // times.
    if (step % 100 < 10 || step % 50 == 0) {
      ASSERT_EQ(tree.WhyWrong(model), "") << step;
    }
    if (step % 400 == 0) tree.Reopen();
  }
  ASSERT_EQ(tree.WhyWrong(model), "");
  while (!model.empty()) {
    ASSERT_TRUE(tree.Delete(model.begin()->first));
    model.erase(model.begin());
  }
  EXPECT_TRUE(tree.root().root.null());
  EXPECT_EQ(tree.WhyWrong({}), "");
  EXPECT_TRUE(tree.owned().empty());
}

// The last leaf is remembered from put to put. Here it is split in its middle, emptied, joined with its
// neighbour, written out, kept for a mark and given back, committed.
class AscendingPuts {
 public:
  explicit AscendingPuts(uint32_t page_bytes) : random_(page_bytes + 1), tree_(page_bytes) {}

  void Step() {
    const std::string value(random_() % 30, 'v');
    const uint32_t kind = random_() % 100;
    if (kind < 6) return Disturb(kind);
    if (kind < 15) return DeleteLast();
    // Next to the last keys, or behind them all.
    const std::string key =
        kind < 25 ? NumberKey(next_ - random_() % std::min<uint64_t>(next_, 8)) + "x" : NumberKey(++next_);
    EXPECT_EQ(tree_.Put(key, value), !model_.contains(key));
    model_[key] = value;
  }
  std::string WhyWrong() {
    while (tree_.writer().marks() > 0) tree_.writer().ReleaseMark();
    return tree_.WhyWrong(model_);
  }

 private:
  void Disturb(uint32_t kind) {
    page::PageWriter& writer = tree_.writer();
    const bool marked = writer.marks() > 0;
    const std::string from = NumberKey(next_ - random_() % std::min<uint64_t>(next_, 100));
    if (kind == 0) {
      tree_.DeleteRange(from, std::nullopt);
      model_.erase(model_.lower_bound(from), model_.end());
    } else if (kind == 1) {
      Must(writer.Spill(poison_));
    } else if (kind == 2 && !marked) {
      writer.SetMark(++serial_);
      at_mark_ = model_;
      root_at_mark_ = tree_.root();
    } else if (kind == 3 && marked) {
      writer.RollBackToMark();
      model_ = at_mark_;
      tree_.root() = root_at_mark_;
    } else if (kind == 4 && marked) {
      writer.ReleaseMark();
    } else if (kind == 5 && !marked) {
      tree_.Commit();
    }
  }
  void DeleteLast() {
    if (model_.empty()) return;
    const std::string last = model_.rbegin()->first;
    EXPECT_TRUE(tree_.Delete(last));
    model_.erase(last);
  }

  std::mt19937 random_;
  TreeFixture tree_;
  base::Poison poison_;
  EntryMap model_;
  uint64_t next_ = 1;
  uint64_t serial_ = uint64_t{1} << 40;
  EntryMap at_mark_;
  format::TreeRoot root_at_mark_;
};

TEST_P(TreeOfEverySize, AscendingPutsFindTheLastLeafWhateverIsDoneInBetween) {
  AscendingPuts puts(GetParam());
  for (int step = 0; step < 6000; ++step) puts.Step();
  EXPECT_EQ(puts.WhyWrong(), "");
}

TEST(Tree, WhereTheLastPutWentIsNotTakenForThePlaceInAnotherTree) {
  TreeFixture tree(512);
  tree.Put("a", "1");
  tree.Put("b", "2");
  const format::TreeRoot first = std::exchange(tree.root(), {});
  tree.Put("c", "3");
  tree.Put("d", "4");
  const format::TreeRoot second = std::exchange(tree.root(), first);
  tree.Put("e", "5");
  tree.root() = second;
  EXPECT_EQ(tree.Get("c"), "3");
  EXPECT_EQ(tree.Get("d"), "4");
  EXPECT_FALSE(tree.Get("e"));
  EXPECT_EQ(tree.root().entries, 2u);
}

TEST(Tree, AbandonedChangesLeaveNothingBehind) {
  TreeFixture tree(512);
  EntryMap model;
  for (int i = 0; i < 300; ++i) {
    tree.Put("key" + std::to_string(i), model["key" + std::to_string(i)] = std::string(i % 200, 'v'));
  }
  ASSERT_EQ(tree.WhyWrong(model), "");
  const format::TreeRoot before = tree.root();
  for (int i = 0; i < 300; i += 2) tree.Delete("key" + std::to_string(i));
  for (int i = 0; i < 300; i += 3) tree.Put("other" + std::to_string(i), std::string(i, 'w'));
  tree.DeleteRange("key1", "key3");
  tree.Abandon(before);
  EXPECT_EQ(tree.WhyWrong(model), "");
}

TEST(Tree, AVersionStaysReadableWhileTheNextIsWritten) {
  TreeFixture tree(512);
  EntryMap model;
  for (int i = 0; i < 200; ++i) tree.Put(NumberKey(i), model[NumberKey(i)] = "old" + std::to_string(i));
  tree.Commit();
  const format::TreeRoot before = tree.root();
  for (int i = 0; i < 200; i += 2) tree.Put(NumberKey(i), "new");
  for (int i = 1; i < 200; i += 4) tree.Delete(NumberKey(i));
  tree.DeleteRange(NumberKey(50), NumberKey(150));
  for (const auto& [key, value] : model) EXPECT_EQ(tree.GetFrom(before.root, key), value);
  EXPECT_EQ(tree.Get(NumberKey(0)), "new");
  EXPECT_FALSE(tree.Get(NumberKey(1)));
  EXPECT_FALSE(tree.Get(NumberKey(100)));
}

TEST(Tree, OneChangeCopiesOnePathAndASecondOneOfTheSameTransactionNone) {
  TreeFixture tree(512);
  for (int i = 0; i < 2000; ++i) tree.Put(NumberKey(i), "value");
  tree.Commit();
  tree.Put(NumberKey(777), "VALUE");
  const uint64_t levels = tree.writer().pages_created();
  EXPECT_GE(levels, 3u);
  EXPECT_LE(levels, 4u);
  EXPECT_EQ(tree.writer().pages_removed(), levels);
  tree.Put(NumberKey(777), "value");
  EXPECT_EQ(tree.writer().pages_created(), levels);
  EXPECT_FALSE(tree.Delete("not there"));
  EXPECT_EQ(tree.writer().pages_created(), levels);
}

TEST(Tree, AKeyAndAValueMayLieInTheLeafThatIsChanged) {
  TreeFixture tree(512);
  EntryMap model;
  std::string text;
  for (int i = 0; i < 120; ++i) text += static_cast<char>('a' + i * 7 % 26);
  tree.Put("~", model["~"] = text);
  for (size_t round = 0; round < 240; ++round) {
    const mvcc::EpochGuard guard(tree.slot());
    const FoundValue found = *Must(Get(tree.cache(), tree.root().root, AsBytes("~"), guard));
    const ByteView key = found.inline_bytes.first(1 + round * 37 % 120);
    const ByteView value = found.inline_bytes.last(round * 29 % (121 - key.size()));
    model[std::string(AsText(key))] = AsText(value);
    Must(Put(tree.writer(), tree.root(), key, value, guard));
    if (round % 3 == 2) {
      // Its own leaf loses the cell that the key lies in, or a neighbour of it.
      const FoundValue again = *Must(Get(tree.cache(), tree.root().root, AsBytes("~"), guard));
      const ByteView gone = again.inline_bytes.first(1 + round * 11 % 120);
      const std::string gone_text(AsText(gone));
      EXPECT_EQ(Must(Delete(tree.writer(), tree.root(), gone, guard)), model.erase(gone_text) == 1);
    }
  }
  EXPECT_EQ(tree.WhyWrong(model), "");
}

TEST(Tree, ARangeIsCutWithoutWritingWhatItCovers) {
  TreeFixture tree(512);
  EntryMap model;
  for (int i = 0; i < 5000; ++i) tree.Put(NumberKey(i), model[NumberKey(i)] = "value");
  ASSERT_EQ(tree.WhyWrong(model), "");
  const uint64_t pages_before = tree.owned().size();
  EXPECT_EQ(tree.DeleteRange(NumberKey(100), NumberKey(4900)), 4800u);
  EXPECT_LT(tree.writer().pages_created(), 16u);
  model.erase(model.find(NumberKey(100)), model.find(NumberKey(4900)));
  EXPECT_EQ(tree.WhyWrong(model), "");
  EXPECT_LT(tree.owned().size(), pages_before / 10);
  EXPECT_EQ(tree.DeleteRange(NumberKey(100), NumberKey(4900)), 0u);
  EXPECT_EQ(tree.writer().pages_created(), 0u);  // nothing to do, nothing written
  EXPECT_EQ(tree.DeleteRange(std::nullopt, NumberKey(50)), 50u);
  EXPECT_EQ(tree.DeleteRange(NumberKey(4950), std::nullopt), 50u);
  EXPECT_EQ(tree.DeleteRange("b", "a"), 0u);
  model.erase(model.begin(), model.find(NumberKey(50)));
  model.erase(model.find(NumberKey(4950)), model.end());
  EXPECT_EQ(tree.WhyWrong(model), "");
  EXPECT_EQ(tree.DeleteRange(std::nullopt, std::nullopt), model.size());
  EXPECT_EQ(tree.WhyWrong({}), "");
}

TEST(Tree, EveryRangeOfASmallTreeIsCutAsFromAMap) {
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(std::string(100, 'k') + NumberKey(i, 1));
  for (size_t low = 0; low <= keys.size(); low += 3) {
    for (size_t high = low; high <= keys.size(); high += 2) {
      TreeFixture tree(512);  // four entries to a leaf, three levels
      EntryMap model;
      for (const std::string& key : keys) tree.Put(key, model[key] = "v");
      tree.Commit();
      const std::optional<std::string> lower = low == 0 ? std::nullopt : std::optional(keys[low]);
      const std::optional<std::string> upper = high == keys.size() ? std::nullopt : std::optional(keys[high]);
      EXPECT_EQ(tree.DeleteRange(lower, upper), high - low);
      for (size_t i = low; i < high; ++i) model.erase(keys[i]);
      ASSERT_EQ(tree.WhyWrong(model), "") << low << " " << high;
    }
  }
}

// Some of them written out, some still in memory, some of an earlier commit, which stay.
TEST(Tree, NodesAreMovedOffThePagesThatAreWanted) {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    std::mt19937_64 random(seed);
    TreeFixture tree(512);
    EntryMap model;
    const auto change = [&](int times) {
      for (int i = 0; i < times; ++i) {
        const std::string key = NumberKey(random() % 600);
        const std::string value(random() % 8 == 0 ? 700 : random() % 60, static_cast<char>('a' + i % 26));
        tree.Put(key, value);
        model[key] = value;
      }
    };
    change(300);
    tree.Commit();
    change(40);
    base::Poison poison;
    Must(tree.writer().Spill(poison));
    change(40);

    // Now and then what has been moved is written out at once.
    const size_t moved = tree.MoveSome([&] { return random() % 2 == 0; },
                                       [&]() -> Status {
                                         if (random() % 4 != 0) return {};
                                         return tree.writer().Spill(poison);
                                       });
    EXPECT_GT(moved, 10u);
    EXPECT_EQ(tree.WhyWrong(model), "") << seed;
    tree.Reopen();
    EXPECT_EQ(tree.WhyWrong(model), "") << seed << ", from the file";
  }
}

TEST(Tree, ADroppedTreeIsFreedStepByStep) {
  TreeFixture tree(512);
  for (int i = 0; i < 3000; ++i) tree.Put(NumberKey(i), std::string(i % 50 == 0 ? 2000 : 5, 'v'));
  ASSERT_TRUE(tree.owned().empty());
  tree.Commit();
  const uint64_t pages = tree.owned().size();
  std::vector<LeftSubtree> rest = {{tree.root().root}};
  tree.root() = {};
  int steps = 0;
  while (!rest.empty()) {
    const LeftSubtree subtree = rest.back();
    ASSERT_FALSE(subtree.unreadable);
    rest.pop_back();
    const uint64_t before = tree.owned().size();
    Must(FreeSubtree(tree.writer(), subtree.root, 20, rest, tree.slot()));
    tree.Commit();
    EXPECT_LE(before - tree.owned().size(), 20u + 4 * 10);  // a leaf goes with its extents
    ++steps;
  }
  EXPECT_GT(steps, 10);
  EXPECT_GT(pages, 200u);
  EXPECT_EQ(tree.WhyWrong({}), "");
  EXPECT_TRUE(tree.owned().empty());
}

TEST(Tree, DeletionsJoinNodesSoThatPagesComeBack) {
  TreeFixture tree(512);
  EntryMap model;
  for (int i = 0; i < 4000; ++i) tree.Put(NumberKey(i), model[NumberKey(i)] = "value");
  tree.Commit();
  const uint64_t pages_before = tree.owned().size();
  for (int i = 0; i < 4000; ++i) {
    if (i % 16 == 0) continue;
    ASSERT_TRUE(tree.Delete(NumberKey(i)));
    model.erase(NumberKey(i));
  }
  ASSERT_EQ(tree.WhyWrong(model), "");
  EXPECT_LT(tree.owned().size(), pages_before / 4);
}

// The budget and what comes on top of it: frames that were retired and not looked through yet, and what the
// change itself made.
uint64_t CachePagesMax(uint64_t budget) { return budget + 24; }

TEST(Tree, RemovingARangeTakesNoMoreMemoryThanTheCacheMayHave) {
  constexpr uint64_t kCachePages = 64;
  TreeFixture tree(512, kCachePages);
  for (int i = 0; i < 20000; ++i) {
    tree.Put(NumberKey(i), "value");
    if (i % 1000 == 999) tree.Reopen();
  }
  const uint64_t pages = tree.owned().size();
  ASSERT_GT(pages, 10 * kCachePages);
  EXPECT_EQ(tree.DeleteRange(NumberKey(100), NumberKey(19900)), 19800u);
  EXPECT_LE(tree.cache().bytes_cached() / 512, CachePagesMax(kCachePages));
  tree.Reopen();
  EXPECT_EQ(tree.DeleteRange(std::nullopt, std::nullopt), 200u);
  EXPECT_EQ(tree.WhyWrong({}), "");
}

TEST(Tree, FreeingADroppedTreeTakesNoMoreMemoryThanTheCacheMayHave) {
  constexpr uint64_t kCachePages = 64;
  TreeFixture tree(512, kCachePages);
  for (int i = 0; i < 20000; ++i) {
    tree.Put(NumberKey(i), "value");
    if (i % 1000 == 999) tree.Reopen();
  }
  std::vector<LeftSubtree> rest;
  Must(FreeSubtree(tree.writer(), tree.root().root, 100000, rest, tree.slot()));
  EXPECT_TRUE(rest.empty());
  EXPECT_LE(tree.cache().bytes_cached() / 512, CachePagesMax(kCachePages));
  tree.root() = {};
  EXPECT_EQ(tree.WhyWrong({}), "");
}

TEST(Tree, WhatCannotBeReadOfADroppedTreeIsLeftAndTheRestIsFreed) {
  TreeFixture tree(512);
  for (int i = 0; i < 3000; ++i) tree.Put(NumberKey(i), std::string(i % 50 == 0 ? 2000 : 5, 'v'));
  tree.Reopen();
  std::vector<format::PageRef> damaged;
  {
    const mvcc::EpochGuard guard(tree.slot());
    const NodeView root(Must(tree.writer().Fetch(tree.root().root, guard))->bytes);
    ASSERT_GE(root.level(), 2u);
    const NodeView branch(Must(tree.writer().Fetch(root.Child(0), guard))->bytes);
    damaged = {root.Child(1), branch.Child(2)};
  }
  auto file = Must(tree.storage().Open("tree", OpenMode::kReadWrite));
  auto page = Must(base::Buffer::Make(4096, "test"));
  for (const format::PageRef ref : damaged) {
    Must(file->Read(ref.id.raw() * 512, page.span().first(512)));
    page.data()[200] ^= std::byte{1};
    Must(file->Write(ref.id.raw() * 512, page.view().first(512)));
  }
  tree.Reopen();
  std::vector<LeftSubtree> rest;
  Must(FreeSubtree(tree.writer(), tree.root().root, 100000, rest, tree.slot()));
  ASSERT_EQ(rest.size(), 2u);
  for (const LeftSubtree& left : rest) {
    EXPECT_TRUE(left.unreadable);
    EXPECT_TRUE(left.root == damaged[0] || left.root == damaged[1]);
    // Again: nothing is removed, nothing is lost.
    std::vector<LeftSubtree> again;
    const uint64_t removed = tree.writer().pages_removed();
    Must(FreeSubtree(tree.writer(), left.root, 100000, again, tree.slot()));
    EXPECT_EQ(tree.writer().pages_removed(), removed);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].root, left.root);
  }
  tree.root() = {};
  tree.Commit();
}

TEST(Tree, ALeafIsFreedWithItsExtentsOrNotAtAll) {
  TreeFixture tree(512);
  for (int i = 0; i < 3; ++i) tree.Put(NumberKey(i), std::string(2000, 'v'));
  {
    const mvcc::EpochGuard guard(tree.slot());
    const page::MutablePage leaf = Must(tree.writer().Edit(tree.root().root, guard));
    NodeView node(leaf.bytes);
    ASSERT_TRUE(node.leaf());
    // The last extent lies over the second one.
    std::memcpy(const_cast<std::byte*>(node.StoredValue(2).data()), node.StoredValue(1).data(), 8);
  }
  tree.Reopen();
  std::vector<LeftSubtree> rest;
  Must(FreeSubtree(tree.writer(), tree.root().root, 1000, rest, tree.slot()));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_TRUE(rest[0].unreadable);
  EXPECT_EQ(tree.writer().pages_removed(), 0u);
  tree.root() = {};
}

// ---- References that nobody wrote this way ----------------------------------------------------------------

TEST(Tree, AReferenceBackUpTheTreeIsCorruptionAndNotALoop) {
  TreeFixture tree(512);
  for (int i = 0; i < 2000; ++i) tree.Put(NumberKey(i), "value");
  const mvcc::EpochGuard guard(tree.slot());
  const page::MutablePage root = Must(tree.writer().Edit(tree.root().root, guard));
  ASSERT_GE(NodeView(root.bytes).level(), 2u);
  const format::PageRef child = NodeView(root.bytes).Child(0);
  SetChild({root.bytes, 512}, 0, root.ref);
  const auto found = Get(tree.cache(), tree.root().root, AsBytes(NumberKey(0)), guard);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::kCorrupt);
  EXPECT_EQ(found.error().offset(), root.ref.id.raw() * 512);
  format::TreeRoot copy = tree.root();
  EXPECT_EQ(Put(tree.writer(), copy, AsBytes(NumberKey(0)), {}, guard).error().code(), Errc::kCorrupt);
  EXPECT_EQ(Delete(tree.writer(), copy, AsBytes(NumberKey(0)), guard).error().code(), Errc::kCorrupt);
  EXPECT_EQ(DeleteRange(tree.writer(), copy, {}, AsBytes(NumberKey(1)), tree.slot()).error().code(),
            Errc::kCorrupt);
  TreeCursor cursor(tree.cache(), tree.root().root, std::nullopt, std::nullopt);
  EXPECT_EQ(cursor.First(guard).error().code(), Errc::kCorrupt);
  SetChild({root.bytes, 512}, 0, child);
  EXPECT_TRUE(tree.Get(NumberKey(0)));
}

TEST(Tree, AnEntryTooManyIsCorruptionAndNotAWrappedCount) {
  TreeFixture tree(512);
  tree.Put("a", "1");
  tree.Put("b", "2");
  const mvcc::EpochGuard guard(tree.slot());
  format::TreeRoot wrong{tree.root().root, 0};
  EXPECT_EQ(Delete(tree.writer(), wrong, AsBytes("a"), guard).error().code(), Errc::kCorrupt);
  wrong.entries = 1;
  EXPECT_EQ(DeleteRange(tree.writer(), wrong, AsBytes("a"), AsBytes("c"), tree.slot()).error().code(),
            Errc::kCorrupt);
  tree.root() = {};
}

TEST(Tree, AnEntryTooFewIsCorruptionWhenTheLastOneGoesAndWhenItIsTakenForTheLast) {
  TreeFixture tree(512);
  tree.Put("a", "1");
  tree.Put("b", "2");
  tree.Commit();
  const mvcc::EpochGuard guard(tree.slot());
  format::TreeRoot wrong{tree.root().root, 1};
  EXPECT_EQ(Delete(tree.writer(), wrong, AsBytes("a"), guard).error().code(), Errc::kCorrupt);
  tree.Abandon(tree.root());
  wrong = {tree.root().root, 3};
  EXPECT_EQ(DeleteRange(tree.writer(), wrong, {}, {}, tree.slot()).error().code(), Errc::kCorrupt);
  tree.Abandon(tree.root());
}

// Each leaf is in order, the two are not: nobody may put their cells together as if they were.
TEST(Tree, LeavesInEachOthersPlaceAreCorruptionWhenTheyAreJoined) {
  TreeFixture tree(512);
  for (int i = 0; i < 100; ++i) tree.Put(NumberKey(i), "value");
  const mvcc::EpochGuard guard(tree.slot());
  const page::MutablePage root = Must(tree.writer().Edit(tree.root().root, guard));
  ASSERT_EQ(NodeView(root.bytes).level(), 1u);
  const NodeView node(root.bytes);
  const format::PageRef first = node.Child(0);
  SetChild({root.bytes, 512}, 0, node.Child(node.cells() - 1));
  SetChild({root.bytes, 512}, node.cells() - 1, first);
  Status status;
  for (int i = 0; i < 100 && status; ++i) {
    if (auto deleted = Delete(tree.writer(), tree.root(), AsBytes(NumberKey(i)), guard); !deleted) {
      status = std::unexpected<Error>(deleted.error());
    }
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kCorrupt);
  tree.Abandon({});
}

// Its keys are not between the separators beside it, so what a split sends up has no place there.
TEST(Tree, ALeafInAnothersPlaceIsCorruptionWhenItSplits) {
  TreeFixture tree(512);
  for (int i = 0; i < 100; ++i) tree.Put(NumberKey(i), "value");
  const mvcc::EpochGuard guard(tree.slot());
  const page::MutablePage root = Must(tree.writer().Edit(tree.root().root, guard));
  const NodeView node(root.bytes);
  const format::PageRef first = node.Child(0);
  SetChild({root.bytes, 512}, 0, node.Child(node.cells() - 1));
  SetChild({root.bytes, 512}, node.cells() - 1, first);
  Status status;
  for (int i = 0; i < 100 && status; ++i) {
    const std::string key = NumberKey(0) + std::to_string(100 + i);
    if (auto put = Put(tree.writer(), tree.root(), AsBytes(key), AsBytes("value"), guard); !put) {
      status = std::unexpected<Error>(put.error());
    }
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kCorrupt);
  tree.Abandon({});
}

// The leaf itself is in order, and begins where it should: its last keys lie behind the next separator.
TEST(Tree, ALeafThatReachesIntoTheNextOneIsCorruptionWhenItGivesCellsToItsNeighbour) {
  TreeFixture tree(512);
  for (int i = 1000; i < 1060; ++i) tree.Put("key" + std::to_string(i), std::string(60, 'v'));
  const mvcc::EpochGuard guard(tree.slot());
  const NodeView root(Must(tree.writer().Fetch(tree.root().root, guard))->bytes);
  ASSERT_EQ(root.level(), 1u);
  const auto text = [](const KeyParts& key) {
    return std::string(AsText(key.prefix)).append(AsText(key.rest));
  };
  uint32_t forged = 0;
  std::string first;
  for (uint32_t index = 1; index + 1 < root.cells() && forged == 0; ++index) {
    first = text(NodeView(Must(tree.writer().Fetch(root.Child(index), guard))->bytes).Key(0));
    if (first >= "key1030") forged = index;
  }
  ASSERT_GT(forged, 0u);
  const page::MutablePage leaf = Must(tree.writer().Edit(root.Child(forged), guard));
  const std::string value(118, 'w');
  const LeafLead lead({AsBytes(value), false});
  CellSequence cells(true);
  for (const std::string_view key :
       {std::string_view(first), std::string_view("y1"), std::string_view("y2")}) {
    cells.AddCell(lead.Parts(AsBytes(key)));
  }
  Build({leaf.bytes, 512}, cells, 0, cells.size());
  std::vector<std::string> separators;
  for (uint32_t index = 1; index < root.cells(); ++index) separators.push_back(text(root.Key(index)));
  std::vector<std::string> victims;
  const NodeView before(Must(tree.writer().Fetch(root.Child(forged - 1), guard))->bytes);
  for (uint32_t index = 0; index + 1 < before.cells(); ++index) victims.push_back(text(before.Key(index)));
  Status status;
  for (const std::string& key : victims) {
    auto deleted = Delete(tree.writer(), tree.root(), AsBytes(key), guard);
    if (!deleted) status = std::unexpected<Error>(deleted.error());
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kCorrupt);
  const NodeView after(Must(tree.writer().Fetch(tree.root().root, guard))->bytes);
  ASSERT_EQ(after.cells(), separators.size() + 1);
  for (uint32_t index = 1; index < after.cells(); ++index)
    EXPECT_EQ(text(after.Key(index)), separators[index - 1]);
  tree.Abandon({});
}

}  // namespace
}  // namespace manifolddb::btree
