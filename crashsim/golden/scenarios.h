#pragma once
// What the golden traces are traces of: each scenario runs the database over a fresh disk and returns what
// was asked of the disk in its last step, one line each (faultfs/trace.h).

#include <cstdint>
#include <string>
#include <vector>

namespace manifolddb::crashsim::golden {

struct Scenario {
  const char* name;
  std::vector<std::string> (*run)();
  uint32_t write_unit = 512;
};

// All of them, in the order in which golden_test.cc explains them.
const std::vector<Scenario>& Scenarios();

}  // namespace manifolddb::crashsim::golden
