// manifolddb salvage: what can be proven of a damaged database, into a new one.
//
// (1) The library does it; here it gets its files, and its report is printed.
// (2) --report names the source of every entry, as they are written: one line for each leaf or entry, so that
//     nothing grows with the database. Then a line for each loss, doubt and note, and one that sums up.

#include "manifolddb/salvage.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "engine/base/try.h"
#include "tools/affected.h"
#include "tools/commands.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/raw_file.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::ordered_json;
using Problem = VerifyReport::Problem;

struct InAndOut {
  DatabaseFile damaged;
  DatabaseFile output;
};
// In one directory they have one storage: so the library knows of names that are the same.
Result<InAndOut> FilesOf(const SalvageArguments& arguments) {
  MANIFOLDDB_ASSIGN(const PathParts in, SplitPath(arguments.path));
  MANIFOLDDB_ASSIGN(const PathParts out, SplitPath(arguments.output));
  InAndOut files{{MakePosixStorage(in.directory), in.name}, {nullptr, out.name}};
  std::error_code ignored;
  const bool same = std::filesystem::equivalent(in.directory, out.directory, ignored);
  files.output.storage = same ? files.damaged.storage : MakePosixStorage(out.directory);
  return files;
}

// Whether `report` names a file that one of the databases has, or has for a time.
bool IsOneOfTheirs(const std::string& report, const SalvageArguments& arguments) {
  std::error_code ignored;
  const std::filesystem::path named = std::filesystem::weakly_canonical(report, ignored);
  for (const std::string& database : {arguments.path, arguments.output, arguments.output + "-salvage"}) {
    for (const char* suffix : {"", "-wal", "-new", "-wal-new"}) {
      if (named == std::filesystem::weakly_canonical(database + suffix, ignored)) return true;
    }
  }
  return false;
}

// The file of --report; removed again unless it is kept.
class ReportFile {
 public:
  // Null, or why not.
  const char* Open(const std::string& path, const SalvageArguments& arguments) {
    // Never over a file that is there: it might be the database.
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return "exists already; name another file";
    if (IsOneOfTheirs(path, arguments)) return "is a name of one of the databases; name another file";
    lines_.open(path, std::ios::binary);
    if (!lines_.is_open()) return "cannot be written";
    path_ = path;
    return nullptr;
  }
  ~ReportFile() {
    std::error_code ignored;
    if (path_) std::filesystem::remove(*path_, ignored);
  }
  std::ofstream& lines() { return lines_; }
  // False if not all of it could be written.
  bool Keep() {
    path_.reset();
    return static_cast<bool>(lines_.flush());
  }

 private:
  std::ofstream lines_;
  std::optional<std::string> path_;  // of what is to be removed
};

Json SourceJson(const SalvageSource& source) {
  Json json = {{"kind", "source"},
               {"family", Escape(source.family)},
               {"table", Escape(source.table)},
               {"first", JsonBytes(source.first)},
               {"last", JsonBytes(source.last)},
               {"entries", source.entries},
               {"file", Printable(source.file)},
               {"offset", source.offset}};
  if (source.extent_bytes > 0) {
    json["extent_offset"] = source.extent_offset;
    json["extent_bytes"] = source.extent_bytes;
  }
  return json;
}

Json PlaceJson(const std::string& file, uint64_t offset, const std::string& what) {
  return {{"file", Printable(file)}, {"offset", offset}, {"what", Printable(what)}};
}

Json LossJson(const SalvageLoss& loss) {
  Json json = AffectedJson(loss.keys);
  json.update(PlaceJson(loss.file, loss.offset, loss.why));
  return json;
}

Json SummaryJson(const SalvageArguments& arguments, const SalvageReport& report) {
  return {{"path", Printable(arguments.path)},
          {"output", Printable(arguments.output)},
          {"complete", report.complete()},
          {"commit_number", report.commit_number},
          {"replayed_commits", report.replayed_commits},
          {"column_families", report.column_families},
          {"tables", report.tables},
          {"entries", report.entries}};
}

