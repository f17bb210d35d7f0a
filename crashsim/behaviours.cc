#include "crashsim/behaviours.h"

#include <algorithm>

namespace manifolddb::crashsim {
namespace {

// Of fewer programs no estimate is believed.
constexpr uint64_t kProgramsMin = 30;

}  // namespace

void Behaviours::Note(uint64_t signature, uint64_t iteration) {
  if (signature == 0) signature = 1;
  for (size_t step = 0; step < kMax; ++step) {
    Slot& slot = slots_[(signature + step) % kMax];
    if (slot.signature == 0) slot.signature = signature;
    if (slot.signature != signature) continue;
    if (slot.last_iteration == iteration + 1) return;
    slot.last_iteration = iteration + 1;
    ++slot.programs;
    return;
  }
  ++lost_;
}

void Behaviours::AddTo(std::map<uint64_t, uint64_t>& programs) const {
  for (const Slot& slot : slots_) {
    if (slot.programs > 0) programs[slot.signature] += slot.programs;
  }
}

Unseen EstimateUnseen(const std::map<uint64_t, uint64_t>& programs, uint64_t tried, uint64_t lost) {
  Unseen unseen{.programs = tried, .behaviours = programs.size()};
  unseen.believed = tried >= kProgramsMin && lost == 0;
  double shown = 0;
  for (const auto& [signature, count] : programs) {
    shown += static_cast<double>(count);
    unseen.once += count == 1 ? 1 : 0;
    unseen.twice += count == 2 ? 1 : 0;
  }
  if (tried == 0 || shown == 0) return unseen;
  const auto n = static_cast<double>(tried);
  const auto once = static_cast<double>(unseen.once);
  const auto twice = static_cast<double>(unseen.twice);
  unseen.next = once / n;
  // With no behaviour seen twice the estimator has a form of its own.
  unseen.at_least = (n - 1) / n * (twice > 0 ? once * once / (2 * twice) : once * (once - 1) / 2);
  const double extrapolated = (n - 1) * once + 2 * twice;
  const double uncovered = once == 0 ? 0 : once / shown * ((n - 1) * once / std::max(extrapolated, 1.0));
  unseen.coverage = 1 - uncovered;
  return unseen;
}

}  // namespace manifolddb::crashsim
