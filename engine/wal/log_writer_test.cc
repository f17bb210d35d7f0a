#include "engine/wal/log_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/wal/log_fixture.h"

namespace manifolddb::wal {
namespace {

using format::Lsn;
using format::TxnId;
using Lines = std::vector<std::string>;

format::LogGroup HeaderAt(TestLog& log, Lsn lsn) {
  format::LogGroup header;
  const auto bytes = log.RingBytes(log.ring().OffsetOf(lsn), log.ring().write_unit);
  EXPECT_TRUE(format::DecodeLogGroupHeader(bytes, header));
  return header;
}

TEST(LogWriter, OneTransactionIsOneWriteWhereItLiesThenOneSync) {
  Trace trace;
  TestLog log({.write_unit = 4096}, MakeTracedStorage(MakeMemoryStorage(), trace));
  trace.lines.clear();
  base::ByteBuffer redo = MakeRedo("put");
  ASSERT_TRUE(LogWriter::ReserveSealing(redo, 4096));
  const std::byte* before = redo.data();
  base::ByteBuffer* one[] = {&redo};
  const auto end = log.writer().Append(one, TxnId{1});
  ASSERT_TRUE(end);
  EXPECT_EQ(redo.data(), before);  // no copy
  EXPECT_EQ(end->lsn, Lsn{4096});
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{0});
  ASSERT_TRUE(log.writer().Sync());
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{4096});
  EXPECT_EQ(trace.lines, (Lines{"write @8192+4096 test-wal", "sync test-wal"}));
  EXPECT_EQ(log.writer().groups(), 1u);
  EXPECT_EQ(log.writer().syncs(), 1u);
}

TEST(LogWriter, SeveralTransactionsAreOneGroupAndOneWrite) {
  Trace trace;
  TestLog log({}, MakeTracedStorage(MakeMemoryStorage(), trace));
  trace.lines.clear();
  const Lsn lsn = log.Append({10, 0, 700});
  log.Sync();
  EXPECT_EQ(trace.lines, (Lines{"write @1024+1024 test-wal", "sync test-wal"}));
  const format::LogGroup header = HeaderAt(log, lsn);
  EXPECT_EQ(header.records, 3u);
  EXPECT_EQ(header.first_txn, TxnId{1});
  auto read = log.ReadBack();
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.operations, log.Expected(4));
}

TEST(LogWriter, LargeTransactionsAreGroupsOfTheirOwnUnderOneSync) {
  Trace trace;
  TestLog log({.units = 64}, MakeTracedStorage(MakeMemoryStorage(), trace));
  trace.lines.clear();
  const Lsn first = log.Append({2000, 1800});  // on average below a sixteenth of the ring
  EXPECT_EQ(log.writer().groups(), 1u);
  const Lsn second = log.writer().end().lsn;
  log.Append({2200, 2100});
  EXPECT_EQ(log.writer().groups(), 3u);
  log.Sync();
  EXPECT_EQ(trace.lines, (Lines{"write @1024+4096 test-wal", "write @5120+2560 test-wal",
                                "write @7680+2560 test-wal", "sync test-wal"}));
  EXPECT_EQ(HeaderAt(log, first).records, 2u);
  EXPECT_EQ(HeaderAt(log, second).records, 1u);
  auto read = log.ReadBack();
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.operations, log.Expected(5));
}

