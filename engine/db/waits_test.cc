// Who waits for whom: one thread is stopped in the middle of a sync, and goes on when another begins to wait.
// Needs the build whose waits can be taken over.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/sites.h"
#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// Stops the first sync or durable write of the log after Arm, until Open.
class Gate {
 public:
  void Arm() { armed_.store(true); }
  void PassSync() {
    if (!armed_.exchange(false)) return;
    reached_.count_down();
    open_.wait(false);
  }
  void AwaitSync() { reached_.wait(); }
  bool open() const { return open_.load(); }
  void Open() {
    open_.store(true);
    open_.notify_all();
  }

 private:
  std::atomic<bool> armed_{false};
  std::atomic<bool> open_{false};
  std::latch reached_{1};
};

class GatedFile final : public PassingFile {
 public:
  GatedFile(std::unique_ptr<File> file, Gate* gate) : PassingFile(std::move(file)), gate_(gate) {}

 private:
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    gate_->PassSync();
    return below().WriteDurable(offset, parts);
  }
  Status DoSync() override {
    gate_->PassSync();
    return below().Sync();
  }

  Gate* const gate_;
};

class GatedStorage final : public PassingStorage {
 public:
  explicit GatedStorage(Gate* gate) : gate_(gate) {}

 private:
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    if (file->name() != "db-wal") return file;
    return std::make_unique<GatedFile>(std::move(file), gate_);
  }

  Gate* const gate_;
};

Gate* waited_for = nullptr;

class WaitsTest : public testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.log_bytes_initial = 16 * 4096;
    options.executor = MakeInlineExecutor();
    auto opened = Database::Open(std::make_shared<GatedStorage>(&gate_), "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
  }
  // Runs `slow` on a thread of its own up to its sync of the log, then `other` here. The sync goes on when
  // `other` waits, at the latest when it has ended.
  template <class Slow, class Other>
  void RunBeside(Slow slow, Other other) {
    gate_.Arm();
    std::thread thread(slow);
    gate_.AwaitSync();
    waited_for = &gate_;
    base::simulated_wait = [] {
      waited_for->Open();
      std::this_thread::yield();
    };
    other();
    base::simulated_wait = nullptr;
    gate_.Open();
    thread.join();
  }

  Gate gate_;
  std::unique_ptr<Database> db_;
};

TEST_F(WaitsTest, OpenOrCreateWaitsForACreationThatIsNotDurableYet) {
  RunBeside([&] { EXPECT_TRUE(db_->CreateColumnFamily("f")); },
            [&] {
              const auto family = db_->OpenOrCreateColumnFamily("f");
              ASSERT_TRUE(family) << family.error().ToString();
              EXPECT_TRUE(db_->BeginWrite(*family));
            });
}

TEST_F(WaitsTest, ANameIsSaidToBeTakenOrMissingOnlyWhenThatIsDurable) {
  ASSERT_TRUE(db_->CreateColumnFamily("f"));
  RunBeside([&] { EXPECT_TRUE(db_->RenameColumnFamily("f", "g")); },
            [&] {
              EXPECT_EQ(db_->DropColumnFamily("f").error().code(), Errc::kNoSuchColumnFamily);
              EXPECT_EQ(*db_->ListColumnFamilies(), std::vector<std::string>{"g"});
            });
}

// Its success must wait for the commit that it read; it needs no checkpoint for that.
TEST_F(WaitsTest, AWriterWithoutRedoThatOnlyReadMakesNoCheckpoint) {
  const ColumnFamily family = *db_->CreateColumnFamily("f");
  const auto put = [&] {
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn && txn->OpenOrCreateTable(family, "t")->Put(AsBytes("k"), AsBytes("v")));
    EXPECT_TRUE(txn->Commit());
  };
  const DatabaseStats before = db_->Stats();
  RunBeside(put, [&] {
    auto txn = db_->BeginWrite(family, {.log = false});
    ASSERT_TRUE(txn) << txn.error().ToString();
    EXPECT_EQ((*txn->OpenTable(family, "t")->Get(AsBytes("k")))->text(), "v") << "ordered, not durable";
    EXPECT_EQ(db_->Stats().commit_number, before.commit_number);
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
    EXPECT_GT(db_->Stats().commit_number, before.commit_number) << "now it is";
  });
  EXPECT_EQ(db_->Stats().checkpoints, before.checkpoints);
}

// The second writer's; set when it begins to wait, which it does for nothing but the group before its own.
std::atomic<bool> second_waits{false};

void TellThatSecondWaits() {
  second_waits.store(true);
  second_waits.notify_all();
}

