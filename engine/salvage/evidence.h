#pragma once
// What the files of a damaged database say about its newest state.

#include <memory>
#include <string>
#include <vector>

#include "engine/format/meta_page.h"
#include "engine/recovery/meta_area.h"
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

struct Evidence {
  format::MetaPage meta;  // the newest that can be read
  // What follows it in the log. Everything in front of the first damage.
  wal::LogScanResult log;
  // Why there may have been commits that neither of them knows of.
  std::vector<VerifyReport::Problem> doubts;
};
// kCorrupt, kNotADatabase, kNewerFormat if no meta page can be believed; kIo, kNoMemory.
Result<Evidence> FindEvidence(Files& files);

// Which of the copies counts, and in `doubts` what may have been newer. `log`: the identity that the log's
// header names, which decides between copies of two databases; null: it names none.
Result<format::MetaPage> ChooseMeta(const recovery::MetaArea& area, const format::Identity* log,
                                    const std::string& file, std::vector<VerifyReport::Problem>& doubts);

}  // namespace manifolddb::salvage
