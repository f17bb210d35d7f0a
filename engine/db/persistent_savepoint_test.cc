// Persistent savepoints: what they keep, for how long, what going back to one does, and what they refuse.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/db/test_support.h"
#include "manifolddb/database.h"
#include "manifolddb/write_batch.h"

namespace manifolddb {
namespace {

// "family/table/key" to value; "family/" and "family/table/" for what is there at all.
using Contents = std::map<std::string, std::string>;

Contents ContentsOf(ReadTransaction& snapshot) {
  Contents contents;
  const std::vector<std::string> families = *snapshot.ListColumnFamilies();
  for (const std::string& family_name : families) {
    contents[family_name + "/"];
    const ColumnFamily family = *snapshot.OpenColumnFamily(family_name);
    const std::vector<std::string> tables = *snapshot.ListTables(family);
    for (const std::string& table_name : tables) {
      const std::string prefix = family_name + "/" + table_name + "/";
      auto table = snapshot.OpenTable(family, table_name, TableTypes::Any());
      EXPECT_TRUE(table) << table.error().ToString();
      if (!table) continue;
      contents[prefix] = std::string(table->types().key) + ":" + std::string(table->types().value);
      Cursor cursor = *table->NewCursor();
      for (bool any = *cursor.First(); any; any = *cursor.Next()) {
        auto value = cursor.value();
        EXPECT_TRUE(value) << value.error().ToString();
        contents[prefix + std::string(AsText(cursor.key()))] = AsText(*value);
      }
    }
  }
  return contents;
}

Errc ErrcOf(const auto& result) { return result ? Errc{} : result.error().code(); }

class PersistentSavepointTest : public testing::Test {
 protected:
  PersistentSavepointTest() {
    Open();
    Put("f", "t", 0, 60, 'a');
    Put("g", "u", 0, 20, 'a');
  }
  void Open(bool read_only = false) {
    Options options = TinyOptions();
    options.cache_bytes = 256 * kTinyUnit;
    options.dirty_bytes_max = 128 * kTinyUnit;
    options.read_only = read_only;
    db_.reset();
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  static std::string Key(int number) { return "key" + std::to_string(1000 + number); }
  // Every ninth lies in an extent.
  void Put(const char* family_name, const char* table_name, int from, int until, char fill) {
    const ColumnFamily family = *db_->OpenOrCreateColumnFamily(family_name);
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn) << txn.error().ToString();
    auto table = txn->OpenOrCreateTable(family, table_name);
    for (int i = from; i < until; ++i) {
      const std::string value(i % 9 == 0 ? 900 : 40, fill);
      ASSERT_TRUE(table->Put(AsBytes(Key(i)), AsBytes(value)));
    }
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }
  void DropTable(const char* family_name, const char* table_name) {
    const ColumnFamily family = *db_->OpenColumnFamily(family_name);
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn->DropTable(family, table_name));
    ASSERT_TRUE(txn->Commit());
  }
  Contents Now() const {
    ReadTransaction snapshot = *db_->BeginRead();
    return ContentsOf(snapshot);
  }
  Contents At(const char* savepoint) const {
    auto snapshot = db_->BeginRead(savepoint);
    EXPECT_TRUE(snapshot) << snapshot.error().ToString();
    return snapshot ? ContentsOf(*snapshot) : Contents();
  }
  void ExpectWhole() const {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const VerifyReport::Problem& problem : report->problems) ADD_FAILURE() << problem.what;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    const std::vector<SavepointInfo> list = *db_->ListSavepoints();
    for (const SavepointInfo& savepoint : list) names.push_back(savepoint.name);
    return names;
  }
  using List = std::vector<std::string>;

  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
};

