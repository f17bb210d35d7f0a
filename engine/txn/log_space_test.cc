#include "engine/txn/log_space.h"

#include <gtest/gtest.h>

#include <thread>

namespace manifolddb::txn {
namespace {

using format::Lsn;

constexpr wal::LogRing kRing{
    .capacity = 1600, .origin = Lsn{0}, .write_unit = 100};  // groups to 400, usable 1200

TEST(LogSpace, ReservedAndUsedTogetherStayWithinWhatIsUsable) {
  LogSpace space(kRing, Lsn{5000});
  EXPECT_TRUE(space.TryReserve(400));
  EXPECT_TRUE(space.TryReserve(400));
  EXPECT_TRUE(space.TryReserve(400));
  EXPECT_FALSE(space.TryReserve(100));
  space.Appended(400, Lsn{5400});
  EXPECT_FALSE(space.TryReserve(100));  // used instead of reserved
  space.Unreserve(400);
  EXPECT_TRUE(space.TryReserve(400));
  space.MoveTail(Lsn{5400});
  EXPECT_EQ(space.used(), 0u);
  EXPECT_TRUE(space.TryReserve(400));
}

TEST(LogSpace, AWastedEndCountsAsUsed) {
  LogSpace space(kRing, Lsn{0});
  ASSERT_TRUE(space.TryReserve(100));
  space.Appended(100, Lsn{450});  // started at 350 instead of 0
  EXPECT_EQ(space.used(), 450u);
}

TEST(LogSpace, ALargerRingHasMoreRoom) {
  LogSpace space(kRing, Lsn{0});
  ASSERT_TRUE(space.TryReserve(1200));
  EXPECT_FALSE(space.TryReserve(100));
  wal::LogRing grown = kRing;
  grown.capacity *= 4;
  space.SetRing(grown);
  EXPECT_TRUE(space.TryReserve(1600));
}

TEST(LogSpace, WaitsForOthersOnlyWhereNoCheckpointCouldHelp) {
  LogSpace space(kRing, Lsn{0});
  ASSERT_TRUE(space.TryReserve(400));
  space.Appended(400, Lsn{400});
  ASSERT_TRUE(space.TryReserve(400));
  ASSERT_TRUE(space.TryReserve(400));
  ASSERT_FALSE(space.TryReserve(400));
  EXPECT_FALSE(space.AwaitOthers(400)) << "what is used, a checkpoint gives back";
  space.MoveTail(Lsn{400});
  ASSERT_TRUE(space.TryReserve(400));
  ASSERT_FALSE(space.TryReserve(400));

  std::thread waiter([&] { static_cast<void>(space.AwaitOthers(400)); });
  space.Unreserve(400);  // now or while it waits: it comes back
  waiter.join();
  EXPECT_TRUE(space.TryReserve(400));

  // A group of all that is reserved fails: nobody will use it.
  std::thread hopeless([&] { static_cast<void>(space.AwaitOthers(400)); });
  space.GiveUp();
  hopeless.join();
  EXPECT_FALSE(space.AwaitOthers(400));
}

}  // namespace
}  // namespace manifolddb::txn
