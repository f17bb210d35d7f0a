// A queue of payments between two parts of a program: what is sent twice is queued once, and what is taken
// takes effect once, whoever dies when. A payment that keeps failing is put aside.
//
//   queue FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <string>
#include <tuple>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Fail;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;

namespace {

// To whom, how much (less than nothing: taken), and how often it has failed.
using Payment = std::tuple<std::string, int64_t, uint32_t>;
constexpr TableDefinition<uint64_t, Payment> kWaiting("waiting");      // by number, the oldest first
constexpr TableDefinition<std::string, uint64_t> kSent("sent");        // the sender's name of a payment
constexpr TableDefinition<std::string, uint64_t> kNumbers("numbers");  // the last one given
constexpr TableDefinition<uint64_t, Payment> kAside("aside");
constexpr TableDefinition<std::string, int64_t> kBalances("balances");
constexpr uint32_t kAttemptsMax = 3;

struct Bank {
  Database& db;
  ColumnFamily queue;
  ColumnFamily accounts;
};

Status Append(WriteTransaction& txn, ColumnFamily queue, const Payment& payment) {
  auto numbers = kNumbers.OpenOrCreate(txn, queue);
  if (!numbers) return std::unexpected(numbers.error());
  auto waiting = kWaiting.OpenOrCreate(txn, queue);
  if (!waiting) return std::unexpected(waiting.error());
  auto number = numbers->Add("waiting", 1);
  if (!number) return std::unexpected(number.error());
  return waiting->Put(*number, payment);
}

// A sender that got no answer sends again, under the same name. True if it was new.
Result<bool> Send(Bank& bank, const std::string& name, const std::string& to, int64_t amount) {
  bool is_new = false;
  const auto send = [&](WriteTransaction& txn) -> Status {
    auto sent = kSent.OpenOrCreate(txn, bank.queue);
    if (!sent) return std::unexpected(sent.error());
    auto known = sent->GetOrInsert(name, 1);
    if (!known) return std::unexpected(known.error());
    is_new = known->inserted;
    return is_new ? Append(txn, bank.queue, {to, amount, 0}) : Status();
  };
  // On success it is queued, whatever happens from now on.
  if (auto commit = bank.db.Write(bank.queue, send); !commit) return std::unexpected(commit.error());
  return is_new;
}

Status Pay(WriteTransaction& txn, ColumnFamily accounts, const std::string& to, int64_t amount) {
  auto balances = kBalances.OpenOrCreate(txn, accounts);
  if (!balances) return std::unexpected(balances.error());
  auto balance = balances->Add(to, amount);
  if (!balance) return std::unexpected(balance.error());
  if (*balance < 0) return Fail(Errc::kLimit, "bank.pay", {.message = to + " has too little"});
  return {};
}

// Takes the oldest payment and makes it, in one transaction: both have happened, or neither. False if there
// is none.
Result<bool> Work(Bank& bank) {
  bool worked = false;
  const auto work = [&](WriteTransaction& txn) -> Status {
    auto waiting = kWaiting.Open(txn, bank.queue);
    if (!waiting) return std::unexpected(waiting.error());
    auto taken = waiting->PopFirst();
    if (!taken) return std::unexpected(taken.error());
    worked = taken->has_value();
    if (!worked) return {};
    auto [to, amount, failed] = (*taken)->value();
    // What fails is undone by itself; that it was taken stays.
    const auto paid = txn.Nested([&] { return Pay(txn, bank.accounts, to, amount); });
    if (paid || paid.error().code() != Errc::kLimit) return paid;
    std::cout << paid.error().message() << "\n";
    if (++failed < kAttemptsMax) return Append(txn, bank.queue, {to, amount, failed});
    auto aside = kAside.OpenOrCreate(txn, bank.queue);
    if (!aside) return std::unexpected(aside.error());
    return aside->Put((*taken)->key(), {to, amount, failed});
  };
  if (auto commit = bank.db.Write({bank.queue, bank.accounts}, work); !commit) {
    return std::unexpected(commit.error());
  }
  return worked;
}

Status Print(Bank& bank) {
  auto txn = bank.db.BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto balances = kBalances.Open(*txn, bank.accounts);
  if (!balances) return std::unexpected(balances.error());
  auto all = balances->Entries();
  if (!all) return std::unexpected(all.error());
  for (const auto& entry : *all) {
    if (!entry) return std::unexpected(entry.error());
    std::cout << entry->key << " has " << entry->value << "\n";
  }
  auto aside = kAside.Open(*txn, bank.queue);
  if (!aside) return std::unexpected(aside.error());
  auto left = aside->Length();
  if (!left) return std::unexpected(left.error());
  std::cout << "put aside: " << *left << "\n";
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/bank");
  if (!db) return std::unexpected(db.error());
  for (const char* const name : {"queue", "accounts"}) {  // what a run before this one left goes
    const Status gone = (*db)->DropColumnFamily(name);
    if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
  }
  auto queue = (*db)->CreateColumnFamily("queue");
  if (!queue) return std::unexpected(queue.error());
  auto accounts = (*db)->CreateColumnFamily("accounts");
  if (!accounts) return std::unexpected(accounts.error());
  Bank bank{**db, *queue, *accounts};

  for (const auto& [name, to, amount] :
       {std::tuple("a1", "ada", 30), {"a2", "bob", -5}, {"a1", "ada", 30}, {"a3", "bob", 2}}) {
    auto sent = Send(bank, name, to, amount);
    if (!sent) return std::unexpected(sent.error());
    std::cout << name << (*sent ? " is queued\n" : " was queued before\n");
  }
  for (bool more = true; more;) {
    auto worked = Work(bank);
    if (!worked) return std::unexpected(worked.error());
    more = *worked;
  }
  if (auto printed = Print(bank); !printed) return printed;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: queue FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "queue: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
