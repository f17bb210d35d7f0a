#pragma once
// All figures of DatabaseStats, once: what each is called, what kind it is, what it means.

#include <cstdint>
#include <string>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb::metrics {

enum class Kind : uint8_t {
  kGauge,    // as it is now
  kCounter,  // since the opening; only grows
};
enum class Unit : uint8_t { kNone, kNanos };

struct Figure {
  const char* name;  // the member's
  Kind kind;
  Unit unit;
  uint64_t value;
  const char* help;
};
std::vector<Figure> FiguresOf(const DatabaseStats& stats);

struct HistogramFigure {
  const char* name;
  Unit unit;
  const Histogram* value;
  const char* help;
};
// Refer into `stats`.
std::vector<HistogramFigure> HistogramsOf(const DatabaseStats& stats);

}  // namespace manifolddb::metrics
