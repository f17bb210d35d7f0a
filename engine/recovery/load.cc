// Loading trusts nothing: the free map must not call free what the meta page owns, the catalog must hold
// records only.

#include "engine/recovery/load.h"

#include <string>

#include "engine/base/le.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
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

// Reads the catalog, record by record.
class Loader {
 public:
  Loader(txn::Core& core, const format::MetaPage& meta) : core_(core), meta_(meta) {
    state_.at = meta.txn;
    state_.tree = meta.catalog;
  }

  // Null, or what is wrong with the record.
  const char* Add(ByteView key, ByteView value) {
    // A search for a key must find what a walk found: the checkpoint relies on it.
    if (!key_before_.empty() && Compare(AsBytes(key_before_), key) >= 0) return "keys are out of order";
    key_before_ = AsText(key);
    std::string_view name;
    if (format::DecodeFamilyKey(key, name)) return AddFamily(name, value);
    checkpoint::DroppedSubtree dropped;
    if (format::DecodeDroppedKey(key, dropped.number)) {
      if (!format::DecodeDroppedRecord(value, dropped.root))
        return "the record of a dropped tree is malformed";
      // A checkpoint lists what could not be read as it was met: a damaged tree may refer to anything.
      dropped.unreadable = !Possible(dropped.root);
      state_.next_dropped = dropped.number + 1;
      state_.dropped.push_back(dropped);
      return nullptr;
    }
    return "a key of no known kind";
  }
  checkpoint::CatalogState Take() { return std::move(state_); }

 private:
  const char* AddFamily(std::string_view name, ByteView value) {
    format::FamilyRecord record;
    if (!format::DecodeFamilyRecord(value, record)) return "the record of a column family is malformed";
    if (core_.families->Find(record.family) != nullptr) return "two column families have the same id";
    if (record.family >= meta_.next_family) return "a column family has an id that was not given yet";
    if (!record.tables.root.null() && !Possible(record.tables.root)) {
      return "a list of tables lies outside the file, or was born in no life so far";
    }
    core_.families->AddDurable(name, record);
    return nullptr;
  }
  // `meta_` is of this life, in which nothing was born yet.
  bool Possible(format::PageRef ref) const {
    return ref.id >= format::FirstPage(meta_.page_size, meta_.write_unit) &&
           ref.id.raw() < meta_.page_count && format::LifeOf(ref.birth) < meta_.life;
  }

  txn::Core& core_;
  const format::MetaPage& meta_;
  checkpoint::CatalogState state_;
  std::string key_before_;
};

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

Result<checkpoint::CatalogState> LoadCatalog(txn::Core& core, const format::MetaPage& meta,
                                             mvcc::ReaderSlot* slot) {
  Loader loader(core, meta);
  core.families->SetNextId(meta.next_family);
  btree::TreeCursor cursor(*core.cache, meta.catalog.root, std::nullopt, std::nullopt);
  const auto step = [&](bool first) {
    const mvcc::EpochGuard guard(slot);
    return first ? cursor.First(guard) : cursor.Next(guard);
  };
  MANIFOLDDB_ASSIGN(bool more, step(true));
  while (more) {
    const btree::FoundValue value = cursor.value();
    const char* why =
        value.extent.null() ? loader.Add(cursor.key(), value.inline_bytes) : "a record lies in an extent";
    if (why != nullptr) {
      return std::unexpected<Error>(Damaged(core.config.name, core.file->OffsetOf(meta.catalog.root.id),
                                            std::string("the catalog: ") + why));
    }
    MANIFOLDDB_ASSIGN(more, step(false));
  }
  return loader.Take();
}

}  // namespace manifolddb::recovery
