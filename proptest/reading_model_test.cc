// What is read of a range against std::map: every combination of conditions, either direction, of a snapshot
// and of a transaction amid its changes; ends, counts, many keys, split points; and a list read page by page,
// by positions, while entries come and go. Few possible keys, so that conditions meet them.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <string>
#include <vector>

#include "proptest/database_model.h"

namespace manifolddb::proptest {
namespace {

// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=1 max_success=300", 0);

using Texts = std::vector<std::string>;

// Each of the twelve keys by itself, or the beginning of a run of keys: so trees have several levels.
constexpr int kRunKeys = 25;
std::string AnyText() {
  const std::string key = Key(*rc::gen::inRange(0, kKeys));
  const int number = *rc::gen::inRange(-kRunKeys, kRunKeys);
  return number < 0 || key.size() + 2 > kPageBytesMin / 4 ? key : key + std::to_string(10 + number);
}
// Also what no key can be: longer, or the last of all.
std::string AnyBound() {
  const int kind = *rc::gen::inRange(0, 12);
  if (kind == 0) return AnyText() + std::string(kPageBytesMin, 'a');
  if (kind == 1) return std::string(*rc::gen::inRange<size_t>(1, 3), '\xff');
  return AnyText();
}
std::optional<std::string> Perhaps(int weight, std::string (*make)()) {
  if (*rc::gen::inRange(0, 100) >= weight) return std::nullopt;
  return make();
}

struct Conditions {
  std::optional<std::string> lower = Perhaps(40, AnyBound);
  std::optional<std::string> upper = Perhaps(40, AnyBound);
  std::optional<std::string> after = Perhaps(30, AnyBound);
  std::optional<std::string> through = Perhaps(30, AnyBound);
  std::optional<std::string> prefix = Perhaps(30, AnyBound);

  Range AsRange() const {
    const auto view = [](const std::optional<std::string>& text) -> std::optional<ByteView> {
      return text ? std::optional(AsBytes(*text)) : std::nullopt;
    };
    return {.lower = view(lower),
            .upper = view(upper),
            .after = view(after),
            .through = view(through),
            .prefix = view(prefix)};
  }
  bool Meets(const std::string& key) const {
    return (!lower || key >= *lower) && (!upper || key < *upper) && (!after || key > *after) &&
           (!through || key <= *through) && (!prefix || key.starts_with(*prefix));
  }
  Entries Of(const Entries& entries) const {
    Entries met;
    for (const auto& [key, value] : entries) {
      if (Meets(key)) met[key] = value;
    }
    return met;
  }
};
void showValue(const Conditions& conditions, std::ostream& out) {  // the name is RapidCheck's
  const auto show = [&out](const char* name, const std::optional<std::string>& text) {
    if (text) out << name << " '" << text->substr(0, 20) << "' (" << text->size() << ") ";
  };
  show("lower", conditions.lower);
  show("upper", conditions.upper);
  show("after", conditions.after);
  show("through", conditions.through);
  show("prefix", conditions.prefix);
}

// A database of one table, beside its model.
struct Store {
  Store() : options(Sizes().AsOptions()) {
    Open();
    family = Must(db->CreateColumnFamily("f"));
    WriteTransaction txn = Begin();
    Must(txn.CreateTable(family, "t"));
    Must(txn.Commit({.durability = Durability::kNone}));
  }
  void Open() {
    db.reset();
    db = Must(Database::Open(storage, "db", options));
  }
  WriteTransaction Begin() { return Must(db->BeginWrite(family)); }
  // Puts and deletes at random, in the table and in the model.
  void Change(WriteTable table, int changes) {
    for (int i = 0; i < changes; ++i) {
      const std::string key = AnyText();
      if (*rc::gen::inRange(0, 4) == 0) {
        RC_ASSERT(Must(table.Delete(AsBytes(key))) == (model.erase(key) > 0));
      } else {
        const std::string value(*rc::gen::element<size_t>(0, 5, 60, 700), 'v');
        Must(table.Put(AsBytes(key), AsBytes(value + key)));
        model[key] = value + key;
      }
    }
  }
  void ChangeAndCommit(int changes) {
    WriteTransaction txn = Begin();
    Change(Must(txn.OpenTable(family, "t")), changes);
    Must(txn.Commit({.durability = Durability::kNone}));
  }

