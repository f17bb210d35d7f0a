#include "manifolddb/salvage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "engine/base/le.h"
#include "engine/base/memory.h"
#include "engine/btree/node_view.h"
#include "engine/db/full_disk.h"
#include "engine/format/catalog_record.h"
#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "engine/format/page_header.h"
#include "engine/recovery/recovery_plan.h"
#include "engine/salvage/salvage_fixture.h"

namespace manifolddb {
namespace {

using format::MetaPage;
using Strings = std::vector<std::string>;

constexpr uint64_t kPage = kTinyUnit;

MetaPage NewestMeta(const FileBytes& files) {
  MetaPage newest;
  for (uint64_t copy = 0; copy < 4; ++copy) {
    const auto decoded = format::DecodeMetaPage(AsBytes(files.data).subspan(copy * kPage, kPage));
    if (decoded.verdict != format::MetaVerdict::kValid) continue;
    if (newest.page_size == 0 || recovery::IsOlder(newest, decoded.meta)) newest = decoded.meta;
  }
  return newest;
}
void DamageSlot(FileBytes& files, int slot) {
  for (const int copy : {0, 1}) Damage(files.data, format::MetaOffset(slot, copy, kPage) + 100);
}
// Where the groups lie in the log file that follow the newest checkpoint; or all of the newest life.
std::vector<uint64_t> Groups(const FileBytes& files, bool all_of_life = false) {
  std::vector<uint64_t> offsets;
  const MetaPage meta = NewestMeta(files);
  for (uint64_t at = format::LogRingOffset(kPage); at + kPage <= files.log.size(); at += kPage) {
    format::LogGroup group;
    if (!format::DecodeLogGroupHeader(AsBytes(files.log).subspan(at, kPage), group)) continue;
    const bool in_life = all_of_life ? group.life == meta.life : group.life == meta.log_life;
    if (in_life && (all_of_life || group.lsn >= meta.lsn)) offsets.push_back(at);
  }
  return offsets;
}
// f/t: 150 keys in a tree of three levels. f/big: values in extents. g: another family.
class FilledTest : public SalvageTest {
 protected:
  FilledTest() {
    PutMany("t", 0, 75, std::string(60, 'a'));
    PutMany("t", 75, 75, std::string(60, 'b'));
    Commit("f", [](const Change& change) {
      for (const char* key : {"one", "three", "two"}) change.Put("big", key, std::string(1500, key[1]));
    });
    CreateFamily("g");
    Commit("g", [](const Change& change) { change.Put("t", "key", "value"); });
    // So that the checkpoint before the newest one has the same trees.
    Reopen();
  }
  // The leaf in which `key` of f/t lies, in whole files.
  Source LeafOf(const FileBytes& files, const std::string& key, const std::string& table = "f/t") {
    for (const Source& source : Do(files, true).sources) {
      if (source.table == table && source.first <= key && source.last >= key) return source;
    }
    ADD_FAILURE() << key << " has no source";
    return {};
  }
};

TEST_F(FilledTest, AWholeDatabaseIsCopiedAsItIs) {
  CreateFamily("empty");
  Reopen();
  const Salvaged salvaged = Do(Close());
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_TRUE(salvaged.report.notes.empty());
  EXPECT_TRUE(salvaged.state == Newest());
  EXPECT_EQ(salvaged.report.column_families, 3u);
  EXPECT_EQ(salvaged.report.tables, 3u);
  EXPECT_EQ(salvaged.report.entries, 154u);
}

TEST_F(FilledTest, WhatTheLogHoldsIsCopiedToo) {
  database().Checkpoint().value();
  PutMany("t", 10, 3, "new");
  Commit("f", [](const Change& change) { change.DeleteRange("t", "k1050", "k1060"); });
  PutMany("t", 55, 1, "again");
  RenameFamily("g", "h");
  DropFamily("h");
  CreateFamily("i");
  const Salvaged salvaged = Do(Abandon());
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_EQ(salvaged.report.replayed_commits, 6u);
  EXPECT_TRUE(salvaged.state == Newest());
}

TEST_F(FilledTest, TheLastSourceThatNamesAKeyIsItsOwn) {
  database().Checkpoint().value();
  PutMany("t", 10, 1, "new");
  const FileBytes files = Abandon();
  const Salvaged salvaged = Do(files);
  uint64_t entries = 0;
  const Source* last = nullptr;
  for (const Source& source : salvaged.sources) {
    entries += source.entries;
    if (source.table == "f/t" && source.first <= "k1010" && source.last >= "k1010") last = &source;
    // A leaf says itself which page it is.
    if (source.file != "db") continue;
    const auto& header = *reinterpret_cast<const format::NodeHeader*>(files.data.data() + source.offset);
    EXPECT_EQ(header.page_id * kPage, source.offset);
    EXPECT_EQ(header.kind, static_cast<uint8_t>(format::PageKind::kLeaf));
  }
  EXPECT_EQ(entries, salvaged.report.entries + 1);
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->file, "db-wal");
  EXPECT_EQ(last->offset, Groups(files).front());
}

TEST_F(FilledTest, TypesOfTablesAreKept) {
  const ColumnFamily family = database().OpenColumnFamily("g").value();
  WriteTransaction transaction = std::move(database().BeginWrite(family).value());
  ASSERT_TRUE(transaction.CreateTable(family, "typed", {.key = "u64", .value = "text"}));
  ASSERT_TRUE(transaction.Commit());
  for (const FileBytes& files : {Abandon(), Close()}) {
    const auto to = MakeMemoryStorage();
    ASSERT_TRUE(Salvage({StorageOf(files), "db"}, {to, "db"}, {.output = TinyOptions()}));
    const auto opened = std::move(Database::Open(to, "db", TinyOptions()).value());
    ReadTransaction snapshot = std::move(opened->BeginRead().value());
    const ColumnFamily copied = snapshot.OpenColumnFamily("g").value();
    EXPECT_TRUE(snapshot.OpenTable(copied, "typed", {.key = "u64", .value = "text"}));
    EXPECT_FALSE(snapshot.OpenTable(copied, "typed"));
  }
}

TEST_F(FilledTest, ADamagedLeafCostsItsOwnKeys) {
  FileBytes files = Close();
  const Source leaf = LeafOf(files, "k1070");
  Damage(files.data, leaf.offset + 300);
  const Salvaged salvaged = Do(files);
  const Strings missing = Missing(salvaged);
  ASSERT_EQ(missing.size(), leaf.entries);
  EXPECT_EQ(missing.front(), leaf.first);
  EXPECT_EQ(missing.back(), leaf.last);
  ASSERT_EQ(salvaged.report.losses.size(), 1u);
  const SalvageLoss& loss = salvaged.report.losses[0];
  EXPECT_EQ(loss.keys.family + "/" + loss.keys.table, "f/t");
  EXPECT_EQ(loss.file, "db");
  EXPECT_EQ(loss.offset, leaf.offset);
  // Up to the next leaf's first key.
  EXPECT_EQ(Lost(salvaged.report)[0], "f/t [" + leaf.first + "," + *loss.keys.upper + ")");
  EXPECT_EQ(Newest().at("f").at("t").lower_bound(leaf.last)->first, leaf.last);
  EXPECT_EQ(std::next(Newest().at("f").at("t").find(leaf.last))->first, *loss.keys.upper);
}

TEST_F(FilledTest, ADamagedInnerNodeCostsWhatLiesBelow) {
  const FileBytes whole = Close();
  const uint64_t at = LeafOf(whole, "k1070").offset;
  // Each branch of the file that is in use: its loss is reported to the key, and is not everything, unless it
  // is a root.
  uint64_t inner = 0;
  for (uint64_t page = 4; page * kPage < whole.data.size(); ++page) {
    const auto& header = *reinterpret_cast<const format::NodeHeader*>(whole.data.data() + page * kPage);
    if (header.page_id != page || header.kind != 2 || page * kPage == at) continue;
    FileBytes files = whole;
    Damage(files.data, page * kPage + 200);
    const Salvaged salvaged = Do(files);
    if (salvaged.report.losses.empty()) continue;  // free, or of a tree that is gone
    const Strings missing = Missing(salvaged);
    EXPECT_EQ(salvaged.report.losses.size(), 1u);
    if (missing.size() == 150) {
      EXPECT_EQ(Lost(salvaged.report), Strings{"f/t [-,-)"});
      continue;
    }
    ++inner;
    EXPECT_GT(missing.size(), 10u);
    EXPECT_LT(missing.size(), 140u);
    EXPECT_EQ(salvaged.report.losses[0].keys.lower.value_or(missing.front()), missing.front());
  }
  EXPECT_GE(inner, 2u);
}

TEST_F(FilledTest, ADamagedExtentCostsItsKey) {
  FileBytes files = Close();
  const Source source = LeafOf(files, "three", "f/big");
  ASSERT_NE(source.extent_offset, 0u);
  Damage(files.data, source.extent_offset + 1000);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(Missing(salvaged, "big"), Strings{"three"});
  EXPECT_EQ(Lost(salvaged.report), Strings{"f/big [three,three+)"});
  EXPECT_EQ(salvaged.report.losses[0].offset, source.extent_offset);
}

TEST_F(FilledTest, ADamagedCatalogCostsEverythingAndIsToldSo) {
  FileBytes files = Close();
  Damage(files.data, NewestMeta(files).catalog.root.id.raw() * kPage + 100);
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.state.empty());
  EXPECT_EQ(Lost(salvaged.report), Strings{" [-,-)"});
}

