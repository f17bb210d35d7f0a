// Who waits for whom: one thread is stopped in the middle of a sync, and goes on when another begins to wait.
// Needs the build whose waits can be taken over.

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>

#include "engine/base/mutex.h"
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

}  // namespace
}  // namespace manifolddb
