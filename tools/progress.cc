#include "tools/progress.h"

#include <unistd.h>

namespace manifolddb::tools {
namespace {

constexpr uint64_t kEntriesEach = 20'000;  // between two lines

}  // namespace

Progress::Progress(const char* verb, std::ostream& err)
    : verb_(verb), err_(err), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (any_) err_ << "\r\x1b[K" << std::flush;
}

void Progress::Show(const BackupProgress& at) {
  if (!terminal_ || at.entries < shown_ + kEntriesEach) return;
  shown_ = at.entries;
  any_ = true;
  err_ << "\r" << at.entries;
  if (at.entries_total > 0) err_ << " of " << at.entries_total;
  err_ << " entries " << verb_;
  if (at.bytes > 0) err_ << ", " << (at.bytes >> 20) << " MiB";
  err_ << "\x1b[K" << std::flush;
}

}  // namespace manifolddb::tools
