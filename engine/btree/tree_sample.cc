// Drawing keys, each with the same chance, from a tree whose branches do not know how many are under them.
//
// (1) The branches are read down to those above leaves; so each leaf of the range has a number, and none is
//     read for it.
// (2) A draw takes a leaf, and in it one of as many places as any leaf can have at most, each with the same
//     chance. Most places are empty; but each entry has one, so whoever is met was as likely as any other,
//     however many are in its leaf. (To take one of the entries there are in the leaf would favour those that
//     have few neighbours: large ones.)
// (3) If the draws have looked at as many leaves as there are and have not met enough, all entries are
//     counted, and numbers are drawn. Of the draws before nothing is kept: whether they come to an end says
//     nothing of which entries they met, so both ways are fair, and so is either of them.

#include "engine/btree/tree_sample.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/base/try.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

// Numbers that follow from the caller's seed, the same on every machine.
class SampleRandom {
 public:
  explicit SampleRandom(uint64_t seed) : state_(seed) {}

  // Each below `end` with the same chance. REQUIRES: not 0.
  uint64_t Below(uint64_t end) {
    const uint64_t whole = ~uint64_t{0} - ~uint64_t{0} % end;  // what is beyond would favour the lesser ones
    uint64_t number = Next();
    while (number >= whole) number = Next();
    return number % end;
  }
  // So many different ones below `end`, ascending, each set with the same chance (Floyd). REQUIRES: as many.
  std::set<uint64_t> Different(size_t count, uint64_t end) {
    std::set<uint64_t> numbers;
    for (uint64_t last = end - count; last < end; ++last) {
      const uint64_t number = Below(last + 1);
      numbers.insert(numbers.contains(number) ? last : number);
    }
    return numbers;
  }

 private:
  // SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  uint64_t state_;
};

class KeySampler {
 public:
  using Bound = std::optional<ByteView>;

  KeySampler(page::PageCache& cache, mvcc::ReaderSlot* slot, Bound lower, Bound upper, uint64_t seed)
      : cache_(cache), slot_(slot), lower_(lower), upper_(upper), random_(seed) {}

