// Bytes that no engine wrote, behind checksums that match: every field that a decoder takes is forged by
// itself, then everything is done to the database that could trip over it. It must be reported, and nothing
// may end the process (an assertion would, as would an allocation as large as a forged number says).

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "engine/btree/node_view.h"
#include "engine/db/forged_files.h"
#include "engine/db/test_support.h"
#include "engine/format/log_format.h"
#include "engine/format/redo.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint64_t kFar = ~uint64_t{0};
constexpr uint64_t kEven = kFar - kUnit + 1;

class ForgedTest : public testing::Test {
 protected:
  // Does everything to the database that could meet what was forged. What was reported; empty if nothing.
  std::vector<std::string> Torture(const Files& files) {
    const auto storage = files.Mount();
    Options look = TinyOptions();
    look.read_only = true;
    if (auto opened = Database::Open(storage, "db", look)) {
      VerifyAll(**opened);
      ReadAll(**opened);
    }
    reports_.clear();
    bool closed = false;
    for (int life = 0; life < 2; ++life) {
      auto opened = Database::Open(storage, "db", TinyOptions());
      Note(opened);
      // What the engine wrote itself, and closed, it takes back.
      EXPECT_TRUE(opened || !closed) << opened.error().ToString();
      if (!opened) return reports_;
      Database& db = **opened;
      VerifyAll(db);
      ReadAll(db);
      // Tries each kind of removal, given up at first and then committed.
      for (const bool commit : {false, true}) {
        RemoveRange(db, commit);
        RemoveSome(db, commit);
      }
      Note(db.Checkpoint());
      Write(db);
      DropAll(db);
      for (int i = 0; i < 3; ++i) Note(db.Checkpoint());
      VerifyAll(db);
      closed = Note(db.Close());
    }
    return reports_;
  }

  // An error is expected, one that blames the files.
  template <class T>
  bool Note(const T& result) {
    if (result) return true;
    const Error& error = result.error();
    switch (error.code()) {
      case Errc::kCorrupt:
      case Errc::kTruncated:
        EXPECT_EQ(error.file().substr(0, 2), "db") << error.ToString();
        reports_.push_back(error.ToString());
        break;
      case Errc::kLimit: reports_.push_back(error.ToString()); break;
      case Errc::kTransactionEnded:
      case Errc::kNoSuchTable:
      case Errc::kTypeMismatch:
      case Errc::kNoSuchColumnFamily:
      case Errc::kAlreadyExists: break;
      default: ADD_FAILURE() << error.ToString();
    }
    return false;
  }
  void VerifyAll(Database& db) {
    VerifyProgress told;
    const auto report = db.Verify([&](const VerifyProgress& at) { told = at; });
    EXPECT_LE(told.pages, told.pages_total);
    if (!Note(report)) return;
    EXPECT_TRUE(!report->ok() || told.pages == told.pages_total) << told.pages << " of " << told.pages_total;
    for (const auto& problem : report->problems) reports_.push_back(problem.what);
  }
  void ReadAll(Database& db) {
    auto txn = db.BeginRead();
    auto names = db.ListColumnFamilies();
    for (const std::string& name : *names) {
      auto family = txn->OpenColumnFamily(name);
      if (!Note(family)) continue;
      for (const char* table_name : {"t", "u"}) {
        auto table = txn->OpenTable(*family, table_name);
        if (!Note(table)) continue;
        auto cursor = table->NewCursor();
        for (auto more = cursor->First(); Note(more) && *more; more = cursor->Next()) Note(cursor->value());
        for (auto more = cursor->Last(); Note(more) && *more; more = cursor->Prev()) {
        }
      }
    }
  }
  void Change(Database& db, bool commit, const std::function<void(WriteTable&)>& change) {
    auto family = db.OpenColumnFamily("a");
    if (!Note(family)) return;
    auto txn = db.BeginWrite(*family);
    if (!Note(txn)) return;
    for (const char* name : {"t", "u"}) {
      auto table = txn->OpenTable(*family, name);
      if (Note(table)) change(*table);
    }
    if (commit) Note(txn->Commit());
  }
  void RemoveRange(Database& db, bool commit) {
    Change(db, commit, [&](WriteTable& table) {
      Note(table.DeleteRange({.lower = AsBytes("key05"), .upper = AsBytes("key30")}));
    });
    if (!commit) Change(db, commit, [&](WriteTable& table) { Note(table.DeleteRange({})); });
  }
  void RemoveSome(Database& db, bool commit) {
    for (const std::string& key : Keys()) {
      if (key < "key20") Change(db, commit, [&](WriteTable& table) { Note(table.Delete(AsBytes(key))); });
    }
    for (const std::string& key : Keys()) {
      Change(db, commit, [&](WriteTable& table) { Note(table.Put(AsBytes(key), AsBytes("small"))); });
    }
  }
  void Write(Database& db) {
    for (int i = 0; i < 3; ++i) {
      auto family = db.CreateColumnFamily("new" + std::to_string(i));
      if (!Note(family)) continue;
      auto txn = db.BeginWrite(*family);
      if (!Note(txn)) continue;
      auto table = txn->CreateTable(*family, "t");
      if (!Note(table)) continue;
      for (int k = 0; k < 40; ++k) {
        Note(
            table->Put(AsBytes("k" + std::to_string(k)), AsBytes(std::string(k % 10 == 0 ? 2000 : 90, 'n'))));
      }
      Note(txn->Commit());
    }
    auto family = db.OpenColumnFamily("a");
    if (!Note(family)) return;
    auto txn = db.BeginWrite(*family);
    if (!Note(txn)) return;
    Note(txn->CreateTable(*family, "v"));
    Note(txn->Commit());
  }
  void DropAll(Database& db) {
    if (auto family = db.OpenColumnFamily("a"); Note(family)) {
      if (auto txn = db.BeginWrite(*family); Note(txn)) {
        Note(txn->DropTable(*family, "u"));
        Note(txn->Commit());
      }
    }
    auto names = db.ListColumnFamilies();
    for (const std::string& name : *names) Note(db.DropColumnFamily(name));
  }

