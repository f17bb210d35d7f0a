// The catalog edit of one checkpoint, in three steps: keys of families that are gone or renamed are deleted,
// families that exist are put, subtrees that nobody owns are freed as far as the budget goes. Deletions come
// first: a name may have passed from one family to another between two checkpoints.

#include "engine/checkpoint/catalog_edit.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/format/catalog_record.h"
#include "engine/txn/names.h"

namespace manifolddb::checkpoint {
namespace {

// Pages of dropped subtrees that one checkpoint frees at most: keeps checkpoints short when a large table
// goes.
constexpr uint64_t kDroppedPagesMax = 4096;

// What a family looks like at the captured version.
struct FamilyAt {
  txn::Family* family;
  std::string before;  // its name in the catalog as it was; empty: not in it
  std::string name;    // empty: does not exist
  std::shared_ptr<const mvcc::Tables> tables;
  format::TableId next_table{1};
};

// Changes to a tree of the catalog, in an epoch each: what one of them read need not stay in memory for the
// next.
class TreeChanger {
 public:
  TreeChanger(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot)
      : core_(core), pages_(pages), slot_(slot) {}

  Status PutBytes(format::TreeRoot& tree, const std::string& key, ByteView record) {
    const mvcc::EpochGuard guard(slot_);
    MANIFOLDDB_TRY(btree::Put(pages_, tree, AsBytes(key), record, guard));
    return {};
  }
  template <class Record>
  Status Put(format::TreeRoot& tree, const std::string& key, const Record& record) {
    return PutBytes(tree, key, std::as_bytes(std::span(&record, 1)));
  }
  Status Delete(format::TreeRoot& tree, const std::string& key) {
    const mvcc::EpochGuard guard(slot_);
    MANIFOLDDB_ASSIGN(const bool found, btree::Delete(pages_, tree, AsBytes(key), guard));
    if (found) return {};
    // It was met when the tree was loaded, or put since: the tree is not in order.
    return core_.file->Corrupt("checkpoint.catalog", tree.root.id, "a key of the catalog cannot be found");
  }

 private:
  txn::Core& core_;
  page::PageWriter& pages_;
  mvcc::ReaderSlot* const slot_;
};

class Editor {
 public:
  Editor(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot, const CatalogState& before,
         const CatalogInput& input)
      : core_(core),
        pages_(pages),
        slot_(slot),
        changer_(core, pages, slot),
        input_(input),
        before_(before.at) {
    edit_.state = before;
    edit_.state.at = input.at;
  }

  Result<CatalogEdit> Run() {
    for (txn::Family* const family : input_.changed) AddFamily(family);
    for (const FamilyAt& at : families_) MANIFOLDDB_TRY(DeleteOldKey(at));
    for (const FamilyAt& at : families_) MANIFOLDDB_TRY(PutFamily(at));
    if (input_.savepoint != nullptr) MANIFOLDDB_TRY(EditSavepoint(*input_.savepoint));
    MANIFOLDDB_TRY(FreeDropped());
    MANIFOLDDB_TRY(Lower(edit_.state.tree));
    return std::move(edit_);
  }

 private:
  void AddFamily(txn::Family* family) {
    FamilyAt at{family, core_.families->NameAt(*family, before_), {}, {}};
    at.name = core_.families->NameAt(*family, input_.at);
    const mvcc::EpochGuard guard(slot_);  // versions stay while they are looked at
    const mvcc::FamilyVersion* const newest = family->versions.Newest();
    const bool has_newer = (newest != nullptr && newest->txn > input_.at) ||
                           core_.families->NameAt(*family, txn::kNewestOrdered) != at.name;
    if (has_newer) edit_.newer.push_back(family);
    const mvcc::FamilyVersion* version = family->versions.At(input_.at);
    if (MANIFOLDDB_BROKEN("checkpoint.capture.unappended")) version = newest;
    if (version != nullptr) {
      at.tables = version->tables;
      at.next_table = version->next_table;
    }
    if (input_.through != nullptr) {
      for (const auto& change : *input_.through) {
        if (change.family != family) continue;
        at.tables = change.tables;
        at.next_table = change.next_table;
      }
    }
    families_.push_back(std::move(at));
  }

