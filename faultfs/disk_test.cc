// The disk as a storage, its processes, and its faults. What the disk may look like after a crash:
// litmus_test.cc.

#include "faultfs/disk.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cerrno>
#include <set>
#include <thread>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/random.h"
#include "faultfs/test_program.h"

namespace manifolddb::faultfs {
namespace {

constexpr Traits kSmall{.atomic_unit = 512};

using Lines = std::vector<std::string>;

std::unique_ptr<File> Open(Storage& storage, const std::string& name, OpenMode mode = OpenMode::kReadWrite) {
  auto file = storage.Open(name, mode);
  EXPECT_TRUE(file) << file.error().ToString();
  return file ? std::move(*file) : nullptr;
}

Status Put(File& file, uint64_t offset, const std::string& text) {
  const AlignedBytes bytes{std::string_view(text)};
  return file.Write(offset, bytes.view());
}

std::string Get(File& file, uint64_t offset, size_t size) {
  AlignedBytes bytes(size);
  const Status read = file.Read(offset, bytes.span());
  EXPECT_TRUE(read) << read.error().ToString();
  return std::string(AsText(bytes.view()));
}

template <class T>
Errc CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Errc{} : result.error().code();
}

// ---- A storage like any other.

TEST(DiskStorage, WhatWasWrittenIsReadBackAcrossPartsSectorsAndOpenings) {
  Disk disk(kSmall);
  const AlignedBytes a{std::string_view("aaaaaaa")};
  const AlignedBytes b{std::string_view(std::string(1000, 'b'))};
  const AlignedBytes c{std::string_view("c")};
  ASSERT_TRUE(Open(disk, "f", OpenMode::kCreate)->Write(700, std::array{a.view(), b.view(), c.view()}));
  auto file = Open(disk, "f", OpenMode::kReadOnly);
  EXPECT_EQ(*file->Size(), 1708u);
  EXPECT_EQ(Get(*file, 0, 1708),
            std::string(700, '\0') + std::string(7, 'a') + std::string(1000, 'b') + std::string(1, 'c'));
  AlignedBytes out(10);
  const Status read = file->Read(1700, out.span());
  EXPECT_EQ(CodeOf(read), Errc::kTruncated);
  EXPECT_EQ(read.error().file(), "f");
  EXPECT_EQ(read.error().offset(), 1700u);
  EXPECT_EQ(CodeOf(Put(*file, 0, "x")), Errc::kReadOnly);
  EXPECT_EQ(CodeOf(file->Allocate(5000)), Errc::kReadOnly);
}

TEST(DiskStorage, NamesBehaveAsInADirectory) {
  Disk disk(kSmall);
  EXPECT_EQ(CodeOf(disk.Open("f", OpenMode::kReadOnly)), Errc::kNotFound);
  EXPECT_EQ(CodeOf(disk.Remove("f")), Errc::kNotFound);
  EXPECT_EQ(CodeOf(disk.Rename("f", "g")), Errc::kNotFound);
  auto old = Open(disk, "f", OpenMode::kCreate);
  ASSERT_TRUE(Put(*old, 0, "old"));
  EXPECT_EQ(CodeOf(disk.Open("f", OpenMode::kCreate)), Errc::kLocked);
  old.reset();
  auto made = Open(disk, "f", OpenMode::kCreate);
  EXPECT_EQ(*made->Size(), 0u);
  ASSERT_TRUE(disk.Rename("f", "g"));
  EXPECT_FALSE(*disk.Exists("f"));
  EXPECT_TRUE(*disk.Exists("g"));
  ASSERT_TRUE(disk.Rename("g", "g"));
  ASSERT_TRUE(disk.Remove("g"));
  EXPECT_FALSE(*disk.Exists("g"));
  EXPECT_TRUE(made->Allocate(4096));
  EXPECT_EQ(*made->Size(), 4096u);
}

TEST(DiskStorage, LocksStandBetweenOpenings) {
  Disk disk(kSmall);
  auto a = Open(disk, "f", OpenMode::kCreate);
  auto b = Open(disk, "f");
  ASSERT_TRUE(a->Lock(LockMode::kExclusive));
  EXPECT_EQ(CodeOf(b->Lock(LockMode::kShared)), Errc::kLocked);
  ASSERT_TRUE(a->Lock(LockMode::kShared));
  ASSERT_TRUE(b->Lock(LockMode::kShared));
  EXPECT_EQ(CodeOf(a->Lock(LockMode::kExclusive)), Errc::kLocked);
  b.reset();
  EXPECT_TRUE(a->Lock(LockMode::kExclusive));
  EXPECT_EQ(CodeOf(Open(disk, "f", OpenMode::kReadOnly)->Lock(LockMode::kExclusive)), Errc::kInvalidArgument);
}

TEST(DiskStorage, IdentitiesDifferAndAreTheSameInEveryRun) {
  Disk a(kSmall, 1);
  Disk b(kSmall, 1);
  Disk other(kSmall, 2);
  const auto first = a.NewIdentity();
  EXPECT_EQ(first, b.NewIdentity());
  EXPECT_NE(first, other.NewIdentity());
  EXPECT_NE(first, a.NewIdentity());
}

// ---- The trace.

TEST(DiskTrace, TellsInOrderWhatWasAskedOfTheDisk) {
  Disk disk(kSmall);
  auto file = Open(disk, "new", OpenMode::kCreate);
  ASSERT_TRUE(file->Allocate(8192));
  ASSERT_TRUE(Put(*file, 1024, std::string(4096, 'x')));
  ASSERT_TRUE(file->Sync());
  const uint64_t mark = disk.effects();
  ASSERT_TRUE(disk.Rename("new", "f"));
  ASSERT_TRUE(disk.SyncDirectory());
  const AlignedBytes bytes{std::string_view(std::string(512, 'y'))};
  ASSERT_TRUE(file->WriteDurable(8192, std::array{bytes.view()}));
  file.reset();  // and its lock
  Open(disk, "f", OpenMode::kCreate);
  ASSERT_TRUE(disk.Remove("f"));
  EXPECT_EQ(disk.Lines(),
            (Lines{"create new", "allocate new 8192", "write new @1024 +4096", "sync new", "rename new f",
                   "syncdir", "write new @8192 +512", "sync new @8192 +512", "create f", "remove f"}));
  EXPECT_EQ(disk.Lines(mark).front(), "rename new f");
  // A durable write is two operations, replacing a file is one.
  EXPECT_EQ(disk.operations(), 10u);
}

TEST(DiskTrace, ACutIsAnEffectThatAKilledProcessLeaves) {
  auto disk = std::make_shared<Disk>(kSmall);
  auto file = Open(*disk, "f", OpenMode::kCreate);
  ASSERT_TRUE(Put(*file, 0, std::string(4096, 'x')));
  ASSERT_TRUE(file->Sync());
  const uint64_t before = disk->effects();
  EXPECT_TRUE(*file->Truncate(1024));
  EXPECT_TRUE(*file->Truncate(2048));
  EXPECT_EQ(disk->Lines(before), (Lines{"truncate f 1024"}));
  const uint32_t fault = disk->Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kAllocate)});
  EXPECT_EQ(CodeOf(file->Truncate(512)), Errc::kIo);
  disk->Disarm(fault);
  EXPECT_EQ(*file->Size(), 1024u);
  Disk killed_before(*disk->trace(), before), killed_behind(*disk->trace(), before + 1);
  EXPECT_EQ(*Open(killed_before, "f", OpenMode::kReadOnly)->Size(), 4096u);
  EXPECT_EQ(*Open(killed_behind, "f", OpenMode::kReadOnly)->Size(), 1024u);
}

