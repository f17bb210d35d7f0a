// The tree against std::map: random commands, every page size, three kinds of keys. Twelve possible keys
// only, so that commands meet each other; values around the bound between leaf and extent, so that few of
// them make many pages. The third kind makes a run of keys of each of the twelve, for trees of several
// levels.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/state.h>

#include <cstdlib>
#include <random>
#include <string>

#include "engine/base/sites.h"
#include "engine/btree/tree_test_util.h"

namespace manifolddb::btree {
namespace {

constexpr int kKeys = 12;
// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=42 max_success=150", 0);

enum class KeyKind { kShort, kLongShared, kRuns };
constexpr int kRunKeys = 24;

// ---- What keys and values there are -----------------------------------------------------------------------

struct Universe {
  uint32_t page_bytes = 0;
  KeyKind keys = KeyKind::kShort;

  // Twelve different ones.
  std::string Key(int index) const {
    if (keys != KeyKind::kLongShared) {
      static const char* const kShort[kKeys] = {"",  "a",  "aa", "aab", "aabcd", "ab",
                                                "b", "ba", "c",  "cc",  "d",     "e"};
      return kShort[index];
    }
    // Three groups; within a group keys differ in the last byte, or one is a prefix of the other.
    const size_t bytes_max = format::KeyBytesMax(page_bytes);
    const std::string group = std::string(static_cast<size_t>(index / 4) * (bytes_max / 4), 'p') + 'q';
    const std::string shared = std::string(bytes_max - 2, index / 4 == 2 ? 'z' : 'p');
    std::string key = index / 4 == 2 ? shared : group + std::string(bytes_max - 2 - group.size(), 'r');
    if (index % 4 > 0) key += static_cast<char>('0' + index % 4);
    if (index % 4 == 3) key += 'x';
    return key;
  }
  // What a command on key `index` is about: the key, or its run; `thinned` leaves out some of it.
  std::vector<std::string> Run(int index, bool thinned) const {
    if (keys != KeyKind::kRuns) return {Key(index)};
    std::vector<std::string> run;
    for (int i = 0; i < kRunKeys; ++i) {
      if (thinned && i % 8 == 0) continue;
      // Neighbours share little or nearly everything, so separators are of every length.
      std::string key = Key(index) + static_cast<char>('A' + i / 2);
      if (i % 6 < 4) key.resize(format::KeyBytesMax(page_bytes) - 1, '-');
      run.push_back(key + static_cast<char>('0' + i % 2));
    }
    return run;
  }
};

enum class Size { kEmpty, kSmall, kHalf, kInlineMax, kExtentMin, kPages };
constexpr int kSizes = 6;

struct ValueKind {
  int size = 0;
  char fill = 'a';

  std::string Of(const Universe& universe, const std::string& key) const {
    const size_t room = format::InlineBytesMax(universe.page_bytes) - key.size();
    switch (static_cast<Size>(size)) {
      case Size::kEmpty: return "";
      case Size::kSmall: return std::string(std::min<size_t>(room, 5), fill);
      case Size::kHalf: return std::string(room / 2, fill);
      case Size::kInlineMax: return std::string(room, fill);
      case Size::kExtentMin: return std::string(room + 1, fill);
      case Size::kPages: break;
    }
    return std::string(universe.page_bytes + 1, fill);
  }
  std::string Text() const {
    static const char* const kNames[kSizes] = {"empty",      "small",      "half",
                                               "inline max", "extent min", "two pages"};
    return std::string(kNames[size]) + " of '" + fill + "'";
  }
};

// ---- Model and commands -----------------------------------------------------------------------------------

struct TreeModel {
  Universe universe;
  EntryMap entries;
};

using Command = rc::state::Command<TreeModel, TreeFixture>;

int AnyIndex() { return *rc::gen::inRange(0, kKeys); }
std::optional<std::string> BoundOf(const TreeModel& model, int index) {
  if (index >= kKeys) return std::nullopt;
  return model.universe.Key(index);
}
std::string BoundText(int index) { return index >= kKeys ? "none" : "k" + std::to_string(index); }

struct PutCommand : Command {
  int key = AnyIndex();
  ValueKind value{*rc::gen::inRange(0, kSizes), *rc::gen::inRange('a', 'd')};

