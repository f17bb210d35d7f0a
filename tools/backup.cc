// manifolddb backup, restore, check, compact. The library does it; here it gets its files, and its reports
// are printed.

#include "manifolddb/backup.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "engine/base/try.h"
#include "tools/affected.h"
#include "tools/commands.h"
#include "tools/entries.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::ordered_json;
using Problem = VerifyReport::Problem;

Result<BackupFile> BackupAt(const std::string& path) {
  MANIFOLDDB_ASSIGN(PathParts parts, SplitPath(path));
  return BackupFile{MakePosixStorage(parts.directory), std::move(parts.name)};
}
Result<std::vector<BackupFile>> BackupsAt(const std::vector<std::string>& paths) {
  std::vector<BackupFile> files;
  for (const std::string& path : paths) {
    MANIFOLDDB_ASSIGN(BackupFile file, BackupAt(path));
    files.push_back(std::move(file));
  }
  return files;
}

// A new file beside a database must have none of the names that its files have for a time: the next opening
// would take it away.
Status RefuseItsNames(const std::string& database, const std::string& output) {
  std::error_code ignored;
  const std::filesystem::path named = std::filesystem::weakly_canonical(output, ignored);
  for (const char* suffix : {"", "-wal", "-new", "-wal-new"}) {
    if (named != std::filesystem::weakly_canonical(database + suffix, ignored)) continue;
    return Fail(Errc::kInvalidArgument, "tools.backup",
                {.file = output, .message = "this name of the output is one of the database's"});
  }
  return {};
}

std::string Counts(uint64_t entries, uint64_t tables, uint64_t families) {
  return std::to_string(entries) + " entries in " + std::to_string(tables) + " tables of " +
         std::to_string(families) + " column families";
}

// What another process writes is for that process to copy: who asks here is told so.
Result<std::unique_ptr<Database>> OpenToCopy(const std::string& path) {
  auto database = OpenForReading(path);
  if (database || database.error().code() != Errc::kLocked) return database;
  const Error& locked = database.error();
  return Fail(Errc::kLocked, locked.operation().data(),
              {.file = locked.file(),
               .message = "another process has it open for writing, and takes copies of it itself, online: "
                          "Backup, Compact of manifolddb/backup.h"},
              locked);
}

Options OutputOptions() {
  Options options;
  options.executor = MakeInlineExecutor();
  return options;
}

Result<BackupReport> RunBackup(const BackupArguments& arguments, std::ostream& err) {
  MANIFOLDDB_TRY(RefuseItsNames(arguments.path, arguments.output));
  MANIFOLDDB_ASSIGN(const BackupFile output, BackupAt(arguments.output));
  Progress progress("entries backed up", err);
  BackupOptions options{.progress = progress.Call()};
  if (arguments.since) {
    MANIFOLDDB_ASSIGN(options.base, BackupAt(*arguments.since));
  }
  MANIFOLDDB_ASSIGN(const auto database, OpenToCopy(arguments.path));
  return manifolddb::Backup(*database, output, options);
}

void PrintBackup(const BackupArguments& arguments, const BackupReport& report, std::ostream& out) {
  if (arguments.json) {
    Json json = {{"path", Printable(arguments.path)},
                 {"output", Printable(arguments.output)},
                 {"since", nullptr},
                 {"commit_number", report.commit_number},
                 {"column_families", report.column_families},
                 {"tables", report.tables},
                 {"entries", report.entries},
                 {"entries_written", report.entries_written},
                 {"leaves", report.leaves},
                 {"leaves_written", report.leaves_written},
                 {"bytes", report.bytes}};
    if (arguments.since) json["since"] = Printable(*arguments.since);
    out << json.dump(2) << "\n";
    return;
  }
  out << Printable(arguments.output) << ": " << Counts(report.entries, report.tables, report.column_families)
      << ", as after commit " << report.commit_number << "; ";
  if (arguments.since) {
    out << report.entries_written << " entries of " << report.leaves_written << " pages changed since "
        << Printable(*arguments.since) << ", ";
  }
  out << report.bytes << " bytes\n";
}

Result<RestoreReport> RunRestore(const std::vector<std::string>& chain, const std::string& output,
                                 std::ostream& err) {
  MANIFOLDDB_ASSIGN(const std::vector<BackupFile> files, BackupsAt(chain));
  MANIFOLDDB_ASSIGN(const DatabaseFile database, DatabaseAt(output));
  Progress progress("entries restored", err);
  const RestoreOptions options{.output = OutputOptions(), .progress = progress.Call()};
  return manifolddb::Restore(files, database, options);
}

Result<BackupCheck> RunCheck(const std::vector<std::string>& paths, std::ostream& err) {
  MANIFOLDDB_ASSIGN(const std::vector<BackupFile> files, BackupsAt(paths));
  Progress progress("entries checked", err);
  return CheckBackup(files, progress.Call());
}

constexpr const char* kAdvice =
    "take a new backup; what lies before this one in its chain can be restored without it";

void PrintCheckJson(const CheckArguments& arguments, const BackupCheck& check, std::ostream& out) {
  Json json = {{"paths", Json::array()},
               {"whole", check.ok()},
               {"commit_number", check.commit_number},
               {"column_families", check.column_families},
               {"tables", check.tables},
               {"entries", check.entries},
               {"bytes", check.bytes},
               {"problems", Json::array()}};
  for (const std::string& path : arguments.paths) json["paths"].push_back(Printable(path));
  for (const Problem& problem : check.problems) {
    Json one = {{"file", Printable(problem.file)},
                {"offset", problem.offset},
                {"what", Printable(problem.what)},
                {"affected", Json::array()},
                {"advice", kAdvice}};
    for (const auto& affected : problem.affected) one["affected"].push_back(AffectedJson(affected));
    json["problems"].push_back(std::move(one));
  }
  out << json.dump(2) << "\n";
}

