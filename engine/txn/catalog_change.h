#pragma once
// Column families created, dropped and renamed: each a durable commit of its own, serialised by the catalog's
// token.

#include <string_view>

#include "engine/txn/core.h"

namespace manifolddb::txn {

// kAlreadyExists, kInvalidArgument (name), kNoSuchColumnFamily, and what commits report. kBusy if another
// thread changes the set of families while this one holds a family.
Result<Family*> CreateFamily(Core& core, std::string_view name) noexcept;
// Waits for write transactions that hold the family. kBusy if this thread holds it.
Status DropFamily(Core& core, std::string_view name) noexcept;
Status RenameFamily(Core& core, std::string_view from, std::string_view to) noexcept;

// Forgets names that no snapshot sees any more, and the durable catalog, which a checkpoint looks up by them,
// does not hold; whoever begins to read now sees what is published, or newer.
void ForgetOldNames(Core& core);

}  // namespace manifolddb::txn
