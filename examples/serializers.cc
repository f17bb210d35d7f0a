// A factory's machines: values as other libraries write them, and UUIDs as keys.
//
//   serializers FOLDER      the folder exists; the database in it is created, or opened again

#include <manifolddb/database.h>
#include <manifolddb/json.h>
#include <manifolddb/typed.h>
#include <manifolddb/uuid.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

using manifolddb::AsText;
using manifolddb::ByteView;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::JsonCbor;
using manifolddb::JsonText;
using manifolddb::Status;
using manifolddb::TableDefinition;
using manifolddb::Uuid;
using manifolddb::WriteTransaction;
using nlohmann::json;

namespace {

struct Machine {
  std::string name;
  int watts = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Machine, name, watts)

}  // namespace

// What makes any serializer one of manifolddb's; here it is MessagePack of nlohmann/json.
template <>
struct manifolddb::Serializer<Machine> {
  static constexpr std::string_view kName = "Machine, MessagePack";
  static std::vector<uint8_t> ToBytes(const Machine& machine) { return json::to_msgpack(machine); }
  static std::optional<Machine> FromBytes(ByteView bytes) {
    const std::string_view text = AsText(bytes);
    try {
      return json::from_msgpack(text.begin(), text.end()).get<Machine>();
    } catch (const json::exception&) {
      return std::nullopt;  // bytes that are no Machine: the reader gets kCorrupt
    }
  }
};

namespace {

constexpr TableDefinition<Uuid, Machine> kMachines("machines");
constexpr TableDefinition<Uuid, JsonText> kManuals("manuals");
constexpr TableDefinition<Uuid, JsonCbor> kStates("states");
constexpr TableDefinition<Uuid, std::span<const float>> kVibrations("vibrations");

Status Fill(WriteTransaction& txn, ColumnFamily family, const Uuid& id) {
  auto machines = kMachines.OpenOrCreate(txn, family);
  if (!machines) return std::unexpected(machines.error());
  if (auto put = machines->Put(id, {.name = "press", .watts = 7500}); !put) return put;

  auto manuals = kManuals.OpenOrCreate(txn, family);
  if (!manuals) return std::unexpected(manuals.error());
  if (auto put = manuals->Put(id, {{"oil", "every week"}, {"pages", 212}}); !put) return put;

  auto states = kStates.OpenOrCreate(txn, family);
  if (!states) return std::unexpected(states.error());
  if (auto put = states->Put(id, {{"on", true}, {"strokes", 18411}}); !put) return put;

  auto vibrations = kVibrations.OpenOrCreate(txn, family);
  if (!vibrations) return std::unexpected(vibrations.error());
  return vibrations->Put(id, std::vector<float>{0.25F, -0.5F, 0.75F});
}

Status Print(WriteTransaction& txn, ColumnFamily family, const Uuid& id) {
  std::cout << id.ToString() << "\n";
  auto machine = kMachines.Open(txn, family)->Get(id);
  if (!machine) return std::unexpected(machine.error());
  if (*machine) std::cout << (**machine)->name << ", " << (**machine)->watts << " W\n";

  auto manual = kManuals.Open(txn, family)->Get(id);
  if (!manual) return std::unexpected(manual.error());
  if (*manual) std::cout << (***manual)["oil"] << "\n";

  auto states = kStates.Open(txn, family);
  auto pressed = states->Update(id, [](std::optional<json> state) {
    if (state) state->at("strokes") = state->at("strokes").get<int>() + 1;
    return state;
  });
  if (!pressed) return pressed;
  auto state = states->Get(id);
  if (!state) return std::unexpected(state.error());
  if (*state) std::cout << (***state).dump() << "\n";

  auto vibrations = kVibrations.Open(txn, family)->Get(id);
  if (!vibrations) return std::unexpected(vibrations.error());
  if (*vibrations) {
    for (const float vibration : ***vibrations) std::cout << vibration << " ";  // as they lie in the page
    std::cout << "\n";
  }
  return {};
}

Status Run(const std::string& folder) {
  auto db = Database::Open(folder + "/factory");
  if (!db) return std::unexpected(db.error());
  auto family = (*db)->OpenOrCreateColumnFamily("factory");
  if (!family) return std::unexpected(family.error());
  // Of a time, so that newer machines come behind older ones; 10 bytes would be random.
  using namespace std::chrono_literals;
  const Uuid id = Uuid::OfTime(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 9h + 30min, {});
  auto commit = (*db)->Write(*family, [&](WriteTransaction& txn) -> Status {
    if (auto filled = Fill(txn, *family, id); !filled) return filled;
    return Print(txn, *family, id);
  });
  if (!commit) return std::unexpected(commit.error());
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: serializers FOLDER\n";
    return 2;
  }
  const Status status = Run(argv[1]);
  if (!status) std::cerr << "serializers: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
