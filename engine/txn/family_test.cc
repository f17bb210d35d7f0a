#include "engine/txn/family.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace manifolddb::txn {
namespace {

using format::FamilyId;
using format::TxnId;

TEST(Families, ASnapshotSeesTheNamesOfItsTime) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  families.Rename(a, "b", TxnId{5});
  Family* const second = families.Create("a", TxnId{7});
  families.Drop(a, TxnId{9});
  EXPECT_EQ(families.FindByName("a", TxnId{0}), nullptr);
  EXPECT_EQ(families.FindByName("a", TxnId{4}), a);
  EXPECT_EQ(families.FindByName("a", TxnId{5}), nullptr);
  EXPECT_EQ(families.FindByName("b", TxnId{6}), a);
  EXPECT_EQ(families.FindByName("a", TxnId{8}), second);
  EXPECT_EQ(families.FindByName("b", TxnId{9}), nullptr);
  EXPECT_EQ(families.ListNames(TxnId{8}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(families.ListNames(TxnId{9}), (std::vector<std::string>{"a"}));
  EXPECT_EQ(families.NameAt(*a, TxnId{4}), "a");
  EXPECT_EQ(families.NameAt(*a, TxnId{9}), "");
}

TEST(Families, ARenameThereAndBackListsTheNameOnce) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  families.Rename(a, "b", TxnId{2});
  families.Rename(a, "a", TxnId{3});
  EXPECT_EQ(families.ListNames(TxnId{3}), (std::vector<std::string>{"a"}));
  EXPECT_EQ(families.FindByName("a", TxnId{3}), a);
}

TEST(Families, ManyNamesThatWereGivenUpAreForgottenAtOnceAndInNobodysWayBefore) {
  Families families;
  Family* const kept = families.Create("kept", TxnId{1});
  std::vector<Family*> had;
  for (uint64_t txn = 2; txn <= 60; txn += 2) {
    had.push_back(families.Create("x", TxnId{txn}));
    families.Drop(had.back(), TxnId{txn + 1});
  }
  for (uint64_t txn = 2; txn <= 60; txn += 2) {
    EXPECT_EQ(families.FindByName("x", TxnId{txn}), had[(txn - 2) / 2]);
    EXPECT_EQ(families.FindByName("x", TxnId{txn + 1}), nullptr);
  }
  families.ForgetNames(TxnId{59});
  EXPECT_EQ(families.names(), 2u);
  EXPECT_EQ(families.FindByName("x", TxnId{60}), had.back());
  EXPECT_EQ(families.FindByName("kept", TxnId{60}), kept);
  EXPECT_EQ(families.NameAt(*had.back(), TxnId{60}), "x");
}

TEST(Families, EachSnapshotThatEndsForgetsTheNamesThatItAloneSaw) {
  Families families;
  Family* const a = families.Create("name1", TxnId{1});
  Family* const b = families.Create("other", TxnId{1});
  for (uint64_t txn = 2; txn <= 40; ++txn) {
    families.Rename(txn % 3 == 0 ? b : a, "name" + std::to_string(txn), TxnId{txn});
  }
  const auto name_at = [](uint64_t txn, bool of_b) {
    while (txn > 1 && (txn % 3 == 0) != of_b) --txn;
    return txn == 1 && of_b ? std::string("other") : "name" + std::to_string(txn);
  };
  for (uint64_t oldest = 1; oldest <= 40; oldest += 1 + oldest % 4) {
    families.ForgetNames(TxnId{oldest});
    EXPECT_EQ(families.names(), 2 + (40 - oldest));
    for (uint64_t txn = oldest; txn <= 40; ++txn) {
      EXPECT_EQ(families.NameAt(*a, TxnId{txn}), name_at(txn, false));
      EXPECT_EQ(families.NameAt(*b, TxnId{txn}), name_at(txn, true));
      EXPECT_EQ(families.FindByName(name_at(txn, true), TxnId{txn}), b);
    }
  }
}

TEST(Families, NamesThatNoSnapshotSeesAreForgotten) {
  Families families;
  Family* const kept = families.Create("kept", TxnId{1});
  Family* const renamed = families.Create("a", TxnId{2});
  families.Rename(renamed, "b", TxnId{3});
  families.Rename(renamed, "c", TxnId{5});
  Family* const dropped = families.Create("a", TxnId{6});
  families.Drop(dropped, TxnId{8});
  families.ForgetNames(TxnId{4});
  EXPECT_EQ(families.names(), 4u);
  EXPECT_EQ(families.FindByName("b", TxnId{4}), renamed);
  EXPECT_EQ(families.FindByName("a", TxnId{7}), dropped);
  EXPECT_EQ(families.ListNames(TxnId{4}), (std::vector<std::string>{"b", "kept"}));
  families.ForgetNames(TxnId{8});
  EXPECT_EQ(families.names(), 2u);
  EXPECT_EQ(families.FindByName("a", TxnId{8}), nullptr);
  EXPECT_EQ(families.FindByName("c", TxnId{8}), renamed);
  EXPECT_EQ(families.ListNames(TxnId{8}), (std::vector<std::string>{"c", "kept"}));
  families.Rename(renamed, "a", TxnId{9});
  EXPECT_EQ(families.NameAt(*renamed, TxnId{8}), "c");
  families.Drop(kept, TxnId{10});
  families.Drop(renamed, TxnId{11});
  families.ForgetNames(TxnId{11});
  EXPECT_EQ(families.names(), 0u);
}

TEST(Families, ManyAreFoundById) {
  Families families;
  for (uint64_t i = 1; i <= 1000; ++i) {
    EXPECT_EQ(families.Create("f" + std::to_string(i), TxnId{i})->id().raw(), i);
  }
  for (uint64_t i = 1; i <= 1000; ++i) ASSERT_EQ(families.Find(FamilyId{i})->id().raw(), i);
  EXPECT_EQ(families.Find(FamilyId{0}), nullptr);
  EXPECT_EQ(families.Find(FamilyId{1001}), nullptr);
  EXPECT_EQ(families.Find(FamilyId{~uint64_t{0}}), nullptr);
}

TEST(Families, AThreadDoesNotWaitForItself) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  Family* const b = families.Create("b", TxnId{2});
  Family* const both[] = {a, b};
  ASSERT_TRUE(families.TakeTokens({&b, 1}, "test"));
  EXPECT_EQ(families.TakeTokens(both, "test").error().code(), Errc::kBusy);
  EXPECT_EQ(families.TryTakeToken(b).error().code(), Errc::kBusy);
  ASSERT_TRUE(families.TryTakeToken(a));  // the failed attempt has taken nothing
  families.ReleaseTokens(both);
  ASSERT_TRUE(families.TakeTokens(both, "test"));
  families.ReleaseTokens(both);
}

