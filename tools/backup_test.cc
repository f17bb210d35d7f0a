// manifolddb backup, restore, check and compact as a user runs them. What they do, engine/backup tests.

#include <filesystem>
#include <string>
#include <vector>

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

class BackupToolsTest : public ToolsTest {
 protected:
  std::vector<json> Entries(const std::string& path) {
    std::vector<json> lines = Lines(Run({"dump", "--json", "--values", path}).out);
    std::erase_if(lines, [](const json& line) { return line["kind"] != "entry"; });
    return lines;
  }
  const std::string backup_ = directory_ / "backup";
  const std::string increment_ = directory_ / "increment";
  const std::string restored_ = directory_ / "restored";
};

TEST_F(BackupToolsTest, ABackupIsTakenCheckedAndRestored) {
  MakeSample(path_);
  const Ran backup = Run({"backup", path_, backup_});
  EXPECT_EQ(backup.exit_code, 0) << backup.err;
  EXPECT_EQ(backup.err, "");
  EXPECT_TRUE(Contains(backup.out, "backup: 323 entries in 3 tables of 2 column families, as after commit "))
      << backup.out;
  const Ran check = Run({"check", backup_});
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_TRUE(Contains(check.out, "backup: whole, 323 entries")) << check.out;
  const Ran restore = Run({"restore", backup_, restored_});
  EXPECT_EQ(restore.exit_code, 0) << restore.err;
  EXPECT_TRUE(Contains(restore.out, "restored: 323 entries in 3 tables of 2 column families")) << restore.out;
  EXPECT_EQ(Run({"verify", restored_}).exit_code, 0);
  EXPECT_TRUE(Entries(restored_) == Entries(path_));
}

TEST_F(BackupToolsTest, AnIncrementIsTakenSinceAnEarlierOne) {
  MakeSample(path_);
  const json whole = json::parse(Run({"backup", "--json", path_, backup_}).out);
  EXPECT_EQ(whole["since"], nullptr);
  EXPECT_EQ(whole["entries_written"], 323);
  EXPECT_EQ(whole["bytes"], std::filesystem::file_size(backup_));
  {
    const auto database = OpenSmall(path_);
    Put(*database, "people", "names", PersonKey(7), "another name");
    ASSERT_TRUE(database->Close());
  }
  const json increment = json::parse(Run({"backup", "--json", "--since", backup_, path_, increment_}).out);
  EXPECT_EQ(increment["since"], backup_);
  EXPECT_EQ(increment["entries"], 323);
  EXPECT_EQ(increment["leaves_written"], 1);
  EXPECT_EQ(Run({"check", backup_, increment_}).exit_code, 0);
  const json restore = json::parse(Run({"restore", "--json", backup_, increment_, restored_}).out);
  EXPECT_EQ(restore["entries"], 323);
  EXPECT_EQ(restore["commit_number"], increment["commit_number"]);
  EXPECT_TRUE(Entries(restored_) == Entries(path_));

  const Ran alone = Run({"check", increment_});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_TRUE(Contains(alone.out, "continues another backup")) << alone.out;
  const Ran refused = Run({"restore", increment_, directory_ / "again"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(Contains(refused.err, "kInvalidArgument")) << refused.err;
}

TEST_F(BackupToolsTest, CheckSaysWhatIsDamagedAndWhichKeysAreAffected) {
  MakeSample(path_);
  {
    const auto database = OpenSmall(path_);
    const ColumnFamily people = *database->OpenColumnFamily("people");
    auto transaction = database->BeginWrite(people);
    auto names = transaction->OpenTable(people, "names");
    for (int i = 1000; i < 2000; ++i) {
      ASSERT_TRUE(names->Put(AsBytes(PersonKey(i)), AsBytes("value of " + PersonKey(i))));
    }
    ASSERT_TRUE(transaction->Commit());
    ASSERT_TRUE(database->Close());
  }
  ASSERT_EQ(Run({"backup", path_, backup_}).exit_code, 0);
  FlipByte(backup_, 16384 + 3000);
  const Ran text = Run({"check", backup_});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_TRUE(Contains(text.out, backup_ + " at byte 16384: checksum mismatch")) << text.out;
  EXPECT_TRUE(Contains(text.out, "affected: column family \"people\", table \"names\": keys from \"person2"))
      << text.out;
  EXPECT_TRUE(Contains(text.out, "backup: 1 problem\n")) << text.out;
  const Ran parsed = Run({"check", "--json", backup_});
  EXPECT_EQ(parsed.exit_code, 1);
  const json report = json::parse(parsed.out);
  EXPECT_EQ(report["whole"], false);
  EXPECT_EQ(report["problems"][0]["offset"], 16384);
  EXPECT_EQ(report["problems"][0]["affected"][0]["table"], "names");
  const Ran restore = Run({"restore", backup_, restored_});
  EXPECT_EQ(restore.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(restored_));
  EXPECT_FALSE(std::filesystem::exists(restored_ + "-restore"));
}

TEST_F(BackupToolsTest, NothingIsReplaced) {
  MakeSample(path_);
  ASSERT_EQ(Run({"backup", path_, backup_}).exit_code, 0);
  const std::string bytes = ReadBytes(backup_);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"backup", path_, backup_},
                                             {"restore", backup_, backup_},
                                             {"restore", backup_, path_},
                                             {"compact", path_, backup_},
                                             {"compact", path_, path_},
                                             {"backup", path_, path_ + "-new"},
                                             {"backup", path_, directory_ / "./db-wal-new"},
                                             {"backup", "--since", backup_, path_, backup_}}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments.front() << " " << arguments.back();
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_TRUE(ReadBytes(backup_) == bytes);
  EXPECT_FALSE(std::filesystem::exists(path_ + "-new"));
}

