// Loading trusts nothing: the free map must not call free what the meta page owns, the catalog must hold
// records only.

#include "engine/recovery/load.h"

#include <string>
#include <utility>

#include "engine/base/le.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/txn/catalog_contents.h"

namespace manifolddb::recovery {

using format::PageBitmap;
using format::PageRun;

namespace {

Error Damaged(const std::string& file, uint64_t offset, std::string why) {
  return Error(Errc::kCorrupt, "database.open", {.file = file, .offset = offset, .message = std::move(why)});
}

// Its pages are nobody's to take from here on.
Status LoadSavepoint(txn::Core& core, const format::MetaPage& meta, txn::CatalogContents::Savepoint found) {
  MANIFOLDDB_ASSIGN(PageBitmap pages, LoadPagesOf(*core.file, meta, found.record));
  if (!MANIFOLDDB_BROKEN("savepoint.load.skip")) core.allocator->Withhold(pages);
  core.versions->AddSavepoint(std::move(found.name), found.record, std::move(pages), true);
  return {};
}

}  // namespace

Result<PageBitmap> LoadFreeMap(page::DataFile& file, const format::MetaPage& meta) {
  const PageRun meta_area{format::PageId{0}, format::FirstPage(meta.page_size, meta.write_unit).raw()};
  if (meta.free_map.null()) {
    // A database that was just created: nothing but the meta area.
    if (meta.page_count == meta_area.pages) return PageBitmap(meta.page_count);
    return std::unexpected<Error>(Damaged(file.name(), 0, "the meta page names no free map"));
  }
  const uint64_t at = file.OffsetOf(meta.free_map.first);
  if (meta.free_map.bytes != (meta.page_count + 7) / 8) {
    return std::unexpected<Error>(Damaged(file.name(), at, "the free map has another size than the file"));
  }
  MANIFOLDDB_ASSIGN(const base::Buffer bytes, file.ReadExtent(meta.free_map));
  PageBitmap free =
      PageBitmap::Decode(bytes.view().first(base::ToSize(meta.free_map.bytes)), meta.page_count);
  const uint64_t bits_used = meta.page_count % 8;
  if (bits_used != 0 &&
      static_cast<uint64_t>(bytes.view()[base::ToSize(meta.free_map.bytes - 1)]) >> bits_used != 0) {
    return std::unexpected<Error>(Damaged(file.name(), at, "unused bits of the free map are not zero"));
  }
  const PageRun own{meta.free_map.first, format::ExtentPages(meta.free_map.bytes, meta.page_size)};
  const bool root_free = !meta.catalog.root.null() && free.Test(meta.catalog.root.id);
  if ((!free.TestNone(meta_area) || !free.TestNone(own) || root_free) &&
      !MANIFOLDDB_BROKEN("decode.free_map.in_use")) {
    return std::unexpected<Error>(Damaged(file.name(), at, "the free map calls pages free that are in use"));
  }
  return free;
}

Result<PageBitmap> LoadPagesOf(page::DataFile& file, const format::MetaPage& meta,
                               const format::SavepointRecord& savepoint) {
  format::MetaPage then = meta;
  then.catalog = savepoint.catalog;
  then.free_map = savepoint.free_map;
  then.page_count = savepoint.page_count;
  MANIFOLDDB_ASSIGN(PageBitmap pages, LoadFreeMap(file, then));
  pages.Complement();
  const uint64_t at = file.OffsetOf(savepoint.free_map.first);
  if (pages.NextSet(meta.page_count) < pages.size())
    return std::unexpected<Error>(Damaged(file.name(), at, "a savepoint has pages beyond the file"));
  pages.Resize(meta.page_count);
  return pages;
}

Result<checkpoint::CatalogState> LoadCatalog(txn::Core& core, const format::MetaPage& meta,
                                             mvcc::ReaderSlot* slot) {
  core.families->SetNextId(meta.next_family);
  // `meta` is of this life, in which nothing was born yet.
  const txn::CatalogBounds bounds{meta.page_count, meta.next_family, meta.life, meta.txn};
  MANIFOLDDB_ASSIGN(txn::CatalogContents contents,
                    txn::ReadCatalog(core, meta.catalog, bounds, slot, "database.open", "the catalog"));
  if (contents.savepoints.empty() == meta.savepoints) {
    return std::unexpected<Error>(
        Damaged(core.config.name, 0, "the meta page and the catalog differ in whether there are savepoints"));
  }
  checkpoint::CatalogState state;
  state.at = meta.txn;
  state.tree = meta.catalog;
  for (const auto& [name, record] : contents.families) core.families->AddDurable(name, record);
  for (const auto& [number, root, possible] : contents.dropped) {
    // A checkpoint lists what could not be read as it was met.
    state.dropped.push_back({number, root, !possible});
    state.next_dropped = number + 1;
  }
  for (txn::CatalogContents::Savepoint& savepoint : contents.savepoints) {
    MANIFOLDDB_TRY(LoadSavepoint(core, meta, std::move(savepoint)));
  }
  return state;
}

}  // namespace manifolddb::recovery
