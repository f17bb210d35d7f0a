// manifolddb load: lines into tables.
//
// (1) Each batch of entries is one durable commit: whatever happens, what is stored is a prefix of the lines,
//     and an error says up to which one.
// (2) A family or table is created when a line first names it, before the batch that needs it.
// (3) Memory holds one batch, which is bounded in entries and in bytes.
// (4) A database that is not there is made behind the first batch of lines, once each of them can be stored:
//     an input that is none leaves nothing behind.

#include <cerrno>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "engine/base/try.h"
#include "engine/format/page_header.h"
#include "manifolddb/write_batch.h"
#include "tools/entries.h"
#include "tools/load_lines.h"
#include "tools/progress.h"
#include "tools/table_given.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr uint64_t kBatchBytesMax = uint64_t{16} << 20;
// Of databases that are made here.
constexpr uint64_t kNewKeyBytesMax = format::KeyBytesMax(format::kPageBytesDefault);

struct Loaded {
  uint64_t lines = 0;  // read
  uint64_t lines_stored = 0;
  uint64_t entries = 0;  // stored
  uint64_t bytes = 0;    // of their keys and values
  uint64_t commits = 0;
  uint64_t tables_created = 0;
};

// The table of lines that name none: the one that is given, or the only one that there is.
class Defaults {
 public:
  static Result<Defaults> Given(const TableGiven& given) {
    Defaults defaults;
    for (const auto& [text, name] :
         {std::pair(&given.family, &defaults.family_), std::pair(&given.table, &defaults.table_)}) {
      if (!*text) continue;
      MANIFOLDDB_ASSIGN(*name, NameGiven(**text));
    }
    return defaults;
  }
  // With the names of what is there.
  Status Complete(const Database& database) {
    MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database.BeginRead());
    if (!family_) {
      MANIFOLDDB_ASSIGN(const std::vector<std::string> families, snapshot.ListColumnFamilies());
      if (families.size() == 1) family_ = families.front();
    }
    if (!family_ || table_) return {};
    const auto family = snapshot.OpenColumnFamily(*family_);
    if (!family) return {};  // it is to be created
    MANIFOLDDB_ASSIGN(const std::vector<std::string> tables, snapshot.ListTables(*family));
    if (tables.size() == 1) table_ = tables.front();
    return {};
  }

  // The table that a line is about. kInvalidArgument if nothing says.
  Result<TableNames> NamesOf(const LoadLine& line) const {
    const std::optional<std::string>& family = line.family ? line.family : family_;
    const std::optional<std::string>& table = line.table ? line.table : table_;
    const bool needs_table = line.kind != LoadLine::Kind::kFamily;
    if (family && (table || !needs_table)) return TableNames{*family, table.value_or("")};
    return Fail(Errc::kInvalidArgument, "tools.load",
                {.message = std::string("it names no ") + (family ? "table" : "column family") +
                            ": give --family and --table for lines that do not"});
  }

 private:
  std::optional<std::string> family_;
  std::optional<std::string> table_;
};

class Loader {
 public:
  Loader(const LoadArguments& arguments, Database& database) : arguments_(arguments), database_(database) {}

  // Errors: those of the database.
  Status Add(const LoadLine& line, const TableNames& names) {
    ++loaded_.lines;
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
      storing_ = true;
      MANIFOLDDB_TRY(database_.Apply(batch_));
      storing_ = false;
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
  bool storing() const { return storing_; }  // when it failed
  uint64_t entries_added() const { return loaded_.entries + batch_.changes(); }

 private:
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
    bool created = false;
    const auto open = [&](WriteTransaction& transaction) -> Status {
      created = false;  // it may run again
      auto table = transaction.OpenTable(family, names.table, declared ? types : TableTypes::Any());
      if (table) return {};
      if (table.error().code() != Errc::kNoSuchTable) return std::unexpected(table.error());
      MANIFOLDDB_TRY(transaction.CreateTable(family, names.table, types));
      created = true;
      return {};
    };
    MANIFOLDDB_TRY(database_.Write(family, open));
    loaded_.tables_created += created ? 1 : 0;
    const WriteBatch::Table table = batch_.In(family, names.table, TableTypes::Any());
    tables_.insert_or_assign({names.family, names.table}, table);
    return table;
  }

