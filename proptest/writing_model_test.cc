// Transactions that change their mind, against maps: savepoints within savepoints, rolled back to, released,
// or left to Commit, amid all that tables, batches and loads can do; and what was committed is what a process
// finds that replays the log.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manifolddb/bulk_load.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/write_batch.h"
#include "proptest/database_model.h"

namespace manifolddb::proptest {
namespace {

// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=1 max_success=250", 0);

constexpr size_t kLevelsMax = 4;

int Pick(int end) { return *rc::gen::inRange(0, end); }
std::string AnyKey() {
  const std::string key = Key(Pick(kKeys));
  const int number = Pick(12);  // several for some of them, so that trees have levels
  return number < 8 || key.size() > 8 ? key : key + std::to_string(number);
}
std::string AnyValue() { return ValueKind().Of(); }

// A counter's bytes.
std::string Counter(int64_t value) {
  EncodedBytes bytes;
  KeyCodec<int64_t>::Encode(value, bytes);
  return std::string(AsText(bytes.view()));
}
std::optional<int64_t> CounterOf(const Entries& entries, const std::string& key) {
  const auto at = entries.find(key);
  if (at == entries.end()) return 0;
  return KeyCodec<int64_t>::Decode(AsBytes(at->second));
}

using Contents2 = std::array<Tables, kNames>;  // of both families

class Scenario {
 public:
  explicit Scenario(const Sizes& sizes) : system_(sizes) {
    for (size_t i = 0; i < kNames; ++i) families_[i] = Must(system_.db->CreateColumnFamily(NameOf(i)));
    WriteTransaction txn = Must(system_.db->BeginWrite(families_));
    for (size_t i = 0; i < kNames; ++i) {
      Must(txn.CreateTable(families_[i], TableName(0)));
      committed_[i][TableName(0)] = {};
    }
    Must(txn.Commit());
  }

  void Transaction() {
    system_.txn.emplace(Must(system_.db->BeginWrite(families_, {.log = Pick(6) != 0})));
    now_ = committed_;
    levels_.clear();
    for (int step = Pick(40); step > 0; --step) Step();
    ExpectNow();
    if (Pick(8) == 0) {
      system_.txn->Abort();
    } else {
      Commit();
      committed_ = now_;
    }
    system_.txn.reset();
    ExpectAsCommitted();
  }

  void Batch() {
    WriteBatch batch;
    now_ = committed_;
    FillBatch(batch);
    const Durability durability = Pick(2) == 0 ? Durability::kNone : Durability::kImmediate;
    Must(system_.db->Apply(batch, {.durability = durability}));
    committed_ = now_;
    ExpectAsCommitted();
  }

  void Load() {
    const auto [family, name] = PickTable(committed_);
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = Pick(60); i > 0; --i) pairs.emplace_back(AnyKey(), AnyValue());
    size_t at = 0;
    const auto next = [&]() -> Result<std::optional<Entry>> {
      if (at == pairs.size()) return std::optional<Entry>();
      const auto& [key, value] = pairs[at++];
      return std::optional<Entry>(Entry{AsBytes(key), AsBytes(value)});
    };
    BulkLoadOptions options{.sort_bytes_max = static_cast<uint64_t>(Pick(3000))};
    if (Pick(2) == 0) options.commit_bytes = 500;
    const BulkLoadProgress loaded = Must(system_.db->BulkLoad(families_[family], name, next, options));
    RC_ASSERT(loaded.entries_committed == pairs.size());
    for (const auto& [key, value] : pairs) committed_[family][name][key] = value;
    ExpectAsCommitted();
  }

  void Reopen(bool killed) {
    if (killed) system_.disk->Kill();
    if (!killed) Must(system_.db->Close());
    system_.db.reset();
    system_.Open();
    ExpectAsCommitted();
  }
  void End() {
    Reopen(true);
    ExpectWhole(system_);
    Must(system_.db->Close());
  }

 private:
  struct Level {
    Savepoint savepoint;
    Contents2 then;
  };

  static std::string NameOf(size_t family) { return FamilyName(static_cast<int>(family)); }

  // One that there is; of the first family there is always one.
  static std::pair<size_t, std::string> PickTable(const Contents2& contents) {
    std::vector<std::pair<size_t, std::string>> all;
    for (size_t i = 0; i < kNames; ++i) {
      for (const auto& table : contents[i]) all.emplace_back(i, table.first);
    }
    return all[static_cast<size_t>(Pick(static_cast<int>(all.size())))];
  }

