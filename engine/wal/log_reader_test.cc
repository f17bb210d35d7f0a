// The log as the writer left it: everything comes back, whatever lies in the ring from before.

#include "engine/wal/log_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/wal/log_file.h"
#include "engine/wal/log_fixture.h"

namespace manifolddb::wal {
namespace {

using format::Lsn;
using format::TxnId;

void ExpectAllBack(TestLog& log) {
  const auto read = log.ReadBack();
  ASSERT_TRUE(read.result) << read.result.error().ToString();
  EXPECT_EQ(read.operations, log.Expected(log.next_txn()));
  EXPECT_EQ(read.result->end.lsn, log.writer().end().lsn);
  EXPECT_EQ(read.result->end.chain, log.writer().end().chain);
  EXPECT_EQ(read.result->next_txn, TxnId{log.next_txn()});
  EXPECT_EQ(read.result->records, read.operations.size());
}

TEST(ReadLog, AnEmptyLogEndsWhereItStarts) {
  TestLog log({});
  const auto read = log.ReadBack();
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.result->end.lsn, log.scan().start.lsn);
  EXPECT_EQ(read.result->end.chain, log.scan().start.chain);
  EXPECT_EQ(read.result->groups, 0u);
}

TEST(ReadLog, TransactionsComeBackInOrderWithTheirNumbers) {
  TestLog log({});
  log.Append({10, 20, 0});
  log.Append({500});
  log.Append({1, 1});
  ExpectAllBack(log);
  EXPECT_EQ(log.ReadBack().result->groups, 3u);
}

// Many laps, lives and checkpoints; what the checkpoint needs is never more than was reserved.
TEST(ReadLog, RandomGroupsOverManyLapsComeBack) {
  uint64_t wraps = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const uint32_t unit = uint32_t{512} << random.Below(4);
    TestLog log({.write_unit = unit, .units = 8 + random.Below(40), .origin = random.Below(50) * unit});
    uint64_t reserved = 0;
    for (int step = 0; step < 60; ++step) {
      std::vector<size_t> operations;
      uint64_t record_bytes = 0;
      uint64_t alone = 0;
      do {
        const size_t bytes = random.OneIn(3) ? random.Below(3 * unit) : random.Below(40);
        const uint64_t record = sizeof(format::LogRecordDisk) + bytes;
        if (format::LogGroupSpan(record_bytes + record, unit) > log.ring().group_bytes_max()) break;
        operations.push_back(bytes);
        record_bytes += record;
        alone += format::LogGroupSpan(record, unit);
      } while (random.OneIn(2));
      if (operations.empty()) continue;
      if (reserved + alone > log.ring().usable_bytes()) {
        random.OneIn(3) ? log.NextLife() : log.Checkpoint();
        reserved = 0;
      }
      // Several small ones in one group may together be reserved for more than the ring has; such a group is
      // left out.
      if (alone > log.ring().usable_bytes()) continue;
      reserved += alone;
      const Lsn before = log.writer().end().lsn;
      if (log.Append(operations) != before) ++wraps;
      if (random.OneIn(3)) log.Sync();
      ASSERT_NO_FATAL_FAILURE(ExpectAllBack(log)) << "seed " << seed << " step " << step;
    }
    EXPECT_GT(format::Distance(log.ring().origin, log.writer().end().lsn), log.ring().capacity) << seed;
  }
  EXPECT_GT(wraps, 40u);
}

TEST(ReadLog, TheGroupAtTheRingsNextBeginningIsFoundBehindAWastedEnd) {
  TestLog log({.units = 16});
  for (int i = 0; i < 6; ++i) log.Append({600});
  log.Checkpoint();
  log.Append({600});  // to unit 14
  EXPECT_EQ(log.Append({1300}), Lsn{16 * 512});
  log.Append({600});
  ExpectAllBack(log);
}

TEST(ReadLog, AGroupThatFillsTheRingToItsEndIsFollowedByOneAtItsBeginning) {
  TestLog log({.units = 16});
  for (int i = 0; i < 7; ++i) log.Append({600});
  log.Checkpoint();
  EXPECT_EQ(log.Append({600}), Lsn{14 * 512});
  EXPECT_EQ(log.Append({600}), Lsn{16 * 512});
  ExpectAllBack(log);
}

TEST(ReadLog, ACheckpointBehindAWastedEndStartsThere) {
  TestLog log({.units = 16});
  for (int i = 0; i < 7; ++i) log.Append({600});
  log.Checkpoint();  // at unit 14; the next group does not fit
  EXPECT_EQ(log.Append({1300}), Lsn{16 * 512});
  ExpectAllBack(log);
}

TEST(ReadLog, GroupsLargerThanTheReadersBlockComeBack) {
  TestLog log({.write_unit = 4096, .units = 4096});
  log.Append({3'500'000, 10, 20});
  for (int i = 0; i < 3; ++i) log.Append({400'000, 300'000});
  log.Append({4'000'000});
  ExpectAllBack(log);
}

