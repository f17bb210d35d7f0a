// Documents: JSON by name, kept as CBOR, with an index over one of their fields.
//
//   document_store FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/json.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::JsonCbor;
using manifolddb::PrefixOf;
using manifolddb::ReadTransaction;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;
using nlohmann::json;

namespace {

using KindAndName = std::tuple<std::string, std::string>;
constexpr TableDefinition<std::string, JsonCbor> kDocuments("documents");
constexpr TableDefinition<KindAndName, bool> kByKind("documents by kind");

std::string KindOf(const json& document) { return document.value("kind", "none"); }

// What was there is changed as a JSON merge patch says (RFC 7396); null: it goes.
Status Patch(WriteTransaction& txn, ColumnFamily family, const std::string& name, const json& patch) {
  auto documents = kDocuments.OpenOrCreate(txn, family);
  if (!documents) return std::unexpected(documents.error());
  auto by_kind = kByKind.OpenOrCreate(txn, family);
  if (!by_kind) return std::unexpected(by_kind.error());
  auto found = documents->Get(name);
  if (!found) return std::unexpected(found.error());
  json document = *found ? ***found : json();
  if (*found) {
    auto gone = by_kind->Delete({KindOf(document), name});
    if (!gone) return std::unexpected(gone.error());
  }
  document.merge_patch(patch);
  if (document.is_null()) {
    auto gone = documents->Delete(name);
    if (!gone) return std::unexpected(gone.error());
    return {};
  }
  if (auto put = by_kind->Put({KindOf(document), name}, true); !put) return put;
  return documents->Put(name, document);
}

Status PrintKind(ReadTransaction& txn, ColumnFamily family, const std::string& kind) {
  auto documents = kDocuments.Open(txn, family);
  if (!documents) return std::unexpected(documents.error());
  auto by_kind = kByKind.Open(txn, family);
  if (!by_kind) return std::unexpected(by_kind.error());
  auto names = by_kind->Keys({.prefix = PrefixOf<KindAndName>(kind)});
  if (!names) return std::unexpected(names.error());
  std::cout << kind << "\n";
  for (const auto& key : *names) {
    if (!key) return std::unexpected(key.error());
    const std::string name(std::get<1>(*key));
    auto document = documents->Get(name);
    if (!document) return std::unexpected(document.error());
    if (*document) std::cout << "  " << name << ": " << (***document).dump() << "\n";
  }
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/documents");
  if (!db) return std::unexpected(db.error());
  const Status gone = (*db)->DropColumnFamily("documents");  // what a run before this one left
  if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
  auto family = (*db)->CreateColumnFamily("documents");
  if (!family) return std::unexpected(family.error());

  const std::vector<std::pair<std::string, json>> patches = {
      {"tea", {{"kind", "drink"}, {"cents", 250}, {"sorts", {"green", "black"}}}},
      {"cake", {{"kind", "food"}, {"cents", 400}}},
      {"soup", {{"kind", "food"}, {"cents", 550}, {"of the day", true}}},
      {"tea", {{"cents", 260}, {"sorts", {"green", "black", "mint"}}}},
      {"soup", {{"kind", "drink"}, {"of the day", nullptr}}},
      {"cake", nullptr},
  };
  for (const auto& [name, patch] : patches) {
    auto commit =
        (*db)->Write(*family, [&](WriteTransaction& txn) { return Patch(txn, *family, name, patch); });
    if (!commit) return std::unexpected(commit.error());
  }
  {
    auto txn = (*db)->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    for (const char* const kind : {"drink", "food"}) {
      if (auto printed = PrintKind(*txn, *family, kind); !printed) return printed;
    }
  }
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: document_store FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "document_store: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
