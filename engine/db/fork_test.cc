// A child process after fork must leave the database to its parent.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <latch>
#include <string>
#include <thread>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// The code with which `child` fails in a forked process; 0: it succeeds; -1: it dies.
int CodeInChild(const std::function<Errc()>& child) {
  const pid_t pid = fork();
  if (pid == 0) _exit(static_cast<int>(child()));
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool SaysItsAdviceOnce(const Error& error) {
  const std::string line = error.ToString();
  const size_t at = line.find(Advice(error.code()));
  return at != line.npos && line.find(Advice(error.code()), at + 1) == line.npos;
}

template <class T>
Errc CodeOf(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

TEST(Fork, CommitsInAChildAreRefusedAsSuchAndTheParentGoesOn) {
  std::string directory = testing::TempDir() + "/fork_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  Options options;
  options.executor = MakeInlineExecutor();  // a thread would not be there in the child
  auto db = std::move(*Database::Open(directory + "/db", options));
  const ColumnFamily family = *db->CreateColumnFamily("f");
  auto txn = db->BeginWrite(family);
  auto table = txn->CreateTable(family, "t");
  ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));

  constexpr int kForked = static_cast<int>(Errc::kForked);
  const CommitOptions through{.through_checkpoint = true};
  EXPECT_EQ(CodeInChild([&] { return CodeOf(txn->Commit()); }), kForked);
  EXPECT_EQ(CodeInChild([&] { return CodeOf(txn->Commit(through)); }), kForked);
  EXPECT_EQ(CodeInChild([&] { return CodeOf(db->CreateColumnFamily("g")); }), kForked);
  EXPECT_EQ(CodeInChild([&] { return CodeOf(db->Checkpoint()); }), kForked);
  EXPECT_EQ(CodeInChild([&] {
              static_cast<void>(txn->Commit());
              return CodeOf(db->BeginWrite(family));
            }),
            kForked);

  EXPECT_EQ(CodeInChild([&] {
              static_cast<void>(txn->Commit());
              const auto refused = db->BeginWrite(family);
              return !refused && SaysItsAdviceOnce(refused.error()) ? Errc::kForked : Errc{};
            }),
            kForked);

  EXPECT_TRUE(txn->Commit());
  EXPECT_TRUE(db->Close());
  db.reset();
  std::filesystem::remove_all(directory);
}

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The child has no such thread: nothing may wait for one, neither a call nor a destructor.
TEST(Fork, AChildWaitsForNoThreadOfItsParentAndWritesNothing) {
  std::string directory = testing::TempDir() + "/fork_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/db";
  auto db = std::move(*Database::Open(path));
  const ColumnFamily family = *db->CreateColumnFamily("f");
  ASSERT_TRUE(db->Checkpoint());  // the thread runs
  const auto put = [&] {
    auto txn = db->BeginWrite(family);
    if (!txn) return CodeOf(txn);
    auto table = txn->OpenOrCreateTable(family, "t");
    if (!table) return CodeOf(table);
    if (auto done = table->Put(AsBytes("k"), AsBytes("v")); !done) return CodeOf(done);
    return CodeOf(txn->Commit());
  };
  ASSERT_EQ(put(), Errc{});
  const std::string data = BytesOf(path), log = BytesOf(path + "-wal");

  constexpr int kForked = static_cast<int>(Errc::kForked);
  const auto in_child = [&](const std::function<Errc()>& call) {
    return CodeInChild([&] {
      alarm(60);  // else it would wait for ever
      return call();
    });
  };
  EXPECT_EQ(in_child([&] { return CodeOf(db->Checkpoint()); }), kForked);
  EXPECT_EQ(in_child([&] { return CodeOf(db->Close()); }), kForked);
  EXPECT_EQ(in_child(put), kForked);
  EXPECT_EQ(in_child([&] {
              db.reset();
              return Errc{};
            }),
            0);
  EXPECT_TRUE(BytesOf(path) == data && BytesOf(path + "-wal") == log) << "a child wrote";

  EXPECT_EQ(put(), Errc{});
  EXPECT_TRUE(db->Checkpoint());
  EXPECT_TRUE(db->Close());
  db.reset();
  std::filesystem::remove_all(directory);
}

