// manifolddb dump: families, tables and entries of one snapshot.
//
// (1) Values are read only if asked for: without --values a table of large values costs its keys.
// (2) Nothing is collected: whatever the database's size, memory holds one entry.
// (3) A damaged table ends with its error; the next ones are still printed.

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/try.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr size_t kShownBytesMax = 64;

class Printer {
 public:
  Printer(const DumpArguments& arguments, std::ostream& out) : arguments_(arguments), out_(out) {}

  void Family(const std::string& name, uint64_t id) {
    family_ = name;
    if (arguments_.json) {
      Line({{"kind", "family"}, {"family", Escape(name)}, {"id", id}});
    } else {
      out_ << "family " << Quoted(name) << ", id " << id << "\n";
    }
  }
  void Table(const std::string& name, const TableTypes& types, uint64_t entries) {
    table_ = name;
    if (arguments_.json) {
      nlohmann::ordered_json line = {{"kind", "table"}, {"family", Escape(family_)}, {"table", Escape(name)}};
      if (!types.key.empty()) line["key_type"] = Escape(types.key);
      if (!types.value.empty()) line["value_type"] = Escape(types.value);
      line["entries"] = entries;
      Line(line);
    } else {
      out_ << "  table " << Quoted(name) << TypesText(types) << ": " << entries << " entries\n";
    }
  }
  void Entry(ByteView key, const std::optional<ByteView>& value) {
    if (arguments_.json) {
      nlohmann::ordered_json line = {
          {"kind", "entry"}, {"family", Escape(family_)}, {"table", Escape(table_)}, {"key", JsonBytes(key)}};
      if (value) line["value"] = JsonBytes(*value);
      Line(line);
    } else {
      out_ << "    " << Shown(key, kShownBytesMax);
      if (value) out_ << " = " << Shown(*value, kShownBytesMax);
      out_ << "\n";
    }
  }
  void Omitted(uint64_t entries) {
    if (!arguments_.json) out_ << "    ... and " << entries << " more\n";
  }

 private:
  void Line(const nlohmann::ordered_json& json) { out_ << json.dump() << "\n"; }

  const DumpArguments& arguments_;
  std::ostream& out_;
  std::string family_;
  std::string table_;
};

Status DumpTable(const DumpArguments& arguments, const ReadTable& table, uint64_t entries, Printer& printer,
                 std::ostream& err) {
  std::optional<Progress> progress;
  if (::isatty(STDOUT_FILENO) == 0) progress.emplace("entries dumped", err);  // else they are seen themselves
  MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor());
  uint64_t printed = 0;
  if (arguments.limit > 0) {
    MANIFOLDDB_ASSIGN(bool more, cursor.First());
    while (more) {
      std::optional<ByteView> value;
      if (arguments.values) {
        MANIFOLDDB_ASSIGN(value, cursor.value());
      }
      printer.Entry(cursor.key(), value);
      ++printed;
      if (progress) {
        progress->Show({.count = printed, .done = printed, .total = std::min(entries, arguments.limit)});
      }
      if (printed == arguments.limit) break;
      MANIFOLDDB_ASSIGN(more, cursor.Next());
    }
  }
  if (printed < entries) printer.Omitted(entries - printed);
  return {};
}

// What the user gave as a name.
Result<std::optional<std::string>> NameGiven(const std::optional<std::string>& text) {
  if (!text) return std::optional<std::string>();
  std::optional<std::string> name = Unescape(*text);
  if (name) return name;
  return Fail(Errc::kInvalidArgument, "tools.dump",
              {.message = "'" + *text +
                          "' is no name as this tool prints them: a backslash is written \\\\, other bytes "
                          "\\x and two digits"});
}

class Dump {
 public:
  Dump(const DumpArguments& arguments, Streams streams)
      : arguments_(arguments), streams_(streams), printer_(arguments, streams.out) {}

  Status Run(Database& database) {
    MANIFOLDDB_ASSIGN(const auto family_wanted, NameGiven(arguments_.family));
    MANIFOLDDB_ASSIGN(table_wanted_, NameGiven(arguments_.table));
    MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database.BeginRead());
    std::vector<std::string> names;
    if (family_wanted) {
      names.push_back(*family_wanted);
    } else {
      MANIFOLDDB_ASSIGN(names, snapshot.ListColumnFamilies());
    }
    for (const std::string& name : names) {
      MANIFOLDDB_ASSIGN(const ColumnFamily family, snapshot.OpenColumnFamily(name));
      printer_.Family(name, family.id());
      MANIFOLDDB_TRY(Survived(Family(snapshot, family)));
    }
    if (table_wanted_ && !table_found_ && exit_code_ == kDone) {
      return Fail(Errc::kNoSuchTable, "tools.dump", {.message = Quoted(*table_wanted_)});
    }
    return {};
  }
  int exit_code() const { return exit_code_; }

 private:
  Status Family(ReadTransaction& snapshot, ColumnFamily family) {
    MANIFOLDDB_ASSIGN(const std::vector<std::string> names, snapshot.ListTables(family));
    for (const std::string& name : names) {
      if (table_wanted_ && name != *table_wanted_) continue;
      table_found_ = true;
      MANIFOLDDB_ASSIGN(const ReadTable table, snapshot.OpenTable(family, name, TableTypes::Any()));
      MANIFOLDDB_ASSIGN(const uint64_t entries, table.Length());
      printer_.Table(name, table.types(), entries);
      MANIFOLDDB_TRY(Survived(DumpTable(arguments_, table, entries, printer_, streams_.err)));
    }
    return {};
  }
  // Damage is told and remembered, and the dump goes on with what is next.
  Status Survived(const Status& status) {
    if (status || ExitCodeOf(status.error()) != kDamaged) return status;
    streams_.out.flush();
    exit_code_ = Report(status.error(), streams_.err);
    return {};
  }

  const DumpArguments& arguments_;
  const Streams streams_;
  Printer printer_;
  std::optional<std::string> table_wanted_;
  bool table_found_ = false;
  int exit_code_ = kDone;
};

}  // namespace

int DumpEntries(const DumpArguments& arguments, Streams streams) {
  const auto database = OpenForReading(arguments.path);
  if (!database) return Report(database.error(), streams.err);
  Dump dump(arguments, streams);
  if (const Status run = dump.Run(**database); !run) return Report(run.error(), streams.err);
  return dump.exit_code();
}

}  // namespace manifolddb::tools
