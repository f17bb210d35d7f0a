// LevelDB has no column families: a byte before each key says to which one it belongs.

#include "bench/engines/leveldb.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "bench/engines/settings.h"

namespace manifolddb::bench {
namespace {

void Must(const leveldb::Status& status, const char* doing) {
  if (!status.ok()) [[unlikely]]
    Fail(std::string("leveldb, ") + doing, status.ToString());
}

class FamilyKey {
 public:
  FamilyKey(int family, uint64_t key) {
    bytes_[0] = static_cast<char>(family);
    std::memcpy(bytes_.data() + 1, Key(key).data(), Key::size());
  }
  leveldb::Slice slice() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, 1 + Key::size()> bytes_;
};

class LevelSession final : public Session {
 public:
  LevelSession(leveldb::DB& database, bool durable) : database_(database) { write_options_.sync = durable; }

  void BeginRead(Reads reads) override {
    if (reads == Reads::kMany) read_options_.snapshot = database_.GetSnapshot();
  }
  std::optional<std::string_view> Get(int family, uint64_t key) override {
    const auto status = database_.Get(read_options_, FamilyKey(family, key).slice(), &value_);
    if (status.IsNotFound()) return std::nullopt;
    Must(status, "get");
    return value_;
  }
  void Run(int family, Scan& scan) override {
    const std::unique_ptr<leveldb::Iterator> at(database_.NewIterator(read_options_));
    const FamilyKey from(family, scan.from);
    at->Seek(from.slice());
    if (scan.backwards) {  // to the last entry at or before
      if (!at->Valid()) {
        at->SeekToLast();
      } else if (at->key() != from.slice()) {
        at->Prev();
      }
    }
    for (; at->Valid(); scan.backwards ? at->Prev() : at->Next()) {
      const leveldb::Slice bytes = at->key();
      Require(bytes.size() == 1 + Key::size(), "leveldb, scan", "a key has another length");
      if (bytes[0] != static_cast<char>(family)) break;
      const uint64_t key = Key::NumberOf(bytes.data() + 1);
      if (!(scan.keys_only ? scan.KeyOnly(key) : scan.Entry(key, {at->value().data(), at->value().size()})))
        break;
    }
    Must(at->status(), "scan");
  }
  void EndRead() override {
    if (read_options_.snapshot != nullptr) database_.ReleaseSnapshot(read_options_.snapshot);
    read_options_.snapshot = nullptr;
  }

  void BeginWrite(int family) override {
    batch_.Clear();
    family_ = family;
  }
  void Put(uint64_t key, std::string_view value) override {
    batch_.Put(FamilyKey(family_, key).slice(), leveldb::Slice(value.data(), value.size()));
  }
  void Delete(uint64_t key) override { batch_.Delete(FamilyKey(family_, key).slice()); }
  bool Commit() override {
    Must(database_.Write(write_options_, &batch_), "write a batch");
    return true;
  }

 private:
  leveldb::DB& database_;
  leveldb::ReadOptions read_options_;
  leveldb::WriteOptions write_options_;
  leveldb::WriteBatch batch_;
  std::string value_;
  int family_ = 0;
};

class LevelEngine final : public Engine {
 public:
  explicit LevelEngine(const OpenOptions& options)
      : durable_(options.durable),
        cache_(leveldb::NewLRUCache(options.cache_bytes)),
        filter_(leveldb::NewBloomFilterPolicy(settings::leveldb::kBloomBitsPerKey)) {
    Require(options.families < 128, "leveldb", "a family is one byte");
    leveldb::Options own;
    own.create_if_missing = true;
    own.compression = leveldb::kNoCompression;
    own.write_buffer_size = settings::leveldb::kWriteBufferBytes;
    own.block_cache = cache_.get();
    own.filter_policy = filter_.get();
    leveldb::DB* database = nullptr;
    Must(leveldb::DB::Open(own, options.directory + "/db", &database), "open");
    database_.reset(database);
  }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LevelSession>(*database_, durable_);
  }
  // The only way that it offers.
  void Settle() override { database_->CompactRange(nullptr, nullptr); }
  void Checkpoint() override { Settle(); }
  void Close() override { database_.reset(); }

 private:
  const bool durable_;
  const std::unique_ptr<leveldb::Cache> cache_;
  const std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

std::unique_ptr<Engine> OpenLeveldb(const OpenOptions& options) {
  return std::make_unique<LevelEngine>(options);
}

}  // namespace manifolddb::bench
