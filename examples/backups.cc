// Backups of a database that is in use: a whole one, what has changed since, a check, and a restore; and its
// data file made shorter.
//
//   backups FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/backup.h>
#include <manifolddb/database.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

using manifolddb::AsBytes;
using manifolddb::BackupFile;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Status;
using manifolddb::Storage;

namespace {

Status Put(Database& db, ColumnFamily shop, int first, int count, const std::string& what) {
  auto txn = db.BeginWrite(shop);
  if (!txn) return std::unexpected(txn.error());
  auto orders = txn->OpenOrCreateTable(shop, "orders");
  if (!orders) return std::unexpected(orders.error());
  for (int number = first; number < first + count; ++number) {
    if (auto put = orders->Put(AsBytes(std::to_string(number)), AsBytes(what)); !put) return put;
  }
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// Those of last week.
Status RemoveOld(Storage& storage) {
  for (const char* name : {"monday", "tuesday", "again", "again-wal"}) {
    auto exists = storage.Exists(name);
    if (!exists) return std::unexpected(exists.error());
    if (!*exists) continue;
    if (auto removed = storage.Remove(name); !removed) return removed;
  }
  return {};
}

// Whoever writes meanwhile goes on: each backup holds all of the commits up to one.
Status TakeBackups(Database& db, ColumnFamily shop, const std::shared_ptr<Storage>& storage) {
  auto whole = manifolddb::Backup(db, {storage, "monday"});
  if (!whole) return std::unexpected(whole.error());
  std::cout << "monday: " << whole->entries_written << " entries\n";

  if (auto put = Put(db, shop, 5000, 1, "2 x tea"); !put) return put;
  auto increment = manifolddb::Backup(db, {storage, "tuesday"}, {.base = BackupFile{storage, "monday"}});
  if (!increment) return std::unexpected(increment.error());
  std::cout << "tuesday: " << increment->leaves_written << " page of " << increment->entries << " entries\n";
  return {};
}

Status RestoreThem(const std::shared_ptr<Storage>& storage) {
  const std::vector<BackupFile> chain = {{storage, "monday"}, {storage, "tuesday"}};
  auto check = manifolddb::CheckBackup(chain);
  if (!check) return std::unexpected(check.error());
  for (const auto& problem : check->problems) std::cout << problem.file << ": " << problem.what << "\n";

  auto restored = manifolddb::Restore(chain, {storage, "again"});
  if (!restored) return std::unexpected(restored.error());
  std::cout << "again: " << restored->entries << " entries\n";
  return {};
}

// What was deleted has left room, which is used again; or given back.
Status MakeShorter(Database& db) {
  auto shrunk = db.ShrinkFile();
  if (!shrunk) return std::unexpected(shrunk.error());
  if (shrunk->bytes_after < shrunk->bytes_before) std::cout << "the data file is shorter\n";
  return {};
}

Status RemoveOrders(Database& db, ColumnFamily shop) {
  auto txn = db.BeginWrite(shop);
  if (!txn) return std::unexpected(txn.error());
  if (auto dropped = txn->DropTable(shop, "orders"); !dropped) return dropped;
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return MakeShorter(db);
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/shop");
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());
  const auto storage = manifolddb::MakePosixStorage(folder);
  if (auto removed = RemoveOld(*storage); !removed) return removed;
  if (auto put = Put(**db, *shop, 1000, 9000, "1 x coffee"); !put) return put;
  if (auto taken = TakeBackups(**db, *shop, storage); !taken) return taken;
  if (auto restored = RestoreThem(storage); !restored) return restored;
  if (auto removed = RemoveOrders(**db, *shop); !removed) return removed;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: backups FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "backups: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