// The root of the list of tables of the family "f".
uint64_t TableListOf(const FileBytes& files) {
  const btree::NodeView catalog(AsBytes(files.data).data() + NewestMeta(files).catalog.root.id.raw() * kPage);
  const auto at = catalog.Find(AsBytes(format::FamilyKey(AsBytes("f"))));
  EXPECT_TRUE(at.equal);
  format::FamilyRecord record;
  EXPECT_TRUE(format::DecodeFamilyRecord(catalog.StoredValue(at.index), record));
  return record.tables.root.id.raw() * kPage;
}

// Two ways to one state: what the newest checkpoint has lost, the one before it and the log may still give.
TEST_F(FilledTest, WhatOneCheckpointHasLostTheOneBeforeAndTheLogGiveBack) {
  PutMany("t", 70, 30, std::string(60, 'c'));
  Commit("f", [](const Change& change) { change.DeleteRange("t", "k1000", "k1020"); });
  const FileBytes whole = Close();
  FileBytes files = whole;
  const uint64_t catalog = NewestMeta(files).catalog.root.id.raw() * kPage;
  Damage(files.data, catalog + 100);
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_TRUE(salvaged.state == Newest());
  EXPECT_EQ(salvaged.report.replayed_commits, 2u);

  // A group of that part of the log is damaged: then it leads nowhere.
  Damage(files.log, Groups(whole, true)[1] + 100);
  EXPECT_EQ(Do(files).state.size(), 0u);
}

