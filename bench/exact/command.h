#pragma once
// What both programs share: options, and running a list of workloads once or twice.

#include <functional>
#include <string>
#include <vector>

#include "bench/exact/workloads.h"

namespace manifolddb::bench::exact {

struct Command {
  Plan plan;
  std::string json;    // results are appended to it, one object per line
  std::string only;    // workloads whose name contains it
  bool head = true;    // of the table
  bool twice = false;  // run everything again, and compare
};

struct Workload {
  const char* name;  // of its figures, or what they begin with
  std::function<std::vector<Figure>(const Plan&)> run;
};

// Prints the table. Exit code: 0, or 1 if two runs differ (or an answer was wrong).
int RunWorkloads(const Command& command, const std::vector<Workload>& workloads);

}  // namespace manifolddb::bench::exact
