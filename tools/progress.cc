#include "tools/progress.h"

#include <unistd.h>

#include <algorithm>
#include <string>

namespace manifolddb::tools {
namespace {

constexpr uint64_t kBarWidth = 24;

std::string Bar(uint64_t done, uint64_t total) {
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<size_t>(share * kBarWidth);
  const std::string percent = std::to_string(static_cast<int>(share * 100));
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "] " +
         std::string(3 - percent.size(), ' ') + percent + "%  ";
}

}  // namespace

Progress::Progress(const char* what, std::ostream& err, uint64_t each)
    : what_(what), err_(err), terminal_(::isatty(STDERR_FILENO) == 1), each_(each) {}

Progress::~Progress() {
  if (any_) err_ << "\r\x1b[K" << std::flush;
}

void Progress::Show(const ProgressAt& at) {
  if (!terminal_ || at.count < shown_ + each_) return;
  shown_ = at.count;
  any_ = true;
  err_ << "\r";
  if (at.total > 0) err_ << Bar(at.done, at.total);
  err_ << at.count << " " << what_;
  if (at.bytes > 0) err_ << ", " << (at.bytes >> 20) << " MiB";
  err_ << "\x1b[K" << std::flush;
}

}  // namespace manifolddb::tools
