#pragma once
// The process that is killed.

#include <string>

#include "crashsim/kill/load.h"

namespace manifolddb::crashsim::kill {

// Opens the database at `path` and writes until it is killed, an acknowledgement to `pipe` after each commit.
// Returns only if something is wrong, having said so on the standard error; the value is the exit code.
int RunChild(const Load& load, const std::string& path, int pipe);

}  // namespace manifolddb::crashsim::kill