// Somebody else's token, until it goes out of scope.
class HeldElsewhere {
 public:
  HeldElsewhere(Families& families, Family* family)
      : thread_([this, &families, family] {
          EXPECT_TRUE(families.TakeTokens({&family, 1}, "test"));
          taken_.count_down();
          released_.wait();
          families.ReleaseTokens({&family, 1});
        }) {
    taken_.wait();
  }
  ~HeldElsewhere() {
    released_.count_down();
    thread_.join();
  }

 private:
  std::latch taken_{1};
  std::latch released_{1};
  std::thread thread_;
};

TEST(Families, AThreadWithATokenTakesFreeOnesButDoesNotWaitForOthers) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  Family* const wanted[] = {families.Create("b", TxnId{2}), families.Create("c", TxnId{3})};
  Family* const d = families.Create("d", TxnId{4});
  ASSERT_TRUE(families.TakeTokens({&a, 1}, "test"));
  {
    const HeldElsewhere held(families, wanted[1]);
    const Status refused = families.TakeTokens(wanted, "test");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kBusy);
    EXPECT_EQ(
        refused.error().message(),
        "this thread holds column family 'a' and would wait for column family 'c', which another holds; "
        "take all families in one BeginWrite, or end the first transaction");
    EXPECT_TRUE(families.TakeTokens({&d, 1}, "test"));
  }
  EXPECT_TRUE(families.TakeTokens(wanted, "test"));  // the refused attempt has taken nothing
  families.ReleaseTokens(wanted);
  families.ReleaseTokens({&d, 1});
  families.ReleaseTokens({&a, 1});
}

TEST(Families, AThreadWithATokenDoesNotWaitForTheCatalogs) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  Family* const catalog = families.catalog();
  ASSERT_TRUE(families.TakeTokens({&a, 1}, "test"));
  std::latch taken{1};
  std::thread dropping([&] {
    ASSERT_TRUE(families.TakeTokens({&catalog, 1}, "test"));
    taken.count_down();
    // One operation that takes two in their order: it may wait.
    ASSERT_TRUE(families.TakeTokens({&a, 1}, "test", catalog));
    families.ReleaseTokens({&a, 1});
    families.ReleaseTokens({&catalog, 1});
  });
  taken.wait();
  EXPECT_EQ(families.TakeTokens({&catalog, 1}, "test").error().code(), Errc::kBusy);
  families.ReleaseTokens({&a, 1});
  dropping.join();
  ASSERT_TRUE(families.TakeTokens({&catalog, 1}, "test"));
  families.ReleaseTokens({&catalog, 1});
}

