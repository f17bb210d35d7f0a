#pragma once
// All figures of DatabaseStats, once: what each is called, what kind it is, what it means.

#include <cstdint>
#include <string>
#include <string_view>
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

// A name that a user gave: printable ASCII as it is, a backslash as \\, each other byte as \xNN.
std::string NameText(std::string_view name);
// As JSON and Prometheus want text between quotes: before a backslash and a quote a backslash, \n for the end
// of a line.
std::string InQuotes(std::string_view text);

}  // namespace manifolddb::metrics
