// One line per failure, also when several threads fail at once: the first wins, the others wait for the end.

#include "bench/measure/fail.h"

#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>

namespace manifolddb::bench {
namespace {

std::atomic<int> report_file{-1};
std::atomic<bool> failing{false};

void WriteWhole(int file, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(file, text.data() + done, text.size() - done);
    if (put <= 0) return;
    done += static_cast<size_t>(put);
  }
}

}  // namespace

void ReportFailuresTo(int file) { report_file.store(file); }

void Fail(const std::string& where, const std::string& what) {
  while (failing.exchange(true)) ::pause();
  const int file = report_file.load();
  // What engines say may hold any bytes.
  const nlohmann::json line = {{"error", where + ": " + what}};
  const auto replace = nlohmann::json::error_handler_t::replace;
  WriteWhole(file < 0 ? STDERR_FILENO : file,
             file < 0 ? where + ": " + what + "\n" : line.dump(-1, ' ', false, replace) + "\n");
  ::_exit(1);
}

}  // namespace manifolddb::bench
