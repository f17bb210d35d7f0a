// What every storage must do, tried on memory and on a real directory.

#include "manifolddb/storage.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "manifolddb/result.h"

namespace manifolddb {
namespace {

base::Buffer Bytes(size_t size, char fill) {
  base::Buffer buffer = std::move(*base::Buffer::Make(size, "test"));
  std::memset(buffer.data(), fill, size);
  return buffer;
}

std::string ReadText(File& file, uint64_t offset, size_t size) {
  base::Buffer buffer = Bytes(size, '?');
  const Status read = file.Read(offset, buffer.span());
  EXPECT_TRUE(read) << read.error().ToString();
  return std::string(AsText(buffer.view()));
}

template <class T>
Errc CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Errc{} : result.error().code();
}

class StorageTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "memory") {
      storage_ = MakeMemoryStorage();
      return;
    }
    std::string pattern = testing::TempDir() + "/storage_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    storage_ = MakePosixStorage(directory_);
  }
  void TearDown() override {
    storage_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<File> Open(const std::string& name, OpenMode mode) {
    auto file = storage_->Open(name, mode);
    EXPECT_TRUE(file) << file.error().ToString();
    return file ? std::move(*file) : nullptr;
  }

  std::shared_ptr<Storage> storage_;
  std::string directory_;
};

TEST_P(StorageTest, WhatWasWrittenIsReadBackAcrossPartsAndOpenings) {
  const base::Buffer a = Bytes(4096, 'a');
  const base::Buffer b = Bytes(100, 'b');
  const base::Buffer c = Bytes(70'000, 'c');
  const ByteView parts[] = {a.view(), b.view(), c.view()};
  {
    auto file = Open("f", OpenMode::kCreate);
    ASSERT_TRUE(file->Write(8192, parts));
    ASSERT_TRUE(file->Sync());
  }
  auto file = Open("f", OpenMode::kReadOnly);
  EXPECT_EQ(*file->Size(), 8192u + 4096 + 100 + 70'000);
  EXPECT_EQ(ReadText(*file, 0, 8192), std::string(8192, '\0'));
  EXPECT_EQ(ReadText(*file, 8192 + 4090, 120),
            std::string(6, 'a') + std::string(100, 'b') + std::string(14, 'c'));
  EXPECT_EQ(ReadText(*file, 8192 + 4196, 70'000), std::string(70'000, 'c'));
}

TEST_P(StorageTest, ManyPartsAreWrittenInOrder) {
  std::vector<base::Buffer> buffers;
  std::vector<ByteView> parts;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const size_t size = 1 + static_cast<size_t>(i * 37 % 500);
    const char fill = static_cast<char>('A' + i % 26);
    buffers.push_back(Bytes(size, fill));
    expected += std::string(size, fill);
  }
  for (const base::Buffer& buffer : buffers) parts.push_back(buffer.view());
  auto file = Open("f", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, parts));
  EXPECT_EQ(ReadText(*file, 0, expected.size()), expected);
  ASSERT_TRUE(file->WriteDurable(expected.size(), parts));
  EXPECT_EQ(*file->Size(), 2 * expected.size());
  EXPECT_EQ(ReadText(*file, expected.size(), expected.size()), expected);
}

TEST_P(StorageTest, StartingToWriteBackChangesNothing) {
  auto file = Open("f", OpenMode::kCreate);
  const base::Buffer bytes = Bytes(8192, 'x');
  ASSERT_TRUE(file->Write(0, bytes.view()));
  file->StartWriteBack(0, 4096);
  file->StartWriteBack(uint64_t{1} << 40, 4096);  // behind the end
  EXPECT_TRUE(file->Sync());
  EXPECT_EQ(*file->Size(), 8192u);
  base::Buffer found = Bytes(8192, 'y');
  ASSERT_TRUE(file->Read(0, found.span()));
  EXPECT_EQ(std::memcmp(found.data(), bytes.data(), bytes.size()), 0);
  EXPECT_DEATH(file->StartWriteBack(4096, 0), "offset");
}

TEST_P(StorageTest, ReadingPastTheEndIsTruncatedAndNamesTheFile) {
  auto file = Open("f", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, Bytes(1000, 'x').view()));
  base::Buffer out = Bytes(512, '?');
  const Status read = file->Read(600, out.span());
  EXPECT_EQ(CodeOf(read), Errc::kTruncated);
  EXPECT_EQ(read.error().file(), file->name());
  EXPECT_EQ(read.error().offset(), 600u);
  EXPECT_NE(file->name().find('f'), std::string::npos);
  EXPECT_EQ(CodeOf(file->Read(1 << 20, out.span())), Errc::kTruncated);
}

