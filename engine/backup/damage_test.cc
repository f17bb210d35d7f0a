// Damaged, cut and forged backups: reported, or of no effect; never a wrong answer, a crash, or more memory
// than there are bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "engine/backup/backup_fixture.h"
#include "engine/format/backup_format.h"

namespace manifolddb {
namespace {

using format::kBackupBlockBytes;

constexpr size_t kHeader = sizeof(format::BackupBlockDisk);

class DamageTest : public BackupTest {
 protected:
  // What the chain of these files gives, or nothing if a restore refuses it. Nothing is left behind then.
  std::optional<State> TryRestore(const std::vector<std::string>& chain) {
    const auto storage = MakeMemoryStorage();
    const auto restored = Restore(Files(chain), {storage, "new"}, {.output = TinyOptions()});
    if (!restored) {
      for (const char* name : {"new", "new-wal", "new-restore", "new-restore-wal", "new-new"}) {
        EXPECT_FALSE(Must(storage->Exists(name))) << name;
      }
      return std::nullopt;
    }
    return ReadState(*Must(Database::Open(storage, "new", TinyOptions())));
  }
  // Whether the check finds something.
  bool Found(const std::vector<std::string>& chain) {
    const auto check = CheckBackup(Files(chain));
    return !check || !check->ok();
  }
};

TEST_F(DamageTest, EveryFlippedByteIsFoundOrOfNoEffect) {
  PutMany("f", "t", 0, 20, std::string(20, 'v'));
  Put("g", "u", "large", std::string(kBackupBlockBytes, 'L'));
  const State state = ReadState(database());
  Take("b");
  const std::string bytes = ReadFile(*backups_, "b");
  ASSERT_GT(bytes.size(), 2 * kBackupBlockBytes);
  uint64_t unnoticed = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    // Of the large value some will do.
    if (at > 3000 && at + 3000 < bytes.size() && at % 61 != 0) continue;
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    WriteFile(*backups_, "b", damaged);
    const bool found = Found({"b"});
    unnoticed += found ? 0 : 1;
    if (!found || at % 97 == 0) {
      const std::optional<State> restored = TryRestore({"b"});
      EXPECT_EQ(restored.has_value(), !found) << at;
      if (restored) {
        EXPECT_EQ(*restored, state) << at;
      }
    }
  }
  // Bytes behind the last item of a block are nobody's.
  EXPECT_LT(unnoticed, bytes.size() / 2);
}

TEST_F(DamageTest, EveryCutIsFound) {
  PutMany("f", "t", 0, 20, std::string(20, 'v'));
  Put("g", "u", "large", std::string(kBackupBlockBytes, 'L'));
  Take("b");
  const std::string bytes = ReadFile(*backups_, "b");
  for (size_t end = 0; end < bytes.size(); end += end % 13 == 0 ? 1 : 7) {
    WriteFile(*backups_, "b", bytes.substr(0, end));
    EXPECT_TRUE(Found({"b"})) << end;
    if (end % 5 == 0) {
      EXPECT_FALSE(TryRestore({"b"})) << end;
    }
  }
  WriteFile(*backups_, "b", bytes + "x");
  EXPECT_TRUE(Found({"b"}));
  EXPECT_FALSE(TryRestore({"b"}));
}

TEST_F(DamageTest, BlocksThatWereExchangedOrAreAnotherBackupsAreFound) {
  PutMany("f", "t", 0, 2000, std::string(40, 'v'));
  Take("b");
  Take("c");
  const std::string bytes = ReadFile(*backups_, "b");
  const std::string other = ReadFile(*backups_, "c");
  ASSERT_EQ(bytes.size(), other.size());
  const auto block = [](const std::string& of, size_t number) {
    return of.substr(number * kBackupBlockBytes, kBackupBlockBytes);
  };
  std::string exchanged = bytes;
  exchanged.replace(kBackupBlockBytes, kBackupBlockBytes, block(bytes, 2));
  exchanged.replace(2 * kBackupBlockBytes, kBackupBlockBytes, block(bytes, 1));
  std::string mixed = bytes;
  mixed.replace(kBackupBlockBytes, kBackupBlockBytes, block(other, 1));
  for (const std::string& damaged : {exchanged, mixed}) {
    WriteFile(*backups_, "b", damaged);
    EXPECT_TRUE(Found({"b"}));
    EXPECT_FALSE(TryRestore({"b"}));
  }
}

// The keys that a damaged block hides are those that are named, and no others but their neighbours.
TEST_F(DamageTest, TheKeysThatADamageHidesAreNamed) {
  PutMany("f", "s", 0, 10, "v");
  PutMany("f", "t", 0, 3000, std::string(40, 'v'));
  PutMany("f", "u", 0, 10, "v");
  Take("b");
  const std::string bytes = ReadFile(*backups_, "b");
  std::string damaged = bytes;
  damaged[3 * kBackupBlockBytes + 5000] = '!';
  WriteFile(*backups_, "b", damaged);
  const BackupCheck check = Must(CheckBackup(Files({"b"})));
  ASSERT_EQ(check.problems.size(), 1u);
  EXPECT_EQ(check.problems[0].offset, 3 * kBackupBlockBytes);
  ASSERT_EQ(check.problems[0].affected.size(), 1u);
  const VerifyReport::Affected& keys = check.problems[0].affected[0];
  EXPECT_EQ(keys.family, "f");
  EXPECT_EQ(keys.table, "t");
  // Every key whose bytes begin in the block.
  const std::string block = bytes.substr(3 * kBackupBlockBytes, kBackupBlockBytes);
  uint64_t inside = 0;
  for (int i = 0; i < 3000; ++i) {
    if (block.find(Key(i)) == std::string::npos) continue;
    ++inside;
    EXPECT_LE(*keys.lower, Key(i));
    EXPECT_LT(Key(i), *keys.upper);
  }
  EXPECT_GT(inside, 100u);
  const auto number = [](const std::string& key) { return std::stoul(key.substr(3)); };
  EXPECT_LE(number(*keys.upper) - number(*keys.lower), inside + 2);

  // Two of them, and the tables between.
  damaged = bytes;
  for (size_t at = kBackupBlockBytes + 100; at < bytes.size(); at += kBackupBlockBytes) damaged[at] = '!';
  WriteFile(*backups_, "b", damaged);
  std::set<std::string> tables;
  for (const auto& problem : Must(CheckBackup(Files({"b"}))).problems) {
    for (const VerifyReport::Affected& affected : problem.affected) tables.insert(affected.table);
  }
  EXPECT_EQ(tables, (std::set<std::string>{"t", "u"}));
}

TEST_F(DamageTest, ADamagedIncrementIsToldFromItsBase) {
  PutMany("f", "t", 0, 100, std::string(40, 'v'));
  Take("b0");
  PutMany("f", "t", 50, 10, "changed");
  Take("b1", "b0");
  std::string bytes = ReadFile(*backups_, "b1");
  bytes[200] = '!';
  WriteFile(*backups_, "b1", bytes);
  const BackupCheck check = Must(CheckBackup(Files({"b0", "b1"})));
  ASSERT_FALSE(check.ok());
  for (const auto& problem : check.problems) EXPECT_EQ(problem.file, "b1");
  EXPECT_TRUE(Must(CheckBackup(Files({"b0"}))).ok());
  EXPECT_EQ(CodeOf(Backup(database(), File("b2"), {.base = File("b1")})), Errc::kCorrupt);
}

// Behind checksums that match anything may stand.
TEST_F(DamageTest, AForgedBackupIsRefusedOrIsOne) {
  PutMany("f", "t", 0, 6, "value");
  Put("g", "u", "k", std::string(600, 'l'));
  Take("b0");
  PutMany("f", "t", 3, 5, "other");
  DeleteRange("f", "t", Key(1), Key(2));
  Take("b1", "b0");
  std::mt19937 random(11);
  uint64_t accepted = 0;
  uint64_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::string name = round % 2 == 0 ? "b0" : "b1";
    const std::string bytes = ReadFile(*backups_, name);
    std::string forged = bytes;
    const size_t blocks = (forged.size() + kBackupBlockBytes - 1) / kBackupBlockBytes;
    const size_t begin = random() % blocks * kBackupBlockBytes;
    const auto old = format::DecodeBackupBlock(
        AsBytes(forged).subspan(begin, std::min<size_t>(kBackupBlockBytes, forged.size() - begin)));
    ASSERT_EQ(old.verdict, format::MetaVerdict::kValid);
    const int edits = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < edits; ++i) {
      const size_t at = begin + kHeader + random() % old.block.used;
      const int other = forged[at] + 1 - static_cast<int>(random() % 3);
      forged[at] = static_cast<char>(random() % 3 == 0 ? static_cast<int>(random() % 256) : other);
    }
    std::vector<std::byte> block(kHeader + old.block.used);
    std::transform(forged.begin() + static_cast<std::ptrdiff_t>(begin),
                   forged.begin() + static_cast<std::ptrdiff_t>(begin + block.size()), block.begin(),
                   [](char c) { return static_cast<std::byte>(c); });
    format::SealBackupBlock(old.block, block);
    forged.replace(begin, block.size(), AsText(block));
    WriteFile(*backups_, name, forged);
    const bool found = Found({"b0", "b1"});
    const std::optional<State> restored = TryRestore({"b0", "b1"});
    EXPECT_EQ(restored.has_value(), !found) << round;
    (found ? refused : accepted) += 1;
    static_cast<void>(Backup(database(), File("c"), {.base = File(name)}));
    static_cast<void>(backups_->Remove("c"));
    WriteFile(*backups_, name, bytes);
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace manifolddb
