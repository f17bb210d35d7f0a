#include "tools/program.h"

#include <fcntl.h>

#include <cerrno>
#include <exception>
#include <iostream>

#include "engine/base/try.h"
#include "manifolddb/storage.h"

namespace manifolddb::tools {
namespace {

bool FillStandardStreams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) != stream) return false;
  }
  return true;
}

}  // namespace

int RunProgram(const char* name, int could_not_run, const std::function<int()>& program) {
  if (!FillStandardStreams()) return could_not_run;
  std::ios::sync_with_stdio(false);
  try {
    const int exit_code = program();
    // A full disk or a closed pipe must not look like a short answer.
    if (std::cout.flush()) return exit_code;
    std::cerr << name << ": the output could not be written\n";
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
  }
  return could_not_run;
}

Result<PathParts> SplitPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  PathParts parts;
  parts.name = slash == std::string::npos ? path : path.substr(slash + 1);
  parts.directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (!parts.name.empty()) return parts;
  return Fail(Errc::kInvalidArgument, "tools.open", {.file = path, .message = "the path names no file"});
}

Result<DatabaseFile> DatabaseAt(const std::string& path) {
  MANIFOLDDB_ASSIGN(PathParts parts, SplitPath(path));
  return DatabaseFile{MakePosixStorage(parts.directory), std::move(parts.name)};
}

}  // namespace manifolddb::tools
