#pragma once
// A line that says how far long work is, where somebody looks.

#include <cstdint>
#include <ostream>

#include "manifolddb/backup.h"

namespace manifolddb::tools {

// Writes to `err` if standard error is a terminal, one line over and over; else nothing.
class Progress {
 public:
  // `verb`: "backed up".
  Progress(const char* verb, std::ostream& err);
  // Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  BackupProgressCall Call() {
    return [this](const BackupProgress& at) { Show(at); };
  }

 private:
  void Show(const BackupProgress& at);

  const char* const verb_;
  std::ostream& err_;
  const bool terminal_;
  uint64_t shown_ = 0;  // entries
  bool any_ = false;
};

}  // namespace manifolddb::tools