TEST(DiskTrace, StaysAsItWasWhenItWasTaken) {
  Disk disk(kSmall);
  auto file = Open(disk, "f", OpenMode::kCreate);
  const auto trace = disk.trace();
  ASSERT_TRUE(Put(*file, 0, "x"));
  EXPECT_EQ(trace->effects.size(), 1u);
  EXPECT_EQ(disk.trace()->effects.size(), 3u);  // the write and the size
}

TEST(DiskTrace, CallsFromManyThreadsAreAllThere) {
  Disk disk(kSmall);
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kWrites = 100;
  Open(disk, "f", OpenMode::kCreate);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&disk, t] {
      auto file = Open(disk, "f");
      for (uint64_t i = 0; i < kWrites; ++i) {
        EXPECT_TRUE(Put(*file, (t * kWrites + i) * 512, std::string(512, static_cast<char>('a' + t))));
        if (i % 10 != 0) continue;
        EXPECT_TRUE(file->Sync());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  auto file = Open(disk, "f");
  std::string expected;
  for (uint64_t t = 0; t < kThreads; ++t) expected += std::string(kWrites * 512, static_cast<char>('a' + t));
  EXPECT_EQ(Get(*file, 0, expected.size()), expected);
  uint64_t writes = 0;
  for (const std::string& line : disk.Lines()) writes += line.starts_with("write") ? 1 : 0;
  EXPECT_EQ(writes, kThreads * kWrites);
}

// ---- Processes.

TEST(DiskProcess, AKilledOneHasNoEffectAnyMoreAndItsLocksAreGone) {
  Disk disk(kSmall);
  auto process = disk.NewProcess();
  auto file = Open(*process, "f", OpenMode::kCreate);
  ASSERT_TRUE(file->Lock(LockMode::kExclusive));
  ASSERT_TRUE(Put(*file, 0, "cached"));
  disk.Kill();
  const uint64_t effects = disk.effects();
  AlignedBytes bytes(6);
  EXPECT_EQ(CodeOf(Put(*file, 0, "x")), Errc::kIo);
  EXPECT_EQ(CodeOf(file->Read(0, bytes.span())), Errc::kIo);
  EXPECT_EQ(CodeOf(file->Sync()), Errc::kIo);
  EXPECT_EQ(CodeOf(file->Allocate(9999)), Errc::kIo);
  EXPECT_EQ(CodeOf(file->Size()), Errc::kIo);
  EXPECT_EQ(CodeOf(process->Open("f", OpenMode::kReadOnly)), Errc::kIo);
  EXPECT_EQ(CodeOf(process->Remove("f")), Errc::kIo);
  EXPECT_EQ(CodeOf(process->SyncDirectory()), Errc::kIo);
  EXPECT_EQ(disk.effects(), effects);

  auto next = disk.NewProcess();
  auto again = Open(*next, "f");
  EXPECT_TRUE(again->Lock(LockMode::kExclusive));
  EXPECT_EQ(Get(*again, 0, 6), "cached");  // the cache survived the process ...
  file.reset();                            // (the dead opening takes nobody's lock with it)
  EXPECT_EQ(CodeOf(Open(disk, "f")->Lock(LockMode::kShared)), Errc::kLocked);
  const CrashPoint point(disk.trace(), disk.effects());
  EXPECT_TRUE(point.Draw({Policy::kNone}).files().empty());  // ... the power cut it will not
}

TEST(DiskProcess, KillAtStrikesAtTheEndOfTheCallThatHasTheEffect) {
  Disk disk(kSmall);
  auto process = disk.NewProcess();
  auto file = Open(*process, "f", OpenMode::kCreate);  // effect 1
  disk.KillAt(4);
  ASSERT_TRUE(Put(*file, 0, "a"));  // 2 and 3: write and size
  EXPECT_FALSE(disk.kill_struck());
  EXPECT_EQ(CodeOf(Put(*file, 1, "b")), Errc::kIo);  // 4 and 5
  EXPECT_TRUE(disk.kill_struck());
  EXPECT_EQ(disk.effects(), 5u);
  EXPECT_EQ(CodeOf(file->Sync()), Errc::kIo);
  EXPECT_EQ(disk.effects(), 5u);
  EXPECT_EQ(Get(*Open(*disk.NewProcess(), "f"), 0, 2), "ab");
}

TEST(DiskProcess, AnyPointOfATraceCanBeGoneOnFromAsAfterAKill) {
  Program p(kSmall);
  p.Durable("f", "op");
  p.Write("f", 0, "a");
  p.Sync("f");
  p.Write("f", 1, "b");
  p.Create("g");
  const auto trace = p.disk().trace();
  for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
    Disk disk(*trace, n);
    const auto resumed = disk.trace();
    const CrashPoint here(resumed, disk.effects());
    const CrashPoint there(trace, disk.effects());
    EXPECT_LE(disk.effects() - n, 1u);  // a write's size comes with it
    EXPECT_EQ(disk.CacheImage(), there.Draw({Policy::kAll}));
    EXPECT_EQ(here.Draw({Policy::kNone}), there.Draw({Policy::kNone}));
    auto file = Open(disk, "h", OpenMode::kCreate);
    ASSERT_TRUE(Put(*file, 0, "more"));
    EXPECT_EQ(disk.trace()->effects.size(), resumed->effects.size() + 3);
  }
}

