// manifolddb put, delete: one durable commit each.

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "engine/base/try.h"
#include "tools/entries.h"
#include "tools/table_given.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const TableNames& names) {
  return {{"family", Escape(names.family)}, {"table", Escape(names.table)}};
}

// The names of the table to write to. `create`: both must be given, unless there is only one of them.
Result<TableNames> FindTableIn(const Database& database, const TableGiven& given) {
  if (given.family && given.table) {
    MANIFOLDDB_ASSIGN(std::string family, NameGiven(*given.family));
    MANIFOLDDB_ASSIGN(std::string table, NameGiven(*given.table));
    return TableNames{std::move(family), std::move(table)};
  }
  MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database.BeginRead());
  return FindTable(snapshot, given);
}

Result<uint64_t> PutOne(Database& database, const TableNames& names, const PutArguments& arguments,
                        const std::string& key, const std::string& value) {
  MANIFOLDDB_ASSIGN(const ColumnFamily family, arguments.create
                                                   ? database.OpenOrCreateColumnFamily(names.family)
                                                   : database.OpenColumnFamily(names.family));
  return database.Write(family, [&](WriteTransaction& transaction) -> Status {
    auto table = transaction.OpenTable(family, names.table, TableTypes::Any());
    if (!table && table.error().code() == Errc::kNoSuchTable && arguments.create)
      table = transaction.CreateTable(family, names.table);
    if (!table) return std::unexpected(table.error());
    return table->Put(AsBytes(key), AsBytes(value));
  });
}

// Before a database is created that nothing can be put into.
Status CheckNames(const PutArguments& arguments) {
  const TableGiven& at = arguments.at;
  for (const auto& name : {at.family, at.table}) {
    if (name) MANIFOLDDB_TRY(NameGiven(*name));
  }
  std::error_code error;
  if (!arguments.create || (at.family && at.table) || std::filesystem::exists(at.path, error)) return {};
  return Fail(Errc::kInvalidArgument, "tools.put",
              {.file = at.path, .message = "a new database has no table: give --family and --table"});
}

Result<std::string> ReadStandardInput() {
  std::string value;
  std::vector<char> chunk(64 << 10);
  errno = 0;
  while (std::cin.good()) {
    std::cin.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    value.append(chunk.data(), static_cast<size_t>(std::cin.gcount()));
    if (value.size() > kValueBytesMax)
      return Fail(Errc::kValueTooLong, "tools.put", {.file = "standard input"});
  }
  if (!std::cin.bad()) return value;
  return Fail(Errc::kIo, "tools.put",
              {.file = "standard input", .os_error = errno, .message = "the value cannot be read"});
}

Status RunPut(const PutArguments& arguments, std::ostream& out) {
  MANIFOLDDB_ASSIGN(const std::string key, BytesGiven(arguments.key, arguments.hex, "key"));
  std::string value;
  if (arguments.value) {
    MANIFOLDDB_ASSIGN(value, BytesGiven(*arguments.value, arguments.hex, "value"));
  } else {
    MANIFOLDDB_ASSIGN(value, ReadStandardInput());
  }
  MANIFOLDDB_TRY(CheckNames(arguments));
  MANIFOLDDB_ASSIGN(const auto database, OpenForWriting(arguments.at.path, arguments.create));
  MANIFOLDDB_ASSIGN(const TableNames names, FindTableIn(*database, arguments.at));
  MANIFOLDDB_ASSIGN(const uint64_t commit, PutOne(*database, names, arguments, key, value));
  MANIFOLDDB_TRY(database->Close());
  if (arguments.json) {
    Json json = JsonOf(names);
    json["key"] = JsonBytes(AsBytes(key));
    json["value_bytes"] = value.size();
    json["commit_number"] = commit;
    out << json.dump() << "\n";
  }
  return {};
}

Status CheckWhatToDelete(const DeleteArguments& arguments) {
  const int ways =
      (arguments.keys.empty() ? 0 : 1) + (arguments.range.any() ? 1 : 0) + (arguments.all ? 1 : 0);
  if (ways == 1) return {};
  return Fail(Errc::kInvalidArgument, "tools.delete",
              {.message = ways == 0 ? "nothing is named: give keys, or a range, or --all for all entries"
                                    : "keys, a range and --all exclude each other"});
}

struct Deleted {
  TableNames names;
  uint64_t entries = 0;
};

Result<Deleted> RunDelete(const DeleteArguments& arguments) {
  MANIFOLDDB_TRY(CheckWhatToDelete(arguments));
  MANIFOLDDB_ASSIGN(const GivenRange range, GivenRange::From(arguments.range, arguments.hex));
  std::vector<std::string> keys;
  for (const std::string& given : arguments.keys) {
    MANIFOLDDB_ASSIGN(std::string key, BytesGiven(given, arguments.hex, "key"));
    keys.push_back(std::move(key));
  }
  MANIFOLDDB_ASSIGN(const auto database, OpenForWriting(arguments.at.path, false));
  Deleted deleted;
  MANIFOLDDB_ASSIGN(deleted.names, FindTableIn(*database, arguments.at));
  MANIFOLDDB_ASSIGN(const ColumnFamily family, database->OpenColumnFamily(deleted.names.family));
  const auto change = [&](WriteTransaction& transaction) -> Status {
    deleted.entries = 0;  // it may run again
    MANIFOLDDB_ASSIGN(WriteTable table,
                      transaction.OpenTable(family, deleted.names.table, TableTypes::Any()));
    for (const std::string& key : keys) {
      MANIFOLDDB_ASSIGN(const bool there, table.Delete(AsBytes(key)));
      deleted.entries += there ? 1 : 0;
    }
    if (keys.empty()) {
      MANIFOLDDB_ASSIGN(deleted.entries, table.DeleteRange(range.range()));
    }
    return {};
  };
  MANIFOLDDB_TRY(database->Write(family, change));
  MANIFOLDDB_TRY(database->Close());
  return deleted;
}

}  // namespace

Result<std::unique_ptr<Database>> OpenForWriting(const std::string& path, bool create) {
  Options options;
  options.create_if_missing = create;
  options.executor = MakeInlineExecutor();
  return Database::Open(path, options);
}

int Put(const PutArguments& arguments, Streams streams) {
  const Status run = RunPut(arguments, streams.out);
  return run ? kDone : Report(run.error(), streams.err);
}

int Delete(const DeleteArguments& arguments, Streams streams) {
  const auto deleted = RunDelete(arguments);
  if (!deleted) return Report(deleted.error(), streams.err);
  if (arguments.json) {
    Json json = JsonOf(deleted->names);
    json["deleted"] = deleted->entries;
    streams.out << json.dump() << "\n";
  } else {
    streams.out << deleted->entries << (deleted->entries == 1 ? " entry" : " entries") << " deleted\n";
  }
  return deleted->entries > 0 ? kDone : kNoEntry;
}

}  // namespace manifolddb::tools