TEST(LogWriter, OfLargeTransactionsTheDeviceBeginsWithEachBehindWhichASyncComes) {
  Trace trace;
  TestLog log({.write_unit = 4096, .units = 1024}, MakeTracedStorage(MakeMemoryStorage(), trace));
  const std::string operations(200'000, 'o');
  base::ByteBuffer a = MakeRedo(operations), b = MakeRedo(operations);
  const std::vector<base::ByteBuffer*> both = {&a, &b};
  trace.lines.clear();
  ASSERT_TRUE(log.writer().AppendDurable(both, TxnId{1}));
  EXPECT_EQ(trace.lines,
            (Lines{"write @8192+200704 test-wal", "start @8192+200704 test-wal",
                   "write @208896+200704 test-wal", "start @208896+200704 test-wal", "sync test-wal"}));
  EXPECT_EQ(log.writer().durable_lsn(), log.writer().end().lsn);
  base::ByteBuffer c = MakeRedo(operations), d = MakeRedo(operations);
  const std::vector<base::ByteBuffer*> more = {&c, &d};
  trace.lines.clear();
  ASSERT_TRUE(log.writer().Append(more, TxnId{3}));
  EXPECT_EQ(trace.lines, (Lines{"write @409600+200704 test-wal", "write @610304+200704 test-wal"}));
}

TEST(LogWriter, AGroupStatesWhatWasDurableWhenItWasWritten) {
  TestLog log({});
  const Lsn first = log.Append({10});
  const Lsn second = log.Append({10});
  log.Sync();
  log.writer().SetDurableMeta(format::MetaNumber{6});
  const Lsn third = log.Append({10});
  EXPECT_EQ(HeaderAt(log, first).durable_lsn, Lsn{0});
  EXPECT_EQ(HeaderAt(log, second).durable_lsn, Lsn{0});  // the first was written, not synced
  EXPECT_EQ(HeaderAt(log, third).durable_lsn, Lsn{1024});
  EXPECT_EQ(HeaderAt(log, second).durable_meta, format::MetaNumber{5});
  EXPECT_EQ(HeaderAt(log, third).durable_meta, format::MetaNumber{6});
  EXPECT_EQ(HeaderAt(log, first).chain, log.scan().start.chain);
  EXPECT_EQ(HeaderAt(log, second).chain, HeaderAt(log, first).checksum);
  EXPECT_EQ(log.writer().end().chain, HeaderAt(log, third).checksum);
}

TEST(LogWriter, AGroupThatDoesNotFitBeforeTheRingsEndGoesToItsBeginning) {
  TestLog log({.units = 16, .origin = 512 * 40});
  for (int i = 0; i < 7; ++i) log.Append({600});  // two units each: two are left
  EXPECT_EQ(log.writer().end().lsn, Lsn{512 * 54});
  EXPECT_EQ(log.Append({1200}), Lsn{512 * 56});  // three units
  EXPECT_EQ(log.ring().OffsetOf(Lsn{512 * 56}), 0u);
  EXPECT_EQ(log.writer().end().lsn, Lsn{512 * 59});
}

TEST(LogWriter, PaddingIsZeroAlsoWhereTheBufferHeldSomethingElse) {
  TestLog log({});
  base::ByteBuffer redo = MakeRedo(std::string(400, 'x'));
  redo.Truncate(kRedoGap + 10);
  base::ByteBuffer* one[] = {&redo};
  ASSERT_TRUE(log.writer().Append(one, TxnId{1}));
  const auto bytes = log.RingBytes(0, 512);
  EXPECT_TRUE(
      std::all_of(bytes.begin() + kRedoGap + 10, bytes.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(LogWriter, SealingTakesTheSpanOfAGroupOfOne) {
  for (const size_t bytes : {0, 1, 415, 416, 417, 928, 929, 5000}) {
    base::ByteBuffer redo = MakeRedo(std::string(bytes, 'x'));
    const auto span = LogWriter::ReserveSealing(redo, 512);
    ASSERT_TRUE(span);
    EXPECT_EQ(*span, (kRedoGap + bytes + 511) / 512 * 512);
    EXPECT_EQ(redo.size(), kRedoGap + bytes);
  }
}

TEST(LogWriter, AGroupNeverTakesMoreThanItsTransactionsAlone) {
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    const uint64_t unit = uint64_t{512} << random.Below(6);
    uint64_t together = 0;
    uint64_t alone = 0;
    for (uint64_t n = 1 + random.Below(20); n > 0; --n) {
      const uint64_t record = sizeof(format::LogRecordDisk) + random.Below(3000);
      together += record;
      alone += format::LogGroupSpan(record, static_cast<uint32_t>(unit));
    }
    ASSERT_LE(format::LogGroupSpan(together, static_cast<uint32_t>(unit)), alone);
  }
}

TEST(LogWriter, AFailedWritePoisonsAndNothingIsWrittenOrSyncedAfter) {
  Trace trace;
  TestLog log({}, MakeTracedStorage(MakeMemoryStorage(), trace));
  log.Append({10});
  log.Sync();
  trace.fails = [](const std::string& line) { return line.starts_with("write"); };
  base::ByteBuffer redo = MakeRedo("put");
  base::ByteBuffer* one[] = {&redo};
  const auto failed = log.writer().Append(one, TxnId{2});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kIo);
  EXPECT_TRUE(log.poison().set());
  trace.fails = nullptr;
  trace.lines.clear();
  const auto append = log.writer().Append(one, TxnId{2});
  ASSERT_FALSE(append);
  EXPECT_EQ(append.error().code(), Errc::kPoisoned);
  const auto sync = log.writer().Sync();
  ASSERT_FALSE(sync);
  EXPECT_EQ(sync.error().code(), Errc::kPoisoned);
  EXPECT_TRUE(trace.lines.empty());
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{512});
  EXPECT_EQ(log.writer().groups(), 1u);
}

TEST(LogWriter, AFailedSyncPoisonsAndIsNeverTriedAgain) {
  Trace trace;
  TestLog log({}, MakeTracedStorage(MakeMemoryStorage(), trace));
  log.Append({10});
  trace.fails = [](const std::string& line) { return line.starts_with("sync"); };
  const auto failed = log.writer().Sync();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::kIo);
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{0});
  EXPECT_EQ(log.writer().syncs(), 0u);
  trace.fails = nullptr;
  trace.lines.clear();
  const auto again = log.writer().Sync();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::kPoisoned);
  EXPECT_TRUE(trace.lines.empty());
  EXPECT_EQ(log.writer().durable_lsn(), Lsn{0});
}