// Holds up the first thread that is not the test's own and asks for the time. A checkpoint asks when it has
// taken its role, so it is held amid itself.
class HoldingClock final : public Clock {
 public:
  uint64_t NowNanos() override {
    if (std::this_thread::get_id() != own_ && armed_.exchange(false)) {
      reached_.count_down();
      go_on_.wait();
    }
    return clock_->NowNanos() + ahead_;
  }
  void Arm() { armed_ = true; }
  void AnHourPasses() { ahead_ += uint64_t{3600} * 1'000'000'000; }
  void AwaitOther() { reached_.wait(); }
  void LetGo() { go_on_.count_down(); }

 private:
  const std::thread::id own_ = std::this_thread::get_id();
  const std::shared_ptr<Clock> clock_ = MakeMonotonicClock();
  std::atomic<uint64_t> ahead_{0};
  std::atomic<bool> armed_{false};
  std::latch reached_{1}, go_on_{1};
};

struct HeldDatabase {
  std::shared_ptr<HoldingClock> clock = std::make_shared<HoldingClock>();
  std::unique_ptr<Database> db;
  ColumnFamily family;

  HeldDatabase() {
    Options options = TinyOptions();
    options.executor = MakeThreadExecutor();
    options.clock = clock;
    db = std::move(*Database::Open(MakeMemoryStorage(), "db", options));
    family = *db->CreateColumnFamily("f");
    static_cast<void>(Put("v"));
  }
  Errc Put(std::string_view value) {
    auto txn = db->BeginWrite(family);
    if (!txn) return CodeOf(txn);
    auto table = txn->OpenOrCreateTable(family, "t");
    if (!table) return CodeOf(table);
    if (auto done = table->Put(AsBytes("k"), AsBytes(value)); !done) return CodeOf(done);
    return CodeOf(txn->Commit());
  }
  // What a child must be told at once, whatever its parent's threads do and hold.
  void ExpectTheChildIsRefused() {
    constexpr int kForked = static_cast<int>(Errc::kForked);
    const auto in_child = [](const std::function<Errc()>& call) {
      return CodeInChild([&] {
        alarm(60);  // else it would wait for ever
        return call();
      });
    };
    EXPECT_EQ(in_child([&] { return CodeOf(db->Close()); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->Checkpoint()); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->Verify()); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->ShrinkFile()); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->SetOptions({.checkpoint_interval_ms = 1})); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->CreateSavepoint("s")); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->RestoreSavepoint("s")); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->DeleteSavepoint("s")); }), kForked);
    EXPECT_EQ(in_child([&] { return CodeOf(db->ListSavepoints()); }), kForked);
    EXPECT_EQ(in_child([&] { return Put("v"); }), kForked);
    EXPECT_EQ(in_child([&] {
                db.reset();
                return Errc{};
              }),
              0);
  }
};

TEST(Fork, AChildOfAProcessAmidACheckpointIsRefusedAtOnce) {
  HeldDatabase held;
  held.clock->Arm();
  std::thread checkpoint([&] { EXPECT_TRUE(held.db->Checkpoint()); });
  held.clock->AwaitOther();
  held.ExpectTheChildIsRefused();
  held.clock->LetGo();
  checkpoint.join();
  EXPECT_TRUE(held.db->Close());
}

// Nobody calls, so nothing tells that it is in use; but Close, and the destructor, would wait for it.
TEST(Fork, AChildOfAProcessWithACheckpointInTheBackgroundIsRefusedAtOnce) {
  HeldDatabase held;
  held.clock->Arm();
  held.clock->AnHourPasses();
  ASSERT_EQ(held.Put("v"), Errc{});  // a checkpoint is due
  held.clock->AwaitOther();
  held.ExpectTheChildIsRefused();
  held.clock->LetGo();
  EXPECT_EQ(held.Put("behind"), Errc{});
  EXPECT_TRUE(held.db->Close());
}

}  // namespace
}  // namespace manifolddb
