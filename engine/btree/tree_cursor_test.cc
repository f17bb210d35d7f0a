#include "engine/btree/tree_cursor.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

using Bound = std::optional<std::string>;

// A cursor beside the map iterator that it must follow.
class Pair {
 public:
  Pair(TreeFixture& tree, const EntryMap& model, const Bound& lower, const Bound& upper)
      : tree_(tree),
        cursor_(tree.cache(), tree.root().root, TreeFixture::View(lower), TreeFixture::View(upper)),
        begin_(lower ? model.lower_bound(*lower) : model.begin()),
        end_(upper ? model.lower_bound(*upper) : model.end()),
        model_(model) {
    if (lower && upper && *upper < *lower) end_ = begin_;
  }

  void First() { Expect(cursor_.First(Guard()), begin_ == end_ ? Where::kAfter : Where::kAt, begin_); }
  void Last() {
    if (begin_ == end_) return Expect(cursor_.Last(Guard()), Where::kBefore, end_);
    Expect(cursor_.Last(Guard()), Where::kAt, std::prev(end_));
  }
  void Seek(const std::string& key) {
    auto to = model_.lower_bound(key);
    if (begin_ != model_.end() && (to == model_.end() ? false : to->first < begin_->first)) to = begin_;
    const bool beyond =
        to == model_.end() || begin_ == end_ || (end_ != model_.end() && to->first >= end_->first);
    Expect(cursor_.Seek(AsBytes(key), Guard()), beyond ? Where::kAfter : Where::kAt, to);
  }
  void SeekForPrev(const std::string& key) {
    auto after = model_.upper_bound(key);
    if (end_ != model_.end() && (after == model_.end() || after->first > end_->first)) after = end_;
    const bool beyond = begin_ == end_ || after == model_.begin() || std::prev(after)->first < begin_->first;
    Expect(cursor_.SeekForPrev(AsBytes(key), Guard()), beyond ? Where::kBefore : Where::kAt,
           beyond ? after : std::prev(after));
  }
  void Next() {
    if (where_ == Where::kAfter) return Expect(cursor_.Next(Guard()), Where::kAfter, at_);
    const auto to = where_ == Where::kBefore ? begin_ : std::next(at_);
    Expect(cursor_.Next(Guard()), to == end_ ? Where::kAfter : Where::kAt, to);
  }
  void Prev() {
    if (where_ == Where::kBefore) return Expect(cursor_.Prev(Guard()), Where::kBefore, at_);
    const auto from = where_ == Where::kAfter ? end_ : at_;
    const bool beyond = from == begin_;
    Expect(cursor_.Prev(Guard()), beyond ? Where::kBefore : Where::kAt, beyond ? from : std::prev(from));
  }
  TreeCursor& cursor() { return cursor_; }

 private:
  enum class Where { kBefore, kAt, kAfter };
  const mvcc::EpochGuard& Guard() {
    guard_.emplace(tree_.slot());
    return *guard_;
  }
  void Expect(Result<bool> moved, Where where, EntryMap::const_iterator at) {
    ASSERT_TRUE(moved);
    ASSERT_EQ(*moved, where == Where::kAt);
    ASSERT_EQ(cursor_.valid(), where == Where::kAt);
    where_ = where;
    at_ = at;
    if (where == Where::kAt) {
      ASSERT_EQ(AsText(cursor_.key()), at->first);
      ASSERT_EQ(tree_.TextOf(cursor_.value()), at->second);
      const CursorEntry& entry = cursor_.entry();
      ASSERT_EQ(AsText({entry.key, entry.key_bytes}), at->first);
      if (entry.value != nullptr) {
        ASSERT_EQ(AsText({entry.value, entry.value_bytes}), at->second);
      }
      ASSERT_EQ(entry.value == nullptr, !cursor_.value().extent.null());
    }
    ASSERT_EQ(cursor_.entry().key == nullptr, where != Where::kAt);
    guard_.reset();
  }

  TreeFixture& tree_;
  TreeCursor cursor_;
  EntryMap::const_iterator begin_;
  EntryMap::const_iterator end_;
  const EntryMap& model_;
  Where where_ = Where::kBefore;
  EntryMap::const_iterator at_;
  std::optional<mvcc::EpochGuard> guard_;
};

class CursorOverEverySize : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, CursorOverEverySize,
                         testing::Values(512u, 1024u, 2048u, 4096u, 8192u, 16384u, 32768u, 65536u));

