#pragma once
// What a checkpoint says, into memory: the free map and the catalog.

#include "engine/checkpoint/catalog_edit.h"
#include "engine/format/meta_page.h"
#include "engine/page/data_file.h"
#include "engine/txn/core.h"

namespace manifolddb::recovery {

// Pages that the checkpoint calls free, one bit per page of the file. kCorrupt, kIo, kNoMemory.
Result<format::PageBitmap> LoadFreeMap(page::DataFile& file, const format::MetaPage& meta);

// Registers the families of the catalog in core.families and returns the catalog's state. Table trees are
// read when a family is first used.
Result<checkpoint::CatalogState> LoadCatalog(txn::Core& core, const format::MetaPage& meta,
                                             mvcc::ReaderSlot* slot);

}  // namespace manifolddb::recovery
