#include "bench/workloads/distributions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace manifolddb::bench {

double Zeta(uint64_t items, double theta) {
  double sum = 0;
  for (uint64_t i = 1; i <= items; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

Zipfian::Zipfian(uint64_t items, double theta, double zeta)
    : items_(items),
      zeta_(zeta),
      alpha_(1 / (1 - theta)),
      eta_((1 - std::pow(2.0 / static_cast<double>(items), 1 - theta)) / (1 - Zeta(2, theta) / zeta)),
      half_to_theta_(std::pow(0.5, theta)) {}

uint64_t Zipfian::Next(Random& random) const {
  const double u = random.Fraction();
  const double uz = u * zeta_;
  if (uz < 1) return 0;
  if (uz < 1 + half_to_theta_) return std::min<uint64_t>(1, items_ - 1);
  const double rank = static_cast<double>(items_) * std::pow(eta_ * u - eta_ + 1, alpha_);
  return std::min(static_cast<uint64_t>(rank), items_ - 1);
}

uint64_t FnvHash(uint64_t number) {
  uint64_t hash = 0xCBF29CE484222325;
  for (int i = 0; i < 8; ++i) {
    hash ^= number & 0xff;
    hash *= 1099511628211;
    number >>= 8;
  }
  // Java's Math.abs.
  return hash > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ? ~hash + 1 : hash;
}

ScrambledZipfian::ScrambledZipfian(uint64_t items)
    : items_(items), ranks_(kScrambledItems, kZipfianTheta, kScrambledZeta) {}

}  // namespace manifolddb::bench