TEST(DiskProcess, BootingFromAnImageMakesAllOfItDurable) {
  Image image(512);
  image.Put("f", AsBytes("contents"));
  Disk disk(image, kSmall);
  EXPECT_EQ(disk.CacheImage(), image);
  const CrashPoint point(disk.trace(), 0);
  EXPECT_FALSE(point.has_unsynced());
  EXPECT_EQ(point.Draw({Policy::kRandom, 5}), image);
  EXPECT_EQ(*point.images().exact, 1u);
  ASSERT_TRUE(Put(*Open(disk, "f"), 0, "C"));
  EXPECT_EQ(AsText(image.Contents("f")), "contents");
  EXPECT_EQ(AsText(CrashPoint(disk.trace(), 1).Draw({Policy::kAll}).Contents("f")), "Contents");
}

// ---- Faults.

class DiskFaults : public testing::Test {
 protected:
  DiskFaults() : disk_(kSmall), file_(Open(disk_, "f", OpenMode::kCreate)) {
    EXPECT_TRUE(Put(*file_, 0, std::string(2048, 'o')));
    EXPECT_TRUE(file_->Sync());
    EXPECT_TRUE(disk_.SyncDirectory());
  }
  uint64_t Fired(FaultKind kind) const { return disk_.fault_counts().fired[static_cast<size_t>(kind)]; }

