// Two creations of one database at the same time: before each call of one on the directory, another begins
// and ends. One of them creates; the other is told that the database is locked, or opens what was created.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <string>

#include "manifolddb/database.h"

namespace manifolddb {
namespace {

// A storage that does something before its nth call.
class InterruptedStorage final : public Storage {
 public:
  InterruptedStorage(std::shared_ptr<Storage> storage, uint64_t at, std::function<void()> interruption)
      : storage_(std::move(storage)), at_(at), interruption_(std::move(interruption)) {}

  uint64_t calls() const { return calls_; }

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    Count();
    return storage_->Open(name, mode);
  }
  Result<bool> Exists(const std::string& name) override {
    Count();
    return storage_->Exists(name);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    Count();
    return storage_->Rename(from, to);
  }
  Status Remove(const std::string& name) override {
    Count();
    return storage_->Remove(name);
  }
  Status SyncDirectory() override {
    Count();
    return storage_->SyncDirectory();
  }
  std::array<std::byte, 16> NewIdentity() override { return storage_->NewIdentity(); }

 private:
  void Count() {
    if (calls_++ == at_) interruption_();
  }

  const std::shared_ptr<Storage> storage_;
  const uint64_t at_;
  const std::function<void()> interruption_;
  uint64_t calls_ = 0;
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
  const auto interrupted =
      std::make_shared<InterruptedStorage>(storage, at, [&] { second = CreateFamily(storage, "second"); });
  const bool first = CreateFamily(interrupted, "first");
  EXPECT_TRUE(first || second) << "each kept the other from creating, call " << at;
  auto db = Database::Open(storage, "db", Inline());
  EXPECT_TRUE(db) << "call " << at << ": " << db.error().ToString();
  if (!db) return false;
  const auto transaction = (*db)->BeginRead();
  EXPECT_EQ(transaction->OpenColumnFamily("first").has_value(), first) << "call " << at;
  EXPECT_EQ(transaction->OpenColumnFamily("second").has_value(), second) << "call " << at;
  return interrupted->calls() > at;
}

constexpr uint64_t kCallsMax = 1000;

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
