#pragma once
// Brings the durable catalog up to a captured version: families, their table trees, and the subtrees nobody
// owns.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/catalog_record.h"
#include "engine/mvcc/family_versions.h"
#include "engine/page/page_writer.h"
#include "engine/txn/core.h"
#include "engine/txn/restore.h"

namespace manifolddb::checkpoint {

// A subtree that the catalog lists as still to be freed.
struct DroppedSubtree {
  uint64_t number = 0;  // its key
  format::PageRef root;
  // Met by this opening: damaged, not to be read, or no place where a page could be. It stays in the catalog,
  // owned and reported by Verify; nothing is freed through it. The next opening tries again.
  bool unreadable = false;
};

// The catalog as one checkpoint states it.
struct CatalogState {
  format::TxnId at;  // the commit whose families it holds, by the names that they had then
  format::TreeRoot tree;
  std::vector<DroppedSubtree> dropped;  // ascending by number
  uint64_t next_dropped = 1;
};

// A savepoint's record is put into the catalog, or taken out.
struct SavepointEdit {
  std::string name;
  std::optional<format::SavepointRecord> record;  // none: it is deleted
};

struct CatalogInput {
  format::TxnId at;
  std::vector<txn::Family*> changed;  // families touched since the last durable checkpoint
  // Tables that a commit going through this very checkpoint will install; they stand for the families'
  // versions.
  const std::vector<txn::CheckpointService::ThroughCommit::Change>* through = nullptr;
  std::vector<format::PageRef> dropped;  // subtrees given up since the last durable checkpoint
  const SavepointEdit* savepoint = nullptr;
  uint64_t ceiling = 0;  // not 0: nodes at or behind this page are to go before it (docs/design/018)
};

struct CatalogEdit {
  CatalogState state;
  struct Update {
    txn::Family* family;
    txn::DurableFamily after;
  };
  std::vector<Update> updates;      // to be applied once the checkpoint is durable
  std::vector<txn::Family*> newer;  // have changes beyond `at`: the next checkpoint's
};

// Changes the trees through `pages`. Frees dropped subtrees, a bounded number of pages per checkpoint.
Result<CatalogEdit> EditCatalog(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot,
                                const CatalogState& before, const CatalogInput& input);

// The catalog of `restoring`'s savepoint as the durable one from commit `at` on: with the savepoints that
// there are now, and with the ids that its families have from there on. REQUIRES: nothing was ordered that is
// not published.
Result<CatalogEdit> RestoreCatalog(txn::Core& core, page::PageWriter& pages, mvcc::ReaderSlot* slot,
                                   const txn::Restoring& restoring, format::TxnId at);

}  // namespace manifolddb::checkpoint
