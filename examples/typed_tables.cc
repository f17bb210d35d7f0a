// Readings of sensors: tables that know their types.
//
//   typed_tables FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>

using manifolddb::ByteView;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::EncodedBytes;
using manifolddb::KeyCodec;
using manifolddb::Status;
using manifolddb::TableDefinition;

namespace {

struct Reading {
  double celsius = 0;
  uint16_t volts_100 = 0;
};

}  // namespace

// A value type of one's own, out of encodings that are there.
template <>
struct manifolddb::ValueCodec<Reading> {
  using Fields = KeyCodec<std::tuple<double, uint16_t>>;
  static constexpr std::string_view kName = "Reading";
  static void Encode(const Reading& value, EncodedBytes& out) {
    Fields::Encode({value.celsius, value.volts_100}, out);
  }
  static std::optional<Reading> Decode(ByteView bytes) {
    const auto fields = Fields::Decode(bytes);
    if (!fields) return std::nullopt;
    return Reading{std::get<0>(*fields), std::get<1>(*fields)};
  }
};

namespace {

// Sensor and second: the readings of a sensor lie together, in the order of time.
using Moment = std::tuple<std::string, std::chrono::sys_seconds>;
constexpr TableDefinition<Moment, Reading> kReadings("readings");
constexpr TableDefinition<std::string, Reading> kMistaken("readings");

Moment At(const char* sensor, int seconds) {
  return {sensor, std::chrono::sys_seconds(std::chrono::seconds(seconds))};
}

Status Take(Database& db, ColumnFamily house) {
  auto txn = db.BeginWrite(house);
  if (!txn) return std::unexpected(txn.error());
  auto readings = kReadings.OpenOrCreate(*txn, house);
  if (!readings) return std::unexpected(readings.error());
  for (const int second : {90, -30, 30}) {
    const Reading roof = {.celsius = second / 10.0, .volts_100 = 312};
    if (auto put = readings->Put(At("roof", second), roof); !put) return put;
    if (auto put = readings->Put(At("cellar", second), {.celsius = 11.5}); !put) return put;
  }
  auto commit = txn->Commit();
  if (!commit) return std::unexpected(commit.error());
  return {};
}

Status Print(const Database& db, ColumnFamily house) {
  auto txn = db.BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto readings = kReadings.Open(*txn, house);
  if (!readings) return std::unexpected(readings.error());
  auto entries = readings->Entries({.lower = At("roof", -60), .upper = At("roof", 60)});
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) {
    if (!entry) return std::unexpected(entry.error());
    const auto& [sensor, time] = entry->key;
    std::cout << sensor << " at " << time.time_since_epoch().count() << ": " << entry->value.celsius << "\n";
  }
  // A table of other types is told from this one, in words.
  const auto mistaken = kMistaken.Open(*txn, house);
  if (!mistaken) std::cout << mistaken.error().message() << "\n";
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/house");
  if (!db) return std::unexpected(db.error());
  auto house = (*db)->OpenOrCreateColumnFamily("house");
  if (!house) return std::unexpected(house.error());
  if (auto taken = Take(**db, *house); !taken) return taken;
  if (auto printed = Print(**db, *house); !printed) return printed;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: typed_tables FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "typed_tables: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
