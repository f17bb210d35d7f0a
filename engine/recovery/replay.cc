// Replay as one large transaction over all families: nobody reads yet, so pages are edited in place and only
// the newest state is kept. A crash during it leaves pages that the durable checkpoint calls free; the next
// recovery does the same again.
//
// In place: the trees are built first, on whatever pages are free, with references to where the extents will
// be. The process before had the trees and extents of the newest commit at once, so there is a page for each
// in the end, if not before: what is short then lies in memory. And the extents that are left lay on these
// very pages, so no two of them share one and none lies on a page of the durable checkpoint. Then nodes that
// are in the way are moved, and the values written from the log.

#include "engine/recovery/replay.h"

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/format/redo.h"
#include "engine/page/page_writer.h"
#include "engine/txn/family_edit.h"
#include "engine/txn/names.h"

namespace manifolddb::recovery {

using format::FamilyId;
using format::RedoKind;
using format::RedoOperation;
using format::TxnId;
using txn::Family;
using txn::FamilyEdit;

namespace {

class Replay {
 public:
  Replay(txn::Core& core, Extents extents)
      : core_(core),
        extents_(extents),
        slot_(core.slots->Acquire()),
        pages_(*core.cache, *core.allocator, core.DrawWriterSerial(), page::Room::kAll),
        spill_at_bytes_(core.DirtyBytesMax()) {
    if (extents == Extents::kInPlace && !MANIFOLDDB_BROKEN("recovery.in_place.beyond.skip")) {
      pages_.AllowBeyond();
    }
  }
  ~Replay() { core_.slots->Release(slot_); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  Status ApplyRecord(TxnId txn, ByteView record) {
    txn_ = txn;
    selected_ = nullptr;
    format::RedoReader reader(record);
    while (!reader.done()) {
      const std::optional<RedoOperation> operation = reader.Next();
      if (!operation) return Malformed(reader.why());
      MANIFOLDDB_TRY(Apply(*operation));
      MANIFOLDDB_TRY(SpillIfDue());
    }
    return {};
  }

  // For kInPlace, after all records were applied: makes room for the extents that are left.
  Status MakePlaces() {
    page::PageSet in_the_way;
    MANIFOLDDB_TRY(pages_.TakePlanned([this] { return core_.FreeMapPages(); }, in_the_way));
    if (in_the_way.size() > 0) MANIFOLDDB_MARK("recovery.in_place.moved");
    const std::function<Status()> moved = [this] { return SpillIfDue(); };
    for (auto& [id, edit] : edits_) {
      if (edit->family()->dropped()) continue;  // its trees are in dropped_
      for (txn::WriteTableState& table : edit->opened()) {
        if (table.dropped) continue;
        MANIFOLDDB_TRY(btree::MoveNodesOff(pages_, table.tree.root, in_the_way, slot_, moved));
      }
    }
    for (format::PageRef& root : dropped_) {
      MANIFOLDDB_TRY(btree::MoveNodesOff(pages_, root, in_the_way, slot_, moved));
    }
    extents_seen_ = 0;
    return {};
  }

  // Then, for all records again: writes them.
  Status WritePlaces(ByteView record) {
    format::RedoReader reader(record);
    while (!reader.done()) {
      const std::optional<RedoOperation> operation = reader.Next();
      if (!operation) return Malformed(reader.why());
      if (operation->kind != RedoKind::kPutExtent) continue;
      if (extents_seen_ == births_.size()) return Differs();
      const format::Birth birth = births_[extents_seen_++];
      if (!pages_.IsPlanned(birth)) continue;
      if (pages_.PlannedPages(birth) != format::ExtentPages(operation->value.size(), pages_.page_size())) {
        return Differs();
      }
      MANIFOLDDB_TRY(pages_.WritePlanned(birth, operation->value));
    }
    return {};
  }

  // `first`, `second`: the two readings.
  Status EndPlaces(const wal::LogScanResult& first, const wal::LogScanResult& second) {
    const bool same = first.end.lsn == second.end.lsn && first.end.chain == second.end.chain;
    if (!same || pages_.AnyPlanned()) return Differs();
    pages_.GiveUpTogether();
    return {};
  }

  // Makes the result the newest version.
  void Publish(const wal::LogScanResult& scan) {
    for (auto& [id, edit] : edits_) {
      if (!edit->changed() || edit->family()->dropped()) continue;
      auto version = std::make_unique<mvcc::FamilyVersion>();
      version->txn = txn_;
      version->next_table = edit->next_table();
      version->tables = edit->Build();
      edit->family()->versions.Install(std::move(version));
    }
    mvcc::CommitEffects effects{txn_, pages_.Finish(), std::move(dropped_)};
    mvcc::CommitEffects* const group = &effects;
    const mvcc::Position at{txn_, scan.end.lsn, scan.end.chain};
    for (const format::PageRun& run :
         core_.versions->Publish({&group, 1}, at, core_.allocator->NextBirth())) {
      core_.cache->Drop(run.first, run.pages);
      core_.allocator->Free(run);
    }
  }

 private:
  Status Malformed(const char* why) const {
    return Fail(
        Errc::kCorrupt, "recovery.replay",
        {.file = core_.config.name + "-wal", .message = "commit " + std::to_string(txn_.raw()) + ": " + why});
  }

  // A device may hand out other bytes the second time.
  Status Differs() const {
    return Fail(
        Errc::kCorrupt, "recovery.replay",
        {.file = core_.config.name + "-wal", .message = "the log was read twice, and the readings differ"});
  }

  Status SpillIfDue() {
    if (core_.cache->bytes_dirty() <= spill_at_bytes_) return {};
    MANIFOLDDB_MARK("recovery.replay.spill");
    MANIFOLDDB_TRY(pages_.Spill(*core_.poison));
    // What lies beyond the file stays dirty; it must not make every change a sync.
    spill_at_bytes_ = core_.cache->bytes_dirty() + core_.DirtyBytesMax();
    return {};
  }

  // The family's edit; null if there is no such family.
  Result<FamilyEdit*> FindEdit(FamilyId id) {
    if (const auto known = edits_.find(id); known != edits_.end()) return known->second.get();
    Family* const family = core_.families->Find(id);
    if (family == nullptr || family->dropped()) return nullptr;
    MANIFOLDDB_TRY(core_.LoadFamily(family, slot_));
    return AddEdit(family, family->versions.Newest());
  }

  FamilyEdit* AddEdit(Family* family, const mvcc::FamilyVersion* base) {
    auto& edit = edits_[family->id()];
    edit = std::make_unique<FamilyEdit>(family, base);
    return edit.get();
  }

  Status Apply(const RedoOperation& operation) {
    switch (operation.kind) {
      case RedoKind::kSelect:
      case RedoKind::kCreateTable:
      case RedoKind::kCreateTypedTable:
      case RedoKind::kDropTable:
      case RedoKind::kRenameTable: return ApplyToFamily(operation);
      case RedoKind::kPut:
      case RedoKind::kPutExtent:
      case RedoKind::kDelete:
      case RedoKind::kDeleteRange: return ApplyToTable(operation);
      case RedoKind::kCreateFamily:
      case RedoKind::kDropFamily:
      case RedoKind::kRenameFamily: return ApplyToCatalog(operation);
    }
    return Malformed("an operation of an unknown kind");
  }

  Status ApplyToTable(const RedoOperation& operation) {
    if (selected_ == nullptr) return Malformed("a change to no table");
    selected_->family->MarkChanged();
    core_.families->MarkChanged(selected_->family->family());
    if (operation.kind == RedoKind::kDeleteRange) {
      MANIFOLDDB_TRY(btree::DeleteRange(pages_, selected_->tree, operation.lower, operation.upper, slot_));
      return {};
    }
    const mvcc::EpochGuard guard(slot_);
    if (operation.kind == RedoKind::kDelete) {
      MANIFOLDDB_TRY(btree::Delete(pages_, selected_->tree, operation.key, guard));
      return {};
    }
    if (operation.key.size() > format::KeyBytesMax(core_.file->page_size()))
      return Malformed("a key too long");
    const bool needs_extent =
        btree::NeedsExtent(core_.file->page_size(), operation.key.size(), operation.value.size());
    if (needs_extent != (operation.kind == RedoKind::kPutExtent)) {
      return Malformed("a value that does not lie where one of its size does");
    }
    if (!needs_extent) {
      MANIFOLDDB_TRY(
          btree::Put(pages_, selected_->tree, operation.key, operation.value, guard, &selected_->append));
      return {};
    }
    MANIFOLDDB_ASSIGN(const format::ExtentRef extent, MakeExtent(operation));
    MANIFOLDDB_TRY(btree::PutExtent(pages_, selected_->tree, operation.key, extent, guard));
    return {};
  }

  Result<format::ExtentRef> MakeExtent(const RedoOperation& operation) {
    if (extents_ == Extents::kAnywhere) return pages_.WriteExtent(operation.value);
    MANIFOLDDB_ASSIGN(const format::ExtentRef extent, pages_.PlanExtent(operation.first, operation.value));
    births_.push_back(extent.birth);
    return extent;
  }

  Status ApplyToFamily(const RedoOperation& operation) {
    MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(operation.family));
    if (edit == nullptr || edit->family()->dropped()) return Malformed("a family that does not exist");
    core_.families->MarkChanged(edit->family());
    const std::string_view name = AsText(operation.key);
    txn::WriteTableState* const table = edit->FindById(operation.table);
    if (operation.kind == RedoKind::kCreateTable || operation.kind == RedoKind::kCreateTypedTable) {
      // Ids are given in order and never again; the checkpoint states the next one.
      if (operation.table != edit->next_table() || operation.table.raw() > format::kTableIdMax) {
        return Malformed("a table id that is not the next one");
      }
      if (table != nullptr || edit->Find(name) != nullptr) return Malformed("a table that exists already");
      const std::string_view key_type = operation.key_type;
      const std::string_view value_type = operation.value_type;
      if (!format::TypeNamesFit(core_.file->page_size(), key_type.size(), value_type.size())) {
        return Malformed("types with names too long for the pages");
      }
      edit->CreateAs(operation.table, name, txn::MakeTypeNames(key_type, value_type));
      return {};
    }
    if (table == nullptr) return Malformed("a table that does not exist");
    if (operation.kind == RedoKind::kSelect) {
      selected_ = table;
    } else if (operation.kind == RedoKind::kRenameTable) {
      if (edit->Find(name) != nullptr) return Malformed("a table renamed to an existing one");
      edit->Rename(table, name);
    } else {
      if (const format::PageRef root = edit->Drop(table); !root.null()) dropped_.push_back(root);
      if (selected_ == table) selected_ = nullptr;
    }
    return {};
  }

