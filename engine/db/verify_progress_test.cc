// Who verifies a large database is told how far it is.

#include <stdexcept>
#include <vector>

#include "engine/db/writing_fixture.h"

namespace manifolddb {
namespace {

class VerifyProgressTest : public WritingTest {
 protected:
  static constexpr int kEntries = 3000;
  void SetUp() override {
    WritingTest::SetUp();
    Change([](WriteTable& table) {
      for (int i = 0; i < kEntries; ++i) {
        const std::string key = "key" + std::to_string(i * 7919 % 10'007);
        ASSERT_TRUE(table.Put(AsBytes(key), AsBytes(std::string(100, 'v'))));
      }
    });
    ASSERT_TRUE(db_->Checkpoint());
  }
};

TEST_F(VerifyProgressTest, ComesToTheWhole) {
  std::vector<VerifyProgress> told;
  const auto report = db_->Verify([&](const VerifyProgress& at) {
    told.push_back(at);
    ASSERT_TRUE(db_->BeginRead());  // it may read
  });
  ASSERT_TRUE(report && report->ok());
  ASSERT_GT(told.size(), 4u);
  // Two versions, which are the same.
  EXPECT_EQ(told.front().pages_total, 2 * report->pages_owned);
  for (size_t i = 1; i < told.size(); ++i) {
    EXPECT_GE(told[i].pages, told[i - 1].pages);
    EXPECT_GE(told[i].entries, told[i - 1].entries);
    EXPECT_EQ(told[i].pages_total, told.front().pages_total);
  }
  EXPECT_EQ(told.back().pages, told.back().pages_total);
  EXPECT_EQ(told.back().entries, report->entries);
}

TEST_F(VerifyProgressTest, WhatItThrowsEndsVerifyAndNothingElse) {
  EXPECT_THROW(static_cast<void>(db_->Verify([](const VerifyProgress&) { throw std::runtime_error("no"); })),
               std::runtime_error);
  ExpectWhole();
  EXPECT_TRUE(db_->Checkpoint());
  EXPECT_TRUE(db_->Close());
}

}  // namespace
}  // namespace manifolddb