// Entries that were deleted since are not more of the newest state.
TEST_F(FilledTest, TheCheckpointBeforeIsOfUseOnlyIfItIsWhole) {
  Reopen();
  const Source leaf = LeafOf(Abandon(), "k1070");
  Commit("f", [](const Change& change) { change.DeleteRange("t", "k1000", "k1010"); });
  FileBytes files = Close();
  ASSERT_EQ(LeafOf(files, "k1070").offset, leaf.offset);  // both checkpoints have it
  Damage(files.data, leaf.offset + 300);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(Missing(salvaged).size(), leaf.entries);
  EXPECT_EQ(salvaged.report.replayed_commits, 0u);
}

TEST_F(FilledTest, ACommitThatTheLogDoesNotHoldEndsTheWayFromTheCheckpointBefore) {
  const ColumnFamily family = database().OpenColumnFamily("g").value();
  WriteTransaction transaction = std::move(database().BeginWrite(family).value());
  ASSERT_TRUE(transaction.OpenTable(family, "t").value().Put(AsBytes("bulk"), AsBytes("value")));
  ASSERT_TRUE(transaction.Commit({.through_checkpoint = true}));
  FileBytes files = Abandon();
  Damage(files.data, NewestMeta(files).catalog.root.id.raw() * kPage + 100);
  const auto report =
      Salvage({StorageOf(files), "db"}, {MakeMemoryStorage(), "db"}, {.output = TinyOptions()});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->column_families, 0u);
  EXPECT_EQ(Lost(*report), Strings{" [-,-)"});
}

TEST_F(FilledTest, ADamagedListOfTablesCostsThemButNotTheOtherFamily) {
  FileBytes files = Close();
  Damage(files.data, TableListOf(files) + 100);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(Lost(salvaged.report), Strings{"f [-,-)"});
  EXPECT_TRUE(salvaged.state.at("f").empty());
  EXPECT_TRUE(salvaged.state.at("g") == Newest().at("g"));
}