TEST_F(PersistentSavepointTest, KeepsItsStateWhateverIsWrittenInThisLifeAndTheNext) {
  const Contents then = Now();
  const auto commit = db_->CreateSavepoint("then");
  ASSERT_TRUE(commit) << commit.error().ToString();
  EXPECT_EQ(*commit, db_->Stats().commit_number);
  for (const bool reopen : {false, true, true}) {
    if (reopen) Open();
    for (char fill = 'b'; fill < 'h'; ++fill) Put("f", "t", 0, 60, fill);
    DropTable("g", "u");
    Put("g", "u", 0, 5, 'x');
    EXPECT_EQ(At("then"), then);
    EXPECT_EQ(db_->BeginRead("then")->commit_number(), *commit);
    ExpectWhole();
  }
  Open(true);
  EXPECT_EQ(At("then"), then);
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, GoesBackAndForthBetweenStates) {
  const Contents one = Now();
  ASSERT_TRUE(db_->CreateSavepoint("one"));
  Put("f", "t", 0, 60, 'b');
  Put("f", "more", 0, 10, 'b');
  DropTable("g", "u");
  const Contents two = Now();
  ASSERT_TRUE(db_->CreateSavepoint("two"));
  Put("f", "t", 30, 90, 'c');
  EXPECT_EQ(Names(), (List{"one", "two"}));
  for (int round = 0; round < 3; ++round) {
    for (const char* name : {"one", "two", "two"}) {
      const uint64_t before = db_->Stats().commit_number;
      const auto restored = db_->RestoreSavepoint(name);
      ASSERT_TRUE(restored) << restored.error().ToString();
      EXPECT_EQ(*restored, before + 1);
      EXPECT_EQ(Now(), std::string(name) == "one" ? one : two);
      ExpectWhole();
      Put("f", "t", 10, 50, 'd');
      ExpectWhole();
    }
    EXPECT_EQ(At("one"), one);
    EXPECT_EQ(At("two"), two);
    Open();
    ExpectWhole();
  }
  ASSERT_TRUE(db_->RestoreSavepoint("one"));
  ASSERT_TRUE(db_->DeleteSavepoint("one"));
  ASSERT_TRUE(db_->DeleteSavepoint("two"));
  EXPECT_EQ(Now(), one);
  ExpectWhole();
  Open();
  EXPECT_EQ(Now(), one);
  EXPECT_EQ(Names(), List{});
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, BringsBackFamiliesByTheNamesThatTheyHad) {
  const ColumnFamily f = *db_->OpenColumnFamily("f");
  const ColumnFamily g = *db_->OpenColumnFamily("g");
  Put("h", "t", 0, 10, 'a');
  const Contents then = Now();
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  // f and g change their names, h is dropped and another gets its name, one is new.
  ASSERT_TRUE(db_->RenameColumnFamily("f", "x"));
  ASSERT_TRUE(db_->RenameColumnFamily("g", "f"));
  ASSERT_TRUE(db_->RenameColumnFamily("x", "g"));
  const ColumnFamily old_h = *db_->OpenColumnFamily("h");
  ASSERT_TRUE(db_->DropColumnFamily("h"));
  Put("h", "t", 0, 30, 'z');
  const ColumnFamily second_h = *db_->OpenColumnFamily("h");
  Put("new", "t", 0, 10, 'z');
  const ColumnFamily added = *db_->OpenColumnFamily("new");
  const Contents later = Now();
  auto snapshot = db_->BeginRead();

  ASSERT_TRUE(db_->RestoreSavepoint("then"));
  EXPECT_EQ(Now(), then);
  EXPECT_EQ(ContentsOf(*snapshot), later);
  EXPECT_EQ(db_->OpenColumnFamily("f")->id(), f.id());
  EXPECT_EQ(db_->OpenColumnFamily("g")->id(), g.id());
  const ColumnFamily h = *db_->OpenColumnFamily("h");
  EXPECT_GT(h.id(), added.id());
  for (const ColumnFamily gone : {old_h, second_h, added}) {
    EXPECT_EQ(ErrcOf(db_->BeginWrite(gone)), Errc::kNoSuchColumnFamily);
  }
  ExpectWhole();
  Put("new", "t", 0, 10, 'y');
  EXPECT_GT(db_->OpenColumnFamily("new")->id(), h.id());
  snapshot = Fail(Errc::kClosed, "test");
  Open();
  ExpectWhole();
  ASSERT_TRUE(db_->RestoreSavepoint("then"));
  EXPECT_EQ(Now(), then);
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, WhatIsCommittedBehindARestoringIsReplayed) {
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  Put("f", "t", 0, 60, 'b');
  ASSERT_TRUE(db_->DropColumnFamily("g"));
  ASSERT_TRUE(db_->RestoreSavepoint("then"));
  Put("g", "u", 5, 9, 'c');
  Put("f", "v", 0, 9, 'c');
  const Contents now = Now();
  // A reader sees what the log gives: nothing has closed the database.
  const auto copy = MakeMemoryStorage();
  for (const char* name : {"db", "db-wal"}) {
    auto from = *storage_->Open(name, OpenMode::kReadOnly);
    auto to = *copy->Open(name, OpenMode::kCreate);
    base::Buffer bytes = *base::Buffer::Make(*from->Size(), "test");
    ASSERT_TRUE(from->Read(0, bytes.span()));
    ASSERT_TRUE(to->Allocate(bytes.size()));
    ASSERT_TRUE(to->Write(0, bytes.view()));
  }
  auto killed = Database::Open(copy, "db", TinyOptions());
  ASSERT_TRUE(killed) << killed.error().ToString();
  EXPECT_GT((*killed)->Stats().recovered_commits, 0u);
  ReadTransaction snapshot = *(*killed)->BeginRead();
  EXPECT_EQ(ContentsOf(snapshot), now);
  EXPECT_TRUE((*killed)->Verify()->ok());
}