TEST_F(WaitsTest, WritersOfOneFamilyBehindAStoppedSyncShareTheNextGroup) {
  const ColumnFamily family = *db_->CreateColumnFamily("f");
  const auto put = [&](const std::string& key) {
    auto txn = db_->BeginWrite(family);
    ASSERT_TRUE(txn) << txn.error().ToString();
    // Early lock release: who held the family before is ordered, not durable.
    EXPECT_FALSE(gate_.open()) << key;
    auto table = txn->OpenOrCreateTable(family, "t");
    ASSERT_TRUE(table) << table.error().ToString();
    EXPECT_EQ(*table->Length(), key == "first" ? 0u : key == "second" ? 1u : 2u);
    ASSERT_TRUE(table->Put(AsBytes(key), AsBytes("v")));
    const auto committed = txn->Commit();
    EXPECT_TRUE(committed) << committed.error().ToString();
  };
  second_waits = false;
  const DatabaseStats before = db_->Stats();
  std::thread second;
  RunBeside([&] { put("first"); },
            [&] {
              second = std::thread([&] {
                base::simulated_wait = [] {
                  TellThatSecondWaits();
                  std::this_thread::yield();
                };
                put("second");
                base::simulated_wait = nullptr;
                TellThatSecondWaits();  // also if it did not
              });
              second_waits.wait(false);
              EXPECT_EQ(db_->Stats().commit_number, before.commit_number);
              put("third");
            });
  second.join();
  const DatabaseStats after = db_->Stats();
  EXPECT_EQ(after.commits, before.commits + 3);
  EXPECT_EQ(after.log_groups, before.log_groups + 2);
  EXPECT_EQ(after.log_syncs, before.log_syncs + 2);
}

// Keeps work until it is told to do it: the database's own checkpoints stay out of the way.
class KeepingExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  void Run() {
    for (const auto& work : std::exchange(work_, {})) work();
  }

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
};

// The first sync of the data file after Arm waits at the gate; those after the first `succeed` fail.
class FailingStorage final : public PassingStorage {
 public:
  void Arm(int succeed) {
    succeed_.store(succeed);
    gate.Arm();
  }
  Gate gate;

 private:
  class DataFile final : public PassingFile {
   public:
    DataFile(std::unique_ptr<File> file, FailingStorage* storage)
        : PassingFile(std::move(file)), storage_(storage) {}

   private:
    Status DoSync() override {
      storage_->gate.PassSync();
      if (storage_->succeed_.fetch_sub(1) > 0) return below().Sync();
      return Fail(Errc::kIo, "test.sync", {.file = name()});
    }
    FailingStorage* const storage_;
  };
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    if (file->name() == "db-wal") return file;
    return std::make_unique<DataFile>(std::move(file), this);
  }

  std::atomic<int> succeed_{1 << 30};
};

uint64_t WaitsForLogSpace() { return base::MarkOf<"txn.waits_for_log_space">::mark.hits(); }
uint64_t WaitsForMemory() { return base::MarkOf<"txn.waits_for_memory">::mark.hits(); }

std::atomic<uint64_t> waits_for_log_space_before{0};
std::latch* both_wait = nullptr;

// Once in each thread; what follows are real waits, which end only if somebody ends them.
void TellThatOneWaits() {
  base::simulated_wait = nullptr;
  both_wait->count_down();
}
// A writer also waits for company, a little.
void TellThatLogSpaceIsWaitedFor() {
  std::this_thread::yield();
  if (WaitsForLogSpace() > waits_for_log_space_before) TellThatOneWaits();
}

class BehindACheckpointTest : public testing::Test {
 protected:
  // More one-unit commits than the ring has room for, of a page each: too few in one transaction to be
  // written out by it, in all more than may be dirty.
  static constexpr int kWriters = 20;