// The tree is whole, page by page, but it is not the one whose entries were counted.
TEST_F(FilledTest, AWrongNumberOfEntriesMayCostAnyKey) {
  FileBytes files = Close();
  Damage(files.data, LeafOf(files, "three", "f/big").extent_offset);
  char* const page = files.data.data() + TableListOf(files);
  const MutableByteView bytes(reinterpret_cast<std::byte*>(page), kPage);
  const btree::NodeView list(bytes.data());
  const ByteView record = list.StoredValue(list.Find(AsBytes("big")).index);
  std::byte& entries =
      bytes[static_cast<size_t>(record.data() - bytes.data()) + offsetof(format::TableRecordDisk, entries)];
  entries = std::byte{4};
  base::StoreLe<uint64_t>(bytes.data(), format::PageChecksum(bytes));
  const Salvaged salvaged = Do(files);
  EXPECT_FALSE(salvaged.report.complete());
  EXPECT_EQ(Lost(salvaged.report), Strings{"f/big [-,-)"});
  EXPECT_EQ(salvaged.report.losses[0].why, "3 entries where 4 were counted");
  EXPECT_EQ(Missing(salvaged, "big"), Strings{"three"});
}

TEST_F(FilledTest, WhatTheLogSaysOfLostTablesIsLostUnderItsNewNames) {
  database().Checkpoint().value();
  const ColumnFamily family = database().OpenColumnFamily("f").value();
  Commit("f", [](const Change& change) {
    change.Put("t", "k1010", "of a table that is lost");
    change.Put("new", "key", "of one that is not");
  });
  Commit("f", [&](const Change& change) {
    ASSERT_TRUE(change.transaction.RenameTable(family, "t", "u"));
    change.tables["u"] = change.tables["t"];
    change.tables.erase("t");
  });
  FileBytes files = Abandon();
  Damage(files.data, TableListOf(files) + 100);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(salvaged.state.at("f").size(), 1u);
  EXPECT_EQ(salvaged.state.at("f").at("new").size(), 1u);
}

TEST_F(FilledTest, ADamagedFreeMapCostsNothing) {
  FileBytes files = Close();
  Damage(files.data, NewestMeta(files).free_map.first.raw() * kPage);
  EXPECT_FALSE(Database::Open(StorageOf(files), "db", TinyOptions()));
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_TRUE(salvaged.state == Newest());
}

TEST_F(FilledTest, ADamagedCopyOfAMetaPageCostsNothing) {
  const FileBytes whole = Close();
  for (const uint64_t copy : {0, 1, 2, 3}) {
    FileBytes files = whole;
    Damage(files.data, copy * kPage + 100);
    const Salvaged salvaged = Do(files);
    EXPECT_TRUE(salvaged.report.complete());
    EXPECT_TRUE(salvaged.state == Newest());
  }
}

TEST_F(FilledTest, TheSlotOfTheOlderMetaPageCostsNothingOnceTheNewerOneIsClean) {
  FileBytes files = Close();
  DamageSlot(files, 1 - format::SlotOf(NewestMeta(files).number));
  EXPECT_FALSE(Database::Open(StorageOf(files), "db", TinyOptions()));
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_TRUE(salvaged.state == Newest());
}

// Keys deleted since would come back: only who asks for that gets it.
TEST_F(FilledTest, AnOlderMetaPageIsBelievedOnlyIfAnOlderStateIsAllowed) {
  database().Checkpoint().value();
  Commit("f", [](const Change& change) { change.DeleteRange("t", "k1000", "k1100"); });
  FileBytes files = Close();
  DamageSlot(files, format::SlotOf(NewestMeta(files).number));
  const Error error = Refused(files);
  EXPECT_EQ(error.code(), Errc::kCorrupt);
  EXPECT_NE(error.message().find("both copies of a meta page"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("nothing was written"), std::string::npos);
  const Salvaged salvaged = Do(files, true);
  ASSERT_FALSE(salvaged.report.doubts.empty());
  EXPECT_FALSE(salvaged.report.complete());
  EXPECT_EQ(salvaged.report.doubts[0].file, "db");
}

// The meta page that is left was written into both slots at the beginning of the life: there is no newer one.
TEST_F(FilledTest, ASlotThatHeldNoNewerMetaPageCostsNothing) {
  Reopen();
  PutMany("t", 0, 5, "new");
  FileBytes files = Abandon();
  DamageSlot(files, format::SlotOf(NewestMeta(files).number));
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.report.complete());
  EXPECT_TRUE(salvaged.state == Newest());
}

