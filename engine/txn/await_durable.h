#pragma once
// Durability of commits that have returned without it.

#include "engine/format/ids.h"
#include "engine/txn/core.h"

namespace manifolddb::txn {

// Returns when commit `txn` and all before it are durable. What is not yet becomes so by an empty durable
// commit behind it, one for all that wait at the same time. kReadOnly, kClosed; kInvalidArgument: no such
// commit; kUnknownOutcome: it can not become durable any more, and may be lost; errors before ordering.
Status AwaitDurable(Core& core, format::TxnId txn) noexcept;

}  // namespace manifolddb::txn
