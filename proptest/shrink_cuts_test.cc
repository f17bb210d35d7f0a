// The power fails, or the process is killed, at every write, sync and cut while the end of the data file is
// given back, and at those of the commits behind it: what was acknowledged is there, the database is whole,
// and no meta page states more than there is. And that this has teeth: the orders that it rests on are
// broken.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/format/meta_page.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"
#include "proptest/cuts.h"

namespace manifolddb::proptest {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;

constexpr int kPuts = 600;
using Entries = std::map<std::string, std::string>;

Options SmallOptions() {
  Options options = Tiny();
  options.log_bytes_max = 64 * 512;
  options.cache_bytes = 256 * 512;
  options.dirty_bytes_max = 128 * 512;
  return options;
}

std::string NumberedKey(int number) { return "key" + std::to_string(1000 + number); }

void PutSome(Database& database, int from, int until, char fill) {
  const ColumnFamily family = Must(database.OpenOrCreateColumnFamily("f"));
  WriteTransaction transaction = Must(database.BeginWrite(family));
  WriteTable table = Must(transaction.OpenOrCreateTable(family, "t"));
  for (int i = from; i < until; ++i) {
    const std::string value(i % 10 == 0 ? 700 : 60, fill);
    Must(table.Put(AsBytes(NumberedKey(i)), AsBytes(value)));
  }
  Must(transaction.Commit());
}

Entries ReadAll(const Database& database) {
  Entries entries;
  ReadTransaction snapshot = Must(database.BeginRead());
  const ReadTable table = Must(snapshot.OpenTable(Must(snapshot.OpenColumnFamily("f")), "t"));
  Cursor cursor = Must(table.NewCursor());
  for (bool any = Must(cursor.First()); any; any = Must(cursor.Next())) {
    entries[std::string(AsText(cursor.key()))] = AsText(Must(cursor.value()));
  }
  return entries;
}

class Shrinking {
 public:
  Shrinking() : disk_(std::make_shared<Disk>(kTraits)) {
    auto database = Must(Database::Open(disk_->NewProcess(), "db", SmallOptions()));
    for (int from = 0; from < kPuts; from += 20) PutSome(*database, from, from + 20, 'a');
    {
      const ColumnFamily family = Must(database->OpenColumnFamily("f"));
      WriteTransaction transaction = Must(database->BeginWrite(family));
      WriteTable table = Must(transaction.OpenTable(family, "t"));
      const std::string upper = NumberedKey(kPuts - 30);
      Must(table.DeleteRange({.upper = AsBytes(upper)}));
      Must(transaction.Commit());
    }
    begin_ = disk_->effects();
    Note(*database);
    const ShrinkReport report = Must(database->ShrinkFile());
    if (report.bytes_after * 2 > report.bytes_before || report.pages_moved < 10) {
      ADD_FAILURE() << report.bytes_before << " to " << report.bytes_after << ", " << report.pages_moved;
    }
    CheckSlots(*disk_);
    shrunk_ = disk_->effects();
    // The file grows again over what was cut.
    for (int from = 0; from < kPuts; from += 100) {
      PutSome(*database, from, from + 100, 'b');
      Note(*database);
    }
    Must(database->Checkpoint());
  }

  // Every cut and every kill.
  void EndEverywhere() {
    const uint64_t end = disk_->effects();
    CrashPoint point(disk_->trace(), begin_);
    for (uint64_t effects = begin_; effects <= end; ++effects) {
      point.MoveTo(effects);
      LookAtImages(point, effects, 4, [&](const std::shared_ptr<Disk>& booted) { Check(booted, effects); });
      SCOPED_TRACE(std::to_string(effects) + " killed");
      Check(std::make_shared<Disk>(*disk_->trace(), effects, 78), effects);
    }
    EXPECT_GT(shrunk_, begin_ + 35);
    EXPECT_GT(ends_, 1000u);
  }

 private:
  // What is acknowledged from here on.
  void Note(const Database& database) { states_.emplace_back(disk_->effects(), ReadAll(database)); }

  static void CheckSlots(Disk& disk) {
    const auto data = Must(disk.Open("db", OpenMode::kReadOnly));
    const uint64_t size = Must(data->Size());
    base::Buffer unit = Must(base::Buffer::Make(512, "test"));
    for (uint64_t at = 0; at < 4 * 512; at += 512) {
      Must(data->Read(at, unit.span()));
      const format::DecodedMeta copy = format::DecodeMetaPage(unit.view());
      EXPECT_EQ(copy.verdict, format::MetaVerdict::kValid);
      EXPECT_LE(copy.meta.page_count * copy.meta.page_size, size) << "a slot states more than there is";
    }
  }

  void Check(const std::shared_ptr<Disk>& disk, uint64_t effects) {
    const auto database = Must(Database::Open(disk, "db", SmallOptions()));
    const VerifyReport report = Must(database->Verify());
    for (const VerifyReport::Problem& problem : report.problems) ADD_FAILURE() << problem.what;
    const Entries found = ReadAll(*database);
    bool known = false;
    for (size_t i = 0; i < states_.size(); ++i) {
      const bool overtaken = i + 1 < states_.size() && states_[i + 1].first <= effects;
      known = known || (!overtaken && found == states_[i].second);
    }
    EXPECT_TRUE(known) << found.size() << " entries are no state that was acknowledged, or a later one";
    ++ends_;
  }

  const std::shared_ptr<Disk> disk_;
  std::vector<std::pair<uint64_t, Entries>> states_;
  uint64_t begin_ = 0;
  uint64_t shrunk_ = 0;
  uint64_t ends_ = 0;
};

void EndAShrinkingEverywhere() { Shrinking().EndEverywhere(); }

TEST(ShrinkCuts, WhereverItEndsNothingIsLost) { EndAShrinkingEverywhere(); }

TEST(ShrinkTeeth, EachFaultSiteOfShrinkingIsNoticed) {
  ASSERT_FALSE(Fails(EndAShrinkingEverywhere)) << "the sound engine is accused";
  int sites = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (!std::string_view(site->name()).starts_with("shrink.")) continue;
    ++sites;
    site->Break(true);
    EXPECT_TRUE(Fails(EndAShrinkingEverywhere)) << site->name() << " is broken, and nobody notices";
    site->Break(false);
  }
  EXPECT_EQ(sites, 2);
}

}  // namespace
}  // namespace manifolddb::proptest
