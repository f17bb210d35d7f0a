// A key-value store that one talks to in lines: commands on the standard input, answers on the standard
// output. Of airports here: by their code, with name and country.
//
//   key_value_store FOLDER <COMMANDS      the folder exists; the database in it is created, or opened again
//
//   get KEY, keys PREFIX, count           of what is there when they are asked
//   set KEY VALUE, del KEY, clear         each is durable when it is answered
//   swap KEY OLD = NEW                    only if it is OLD
//   multi                                 what follows happens together, at exec, or not at all, at discard

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::PrefixOf;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;

namespace {

constexpr TableDefinition<std::string, std::string> kStore("store");

// "a b c" at the first `mark`: what is before, what is behind.
std::pair<std::string, std::string> Split(const std::string& text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + mark.size())};
}

// What only looks; of a snapshot, or of a transaction, which sees what it has changed itself.
Status Look(auto& table, const std::string& verb, const std::string& rest) {
  if (verb == "get") {
    auto found = table.Get(rest);
    if (!found) return std::unexpected(found.error());
    std::cout << (*found ? std::string(***found) : "(none)") << "\n";
  } else if (verb == "keys") {
    auto entries = table.Entries({.prefix = PrefixOf<std::string>(rest)});
    if (!entries) return std::unexpected(entries.error());
    for (const auto& entry : *entries) {
      if (!entry) return std::unexpected(entry.error());
      std::cout << entry->key << "\n";
    }
  } else if (verb == "count") {
    auto count = table.Count();
    if (!count) return std::unexpected(count.error());
    std::cout << *count << "\n";
  } else {
    std::cout << "no such command: " << verb << "\n";
  }
  return {};
}

// Writes into `answer` what is to be said once it has happened.
Status Change(auto& table, const std::string& verb, const std::string& rest, std::string& answer) {
  answer = "ok";
  if (verb == "set") {
    const auto [key, value] = Split(rest, " ");
    return table.Put(key, value);
  }
  if (verb == "del") {
    auto deleted = table.Delete(rest);
    if (!deleted) return std::unexpected(deleted.error());
    if (!*deleted) answer = "(none)";
  } else if (verb == "swap") {
    const auto [key, values] = Split(rest, " ");
    const auto [old_value, new_value] = Split(values, " = ");
    auto swapped = table.CompareAndSwap(key, old_value, new_value);
    if (!swapped) return std::unexpected(swapped.error());
    if (!*swapped) answer = "it is another";
  } else if (verb == "clear") {
    auto cleared = table.DeleteRange({});
    if (!cleared) return std::unexpected(cleared.error());
  }
  return {};
}

bool Changes(const std::string& verb) {
  return verb == "set" || verb == "del" || verb == "swap" || verb == "clear";
}

class Session {
 public:
  Session(Database& db, ColumnFamily family) : db_(db), family_(family) {}

  Status Do(const std::string& line) {
    const auto [verb, rest] = Split(line, " ");
    if (verb == "multi" || verb == "exec" || verb == "discard") return Bracket(verb);
    if (together_) return DoIn(*together_, verb, rest);
    if (!Changes(verb)) {
      auto txn = db_.BeginRead();
      if (!txn) return std::unexpected(txn.error());
      auto table = kStore.Open(*txn, family_);
      if (!table) return std::unexpected(table.error());
      return Look(*table, verb, rest);
    }
    std::string answer;
    auto commit = db_.Write(family_, [&, &verb = verb, &rest = rest](WriteTransaction& txn) -> Status {
      auto table = kStore.Open(txn, family_);
      if (!table) return std::unexpected(table.error());
      return Change(*table, verb, rest, answer);
    });
    if (!commit) return std::unexpected(commit.error());
    std::cout << answer << "\n";
    return {};
  }

 private:
  Status Bracket(const std::string& verb) {
    if (verb == "multi" && !together_) {
      auto txn = db_.BeginWrite(family_);
      if (!txn) return std::unexpected(txn.error());
      together_.emplace(std::move(*txn));
    } else if (verb == "exec" && together_) {
      auto commit = together_->Commit();
      together_.reset();
      if (!commit) return std::unexpected(commit.error());
    } else {
      together_.reset();  // nothing of it has happened
    }
    std::cout << "ok\n";
    return {};
  }
  Status DoIn(WriteTransaction& txn, const std::string& verb, const std::string& rest) {
    auto table = kStore.Open(txn, family_);
    if (!table) return std::unexpected(table.error());
    if (!Changes(verb)) return Look(*table, verb, rest);
    std::string answer;
    if (auto changed = Change(*table, verb, rest, answer); !changed) return changed;
    std::cout << answer << (answer == "ok" ? ", at exec\n" : "\n");
    return {};
  }

  Database& db_;
  const ColumnFamily family_;
  std::optional<WriteTransaction> together_;
};

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/store");
  if (!db) return std::unexpected(db.error());
  auto family = (*db)->OpenOrCreateColumnFamily("store");
  if (!family) return std::unexpected(family.error());
  auto made = (*db)->Write(*family, [&](WriteTransaction& txn) -> Status {
    auto table = kStore.OpenOrCreate(txn, *family);
    if (!table) return std::unexpected(table.error());
    return {};
  });
  if (!made) return std::unexpected(made.error());
  {
    Session session(**db, *family);
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << "> " << line << "\n";
      if (auto done = session.Do(line); !done) return done;
    }
  }
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: key_value_store FOLDER <COMMANDS\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "key_value_store: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
