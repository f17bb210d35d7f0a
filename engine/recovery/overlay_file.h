#pragma once
// A file that is never written: changes lie in memory, over it. For opening read-only: recovery runs as
// always, and no byte of the database changes.

#include <memory>

#include "manifolddb/storage.h"

namespace manifolddb::recovery {

// `unit`: writes are whole multiples of it, at multiples of it.
std::unique_ptr<File> MakeOverlayFile(std::unique_ptr<File> base, uint32_t unit);

}  // namespace manifolddb::recovery
