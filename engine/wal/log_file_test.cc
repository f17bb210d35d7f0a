#include "engine/wal/log_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/base/memory.h"
#include "engine/wal/log_fixture.h"

namespace manifolddb::wal {
namespace {

using Lines = std::vector<std::string>;

constexpr uint32_t kUnit = 4096;
constexpr uint64_t kCapacity = 8 * kUnit;
const format::LogHeader kHeader = {.write_unit = kUnit, .identity = TestIdentity(1)};
const format::LogHeader kOther = {.write_unit = kUnit, .identity = TestIdentity(2)};

std::vector<std::byte> Contents(Storage& storage, const std::string& name) {
  auto file = storage.Open(name, OpenMode::kReadOnly);
  EXPECT_TRUE(file);
  const uint64_t size = (*file)->Size().value();
  if (size == 0) return {};
  auto buffer = base::Buffer::Make(size, "test");
  EXPECT_TRUE((*file)->Read(0, buffer->span()));
  return {buffer->data(), buffer->data() + size};
}

void SetContents(Storage& storage, const std::string& name, ByteView bytes) {
  auto file = storage.Open(name, OpenMode::kCreate);
  ASSERT_TRUE(file);
  if (bytes.empty()) return;
  auto buffer = base::Buffer::Make(bytes.size(), "test");
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  ASSERT_TRUE((*file)->Write(0, buffer->view()));
}

// Says whether a creation replaces a log with these contents; if not, it must be left as it is.
bool Replaced(const std::vector<std::byte>& contents) {
  auto storage = MakeMemoryStorage();
  SetContents(*storage, "n-wal", contents);
  const Status created = CreateLog(*storage, "n-wal", kOther, kCapacity);
  const auto now = Contents(*storage, "n-wal");
  if (created) {
    const auto decoded = format::DecodeLogHeader(now);
    EXPECT_EQ(decoded.verdict, format::MetaVerdict::kValid);
    EXPECT_EQ(decoded.header.identity, kOther.identity);
    return true;
  }
  EXPECT_EQ(created.error().code(), Errc::kCorrupt);
  EXPECT_EQ(created.error().file(), "n-wal");
  EXPECT_EQ(now, contents);
  EXPECT_FALSE(storage->Exists("n-wal-new").value());
  return false;
}

std::vector<std::byte> NewLog(bool opened) {
  auto storage = MakeMemoryStorage();
  EXPECT_TRUE(CreateLog(*storage, "n-wal", kHeader, kCapacity));
  if (opened) {
    auto log = OpenLog(*storage, "n-wal", OpenMode::kReadWrite, kHeader, kCapacity);
    EXPECT_TRUE(log && MarkOpened(**log, kHeader, format::Life{3}));
  }
  return Contents(*storage, "n-wal");
}

Result<std::unique_ptr<File>> OpenOver(Storage& storage, const std::vector<std::byte>& contents,
                                       const format::LogHeader& expected = kHeader) {
  SetContents(storage, "n-wal", contents);
  return OpenLog(storage, "n-wal", OpenMode::kReadOnly, expected, kCapacity);
}

TEST(CreateLog, MakesTheFileWholeAndDurableBeforeItHasItsName) {
  Trace trace;
  auto storage = MakeTracedStorage(MakeMemoryStorage(), trace);
  ASSERT_TRUE(CreateLog(*storage, "n-wal", kHeader, (uint64_t{2} << 20) + kUnit));
  EXPECT_EQ(trace.lines, (Lines{"create n-wal-new", "allocate 2109440 n-wal-new", "write @0+4096 n-wal-new",
                                "write @4096+1048576 n-wal-new", "write @1052672+1048576 n-wal-new",
                                "write @2101248+8192 n-wal-new", "sync n-wal-new", "rename n-wal-new n-wal",
                                "sync directory"}));
  const auto bytes = Contents(*storage, "n-wal");
  ASSERT_EQ(bytes.size(), (uint64_t{2} << 20) + 3 * kUnit);
  for (size_t i = sizeof(format::LogHeaderDisk); i < bytes.size(); ++i) ASSERT_EQ(bytes[i], std::byte{0});
}

TEST(CreateLog, AFailureAtAnyStepLeavesNoLogThatIsNotWhole) {
  Trace count;
  ASSERT_TRUE(CreateLog(*MakeTracedStorage(MakeMemoryStorage(), count), "n-wal", kHeader, kCapacity));
  const size_t steps = count.lines.size();
  ASSERT_EQ(steps, 7u);
  for (size_t failing = 1; failing <= steps; ++failing) {
    Trace trace;
    trace.fails = [&](const std::string&) { return trace.lines.size() == failing; };
    auto memory = MakeMemoryStorage();
    auto storage = MakeTracedStorage(memory, trace);
    const Status created = CreateLog(*storage, "n-wal", kHeader, kCapacity);
    ASSERT_FALSE(created) << failing;
    EXPECT_EQ(created.error().code(), Errc::kIo);
    EXPECT_EQ(memory->Exists("n-wal").value(), failing == steps) << failing;  // the directory's sync is last
    // And the next attempt works, whatever was left behind.
    EXPECT_TRUE(CreateLog(*memory, "n-wal", kHeader, kCapacity)) << failing;
    EXPECT_TRUE(OpenLog(*memory, "n-wal", OpenMode::kReadWrite, kHeader, kCapacity)) << failing;
  }
}

TEST(CreateLog, AFailedFillGivesTheRoomBack) {
  Trace trace;
  auto memory = MakeMemoryStorage();
  trace.fails = [](const std::string& line) { return line.starts_with("write @4096"); };
  ASSERT_FALSE(CreateLog(*MakeTracedStorage(memory, trace), "n-wal", kHeader, kCapacity));
  EXPECT_FALSE(memory->Exists("n-wal-new").value());
}

TEST(CreateLog, ReplacesALogThatWasNeverOpened) {
  EXPECT_TRUE(Replaced(NewLog(false)));
  EXPECT_TRUE(Replaced({}));
  EXPECT_TRUE(Replaced(std::vector<std::byte>(100000)));
}

TEST(CreateLog, NeverReplacesALogThatMayHaveBeenOpened) {
  EXPECT_FALSE(Replaced(NewLog(true)));
  for (size_t at = 0; at < kUnit; at += 7) {  // a marker torn or rotten in any way
    auto bytes = NewLog(false);
    bytes[kUnit + at] = std::byte{1};
    EXPECT_FALSE(Replaced(bytes)) << at;
  }
  for (const size_t at : {0, 9, 17, 63}) {  // header and marker cannot both be believed
    auto bytes = NewLog(true);
    bytes[at] ^= std::byte{1};
    EXPECT_FALSE(Replaced(bytes)) << at;
  }
}

TEST(CreateLog, NeverReplacesWhatIsNotALogOrOfANewerFormat) {
  const std::string text(300, 'x');
  const ByteView bytes = AsBytes(text);
  EXPECT_FALSE(Replaced({bytes.begin(), bytes.end()}));
  std::vector<std::byte> large(70000, std::byte{'x'});
  EXPECT_FALSE(Replaced(large));
  std::vector<std::byte> note(3000);
  std::memcpy(note.data(), "somebody's own notes", 20);
  EXPECT_FALSE(Replaced(note)) << "whatever the rest of the file is";
  for (const size_t at : {0, 9, 17, 63}) {  // what cannot be read says nothing
    auto rotten = NewLog(false);
    rotten[at] ^= std::byte{1};
    EXPECT_FALSE(Replaced(rotten)) << at;
  }

  auto newer = NewLog(false);
  newer[16] = std::byte{2};  // the version
  const uint64_t checksum = base::Checksum64(ByteView(newer).subspan(16, 48));
  std::memcpy(newer.data() + 8, &checksum, 8);
  ASSERT_EQ(format::DecodeLogHeader(newer).verdict, format::MetaVerdict::kNewerFormat);
  EXPECT_FALSE(Replaced(newer));
}

TEST(OpenLog, OpensWhatWasCreatedAlsoWhenTheFileIsLonger) {
  auto storage = MakeMemoryStorage();
  EXPECT_TRUE(OpenOver(*storage, NewLog(false)));
  auto longer = NewLog(true);
  longer.resize(longer.size() + kUnit);
  EXPECT_TRUE(OpenOver(*storage, longer));
}

TEST(OpenLog, ALogThatIsMissingShortOrDamagedIsCorruption) {
  auto storage = MakeMemoryStorage();
  const auto missing = OpenLog(*storage, "n-wal", OpenMode::kReadWrite, kHeader, kCapacity);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kCorrupt);
  EXPECT_EQ(missing.error().file(), "n-wal");

  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{64}, size_t{kUnit}, size_t{2 * kUnit + kCapacity - 1}}) {
    auto bytes = NewLog(true);
    bytes.resize(size);
    const auto opened = OpenOver(*storage, bytes);
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
  }
  for (size_t at = 0; at < sizeof(format::LogHeaderDisk); ++at) {
    auto bytes = NewLog(true);
    bytes[at] ^= std::byte{0x10};
    const auto opened = OpenOver(*storage, bytes);
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code(), Errc::kCorrupt) << at;
  }
}

