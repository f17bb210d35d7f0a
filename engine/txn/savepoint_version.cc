// Savepoints are read by their catalog, which nobody changes; what they share with the versions since is the
// same pages.

#include "engine/txn/savepoint_version.h"

#include <algorithm>
#include <utility>

#include "engine/base/try.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {
namespace {

format::FamilyId IdOf(const SavepointFamily* family) { return family->record.family; }

}  // namespace

Result<std::unique_ptr<SavepointVersion>> SavepointVersion::Open(Core& core, std::string_view name,
                                                                 mvcc::ReaderSlot* slot,
                                                                 const char* operation) {
  std::optional<mvcc::Savepoint> pinned = core.versions->PinSavepoint(name);
  if (!pinned) return Fail(Errc::kNoSuchSavepoint, operation, {.message = Quoted(name)});
  std::unique_ptr<SavepointVersion> version(new SavepointVersion(core, *std::move(pinned)));
  MANIFOLDDB_TRY(version->Read(slot, operation));
  return version;
}

SavepointVersion::~SavepointVersion() {
  // In a child of fork a thread that has one of these locks may be missing.
  if (!core_.CheckProcess("savepoint.end_read")) return;
  core_.pipeline->GiveBack(core_.versions->UnpinSavepoint(savepoint_.number));
}

Status SavepointVersion::Read(mvcc::ReaderSlot* slot, const char* operation) {
  const format::SavepointRecord& record = savepoint_.record;
  const std::string of = "savepoint " + Quoted(savepoint_.name);
  // What a catalog refers to is of the life of its root at the latest, which may be this one.
  const format::Life life_end{format::LifeOf(record.catalog.root.birth).raw() + 1};
  const CatalogBounds bounds{record.page_count, core_.families->next_id(), life_end, record.txn};
  MANIFOLDDB_ASSIGN(CatalogContents contents,
                    ReadCatalog(core_, record.catalog, bounds, slot, operation, "the catalog of " + of));
  for (CatalogContents::Family& listed : contents.families) {
    auto family = std::make_unique<SavepointFamily>();
    family->name = std::move(listed.name);
    family->record = listed.record;
    family->version.txn = record.txn;
    family->version.next_table = listed.record.next_table;
    MANIFOLDDB_ASSIGN(family->version.tables,
                      ReadTables(core_, listed.record.tables, listed.record.next_table, life_end, slot,
                                 [&] { return Quoted(family->name) + " of " + of; }));
    by_id_.push_back(family.get());
    families_.push_back(std::move(family));
  }
  std::ranges::sort(by_id_, {}, IdOf);
  dropped_ = std::move(contents.dropped);
  savepoints_then_ = std::move(contents.savepoints);
  return {};
}

const SavepointFamily* SavepointVersion::Find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(
      families_, name, {}, [](const auto& family) -> std::string_view { return family->name; });
  return found == families_.end() || (*found)->name != name ? nullptr : found->get();
}

const SavepointFamily* SavepointVersion::Find(format::FamilyId id) const {
  const auto found = std::ranges::lower_bound(by_id_, id, {}, IdOf);
  return found == by_id_.end() || IdOf(*found) != id ? nullptr : *found;
}

}  // namespace manifolddb::txn
