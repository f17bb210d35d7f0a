#pragma once
// Figures as a table for people, and as lines for programs. What a binary prints for one seed and scale is
// the same each time, byte for byte.

#include <string>
#include <vector>

#include "bench/exact/world.h"

namespace manifolddb::bench::exact {

// Head, and one line for each figure: costs per operation.
std::string TableHead();
std::string TableLine(const Figure& figure);
// One JSON object: benchmark, value, unit, better, counters, params.
std::string JsonLine(const Figure& figure, uint64_t seed);

}  // namespace manifolddb::bench::exact