TEST(OpenLog, ALogOfAnotherDatabaseUnitOrNewerFormatIsRefused) {
  auto storage = MakeMemoryStorage();
  const auto other = OpenOver(*storage, NewLog(true), kOther);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::kCorrupt);
  EXPECT_NE(other.error().message().find("another database"), std::string::npos);
  const auto unit = OpenOver(*storage, NewLog(true), {.write_unit = 512, .identity = TestIdentity(1)});
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().code(), Errc::kCorrupt);
  auto bytes = NewLog(true);
  bytes[16] = std::byte{9};
  const uint64_t checksum = base::Checksum64(ByteView(bytes).subspan(16, 48));
  std::memcpy(bytes.data() + 8, &checksum, 8);
  const auto newer = OpenOver(*storage, bytes);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), Errc::kNewerFormat);
}

TEST(OpenLog, AnIoErrorIsNotCorruption) {
  Trace trace;
  auto memory = MakeMemoryStorage();
  ASSERT_TRUE(CreateLog(*memory, "n-wal", kHeader, kCapacity));
  trace.fails = [](const std::string& line) { return line.starts_with("read"); };
  const auto opened =
      OpenLog(*MakeTracedStorage(memory, trace), "n-wal", OpenMode::kReadOnly, kHeader, kCapacity);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::kIo);
}

