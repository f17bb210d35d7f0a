#include "crashsim/apart.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace manifolddb::crashsim {
namespace {

bool WriteAll(int pipe, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(pipe, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    text.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

std::string ReadAll(int pipe) {
  std::string text;
  char bytes[1 << 14];
  for (;;) {
    const ssize_t size = ::read(pipe, bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(bytes, static_cast<size_t>(size));
  }
}

}  // namespace

Told Apart(unsigned seconds_max, const std::function<void(const Tell& tell)>& body) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::alarm(seconds_max);
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(1);
    bool well = true;
    body([&](std::string_view text) { well = WriteAll(ends[1], text) && well; });
    ::_exit(well ? 0 : 1);
  }
  ::close(ends[1]);
  Told told{.text = child < 0 ? std::string() : ReadAll(ends[0])};
  ::close(ends[0]);
  int status = 0;
  if (child > 0) ::waitpid(child, &status, 0);
  told.well = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return told;
}

}  // namespace manifolddb::crashsim
