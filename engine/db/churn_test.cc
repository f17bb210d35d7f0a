// Who writes, reads and throws away for long takes no more memory, and no more of the disk, than at first.
//
// A program of its own: it counts what the whole process has allocated. Nothing here is drawn, and one thread
// does it all, so the figures are the same each time.
//
//   db_churn_test [--seconds=3600]     as many rounds as fit; without it, 10,000

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

uint64_t asked_seconds = 0;  // 0: a number of rounds

size_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class ChurnTest : public testing::Test {
 protected:
  ChurnTest() {
    db_ = std::move(*Database::Open(storage_, "db", TinyOptions()));
    family_ = *db_->CreateColumnFamily("f");
  }

  // Everything that comes and goes, a little of each.
  void Round(int number) {
    const std::string text = std::to_string(number);
    auto txn = db_->BeginWrite(family_);
    auto table = txn->OpenOrCreateTable(family_, "t");
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(table->Put(AsBytes("key" + std::to_string((number * 7 + i * 13) % 200)), AsBytes(text)));
    }
    ASSERT_TRUE(table->Put(AsBytes("large"), AsBytes(std::string(2000 + number % 7 * 100, 'L'))));
    const std::string lower = "key" + std::to_string(number % 9), upper = lower + "5";
    ASSERT_TRUE(table->DeleteRange({.lower = AsBytes(lower), .upper = AsBytes(upper)}));
    auto passing = txn->CreateTable(family_, "passing");
    ASSERT_TRUE(passing->Put(AsBytes("k"), AsBytes(std::string(300, 'p'))));
    ASSERT_TRUE(txn->Commit({.durability = number % 3 == 0 ? Durability::kNone : Durability::kImmediate}));
    {
      auto dropping = db_->BeginWrite(family_);
      ASSERT_TRUE(dropping->DropTable(family_, "passing"));
      ASSERT_TRUE(dropping->Commit());
    }
    {
      auto aborted = db_->BeginWrite(family_);
      ASSERT_TRUE(aborted->OpenTable(family_, "t")->Put(AsBytes("never"), AsBytes(text)));
    }
    if (number % 4 == 0) {
      held_.reset();
      held_.emplace(*db_->BeginRead());
    }
    if (number % 10 == 0) {
      ASSERT_TRUE(db_->Checkpoint());
    }
  }
  void Rounds(int from, int to) {
    for (int number = from; number < to && !HasFatalFailure(); ++number) Round(number);
    held_.reset();
    ASSERT_TRUE(db_->Checkpoint());
  }
  uint64_t FileBytes() const { return *(*storage_->Open("db", OpenMode::kReadOnly))->Size(); }

  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
  std::optional<ReadTransaction> held_;
};

TEST_F(ChurnTest, MemoryAndFileStayAsTheyWereAfterAWhile) {
  constexpr int kFirst = 3000, kMore = 7000;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(asked_seconds);
  Rounds(0, kFirst);
  const size_t memory = AllocatedBytes();
  const uint64_t file = FileBytes();
  int rounds = kFirst;
  do {
    Rounds(rounds, rounds + kMore);
    rounds += kMore;
    // A leak of one byte in each round would be more.
    ASSERT_LT(AllocatedBytes(), memory + 4000) << memory << " bytes, then " << rounds << " rounds";
    // One more of the steps that a data file grows by: free pages do not always lie together.
    ASSERT_LE(FileBytes(), file + 64 * kTinyUnit) << file << " bytes, then " << rounds << " rounds";
    ASSERT_TRUE(db_->Verify()->ok()) << rounds << " rounds";
  } while (std::chrono::steady_clock::now() < until);
  std::cout << rounds << " rounds: " << memory << " bytes of memory at first, " << AllocatedBytes()
            << " in the end; a file of " << file << ", then " << FileBytes() << "\n";
}

}  // namespace
}  // namespace manifolddb

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--seconds=")) {
      std::cerr << "unknown: " << word << "\n";
      return 2;
    }
    manifolddb::asked_seconds = std::strtoull(word.c_str() + 10, nullptr, 10);
  }
  return RUN_ALL_TESTS();
}
