// The power fails at every write, sync and rename of a backup, of a restore and of a compact copy, and the
// disk keeps what it likes of what was not synced: no file under the final name, or a whole one; and the
// database that was read is what it was. And that these tests have teeth: each fault site of backups is
// broken in turn, and one of them must notice.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/backup.h"
#include "proptest/cuts.h"

namespace manifolddb::proptest {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Image;
using faultfs::Policy;

using State = std::map<std::string, std::map<std::string, std::string>>;  // "family/table" -> entries

void Write(Database& database, const std::string& value) {
  for (const char* name : {"f", "g"}) {
    const ColumnFamily family = Must(database.OpenOrCreateColumnFamily(name));
    WriteTransaction transaction = Must(database.BeginWrite(family));
    WriteTable table = Must(transaction.OpenOrCreateTable(family, "t"));
    for (int i = 0; i < 12; ++i) Must(table.Put(AsBytes("key" + std::to_string(i)), AsBytes(value)));
    Must(table.Put(AsBytes("large"), AsBytes(value + std::string(900, 'L'))));
    Must(transaction.Commit());
  }
}

State Read(const Database& database) {
  State state;
  ReadTransaction snapshot = Must(database.BeginRead());
  for (const std::string& name : Must(snapshot.ListColumnFamilies())) {
    const ColumnFamily family = Must(snapshot.OpenColumnFamily(name));
    for (const std::string& table_name : Must(snapshot.ListTables(family))) {
      const ReadTable table = Must(snapshot.OpenTable(family, table_name));
      Cursor cursor = Must(table.NewCursor());
      for (bool any = Must(cursor.First()); any; any = Must(cursor.Next())) {
        state[name + "/" + table_name][std::string(AsText(cursor.key()))] = AsText(Must(cursor.value()));
      }
    }
  }
  return state;
}

State ReadClosed(const std::shared_ptr<Storage>& storage, const std::string& name) {
  const auto database = Must(Database::Open(storage, name, Tiny()));
  EXPECT_TRUE(Must(database->Verify()).ok());
  return Read(*database);
}

// A disk with a database that is closed, a whole backup and an increment of it.
class Cuts {
 public:
  explicit Cuts(const faultfs::Traits& traits = kTraits) : disk_(std::make_shared<Disk>(traits)) {
    const auto database = Must(Database::Open(disk_->NewProcess(), "db", Tiny()));
    Write(*database, "first");
    Must(Backup(*database, {disk_, "b0"}));
    Write(*database, "second");
    Must(Backup(*database, {disk_, "b1"}, {.base = BackupFile{disk_, "b0"}}));
    state_ = Read(*database);
    Must(database->Close());
    begin_ = disk_->effects();
  }

  void OfABackup();
  void OfARestore();
  void OfACompactCopy();
  void OfABackupWithoutSyncs();

 private:
  // Every image of every cut since the database was closed, of many policies, goes through `look`.
  template <class Look>
  void CutEverywhere(Look look) {
    const uint64_t end = disk_->effects();
    ASSERT_GT(end, begin_ + 2);
    CrashPoint point(disk_->trace(), begin_);
    for (uint64_t effects = begin_; effects <= end; ++effects) {
      point.MoveTo(effects);
      LookAtImages(point, effects, 6, [&](const std::shared_ptr<Disk>& booted) {
        look(booted, effects == end);
        ++images_;
      });
    }
  }