  Disk disk_;
  std::unique_ptr<File> file_;
};

TEST_F(DiskFaults, AnIoErrorStrikesTheNthCountedOperationOnce) {
  disk_.Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kWrite), .at = 2});
  EXPECT_TRUE(Put(*file_, 0, "a"));
  EXPECT_EQ(Get(*file_, 0, 1), "a");  // reads are not counted
  const uint64_t effects = disk_.effects();
  const Status failed = Put(*file_, 512, "b");
  EXPECT_EQ(CodeOf(failed), Errc::kIo);
  EXPECT_EQ(failed.error().os_error(), EIO);
  EXPECT_EQ(failed.error().offset(), 512u);
  EXPECT_EQ(failed.error().file(), "f");
  EXPECT_EQ(disk_.effects(), effects);
  EXPECT_TRUE(Put(*file_, 512, "b"));
  EXPECT_EQ(Fired(FaultKind::kIoError), 1u);
}

TEST_F(DiskFaults, EveryOperationCanFail) {
  // Behind a durable write that failed, no sync of the same opening is tried.
  const auto other = *disk_.Open("f", OpenMode::kReadWrite);
  disk_.Arm({.kind = FaultKind::kIoError, .lasting = true});
  AlignedBytes bytes(1);
  EXPECT_EQ(CodeOf(file_->Read(0, bytes.span())), Errc::kIo);
  EXPECT_EQ(CodeOf(Put(*file_, 0, "x")), Errc::kIo);
  EXPECT_EQ(CodeOf(file_->WriteDurable(0, std::array{bytes.view()})), Errc::kIo);
  EXPECT_EQ(CodeOf(other->Sync()), Errc::kIo);
  EXPECT_EQ(CodeOf(file_->Allocate(9999)), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.Open("f", OpenMode::kReadOnly)), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.Open("g", OpenMode::kCreate)), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.Exists("f")), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.Rename("f", "g")), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.Remove("f")), Errc::kIo);
  EXPECT_EQ(CodeOf(disk_.SyncDirectory()), Errc::kIo);
  EXPECT_EQ(Fired(FaultKind::kIoError), 11u);
  disk_.DisarmAll();
  EXPECT_TRUE(*disk_.Exists("f"));
  EXPECT_FALSE(*disk_.Exists("g"));
}