TEST(LogWriter, PoisonFromElsewhereStopsItToo) {
  TestLog log({});
  log.poison().Set(Error(Errc::kIo, "test.elsewhere"));
  base::ByteBuffer redo = MakeRedo("put");
  base::ByteBuffer* one[] = {&redo};
  EXPECT_EQ(log.writer().Append(one, TxnId{1}).error().code(), Errc::kPoisoned);
  EXPECT_EQ(log.writer().Sync().error().code(), Errc::kPoisoned);
}

TEST(LogWriter, TheRingGrowsAndGroupsFollowTheNewGeometry) {
  TestLog log({.units = 16});
  for (int i = 0; i < 5; ++i) log.Append({600});
  log.Sync();
  log.Checkpoint();
  const LogRing grown = {.capacity = 64 * 512, .origin = log.writer().end().lsn, .write_unit = 512};
  log.writer().SetRing(grown);
  EXPECT_EQ(log.writer().ring().capacity, grown.capacity);
  base::ByteBuffer redo = MakeRedo(std::string(5000, 'x'));  // more than a quarter of the old ring
  base::ByteBuffer* one[] = {&redo};
  const auto end = log.writer().Append(one, TxnId{log.next_txn()});
  ASSERT_TRUE(end);
  format::LogGroup header;
  ASSERT_TRUE(format::DecodeLogGroupHeader(log.RingBytes(0, 512), header));
  EXPECT_EQ(header.lsn, grown.origin);
}

TEST(LogWriterDeathTest, AGroupLargerThanAQuarterOfTheRingIsAFault) {
  TestLog log({.units = 16});
  base::ByteBuffer redo = MakeRedo(std::string(4 * 512 - kRedoGap + 1, 'x'));
  base::ByteBuffer* one[] = {&redo};
  EXPECT_DEATH(static_cast<void>(log.writer().Append(one, TxnId{1})), "group_bytes_max");
}

}  // namespace
}  // namespace manifolddb::wal
