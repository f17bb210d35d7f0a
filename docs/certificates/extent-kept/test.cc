// Made by `crashsim shrink` from the certificate beside it. Fails where promise G5 whole is
// broken as the certificate says; holds on a sound engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint32_t kSector = 512;
[[maybe_unused]] constexpr uint64_t kAtTheEnd = ~uint64_t{0};

Options Sizes() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 4096;
  options.log_bytes_max = 4096;
  options.cache_bytes = 32768;
  options.dirty_bytes_max = 32768;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  return options;
}

// Column family, table, key: value.
using State = std::map<std::string, std::map<std::string, std::map<std::string, std::string>>>;

struct Put {
  std::string family, table, key, value;
  bool deletes = false;
};

// A change that had not been synced and is lost: sector `sector` of `file`, or its size, or its name.
struct Lost {
  faultfs::Atom::Kind kind;
  std::string file;
  uint64_t effect;
  uint64_t sector = 0;
};

State ReadAll(ReadTransaction& transaction) {
  State state;
  const auto families = transaction.ListColumnFamilies();
  if (!families) return {{families.error().ToString(), {}}};
  for (const std::string& family : *families) {
    const ColumnFamily handle = transaction.OpenColumnFamily(family).value();
    const auto tables = transaction.ListTables(handle);
    if (!tables) return {{tables.error().ToString(), {}}};
    state[family];
    for (const std::string& table : *tables) {
      auto source = transaction.OpenTable(handle, table);
      if (!source) return {{source.error().ToString(), {}}};
      auto entries = source->Entries();
      if (!entries) return {{entries.error().ToString(), {}}};
      state[family][table];
      for (const auto& entry : *entries) {
        if (!entry) return {{entry.error().ToString(), {}}};
        state[family][table].emplace(AsText(entry->key), AsText(entry->value));
      }
    }
  }
  return state;
}

State ReadAll(Database& database) {
  auto transaction = database.BeginRead();
  if (!transaction) return {{transaction.error().ToString(), {}}};
  return ReadAll(*transaction);
}

