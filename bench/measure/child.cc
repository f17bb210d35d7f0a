// One pipe per child; what comes through it is one line of JSON, outcomes or an error.

#include "bench/measure/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bench/measure/fail.h"
#include "bench/measure/meter.h"

namespace manifolddb::bench {
namespace {

[[noreturn]] void RunAndReport(const std::function<std::vector<Outcome>()>& work, int pipe) {
  ReportFailuresTo(pipe);
  nlohmann::json report = {{"outcomes", nlohmann::json::array()}};
  try {
    for (const Outcome& outcome : work()) report["outcomes"].push_back(ToJson(outcome));
  } catch (const std::exception& exception) {
    Fail("measurement", exception.what());
  }
  const std::string line = report.dump() + "\n";
  for (size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(pipe, line.data() + done, line.size() - done);
    if (put <= 0) ::_exit(1);
    done += static_cast<size_t>(put);
  }
  ::_exit(0);
}

// A group of its own does not hear the keyboard's interrupt: it ends because its parent does.
void EndWithParent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

// What comes until the other end is closed, or nothing more within the time. True if it was closed.
bool ReadAll(int pipe, int seconds_max, std::string& text) {
  const uint64_t end = NowNanos() + static_cast<uint64_t>(seconds_max) * 1'000'000'000;
  std::array<char, 65536> buffer;
  for (;;) {
    const uint64_t now = NowNanos();
    if (now >= end) return false;
    pollfd waiting = {.fd = pipe, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>((end - now) / 1'000'000) + 1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ready < 0 ? -1 : ::read(pipe, buffer.data(), buffer.size());
    if (got < 0) Fail("child", std::string("cannot read its report: ") + std::strerror(errno));
    if (got == 0) return true;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

std::string ErrorOf(const std::string& text, int status) {
  const nlohmann::json report = nlohmann::json::parse(text, nullptr, false);
  if (report.is_object() && report.contains("error")) return report["error"];
  if (WIFSIGNALED(status)) return std::string("ended by signal: ") + ::strsignal(WTERMSIG(status));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return "ended with status " + std::to_string(WEXITSTATUS(status));
  if (!report.is_object()) return "reported nothing";
  return "";
}

}  // namespace

ChildReport InChild(const std::function<std::vector<Outcome>()>& work, int seconds_max) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) Fail("child", "no pipe");
  const pid_t child = ::fork();
  if (child < 0) Fail("child", std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) {
    ::close(ends[0]);
    ::setpgid(0, 0);  // with what it starts: they end together
    EndWithParent();
    RunAndReport(work, ends[1]);
  }
  ::setpgid(child, child);  // whichever of the two comes first
  ::close(ends[1]);
  std::string text;
  const bool in_time = ReadAll(ends[0], seconds_max, text);
  ::close(ends[0]);
  if (!in_time) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) Fail("child", std::string("cannot wait for it: ") + std::strerror(errno));
  }
  ChildReport report;
  if (!in_time) {
    report.error = "not done after " + std::to_string(seconds_max) + " s: killed";
    return report;
  }
  report.error = ErrorOf(text, status);
  if (!report.error.empty()) return report;
  const nlohmann::json found = nlohmann::json::parse(text);
  for (const auto& json : found.at("outcomes")) report.outcomes.push_back(OutcomeFrom(json));
  return report;
}

void TouchMemory(uint64_t bytes) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  bytes = std::min(bytes, static_cast<uint64_t>(::sysconf(_SC_AVPHYS_PAGES)) * page / 2);
  if (bytes == 0) return;
  InDyingProcess([&] {
    for (const int advice : {MADV_HUGEPAGE, MADV_NOHUGEPAGE}) {
      void* const memory =
          ::mmap(nullptr, bytes / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) Fail("touch memory", std::strerror(errno));
      static_cast<void>(::madvise(memory, bytes / 2, advice));  // a kernel without them has no such places
      std::memset(memory, 1, bytes / 2);
    }
  });
}

void InDyingProcess(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child < 0) Fail("dying process", std::string("cannot fork: ") + std::strerror(errno));
  if (child == 0) {
    EndWithParent();
    work();
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) Fail("dying process", std::string("cannot wait for it: ") + std::strerror(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status)) ::_exit(1);  // it has said why
  Fail("dying process", std::string("ended by signal: ") + ::strsignal(WTERMSIG(status)));
}

}  // namespace manifolddb::bench