  void apply(TreeModel& model) const override {
    for (const std::string& text : model.universe.Run(key, false)) {
      model.entries[text] = value.Of(model.universe, text);
    }
  }
  void run(const TreeModel& model, TreeFixture& tree) const override {
    for (const std::string& text : model.universe.Run(key, false)) {
      RC_ASSERT(tree.Put(text, value.Of(model.universe, text)) == !model.entries.contains(text));
    }
  }
  void show(std::ostream& out) const override { out << "Put(k" << key << ", " << value.Text() << ")"; }
};

struct DeleteCommand : Command {
  int key = AnyIndex();

  void apply(TreeModel& model) const override {
    for (const std::string& text : model.universe.Run(key, true)) model.entries.erase(text);
  }
  void run(const TreeModel& model, TreeFixture& tree) const override {
    for (const std::string& text : model.universe.Run(key, true)) {
      RC_ASSERT(tree.Delete(text) == model.entries.contains(text));
    }
  }
  void show(std::ostream& out) const override { out << "Delete(k" << key << ")"; }
};

struct DeleteRangeCommand : Command {
  int lower = *rc::gen::inRange(0, kKeys + 1);
  int upper = *rc::gen::inRange(0, kKeys + 1);

  void apply(TreeModel& model) const override {
    const auto [begin, end] = Range(model);
    model.entries.erase(begin, end);
  }
  void run(const TreeModel& model, TreeFixture& tree) const override {
    TreeModel copy = model;
    const auto [begin, end] = Range(copy);
    const auto gone = static_cast<uint64_t>(std::distance(begin, end));
    RC_ASSERT(tree.DeleteRange(BoundOf(model, lower), BoundOf(model, upper)) == gone);
  }
  void show(std::ostream& out) const override {
    out << "DeleteRange(" << BoundText(lower) << ", " << BoundText(upper) << ")";
  }
  std::pair<EntryMap::iterator, EntryMap::iterator> Range(TreeModel& model) const {
    const auto low = BoundOf(model, lower);
    const auto high = BoundOf(model, upper);
    const auto begin = low ? model.entries.lower_bound(*low) : model.entries.begin();
    const auto end = high ? model.entries.lower_bound(*high) : model.entries.end();
    if (low && high && *high <= *low) return {begin, begin};
    return {begin, end};
  }
};

struct GetCommand : Command {
  int key = AnyIndex();

  void run(const TreeModel& model, TreeFixture& tree) const override {
    const std::string text = model.universe.Run(key, false).back();
    const auto found = tree.Get(text);
    const auto at = model.entries.find(text);
    RC_ASSERT(found.has_value() == (at != model.entries.end()));
    if (found) RC_ASSERT(*found == at->second);
  }
  void show(std::ostream& out) const override { out << "Get(k" << key << ")"; }
};

// Seeks and walks to the end, in one direction, within bounds.
struct WalkCommand : Command {
  bool forward = *rc::gen::arbitrary<bool>();
  int from = AnyIndex();
  int lower = *rc::gen::inRange(0, 2 * kKeys);  // mostly none
  int upper = *rc::gen::inRange(0, 2 * kKeys);

  void run(const TreeModel& model, TreeFixture& tree) const override {
    const auto low = BoundOf(model, lower);
    const auto high = BoundOf(model, upper);
    const std::string start = model.universe.Key(from);
    const mvcc::EpochGuard guard(tree.slot());
    TreeCursor cursor(tree.cache(), tree.root().root, TreeFixture::View(low), TreeFixture::View(high));
    bool valid =
        Must(forward ? cursor.Seek(AsBytes(start), guard) : cursor.SeekForPrev(AsBytes(start), guard));
    const auto expect = [&](const EntryMap::value_type& entry) {
      if ((low && entry.first < *low) || (high && entry.first >= *high)) return;
      if (forward ? entry.first < start : entry.first > start) return;
      RC_ASSERT(valid);
      RC_ASSERT(AsText(cursor.key()) == entry.first);
      RC_ASSERT(tree.TextOf(cursor.value()) == entry.second);
      valid = Must(forward ? cursor.Next(guard) : cursor.Prev(guard));
    };
    if (forward) {
      std::for_each(model.entries.begin(), model.entries.end(), expect);
    } else {
      std::for_each(model.entries.rbegin(), model.entries.rend(), expect);
    }
    RC_ASSERT(!valid);
  }
  void show(std::ostream& out) const override {
    out << (forward ? "WalkForward(from k" : "WalkBackward(from k") << from << ", " << BoundText(lower)
        << ", " << BoundText(upper) << ")";
  }
};

// Nodes of the running transaction give up their pages.
struct MoveCommand : Command {
  uint64_t seed = *rc::gen::inRange<uint64_t>(0, 1000);

