// What came over the counter of a shop: an event log that is read in every way there is.
//
//   ranges FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <atomic>
#include <iostream>
#include <ranges>
#include <string>
#include <tuple>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Direction;
using manifolddb::MakeThreadPoolExecutor;
using manifolddb::PrefixOf;
using manifolddb::ReadTransaction;
using manifolddb::ScanStatus;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::TypedEntries;

namespace {

// Till and number: the sales of a till lie together, in their order.
using Sale = std::tuple<std::string, uint32_t>;
constexpr TableDefinition<Sale, uint32_t> kSales("sales");  // cents
constexpr TableDefinition<std::string, std::string> kPlaces("places");
constexpr uint32_t kSalesEach = 1000;

// What a run before this one left goes.
Status Fill(Database& db, ColumnFamily shop) {
  auto txn = db.BeginWrite(shop);
  if (!txn) return std::unexpected(txn.error());
  auto sales = kSales.OpenOrCreate(*txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto places = kPlaces.OpenOrCreate(*txn, shop);
  if (!places) return std::unexpected(places.error());
  for (const auto& gone : {sales->DeleteRange({}), places->DeleteRange({})}) {
    if (!gone) return std::unexpected(gone.error());
  }
  for (const char* till : {"east", "north", "south"}) {
    for (uint32_t number = 0; number < kSalesEach; ++number) {
      if (auto put = sales->Put({till, number}, number * 7 % 500 + 1); !put) return put;
    }
  }
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// The last three of one till, the newest first.
Status PrintNewest(ReadTransaction& txn, ColumnFamily shop) {
  auto sales = kSales.Open(txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto newest = sales->Entries({.prefix = PrefixOf<Sale>("north")}, Direction::kDescending);
  if (!newest) return std::unexpected(newest.error());
  for (const auto& sale : *newest | std::views::take(3)) {
    if (!sale) return std::unexpected(sale.error());  // an error is an element, the last one
    std::cout << "north " << std::get<1>(sale->key) << ": " << sale->value << " cents\n";
  }
  return {};
}

// The same through a pipeline that looks at keys and values.
Status PrintLarge(ReadTransaction& txn, ColumnFamily shop) {
  auto sales = kSales.Open(txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto entries = sales->Entries({.after = Sale("south", 900)});
  if (!entries) return std::unexpected(entries.error());
  const auto large = [](const auto& sale) { return sale.value > 495; };
  const auto number = [](const auto& sale) { return std::get<1>(sale.key); };
  ScanStatus status;  // how the scan ended; it wants to be asked
  std::cout << "large ones of the south:";
  for (const uint32_t sale :
       entries->UntilError(status) | std::views::filter(large) | std::views::transform(number)) {
    std::cout << " " << sale;
  }
  std::cout << "\n";
  return status.Take();
}

// One page of a list, and the place where the next one begins, kept beside it: by the next program, if
// need be.
Status PrintPage(Database& db, ColumnFamily shop) {
  auto txn = db.BeginWrite(shop);
  if (!txn) return std::unexpected(txn.error());
  auto sales = kSales.Open(*txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto places = kPlaces.Open(*txn, shop);
  if (!places) return std::unexpected(places.error());
  auto place = places->Get("list");
  if (!place) return std::unexpected(place.error());

  auto keys = sales->Keys();
  if (!keys) return std::unexpected(keys.error());
  if (*place) {
    if (auto start = keys->StartAfter(std::string(***place)); !start) return start;
  }
  std::cout << "a page:";
  for (const auto& key : *keys | std::views::take(4)) {
    if (!key) return std::unexpected(key.error());
    std::cout << " " << std::get<0>(*key) << "/" << std::get<1>(*key);
  }
  std::cout << "\n";
  auto position = keys->Position();
  if (!position) return std::unexpected(position.error());
  if (auto put = places->Put("list", *position); !put) return put;
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// Questions with one answer.
Status PrintPoints(ReadTransaction& txn, ColumnFamily shop) {
  auto sales = kSales.Open(txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto count = sales->Count({.lower = Sale("north", 100), .upper = Sale("north", 350)});
  if (!count) return std::unexpected(count.error());
  std::cout << *count << " sales in the morning\n";
  auto last = sales->Last({.prefix = PrefixOf<Sale>("east")});
  if (!last) return std::unexpected(last.error());
  if (*last) std::cout << "the last of the east: " << (*last)->value() << " cents\n";
  auto values = sales->GetMany({Sale("east", 1), Sale("south", 1), Sale("west", 1)});
  if (!values) return std::unexpected(values.error());
  for (const auto& value : *values) std::cout << (value ? std::to_string(**value) : "none") << " ";
  std::cout << "\n";
  return {};
}

// The mean of all, as 100 of them say.
Status PrintMean(ReadTransaction& txn, ColumnFamily shop) {
  auto sales = kSales.Open(txn, shop);
  if (!sales) return std::unexpected(sales.error());
  auto sample = sales->SampleKeys(100, /*seed=*/1);
  if (!sample) return std::unexpected(sample.error());
  auto values = sales->GetMany(*sample);
  if (!values) return std::unexpected(values.error());
  uint64_t sum = 0;
  for (const auto& value : *values) sum += **value;
  std::cout << "about " << sum / values->size() << " cents each\n";
  return {};
}

// The sum of all, by several threads over one snapshot.
Status PrintSum(ReadTransaction& txn, ColumnFamily shop) {
  auto sales = kSales.Open(txn, shop);
  if (!sales) return std::unexpected(sales.error());
  const auto executor = MakeThreadPoolExecutor(2);
  std::atomic<uint64_t> sum = 0;
  const auto add = [&sum](size_t, TypedEntries<Sale, uint32_t>& entries) -> Status {
    uint64_t part = 0;
    for (const auto& sale : entries) {
      if (!sale) return std::unexpected(sale.error());
      part += sale->value;
    }
    sum += part;
    return {};
  };
  if (auto scanned = sales->ParallelScan(*executor, 8, {}, add); !scanned) return scanned;
  std::cout << "all of them: " << sum << " cents\n";
  return {};
}

// Takes the oldest sales out, one at a time.
Status TakeOldest(Database& db, ColumnFamily shop) {
  auto txn = db.BeginWrite(shop);
  if (!txn) return std::unexpected(txn.error());
  auto sales = kSales.Open(*txn, shop);
  if (!sales) return std::unexpected(sales.error());
  for (int i = 0; i < 2; ++i) {
    auto oldest = sales->PopFirst({.prefix = PrefixOf<Sale>("south")});
    if (!oldest) return std::unexpected(oldest.error());
    if (*oldest) std::cout << "taken: south " << std::get<1>((*oldest)->key()) << "\n";
  }
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/shop");
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());
  if (auto filled = Fill(**db, *shop); !filled) return filled;
  {
    auto txn = (*db)->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    for (const auto print : {PrintNewest, PrintLarge, PrintPoints, PrintMean, PrintSum}) {
      if (auto printed = print(*txn, *shop); !printed) return printed;
    }
  }
  for (int page = 0; page < 2; ++page) {
    if (auto printed = PrintPage(**db, *shop); !printed) return printed;
  }
  if (auto taken = TakeOldest(**db, *shop); !taken) return taken;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: ranges FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "ranges: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
