#pragma once
// How a measurement ends that cannot be completed: with what went wrong and where, and no figure.

#include <string>

namespace manifolddb::bench {

// Where Fail writes its line in a process that measures: a pipe to the process that asked. -1: standard
// error.
void ReportFailuresTo(int file);

// Ends this process with status 1, whatever its other threads do, after saying `where` and `what`. Runs no
// destructors: an engine in an unknown state is not asked to close.
[[noreturn]] void Fail(const std::string& where, const std::string& what);

// Fails unless `holds`. `where` and `what` are literals: nothing is built on the good path.
inline void Require(bool holds, const char* where, const char* what) {
  if (!holds) [[unlikely]]
    Fail(where, what);
}

}  // namespace manifolddb::bench
