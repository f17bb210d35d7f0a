#pragma once
// The workloads and the distributions of keys that YCSB publishes, with its constants and its algorithms.
// Cooper et al., Benchmarking Cloud Serving Systems with YCSB, 2010; Gray et al., Quickly Generating
// Billion-Record Synthetic Databases, 1994.

#include <cstdint>

#include "bench/workloads/data.h"

namespace manifolddb::bench {

inline constexpr double kZipfianTheta = 0.99;

// The sum of i^-theta for i from 1 to `items`.
double Zeta(uint64_t items, double theta);

// Ranks 0 to items - 1; rank i as often as (i + 1)^-theta says.
class Zipfian {
 public:
  explicit Zipfian(uint64_t items, double theta = kZipfianTheta)
      : Zipfian(items, theta, Zeta(items, theta)) {}
  Zipfian(uint64_t items, double theta, double zeta);
  uint64_t Next(Random& random) const;
  uint64_t items() const { return items_; }

 private:
  const uint64_t items_;
  const double zeta_;
  const double alpha_;
  const double eta_;
  const double half_to_theta_;  // 0.5^theta: rank 1's share, of rank 0's
};

// YCSB's hash of a number: FNV-1a over its eight bytes, the sign taken off.
uint64_t FnvHash(uint64_t number);

// As popular as Zipfian, but the popular ones lie anywhere: ranks of 10^10 items, hashed onto `items`.
class ScrambledZipfian {
 public:
  explicit ScrambledZipfian(uint64_t items);
  uint64_t Next(Random& random) const { return FnvHash(ranks_.Next(random)) % items_; }

 private:
  const uint64_t items_;
  const Zipfian ranks_;
};
inline constexpr uint64_t kScrambledItems = 10'000'000'000;
inline constexpr double kScrambledZeta = 26.46902820178302;  // Zeta(kScrambledItems, kZipfianTheta)

// The newest items are the most popular ones.
class Latest {
 public:
  explicit Latest(uint64_t items) : ranks_(items) {}
  // REQUIRES: at least as many items as it was made for. `items`: now.
  uint64_t Next(Random& random, uint64_t items) const { return items - 1 - ranks_.Next(random); }

 private:
  const Zipfian ranks_;
};

// ---- What the six core workloads consist of

// Of a hundred operations.
struct YcsbMix {
  char letter;
  uint64_t reads = 0, updates = 0, inserts = 0, scans = 0, modifies = 0;
  bool latest = false;  // otherwise Zipfian
};
// In the order that YCSB recommends.
inline constexpr YcsbMix kYcsbMixes[] = {
    {.letter = 'A', .reads = 50, .updates = 50},
    {.letter = 'B', .reads = 95, .updates = 5},
    {.letter = 'C', .reads = 100},
    {.letter = 'F', .reads = 50, .modifies = 50},
    {.letter = 'D', .reads = 95, .inserts = 5, .latest = true},
    {.letter = 'E', .inserts = 5, .scans = 95},
};
inline constexpr uint64_t kYcsbScanMax = 100;  // lengths are uniform from 1

}  // namespace manifolddb::bench
