#pragma once
// What a checkpoint says, into memory: the free map and the catalog.

#include "engine/checkpoint/catalog_edit.h"
#include "engine/format/meta_page.h"
#include "engine/page/data_file.h"
#include "engine/txn/core.h"

namespace manifolddb::recovery {

// Pages that the checkpoint calls free, one bit per page of the file. kCorrupt, kIo, kNoMemory.
Result<format::PageBitmap> LoadFreeMap(page::DataFile& file, const format::MetaPage& meta);

// The pages that the checkpoint of a savepoint owns, by its free map. kCorrupt, also if they lie behind the
// end of the file, as `meta` states it; kIo, kNoMemory.
Result<format::PageBitmap> LoadPagesOf(page::DataFile& file, const format::MetaPage& meta,
                                       const format::SavepointRecord& savepoint);

// Registers the families of the catalog in core.families, its savepoints in core.versions, and returns the
// catalog's state. Table trees are read when a family is first used. Before anybody takes a page.
Result<checkpoint::CatalogState> LoadCatalog(txn::Core& core, const format::MetaPage& meta,
                                             mvcc::ReaderSlot* slot);

}  // namespace manifolddb::recovery
