// Events in streams, in the order in which they came, read by consumers that each go on where they were, also
// after a restart: what a consumer has made of the events and how far it is are one transaction.
//
//   event_log FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <algorithm>
#include <initializer_list>
#include <iostream>
#include <ranges>
#include <string>
#include <tuple>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::PrefixOf;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;

namespace {

using StreamAndNumber = std::tuple<std::string, uint64_t>;
using ConsumerAndStream = std::tuple<std::string, std::string>;
constexpr TableDefinition<StreamAndNumber, std::string> kEvents("events");
constexpr TableDefinition<ConsumerAndStream, uint64_t> kDone("done");  // the last number
constexpr TableDefinition<std::string, uint64_t> kLetters("letters");  // what the consumer counts

struct Log {
  Database& db;
  ColumnFamily events;
  ColumnFamily consumers;
};

// All of them, one behind the other, or none.
Status Append(Log& log, const std::string& stream, std::initializer_list<const char*> texts) {
  const auto append = [&](WriteTransaction& txn) -> Status {
    auto events = kEvents.OpenOrCreate(txn, log.events);
    if (!events) return std::unexpected(events.error());
    auto last = events->Last({.prefix = PrefixOf<StreamAndNumber>(stream)});
    if (!last) return std::unexpected(last.error());
    uint64_t number = *last ? std::get<1>((*last)->key()) : 0;
    for (const char* const text : texts) {
      if (auto put = events->Put({stream, ++number}, text); !put) return put;
    }
    return {};
  };
  if (auto commit = log.db.Write(log.events, append); !commit) return std::unexpected(commit.error());
  return {};
}

// The next few events of a stream; false if there are none. The log's family is read from a snapshot: whoever
// appends meanwhile neither waits nor is waited for.
Result<bool> Consume(Log& log, const std::string& consumer, const std::string& stream) {
  auto snapshot = log.db.BeginRead();
  if (!snapshot) return std::unexpected(snapshot.error());
  auto events = kEvents.Open(*snapshot, log.events);
  if (!events) return std::unexpected(events.error());
  bool any = false;
  const auto consume = [&](WriteTransaction& txn) -> Status {
    auto done = kDone.OpenOrCreate(txn, log.consumers);
    if (!done) return std::unexpected(done.error());
    auto letters = kLetters.OpenOrCreate(txn, log.consumers);
    if (!letters) return std::unexpected(letters.error());
    auto last = done->GetOrInsert({consumer, stream}, 0);
    if (!last) return std::unexpected(last.error());
    uint64_t number = *last->value;
    auto next = events->Entries(
        {.after = StreamAndNumber(stream, number), .prefix = PrefixOf<StreamAndNumber>(stream)});
    if (!next) return std::unexpected(next.error());
    for (const auto& event : *next | std::views::take(2)) {
      if (!event) return std::unexpected(event.error());
      number = std::get<1>(event->key);
      std::cout << consumer << ": " << stream << " " << number << " " << event->value << "\n";
      if (auto sum = letters->Add(consumer, event->value.size()); !sum) return std::unexpected(sum.error());
      any = true;
    }
    return done->Put({consumer, stream}, number);
  };
  if (auto commit = log.db.Write(log.consumers, consume); !commit) return std::unexpected(commit.error());
  return any;
}

// What every consumer has read may go.
Status Trim(Log& log, const std::string& stream, std::initializer_list<const char*> consumers) {
  const auto trim = [&](WriteTransaction& txn) -> Status {
    auto done = kDone.Open(txn, log.consumers);
    if (!done) return std::unexpected(done.error());
    auto events = kEvents.Open(txn, log.events);
    if (!events) return std::unexpected(events.error());
    uint64_t all_have = ~uint64_t{0};
    for (const char* const consumer : consumers) {
      auto last = done->Get({consumer, stream});
      if (!last) return std::unexpected(last.error());
      all_have = std::min<uint64_t>(all_have, *last ? ***last : 0);
    }
    auto gone = events->DeleteRange(
        {.through = StreamAndNumber(stream, all_have), .prefix = PrefixOf<StreamAndNumber>(stream)});
    if (!gone) return std::unexpected(gone.error());
    std::cout << *gone << " events of " << stream << " gone\n";
    return {};
  };
  if (auto commit = log.db.Write({log.events, log.consumers}, trim); !commit) {
    return std::unexpected(commit.error());
  }
  return {};
}

Status UseAndClose(const std::string& path, bool first) {
  auto db = Database::Open(path);
  if (!db) return std::unexpected(db.error());
  auto events = (*db)->OpenOrCreateColumnFamily("events");
  if (!events) return std::unexpected(events.error());
  auto consumers = (*db)->OpenOrCreateColumnFamily("consumers");
  if (!consumers) return std::unexpected(consumers.error());
  Log log{**db, *events, *consumers};
  if (first) {
    if (auto sent = Append(log, "door", {"opened", "closed", "opened"}); !sent) return sent;
    if (auto sent = Append(log, "lamp", {"on"}); !sent) return sent;
    if (auto read = Consume(log, "screen", "door"); !read) return std::unexpected(read.error());
  } else {
    for (const char* const consumer : {"screen", "alarm"}) {
      for (bool more = true; more;) {
        auto read = Consume(log, consumer, "door");
        if (!read) return std::unexpected(read.error());
        more = *read;
      }
    }
    if (auto trimmed = Trim(log, "door", {"screen", "alarm"}); !trimmed) return trimmed;
    if (auto trimmed = Trim(log, "lamp", {"screen", "alarm"}); !trimmed) return trimmed;
  }
  return (*db)->Close();
}

Status Run(const std::string& folder) {
  {
    auto db = Database::Open(folder + "/log");
    if (!db) return std::unexpected(db.error());
    for (const char* const name : {"events", "consumers"}) {  // what a run before this one left goes
      const Status gone = (*db)->DropColumnFamily(name);
      if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
    }
  }
  for (const bool first : {true, false}) {
    if (auto used = UseAndClose(folder + "/log", first); !used) return used;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: event_log FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "event_log: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
