// Photographs and their tags: many photographs for one tag, each once, in order.
//
//   tags FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/multimap.h>
#include <manifolddb/typed.h>

#include <cstdint>
#include <iostream>
#include <string>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::MultimapTableDefinition;
using manifolddb::PrefixOf;
using manifolddb::ReadTransaction;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;

namespace {

constexpr MultimapTableDefinition<std::string, uint64_t> kTags("tags");
constexpr TableDefinition<std::string, uint64_t> kMistaken("tags");

Status Tag(WriteTransaction& txn, ColumnFamily family) {
  auto tags = kTags.OpenOrCreate(txn, family);
  if (!tags) return std::unexpected(tags.error());
  for (const uint64_t photograph : {1204, 17, 311, 17}) {
    auto added = tags->Insert("sea", photograph);
    if (!added) return std::unexpected(added.error());
    if (!*added) std::cout << photograph << " is of the sea already\n";
  }
  for (const char* const tag : {"seal", "sea", "harbour"}) {
    if (auto added = tags->Insert(tag, 42); !added) return std::unexpected(added.error());
  }
  if (auto gone = tags->Remove("sea", 311); !gone) return std::unexpected(gone.error());
  auto none = tags->RemoveAll("harbour");
  if (!none) return std::unexpected(none.error());
  std::cout << *none << " was of the harbour\n";
  return {};
}

Status Print(ReadTransaction& txn, ColumnFamily family) {
  auto tags = kTags.Open(txn, family);
  if (!tags) return std::unexpected(tags.error());
  auto names = tags->Keys({.prefix = PrefixOf<std::string>("sea")});
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    if (!name) return std::unexpected(name.error());
    auto count = tags->CountOf(*name);
    if (!count) return std::unexpected(count.error());
    auto photographs = tags->Get(*name);
    if (!photographs) return std::unexpected(photographs.error());
    std::cout << *name << ", " << *count << ":";
    for (const auto& photograph : *photographs) {
      if (!photograph) return std::unexpected(photograph.error());
      std::cout << " " << *photograph;
    }
    std::cout << "\n";
  }
  // An ordinary table of the same types is told from it, in words.
  const auto mistaken = kMistaken.Open(txn, family);
  if (!mistaken) std::cout << mistaken.error().message() << "\n";
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/photographs");
  if (!db) return std::unexpected(db.error());
  const Status gone = (*db)->DropColumnFamily("photographs");  // what a run before this one left
  if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
  auto family = (*db)->CreateColumnFamily("photographs");
  if (!family) return std::unexpected(family.error());
  auto commit = (*db)->Write(*family, [&](WriteTransaction& txn) { return Tag(txn, *family); });
  if (!commit) return std::unexpected(commit.error());
  {
    auto txn = (*db)->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    if (auto printed = Print(*txn, *family); !printed) return printed;
  }
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tags FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "tags: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
