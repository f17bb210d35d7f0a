// A transaction that does a bit of everything, ended without a commit after each of its steps, in each way
// there is: nothing of it is left, no page of the file either, and nobody waits for it.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

std::string Number(int i) { return std::to_string(1000 + i); }

class AbortTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    db_ = std::move(*Database::Open(MakeMemoryStorage(), "db", TinyOptions()));
    family_ = *db_->CreateColumnFamily("f");
    other_ = *db_->CreateColumnFamily("g");
    auto txn = db_->BeginWrite(family_);
    auto table = txn->CreateTable(family_, "t");
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(table->Put(AsBytes(Number(i)), AsBytes(std::string(40, 'b'))));
    }
    ASSERT_TRUE(table->Put(AsBytes("large"), AsBytes(std::string(3000, 'L'))));
    ASSERT_TRUE(txn->CreateTable(family_, "u")->Put(AsBytes("k"), AsBytes("v")));
    ASSERT_TRUE(txn->Commit());
  }

  struct Open {
    WriteTransaction& txn;
    WriteTable& table;
    ColumnFamily family, other;
  };
  using Step = std::function<Status(Open&)>;

  template <class T>
  static Status Done(const Result<T>& result) {
    if (!result) return std::unexpected<Error>(result.error());
    return {};
  }
  static Status PutMany(WriteTable& table, int from, int count) {
    for (int i = from; i < from + count; ++i) {
      if (Status put = table.Put(AsBytes(Number(i)), AsBytes(std::string(60, 'n'))); !put) return put;
    }
    return {};
  }
  // More pages than the memory may have dirty: they are written out before anything is decided.
  static std::vector<Step> Steps() {
    return {
        [](Open& at) { return at.table.Put(AsBytes(Number(7)), AsBytes("new")); },
        [](Open& at) { return at.table.Put(AsBytes("large too"), AsBytes(std::string(5000, 'N'))); },
        [](Open& at) { return at.table.Put(AsBytes("large"), AsBytes("small now")); },
        [](Open& at) { return Done(at.table.Delete(AsBytes(Number(8)))); },
        [](Open& at) { return PutMany(at.table, 100, 40); },
        [](Open& at) { return at.txn.AddColumnFamily(at.other); },
        [](Open& at) { return Done(at.txn.CreateTable(at.other, "t")); },
        [](Open& at) { return Done(at.table.AddToCounter(AsBytes("counter"), 3)); },
        [](Open& at) {
          const std::string lower = Number(20), upper = Number(40);
          return Done(at.table.DeleteRange({.lower = AsBytes(lower), .upper = AsBytes(upper)}));
        },
        [](Open& at) { return Done(at.txn.SetSavepoint()); },
        [](Open& at) { return at.txn.RenameTable(at.family, "u", "w"); },
        [](Open& at) { return at.txn.DropTable(at.family, "w"); },
        [](Open& at) { return PutMany(at.table, 200, 300); },
        [](Open& at) { return at.txn.RollBackTo((*at.txn.ListSavepoints())[0]); },
        [](Open& at) { return at.txn.DropTable(at.family, "t"); },
    };
  }

  // The first `count` steps, and the end that the parameter names.
  void Run(size_t count) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn) << txn.error().ToString();
    auto table = txn->OpenTable(family_, "t");
    ASSERT_TRUE(table) << table.error().ToString();
    Open open{*txn, *table, family_, other_};
    const std::vector<Step> steps = Steps();
    for (size_t i = 0; i < count; ++i) {
      const Status done = steps[i](open);
      ASSERT_TRUE(done) << "step " << i << ": " << done.error().ToString();
    }
    const std::string end = GetParam();
    if (end == "Exception") throw std::string("the caller's");
    if (end == "Abort") txn->Abort();
    if (end == "Commit refused") {
      // Of none of its changes is anything believed after one that failed.
      txn->Abort();
      EXPECT_EQ(txn->Commit().error().code(), Errc::kTransactionEnded);
    }
  }

  // family/table/key = value.
  std::map<std::string, std::string> All() {
    std::map<std::string, std::string> all;
    auto txn = db_->BeginRead();
    const auto families = txn->ListColumnFamilies();
    for (const std::string& family : *families) {
      const ColumnFamily handle = *txn->OpenColumnFamily(family);
      const auto tables = txn->ListTables(handle);
      for (const std::string& name : *tables) {
        auto table = txn->OpenTable(handle, name);
        all[family + "/" + name] = std::to_string(*table->Length());
        auto cursor = table->NewCursor();
        for (auto more = cursor->First(); more && *more; more = cursor->Next()) {
          all[family + "/" + name + "/" + std::string(AsText(cursor->key()))] = AsText(*cursor->value());
        }
      }
    }
    return all;
  }
  uint64_t PagesInUse() {
    EXPECT_TRUE(db_->Checkpoint());
    EXPECT_TRUE(db_->Checkpoint());  // what the one before last held is given back
    const DatabaseStats stats = db_->Stats();
    return stats.pages_total - stats.pages_free;
  }

  std::unique_ptr<Database> db_;
  ColumnFamily family_;
  ColumnFamily other_;
};

TEST_P(AbortTest, AfterEachStepLeavesNothingBehind) {
  const auto before = All();
  const uint64_t in_use = PagesInUse();
  for (size_t count = 0; count <= Steps().size(); ++count) {
    try {
      ASSERT_NO_FATAL_FAILURE(Run(count));
    } catch (const std::string&) {
    }
    EXPECT_EQ(All(), before) << count;
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->ok()) << count << ": " << report->problems[0].what;
    EXPECT_EQ(PagesInUse(), in_use) << count;
    // Both families are free again: nobody waits, and a commit goes through.
    const ColumnFamily both[] = {family_, other_};
    auto next = db_->BeginWrite(both);
    ASSERT_TRUE(next) << next.error().ToString();
    EXPECT_TRUE(next->Commit());
  }
  EXPECT_TRUE(db_->Close());
}

INSTANTIATE_TEST_SUITE_P(Ends, AbortTest,
                         testing::Values("Abort", "Destructor", "Exception", "Commit refused"),
                         [](const auto& end) {
                           std::string name = end.param;
                           std::erase(name, ' ');
                           return name;
                         });

}  // namespace
}  // namespace manifolddb