  static std::vector<std::string> Keys() {
    std::vector<std::string> keys = {"large0", "large1", "large2"};
    for (int i = 0; i < 40; ++i) keys.push_back("key" + std::to_string(100 + i).substr(1));
    return keys;
  }
  // Families "a" (tables "t", of two levels and with extents, and "u") and "b"; closed.
  static Files Whole() {
    const auto storage = MakeMemoryStorage();
    auto db = std::move(*Database::Open(storage, "db", TinyOptions()));
    for (const char* name : {"a", "b"}) {
      const ColumnFamily family = *db->CreateColumnFamily(name);
      for (const char* table_name : {"t", "u"}) {
        auto txn = db->BeginWrite(family);
        auto table = txn->CreateTable(family, table_name);
        for (const std::string& key : Keys()) {
          const bool large = key[0] == 'l';
          EXPECT_TRUE(table->Put(AsBytes(key), AsBytes(std::string(large ? 1500 : 60, 'v'))));
        }
        EXPECT_TRUE(txn->Commit());
      }
    }
    EXPECT_TRUE(db->Close());
    return Files::Of(*storage);
  }

  std::vector<std::string> reports_;
};

struct Forgery {
  const char* name;
  std::function<void(Files&)> forge;
};

TEST_F(ForgedTest, WhatWasNotForgedIsWhole) {
  const auto reports = Torture(Whole());
  EXPECT_TRUE(reports.empty()) << reports[0];
}