  const std::shared_ptr<Disk> disk_;
  State state_;
  uint64_t begin_ = 0;
  uint64_t images_ = 0;
};

void Cuts::OfABackup() {
  {
    const auto database = Must(Database::Open(disk_, "db", Tiny()));
    begin_ = disk_->effects();
    Must(Backup(*database, {disk_, "new"}));
    Must(Backup(*database, {disk_, "increment"}, {.base = BackupFile{disk_, "b1"}}));
    uint64_t whole = 0;
    CutEverywhere([&](const std::shared_ptr<Disk>& booted, bool last) {
      const bool there = Must(booted->Exists("new"));
      if (there) {
        EXPECT_TRUE(Must(CheckBackup(std::vector<BackupFile>{{booted, "new"}})).ok());
        Must(Restore(std::vector<BackupFile>{{booted, "new"}}, {booted, "restored"}, {.output = Tiny()}));
        EXPECT_EQ(ReadClosed(booted, "restored"), state_);
        ++whole;
      }
      const bool increment = Must(booted->Exists("increment"));
      if (increment) {
        EXPECT_TRUE(
            Must(CheckBackup(std::vector<BackupFile>{{booted, "b0"}, {booted, "b1"}, {booted, "increment"}}))
                .ok());
      }
      if (last) {
        EXPECT_TRUE(there && increment);
      }
      EXPECT_EQ(ReadClosed(booted, "db"), state_);
      // What was left is in nobody's way.
      if (!there) {
        const auto again = Must(Database::Open(booted, "db", Tiny()));
        Must(Backup(*again, {booted, "new"}));
      }
    });
    EXPECT_GT(whole, 10u);
    EXPECT_GT(images_, whole + 10);
  }
}

void Cuts::OfABackupWithoutSyncs() {
  const auto database = Must(Database::Open(disk_, "db", Tiny()));
  begin_ = disk_->effects();
  Must(Backup(*database, {disk_, "new"}));
  uint64_t whole = 0;
  uint64_t torn = 0;
  CutEverywhere([&](const std::shared_ptr<Disk>& booted, bool) {
    if (!Must(booted->Exists("new"))) return;
    const auto check = CheckBackup(std::vector<BackupFile>{{booted, "new"}});
    (check && check->ok() ? whole : torn) += 1;
  });
  EXPECT_GT(whole, 0u);
  EXPECT_GT(torn, 0u);
}

void Cuts::OfARestore() {
  Must(Restore(std::vector<BackupFile>{{disk_, "b0"}, {disk_, "b1"}}, {disk_, "new"}, {.output = Tiny()}));
  uint64_t whole = 0;
  CutEverywhere([&](const std::shared_ptr<Disk>& booted, bool last) {
    const bool there = Must(booted->Exists("new"));
    if (there) {
      EXPECT_EQ(ReadClosed(booted, "new"), state_);
      ++whole;
    }
    if (last) {
      EXPECT_TRUE(there);
    }
    EXPECT_TRUE(Must(CheckBackup(std::vector<BackupFile>{{booted, "b0"}, {booted, "b1"}})).ok());
  });
  EXPECT_GT(whole, 10u);
  EXPECT_GT(images_, whole + 100);
}

void Cuts::OfACompactCopy() {
  {
    const auto database = Must(Database::Open(disk_, "db", Tiny()));
    begin_ = disk_->effects();
    Must(Compact(*database, {disk_, "new"}, {.output = Tiny()}));
    uint64_t whole = 0;
    CutEverywhere([&](const std::shared_ptr<Disk>& booted, bool last) {
      const bool there = Must(booted->Exists("new"));
      if (there) {
        EXPECT_EQ(ReadClosed(booted, "new"), state_);
        ++whole;
      }
      if (last) {
        EXPECT_TRUE(there);
      }
      EXPECT_EQ(ReadClosed(booted, "db"), state_);
    });
    EXPECT_GT(whole, 10u);
  }
}

TEST(CutsTest, ABackupIsThereWholeOrNotAtAll) { Cuts().OfABackup(); }
TEST(CutsTest, ARestoredDatabaseIsThereWholeOrNotAtAll) { Cuts().OfARestore(); }
TEST(CutsTest, ACompactCopyIsThereWholeOrNotAtAll) { Cuts().OfACompactCopy(); }
// So these tests would notice if a sync were missing.
TEST(CutsTest, WithoutItsSyncABackupIsFoundTornUnderItsName) {
  Cuts({.atomic_unit = 512, .lying_flush = true}).OfABackupWithoutSyncs();
}

// ---- Chains: what is restored is what was there, whatever happened between two backups.

std::string Number(int number) { return "key" + std::to_string(1000 + number); }

void ExpectRestored(const std::shared_ptr<Storage>& disk, const std::vector<BackupFile>& chain,
                    const State& state, int step) {
  const std::string name = "restored" + std::to_string(step);
  EXPECT_TRUE(Must(CheckBackup(chain)).ok());
  Must(Restore(chain, {disk, name}, {.output = Tiny()}));
  EXPECT_EQ(ReadClosed(disk, name), state) << step;
}

// Puts so many keys, and removes so many behind them.
struct Change {
  int from = 0;
  int put = 0;
  int removed = 0;
};
void Write(Database& database, Change change, const std::string& value) {
  const ColumnFamily family = Must(database.OpenOrCreateColumnFamily("f"));
  WriteTransaction transaction = Must(database.BeginWrite(family));
  WriteTable table = Must(transaction.OpenOrCreateTable(family, "t"));
  const int removed = change.from + change.put;
  for (int i = change.from; i < removed; ++i) Must(table.Put(AsBytes(Number(i)), AsBytes(value)));
  const std::string lower = Number(removed), upper = Number(removed + change.removed);
  Must(table.DeleteRange({.lower = AsBytes(lower), .upper = AsBytes(upper)}));
  Must(transaction.Commit());
}

// Leaves that change, go, and stay while those beside them go: each hole is somewhere else in a leaf.
void IncrementsAreWhatHasChanged() {
  const auto disk = std::make_shared<Disk>(kTraits);
  const auto database = Must(Database::Open(disk, "db", Tiny()));
  std::vector<BackupFile> chain;
  Write(*database, {.put = 300}, std::string(90, 'v'));
  for (int step = 0; step < 40; ++step) {
    BackupOptions options;
    if (!chain.empty()) options.base = chain.back();
    const BackupFile file{disk, "b" + std::to_string(step)};
    const BackupReport report = Must(Backup(*database, file, options));
    EXPECT_TRUE(chain.empty() || report.entries_written < report.entries);
    chain.push_back(file);
    ExpectRestored(disk, chain, Read(*database), step);
    Write(*database, {.from = step * 7, .put = step % 8 == 0 ? 1 : 0, .removed = 3 + step % 3}, "new");
  }
}

// The base has read what only the cache had; behind the power cut other pages have the same births.
void IncrementsOfWhatWasNeverDurable(int first, int before) {
  const auto disk = std::make_shared<Disk>(kTraits);
  {
    const auto database = Must(Database::Open(disk, "db", Tiny()));
    Write(*database, {.put = 300}, std::string(40, 'v'));
    Must(database->Close());
  }
  auto killed = Must(Database::Open(disk->NewProcess(), "db", Tiny()));
  CrashPoint point(disk->trace(), disk->effects());
  point.MoveTo(disk->effects());
  const auto cut = std::make_shared<Disk>(point.Draw({Policy::kAll, 0}), kTraits, 78);
  for (int i = 0; i < 5; ++i) {
    Write(*killed, {.from = i * 50, .put = 3}, "never durable " + std::to_string(i));
  }
  disk->Kill();
  killed.reset();
  Options reading = Tiny();
  reading.read_only = true;
  const BackupFile base{cut, "b0"};
  {
    const auto read_only = Must(Database::Open(disk, "db", reading));
    EXPECT_EQ(read_only->Stats().recovered_commits, 5u);
    Must(Backup(*read_only, base));
  }
  const auto database = Must(Database::Open(cut, "db", Tiny()));
  for (int i = 0; i < before; ++i) Write(*database, {.from = 299, .put = 1}, "elsewhere");
  for (int step = 0; step < 5; ++step) {
    Write(*database, {.from = (first + step) % 5 * 50, .put = 3}, "something else " + std::to_string(step));
    const BackupFile increment{cut, "b1." + std::to_string(step)};
    Must(Backup(*database, increment, {.base = base}));
    ExpectRestored(cut, {base, increment}, Read(*database), step);
  }
}
// The births meet only where both draw the same number of them before.
void IncrementsOfWhatWasNeverDurable() {
  for (int first = 0; first < 5; ++first) {
    for (int before = 0; before < 4; ++before) IncrementsOfWhatWasNeverDurable(first, before);
  }
}

TEST(Chains, IncrementsAreWhatHasChanged) { IncrementsAreWhatHasChanged(); }
TEST(Chains, TheBaseMayHaveReadWhatWasNeverDurable) { IncrementsOfWhatWasNeverDurable(); }

// ---- Teeth

TEST(Teeth, EachFaultSiteOfBackupsIsNoticed) {
  void (*const tests[])() = {IncrementsAreWhatHasChanged, IncrementsOfWhatWasNeverDurable,
                             [] { Cuts().OfABackup(); }, [] { Cuts().OfARestore(); }};
  for (const auto test : tests) ASSERT_FALSE(Fails(test)) << "the sound engine is accused";
  int sites = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (!std::string_view(site->name()).starts_with("backup.")) continue;
    ++sites;
    site->Break(true);
    EXPECT_TRUE(std::ranges::any_of(tests, Fails)) << site->name() << " is broken, and nobody notices";
    site->Break(false);
  }
  EXPECT_GE(sites, 7);
}

}  // namespace
}  // namespace manifolddb::proptest