  void Step() {
    const int kind = Pick(20);
    if (kind < 4) {
      StepOfSavepoints();
    } else if (kind < 6) {
      StepOfTables();
    } else if (kind == 6) {
      WriteBatch batch;
      FillBatch(batch);
      Must(system_.txn->Apply(batch));
    } else if (kind == 7) {
      StepThatIsUndone();
    } else {
      const auto [family, name] = PickTable(now_);
      WriteTable table = Must(system_.txn->OpenTable(families_[family], name));
      Entries& entries = now_[family][name];
      kind < 14 ? ChangeOne(table, entries) : ChangeSome(table, entries);
    }
  }

  void StepOfSavepoints() {
    const int kind = Pick(4);
    if (levels_.empty() || (kind == 0 && levels_.size() < kLevelsMax)) {
      levels_.push_back({Must(system_.txn->SetSavepoint()), now_});
      return;
    }
    const auto index = static_cast<size_t>(Pick(static_cast<int>(levels_.size())));
    const Level level = levels_[index];
    if (kind == 1) {
      Must(system_.txn->Release(level.savepoint));
      levels_.resize(index);
      RC_ASSERT(CodeOf(system_.txn->RollBackTo(level.savepoint)) == "kInvalidArgument");
      return;
    }
    Must(system_.txn->RollBackTo(level.savepoint));
    now_ = level.then;
    levels_.resize(index + 1);
    ExpectNow();
  }

  void StepOfTables() {
    const auto family = static_cast<size_t>(Pick(kNames));
    Tables& tables = now_[family];
    const std::string name = TableName(Pick(kNames));
    const std::string other = TableName(Pick(kNames));
    const int kind = Pick(3);
    if (kind == 0 && !tables.contains(name)) {
      Must(system_.txn->CreateTable(families_[family], name));
      tables[name] = {};
    } else if (kind == 1 && tables.contains(name) && !tables.contains(other)) {
      Must(system_.txn->RenameTable(families_[family], name, other));
      tables[other] = std::move(tables.at(name));
      tables.erase(name);
    } else if (kind == 2 && tables.size() > 1) {
      Must(system_.txn->DropTable(families_[family], name));
      tables.erase(name);
    }
  }

  // A scope that fails, with changes in it.
  void StepThatIsUndone() {
    const Contents2 before = now_;
    const std::vector<Level> levels = std::exchange(levels_, {});  // out of its reach
    const Status nested = system_.txn->Nested([&]() -> Status {
      for (int step = Pick(6); step > 0; --step) Step();
      return Fail(Errc::kNotFound, "test");
    });
    RC_ASSERT(CodeOf(nested) == "kNotFound");
    now_ = before;
    levels_ = levels;
  }

  void ChangeOne(WriteTable& table, Entries& entries) {
    const std::string key = AnyKey();
    const std::string value = AnyValue();
    const auto at = entries.find(key);
    const bool there = at != entries.end();
    switch (Pick(7)) {
      case 0: RC_ASSERT(Must(table.Delete(AsBytes(key))) == (entries.erase(key) > 0)); return;
      case 1: {
        const GotOrInserted got = Must(table.GetOrInsert(AsBytes(key), AsBytes(value)));
        RC_ASSERT(got.inserted == !there);
        RC_ASSERT(got.value.text() == (there ? at->second : value));
        entries.emplace(key, value);
        return;
      }
      case 2: {
        const std::string now = there ? at->second : "none";
        const int guess = Pick(3);
        std::optional<ByteView> expected;
        if (guess > 0) expected = AsBytes(guess == 1 ? now : value);
        const bool right = expected ? there && AsText(*expected) == now : !there;
        RC_ASSERT(Must(table.CompareAndSwap(AsBytes(key), expected, AsBytes(value))) == right);
        if (right) entries[key] = value;
        return;
      }
      case 3: return Add(table, entries, key);
      case 4: return PutInPlace(table, entries, key, value);
      default: Must(table.Put(AsBytes(key), AsBytes(value))); entries[key] = value;
    }
  }

  static void Add(WriteTable& table, Entries& entries, const std::string& key) {
    const std::optional<int64_t> now = CounterOf(entries, key);
    const int64_t delta = Pick(1000) - 500;
    const Result<int64_t> sum = table.AddToCounter(AsBytes(key), delta);
    RC_ASSERT(CodeOf(sum) == (now ? "success" : "kInvalidArgument"));
    if (!now) return;
    RC_ASSERT(*sum == *now + delta);
    entries[key] = Counter(*sum);
  }

  static void PutInPlace(WriteTable& table, Entries& entries, const std::string& key,
                         const std::string& value) {
    const bool fails = Pick(3) == 0;
    const Status put = table.PutReserve(AsBytes(key), value.size(), [&](MutableByteView bytes) -> Status {
      std::copy(value.begin(), value.end(), reinterpret_cast<char*>(bytes.data()));
      if (fails) return Fail(Errc::kNotFound, "test");
      return {};
    });
    RC_ASSERT(CodeOf(put) == (fails ? "kNotFound" : "success"));
    if (!fails) entries[key] = value;
  }