TEST_F(PersistentSavepointTest, ADeletedOneGivesBackWhatOnlyItHad) {
  ASSERT_TRUE(db_->Checkpoint());
  const uint64_t free_before = db_->Stats().pages_free;
  EXPECT_EQ(db_->Stats().savepoints, 0u);
  EXPECT_EQ(db_->Stats().pages_kept, 0u);
  ASSERT_TRUE(db_->CreateSavepoint("one"));
  Put("f", "t", 0, 60, 'b');
  ASSERT_TRUE(db_->CreateSavepoint("two"));
  Put("f", "t", 0, 60, 'c');
  ASSERT_TRUE(db_->Checkpoint());
  const std::vector<SavepointInfo> list = *db_->ListSavepoints();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_GT(list[0].pages, list[0].pages_only);
  EXPECT_GT(list[0].pages_only, 20u);
  EXPECT_GT(list[1].pages_only, 20u);
  EXPECT_LT(list[0].commit_number, list[1].commit_number);
  const DatabaseStats with = db_->Stats();
  EXPECT_EQ(with.savepoints, 2u);
  EXPECT_GE(with.pages_kept, list[0].pages_only + list[1].pages_only);
  Open();
  EXPECT_EQ(db_->Stats().pages_kept, with.pages_kept);
  EXPECT_EQ(db_->ListSavepoints()->at(0).pages_only, list[0].pages_only);
  ASSERT_TRUE(db_->DeleteSavepoint("two"));
  ExpectWhole();
  ASSERT_TRUE(db_->DeleteSavepoint("one"));
  ExpectWhole();
  const DatabaseStats without = db_->Stats();
  EXPECT_EQ(without.savepoints, 0u);
  EXPECT_EQ(without.pages_kept, 0u);
  EXPECT_NEAR(static_cast<double>(without.pages_free - (without.pages_total - with.pages_total)),
              static_cast<double>(free_before), 64);
  Open();
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, WhoReadsOneThatIsDeletedReadsOn) {
  const Contents then = Now();
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  std::optional<ReadTransaction> snapshot = std::move(*db_->BeginRead("then"));
  ASSERT_TRUE(db_->DeleteSavepoint("then"));
  EXPECT_EQ(Names(), List{});
  EXPECT_EQ(ErrcOf(db_->BeginRead("then")), Errc::kNoSuchSavepoint);
  // Another of that name has nothing to do with it.
  for (char fill = 'b'; fill < 'j'; ++fill) Put("f", "t", 0, 60, fill);
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  EXPECT_EQ(ContentsOf(*snapshot), then);
  ExpectWhole();
  EXPECT_EQ(ErrcOf(db_->Close()), Errc::kBusy);
  const uint64_t free_before = db_->Stats().pages_free;
  snapshot.reset();
  EXPECT_GT(db_->Stats().pages_free, free_before + 10);
  ExpectWhole();
  ASSERT_TRUE(db_->DeleteSavepoint("then"));
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, OfAnEmptyDatabaseIsOne) {
  const auto storage = MakeMemoryStorage();
  auto db = std::move(*Database::Open(storage, "empty", TinyOptions()));
  ASSERT_TRUE(db->CreateSavepoint("empty"));
  ASSERT_TRUE(db->CreateColumnFamily("f"));
  ASSERT_TRUE(db->RestoreSavepoint("empty"));
  EXPECT_TRUE(db->ListColumnFamilies()->empty());
  EXPECT_TRUE(db->Verify()->ok());
  ASSERT_TRUE(db->CreateColumnFamily("f"));
  db = nullptr;
  db = std::move(*Database::Open(storage, "empty", TinyOptions()));
  EXPECT_TRUE(db->BeginRead("empty")->ListColumnFamilies()->empty());
  EXPECT_TRUE(db->Verify()->ok());
}

