// What only a real system can show: other processes, forks, permissions, limits.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>

#include "engine/base/memory.h"
#include "engine/storage/posix_error.h"
#include "manifolddb/storage.h"

namespace manifolddb {
namespace {

class PosixStorageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/posix_storage_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    storage_ = MakePosixStorage(directory_);
    buffer_ = std::move(*base::Buffer::Make(4096, "test"));
    std::memset(buffer_.data(), 'x', 4096);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Runs `child` in a forked process and returns its exit code; -1 if it died.
  static int InChild(const std::function<int()>& child) {
    const pid_t pid = fork();
    if (pid == 0) _exit(child());
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  template <class T>
  static int CodeOf(const Result<T>& result) {
    return result ? 0 : static_cast<int>(result.error().code());
  }
  static constexpr int Code(Errc code) { return static_cast<int>(code); }

  std::string directory_;
  std::shared_ptr<Storage> storage_;
  base::Buffer buffer_;
};

TEST_F(PosixStorageTest, AForkedChildIsRefusedAndTheParentGoesOn) {
  auto file = std::move(*storage_->Open("f", OpenMode::kCreate));
  ASSERT_TRUE(file->Write(0, buffer_.view()));
  const std::function<int()> uses[] = {
      [&] { return CodeOf(file->Read(0, buffer_.span())); },
      [&] { return CodeOf(file->Write(0, buffer_.view())); },
      [&] { return CodeOf(file->WriteDurable(0, std::array{buffer_.view()})); },
      [&] { return CodeOf(file->Sync()); },
      [&] { return CodeOf(file->Size()); },
      [&] { return CodeOf(file->Allocate(1 << 20)); },
      [&] { return CodeOf(file->Truncate(1)); },
      [&] { return CodeOf(file->Lock(LockMode::kShared)); },
      [&] { return CodeOf(storage_->Open("f", OpenMode::kReadOnly)); },
      [&] { return CodeOf(storage_->Exists("f")); },
      [&] { return CodeOf(storage_->Rename("f", "g")); },
      [&] { return CodeOf(storage_->Remove("f")); },
      [&] { return CodeOf(storage_->SyncDirectory()); },
  };
  for (const auto& use : uses) EXPECT_EQ(InChild(use), Code(Errc::kForked));
  EXPECT_TRUE(file->Write(0, buffer_.view()));
  EXPECT_TRUE(storage_->SyncDirectory());
}

TEST_F(PosixStorageTest, AChildThatOpensAnewIsNotRefusedButMeetsTheLock) {
  auto file = std::move(*storage_->Open("f", OpenMode::kCreate));
  ASSERT_TRUE(file->Lock(LockMode::kExclusive));
  EXPECT_EQ(InChild([&] {
              auto own = MakePosixStorage(directory_)->Open("f", OpenMode::kReadWrite);
              if (!own || !(*own)->Write(0, buffer_.view())) return 1;
              return CodeOf((*own)->Lock(LockMode::kExclusive));
            }),
            Code(Errc::kLocked));
  // The child's end has not given the parent's lock back.
  auto other = std::move(*storage_->Open("f", OpenMode::kReadWrite));
  EXPECT_EQ(CodeOf(other->Lock(LockMode::kExclusive)), Code(Errc::kLocked));
  file.reset();
  EXPECT_TRUE(other->Lock(LockMode::kExclusive));
}

TEST_F(PosixStorageTest, ClosingAnotherOpeningOfTheSameFileKeepsTheLock) {
  auto file = std::move(*storage_->Open("f", OpenMode::kCreate));
  ASSERT_TRUE(file->Lock(LockMode::kExclusive));
  { auto other = std::move(*storage_->Open("f", OpenMode::kReadWrite)); }
  EXPECT_EQ(InChild([&] {
              auto own = std::move(*MakePosixStorage(directory_)->Open("f", OpenMode::kReadWrite));
              return CodeOf(own->Lock(LockMode::kShared));
            }),
            Code(Errc::kLocked));
}

TEST_F(PosixStorageTest, RefusedAccessIsPermissionWithThePath) {
  ASSERT_TRUE(storage_->Open("f", OpenMode::kCreate));
  ASSERT_EQ(chmod((directory_ + "/f").c_str(), 0), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0711), 0);
  const int code = InChild([&] {
    if (getuid() == 0 && setuid(65534) != 0) return 200;
    const auto file = MakePosixStorage(directory_)->Open("f", OpenMode::kReadOnly);
    if (file || file.error().file() != directory_ + "/f" || file.error().os_error() != EACCES) return 201;
    const auto made = MakePosixStorage(directory_)->Open("g", OpenMode::kCreate);
    if (CodeOf(made) != (getuid() == 65534 ? Code(Errc::kPermission) : 0)) return 202;
    return CodeOf(file);
  });
  EXPECT_EQ(code, Code(Errc::kPermission));
}

TEST_F(PosixStorageTest, WhatIsNotAPlainFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(mkdir((directory_ + "/d").c_str(), 0777), 0);
  ASSERT_EQ(mkfifo((directory_ + "/p").c_str(), 0666), 0);
  EXPECT_EQ(CodeOf(storage_->Open("d", OpenMode::kReadOnly)), Code(Errc::kInvalidArgument));
  EXPECT_EQ(CodeOf(storage_->Open("d", OpenMode::kReadWrite)), Code(Errc::kInvalidArgument));
  EXPECT_EQ(CodeOf(storage_->Open("p", OpenMode::kReadOnly)), Code(Errc::kInvalidArgument));
  EXPECT_EQ(CodeOf(storage_->Open("", OpenMode::kReadOnly)), Code(Errc::kInvalidArgument));
  EXPECT_EQ(CodeOf(storage_->Open("d/f", OpenMode::kCreate)), Code(Errc::kInvalidArgument));
}

TEST_F(PosixStorageTest, AMissingDirectoryIsNotFound) {
  auto missing = MakePosixStorage(directory_ + "/none");
  const auto made = missing->Open("f", OpenMode::kCreate);
  EXPECT_EQ(CodeOf(made), Code(Errc::kNotFound));
  EXPECT_EQ(made.error().file(), directory_ + "/none/f");
  EXPECT_EQ(CodeOf(missing->SyncDirectory()), Code(Errc::kNotFound));
}

// RLIMIT_FSIZE makes the kernel write in part first and fail then.
TEST_F(PosixStorageTest, AWriteThatCannotBeCompletedIsAnErrorWithItsOffset) {
  const int code = InChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 6000, .rlim_max = 6000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 200;
    auto storage = MakePosixStorage(directory_);
    auto file = std::move(*storage->Open("f", OpenMode::kCreate));
    const ByteView parts[] = {buffer_.view(), buffer_.view()};
    const Status written = file->Write(0, parts);
    if (written || written.error().offset() != 6000 || written.error().os_error() != EFBIG) return 201;
    if (*file->Size() != 6000) return 202;
    return CodeOf(file->Allocate(1 << 20));
  });
  EXPECT_EQ(code, Code(Errc::kNoSpace)) << "what helps on a full device helps here, too";
}

TEST_F(PosixStorageTest, SystemErrorsHaveDistinctCodes) {
  EXPECT_EQ(storage::CodeOf(ENOENT), Errc::kNotFound);
  EXPECT_EQ(storage::CodeOf(ENOTDIR), Errc::kNotFound);
  EXPECT_EQ(storage::CodeOf(EPERM), Errc::kPermission);
  EXPECT_EQ(storage::CodeOf(EROFS), Errc::kPermission);
  EXPECT_EQ(storage::CodeOf(ENOSPC), Errc::kNoSpace);
  EXPECT_EQ(storage::CodeOf(EDQUOT), Errc::kNoSpace);
  EXPECT_EQ(storage::CodeOf(EFBIG), Errc::kNoSpace);
  EXPECT_EQ(storage::CodeOf(EIO), Errc::kIo);
  EXPECT_EQ(storage::CodeOf(ESTALE), Errc::kIo);
}

}  // namespace
}  // namespace manifolddb
