#pragma once
// What the files of a damaged database say about its newest state.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/meta_page.h"
#include "engine/salvage/unreadable_file.h"
#include "engine/wal/log_reader.h"
#include "manifolddb/salvage.h"

namespace manifolddb::salvage {

// The files, opened for reading; the data file locked against writers.
struct Files {
  std::unique_ptr<UnreadableFile> data;
  std::unique_ptr<UnreadableFile> log;  // null: there is none
};
Result<Files> OpenFiles(const DatabaseFile& damaged);

// A checkpoint before the newest one, and the part of the log that leads from there to the newest one.
struct OlderBase {
  format::MetaPage meta;
  wal::LogScan log;
};

struct Evidence {
  format::MetaPage meta;  // the newest that can be read
  // Another way to the same state, where there is one: of use where trees of `meta` are damaged.
  std::optional<OlderBase> older;
  // What follows it in the log. Everything in front of the first damage.
  wal::LogScanResult log;
  // Why there may have been commits that neither of them knows of.
  std::vector<VerifyReport::Problem> doubts;
  // What else was met.
  std::vector<VerifyReport::Problem> notes;
};
// kCorrupt, kNotADatabase, kNewerFormat if no meta page can be believed; kIo, kNoMemory.
Result<Evidence> FindEvidence(Files& files);

}  // namespace manifolddb::salvage
