// Restoring copies no page: the commit owns the savepoint's pages again, and gives up all others.
//
// (1) It goes through a checkpoint: a crash leaves the state before it, with the log behind that, or the
//     savepoint's and no log. Replay never meets it.
// (2) Ids of families and tables go on from the greatest there ever were. A family that was dropped since
//     comes back by its name with another id, so no handle of before finds anything that it did not mean.
// (3) All tokens are held, so no transaction is about to remove pages of what is given up.

#include "engine/txn/restore.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/txn/catalog_change.h"

namespace manifolddb::txn {
namespace {

constexpr const char* kRestoring = "savepoint.restore";

// Every family's token and the catalog's.
class AllTokens {
 public:
  explicit AllTokens(Families& families) : families_(families) {}
  ~AllTokens() { Release(); }
  AllTokens(const AllTokens&) = delete;
  AllTokens& operator=(const AllTokens&) = delete;

  Status Take() {
    Family* const catalog = families_.catalog();
    MANIFOLDDB_TRY(families_.TakeTokens({&catalog, 1}, kRestoring));
    taken_.push_back(catalog);
    // Nobody makes or drops one from here on.
    families_taken_ = families_.AllAt(kNewestOrdered);
    std::ranges::sort(families_taken_, {}, &Family::id);
    MANIFOLDDB_TRY(families_.TakeTokens(families_taken_, kRestoring, catalog));
    taken_.insert(taken_.end(), families_taken_.begin(), families_taken_.end());
    return {};
  }
  const std::vector<Family*>& families() const { return families_taken_; }
  void Release() { families_.ReleaseTokens(std::exchange(taken_, {})); }

 private:
  Families& families_;
  std::vector<Family*> families_taken_;
  std::vector<Family*> taken_;
};

class Planner {
 public:
  Planner(Core& core, mvcc::ReaderSlot* slot, const SavepointVersion& version)
      : core_(core), slot_(slot), version_(version) {
    restoring_.version = &version;
    restoring_.next_family = core.families->next_id();
  }

  // `families`: those that there are, ascending by id.
  Result<Restoring> Run(const std::vector<Family*>& families) {
    for (const auto& source : version_.families()) MANIFOLDDB_TRY(AddFamily(*source, families));
    for (Family* const family : families) {
      if (version_.Find(family->id()) != nullptr) continue;
      MANIFOLDDB_TRY(core_.LoadFamily(family, slot_));  // for snapshots that see it
      restoring_.dropped.push_back(family);
    }
    return std::move(restoring_);
  }

 private:
  Status AddFamily(const SavepointFamily& source, const std::vector<Family*>& families) {
    const format::FamilyId id = source.record.family;
    const auto found = std::ranges::lower_bound(families, id, {}, &Family::id);
    const bool exists = found != families.end() && (*found)->id() == id;
    Restoring::FamilyChange change{exists ? *found : nullptr, &source, source.record};
    if (change.family == nullptr) {
      change.record.family = restoring_.next_family;
      restoring_.next_family = restoring_.next_family.next();
      if (change.record.family.raw() > format::kFamilyIdMax) {
        return Fail(Errc::kLimit, kRestoring,
                    {.message = "2^40 column families have been created; copy the database into a new one"});
      }
      restoring_.changed.push_back(std::move(change));
      return {};
    }
    if (IsTheSame(*change.family, source)) return {};
    MANIFOLDDB_TRY(core_.LoadFamily(change.family, slot_));
    change.record.next_table =
        std::max(change.record.next_table, change.family->versions.Newest()->next_table);
    restoring_.changed.push_back(std::move(change));
    return {};
  }

  // One that nobody has used since the opening, and that was not changed before either.
  bool IsTheSame(const Family& family, const SavepointFamily& source) const {
    return family.versions.empty() && family.durable.tables_tree == source.record.tables &&
           family.durable.next_table == source.record.next_table &&
           core_.families->NameAt(family, kNewestOrdered) == source.name;
  }

  Core& core_;
  mvcc::ReaderSlot* const slot_;
  const SavepointVersion& version_;
  Restoring restoring_;
};

// Under the commit queue's lock: no I/O here.
void Install(Core& core, const Restoring& restoring, format::TxnId txn) {
  for (Family* const family : restoring.dropped) core.families->Drop(family, txn);
  for (const Restoring::FamilyChange& change : restoring.changed) {
    const SavepointFamily& source = *change.source;
    auto version = std::make_unique<mvcc::FamilyVersion>();
    version->txn = txn;
    version->next_table = change.record.next_table;
    version->tables = source.version.tables;
    Family* family = change.family;
    if (family == nullptr) {
      family = core.families->CreateAs(change.record.family, source.name, txn);
      family->durable = {version->tables, change.record.tables, change.record.next_table};
    } else if (core.families->NameAt(*family, kNewestOrdered) != source.name) {
      core.families->Rename(family, source.name, txn);
    }
    family->versions.Install(std::move(version));
    core.PruneVersions(family);
  }
}

}  // namespace

Result<format::TxnId> RestoreSavepoint(Core& core, std::string_view name) noexcept {
  const Presence presence(core);
  MANIFOLDDB_TRY(presence.Check(kRestoring));
  AllTokens tokens(*core.families);
  MANIFOLDDB_TRY(tokens.Take());
  ForgetOldNames(core);
  // Also if it is deleted meanwhile: its pages stay until this lets go of them.
  MANIFOLDDB_ASSIGN(const auto version, SavepointVersion::Open(core, name, presence.slot(), kRestoring));
  MANIFOLDDB_ASSIGN(const Restoring restoring,
                    Planner(core, presence.slot(), *version).Run(tokens.families()));
  CheckpointService::ThroughCommit commit;
  commit.restoring = &restoring;
  commit.order = [&](format::TxnId txn) {
    Install(core, restoring, txn);
    tokens.Release();
  };
  bool ordered = false;
  MANIFOLDDB_ASSIGN(const format::TxnId txn, core.checkpoints->CommitThrough(commit, ordered));
  core.pipeline->NoteDurable(txn);
  core.commits.fetch_add(1, std::memory_order_relaxed);
  return txn;
}

}  // namespace manifolddb::txn