TEST_P(CursorOverEverySize, WalksBothWaysAsAMapDoesWithAndWithoutBounds) {
  std::mt19937 random(GetParam());
  TreeFixture tree(GetParam());
  EntryMap model;
  // Some longer behind the prefix of their leaf than a block, some that end with the page.
  const auto any_key = [&] {
    const std::string key = std::string(random() % 20, 'k') + std::to_string(random() % 500);
    return random() % 4 == 0 ? key + std::string(random() % 30, 't') : key;
  };
  for (int i = 0; i < 700; ++i) {
    const std::string key = any_key();
    const size_t bytes = random() % 30 == 0 ? GetParam() : random() % 30;
    tree.Put(key, model[key] = std::string(bytes, static_cast<char>(random())));
  }
  tree.Reopen();
  for (int round = 0; round < 40; ++round) {
    const Bound lower = random() % 3 == 0 ? std::nullopt : Bound(any_key());
    const Bound upper = random() % 3 == 0 ? std::nullopt : Bound(any_key());
    Pair pair(tree, model, lower, upper);
    uint32_t direction = random() % 2;
    for (int step = 0; step < 150; ++step) {
      const uint32_t kind = random() % 40;
      if (kind == 0) pair.First();
      if (kind == 1) pair.Last();
      if (kind == 2) pair.Seek(any_key());
      if (kind == 3) pair.SeekForPrev(any_key());
      if (kind == 4) direction = 1 - direction;
      if (kind > 4) direction == 0 ? pair.Next() : pair.Prev();
      if (HasFatalFailure()) FAIL() << "round " << round << " step " << step;
    }
  }
}

TEST(TreeCursor, AnEmptyTreeHasNoPositions) {
  TreeFixture tree(512);
  const EntryMap model;
  for (const bool bounded : {false, true}) {
    Pair pair(tree, model, bounded ? Bound("a") : std::nullopt, bounded ? Bound("b") : std::nullopt);
    pair.Next();
    pair.First();
    pair.Prev();
    pair.Last();
    pair.Next();
    pair.Seek("a");
    pair.SeekForPrev("b");
  }
}

TEST(TreeCursor, ANewCursorStandsBeforeTheFirstEntry) {
  TreeFixture tree(512);
  EntryMap model;
  for (const char* key : {"a", "b", "c"}) tree.Put(key, model[key] = "v");
  Pair forward(tree, model, std::nullopt, std::nullopt);
  forward.Prev();
  for (int i = 0; i < 5; ++i) forward.Next();
  for (int i = 0; i < 5; ++i) forward.Prev();
}

TEST(TreeCursor, EveryBoundAndSeekAroundEveryKeyIsExact) {
  TreeFixture tree(512);
  EntryMap model;
  std::vector<std::string> probes = {""};
  for (int i = 0; i < 24; ++i) {
    const std::string key = std::string(90, 'k') + static_cast<char>('A' + 2 * i);
    tree.Put(key, model[key] = std::to_string(i));
    probes.push_back(key);
    probes.push_back(std::string(90, 'k') + static_cast<char>('B' + 2 * i));
  }
  probes.emplace_back("z");
  for (size_t low = 0; low < probes.size(); low += 3) {
    for (size_t high = 0; high < probes.size(); high += 4) {
      Pair pair(tree, model, probes[low], probes[high]);
      for (const std::string& probe : probes) {
        pair.Seek(probe);
        pair.Prev();
        pair.SeekForPrev(probe);
        pair.Next();
        if (HasFatalFailure()) FAIL() << low << " " << high;
      }
    }
  }
}

TEST(TreeCursor, RestsOnItsLeafWhileThePageIsEvictedAroundIt) {
  TreeFixture tree(512, 8);
  EntryMap model;
  for (int i = 0; i < 500; ++i) tree.Put(NumberKey(i), model[NumberKey(i)] = std::to_string(i));
  tree.Reopen();
  Pair resting(tree, model, std::nullopt, std::nullopt);
  resting.Seek(NumberKey(250));
  Pair walking(tree, model, std::nullopt, std::nullopt);
  for (int i = 0; i < 500; ++i) walking.Next();
  EXPECT_EQ(AsText(resting.cursor().key()), NumberKey(250));
  EXPECT_EQ(tree.TextOf(resting.cursor().value()), "250");
  for (int i = 0; i < 100; ++i) resting.Next();
  for (int i = 0; i < 300; ++i) resting.Prev();
}

// ---- A writer's cursor ------------------------------------------------------------------------------------

