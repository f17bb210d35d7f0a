#pragma once
// The disk that the model was fitted to, and how well it was.

#include <array>
#include <cstdint>
#include <string>

#include "bench/exact/disk_model.h"

namespace manifolddb::bench::exact {

// p50 of one call alone.
struct MeasuredCall {
  const char* name;
  std::array<double, 4> microseconds;  // of 4 KiB, 64 KiB, 1 MiB, 8 MiB
  size_t covered;                      // the model claims so many of them, from the left
};
// Durable 4 KiB writes of several threads at once.
struct MeasuredThreads {
  const char* name;
  bool durable_call;                 // in one call; or write and sync
  std::array<double, 3> per_second;  // thousands, of 2, 4 and 8 threads
};
inline constexpr std::array<uint64_t, 4> kMeasuredBytes = {4096, 65536, 1 << 20, 8 << 20};
inline constexpr std::array<uint64_t, 3> kMeasuredThreads = {2, 4, 8};

inline constexpr std::array kMeasuredCalls = {
    MeasuredCall{"read past the cache", {44, 87, 850, 7400}, 4},
    MeasuredCall{"buffered write", {4.5, 8.6, 65, 708}, 4},
    MeasuredCall{"overwrite, sync", {121, 170, 459, 2707}, 4},
    MeasuredCall{"overwrite, durable call", {108, 136, 414, 3708}, 4},
    MeasuredCall{"append, sync", {193, 222, 865, 31'100}, 2},
    MeasuredCall{"allocated, never written, sync", {198, 238, 708, 5430}, 2},
};
inline constexpr std::array kMeasuredParallel = {
    MeasuredThreads{"overwrite, sync", false, {8.3, 11.9, 16.8}},
    MeasuredThreads{"overwrite, durable call", true, {10.0, 15.4, 27.1}},
};

// What the model says to the call of that row, in microseconds.
double ModelledMicroseconds(const DiskModel& model, size_t row, uint64_t bytes);

// Both side by side, as a table.
std::string FitOfCalls(const DiskModel& model);
// One line of the table for several threads; `modelled` comes from running them.
std::string FitOfThreads(const MeasuredThreads& measured, const std::array<double, 3>& modelled);

}  // namespace manifolddb::bench::exact
