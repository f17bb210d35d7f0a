// Which engines this build has. The definitions of the preprocessor come from CMake, which looked for them.

#include <string>

#include "bench/engines/engine.h"
#include "bench/engines/manifolddb.h"

#if MANIFOLDDB_BENCH_ROCKSDB
#include <rocksdb/version.h>

#include "bench/engines/rocksdb.h"
#endif
#if MANIFOLDDB_BENCH_LEVELDB
#include <leveldb/db.h>

#include "bench/engines/leveldb.h"
#endif
#if MANIFOLDDB_BENCH_LMDB
#include <lmdb.h>

#include "bench/engines/lmdb.h"
#endif
#if MANIFOLDDB_BENCH_SQLITE
#include <sqlite3.h>

#include "bench/engines/sqlite.h"
#endif
#if MANIFOLDDB_BENCH_WIREDTIGER
#include <wiredtiger.h>

#include "bench/engines/wiredtiger.h"
#endif

namespace manifolddb::bench {
namespace {

[[maybe_unused]] std::string Version(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

bool EndsInWal(const std::string& name) { return name.ends_with("-wal"); }
[[maybe_unused]] bool EndsInLog(const std::string& name) {  // LOG is a text
  return name.ends_with(".log");
}
[[maybe_unused]] bool IsLogOfWiredtiger(const std::string& name) {  // WiredTigerPreplog: not used yet
  return name.starts_with("WiredTigerLog.");
}

}  // namespace

const std::vector<EngineKind>& EngineKinds() {
  static const std::vector<EngineKind> kinds = {
    {"manifolddb", MANIFOLDDB_BENCH_VERSION, &OpenManifolddb, &EndsInWal},
#if MANIFOLDDB_BENCH_ROCKSDB
    {"rocksdb", Version(ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH), &OpenRocksdb, &EndsInLog},
#endif
#if MANIFOLDDB_BENCH_LMDB
    {"lmdb", Version(MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH), &OpenLmdb, nullptr},
#endif
#if MANIFOLDDB_BENCH_LEVELDB
    {"leveldb", Version(leveldb::kMajorVersion, leveldb::kMinorVersion, 0), &OpenLeveldb, &EndsInLog},
#endif
#if MANIFOLDDB_BENCH_SQLITE
    {"sqlite", SQLITE_VERSION, &OpenSqlite, &EndsInWal},
#endif
#if MANIFOLDDB_BENCH_WIREDTIGER
    {"wiredtiger", Version(WIREDTIGER_VERSION_MAJOR, WIREDTIGER_VERSION_MINOR, WIREDTIGER_VERSION_PATCH),
     &OpenWiredtiger, &IsLogOfWiredtiger},
#endif
  };
  return kinds;
}

}  // namespace manifolddb::bench
