#pragma once
// The smallest database, for tests of how one comes to be and is opened again.

#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::golden {

inline Options Tiny() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 16 * 512;
  options.log_bytes_max = 16 * 512;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  return options;
}

// Opens, or creates, and commits one put; then the process ends. The commit.
inline Result<uint64_t> OpenAndPut(faultfs::Disk& disk) {
  auto db = Database::Open(disk.NewProcess(), "db", Tiny());
  if (!db) return std::unexpected<Error>(db.error());
  const auto family = (*db)->OpenOrCreateColumnFamily("f");
  auto txn = (*db)->BeginWrite(*family);
  auto table = txn->OpenOrCreateTable(*family, "t");
  const Status put = table->Put(AsBytes("k"), AsBytes("v"));
  auto committed = txn->Commit();
  disk.Kill();  // nothing of what follows happened
  if (!put) return std::unexpected<Error>(put.error());
  return committed;
}

}  // namespace manifolddb::crashsim::golden