  Status DeleteOldKey(const FamilyAt& at) {
    if (at.before.empty() || at.before == at.name) return {};
    const std::string key = format::FamilyKey(AsBytes(at.before));
    MANIFOLDDB_TRY(changer_.Delete(edit_.state.tree, key));
    const format::PageRef tables = at.family->durable.tables_tree.root;
    if (at.name.empty() && !tables.null()) AddDropped(tables);
    return {};
  }

  Status PutFamily(const FamilyAt& at) {
    txn::DurableFamily after = at.family->durable;
    if (at.name.empty()) {
      // Gone; or not there yet, and then nothing of it may be touched.
      if (!at.before.empty()) edit_.updates.push_back({at.family, txn::DurableFamily{}});
      return {};
    }
    MANIFOLDDB_ASSERT(at.tables != nullptr && after.tables != nullptr);
    MANIFOLDDB_TRY(EditTables(*after.tables, *at.tables, after.tables_tree));
    MANIFOLDDB_TRY(Lower(after.tables_tree));
    after.tables = at.tables;
    after.next_table = at.next_table;
    const auto record =
        format::Encode(format::FamilyRecord{at.family->id(), at.next_table, after.tables_tree});
    const std::string key = format::FamilyKey(AsBytes(at.name));
    MANIFOLDDB_TRY(changer_.Put(edit_.state.tree, key, record));
    edit_.updates.push_back({at.family, std::move(after)});
    return {};
  }

  Status EditSavepoint(const SavepointEdit& edit) {
    const std::string key = format::SavepointKey(AsBytes(edit.name));
    if (!edit.record) return changer_.Delete(edit_.state.tree, key);
    const auto record = format::Encode(*edit.record);
    return changer_.Put(edit_.state.tree, key, record);
  }

  // Both lists ascend by name.
  Status EditTables(const mvcc::Tables& before, const mvcc::Tables& after, format::TreeRoot& tree) {
    for (const mvcc::TableVersion& table : before) {
      if (mvcc::FindTable(after, *table.name) != nullptr) continue;
      MANIFOLDDB_TRY(changer_.Delete(tree, *table.name));
    }
    for (const mvcc::TableVersion& table : after) {
      const mvcc::TableVersion* const old = mvcc::FindTable(before, *table.name);
      if (old != nullptr && old->id == table.id && old->tree == table.tree) continue;
      const TableTypes types = txn::TypesOf(table.types.get());
      const std::string record =
          format::Encode(format::TableRecord{table.id, table.tree, types.key, types.value});
      MANIFOLDDB_TRY(changer_.PutBytes(tree, *table.name, AsBytes(record)));
    }
    return {};
  }

  Status Lower(format::TreeRoot& tree) {
    if (input_.ceiling == 0) return {};
    btree::Lowering all{.limit = input_.ceiling};
    return btree::LowerNodes(pages_, tree.root, all, slot_, [] { return Status(); });
  }

  void AddDropped(format::PageRef root) {
    edit_.state.dropped.push_back({edit_.state.next_dropped++, root, false});
    new_dropped_.push_back(edit_.state.dropped.back().number);
  }

  Status FreeDropped() {
    for (const format::PageRef root : input_.dropped) AddDropped(root);
    uint64_t budget = kDroppedPagesMax;
    std::vector<DroppedSubtree> left;
    for (DroppedSubtree& subtree : edit_.state.dropped) {
      if (budget == 0) {
        MANIFOLDDB_MARK("checkpoint.dropped_over_budget");
        MANIFOLDDB_TRY(Leave(subtree, left));
        continue;
      }
      if (subtree.unreadable) {
        MANIFOLDDB_TRY(Leave(subtree, left));
        continue;
      }
      const uint64_t before = pages_.pages_removed();
      std::vector<btree::LeftSubtree> rest;
      MANIFOLDDB_TRY(btree::FreeSubtree(pages_, subtree.root, budget, rest, slot_));
      const uint64_t removed = pages_.pages_removed() - before;
      budget -= std::min(budget, removed);
      if (removed == 0) {
        MANIFOLDDB_MARK("checkpoint.dropped_unreadable");
        subtree.unreadable = true;
        MANIFOLDDB_TRY(Leave(subtree, left));
        continue;
      }
      MANIFOLDDB_TRY(DeleteDropped(subtree.number));
      for (const auto& [root, unreadable] : rest) {
        if (unreadable) MANIFOLDDB_MARK("checkpoint.dropped_in_part");
        left.push_back({edit_.state.next_dropped++, root, unreadable});
        MANIFOLDDB_TRY(PutDropped(left.back()));
      }
    }
    edit_.state.dropped = std::move(left);
    return {};
  }

