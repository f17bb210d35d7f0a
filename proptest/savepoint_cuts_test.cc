// The power fails, or the process is killed, at every write and sync while persistent savepoints are made,
// read, restored and deleted, by a database that goes on meanwhile and has been closed in between: what is
// found is what was there after one of the calls, savepoints included, and not before the last that returned.
// Then each savepoint is restored and deleted in what was found. And that this has teeth: the orders that it
// rests on are broken.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"
#include "proptest/cuts.h"

namespace manifolddb::proptest {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;

// Images of each policy at each end, and effects from end to end. Under sanitizers a part of it.
#ifdef MANIFOLDDB_SANITIZED
constexpr uint64_t kImages = 1;
constexpr uint64_t kStep = 3;
#else
constexpr uint64_t kImages = 8;
constexpr uint64_t kStep = 1;
#endif

// "family/table/key" to value; "family/" and "family/table/" for what is there at all.
using State = std::map<std::string, std::string>;

const std::vector<std::string> kMany = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"};

struct World {
  State now;
  std::map<std::string, State> savepoints;
  friend bool operator==(const World&, const World&) = default;
};

Options KeepingOptions() {
  Options options = Tiny();
  options.log_bytes_initial = options.log_bytes_max = 32 * 512;
  options.cache_bytes = 128 * 512;
  options.dirty_bytes_max = 64 * 512;
  return options;
}

State ReadAllOf(ReadTransaction snapshot) {
  State state;
  for (const std::string& family_name : Must(snapshot.ListColumnFamilies())) {
    state[family_name + "/"];
    const ColumnFamily family = Must(snapshot.OpenColumnFamily(family_name));
    for (const std::string& table_name : Must(snapshot.ListTables(family))) {
      const std::string prefix = family_name + "/" + table_name + "/";
      state[prefix];
      const ReadTable table = Must(snapshot.OpenTable(family, table_name));
      Cursor cursor = Must(table.NewCursor());
      for (bool any = Must(cursor.First()); any; any = Must(cursor.Next())) {
        state[prefix + std::string(AsText(cursor.key()))] = AsText(Must(cursor.value()));
      }
    }
  }
  return state;
}

World WorldOf(const Database& database) {
  World world;
  world.now = ReadAllOf(Must(database.BeginRead()));
  for (const SavepointInfo& savepoint : Must(database.ListSavepoints())) {
    world.savepoints[savepoint.name] = ReadAllOf(Must(database.BeginRead(savepoint.name)));
  }
  return world;
}

// Throws: a broken engine may not survive what would come next.
void MustBeWhole(const Database& database) {
  const VerifyReport report = Must(database.Verify());
  if (report.ok()) return;
  for (const VerifyReport::Problem& problem : report.problems) ADD_FAILURE() << problem.what;
  throw std::runtime_error("damaged");
}

void PutKeys(Database& database, const char* family_name, const char* table_name, int from, int until,
             char fill) {
  const ColumnFamily family = Must(database.OpenOrCreateColumnFamily(family_name));
  WriteTransaction transaction = Must(database.BeginWrite(family));
  WriteTable table = Must(transaction.OpenOrCreateTable(family, table_name));
  for (int i = from; i < until; ++i) {
    const std::string value(i % 10 == 3 ? 700 : 50, fill);
    Must(table.Put(AsBytes("key" + std::to_string(100 + i)), AsBytes(value)));
  }
  Must(transaction.Commit());
}

class Keeping {
 public:
  Keeping() : disk_(std::make_shared<Disk>(kTraits)) { Open(); }