TEST(TreeCursor, AfterRebaseItGoesOnFromItsKeyWhateverHappenedAroundIt) {
  for (const uint32_t page_bytes : {512u, 4096u}) {
    std::mt19937 random(page_bytes);
    TreeFixture tree(page_bytes);
    EntryMap model;
    const auto any_key = [&] { return "key" + NumberKey(random() % 300, 2); };
    TreeCursor cursor(tree.cache(), tree.root().root, std::nullopt, std::nullopt);
    std::optional<std::string> place;  // absent: before the first
    for (int step = 0; step < 5000; ++step) {
      const std::string key = random() % 3 == 0 && place ? *place : any_key();
      const uint32_t deletes = step / 1000 % 2 == 0 ? 3 : 6;
      if (random() % 10 < deletes) {
        tree.Delete(key);
        model.erase(key);
      } else {
        tree.Put(key, model[key] = std::to_string(step) + std::string(random() % 40, 'v'));
      }
      cursor.Rebase(tree.root().root);
      const mvcc::EpochGuard guard(tree.slot());
      if (place && random() % 2 == 0) {
        ASSERT_TRUE(cursor.valid());
        ASSERT_EQ(AsText(cursor.key()), *place);
        const bool there = Must(cursor.Refresh(guard));
        ASSERT_EQ(there, model.contains(*place));
        ASSERT_EQ(cursor.settled(), there);
        if (there) {
          ASSERT_EQ(tree.TextOf(cursor.value()), model[*place]);
        }
      }
      const bool forward = random() % 8 != 0;
      const bool moved = Must(forward ? cursor.Next(guard) : cursor.Prev(guard));
      const auto after = place ? model.upper_bound(*place) : model.begin();
      const auto at = place ? model.lower_bound(*place) : model.begin();
      const bool expected = forward ? after != model.end() : place && at != model.begin();
      ASSERT_EQ(moved, expected) << step;
      if (!moved) {
        place.reset();
        Must(cursor.SeekForPrev({}, guard));  // before the first again: no key is empty
        continue;
      }
      place = forward ? after->first : std::prev(at)->first;
      ASSERT_EQ(AsText(cursor.key()), *place) << step;
      ASSERT_EQ(tree.TextOf(cursor.value()), model[*place]);
    }
  }
}

TEST(TreeCursor, RebaseOnToAnEmptiedTreeLeavesThePlaceAndNoEntry) {
  TreeFixture tree(512);
  tree.Put("a", "1");
  TreeCursor cursor(tree.cache(), tree.root().root, std::nullopt, std::nullopt);
  const mvcc::EpochGuard guard(tree.slot());
  ASSERT_TRUE(Must(cursor.First(guard)));
  tree.Delete("a");
  cursor.Rebase(tree.root().root);
  EXPECT_TRUE(cursor.valid());
  EXPECT_EQ(AsText(cursor.key()), "a");
  EXPECT_FALSE(Must(cursor.Refresh(guard)));
  EXPECT_FALSE(Must(cursor.Next(guard)));
  tree.Put("b", "2");
  cursor.Rebase(tree.root().root);
  EXPECT_FALSE(Must(cursor.Next(guard)));  // beyond the last it stays
  EXPECT_TRUE(Must(cursor.Prev(guard)));
  EXPECT_EQ(AsText(cursor.key()), "b");
}

// ---- Errors -----------------------------------------------------------------------------------------------

TEST(TreeCursor, AnErrorLeavesTheCursorWhereItWas) {
  TreeFixture tree(512);
  EntryMap model;
  for (int i = 0; i < 1000; ++i) tree.Put(NumberKey(i), model[NumberKey(i)] = std::to_string(i));
  tree.Reopen();
  // One leaf in the middle is not readable for a while.
  uint64_t leaf = 0;
  {
    const mvcc::EpochGuard guard(tree.slot());
    leaf = Must(Get(tree.cache(), tree.root().root, AsBytes(NumberKey(500)), guard))->frame->ref.id.raw();
  }
  tree.Reopen();
  auto file = Must(tree.storage().Open("tree", OpenMode::kReadWrite));
  auto page = Must(base::Buffer::Make(4096, "test"));
  Must(file->Read(leaf * 512, page.span().first(512)));
  const auto flip = [&] {
    page.data()[100] ^= std::byte{1};
    Must(file->Write(leaf * 512, page.view().first(512)));
  };
  flip();
  const mvcc::EpochGuard guard(tree.slot());
  TreeCursor cursor(tree.cache(), tree.root().root, std::nullopt, std::nullopt);
  int seen = 0;
  Result<bool> moved = cursor.Next(guard);
  for (; moved && *moved; moved = cursor.Next(guard)) {
    ASSERT_EQ(AsText(cursor.key()), NumberKey(seen++));
  }
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code(), Errc::kCorrupt);
  ASSERT_TRUE(cursor.valid());
  EXPECT_EQ(AsText(cursor.key()), NumberKey(seen - 1));
  EXPECT_FALSE(cursor.Next(guard));
  EXPECT_FALSE(cursor.Seek(AsBytes(NumberKey(500)), guard));
  EXPECT_EQ(AsText(cursor.key()), NumberKey(seen - 1));
  flip();
  for (moved = cursor.Next(guard); moved && *moved; moved = cursor.Next(guard)) {
    ASSERT_EQ(AsText(cursor.key()), NumberKey(seen++));
  }
  ASSERT_TRUE(moved);
  EXPECT_EQ(seen, 1000);
}

}  // namespace
}  // namespace manifolddb::btree
