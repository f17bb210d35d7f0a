#pragma once
// A line that says how far long work is, where somebody looks.

#include <cstdint>
#include <ostream>

#include "manifolddb/backup.h"

namespace manifolddb::tools {

// How far it is. The bar is drawn of `done` and `total`, whatever they count; no bar if `total` is 0.
struct ProgressAt {
  uint64_t count = 0;  // of what the line tells
  uint64_t bytes = 0;  // 0: not told
  uint64_t done = 0;
  uint64_t total = 0;
};

// Writes to `err` if standard error is a terminal, one line over and over; else nothing.
class Progress {
 public:
  // What is counted and what was done to it, "entries loaded"; how many there are between two lines.
  Progress(const char* what, std::ostream& err, uint64_t each = 20'000);
  // Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(const ProgressAt& at);
  BackupProgressCall Call() {
    return [this](const BackupProgress& at) {
      Show({.count = at.entries, .bytes = at.bytes, .done = at.entries, .total = at.entries_total});
    };
  }

 private:
  const char* const what_;
  std::ostream& err_;
  const bool terminal_;
  const uint64_t each_;
  uint64_t shown_ = 0;  // at this count
  bool any_ = false;
};

}  // namespace manifolddb::tools