void PrintCheckText(const CheckArguments& arguments, const BackupCheck& check, std::ostream& out) {
  for (const Problem& problem : check.problems) {
    out << Printable(problem.file) << " at byte " << problem.offset << ": " << Printable(problem.what)
        << "\n";
    for (const auto& affected : problem.affected) out << "  affected: " << AffectedText(affected) << "\n";
  }
  if (!check.ok()) out << "to do: " << kAdvice << "\n";
  out << Printable(arguments.paths.back()) << ": ";
  if (check.ok()) {
    out << "whole, " << Counts(check.entries, check.tables, check.column_families) << ", as after commit "
        << check.commit_number << "; " << check.bytes << " bytes read\n";
  } else {
    out << check.problems.size() << (check.problems.size() == 1 ? " problem" : " problems") << "\n";
  }
}

Result<CompactReport> RunCompact(const CompactArguments& arguments, std::ostream& err) {
  MANIFOLDDB_TRY(RefuseItsNames(arguments.path, arguments.output));
  MANIFOLDDB_ASSIGN(const DatabaseFile output, DatabaseAt(arguments.output));
  MANIFOLDDB_ASSIGN(const auto database, OpenToCopy(arguments.path));
  Progress progress("entries copied", err);
  const CompactOptions options{.output = OutputOptions(), .progress = progress.Call()};
  return manifolddb::Compact(*database, output, options);
}

int Shrink(const CompactArguments& arguments, Streams streams) {
  const auto report = [&]() -> Result<ShrinkReport> {
    MANIFOLDDB_ASSIGN(const auto database, OpenForWriting(arguments.path, false));
    Progress progress("pages moved", streams.err, 1);
    MANIFOLDDB_ASSIGN(const ShrinkReport shrunk, database->ShrinkFile([&](const ShrinkProgress& at) {
      progress.Show({.count = at.pages_moved, .done = at.pages_moved, .total = at.pages_behind});
    }));
    MANIFOLDDB_TRY(database->Close());
    return shrunk;
  }();
  if (!report) return Report(report.error(), streams.err);
  if (arguments.json) {
    const Json json = {{"path", Printable(arguments.path)},
                       {"bytes_before", report->bytes_before},
                       {"bytes_after", report->bytes_after},
                       {"pages_moved", report->pages_moved}};
    streams.out << json.dump(2) << "\n";
  } else {
    streams.out << Printable(arguments.path) << ": " << report->bytes_after << " bytes instead of "
                << report->bytes_before << "; " << report->pages_moved << " pages were moved\n";
  }
  return kDone;
}

}  // namespace

int Backup(const BackupArguments& arguments, Streams streams) {
  const auto report = RunBackup(arguments, streams.err);
  if (!report) return Report(report.error(), streams.err);
  PrintBackup(arguments, *report, streams.out);
  return kDone;
}

int Restore(const RestoreArguments& arguments, Streams streams) {
  const std::vector<std::string> chain(arguments.paths.begin(), arguments.paths.end() - 1);
  const std::string& output = arguments.paths.back();
  const auto report = RunRestore(chain, output, streams.err);
  if (!report) return Report(report.error(), streams.err);
  if (arguments.json) {
    const Json json = {{"output", Printable(output)},
                       {"commit_number", report->commit_number},
                       {"column_families", report->column_families},
                       {"tables", report->tables},
                       {"entries", report->entries}};
    streams.out << json.dump(2) << "\n";
  } else {
    streams.out << Printable(output) << ": "
                << Counts(report->entries, report->tables, report->column_families) << ", as after commit "
                << report->commit_number << " of the database that was backed up\n";
  }
  return kDone;
}

int Check(const CheckArguments& arguments, Streams streams) {
  const auto check = RunCheck(arguments.paths, streams.err);
  if (!check) return Report(check.error(), streams.err);
  if (arguments.json) {
    PrintCheckJson(arguments, *check, streams.out);
  } else {
    PrintCheckText(arguments, *check, streams.out);
  }
  return check->ok() ? kDone : kDamaged;
}

int Compact(const CompactArguments& arguments, Streams streams) {
  if (arguments.output.empty()) return Shrink(arguments, streams);
  const auto report = RunCompact(arguments, streams.err);
  if (!report) return Report(report.error(), streams.err);
  const bool less = report->bytes_after <= report->bytes_before;
  if (arguments.json) {
    const Json json = {{"path", Printable(arguments.path)},
                       {"output", Printable(arguments.output)},
                       {"commit_number", report->commit_number},
                       {"column_families", report->column_families},
                       {"tables", report->tables},
                       {"entries", report->entries},
                       {"bytes_before", report->bytes_before},
                       {"bytes_after", report->bytes_after}};
    streams.out << json.dump(2) << "\n";
  } else {
    const uint64_t difference =
        less ? report->bytes_before - report->bytes_after : report->bytes_after - report->bytes_before;
    streams.out << Printable(arguments.output) << ": "
                << Counts(report->entries, report->tables, report->column_families) << ", as after commit "
                << report->commit_number << "; " << report->bytes_after << " bytes instead of "
                << report->bytes_before << ": " << difference << (less ? " less\n" : " more\n");
  }
  return kDone;
}

}  // namespace manifolddb::tools
