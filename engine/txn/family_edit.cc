// Edits of one family's tables. Invariant: a table of the base is either untouched, or has one state in
// opened_ that stands for it (renamed, dropped or with a new tree); a name belongs to at most one table that
// is not dropped.

#include "engine/txn/family_edit.h"

#include <algorithm>

#include "engine/base/assert.h"

namespace manifolddb::txn {

using format::TableId;
using mvcc::TableVersion;

FamilyEdit::FamilyEdit(Family* family, const mvcc::FamilyVersion* base)
    : family_(family),
      base_(base != nullptr ? base->tables : std::make_shared<const mvcc::Tables>()),
      base_next_table_(base != nullptr ? base->next_table : TableId{1}),
      next_table_(base_next_table_),
      changed_(base == nullptr) {}

bool FamilyEdit::Opened(TableId id) const {
  return std::any_of(opened_.begin(), opened_.end(), [&](const auto& table) { return table.id == id; });
}

WriteTableState* FamilyEdit::Open(const TableVersion& table) {
  MANIFOLDDB_ASSERT(!Opened(table.id));
  return &opened_.emplace_back(WriteTableState{this, table.id, *table.name, table.tree, false, table.types});
}

WriteTableState* FamilyEdit::Find(std::string_view name) {
  for (WriteTableState& table : opened_) {
    if (!table.dropped && table.name == name) return &table;
  }
  const TableVersion* const table = mvcc::FindTable(*base_, name);
  // Opened already, but not under this name: renamed or dropped meanwhile.
  if (table == nullptr || Opened(table->id)) return nullptr;
  return Open(*table);
}

WriteTableState* FamilyEdit::FindById(TableId id) {
  for (WriteTableState& table : opened_) {
    if (table.id == id) return table.dropped ? nullptr : &table;
  }
  for (const TableVersion& table : *base_) {
    if (table.id == id) return Open(table);
  }
  return nullptr;
}

WriteTableState* FamilyEdit::CreateAs(TableId id, std::string_view name,
                                      std::shared_ptr<const mvcc::TypeNames> types) {
  MANIFOLDDB_ASSERT(Find(name) == nullptr && FindById(id) == nullptr);
  next_table_ = std::max(next_table_, id.next());
  changed_ = true;
  return &opened_.emplace_back(WriteTableState{this, id, std::string(name), {}, false, std::move(types)});
}

format::PageRef FamilyEdit::Drop(WriteTableState* table) {
  MANIFOLDDB_ASSERT(!table->dropped);
  table->dropped = true;
  changed_ = true;
  return table->tree.root;
}

void FamilyEdit::Rename(WriteTableState* table, std::string_view name) {
  MANIFOLDDB_ASSERT(!table->dropped && Find(name) == nullptr);
  table->name = name;
  changed_ = true;
}

FamilyEdit::Mark FamilyEdit::Save() const {
  Mark mark{.changed = changed_, .next_table = next_table_, .tables = {}};
  for (const WriteTableState& table : opened_) mark.tables.push_back({table.tree, table.name, table.dropped});
  return mark;
}

void FamilyEdit::Restore(const Mark& mark) {
  MANIFOLDDB_ASSERT(mark.tables.size() <= opened_.size());
  changed_ = mark.changed;
  next_table_ = mark.next_table;
  auto known = mark.tables.begin();
  for (WriteTableState& table : opened_) {
    if (known != mark.tables.end()) {
      table.tree = known->tree;
      table.name = known->name;
      table.dropped = known->dropped;
      ++known;
      continue;
    }
    const auto base = std::find_if(base_->begin(), base_->end(),
                                   [&](const TableVersion& version) { return version.id == table.id; });
    table.dropped = base == base_->end();
    table.tree = table.dropped ? format::TreeRoot{} : base->tree;
    if (!table.dropped) table.name = *base->name;
  }
}

void FamilyEdit::Reset() { Restore({.changed = false, .next_table = base_next_table_, .tables = {}}); }

std::vector<std::string> FamilyEdit::ListNames() const {
  std::vector<std::string> names;
  const auto tables = Build();  // named: a temporary would be gone before the first step of the loop
  for (const TableVersion& table : *tables) names.push_back(*table.name);
  return names;
}

std::vector<format::PageRef> FamilyEdit::Roots() const {
  std::vector<format::PageRef> roots;
  const auto tables = Build();
  for (const TableVersion& table : *tables) {
    if (!table.tree.root.null()) roots.push_back(table.tree.root);
  }
  return roots;
}

std::shared_ptr<const mvcc::Tables> FamilyEdit::Build() const {
  auto tables = std::make_shared<mvcc::Tables>();
  tables->reserve(base_->size() + opened_.size());
  for (const TableVersion& table : *base_) {
    if (!Opened(table.id)) tables->push_back(table);
  }
  for (const WriteTableState& table : opened_) {
    if (table.dropped) continue;
    // The name's string is shared with the base where it has not changed: most commits change roots only.
    const TableVersion* const before = mvcc::FindTable(*base_, table.name);
    auto name = before != nullptr ? before->name : std::make_shared<const std::string>(table.name);
    tables->push_back({std::move(name), table.id, table.tree, table.types});
  }
  std::sort(tables->begin(), tables->end(),
            [](const TableVersion& a, const TableVersion& b) { return *a.name < *b.name; });
  return tables;
}

}  // namespace manifolddb::txn
