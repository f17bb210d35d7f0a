// Increments: a chain gives back what its last backup saw, whatever happened in between.

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "engine/backup/backup_fixture.h"

namespace manifolddb {
namespace {

TEST_F(BackupTest, AnIncrementHoldsWhatHasChangedAndNoMore) {
  PutMany("f", "t", 0, 2000, std::string(40, 'v'));
  PutMany("f", "quiet", 0, 300, "v");
  const BackupReport whole = Take("b0");
  const BackupReport same = Take("b1", "b0");
  EXPECT_EQ(same.entries, 2300u);
  EXPECT_EQ(same.entries_written, 0u);
  EXPECT_EQ(same.leaves, whole.leaves);
  EXPECT_EQ(same.leaves_written, 0u);
  EXPECT_LT(same.bytes * 3, whole.bytes);
  Put("f", "t", Key(700), "changed");
  const State state = ReadState(database());
  const BackupReport one = Take("b2", "b1");
  EXPECT_EQ(one.leaves_written, 1u);
  EXPECT_LT(one.entries_written, 20u);
  EXPECT_EQ(Restored({"b0", "b1", "b2"}), state);
  // Also right behind the whole one.
  EXPECT_EQ(Take("c1", "b0").leaves_written, 1u);
  EXPECT_EQ(Restored({"b0", "c1"}), state);
}

TEST_F(BackupTest, AChainOfThreeWithDeletionsAndTablesThatComeAndGo) {
  PutMany("f", "t", 0, 1000, std::string(40, 'v'));
  PutMany("f", "dropped", 0, 50, "v");
  PutMany("f", "emptied", 0, 50, "v");
  PutMany("f", "renamed", 0, 50, "v");
  PutMany("g", "t", 0, 50, "v");
  PutMany("h", "t", 0, 50, "v");
  Put("f", "large", "one", std::string(1 << 20, '1'));
  Put("f", "large", "two", std::string(3000, '2'));
  std::vector<State> states = {ReadState(database())};
  Take("b0");

  DeleteRange("f", "t", Key(200), Key(500));
  DeleteRange("f", "emptied", "", "z");
  Commit("f", [](WriteTransaction& transaction, ColumnFamily family) {
    Must(transaction.DropTable(family, "dropped"));
    Must(transaction.RenameTable(family, "renamed", "of another name"));
  });
  Put("f", "created", "k", "v");
  Must(database().DropColumnFamily("g"));
  Must(database().RenameColumnFamily("h", "g"));
  states.push_back(ReadState(database()));
  Take("b1", "b0");

  PutMany("f", "t", 300, 20, "came back");
  Put("f", "large", "two", std::string(1 << 20, '2'));
  Put("f", "dropped", "another table", "of the same name");
  Commit("f", [](WriteTransaction& transaction, ColumnFamily family) {
    Must(transaction.DropTable(family, "created"));
    Must(transaction.CreateTable(family, "without entries"));
  });
  states.push_back(ReadState(database()));
  Take("b2", "b1");

  DeleteRange("f", "t", "", Key(990));
  PutMany("h", "t", 0, 10, "another family of the same name");
  states.push_back(ReadState(database()));
  Take("b3", "b2");

  for (size_t length = 1; length <= 4; ++length) {
    std::vector<std::string> chain;
    for (size_t i = 0; i < length; ++i) chain.push_back("b" + std::to_string(i));
    EXPECT_EQ(Restored(chain), states[length - 1]) << length;
  }
}

// What a base had is gone and comes back, under the same births: into the one of two increments that saw it.
TEST_F(BackupTest, GoingBackToASavepointIsAChangeAsAnyOther) {
  PutMany("f", "t", 0, 600, std::string(40, 'v'));
  PutMany("g", "t", 0, 50, "v");
  Must(database().CreateSavepoint("then"));
  std::vector<State> states = {ReadState(database())};
  Take("b0");
  PutMany("f", "t", 100, 400, "changed");
  PutMany("f", "new", 0, 50, "v");
  Must(database().DropColumnFamily("g"));
  states.push_back(ReadState(database()));
  Take("b1", "b0");
  Must(database().RestoreSavepoint("then"));
  states.push_back(ReadState(database()));
  EXPECT_EQ(states[2], states[0]);
  Take("b2", "b1");
  // Right behind the first one nothing has changed but the family that has another id.
  EXPECT_EQ(Take("c2", "b0").entries_written, 50u);
  PutMany("f", "another", 0, 50, "w");
  Put("f", "t", Key(7), "changed");
  states.push_back(ReadState(database()));
  Take("b3", "b2");
  EXPECT_EQ(Restored({"b0", "b1"}), states[1]);
  EXPECT_EQ(Restored({"b0", "b1", "b2"}), states[2]);
  EXPECT_EQ(Restored({"b0", "c2"}), states[2]);
  EXPECT_EQ(Restored({"b0", "b1", "b2", "b3"}), states[3]);
}

// A leaf that stays while the one beside it goes: its keys are the same, but it now stands for more of them.
TEST_F(BackupTest, AKeyWhosePageIsGoneIsGone) {
  PutMany("f", "t", 0, 300, std::string(40, 'v'));
  Take("b0");
  for (const int from : {10, 60, 61, 62, 150, 290}) DeleteRange("f", "t", Key(from), Key(from + 12));
  const State state = ReadState(database());
  EXPECT_GT(Take("b1", "b0").entries_written, 0u);
  EXPECT_EQ(Restored({"b0", "b1"}), state);
}

// What an opening for reading has replayed lies on pages whose births are drawn again: by a life that does
// something else, because the power cut took from the log what that opening had seen in the cache.
TEST_F(BackupTest, TheBaseMayBeWhatAnOpeningForReadingHasReplayed) {
  PutMany("f", "t", 0, 300, std::string(40, 'v'));
  Must(database().Checkpoint());
  const auto on_the_disk = MakeMemoryStorage();
  const auto in_the_cache = MakeMemoryStorage();
  const auto copy_to = [this](Storage& storage) {
    for (const char* name : {"db", "db-wal"}) WriteFile(storage, name, ReadFile(*storage_, name));
  };
  copy_to(*on_the_disk);
  for (int i = 0; i < 5; ++i) PutMany("f", "t", i * 50, 3, "never durable " + std::to_string(i));
  copy_to(*in_the_cache);

  Options reading = TinyOptions();
  reading.read_only = true;
  State replayed;
  {
    const auto read_only = Must(Database::Open(in_the_cache, "db", reading));
    EXPECT_EQ(read_only->Stats().recovered_commits, 5u);
    replayed = ReadState(*read_only);
    Must(Backup(*read_only, File("b0")));
  }
  EXPECT_EQ(Restored({"b0"}), replayed);
  const auto database = Must(Database::Open(on_the_disk, "db", TinyOptions()));
  const ColumnFamily family = Must(database->OpenColumnFamily("f"));
  BackupOptions options{.base = File("b0")};
  for (int i = 0; i < 8; ++i) {
    WriteTransaction transaction = Must(database->BeginWrite(family));
    WriteTable table = Must(transaction.OpenTable(family, "t"));
    const std::string value = "something else " + std::to_string(i);
    for (int k = 0; k < 3; ++k) Must(table.Put(AsBytes(Key(i * 50 % 250 + k)), AsBytes(value)));
    Must(transaction.Commit());
    const std::string name = "b1." + std::to_string(i);
    Must(Backup(*database, File(name), options));
    EXPECT_EQ(Restored({"b0", name}), ReadState(*database)) << i;
  }
}

// The base saw commits that the crash has taken; their numbers, tables and families come again as others.
TEST_F(BackupTest, TheBaseMayKnowOfCommitsThatACrashHasTaken) {
  PutMany("f", "t", 0, 300, std::string(40, 'v'));
  Must(database().Checkpoint());
  const auto killed = MakeMemoryStorage();
  for (const char* name : {"db", "db-wal"}) WriteFile(*killed, name, ReadFile(*storage_, name));
  PutMany("f", "t", 100, 50, "lost");
  PutMany("f", "lost table", 0, 50, "lost");
  PutMany("lost family", "t", 0, 50, "lost");
  Take("b0");

  const auto database = Must(Database::Open(killed, "db", TinyOptions()));
  ColumnFamily family = Must(database->OpenColumnFamily("f"));
  {
    WriteTransaction transaction = Must(database->BeginWrite(family));
    Must(Must(transaction.OpenTable(family, "t")).Put(AsBytes(Key(120)), AsBytes("instead")));
    Must(Must(transaction.CreateTable(family, "another table")).Put(AsBytes("k"), AsBytes("v")));
    Must(transaction.Commit());
  }
  family = Must(database->CreateColumnFamily("another family"));
  {
    WriteTransaction transaction = Must(database->BeginWrite(family));
    Must(transaction.CreateTable(family, "empty"));
    Must(transaction.Commit());
  }
  BackupOptions options{.base = File("b0")};
  Must(Backup(*database, File("b1"), options));
  EXPECT_EQ(Restored({"b0", "b1"}), ReadState(*database));
}

TEST_F(BackupTest, AnIncrementIsTakenWhileOthersWrite) {
  PutMany("f", "t", 0, 500, std::string(40, 'v'));
  int round = 0;
  const auto write = [&](const BackupProgress&) {
    ++round;
    PutMany("f", "t", round * 13 % 480, 20, "round " + std::to_string(round));
    DeleteRange("f", "t", Key(round * 29 % 480), Key(round * 29 % 480 + 9));
    if (round % 7 == 0) Must(database().Checkpoint());
  };
  std::vector<std::string> chain;
  for (const char* name : {"b0", "b1", "b2", "b3"}) {
    const State state = ReadState(database());
    Take(name, chain.empty() ? "" : chain.back(), write);
    chain.push_back(name);
    EXPECT_EQ(Restored(chain), state) << name;
  }
  EXPECT_GT(round, 50);
}

TEST_F(BackupTest, ADatabaseWhoseCatalogOnlyHasChanged) {
  PutMany("f", "t", 0, 100, "v");
  Take("b0");
  Must(database().RenameColumnFamily("f", "h"));
  Must(database().CreateColumnFamily("f"));
  const BackupReport report = Take("b1", "b0");
  EXPECT_EQ(report.leaves_written, 0u);
  EXPECT_EQ(Restored({"b0", "b1"}), ReadState(database()));
}

TEST_F(BackupTest, AcrossReopeningAndManyRandomChanges) {
  std::mt19937 random(7);
  const auto below = [&random](uint32_t bound) { return static_cast<int>(random() % bound); };
  const auto table = [&] { return std::string(1, static_cast<char>('t' + below(3))); };
  const auto text = [&](uint32_t max) { return std::string(static_cast<size_t>(below(max)), 'r'); };
  std::vector<std::string> chain;
  for (int step = 0; step < 12; ++step) {
    for (int i = 0; i < 6; ++i) {
      const std::string name = table();
      switch (below(5)) {
        case 0: PutMany("f", name, below(400), 1 + below(60), text(90)); break;
        case 1: Put("f", name, Key(below(400)), text(2000)); break;
        case 2:
          Put("f", name, "", "so that it is there");
          DeleteRange("f", name, Key(below(400)), Key(below(400)));
          break;
        case 3:
          Put("f", name, Key(below(400)), "v");
          if (below(4) == 0) {
            Commit("f", [&](WriteTransaction& transaction, ColumnFamily family) {
              Must(transaction.DropTable(family, name));
            });
          }
          break;
        default:
          if (below(3) == 0) {
            Close();
            Open(TinyOptions());
          }
      }
    }
    const std::string name = "b" + std::to_string(step);
    Take(name, chain.empty() ? "" : chain.back());
    chain.push_back(name);
    ASSERT_EQ(Restored(chain), ReadState(database())) << step;
  }
}

TEST_F(BackupTest, WhatIsNoChainIsRefusedAndSaidWhy) {
  Put("f", "t", "k", "v");
  Take("b0");
  Put("f", "t", "k", "w");
  Take("b1", "b0");
  Put("f", "t", "k", "x");
  Take("b2", "b1");
  Take("other");
  const std::vector<std::vector<std::string>> wrong = {{"b1"},       {"b0", "b2"},    {"b0", "b1", "b1"},
                                                       {"b1", "b0"}, {"b0", "other"}, {"other", "b1"}};
  for (const std::vector<std::string>& chain : wrong) {
    EXPECT_EQ(CodeOf(Restore(Files(chain), {backups_, "new"})), Errc::kInvalidArgument) << chain.back();
    EXPECT_FALSE(Must(CheckBackup(Files(chain))).ok()) << chain.back();
  }
  EXPECT_FALSE(Must(backups_->Exists("new")));
}

TEST_F(BackupTest, TheBaseMustBeOfThisDatabase) {
  Put("f", "t", "k", "v");
  Take("b0");
  Must(Restore(Files({"b0"}), {backups_, "restored"}, {.output = TinyOptions()}));
  const auto restored = Must(Database::Open(backups_, "restored", TinyOptions()));
  const auto increment = Backup(*restored, File("b1"), {.base = File("b0")});
  EXPECT_EQ(CodeOf(increment), Errc::kInvalidArgument);
  EXPECT_NE(increment.error().message().find("another database"), std::string::npos);
  EXPECT_FALSE(Must(backups_->Exists("b1")));
}

}  // namespace
}  // namespace manifolddb