TEST_P(StorageTest, TruncateCutsAndWhatGrowsAgainIsZero) {
  auto file = Open("f", OpenMode::kCreate);
  const base::Buffer bytes = Bytes(2 << 16, 'x');
  ASSERT_TRUE(file->Write(0, bytes.view()));
  EXPECT_TRUE(*file->Truncate(4 << 16)) << "longer than it is: nothing to do";
  EXPECT_EQ(*file->Size(), 2u << 16);
  EXPECT_TRUE(*file->Truncate(5000));
  EXPECT_EQ(*file->Size(), 5000u);
  EXPECT_EQ(ReadText(*file, 4096, 904), std::string(904, 'x'));
  ASSERT_TRUE(file->Sync());
  ASSERT_TRUE(file->Allocate(1 << 16));
  EXPECT_EQ(ReadText(*file, 4096, 1000), std::string(904, 'x') + std::string(96, '\0'));
  EXPECT_EQ(ReadText(*file, 1 << 15, 100), std::string(100, '\0'));
  file.reset();
  EXPECT_EQ(CodeOf(Open("f", OpenMode::kReadOnly)->Truncate(4096)), Errc::kReadOnly);
}

TEST_P(StorageTest, AllocateGrowsWithZerosAndNeverShrinks) {
  auto file = Open("f", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, Bytes(5000, 'x').view()));
  ASSERT_TRUE(file->Allocate(1 << 20));
  EXPECT_EQ(*file->Size(), uint64_t{1} << 20);
  EXPECT_EQ(ReadText(*file, 4096, 4096), std::string(904, 'x') + std::string(3192, '\0'));
  EXPECT_EQ(ReadText(*file, (1 << 20) - 4096, 4096), std::string(4096, '\0'));
  ASSERT_TRUE(file->Allocate(100));
  EXPECT_EQ(*file->Size(), uint64_t{1} << 20);
  ASSERT_TRUE(file->Sync());
}

// A file that does nothing, successfully, but for what a test overrides.
class IdleFile : public File {
 public:
  explicit IdleFile(std::string name = "idle") : File(std::move(name)) {}

 private:
  Status DoRead(uint64_t, MutableByteView) override { return {}; }
  Status DoWrite(uint64_t, std::span<const ByteView>) override { return {}; }
  Status DoWriteDurable(uint64_t, std::span<const ByteView>) override { return {}; }
  Status DoSync() override { return {}; }
  Result<uint64_t> DoSize() override { return 0; }
  Status DoAllocate(uint64_t) override { return {}; }
  Status DoLock(LockMode) override { return {}; }
};

// Its sync fails as on a full disk.
class FullAtSync final : public IdleFile {
  Status DoSync() override { return Fail(Errc::kNoSpace, "test.sync", {.file = name(), .os_error = 28}); }
};

TEST(FailedSync, IsNoWantOfRoomThatLeavesEverythingAsItWas) {
  FullAtSync file;
  const Status synced = file.Sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code(), Errc::kIo);
  EXPECT_EQ(synced.error().os_error(), 28);
  EXPECT_EQ(synced.error().operation(), "test.sync");
}

TEST_P(StorageTest, OpeningWhatIsMissingIsNotFound) {
  EXPECT_EQ(CodeOf(storage_->Open("none", OpenMode::kReadOnly)), Errc::kNotFound);
  EXPECT_EQ(CodeOf(storage_->Open("none", OpenMode::kReadWrite)), Errc::kNotFound);
  EXPECT_EQ(CodeOf(storage_->Remove("none")), Errc::kNotFound);
  EXPECT_EQ(CodeOf(storage_->Rename("none", "other")), Errc::kNotFound);
  EXPECT_FALSE(*storage_->Exists("none"));
}

TEST_P(StorageTest, CreateEmptiesWhatHadTheName) {
  ASSERT_TRUE(Open("f", OpenMode::kCreate)->Write(0, Bytes(4096, 'o').view()));
  EXPECT_EQ(*Open("f", OpenMode::kCreate)->Size(), 0u);
}

