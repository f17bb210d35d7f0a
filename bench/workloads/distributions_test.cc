#include "bench/workloads/distributions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "bench/measure/outcome.h"

namespace manifolddb::bench {
namespace {

// Euler and Maclaurin: exact for the first terms, then the integral and its first corrections.
double ZetaOfMany(double items, double theta) {
  constexpr uint64_t kExact = 1'000'000;
  const auto from = static_cast<double>(kExact);
  const auto term = [&](double i) { return std::pow(i, -theta); };
  const double integral = (std::pow(items, 1 - theta) - std::pow(from, 1 - theta)) / (1 - theta);
  return Zeta(kExact, theta) + integral + (term(items) - term(from)) / 2;
}

TEST(Distributions, ScrambledZetaIsThePublishedConstant) {
  EXPECT_NEAR(ZetaOfMany(static_cast<double>(kScrambledItems), kZipfianTheta), kScrambledZeta, 1e-7);
}

TEST(Distributions, ZetaIsTheSum) {
  EXPECT_DOUBLE_EQ(Zeta(1, 0.99), 1);
  EXPECT_DOUBLE_EQ(Zeta(3, 0.99), 1 + std::pow(2, -0.99) + std::pow(3, -0.99));
}

TEST(Distributions, HashIsFnv1aOfEightBytes) {
  EXPECT_EQ(FnvHash(0), 0x573807CDD7E5C63BU);  // 0xA8C7F832281A39C5 without its sign
  EXPECT_LT(FnvHash(12345), uint64_t{1} << 63);
}

TEST(Distributions, ZipfianRanksAreAsFrequentAsTheFormulaSays) {
  constexpr uint64_t kItems = 1000;
  constexpr int kDraws = 1'000'000;
  const Zipfian zipfian(kItems);
  Random random(7);
  std::vector<int> counts(kItems);
  for (int i = 0; i < kDraws; ++i) ++counts.at(zipfian.Next(random));
  const double zeta = Zeta(kItems, kZipfianTheta);
  // Exact for the first two ranks; the rest follows the approximation that Gray's algorithm makes.
  EXPECT_NEAR(counts[0] / double{kDraws}, 1 / zeta, 0.002);
  EXPECT_NEAR(counts[1] / double{kDraws}, std::pow(2, -kZipfianTheta) / zeta, 0.002);
  const auto share = [&](size_t from, size_t to) {
    double sum = 0;
    for (size_t i = from; i < to; ++i) sum += counts[i];
    return sum / kDraws;
  };
  EXPECT_NEAR(share(0, 100), Zeta(100, kZipfianTheta) / zeta, 0.03);
  EXPECT_GT(share(500, 1000), 0.05);
}

TEST(Distributions, ScrambledPopularOnesLieAnywhere) {
  constexpr uint64_t kItems = 10'000;
  const ScrambledZipfian scrambled(kItems);
  Random random(3);
  std::map<uint64_t, int> counts;
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t item = scrambled.Next(random);
    ASSERT_LT(item, kItems);
    ++counts[item];
  }
  const uint64_t most = FnvHash(0) % kItems;
  for (const auto& [item, count] : counts) {
    if (item != most) {
      EXPECT_LT(count, counts[most]);
    }
  }
  EXPECT_NEAR(counts[most] / 200'000.0, 1 / kScrambledZeta, 0.005);
}

TEST(Distributions, LatestFavoursTheNewest) {
  const Latest latest(1000);
  Random random(5);
  int newest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t item = latest.Next(random, 1500);
    ASSERT_GE(item, 500U);
    ASSERT_LT(item, 1500U);
    newest += item == 1499 ? 1 : 0;
  }
  EXPECT_NEAR(newest / 100'000.0, 1 / Zeta(1000, kZipfianTheta), 0.01);
}

TEST(Distributions, BelowIsUniform) {
  Random random(9);
  std::vector<int> counts(10);
  for (int i = 0; i < 100'000; ++i) ++counts.at(random.Below(10));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(Data, ValuesBelongToTheirKeyAndVersion) {
  ValueMaker maker(100);
  const std::string value(maker.Make(42, 3));
  EXPECT_TRUE(HasTag(value, 42));
  EXPECT_TRUE(IsWhole(value, 42, 100));
  EXPECT_EQ(VersionOf(value), 3U);
  EXPECT_FALSE(IsWhole(value, 43, 100));
  EXPECT_FALSE(IsWhole(value, 42, 99));
  for (const size_t at : {0U, 8U, 16U, 99U}) {
    std::string broken = value;
    broken[at] = static_cast<char>(broken[at] ^ 1);
    EXPECT_FALSE(IsWhole(broken, 42, 100)) << at;
  }
}

TEST(Data, ShuffledIsEveryNumberOnce) {
  std::vector<uint32_t> numbers = Shuffled(1000, 1);
  EXPECT_NE(numbers, Shuffled(1000, 2));
  EXPECT_EQ(numbers, Shuffled(1000, 1));
  std::sort(numbers.begin(), numbers.end());
  for (uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(numbers[i], i);
}

TEST(Outcome, PercentilesAreNearestRanks) {
  std::vector<uint32_t> nanos;
  EXPECT_FALSE(LatencyOf(nanos));
  for (uint32_t i = 1000; i >= 1; --i) nanos.push_back(i * 1000);
  const auto latency = LatencyOf(nanos);
  ASSERT_TRUE(latency);
  EXPECT_DOUBLE_EQ(latency->p50, 500);
  EXPECT_DOUBLE_EQ(latency->p90, 900);
  EXPECT_DOUBLE_EQ(latency->p99, 990);
  EXPECT_DOUBLE_EQ(latency->p99_9, 999);
  EXPECT_DOUBLE_EQ(latency->max, 1000);
}

}  // namespace
}  // namespace manifolddb::bench
