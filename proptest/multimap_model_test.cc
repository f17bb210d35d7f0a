// Multimap tables against std::map<K, std::set<V>>: pairs inserted and removed one by one, by key, by range
// and by question; every combination of conditions on keys and on the values of one, either direction;
// cursors that move by pairs and by keys, in a transaction amid its changes and in a snapshot; lists of keys
// read page by page; and what a process finds that replays the log. Keys of one size, escaped and composite
// ones; few of them, near to each other, so that groups meet.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "manifolddb/multimap.h"
#include "proptest/database_model.h"

namespace manifolddb::proptest {
namespace {

// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=3 max_success=120", 0);

size_t Pick(size_t end) { return *rc::gen::inRange<size_t>(0, end); }
Direction AnyDirection() { return Pick(2) == 0 ? Direction::kAscending : Direction::kDescending; }

// Bytes that escaping changes, those that have nothing behind them, and their neighbours.
std::string AnyText() {
  constexpr std::string_view kBytes(
      "\x00\x01\xff"
      "a",
      4);
  std::string text;
  for (size_t left = Pick(4); left > 0; --left) text += kBytes[Pick(kBytes.size())];
  return text;
}

template <class T>
T Any();
template <>
std::string Any<std::string>() {
  return AnyText();
}
template <>
uint8_t Any<uint8_t>() {
  return *rc::gen::element<uint8_t>(0, 1, 7, 254, 255);
}
template <>
int16_t Any<int16_t>() {
  return static_cast<int16_t>(*rc::gen::inRange(-20, 20));
}
using Composite = std::tuple<std::optional<uint8_t>, std::string>;
template <>
Composite Any<Composite>() {
  return {Pick(3) == 0 ? std::nullopt : std::optional(Any<uint8_t>()), AnyText()};
}

// std::string compares its bytes as unsigned ones, as the tables do.
template <class K, class V>
using Groups = std::map<K, std::set<V>>;
template <class K, class V>
using Pairs = std::vector<std::pair<K, V>>;

template <class K, class V>
Pairs<K, V> PairsOf(const Groups<K, V>& groups) {
  Pairs<K, V> pairs;
  for (const auto& [key, values] : groups) {
    for (const V& value : values) pairs.emplace_back(key, value);
  }
  return pairs;
}

// Conditions on keys, or on values.
template <class T>
struct Conditions {
  std::optional<T> lower = Perhaps();
  std::optional<T> upper = Perhaps();
  std::optional<T> after = Perhaps();
  std::optional<T> through = Perhaps();
  std::optional<std::string> prefix = Prefix();

  static std::optional<T> Perhaps() { return Pick(4) == 0 ? std::optional(Any<T>()) : std::nullopt; }
  static std::optional<std::string> Prefix() {
    return std::is_same_v<T, std::string> && Pick(4) == 0 ? std::optional(AnyText()) : std::nullopt;
  }
  TypedRange<T> AsRange() const {
    TypedRange<T> range{.lower = lower, .upper = upper, .after = after, .through = through};
    if constexpr (std::is_same_v<T, std::string>) {
      if (prefix) range.prefix = PrefixOf<std::string>(*prefix);
    }
    return range;
  }
  bool Meets(const T& value) const {
    if constexpr (std::is_same_v<T, std::string>) {
      if (prefix && !value.starts_with(*prefix)) return false;
    }
    return (!lower || value >= *lower) && (!upper || value < *upper) && (!after || value > *after) &&
           (!through || value <= *through);
  }
  template <class Container>
  Container Of(Container all) const {
    std::erase_if(all, [this](const auto& element) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(element)>, T>) {
        return !Meets(element);
      } else {
        return !Meets(element.first);
      }
    });
    return all;
  }
};

template <class List>
List InDirection(List list, Direction direction) {
  if (direction == Direction::kDescending) std::reverse(list.begin(), list.end());
  return list;
}

template <class K, class V>
struct Store {
  static constexpr MultimapTableDefinition<K, V> kTable{"t"};

  Store() : system(AnySizes()) {
    family = Must(system.db->CreateColumnFamily("f"));
    WriteTransaction txn = Must(system.db->BeginWrite(family));
    Must(kTable.Create(txn, family));
    Must(txn.Commit());
  }