TEST_F(BackupToolsTest, ACompactCopySaysWhatItSaves) {
  MakeSample(path_);
  const Ran ran = Run({"compact", path_, directory_ / "small"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(Contains(ran.out, "small: 323 entries in 3 tables of 2 column families")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, " bytes instead of ")) << ran.out;
  EXPECT_EQ(Run({"verify", directory_ / "small"}).exit_code, 0);
  EXPECT_TRUE(Entries(directory_ / "small") == Entries(path_));
  const json report = json::parse(Run({"compact", "--json", path_, directory_ / "again"}).out);
  EXPECT_EQ(report["bytes_before"], std::filesystem::file_size(path_));
  EXPECT_EQ(report["bytes_after"], std::filesystem::file_size(directory_ / "again"));
}

TEST_F(BackupToolsTest, CompactWithoutOutputMakesTheFileItselfShorter) {
  MakeSample(path_);
  const auto before = Entries(path_);
  {
    const auto database = OpenSmall(path_);
    const ColumnFamily family = *database->CreateColumnFamily("passing");
    for (int i = 0; i < 20; ++i) {
      auto transaction = database->BeginWrite(family);
      auto table = transaction->OpenOrCreateTable(family, "t");
      for (int k = 0; k < 50; ++k) {
        ASSERT_TRUE(table->Put(AsBytes(std::to_string(i * 50 + k)), AsBytes(std::string(100, 'p'))));
      }
      ASSERT_TRUE(transaction->Commit());
    }
    ASSERT_TRUE(database->DropColumnFamily("passing"));
  }
  const auto size = std::filesystem::file_size(path_);
  const Ran ran = RunWriting({"compact", "--json", path_});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json report = json::parse(ran.out);
  EXPECT_EQ(report["bytes_before"], size);
  EXPECT_EQ(report["bytes_after"], std::filesystem::file_size(path_));
  EXPECT_LT(2 * std::filesystem::file_size(path_), size);
  EXPECT_TRUE(Entries(path_) == before);
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);
  EXPECT_TRUE(Contains(RunWriting({"compact", path_}).out, " bytes instead of "));
  const auto open = OpenSmall(path_);
  const Ran locked = RunWriting({"compact", path_});
  EXPECT_EQ(locked.exit_code, 2);
  EXPECT_TRUE(Contains(locked.err, "kLocked")) << locked.err;
}

TEST_F(BackupToolsTest, WhatIsNoBackupOrNotThereIsRefused) {
  MakeSample(path_);
  const Ran database = Run({"check", path_});
  EXPECT_EQ(database.exit_code, 2);
  EXPECT_TRUE(Contains(database.err, "this is no backup")) << database.err;
  EXPECT_EQ(Run({"check", directory_ / "nowhere"}).exit_code, 2);
  EXPECT_EQ(Run({"check"}).exit_code, 2);
  EXPECT_EQ(Run({"restore", restored_}).exit_code, 2);
  const auto open = OpenSmall(directory_ / "open");
  const Ran locked = Run({"backup", directory_ / "open", backup_});
  EXPECT_EQ(locked.exit_code, 2);
  EXPECT_TRUE(Contains(locked.err, "kLocked")) << locked.err;
  EXPECT_TRUE(Contains(locked.err, "another process has it open for writing")) << locked.err;
  EXPECT_TRUE(Contains(locked.err, "Backup, Compact of manifolddb/backup.h")) << locked.err;
  EXPECT_FALSE(std::filesystem::exists(backup_));
}

}  // namespace
}  // namespace manifolddb::tools