TEST_F(ForgedTest, MetaPagesAreRefusedAtTheOpening) {
  using Change = std::function<void(MetaPageDisk&)>;
  const std::vector<std::pair<const char*, Change>> forgeries = {
      {"number", [](auto& d) { d.number = kFar; }},
      {"number without headroom", [](auto& d) { d.number = format::kNumberReadMax + 1; }},
      {"txn", [](auto& d) { d.txn = kFar; }},
      {"txn without headroom", [](auto& d) { d.txn = format::kNumberMax; }},
      {"lsn", [](auto& d) { d.lsn = kEven; }},
      {"lsn and origin", [](auto& d) { d.lsn = kEven, d.log_origin = kEven; }},
      {"lsn without headroom", [](auto& d) { d.lsn = format::kLsnMax, d.log_origin = format::kLsnMax; }},
      {"origin", [](auto& d) { d.log_origin = kEven; }},
      {"capacity", [](auto& d) { d.log_capacity = format::kLogRingBytesMax; }},
      {"capacity of all bits", [](auto& d) { d.log_capacity = kFar; }},
      {"life", [](auto& d) { d.life = kFar; }},
      {"last life", [](auto& d) { d.life = format::kLifeMax; }},
      {"log life", [](auto& d) { d.log_life = kFar; }},
      {"page count", [](auto& d) { d.page_count = kFar; }},
      {"pages that the file has not", [](auto& d) { d.page_count = d.page_count + 8; }},
      {"fewer pages", [](auto& d) { d.page_count = 4; }},
      {"next family", [](auto& d) { d.next_family = kFar; }},
      {"next family without headroom", [](auto& d) { d.next_family = format::kFamilyIdMax + 2; }},
      {"next family before the last", [](auto& d) { d.next_family = 2; }},
      {"catalog root", [](auto& d) { d.catalog_root_id = kFar; }},
      {"catalog root in the free map", [](auto& d) { d.catalog_root_id = d.free_map.first; }},
      {"catalog birth", [](auto& d) { d.catalog_root_birth = kFar; }},
      {"catalog entries", [](auto& d) { d.catalog_entries = kFar; }},
      {"free map", [](auto& d) { d.free_map.first = kFar; }},
      {"free map's bytes", [](auto& d) { d.free_map.bytes = kFar; }},
      {"free map's checksum", [](auto& d) { d.free_map.checksum = 1; }},
      {"no free map", [](auto& d) { d.free_map = {}; }},
  };
  const Files whole = Whole();
  for (const auto& [name, change] : forgeries) {
    SCOPED_TRACE(name);
    Files files = whole;
    files.ForgeMeta(change);
    EXPECT_EQ(Torture(files).size(), 1u);
  }
}

TEST_F(ForgedTest, ANextFamilyAtTheBoundLeavesRoomForNoMore) {
  Files files = Whole();
  files.ForgeMeta([](auto& d) { d.next_family = format::kFamilyIdMax - 1; });
  const auto storage = files.Mount();
  auto db = std::move(*Database::Open(storage, "db", TinyOptions()));
  EXPECT_TRUE(db->CreateColumnFamily("last but one"));
  EXPECT_TRUE(db->CreateColumnFamily("last"));
  EXPECT_EQ(db->CreateColumnFamily("one more").error().code(), Errc::kLimit);
  EXPECT_TRUE(db->Close());
  db = std::move(*Database::Open(storage, "db", TinyOptions()));
  EXPECT_TRUE(db->OpenColumnFamily("last"));
  EXPECT_TRUE(db->Verify()->problems.empty());
  EXPECT_TRUE(db->Close());
}

const Forgery kRecordForgeries[] = {
    {"family id", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.family = kFar; }); }},
    {"family id that takes a bit too many",
     [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.family = uint64_t{1} << 40; }); }},
    {"family id of another",
     [](Files& f) { f.ForgeFamily("a", [&](auto& d) { d.family = f.Family("b").family; }); }},
    {"next table", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.next_table = kFar; }); }},
    {"next table given already", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.next_table = 1; }); }},
    {"tables root", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.tables_root_id = kFar; }); }},
    {"tables root in the meta area",
     [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.tables_root_id = 1; }); }},
    {"tables root is the catalog's",
     [](Files& f) {
       const PageRef root = f.Meta().catalog.root;
       f.ForgeFamily("a", [&](auto& d) {
         d.tables_root_id = root.id.raw();
         d.tables_root_birth = root.birth.raw();
       });
     }},
    {"tables root of another family",
     [](Files& f) {
       const PageRef root = f.TablesOf("b");
       f.ForgeFamily("a", [&](auto& d) {
         d.tables_root_id = root.id.raw();
         d.tables_root_birth = root.birth.raw();
       });
     }},
    {"tables birth", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.tables_root_birth = kFar; }); }},
    {"tables count", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.tables_entries = kFar; }); }},
    {"tables count too small", [](Files& f) { f.ForgeFamily("a", [](auto& d) { d.tables_entries = 1; }); }},
    {"table id", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.table = kFar; }); }},
    {"table id not given yet", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.table = 3; }); }},
    {"table id of another", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.table = 2; }); }},
    {"table root far away",
     [](Files& f) { f.ForgeTable("t", [](auto& d) { d.root_id = uint64_t{1} << 40; }); }},
    {"table root", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.root_id = kFar; }); }},
    {"table root in the meta area", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.root_id = 2; }); }},
    {"table root of another table",
     [](Files& f) {
       const auto u = f.Table("u");
       f.ForgeTable("t", [&](auto& d) { d.root_id = u.root_id, d.root_birth = u.root_birth; });
     }},
    {"table birth", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.root_birth = kFar; }); }},
    {"table entries", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.entries = kFar; }); }},
    {"table entries without headroom",
     [](Files& f) { f.ForgeTable("t", [](auto& d) { d.entries = format::kNumberMax; }); }},
    {"table types", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.key_type_bytes = 1; }); }},
    {"one entry", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.entries = 1; }); }},
    {"an entry too many", [](Files& f) { f.ForgeTable("t", [](auto& d) { d.entries = d.entries + 1; }); }},
    {"everything is free",
     [](Files& f) {
       f.ForgeFreeMap([&](auto& map) {
         const format::MetaPage meta = f.Meta();
         map.Complement();
         map.Set({format::PageId{4}, map.size() - 4});
         map.Clear({format::PageId{0}, 4});
         map.Clear({meta.free_map.first, format::ExtentPages(meta.free_map.bytes, kUnit)});
         map.Clear({meta.catalog.root.id, 1});
       });
     }},
    {"nothing is free",
     [](Files& f) { f.ForgeFreeMap([](auto& map) {
                      map.Clear({format::PageId{0}, map.size()});
                    }); }},
};