  // What is acknowledged from the first of them on counts.
  void Work() {
    Put("f", "t", 0, 40, 'a');
    Put("g", "u", 0, 10, 'a');
    for (const std::string& name : kMany) Must(database_->CreateColumnFamily(name));
    begin_ = disk_->effects();
    states_.clear();
    Note();
    Create("one");
    Put("f", "t", 0, 40, 'b');
    PutNew();
    Put("f", "t", 5, 30, 'c');
    Create("two");
    Drop("g");
    Reopen();
    Put("f", "t", 0, 20, 'd');
    Put("h", "t", 0, 12, 'd');
    Restore("one");
    Put("g", "u", 0, 12, 'e');
    Rename("f", "k");
    Restore("two");
    Put("f", "t", 0, 40, 'z');
    Create("three");
    RestoreAndDeleteBesideASnapshot("three", [this] { Put("f", "t", 10, 30, 'f'); });
    Delete("two");
    Put("f", "t", 0, 40, 'g');
    Create("two");
    Reopen();
    Delete("one");
    Put("f", "t", 0, 40, 'h');
    Put("f", "t", 0, 40, 'i');
    Restore("two");
    Delete("two");
    // What a deletion writes comes to lie all over the file.
    for (int round = 0; round < 12; ++round) {
      Create("short");
      const char fill = static_cast<char>('A' + round);
      Put("f", "t", 0, 40, fill);
      for (int i = 0; i < round; ++i) Put("f", "t", 3 * i, 3 * i + 2, fill);
      PutIntoMany(fill);
      Delete("short");
    }
    Reopen();
  }

  void EndEverywhere() {
    const uint64_t end = disk_->effects();
    CrashPoint point(disk_->trace(), begin_);
    for (uint64_t effects = begin_; effects <= end; effects += kStep) {
      point.MoveTo(effects);
      LookAtImages(point, effects, kImages,
                   [&](const std::shared_ptr<Disk>& booted) { Check(booted, effects); });
      SCOPED_TRACE(std::to_string(effects) + " killed");
      Check(std::make_shared<Disk>(*disk_->trace(), effects, 78), effects);
    }
    EXPECT_GT(ends_, (end - begin_) / kStep * 4);
  }

 private:
  void Open() { database_ = Must(Database::Open(disk_->NewProcess(), "db", KeepingOptions())); }
  void Note() {
    MustBeWhole(*database_);
    World world = WorldOf(*database_);
    if (world.savepoints != kept_) {
      ADD_FAILURE() << "a savepoint has changed";
      throw std::runtime_error("changed");
    }
    states_.emplace_back(disk_->effects(), std::move(world));
  }
  const State& Now() const { return states_.back().second.now; }

  void Put(const char* family, const char* table, int from, int until, char fill) {
    PutKeys(*database_, family, table, from, until, fill);
    // One that makes the family is two commits.
    if (!states_.empty() && !Now().contains(std::string(family) + "/")) {
      World between = states_.back().second;
      between.now[std::string(family) + "/"];
      unnoted_.push_back(std::move(between));
    }
    Note();
  }
  // So that the next checkpoint writes many lists of tables.
  void PutIntoMany(char fill) {
    std::vector<ColumnFamily> families;
    for (const std::string& name : kMany) families.push_back(Must(database_->OpenColumnFamily(name)));
    WriteTransaction transaction = Must(database_->BeginWrite(families));
    for (const ColumnFamily family : families) {
      WriteTable table = Must(transaction.OpenOrCreateTable(family, "t"));
      Must(table.Put(AsBytes("key"), AsBytes(std::string(20, fill))));
    }
    Must(transaction.Commit());
    Note();
  }
  void PutNew() { Put("n", "v", 0, 6, 'n'); }
  void Create(const std::string& name) {
    Must(database_->CreateSavepoint(name));
    kept_[name] = Now();
    Note();
  }
  void Restore(const std::string& name) {
    Must(database_->RestoreSavepoint(name));
    Note();
    EXPECT_TRUE(Now() == kept_.at(name)) << "another state was restored";
  }
  // Pages of the savepoint that were given up wait for the snapshot when they are owned again; and when it is
  // gone, the savepoint does not keep them any more.
  template <class Change>
  void RestoreAndDeleteBesideASnapshot(const std::string& name, Change change) {
    ReadTransaction snapshot = Must(database_->BeginRead());
    const State seen = Now();
    change();
    Restore(name);
    Delete(name);
    EXPECT_TRUE(ReadAllOf(std::move(snapshot)) == seen) << "a snapshot has changed";
    Put("g", "u", 0, 12, 'f');
  }
  void Delete(const std::string& name) {
    Must(database_->DeleteSavepoint(name));
    kept_.erase(name);
    Note();
  }
  void Drop(const char* family) {
    Must(database_->DropColumnFamily(family));
    Note();
  }
  void Rename(const char* from, const char* to) {
    Must(database_->RenameColumnFamily(from, to));
    Note();
  }
  void Reopen() {
    Must(database_->Close());
    Open();
    Note();
  }

