// Walks the catalog, then each family's list of tables, then each table. Who only asks whether they are whole
// has them walked likewise.
//
// (1) A page is looked at once, whoever refers to it: no forged file makes the walk longer than itself.
// (2) What is not reached hides a range of keys of the tree above it: it is recorded before the walk goes on.

#include "engine/salvage/tree_copy.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/try.h"
#include "engine/btree/tree_check.h"
#include "engine/format/catalog_record.h"
#include "engine/format/page_bitmap.h"
#include "engine/page/page_cache.h"

namespace manifolddb::salvage {

using btree::TreeDamage;
using format::ExtentRef;
using format::TreeRoot;

namespace {

constexpr uint64_t kCacheBytes = uint64_t{4} << 20;

// A table as its family's list names it; the types' names are copies.
struct ListedTable {
  std::string name;
  format::TableId id;
  TreeRoot tree;
  std::string key_type;
  std::string value_type;
};
struct ListedFamily {
  std::string name;
  format::FamilyRecord record;
};

// Puts the entries of one table into the new database, and tells where they come from, leaf by leaf.
class TableFiller {
 public:
  TableFiller(Output* output, const SalvageOptions& options, const page::DataFile& file,
              const std::string& family, const std::string& table)
      : output_(output), options_(options), file_(file) {
    source_.family = family;
    source_.table = table;
    source_.file = file.name();
  }

  void Leaf(format::PageId id) {
    TellLeaf();
    source_.offset = file_.OffsetOf(id);
  }
  void Entry(ByteView key, ByteView value, const ExtentRef& extent) {
    if (!status_ || output_ == nullptr) return;
    status_ = output_->Put(key, value);
    if (!status_ || !options_.source) return;
    last_ = AsText(key);
    if (extent.null()) {
      if (entries_++ == 0) first_ = last_;
      return;
    }
    SalvageSource one = source_;
    one.first = one.last = key;
    one.entries = 1;
    one.extent_offset = file_.OffsetOf(extent.first);
    one.extent_bytes = extent.bytes;
    TellLeaf();
    options_.source(one);
  }
  bool ok() const { return status_.has_value(); }
  Status End() {
    TellLeaf();
    return status_;
  }

 private:
  // The entries since the last call.
  void TellLeaf() {
    if (entries_ == 0) return;
    source_.first = AsBytes(first_);
    source_.last = AsBytes(last_);
    source_.entries = std::exchange(entries_, 0);
    options_.source(source_);
  }

  Output* const output_;
  const SalvageOptions& options_;
  const page::DataFile& file_;
  SalvageSource source_;
  uint64_t entries_ = 0;  // of the leaf, not told yet
  std::string first_;
  std::string last_;
  Status status_;
};

class TreeCopy {
 public:
  // `output`: null if nothing is copied.
  TreeCopy(page::DataFile& file, uint64_t pages, Output* output, const SalvageOptions& options,
           Contents& contents, SalvageReport& report)
      : file_(file),
        output_(output),
        options_(options),
        contents_(contents),
        report_(report),
        cache_(file, slots_, kCacheBytes),
        slot_(slots_.Acquire()),
        seen_(pages) {}
  ~TreeCopy() { slots_.Release(slot_); }
  TreeCopy(const TreeCopy&) = delete;
  TreeCopy& operator=(const TreeCopy&) = delete;

  Status Catalog(const TreeRoot& catalog) {
    std::vector<ListedFamily> families;
    btree::CheckVisitor visitor = Visitor([&](const TreeDamage& damage) {
      auto names = format::FamilyNamesIn(damage.lower, damage.upper);
      if (names) contents_.lost.Add(names->lower, names->upper, CauseOf(damage));
    });
    visitor.entry = [&](ByteView key, ByteView value, const ExtentRef& extent) {
      std::string_view name;
      if (!format::DecodeFamilyKey(key, name)) return;  // a dropped tree, or a savepoint: not of this state
      ListedFamily listed{std::string(name), {}};
      const bool known = extent.null() && format::DecodeFamilyRecord(value, listed.record) &&
                         !contents_.families.contains(listed.record.family);
      if (!known) {
        return contents_.lost.AddKey(listed.name,
                                     Malformed(catalog, "the record of a column family is malformed"));
      }
      contents_.families[listed.record.family].name = listed.name;
      families.push_back(std::move(listed));
    };
    MANIFOLDDB_TRY(btree::CheckTree(cache_, catalog, slot_, visitor));
    for (const ListedFamily& family : families) MANIFOLDDB_TRY(Family(family));
    return {};
  }

