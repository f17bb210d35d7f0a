#pragma once
// What the trees of a checkpoint's catalog say: of the durable one, or of a savepoint. Nothing is believed
// that cannot be: each record is checked against the bounds of whoever knows the file.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/format/catalog_record.h"
#include "engine/mvcc/family_versions.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/txn/core.h"

namespace manifolddb::txn {

struct CatalogContents {
  struct Family {
    std::string name;
    format::FamilyRecord record;
  };
  // A subtree still to be freed. One that is not possible was met in a damaged tree, which may refer to
  // anything.
  struct Dropped {
    uint64_t number = 0;
    format::PageRef root;
    bool possible = false;
  };
  struct Savepoint {
    std::string name;
    format::SavepointRecord record;
  };
  std::vector<Family> families;  // each ascending by key
  std::vector<Dropped> dropped;
  std::vector<Savepoint> savepoints;
};

// What a catalog's references and numbers lie below.
struct CatalogBounds {
  uint64_t page_count = 0;
  format::FamilyId next_family = {};
  format::Life life_end = {};  // nothing was born in it, or later
  format::TxnId txn = {};      // no savepoint is of a later commit
};

// `operation`, `of`: of errors, in messages. kCorrupt, kIo, kNoMemory.
Result<CatalogContents> ReadCatalog(const Core& core, const format::TreeRoot& tree,
                                    const CatalogBounds& bounds, mvcc::ReaderSlot* slot,
                                    const char* operation, const std::string& of);

// A family's list of tables. `next_table`: ids are below it. `of`: names the family, in messages.
Result<std::shared_ptr<const mvcc::Tables>> ReadTables(const Core& core, const format::TreeRoot& tree,
                                                       format::TableId next_table, format::Life life_end,
                                                       mvcc::ReaderSlot* slot,
                                                       const std::function<std::string()>& of);

}  // namespace manifolddb::txn
