// Breaks the log at each of its sites and says what then goes wrong: a check without such a line is not
// needed.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/base/le.h"
#include "engine/base/sites.h"
#include "engine/wal/log_file.h"
#include "engine/wal/log_fixture.h"
#include "engine/wal/log_reader.h"

namespace manifolddb::wal {
namespace {

using format::Lsn;
using format::TxnId;

base::Site& SiteNamed(const std::string& name) {
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (site->name() == name) return *site;
  }
  ADD_FAILURE() << "no site " << name;
  return *base::Site::First();
}

uint64_t MarksOf(const std::string& name) {
  for (base::Mark* mark = base::Mark::First(); mark != nullptr; mark = mark->next()) {
    if (mark->name() == name) return mark->hits();
  }
  ADD_FAILURE() << "no mark " << name;
  return 0;
}

class Broken {
 public:
  explicit Broken(const std::string& name) : site_(SiteNamed(name)) { site_.Break(true); }
  ~Broken() { site_.Break(false); }
  Broken(const Broken&) = delete;
  Broken& operator=(const Broken&) = delete;

 private:
  base::Site& site_;
};

// How reading ends: the commit that comes next, or what was reported.
std::string Verdict(TestLog& log) {
  const auto read = log.ReadBack();
  if (!read.result) return "corrupt";
  if (read.operations != log.Expected(read.result->next_txn.raw())) return "wrong";
  return "next " + std::to_string(read.result->next_txn.raw());
}

struct Case {
  const char* site;
  std::string sound;
  std::string broken;
  std::function<std::string()> run;
};

std::string TornGroup() {  // and what the tear left does not parse
  TestLog log({});
  log.Append({10});
  const Lsn torn = log.Append({10});
  log.Flip(log.ring().OffsetOf(torn) + kRedoGap);
  return Verdict(log);
}

// A group of this life behind one that was lost, where that one would have stood.
std::string LostBeforeTheWrap() {
  TestLog log({.units = 16});
  for (int i = 0; i < 6; ++i) log.Append({600});
  log.Append({10});
  log.Checkpoint();
  const Lsn lost = log.Append({10});
  log.Append({1900});
  log.Flip(log.ring().OffsetOf(lost) + 8);
  return Verdict(log);
}

std::string OtherIdentity() {
  TestLog log({});
  format::LogGroup header = log.NextHeader();
  header.identity = TestIdentity(2);
  log.PutGroup(header, {"another database's"});
  return Verdict(log);
}

std::string OtherLife() {
  TestLog log({});
  log.Append({10});
  format::LogGroup old = log.NextHeader();
  log.NextLife();
  log.PutGroup(old, {"cut off by a crash"});
  return Verdict(log);
}

std::string OtherPosition() {  // a write that went to the wrong place
  TestLog log({});
  format::LogGroup header = log.NextHeader();
  header.lsn = Lsn{5 * 512};
  log.PutGroup(header, {"elsewhere"});
  log.SetRingBytes(0, log.RingBytes(5 * 512, 512));
  return Verdict(log);
}

std::string Gap() {
  TestLog log({});
  log.Append({10});
  format::LogGroup header = log.NextHeader();
  header.first_txn = header.first_txn.next();
  log.PutGroup(header, {"one is missing before this"});
  return Verdict(log);
}

std::string DurableGroupLost() {
  TestLog log({});
  log.Append({10});
  const Lsn lost = log.Append({10});
  log.Sync();
  log.Append({10});
  log.Flip(log.ring().OffsetOf(lost));
  return Verdict(log);
}

std::string NewerMetaLost() {
  TestLog log({});
  log.Append({10});
  log.writer().SetDurableMeta(log.scan().meta.next());
  log.Append({10});
  return Verdict(log);
}

std::string NewerMetaLostElsewhere() {
  TestLog log({});
  format::LogGroup header = log.NextHeader();
  header.lsn = Lsn{9 * 512};
  header.durable_meta = log.scan().meta.next();
  log.PutGroup(header, {"elsewhere"});
  return Verdict(log);
}

std::string Wrapped() {
  TestLog log({.units = 16});
  for (int i = 0; i < 7; ++i) log.Append({600});
  log.Checkpoint();
  log.Append({1300});
  return Verdict(log);
}

std::string UnsyncedReordered() {  // the second of two reached the disk, the first did not: legal
  TestLog log({});
  const Lsn lost = log.Append({10});
  log.Append({10});
  log.Flip(log.ring().OffsetOf(lost));
  return Verdict(log);
}

TEST(LogSites, EveryCheckOfTheReaderMakesADifference) {
  const Case cases[] = {
      {"wal.checksum.skip", "next 2", "wrong", TornGroup},
      {"wal.chain.skip", "next 8", "corrupt", LostBeforeTheWrap},
      {"wal.identity.skip", "next 1", "wrong", OtherIdentity},
      {"wal.life.skip", "next 2", "wrong", OtherLife},
      {"wal.lsn.skip", "next 1", "wrong", OtherPosition},
      {"wal.tail_rule.skip", "corrupt", "next 2", DurableGroupLost},
      {"wal.meta_rule.skip", "corrupt", "next 3", NewerMetaLost},
      {"wal.meta_rule.skip", "corrupt", "next 1", NewerMetaLostElsewhere},
      {"wal.read.wrap.skip", "next 9", "next 8", Wrapped},
      {"wal.durable_lsn.early", "next 1", "corrupt", UnsyncedReordered},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.run(), c.sound) << c.site;
    Broken broken(c.site);
    EXPECT_EQ(c.run(), c.broken) << c.site;
    EXPECT_GT(SiteNamed(c.site).hits(), 0u) << c.site;
  }
}

