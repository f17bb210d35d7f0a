// Made by `crashsim shrink` from the certificate beside it. Fails where promise G6 restartable is
// broken as the certificate says; holds on a sound engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

constexpr uint32_t kSector = 512;
[[maybe_unused]] constexpr uint64_t kAtTheEnd = ~uint64_t{0};

Options Sizes() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 4096;
  options.log_bytes_max = 4096;
  options.cache_bytes = 32768;
  options.dirty_bytes_max = 32768;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  return options;
}

using Table = std::map<std::string, std::string>;
// Column family, table, key: value.
using State = std::map<std::string, std::map<std::string, Table>>;
using faultfs::Fault;
using Bound = std::optional<std::string>;

// Asked in a transaction.
struct Op {
  std::string what, family, table;
  Bound key = {}, lower = {}, upper = {};
  std::string value = {};
  bool backwards = false;
  size_t count = 0;
};

// A change that had not been synced and is lost: sector `sector` of `file`, or its size, or its name; of a
// torn sector neither the old bytes are there nor the new ones.
struct Lost {
  faultfs::Atom::Kind kind;
  std::string file;
  uint64_t effect;
  uint64_t sector = 0;
  bool torn = false;
};

// What storage that errs does to a file: see Machine::Damaged.
struct Harm {
  std::string how, file;
  uint64_t offset = 0, bytes = 0, to = 0, effects = 0, bit = 0;
};

faultfs::Image ImageOf(const faultfs::Disk& disk, uint64_t effects) {
  return faultfs::CrashPoint(disk.trace(), effects).Draw({faultfs::Policy::kAll, 0});
}

// A computer with a database, and what the database owes.
class Machine {
 public:
  explicit Machine(uint64_t seed = 1) : disk_(std::make_shared<faultfs::Disk>(TraitsOfTorn(), seed)) {}
  ~Machine() { base::SetAllocationGate({}); }

  // `no_memory`: the allocation within commits that is refused, counted from 1.
  void Open(const std::vector<Fault>& faults = {}, uint64_t no_memory = 0) {
    for (const Fault& fault : faults) disk_->Arm(fault);
    refused_ = committing_ = false;
    base::SetAllocationGate([this, left = no_memory](size_t) mutable {
      return !committing_ || left == 0 || --left != 0 || !(refused_ = true);
    });
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    // On a full disk a database opens that was open once.
    const bool owes = was_open_ && Met(faultfs::FaultKind::kNoSpace);
    if (!opened) {
      EXPECT_TRUE((Struck() && !owes && !OfDamage(opened.error())) || Reported(opened.error()))
          << opened.error().ToString();
      return;
    }
    database_ = std::move(*opened);
    auto transaction = database_->BeginRead();
    const auto seen = transaction ? Read(*transaction) : std::nullopt;
    if (!seen) return static_cast<void>(database_ = nullptr);
    EXPECT_TRUE(std::ranges::find(owed_, *seen) != owed_.end()) << "found is a state that is not owed";
    now_ = *seen, was_open_ = true, opened_ = disk_->effects();
    commits_ = {{0, 0, true, now_}};
  }
  void CreateFamily(const std::string& name) {
    if (!database_) return;
    State after = now_;
    const bool fits = after.try_emplace(name).second;
    const uint64_t called = disk_->effects();
    const auto made = database_->CreateColumnFamily(name);
    Settle(made ? Status() : std::unexpected(made.error()), fits, called, true, after);
  }
  void DropFamily(const std::string& name) {
    if (!database_) return;
    State after = now_;
    const bool fits = after.erase(name) > 0;
    const uint64_t called = disk_->effects();
    Settle(database_->DropColumnFamily(name), fits, called, true, after);
  }
  void Transact(const std::vector<std::string>& families, const std::vector<Op>& ops, bool commits = true,
                CommitOptions how = {}) {
    if (!database_) return;
    State after = now_;
    std::vector<ColumnFamily> held;
    for (const std::string& family : families) {
      if (after.contains(family)) held.push_back(database_->OpenColumnFamily(family).value());
    }
    if (held.empty()) return;
    auto transaction = database_->BeginWrite(held);
    if (!transaction) return Explain(transaction.error());
    for (const Op& op : ops) {
      if (!after.contains(op.family)) continue;
      const Result<std::string> said = Ask(*transaction, op, after[op.family]);
      if (!said) return Explain(said.error());
      EXPECT_EQ(*said, Expect(op, after[op.family])) << op.what;
      CheckBounds();
    }
    if (!commits) return transaction->Abort();
    const uint64_t called = disk_->effects();
    committing_ = true;
    const auto done = transaction->Commit(how);
    committing_ = false;
    Settle(done ? Status() : std::unexpected(done.error()), true, called,
           how.durability == Durability::kImmediate, after);
  }
  void Checkpoint() {
    if (database_) Durable(database_->Checkpoint());
  }
  void Close() {
    snapshots_.clear();
    if (database_) Durable(database_->Close());
  }
  void Verify() {
    if (!database_) return;
    const auto report = database_->Verify();
    if (!report) return Explain(report.error());
    EXPECT_TRUE(report->ok() || Struck());
  }
  void OpenSnapshot(uint64_t slot = 0) {
    snapshots_.erase(slot);
    if (!database_) return;
    auto transaction = database_->BeginRead();
    if (!transaction) return Explain(transaction.error());
    snapshots_.emplace(slot, std::pair(std::move(*transaction), now_));
    ReadSnapshot(slot);
  }
  void ReadSnapshot(uint64_t slot = 0) {
    const auto held = snapshots_.find(slot);
    if (held == snapshots_.end()) return;
    const auto seen = Read(held->second.first);
    EXPECT_TRUE(!seen || *seen == held->second.second) << "a snapshot shows another state";
  }
  void CloseSnapshot(uint64_t slot = 0) { snapshots_.erase(slot); }
  void ReadNow() {
    OpenSnapshot(~uint64_t{0});
    CloseSnapshot(~uint64_t{0});
  }

