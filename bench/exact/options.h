#pragma once
// Command line of both programs.

#include <string>

#include "bench/exact/command.h"

namespace manifolddb::bench::exact {

struct Arguments {
  Command command;
  bool fit = false;
  std::string hot_path;          // the one to run for callgrind; empty: workloads
  uint64_t operations = 10'000;  // of the hot path
};

// Ends the program with exit code 2, and `usage`, where it does not understand.
Arguments Parse(int argc, char** argv, const char* usage);

}  // namespace manifolddb::bench::exact