// A computer with a database, and what the database owes.
class Machine {
 public:
  void Open() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    opened_ = disk_->effects();
    commits_ = {{0, 0, true, seen}};
  }
  void CreateFamily(const std::string& name) {
    State after = commits_.back().state;
    const bool creates = after.try_emplace(name).second;
    const uint64_t called = disk_->effects();
    EXPECT_EQ(database_->CreateColumnFamily(name).has_value(), creates);
    if (creates) commits_.push_back({called, disk_->effects(), true, after});
  }
  void Transact(const std::vector<std::string>& families, const std::vector<Put>& puts, bool commits = true,
                CommitOptions how = {}) {
    State after = commits_.back().state;
    std::vector<ColumnFamily> held;
    for (const std::string& family : families) {
      if (after.contains(family)) held.push_back(database_->OpenColumnFamily(family).value());
    }
    if (held.empty()) return;
    auto transaction = database_->BeginWrite(held);
    ASSERT_TRUE(transaction) << transaction.error().ToString();
    for (const Put& put : puts) {
      if (after.contains(put.family)) Change(*transaction, put, after[put.family]);
    }
    if (!commits) return transaction->Abort();
    const uint64_t called = disk_->effects();
    const auto done = transaction->Commit(how);
    EXPECT_TRUE(done) << done.error().ToString();
    const bool durable = how.durability == Durability::kImmediate;
    commits_.push_back({called, disk_->effects(), durable, after});
  }
  void Checkpoint() {
    EXPECT_TRUE(database_->Checkpoint());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }
  void Verify() { EXPECT_TRUE(database_->Verify().value().ok()); }
  void Read() { EXPECT_EQ(ReadAll(*database_), commits_.back().state); }
  void OpenSnapshot() {
    snapshot_.emplace(std::pair(database_->BeginRead().value(), commits_.back().state));
    ReadSnapshot();
  }
  void ReadSnapshot() {
    if (!snapshot_) return;
    EXPECT_EQ(ReadAll(snapshot_->first), snapshot_->second);
  }
  void Close() {
    snapshot_.reset();
    EXPECT_TRUE(database_->Close());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }

  // Each as if it had happened after so many effects on the disk since the machine was switched on.
  void Kill(uint64_t effects) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    disk_ = std::make_shared<faultfs::Disk>(*trace, effects, 2);
  }
  void CutPower(uint64_t effects, const std::vector<Lost>& lost) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    const faultfs::CrashPoint point(trace, effects);
    faultfs::Arrivals arrivals(point.atoms().size(), faultfs::arrival::kWhole);
    for (const Lost& one : lost) Lose(point, one, arrivals);
    disk_ = std::make_shared<faultfs::Disk>(point.Make(arrivals), disk_->traits(), 2);
  }
  // Damage of a database that was closed: from then on an error that says so will do.
  void Flip(const std::string& file, uint64_t offset) {
    auto image = disk_->CacheImage();
    auto bytes = image.Contents(file);
    bytes.at(offset) ^= std::byte{1};
    image.Put(file, bytes);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }
  void Remove(const std::string& file) {
    auto image = disk_->CacheImage();
    image.Remove(file);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }

  // What is found in the end.
  void Look() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    if (!opened && damaged_) return;
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    const auto report = database_->Verify();
    if (damaged_ && (!report || !report->ok())) return;
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->ok()) << report->problems.front().what;
  }

 private:
  struct Commit {
    uint64_t called, ended;
    bool durable;
    State state;
  };

  void Change(WriteTransaction& transaction, const Put& put, State::mapped_type& tables) {
    const ColumnFamily family = database_->OpenColumnFamily(put.family).value();
    auto table = put.deletes ? transaction.OpenTable(family, put.table)
                             : transaction.OpenOrCreateTable(family, put.table);
    EXPECT_EQ(table.has_value(), !put.deletes || tables.contains(put.table));
    if (!table) return;
    if (put.deletes) {
      EXPECT_EQ(table->Delete(AsBytes(put.key)).value(), tables[put.table].erase(put.key) > 0);
    } else {
      EXPECT_TRUE(table->Put(AsBytes(put.key), AsBytes(put.value)));
      tables[put.table][put.key] = put.value;
    }
  }

  // States that may be found after an end there: from the newest durable one on, as far as they were asked
  // for. Before the opening had returned: what was owed then.
  void Owe(uint64_t effects) {
    if (effects < opened_) return;
    owed_.clear();
    for (const Commit& commit : commits_) {
      if (commit.called > effects) continue;
      if (commit.durable && commit.ended <= effects) owed_.clear();
      owed_.push_back(commit.state);
    }
  }

  // A sound engine writes otherwise: then whatever changed the same place is lost.
  static void Lose(const faultfs::CrashPoint& point, const Lost& lost, faultfs::Arrivals& arrivals) {
    const auto& atoms = point.atoms();
    const auto here = [&](size_t i) {
      const bool file = point.trace().effects[atoms[i].effect].name == lost.file;
      return atoms[i].kind == lost.kind && file && atoms[i].sector == lost.sector;
    };
    const bool exact = std::ranges::any_of(
        atoms, [&](const auto& atom) { return here(&atom - atoms.data()) && atom.effect == lost.effect; });
    for (size_t i = 0; i < atoms.size(); ++i) {
      if (here(i) && (!exact || atoms[i].effect == lost.effect)) arrivals[i] = faultfs::arrival::kLost;
    }
  }

  std::shared_ptr<faultfs::Disk> disk_ =
      std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = kSector});
  std::unique_ptr<Database> database_;
  std::optional<std::pair<ReadTransaction, State>> snapshot_;
  std::vector<State> owed_ = {State()};
  std::vector<Commit> commits_;  // since the opening; first, what it showed
  uint64_t opened_ = 0;          // effects
  bool damaged_ = false;
};

TEST(Certificate, BtreeDeleteKeepExtent) {
#ifdef CERTIFICATE_BROKEN  // as it was when this was found
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (std::string(site->name()) == "btree.delete.keep_extent") site->Break(true);
  }
#endif
  Machine machine;
  machine.Open();
  machine.CreateFamily("f");
  machine.Transact({"f"}, {{"f", "t", "0", std::string(200, 'l')}}, true, {.durability = Durability::kNone});
  machine.Transact({"f"}, {{"f", "t", "0", "z"}});
  machine.CutPower(35, {});
  machine.Look();
}

}  // namespace
}  // namespace manifolddb