std::string PlaceText(const std::string& file, uint64_t offset, const std::string& what) {
  return Printable(file) + " at byte " + std::to_string(offset) + ": " + Printable(what);
}

void PrintText(const SalvageArguments& arguments, const SalvageReport& report, std::ostream& out) {
  for (const SalvageLoss& loss : report.losses) {
    out << "lost: " << AffectedText(loss.keys)
        << "\n  because: " << PlaceText(loss.file, loss.offset, loss.why) << "\n";
  }
  for (const Problem& doubt : report.doubts) {
    out << "older: there may have been later commits\n  because: "
        << PlaceText(doubt.file, doubt.offset, doubt.what) << "\n";
  }
  for (const Problem& note : report.notes) {
    out << "note: " << PlaceText(note.file, note.offset, note.what) << "\n";
  }
  out << Printable(arguments.output) << ": " << report.entries << " entries in " << report.tables
      << " tables of " << report.column_families << " column families, ";
  if (report.complete()) out << "nothing lost, ";
  out << "as after commit " << report.commit_number << " (" << report.replayed_commits << " from the log)\n";
}

void PrintJson(const SalvageArguments& arguments, const SalvageReport& report, std::ostream& out) {
  Json json = SummaryJson(arguments, report);
  for (const char* list : {"losses", "doubts", "notes"}) json[list] = Json::array();
  for (const SalvageLoss& loss : report.losses) json["losses"].push_back(LossJson(loss));
  for (const Problem& doubt : report.doubts) {
    json["doubts"].push_back(PlaceJson(doubt.file, doubt.offset, doubt.what));
  }
  for (const Problem& note : report.notes) {
    json["notes"].push_back(PlaceJson(note.file, note.offset, note.what));
  }
  out << json.dump(2) << "\n";
}

void AppendLine(std::ostream& out, const char* kind, const Json& fields) {
  Json line = {{"kind", kind}};
  line.update(fields);
  out << line.dump() << "\n";
}

void AppendReport(const SalvageArguments& arguments, const SalvageReport& report, std::ostream& out) {
  for (const SalvageLoss& loss : report.losses) AppendLine(out, "loss", LossJson(loss));
  for (const Problem& doubt : report.doubts) {
    AppendLine(out, "doubt", PlaceJson(doubt.file, doubt.offset, doubt.what));
  }
  for (const Problem& note : report.notes) {
    AppendLine(out, "note", PlaceJson(note.file, note.offset, note.what));
  }
  AppendLine(out, "summary", SummaryJson(arguments, report));
}

int CannotWrite(const std::string& path, const char* why, std::ostream& err) {
  err << "manifolddb: the report " << Printable(path) << " " << why << "\n";
  return kCouldNotRun;
}

}  // namespace

int Salvage(const SalvageArguments& arguments, Streams streams) {
  const auto files = FilesOf(arguments);
  if (!files) return Report(files.error(), streams.err);
  SalvageOptions options;
  options.allow_older = arguments.allow_older;
  options.output.executor = MakeInlineExecutor();
  ReportFile file;
  if (arguments.report) {
    const char* const why = file.Open(*arguments.report, arguments);
    if (why != nullptr) return CannotWrite(*arguments.report, why, streams.err);
  }
  std::optional<Progress> progress(std::in_place, "entries found", streams.err);
  uint64_t entries = 0;
  options.source = [&](const SalvageSource& source) {
    if (arguments.report) file.lines() << SourceJson(source).dump() << "\n";
    entries += source.entries;
    progress->Show({.count = entries});
  };
  const auto report = manifolddb::Salvage(files->damaged, files->output, options);
  progress.reset();
  if (!report) return tools::Report(report.error(), streams.err);
  if (arguments.report) AppendReport(arguments, *report, file.lines());
  if (arguments.json) {
    PrintJson(arguments, *report, streams.out);
  } else {
    PrintText(arguments, *report, streams.out);
  }
  if (arguments.report && !file.Keep()) {
    return CannotWrite(*arguments.report, "could not be written; the new database is complete", streams.err);
  }
  return report->complete() ? kDone : kDamaged;
}

}  // namespace manifolddb::tools