// It may have another name after a power cut.
TEST_P(StorageTest, WhatHadTheNameBeforeKeepsItsBytes) {
  ASSERT_TRUE(Open("f", OpenMode::kCreate)->Write(0, Bytes(4096, 'o').view()));
  auto old = Open("f", OpenMode::kReadOnly);
  EXPECT_EQ(*Open("f", OpenMode::kCreate)->Size(), 0u);
  EXPECT_EQ(ReadText(*old, 0, 4096), std::string(4096, 'o'));
}

TEST_P(StorageTest, WhatIsCreatedIsLockedByWhoCreatesIt) {
  auto made = Open("f", OpenMode::kCreate);
  EXPECT_EQ(CodeOf(Open("f", OpenMode::kReadOnly)->Lock(LockMode::kShared)), Errc::kLocked);
  ASSERT_TRUE(made->Lock(LockMode::kShared));
  EXPECT_TRUE(Open("f", OpenMode::kReadOnly)->Lock(LockMode::kShared));
}

TEST_P(StorageTest, CreateIsRefusedWhileSomebodyHasALockOnWhatHasTheName) {
  auto old = Open("f", OpenMode::kCreate);
  ASSERT_TRUE(old->Write(0, Bytes(4096, 'o').view()));
  EXPECT_EQ(CodeOf(storage_->Open("f", OpenMode::kCreate)), Errc::kLocked);
  ASSERT_TRUE(old->Lock(LockMode::kShared));
  EXPECT_EQ(CodeOf(storage_->Open("f", OpenMode::kCreate)), Errc::kLocked);
  ASSERT_TRUE(storage_->Rename("f", "g"));  // it is the file that is locked, not the name
  auto made = Open("f", OpenMode::kCreate);
  EXPECT_EQ(*made->Size(), 0u);
  EXPECT_EQ(ReadText(*old, 0, 4096), std::string(4096, 'o'));
}

TEST_P(StorageTest, RenameMovesTheFileOverTheOldOne) {
  ASSERT_TRUE(Open("a", OpenMode::kCreate)->Write(0, Bytes(10, 'a').view()));
  ASSERT_TRUE(Open("b", OpenMode::kCreate)->Write(0, Bytes(20, 'b').view()));
  ASSERT_TRUE(storage_->Rename("a", "b"));
  ASSERT_TRUE(storage_->SyncDirectory());
  EXPECT_FALSE(*storage_->Exists("a"));
  EXPECT_EQ(ReadText(*Open("b", OpenMode::kReadWrite), 0, 10), std::string(10, 'a'));
  ASSERT_TRUE(storage_->Rename("b", "b"));
  EXPECT_TRUE(*storage_->Exists("b"));
}

TEST_P(StorageTest, RemovedFilesKeepTheirOpenings) {
  auto file = Open("f", OpenMode::kCreate);
  ASSERT_TRUE(file->Write(0, Bytes(10, 'a').view()));
  ASSERT_TRUE(storage_->Remove("f"));
  EXPECT_FALSE(*storage_->Exists("f"));
  EXPECT_EQ(ReadText(*file, 0, 10), std::string(10, 'a'));
}

TEST_P(StorageTest, WritesThroughAReadOnlyOpeningAreRefused) {
  Open("f", OpenMode::kCreate);
  auto file = Open("f", OpenMode::kReadOnly);
  EXPECT_EQ(CodeOf(file->Write(0, Bytes(10, 'a').view())), Errc::kReadOnly);
  EXPECT_EQ(CodeOf(file->Allocate(4096)), Errc::kReadOnly);
  EXPECT_EQ(CodeOf(file->Lock(LockMode::kExclusive)), Errc::kInvalidArgument);
  EXPECT_EQ(*file->Size(), 0u);
}

TEST_P(StorageTest, AnExclusiveLockExcludesEveryOtherOpeningUntilItCloses) {
  auto first = Open("f", OpenMode::kCreate);
  auto second = Open("f", OpenMode::kReadWrite);
  ASSERT_TRUE(first->Lock(LockMode::kExclusive));
  EXPECT_EQ(CodeOf(second->Lock(LockMode::kExclusive)), Errc::kLocked);
  EXPECT_EQ(CodeOf(second->Lock(LockMode::kShared)), Errc::kLocked);
  EXPECT_TRUE(first->Lock(LockMode::kExclusive));
  first.reset();
  EXPECT_TRUE(second->Lock(LockMode::kExclusive));
}