  const Options options;
  const std::shared_ptr<Storage> storage = MakeMemoryStorage();
  std::unique_ptr<Database> db;
  ColumnFamily family;
  Entries model;
};

Texts InDirection(Texts texts, Direction direction) {
  if (direction == Direction::kDescending) std::reverse(texts.begin(), texts.end());
  return texts;
}
Direction AnyDirection() { return *rc::gen::element(Direction::kAscending, Direction::kDescending); }

template <class Table>
void ExpectScans(const Table& table, const Conditions& conditions, const Entries& met) {
  const Direction direction = AnyDirection();
  Texts keys;
  Texts values;
  for (const auto& [key, value] : met) {
    keys.push_back(key);
    values.push_back(value);
  }
  keys = InDirection(std::move(keys), direction);
  values = InDirection(std::move(values), direction);
  Texts keys_read;
  Texts values_read;
  EntryScan entries = Must(table.Entries(conditions.AsRange(), direction));
  for (const auto& entry : entries) {
    keys_read.emplace_back(AsText(Must(entry).key));
    values_read.emplace_back(AsText(Must(entry).value));
  }
  RC_ASSERT(keys_read == keys);
  RC_ASSERT(values_read == values);
  KeyScan only_keys = Must(table.Keys(conditions.AsRange(), direction));
  size_t at = 0;
  for (const auto& key : only_keys) {
    RC_ASSERT(at < keys.size());
    RC_ASSERT(AsText(Must(key)) == keys[at++]);
  }
  RC_ASSERT(at == keys.size());
  ValueScan only_values = Must(table.Values(conditions.AsRange(), direction));
  const size_t skip = *rc::gen::inRange<size_t>(0, 5);
  ScanStatus status;
  at = skip;
  for (const ByteView value : only_values.UntilError(status) | std::views::drop(skip)) {
    RC_ASSERT(at < values.size());
    RC_ASSERT(AsText(value) == values[at++]);
  }
  Must(status.Take());
  RC_ASSERT(at == std::max(skip, values.size()));
}

template <class Table>
void ExpectPoints(const Table& table, const Conditions& conditions, const Entries& met) {
  const Range range = conditions.AsRange();
  RC_ASSERT(Must(table.Count(range)) == met.size());
  const auto first = Must(table.First(range));
  const auto last = Must(table.Last(range));
  RC_ASSERT(first.has_value() == !met.empty() && last.has_value() == !met.empty());
  if (first) {
    RC_ASSERT(first->key.text() == met.begin()->first && first->value.text() == met.begin()->second);
    RC_ASSERT(last->key.text() == met.rbegin()->first && last->value.text() == met.rbegin()->second);
  }
  const size_t pieces = *rc::gen::inRange<size_t>(1, 12);
  const Texts points = Must(table.SplitPoints(pieces, range));
  RC_ASSERT(points.size() < pieces);
  for (size_t i = 0; i < points.size(); ++i) {
    RC_ASSERT(met.contains(points[i]));
    RC_ASSERT(points[i] > (i == 0 ? met.begin()->first : points[i - 1]));
  }
  const size_t count = *rc::gen::inRange<size_t>(0, 12);
  const Texts sample = Must(table.SampleKeys(count, *rc::gen::arbitrary<uint64_t>(), range));
  RC_ASSERT(sample.size() == std::min(count, met.size()));
  for (size_t i = 0; i < sample.size(); ++i)
    RC_ASSERT(met.contains(sample[i]) && (i == 0 || sample[i] > sample[i - 1]));
}

template <class Table>
void ExpectMany(const Table& table, const Entries& model) {
  Texts keys;
  for (int i = *rc::gen::inRange(0, 40); i > 0; --i) keys.push_back(AnyBound());
  std::vector<ByteView> views;
  for (const std::string& key : keys) views.push_back(AsBytes(key));
  const auto values = Must(table.GetMany(views));
  RC_ASSERT(values.size() == keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto at = model.find(keys[i]);
    RC_ASSERT(values[i].has_value() == (at != model.end()));
    if (values[i]) RC_ASSERT(values[i]->text() == at->second);
  }
}

template <class Table>
void ExpectReads(const Table& table, const Entries& model) {
  for (int i = 0; i < 3; ++i) {
    const Conditions conditions = *rc::gen::exec([] { return Conditions(); });
    const Entries met = conditions.Of(model);
    ExpectScans(table, conditions, met);
    ExpectPoints(table, conditions, met);
  }
  ExpectMany(table, model);
}

TEST(ReadingModel, ASnapshotAndATransactionAmidItsChangesAreReadAsMaps) {
  EXPECT_TRUE(rc::check([] {
    Store store;
    store.ChangeAndCommit(*rc::gen::inRange(0, 300));
    const Entries committed = store.model;
    ReadTransaction snapshot = Must(store.db->BeginRead());
    WriteTransaction txn = store.Begin();
    WriteTable table = Must(txn.OpenTable(store.family, "t"));
    store.Change(table, *rc::gen::inRange(0, 60));
    ExpectReads(table, store.model);
    ExpectReads(Must(snapshot.OpenTable(store.family, "t")), committed);
  }));
}

TEST(ReadingModel, PoppingTakesTheEndsOfTheRange) {
  EXPECT_TRUE(rc::check([] {
    Store store;
    store.ChangeAndCommit(*rc::gen::inRange(0, 120));
    WriteTransaction txn = store.Begin();
    WriteTable table = Must(txn.OpenTable(store.family, "t"));
    for (int i = 0; i < 20; ++i) {
      const Conditions conditions = *rc::gen::exec([] { return Conditions(); });
      const Entries met = conditions.Of(store.model);
      const bool first = *rc::gen::arbitrary<bool>();
      const auto popped =
          Must(first ? table.PopFirst(conditions.AsRange()) : table.PopLast(conditions.AsRange()));
      RC_ASSERT(popped.has_value() == !met.empty());
      if (!popped) continue;
      const auto expected = first ? *met.begin() : *met.rbegin();
      RC_ASSERT(popped->key.text() == expected.first && popped->value.text() == expected.second);
      store.model.erase(expected.first);
      RC_ASSERT(Must(table.Length()) == store.model.size());
    }
    const Conditions conditions = *rc::gen::exec([] { return Conditions(); });
    const Entries met = conditions.Of(store.model);
    RC_ASSERT(Must(table.DeleteRange(conditions.AsRange())) == met.size());
    for (const auto& entry : met) store.model.erase(entry.first);
    for (const auto& entry : Must(table.Entries()))
      RC_ASSERT(store.model.contains(std::string(AsText(Must(entry).key))));
    RC_ASSERT(Must(table.Count()) == store.model.size());
  }));
}

// Between two pages entries come and go, those that a position stands for among them, and the database is
// closed and opened. A page is what the map has beyond the last key that was got.
TEST(ReadingModel, AListIsReadPageByPageByPositions) {
  EXPECT_TRUE(rc::check([] {
    Store store;
    store.ChangeAndCommit(*rc::gen::inRange(0, 150));
    const Conditions conditions = *rc::gen::exec([] { return Conditions(); });
    const Direction direction = AnyDirection();
    std::string position;
    std::optional<std::string> got;
    for (int page = 0; page < 6; ++page) {
      const size_t page_size = *rc::gen::inRange<size_t>(0, 8);
      Texts expected;
      for (const auto& entry : conditions.Of(store.model)) expected.push_back(entry.first);
      expected = InDirection(std::move(expected), direction);
      std::erase_if(expected, [&](const std::string& key) {
        return got && (direction == Direction::kAscending ? key <= *got : key >= *got);
      });
      expected.resize(std::min(expected.size(), page_size));
      {
        ReadTransaction snapshot = Must(store.db->BeginRead());
        const ReadTable table = Must(snapshot.OpenTable(store.family, "t"));
        KeyScan scan = Must(table.Keys(conditions.AsRange(), direction));
        Must(scan.StartAfter(position));
        Texts keys;
        for (const auto& key : scan | std::views::take(page_size)) keys.emplace_back(AsText(Must(key)));
        RC_ASSERT(keys == expected);
        position = Must(scan.Position());
      }
      if (!expected.empty()) got = expected.back();
      RC_ASSERT(position.empty() == !got.has_value());
      store.ChangeAndCommit(*rc::gen::inRange(0, 20));
      if (got && *rc::gen::arbitrary<bool>()) {
        WriteTransaction txn = store.Begin();
        WriteTable table = Must(txn.OpenTable(store.family, "t"));
        RC_ASSERT(Must(table.Delete(AsBytes(*got))) == (store.model.erase(*got) > 0));
        Must(txn.Commit({.durability = Durability::kNone}));
      }
      if (*rc::gen::inRange(0, 3) == 0) {
        Must(store.db->Close());
        store.Open();
      }
    }
  }));
}

}  // namespace
}  // namespace manifolddb::proptest