  void ChangeSome(WriteTable& table, Entries& entries) {
    const std::string lower = AnyKey();
    const std::string upper = AnyKey();
    const Range range{.lower = AsBytes(lower), .upper = AsBytes(upper)};
    const size_t length = static_cast<size_t>(Pick(3));
    const auto within = [&](const auto& entry) { return entry.first >= lower && entry.first < upper; };
    const auto chosen = [&](const std::string& key) { return key.size() % 3 == length; };
    switch (Pick(3)) {
      case 0: {
        const uint64_t gone = std::erase_if(entries, within);
        RC_ASSERT(Must(table.DeleteRange(range)) == gone);
        return;
      }
      case 1: {
        const uint64_t gone =
            std::erase_if(entries, [&](const auto& entry) { return within(entry) && !chosen(entry.first); });
        RC_ASSERT(Must(table.Retain(range, [&](const Entry& entry) {
                    return chosen(std::string(AsText(entry.key)));
                  })) == gone);
        return;
      }
      default: {
        Extraction extraction = Must(table.ExtractIf(
            range, [&](const Entry& entry) { return chosen(std::string(AsText(entry.key))); }));
        for (int i = Pick(6); i > 0; --i) {
          const auto expected = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
            return within(entry) && chosen(entry.first);
          });
          const std::optional<KeptEntry> taken = Must(extraction.Next());
          RC_ASSERT(taken.has_value() == (expected != entries.end()));
          if (!taken) return;
          RC_ASSERT(taken->key.text() == expected->first && taken->value.text() == expected->second);
          entries.erase(expected);
        }
      }
    }
  }

  // Changes of now_ as a batch.
  void FillBatch(WriteBatch& batch) {
    for (int i = Pick(12); i > 0; --i) {
      const auto [family, name] = PickTable(now_);
      const WriteBatch::Table table = batch.In(families_[family], name);
      Entries& entries = now_[family][name];
      const std::string key = AnyKey();
      const int kind = Pick(4);
      if (kind == 0) {
        Must(batch.Delete(table, AsBytes(key)));
        entries.erase(key);
      } else if (const auto counter = CounterOf(entries, key); kind == 1 && counter) {
        Must(batch.AddToCounter(table, AsBytes(key), i));
        entries[key] = Counter(*counter + i);
      } else {
        const std::string value = AnyValue();
        Must(batch.Put(table, AsBytes(key), AsBytes(value)));
        entries[key] = value;
      }
    }
  }

  void Commit() {
    switch (Pick(5)) {
      case 0: Must(system_.txn->Commit({.through_checkpoint = true})); return;
      case 1: Must(system_.txn->Commit({.durability = Durability::kNone})); return;
      case 2: {
        const CommitTicket ticket = Must(system_.txn->CommitAsync());
        if (Pick(2) == 0) return;
        Must(system_.db->AwaitDurable(ticket));
        RC_ASSERT(Must(system_.db->IsDurable(ticket)));
        return;
      }
      default: Must(system_.txn->Commit());
    }
  }

  void ExpectNow() {
    for (size_t i = 0; i < kNames; ++i) {
      RC_ASSERT(Must(system_.txn->ListTables(families_[i])) == KeysOf(now_[i]));
      for (const auto& [name, entries] : now_[i]) {
        ExpectEntries(system_, Must(system_.txn->OpenTable(families_[i], name)), entries);
      }
    }
  }
  void ExpectAsCommitted() {
    Contents contents;
    for (size_t i = 0; i < kNames; ++i) contents[static_cast<int>(i)] = {NameOf(i), committed_[i]};
    ExpectCommitted(system_, contents);
  }

  System system_;
  std::array<ColumnFamily, kNames> families_;
  Contents2 committed_;
  Contents2 now_;  // as the open transaction has it
  std::vector<Level> levels_;
};

TEST(WritingModel, WhateverIsTakenBackWasNeverThere) {
  EXPECT_TRUE(rc::check([] {
    Scenario scenario(*rc::gen::exec([] { return Sizes(); }));
    for (int round = 1 + Pick(6); round > 0; --round) {
      const int kind = Pick(8);
      if (kind < 4) {
        scenario.Transaction();
      } else if (kind == 4) {
        scenario.Batch();
      } else if (kind == 5) {
        scenario.Load();
      } else {
        scenario.Reopen(kind == 6);
      }
    }
    scenario.End();
  }));
}

}  // namespace
}  // namespace manifolddb::proptest
