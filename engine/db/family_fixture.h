#pragma once
// For tests of what one column family holds: a tiny database in memory, opened again at will.

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace manifolddb {

class FamilyTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    db_.reset();
    auto opened = Database::Open(storage_, "db", TinyOptions());
    ASSERT_TRUE(opened) << opened.error().ToString();
    db_ = std::move(*opened);
    family_ = *db_->OpenOrCreateColumnFamily("a");
  }

  std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
};

}  // namespace manifolddb