TEST_F(FilledTest, WithoutAMetaPageNothingIsProven) {
  FileBytes files = Close();
  DamageSlot(files, 0);
  DamageSlot(files, 1);
  const Error error = Refused(files, true);
  EXPECT_EQ(error.code(), Errc::kCorrupt);
  EXPECT_NE(error.message().find("no meta page can be read"), std::string::npos);
}

TEST_F(FilledTest, AFileThatIsNoDatabaseIsToldSo) {
  EXPECT_EQ(Refused({std::string(5000, 'x'), "", true}, true).code(), Errc::kNotADatabase);
  EXPECT_EQ(Refused({"", "", true}, true).code(), Errc::kNotADatabase);
}

TEST_F(FilledTest, ADamagedGroupEndsTheLogIfAnOlderStateIsAllowed) {
  database().Checkpoint().value();
  const uint64_t before = database().Stats().commit_number;
  for (int i = 0; i < 5; ++i) PutMany("t", i, 1, "new" + std::to_string(i));
  FileBytes files = Abandon();
  const std::vector<uint64_t> groups = Groups(files);
  ASSERT_EQ(groups.size(), 5u);
  Damage(files.log, groups[2] + 100);
  EXPECT_EQ(Refused(files).code(), Errc::kCorrupt);
  const Salvaged salvaged = Do(files, true);
  EXPECT_EQ(salvaged.report.commit_number, before + 2);
  EXPECT_EQ(salvaged.report.replayed_commits, 2u);
  EXPECT_TRUE(salvaged.state == StateAt(before + 2));
  ASSERT_EQ(salvaged.report.doubts.size(), 1u);
  EXPECT_EQ(salvaged.report.doubts[0].offset, groups[2]);
}

// It may have been torn by a crash: nobody can tell.
TEST_F(FilledTest, ALastGroupThatIsNotIntactIsNoted) {
  database().Checkpoint().value();
  const uint64_t before = database().Stats().commit_number;
  for (int i = 0; i < 2; ++i) PutMany("t", i, 1, "new");
  FileBytes files = Abandon();
  EXPECT_TRUE(Do(files).report.notes.empty());
  const uint64_t last = Groups(files).back();
  Damage(files.log, last + 100);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(salvaged.report.commit_number, before + 1);
  ASSERT_EQ(salvaged.report.notes.size(), 1u);
  EXPECT_EQ(salvaged.report.notes[0].offset, last);
}

TEST_F(FilledTest, ADamagedFrontOfTheLogCostsNothingWhileHalfOfItIsLeft) {
  Reopen();
  PutMany("t", 0, 5, "new");
  const FileBytes whole = Abandon();
  for (const uint64_t unit : {0, 1}) {
    FileBytes files = whole;
    Damage(files.log, unit * kPage + 20);
    const Salvaged salvaged = Do(files);
    EXPECT_TRUE(salvaged.report.complete());
    EXPECT_TRUE(salvaged.state == Newest());
  }
  FileBytes files = whole;
  for (const uint64_t unit : {0, 1}) Damage(files.log, unit * kPage + 20);
  EXPECT_EQ(Refused(files).code(), Errc::kCorrupt);
  EXPECT_TRUE(Do(files, true).state == Newest());
}

TEST_F(FilledTest, ALogThatIsCutOrMissingMayHaveHeldMore) {
  database().Checkpoint().value();
  const uint64_t checkpoint = database().Stats().commit_number;
  PutMany("t", 0, 5, "new");
  FileBytes files = Abandon();
  FileBytes missing = files;
  missing.log_missing = true;
  missing.log.clear();
  for (const size_t size :
       {files.log.size() - kPage, static_cast<size_t>(Groups(files)[0]), size_t{300}, size_t{0}}) {
    FileBytes cut = files;
    cut.log.resize(size);
    EXPECT_EQ(Refused(cut).code(), Errc::kCorrupt);
    const Salvaged salvaged = Do(cut, true);
    EXPECT_TRUE(salvaged.state == (size > Groups(files)[0] ? Newest() : StateAt(checkpoint))) << size;
  }
  EXPECT_EQ(Refused(missing).code(), Errc::kCorrupt);
  EXPECT_TRUE(Do(missing, true).state == StateAt(checkpoint));
}

TEST_F(FilledTest, AFileThatWasCutCostsWhatLayBehind) {
  const FileBytes whole = Close();
  uint64_t partly = 0;
  for (size_t size = 4 * kPage; size < whole.data.size(); size += kPage) {
    FileBytes files = whole;
    files.data.resize(size);
    const Salvaged salvaged = Do(files);
    if (salvaged.report.entries > 0 && salvaged.report.entries < 154) ++partly;
  }
  EXPECT_GT(partly, 0u);
}

