// Disks that are full or fail, at every call that can: no backup or a whole one, no database or a whole one,
// and nothing lies about.

#include <gtest/gtest.h>

#include "engine/backup/backup_fixture.h"

namespace manifolddb {
namespace {

// A storage in memory of which the n-th call that changes something fails.
class FailingDisk final : public Storage {
 public:
  // No more than the next `calls` succeed; then one fails, and all behind it, too, if `lasting`.
  void FailAfter(uint64_t calls, Errc code, bool lasting) {
    left_ = calls;
    code_ = code;
    lasting_ = lasting;
    failed_ = false;
    armed_ = true;
  }
  void Disarm() { armed_ = false; }
  bool failed() const { return failed_; }

  Result<std::unique_ptr<manifolddb::File>> Open(const std::string& name, OpenMode mode) override {
    if (mode == OpenMode::kCreate) {
      if (Status counted = Count(name); !counted) return std::unexpected<Error>(counted.error());
    }
    auto file = memory_->Open(name, mode);
    if (!file) return file;
    return std::make_unique<FailingFile>(std::move(*file), *this);
  }
  Result<bool> Exists(const std::string& name) override { return memory_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override {
    if (Status counted = Count(from); !counted) return counted;
    return memory_->Rename(from, to);
  }
  // Whoever tidies up behind a failure may do so.
  Status Remove(const std::string& name) override { return memory_->Remove(name); }
  Status SyncDirectory() override {
    if (Status counted = Count("."); !counted) return counted;
    return memory_->SyncDirectory();
  }
  std::array<std::byte, 16> NewIdentity() override { return memory_->NewIdentity(); }

 private:
  class FailingFile final : public PassingFile {
   public:
    FailingFile(std::unique_ptr<manifolddb::File> file, FailingDisk& disk)
        : PassingFile(std::move(file)), disk_(disk) {}

   private:
    Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
      if (Status counted = disk_.Count(name()); !counted) return counted;
      return below().Write(offset, parts);
    }
    Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
      if (Status counted = disk_.Count(name()); !counted) return counted;
      return below().WriteDurable(offset, parts);
    }
    Status DoSync() override {
      if (Status counted = disk_.Count(name()); !counted) return counted;
      return below().Sync();
    }
    Status DoAllocate(uint64_t size) override {
      if (Status counted = disk_.Count(name()); !counted) return counted;
      return below().Allocate(size);
    }
    FailingDisk& disk_;
  };
  Status Count(const std::string& file) {
    if (!armed_ || (failed_ && !lasting_)) return {};
    if (left_ > 0) {
      --left_;
      return {};
    }
    failed_ = true;
    return Fail(code_, "test.fails", {.file = file});
  }

  const std::shared_ptr<Storage> memory_ = MakeMemoryStorage();
  bool armed_ = false;
  bool lasting_ = false;
  bool failed_ = false;
  uint64_t left_ = 0;
  Errc code_ = Errc::kIo;
};

struct Failure {
  Errc code;
  bool lasting;
};
class TroubleTest : public BackupTest, public testing::WithParamInterface<Failure> {
 protected:
  TroubleTest() {
    PutMany("f", "t", 0, 300, std::string(200, 'v'));
    Put("g", "t", "large", std::string(500'000, 'L'));
    state_ = ReadState(database());
    Take("b");
  }
  State state_;
};

TEST_P(TroubleTest, ABackupIsThereWholeOrNotAtAll) {
  for (uint64_t calls = 0;; ++calls) {
    const auto disk = std::make_shared<FailingDisk>();
    disk->FailAfter(calls, GetParam().code, GetParam().lasting);
    const auto report = Backup(database(), {disk, "b"});
    const bool failed = disk->failed();
    disk->Disarm();
    EXPECT_EQ(report.has_value(), !failed) << calls;
    EXPECT_FALSE(Must(disk->Exists("b-unfinished"))) << calls;
    if (Must(disk->Exists("b"))) {
      EXPECT_TRUE(Must(CheckBackup(std::vector<BackupFile>{{disk, "b"}})).ok());
    }
    if (!report && Must(disk->Exists("b"))) {
      EXPECT_EQ(report.error().file(), ".") << calls;
    }
    if (!failed) {
      EXPECT_GE(calls, 6u);
      break;
    }
    // Once there is room, it can be made. (The last sync alone has failed: it is there.)
    if (!Must(disk->Exists("b"))) Must(Backup(database(), {disk, "b"}));
  }
  EXPECT_EQ(ReadState(database()), state_);
}

TEST_P(TroubleTest, ARestoredDatabaseIsThereWholeOrNotAtAll) {
  for (uint64_t calls = 0;; ++calls) {
    const auto disk = std::make_shared<FailingDisk>();
    disk->FailAfter(calls, GetParam().code, GetParam().lasting);
    const auto report = Restore(Files({"b"}), {disk, "new"}, {.output = TinyOptions()});
    const bool failed = disk->failed();
    disk->Disarm();
    const bool there = Must(disk->Exists("new"));
    EXPECT_TRUE(report || failed) << calls;
    EXPECT_TRUE(there || !report) << calls;
    for (const char* name : {"new-restore", "new-restore-wal", "new-restore-new", "new-restore-wal-new"}) {
      EXPECT_FALSE(Must(disk->Exists(name))) << calls << " " << name;
    }
    if (there) {
      EXPECT_EQ(ReadState(*Must(Database::Open(disk, "new", TinyOptions()))), state_) << calls;
    }
    if (there && !report) {
      EXPECT_EQ(report.error().file(), ".") << calls;
    }
    if (!failed) {
      EXPECT_GT(calls, 20u);
      break;
    }
    if (!there) {
      EXPECT_FALSE(Must(disk->Exists("new-wal"))) << calls;
      Must(Restore(Files({"b"}), {disk, "new"}, {.output = TinyOptions()}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Disks, TroubleTest,
                         testing::Values(Failure{Errc::kNoSpace, true}, Failure{Errc::kNoSpace, false},
                                         Failure{Errc::kIo, true}),
                         [](const auto& failure) {
                           const std::string code(Name(failure.param.code).substr(1));
                           return code + (failure.param.lasting ? "Lasting" : "Once");
                         });

}  // namespace
}  // namespace manifolddb
