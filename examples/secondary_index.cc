// People by number, and beside them two indexes: by city, and by mail address, which is taken once. An index
// is a table that the same transaction writes, so it cannot disagree with what it is of.
//
//   secondary_index FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <optional>
#include <string>
#include <tuple>

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Fail;
using manifolddb::PrefixOf;
using manifolddb::ReadTransaction;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;

namespace {

using Person = std::tuple<std::string, std::string, std::string>;  // name, city, mail
using CityAndNumber = std::tuple<std::string, uint64_t>;
constexpr TableDefinition<uint64_t, Person> kPeople("people");
// The number is part of the key: people of one city lie together, each with a key of its own.
constexpr TableDefinition<CityAndNumber, std::string> kByCity("people by city");  // the name, to have at once
constexpr TableDefinition<std::string, uint64_t> kByMail("people by mail");

const std::string& Name(const Person& person) { return std::get<0>(person); }
const std::string& City(const Person& person) { return std::get<1>(person); }
const std::string& Mail(const Person& person) { return std::get<2>(person); }

// Whoever was there under that number is replaced, also in the indexes; none: goes.
Status Set(WriteTransaction& txn, ColumnFamily family, uint64_t number, const std::optional<Person>& person) {
  auto people = kPeople.OpenOrCreate(txn, family);
  if (!people) return std::unexpected(people.error());
  auto by_city = kByCity.OpenOrCreate(txn, family);
  if (!by_city) return std::unexpected(by_city.error());
  auto by_mail = kByMail.OpenOrCreate(txn, family);
  if (!by_mail) return std::unexpected(by_mail.error());

  auto before = people->Get(number);
  if (!before) return std::unexpected(before.error());
  if (*before) {
    const Person was = ***before;
    if (auto gone = by_city->Delete({City(was), number}); !gone) return std::unexpected(gone.error());
    if (auto gone = by_mail->Delete(Mail(was)); !gone) return std::unexpected(gone.error());
    if (auto gone = people->Delete(number); !gone) return std::unexpected(gone.error());
  }
  if (!person) return {};
  auto owner = by_mail->GetOrInsert(Mail(*person), number);
  if (!owner) return std::unexpected(owner.error());
  if (!owner->inserted) {
    return Fail(Errc::kAlreadyExists, "people.set",
                {.message = Mail(*person) + " is that of number " + std::to_string(*owner->value)});
  }
  if (auto put = by_city->Put({City(*person), number}, Name(*person)); !put) return put;
  return people->Put(number, *person);
}

Status Store(Database& db, ColumnFamily family, uint64_t number, const std::optional<Person>& person) {
  auto commit = db.Write(family, [&](WriteTransaction& txn) { return Set(txn, family, number, person); });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

Status PrintCity(ReadTransaction& txn, ColumnFamily family, const std::string& city) {
  auto by_city = kByCity.Open(txn, family);
  if (!by_city) return std::unexpected(by_city.error());
  auto entries = by_city->Entries({.prefix = PrefixOf<CityAndNumber>(city)});
  if (!entries) return std::unexpected(entries.error());
  std::cout << city << ":";
  for (const auto& entry : *entries) {
    if (!entry) return std::unexpected(entry.error());
    std::cout << " " << entry->value << " (" << std::get<1>(entry->key) << ")";
  }
  std::cout << "\n";
  return {};
}

// Over one snapshot: every person is in both indexes, and they hold nothing else.
Status Check(ReadTransaction& txn, ColumnFamily family) {
  auto people = kPeople.Open(txn, family);
  if (!people) return std::unexpected(people.error());
  auto by_city = kByCity.Open(txn, family);
  if (!by_city) return std::unexpected(by_city.error());
  auto by_mail = kByMail.Open(txn, family);
  if (!by_mail) return std::unexpected(by_mail.error());
  auto all = people->Entries();
  if (!all) return std::unexpected(all.error());
  uint64_t found = 0;
  for (const auto& entry : *all) {
    if (!entry) return std::unexpected(entry.error());
    const Person person = entry->value;
    auto name = by_city->Get({City(person), entry->key});
    if (!name) return std::unexpected(name.error());
    auto number = by_mail->Get(Mail(person));
    if (!number) return std::unexpected(number.error());
    if (*name && ***name == Name(person) && *number && ***number == entry->key) ++found;
  }
  auto cities = by_city->Length();
  if (!cities) return std::unexpected(cities.error());
  auto mails = by_mail->Length();
  if (!mails) return std::unexpected(mails.error());
  auto count = people->Length();
  if (!count) return std::unexpected(count.error());
  const bool agree = found == *count && *cities == *count && *mails == *count;
  std::cout << *count << " people, and the indexes " << (agree ? "agree\n" : "DO NOT AGREE\n");
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/people");
  if (!db) return std::unexpected(db.error());
  const Status gone = (*db)->DropColumnFamily("people");  // what a run before this one left
  if (!gone && gone.error().code() != Errc::kNoSuchColumnFamily) return gone;
  auto family = (*db)->CreateColumnFamily("people");
  if (!family) return std::unexpected(family.error());

  const Person people[] = {{"Ada", "London", "ada@example.org"},
                           {"Emil", "Berlin", "emil@example.org"},
                           {"Grace", "London", "grace@example.org"}};
  for (uint64_t number = 0; number < 3; ++number) {
    if (auto stored = Store(**db, *family, number + 1, people[number]); !stored) return stored;
  }
  const Person moved("Grace", "Berlin", "grace@example.org");
  if (auto stored = Store(**db, *family, 3, moved); !stored) return stored;
  if (auto left = Store(**db, *family, 2, std::nullopt); !left) return left;
  // Refused as a whole: nobody is without an entry in an index.
  const auto refused = Store(**db, *family, 3, Person("Grace", "Paris", "ada@example.org"));
  if (!refused) std::cout << "refused: " << refused.error().message() << "\n";

  {
    auto txn = (*db)->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    for (const char* const city : {"Berlin", "London", "Paris"}) {
      if (auto printed = PrintCity(*txn, *family, city); !printed) return printed;
    }
    if (auto checked = Check(*txn, *family); !checked) return checked;
  }
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: secondary_index FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "secondary_index: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
