// The power fails at every write, sync and rename of an import, and the disk keeps what it likes of what was
// not synced: there is no new database, or all of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "tools/import/foreign.h"

namespace manifolddb::tools {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Policy;
using State = std::map<std::string, std::string>;  // "table/key" -> value

Options TinyDatabase() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 16 * 512;
  options.log_bytes_max = 16 * 512;
  options.cache_bytes = 64 * 512;
  options.dirty_bytes_max = 32 * 512;
  options.executor = MakeInlineExecutor();
  return options;
}

// Two tables of another engine, in memory.
class Invented final : public Foreign {
 public:
  static constexpr int kEntries = 40;

  const std::vector<Table>& tables() const override { return tables_; }
  Result<EntrySource> Entries(const Table& table) override {
    return EntrySource([this, &table, next = 0]() mutable -> Result<std::optional<Entry>> {
      if (next == kEntries) return std::optional<Entry>();
      key_ = KeyOf(next++);
      value_ = ValueOf(table, key_);
      return std::optional(Entry{AsBytes(key_), AsBytes(value_)});
    });
  }
  State state() const {
    State state;
    for (const Table& table : tables_) {
      for (int i = 0; i < kEntries; ++i) state[table.name + "/" + KeyOf(i)] = ValueOf(table, KeyOf(i));
    }
    return state;
  }

 private:
  static std::string KeyOf(int number) { return "key" + std::to_string(100 + number); }
  static std::string ValueOf(const Table& table, const std::string& key) {
    return "of " + key + " in " + table.name + std::string(key.ends_with('7') ? 900 : 30, 'v');
  }
  const std::vector<Table> tables_ = {{.name = "one", .key_type = {}}, {.name = "two", .key_type = {}}};
  std::string key_;
  std::string value_;
};

// None: it does not open, or is not whole.
std::optional<State> Read(const std::shared_ptr<Storage>& storage, const std::string& name) {
  auto database = Database::Open(storage, name, TinyDatabase());
  if (!database) return std::nullopt;
  const auto verified = (*database)->Verify();
  if (!verified || !verified->ok()) return std::nullopt;
  auto snapshot = (*database)->BeginRead();
  EXPECT_TRUE(snapshot);
  State state;
  const auto family = snapshot->OpenColumnFamily("imported");
  if (!family) return state;
  const auto tables = snapshot->ListTables(*family);
  EXPECT_TRUE(tables);
  for (const std::string& table_name : *tables) {
    const auto table = snapshot->OpenTable(*family, table_name);
    EXPECT_TRUE(table);
    auto scan = table->Entries();
    for (const auto& entry : *scan) {
      EXPECT_TRUE(entry);
      state[table_name + "/" + std::string(AsText(entry->key))] = AsText(entry->value);
    }
  }
  return state;
}

struct Seen {
  uint64_t none = 0;   // images without the new database
  uint64_t whole = 0;  // with all of it
  uint64_t torn = 0;   // with a file of its name, and not all of it
};

// Images of every cut of an import, of many policies.
Seen CutEverywhere(const faultfs::Traits& traits) {
  const auto disk = std::make_shared<Disk>(traits);
  const uint64_t begin = disk->effects();
  Invented from;
  const auto done = Import(from, {disk, "out"}, {.family = "imported", .output = TinyDatabase()});
  EXPECT_TRUE(done) << done.error().ToString();
  const uint64_t end = disk->effects();
  EXPECT_GT(end, begin + 20);
  Seen seen;
  CrashPoint point(disk->trace(), begin);
  for (uint64_t effects = begin; effects <= end; ++effects) {
    point.MoveTo(effects);
    for (size_t policies = 0; policies < faultfs::kPolicies; ++policies) {
      const auto policy = static_cast<Policy>(policies);
      const uint64_t parameters = std::min<uint64_t>(point.ParameterCount(policy), 4);
      for (uint64_t parameter = 0; parameter < parameters; ++parameter) {
        const uint64_t number = policy == Policy::kRandom ? effects * 100 + parameter
                                                          : parameter * 7 % point.ParameterCount(policy);
        const auto booted = std::make_shared<Disk>(point.Draw({policy, number}), traits, 77);
        if (!*booted->Exists("out")) {
          EXPECT_TRUE(effects < end || traits.lying_flush);  // it was told to be there
          ++seen.none;
          continue;
        }
        ++(Read(booted, "out") == from.state() ? seen.whole : seen.torn);
      }
    }
  }
  return seen;
}

TEST(ImportCutsTest, ThereIsNoNewDatabaseOrAllOfIt) {
  const Seen seen = CutEverywhere({.atomic_unit = 512});
  EXPECT_EQ(seen.torn, 0u);
  EXPECT_GT(seen.none, 1000u);
  EXPECT_GT(seen.whole, 10u);
}

// So the test above would notice if a sync were missing.
TEST(ImportCutsTest, WithoutSyncsOneIsFoundTornUnderItsName) {
  EXPECT_GT(CutEverywhere({.atomic_unit = 512, .lying_flush = true}).torn, 0u);
}

}  // namespace
}  // namespace manifolddb::tools