TEST_F(FilledTest, WhatTheLogPutsIntoALostRangeIsThere) {
  database().Checkpoint().value();
  const Source leaf = LeafOf(Abandon(), "k1070");
  PutMany("t", 70, 1, "new");
  FileBytes files = Abandon();
  Damage(files.data, leaf.offset + 300);
  const Salvaged salvaged = Do(files);
  EXPECT_EQ(Missing(salvaged).size(), leaf.entries - 1);
  EXPECT_EQ(salvaged.state.at("f").at("t").at("k1070"), "new");
}

TEST_F(FilledTest, WhatTheLogDeletesIsNotLost) {
  database().Checkpoint().value();
  const Source leaf = LeafOf(Abandon(), "k1070");
  const Source extent = LeafOf(Abandon(), "one", "f/big");
  Commit("f", [&](const Change& change) {
    change.DeleteRange("t", leaf.first, leaf.last + "+");
    change.Put("big", "one", "a small value");
  });
  FileBytes files = Abandon();
  Damage(files.data, leaf.offset + 300);
  Damage(files.data, extent.extent_offset);
  const Salvaged salvaged = Do(files);
  EXPECT_TRUE(salvaged.state == Newest());
  // Between the last key and the next leaf's there was nothing, but nobody knows that.
  ASSERT_EQ(salvaged.report.losses.size(), 1u);
  EXPECT_EQ(salvaged.report.losses[0].keys.lower, leaf.last + "+");
}

TEST_F(FilledTest, NothingThatIsThereIsReplaced) {
  const FileBytes files = Close();
  for (const char* name :
       {"out", "out-wal", "out-new", "out-wal-new", "out-salvage", "out-salvage-wal", "out-salvage-new"}) {
    const auto to = MakeMemoryStorage();
    ASSERT_TRUE(to->Open(name, OpenMode::kCreate));
    const auto salvaged = Salvage({StorageOf(files), "db"}, {to, "out"}, {.output = TinyOptions()});
    ASSERT_FALSE(salvaged);
    EXPECT_EQ(salvaged.error().code(), Errc::kAlreadyExists);
    EXPECT_EQ(salvaged.error().file(), name);
    EXPECT_TRUE(to->Exists(name).value());
  }
}

TEST_F(FilledTest, TheOutputHasNoneOfTheNamesOfTheDamagedDatabase) {
  FileBytes files = Close();
  files.log_missing = true;
  for (const char* name : {"db", "db-wal", "db-new"}) {
    const auto both = StorageOf(files);
    const auto report = Salvage({both, "db"}, {both, name}, {.allow_older = true, .output = TinyOptions()});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(report.error().file(), name);
    EXPECT_FALSE(both->Exists("db-wal").value());
  }
}

constexpr std::array kOutputNames = {"out", "out-wal", "out-new", "out-salvage", "out-salvage-wal"};

TEST_F(FilledTest, NothingThatIsMadeMeanwhileIsReplaced) {
  const FileBytes files = Close();
  for (const char* name : {"out", "out-wal"}) {
    const auto to = MakeMemoryStorage();
    SalvageOptions options{.output = TinyOptions()};
    bool opened = false;
    options.source = [&](const SalvageSource&) {
      if (opened) return;
      opened = true;
      const auto other = Database::Open(to, "out", TinyOptions());
      EXPECT_EQ(other ? Errc::kIo : other.error().code(), Errc::kLocked);
      // Whoever knows nothing of locks.
      ASSERT_TRUE(to->Open(name, OpenMode::kCreate));
    };
    const auto report = Salvage({StorageOf(files), "db"}, {to, "out"}, options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), Errc::kAlreadyExists);
    for (const char* left : kOutputNames)
      EXPECT_EQ(to->Exists(left).value(), std::string(left) == name) << left;
  }
}

// Fails one of the calls that change names.
class NamingStorage : public PassingStorage {
 public:
  int fails = -1;      // counted from 0, from when it is set
  bool hides = false;  // what is there: as it was a moment ago

  Result<bool> Exists(const std::string& name) override {
    if (hides) return false;
    return PassingStorage::Exists(name);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    if (fails-- == 0) return Fail(Errc::kIo, "test.rename", {.file = from});
    return PassingStorage::Rename(from, to);
  }
  Status SyncDirectory() override {
    if (fails-- == 0) return Fail(Errc::kIo, "test.sync", {});
    return PassingStorage::SyncDirectory();
  }