TEST_F(ForgedTest, RecordsOfTheCatalogAreReported) {
  const Files whole = Whole();
  for (const Forgery& forgery : kRecordForgeries) {
    SCOPED_TRACE(forgery.name);
    Files files = whole;
    forgery.forge(files);
    EXPECT_FALSE(Torture(files).empty());
  }
}

Forgery FirstOfExtent(const char* name, const std::function<uint64_t(Files&)>& first) {
  return {name, [=](Files& files) {
            const uint64_t page = first(files);
            files.ForgeExtent("large1", [&](auto& d) { d.first = page; });
          }};
}

TEST_F(ForgedTest, ReferencesOfATreeAreReportedAlsoWhenTheyAreRemoved) {
  const Forgery forgeries[] = {
      FirstOfExtent("extent nowhere", [](Files&) { return kFar; }),
      FirstOfExtent("extent far away", [](Files&) { return uint64_t{1} << 55; }),
      FirstOfExtent("extent in the meta area", [](Files&) { return 1; }),
      FirstOfExtent("extent behind the file", [](Files& f) { return f.Meta().page_count; }),
      FirstOfExtent("extent that leaves the file", [](Files& f) { return f.Meta().page_count - 1; }),
      FirstOfExtent("extent over the free map", [](Files& f) { return f.Meta().free_map.first.raw(); }),
      FirstOfExtent("extent over the catalog", [](Files& f) { return f.Meta().catalog.root.id.raw(); }),
      FirstOfExtent("extent over its table", [](Files& f) { return f.RootOf("t").id.raw(); }),
      FirstOfExtent("extent over another table", [](Files& f) { return f.RootOf("u").id.raw(); }),
      FirstOfExtent("extent over a free page", [](Files& f) { return f.FreePage(); }),
      FirstOfExtent("extent over another one", [](Files& f) { return f.ExtentAt("large0"); }),
      FirstOfExtent("extent that begins in another one", [](Files& f) { return f.ExtentAt("large0") + 1; }),
      {"extent without a place", [](Files& f) { f.ForgeExtent("large1", [](auto& d) { d.first = 0; }); }},
      {"extent of a later life", [](Files& f) { f.ForgeExtent("large1", [](auto& d) { d.birth = kFar; }); }},
      {"extent of the next life",
       [](Files& f) {
         const uint64_t birth = format::FirstBirth(f.Meta().life.next()).raw() + 1;
         f.ForgeExtent("large1", [&](auto& d) { d.birth = birth, d.first = f.RootOf("u").id.raw(); });
       }},
      {"extent longer than the file",
       [](Files& f) { f.ForgeExtent("large1", [](auto& d) { d.bytes = kValueBytesMax; }); }},
      {"extent of all bits", [](Files& f) { f.ForgeExtent("large1", [](auto& d) { d.bytes = kFar; }); }},
      {"child nowhere", [](Files& f) { f.ForgeChild(1, [](auto& d) { d.child_id = kFar; }); }},
      {"child far away", [](Files& f) { f.ForgeChild(1, [](auto& d) { d.child_id = uint64_t{1} << 40; }); }},
      {"child in the meta area", [](Files& f) { f.ForgeChild(1, [](auto& d) { d.child_id = 2; }); }},
      {"child of a later life", [](Files& f) { f.ForgeChild(1, [](auto& d) { d.child_birth = kFar; }); }},
      {"child is its parent",
       [](Files& f) {
         const PageRef root = f.RootOf("t");
         f.ForgeChild(1, [&](auto& d) { d.child_id = root.id.raw(), d.child_birth = root.birth.raw(); });
       }},
      {"child twice",
       [](Files& f) {
         const format::BranchCell first = f.Child(0);
         f.ForgeChild(1, [&](auto& d) { d = first; });
       }},
      {"children in each other's place",
       [](Files& f) {
         const format::BranchCell first = f.Child(0);
         const format::BranchCell second = f.Child(1);
         f.ForgeChild(0, [&](auto& d) { d = second; });
         f.ForgeChild(1, [&](auto& d) { d = first; });
       }},
      {"child of another table",
       [](Files& f) {
         const NodeView other(f.Page(f.RootOf("u").id.raw()));
         const PageRef child = other.Child(1);
         f.ForgeChild(1, [&](auto& d) { d.child_id = child.id.raw(), d.child_birth = child.birth.raw(); });
       }},
  };
  const Files whole = Whole();
  for (const Forgery& forgery : forgeries) {
    SCOPED_TRACE(forgery.name);
    Files files = whole;
    forgery.forge(files);
    EXPECT_FALSE(Torture(files).empty());
  }
}