 private:
  Status Family(const ListedFamily& listed) {
    KnownFamily& family = contents_.families[listed.record.family];
    if (output_ != nullptr) {
      MANIFOLDDB_ASSIGN(family.output, output_->database().CreateColumnFamily(listed.name));
    }
    const TreeRoot& list = listed.record.tables;
    std::vector<ListedTable> tables;
    btree::CheckVisitor visitor = Visitor(
        [&](const TreeDamage& damage) { family.lost.Add(damage.lower, damage.upper, CauseOf(damage)); });
    visitor.entry = [&](ByteView key, ByteView value, const ExtentRef& extent) {
      format::TableRecord record;
      const bool known =
          extent.null() && format::IsTableKey(key) && format::DecodeTableRecord(value, record) &&
          !family.tables.contains(record.table) &&
          format::TypeNamesFit(file_.page_size(), record.key_type.size(), record.value_type.size());
      if (!known) {
        return family.lost.AddKey(std::string(AsText(key)),
                                  Malformed(list, "the record of a table is malformed"));
      }
      tables.push_back({std::string(AsText(key)), record.table, record.tree, std::string(record.key_type),
                        std::string(record.value_type)});
      family.tables[record.table].name = tables.back().name;
    };
    MANIFOLDDB_TRY(btree::CheckTree(cache_, list, slot_, visitor));
    for (const ListedTable& table : tables) MANIFOLDDB_TRY(Table(family, table));
    return {};
  }

  Status Table(KnownFamily& family, const ListedTable& listed) {
    LostRanges& lost = family.tables[listed.id].lost;
    if (output_ != nullptr) {
      MANIFOLDDB_TRY(output_->BeginTable(family.output, listed.name,
                                         {.key = listed.key_type, .value = listed.value_type}));
    }
    TableFiller filler(output_, options_, file_, family.name, listed.name);
    btree::CheckVisitor visitor =
        Visitor([&](const TreeDamage& damage) { lost.Add(damage.lower, damage.upper, CauseOf(damage)); });
    // Behind an error of the output nobody asks any more what is lost.
    visitor.owns = [&filler, owns = visitor.owns](format::PageRun run) { return filler.ok() && owns(run); };
    visitor.leaf = [&](format::PageId id) { filler.Leaf(id); };
    visitor.entry = [&](ByteView key, ByteView value, const ExtentRef& extent) {
      filler.Entry(key, value, extent);
    };
    MANIFOLDDB_TRY(btree::CheckTree(cache_, listed.tree, slot_, visitor));
    MANIFOLDDB_TRY(filler.End());
    return output_ != nullptr ? output_->EndTable() : Status();
  }

  btree::CheckVisitor Visitor(std::function<void(const TreeDamage&)> hides) {
    btree::CheckVisitor visitor;
    visitor.owns = [this](format::PageRun run) {
      if (!seen_.Holds(run) || !seen_.TestNone(run)) return false;
      seen_.Set(run);
      return true;
    };
    visitor.problem = [this, hides = std::move(hides)](const TreeDamage& damage) {
      if (damage.hides_keys) return hides(damage);
      report_.notes.push_back({file_.name(), damage.offset, damage.what, {}});
    };
    return visitor;
  }

  Cause CauseOf(const TreeDamage& damage) const { return {file_.name(), damage.offset, damage.what}; }
  Cause Malformed(const TreeRoot& tree, const char* why) const {
    return {file_.name(), file_.OffsetOf(tree.root.id), why};
  }

  page::DataFile& file_;
  Output* const output_;
  const SalvageOptions& options_;
  Contents& contents_;
  SalvageReport& report_;
  mvcc::ReaderSlots slots_;
  page::PageCache cache_;
  mvcc::ReaderSlot* const slot_;
  format::PageBitmap seen_;
};

// Pages that a walk may come to: the file may be shorter than the meta page states, and a forged one may
// state anything.
Result<uint64_t> PagesOf(page::DataFile& data, const format::MetaPage& meta) {
  MANIFOLDDB_ASSIGN(const uint64_t bytes, data.file().Size());
  return std::min(meta.page_count, bytes / meta.page_size + 1);
}

}  // namespace

Result<bool> AreTreesWhole(page::DataFile& data, const format::MetaPage& meta) {
  MANIFOLDDB_ASSIGN(const uint64_t pages, PagesOf(data, meta));
  const SalvageOptions options;
  Contents contents;
  SalvageReport report;
  TreeCopy copy(data, pages, nullptr, options, contents, report);
  MANIFOLDDB_TRY(copy.Catalog(meta.catalog));
  return contents.Losses().empty();
}

Status CopyTrees(page::DataFile& data, const format::MetaPage& meta, Output& output,
                 const SalvageOptions& options, Contents& contents, SalvageReport& report) {
  MANIFOLDDB_ASSIGN(const uint64_t pages, PagesOf(data, meta));
  return TreeCopy(data, pages, &output, options, contents, report).Catalog(meta.catalog);
}

}  // namespace manifolddb::salvage
