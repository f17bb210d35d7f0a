// manifolddb get, scan, count: entries of one table, of one snapshot.
//
// (1) Nothing is collected: of a scan memory holds one entry.
// (2) A line of a scan is a line that load reads, whatever the bytes are.

#include <nlohmann/json.hpp>

#include "engine/base/try.h"
#include "tools/entries.h"
#include "tools/table_given.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::ordered_json;

// A database with one of its tables open; goes as a whole, since each lives in the one before.
struct OpenedTable {
  std::unique_ptr<Database> database;
  std::optional<ReadTransaction> snapshot;
  TableNames names;
  std::optional<ReadTable> table;

  Json AsJson() const { return {{"family", Escape(names.family)}, {"table", Escape(names.table)}}; }
  std::string AsText() const {
    return "table " + Quoted(names.table) + " of column family " + Quoted(names.family);
  }
};

Result<OpenedTable> Open(const TableGiven& given) {
  OpenedTable opened;
  MANIFOLDDB_ASSIGN(opened.database, OpenForReading(given.path));
  MANIFOLDDB_ASSIGN(opened.snapshot, opened.database->BeginRead());
  MANIFOLDDB_ASSIGN(opened.names, FindTable(*opened.snapshot, given));
  MANIFOLDDB_ASSIGN(const ColumnFamily family, opened.snapshot->OpenColumnFamily(opened.names.family));
  MANIFOLDDB_ASSIGN(opened.table, opened.snapshot->OpenTable(family, opened.names.table, TableTypes::Any()));
  return opened;
}

std::string Written(ByteView bytes, bool hex) { return hex ? Hex(bytes) : Escape(AsText(bytes)); }

Result<int> RunGet(const GetArguments& arguments, Streams streams) {
  MANIFOLDDB_ASSIGN(const std::string key, BytesGiven(arguments.key, arguments.hex, "key"));
  MANIFOLDDB_ASSIGN(const OpenedTable opened, Open(arguments.at));
  MANIFOLDDB_ASSIGN(const std::optional<Value> value, opened.table->Get(AsBytes(key)));
  if (arguments.json) {
    Json json = opened.AsJson();
    json["key"] = JsonBytes(AsBytes(key));
    json["found"] = value.has_value();
    if (value) json["value"] = JsonBytes(value->bytes());
    streams.out << json.dump() << "\n";
  } else if (!value) {
    streams.err << "manifolddb: no entry " << Shown(AsBytes(key), 64) << " in " << opened.AsText() << "\n";
  } else if (arguments.raw) {
    streams.out << value->text();
  } else {
    streams.out << Written(value->bytes(), arguments.hex) << "\n";
  }
  return value ? kDone : kNoEntry;
}

// The first column of a line. load tells formats apart by what the first line begins with, so that a brace
// and a mark of the byte order are written as bytes there.
std::string WrittenKey(ByteView key, bool hex) {
  const std::string written = Written(key, hex);
  if (written.starts_with('{')) return "\\x7b" + written.substr(1);
  if (written.starts_with("\xef\xbb\xbf")) return "\\xef\\xbb\\xbf" + written.substr(3);
  return written;
}

class ScanPrinter {
 public:
  ScanPrinter(const ScanArguments& arguments, const OpenedTable& opened, std::ostream& out)
      : arguments_(arguments), opened_(opened), out_(out) {}

  Status Print(Cursor& cursor) {
    std::optional<ByteView> value;
    if (!arguments_.keys) {
      MANIFOLDDB_ASSIGN(value, cursor.value());
    }
    if (arguments_.json) {
      Json line = {{"kind", "entry"}};
      line.update(opened_.AsJson());
      line["key"] = JsonBytes(cursor.key());
      if (value) line["value"] = JsonBytes(*value);
      out_ << line.dump() << "\n";
    } else {
      out_ << WrittenKey(cursor.key(), arguments_.hex);
      if (value) out_ << "\t" << Written(*value, arguments_.hex);
      out_ << "\n";
    }
    return {};
  }

 private:
  const ScanArguments& arguments_;
  const OpenedTable& opened_;
  std::ostream& out_;
};

Status RunScan(const ScanArguments& arguments, std::ostream& out) {
  MANIFOLDDB_ASSIGN(const GivenRange range, GivenRange::From(arguments.range, arguments.hex));
  MANIFOLDDB_ASSIGN(const OpenedTable opened, Open(arguments.at));
  MANIFOLDDB_ASSIGN(Cursor cursor, opened.table->NewCursor(range.range()));
  ScanPrinter printer(arguments, opened, out);
  if (arguments.limit == 0) return {};
  MANIFOLDDB_ASSIGN(bool more, arguments.reverse ? cursor.Last() : cursor.First());
  for (uint64_t printed = 0; more;) {
    MANIFOLDDB_TRY(printer.Print(cursor));
    if (++printed == arguments.limit) break;
    // A reader that went away (head) ends the scan; main says that the output could not be written.
    if (!out) break;
    MANIFOLDDB_ASSIGN(more, arguments.reverse ? cursor.Prev() : cursor.Next());
  }
  return {};
}

Status RunCount(const CountArguments& arguments, std::ostream& out) {
  MANIFOLDDB_ASSIGN(const GivenRange range, GivenRange::From(arguments.range, arguments.hex));
  MANIFOLDDB_ASSIGN(const OpenedTable opened, Open(arguments.at));
  MANIFOLDDB_ASSIGN(const uint64_t entries, opened.table->Count(range.range()));
  if (arguments.json) {
    Json json = opened.AsJson();
    json["entries"] = entries;
    out << json.dump() << "\n";
  } else {
    out << entries << "\n";
  }
  return {};
}

}  // namespace

int Get(const GetArguments& arguments, Streams streams) {
  const Result<int> run = RunGet(arguments, streams);
  return run ? *run : Report(run.error(), streams.err);
}

int Scan(const ScanArguments& arguments, Streams streams) {
  const Status run = RunScan(arguments, streams.out);
  if (run) return kDone;
  streams.out.flush();
  return Report(run.error(), streams.err);
}

int Count(const CountArguments& arguments, Streams streams) {
  const Status run = RunCount(arguments, streams.out);
  return run ? kDone : Report(run.error(), streams.err);
}

}  // namespace manifolddb::tools