  Status ApplyToCatalog(const RedoOperation& operation) {
    const std::string_view name = AsText(operation.key);
    const bool named = operation.kind != RedoKind::kDropFamily;
    if (named && core_.families->FindByName(name, txn::kNewestOrdered) != nullptr) {
      return Malformed("a family name that exists already");
    }
    if (operation.kind == RedoKind::kCreateFamily) {
      if (operation.family.raw() == 0 || core_.families->Find(operation.family) != nullptr) {
        return Malformed("a family id that exists already");
      }
      if (operation.family.raw() > format::kFamilyIdMax) return Malformed("a family id too large");
      Family* const family = core_.families->CreateAs(operation.family, name, txn_);
      family->durable.tables = std::make_shared<const mvcc::Tables>();
      core_.families->MarkChanged(family);
      AddEdit(family, nullptr);
      return {};
    }
    MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(operation.family));
    if (edit == nullptr || edit->family()->dropped()) return Malformed("a family that does not exist");
    core_.families->MarkChanged(edit->family());
    if (operation.kind == RedoKind::kRenameFamily) {
      core_.families->Rename(edit->family(), name, txn_);
      return {};
    }
    const std::vector<format::PageRef> roots = edit->Roots();
    dropped_.insert(dropped_.end(), roots.begin(), roots.end());
    core_.families->Drop(edit->family(), txn_);
    selected_ = nullptr;
    return {};
  }

