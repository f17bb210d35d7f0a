#pragma once
// For tests of writing: two column families with a table each, and all that they hold as maps.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/db/family_fixture.h"
#include "engine/db/forged_files.h"
#include "manifolddb/database.h"

namespace manifolddb {

using Texts = std::map<std::string, std::string>;

template <class T>
testing::AssertionResult Fails(const Result<T>& result, Errc code, const std::string& with = "") {
  if (result) return testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  if (error.code() != code || error.message().find(with) == std::string::npos) {
    return testing::AssertionFailure() << error.ToString();
  }
  return testing::AssertionSuccess();
}

// Family "a" has table "t", family "b" table "u".
class WritingTest : public FamilyTest {
 protected:
  void SetUp() override {
    FamilyTest::SetUp();
    other_ = *db_->CreateColumnFamily("b");
    auto txn = db_->BeginWrite({family_, other_});
    ASSERT_TRUE(txn->CreateTable(family_, "t"));
    ASSERT_TRUE(txn->CreateTable(other_, "u"));
    ASSERT_TRUE(txn->Commit());
  }
  // What a new process finds: the log is replayed.
  void Replay() {
    storage_ = Files::Of(*storage_).Mount();
    Open();
    other_ = *db_->OpenColumnFamily("b");
  }

  template <class Table>
  static Texts TextsOf(const Table& table) {
    Texts texts;
    auto entries = table.Entries();
    for (const auto& entry : *entries) {
      EXPECT_TRUE(entry) << entry.error().ToString();
      if (entry) texts.emplace(AsText(entry->key), AsText(entry->value));
    }
    return texts;
  }
  // As committed.
  Texts Committed(ColumnFamily family, const std::string& table) {
    auto snapshot = db_->BeginRead();
    return TextsOf(*snapshot->OpenTable(family, table));
  }
  Texts InT() { return Committed(family_, "t"); }
  Texts InU() { return Committed(other_, "u"); }
  void ExpectWhole() {
    const auto report = db_->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const auto& problem : report->problems) ADD_FAILURE() << problem.offset << ": " << problem.what;
  }
  // Begins a transaction over family "a" and gives its table to `change`; then commits.
  template <class Function>
  void Change(Function change) {
    auto txn = db_->BeginWrite(family_);
    ASSERT_TRUE(txn) << txn.error().ToString();
    auto table = txn->OpenTable(family_, "t");
    ASSERT_TRUE(table) << table.error().ToString();
    change(*table);
    const auto committed = txn->Commit();
    ASSERT_TRUE(committed) << committed.error().ToString();
  }

  ColumnFamily other_;
};

}  // namespace manifolddb
