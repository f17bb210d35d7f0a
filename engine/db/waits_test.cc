// Who waits for whom: one thread is stopped in the middle of a sync, and goes on when another begins to wait.
// Needs the build whose waits can be taken over.

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>

#include "engine/base/mutex.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// Stops the first sync of the log after Arm, until Open.
class Gate {
 public:
  void Arm() { armed_.store(true); }
  void PassSync() {
    if (!armed_.exchange(false)) return;
    reached_.count_down();
    open_.wait(false);
  }
  void AwaitSync() { reached_.wait(); }
  void Open() {
    open_.store(true);
    open_.notify_all();
  }

 private:
  std::atomic<bool> armed_{false};
  std::atomic<bool> open_{false};
  std::latch reached_{1};
};

class GatedFile final : public File {
 public:
  GatedFile(std::unique_ptr<File> file, Gate* gate)
      : File(file->name()), file_(std::move(file)), gate_(gate) {}

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override { return file_->Read(offset, out); }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    return file_->Write(offset, parts);
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return file_->WriteDurable(offset, parts);
  }
  Status DoSync() override {
    if (gate_ != nullptr) gate_->PassSync();
    return file_->Sync();
  }
  Result<uint64_t> DoSize() override { return file_->Size(); }
  Status DoAllocate(uint64_t size) override { return file_->Allocate(size); }
  Status DoLock(LockMode mode) override { return file_->Lock(mode); }

  const std::unique_ptr<File> file_;
  Gate* const gate_;
};

class GatedStorage final : public Storage {
 public:
  explicit GatedStorage(Gate* gate) : gate_(gate) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    auto file = storage_->Open(name, mode);
    if (!file) return file;
    return std::make_unique<GatedFile>(std::move(*file), name == "db-wal" ? gate_ : nullptr);
  }
  Result<bool> Exists(const std::string& name) override { return storage_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override {
    return storage_->Rename(from, to);
  }
  Status Remove(const std::string& name) override { return storage_->Remove(name); }
  Status SyncDirectory() override { return storage_->SyncDirectory(); }
  std::array<std::byte, 16> NewIdentity() override { return storage_->NewIdentity(); }

 private:
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
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

}  // namespace
}  // namespace manifolddb
