// manifolddb savepoints: those that there are, and making, restoring and deleting one.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/try.h"
#include "tools/commands.h"
#include "tools/entries.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::ordered_json;

// What was done, and the savepoints that there are behind it.
struct Outcome {
  std::string done;  // none: looked only
  std::string name;
  uint64_t commit_number = 0;
  std::vector<SavepointInfo> savepoints;
  uint64_t page_size = 0;
};

Result<std::string> NameOf(const std::string& given) {
  if (std::optional<std::string> name = Unescape(given)) return *std::move(name);
  return Fail(Errc::kInvalidArgument, "tools.savepoints",
              {.message = "'" + Printable(given) +
                          "' is no name as they are printed: a backslash stands for "
                          "itself as \\\\, any other byte as \\xNN"});
}

Status Change(Database& database, const SavepointsArguments& arguments, Outcome& outcome) {
  if (arguments.create) {
    outcome.done = "created";
    MANIFOLDDB_ASSIGN(outcome.name, NameOf(*arguments.create));
    MANIFOLDDB_ASSIGN(outcome.commit_number, database.CreateSavepoint(outcome.name));
  } else if (arguments.restore) {
    outcome.done = "restored";
    MANIFOLDDB_ASSIGN(outcome.name, NameOf(*arguments.restore));
    MANIFOLDDB_ASSIGN(outcome.commit_number, database.RestoreSavepoint(outcome.name));
  } else if (arguments.remove) {
    outcome.done = "deleted";
    MANIFOLDDB_ASSIGN(outcome.name, NameOf(*arguments.remove));
    MANIFOLDDB_TRY(database.DeleteSavepoint(outcome.name));
  }
  return {};
}

Result<Outcome> Run(const SavepointsArguments& arguments) {
  const bool changes = arguments.create || arguments.restore || arguments.remove;
  MANIFOLDDB_ASSIGN(const auto database,
                    changes ? OpenForWriting(arguments.path, false) : OpenForReading(arguments.path));
  Outcome outcome;
  MANIFOLDDB_TRY(Change(*database, arguments, outcome));
  MANIFOLDDB_ASSIGN(outcome.savepoints, database->ListSavepoints());
  outcome.page_size = database->Stats().page_size;
  MANIFOLDDB_TRY(database->Close());
  return outcome;
}

void PrintJson(const SavepointsArguments& arguments, const Outcome& outcome, std::ostream& out) {
  Json json = {{"path", Printable(arguments.path)}};
  if (!outcome.done.empty()) {
    json[outcome.done] = Escape(outcome.name);
    if (outcome.commit_number != 0) json["commit_number"] = outcome.commit_number;
  }
  json["savepoints"] = Json::array();
  for (const SavepointInfo& savepoint : outcome.savepoints) {
    json["savepoints"].push_back({{"name", Escape(savepoint.name)},
                                  {"commit_number", savepoint.commit_number},
                                  {"bytes", savepoint.pages * outcome.page_size},
                                  {"bytes_only", savepoint.pages_only * outcome.page_size}});
  }
  out << json.dump(2) << "\n";
}

void PrintText(const SavepointsArguments& arguments, const Outcome& outcome, std::ostream& out) {
  const std::string path = Printable(arguments.path);
  if (outcome.done == "created") {
    out << path << ": savepoint " << Quoted(outcome.name) << " is the state after commit "
        << outcome.commit_number << "\n";
  } else if (outcome.done == "restored") {
    out << path << ": as at savepoint " << Quoted(outcome.name) << ", by commit " << outcome.commit_number
        << "\n";
  } else if (outcome.done == "deleted") {
    out << path << ": savepoint " << Quoted(outcome.name) << " is deleted\n";
  } else {
    for (const SavepointInfo& savepoint : outcome.savepoints) {
      out << Quoted(savepoint.name) << ": after commit " << savepoint.commit_number << ", "
          << savepoint.pages * outcome.page_size << " bytes, " << savepoint.pages_only * outcome.page_size
          << " of them in nothing else\n";
    }
    if (outcome.savepoints.empty()) out << path << ": no savepoints\n";
  }
}

}  // namespace

int Savepoints(const SavepointsArguments& arguments, Streams streams) {
  const auto outcome = Run(arguments);
  if (!outcome) return Report(outcome.error(), streams.err);
  if (arguments.json) {
    PrintJson(arguments, *outcome, streams.out);
  } else {
    PrintText(arguments, *outcome, streams.out);
  }
  return kDone;
}

}  // namespace manifolddb::tools
