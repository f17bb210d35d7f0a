// Sessions of several customers' users, each customer in a column family of its own: they write at the same
// time, none sees the other's, and a customer who leaves is gone with one call.
//
//   sessions FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/options_builder.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::OptionsBuilder;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::TypedEntry;
using manifolddb::WriteTransaction;

namespace {

using Session = std::tuple<std::string, int64_t>;                       // whose, and when it was last used
constexpr TableDefinition<std::string, Session> kSessions("sessions");  // by token
constexpr int kLogins = 50;

Status Use(Database& db, ColumnFamily customer, const std::string& token, const std::string& user,
           int64_t now) {
  auto commit = db.Write(customer, [&](WriteTransaction& txn) -> Status {
    auto sessions = kSessions.OpenOrCreate(txn, customer);
    if (!sessions) return std::unexpected(sessions.error());
    return sessions->Put(token, {user, now});
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// How many had not been used since.
Result<uint64_t> LogOut(Database& db, ColumnFamily customer, int64_t since) {
  uint64_t gone = 0;
  const auto log_out = [&](WriteTransaction& txn) -> Status {
    auto sessions = kSessions.OpenOrCreate(txn, customer);
    if (!sessions) return std::unexpected(sessions.error());
    auto idle = sessions->Retain(
        {}, [&](const TypedEntry<std::string, Session>& entry) { return std::get<1>(entry.value) >= since; });
    if (!idle) return std::unexpected(idle.error());
    gone = *idle;
    return {};
  };
  if (auto commit = db.Write(customer, log_out); !commit) return std::unexpected(commit.error());
  return gone;
}

Status Print(const Database& db) {
  auto txn = db.BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto customers = txn->ListColumnFamilies();
  if (!customers) return std::unexpected(customers.error());
  for (const std::string& name : *customers) {
    auto customer = txn->OpenColumnFamily(name);
    if (!customer) return std::unexpected(customer.error());
    auto sessions = kSessions.Open(*txn, *customer);
    if (!sessions) return std::unexpected(sessions.error());
    auto count = sessions->Length();
    if (!count) return std::unexpected(count.error());
    std::cout << name << ": " << *count << " sessions\n";
  }
  return {};
}

Status Run(const std::string& folder) {
  auto options = OptionsBuilder()
                     .CacheBytes(uint64_t{512} << 20)
                     .LogBytesMax(uint64_t{256} << 20)
                     .CheckpointIntervalMs(10'000)
                     .Build();
  if (!options) return std::unexpected(options.error());
  auto db = Database::Open(folder + "/sessions", *options);
  if (!db) return std::unexpected(db.error());
  const std::vector<std::string> names = {"acme", "globex", "initech"};
  std::vector<ColumnFamily> customers;
  for (const std::string& name : names) {
    const Status gone = (*db)->DropColumnFamily(name);  // what a run before this one left
    if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
    auto customer = (*db)->CreateColumnFamily(name);
    if (!customer) return std::unexpected(customer.error());
    customers.push_back(*customer);
  }

  // Writers of different families wait for each other nowhere, and share their syncs.
  std::vector<Status> done(customers.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < customers.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int login = 0; login < kLogins && done[i]; ++login) {
        done[i] = Use(**db, customers[i], "token " + std::to_string(login), "user", login);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : done) {
    if (!status) return status;
  }

  // The rush is over: the memory is for others.
  Status less = (*db)->SetOptions({.cache_bytes = uint64_t{64} << 20, .checkpoint_interval_ms = 60'000});
  if (!less) return less;
  std::cout << "a cache of " << ((*db)->CurrentOptions().cache_bytes >> 20) << " MiB from now on\n";

  if (auto printed = Print(**db); !printed) return printed;
  auto idle = LogOut(**db, customers[0], kLogins - 10);
  if (!idle) return std::unexpected(idle.error());
  std::cout << *idle << " of acme were idle\n";
  if (auto gone = (*db)->DropColumnFamily("globex"); !gone) return gone;
  if (auto printed = Print(**db); !printed) return printed;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: sessions FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "sessions: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
