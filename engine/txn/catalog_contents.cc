// Reading catalogs. A search for a key must find what a walk found, so their order is checked; the pages
// themselves are checked by whoever fetches them.

#include "engine/txn/catalog_contents.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/try.h"
#include "engine/btree/tree_cursor.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {
namespace {

// Calls add(key, value) for each entry; null, or what is wrong with it. Ends with the first that is wrong.
template <class Add>
Result<const char*> ForEachRecord(const Core& core, const format::TreeRoot& tree, mvcc::ReaderSlot* slot,
                                  Add add) {
  btree::TreeCursor cursor(*core.cache, tree.root, std::nullopt, std::nullopt);
  const auto step = [&](bool first) {
    const mvcc::EpochGuard guard(slot);
    return first ? cursor.First(guard) : cursor.Next(guard);
  };
  MANIFOLDDB_ASSIGN(bool more, step(true));
  while (more) {
    if (const char* why = add(cursor.key(), cursor.value())) return why;
    MANIFOLDDB_ASSIGN(more, step(false));
  }
  return nullptr;
}

class Reader {
 public:
  Reader(const Core& core, const CatalogBounds& bounds)
      : bounds_(bounds),
        page_size_(core.file->page_size()),
        first_page_(format::FirstPage(page_size_, core.config.write_unit)) {}

  const char* Add(ByteView key, const btree::FoundValue& value) {
    if (!value.extent.null()) return "a record lies in an extent";
    // The checkpoint relies on it.
    if (!key_before_.empty() && Compare(AsBytes(key_before_), key) >= 0) return "keys are out of order";
    key_before_ = AsText(key);
    std::string_view name;
    if (format::DecodeFamilyKey(key, name)) return AddFamily(name, value.inline_bytes);
    if (format::DecodeSavepointKey(key, name)) return AddSavepoint(name, value.inline_bytes);
    CatalogContents::Dropped dropped;
    if (!format::DecodeDroppedKey(key, dropped.number)) return "a key of no known kind";
    if (!format::DecodeDroppedRecord(value.inline_bytes, dropped.root)) {
      return "the record of a dropped tree is malformed";
    }
    dropped.possible = Possible(dropped.root, bounds_.page_count);
    contents_.dropped.push_back(dropped);
    return nullptr;
  }

  // Null, or why not all of it can be.
  const char* Finish() {
    std::vector<format::FamilyId> ids;
    for (const CatalogContents::Family& family : contents_.families) ids.push_back(family.record.family);
    std::ranges::sort(ids);
    return std::ranges::adjacent_find(ids) == ids.end() ? nullptr : "two column families have the same id";
  }
  CatalogContents Take() { return std::move(contents_); }

 private:
  const char* AddFamily(std::string_view name, ByteView value) {
    format::FamilyRecord record;
    if (!format::DecodeFamilyRecord(value, record)) return "the record of a column family is malformed";
    if (record.family >= bounds_.next_family) return "a column family has an id that was not given yet";
    if (!record.tables.root.null() && !Possible(record.tables.root, bounds_.page_count)) {
      return "a list of tables lies outside the file, or was born in no life so far";
    }
    contents_.families.push_back({std::string(name), record});
    return nullptr;
  }

  const char* AddSavepoint(std::string_view name, ByteView value) {
    format::SavepointRecord record;
    if (!format::DecodeSavepointRecord(value, record)) return "the record of a savepoint is malformed";
    if (contents_.savepoints.size() == format::kSavepointsMax) return "there are too many savepoints";
    if (record.txn > bounds_.txn) return "a savepoint is of a commit that was not made yet";
    const format::TreeRoot& catalog = record.catalog;
    const uint64_t map_pages = format::ExtentPages(record.free_map.bytes, page_size_);
    const bool map_inside = record.free_map.first >= first_page_ && map_pages <= record.page_count &&
                            record.free_map.first.raw() <= record.page_count - map_pages;
    if ((!catalog.root.null() && !Possible(catalog.root, record.page_count)) || !map_inside) {
      return "a savepoint lies outside the file, or was born in no life so far";
    }
    contents_.savepoints.push_back({std::string(name), record});
    return nullptr;
  }

  bool Possible(format::PageRef ref, uint64_t page_count) const {
    return ref.id >= first_page_ && ref.id.raw() < page_count && format::LifeOf(ref.birth) < bounds_.life_end;
  }

  const CatalogBounds& bounds_;
  const uint32_t page_size_;
  const format::PageId first_page_;
  CatalogContents contents_;
  std::string key_before_;
};

// Null, or why this is no list of tables of a family whose next one is `next_table`: they ascend by name, and
// each has an id of its own.
const char* WhyNotTables(const mvcc::Tables& tables, format::TableId next_table, format::Life life_end) {
  std::vector<format::TableId> ids;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (i > 0 && *tables[i - 1].name >= *tables[i].name) return "tables are not in the order of their names";
    if (tables[i].id >= next_table) return "a table has an id that was not given yet";
    if (format::LifeOf(tables[i].tree.root.birth) >= life_end)
      return "a table's tree was born in no life so far";
    ids.push_back(tables[i].id);
  }
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) == ids.end() ? nullptr : "two tables have the same id";
}

}  // namespace

Result<CatalogContents> ReadCatalog(const Core& core, const format::TreeRoot& tree,
                                    const CatalogBounds& bounds, mvcc::ReaderSlot* slot,
                                    const char* operation, const std::string& of) {
  Reader reader(core, bounds);
  MANIFOLDDB_ASSIGN(const char* why, ForEachRecord(core, tree, slot, [&](ByteView key, const auto& value) {
                      return reader.Add(key, value);
                    }));
  if (why == nullptr) why = reader.Finish();
  if (why != nullptr) return core.file->Corrupt(operation, tree.root.id, of + ": " + why);
  return reader.Take();
}

Result<std::shared_ptr<const mvcc::Tables>> ReadTables(const Core& core, const format::TreeRoot& tree,
                                                       format::TableId next_table, format::Life life_end,
                                                       mvcc::ReaderSlot* slot,
                                                       const std::function<std::string()>& of) {
  const auto corrupt = [&](const std::string& why) {
    return core.file->Corrupt("catalog.load_tables", tree.root.id,
                              "list of tables of column family " + of() + ": " + why);
  };
  auto tables = std::make_shared<mvcc::Tables>();
  std::string malformed;
  const auto add = [&](ByteView key, const btree::FoundValue& value) -> const char* {
    format::TableRecord record;
    if (!format::IsTableKey(key) || !value.extent.null() ||
        !format::DecodeTableRecord(value.inline_bytes, record) ||
        !format::TypeNamesFit(core.file->page_size(), record.key_type.size(), record.value_type.size())) {
      malformed = "the record of " + Quoted(AsText(key)) + " is malformed";
      return malformed.c_str();
    }
    tables->push_back({std::make_shared<const std::string>(AsText(key)), record.table, record.tree,
                       MakeTypeNames(record.key_type, record.value_type)});
    return nullptr;
  };
  MANIFOLDDB_ASSIGN(const char* why, ForEachRecord(core, tree, slot, add));
  if (why == nullptr) why = WhyNotTables(*tables, next_table, life_end);
  if (why != nullptr) return corrupt(why);
  return std::shared_ptr<const mvcc::Tables>(std::move(tables));
}

}  // namespace manifolddb::txn
