// What a crash may do to the log is accepted, what only damage can do is reported: the tail rule.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/base/le.h"
#include "engine/base/memory.h"
#include "engine/wal/log_file.h"
#include "engine/wal/log_fixture.h"
#include "engine/wal/log_reader.h"

namespace manifolddb::wal {
namespace {

using format::Lsn;
using format::TxnId;

constexpr uint64_t kSector = 512;

void ExpectEnd(TestLog& log, uint64_t next_txn, const std::string& what) {
  const auto read = log.ReadBack();
  ASSERT_TRUE(read.result) << what << ": " << read.result.error().ToString();
  EXPECT_EQ(read.result->next_txn, TxnId{next_txn}) << what;
  EXPECT_EQ(read.operations, log.Expected(next_txn)) << what;
}

void ExpectCorrupt(TestLog& log, uint64_t ring_offset, const std::string& message,
                   const std::string& what = "") {
  const auto read = log.ReadBack();
  ASSERT_FALSE(read.result) << what;
  const Error& error = read.result.error();
  EXPECT_EQ(error.code(), Errc::kCorrupt) << what;
  EXPECT_EQ(error.file(), "test-wal");
  EXPECT_EQ(error.offset(), format::LogRingOffset(log.ring().write_unit) + ring_offset) << what;
  EXPECT_NE(error.message().find(message), std::string::npos) << what << ": " << error.message();
}

// The sectors of a range before and after a write; any of them may be found in either version.
struct Sectors {
  uint64_t offset;
  std::vector<std::byte> before;
  std::vector<std::byte> after;
  size_t count() const { return before.size() / kSector; }
  void Put(TestLog& log, uint64_t written) const {  // bit i: sector i was
    std::vector<std::byte> mixed = before;
    for (size_t i = 0; i < count(); ++i) {
      if ((written >> i & 1) != 0) std::memcpy(&mixed[i * kSector], &after[i * kSector], kSector);
    }
    log.SetRingBytes(offset, mixed);
  }
};

// Appends a group and keeps what was there before it.
Sectors AppendOver(TestLog& log, size_t operation_bytes) {
  const std::vector<std::byte> ring = log.RingBytes(0, log.ring().capacity);
  const Lsn lsn = log.Append({operation_bytes});
  const uint64_t offset = log.ring().OffsetOf(lsn);
  const uint64_t span = format::Distance(lsn, log.writer().end().lsn);
  const auto at = ring.begin() + static_cast<ptrdiff_t>(offset);
  return {.offset = offset,
          .before = {at, at + static_cast<ptrdiff_t>(span)},
          .after = log.RingBytes(offset, span)};
}

// Units of 512 to 4096 bytes on sectors of 512; over zeros, and over an earlier lap.
struct Ground {
  uint32_t write_unit;
  bool used;
};
constexpr Ground kGrounds[] = {{512, false}, {512, true}, {4096, false}, {4096, true}};

TestLog LogOn(Ground ground) {
  TestLog log({.write_unit = ground.write_unit, .units = 24});
  for (int i = 0; ground.used && i < 21; ++i) {
    log.Append({ground.write_unit * 3 / 2});
    log.Checkpoint();
  }
  log.Append({30});
  log.Append({30});
  log.Sync();
  return log;
}

TEST(TornTail, EveryMixtureOfTheLastGroupsSectorsIsAccepted) {
  for (const Ground ground : kGrounds) {
    TestLog log = LogOn(ground);
    const uint64_t before = log.next_txn();
    const Sectors last = AppendOver(log, 2000);
    int whole = 0;
    for (uint64_t written = 0; written < uint64_t{1} << last.count(); ++written) {
      last.Put(log, written);
      const auto read = log.ReadBack();
      ASSERT_TRUE(read.result) << read.result.error().ToString();
      const uint64_t next = read.result->next_txn.raw();
      ASSERT_TRUE(next == before || next == before + 1);
      ASSERT_EQ(read.operations, log.Expected(next));
      whole += next == before + 1 ? 1 : 0;
    }
    // Whole with all sectors that hold records; those with padding alone may be missing.
    const size_t needed = (kRedoGap + 2000 + kSector - 1) / kSector;
    EXPECT_EQ(whole, 1 << (last.count() - needed));
  }
}

TEST(TornTail, EveryPrefixAndSuffixOfTheLastGroupWithGarbageInTheTornSectorIsAccepted) {
  for (const Ground ground : kGrounds) {
    TestLog log = LogOn(ground);
    const uint64_t before = log.next_txn();
    const Sectors last = AppendOver(log, 2000);
    Random random(7);
    for (size_t torn = 0; torn < last.count(); ++torn) {
      for (const bool prefix : {false, true}) {
        const uint64_t low = (uint64_t{1} << torn) - 1;
        last.Put(log, prefix ? low : ~low << 1);
        std::vector<std::byte> garbage(kSector);
        for (std::byte& byte : garbage) byte = static_cast<std::byte>(random.Next());
        log.SetRingBytes(last.offset + torn * kSector, garbage);
        const auto read = log.ReadBack();
        ASSERT_TRUE(read.result) << read.result.error().ToString();
        const uint64_t next = read.result->next_txn.raw();
        ASSERT_TRUE(next == before || (next == before + 1 && torn * kSector >= kRedoGap + 2000));
        ASSERT_EQ(read.operations, log.Expected(next));
      }
    }
  }
}

// Three groups on their way at once, sector by sector: always a prefix, never an error.
TEST(TornTail, UnsyncedGroupsMayReachTheDiskInAnyOrderAndInParts) {
  for (const size_t bytes : {300, 900}) {  // one sector each, two sectors each
    TestLog log = LogOn({512, true});
    const uint64_t before = log.next_txn();
    std::vector<Sectors> groups;
    for (int i = 0; i < 3; ++i) groups.push_back(AppendOver(log, bytes));
    const size_t sectors = groups[0].count();
    const uint64_t all = (uint64_t{1} << sectors) - 1;
    for (uint64_t written = 0; written < uint64_t{1} << (3 * sectors); ++written) {
      uint64_t expected = before;
      for (size_t i = 0; i < 3; ++i) {
        const uint64_t part = written >> (i * sectors) & all;
        groups[i].Put(log, part);
        if (expected == before + i && part == all) ++expected;
      }
      ASSERT_NO_FATAL_FAILURE(ExpectEnd(log, expected, std::to_string(written)));
    }
  }
}

TEST(TornTail, AWrappedTailMayBeTornToo) {
  TestLog log({.units = 16});
  for (int i = 0; i < 6; ++i) log.Append({600});
  log.Checkpoint();
  log.Sync();
  const uint64_t before = log.next_txn();
  const Sectors at_end = AppendOver(log, 600);         // units 12, 13
  const Sectors at_beginning = AppendOver(log, 1300);  // three units: wraps
  EXPECT_EQ(at_beginning.offset, 0u);
  for (uint64_t written = 0; written < 32; ++written) {
    at_end.Put(log, written & 3);
    at_beginning.Put(log, written >> 2);
    const uint64_t expected = (written & 3) != 3 ? before : (written >> 2) != 7 ? before + 1 : before + 2;
    ASSERT_NO_FATAL_FAILURE(ExpectEnd(log, expected, std::to_string(written)));
  }
}

// The group before the wrap is lost, and the one at the ring's beginning would have fitted behind either.
TEST(TornTail, AGroupAtTheBeginningDoesNotJoinAcrossOneThatWasLostBeforeIt) {
  TestLog log({.units = 16});
  for (int i = 0; i < 6; ++i) log.Append({600});
  log.Append({10});
  log.Checkpoint();  // at unit 13
  log.Sync();
  const uint64_t before = log.next_txn();
  const Sectors lost = AppendOver(log, 10);            // unit 13
  const Sectors at_beginning = AppendOver(log, 1900);  // four units
  EXPECT_EQ(at_beginning.offset, 0u);
  lost.Put(log, 0);
  ExpectEnd(log, before, "lost");
}

TEST(TailRule, AnyDamageToAGroupThatALaterOneStatesDurableIsReported) {
  for (const Ground ground : kGrounds) {
    TestLog log = LogOn(ground);
    const Lsn damaged = log.Append({700});
    const size_t used = kRedoGap + 700;
    log.Sync();
    log.Append({10});
    const uint64_t offset = log.ring().OffsetOf(damaged);
    for (size_t at = 0; at < used; ++at) {
      log.Flip(offset + at);
      ASSERT_NO_FATAL_FAILURE(ExpectCorrupt(log, offset, "durable", std::to_string(at)));
      log.Flip(offset + at);
    }
    ExpectEnd(log, log.next_txn(), "repaired");
  }
}

TEST(TailRule, TheProofMayLieBehindFurtherDamageAndBehindTheWrap) {
  TestLog log({.units = 16});
  for (int i = 0; i < 6; ++i) log.Append({600});
  log.Checkpoint();
  log.Sync();
  const Lsn first = log.Append({100});
  log.Sync();
  const Lsn second = log.Append({100});
  const Lsn third = log.Append({1300});
  EXPECT_EQ(log.ring().OffsetOf(third), 0u);
  log.Flip(log.ring().OffsetOf(first) + 95);
  log.Flip(log.ring().OffsetOf(second) + 95);
  ExpectCorrupt(log, log.ring().OffsetOf(first), "everything below");
  // With the third damaged as well nothing is left that states anything: a crash could look like this.
  log.Flip(log.ring().OffsetOf(third) + 95);
  ExpectEnd(log, log.scan().first_txn.raw(), "no proof left");
}

TEST(TailRule, AGroupLostBehindAWastedEndIsReported) {
  TestLog log({.units = 16});
  for (int i = 0; i < 7; ++i) log.Append({600});
  log.Checkpoint();
  const uint64_t end = log.ring().OffsetOf(log.writer().end().lsn);
  const Lsn at_beginning = log.Append({1300});
  log.Sync();
  log.Append({10});
  log.Flip(log.ring().OffsetOf(at_beginning) + 1000);
  ExpectCorrupt(log, end, "no valid group");
}

TEST(TailRule, TheLastGroupIsNotDecidableAndALaterOneThatStatesLessIsNoProof) {
  TestLog log({});
  log.Append({10});
  log.Sync();
  const Lsn last = log.Append({10});
  log.Sync();  // acknowledged, but nothing on the disk says so
  log.Flip(log.ring().OffsetOf(last) + 95);
  ExpectEnd(log, log.next_txn() - 1, "excepted from G7");
  log.Flip(log.ring().OffsetOf(last) + 95);
  log.Append({10});  // states it
  log.Flip(log.ring().OffsetOf(last) + 95);
  ExpectCorrupt(log, log.ring().OffsetOf(last), "no valid group");
}

TEST(TailRule, AnEarlierLifesStatementsAboutItsOwnLogProveNothing) {
  TestLog log({});
  log.Append({10});
  // Of life 1, at a position this life has not reached, and durable up to there in that life.
  format::LogGroup old = log.NextHeader();
  old.lsn = Lsn{8 * 512};
  old.durable_lsn = Lsn{8 * 512};
  log.NextLife();
  log.PutGroup(old, {"old"});
  ExpectEnd(log, log.next_txn(), "another life");
}

TEST(MetaRule, AGroupOfAnyLifeThatNamesANewerMetaPageIsReported) {
  for (const uint64_t life : {1, 2, 3}) {
    TestLog log({});
    log.Append({10});
    log.NextLife();
    log.Append({10});
    format::LogGroup group = log.NextHeader();
    group.life = format::Life{life};
    group.lsn = Lsn{9 * 512};
    group.durable_meta = log.scan().meta.next();
    log.PutGroup(group, {"of a checkpoint that is gone"});
    ExpectCorrupt(log, log.ring().OffsetOf(log.writer().end().lsn), "meta page 6 is the newest",
                  std::to_string(life));
    log.Flip(9 * 512 + 20);  // torn: no proof
    ExpectEnd(log, log.next_txn(), "torn");
  }
}

TEST(MetaRule, AlsoWhereTheGroupContinuesTheLogAndWhereItLiesBehindTheRing) {
  TestLog log({});
  format::LogGroup group = log.NextHeader();
  group.durable_meta = log.scan().meta.next();
  log.PutGroup(group, {"next"});
  ExpectCorrupt(log, 0, "newest one found");

  TestLog grown({.units = 16});
  ASSERT_TRUE(GrowLog(grown.file(), 512, 16 * 512, 64 * 512, NewBytes::kWritten));
  group = grown.NextHeader();
  group.durable_meta = grown.scan().meta.next();
  std::vector<std::byte> bytes(512);
  group.records = 1;
  group.bytes = sizeof(format::LogRecordDisk);
  format::SealLogGroup(group, bytes);
  grown.SetRingBytes(40 * 512, bytes);
  ExpectCorrupt(grown, 0, "lies at byte 21504");
}

TEST(Contradiction, AnIntactGroupInPlaceThatDoesNotContinueTheLogIsReported) {
  TestLog log({});
  const Lsn last = log.Append({10});
  const uint64_t offset = log.ring().OffsetOf(last) + 512;
  const auto corrupt = [&](auto change, const std::string& message) {
    format::LogGroup header = log.NextHeader();
    change(header);
    log.PutGroup(header, {"record"});
    ExpectCorrupt(log, offset, message);
  };
  corrupt([](format::LogGroup& h) { h.chain += 1; }, "does not continue the log");
  corrupt([](format::LogGroup& h) { h.first_txn = h.first_txn.next(); }, "commit 2 comes next");
  corrupt([](format::LogGroup& h) { h.first_txn = TxnId{1}; }, "commit 2 comes next");
}

// Seals what the writer never would.
void PutForged(TestLog& log, const std::vector<std::byte>& records, uint32_t count, Lsn durable) {
  format::LogGroup header = log.NextHeader();
  header.records = count;
  header.bytes = records.size();
  std::vector<std::byte> group(format::LogGroupSpan(records.size(), 512));
  std::memcpy(group.data() + sizeof(format::LogGroupDisk), records.data(), records.size());
  format::SealLogGroup(header, group);
  base::StoreLe(group.data() + offsetof(format::LogGroupDisk, durable_lsn), durable.raw());
  const uint64_t checksum =
      base::Checksum64(ByteView(group).subspan(8, sizeof(format::LogGroupDisk) - 8 + records.size()));
  base::StoreLe(group.data(), checksum);
  log.SetRingBytes(log.ring().OffsetOf(header.lsn), group);
}

TEST(Contradiction, RecordsThatDoNotFillTheirGroupExactlyAreReported) {
  std::vector<std::byte> records(24);
  records[0] = std::byte{4};  // 8 + 4, then 8 + 4
  records[12] = std::byte{4};
  TestLog good({});
  PutForged(good, records, 2, Lsn{0});
  EXPECT_TRUE(good.ReadBack().result);
  TestLog log({});
  PutForged(log, records, 1, Lsn{0});
  ExpectCorrupt(log, 0, "bytes behind its last record");
  PutForged(log, records, 3, Lsn{0});
  ExpectCorrupt(log, 0, "record 2 of the group ends outside");
  records[12] = std::byte{5};
  PutForged(log, records, 2, Lsn{0});
  ExpectCorrupt(log, 0, "record 1 of the group ends outside");
  records[12] = std::byte{4};
  records[4] = std::byte{1};
  PutForged(log, records, 2, Lsn{0});
  ExpectCorrupt(log, 0, "record 0 of the group ends outside");
  records[4] = std::byte{0};
  PutForged(log, records, 2, Lsn{512});
  ExpectCorrupt(log, 0, "behind itself");
}

// Any bytes: a result or kCorrupt, and nothing applied that was not in an intact group.
TEST(AnyBytes, ARingOfGarbageGivesAResultOrCorruption) {
  Random random(11);
  for (int round = 0; round < 300; ++round) {
    TestLog log({.units = 8 + random.Below(20)});
    std::vector<std::byte> ring = log.RingBytes(0, log.ring().capacity);
    for (std::byte& byte : ring) byte = static_cast<std::byte>(random.Next());
    // Headers that get past the first looks, with lengths of all sizes.
    for (uint64_t at = 0; at < ring.size(); at += 512) {
      if (random.OneIn(3)) continue;
      format::LogGroup header = log.NextHeader();
      header.records = 1;
      header.lsn = Lsn{at};
      header.durable_lsn = Lsn{random.Below(at + 1)};
      header.bytes = sizeof(format::LogRecordDisk);
      std::vector<std::byte> group(512);
      format::SealLogGroup(header, group);
      std::memcpy(&ring[at], group.data(), sizeof(format::LogGroupDisk));
      if (random.OneIn(2)) {
        base::StoreLe(&ring[at + offsetof(format::LogGroupDisk, bytes)], random.Next() >> random.Below(64));
        base::StoreLe(&ring[at + offsetof(format::LogGroupDisk, durable_lsn)],
                      random.Next() >> random.Below(64));
      }
    }
    log.SetRingBytes(0, ring);
    const auto read = log.ReadBack();
    if (!read.result) {
      ASSERT_EQ(read.result.error().code(), Errc::kCorrupt);
    } else {
      ASSERT_TRUE(read.operations.empty());
    }
  }
}

// One random change to a log whose groups all state the one before: nothing but the last group can be lost
// unseen.
TEST(AnyBytes, OneChangedByteLosesAtMostTheLastGroup) {
  Random random(12);
  int corrupt = 0;
  for (int round = 0; round < 100; ++round) {
    TestLog log({.units = 16 + random.Below(16)});
    while (log.ring().usable_bytes() - format::Distance(log.scan().start.lsn, log.writer().end().lsn) >=
           2048) {
      log.Append({random.Below(1400)});
      log.Sync();
    }
    for (int change = 0; change < 20; ++change) {
      const uint64_t at = random.Below(log.ring().capacity);
      const auto flip = static_cast<uint8_t>(1 + random.Below(255));
      log.Flip(at, flip);
      const auto read = log.ReadBack();
      if (read.result) {
        ASSERT_GE(read.result->next_txn.raw() + 1, log.next_txn());
        ASSERT_EQ(read.operations, log.Expected(read.result->next_txn.raw()));
      } else {
        ASSERT_EQ(read.result.error().code(), Errc::kCorrupt);
        ++corrupt;
      }
      log.Flip(at, flip);
    }
  }
  EXPECT_GT(corrupt, 200);
}

// ---- Reading in spite of it ------------------------------------------------------------------------------

LogPrefix ReadPrefix(TestLog& log, std::map<uint64_t, std::string>* operations = nullptr) {
  const auto prefix = ReadLogPrefix(log.file(), log.scan(), [&](const LogTransaction& transaction) -> Status {
    if (operations != nullptr) (*operations)[transaction.txn.raw()] = AsText(transaction.operations);
    return {};
  });
  EXPECT_TRUE(prefix);
  return *prefix;
}

TEST(LogPrefix, IsWhatIsIntactInFrontOfTheDamage) {
  TestLog log({.units = 32});
  for (int i = 0; i < 5; ++i) {
    log.Append({100});
    log.Sync();
  }
  EXPECT_FALSE(ReadPrefix(log).damage);
  log.Flip(2 * kSector + 120);
  std::map<uint64_t, std::string> operations;
  const LogPrefix prefix = ReadPrefix(log, &operations);
  ASSERT_TRUE(prefix.damage);
  EXPECT_EQ(prefix.damage->offset(), format::LogRingOffset(kSector) + 2 * kSector);
  EXPECT_EQ(prefix.read.next_txn, TxnId{3});
  EXPECT_EQ(operations, log.Expected(3));
}

TEST(LogPrefix, EndsWhereItIsToldTo) {
  TestLog log({.units = 32});
  log.Append({100});
  const Lsn third = format::Advance(log.Append({100}), kSector);
  log.Append({100});
  log.scan().until = third;
  const LogPrefix prefix = ReadPrefix(log);
  EXPECT_FALSE(prefix.damage);
  EXPECT_EQ(prefix.read.end.lsn, third);
  EXPECT_EQ(prefix.read.next_txn, TxnId{3});
}

TEST(LogPrefix, OfALogThatWasCutIsWhatIsLeft) {
  TestLog log({.units = 32});
  for (int i = 0; i < 4; ++i) log.Append({100});
  const std::vector<std::byte> ring = log.RingBytes(0, 32 * kSector);
  for (const uint64_t bytes : {uint64_t{0}, kSector, 2 * kSector, 4 * kSector, 5 * kSector + 7}) {
    const auto storage = MakeMemoryStorage();
    auto cut = std::move(*storage->Open("cut", OpenMode::kCreate));
    auto buffer = std::move(*base::Buffer::Make(bytes + 1, "test"));
    const uint64_t front = std::min(bytes, format::LogRingOffset(kSector));
    std::memset(buffer.data(), 0, buffer.size());
    std::memcpy(buffer.data() + front, ring.data(), bytes - front);
    if (bytes > 0) {
      ASSERT_TRUE(cut->Write(0, buffer.view().first(bytes)));
    }
    const auto prefix = ReadLogPrefix(*cut, log.scan(), [](const LogTransaction&) { return Status(); });
    ASSERT_TRUE(prefix);
    EXPECT_TRUE(prefix->damage);
    EXPECT_EQ(prefix->read.records, (bytes - front) / kSector) << bytes;
  }
}

}  // namespace
}  // namespace manifolddb::wal