  void run(const TreeModel&, TreeFixture& tree) const override {
    std::mt19937_64 random(seed);
    tree.MoveSome([&] { return random() % 2 == 0; }, [] { return Status(); });
  }
  void show(std::ostream& out) const override { out << "Move(" << seed << ")"; }
};

// Ends the transaction; the tree is walked, and its pages are compared with the books.
struct CommitCommand : Command {
  void run(const TreeModel& model, TreeFixture& tree) const override {
    RC_ASSERT(tree.WhyWrong(model.entries) == "");
  }
  void show(std::ostream& out) const override { out << "Commit"; }
};

// The same, and everything is read back from the file.
struct ReopenCommand : Command {
  void run(const TreeModel& model, TreeFixture& tree) const override {
    tree.Reopen();
    RC_ASSERT(tree.WhyWrong(model.entries) == "");
  }
  void show(std::ostream& out) const override { out << "Reopen"; }
};

// ---- The property -----------------------------------------------------------------------------------------

bool TreeIsAMap(const Universe& universe, uint64_t variant, bool quiet) {
  rc::detail::TestMetadata metadata;
  metadata.id = "tree of " + std::to_string(universe.page_bytes) + "-byte pages";
  metadata.description = metadata.id;
  const auto property = [=] {
    // Other commands for each universe, from one seed.
    for (uint64_t i = 0; i < variant; ++i) *rc::gen::noShrink(rc::gen::arbitrary<uint64_t>());
    TreeModel model{universe, {}};
    TreeFixture tree(universe.page_bytes);
    rc::state::check(
        model, tree,
        rc::state::gen::execOneOfWithArgs<PutCommand, PutCommand, PutCommand, DeleteCommand, DeleteCommand,
                                          DeleteRangeCommand, GetCommand, WalkCommand, MoveCommand,
                                          CommitCommand, ReopenCommand>());
  };
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.disableShrinking = quiet;
  if (universe.keys == KeyKind::kRuns)
    params.maxSuccess = (params.maxSuccess + 3) / 4;  // each is as good as many
  const auto result = rc::detail::checkTestable(property, metadata, params);
  if (!quiet && !result.is<rc::detail::SuccessResult>()) rc::detail::printResultMessage(result, std::cerr);
  return result.is<rc::detail::SuccessResult>();
}

class TreeModelTest : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PageSizes, TreeModelTest,
                         testing::Values(512u, 1024u, 2048u, 4096u, 8192u, 16384u, 32768u, 65536u));

TEST_P(TreeModelTest, DoesWhatAMapDoesAndLosesNoPage) {
  EXPECT_TRUE(TreeIsAMap({GetParam(), KeyKind::kShort}, 0, false));
  EXPECT_TRUE(TreeIsAMap({GetParam(), KeyKind::kLongShared}, 1, false));
  if (GetParam() <= 1024) {
    EXPECT_TRUE(TreeIsAMap({GetParam(), KeyKind::kRuns}, 2, false));
  }
}

// A tree that never merges proves nothing about merging.
TEST(TreeModel, TheRareTurnsAreTaken) {
  EXPECT_TRUE(TreeIsAMap({512, KeyKind::kRuns}, 4, false));
  int marks = 0;
  for (base::Mark* mark = base::Mark::First(); mark != nullptr; mark = mark->next()) {
    if (!std::string_view(mark->name()).starts_with("btree.")) continue;
    EXPECT_GT(mark->hits(), 0u) << mark->name();
    ++marks;
  }
  EXPECT_GT(marks, 5);
}

// Each planted fault of the tree must be noticed by the property, with a wrong answer or a failed assertion.
TEST(TreeModelDeath, EveryPlantedFaultIsNoticed) {
  int faults = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (!std::string_view(site->name()).starts_with("btree.")) continue;
    ++faults;
    const auto hunt = [&] {
      site->Break(true);
      std::exit(TreeIsAMap({512, KeyKind::kRuns}, 4, true) ? 0 : 1);
    };
    EXPECT_EXIT(
        hunt(), [](int status) { return status != 0; }, "")
        << site->name();
  }
  EXPECT_GE(faults, 6);
}

}  // namespace
}  // namespace manifolddb::btree