TEST(ReadLog, GroupsOfEarlierLapsAndLivesAreNotPartOfTheLog) {
  TestLog log({.units = 16});
  for (int i = 0; i < 30; ++i) {
    log.Append({600});
    log.Sync();
    if (i % 3 == 2) log.Checkpoint();
  }
  log.NextLife();
  const auto none = log.ReadBack();
  ASSERT_TRUE(none.result) << none.result.error().ToString();
  EXPECT_EQ(none.result->groups, 0u);
  log.Append({600});
  ExpectAllBack(log);
}

// The tail of a life that a crash cut lies in front of the next life's groups, and behind them after a while.
TEST(ReadLog, ATailThatACrashCutOffNeverJoinsTheNextLife) {
  for (const size_t bytes : {100, 700, 1300}) {
    TestLog log({.units = 16});
    log.Append({100});
    log.Sync();
    const LogEnd end = log.writer().end();
    const uint64_t next = log.next_txn();
    // Two groups more reach the disk, the first of them torn; so recovery ends the log before both.
    format::LogGroup torn = log.NextHeader();
    torn.durable_lsn = end.lsn;
    const uint64_t chain = log.PutGroup(torn, {OperationsOf(next, bytes)});
    format::LogGroup lost = log.NextHeader();
    lost.durable_lsn = end.lsn;
    lost.lsn = format::Advance(torn.lsn, format::LogGroupSpan(sizeof(format::LogRecordDisk) + bytes, 512));
    lost.first_txn = TxnId{next + 1};
    lost.chain = chain;
    log.PutGroup(lost, {"never acknowledged"});
    log.Flip(log.ring().OffsetOf(torn.lsn) + 90);
    const auto cut = log.ReadBack();
    ASSERT_TRUE(cut.result) << cut.result.error().ToString();
    EXPECT_EQ(cut.result->end.lsn, end.lsn);
    // The next life writes groups of the same size: its first ends exactly where the lost one begins.
    log.NextLife();
    log.Append({bytes});
    ExpectAllBack(log);
  }
}

TEST(ReadLog, ADatabaseThatIsNotOursIsNotRead) {
  TestLog log({});
  format::LogGroup header = log.NextHeader();
  header.identity = TestIdentity(2);
  header.durable_meta = format::MetaNumber{99};
  log.PutGroup(header, {"another database's"});
  const auto read = log.ReadBack();
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.result->groups, 0u);
}

TEST(ReadLog, AnErrorFromApplyStopsTheScanAndIsReturned) {
  TestLog log({});
  log.Append({10});
  log.Append({10});
  int calls = 0;
  const auto result = ReadLog(log.file(), log.scan(), [&](TxnId, ByteView) -> Status {
    ++calls;
    return Fail(Errc::kNoMemory, "test.apply");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kNoMemory);
  EXPECT_EQ(calls, 1);
}

TEST(ReadLog, ALogShorterThanItsRingIsCorruption) {
  TestLog log({.units = 16});
  log.scan().ring.capacity = 17 * 512;
  const auto read = log.ReadBack();
  ASSERT_FALSE(read.result);
  EXPECT_EQ(read.result.error().code(), Errc::kCorrupt);
}

TEST(ReadLog, AFailedReadIsAnIoErrorWhereverItHappens) {
  for (size_t failing = 1; failing <= 2; ++failing) {
    Trace trace;
    TestLog log({.write_unit = 4096, .units = 512}, MakeTracedStorage(MakeMemoryStorage(), trace));
    log.Append({100'000});
    size_t reads = 0;
    trace.fails = [&](const std::string& line) { return line.starts_with("read") && ++reads == failing; };
    const auto read = log.ReadBack();
    ASSERT_FALSE(read.result) << failing;
    EXPECT_EQ(read.result.error().code(), Errc::kIo);
  }
}

TEST(CheckLives, AGroupOfAnotherDatabaseIsNoLaterLifeOfThisOne) {
  TestLog log({});
  const format::LogHeader header = {.write_unit = 512, .identity = TestIdentity()};
  log.Append({10});
  log.NextLife();
  format::LogGroup theirs = log.NextHeader();
  theirs.identity = TestIdentity(2);
  log.PutGroup(theirs, {"another database's"});
  EXPECT_TRUE(CheckLives(log.file(), header, format::Life{1}));
  theirs.identity = TestIdentity();
  log.PutGroup(theirs, {"its own"});
  EXPECT_FALSE(CheckLives(log.file(), header, format::Life{1}));
}

TEST(ReadLog, AfterGrowthTheNewRingIsReadFromTheCheckpointThatStatesIt) {
  TestLog log({.units = 16, .origin = 512 * 7});
  for (int i = 0; i < 5; ++i) log.Append({600});
  log.Sync();
  ASSERT_TRUE(GrowLog(log.file(), 512, 16 * 512, 64 * 512, NewBytes::kWritten));
  ExpectAllBack(log);  // not stated yet: the old ring
  log.Checkpoint();
  log.scan().ring = {.capacity = 64 * 512, .origin = log.writer().end().lsn, .write_unit = 512};
  log.writer().SetRing(log.scan().ring);
  for (int i = 0; i < 9; ++i) log.Append({2000});
  ExpectAllBack(log);
}

}  // namespace
}  // namespace manifolddb::wal
