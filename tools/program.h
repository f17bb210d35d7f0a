#pragma once
// What the programs of tools/ have in common: streams and paths.

#include <functional>
#include <string>

#include "manifolddb/database.h"

namespace manifolddb::tools {

// Runs `program`, and gives its exit code; `could_not_run` where its output could not be written, or an
// exception came out of it, both with a line behind `name` on the standard error. First of all a standard
// stream that is closed is opened the wrong way round: using it still fails, but no file of a database gets
// its number, to be read or written as that.
int RunProgram(const char* name, int could_not_run, const std::function<int()>& program);

struct PathParts {
  std::string directory;
  std::string name;
};
// kInvalidArgument if the path names no file.
Result<PathParts> SplitPath(const std::string& path);
Result<DatabaseFile> DatabaseAt(const std::string& path);

}  // namespace manifolddb::tools