// Two large families, dropped: more than one checkpoint frees.
TEST_F(ForgedTest, DroppedTreesAreReported) {
  const auto storage = MakeMemoryStorage();
  {
    auto db = std::move(*Database::Open(storage, "db", TinyOptions()));
    const ColumnFamily kept = *db->CreateColumnFamily("a");
    const ColumnFamily family = *db->CreateColumnFamily("large");
    auto txn = db->BeginWrite({kept, family});
    EXPECT_TRUE(txn->CreateTable(kept, "t")->Put(AsBytes("k"), AsBytes("v")));
    auto table = txn->CreateTable(family, "t");
    for (int i = 0; i < 700; ++i) {
      ASSERT_TRUE(table->Put(AsBytes(std::to_string(1000 + i)), AsBytes(std::string(4000, 'v'))));
    }
    ASSERT_TRUE(txn->Commit());
    ASSERT_TRUE(db->DropColumnFamily("large"));
    ASSERT_TRUE(db->Close());
  }
  const Files whole = Files::Of(*storage);
  const format::MetaPage meta = Files(whole).Meta();
  std::string key;
  for (uint64_t number = 1; number < 2000 && key.empty(); ++number) {
    Files files = whole;
    const NodeView leaf(files.Page(files.LeafOf(meta.catalog.root, AsBytes(format::DroppedKey(number)))));
    if (leaf.Find(AsBytes(format::DroppedKey(number))).equal) key = format::DroppedKey(number);
  }
  ASSERT_FALSE(key.empty()) << "something was left to free";
  EXPECT_TRUE(Torture(whole).empty());
  const PageRef live = Files(whole).RootOf("t");
  const std::function<void(format::DroppedRecordDisk&)> changes[] = {
      [](auto& d) { d.root_id = kFar; },
      [](auto& d) { d.root_id = 1; },
      [](auto& d) { d.root_birth = kFar; },
      [](auto& d) { d.root_birth = d.root_birth + 1; },
      [&](auto& d) { d.root_id = live.id.raw(), d.root_birth = live.birth.raw(); },
      [&](auto& d) { d.root_id = meta.catalog.root.id.raw(), d.root_birth = meta.catalog.root.birth.raw(); },
  };
  for (const auto& change : changes) {
    Files files = whole;
    files.ForgeRecord(meta.catalog.root, key, change);
    EXPECT_FALSE(Torture(files).empty());
  }
}

using Build = std::function<Status(base::ByteBuffer&)>;