  const LoadArguments& arguments_;
  Database& database_;
  std::map<std::string, ColumnFamily> families_;
  std::map<std::pair<std::string, std::string>, WriteBatch::Table> tables_;
  WriteBatch batch_;
  uint64_t bytes_ = 0;  // in the batch
  bool storing_ = false;
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

std::string LinesText(uint64_t first, uint64_t last) {
  return first == last ? "line " + std::to_string(first)
                       : "lines " + std::to_string(first) + " to " + std::to_string(last);
}

std::string StoredText(const Loaded& loaded) {
  if (loaded.lines_stored == 0) return "no entry is stored";
  return LinesText(1, loaded.lines_stored) + (loaded.lines_stored == 1 ? " is stored" : " are stored");
}

// An error with the line it is about, and what has become of those before.
Error AtLine(const Error& error, const Input& input, uint64_t line, const Loaded& loaded) {
  std::string message = "line " + std::to_string(line) + ": " + error.message() + "; " + StoredText(loaded);
  return Error(error.code(), "tools.load",
               {.file = input.name, .os_error = error.os_error(), .message = message}, error);
}

// An error of the database, as it is, and what it was about.
Error OfDatabase(const Error& error, const Input& input, const Loader& loader) {
  const Loaded& loaded = loader.loaded();
  const std::string lines = LinesText(loaded.lines_stored + 1, loaded.lines);
  std::string message = error.message().empty() ? "" : error.message() + "; ";
  message += loader.storing() ? "while storing " + lines : "at line " + std::to_string(loaded.lines);
  message += " of " + input.name + "; " + StoredText(loaded);
  if (loader.storing() && error.code() == Errc::kUnknownOutcome) message += ", " + lines + " perhaps too";
  return Error(
      error.code(), error.operation().data(),
      {.file = error.file(), .offset = error.offset(), .os_error = error.os_error(), .message = message},
      error);
}

class LineReader {
 public:
  LineReader(const LoadArguments& arguments, const Input& input)
      : arguments_(arguments), stream_(*input.stream) {}

  // Of the database; that of new ones until it is told.
  void set_key_bytes_max(uint64_t bytes) { key_bytes_max_ = bytes; }

  // False at the end.
  Result<bool> Next(LoadLine& parsed) {
    ++number_;
    if (ahead_.empty()) return Read(parsed);
    parsed = std::move(ahead_.front());
    ahead_.pop_front();
    return true;
  }
  // A line that Next will give, behind those that were read ahead before; null at the end.
  Result<const LoadLine*> ReadAhead() {
    LoadLine parsed;
    MANIFOLDDB_ASSIGN(const bool more, Read(parsed));
    if (!more) return nullptr;
    ahead_.push_back(std::move(parsed));
    return &ahead_.back();
  }
  uint64_t number() const { return number_; }
  uint64_t bytes() const { return bytes_; }

 private:
  enum class End : uint8_t { kNone, kWhole, kCut };  // there is no line; it has a line end; it has none

