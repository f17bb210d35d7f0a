// Loading trusts nothing: the free map must not call free what the meta page owns, the catalog must hold
// records only.

#include "engine/recovery/load.h"

#include <string>

#include "engine/base/le.h"
#include "engine/base/try.h"
#include "engine/btree/tree_cursor.h"
#include "engine/format/catalog_record.h"

namespace manifolddb::recovery {

using format::PageBitmap;
using format::PageRun;

namespace {

Error Damaged(const std::string& file, uint64_t offset, std::string why) {
  return Error(Errc::kCorrupt, "database.open", {.file = file, .offset = offset, .message = std::move(why)});
}

// The number in a dropped subtree's key.
bool DecodeDroppedKey(ByteView key, uint64_t& number) {
  if (key.size() != 1 + sizeof number) return false;
  number = 0;
  for (size_t i = 1; i < key.size(); ++i) number = number << 8 | static_cast<uint64_t>(key[i]);
  return true;
}

bool AddRecord(txn::Core& core, ByteView key, ByteView value, checkpoint::CatalogState& state) {
  if (key.size() >= 2 && static_cast<char>(key[0]) == format::kFamilyKey) {
    format::FamilyRecord record;
    if (!format::DecodeFamilyRecord(value, record)) return false;
    if (record.family.raw() == 0 || core.families->Find(record.family) != nullptr) return false;
    if (record.family >= core.families->next_id()) return false;
    core.families->AddDurable(std::string(AsText(key.subspan(1))), record);
    return true;
  }
  if (!key.empty() && static_cast<char>(key[0]) == format::kDroppedKey) {
    checkpoint::DroppedSubtree dropped;
    if (!DecodeDroppedKey(key, dropped.number) || !format::DecodeDroppedRecord(value, dropped.root))
      return false;
    state.next_dropped = dropped.number + 1;
    state.dropped.push_back(dropped);
    return true;
  }
  return false;
}

}  // namespace

Result<PageBitmap> LoadFreeMap(page::DataFile& file, const format::MetaPage& meta) {
  const PageRun meta_area{format::PageId{0}, format::FirstPage(meta.page_size, meta.write_unit).raw()};
  if (meta.free_map.null()) {
    // A database that was just created: nothing but the meta area.
    PageBitmap free(meta.page_count);
    if (meta.page_count == meta_area.pages) return free;
    return std::unexpected<Error>(Damaged(file.name(), 0, "the meta page names no free map"));
  }
  const uint64_t at = file.OffsetOf(meta.free_map.first);
  if (meta.free_map.bytes != (meta.page_count + 7) / 8) {
    return std::unexpected<Error>(Damaged(file.name(), at, "the free map has another size than the file"));
  }
  MANIFOLDDB_ASSIGN(const base::Buffer bytes, file.ReadExtent(meta.free_map));
  PageBitmap free = PageBitmap::Decode(bytes.view().first(meta.free_map.bytes), meta.page_count);
  const PageRun own{meta.free_map.first, format::ExtentPages(meta.free_map.bytes, meta.page_size)};
  if (!free.TestNone(meta_area) || !free.TestNone(own)) {
    return std::unexpected<Error>(Damaged(file.name(), at, "the free map calls pages free that are in use"));
  }
  return free;
}

Result<checkpoint::CatalogState> LoadCatalog(txn::Core& core, const format::MetaPage& meta,
                                             mvcc::ReaderSlot* slot) {
  checkpoint::CatalogState state;
  state.tree = meta.catalog;
  core.families->SetNextId(meta.next_family);
  const mvcc::EpochGuard guard(slot);
  btree::TreeCursor cursor(*core.cache, meta.catalog.root, std::nullopt, std::nullopt);
  MANIFOLDDB_ASSIGN(bool more, cursor.First(guard));
  while (more) {
    const btree::FoundValue value = cursor.value();
    if (!value.extent.null() || !AddRecord(core, cursor.key(), value.inline_bytes, state)) {
      return std::unexpected<Error>(Damaged(core.config.name, core.file->OffsetOf(meta.catalog.root.id),
                                            "the catalog holds a malformed record"));
    }
    MANIFOLDDB_ASSIGN(more, cursor.Next(guard));
  }
  return state;
}

}  // namespace manifolddb::recovery