TEST_F(DiskFaults, AFullDiskLastsUntilThereIsRoom) {
  const uint32_t full = disk_.Arm({.kind = FaultKind::kNoSpace, .lasting = true});
  const Status failed = file_->Allocate(1 << 20);
  EXPECT_EQ(CodeOf(failed), Errc::kNoSpace);
  EXPECT_EQ(failed.error().os_error(), ENOSPC);
  EXPECT_EQ(CodeOf(Put(*file_, 0, "x")), Errc::kNoSpace);
  EXPECT_EQ(CodeOf(disk_.Open("g", OpenMode::kCreate)), Errc::kNoSpace);
  EXPECT_TRUE(file_->Sync());
  EXPECT_EQ(Get(*file_, 0, 1), "o");
  disk_.Disarm(full);
  EXPECT_TRUE(file_->Allocate(1 << 20));
  EXPECT_TRUE(Put(*file_, 0, "x"));
}

TEST_F(DiskFaults, AShortReadGivesTheFirstHalfAndAnError) {
  disk_.Arm({.kind = FaultKind::kShortRead});
  AlignedBytes bytes{std::string_view(std::string(1000, '?'))};
  EXPECT_EQ(CodeOf(file_->Read(0, bytes.span())), Errc::kTruncated);
  EXPECT_EQ(AsText(bytes.view()), std::string(500, 'o') + std::string(500, '?'));
  EXPECT_EQ(Get(*file_, 0, 1000), std::string(1000, 'o'));
}

TEST_F(DiskFaults, AShortWriteLeavesWholeSectorsOfTheFirstHalf) {
  disk_.Arm({.kind = FaultKind::kShortWrite});
  const Status failed = Put(*file_, 512, std::string(1536, 'n'));
  EXPECT_EQ(CodeOf(failed), Errc::kIo);
  EXPECT_EQ(failed.error().offset(), 1024u);
  EXPECT_EQ(Get(*file_, 0, 2048), std::string(512, 'o') + std::string(512, 'n') + std::string(1024, 'o'));
  disk_.Arm({.kind = FaultKind::kShortWrite});
  EXPECT_FALSE(Put(*file_, 0, "tiny"));
  EXPECT_EQ(Get(*file_, 0, 4), "oooo");
}

TEST_F(DiskFaults, AShortWriteOfSoManyBytesTearsASector) {
  disk_.Arm({.kind = FaultKind::kShortWrite, .parameter = 1536 + 700});
  const Status failed = Put(*file_, 512, std::string(1536, 'n'));
  EXPECT_EQ(CodeOf(failed), Errc::kIo);
  EXPECT_EQ(failed.error().offset(), 512u + 700u);
  EXPECT_EQ(Get(*file_, 0, 2048), std::string(512, 'o') + std::string(700, 'n') + std::string(836, 'o'));
}

TEST_F(DiskFaults, ACorruptReadFlipsOneBitForTheReaderOnly) {
  disk_.Arm({.kind = FaultKind::kCorruptRead, .parameter = 77});
  const std::string corrupt = Get(*file_, 0, 1000);
  int bits = 0;
  for (const char c : corrupt) bits += std::popcount(static_cast<unsigned char>(c ^ 'o'));
  EXPECT_EQ(bits, 1);
  EXPECT_EQ(Get(*file_, 0, 1000), std::string(1000, 'o'));
}

