// The command line: arguments in, one command, an exit code out.

#include <CLI/CLI.hpp>
#include <iostream>

#include "tools/app_text.h"
#include "tools/cli_entries.h"
#include "tools/commands.h"
#include "tools/program.h"
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

constexpr const char* kPathHelp = "the data file; its log, PATH-wal, lies beside it";
constexpr const char* kFooter =
    "put, delete, load, compact and savepoints with a name change a database; salvage, restore and compact "
    "to "
    "OUT write a new one,\n"
    "backup a new file; bench makes a database, and removes it; every other command opens for reading only "
    "and changes\n"
    "no byte. Nobody may have the database open for writing meanwhile: a program that does takes backups by\n"
    "itself, while it writes (manifolddb/backup.h). Exit codes: 0 done, and all is whole; 1 it is damaged;\n"
    "2 could not run; 3 get and delete: there is no such entry.";

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
  command
      ->add_option("--report", salvage.report,
                   "a new file: one JSON object on each line, first where each entry comes from")
      ->type_name("FILE");
  command->callback([&salvage, streams, &exit_code] { exit_code = Salvage(salvage, streams); });
}

void DeclareBackup(CLI::App& app, BackupArguments& backup, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("backup", "Write a backup of a database into one file");
  command->add_option("PATH", backup.path, "the data file; its log, PATH-wal, lies beside it")->required();
  command->add_option("OUT", backup.output, "the backup; there must be no file of this name yet")->required();
  command
      ->add_option("--since", backup.since,
                   "an earlier backup of this database: only what has changed since is written")
      ->type_name("FILE");
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
  CLI::App* const command = app.add_subcommand(
      "compact", "Give back the free end of a database's file, or write it into a new one");
  command->add_option("PATH", compact.path, "the data file; its log, PATH-wal, lies beside it")->required();
  command->add_option("OUT", compact.output,
                      "a new database, in full pages; without it the file itself is made shorter");
  command->add_flag("--json", compact.json, "one JSON object");
  command->callback([&compact, streams, &exit_code] { exit_code = Compact(compact, streams); });
}

void DeclareSavepoints(CLI::App& app, SavepointsArguments& savepoints, const Streams& streams,
                       int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "savepoints", "List states of a database that are kept, keep one, go back to one, or let go of one");
  command->add_option("PATH", savepoints.path, kPathHelp)->required();
  auto* const create =
      command->add_option("--create", savepoints.create, "keep what there is under this name");
  auto* const restore = command->add_option(
      "--restore", savepoints.restore, "make the database what it was; all that was committed since is gone");
  auto* const remove =
      command->add_option("--delete", savepoints.remove, "give back what only this one keeps");
  for (CLI::Option* const option : {create, restore, remove}) option->type_name("NAME");
  create->excludes(restore)->excludes(remove);
  restore->excludes(remove);
  command->add_flag("--json", savepoints.json, "one JSON object, with the savepoints that there are then");
  command->callback([&savepoints, streams, &exit_code] { exit_code = Savepoints(savepoints, streams); });
}

void DeclareBench(CLI::App& app, BenchArguments& bench, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "bench", "Measure this disk, and a new database on it, which is removed: fill, get, scan, commit");
  command->add_option("PATH", bench.path, "the new database; there must be no file of this name yet")
      ->required();
  const auto number = [&](const char* name, uint64_t& value, const std::string& help) {
    return AddNumber(*command, name, value, help + "; " + std::to_string(value) + " unless given");
  };
  number("--entries", bench.entries, "how many are put")->check(CLI::PositiveNumber);
  number("--key-bytes", bench.key_bytes, "of each key");
  number("--value-bytes", bench.value_bytes, "of each value");
  number("--batch", bench.batch, "entries of one durable commit while it is filled")
      ->check(CLI::PositiveNumber);
  number("--milliseconds", bench.milliseconds, "for each measurement but the filling");
  number("--threads", bench.threads, "that commit side by side")->check(CLI::PositiveNumber);
  AddNumber(*command, "--page-size", bench.page_size, "bytes; the default of new databases unless given");
  AddNumber(*command, "--cache-bytes", bench.cache_bytes, "memory for pages, likewise");
  command->add_flag("--keep", bench.keep, "leave the database there");
  command->add_flag("--json", bench.json, "one JSON object");
  command->callback([&bench, streams, &exit_code] { exit_code = BenchDisk(bench, streams); });
}

void DeclareDump(CLI::App& app, DumpArguments& dump, const Streams& streams, int& exit_code) {
  CLI::App* const dump_command = app.add_subcommand("dump", "Print what is stored");
  dump_command->add_option("PATH", dump.path, kPathHelp)->required();
  auto* const family =
      dump_command->add_option("--family", dump.family, "only this column family, named as printed")
          ->type_name("NAME");
  auto* const table =
      dump_command->add_option("--table", dump.table, "only tables of this name")->type_name("NAME");
  AddNumber(*dump_command, "--limit", dump.limit,
            "at most so many entries of each table, or groups of the log");
  dump_command->add_flag("--values", dump.values, "values too; without it large ones are not even read");
  auto* const meta = dump_command->add_flag(
      "--meta", dump.meta, "the copies of the meta pages instead, also of a database that does not open");
  auto* const log = dump_command->add_flag(
      "--log", dump.log, "the groups of the log instead, also of a database that does not open");
  meta->excludes(log)->excludes(family)->excludes(table);
  log->excludes(family)->excludes(table);
  dump_command->add_flag("--json", dump.json, "JSON; of entries and of the log one object on each line");
  dump_command->callback([&dump, streams, &exit_code] {
    exit_code = dump.meta  ? DumpMeta(dump, streams)
                : dump.log ? DumpLog(dump, streams)
                           : DumpEntries(dump, streams);
  });
}