  // The smallest pages have no room for the names of the types.
  static Sizes AnySizes() {
    Sizes sizes;
    sizes.page_bytes = 2 * kPageBytesMin;
    return sizes;
  }
  void Change(MultimapWriteTable<K, V>& table, size_t changes) {
    for (; changes > 0; --changes) {
      const K key = Any<K>();
      const V value = Any<V>();
      const size_t kind = Pick(40);
      if (kind < 30) {
        RC_ASSERT(Must(table.Insert(key, value)) == groups[key].insert(value).second);
      } else if (kind < 36) {
        RC_ASSERT(Must(table.Remove(key, value)) == (groups[key].erase(value) > 0));
      } else if (kind < 38) {
        const Conditions<V> conditions = *rc::gen::exec([] { return Conditions<V>(); });
        const uint64_t removed =
            std::erase_if(groups[key], [&](const V& each) { return conditions.Meets(each); });
        RC_ASSERT(Must(table.RemoveAll(key, conditions.AsRange())) == removed);
      } else {
        const Conditions<K> conditions = *rc::gen::exec([] { return Conditions<K>(); });
        const size_t before = PairsOf(groups).size();
        for (auto& [each, values] : groups) {
          if (!conditions.Meets(each)) continue;
          if (kind == 38) values.clear();
          if (kind == 39) std::erase_if(values, [&](const V& other) { return other < value; });
        }
        const auto keep = [&](const MultimapEntry<K, V>& pair) { return !(V(pair.value) < value); };
        const uint64_t removed = Must(kind == 38 ? table.RemoveRange(conditions.AsRange())
                                                 : table.Retain(conditions.AsRange(), keep));
        RC_ASSERT(removed == before - PairsOf(groups).size());
      }
      std::erase_if(groups, [](const auto& group) { return group.second.empty(); });
    }
  }
  void ChangeAndCommit(size_t changes) {
    WriteTransaction txn = Must(system.db->BeginWrite(family));
    auto table = Must(kTable.Open(txn, family));
    Change(table, changes);
    Must(txn.Commit());
  }
  void Reopen(bool killed) {
    if (killed) system.disk->Kill();
    if (!killed) Must(system.db->Close());
    system.db.reset();
    system.Open();
  }

  System system;
  ColumnFamily family;
  Groups<K, V> groups;
};

template <class K, class V, class Table>
void ExpectGroup(const Table& table, const Groups<K, V>& groups) {
  const K key = Any<K>();
  const auto found = groups.find(key);
  const std::set<V> values = found == groups.end() ? std::set<V>() : found->second;
  const Conditions<V> conditions = *rc::gen::exec([] { return Conditions<V>(); });
  const std::set<V> met = conditions.Of(values);
  const Direction direction = AnyDirection();
  std::vector<V> read;
  for (const auto& value : Must(table.Get(key, conditions.AsRange(), direction))) {
    read.push_back(V(Must(value)));
  }
  RC_ASSERT(read == InDirection(std::vector<V>(met.begin(), met.end()), direction));
  RC_ASSERT(Must(table.CountOf(key, conditions.AsRange())) == met.size());
  RC_ASSERT(Must(table.CountOf(key)) == values.size());
  const V value = Any<V>();
  RC_ASSERT(Must(table.Contains(key, value)) == values.contains(value));
}

template <class K, class V, class Table>
void ExpectRange(const Table& table, const Groups<K, V>& groups) {
  const Conditions<K> conditions = *rc::gen::exec([] { return Conditions<K>(); });
  const Groups<K, V> met = conditions.Of(groups);
  const Direction direction = AnyDirection();
  Pairs<K, V> pairs;
  for (const auto& entry : Must(table.Entries(conditions.AsRange(), direction))) {
    pairs.emplace_back(K(Must(entry).key), V(entry->value));
  }
  RC_ASSERT(pairs == InDirection(PairsOf(met), direction));
  RC_ASSERT(Must(table.Count(conditions.AsRange())) == pairs.size());
  std::vector<K> keys;
  for (const auto& key : Must(table.Keys(conditions.AsRange(), direction))) keys.push_back(K(Must(key)));
  const auto keys_met = met | std::views::keys;
  RC_ASSERT(keys == InDirection(std::vector<K>(keys_met.begin(), keys_met.end()), direction));
}

