// manifolddb-import: a database of another engine becomes a new one of this.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/import/foreign.h"
#include "tools/program.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

struct Arguments {
  std::string from;
  std::string output;
  std::string family = "imported";
  bool json = false;
};

int Report(const Error& error) {
  std::cerr << "manifolddb-import: " << Printable(error.ToString()) << "\n";
  return error.code() == Errc::kCorrupt ? 1 : 2;
}

// Only where somebody looks.
void Show(const std::string& table, const BulkLoadProgress& at) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::cerr << "\r" << Printable(table) << ": " << at.entries << " entries  ";
}

int Run(OpenForeign open, const Arguments& arguments) {
  const auto output = DatabaseAt(arguments.output);
  if (!output) return Report(output.error());
  const auto from = open(arguments.from);
  if (!from) return Report(from.error());
  const auto done = Import(**from, *output, {.family = arguments.family, .progress = Show});
  if (::isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K";
  if (!done) return Report(done.error());
  nlohmann::json tables = nlohmann::json::array();
  for (const Imported& one : *done) {
    tables.push_back(
        {{"name", JsonBytes(AsBytes(one.table))}, {"entries", one.entries}, {"bytes", one.bytes}});
    if (!arguments.json) std::cout << Quoted(one.table) << ": " << one.entries << " entries\n";
  }
  if (arguments.json) {
    std::cout << nlohmann::json({{"from", arguments.from},
                                 {"output", arguments.output},
                                 {"family", JsonBytes(AsBytes(arguments.family))},
                                 {"tables", tables}})
                     .dump()
              << "\n";
  }
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Make a manifolddb database of one of another engine", "manifolddb-import");
  app.require_subcommand(1);
  app.footer(
      "Nothing is put into the other database; but an opening of LevelDB tidies its files, and one of LMDB\n"
      "writes its lock file. Exit codes: 0 done; 1 it is damaged; 2 could not run; after 1 and 2 there is "
      "no\n"
      "OUT, unless nothing but the report of it could not be written. One that was killed may leave files "
      "of\n"
      "names that begin with OUT-part; remove them.");
  Arguments arguments;
  int exit_code = 0;
  const auto declare = [&](const char* name, const char* what, OpenForeign open) {
    CLI::App* const command = app.add_subcommand(name, what);
    command->add_option("FROM", arguments.from, "the other engine's folder or file")->required();
    command->add_option("OUT", arguments.output, "the new database; there must be no file of this name yet")
        ->required();
    command->add_option("--family", arguments.family, "the column family that gets the tables")
        ->capture_default_str();
    command->add_flag("--json", arguments.json, "one JSON object");
    command->callback([&exit_code, &arguments, open] { exit_code = Run(open, arguments); });
  };
#ifdef MANIFOLDDB_IMPORT_LMDB
  declare("lmdb", "LMDB: each named database is a table", OpenLmdb);
#endif
#ifdef MANIFOLDDB_IMPORT_LEVELDB
  declare("leveldb", "LevelDB: one table", OpenLevelDb);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace
}  // namespace manifolddb::tools

int main(int argc, char** argv) {
  return manifolddb::tools::RunProgram("manifolddb-import", 2,
                                       [&] { return manifolddb::tools::Main(argc, argv); });
}