TEST_P(StorageTest, SharedLocksStandTogetherAndKeepAWriterOut) {
  Open("f", OpenMode::kCreate);
  auto writer = Open("f", OpenMode::kReadWrite);
  auto a = Open("f", OpenMode::kReadOnly);
  auto b = Open("f", OpenMode::kReadOnly);
  ASSERT_TRUE(a->Lock(LockMode::kShared));
  ASSERT_TRUE(b->Lock(LockMode::kShared));
  EXPECT_EQ(CodeOf(writer->Lock(LockMode::kExclusive)), Errc::kLocked);
  a.reset();
  EXPECT_EQ(CodeOf(writer->Lock(LockMode::kExclusive)), Errc::kLocked);
  b.reset();
  EXPECT_TRUE(writer->Lock(LockMode::kExclusive));
  EXPECT_EQ(CodeOf(Open("f", OpenMode::kReadOnly)->Lock(LockMode::kShared)), Errc::kLocked);
}

TEST_P(StorageTest, ALockIsConvertedOnlyWhenNobodyElseStandsInTheWay) {
  auto a = Open("f", OpenMode::kCreate);
  auto b = Open("f", OpenMode::kReadWrite);
  ASSERT_TRUE(a->Lock(LockMode::kShared));
  ASSERT_TRUE(b->Lock(LockMode::kShared));
  EXPECT_EQ(CodeOf(a->Lock(LockMode::kExclusive)), Errc::kLocked);
  b.reset();
  EXPECT_TRUE(a->Lock(LockMode::kExclusive));
  b = Open("f", OpenMode::kReadWrite);
  EXPECT_EQ(CodeOf(b->Lock(LockMode::kShared)), Errc::kLocked);
  EXPECT_TRUE(a->Lock(LockMode::kShared));
  EXPECT_TRUE(b->Lock(LockMode::kShared));
}

TEST_P(StorageTest, IdentitiesDiffer) {
  const auto a = storage_->NewIdentity();
  const auto b = storage_->NewIdentity();
  EXPECT_NE(a, b);
  EXPECT_NE(a, MakeMemoryStorage()->NewIdentity());
}

TEST_P(StorageTest, BrokenContractsAreProgramErrors) {
  auto file = Open("f", OpenMode::kCreate);
  base::Buffer buffer = Bytes(8192, 'x');
  EXPECT_DEATH((void)file->Write(0, buffer.view().subspan(1)), "kBufferAlignment");
  EXPECT_DEATH((void)file->Write(0, ByteView{}), "size > 0");
  EXPECT_DEATH((void)file->Read(~uint64_t{0} - 10, buffer.span()), "out.size");
  EXPECT_DEATH((void)file->Read(0, buffer.span().subspan(512)), "kBufferAlignment");
}

INSTANTIATE_TEST_SUITE_P(All, StorageTest, testing::Values("memory", "posix"),
                         [](const auto& test) { return std::string(test.param); });

// Its next sync fails, and none behind it: what the system tells once.
class TellsOnce final : public IdleFile {
 public:
  TellsOnce() : IdleFile("once") {}

 private:
  Status DoSync() override {
    return std::exchange(fails_, false) ? Status(Fail(Errc::kIo, "test.sync", {.file = name()})) : Status();
  }

  bool fails_ = true;
};

// Its write-back fails and is told of; its syncs know nothing of it.
class LosesInWriteBack final : public IdleFile {
  Status DoStartWriteBack(uint64_t, uint64_t) override {
    return Fail(Errc::kIo, "test.start_write_back", {.file = name()});
  }
};

TEST(Storage, AfterAWriteBackThatFailedNoSyncSucceeds) {
  LosesInWriteBack file;
  ASSERT_TRUE(file.Sync());
  EXPECT_FALSE(file.failed());
  file.StartWriteBack(0, 4096);
  EXPECT_TRUE(file.failed());
  EXPECT_EQ(CodeOf(file.Sync()), Errc::kIo);
  const base::Buffer bytes = Bytes(4096, 'x');
  const ByteView part = bytes.view();
  EXPECT_EQ(CodeOf(file.WriteDurable(0, {&part, 1})), Errc::kIo);
}

TEST(Storage, AfterASyncThatFailedNoneSucceeds) {
  TellsOnce file;
  for (int i = 0; i < 3; ++i) {
    const Status synced = file.Sync();
    ASSERT_FALSE(synced) << i;
    EXPECT_EQ(synced.error().code(), Errc::kIo);
    EXPECT_EQ(synced.error().file(), "once");
  }
}

}  // namespace
}  // namespace manifolddb