TEST_F(PersistentSavepointTest, TypesAndLargeDroppedTreesAreAsTheyWere) {
  {
    const ColumnFamily family = *db_->OpenColumnFamily("f");
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn->CreateTable(family, "typed", {.key = "u64", .value = "string"}));
    ASSERT_TRUE(txn->Commit());
  }
  Put("big", "t", 0, 900, 'a');
  const Contents then = Now();
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  ASSERT_TRUE(db_->DropColumnFamily("big"));
  DropTable("f", "typed");
  ASSERT_TRUE(db_->CreateSavepoint("behind the drop"));  // with nothing of what was dropped in it
  const std::vector<SavepointInfo> list = *db_->ListSavepoints();
  EXPECT_LT(list[0].pages * 3, list[1].pages);
  ASSERT_TRUE(db_->RestoreSavepoint("then"));
  EXPECT_EQ(Now(), then);
  ExpectWhole();
  ASSERT_TRUE(db_->RestoreSavepoint("behind the drop"));
  ASSERT_TRUE(db_->DeleteSavepoint("then"));
  ExpectWhole();
  EXPECT_GT(db_->Stats().pages_free, list[1].pages / 2);
}

TEST_F(PersistentSavepointTest, RefusesWhatCannotBe) {
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint("")), Errc::kInvalidArgument);
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint(std::string(65, 'n'))), Errc::kInvalidArgument);
  ASSERT_TRUE(db_->CreateSavepoint(std::string(64, 'n')));
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint(std::string(64, 'n'))), Errc::kAlreadyExists);
  for (const char* none : {"", "none"}) {
    EXPECT_EQ(ErrcOf(db_->DeleteSavepoint(none)), Errc::kNoSuchSavepoint);
    EXPECT_EQ(ErrcOf(db_->RestoreSavepoint(none)), Errc::kNoSuchSavepoint);
    EXPECT_EQ(ErrcOf(db_->BeginRead(none)), Errc::kNoSuchSavepoint);
  }
  for (int i = 1; i < 16; ++i) ASSERT_TRUE(db_->CreateSavepoint("s" + std::to_string(i)));
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint("one too many")), Errc::kLimit);
  ExpectWhole();
  {
    auto txn = db_->BeginWrite(*db_->OpenColumnFamily("f"));
    EXPECT_EQ(ErrcOf(db_->RestoreSavepoint("s1")), Errc::kBusy);
    ASSERT_TRUE(db_->DeleteSavepoint("s1"));
    ASSERT_TRUE(db_->CreateSavepoint("s1"));
  }
  ASSERT_TRUE(db_->Close());
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint("s")), Errc::kClosed);
  EXPECT_EQ(ErrcOf(db_->RestoreSavepoint("s1")), Errc::kClosed);
  EXPECT_EQ(ErrcOf(db_->DeleteSavepoint("s1")), Errc::kClosed);
  EXPECT_EQ(ErrcOf(db_->ListSavepoints()), Errc::kClosed);
  EXPECT_EQ(ErrcOf(db_->BeginRead("s1")), Errc::kClosed);
  Open(true);
  EXPECT_EQ(Names().size(), 16u);
  EXPECT_EQ(ErrcOf(db_->CreateSavepoint("s")), Errc::kReadOnly);
  EXPECT_EQ(ErrcOf(db_->RestoreSavepoint("s1")), Errc::kReadOnly);
  EXPECT_EQ(ErrcOf(db_->DeleteSavepoint("s1")), Errc::kReadOnly);
}

// A device on which, once told so, writes to the data file find no room.
class FullStorage final : public PassingStorage {
 public:
  std::shared_ptr<std::atomic<bool>> full = std::make_shared<std::atomic<bool>>(false);

 private:
  class FullFile final : public PassingFile {
   public:
    FullFile(std::unique_ptr<File> file, std::shared_ptr<std::atomic<bool>> full)
        : PassingFile(std::move(file)), full_(std::move(full)) {}

   private:
    Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
      if (full_->load()) return Fail(Errc::kNoSpace, "test.write", {.file = name()});
      return below().Write(offset, parts);
    }
    const std::shared_ptr<std::atomic<bool>> full_;
  };
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    if (file->name() != "db") return file;
    return std::make_unique<FullFile>(std::move(file), full);
  }
};

