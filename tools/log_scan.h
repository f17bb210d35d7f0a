#pragma once
// The groups of a log file as they lie there, and which of them follow the checkpoint.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "manifolddb/result.h"
#include "tools/raw_file.h"

namespace manifolddb::tools {

struct LogFront {
  format::DecodedLogHeader header;
  format::LogHeaderDisk disk = {};     // as found, as far as the file has it
  std::optional<format::Life> marker;  // the newest life that wrote it; the database was opened
  uint32_t write_unit = 0;  // stated by the header; else by the meta page; else 512, which finds every group
};

enum class GroupPlace : uint8_t {
  kFollows,  // behind the checkpoint: part of the database
  kOld,      // of an earlier life or lap, or before the checkpoint
  kBeyond,   // of this life, behind the end of the log: a crash took what was before it, or damage did
  kForeign,  // of another database
  kTorn,     // not intact: overwritten in part, torn by a crash, or damaged
  kUnknown,  // no meta page says where the log begins
};
const char* PlaceName(GroupPlace place);

struct GroupFound {
  uint64_t offset = 0;  // in the file
  format::LogGroup header;
  GroupPlace place = GroupPlace::kUnknown;
};

struct LogScan {
  LogFront front;
  std::vector<GroupFound> groups;  // in the order of the file
  // With a meta page to start from:
  std::optional<format::Lsn> end;  // where the log ends
  uint64_t following_commits = 0;
  // What intact groups state that the end contradicts: durable bytes are gone.
  std::vector<std::string> contradictions;
};

// `meta`: the meta page that counts, or null. Reads the whole file.
Result<LogScan> ScanLog(RawFile& log, const format::MetaPage* meta);

}  // namespace manifolddb::tools