// The group behind the checkpoint, with one commit.
std::vector<std::byte> GroupOf(const Build& build, const format::MetaPage& meta) {
  base::ByteBuffer redo;
  const std::vector<std::byte> gap(sizeof(format::LogGroupDisk) + sizeof(format::LogRecordDisk));
  EXPECT_TRUE(redo.Append(gap));
  EXPECT_TRUE(build(redo));
  std::vector<std::byte> group(redo.view().begin(), redo.view().end());
  const format::LogRecordDisk record = format::EncodeLogRecord(group.size() - gap.size());
  std::memcpy(group.data() + sizeof(format::LogGroupDisk), &record, sizeof record);
  const uint64_t bytes = group.size() - sizeof(format::LogGroupDisk);
  group.resize(format::LogGroupSpan(bytes, kUnit));
  format::SealLogGroup({.records = 1,
                        .bytes = bytes,
                        .identity = meta.identity,
                        .life = meta.log_life,
                        .lsn = meta.lsn,
                        .first_txn = meta.txn.next(),
                        .chain = meta.chain,
                        .durable_lsn = meta.lsn,
                        .durable_meta = meta.number},
                       group);
  return group;
}

// What the log of a crashed database says, behind a checkpoint that knows family 1 with tables 1 and 2.
TEST_F(ForgedTest, CommitsInTheLogAreRefusedAtTheOpening) {
  const format::FamilyId family{1};
  const std::string long_key(kUnit / 4 + 1, 'k');
  const std::vector<std::pair<const char*, Build>> commits = {
      {"a family id of all bits",
       [](auto& redo) { return format::AppendCreateFamily(redo, format::FamilyId{kFar}, AsBytes("n")); }},
      {"a family id just too large",
       [](auto& redo) {
         return format::AppendCreateFamily(redo, format::FamilyId{format::kFamilyIdMax + 1}, AsBytes("n"));
       }},
      {"a family id given already",
       [&](auto& redo) { return format::AppendCreateFamily(redo, family, AsBytes("n")); }},
      {"a table id of all bits",
       [&](auto& redo) {
         return format::AppendCreateTable(redo, family, format::TableId{kFar}, AsBytes("n"));
       }},
      {"a table id given already",
       [&](auto& redo) { return format::AppendCreateTable(redo, family, format::TableId{2}, AsBytes("n")); }},
      {"types with names too long for the pages",
       [&](auto& redo) {
         return format::AppendCreateTable(redo, family, format::TableId{3}, AsBytes("n"), long_key.substr(8),
                                          "u64");
       }},
      {"a table that is not there",
       [&](auto& redo) { return format::AppendSelect(redo, family, format::TableId{kFar}); }},
      {"a family that is not there",
       [&](auto& redo) { return format::AppendSelect(redo, format::FamilyId{kFar}, format::TableId{1}); }},
      {"a key too long",
       [&](auto& redo) {
         EXPECT_TRUE(format::AppendSelect(redo, family, format::TableId{1}));
         return format::AppendPut(redo, AsBytes(long_key), AsBytes("v"));
       }},
      {"a value in an extent that lies in a leaf",
       [&](auto& redo) {
         EXPECT_TRUE(format::AppendSelect(redo, family, format::TableId{1}));
         return format::AppendPutExtent(redo, AsBytes("k"), AsBytes("v"), format::PageId{40});
       }},
      {"a value in a leaf that lies in an extent",
       [&](auto& redo) {
         EXPECT_TRUE(format::AppendSelect(redo, family, format::TableId{1}));
         return format::AppendPut(redo, AsBytes("k"), AsBytes(long_key));
       }},
  };
  Files whole = Whole();
  whole.ForgeMeta([](auto& d) { d.clean = 0; });
  const format::MetaPage meta = whole.Meta();
  for (const auto& [name, build] : commits) {
    SCOPED_TRACE(name);
    const std::vector<std::byte> group = GroupOf(build, meta);
    Files files = whole;
    const uint64_t at =
        format::LogRingOffset(kUnit) + format::Distance(meta.log_origin, meta.lsn) % meta.log_capacity;
    ASSERT_LE(at + group.size(), format::LogRingOffset(kUnit) + meta.log_capacity);
    std::memcpy(files.log.data() + at, group.data(), group.size());
    EXPECT_EQ(Torture(files).size(), 1u);
  }
}

}  // namespace
}  // namespace manifolddb