  Result<bool> Read(LoadLine& parsed) {
    MANIFOLDDB_ASSIGN(const End end, ReadLine());
    if (end == End::kNone) return false;
    bytes_ += line_.size() + 1;
    MANIFOLDDB_TRY(DetectFormat());
    const bool json = format_ == LoadFormat::kJson;
    if (!json && end == End::kCut)
      return Wrong(Errc::kInvalidArgument, "it has no line end, so the input may have been cut in it");
    MANIFOLDDB_ASSIGN(parsed, json ? ParseJsonLine(line_) : ParseTsvLine(line_, arguments_.hex));
    return true;
  }
  static std::unexpected<Error> Wrong(Errc code, const char* message) {
    return Fail(code, "tools.load", {.message = message});
  }
  Result<End> ReadLine() {
    line_.clear();
    while (true) {
      errno = 0;
      stream_.getline(chunk_.data(), static_cast<std::streamsize>(chunk_.size()));
      if (stream_.bad())
        return Fail(Errc::kIo, "tools.load",
                    {.os_error = errno, .message = "the input cannot be read further"});
      const bool whole = stream_.good();
      line_.append(chunk_.data(), static_cast<size_t>(stream_.gcount()) - (whole ? 1 : 0));
      if (whole) return End::kWhole;
      if (stream_.eof()) return line_.empty() ? End::kNone : End::kCut;
      stream_.clear();  // the chunk is full
      MANIFOLDDB_TRY(DetectFormat());
      MANIFOLDDB_TRY(CheckLength());
    }
  }
  // Of a line that goes on: what is no entry must not fill the memory.
  Status CheckLength() const {
    // A byte is \xNN at most; in JSON it is two digits, and in a text beside them \u00NN.
    constexpr uint64_t kJsonRest = uint64_t{1} << 20;  // names, and what holds them together
    const bool json = format_ == LoadFormat::kJson;
    const uint64_t bytes_max = (json ? 8 : 4) * (key_bytes_max_ + kValueBytesMax) + (json ? kJsonRest : 1);
    const uint64_t key_max = 4 * key_bytes_max_;
    const bool key_fits = json || line_.size() <= key_max || line_.find('\t') <= key_max;
    if (key_fits && line_.size() <= bytes_max) return {};
    return Wrong(Errc::kLimit, key_fits ? "it is longer than that of any entry"
                                        : "no key is as long as what it begins with");
  }
  Status DetectFormat() {
    if (format_ != LoadFormat::kDetect) return {};
    if (line_.empty() || line_.starts_with("\xef\xbb\xbf"))
      return Wrong(Errc::kInvalidArgument, "it does not show the format: give --format");
    format_ = line_[0] == '{' ? LoadFormat::kJson : LoadFormat::kTsv;
    return {};
  }

  const LoadArguments& arguments_;
  std::istream& stream_;
  uint64_t key_bytes_max_ = kNewKeyBytesMax;
  LoadFormat format_ = arguments_.format;
  std::vector<char> chunk_ = std::vector<char>(64 << 10);
  std::string line_;
  std::deque<LoadLine> ahead_;
  uint64_t number_ = 0;
  uint64_t bytes_ = 0;  // read
};

// What a new database would refuse of a line by itself.
Status CheckNew(const LoadLine& line, const TableNames& names) {
  const auto refuse = [](Errc code, const std::string& what, size_t bytes, uint64_t bytes_max) {
    return Fail(code, "tools.load",
                {.message = what + std::to_string(bytes) + " bytes, at most " + std::to_string(bytes_max)});
  };
  const bool needs_table = line.kind != LoadLine::Kind::kFamily;
  for (const std::string* name : {&names.family, &names.table}) {
    if (name == &names.table && !needs_table) continue;
    if (name->empty()) return Fail(Errc::kInvalidArgument, "tools.load", {.message = "a name is empty"});
    if (name->size() > kNameBytesMax)
      return refuse(Errc::kInvalidArgument, "a name has ", name->size(), kNameBytesMax);
  }
  for (const std::string* type : {&line.key_type, &line.value_type}) {
    if (type->size() > kTypeNameBytesMax)
      return refuse(Errc::kInvalidArgument, "the name of a type has ", type->size(), kTypeNameBytesMax);
  }
  if (line.key.size() > kNewKeyBytesMax)
    return refuse(Errc::kKeyTooLong, "the key has ", line.key.size(), kNewKeyBytesMax);
  if (line.value.size() > kValueBytesMax)
    return refuse(Errc::kValueTooLong, "the value has ", line.value.size(), kValueBytesMax);
  return {};
}

// The tables that lines make in a new database: what each line says has to agree with those before.
class NewTables {
 public:
  Status Add(const LoadLine& line, const TableNames& names) {
    if (line.kind == LoadLine::Kind::kFamily) return {};
    const Types types{line.key_type, line.value_type};  // of an entry: none, raw bytes
    const auto [known, made] = tables_.try_emplace({names.family, names.table}, types);
    if (made || line.kind != LoadLine::Kind::kTable || known->second == types) return {};
    return Fail(Errc::kTypeMismatch, "tools.load",
                {.message = "the table " + Quoted(names.table) + " has the types" + Text(types) +
                            " here, and by a line before" + Text(known->second)});
  }

