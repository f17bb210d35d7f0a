#pragma once
// Loading a table: what is done between source and transactions.

#include <functional>
#include <string>
#include <string_view>

#include "manifolddb/bulk_load.h"
#include "manifolddb/transaction.h"

namespace manifolddb::txn {

struct BulkLoadTarget {
  std::function<Result<WriteTransaction>()> begin;
  ColumnFamily family;
  std::string table;
};

Result<BulkLoadProgress> BulkLoad(const BulkLoadTarget& target, const EntrySource& source,
                                  const BulkLoadOptions& options);

}  // namespace manifolddb::txn