 private:
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override { return file; }
};

TEST_F(FilledTest, AnOutputThatDoesNotGetItsNameIsRemoved) {
  const FileBytes files = Close();
  for (int fails = 0; fails < 4; ++fails) {
    const auto to = std::make_shared<NamingStorage>();
    SalvageOptions options{.output = TinyOptions()};
    options.source = [&](const SalvageSource&) { to->fails = fails; };  // behind the creation
    const auto report = Salvage({StorageOf(files), "db"}, {to, "out"}, options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), Errc::kIo);
    const bool only_the_last_sync = fails == 3;
    for (const char* name : kOutputNames) {
      const bool stays = only_the_last_sync && (name == std::string("out") || name == std::string("out-wal"));
      EXPECT_EQ(to->Exists(name).value(), stays) << fails << " " << name;
    }
    if (!only_the_last_sync) continue;
    const auto opened = Database::Open(to, "out", TinyOptions());
    ASSERT_TRUE(opened);
    EXPECT_TRUE(ReadState(**opened) == Newest());
  }
}

// The files of another salvage, that began at the same moment, are its own.
TEST_F(FilledTest, FilesThatItDidNotMakeAreNotRemoved) {
  const FileBytes files = Close();
  for (const char* held : {"out-new", "out-salvage-new"}) {
    const auto to = std::make_shared<NamingStorage>();
    const auto lock = to->Open(held, OpenMode::kCreate);
    ASSERT_TRUE(lock);
    for (const char* name : {"out-salvage", "out-salvage-wal"})
      ASSERT_TRUE(to->Open(name, OpenMode::kCreate));
    to->hides = true;
    const auto report = Salvage({StorageOf(files), "db"}, {to, "out"}, {.output = TinyOptions()});
    EXPECT_FALSE(report);
    to->hides = false;
    for (const char* name : {held, "out-salvage", "out-salvage-wal"})
      EXPECT_TRUE(to->Exists(name).value()) << name;
  }
}

TEST_F(FilledTest, ADatabaseThatIsOpenForWritingIsLeftAlone) {
  const auto to = MakeMemoryStorage();
  const auto salvaged = Salvage({storage_, "db"}, {to, "out"}, {.output = TinyOptions()});
  ASSERT_FALSE(salvaged);
  EXPECT_EQ(salvaged.error().code(), Errc::kLocked);
}

// ---- Devices that fail -----------------------------------------------------------------------------------

class FailingFile : public PassingFile {
 public:
  FailingFile(std::unique_ptr<File> file, uint64_t bad, uint64_t bytes_max)
      : PassingFile(std::move(file)), bad_(bad), bytes_max_(bytes_max) {}

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    if (offset > bad_ || offset + out.size() <= bad_) return below().Read(offset, out);
    return Fail(Errc::kIo, "test.read", {.file = name(), .offset = bad_});
  }
  Status DoAllocate(uint64_t size) override {
    if (size > bytes_max_) return Fail(Errc::kNoSpace, "test.allocate", {.file = name()});
    return below().Allocate(size);
  }
  const uint64_t bad_;
  const uint64_t bytes_max_;
};

class FailingStorage : public PassingStorage {
 public:
  std::string bad_file = "db";
  uint64_t bad = ~uint64_t{0};  // no read of this byte succeeds
  uint64_t bytes_max = ~uint64_t{0};

 private:
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    const uint64_t its_bad = file->name() == bad_file ? bad : ~uint64_t{0};
    return std::make_unique<FailingFile>(std::move(file), its_bad, bytes_max);
  }
};

void CopyInto(Storage& storage, const FileBytes& files) {
  for (const auto& [name, bytes] : {std::pair("db", &files.data), std::pair("db-wal", &files.log)}) {
    auto file = std::move(storage.Open(name, OpenMode::kCreate).value());
    base::Buffer buffer = std::move(base::Buffer::Make(bytes->size(), "test").value());
    std::memcpy(buffer.data(), bytes->data(), bytes->size());
    ASSERT_TRUE(file->Write(0, buffer.view()));
  }
}