  void SetUp() override {
    Options options = TinyOptions();
    options.log_bytes_max = options.log_bytes_initial;
    options.dirty_bytes_max = 9 * kTinyUnit;
    options.executor = executor_;
    auto opened = Database::Open(storage_, "db", options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    another_ = *db_->CreateColumnFamily("another");
    std::vector<ColumnFamily> families;
    for (int i = 0; i < kWriters; ++i) families.push_back(*db_->CreateColumnFamily(std::to_string(i)));
    ASSERT_TRUE(db_->Checkpoint());
    for (const ColumnFamily family : families) writers_.push_back(std::move(*db_->BeginWrite(family)));
    for (int i = 0; i < kWriters; ++i) {
      auto table = writers_[static_cast<size_t>(i)].CreateTable(families[static_cast<size_t>(i)], "t");
      ASSERT_TRUE(table) << table.error().ToString();
      ASSERT_TRUE(table->Put(AsBytes("k"), AsBytes("v")));
    }
  }

  // Until one has waited for room in the log.
  Status CommitSome() {
    const uint64_t before = WaitsForLogSpace();
    for (WriteTransaction& writer : writers_) {
      if (auto committed = writer.Commit(); !committed) return std::unexpected<Error>(committed.error());
      if (WaitsForLogSpace() > before) break;
    }
    return {};
  }

  // A checkpoint stops at its first sync of the data file until one writer waits for room in the log and
  // another for memory; syncs after the first `succeed` fail. What the checkpoint says.
  Status CheckpointWithTwoBehindIt(int succeed) {
    std::latch waiting(2);
    both_wait = &waiting;
    waits_for_log_space_before = WaitsForLogSpace();
    const uint64_t waits_for_memory_before = WaitsForMemory();
    storage_->Arm(succeed);
    Status checkpoint;
    std::thread checkpointer([&] { checkpoint = db_->Checkpoint(); });
    storage_->gate.AwaitSync();
    std::thread committer([&] {
      base::simulated_wait = TellThatLogSpaceIsWaitedFor;
      for_log_space_ = CommitSome();
      if (base::simulated_wait != nullptr) TellThatOneWaits();
    });
    std::thread beginner([&] {
      base::simulated_wait = TellThatOneWaits;
      const auto begun = db_->BeginWrite(another_);
      if (!begun) for_memory_ = std::unexpected<Error>(begun.error());
      if (base::simulated_wait != nullptr) TellThatOneWaits();
    });
    waiting.wait();
    storage_->gate.Open();
    for (std::thread* const thread : {&checkpointer, &committer, &beginner}) thread->join();
    EXPECT_EQ(WaitsForLogSpace(), waits_for_log_space_before + 1);
    EXPECT_EQ(WaitsForMemory(), waits_for_memory_before + 1);
    return checkpoint;
  }

  void TearDown() override {
    writers_.clear();
    executor_->Run();
    ASSERT_NE(db_, nullptr);
    const Status closed = db_->Close();
    EXPECT_EQ(closed.has_value(), !poisons_);
    if (!closed) {
      EXPECT_EQ(closed.error().code(), Errc::kPoisoned);
    }
  }

  const std::shared_ptr<FailingStorage> storage_ = std::make_shared<FailingStorage>();
  const std::shared_ptr<KeepingExecutor> executor_ = std::make_shared<KeepingExecutor>();
  std::unique_ptr<Database> db_;
  ColumnFamily another_{0};
  std::vector<WriteTransaction> writers_;
  Status for_log_space_;
  Status for_memory_;
  bool poisons_ = true;  // the checkpoint that fails
};

TEST_F(BehindACheckpointTest, AFailureIsToldToEachWriterThatWaits) {
  EXPECT_EQ(CheckpointWithTwoBehindIt(0).error().operation(), "test.sync");
  for (const Status& status : {for_log_space_, for_memory_}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Errc::kIo) << status.error().ToString();
    EXPECT_EQ(status.error().operation(), "test.sync");
  }
}

// The one that runs gives neither of them enough: it captured what was there before they came. One of them
// runs the next, or both do; it fails.
TEST_F(BehindACheckpointTest, AFailureOfTheNextIsToldToWritersThatWaitForIt) {
  constexpr int kSyncsOfOneCheckpoint = 3;
  EXPECT_TRUE(CheckpointWithTwoBehindIt(kSyncsOfOneCheckpoint));
  int first_to_know = 0;
  for (const Status& status : {for_log_space_, for_memory_}) {
    ASSERT_FALSE(status);
    if (status.error().code() == Errc::kIo) {
      EXPECT_EQ(status.error().operation(), "test.sync");
      ++first_to_know;
    } else {
      EXPECT_EQ(status.error().code(), Errc::kPoisoned) << status.error().ToString();
      EXPECT_NE(status.error().message().find("test.sync"), std::string::npos);
    }
  }
  EXPECT_GE(first_to_know, 1);
}

// What the one that runs gives back is enough: no other follows.
TEST_F(BehindACheckpointTest, WhoWaitsForRoomGoesOnBehindTheOneThatMakesIt) {
  poisons_ = false;
  constexpr size_t kInTheCheckpoint = 4;
  for (size_t i = 0; i < kInTheCheckpoint; ++i) ASSERT_TRUE(writers_[i].Commit());
  writers_.erase(writers_.begin(), writers_.begin() + kInTheCheckpoint);
  const uint64_t checkpoints_before = db_->Stats().checkpoints;

  std::latch waiting(1);
  both_wait = &waiting;
  waits_for_log_space_before = WaitsForLogSpace();
  storage_->Arm(1 << 30);
  std::thread checkpointer([&] { EXPECT_TRUE(db_->Checkpoint()); });
  storage_->gate.AwaitSync();
  std::thread committer([&] {
    base::simulated_wait = TellThatLogSpaceIsWaitedFor;
    for_log_space_ = CommitSome();
    if (base::simulated_wait != nullptr) TellThatOneWaits();
  });
  waiting.wait();
  storage_->gate.Open();
  checkpointer.join();
  committer.join();
  EXPECT_TRUE(for_log_space_) << for_log_space_.error().ToString();
  EXPECT_EQ(WaitsForLogSpace(), waits_for_log_space_before + 1);
  EXPECT_EQ(db_->Stats().checkpoints, checkpoints_before + 1);
}

}  // namespace
}  // namespace manifolddb