TEST(MarkOpened, WritesAndSyncsTheMarkerAlsoWhenItIsThere) {
  Trace trace;
  auto storage = MakeTracedStorage(MakeMemoryStorage(), trace);
  ASSERT_TRUE(CreateLog(*storage, "n-wal", kHeader, kCapacity));
  for (int opening = 0; opening < 2; ++opening) {
    auto log = OpenLog(*storage, "n-wal", OpenMode::kReadWrite, kHeader, kCapacity);
    ASSERT_TRUE(log);
    trace.lines.clear();
    ASSERT_TRUE(MarkOpened(**log, kHeader, format::Life{3}));
    EXPECT_EQ(trace.lines, (Lines{"write @4096+4096 n-wal", "sync n-wal"}));
  }
  const auto bytes = Contents(*storage, "n-wal");
  EXPECT_EQ(format::DecodeLogMarker(ByteView(bytes).subspan(kUnit, kUnit), kHeader.identity),
            format::Life{3});
}

TEST(CheckMarker, RefusesADataFileThatKnowsOfEarlierLivesOnly) {
  auto storage = MakeMemoryStorage();
  ASSERT_TRUE(CreateLog(*storage, "n-wal", kHeader, kCapacity));
  auto log = OpenLog(*storage, "n-wal", OpenMode::kReadWrite, kHeader, kCapacity);
  ASSERT_TRUE(log);
  EXPECT_TRUE(CheckMarker(**log, kHeader, format::Life{0})) << "never opened";
  ASSERT_TRUE(MarkOpened(**log, kHeader, format::Life{3}));
  EXPECT_TRUE(CheckMarker(**log, kHeader, format::Life{3}));
  EXPECT_TRUE(CheckMarker(**log, kHeader, format::Life{4}))
      << "a life that was cut before it wrote its marker";
  const Status older = CheckMarker(**log, kHeader, format::Life{2});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code(), Errc::kCorrupt);
  EXPECT_EQ(older.error().file(), "n-wal");
  EXPECT_EQ(older.error().offset(), kUnit);
  auto torn = base::Buffer::Make(kUnit, "test");
  ASSERT_TRUE((*log)->Read(kUnit, torn->span()));
  torn->data()[20] ^= std::byte{1};
  ASSERT_TRUE((*log)->Write(kUnit, torn->view().first(kUnit)));
  EXPECT_TRUE(CheckMarker(**log, kHeader, format::Life{2})) << "a marker that is torn says nothing";
}