 private:
  using Types = std::pair<std::string, std::string>;
  static std::string Text(const Types& types) {
    const std::string text = TypesText({.key = types.first, .value = types.second});
    return text.empty() ? " of raw bytes" : text;
  }
  std::map<std::pair<std::string, std::string>, Types> tables_;
};

// Reads the first batch, or as much as there is of it, and checks it without a database.
Status ReadAhead(LineReader& reader, const Input& input, const LoadArguments& arguments,
                 const Defaults& defaults) {
  NewTables tables;
  uint64_t lines = 0;
  uint64_t bytes = 0;
  while (lines++ < arguments.batch && bytes < kBatchBytesMax) {
    const auto wrong = [&](const Error& error) { return std::unexpected(AtLine(error, input, lines, {})); };
    const Result<const LoadLine*> line = reader.ReadAhead();
    if (!line) return wrong(line.error());
    if (*line == nullptr) return {};
    const auto names = defaults.NamesOf(**line);
    if (!names) return wrong(names.error());
    if (const Status fits = CheckNew(**line, *names); !fits) return wrong(fits.error());
    if (const Status agrees = tables.Add(**line, *names); !agrees) return wrong(agrees.error());
    bytes += (*line)->key.size() + (*line)->value.size();
  }
  return {};
}

Status LoadLines(LineReader& reader, const Input& input, const Defaults& defaults, Loader& loader,
                 std::ostream& err) {
  Progress progress("entries loaded", err);
  LoadLine line;
  while (true) {
    const Result<bool> more = reader.Next(line);
    if (!more) return std::unexpected(AtLine(more.error(), input, reader.number(), loader.loaded()));
    const auto names = *more ? defaults.NamesOf(line) : Result<TableNames>(TableNames());
    if (!names) return std::unexpected(AtLine(names.error(), input, reader.number(), loader.loaded()));
    const Status done = *more ? loader.Add(line, *names) : loader.Store();
    if (!done) return std::unexpected(OfDatabase(done.error(), input, loader));
    if (!*more) return {};
    progress.Show({.count = loader.entries_added(),
                   .bytes = reader.bytes(),
                   .done = reader.bytes(),
                   .total = input.bytes_total});
  }
}

Result<Loaded> RunLoad(const LoadArguments& arguments, std::ostream& err) {
  Input input;
  MANIFOLDDB_TRY(OpenInput(arguments.input, input));
  MANIFOLDDB_ASSIGN(Defaults defaults, Defaults::Given(arguments.at));
  LineReader reader(arguments, input);
  std::error_code unknown;
  if (!std::filesystem::exists(arguments.at.path, unknown) && !unknown)
    MANIFOLDDB_TRY(ReadAhead(reader, input, arguments, defaults));
  MANIFOLDDB_ASSIGN(const auto database, OpenForWriting(arguments.at.path, true));
  reader.set_key_bytes_max(database->key_bytes_max());
  MANIFOLDDB_TRY(defaults.Complete(*database));
  Loader loader(arguments, *database);
  MANIFOLDDB_TRY(LoadLines(reader, input, defaults, loader, err));
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