TEST_F(FilledTest, WhatTheDeviceDoesNotGiveIsLostAndNoMore) {
  const FileBytes files = Close();
  const auto storage = std::make_shared<FailingStorage>();
  CopyInto(*storage, files);
  storage->bad = LeafOf(files, "k1070").offset + 10;
  const auto to = MakeMemoryStorage();
  const auto report = Salvage({storage, "db"}, {to, "out"}, {.output = TinyOptions()});
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_FALSE(report->losses.empty());
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_EQ(report->notes[0].offset / 4096, storage->bad / 4096);
  // A block of eight pages, some of them leaves of f/t.
  EXPECT_GT(report->entries, 154u - 8 * 8);
  EXPECT_LT(report->entries, 154u);
}

// The log is read as evidence, and once more when it is replayed. A device that gives less of it then must
// not make an older state of it.
TEST_F(FilledTest, ALogThatReadsOtherwiseTheSecondTimeIsTold) {
  PutMany("t", 70, 30, std::string(60, 'c'));
  Commit("f", [](const Change& change) { change.DeleteRange("t", "k1000", "k1020"); });
  const FileBytes open = Abandon();
  FileBytes closed = Close();
  // Its newest catalog is lost: the log leads there from the checkpoint before.
  Damage(closed.data, NewestMeta(closed).catalog.root.id.raw() * kPage + 100);
  for (const FileBytes& files : {open, closed}) {
    const uint64_t last = Groups(files, true).back();
    for (const bool allow_older : {false, true}) {
      const auto from = std::make_shared<FullDisk>();
      CopyInto(*from, files);
      SalvageOptions options{.allow_older = allow_older, .output = TinyOptions()};
      options.source = [&](const SalvageSource&) {  // the evidence is complete
        from->read = [&](const std::string& file, MutableByteView bytes) {
          const ByteView group = AsBytes(files.log).subspan(last, kPage);
          const auto found = std::search(bytes.begin(), bytes.end(), group.begin(), group.end());
          if (file == "db-wal" && found != bytes.end()) found[100] ^= std::byte{1};
        };
      };
      const auto to = MakeMemoryStorage();
      const auto report = Salvage({from, "db"}, {to, "out"}, options);
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().code(), Errc::kCorrupt);
      EXPECT_NE(report.error().message().find("the readings differ"), std::string::npos)
          << report.error().message();
      EXPECT_FALSE(to->Exists("out").value());
    }
  }
}

// Only the way from the checkpoint before needs that part of the log.
TEST_F(FilledTest, WhatTheDeviceDoesNotGiveOfALogThatWasClosedCostsNothing) {
  PutMany("t", 0, 5, "new");
  const FileBytes files = Close();
  const auto storage = std::make_shared<FailingStorage>();
  CopyInto(*storage, files);
  storage->bad_file = "db-wal";
  storage->bad = Groups(files, true).front();
  const auto report = Salvage({storage, "db"}, {MakeMemoryStorage(), "out"}, {.output = TinyOptions()});
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_TRUE(report->complete());
  ASSERT_FALSE(report->notes.empty());
  EXPECT_EQ(report->notes[0].file, "db-wal");
}

// The output's device fails: the log is not to blame, and no older state is made of it.
TEST_F(FilledTest, DamageOfTheOutputIsNotTakenForDamageOfTheLog) {
  database().Checkpoint().value();
  PutMany("t", 0, 150, "new");
  const FileBytes files = Abandon();
  for (const bool allow_older : {false, true}) {
    const auto to = std::make_shared<FullDisk>();
    SalvageOptions options{.allow_older = allow_older, .output = TinyOptions()};
    options.output.cache_bytes = options.output.dirty_bytes_max = 16 * kTinyUnit;
    options.source = [&](const SalvageSource& source) {
      if (source.file != "db-wal") return;
      to->read = [](const std::string& file, MutableByteView bytes) {
        if (file == "out-salvage") bytes[bytes.size() / 2] ^= std::byte{1};
      };
    };
    const auto report = Salvage({StorageOf(files), "db"}, {to, "out"}, options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), Errc::kCorrupt);
    EXPECT_EQ(report.error().file(), "out-salvage");
  }
}

TEST_F(FilledTest, AnOutputThatCannotBeFinishedIsRemoved) {
  const FileBytes files = Close();
  const auto to = std::make_shared<FailingStorage>();
  to->bytes_max = 16000;
  const auto report = Salvage({StorageOf(files), "db"}, {to, "out"}, {.output = TinyOptions()});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Errc::kNoSpace);
  for (const char* name : {"out", "out-wal", "out-salvage", "out-salvage-wal"}) {
    EXPECT_FALSE(to->Exists(name).value()) << name;
  }
}

}  // namespace
}  // namespace manifolddb