  // Each as if it had happened after so many effects on the disk since the machine was switched on.
  void Kill(uint64_t effects) {
    effects = EndAt(effects);
    disk_ = std::make_shared<faultfs::Disk>(*disk_->trace(), effects, 2);
  }
  void CutPower(uint64_t effects, const std::vector<Lost>& lost, const std::vector<Harm>& harms = {},
                Machine* twin = nullptr) {
    effects = EndAt(effects);
    const faultfs::CrashPoint point(disk_->trace(), effects);
    faultfs::Arrivals arrivals(point.atoms().size(), faultfs::arrival::kWhole);
    for (const Lost& one : lost) Lose(point, one, arrivals);
    faultfs::Image image = point.Make(arrivals);
    for (const Harm& harm : harms) image = Damaged(image, harm, twin);
    damaged_ = damaged_ || !harms.empty();
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
  }

  // What a copy of the disk shows is owed to the openings that follow, however they are ended.
  void LookApart() {
    Machine apart;
    apart.disk_ = std::make_shared<faultfs::Disk>(*disk_->trace(), disk_->effects(), 2);
    apart.owed_ = owed_;
    apart.Open();
    if (apart.database_) owed_ = {apart.now_};
  }

  // What is found in the end.
  void Look() {
    Open();
    if (!database_) return;
    const auto report = database_->Verify();
    if (!report) return Explain(report.error());
    EXPECT_TRUE(report->ok() || damaged_) << report->problems.front().what;
  }

 private:
  struct Commit {
    uint64_t called, ended;
    bool durable;
    State state;
  };

  static faultfs::Traits TraitsOfTorn() {
    faultfs::Traits traits{.atomic_unit = kSector};
    traits.garbage_in_torn_units = true;
    return traits;
  }

  // ---- Errors: a call that failed explains them.

  bool Struck() const { return !disk_->faults_fired().empty() || refused_; }
  bool Met(faultfs::FaultKind kind) const {
    return std::ranges::any_of(disk_->faults_fired(), [kind](const auto& one) { return one.kind == kind; });
  }
  static bool OfDamage(const Error& error) {
    return error.code() >= Errc::kCorrupt && error.code() <= Errc::kPageSizeMismatch;
  }
  bool Reported(const Error& error) const { return damaged_ && OfDamage(error) && !error.file().empty(); }
  void Explain(const Error& error) const {
    EXPECT_TRUE((Struck() && !OfDamage(error)) || Reported(error)) << error.ToString();
    // Want of room or memory is met before anything is ordered.
    const bool refused = std::ranges::all_of(
        disk_->faults_fired(), [](const auto& one) { return one.kind == faultfs::FaultKind::kNoSpace; });
    const bool poisoned = error.code() == Errc::kPoisoned || error.code() == Errc::kUnknownOutcome;
    EXPECT_FALSE(refused && poisoned) << error.ToString();
  }
  void Settle(const Status& done, bool fits, uint64_t called, bool durable, const State& after) {
    EXPECT_TRUE(fits || !done) << "a name that is taken, or that nobody has";
    if (!fits) return;
    if (done) now_ = after;
    const bool unknown = !done && done.error().code() == Errc::kUnknownOutcome;
    if (done || unknown) commits_.push_back({called, disk_->effects(), durable && !unknown, after});
    if (!done) Explain(done.error());
    CheckBounds();
  }
  void Durable(const Status& done) {
    if (!done) return Explain(done.error());
    commits_.push_back({commits_.back().called, disk_->effects(), true, now_});
  }
  void CheckBounds() const {
    const Options sizes = Sizes();
    EXPECT_LE(database_->Stats().dirty_bytes, 2 * sizes.dirty_bytes_max + 4 * sizes.page_size);
  }