// No fault of a disk leads here, as the chain tells first: only bytes that were made up.
TEST(LogSites, AGapBetweenTransactionsIsCorruption) { EXPECT_EQ(Gap(), "corrupt"); }

std::vector<std::string> LinesOf(const std::function<void(Storage&, Trace&)>& run) {
  Trace trace;
  auto storage = MakeTracedStorage(MakeMemoryStorage(), trace);
  run(*storage, trace);
  return trace.lines;
}

TEST(LogSites, EverySyncThatIsSkippedIsMissingFromTheTrace) {
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  const auto lifecycle = [&](Storage& storage, Trace&) {
    ASSERT_TRUE(CreateLog(storage, "n-wal", header, 8 * 512));
    auto log = OpenLog(storage, "n-wal", OpenMode::kReadWrite, header, 8 * 512);
    ASSERT_TRUE(log && MarkOpened(**log, header, format::Life{1}) &&
                GrowLog(**log, 512, 8 * 512, 16 * 512, NewBytes::kWritten));
  };
  const std::vector<std::string> sound = LinesOf(lifecycle);
  const std::pair<const char*, const char*> cases[] = {{"wal.create.sync.skip", "sync n-wal-new"},
                                                       {"wal.create.syncdir.skip", "sync directory"},
                                                       {"wal.mark_opened.sync.skip", "sync n-wal"},
                                                       {"wal.grow.sync.skip", "sync n-wal"}};
  for (const auto& [site, line] : cases) {
    Broken broken(site);
    const std::vector<std::string> lines = LinesOf(lifecycle);
    EXPECT_EQ(lines.size() + 1, sound.size()) << site;
    EXPECT_EQ(std::count(lines.begin(), lines.end(), line) + 1, std::count(sound.begin(), sound.end(), line))
        << site;
  }
}

TEST(LogSites, ASkippedOrIgnoredSyncLies) {
  Trace trace;
  TestLog log({}, MakeTracedStorage(MakeMemoryStorage(), trace));
  log.Append({10});
  trace.lines.clear();
  {
    Broken broken("wal.sync.skip");
    EXPECT_TRUE(log.writer().Sync());
    EXPECT_TRUE(trace.lines.empty());
    EXPECT_EQ(log.writer().durable_lsn(), Lsn{512});
  }
  log.Append({10});
  trace.fails = [](const std::string& line) { return line.starts_with("sync"); };
  Broken broken("wal.sync.error_ignored");
  EXPECT_TRUE(log.writer().Sync());
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{1024});
}

TEST(LogSites, WithoutPoisonWritingAndSyncingGoOnAfterAFailure) {
  Trace trace;
  TestLog log({}, MakeTracedStorage(MakeMemoryStorage(), trace));
  base::ByteBuffer redo = MakeRedo("put");
  base::ByteBuffer* one[] = {&redo};
  trace.fails = [](const std::string&) { return true; };
  {
    Broken broken("wal.append.poison.skip");
    EXPECT_FALSE(log.writer().Append(one, TxnId{1}));
    EXPECT_FALSE(log.poison().set());
  }
  {
    Broken broken("wal.sync.poison.skip");
    EXPECT_FALSE(log.writer().Sync());
    EXPECT_FALSE(log.poison().set());
  }
  EXPECT_FALSE(log.writer().Sync());
  EXPECT_TRUE(log.poison().set());
}

TEST(LogSites, WithoutMemoryToPackThemTransactionsBecomeGroupsOfTheirOwn) {
  TestLog log({});
  base::ByteBuffer first = MakeRedo("first");
  base::ByteBuffer second = MakeRedo("second");
  for (base::ByteBuffer* redo : {&first, &second}) ASSERT_TRUE(LogWriter::ReserveSealing(*redo, 512));
  base::ByteBuffer* both[] = {&first, &second};
  base::SetAllocationGate([](size_t) { return false; });
  const auto end = log.writer().Append(both, TxnId{1});
  base::SetAllocationGate(nullptr);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->lsn, Lsn{1024});
  EXPECT_EQ(log.writer().groups(), 2u);
  EXPECT_FALSE(log.poison().set());
  EXPECT_GT(MarksOf("wal.no_staging"), 0u);
  const auto read = log.ReadBack();
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.operations, (std::map<uint64_t, std::string>{{1, "first"}, {2, "second"}}));
}