  txn::Core& core_;
  const Extents extents_;
  mvcc::ReaderSlot* const slot_;
  page::PageWriter pages_;
  std::map<FamilyId, std::unique_ptr<FamilyEdit>> edits_;
  std::vector<format::PageRef> dropped_;
  txn::WriteTableState* selected_ = nullptr;
  TxnId txn_;
  std::vector<format::Birth> births_;  // of all extents of the log, in its order, for kInPlace
  size_t extents_seen_ = 0;
  uint64_t spill_at_bytes_;
};

}  // namespace

wal::LogScan LogBehind(const format::MetaPage& meta) {
  wal::LogScan scan;
  scan.ring = {meta.log_capacity, meta.log_origin, meta.write_unit};
  scan.identity = meta.identity;
  scan.life = meta.log_life;
  scan.start = {meta.lsn, meta.chain};
  scan.first_txn = meta.txn.next();
  scan.meta = meta.number;
  return scan;
}

Result<wal::LogScanResult> ReplayLog(txn::Core& core, File& log, const format::MetaPage& meta,
                                     Extents extents) {
  Replay replay(core, extents);
  const wal::LogScan scan = LogBehind(meta);
  MANIFOLDDB_ASSIGN(const wal::LogScanResult result, wal::ReadLog(log, scan, [&](TxnId txn, ByteView record) {
                      return replay.ApplyRecord(txn, record);
                    }));
  if (result.records > 0) {
    MANIFOLDDB_MARK("recovery.replayed");
    if (extents == Extents::kInPlace) {
      MANIFOLDDB_TRY(replay.MakePlaces());
      MANIFOLDDB_ASSIGN(const wal::LogScanResult again, wal::ReadLog(log, scan, [&](TxnId, ByteView record) {
                          return replay.WritePlaces(record);
                        }));
      MANIFOLDDB_TRY(replay.EndPlaces(result, again));
    }
    replay.Publish(result);
  } else {
    MANIFOLDDB_MARK("recovery.nothing_to_replay");
  }
  return result;
}

}  // namespace manifolddb::recovery
