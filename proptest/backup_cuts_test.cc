// The power fails at every write, sync and rename of a backup, of a restore and of a compact copy, and the
// disk keeps what it likes of what was not synced: no file under the final name, or a whole one; and the
// database that was read is what it was.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/backup.h"

namespace manifolddb::proptest {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Image;
using faultfs::Policy;

constexpr faultfs::Traits kTraits{.atomic_unit = 512};
using State = std::map<std::string, std::map<std::string, std::string>>;  // "family/table" -> entries

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result) << result.error().ToString();
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Options Tiny() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 16 * 512;
  options.log_bytes_max = 16 * 512;
  options.cache_bytes = 64 * 512;
  options.dirty_bytes_max = 32 * 512;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  return options;
}

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
class CutsTest : public testing::Test {
 protected:
  explicit CutsTest(const faultfs::Traits& traits = kTraits) : disk_(std::make_shared<Disk>(traits)) {
    const auto database = Must(Database::Open(disk_->NewProcess(), "db", Tiny()));
    Write(*database, "first");
    Must(Backup(*database, {disk_, "b0"}));
    Write(*database, "second");
    Must(Backup(*database, {disk_, "b1"}, {.base = BackupFile{disk_, "b0"}}));
    state_ = Read(*database);
    Must(database->Close());
    begin_ = disk_->effects();
  }

  // Every image of every cut since the database was closed, of many policies, goes through `look`.
  template <class Look>
  void CutEverywhere(Look look) {
    const uint64_t end = disk_->effects();
    ASSERT_GT(end, begin_ + 2);
    CrashPoint point(disk_->trace(), begin_);
    for (uint64_t effects = begin_; effects <= end; ++effects) {
      point.MoveTo(effects);
      for (size_t policies = 0; policies < faultfs::kPolicies; ++policies) {
        const auto policy = static_cast<Policy>(policies);
        const uint64_t parameters = std::min<uint64_t>(point.ParameterCount(policy), 6);
        for (uint64_t parameter = 0; parameter < parameters; ++parameter) {
          SCOPED_TRACE(std::to_string(effects - begin_) + " " + std::string(Name(policy)) + ":" +
                       std::to_string(parameter));
          const uint64_t number = policy == Policy::kRandom ? effects * 100 + parameter
                                                            : parameter * 7 % point.ParameterCount(policy);
          const auto booted = std::make_shared<Disk>(point.Draw({policy, number}), kTraits, 77);
          look(booted, effects == end);
          ++images_;
        }
      }
    }
  }

  const std::shared_ptr<Disk> disk_;
  State state_;
  uint64_t begin_ = 0;
  uint64_t images_ = 0;
};

TEST_F(CutsTest, ABackupIsThereWholeOrNotAtAll) {
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

// So these tests would notice if a sync were missing.
class LyingDiskTest : public CutsTest {
 protected:
  LyingDiskTest() : CutsTest({.atomic_unit = 512, .lying_flush = true}) {}
};

TEST_F(LyingDiskTest, WithoutItsSyncABackupIsFoundTornUnderItsName) {
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

TEST_F(CutsTest, ARestoredDatabaseIsThereWholeOrNotAtAll) {
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

TEST_F(CutsTest, ACompactCopyIsThereWholeOrNotAtAll) {
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

}  // namespace
}  // namespace manifolddb::proptest
