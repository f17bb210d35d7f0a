#pragma once
// The paths whose instructions are counted, each a loop in a function measured_... of its own, which
// callgrind is told to collect in. Over the plain memory storage: system calls and the simulated disk are
// not in them.

#include <cstdint>
#include <string>

namespace manifolddb::bench::exact {

// Does the path's operation so many times. "list" prints the names. Exit code 0 or 2.
int RunHotPath(const std::string& name, uint64_t operations);

}  // namespace manifolddb::bench::exact
