// Bounds as options.h states them.
#include "crashsim/bounds.h"

#include <algorithm>
#include <string>

namespace manifolddb::crashsim {
namespace {

// "A few pages each": as many as are not worth a write of their own.
constexpr uint64_t kFewPages = 4;

}  // namespace

std::optional<Violation> LogBeyondBound(const faultfs::Disk& disk, const Setup& setup) {
  const uint64_t bytes_max = setup.options.log_bytes_max + 2 * setup.options.write_unit;
  const faultfs::Image image = disk.CacheImage();
  const faultfs::FileImage* const log = image.Find(kLogFile);
  if (log == nullptr || log->size() <= bytes_max) return std::nullopt;
  return Violation{Promise::kBounded, "a log of at most " + std::to_string(bytes_max) + " bytes",
                   std::to_string(log->size()) + " bytes"};
}

std::optional<Violation> DirtyBeyondBound(const DatabaseStats& stats, const Setup& setup, size_t running) {
  // What runs inside the database, as a checkpoint's changes to the catalog, counts as one.
  const uint64_t allowance = std::max<size_t>(running, 1) * kFewPages * setup.options.page_size;
  const uint64_t bytes_max = 2 * setup.options.dirty_bytes_max + allowance;
  if (stats.dirty_bytes <= bytes_max) return std::nullopt;
  return Violation{Promise::kBounded,
                   "changed pages of at most " + std::to_string(bytes_max) + " bytes in memory",
                   std::to_string(stats.dirty_bytes) + " bytes"};
}

bool HasRoomForOnePut(const DatabaseStats& stats) {
  // The engine's figures, by its design note and not by its code.
  constexpr uint64_t kReservePagesMin = 32;
  constexpr uint64_t kReserveShare = 64;
  constexpr uint64_t kPagesForOnePut = 8;
  const uint64_t kept = std::max(kReservePagesMin, stats.pages_total / kReserveShare);
  return stats.pages_free + stats.pages_pending >= kept + kPagesForOnePut;
}

}  // namespace manifolddb::crashsim
