// The same few steps as its neighbours take with other engines, with this one.
//
//   migrating_manifolddb FOLDER

#include <manifolddb/database.h>

#include <iostream>

using manifolddb::AsBytes;
using manifolddb::AsText;
using manifolddb::Database;
using manifolddb::Status;
using manifolddb::WriteTransaction;

namespace {

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/prices");
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());

  // Two entries, both or none, durable.
  auto commit = (*db)->Write(*shop, [&](WriteTransaction& txn) -> Status {
    auto prices = txn.OpenOrCreateTable(*shop, "prices");
    if (!prices) return std::unexpected(prices.error());
    if (auto put = prices->Put(AsBytes("lamp"), AsBytes("19.90")); !put) return put;
    return prices->Put(AsBytes("chair"), AsBytes("49"));
  });
  if (!commit) return std::unexpected(commit.error());

  // One of them, and all from "a" to before "m", of one snapshot.
  auto txn = (*db)->BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto prices = txn->OpenTable(*shop, "prices");
  if (!prices) return std::unexpected(prices.error());
  auto lamp = prices->Get(AsBytes("lamp"));
  if (!lamp) return std::unexpected(lamp.error());
  if (*lamp) std::cout << "the lamp costs " << (*lamp)->text() << "\n";
  auto entries = prices->Entries({.lower = AsBytes("a"), .upper = AsBytes("m")});
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) {
    if (!entry) return std::unexpected(entry.error());
    std::cout << AsText(entry->key) << " " << AsText(entry->value) << "\n";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "migrating_manifolddb: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
