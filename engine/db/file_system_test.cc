// What a real file system does to a database: it is full, read-only, bounded, or somebody else cuts, removes
// or replaces the files while they are open. Nothing acknowledged is lost where that can be; where it cannot,
// an error says so and nothing dies.
//
// Each case runs in a process of its own, which may have a small file system of its own, limits, or an end
// without closing.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

namespace fs = std::filesystem;

constexpr int kNotPermitted = 77;

// `body` in a process of its own; its status: 0 if nothing failed.
int InChild(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    body();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// What this process mounts from here on it alone sees, and it is gone with it. False where that is not
// allowed.
bool MountsAreOwn() {
  if (unshare(CLONE_NEWNS) != 0) {
    const std::string uid = std::to_string(getuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
  }
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Mounts `bytes` of memory at `folder`.
bool MountOwn(const std::string& folder, uint64_t bytes) {
  const std::string size = "size=" + std::to_string(bytes);
  return MountsAreOwn() && mount("tmpfs", folder.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

bool Succeeds(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }
// Mounts the file system in the file `image`, at `folder`.
bool MountImage(const std::string& image, const std::string& folder) {
  return Succeeds("mount -o loop '" + image + "' '" + folder + "'");
}

// Takes the device from the file system, as if somebody had pulled it out: what is not on it yet is lost.
bool PullOut(const std::string& folder) {
  constexpr unsigned long kShutdown = _IOR('X', 125, uint32_t);
  uint32_t without_its_journal = 2;
  const int root = open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  const bool done = ioctl(root, kShutdown, &without_its_journal) == 0;
  close(root);
  return done;
}

class FileSystemTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path() const { return folder_ + "/db"; }

  // `body` beside a file system of its own.
  void WithFileSystem(uint64_t bytes, const std::function<void()>& body) {
    const int status = InChild([&] {
      if (!MountOwn(folder_, bytes)) _exit(kNotPermitted);
      body();
    });
    if (status == kNotPermitted) GTEST_SKIP() << "not allowed to mount anything";
    EXPECT_EQ(status, 0);
  }

  // The same beside one on a block device, which can be pulled out.
  void WithDevice(const std::function<void(const std::string& image)>& body) {
    const std::string image = folder_ + "-image";
    const int status = InChild([&] {
      std::ofstream(image) << "";
      fs::resize_file(image, uint64_t{16} << 20);
      const bool mounted =
          MountsAreOwn() && Succeeds("mkfs.ext4 -q '" + image + "'") && MountImage(image, folder_);
      if (!mounted) _exit(kNotPermitted);
      body(image);
    });
    fs::remove(image);
    if (status == kNotPermitted) GTEST_SKIP() << "no such file system can be mounted here";
    EXPECT_EQ(status, 0);
  }

  // The same beside a file system that gives `bytes` of what it has: btrfs, as not every kernel knows quotas
  // of ext4.
  void WithQuota(const std::string& bytes, const std::function<void()>& body) {
    const std::string image = folder_ + "-image";
    const int status = InChild([&] {
      std::ofstream(image) << "";
      fs::resize_file(image, uint64_t{128} << 20);
      const bool mounted = MountsAreOwn() && Succeeds("mkfs.btrfs -q '" + image + "'") &&
                           MountImage(image, folder_) && Succeeds("btrfs quota enable '" + folder_ + "'") &&
                           SetQuota(bytes);
      if (!mounted) _exit(kNotPermitted);
      body();
    });
    fs::remove(image);
    if (status == kNotPermitted) GTEST_SKIP() << "no such file system can be mounted here";
    EXPECT_EQ(status, 0);
  }
  bool SetQuota(const std::string& bytes) {
    return Succeeds("btrfs qgroup limit " + bytes + " '" + folder_ + "' && sync");
  }

  void Open(const std::function<void(Options&)>& change = {}) {
    db_.reset();
    Options options = TinyOptions();
    if (change) change(options);
    auto opened = Database::Open(path(), options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    auto family = db_->OpenOrCreateColumnFamily("f");
    ASSERT_TRUE(family) << family.error().ToString();
    family_ = *family;
  }
  Errc CodeOfOpening(bool read_only = false) {
    Options options = TinyOptions();
    options.read_only = read_only;
    options.create_if_missing = false;
    const auto opened = Database::Open(path(), options);
    if (opened) return Errc{};
    last_ = opened.error().ToString();
    return opened.error().code();
  }
  // One durable commit of one entry.
  Status Put(int key) {
    auto txn = db_->BeginWrite(family_);
    if (!txn) return std::unexpected<Error>(txn.error());
    auto table = txn->OpenOrCreateTable(family_, "t");
    if (!table) return std::unexpected<Error>(table.error());
    const std::string text = std::to_string(key);
    if (Status put = table->Put(AsBytes(text), AsBytes(std::string(100, 'v') + text)); !put) return put;
    if (auto committed = txn->Commit(); !committed) return std::unexpected<Error>(committed.error());
    return {};
  }
  Status Delete(int key) {
    auto txn = db_->BeginWrite(family_);
    if (!txn) return std::unexpected<Error>(txn.error());
    auto table = txn->OpenTable(family_, "t");
    if (!table) return std::unexpected<Error>(table.error());
    if (auto deleted = table->Delete(AsBytes(std::to_string(key))); !deleted)
      return std::unexpected<Error>(deleted.error());
    if (auto committed = txn->Commit(); !committed) return std::unexpected<Error>(committed.error());
    return {};
  }
  // How many of the keys from `first` to `last` are not there, or not what they were put as.
  int Missing(int first, int last) {
    auto txn = db_->BeginRead();
    const auto table = txn->OpenTable(family_, "t");
    if (!table) return last - first;
    int missing = 0;
    for (int key = first; key < last; ++key) {
      const std::string text = std::to_string(key);
      const auto found = table->Get(AsBytes(text));
      missing += !found || !*found || (*found)->text() != std::string(100, 'v') + text;
    }
    return missing;
  }
  void ExpectSound() {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->problems.empty());
  }
  // Puts until it is refused; how many went in.
  int Fill(Errc refusal) {
    int count = 0;
    Status put;
    while (count < 100'000 && (put = Put(count))) ++count;
    EXPECT_EQ(put ? Errc{} : put.error().code(), refusal) << (put ? "" : put.error().ToString());
    return count;
  }
  // What is refused room goes on with what it has, and after that as if nothing had been.
  void FillAndGoOn() {
    const int filled = Fill(Errc::kNoSpace);
    EXPECT_GT(filled, 100);
    EXPECT_EQ(Missing(0, filled), 0);
    for (int key = 0; key < filled / 2; ++key) {
      const Status deleted = Delete(key);
      ASSERT_TRUE(deleted) << deleted.error().ToString();
    }
    for (int key = 0; key < filled / 8; ++key) {
      const Status put = Put(key);
      ASSERT_TRUE(put) << put.error().ToString();
    }
    ASSERT_TRUE(db_->Close());
    Open();
    EXPECT_EQ(Missing(0, filled / 8), 0);
    EXPECT_EQ(Missing(filled / 2, filled), 0);
    ExpectSound();
    EXPECT_TRUE(db_->Close());
  }

  std::string folder_ = fs::path(testing::TempDir()) / "file_system_test.XXXXXX";
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
  std::string last_;  // what the last opening that was refused said
};

TEST_F(FileSystemTest, AFullFileSystemRefusesAndGoesOn) {
  WithFileSystem(uint64_t{1} << 20, [&] {
    Open();
    FillAndGoOn();
  });
}

// There even what lies inside the file takes room when it is written, so it may end behind the order, too.
TEST_F(FileSystemTest, AQuotaThatIsUsedUpIsSaidAndTakesNothingAcknowledged) {
  WithQuota("1m", [&] {
    Open();
    int filled = 0;
    Status put;
    while (filled < 100'000 && (put = Put(filled))) ++filled;
    ASSERT_FALSE(put);
    const Errc code = put.error().code();
    EXPECT_TRUE(code == Errc::kNoSpace || code == Errc::kUnknownOutcome || code == Errc::kPoisoned);
    EXPECT_NE(put.error().ToString().find("Disk quota exceeded"), std::string::npos)
        << put.error().ToString();
    EXPECT_GT(filled, 100);
    EXPECT_EQ(Missing(0, filled), 0) << "reading goes on";
    static_cast<void>(db_->Close());
    db_.reset();
    ASSERT_TRUE(SetQuota("64m"));
    Open();
    EXPECT_EQ(Missing(0, filled), 0);
    EXPECT_TRUE(Put(filled + 1));
    ExpectSound();
    EXPECT_TRUE(db_->Close());
  });
}

TEST_F(FileSystemTest, ALargestFileSizeRefusesAndGoesOn) {
  EXPECT_EQ(InChild([&] {
              signal(SIGXFSZ, SIG_IGN);  // else it ends the process
              Open();
              const rlimit limit{.rlim_cur = 400'000, .rlim_max = 400'000};
              ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
              FillAndGoOn();
            }),
            0);
}

// Nobody has asked for the signal: it ends the process, in the middle of whatever it was at.
TEST_F(FileSystemTest, ALargestFileSizeThatEndsTheProcessTakesNothingAcknowledged) {
  int acknowledged[2];
  ASSERT_EQ(pipe(acknowledged), 0);
  EXPECT_EQ(InChild([&] {
              Open();
              const rlimit limit{.rlim_cur = 100'000, .rlim_max = 100'000};
              ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
              for (int key = 0; key < 10'000 && Put(key); ++key) {
                ASSERT_EQ(write(acknowledged[1], &key, sizeof key), static_cast<ssize_t>(sizeof key));
              }
            }),
            1000 + SIGXFSZ);
  close(acknowledged[1]);
  int last = -1;
  for (int key; read(acknowledged[0], &key, sizeof key) == static_cast<ssize_t>(sizeof key);) last = key;
  close(acknowledged[0]);
  EXPECT_GT(last, 50);
  Open();
  EXPECT_EQ(Missing(0, last + 1), 0);
  ExpectSound();
}

TEST_F(FileSystemTest, ADeviceThatIsPulledOutTakesNothingAcknowledged) {
  WithDevice([&](const std::string& image) {
    Open();
    for (int key = 0; key < 200; ++key) ASSERT_TRUE(Put(key));
    if (!PullOut(folder_)) _exit(kNotPermitted);
    // Pages that are in memory are read on, others not: a commit fails before it is ordered, or behind that.
    for (int key = 200; key < 210; ++key) {
      const Status put = Put(key);
      ASSERT_FALSE(put);
      const Errc code = put.error().code();
      EXPECT_TRUE(code == Errc::kIo || code == Errc::kUnknownOutcome || code == Errc::kPoisoned)
          << put.error().ToString();
      EXPECT_NE(put.error().ToString().find("Input/output error"), std::string::npos)
          << put.error().ToString();
    }
    EXPECT_FALSE(db_->Close());
    db_.reset();
    EXPECT_EQ(CodeOfOpening(), Errc::kIo) << last_;
    ASSERT_EQ(umount2(folder_.c_str(), MNT_DETACH), 0);
    ASSERT_TRUE(MountImage(image, folder_));
    Open();
    EXPECT_EQ(Missing(0, 200), 0);
    ExpectSound();
  });
}

TEST_F(FileSystemTest, AReadOnlyFileSystemIsReadAndRefusesWriters) {
  WithFileSystem(uint64_t{8} << 20, [&] {
    Open();
    for (int key = 0; key < 100; ++key) ASSERT_TRUE(Put(key));
    ASSERT_TRUE(db_->Close());
    db_.reset();
    ASSERT_EQ(mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
    EXPECT_EQ(CodeOfOpening(), Errc::kPermission) << last_;
    EXPECT_NE(last_.find("Read-only file system"), last_.npos) << last_;
    auto opened = Database::Open(path(), [] {
      Options options = TinyOptions();
      options.read_only = true;
      return options;
    }());
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    EXPECT_EQ(Missing(0, 100), 0);
  });
}

TEST_F(FileSystemTest, TooManyOpenFilesIsSaidAndLeavesEverythingAsItIs) {
  EXPECT_EQ(InChild([&] {
              Open();
              ASSERT_TRUE(Put(1));
              ASSERT_TRUE(db_->Close());
              db_.reset();
              rlimit before{};
              ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
              const int free = open("/dev/null", O_RDONLY);
              // So many descriptors as are open, and `more`.
              for (const int more : {0, 1}) {
                const rlimit limit{.rlim_cur = static_cast<rlim_t>(free + more), .rlim_max = before.rlim_max};
                close(free);
                ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
                EXPECT_EQ(CodeOfOpening(), Errc::kLimit) << last_;
                EXPECT_NE(last_.find("Too many open files"), last_.npos) << last_;
                ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
              }
              Open();
              EXPECT_EQ(Missing(1, 2), 0);
            }),
            0);
}

TEST_F(FileSystemTest, FilesThatAreRemovedWhileOpenServeUntilTheyAreClosed) {
  Open();
  ASSERT_TRUE(Put(1));
  fs::remove(path());
  fs::remove(path() + "-wal");
  for (int key = 2; key < 300; ++key) ASSERT_TRUE(Put(key));
  EXPECT_EQ(Missing(1, 300), 0);
  ASSERT_TRUE(db_->Checkpoint());
  EXPECT_TRUE(db_->Close());
  EXPECT_EQ(CodeOfOpening(), Errc::kNotFound) << last_;
}

// Another database comes to lie there, as an installer does it: renamed over the names.
TEST_F(FileSystemTest, FilesThatAreReplacedWhileOpenAreNotWrittenTo) {
  Open();
  for (int key = 0; key < 50; ++key) ASSERT_TRUE(Put(key));
  ASSERT_TRUE(db_->Close());
  fs::create_directory(folder_ + "/other");
  for (const char* name : {"db", "db-wal"}) fs::copy_file(folder_ + "/" + name, folder_ + "/other/" + name);
  Open();
  for (int key = 50; key < 60; ++key) ASSERT_TRUE(Put(key));
  for (const char* name : {"db", "db-wal"}) fs::rename(folder_ + "/other/" + name, folder_ + "/" + name);
  for (int key = 60; key < 300; ++key) ASSERT_TRUE(Put(key));
  EXPECT_TRUE(db_->Close());
  Open();
  EXPECT_EQ(Missing(0, 50), 0);
  EXPECT_EQ(Missing(50, 60), 10) << "it is the copy";
  ExpectSound();
}

// The log alone: gone, or another database's. Whoever has it open goes on; whoever opens next is told.
TEST_F(FileSystemTest, ALogThatIsTakenAwayOrExchangedWhileOpenIsMissedByTheNextOpening) {
  const std::string log = path() + "-wal", other = folder_ + "/other";
  ASSERT_TRUE(Database::Open(other, TinyOptions()));
  for (const bool exchanged : {false, true}) {
    EXPECT_EQ(InChild([&] {
                Open();
                for (int key = 0; key < 10; ++key) ASSERT_TRUE(Put(key));
                fs::remove(log);
                if (exchanged) fs::rename(other + "-wal", log);
                for (int key = 10; key < 100; ++key) ASSERT_TRUE(Put(key));
                EXPECT_EQ(Missing(0, 100), 0);
                std::fflush(nullptr);
                _exit(HasFailure() ? 1 : 0);  // without closing
              }),
              0);
    for (const bool read_only : {false, true}) {
      EXPECT_EQ(CodeOfOpening(read_only), Errc::kCorrupt) << last_;
      EXPECT_NE(last_.find("db-wal"), last_.npos) << last_;
      const char* why = exchanged ? "another database" : "the log is missing";
      EXPECT_NE(last_.find(why), last_.npos) << last_;
    }
    fs::remove(path());
    fs::remove(log);
  }
}

// An older copy of it instead: what lay behind the last checkpoint is gone, and nothing that is left tells.
// What is found is one state of the past all the same.
TEST_F(FileSystemTest, ALogThatIsExchangedForAnOlderCopyLosesAtMostWhatIsBehindTheCheckpoint) {
  const std::string log = path() + "-wal";
  EXPECT_EQ(InChild([&] {
              Open();
              for (int key = 0; key < 50; ++key) ASSERT_TRUE(Put(key));
              ASSERT_TRUE(db_->Close());
              fs::copy_file(log, folder_ + "/older");
              Open();
              for (int key = 50; key < 60; ++key) ASSERT_TRUE(Put(key));
              ASSERT_TRUE(db_->Checkpoint());
              fs::rename(folder_ + "/older", log);
              for (int key = 60; key < 65; ++key) ASSERT_TRUE(Put(key));
              std::fflush(nullptr);
              _exit(HasFailure() ? 1 : 0);  // without closing
            }),
            0);
  if (CodeOfOpening() != Errc{}) return;
  Open();
  EXPECT_EQ(Missing(0, 60), 0);
  EXPECT_EQ(Missing(60, 65), 5) << "the limit in docs/durability.md holds no more";
  ExpectSound();
}

// Somebody cuts one of the files, at `bytes`, while the database is open; then it goes on, and dies.
// What was acknowledged is there, or the next opening, or a reading, says what is wrong.
class CutWhileOpen : public FileSystemTest,
                     public testing::WithParamInterface<std::tuple<const char*, int>> {};

TEST_P(CutWhileOpen, LosesNothingSilently) {
  const auto [name, bytes] = GetParam();
  const std::string file = folder_ + "/" + name;
  int acknowledged[2];
  ASSERT_EQ(pipe(acknowledged), 0);
  EXPECT_EQ(InChild([&] {
              Open();
              for (int key = 0; key < 300; ++key) ASSERT_TRUE(Put(key));
              ASSERT_EQ(truncate(file.c_str(), bytes), 0);
              int last = 300;
              while (last < 320 && Put(last)) ++last;
              ASSERT_EQ(write(acknowledged[1], &last, sizeof last), static_cast<ssize_t>(sizeof last));
              _exit(testing::Test::HasFailure() ? 1 : 0);  // without closing
            }),
            0);
  int last = 0;
  ASSERT_EQ(read(acknowledged[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  close(acknowledged[0]);
  close(acknowledged[1]);
  const auto opened = Database::Open(path(), TinyOptions());
  if (!opened) {
    // Of a file without a single byte nobody can tell what it was.
    const bool empty = name == std::string("db") && bytes == 0;
    EXPECT_EQ(Name(opened.error().category()), empty ? "kCaller" : "kRestore") << opened.error().ToString();
    return;
  }
  const auto report = (*opened)->Verify();
  if (!report || !report->problems.empty()) return;
  auto txn = (*opened)->BeginRead();
  const auto family = txn->OpenColumnFamily("f");
  ASSERT_TRUE(family);
  const auto table = txn->OpenTable(*family, "t");
  ASSERT_TRUE(table);
  EXPECT_EQ(*table->Length(), static_cast<uint64_t>(last));
}

INSTANTIATE_TEST_SUITE_P(Files, CutWhileOpen,
                         testing::Combine(testing::Values("db", "db-wal"),
                                          testing::Values(0, 512, 4096, 12'000)),
                         [](const auto& cut) {
                           return (std::get<0>(cut.param) == std::string("db") ? "Data" : "Log") +
                                  std::to_string(std::get<1>(cut.param));
                         });

// ---- Callers ----------------------------------------------------------------------------------------------

TEST_F(FileSystemTest, AnExceptionInATransactionAbortsItAndNobodyWaitsForIt) {
  Open();
  ASSERT_TRUE(Put(1));
  const auto work = [&] {
    auto txn = db_->BeginWrite(family_);
    auto table = txn->OpenTable(family_, "t");
    ASSERT_TRUE(table->Put(AsBytes("1"), AsBytes("half done")));
    throw std::runtime_error("the caller's");
  };
  EXPECT_THROW(work(), std::runtime_error);
  EXPECT_EQ(Missing(1, 2), 0);
  EXPECT_TRUE(Put(2));
  EXPECT_TRUE(db_->Close()) << "nothing is open";
}

TEST_F(FileSystemTest, ThirtyTwoThreadsOnOneFamilyEachGetTheirTurn) {
  constexpr int kThreads = 32, kCommits = 20;
  Open([](Options& options) { options.executor = nullptr; });
  std::vector<std::thread> threads;
  std::vector<int> failed(kThreads, 0);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) failed[static_cast<size_t>(t)] += !Put(t * kCommits + i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, std::vector<int>(kThreads, 0));
  EXPECT_EQ(Missing(0, kThreads * kCommits), 0);
  ExpectSound();
  EXPECT_TRUE(db_->Close());
}

// Close is refused while a transaction is open; when it succeeds, all that was acknowledged is in it.
TEST_F(FileSystemTest, ACloseBesideWritersComesBetweenTwoTransactions) {
  constexpr int kWriters = 4, kCommits = 50;
  Open([](Options& options) { options.executor = nullptr; });
  std::vector<int> committed(kWriters, 0);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kCommits; ++i) {
        const Status put = Put(w * kCommits + i);
        EXPECT_TRUE(put || put.error().code() == Errc::kClosed) << put.error().ToString();
        if (!put) return;
        ++committed[static_cast<size_t>(w)];
      }
    });
  }
  Status closed = db_->Close();
  while (!closed && closed.error().code() == Errc::kBusy) closed = db_->Close();
  EXPECT_TRUE(closed) << closed.error().ToString();
  for (std::thread& writer : writers) writer.join();
  Open();
  for (int w = 0; w < kWriters; ++w) {
    const int first = w * kCommits;
    EXPECT_EQ(Missing(first, first + committed[static_cast<size_t>(w)]), 0) << w;
  }
  ExpectSound();
}

}  // namespace
}  // namespace manifolddb
