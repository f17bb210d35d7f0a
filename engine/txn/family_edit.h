#pragma once
// One column family as a write transaction (or replay) is changing it: the tables it opened, created, renamed
// and dropped, over the version it started from. No I/O, no pages: trees are edited by the caller through
// `tree`.

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/btree/tree.h"
#include "engine/format/ids.h"
#include "engine/mvcc/family_versions.h"
#include "engine/txn/family.h"

namespace manifolddb::txn {

class FamilyEdit;

// A table that was opened for writing. Its address stays for the edit's lifetime.
struct WriteTableState {
  FamilyEdit* family = nullptr;
  format::TableId id;
  std::string name;
  format::TreeRoot tree;
  bool dropped = false;
  std::shared_ptr<const mvcc::TypeNames> types;
  btree::AppendHint append = {};
};

class FamilyEdit {
 public:
  // REQUIRES: the family's token is held and its tables are loaded, or (base null) it is being created.
  FamilyEdit(Family* family, const mvcc::FamilyVersion* base);
  FamilyEdit(const FamilyEdit&) = delete;
  FamilyEdit& operator=(const FamilyEdit&) = delete;

  Family* family() const { return family_; }
  // The table of that name, or null.
  WriteTableState* Find(std::string_view name);
  WriteTableState* FindById(format::TableId id);
  // REQUIRES: no table of that name (id) exists.
  WriteTableState* Create(std::string_view name, std::shared_ptr<const mvcc::TypeNames> types = nullptr) {
    return CreateAs(next_table_, name, std::move(types));
  }
  WriteTableState* CreateAs(format::TableId id, std::string_view name,
                            std::shared_ptr<const mvcc::TypeNames> types = nullptr);
  // Returns the root that no table refers to any more (null if the tree was empty).
  format::PageRef Drop(WriteTableState* table);
  void Rename(WriteTableState* table, std::string_view name);
  std::vector<std::string> ListNames() const;  // ascending
  // The tables that were opened, dropped ones included.
  std::list<WriteTableState>& opened() { return opened_; }
  // Roots of all tables, for a family that is dropped as a whole.
  std::vector<format::PageRef> Roots() const;

  // All of it as it is now; Restore makes it so again. Tables that were created since are dropped then, and
  // their ids given anew: replay, which sees nothing of them, gives the same ones.
  struct Mark {
    struct Table {
      format::TreeRoot tree;
      std::string name;
      bool dropped;
    };
    bool changed = false;
    format::TableId next_table;
    std::vector<Table> tables;  // of opened(), in its order
  };
  Mark Save() const;
  void Restore(const Mark& mark);
  // As it was when it was taken.
  void Reset();

  void MarkChanged() { changed_ = true; }
  bool changed() const { return changed_; }
  format::TableId next_table() const { return next_table_; }
  // The tables after the edit.
  std::shared_ptr<const mvcc::Tables> Build() const;

 private:
  WriteTableState* Open(const mvcc::TableVersion& table);
  bool Opened(format::TableId id) const;

  Family* const family_;
  const std::shared_ptr<const mvcc::Tables> base_;
  const format::TableId base_next_table_;
  format::TableId next_table_;
  bool changed_ = false;
  std::list<WriteTableState> opened_;  // dropped ones included: they hide the base's
};

}  // namespace manifolddb::txn