  // It stays as it is, in the catalog.
  Status Leave(const DroppedSubtree& subtree, std::vector<DroppedSubtree>& left) {
    left.push_back(subtree);
    return IsNew(subtree.number) ? PutDropped(subtree) : Status();
  }

  bool IsNew(uint64_t number) const {
    return std::find(new_dropped_.begin(), new_dropped_.end(), number) != new_dropped_.end();
  }

  Status PutDropped(const DroppedSubtree& subtree) {
    const auto record = format::EncodeDropped(subtree.root);
    const std::string key = format::DroppedKey(subtree.number);
    return changer_.Put(edit_.state.tree, key, record);
  }

  Status DeleteDropped(uint64_t number) {
    if (IsNew(number)) return {};  // never reached the catalog
    const std::string key = format::DroppedKey(number);
    return changer_.Delete(edit_.state.tree, key);
  }

  txn::Core& core_;
  page::PageWriter& pages_;
  mvcc::ReaderSlot* const slot_;
  TreeChanger changer_;
  const CatalogInput& input_;
  const format::TxnId before_;
  CatalogEdit edit_;
  std::vector<FamilyAt> families_;
  std::vector<uint64_t> new_dropped_;
};

// From a savepoint's catalog to the one that says the same now.
class Restorer {
 public:
  Restorer(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot, const txn::Restoring& restoring)
      : core_(core), changer_(core, pages, slot), restoring_(restoring), version_(*restoring.version) {}

  Result<CatalogEdit> Run(format::TxnId at) {
    edit_.state.at = at;
    edit_.state.tree = version_.savepoint().record.catalog;
    for (const auto& [number, root, possible] : version_.dropped()) {
      edit_.state.dropped.push_back({number, root, !possible});
      edit_.state.next_dropped = number + 1;
    }
    MANIFOLDDB_TRY(EditSavepoints());
    for (const txn::Restoring::FamilyChange& change : restoring_.changed) MANIFOLDDB_TRY(Change(change));
    for (txn::Family* const family : restoring_.dropped) edit_.updates.push_back({family, {}});
    return std::move(edit_);
  }

 private:
  Status EditSavepoints() {
    for (const auto& then : version_.savepoints_then()) {
      MANIFOLDDB_TRY(changer_.Delete(edit_.state.tree, format::SavepointKey(AsBytes(then.name))));
    }
    for (const mvcc::Savepoint& now : core_.versions->Savepoints()) {
      const auto record = format::Encode(now.record);
      MANIFOLDDB_TRY(changer_.Put(edit_.state.tree, format::SavepointKey(AsBytes(now.name)), record));
    }
    return {};
  }

  Status Change(const txn::Restoring::FamilyChange& change) {
    const txn::SavepointFamily& source = *change.source;
    const bool same =
        change.record.family == source.record.family && change.record.next_table == source.record.next_table;
    if (!same) {
      const auto record = format::Encode(change.record);
      MANIFOLDDB_TRY(changer_.Put(edit_.state.tree, format::FamilyKey(AsBytes(source.name)), record));
    }
    // One that comes back is made when the commit is ordered, as it is on the disk.
    if (change.family != nullptr) {
      edit_.updates.push_back(
          {change.family, {source.version.tables, change.record.tables, change.record.next_table}});
    }
    return {};
  }

  txn::Core& core_;
  TreeChanger changer_;
  const txn::Restoring& restoring_;
  const txn::SavepointVersion& version_;
  CatalogEdit edit_;
};

}  // namespace

Result<CatalogEdit> EditCatalog(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot,
                                const CatalogState& before, const CatalogInput& input) {
  return Editor(core, pages, slot, before, input).Run();
}

Result<CatalogEdit> RestoreCatalog(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot,
                                   const txn::Restoring& restoring, format::TxnId at) {
  return Restorer(core, pages, slot, restoring).Run(at);
}

}  // namespace manifolddb::checkpoint