  // ---- What is said, and what has to be.

  Result<std::string> Ask(WriteTransaction& transaction, const Op& op, const State::mapped_type& tables) {
    const ColumnFamily family = database_->OpenColumnFamily(op.family).value();
    if (op.what != "put" && !tables.contains(op.table))
      return std::string(transaction.OpenTable(family, op.table) ? "a table" : "no table");
    auto table = op.what == "put" ? transaction.OpenOrCreateTable(family, op.table)
                                  : transaction.OpenTable(family, op.table);
    if (!table) return std::unexpected(table.error());
    Range range;
    if (op.lower) range.lower = AsBytes(*op.lower);
    if (op.upper) range.upper = AsBytes(*op.upper);
    if (op.what == "put") {
      const Status put = table->Put(AsBytes(*op.key), AsBytes(op.value));
      return put ? Result<std::string>("done") : std::unexpected(put.error());
    }
    const auto number = [](const auto& count) {
      return count ? Result<std::string>(std::to_string(*count)) : std::unexpected(count.error());
    };
    if (op.what == "delete") return number(table->Delete(AsBytes(*op.key)));
    if (op.what == "delete_range") return number(table->DeleteRange(range));
    if (op.what == "scan") return Scan(*table, op, range);
    auto value = table->Get(AsBytes(*op.key));
    if (!value) return std::unexpected(value.error());
    return *value ? "value " + std::string(AsText((*value)->bytes())) : std::string("none");
  }
  static Result<std::string> Scan(const WriteTable& table, const Op& op, const Range& range) {
    auto cursor = table.NewCursor(range);
    if (!cursor) return std::unexpected(cursor.error());
    auto there = op.backwards ? (op.key ? cursor->SeekForPrev(AsBytes(*op.key)) : cursor->Last())
                              : (op.key ? cursor->Seek(AsBytes(*op.key)) : cursor->First());
    std::string seen;
    for (size_t left = op.count; left > 0; --left) {
      if (!there) return std::unexpected(there.error());
      if (!*there) break;
      const auto value = cursor->value();
      if (!value) return std::unexpected(value.error());
      seen += std::string(AsText(cursor->key())) + "=" + std::string(AsText(*value)) + ";";
      if (left > 1) there = op.backwards ? cursor->Prev() : cursor->Next();
    }
    return seen;
  }
  static std::string Expect(const Op& op, State::mapped_type& tables) {
    if (op.what != "put" && !tables.contains(op.table)) return "no table";
    Table& table = tables[op.table];
    if (op.what == "put") return table[*op.key] = op.value, "done";
    if (op.what == "delete") return std::to_string(table.erase(*op.key));
    if (op.what == "get") return table.contains(*op.key) ? "value " + table[*op.key] : "none";
    std::vector<std::pair<std::string, std::string>> seen;
    for (const auto& [key, value] : table) {
      if ((!op.lower || key >= *op.lower) && (!op.upper || key < *op.upper)) seen.emplace_back(key, value);
    }
    if (op.what == "delete_range") {
      for (const auto& [key, value] : seen) table.erase(key);
      return std::to_string(seen.size());
    }
    std::erase_if(seen, [&](const auto& one) {
      return op.key && (op.backwards ? one.first > *op.key : one.first < *op.key);
    });
    if (op.backwards) std::ranges::reverse(seen);
    seen.resize(std::min(seen.size(), op.count));
    std::string text;
    for (const auto& [key, value] : seen) text += key + "=" + value + ";";
    return text;
  }

  // Nothing, and said why, if it cannot be read.
  std::optional<State> Read(ReadTransaction& transaction) const {
    State state;
    const auto failed = [&](const Error& error) { return Explain(error), std::nullopt; };
    const auto families = transaction.ListColumnFamilies();
    if (!families) return failed(families.error());
    for (const std::string& family : *families) {
      const ColumnFamily handle = transaction.OpenColumnFamily(family).value();
      const auto tables = transaction.ListTables(handle);
      if (!tables) return failed(tables.error());
      state[family];
      for (const std::string& table : *tables) {
        auto source = transaction.OpenTable(handle, table);
        if (!source) return failed(source.error());
        auto entries = source->Entries();
        if (!entries) return failed(entries.error());
        state[family][table];
        for (const auto& entry : *entries) {
          if (!entry) return failed(entry.error());
          state[family][table].emplace(AsText(entry->key), AsText(entry->value));
        }
      }
    }
    return state;
  }

