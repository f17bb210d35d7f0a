#include "tools/cli_entries.h"

#include <charconv>

namespace manifolddb::tools {
namespace {

constexpr const char* kPathHelp = "the data file; its log, PATH-wal, lies beside it";
constexpr const char* kKeyHelp =
    "as text, a backslash as \\\\, bytes that are none as \\xNN; or, with --hex, as digits; after -- if it "
    "begins with a dash";
constexpr const char* kHexHelp = "keys and values, given and printed, as hexadecimal digits";

void DeclareTable(CLI::App& command, TableGiven& at) {
  command.add_option("PATH", at.path, kPathHelp)->required();
  command.add_option("--family", at.family, "the column family, named as printed; else the only one")
      ->type_name("NAME");
  command.add_option("--table", at.table, "the table, likewise")->type_name("NAME");
}

void DeclareRange(CLI::App& command, RangeGiven& range) {
  command.add_option("--from", range.from, "this key and those behind it")->type_name("KEY");
  command.add_option("--after", range.after, "the keys behind this one")->type_name("KEY");
  command.add_option("--before", range.before, "the keys before this one")->type_name("KEY");
  command.add_option("--through", range.through, "this key and those before it")->type_name("KEY");
  command.add_option("--prefix", range.prefix, "the keys that begin with it")->type_name("KEY");
}

void DeclareGet(CLI::App& app, GetArguments& get, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("get", "Print the value at a key");
  DeclareTable(*command, get.at);
  command->add_option("KEY", get.key, kKeyHelp)->required();
  CLI::Option* const hex = command->add_flag("--hex", get.hex, kHexHelp);
  CLI::Option* const raw =
      command->add_flag("--raw", get.raw, "the value's bytes as they are, and no line end");
  command->add_flag("--json", get.json, "one JSON object")->excludes(raw);
  hex->excludes(raw);
  command->callback([&get, streams, &exit_code] { exit_code = Get(get, streams); });
}

void DeclarePut(CLI::App& app, PutArguments& put, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("put", "Set the value at a key, durably");
  DeclareTable(*command, put.at);
  command->add_option("KEY", put.key, kKeyHelp)->required();
  command->add_option("VALUE", put.value, "likewise; without it the value is what the standard input holds");
  command->add_flag("--create", put.create, "what is missing of database, column family and table");
  command->add_flag("--hex", put.hex, kHexHelp);
  command->add_flag("--json", put.json, "one JSON object");
  command->callback([&put, streams, &exit_code] { exit_code = Put(put, streams); });
}

void DeclareDelete(CLI::App& app, DeleteArguments& del, const Streams& streams, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("delete", "Delete entries by key or in a range, all in one durable commit");
  DeclareTable(*command, del.at);
  command->add_option("KEYS", del.keys, kKeyHelp);
  DeclareRange(*command, del.range);
  command->add_flag("--all", del.all, "all entries of the table");
  command->add_flag("--hex", del.hex, kHexHelp);
  command->add_flag("--json", del.json, "one JSON object");
  command->callback([&del, streams, &exit_code] { exit_code = Delete(del, streams); });
}

void DeclareScan(CLI::App& app, ScanArguments& scan, const Streams& streams, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("scan", "Print entries in the order of keys: key, tab, value, as load reads them");
  DeclareTable(*command, scan.at);
  DeclareRange(*command, scan.range);
  AddNumber(*command, "--limit", scan.limit, "at most so many entries");
  command->add_flag("--reverse", scan.reverse, "from the greatest key down");
  command->add_flag("--keys", scan.keys, "keys only; large values are not even read");
  command->add_flag("--hex", scan.hex, kHexHelp);
  command->add_flag("--json", scan.json, "one JSON object on each line");
  command->callback([&scan, streams, &exit_code] { exit_code = Scan(scan, streams); });
}

void DeclareCount(CLI::App& app, CountArguments& count, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand("count", "Print how many entries there are");
  DeclareTable(*command, count.at);
  DeclareRange(*command, count.range);
  command->add_flag("--hex", count.hex, kHexHelp);
  command->add_flag("--json", count.json, "one JSON object");
  command->callback([&count, streams, &exit_code] { exit_code = Count(count, streams); });
}

void DeclareLoad(CLI::App& app, LoadArguments& load, const Streams& streams, int& exit_code) {
  CLI::App* const command = app.add_subcommand(
      "load",
      "Put entries from a file, as scan and dump --json --values print them; creates what is missing");
  DeclareTable(*command, load.at);
  command->add_option("FILE", load.input, "the lines; - or nothing: the standard input");
  command
      ->add_option_function<std::string>(
          "--format",
          [&load](const std::string& name) {
            load.format = name == "json" ? LoadFormat::kJson : LoadFormat::kTsv;
          },
          "key, tab, value; or JSON objects; else what the first byte looks like")
      ->check(CLI::IsMember({"tsv", "json"}));
  AddNumber(*command, "--batch", load.batch, "entries of one commit; 10000 unless given")
      ->check(CLI::PositiveNumber);
  command->add_flag("--hex", load.hex, "keys and values between tabs as hexadecimal digits");
  command->add_flag("--json", load.json, "one JSON object, of what was done");
  command->callback([&load, streams, &exit_code] { exit_code = Load(load, streams); });
}

}  // namespace

CLI::Option* AddNumber(CLI::App& command, const std::string& name, uint64_t& number,
                       const std::string& help) {
  const auto read = [](const std::string& text, uint64_t& into) {
    const char* const end = text.data() + text.size();
    const auto [rest, wrong] = std::from_chars(text.data(), end, into);
    return wrong == std::errc() && rest == end;
  };
  const auto check = [read](const std::string& text) {
    uint64_t ignored = 0;
    return read(text, ignored) ? std::string() : "'" + text + "' is no whole number below 2^64";
  };
  const auto set = [read, &number](const CLI::results_t& texts) { return read(texts.back(), number); };
  return command.add_option(name, CLI::callback_t(set), help)->check(check)->type_name("NUMBER");
}

void DeclareEntries(CLI::App& app, EntryArguments& arguments, const Streams& streams, int& exit_code) {
  DeclareGet(app, arguments.get, streams, exit_code);
  DeclarePut(app, arguments.put, streams, exit_code);
  DeclareDelete(app, arguments.del, streams, exit_code);
  DeclareScan(app, arguments.scan, streams, exit_code);
  DeclareCount(app, arguments.count, streams, exit_code);
  DeclareLoad(app, arguments.load, streams, exit_code);
}

}  // namespace manifolddb::tools
