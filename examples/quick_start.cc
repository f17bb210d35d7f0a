// A shop that takes orders: what most programs do with manifolddb, once each.
//
//   quick_start FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>

#include <iostream>
#include <string>
#include <string_view>

using manifolddb::AsBytes;
using manifolddb::AsText;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Status;

namespace {

// One transaction: whole or not at all, whatever happens.
Status TakeOrder(Database& db, ColumnFamily shop, std::string_view number, std::string_view what) {
  auto txn = db.BeginWrite(shop);  // waits for other writers of this family only
  if (!txn) return std::unexpected(txn.error());
  auto orders = txn->OpenOrCreateTable(shop, "orders");
  if (!orders) return std::unexpected(orders.error());
  if (auto put = orders->Put(AsBytes(number), AsBytes(what)); !put) return put;
  auto commit = txn->Commit();  // on success it survives every crash from now on
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// One snapshot: what others commit meanwhile is not in it, and nobody waits for it.
Status PrintOrders(const Database& db, ColumnFamily shop) {
  auto txn = db.BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto orders = txn->OpenTable(shop, "orders");
  if (!orders) return std::unexpected(orders.error());
  auto first = orders->Get(AsBytes("1001"));
  if (!first) return std::unexpected(first.error());
  if (*first) std::cout << "order 1001 is " << (*first)->text() << "\n";

  auto cursor = orders->NewCursor({.lower = AsBytes("1002"), .upper = AsBytes("2000")});
  if (!cursor) return std::unexpected(cursor.error());
  auto more = cursor->First();
  for (; more && *more; more = cursor->Next()) {
    auto what = cursor->value();
    if (!what) return std::unexpected(what.error());
    std::cout << AsText(cursor->key()) << ": " << AsText(*what) << "\n";
  }
  return more ? Status() : std::unexpected(more.error());
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/shop");
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());

  if (auto taken = TakeOrder(**db, *shop, "1001", "3 x tea"); !taken) return taken;
  if (auto taken = TakeOrder(**db, *shop, "1002", "1 x coffee"); !taken) return taken;
  // An error has a code to act upon, and a text that says what, where and what to do.
  const auto refused = TakeOrder(**db, *shop, std::string((*db)->key_bytes_max() + 1, '9'), "too long");
  if (!refused && refused.error().code() == Errc::kKeyTooLong) std::cout << "refused: the key is too long\n";

  if (auto printed = PrintOrders(**db, *shop); !printed) return printed;
  // Happens by itself as the log fills; by hand it makes the next opening after a crash short.
  if (auto checkpoint = (*db)->Checkpoint(); !checkpoint) return checkpoint;
  return (*db)->Close();  // the destructor closes as well, but cannot say whether it went well
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: quick_start FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "quick_start: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