TEST(CheckMarker, WithoutAMarkerAGroupOfALaterLifeTells) {
  TestLog log({.write_unit = kUnit, .units = 8});
  const format::LogHeader header = {.write_unit = kUnit, .identity = TestIdentity()};
  log.Append({100});
  log.NextLife();
  const format::Lsn second = log.Append({700});
  EXPECT_TRUE(CheckMarker(log.file(), header, format::Life{2}));
  EXPECT_FALSE(CheckMarker(log.file(), header, format::Life{0})) << "a data file that was never opened";
  const Status older = CheckMarker(log.file(), header, format::Life{1});
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code(), Errc::kCorrupt);
  EXPECT_EQ(older.error().offset(), log.ring().FileOffsetOf(second));
  EXPECT_TRUE(CheckMarker(log.file(), {.write_unit = kUnit, .identity = TestIdentity(2)}, format::Life{1}))
      << "another database's groups";
  log.Flip(log.ring().OffsetOf(second) + 200);
  EXPECT_TRUE(CheckMarker(log.file(), header, format::Life{1})) << "a torn group is no proof";
}

TEST(GrowLog, KeepsTheRingInUseAndAddsZerosThatAreSynced) {
  Trace trace;
  TestLog log({.write_unit = kUnit, .units = 8}, MakeTracedStorage(MakeMemoryStorage(), trace));
  log.Append({1000});
  log.Sync();
  trace.lines.clear();
  ASSERT_TRUE(GrowLog(log.file(), kUnit, kCapacity, 4 * kCapacity, NewBytes::kWritten));
  EXPECT_EQ(trace.lines, (Lines{"allocate 139264 test-wal", "write @40960+98304 test-wal", "sync test-wal"}));
  const auto added = log.RingBytes(kCapacity, 3 * kCapacity);
  for (const std::byte byte : added) ASSERT_EQ(byte, std::byte{0});
  const auto read = log.ReadBack();  // still by the old geometry
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.operations, log.Expected(2));
}

TEST(GrowLog, WhatIsReservedReadsAsZerosAndIsSynced) {
  Trace trace;
  TestLog log({.write_unit = kUnit, .units = 8}, MakeTracedStorage(MakeMemoryStorage(), trace));
  trace.lines.clear();
  ASSERT_TRUE(GrowLog(log.file(), kUnit, kCapacity, 4 * kCapacity, NewBytes::kReserved));
  EXPECT_EQ(trace.lines, (Lines{"allocate 139264 test-wal", "sync test-wal"}));
  for (const std::byte byte : log.RingBytes(kCapacity, 3 * kCapacity)) ASSERT_EQ(byte, std::byte{0});
}

TEST(GrowLog, AGrowthThatNoMetaPageStatedIsDoneAgain) {
  TestLog log({.write_unit = kUnit, .units = 8});
  ASSERT_TRUE(GrowLog(log.file(), kUnit, kCapacity, 4 * kCapacity, NewBytes::kWritten));
  ASSERT_TRUE(GrowLog(log.file(), kUnit, kCapacity, 2 * kCapacity, NewBytes::kWritten));
  EXPECT_EQ(log.file().Size().value(), 2 * kUnit + 4 * kCapacity);  // never shrinks
}

}  // namespace
}  // namespace manifolddb::wal
