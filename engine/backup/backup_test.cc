// Whole backups: what they hold, while others write; compact copies.

#include "manifolddb/backup.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "engine/backup/backup_fixture.h"
#include "manifolddb/typed.h"

namespace manifolddb {
namespace {

TEST_F(BackupTest, AnEmptyDatabaseComesBackEmpty) {
  const BackupReport report = Take("b");
  EXPECT_EQ(report.column_families, 0u);
  EXPECT_EQ(report.entries, 0u);
  EXPECT_EQ(Restored({"b"}), State());
}

TEST_F(BackupTest, EverythingComesBack) {
  PutMany("f", "t", 0, 500, std::string(40, 'v'));
  Put("f", "empty value", "", "");
  Commit("f", [](WriteTransaction& transaction, ColumnFamily family) {
    Must(transaction.CreateTable(family, "no entries"));
    Must(transaction.CreateTable(family, "typed", {.key = "u64", .value = "string"}));
  });
  Put("g", "t", "large", std::string(1 << 20, 'L'));
  Put("g", "t", "larger than a page", std::string(700, 'l'));
  Must(database().CreateColumnFamily("no tables"));
  Put("dropped", "t", "k", "v");
  Must(database().DropColumnFamily("dropped"));
  Must(database().RenameColumnFamily("g", "renamed"));

  uint64_t told = 0;
  const BackupReport report = Take("b", "", [&told](const BackupProgress& progress) {
    EXPECT_GT(progress.entries, told);
    told = progress.entries;
    EXPECT_EQ(progress.entries_total, 503u);
  });
  EXPECT_EQ(told, 503u);
  EXPECT_EQ(report.column_families, 3u);
  EXPECT_EQ(report.tables, 5u);
  EXPECT_EQ(report.entries, 503u);
  EXPECT_EQ(report.entries_written, 503u);
  EXPECT_EQ(report.leaves, report.leaves_written);
  EXPECT_EQ(report.bytes, ReadFile(*backups_, "b").size());
  EXPECT_FALSE(Must(backups_->Exists("b-unfinished")));
  const State state = ReadState(database());
  EXPECT_EQ(state.at("f").at("typed").at(" types"), "u64 to string");
  EXPECT_EQ(Restored({"b"}), state);
}

TEST_F(BackupTest, ATypedTableIsReadAsWhatItWas) {
  constexpr TableDefinition<uint64_t, std::string> kTable("numbers");
  Commit("f", [&](WriteTransaction& transaction, ColumnFamily family) {
    auto table = Must(kTable.OpenOrCreate(transaction, family));
    Must(table.Put(7, "seven"));
  });
  Take("b");
  Must(Restore(Files({"b"}), {backups_, "new"}, {.output = TinyOptions()}));
  const auto restored = Must(Database::Open(backups_, "new", TinyOptions()));
  ReadTransaction snapshot = Must(restored->BeginRead());
  const ColumnFamily family = Must(snapshot.OpenColumnFamily("f"));
  const auto table = Must(kTable.Open(snapshot, family));
  EXPECT_EQ(**Must(table.Get(7)), "seven");
  constexpr TableDefinition<uint32_t, std::string> kOther("numbers");
  EXPECT_EQ(CodeOf(kOther.Open(snapshot, family)), Errc::kTypeMismatch);
}

// Two families that are always written by one transaction, so that any state between is seen.
class WritersTest : public BackupTest {
 protected:
  static constexpr int kKeys = 200;
  WritersTest() {
    for (const char* name : {"a", "b"}) Must(database().CreateColumnFamily(name));
    Round(0);
  }
  void Round(int round, bool checkpoint = false) {
    const ColumnFamily a = Must(database().OpenColumnFamily("a"));
    const ColumnFamily b = Must(database().OpenColumnFamily("b"));
    WriteTransaction transaction = Must(database().BeginWrite({a, b}));
    for (const ColumnFamily family : {a, b}) {
      WriteTable table = Must(transaction.OpenOrCreateTable(family, "t"));
      const std::string value = "round " + std::to_string(round) + std::string(30, '.');
      for (int i = round % 3; i < kKeys; i += 3) Must(table.Put(AsBytes(Key(i)), AsBytes(value)));
      Must(table.Delete(AsBytes(Key((round * 7 + 1) % kKeys))));
    }
    Must(transaction.Commit());
    if (checkpoint) Must(database().Checkpoint());
  }
};

TEST_F(WritersTest, ItIsOneCommitsStateHoweverMuchIsWrittenMeanwhile) {
  for (int round = 1; round < 5; ++round) Round(round);
  const State state = ReadState(database());
  const uint64_t commit = Must(database().BeginRead()).commit_number();
  int round = 5;
  const BackupReport report = Take("b", "", [&](const BackupProgress&) {
    Round(round, round % 5 == 0);
    ++round;
  });
  EXPECT_GT(round, 20);
  EXPECT_EQ(report.commit_number, commit);
  EXPECT_EQ(Restored({"b"}), state);
  EXPECT_NE(ReadState(database()), state);
  EXPECT_TRUE(Must(database().Verify()).ok());
}

TEST_F(WritersTest, WhatIsDroppedMeanwhileIsInItAndWhatIsCreatedIsNot) {
  Put("a", "u", "k", "v");
  const State state = ReadState(database());
  bool first = true;
  Take("b", "", [&](const BackupProgress&) {
    if (!std::exchange(first, false)) return;
    Commit("a", [](WriteTransaction& transaction, ColumnFamily family) {
      Must(transaction.DropTable(family, "u"));
      Must(transaction.RenameTable(family, "t", "renamed"));
    });
    Must(database().DropColumnFamily("b"));
    Must(database().RenameColumnFamily("a", "b"));
    Put("new", "t", "k", "v");
    Must(database().Checkpoint());
  });
  EXPECT_EQ(Restored({"b"}), state);
}

TEST_F(WritersTest, ATransactionThatIsOpenIsNotInItAndIsNotHeldUp) {
  const State state = ReadState(database());
  const ColumnFamily a = Must(database().OpenColumnFamily("a"));
  WriteTransaction open = Must(database().BeginWrite(a));
  WriteTable table = Must(open.OpenTable(a, "t"));
  Must(table.Put(AsBytes("open"), AsBytes("not committed")));
  bool committed = false;
  Take("b", "", [&](const BackupProgress&) {
    if (std::exchange(committed, true)) return;
    Must(table.Put(AsBytes("open too"), AsBytes("committed meanwhile")));
    Must(open.Commit());
  });
  EXPECT_TRUE(committed);
  EXPECT_EQ(Restored({"b"}), state);
}

TEST_F(WritersTest, SeveralAtATimeEachHaveTheirOwn) {
  const State state = ReadState(database());
  State between;
  bool first = true;
  Take("outer", "", [&](const BackupProgress&) {
    if (!std::exchange(first, false)) return;
    Round(1);
    between = ReadState(database());
    Take("inner");
  });
  EXPECT_EQ(Restored({"outer"}), state);
  EXPECT_EQ(Restored({"inner"}), between);
}

TEST_F(BackupTest, NothingIsReplacedButWhatACutBackupLeft) {
  Put("f", "t", "k", "v");
  WriteFile(*backups_, "b", "somebody's");
  EXPECT_EQ(CodeOf(Backup(database(), File("b"))), Errc::kAlreadyExists);
  EXPECT_EQ(ReadFile(*backups_, "b"), "somebody's");
  EXPECT_FALSE(Must(backups_->Exists("b-unfinished")));
  WriteFile(*backups_, "c-unfinished", "left by a power cut");
  Take("c");
  EXPECT_FALSE(Must(backups_->Exists("c-unfinished")));
  EXPECT_EQ(Restored({"c"}), ReadState(database()));
}

TEST_F(BackupTest, TwoThatWriteTheSameFileAreNotMixed) {
  Put("f", "t", "k", "v");
  bool first = true;
  Take("b", "", [&](const BackupProgress&) {
    if (std::exchange(first, false)) {
      EXPECT_EQ(CodeOf(Backup(database(), File("b"))), Errc::kLocked);
    }
  });
  EXPECT_FALSE(first);
  EXPECT_EQ(Restored({"b"}), ReadState(database()));
}

TEST_F(BackupTest, ADatabaseThatWasClosedIsNotBackedUp) {
  Must(database().Close());
  EXPECT_EQ(CodeOf(Backup(database(), File("b"))), Errc::kClosed);
  EXPECT_FALSE(Must(backups_->Exists("b")));
}

TEST_F(BackupTest, ARestoreReplacesNothing) {
  Put("f", "t", "k", "v");
  Take("b");
  for (const char* name : {"new", "new-wal", "new-restore"}) {
    const auto storage = MakeMemoryStorage();
    WriteFile(*storage, name, "somebody's");
    EXPECT_EQ(CodeOf(Restore(Files({"b"}), {storage, "new"})), Errc::kAlreadyExists) << name;
    EXPECT_EQ(ReadFile(*storage, name), "somebody's");
  }
}

TEST_F(BackupTest, WhatIsNoBackupIsRefused) {
  WriteFile(*backups_, "text", std::string(1000, 't'));
  WriteFile(*backups_, "empty", "");
  for (const char* name : {"text", "empty"}) {
    EXPECT_EQ(CodeOf(CheckBackup(Files({name}))), Errc::kNotADatabase) << name;
    EXPECT_EQ(CodeOf(Restore(Files({name}), {backups_, "new"})), Errc::kNotADatabase) << name;
    BackupOptions options{.base = File(name)};
    EXPECT_EQ(CodeOf(Backup(database(), File("b"), options)), Errc::kNotADatabase) << name;
  }
  EXPECT_EQ(CodeOf(CheckBackup(Files({"nowhere"}))), Errc::kNotFound);
  EXPECT_EQ(CodeOf(CheckBackup({})), Errc::kInvalidArgument);
  EXPECT_EQ(CodeOf(Restore({}, {backups_, "new"})), Errc::kInvalidArgument);
  EXPECT_FALSE(Must(backups_->Exists("new")));
}

TEST_F(BackupTest, ACompactCopyHasTheSameAndTakesLess) {
  PutMany("f", "t", 0, 2000, std::string(60, 'v'));
  Put("f", "u", "large", std::string(100'000, 'L'));
  DeleteRange("f", "t", Key(100), Key(1900));
  for (int i = 0; i < 3; ++i) Must(database().Checkpoint());
  bool first = true;
  const CompactOptions options{.output = TinyOptions(), .progress = [&](const BackupProgress&) {
                                 if (std::exchange(first, false)) Put("f", "t", "late", "late");
                               }};
  PutMany("g", "many", 0, 1200, "v");
  const State with_many = ReadState(database());
  const uint64_t before = ReadFile(*storage_, "db").size();
  const CompactReport report = Must(Compact(database(), {backups_, "new"}, options));
  EXPECT_FALSE(first);
  EXPECT_EQ(report.entries, 200u + 1 + 1200);
  EXPECT_EQ(report.bytes_after, ReadFile(*backups_, "new").size());
  EXPECT_EQ(report.bytes_before, before);
  EXPECT_LT(report.bytes_after, report.bytes_before);
  const auto copy = Must(Database::Open(backups_, "new", TinyOptions()));
  EXPECT_TRUE(Must(copy->Verify()).ok());
  EXPECT_EQ(ReadState(*copy), with_many);
  EXPECT_EQ(CodeOf(Compact(database(), {backups_, "new"})), Errc::kAlreadyExists);
}

// What a caller's own call throws goes through, and leaves neither files nor anything open.
TEST_F(BackupTest, AnExceptionOfTheProgressCallEndsTheWorkAndNothingElse) {
  PutMany("f", "t", 0, 1500, "v");
  Take("b0");
  const BackupProgressCall throws = [](const BackupProgress&) { throw std::runtime_error("the caller's"); };
  EXPECT_THROW(static_cast<void>(Backup(database(), File("b1"), {.progress = throws})), std::runtime_error);
  EXPECT_THROW(static_cast<void>(CheckBackup(Files({"b0"}), throws)), std::runtime_error);
  EXPECT_THROW(static_cast<void>(Restore(Files({"b0"}), {backups_, "new"}, {.progress = throws})),
               std::runtime_error);
  EXPECT_THROW(static_cast<void>(Compact(database(), {backups_, "new"}, {.progress = throws})),
               std::runtime_error);
  for (const char* name : {"b1", "new", "new-restore", "new-compact"}) {
    for (const char* of : {"", "-unfinished", "-wal", "-new", "-wal-new"}) {
      EXPECT_FALSE(Must(backups_->Exists(std::string(name) + of))) << name << of;
    }
  }
  EXPECT_EQ(Restored({"b0"}), ReadState(database()));
  Take("b1", "b0");
  EXPECT_TRUE(Must(database().Verify()).ok());
  Close();
}

}  // namespace
}  // namespace manifolddb
