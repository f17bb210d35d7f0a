// The stock of a shop and its books, in two column families: written in every way there is.
//
//   writing FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>
#include <manifolddb/write_batch.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

using manifolddb::AsBytes;
using manifolddb::BulkLoadOptions;
using manifolddb::BulkLoadProgress;
using manifolddb::ColumnFamily;
using manifolddb::CommitTicket;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Fail;
using manifolddb::MutableByteView;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteBatch;
using manifolddb::WriteScope;
using manifolddb::WriteTransaction;

namespace {

constexpr TableDefinition<std::string, int64_t> kStock("stock");
constexpr TableDefinition<uint32_t, std::string> kOrders("orders");

struct Shop {
  Database& db;
  ColumnFamily goods;
  ColumnFamily books;
};

// What a run before this one left goes.
Status Empty(Shop& shop) {
  auto commit = shop.db.Write({shop.goods, shop.books}, [&](WriteTransaction& txn) -> Status {
    auto stock = kStock.OpenOrCreate(txn, shop.goods);
    if (!stock) return std::unexpected(stock.error());
    auto orders = kOrders.OpenOrCreate(txn, shop.books);
    if (!orders) return std::unexpected(orders.error());
    auto receipts = txn.OpenOrCreateTable(shop.books, "receipts");
    if (!receipts) return std::unexpected(receipts.error());
    for (const auto& gone : {stock->DeleteRange({}), orders->DeleteRange({}), receipts->DeleteRange({})}) {
      if (!gone) return std::unexpected(gone.error());
    }
    return {};
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// A delivery is put together without holding anything, and made at once.
Status Deliver(Shop& shop) {
  WriteBatch batch;
  auto stock = kStock.In(batch, shop.goods);
  auto orders = kOrders.In(batch, shop.books);
  for (const auto& [what, count] : {std::pair("lamp", 20), std::pair("chair", 2), std::pair("lamp", 5)}) {
    if (auto added = stock.AddToCounter(what, count); !added) return added;
  }
  if (auto put = orders.Put(0, "a delivery"); !put) return put;
  auto commit = shop.db.Apply(batch);
  if (!commit) return std::unexpected(commit.error());
  std::cout << batch.changes() << " changes in one commit\n";
  return {};
}

// Both families, or neither; and if others write them for longer than a moment, once more.
Status TakeOrder(Shop& shop, uint32_t number, const std::string& what) {
  WriteScope scope{.begin = {.wait_ms_max = 100}};
  scope.retry.attempts_max = 5;
  const auto take = [&](WriteTransaction& txn) -> Status {
    auto stock = kStock.Open(txn, shop.goods);
    if (!stock) return std::unexpected(stock.error());
    auto orders = kOrders.Open(txn, shop.books);
    if (!orders) return std::unexpected(orders.error());
    auto left = stock->Add(what, -1);
    if (!left) return std::unexpected(left.error());
    std::cout << "order " << number << ": " << *left << " of " << what << " left\n";
    return orders->Put(number, what);
  };
  auto commit = shop.db.Write({shop.goods, shop.books}, take, scope);
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// Of several things those that are there, and no trace of the others.
Status TakeWhatThereIs(Shop& shop) {
  auto txn = shop.db.BeginWrite({shop.goods, shop.books});
  if (!txn) return std::unexpected(txn.error());
  auto stock = kStock.Open(*txn, shop.goods);
  if (!stock) return std::unexpected(stock.error());
  auto orders = kOrders.Open(*txn, shop.books);
  if (!orders) return std::unexpected(orders.error());
  uint32_t number = 10;
  for (const char* const what : {"lamp", "sofa", "chair"}) {
    auto taken = txn->Nested([&]() -> Status {
      if (auto put = orders->Put(++number, what); !put) return put;
      auto left = stock->Add(what, -1);
      if (!left) return std::unexpected(left.error());
      if (*left < 0) return Fail(Errc::kNotFound, "shop.take", {.message = what});  // undoes the order, too
      return {};
    });
    if (!taken && taken.error().code() != Errc::kNotFound) return taken;
    std::cout << what << (taken ? ": taken\n" : ": there is none\n");
  }
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// Savepoints are the same by hand.
Status ChangeOfMind(Shop& shop) {
  auto txn = shop.db.BeginWrite(shop.goods);
  if (!txn) return std::unexpected(txn.error());
  auto stock = kStock.Open(*txn, shop.goods);
  if (!stock) return std::unexpected(stock.error());
  auto before = txn->SetSavepoint();
  if (!before) return std::unexpected(before.error());
  if (auto gone = stock->DeleteRange({}); !gone) return std::unexpected(gone.error());
  if (auto back = txn->RollBackTo(*before); !back) return back;
  auto length = stock->Length();
  if (!length) return std::unexpected(length.error());
  std::cout << *length << " kinds of things, after all\n";
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// One entry, as it is now and as it is to be.
Status ChangeEntries(Shop& shop) {
  auto commit = shop.db.Write(shop.books, [&](WriteTransaction& txn) -> Status {
    auto orders = kOrders.Open(txn, shop.books);
    if (!orders) return std::unexpected(orders.error());
    auto order = orders->GetOrInsert(1, "nobody ordered this");
    if (!order) return std::unexpected(order.error());
    std::cout << "order 1: " << *order->value << (order->inserted ? ", new\n" : "\n");
    auto sent = orders->CompareAndSwap(1, "lamp", "lamp, sent");
    if (!sent) return std::unexpected(sent.error());
    std::cout << (*sent ? "sent\n" : "it is something else by now\n");
    return orders->Update(2, [](std::optional<std::string_view> now) {
      return now ? std::optional(std::string(*now) + ", paid") : std::nullopt;
    });
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// What was sent is taken out, and handed on; what is not paid goes.
Status CleanUp(Shop& shop) {
  auto commit = shop.db.Write(shop.books, [&](WriteTransaction& txn) -> Status {
    auto orders = kOrders.Open(txn, shop.books);
    if (!orders) return std::unexpected(orders.error());
    auto sent = orders->ExtractIf({}, [](const auto& order) { return order.value.ends_with(", sent"); });
    if (!sent) return std::unexpected(sent.error());
    for (;;) {
      auto order = sent->Next();
      if (!order) return std::unexpected(order.error());
      if (!*order) break;
      std::cout << "to the archive: " << (*order)->key() << ", " << (*order)->value() << "\n";
    }
    auto gone = orders->Retain({}, [](const auto& order) { return order.value.ends_with(", paid"); });
    if (!gone) return std::unexpected(gone.error());
    std::cout << *gone << " gone\n";
    return {};
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// A value that is made where it is stored: no string in between.
Status PrintReceipt(Shop& shop) {
  auto commit = shop.db.Write(shop.books, [&](WriteTransaction& txn) -> Status {
    auto receipts = txn.OpenTable(shop.books, "receipts");
    if (!receipts) return std::unexpected(receipts.error());
    const auto rule = [](MutableByteView value) -> Status {
      std::fill(value.begin(), value.end(), std::byte{'-'});
      return {};
    };
    return receipts->PutReserve(AsBytes("2"), 40, rule);
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// The orders of another shop, in any order; whoever watches may end it.
Status TakeOver(Shop& shop) {
  uint32_t next = 5000;
  const auto source = kOrders.Source([&]() -> std::optional<std::pair<uint32_t, std::string>> {
    if (next == 0) return std::nullopt;
    --next;
    return std::pair(100 + next * 7919 % 5000, std::string("a table"));
  });
  BulkLoadOptions options{.types = kOrders.types(), .progress_entries = 2000};
  options.progress = [](const BulkLoadProgress& progress) {
    std::cout << progress.entries << " orders so far\n";
    return true;
  };
  auto loaded = shop.db.BulkLoad(shop.books, kOrders.name(), source, options);
  if (!loaded) return std::unexpected(loaded.error());
  std::cout << loaded->entries_committed << " taken over\n";
  return {};
}

// Commits that do not wait for the disk; one wait for all of them.
Status SellQuickly(Shop& shop) {
  CommitTicket last;
  for (int i = 0; i < 3; ++i) {
    auto txn = shop.db.BeginWrite(shop.goods);
    if (!txn) return std::unexpected(txn.error());
    auto stock = kStock.Open(*txn, shop.goods);
    if (!stock) return std::unexpected(stock.error());
    auto left = stock->Add("lamp", -1);
    if (!left) return std::unexpected(left.error());
    auto told = txn->OnCommit([left = *left](uint64_t) { std::cout << "sold, " << left << " left\n"; });
    if (!told) return told;
    auto ticket = txn->CommitAsync();
    if (!ticket) return std::unexpected(ticket.error());
    last = *ticket;
  }
  return shop.db.AwaitDurable(last);  // from here on no crash takes any of them
}

// A state of the whole shop that is kept, across all that is committed behind it, and gone back to.
Status HoldASale(Shop& shop) {
  auto kept = shop.db.CreateSavepoint("before the sale");
  if (!kept) return std::unexpected(kept.error());
  const auto sell_all = [&](WriteTransaction& txn) -> Status {
    auto stock = kStock.Open(txn, shop.goods);
    if (!stock) return std::unexpected(stock.error());
    auto sold = stock->DeleteRange({});
    if (!sold) return std::unexpected(sold.error());
    std::cout << *sold << " kinds of things sold out\n";
    return {};
  };
  if (auto sold = shop.db.Write({shop.goods}, sell_all); !sold) return std::unexpected(sold.error());

  auto then = shop.db.BeginRead("before the sale");
  if (!then) return std::unexpected(then.error());
  auto stock = kStock.Open(*then, shop.goods);
  if (!stock) return std::unexpected(stock.error());
  auto kinds = stock->Length();
  if (!kinds) return std::unexpected(kinds.error());
  std::cout << "before, there were " << *kinds << "\n";

  if (auto back = shop.db.RestoreSavepoint("before the sale"); !back) return std::unexpected(back.error());
  return shop.db.DeleteSavepoint("before the sale");
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/shop");
  if (!db) return std::unexpected(db.error());
  auto goods = (*db)->OpenOrCreateColumnFamily("goods");
  if (!goods) return std::unexpected(goods.error());
  auto books = (*db)->OpenOrCreateColumnFamily("books");
  if (!books) return std::unexpected(books.error());
  Shop shop{**db, *goods, *books};
  if (auto emptied = Empty(shop); !emptied) return emptied;
  if (auto delivered = Deliver(shop); !delivered) return delivered;
  if (auto taken = TakeOrder(shop, 1, "lamp"); !taken) return taken;
  if (auto taken = TakeOrder(shop, 2, "chair"); !taken) return taken;
  for (const auto step : {TakeWhatThereIs, ChangeOfMind, ChangeEntries, CleanUp, PrintReceipt, TakeOver,
                          SellQuickly, HoldASale}) {
    if (auto done = step(shop); !done) return done;
  }
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: writing FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "writing: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
