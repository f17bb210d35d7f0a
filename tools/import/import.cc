// What a crash or an error leaves: the new database is made beside its name, and gets it when it is whole.

#include <filesystem>
#include <system_error>

#include "manifolddb/database.h"
#include "manifolddb/storage.h"
#include "tools/import/foreign.h"

namespace manifolddb::tools {
namespace {

namespace fs = std::filesystem;

constexpr char kPart[] = "-part";

Status RefuseWhatExists(const std::string& output) {
  for (const char* const suffix : {"", "-wal"}) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(output + suffix, error))) continue;
    return Fail(Errc::kAlreadyExists, "tools.import",
                {.file = output + suffix, .message = "an import makes a new database"});
  }
  return {};
}

void Remove(const std::string& database) {
  std::error_code ignored;  // what is not there need not go
  for (const char* const suffix : {"", "-wal"}) fs::remove(database + suffix, ignored);
}

Result<std::vector<Imported>> Fill(
    Database& database, Foreign& from, const std::string& family_name,
    const std::function<void(const std::string&, const BulkLoadProgress&)>& progress) {
  const auto family = database.CreateColumnFamily(family_name);
  if (!family) return std::unexpected(family.error());
  std::vector<Imported> done;
  for (const Foreign::Table& table : from.tables()) {
    const auto entries = from.Entries(table);
    if (!entries) return std::unexpected(entries.error());
    BulkLoadOptions options{.types = {.key = table.key_type}};
    options.progress = [&](const BulkLoadProgress& at) {
      progress(table.name, at);
      return true;
    };
    const auto loaded = database.BulkLoad(*family, table.name, *entries, options);
    if (!loaded) return std::unexpected(loaded.error());
    done.push_back({table.name, loaded->entries, loaded->bytes});
  }
  return done;
}

Result<std::vector<Imported>> Make(
    Foreign& from, const std::string& path, const std::string& family,
    const std::function<void(const std::string&, const BulkLoadProgress&)>& progress) {
  Options options;
  options.executor = MakeInlineExecutor();
  auto database = Database::Open(path, options);
  if (!database) return std::unexpected(database.error());
  auto done = Fill(**database, from, family, progress);
  if (!done) return done;
  if (const Status closed = (*database)->Close(); !closed) return std::unexpected(closed.error());
  return done;
}

// The log first: until the data file has its name there is no database.
Status GiveName(const std::string& part, const std::string& output) {
  const fs::path path(output);
  const auto storage = MakePosixStorage(path.has_parent_path() ? path.parent_path().string() : ".");
  const std::string from = fs::path(part).filename();
  const std::string to = path.filename();
  if (Status named = storage->Rename(from + "-wal", to + "-wal"); !named) return named;
  Status named = storage->Rename(from, to);
  if (named) named = storage->SyncDirectory();
  if (!named) Remove(output);  // which was not there before
  return named;
}

}  // namespace

Result<std::vector<Imported>> Import(
    Foreign& from, const std::string& output, const std::string& family,
    const std::function<void(const std::string&, const BulkLoadProgress&)>& progress) {
  if (const Status refused = RefuseWhatExists(output); !refused) return std::unexpected(refused.error());
  const std::string part = output + kPart;
  Remove(part);  // of an import that was killed
  auto done = Make(from, part, family, progress);
  if (done) {
    if (const Status named = GiveName(part, output); !named) done = std::unexpected(named.error());
  }
  if (!done) Remove(part);
  return done;
}

}  // namespace manifolddb::tools