// A walk of a cursor beside one in a sorted list of pairs.
template <class K, class V, class Table>
void ExpectWalk(const Table& table, const Groups<K, V>& groups) {
  const Conditions<K> conditions = *rc::gen::exec([] { return Conditions<K>(); });
  const Pairs<K, V> pairs = PairsOf(conditions.Of(groups));
  const auto end = static_cast<ptrdiff_t>(pairs.size());
  MultimapCursor<K, V> cursor = Must(table.NewCursor(conditions.AsRange()));
  ptrdiff_t at = -1;  // -1: before the first; end: behind the last
  const auto key_of = [&](ptrdiff_t index) { return pairs[static_cast<size_t>(index)].first; };
  const auto first_from = [&](const auto& pair_at_or_behind) {
    return std::ranges::find_if(pairs, pair_at_or_behind) - pairs.begin();
  };
  for (int step = 0; step < 20; ++step) {
    const K key = Any<K>();
    const V value = Any<V>();
    const std::pair<K, V> pair(key, value);
    bool there = false;
    switch (Pick(10)) {
      case 0: there = Must(cursor.First()), at = 0; break;
      case 1: there = Must(cursor.Last()), at = end - 1; break;
      case 2: there = Must(cursor.Next()), at = std::min(at + 1, end); break;
      case 3: there = Must(cursor.Prev()), at = std::max<ptrdiff_t>(at - 1, -1); break;
      case 4:
        there = Must(cursor.Seek(key));
        at = first_from([&](const auto& each) { return each.first >= key; });
        break;
      case 5:
        there = Must(cursor.SeekForPrev(key));
        at = first_from([&](const auto& each) { return each.first > key; }) - 1;
        break;
      case 6:
        there = Must(cursor.Seek(key, value));
        at = first_from([&](const auto& each) { return each >= pair; });
        break;
      case 7:
        there = Must(cursor.SeekForPrev(key, value));
        at = first_from([&](const auto& each) { return each > pair; }) - 1;
        break;
      case 8: {
        there = Must(cursor.NextKey());
        const ptrdiff_t from = at++;
        while (from >= 0 && at < end && key_of(at) == key_of(from)) ++at;
        at = std::min(at, end);
        break;
      }
      default: {
        there = Must(cursor.PrevKey());
        const ptrdiff_t from = at--;
        while (from < end && at >= 0 && key_of(at) == key_of(from)) --at;
        at = std::max<ptrdiff_t>(at, -1);
        break;
      }
    }
    if (end == 0 && at >= 0) at = end;  // First of nothing is beyond it
    RC_ASSERT(there == (at >= 0 && at < end));
    RC_ASSERT(cursor.valid() == there);
    if (!there) continue;
    RC_ASSERT(K(Must(cursor.key())) == key_of(at));
    RC_ASSERT(V(Must(cursor.value())) == pairs[static_cast<size_t>(at)].second);
  }
}

template <class K, class V, class Table>
void ExpectReads(const Table& table, const Groups<K, V>& groups) {
  RC_ASSERT(Must(table.Length()) == PairsOf(groups).size());
  for (int i = 0; i < 3; ++i) {
    ExpectGroup<K, V>(table, groups);
    ExpectRange<K, V>(table, groups);
    ExpectWalk<K, V>(table, groups);
  }
}

template <class K, class V>
void CheckModel() {
  EXPECT_TRUE(rc::check([] {
    Store<K, V> store;
    for (size_t rounds = 1 + Pick(3); rounds > 0; --rounds) {
      store.ChangeAndCommit(Pick(200));
      if (Pick(3) == 0) store.Reopen(Pick(2) == 0);
    }
    const Groups<K, V> committed = store.groups;
    {
      ReadTransaction snapshot = Must(store.system.db->BeginRead());
      WriteTransaction txn = Must(store.system.db->BeginWrite(store.family));
      auto table = Must(store.kTable.Open(txn, store.family));
      store.Change(table, Pick(60));
      ExpectReads<K, V>(table, store.groups);
      ExpectReads<K, V>(Must(store.kTable.Open(snapshot, store.family)), committed);
    }
    ExpectWhole(store.system);
  }));
}

TEST(MultimapModel, TextsOfTexts) { CheckModel<std::string, std::string>(); }
TEST(MultimapModel, TextsOfBytes) { CheckModel<uint8_t, std::string>(); }
TEST(MultimapModel, NumbersOfCompositeKeys) { CheckModel<Composite, int16_t>(); }
TEST(MultimapModel, CompositeValuesOfTexts) { CheckModel<std::string, Composite>(); }

// Between two pages pairs come and go, those that a position stands for among them.
TEST(MultimapModel, AListOfKeysIsReadPageByPageByPositions) {
  EXPECT_TRUE(rc::check([] {
    Store<std::string, int16_t> store;
    store.ChangeAndCommit(Pick(150));
    const Conditions<std::string> conditions = *rc::gen::exec([] { return Conditions<std::string>(); });
    const Direction direction = AnyDirection();
    std::string position;
    std::optional<std::string> got;
    for (int page = 0; page < 6; ++page) {
      const size_t page_size = Pick(6);
      std::vector<std::string> expected;
      for (const auto& group : conditions.Of(store.groups)) expected.push_back(group.first);
      expected = InDirection(std::move(expected), direction);
      std::erase_if(expected, [&](const std::string& key) {
        return got && (direction == Direction::kAscending ? key <= *got : key >= *got);
      });
      expected.resize(std::min(expected.size(), page_size));
      {
        ReadTransaction snapshot = Must(store.system.db->BeginRead());
        const auto table = Must(store.kTable.Open(snapshot, store.family));
        auto scan = Must(table.Keys(conditions.AsRange(), direction));
        Must(scan.StartAfter(position));
        std::vector<std::string> keys;
        for (const auto& key : scan | std::views::take(page_size)) keys.push_back(Must(key));
        RC_ASSERT(keys == expected);
        position = Must(scan.Position());
      }
      if (!expected.empty()) got = expected.back();
      store.ChangeAndCommit(Pick(20));
      if (Pick(3) == 0) store.Reopen(false);
    }
  }));
}

}  // namespace
}  // namespace manifolddb::proptest