  void Check(const std::shared_ptr<Disk>& disk, uint64_t effects) {
    const auto database = Must(Database::Open(disk, "db", KeepingOptions()));
    MustBeWhole(*database);
    const World found = WorldOf(*database);
    bool known = std::ranges::find(unnoted_, found) != unnoted_.end();
    for (size_t i = 0; i < states_.size(); ++i) {
      const bool overtaken = i + 1 < states_.size() && states_[i + 1].first <= effects;
      known = known || (!overtaken && found == states_[i].second);
    }
    EXPECT_TRUE(known) << found.now.size() << " entries and " << found.savepoints.size()
                       << " savepoints are nothing that was acknowledged, or is later";
    for (const auto& [name, state] : found.savepoints) {
      // Over whatever is free.
      PutKeys(*database, "f", "t", 0, 30, 'x');
      Must(database->RestoreSavepoint(name));
      EXPECT_TRUE(ReadAllOf(Must(database->BeginRead())) == state) << "restored from " << name;
      MustBeWhole(*database);
      Must(database->DeleteSavepoint(name));
      PutKeys(*database, "f", "t", 10, 30, 'y');
      MustBeWhole(*database);
    }
    ++ends_;
  }

  const std::shared_ptr<Disk> disk_;
  std::unique_ptr<Database> database_;
  std::map<std::string, State> kept_;
  std::vector<std::pair<uint64_t, World>> states_;
  std::vector<World> unnoted_;
  uint64_t begin_ = 0;
  uint64_t ends_ = 0;
};

void KeepSavepointsAndEndEverywhere() {
  Keeping keeping;
  keeping.Work();
  keeping.EndEverywhere();
}

TEST(SavepointCuts, WhereverItEndsEachSavepointIsThereOrNot) { KeepSavepointsAndEndEverywhere(); }

TEST(SavepointTeeth, EachFaultSiteOfSavepointsIsNoticed) {
  int sites = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (!std::string_view(site->name()).starts_with("savepoint.")) continue;
    ++sites;
    site->Break(true);
    EXPECT_TRUE(Fails(KeepSavepointsAndEndEverywhere)) << site->name() << " is broken, and nobody notices";
    site->Break(false);
  }
  EXPECT_EQ(sites, 7);
}

using Call = std::function<Status(Database&)>;

// One call on a database with savepoints, during which one operation of the disk fails.
class Failing {
 public:
  explicit Failing(Call call) : call_(std::move(call)), disk_(std::make_shared<Disk>(kTraits)) {
    Open();
    PutKeys(*database_, "f", "t", 0, 40, 'a');
    PutKeys(*database_, "g", "u", 0, 10, 'a');
    Must(database_->CreateSavepoint("old"));
    PutKeys(*database_, "f", "t", 0, 40, 'b');
    Must(database_->DropColumnFamily("g"));
    Must(database_->CreateSavepoint("other"));
    Must(database_->Close());
    Open();
    PutKeys(*database_, "f", "t", 5, 30, 'c');
    PutKeys(*database_, "h", "t", 5, 30, 'c');
    before_ = WorldOf(*database_);
  }

  // False if nothing failed.
  bool Run(const faultfs::Fault& fault) {
    disk_->Arm(fault);
    const Status status = call_(*database_);
    disk_->DisarmAll();
    if (disk_->faults_fired().empty()) {
      EXPECT_TRUE(status);
      return false;
    }
    unknown_ = !status && status.error().code() == Errc::kUnknownOutcome;
    after_ = WorldOf(*database_);
    EXPECT_TRUE(status || after_ == before_) << status.error().ToString();
    EXPECT_TRUE(Must(database_->Verify()).ok());
    const bool goes_on = database_->CreateColumnFamily("x").has_value();
    EXPECT_FALSE(goes_on && unknown_);
    if (goes_on) Must(database_->DropColumnFamily("x"));
    CheckEnds();
    if (!status && goes_on) Must(call_(*database_));
    MustBeWhole(*database_);
    return true;
  }