TEST(PersistentSavepointErrors, WhatFailsForWantOfRoomHasNotHappenedAndWorksAgain) {
  const auto storage = std::make_shared<FullStorage>();
  Options options = TinyOptions();
  options.cache_bytes = 256 * kTinyUnit;
  auto db = std::move(*Database::Open(storage, "db", options));
  const auto put = [&](int until, char fill) {
    const ColumnFamily family = *db->OpenOrCreateColumnFamily("f");
    auto txn = db->BeginWrite(family);
    auto table = txn->OpenOrCreateTable(family, "t");
    for (int i = 0; i < until; ++i) {
      EXPECT_TRUE(table->Put(AsBytes("key" + std::to_string(100 + i)), AsBytes(std::string(50, fill))));
    }
    EXPECT_TRUE(txn->Commit());
  };
  const auto now = [&] {
    ReadTransaction snapshot = *db->BeginRead();
    return ContentsOf(snapshot);
  };
  const auto whole = [&] {
    const auto report = db->Verify();
    for (const VerifyReport::Problem& problem : report->problems) ADD_FAILURE() << problem.what;
  };
  put(40, 'a');
  const Contents then = now();
  *storage->full = true;
  EXPECT_EQ(ErrcOf(db->CreateSavepoint("then")), Errc::kNoSpace);
  EXPECT_TRUE(db->ListSavepoints()->empty());
  *storage->full = false;
  ASSERT_TRUE(db->CreateSavepoint("then"));
  for (const bool reopen : {false, true}) {
    if (reopen) {
      db = nullptr;
      db = std::move(*Database::Open(storage, "db", options));
    }
    put(20, 'b');
    ASSERT_TRUE(db->CreateColumnFamily("g"));
    const Contents later = now();
    whole();
    *storage->full = true;
    EXPECT_EQ(ErrcOf(db->RestoreSavepoint("then")), Errc::kNoSpace);
    EXPECT_EQ(ErrcOf(db->DeleteSavepoint("then")), Errc::kNoSpace);
    *storage->full = false;
    EXPECT_EQ(now(), later);
    whole();
    put(30, 'c');
    whole();
    ASSERT_TRUE(db->RestoreSavepoint("then"));
    EXPECT_EQ(now(), then);
    whole();
    put(30, 'd');
    whole();
  }
  ASSERT_TRUE(db->DeleteSavepoint("then"));
  whole();
}

TEST_F(PersistentSavepointTest, AShortenedFileKeepsThem) {
  Put("f", "t", 60, 600, 'a');
  const Contents then = Now();
  ASSERT_TRUE(db_->CreateSavepoint("then"));
  {
    const ColumnFamily family = *db_->OpenColumnFamily("f");
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn->OpenTable(family, "t")->DeleteRange({}));
    ASSERT_TRUE(txn->Commit());
  }
  ASSERT_TRUE(db_->ShrinkFile());
  EXPECT_EQ(At("then"), then);
  ExpectWhole();
  Open();
  ASSERT_TRUE(db_->RestoreSavepoint("then"));
  EXPECT_EQ(Now(), then);
  ExpectWhole();
}

TEST_F(PersistentSavepointTest, ReadersAndWritersGoOnMeanwhile) {
  std::atomic<bool> stop{false};
  std::atomic<int> commits{0};
  ASSERT_TRUE(db_->CreateSavepoint("fixed"));
  const Contents fixed = Now();
  std::vector<std::thread> threads;
  for (const char* name : {"f", "g"}) {
    threads.emplace_back([&, name] {
      for (int i = 0; !stop.load(); ++i) {
        const ColumnFamily family = *db_->OpenColumnFamily(name);
        auto txn = db_->BeginWrite(family);
        ASSERT_TRUE(txn) << txn.error().ToString();
        auto table = txn->OpenOrCreateTable(family, "t");
        ASSERT_TRUE(table) << table.error().ToString();
        ASSERT_TRUE(table->Put(AsBytes(Key(i % 70)), AsBytes(std::string(60, 'w'))));
        ASSERT_TRUE(txn->Commit());
        ++commits;
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop.load()) {
      auto snapshot = db_->BeginRead("fixed");
      ASSERT_TRUE(snapshot) << snapshot.error().ToString();
      ASSERT_EQ(ContentsOf(*snapshot), fixed);
    }
  });
  for (int round = 0; round < 15; ++round) {
    const auto created = db_->CreateSavepoint("moving");
    ASSERT_TRUE(created) << created.error().ToString();
    const Contents moving = At("moving");
    const int before = commits.load();
    while (commits.load() < before + 5) std::this_thread::yield();
    ASSERT_TRUE(db_->RestoreSavepoint(round % 3 == 0 ? "fixed" : "moving"));
    EXPECT_EQ(At("moving"), moving);
    ASSERT_TRUE(db_->DeleteSavepoint("moving"));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(db_->RestoreSavepoint("fixed"));
  EXPECT_EQ(Now(), fixed);
  ExpectWhole();
  Open();
  EXPECT_EQ(Now(), fixed);
  ExpectWhole();
}

}  // namespace
}  // namespace manifolddb