TEST_F(DiskFaults, ADurableWriteCanFailAtItsSync) {
  disk_.Arm({.kind = FaultKind::kSyncKeepsClean});
  const AlignedBytes bytes{std::string_view(std::string(512, 'n'))};
  EXPECT_EQ(CodeOf(file_->WriteDurable(0, std::array{bytes.view()})), Errc::kIo);
  EXPECT_EQ(Get(*file_, 0, 1), "n");
  EXPECT_EQ(disk_.Lines().back(), "failed: sync f @0 +512");
  EXPECT_EQ(CodeOf(file_->Sync()), Errc::kIo);
  EXPECT_TRUE((*disk_.Open("f", OpenMode::kReadWrite))->Sync());
  EXPECT_EQ(*CrashPoint(disk_.trace(), disk_.effects()).images().exact, 2u);
}

TEST_F(DiskFaults, AnErrorThatIsReportedLaterReachesTheNextProcessToo) {
  disk_.Arm({.kind = FaultKind::kSyncFailsLater});
  ASSERT_TRUE(Put(*file_, 0, "n"));
  ASSERT_TRUE(file_->Sync());
  Disk later(*disk_.trace(), disk_.effects());
  EXPECT_EQ(CodeOf(Open(later, "f")->Sync()), Errc::kIo);
  EXPECT_TRUE(Open(later, "f")->Sync());
}

TEST_F(DiskFaults, EvictionShowsWhatALostAndAMisdirectedWriteLeft) {
  disk_.Arm({.kind = FaultKind::kLostWrite});
  ASSERT_TRUE(Put(*file_, 0, std::string(512, 'l')));
  disk_.Arm({.kind = FaultKind::kMisdirectedWrite, .parameter = 2});
  ASSERT_TRUE(Put(*file_, 512, std::string(512, 'm')));
  ASSERT_TRUE(file_->Sync());
  EXPECT_EQ(Get(*file_, 0, 1024), std::string(512, 'l') + std::string(512, 'm'));
  disk_.EvictClean(1);
  EXPECT_EQ(Get(*file_, 0, 2048), std::string(1536, 'o') + std::string(512, 'm'));
  EXPECT_FALSE(CrashPoint(disk_.trace(), disk_.effects()).has_unsynced());
}

TEST_F(DiskFaults, OnlyTheNamedFileIsMeant) {
  disk_.Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kWrite), .file = "g", .lasting = true});
  EXPECT_TRUE(Put(*file_, 0, "x"));
  auto other = Open(disk_, "g", OpenMode::kCreate);
  EXPECT_FALSE(Put(*other, 0, "x"));
}

TEST_F(DiskFaults, WhatFiredIsOnRecord) {
  disk_.Arm({.kind = FaultKind::kShortRead, .at = 100});
  const uint32_t number = disk_.Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kWrite)});
  const uint64_t effects = disk_.effects();
  EXPECT_FALSE(Put(*file_, 512, "xyz"));
  const std::vector<FaultRecord> fired = disk_.faults_fired();
  ASSERT_EQ(fired.size(), 1u);
  EXPECT_EQ(fired[0].fault, number);
  EXPECT_EQ(fired[0].operation, disk_.operations());
  EXPECT_EQ(fired[0].effects, effects);
  EXPECT_EQ(fired[0].offset, 512u);
  EXPECT_EQ(fired[0].bytes, 3u);
  EXPECT_EQ(fired[0].kind, FaultKind::kIoError);
  EXPECT_EQ(fired[0].befell, Operation::kWrite);
  const FaultCounts counts = disk_.fault_counts();
  EXPECT_EQ(counts.armed[static_cast<size_t>(FaultKind::kShortRead)], 1u);
  EXPECT_EQ(counts.fired[static_cast<size_t>(FaultKind::kShortRead)], 0u);
}

