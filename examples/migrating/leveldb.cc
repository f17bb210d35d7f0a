// With LevelDB. RocksDB has the same calls, in its own namespace.

#ifdef MIGRATING_ROCKSDB
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
namespace engine = rocksdb;
#else
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
namespace engine = leveldb;
#endif

#include <iostream>
#include <memory>
#include <string>

namespace {

engine::Status Run(const std::string& folder) {
  engine::Options options;
  options.create_if_missing = true;
  engine::DB* opened = nullptr;
  engine::Status status = engine::DB::Open(options, folder + "/prices", &opened);
  if (!status.ok()) return status;
  const std::unique_ptr<engine::DB> db(opened);

  // Two entries, both or none, durable.
  engine::WriteBatch batch;
  batch.Put("lamp", "19.90");
  batch.Put("chair", "49");
  engine::WriteOptions durable;
  durable.sync = true;
  status = db->Write(durable, &batch);
  if (!status.ok()) return status;

  // One of them, and all from "a" to before "m", of one snapshot.
  engine::ReadOptions read;
  read.snapshot = db->GetSnapshot();
  std::string lamp;
  status = db->Get(read, "lamp", &lamp);
  if (status.ok()) {
    std::cout << "the lamp costs " << lamp << "\n";
    const std::unique_ptr<engine::Iterator> entries(db->NewIterator(read));
    for (entries->Seek("a"); entries->Valid() && entries->key().compare("m") < 0; entries->Next())
      std::cout << entries->key().ToString() << " " << entries->value().ToString() << "\n";
    status = entries->status();
  }
  db->ReleaseSnapshot(read.snapshot);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const engine::Status status = Run(argv[1]);
  if (!status.ok()) std::cerr << "migrating: " << status.ToString() << "\n";
  return status.ok() ? 0 : 1;
}