 private:
  void Open() { database_ = Must(Database::Open(disk_->NewProcess(), "db", KeepingOptions())); }
  void CheckEnds() {
    const uint64_t end = disk_->effects();
    CheckEnd(std::make_shared<Disk>(*disk_->trace(), end, 78));
    const CrashPoint point(disk_->trace(), end);
    LookAtImages(point, end, 4, [&](const std::shared_ptr<Disk>& booted) { CheckEnd(booted); });
  }
  void CheckEnd(const std::shared_ptr<Disk>& disk) {
    const auto database = Must(Database::Open(disk, "db", KeepingOptions()));
    MustBeWhole(*database);
    const World found = WorldOf(*database);
    if (!unknown_) {
      EXPECT_TRUE(found == after_) << "not what was said";
    } else if (found != before_) {
      EXPECT_TRUE(!behind_ || *behind_ == found) << "neither the one nor the other";
      behind_ = found;
    }
    for (const auto& [name, state] : found.savepoints) {
      PutKeys(*database, "f", "t", 0, 30, 'x');
      Must(database->RestoreSavepoint(name));
      EXPECT_TRUE(ReadAllOf(Must(database->BeginRead())) == state) << "restored from " << name;
      Must(database->DeleteSavepoint(name));
      PutKeys(*database, "f", "t", 10, 30, 'y');
      MustBeWhole(*database);
    }
  }

  const Call call_;
  const std::shared_ptr<Disk> disk_;
  std::unique_ptr<Database> database_;
  World before_, after_;
  std::optional<World> behind_;
  bool unknown_ = false;
};

// Each read, write and sync that a call makes fails once: the call says so, and what it says is what is
// found, also behind a power cut: the state before, or, if it said that it does not know, perhaps the other.
int FailEverywhere(const Call& call) {
  using enum faultfs::FaultKind;
  using enum faultfs::Operation;
  int failures = 0;
  for (const auto operation : {kRead, kWrite, kSync}) {
    for (const auto kind : {kIoError, kNoSpace, kSyncReverts, kCorruptRead, kShortWrite}) {
      if ((faultfs::OperationsOf(kind) & faultfs::Only(operation)) == 0) continue;
      for (uint64_t at = 1;; ++at) {
        SCOPED_TRACE(std::string(faultfs::Name(kind)) + " number " + std::to_string(at));
        if (!Failing(call).Run({.kind = kind, .counted = faultfs::Only(operation), .at = at})) break;
        ++failures;
      }
    }
  }
  return failures;
}

template <class T>
Status StatusOf(const Result<T>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

TEST(SavepointFaults, WhatFailsIsSaidAndNothingElseHappened) {
  EXPECT_GT(FailEverywhere([](Database& database) { return StatusOf(database.CreateSavepoint("new")); }), 15);
  EXPECT_GT(FailEverywhere([](Database& database) { return StatusOf(database.RestoreSavepoint("old")); }),
            15);
  EXPECT_GT(FailEverywhere([](Database& database) { return database.DeleteSavepoint("old"); }), 10);
}

// What a restoring commit owns again is on the disk: it is neither looked at nor synced.
TEST(SavepointCost, RestoringWritesNoMoreForALargerDifference) {
  const auto effects_of = [](int entries) {
    const auto disk = std::make_shared<Disk>(kTraits);
    const auto database = Must(Database::Open(disk->NewProcess(), "db", KeepingOptions()));
    PutKeys(*database, "f", "t", 0, entries, 'a');
    Must(database->CreateSavepoint("then"));
    PutKeys(*database, "f", "t", 0, entries, 'b');
    Must(database->Checkpoint());
    const uint64_t before = disk->effects();
    Must(database->RestoreSavepoint("then"));
    return disk->effects() - before;
  };
  EXPECT_EQ(effects_of(10), effects_of(800));
}

}  // namespace
}  // namespace manifolddb::proptest
