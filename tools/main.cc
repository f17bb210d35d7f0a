// The command line: arguments in, one command, an exit code out.

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "tools/commands.h"
#include "tools/text.h"

namespace manifolddb::tools {

ExitCode ExitCodeOf(const Error& error) {
  return error.code() == Errc::kCorrupt || error.code() == Errc::kTruncated ? kDamaged : kCouldNotRun;
}

int Report(const Error& error, std::ostream& err) {
  err << "manifolddb: " << Printable(error.ToString()) << "\n";
  return ExitCodeOf(error);
}

Result<std::unique_ptr<Database>> OpenForReading(const std::string& path) {
  Options options;
  options.read_only = true;
  options.create_if_missing = false;
  options.executor = MakeInlineExecutor();
  return Database::Open(path, options);
}

namespace {

constexpr const char* kFooter =
    "Every command opens for reading only and changes no byte of it; salvage, restore and compact write a\n"
    "new database, backup a new file. Nobody may have the database open for writing: a program that does\n"
    "takes backups by itself, while it writes (manifolddb/backup.h). Exit codes: 0 done, and all is whole;\n"
    "1 it is damaged; 2 could not run.";

void DeclareSalvage(CLI::App& app, SalvageArguments& salvage, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "salvage", "Write what can be proven of a damaged database into a new one, and say what is lost");
  command->add_option("IN", salvage.path, "the data file of the damaged database; its log lies beside it")
      ->required();
  command->add_option("OUT", salvage.output, "the new database; there must be no file of this name yet")
      ->required();
  command->add_flag("--allow-older", salvage.allow_older,
                    "also where newer commits may be lost: entries deleted or overwritten since come back");
  command->add_flag("--json", salvage.json, "one JSON object");
  command->add_option("--report", salvage.report,
                      "a new file: one JSON object on each line, first where each entry comes from");
  command->callback([&salvage, streams, &exit_code] { exit_code = Salvage(salvage, streams); });
}

void DeclareBackup(CLI::App& app, BackupArguments& backup, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("backup", "Write a backup of a database into one file");
  command->add_option("PATH", backup.path, "the data file; its log, PATH-wal, lies beside it")->required();
  command->add_option("OUT", backup.output, "the backup; there must be no file of this name yet")->required();
  command->add_option("--since", backup.since,
                      "an earlier backup of this database: only what has changed since is written");
  command->add_flag("--json", backup.json, "one JSON object");
  command->callback([&backup, streams, &exit_code] { exit_code = Backup(backup, streams); });
}

void DeclareRestore(CLI::App& app, RestoreArguments& restore, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("restore", "Write what backups hold into a new database");
  command
      ->add_option("FILES", restore.paths,
                   "a whole backup, those that continue it, in order, and last the new database OUT; there "
                   "must be no file of its name yet")
      ->required()
      ->expected(2, CLI::detail::expected_max_vector_size);
  command->add_flag("--json", restore.json, "one JSON object");
  command->callback([&restore, streams, &exit_code] { exit_code = Restore(restore, streams); });
}

void DeclareCheck(CLI::App& app, CheckArguments& check, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("check", "Read every byte of backups and check it");
  command->add_option("FILES", check.paths, "a whole backup, and those that continue it, in order")
      ->required();
  command->add_flag("--json", check.json, "one JSON object");
  command->callback([&check, streams, &exit_code] { exit_code = Check(check, streams); });
}

void DeclareCompact(CLI::App& app, CompactArguments& compact, const Streams& streams, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("compact", "Write a database into a new one in full pages, and say what that saves");
  command->add_option("PATH", compact.path, "the data file; its log, PATH-wal, lies beside it")->required();
  command->add_option("OUT", compact.output, "the new database; there must be no file of this name yet")
      ->required();
  command->add_flag("--json", compact.json, "one JSON object");
  command->callback([&compact, streams, &exit_code] { exit_code = Compact(compact, streams); });
}

struct Arguments {
  VerifyArguments verify;
  StatArguments stat;
  DumpArguments dump;
  SalvageArguments salvage;
  BackupArguments backup;
  RestoreArguments restore;
  CheckArguments check;
  CompactArguments compact;
};

// Declares the commands; each, when it is chosen, sets `exit_code`.
void Declare(CLI::App& app, Arguments& arguments, int& exit_code) {
  auto& [verify, stat, dump, salvage, backup, restore, check, compact] = arguments;
  const Streams streams{std::cout, std::cerr};
  constexpr const char* kPathHelp = "the data file; its log, PATH-wal, lies beside it";

  CLI::App* const verify_command =
      app.add_subcommand("verify", "Read everything that is in use and check it");
  verify_command->add_option("PATH", verify.path, kPathHelp)->required();
  verify_command->add_flag("--json", verify.json, "one JSON object");
  verify_command->callback([&, streams] { exit_code = Verify(verify, streams); });

  CLI::App* const stat_command =
      app.add_subcommand("stat", "Figures, column families, tables and their lengths");
  stat_command->add_option("PATH", stat.path, kPathHelp)->required();
  stat_command->add_flag("--json", stat.json, "one JSON object");
  stat_command->callback([&, streams] { exit_code = Stat(stat, streams); });

  DeclareBackup(app, backup, streams, exit_code);
  DeclareRestore(app, restore, streams, exit_code);
  DeclareCheck(app, check, streams, exit_code);
  DeclareCompact(app, compact, streams, exit_code);
  DeclareSalvage(app, salvage, streams, exit_code);

  CLI::App* const dump_command = app.add_subcommand("dump", "Print what is stored");
  dump_command->add_option("PATH", dump.path, kPathHelp)->required();
  auto* const family =
      dump_command->add_option("--family", dump.family, "only this column family, named as printed");
  auto* const table = dump_command->add_option("--table", dump.table, "only tables of this name");
  dump_command
      ->add_option("--limit", dump.limit, "at most so many entries of each table, or groups of the log")
      ->check([](const std::string& text) {
        const bool number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        return number ? std::string() : "'" + text + "' is no whole number";
      });
  dump_command->add_flag("--values", dump.values, "values too; without it large ones are not even read");
  auto* const meta = dump_command->add_flag(
      "--meta", dump.meta, "the copies of the meta pages instead, also of a database that does not open");
  auto* const log = dump_command->add_flag(
      "--log", dump.log, "the groups of the log instead, also of a database that does not open");
  meta->excludes(log)->excludes(family)->excludes(table);
  log->excludes(family)->excludes(table);
  dump_command->add_flag("--json", dump.json, "JSON; of entries and of the log one object on each line");
  dump_command->callback([&, streams] {
    exit_code = dump.meta  ? DumpMeta(dump, streams)
                : dump.log ? DumpLog(dump, streams)
                           : DumpEntries(dump, streams);
  });
}

int Main(int argc, char** argv) {
  CLI::App app("manifolddb: look at a database", "manifolddb");
  app.require_subcommand(1);
  app.footer(kFooter);
  Arguments arguments;
  int exit_code = kCouldNotRun;
  Declare(app, arguments, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kCouldNotRun;
  }
  // A full disk or a closed pipe must not look like a short answer.
  if (!std::cout.flush()) {
    std::cerr << "manifolddb: the output could not be written\n";
    return kCouldNotRun;
  }
  return exit_code;
}

}  // namespace
}  // namespace manifolddb::tools

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    return manifolddb::tools::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "manifolddb: " << error.what() << "\n";
    return manifolddb::tools::kCouldNotRun;
  }
}
