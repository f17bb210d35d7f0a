// manifolddb load: lines into tables.
//
// (1) Each batch of entries is one durable commit: whatever happens, what is stored is a prefix of the lines,
//     and an error says up to which one.
// (2) A family or table is created when a line first names it, before the batch that needs it.
// (3) Memory holds one batch, which is bounded in entries and in bytes.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "engine/base/try.h"
#include "manifolddb/write_batch.h"
#include "tools/entries.h"
#include "tools/load_lines.h"
#include "tools/progress.h"
#include "tools/table_given.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr uint64_t kBatchBytesMax = uint64_t{16} << 20;

struct Loaded {
  uint64_t lines = 0;  // read
  uint64_t lines_stored = 0;
  uint64_t entries = 0;  // stored
  uint64_t bytes = 0;    // of their keys and values
  uint64_t commits = 0;
  uint64_t tables_created = 0;
};

class Loader {
 public:
  Loader(const LoadArguments& arguments, Database& database) : arguments_(arguments), database_(database) {}

  // The table of lines that name none: the one that is given, or the only one that there is.
  Status SetDefaults() {
    MANIFOLDDB_ASSIGN(default_family_, Default(arguments_.at.family));
    MANIFOLDDB_ASSIGN(default_table_, Default(arguments_.at.table));
    MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database_.BeginRead());
    if (!default_family_) {
      MANIFOLDDB_ASSIGN(const std::vector<std::string> families, snapshot.ListColumnFamilies());
      if (families.size() == 1) default_family_ = families.front();
    }
    if (!default_family_ || default_table_) return {};
    const auto family = snapshot.OpenColumnFamily(*default_family_);
    if (!family) return {};  // it is to be created
    MANIFOLDDB_ASSIGN(const std::vector<std::string> tables, snapshot.ListTables(*family));
    if (tables.size() == 1) default_table_ = tables.front();
    return {};
  }

  Status Add(const LoadLine& line) {
    ++loaded_.lines;
    MANIFOLDDB_ASSIGN(const TableNames names, NamesOf(line));
    if (line.kind == LoadLine::Kind::kFamily) {
      MANIFOLDDB_TRY(FamilyNamed(names.family));
      return {};
    }
    const bool declared = line.kind == LoadLine::Kind::kTable;
    const TableTypes types =
        declared ? TableTypes{.key = line.key_type, .value = line.value_type} : TableTypes{};
    MANIFOLDDB_ASSIGN(const WriteBatch::Table table, TableNamed(names, types, declared));
    if (declared) return {};
    MANIFOLDDB_TRY(batch_.Put(table, AsBytes(line.key), AsBytes(line.value)));
    bytes_ += line.key.size() + line.value.size();
    const bool full = batch_.changes() >= arguments_.batch || batch_.bytes() >= kBatchBytesMax;
    return full ? Store() : Status();
  }
  // What was added since the last commit.
  Status Store() {
    if (!batch_.empty()) {
      MANIFOLDDB_TRY(database_.Apply(batch_));
      ++loaded_.commits;
      loaded_.entries += batch_.changes();
      loaded_.bytes += bytes_;
      bytes_ = 0;
      batch_.Clear();
    }
    loaded_.lines_stored = loaded_.lines;
    return {};
  }
  const Loaded& loaded() const { return loaded_; }
  uint64_t entries_added() const { return loaded_.entries + batch_.changes(); }

 private:
  static Result<std::optional<std::string>> Default(const std::optional<std::string>& given) {
    if (!given) return std::optional<std::string>();
    MANIFOLDDB_ASSIGN(std::string name, NameGiven(*given));
    return std::optional(std::move(name));
  }
  Result<TableNames> NamesOf(const LoadLine& line) const {
    const std::optional<std::string>& family = line.family ? line.family : default_family_;
    const std::optional<std::string>& table = line.table ? line.table : default_table_;
    const bool needs_table = line.kind != LoadLine::Kind::kFamily;
    if (family && (table || !needs_table)) return TableNames{*family, table.value_or("")};
    return Fail(Errc::kInvalidArgument, "tools.load",
                {.message = std::string("it names no ") + (family ? "table" : "column family") +
                            ": give --family and --table for lines that do not"});
  }
  Result<ColumnFamily> FamilyNamed(const std::string& name) {
    const auto known = families_.find(name);
    if (known != families_.end()) return known->second;
    MANIFOLDDB_ASSIGN(const ColumnFamily family, database_.OpenOrCreateColumnFamily(name));
    families_.emplace(name, family);
    return family;
  }
  // `declared`: `types` are what the line says of it, and have to be those of a table that is there.
  Result<WriteBatch::Table> TableNamed(const TableNames& names, const TableTypes& types, bool declared) {
    const auto known = tables_.find({names.family, names.table});
    if (known != tables_.end() && !declared) return known->second;
    MANIFOLDDB_ASSIGN(const ColumnFamily family, FamilyNamed(names.family));
    const auto open = [&](WriteTransaction& transaction) -> Status {
      auto table = transaction.OpenTable(family, names.table, declared ? types : TableTypes::Any());
      if (table) return {};
      if (table.error().code() != Errc::kNoSuchTable) return std::unexpected(table.error());
      MANIFOLDDB_TRY(transaction.CreateTable(family, names.table, types));
      ++loaded_.tables_created;
      return {};
    };
    MANIFOLDDB_TRY(database_.Write(family, open));
    const WriteBatch::Table table = batch_.In(family, names.table, TableTypes::Any());
    tables_.insert_or_assign({names.family, names.table}, table);
    return table;
  }

  const LoadArguments& arguments_;
  Database& database_;
  std::optional<std::string> default_family_;
  std::optional<std::string> default_table_;
  std::map<std::string, ColumnFamily> families_;
  std::map<std::pair<std::string, std::string>, WriteBatch::Table> tables_;
  WriteBatch batch_;
  uint64_t bytes_ = 0;  // in the batch
  Loaded loaded_;
};

