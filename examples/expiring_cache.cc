// A cache on disk: entries that expire, and no more of them than there is room for; the ones that expire
// first go first. It may lose its newest entries to a power cut, hence commits that wait for no sync.
//
//   expiring_cache FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Durability;
using manifolddb::Errc;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;
using std::chrono::seconds;
using Time = std::chrono::sys_seconds;

namespace {

using Content = std::tuple<Time, std::string>;      // until when, and what
using TimeAndName = std::tuple<Time, std::string>;  // those that expire first lie first
constexpr TableDefinition<std::string, Content> kEntries("entries");
constexpr TableDefinition<TimeAndName, bool> kByTime("entries by time");
const manifolddb::WriteScope kMayBeLost{.commit = {.durability = Durability::kNone}};

// Times are its user's, so that a test needs no waiting. As the Database is it may be used by any thread.
class Cache {
 public:
  Cache(Database& db, ColumnFamily family, uint64_t entries_max)
      : db_(db), family_(family), entries_max_(entries_max) {}

  Status Put(const std::string& name, const std::string& what, Time until) {
    return Write([&](Tables& tables) -> Status {
      if (auto removed = Remove(tables, name); !removed) return removed;
      if (auto put = tables.entries.Put(name, {until, what}); !put) return put;
      if (auto put = tables.by_time.Put({until, name}, true); !put) return put;
      return DropFirst(tables, [&](uint64_t count, const TimeAndName&) { return count > entries_max_; });
    });
  }

  // None, too, if it has expired: that it is still there is nobody's business.
  Result<std::optional<std::string>> Get(const std::string& name, Time now) const {
    auto txn = db_.BeginRead();
    if (!txn) return std::unexpected(txn.error());
    auto entries = kEntries.Open(*txn, family_);
    if (!entries) return std::unexpected(entries.error());
    auto found = entries->Get(name);
    if (!found) return std::unexpected(found.error());
    if (!*found || std::get<0>(***found) <= now) return std::optional<std::string>();
    return std::optional(std::get<1>(***found));
  }

  // From time to time.
  Status DropExpired(Time now) {
    return Write([&](Tables& tables) {
      return DropFirst(tables, [&](uint64_t, const TimeAndName& first) { return std::get<0>(first) <= now; });
    });
  }

  Result<uint64_t> Length() const {
    auto txn = db_.BeginRead();
    if (!txn) return std::unexpected(txn.error());
    auto entries = kEntries.Open(*txn, family_);
    if (!entries) return std::unexpected(entries.error());
    return entries->Length();
  }

 private:
  struct Tables {
    manifolddb::TypedWriteTable<std::string, Content> entries;
    manifolddb::TypedWriteTable<TimeAndName, bool> by_time;
  };

  template <class Change>
  Status Write(Change change) {
    const auto write = [&](WriteTransaction& txn) -> Status {
      auto entries = kEntries.OpenOrCreate(txn, family_);
      if (!entries) return std::unexpected(entries.error());
      auto by_time = kByTime.OpenOrCreate(txn, family_);
      if (!by_time) return std::unexpected(by_time.error());
      Tables tables{*entries, *by_time};
      return change(tables);
    };
    if (auto commit = db_.Write(family_, write, kMayBeLost); !commit) return std::unexpected(commit.error());
    return {};
  }

  static Status Remove(Tables& tables, const std::string& name) {
    auto before = tables.entries.Get(name);
    if (!before) return std::unexpected(before.error());
    if (!*before) return {};
    const Time until = std::get<0>(***before);
    if (auto gone = tables.by_time.Delete({until, name}); !gone) return std::unexpected(gone.error());
    if (auto gone = tables.entries.Delete(name); !gone) return std::unexpected(gone.error());
    return {};
  }

  // As long as `wants` the one that expires first to go, of so many.
  template <class Wants>
  static Status DropFirst(Tables& tables, Wants wants) {
    while (true) {
      auto count = tables.entries.Length();
      if (!count) return std::unexpected(count.error());
      auto first = tables.by_time.First();
      if (!first) return std::unexpected(first.error());
      if (!*first || !wants(*count, (*first)->key())) return {};
      if (auto removed = Remove(tables, std::get<1>((*first)->key())); !removed) return removed;
    }
  }

  Database& db_;
  const ColumnFamily family_;
  const uint64_t entries_max_;
};

Status Print(const Cache& cache, const std::string& name, Time now) {
  auto found = cache.Get(name, now);
  if (!found) return std::unexpected(found.error());
  std::cout << name << " at " << now.time_since_epoch().count() << ": " << found->value_or("none") << "\n";
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/cache");
  if (!db) return std::unexpected(db.error());
  const Status gone = (*db)->DropColumnFamily("cache");  // what a run before this one left
  if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
  auto family = (*db)->CreateColumnFamily("cache");
  if (!family) return std::unexpected(family.error());
  Cache cache(**db, *family, 3);

  const Time start(seconds(1'000));
  int lives = 0;
  for (const char* const page : {"/", "/news", "/about", "/", "/help"}) {
    ++lives;
    const auto put = cache.Put(page, "page " + std::to_string(lives), start + seconds(10 * lives));
    if (!put) return put;
  }
  for (const char* const page : {"/", "/news", "/about", "/help"}) {
    if (auto printed = Print(cache, page, start); !printed) return printed;
  }
  if (auto printed = Print(cache, "/", start + seconds(40)); !printed) return printed;
  if (auto dropped = cache.DropExpired(start + seconds(40)); !dropped) return dropped;
  auto left = cache.Length();
  if (!left) return std::unexpected(left.error());
  std::cout << "left: " << *left << "\n";
  return (*db)->Close();  // what was not durable yet is now
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: expiring_cache FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "expiring_cache: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