struct TextArguments {
  std::string shell;
  bool json = false;
};

// Texts made of the declarations themselves.
void DeclareTexts(CLI::App& app, TextArguments& texts, const Streams& streams, int& exit_code) {
  CLI::App* const completion =
      app.add_subcommand("completion", "Print what completes this command line in a shell");
  completion->add_option("SHELL", texts.shell, "which")->required()->check(CLI::IsMember({"bash", "zsh"}));
  completion->add_flag("--json", texts.json, "one JSON object, with the script as a text");
  completion->callback([&app, &texts, streams, &exit_code] {
    const std::string script = texts.shell == "bash" ? BashCompletion(app) : ZshCompletion(app);
    streams.out << (texts.json ? CompletionJson(texts.shell, script) : script);
    exit_code = kDone;
  });
  CLI::App* const manual = app.add_subcommand("manual", "Print the manual page, for man -l -");
  manual->add_flag("--json", texts.json, "one JSON object: the commands, their arguments and options");
  manual->callback([&app, &texts, streams, &exit_code] {
    streams.out << (texts.json ? ManualJson(app) : ManualPage(app));
    exit_code = kDone;
  });
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
  SavepointsArguments savepoints;
  BenchArguments bench;
  EntryArguments entries;
  TextArguments texts;
};

// Declares the commands; each, when it is chosen, sets `exit_code`.
void Declare(CLI::App& app, Arguments& arguments, int& exit_code) {
  auto& [verify, stat, dump, salvage, backup, restore, check, compact, savepoints, bench, entries, texts] =
      arguments;
  const Streams streams{std::cout, std::cerr};

  CLI::App* const verify_command =
      app.add_subcommand("verify", "Read everything that is in use and check it");
  verify_command->add_option("PATH", verify.path, kPathHelp)->required();
  verify_command->add_flag("--json", verify.json, "one JSON object");
  verify_command->callback([&, streams] { exit_code = Verify(verify, streams); });

  CLI::App* const stat_command =
      app.add_subcommand("stat", "Figures, column families, tables and their lengths");
  stat_command->add_option("PATH", stat.path, kPathHelp)->required();
  stat_command->add_flag("--shape", stat.shape,
                         "also how each table lies in its pages: depth, pages, how full; reads all of it");
  stat_command->add_flag("--json", stat.json, "one JSON object");
  stat_command->callback([&, streams] { exit_code = Stat(stat, streams); });

  DeclareBackup(app, backup, streams, exit_code);
  DeclareRestore(app, restore, streams, exit_code);
  DeclareCheck(app, check, streams, exit_code);
  DeclareCompact(app, compact, streams, exit_code);
  DeclareSavepoints(app, savepoints, streams, exit_code);
  DeclareSalvage(app, salvage, streams, exit_code);
  DeclareBench(app, bench, streams, exit_code);

  DeclareDump(app, dump, streams, exit_code);
  DeclareEntries(app, entries, streams, exit_code);
  DeclareTexts(app, texts, streams, exit_code);
}

// CLI11 takes an argument of several values of the form [a,b] apart at its commas, and ++ for an end of
// them; to us both are keys like others. A NUL, which no argument contains, behind them hides them.
std::vector<std::string> Hidden(int argc, char** argv) {
  std::vector<std::string> reversed;  // as CLI11 wants them
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument == "++" || (argument.starts_with('[') && argument.ends_with(']'))) argument += '\0';
    reversed.push_back(std::move(argument));
  }
  return reversed;
}

std::string Unhidden(std::string text) {
  std::erase(text, '\0');
  return text;
}

void UnhideArguments(CLI::App& app) {
  app.failure_message([](const CLI::App* where, const CLI::Error& error) {
    return Unhidden(CLI::FailureMessage::simple(where, error));
  });
  for (CLI::App* const command : app.get_subcommands({})) {
    for (CLI::Option* const option : command->get_options())
      if (option->get_items_expected_max() > 0) option->transform(Unhidden);
  }
}

int Main(int argc, char** argv) {
  CLI::App app("look at a database of manifolddb, read and write its entries", "manifolddb");
  app.set_version_flag("--version", "manifolddb " MANIFOLDDB_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  Arguments arguments;
  int exit_code = kCouldNotRun;
  Declare(app, arguments, exit_code);
  UnhideArguments(app);
  try {
    app.parse(Hidden(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kCouldNotRun;
  }
  return exit_code;
}

}  // namespace
}  // namespace manifolddb::tools

int main(int argc, char** argv) {
  return manifolddb::tools::RunProgram("manifolddb", manifolddb::tools::kCouldNotRun,
                                       [&] { return manifolddb::tools::Main(argc, argv); });
}
