#include "crashsim/kill/load.h"

#include <iterator>

namespace manifolddb::crashsim::kill {
namespace {

// splitmix64: the same numbers everywhere.
class Draws {
 public:
  Draws(uint64_t seed, uint64_t writer, uint64_t number)
      : state_(seed * 0x9e3779b97f4a7c15 ^ writer * 0xd6e8feb86659fd93 ^ number * 0xa0761d6478bd642f) {}
  uint64_t Below(uint64_t bound) {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t word = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return (word ^ (word >> 31)) % bound;
  }
  bool OneIn(uint64_t of) { return Below(of) == 0; }

 private:
  uint64_t state_;
};

constexpr uint64_t kKeys = 40;

std::string KeyOf(uint64_t index) { return "key" + std::to_string(100 + index); }

// The tag comes first: a value tells whose it is.
std::string ValueOf(Draws& draws, uint32_t writer, uint64_t number) {
  const uint64_t bytes = draws.OneIn(20) ? draws.Below(30'000) : draws.Below(300);
  std::string value = std::to_string(writer) + " " + std::to_string(number) + " ";
  value.append(bytes, static_cast<char>('a' + number % 26));
  return value;
}

}  // namespace

Options OptionsOf(const Load& load) {
  Draws draws(load.seed, 0, 0);
  Options options;
  options.write_unit = draws.OneIn(2) ? 512 : 4096;
  options.page_size = options.write_unit << draws.Below(2);
  options.log_bytes_initial = 16 * options.write_unit;
  options.log_bytes_max = 128 * options.write_unit;
  options.cache_bytes = 128 * options.page_size;
  options.dirty_bytes_max = 64 * options.page_size;
  options.checkpoint_interval_ms = 0;
  return options;
}

std::string OwnName(uint32_t writer) { return "own" + std::to_string(writer); }
std::string SharedName(uint32_t shared) { return "shared" + std::to_string(shared); }

Plan PlanOf(const Load& load, uint32_t writer, uint64_t number) {
  Draws draws(load.seed, writer + 1, number);
  Plan plan;
  const uint64_t how = draws.Below(20);
  if (how == 0) {
    plan.commit.through_checkpoint = true;
  } else if (how < 9) {
    plan.commit.durability = Durability::kNone;
  }
  for (uint32_t i = 0; i < kShared; ++i) {
    plan.shared[i] = draws.OneIn(3);
    plan.contended_keys[i] = KeyOf(draws.Below(kContendedKeys));
    plan.contended_values[i] = ValueOf(draws, writer, number);
  }
  if (draws.OneIn(25)) plan.data.push_back({.kind = Change::Kind::kNewTable});
  const uint64_t changes = draws.OneIn(30) ? 60 : draws.Below(4);
  for (uint64_t i = 0; i < changes; ++i) {
    const uint64_t what = draws.Below(10);
    Change change{.kind = Change::Kind::kPut, .key = KeyOf(draws.Below(kKeys))};
    if (what < 7) {
      change.value = ValueOf(draws, writer, number);
    } else if (what < 9) {
      change.kind = Change::Kind::kDelete;
    } else {
      change.kind = Change::Kind::kDeleteRange;
      change.value = KeyOf(draws.Below(kKeys));
    }
    plan.data.push_back(std::move(change));
  }
  return plan;
}

void WriterState::Apply(const Plan& plan) {
  ++number;
  for (uint32_t i = 0; i < kShared; ++i) {
    if (plan.shared[i]) shared[i] = number;
  }
  for (const Change& change : plan.data) {
    switch (change.kind) {
      case Change::Kind::kPut: data[change.key] = change.value; break;
      case Change::Kind::kDelete: data.erase(change.key); break;
      case Change::Kind::kNewTable: data.clear(); break;
      case Change::Kind::kDeleteRange:
        if (change.key < change.value)
          data.erase(data.lower_bound(change.key), data.lower_bound(change.value));
        break;
    }
  }
}

namespace {

Status ApplyData(const Plan& plan, WriteTransaction& txn, ColumnFamily own) {
  auto table = txn.OpenOrCreateTable(own, "data");
  if (!table) return std::unexpected<Error>(table.error());
  for (const Change& change : plan.data) {
    Status done;
    switch (change.kind) {
      case Change::Kind::kPut: done = table->Put(AsBytes(change.key), AsBytes(change.value)); break;
      case Change::Kind::kDelete:
        if (auto deleted = table->Delete(AsBytes(change.key)); !deleted)
          return std::unexpected<Error>(deleted.error());
        break;
      case Change::Kind::kDeleteRange: {
        auto deleted = table->DeleteRange({.lower = AsBytes(change.key), .upper = AsBytes(change.value)});
        if (!deleted) return std::unexpected<Error>(deleted.error());
        break;
      }
      case Change::Kind::kNewTable:
        if (done = txn.DropTable(own, "data"); !done) return done;
        if (table = txn.CreateTable(own, "data"); !table) return std::unexpected<Error>(table.error());
        break;
    }
    if (!done) return done;
  }
  return {};
}

Status PutInto(WriteTransaction& txn, ColumnFamily family, const char* table_name, const std::string& key,
               const std::string& value) {
  auto table = txn.OpenOrCreateTable(family, table_name);
  if (!table) return std::unexpected<Error>(table.error());
  return table->Put(AsBytes(key), AsBytes(value));
}

}  // namespace

Status Apply(const Plan& plan, uint32_t writer, uint64_t number, WriteTransaction& txn, ColumnFamily own,
             const std::array<ColumnFamily, kShared>& shared) {
  const std::string tag = std::to_string(number);
  if (Status done = PutInto(txn, own, "book", "number", tag); !done) return done;
  for (uint32_t i = 0; i < kShared; ++i) {
    if (!plan.shared[i]) continue;
    if (Status done = PutInto(txn, own, "book", SharedName(i), tag); !done) return done;
    if (Status done = PutInto(txn, shared[i], "book", "w" + std::to_string(writer), tag); !done) return done;
    const Status done = PutInto(txn, shared[i], "data", plan.contended_keys[i], plan.contended_values[i]);
    if (!done) return done;
  }
  return ApplyData(plan, txn, own);
}

}  // namespace manifolddb::crashsim::kill
