// A program's own promise under power cuts. A bank moves money between two accounts; whatever happens, there
// is as much of it as before, and what a customer was told is done stays done. Both are checked in every
// state that the disk may be left in, of every power cut that there can be.
//
// One way to move money is right; the other is the mistake that one makes, and is found.
//
//   crash_test

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Options;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::Storage;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;
namespace faultfs = manifolddb::faultfs;

namespace {

constexpr TableDefinition<std::string, int64_t> kBalances("balances");
constexpr int64_t kMoney = 1000;
constexpr int kMoves = 4;

// Small, so that a few moves fill the log and meet checkpoints; and nothing runs by itself, so that every run
// is the same.
Options Small() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = options.log_bytes_max = 16 * 512;
  options.cache_bytes = 64 * 512;
  options.dirty_bytes_max = 32 * 512;
  options.checkpoint_interval_ms = 0;
  options.executor = manifolddb::MakeInlineExecutor();
  return options;
}

struct Bank {
  std::unique_ptr<Database> db;
  ColumnFamily accounts;
};

Result<Bank> Open(std::shared_ptr<Storage> storage) {
  auto db = Database::Open(std::move(storage), "bank", Small());
  if (!db) return std::unexpected(db.error());
  auto accounts = (*db)->OpenOrCreateColumnFamily("accounts");
  if (!accounts) return std::unexpected(accounts.error());
  return Bank{std::move(*db), *accounts};
}

Status Add(WriteTransaction& txn, ColumnFamily accounts, const std::string& who, int64_t amount) {
  auto balances = kBalances.OpenOrCreate(txn, accounts);
  if (!balances) return std::unexpected(balances.error());
  auto sum = balances->Add(who, amount);
  if (!sum) return std::unexpected(sum.error());
  return {};
}

using Move = Status (*)(Bank& bank, int64_t amount);

Status MoveAtOnce(Bank& bank, int64_t amount) {
  auto commit = bank.db->Write(bank.accounts, [&](WriteTransaction& txn) -> Status {
    if (auto taken = Add(txn, bank.accounts, "ada", -amount); !taken) return taken;
    return Add(txn, bank.accounts, "bob", amount);
  });
  if (!commit) return std::unexpected(commit.error());
  return {};
}

// The mistake: between the two the money is nowhere.
Status MoveInTwoSteps(Bank& bank, int64_t amount) {
  for (const auto& step : {std::pair("ada", -amount), std::pair("bob", amount)}) {
    auto commit = bank.db->Write(bank.accounts, [&](WriteTransaction& txn) {
      return Add(txn, bank.accounts, step.first, step.second);
    });
    if (!commit) return std::unexpected(commit.error());
  }
  return {};
}

// What the bank has, and what of it is Bob's.
struct Seen {
  int64_t all = 0;
  int64_t bob = 0;
};
Result<Seen> Look(const Bank& bank) {
  auto txn = bank.db->BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto balances = kBalances.Open(*txn, bank.accounts);
  if (!balances) return std::unexpected(balances.error());
  auto entries = balances->Entries();
  if (!entries) return std::unexpected(entries.error());
  Seen seen;
  for (const auto& entry : *entries) {
    if (!entry) return std::unexpected(entry.error());
    seen.all += entry->value;
    if (entry->key == "bob") seen.bob = entry->value;
  }
  return seen;
}

// What is wrong with what a customer finds after the power came back; `told`: so much is Bob's for sure.
std::optional<std::string> Judge(const std::shared_ptr<faultfs::Disk>& disk, int64_t told) {
  auto bank = Open(disk);
  if (!bank) return "it does not open: " + bank.error().ToString();
  auto seen = Look(*bank);
  if (!seen) return "it cannot be read: " + seen.error().ToString();
  if (seen->all != kMoney) return std::to_string(kMoney - seen->all) + " are lost";
  if (seen->bob < told) return "Bob was told of more than he has";
  return std::nullopt;
}

// Where the power failed, of what was not synced what arrived, and what is wrong then; or nothing.
Result<std::optional<std::string>> Try(Move move) {
  const faultfs::Traits traits{.atomic_unit = 512};
  const auto disk = std::make_shared<faultfs::Disk>(traits);
  uint64_t begin = 0;
  std::vector<uint64_t> told_at;  // after so many effects of the disk a move was done
  {
    auto bank = Open(disk->NewProcess());
    if (!bank) return std::unexpected(bank.error());
    auto filled = bank->db->Write(
        bank->accounts, [&](WriteTransaction& txn) { return Add(txn, bank->accounts, "ada", kMoney); });
    if (!filled) return std::unexpected(filled.error());
    begin = disk->effects();
    for (int i = 0; i < kMoves; ++i) {
      if (auto moved = move(*bank, 100); !moved) return std::unexpected(moved.error());
      told_at.push_back(disk->effects());
    }
    disk->Kill();
  }
  faultfs::CrashPoint point(disk->trace(), begin);
  for (uint64_t effects = begin; effects <= disk->effects(); ++effects) {
    point.MoveTo(effects);
    int64_t told = 0;
    for (const uint64_t at : told_at) told += at <= effects ? 100 : 0;
    for (size_t number = 0; number < faultfs::kPolicies; ++number) {
      const auto policy = static_cast<faultfs::Policy>(number);
      const uint64_t images = policy == faultfs::Policy::kRandom ? 8 : point.ParameterCount(policy);
      for (uint64_t parameter = 0; parameter < images; ++parameter) {
        const faultfs::ImageSpec spec{policy, parameter};
        const auto wrong = Judge(std::make_shared<faultfs::Disk>(point.Draw(spec), traits, 2), told);
        if (wrong) {
          return "power cut after " + std::to_string(effects - begin) + " effects, image " + spec.ToString() +
                 ": " + *wrong;
        }
      }
    }
  }
  return std::optional<std::string>();
}

}  // namespace

int main() {
  const std::pair<const char*, Move> moves[] = {{"at once", MoveAtOnce}, {"in two steps", MoveInTwoSteps}};
  int wrong = 0;
  for (const auto& [name, move] : moves) {
    const auto found = Try(move);
    if (!found) {
      std::cerr << "crash_test: " << found.error().ToString() << "\n";
      return 2;
    }
    std::cout << name << ": " << found->value_or("no power cut loses anything") << "\n";
    wrong += found->has_value() ? 1 : 0;
  }
  return wrong == 1 ? 0 : 1;
}
