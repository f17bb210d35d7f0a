#pragma once
// What the model says to several threads that write durably to one file.

#include <array>

#include "bench/exact/disk_model.h"

namespace manifolddb::bench::exact {

// Thousands per second of kMeasuredThreads threads.
std::array<double, 3> ModelledThreads(const DiskModel& model, bool durable_call);

}  // namespace manifolddb::bench::exact
