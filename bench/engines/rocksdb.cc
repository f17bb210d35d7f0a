// RocksDB: a column family for each family of the workload.

#include "bench/engines/rocksdb.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "bench/engines/settings.h"

namespace manifolddb::bench {
namespace {

void Must(const rocksdb::Status& status, const char* doing) {
  if (!status.ok()) [[unlikely]]
    Fail(std::string("rocksdb, ") + doing, status.ToString());
}

rocksdb::Slice Bytes(const Key& key) { return {key.data(), Key::size()}; }

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;

class RocksSession final : public Session {
 public:
  RocksSession(rocksdb::DB& database, const Handles& families, bool durable)
      : database_(database), families_(families) {
    write_options_.sync = durable;
  }

  void BeginRead(Reads reads) override {
    if (reads == Reads::kMany) read_options_.snapshot = database_.GetSnapshot();
  }
  std::optional<std::string_view> Get(int family, uint64_t key) override {
    value_.Reset();
    const auto status = database_.Get(read_options_, Family(family), Bytes(Key(key)), &value_);
    if (status.IsNotFound()) return std::nullopt;
    Must(status, "get");
    return std::string_view(value_.data(), value_.size());
  }
  void MultiGet(int family, std::span<const uint64_t> keys, const Found& found) override {
    std::vector<Key> bytes(keys.begin(), keys.end());
    std::vector<rocksdb::Slice> slices;
    for (const Key& key : bytes) slices.push_back(Bytes(key));
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    database_.MultiGet(read_options_, Family(family), keys.size(), slices.data(), values.data(),
                       statuses.data());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) {
        found(keys[i], std::nullopt);
        continue;
      }
      Must(statuses[i], "multi-get");
      found(keys[i], std::string_view(values[i].data(), values[i].size()));
    }
  }
  void Run(int family, Scan& scan) override {
    const std::unique_ptr<rocksdb::Iterator> at(database_.NewIterator(read_options_, Family(family)));
    const Key from(scan.from);
    for (scan.backwards ? at->SeekForPrev(Bytes(from)) : at->Seek(Bytes(from)); at->Valid();
         scan.backwards ? at->Prev() : at->Next()) {
      Require(at->key().size() == Key::size(), "rocksdb, scan", "a key has another length");
      const uint64_t key = Key::NumberOf(at->key().data());
      if (!(scan.keys_only ? scan.KeyOnly(key) : scan.Entry(key, {at->value().data(), at->value().size()})))
        break;
    }
    Must(at->status(), "scan");
  }
  void EndRead() override {
    value_.Reset();
    if (read_options_.snapshot != nullptr) database_.ReleaseSnapshot(read_options_.snapshot);
    read_options_.snapshot = nullptr;
  }

  void BeginWrite(int family) override {
    batch_.Clear();
    family_ = Family(family);
  }
  void Put(uint64_t key, std::string_view value) override {
    Must(batch_.Put(family_, Bytes(Key(key)), rocksdb::Slice(value.data(), value.size())), "put");
  }
  void Delete(uint64_t key) override { Must(batch_.Delete(family_, Bytes(Key(key))), "delete"); }
  bool Commit() override {
    Must(database_.Write(write_options_, &batch_), "write a batch");
    return true;
  }

 private:
  rocksdb::ColumnFamilyHandle* Family(int family) const { return families_[static_cast<size_t>(family)]; }

  rocksdb::DB& database_;
  const Handles& families_;
  rocksdb::ReadOptions read_options_;
  rocksdb::WriteOptions write_options_;
  rocksdb::PinnableSlice value_;
  rocksdb::WriteBatch batch_;
  rocksdb::ColumnFamilyHandle* family_ = nullptr;
};

rocksdb::ColumnFamilyOptions FamilyOptions(const OpenOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(settings::rocksdb::kBloomBitsPerKey));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.data_block_hash_table_util_ratio = settings::rocksdb::kHashIndexUtilRatio;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kNoCompression;
  family.write_buffer_size =
      options.tiny ? settings::rocksdb::kWriteBufferBytesTiny : settings::rocksdb::kWriteBufferBytes;
  family.max_write_buffer_number = settings::rocksdb::kWriteBuffers;
  return family;
}

class RocksEngine final : public Engine {
 public:
  explicit RocksEngine(const OpenOptions& options) : durable_(options.durable) {
    rocksdb::DBOptions own;
    own.create_if_missing = true;
    own.create_missing_column_families = true;
    own.max_background_jobs = settings::rocksdb::kBackgroundJobs;
    own.enable_pipelined_write = settings::rocksdb::kPipelinedWrite;
    if (options.count_hits) own.statistics = statistics_ = rocksdb::CreateDBStatistics();
    const rocksdb::ColumnFamilyOptions family = FamilyOptions(options);  // one cache for all
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = {{rocksdb::kDefaultColumnFamilyName, family}};
    for (int i = 0; i < options.families; ++i)
      descriptors.emplace_back("family " + std::to_string(i), family);
    rocksdb::DB* database = nullptr;
    Must(rocksdb::DB::Open(own, options.directory + "/db", descriptors, &all_, &database), "open");
    database_.reset(database);
    families_.assign(all_.begin() + 1, all_.end());
  }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<RocksSession>(*database_, families_, durable_);
  }
  void Settle() override {
    Checkpoint();
    for (auto* family : families_)
      Must(database_->CompactRange(rocksdb::CompactRangeOptions(), family, nullptr, nullptr), "compact");
  }
  void Checkpoint() override { Must(database_->Flush(rocksdb::FlushOptions(), families_), "flush"); }
  std::optional<uint64_t> CacheHits() const override {
    if (statistics_ == nullptr) return std::nullopt;
    return statistics_->getTickerCount(rocksdb::BLOCK_CACHE_HIT);
  }
  void Close() override {
    for (auto* family : all_) Must(database_->DestroyColumnFamilyHandle(family), "close a column family");
    all_.clear();
    families_.clear();
    Must(database_->Close(), "close");
  }

 private:
  const bool durable_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::unique_ptr<rocksdb::DB> database_;
  Handles all_;  // with the default family, which must be opened, too
  Handles families_;
};

}  // namespace

std::unique_ptr<Engine> OpenRocksdb(const OpenOptions& options) {
  return std::make_unique<RocksEngine>(options);
}

}  // namespace manifolddb::bench
