#include "engine/base/poison.h"

#include <gtest/gtest.h>

namespace manifolddb::base {
namespace {

TEST(Poison, IsUnsetUntilSomethingFails) {
  const Poison poison;
  EXPECT_FALSE(poison.set());
  EXPECT_TRUE(poison.Check("txn.commit"));
}

TEST(Poison, TheFirstErrorStays) {
  Poison poison;
  poison.Set(Error(Errc::kIo, "wal.sync", {.file = "data-wal"}));
  poison.Set(Error(Errc::kNoSpace, "page.write", {.file = "data"}));
  EXPECT_TRUE(poison.set());
  const Status status = poison.Check("txn.commit");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kPoisoned);
  EXPECT_EQ(status.error().operation(), "txn.commit");
  EXPECT_EQ(status.error().file(), "data-wal");
  ASSERT_NE(status.error().cause(), nullptr);
  EXPECT_EQ(status.error().cause()->operation(), "wal.sync");
  EXPECT_NE(status.error().message().find("kIo in wal.sync"), std::string::npos) << status.error().message();
}

}  // namespace
}  // namespace manifolddb::base
