// manifolddb verify: is the database whole, and if not, what is wrong where.
//
// (1) Opening reads meta pages, free map, catalog and log; Database::Verify reads every page that is owned.
//     Nothing is cached, so everything comes from the files.
// (2) What the engine can do without is a note, not a problem: a meta page's second copy, a tail of the log
//     that a crash may still take.

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/base/try.h"
#include "tools/affected.h"
#include "tools/commands.h"
#include "tools/meta_area.h"
#include "tools/progress.h"
#include "tools/raw_file.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

struct Finding {
  std::string file;
  uint64_t offset = ErrorDetails::kNoOffset;
  std::string what;
  std::string advice;
  std::vector<VerifyReport::Affected> affected = {};
};

struct Outcome {
  bool opened = false;
  VerifyReport report;
  DatabaseStats stats;
  std::vector<Finding> problems;
  std::vector<Finding> notes;
};

Finding FromError(const Error& error, const std::string& advice) {
  std::string what = std::string(error.operation());
  if (!error.message().empty()) what += ": " + error.message();
  return {error.file(), error.offset(), what,
          error.code() == Errc::kCorrupt ? advice : std::string(Advice(error.code()))};
}

// Copies of meta pages that cannot be read although their twin can: opening says nothing about them.
Status NoteMetaCopies(const std::string& path, Outcome& outcome) {
  MANIFOLDDB_ASSIGN(RawFile data, RawFile::Open(path));
  MANIFOLDDB_ASSIGN(const MetaArea area, ReadMetaArea(data));
  for (const MetaCopy& copy : area.copies) {
    if (copy.valid() || !area.SlotReadable(copy.slot)) continue;
    outcome.notes.push_back({data.path(), copy.offset,
                             "meta page, " + copy.Where() + ": " + copy.decoded.why +
                                 "; its twin is whole, and it is written again in time",
                             ""});
  }
  return {};
}

Status Run(const std::string& path, Outcome& outcome, std::ostream& err) {
  auto database = OpenForReading(path);
  const std::string advice =
      "restore the database from a backup; or have what can still be proven, in a new database: 'manifolddb "
      "salvage " +
      Printable(path) + " OUT'";
  if (!database) {
    if (ExitCodeOf(database.error()) != kDamaged) return std::unexpected<Error>(database.error());
    outcome.problems.push_back(FromError(database.error(), advice));
    return {};
  }
  outcome.opened = true;
  outcome.stats = (*database)->Stats();
  Result<VerifyReport> report = VerifyReport();
  {
    Progress progress("pages checked", err, 1000);
    report = (*database)->Verify([&](const VerifyProgress& at) {
      progress.Show({.count = at.pages, .done = at.pages, .total = at.pages_total});
    });
  }
  if (!report) {
    if (ExitCodeOf(report.error()) != kDamaged) return std::unexpected<Error>(report.error());
    outcome.problems.push_back(FromError(report.error(), advice));
  } else {
    outcome.report = std::move(*report);
  }
  for (VerifyReport::Problem& problem : outcome.report.problems) {
    outcome.problems.push_back(
        {problem.file, problem.offset, problem.what, advice, std::move(problem.affected)});
  }
  if (outcome.stats.tail_may_be_lost) {
    outcome.notes.push_back(
        {LogPath(path), ErrorDetails::kNoOffset,
         "the last " + std::to_string(outcome.stats.recovered_commits) +
             " commits are in the log only; until the next opening for writing a power cut may take "
             "those that were not durable",
         ""});
  }
  return NoteMetaCopies(path, outcome);
}

nlohmann::ordered_json ToJson(const Finding& finding) {
  nlohmann::ordered_json json = {
      {"file", Printable(finding.file)}, {"offset", nullptr}, {"what", Printable(finding.what)}};
  if (finding.offset != ErrorDetails::kNoOffset) json["offset"] = finding.offset;
  for (const auto& affected : finding.affected) json["affected"].push_back(AffectedJson(affected));
  if (!finding.advice.empty()) json["advice"] = finding.advice;
  return json;
}

void PrintJson(const std::string& path, const Outcome& outcome, std::ostream& out) {
  nlohmann::ordered_json json = {{"path", Printable(path)},
                                 {"whole", outcome.problems.empty()},
                                 {"opened", outcome.opened},
                                 {"pages_owned", outcome.report.pages_owned},
                                 {"pages_free", outcome.report.pages_free},
                                 {"entries", outcome.report.entries},
                                 {"recovered_commits", outcome.stats.recovered_commits},
                                 {"problems", nlohmann::ordered_json::array()},
                                 {"notes", nlohmann::ordered_json::array()}};
  for (const Finding& problem : outcome.problems) json["problems"].push_back(ToJson(problem));
  for (const Finding& note : outcome.notes) json["notes"].push_back(ToJson(note));
  out << json.dump(2) << "\n";
}

std::string Line(const Finding& finding) {
  std::string line = Printable(finding.file);
  if (finding.offset != ErrorDetails::kNoOffset) line += " at byte " + std::to_string(finding.offset);
  return line + ": " + Printable(finding.what);
}

void PrintText(const std::string& path, const Outcome& outcome, std::ostream& out) {
  for (const Finding& problem : outcome.problems) {
    out << Line(problem) << "\n";
    for (const auto& affected : problem.affected) out << "  affected: " << AffectedText(affected) << "\n";
    out << "  to do: " << problem.advice << "\n";
  }
  for (const Finding& note : outcome.notes) out << "note: " << Line(note) << "\n";
  out << Printable(path) << ": ";
  if (outcome.problems.empty()) {
    out << "whole, ";
  } else {
    out << outcome.problems.size() << (outcome.problems.size() == 1 ? " problem" : " problems");
    out << (outcome.opened ? ", " : "; it does not open\n");
  }
  if (!outcome.opened) return;
  out << outcome.report.entries << " entries, " << outcome.report.pages_owned << " pages owned, "
      << outcome.report.pages_free << " free\n";
}

}  // namespace

int Verify(const VerifyArguments& arguments, Streams streams) {
  Outcome outcome;
  if (const Status run = Run(arguments.path, outcome, streams.err); !run)
    return Report(run.error(), streams.err);
  if (arguments.json) {
    PrintJson(arguments.path, outcome, streams.out);
  } else {
    PrintText(arguments.path, outcome, streams.out);
  }
  return outcome.problems.empty() ? kDone : kDamaged;
}

}  // namespace manifolddb::tools