// Where lines come from, and how much of it there is.
struct Input {
  std::ifstream file;
  std::istream* stream = &std::cin;
  std::string name = "standard input";
  uint64_t bytes_total = 0;  // 0: not known
};

Status OpenInput(const std::string& path, Input& input) {
  if (path == "-") return {};
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  if (!folder) input.file.open(path, std::ios::binary);
  if (folder || !input.file.is_open()) {
    return Fail(Errc::kNotFound, "tools.load",
                {.file = path, .message = folder ? "this is a directory" : "the input cannot be opened"});
  }
  input.stream = &input.file;
  input.name = path;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (!error) input.bytes_total = bytes;
  return {};
}

// An error with the line it is about, and what has become of those before.
Error AtLine(const Error& error, const Input& input, uint64_t line, const Loaded& loaded) {
  std::string message = "line " + std::to_string(line) + ": " + error.message() + "; ";
  message += loaded.lines_stored > 0 ? "lines 1 to " + std::to_string(loaded.lines_stored) + " are stored"
                                     : std::string("no entry is stored");
  return Error(error.code(), "tools.load", {.file = input.name, .message = message});
}

class LineReader {
 public:
  LineReader(const LoadArguments& arguments, Input& input) : arguments_(arguments), input_(input) {}

  // False at the end.
  Result<bool> Next(LoadLine& parsed) {
    if (!std::getline(*input_.stream, line_)) {
      if (!input_.stream->bad()) return false;
      return Fail(Errc::kIo, "tools.load", {.message = "the input cannot be read further"});
    }
    ++number_;
    bytes_ += line_.size() + 1;
    if (format_ == LoadFormat::kDetect)
      format_ = !line_.empty() && line_[0] == '{' ? LoadFormat::kJson : LoadFormat::kTsv;
    MANIFOLDDB_ASSIGN(
        parsed, format_ == LoadFormat::kJson ? ParseJsonLine(line_) : ParseTsvLine(line_, arguments_.hex));
    return true;
  }
  uint64_t number() const { return number_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const LoadArguments& arguments_;
  Input& input_;
  LoadFormat format_ = arguments_.format;
  std::string line_;
  uint64_t number_ = 0;
  uint64_t bytes_ = 0;
};

Status LoadLines(LineReader& reader, const Input& input, Loader& loader, std::ostream& err) {
  Progress progress("loaded", err);
  LoadLine line;
  while (true) {
    MANIFOLDDB_ASSIGN(const bool more, reader.Next(line));
    if (!more) return loader.Store();
    MANIFOLDDB_TRY(loader.Add(line));
    progress.Show({.entries = loader.entries_added(),
                   .bytes = reader.bytes(),
                   .done = reader.bytes(),
                   .total = input.bytes_total});
  }
}

Result<Loaded> RunLoad(const LoadArguments& arguments, std::ostream& err) {
  Input input;
  MANIFOLDDB_TRY(OpenInput(arguments.input, input));
  MANIFOLDDB_ASSIGN(const auto database, OpenForWriting(arguments.at.path, true));
  Loader loader(arguments, *database);
  MANIFOLDDB_TRY(loader.SetDefaults());
  LineReader reader(arguments, input);
  const Status run = LoadLines(reader, input, loader, err);
  if (!run) return std::unexpected(AtLine(run.error(), input, reader.number(), loader.loaded()));
  MANIFOLDDB_TRY(database->Close());
  return loader.loaded();
}

}  // namespace

int Load(const LoadArguments& arguments, Streams streams) {
  const auto loaded = RunLoad(arguments, streams.err);
  if (!loaded) return Report(loaded.error(), streams.err);
  if (arguments.json) {
    const nlohmann::ordered_json json = {{"path", Printable(arguments.at.path)},
                                         {"lines", loaded->lines},
                                         {"entries", loaded->entries},
                                         {"bytes", loaded->bytes},
                                         {"tables_created", loaded->tables_created},
                                         {"commits", loaded->commits}};
    streams.out << json.dump() << "\n";
  } else {
    const auto counted = [](uint64_t count, const std::string& one, const char* several) {
      return std::to_string(count) + " " + (count == 1 ? one : several);
    };
    streams.out << Printable(arguments.at.path) << ": " << counted(loaded->entries, "entry", "entries")
                << " loaded, " << loaded->bytes << " bytes of keys and values, in "
                << counted(loaded->commits, "commit", "commits") << "; "
                << counted(loaded->tables_created, "table", "tables") << " created\n";
  }
  return kDone;
}

}  // namespace manifolddb::tools
