#pragma once
// What the newest checkpoint's trees still hold, into the new database.

#include "engine/format/meta_page.h"
#include "engine/page/data_file.h"
#include "engine/salvage/contents.h"
#include "engine/salvage/output.h"

namespace manifolddb::salvage {

// Whether nothing is lost of what `meta` leads to.
Result<bool> AreTreesWhole(page::DataFile& data, const format::MetaPage& meta);

// Families, tables and entries that `meta` leads to; what is lost goes to `contents`, what else is wrong to
// `report.notes`. Errors of the output, kNoMemory.
Status CopyTrees(page::DataFile& data, const format::MetaPage& meta, Output& output,
                 const SalvageOptions& options, Contents& contents, SalvageReport& report);

}  // namespace manifolddb::salvage