TEST(Families, TokensAreOfTheThreadThatUsedThemLast) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  Family* const b = families.Create("b", TxnId{2});
  const HeldElsewhere held(families, b);
  std::thread([&] { EXPECT_TRUE(families.TakeTokens({&a, 1}, "test")); }).join();
  families.AdoptTokens({&a, 1});
  EXPECT_EQ(families.TakeTokens({&b, 1}, "test").error().code(), Errc::kBusy);
  families.ReleaseTokens({&a, 1});
}

TEST(Families, TokensExcludeEachOtherAmongThreads) {
  Families families;
  Family* const both[] = {families.Create("a", TxnId{1}), families.Create("b", TxnId{2})};
  int guarded_by_tokens = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        // Both, or the first alone: it is the first that guards the number.
        const auto wanted = std::span<Family* const>(both).first(1 + static_cast<size_t>(t % 2));
        ASSERT_TRUE(families.TakeTokens(wanted, "test"));
        ++guarded_by_tokens;
        families.ReleaseTokens(wanted);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(guarded_by_tokens, 800);
}

// Stands still until it is told to be late. Who reads it is in the queue: it tells that once.
class LateClock final : public Clock {
 public:
  uint64_t NowNanos() override {
    if (!read_.exchange(true)) queued_.count_down();
    return late_.load() ? kLate : 0;
  }
  void AwaitQueued() { queued_.wait(); }
  void BeLate() { late_.store(true); }
  static constexpr uint64_t kLate = 1'000'000;

 private:
  std::latch queued_{1};
  std::atomic<bool> read_{false};
  std::atomic<bool> late_{false};
};

TEST(Families, WhoMayNotWaitTakesNothing) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  Family* const b = families.Create("b", TxnId{2});
  Family* const both[] = {a, b};
  {
    const HeldElsewhere held(families, b);
    LateClock clock;
    const Status taken = families.TakeTokens(both, "test", nullptr, {&clock, 0});
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), Errc::kBusy);
    EXPECT_NE(taken.error().message().find("column family 'b'"), std::string::npos)
        << taken.error().ToString();
    EXPECT_TRUE(families.TakeTokens({&a, 1}, "test"));  // was given back
    families.ReleaseTokens({&a, 1});
  }
  LateClock clock;
  EXPECT_TRUE(families.TakeTokens(both, "test", nullptr, {&clock, 0})) << "what is free is no wait";
  families.ReleaseTokens(both);
}

// Of three that wait, the one in the middle or the last gives up: the others get the token in their order.
TEST(Families, WhoGivesUpLeavesTheQueueAsItWasWithoutIt) {
  for (const size_t leaver : {0u, 1u, 2u}) {
    Families families;
    Family* const a = families.Create("a", TxnId{1});
    ASSERT_TRUE(families.TakeTokens({&a, 1}, "test"));
    std::array<LateClock, 3> clocks;
    std::array<Status, 3> taken;
    std::vector<std::thread> threads;
    std::vector<size_t> order;  // written by who holds the token
    for (size_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        taken[i] = families.TakeTokens({&a, 1}, "test", nullptr, {&clocks[i], LateClock::kLate});
        if (!taken[i]) return;
        order.push_back(i);
        families.ReleaseTokens({&a, 1});
      });
      clocks[i].AwaitQueued();
    }
    clocks[leaver].BeLate();
    threads[leaver].join();
    families.ReleaseTokens({&a, 1});
    std::vector<size_t> expected;
    for (size_t i = 0; i < 3; ++i) {
      if (i == leaver) continue;
      threads[i].join();
      expected.push_back(i);
    }
    EXPECT_EQ(order, expected);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(taken[i].has_value(), i != leaver);
    EXPECT_TRUE(families.TakeTokens({&a, 1}, "test"));
    families.ReleaseTokens({&a, 1});
  }
}

TEST(Families, ChangedOnesAreHandedOverOnce) {
  Families families;
  Family* const a = families.Create("a", TxnId{1});
  families.MarkChanged(a);
  families.MarkChanged(a);
  EXPECT_EQ(families.TakeChanged(), std::vector<Family*>{a});
  EXPECT_TRUE(families.TakeChanged().empty());
}

}  // namespace
}  // namespace manifolddb::txn
