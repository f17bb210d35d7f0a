#include "engine/txn/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace manifolddb::txn {
namespace {

// Pauses are noted, not made.
struct NotedPauses {
  RetryPolicy Policy(uint32_t attempts) {
    return {.attempts_max = attempts,
            .pause_us_first = 100,
            .pause_us_max = 1000,
            .pause = [this](uint64_t nanos) { nanos_each.push_back(nanos); }};
  }
  std::vector<uint64_t> nanos_each;
};

Status Busy() { return Fail(Errc::kBusy, "test"); }

TEST(Retry, WhatIsInTheWayIsTriedAgainUntilItSucceeds) {
  Core core;
  NotedPauses pauses;
  int calls = 0;
  EXPECT_TRUE(WithRetries(core, pauses.Policy(5), [&] { return ++calls < 3 ? Busy() : Status(); }));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(pauses.nanos_each.size(), 2u);
}

TEST(Retry, AttemptsAreCounted) {
  Core core;
  NotedPauses pauses;
  int calls = 0;
  const auto fail = [&] {
    ++calls;
    return Busy();
  };
  EXPECT_EQ(WithRetries(core, pauses.Policy(4), fail).error().code(), Errc::kBusy);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(pauses.nanos_each.size(), 3u);
  EXPECT_EQ(WithRetries(core, pauses.Policy(0), fail).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(calls, 4);
}

// Of a commit nobody knows about, trying again might make it twice.
TEST(Retry, OtherErrorsAreNotTriedAgain) {
  for (const Errc code : {Errc::kUnknownOutcome, Errc::kNoSpace, Errc::kInvalidArgument, Errc::kCorrupt}) {
    Core core;
    NotedPauses pauses;
    int calls = 0;
    const auto fail = [&]() -> Status {
      ++calls;
      return Fail(code, "test");
    };
    EXPECT_EQ(WithRetries(core, pauses.Policy(5), fail).error().code(), code);
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(pauses.nanos_each.empty());
  }
}

TEST(Retry, WithoutMeansOfItsOwnTheThreadPauses) {
  Core core;
  int calls = 0;
  const RetryPolicy policy{.attempts_max = 3, .pause_us_first = 1, .pause_us_max = 1};
  EXPECT_TRUE(WithRetries(core, policy, [&] { return ++calls < 3 ? Busy() : Status(); }));
  EXPECT_EQ(calls, 3);
}

TEST(Retry, PausesGrowToTheirBoundAndAreDrawn) {
  const RetryPolicy policy{.pause_us_first = 100, .pause_us_max = 1000};
  std::set<uint64_t> firsts;
  std::vector<uint64_t> longest(6);
  for (uint64_t number = 0; number < 200; ++number) {
    Backoff backoff(policy, number);
    for (uint64_t& most : longest) most = std::max(most, backoff.NextNanos());
    firsts.insert(Backoff(policy, number).NextNanos());
  }
  EXPECT_GT(firsts.size(), 190u) << "calls that begin together pause alike";
  const uint64_t ceilings_us[] = {100, 200, 400, 800, 1000, 1000};
  for (size_t i = 0; i < longest.size(); ++i) {
    EXPECT_LE(longest[i], ceilings_us[i] * 1000);
    EXPECT_GT(longest[i], ceilings_us[i] * 900);
  }
}

TEST(Retry, TheSameSeedPausesTheSame) {
  const auto first_three = [](uint64_t seed, uint64_t number) {
    Backoff backoff({.seed = seed}, number);
    return std::vector<uint64_t>{backoff.NextNanos(), backoff.NextNanos(), backoff.NextNanos()};
  };
  EXPECT_EQ(first_three(1, 7), first_three(1, 7));
  EXPECT_NE(first_three(1, 7), first_three(2, 7));
  EXPECT_NE(first_three(1, 7), first_three(1, 8));
}

TEST(Retry, PausesOfAnyLengthAreOnes) {
  Backoff backoff({.pause_us_first = kNoLimit, .pause_us_max = kNoLimit}, 1);
  for (int i = 0; i < 10; ++i) EXPECT_LT(backoff.NextNanos(), kNoLimit);
  Backoff none({.pause_us_first = 0, .pause_us_max = 0}, 1);
  EXPECT_EQ(none.NextNanos(), 0u);
}

}  // namespace
}  // namespace manifolddb::txn
