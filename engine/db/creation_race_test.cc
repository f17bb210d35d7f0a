// Two creations of one database at the same time: before each call of one on the directory, another begins
// and ends; or both take turns, a few calls each. What one of them is told to be durable is there
// afterwards; the
// other is told that the database is locked, or opens what was created.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// A storage that does something before each call on the directory.
class GatedStorage final : public Storage {
 public:
  GatedStorage(std::shared_ptr<Storage> storage, std::function<void()> gate)
      : storage_(std::move(storage)), gate_(std::move(gate)) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    gate_();
    return storage_->Open(name, mode);
  }
  Result<bool> Exists(const std::string& name) override {
    gate_();
    return storage_->Exists(name);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    gate_();
    return storage_->Rename(from, to);
  }
  Status Remove(const std::string& name) override {
    gate_();
    return storage_->Remove(name);
  }
  Status SyncDirectory() override {
    gate_();
    return storage_->SyncDirectory();
  }
  std::array<std::byte, 16> NewIdentity() override { return storage_->NewIdentity(); }

 private:
  const std::shared_ptr<Storage> storage_;
  const std::function<void()> gate_;
};

Options Inline() {
  Options options;
  options.log_bytes_initial = 16 * 4096;
  options.executor = MakeInlineExecutor();
  return options;
}

// Whether the database could be opened, or was locked. Then the family is durable.
bool CreateFamily(const std::shared_ptr<Storage>& storage, const std::string& family) {
  auto db = Database::Open(storage, "db", Inline());
  if (!db) {
    EXPECT_EQ(db.error().code(), Errc::kLocked) << db.error().ToString();
    return false;
  }
  const auto created = (*db)->CreateColumnFamily(family);
  EXPECT_TRUE(created) << created.error().ToString();
  const Status closed = (*db)->Close();
  EXPECT_TRUE(closed) << closed.error().ToString();
  return true;
}

// Interrupts before call `at`; false when there were fewer calls.
bool Race(const std::shared_ptr<Storage>& storage, uint64_t at) {
  bool second = false;
  uint64_t calls = 0;
  const auto interrupted = std::make_shared<GatedStorage>(storage, [&] {
    if (calls++ == at) second = CreateFamily(storage, "second");
  });
  const bool first = CreateFamily(interrupted, "first");
  EXPECT_TRUE(first || second) << "each kept the other from creating, call " << at;
  auto db = Database::Open(storage, "db", Inline());
  EXPECT_TRUE(db) << "call " << at << ": " << db.error().ToString();
  if (!db) return false;
  const auto transaction = (*db)->BeginRead();
  EXPECT_EQ(transaction->OpenColumnFamily("first").has_value(), first) << "call " << at;
  EXPECT_EQ(transaction->OpenColumnFamily("second").has_value(), second) << "call " << at;
  return calls > at;
}

// Lets one of two threads run at a time, for as many calls on the directory as its turns say.
class Turns {
 public:
  explicit Turns(std::vector<int> turns) : turns_(std::move(turns)) {}

  void Await(size_t who) {
    std::unique_lock lock(mutex_);
    turn_ended_.wait(lock, [&] { return running_ == who; });
    if (calls_left_ == 0) {
      Pass();
      turn_ended_.wait(lock, [&] { return running_ == who; });
    }
    --calls_left_;
  }
  void End(size_t who) {
    const std::unique_lock lock(mutex_);
    ended_[who] = true;
    if (running_ == who) Pass();
  }

 private:
  // To the other one, if it still runs.
  void Pass() {
    if (!ended_[1 - running_]) running_ = 1 - running_;
    calls_left_ = next_ < turns_.size() ? turns_[next_++] : kCallsMax;
    turn_ended_.notify_all();
  }

  static constexpr int kCallsMax = 1000;
  std::mutex mutex_;
  std::condition_variable turn_ended_;
  const std::vector<int> turns_;
  size_t next_ = 0;
  size_t running_ = 1;
  int calls_left_ = 0;
  std::array<bool, 2> ended_ = {};
};

// Both create, in turns; what each was told holds.
void TakeTurns(const std::shared_ptr<Storage>& storage, const std::vector<int>& lengths) {
  Turns turns(lengths);
  std::array<bool, 2> done = {};
  const auto create = [&](size_t who) {
    const auto gate = std::make_shared<GatedStorage>(storage, [&turns, who] { turns.Await(who); });
    done[who] = CreateFamily(gate, who == 0 ? "first" : "second");
    turns.End(who);
  };
  std::thread second(create, 1);
  create(0);
  second.join();
  std::string text;
  for (const int length : lengths) text += " " + std::to_string(length);
  auto db = Database::Open(storage, "db", Inline());
  ASSERT_TRUE(db) << "turns" << text << ": " << db.error().ToString();
  const auto transaction = (*db)->BeginRead();
  EXPECT_TRUE(!done[0] || transaction->OpenColumnFamily("first")) << "turns" << text;
  EXPECT_TRUE(!done[1] || transaction->OpenColumnFamily("second")) << "turns" << text;
}

// Turns of which some are short and some long: two creations meet where both are about to name something.
std::vector<int> DrawTurns(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<int> turns;
  for (int i = 0; i < 8; ++i) {
    const uint64_t most = random() % 2 == 0 ? 3 : 16;
    turns.push_back(static_cast<int>(1 + random() % most));
  }
  return turns;
}

constexpr uint64_t kCallsMax = 1000;

TEST(CreationRace, InTurnsInMemoryNothingAcknowledgedIsLost) {
  for (uint64_t seed = 0; seed < 4000; ++seed) TakeTurns(MakeMemoryStorage(), DrawTurns(seed));
}

TEST(CreationRace, InTurnsOnARealFileSystemNothingAcknowledgedIsLost) {
  const std::string pattern = testing::TempDir() + "/creation_turns_XXXXXX";
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::string folder = pattern;
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    TakeTurns(MakePosixStorage(folder), DrawTurns(seed));
    std::filesystem::remove_all(folder);
  }
}

TEST(CreationRace, InMemoryOneCreatesAndNothingIsMixed) {
  uint64_t at = 0;
  while (at < kCallsMax && Race(MakeMemoryStorage(), at)) ++at;
  EXPECT_GT(at, 10u);
  EXPECT_LT(at, kCallsMax);
}

TEST(CreationRace, OnARealFileSystemOneCreatesAndNothingIsMixed) {
  const std::string pattern = testing::TempDir() + "/creation_race_XXXXXX";
  uint64_t at = 0;
  for (bool more = true; more && at < kCallsMax; ++at) {
    std::string folder = pattern;
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    more = Race(MakePosixStorage(folder), at);
    std::filesystem::remove_all(folder);
  }
  EXPECT_GT(at, 10u);
  EXPECT_LT(at, kCallsMax);
}

}  // namespace
}  // namespace manifolddb
