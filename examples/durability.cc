// How much a commit promises, and what a power cut takes of each kind: over the simulated disk, which is cut
// where nothing arrives that nobody has waited for. The worst that an honest disk may do.
//
//   durability

#include <manifolddb/database.h>

#include <iostream>
#include <memory>
#include <string>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"

using manifolddb::AsBytes;
using manifolddb::ColumnFamily;
using manifolddb::CommitTicket;
using manifolddb::Database;
using manifolddb::Durability;
using manifolddb::Options;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::Storage;
using manifolddb::WriteTransaction;
namespace faultfs = manifolddb::faultfs;

namespace {

struct Shop {
  std::unique_ptr<Database> db;
  ColumnFamily family;
};

Result<Shop> Open(std::shared_ptr<Storage> storage) {
  Options options;
  options.executor = manifolddb::MakeInlineExecutor();  // so that every run is the same
  auto db = Database::Open(std::move(storage), "shop", options);
  if (!db) return std::unexpected(db.error());
  auto family = (*db)->OpenOrCreateColumnFamily("shop");
  if (!family) return std::unexpected(family.error());
  return Shop{std::move(*db), *family};
}

// A transaction with one more entry in `table`, still to be committed.
Result<WriteTransaction> Add(Shop& shop, const char* table, int number) {
  auto txn = shop.db->BeginWrite(shop.family);
  if (!txn) return txn;
  auto entries = txn->OpenOrCreateTable(shop.family, table);
  if (!entries) return std::unexpected(entries.error());
  if (auto put = entries->Put(AsBytes(std::to_string(number)), AsBytes("x")); !put)
    return std::unexpected(put.error());
  return txn;
}

// An order that was confirmed must not go: it is durable when Commit returns.
Status TakeOrder(Shop& shop, int number) {
  auto txn = Add(shop, "orders", number);
  if (!txn) return std::unexpected(txn.error());
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// A page that was looked at: should the power fail, nobody misses the last ones.
Status CountView(Shop& shop, int number) {
  auto txn = Add(shop, "views", number);
  if (!txn) return std::unexpected(txn.error());
  auto commit = txn->Commit({.durability = Durability::kNone});
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// A delivery of many items, each seen at once, and waited for together: one sync instead of one for each.
Status TakeDelivery(Shop& shop, int items) {
  CommitTicket last;
  for (int number = 0; number < items; ++number) {
    auto txn = Add(shop, "items", number);
    if (!txn) return std::unexpected(txn.error());
    auto ticket = txn->CommitAsync();
    if (!ticket) return std::unexpected(ticket.error());
    last = *ticket;
  }
  return shop.db->AwaitDurable(last);  // and all before it
}

Result<uint64_t> CountOf(const Shop& shop, const char* table) {
  auto txn = shop.db->BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto entries = txn->OpenTable(shop.family, table);
  if (!entries && entries.error().code() == manifolddb::Errc::kNoSuchTable) return uint64_t{0};
  if (!entries) return std::unexpected(entries.error());
  return entries->Length();
}

Status Print(const std::string& when, const std::shared_ptr<Storage>& storage) {
  auto shop = Open(storage);
  if (!shop) return std::unexpected(shop.error());
  std::cout << when << ":";
  for (const char* const table : {"orders", "views", "items"}) {
    auto count = CountOf(*shop, table);
    if (!count) return std::unexpected(count.error());
    std::cout << " " << *count << " " << table;
  }
  std::cout << "\n";
  return {};
}

// The disk as a power cut at this moment leaves it, if nothing arrived that was not synced.
std::shared_ptr<faultfs::Disk> CutNow(const faultfs::Disk& disk) {
  faultfs::CrashPoint point(disk.trace(), 0);
  point.MoveTo(disk.effects());
  return std::make_shared<faultfs::Disk>(point.Draw({faultfs::Policy::kNone, 0}), disk.traits(), 2);
}

Status Run() {
  const auto disk = std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = 4096});
  auto shop = Open(disk->NewProcess());
  if (!shop) return std::unexpected(shop.error());
  for (int number = 0; number < 50; ++number)
    if (auto counted = CountView(*shop, number); !counted) return counted;
  if (auto cut = Print("cut behind 50 views", CutNow(*disk)); !cut) return cut;

  // What is durable makes all before it durable as well: what a crash leaves has no holes.
  if (auto taken = TakeOrder(*shop, 1); !taken) return taken;
  if (auto cut = Print("cut behind an order", CutNow(*disk)); !cut) return cut;

  for (int number = 50; number < 80; ++number)
    if (auto counted = CountView(*shop, number); !counted) return counted;
  if (auto cut = Print("cut behind 30 more views", CutNow(*disk)); !cut) return cut;

  if (auto taken = TakeDelivery(*shop, 20); !taken) return taken;
  if (auto cut = Print("cut behind a delivery", CutNow(*disk)); !cut) return cut;

  // The system outlives the process, and keeps what it was given.
  for (int number = 80; number < 100; ++number)
    if (auto counted = CountView(*shop, number); !counted) return counted;
  disk->Kill();
  return Print("killed behind 20 more views", disk->NewProcess());
}

}  // namespace

int main() {
  const Status status = Run();
  if (!status) std::cerr << "durability: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