  // Gives the leaves their numbers, in the order of keys.
  Status NumberLeaves(format::PageRef ref, uint32_t level, Bound lower, Bound upper) {
    MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(cache_, ref, level, slot_));
    const NodeView node(pin.get()->bytes);
    if (node.leaf()) {  // the root
      groups_.push_back({.ref = ref, .is_leaf = true});
      leaves_ = 1;
      return {};
    }
    const Window window = WindowOf(node, lower, upper);
    if (node.level() == 1) {
      if (window.begin >= window.end) return {};
      groups_.push_back({.ref = ref,
                         .first_child = window.begin,
                         .first_leaf = leaves_,
                         .leaves = window.end - window.begin});
      leaves_ += window.end - window.begin;
      return {};
    }
    for (uint32_t index = window.begin; index < window.end; ++index) {
      const Bound low = index == window.begin ? lower : std::nullopt;
      const Bound high = index + 1 == window.end ? upper : std::nullopt;
      MANIFOLDDB_TRY(NumberLeaves(node.Child(index), node.level() - 1, low, high));
    }
    return {};
  }

  Result<std::vector<std::string>> Sample(size_t count) {
    constexpr uint64_t kLeavesEach = 4;  // fewer for each key, and draws are no gain
    std::vector<std::string> keys;
    if (leaves_ == 0 || count == 0) return keys;
    if (count <= leaves_ / kLeavesEach) {
      MANIFOLDDB_TRY(Draw(count, keys));
      if (keys.size() == count) return keys;
      keys.clear();
    }
    MANIFOLDDB_TRY(CountAndChoose(count, keys));
    return keys;
  }

 private:
  // The leaves of the range that are children of one branch.
  struct Group {
    format::PageRef ref;
    bool is_leaf = false;  // the tree's only one
    uint32_t first_child = 0;
    uint64_t first_leaf = 0;
    uint32_t leaves = 1;
    uint64_t entries = 0;  // once they are counted
  };

  // How many entries a leaf can have: of keys and values without any bytes.
  uint64_t PlacesMax() const {
    return (cache_.page_size() - kNodeHeaderBytes) / (kSlotBytes + kLeafLeadBytes);
  }
  // Calls visit(node, window) for leaf `number`, which is of `group`.
  template <class Visit>
  Status VisitLeaf(const Group& group, uint64_t number, Visit visit) {
    format::PageRef ref = group.ref;
    if (!group.is_leaf) {
      MANIFOLDDB_ASSIGN(const page::FramePin branch, PinNode(cache_, ref, 1, slot_));
      ref = NodeView(branch.get()->bytes)
                .Child(group.first_child + static_cast<uint32_t>(number - group.first_leaf));
    }
    MANIFOLDDB_ASSIGN(const page::FramePin leaf, PinNode(cache_, ref, 0, slot_));
    const NodeView node(leaf.get()->bytes);
    // Only in the first and the last of them a bound can lie.
    const Window window =
        WindowOf(node, number == 0 ? lower_ : std::nullopt, number + 1 == leaves_ ? upper_ : std::nullopt);
    visit(node, window);
    return {};
  }
  static std::string KeyAt(NodeView node, uint32_t index) {
    const KeyParts key = node.Key(index);
    std::string text(key.size(), '\0');
    key.CopyTo(reinterpret_cast<std::byte*>(text.data()));
    return text;
  }

  // Fewer keys than that: not enough were met.
  Status Draw(size_t count, std::vector<std::string>& keys) {
    std::map<std::pair<uint64_t, uint64_t>, std::string> met;  // by leaf and place: in the order of keys
    for (uint64_t looks = 0; looks < leaves_ && met.size() < count; ++looks) {
      const uint64_t number = random_.Below(leaves_);
      const uint64_t place = random_.Below(PlacesMax());
      const auto behind =
          std::upper_bound(groups_.begin(), groups_.end(), number,
                           [](uint64_t leaf, const Group& group) { return leaf < group.first_leaf; });
      MANIFOLDDB_TRY(VisitLeaf(*std::prev(behind), number, [&](NodeView node, Window window) {
        if (place < window.begin || place >= window.end) return;
        met.try_emplace({number, place}, KeyAt(node, static_cast<uint32_t>(place)));
      }));
    }
    for (auto& [at, key] : met) keys.push_back(std::move(key));
    return {};
  }

  Status CountAndChoose(size_t count, std::vector<std::string>& keys) {
    uint64_t entries = 0;
    for (Group& group : groups_) {
      group.entries = 0;
      MANIFOLDDB_TRY(VisitLeaves(group, [&](NodeView, Window window) {
        if (window.begin < window.end) group.entries += window.end - window.begin;
        return true;
      }));
      entries += group.entries;
    }
    const std::set<uint64_t> chosen =
        random_.Different(static_cast<size_t>(std::min<uint64_t>(count, entries)), entries);
    auto next = chosen.begin();
    uint64_t passed = 0;
    for (const Group& group : groups_) {
      const uint64_t end = passed + group.entries;
      if (next != chosen.end() && *next < end) {
        MANIFOLDDB_TRY(VisitLeaves(group, [&](NodeView node, Window window) {
          const uint64_t in_leaf = window.begin < window.end ? window.end - window.begin : 0;
          for (; next != chosen.end() && *next < passed + in_leaf; ++next)
            keys.push_back(KeyAt(node, window.begin + static_cast<uint32_t>(*next - passed)));
          passed += in_leaf;
          return next != chosen.end() && *next < end;
        }));
      }
      passed = end;
    }
    return {};
  }
  // Those of a group, in order, while `visit` says so.
  template <class Visit>
  Status VisitLeaves(const Group& group, Visit visit) {
    bool goes_on = true;
    for (uint32_t i = 0; goes_on && i < group.leaves; ++i) {
      MANIFOLDDB_TRY(VisitLeaf(group, group.first_leaf + i,
                               [&](NodeView node, Window window) { goes_on = visit(node, window); }));
    }
    return {};
  }

  page::PageCache& cache_;
  mvcc::ReaderSlot* const slot_;
  const Bound lower_;
  const Bound upper_;
  SampleRandom random_;
  std::vector<Group> groups_;  // in the order of keys
  uint64_t leaves_ = 0;
};

}  // namespace

Result<std::vector<std::string>> SampleKeys(page::PageCache& cache, format::PageRef root,
                                            std::optional<ByteView> lower, std::optional<ByteView> upper,
                                            size_t count, uint64_t seed, mvcc::ReaderSlot* slot) {
  if (root.null() || (lower && upper && Compare(*lower, *upper) >= 0)) return std::vector<std::string>();
  KeySampler sampler(cache, slot, lower, upper, seed);
  MANIFOLDDB_TRY(sampler.NumberLeaves(root, kAnyLevel, lower, upper));
  return sampler.Sample(count);
}

}  // namespace manifolddb::btree
