#pragma once
// Taking the whole database back to a savepoint, in one commit.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/txn/core.h"
#include "engine/txn/savepoint_version.h"

namespace manifolddb::txn {

// What a commit through a checkpoint makes of the database instead of editing it: the savepoint's trees as
// they are, under the ids that are left.
struct Restoring {
  struct FamilyChange {
    Family* family = nullptr;  // null: it is gone, and comes back with an id of its own
    const SavepointFamily* source = nullptr;
    format::FamilyRecord record;  // the source's, with the id and the next table that it has from now on
  };
  const SavepointVersion* version = nullptr;
  std::vector<FamilyChange> changed;  // those that are as the savepoint has them are left out
  std::vector<Family*> dropped;       // the savepoint does not have them
  format::FamilyId next_family = {};
};

// The database is as savepoint `name` has it, for every family; the commit's number. Takes the tokens of all
// families. kNoSuchSavepoint, kBusy, kLimit, kCorrupt, kIo, kNoSpace, kNoMemory, kPoisoned, kUnknownOutcome.
Result<format::TxnId> RestoreSavepoint(Core& core, std::string_view name) noexcept;

}  // namespace manifolddb::txn