  // ---- The disk

  // States that may be found after an end there: from the newest durable one on, as far as they were asked
  // for. Before the opening had returned: what was owed then.
  uint64_t EndAt(uint64_t effects) {
    effects = std::min<uint64_t>(effects, disk_->trace()->effects.size());
    const bool opened = database_ != nullptr && effects >= opened_;
    if (opened) owed_.clear();
    for (const Commit& commit : commits_) {
      if (!opened || commit.called > effects) continue;
      if (commit.durable && commit.ended <= effects) owed_.clear();
      owed_.push_back(commit.state);
    }
    disk_->DisarmAll();
    snapshots_.clear();
    database_ = nullptr;
    return effects;
  }
  // A sound engine writes otherwise: then whatever changed the same place is lost.
  static void Lose(const faultfs::CrashPoint& point, const Lost& lost, faultfs::Arrivals& arrivals) {
    const auto& atoms = point.atoms();
    const auto here = [&](size_t i) {
      const bool file = point.trace().effects[atoms[i].effect].name == lost.file;
      return atoms[i].kind == lost.kind && file && atoms[i].sector == lost.sector;
    };
    const bool exact = std::ranges::any_of(
        atoms, [&](const auto& atom) { return here(&atom - atoms.data()) && atom.effect == lost.effect; });
    for (size_t i = 0; i < atoms.size(); ++i) {
      if (!here(i) || (exact && atoms[i].effect != lost.effect)) continue;
      arrivals[i] = lost.torn ? faultfs::arrival::kTorn : faultfs::arrival::kLost;
    }
  }
  // One bit, or the whole file; or `bytes` of it (0: all) are those that were at `offset` after so many
  // effects, or that another database has there with which the same was done.
  faultfs::Image Damaged(faultfs::Image image, const Harm& harm, const Machine* twin) const {
    auto bytes = image.Contents(harm.file);
    if (harm.how == "remove") return image.Remove(harm.file), image;
    if (harm.how == "flip") {
      bytes.at(harm.offset) ^= static_cast<std::byte>(1u << harm.bit);
      return image.Put(harm.file, bytes), image;
    }
    const faultfs::Image other = harm.how == "older"
                                     ? ImageOf(*disk_, std::min<uint64_t>(harm.effects, disk_->effects()))
                                     : ImageOf(*twin->disk_, twin->disk_->effects());
    if (other.Find(harm.file) == nullptr) return image;
    const auto from = other.Contents(harm.file);
    if (harm.bytes == 0) return image.Put(harm.file, from), image;
    if (harm.offset >= from.size() || harm.to >= bytes.size()) return image;
    const size_t count = std::min({harm.bytes, from.size() - harm.offset, bytes.size() - harm.to});
    std::copy_n(from.begin() + static_cast<ptrdiff_t>(harm.offset), count,
                bytes.begin() + static_cast<ptrdiff_t>(harm.to));
    return image.Put(harm.file, bytes), image;
  }

  std::shared_ptr<faultfs::Disk> disk_;
  std::unique_ptr<Database> database_;
  std::map<uint64_t, std::pair<ReadTransaction, State>> snapshots_;
  State now_;  // what is read
  std::vector<State> owed_ = {State()};
  std::vector<Commit> commits_;  // since the opening; first, what it showed
  uint64_t opened_ = 0;          // effects
  bool was_open_ = false, damaged_ = false, committing_ = false, refused_ = false;
};

TEST(Certificate, RecoveryStep1LoneSyncSkip) {
#ifdef CERTIFICATE_BROKEN  // as it was when this was found
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (std::string(site->name()) == "recovery.step1.lone_sync.skip") site->Break(true);
  }
#endif
  Machine machine;
  machine.Open();
  machine.CreateFamily("f");
  machine.Transact(
      {"f"}, {{.what = "put", .family = "f", .table = "t", .key = "", .value = std::string(10081, 'm')}});
  machine.CutPower(38, {});
  machine.LookApart();
  machine.Open({{.kind = faultfs::FaultKind::kShortWrite,
                 .counted = faultfs::Only(faultfs::Operation::kWrite),
                 .at = 2,
                 .parameter = 2}});
  machine.CutPower(kAtTheEnd, {{faultfs::Atom::Kind::kSector, "db", 0, 2}});
  machine.Look();
}

}  // namespace
}  // namespace manifolddb