TEST(LogSites, WithoutMemoryAtAllAppendFailsAndPoisons) {
  TestLog log({});
  base::ByteBuffer redo = MakeRedo("never reserved");
  base::ByteBuffer* one[] = {&redo};
  base::SetAllocationGate([](size_t) { return false; });
  const auto end = log.writer().Append(one, TxnId{1});
  const auto read = ReadLog(log.file(), log.scan(), [](TxnId, ByteView) -> Status { return {}; });
  base::SetAllocationGate(nullptr);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Errc::kNoMemory);
  EXPECT_TRUE(log.poison().set());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::kNoMemory);
}

TEST(LogSites, RareBranchesAreMarked) {
  const std::pair<const char*, std::function<std::string()>> cases[] = {
      {"wal.torn_tail", TornGroup},
      {"wal.wrap", Wrapped},
      {"wal.read.wrap", Wrapped},
      {"wal.other_life_at_end", OtherLife},
      {"wal.later_group_lost", UnsyncedReordered},
      {"wal.tail_proves_damage", DurableGroupLost},
      {"wal.newer_meta_named", NewerMetaLost},
      {"wal.create.replaced",
       [] {
         auto storage = MakeMemoryStorage();
         const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
         EXPECT_TRUE(CreateLog(*storage, "n-wal", header, 8 * 512));
         EXPECT_TRUE(CreateLog(*storage, "n-wal", header, 8 * 512));
         return std::string();
       }},
  };
  for (const auto& [mark, run] : cases) {
    const uint64_t before = MarksOf(mark);
    run();
    EXPECT_GT(MarksOf(mark), before) << mark;
  }
}

TEST(LogSites, AMarkerOfALaterLifeMayBeBelievedToBeOfThisOne) {
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  const auto storage = MakeMemoryStorage();
  ASSERT_TRUE(CreateLog(*storage, "n-wal", header, 8 * 512));
  auto log = OpenLog(*storage, "n-wal", OpenMode::kReadWrite, header, 8 * 512);
  ASSERT_TRUE(log && MarkOpened(**log, header, format::Life{3}));
  EXPECT_FALSE(CheckMarker(**log, header, format::Life{2}));
  const Broken site("wal.marker.life.skip");
  EXPECT_TRUE(CheckMarker(**log, header, format::Life{2}));
}

TEST(LogSites, WithoutAMarkerALaterLifeMayGoUnnoticed) {
  TestLog log({});
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  log.NextLife();
  log.Append({100});
  EXPECT_FALSE(CheckMarker(log.file(), header, format::Life{1}));
  const Broken site("wal.marker.unreadable.skip");
  EXPECT_TRUE(CheckMarker(log.file(), header, format::Life{1}));
}

TEST(LogSites, TheLogOfAnotherDatabaseMayBeTakenForThisOnes) {
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  const format::LogHeader other = {.write_unit = 512, .identity = TestIdentity(2)};
  const auto storage = MakeMemoryStorage();
  ASSERT_TRUE(CreateLog(*storage, "n-wal", other, 8 * 512));
  EXPECT_FALSE(OpenLog(*storage, "n-wal", OpenMode::kReadWrite, header, 8 * 512));
  const Broken site("wal.open.identity.skip");
  EXPECT_TRUE(OpenLog(*storage, "n-wal", OpenMode::kReadWrite, header, 8 * 512));
}

TEST(LogSites, ALogMayBeReplacedBeforeItIsDurableThatItsDataFileIsGone) {
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  const auto twice = [&](Storage& storage, Trace& trace) {
    ASSERT_TRUE(CreateLog(storage, "n-wal", header, 8 * 512));
    trace.lines.clear();
    ASSERT_TRUE(CreateLog(storage, "n-wal", header, 8 * 512));
  };
  const auto first_sync = [](const std::vector<std::string>& lines) {
    const auto is_sync = [](const std::string& line) { return line.starts_with("sync"); };
    return *std::find_if(lines.begin(), lines.end(), is_sync);
  };
  EXPECT_EQ(first_sync(LinesOf(twice)), "sync directory");
  const Broken site("wal.create.replace.syncdir.skip");
  EXPECT_EQ(first_sync(LinesOf(twice)), "sync n-wal-new");
}

// A site that no test here names would be one that nobody has shown to matter.
TEST(LogSites, EverySiteOfTheLogIsBrokenByATest) {
  const std::set<std::string> named = {"wal.append.poison.skip", "wal.chain.skip",
                                       "wal.checksum.skip",      "wal.create.replace.syncdir.skip",
                                       "wal.create.sync.skip",   "wal.create.syncdir.skip",
                                       "wal.durable_lsn.early",  "wal.grow.sync.skip",
                                       "wal.identity.skip",      "wal.life.skip",
                                       "wal.lsn.skip",           "wal.mark_opened.sync.skip",
                                       "wal.marker.life.skip",   "wal.marker.unreadable.skip",
                                       "wal.meta_rule.skip",     "wal.open.identity.skip",
                                       "wal.read.wrap.skip",     "wal.sync.error_ignored",
                                       "wal.sync.poison.skip",   "wal.sync.skip",
                                       "wal.tail_rule.skip"};
  std::set<std::string> found;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (std::string(site->name()).starts_with("wal.")) found.insert(site->name());
  }
  EXPECT_EQ(found, named);
}

}  // namespace
}  // namespace manifolddb::wal