TEST(FaultNames, AreReadAsTheyAreWritten) {
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    const Fault fault{.kind = static_cast<FaultKind>(kind),
                      .counted = kind % 2 == 0 ? kAllOperations : Only(Operation::kWrite),
                      .file = kind % 3 == 0 ? "" : "db-wal",
                      .at = kind + 1,
                      .lasting = kind % 2 == 1,
                      .parameter = kind * 10};
    const auto parsed = Fault::Parse(fault.ToString());
    ASSERT_TRUE(parsed) << fault.ToString();
    EXPECT_EQ(parsed->ToString(), fault.ToString());
    EXPECT_EQ(parsed->counted, fault.counted);
    EXPECT_EQ(parsed->file, fault.file);
    EXPECT_EQ(parsed->parameter, fault.parameter);
  }
  EXPECT_EQ((Fault{.kind = FaultKind::kNoSpace, .file = "db", .at = 3, .lasting = true}).ToString(),
            "no_space@3+:db");
  for (const char* bad :
       {"", "io_error", "io_error@", "io_error@0", "what@1", "io_error@1x", "io_error@1/99"}) {
    EXPECT_FALSE(Fault::Parse(bad)) << bad;
  }
}

// ---- Names of images.

TEST(ImageSpecs, AreReadAsTheyAreWritten) {
  for (size_t policy = 0; policy < kPolicies; ++policy) {
    const bool named = policy >= 2;
    const ImageSpec spec{static_cast<Policy>(policy), named ? ~uint64_t{0} - policy : 0};
    EXPECT_EQ(ImageSpec::Parse(spec.ToString()), spec) << spec.ToString();
  }
  EXPECT_EQ((ImageSpec{Policy::kAllButOne, 7}).ToString(), "all_but_one:7");
  for (const char* bad : {"", "none:1", "prefix", "prefix:", "prefix:x", "prefix:1x", "some:1"}) {
    EXPECT_FALSE(ImageSpec::Parse(bad)) << bad;
  }
}

TEST(ImageSpecs, PoliciesLetArriveWhatTheirNamesSay) {
  Program p(kSmall);
  p.Durable("f", "....");
  p.Write("f", 0, "ab");
  p.Write("f", 2, "c");
  p.Write("f", 0, "d");
  const CrashPoint point(p.disk().trace(), p.disk().effects());
  const auto draw = [&](Policy policy, uint64_t parameter) {
    return p.Describe(point.Draw({policy, parameter}));
  };
  EXPECT_EQ(point.atoms().size(), 4u);
  EXPECT_EQ(point.undetermined_sectors(), 3u);
  EXPECT_EQ(*point.images().exact, 3u * 2 * 2);
  EXPECT_EQ(draw(Policy::kNone, 0), "f=....");
  EXPECT_EQ(draw(Policy::kAll, 0), "f=dbc.");
  EXPECT_EQ(draw(Policy::kPrefix, 0), "f=a...");
  EXPECT_EQ(draw(Policy::kPrefix, 2), "f=abc.");
  EXPECT_EQ(draw(Policy::kSuffix, 0), "f=dbc.");
  EXPECT_EQ(draw(Policy::kSuffix, 2), "f=d...");
  EXPECT_EQ(draw(Policy::kAllButOne, 1), "f=d.c.");
  EXPECT_EQ(draw(Policy::kAllButOne, 3), "f=abc.");
  EXPECT_EQ(draw(Policy::kOne, 2), "f=..c.");
  EXPECT_EQ(draw(Policy::kTornMiddle, 0), "f=d.c.");
  EXPECT_EQ(point.ParameterCount(Policy::kTornMiddle), 1u);
  EXPECT_EQ(draw(Policy::kReversed, 0), "f=d...");
  EXPECT_EQ(draw(Policy::kReversed, 2), "f=dbc.");
  EXPECT_EQ(draw(Policy::kReversed, 3), "f=abc.");  // the oldest version went out last
  EXPECT_EQ(point.Describe(point.atoms()[1]), "write f @0 +1024 sector 1");
}

}  // namespace
}  // namespace manifolddb::faultfs
