// manifolddb through its public headers: a column family with one table for each family of the workload.

#include "bench/engines/manifolddb.h"

#include <string>
#include <utility>

#include "manifolddb/database.h"

namespace manifolddb::bench {
namespace {

constexpr std::string_view kTable = "t";

template <class T>
T Must(Result<T> result, const char* doing) {
  if (!result) [[unlikely]]
    Fail(std::string("manifolddb, ") + doing, result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

ByteView Bytes(const Key& key) { return AsBytes(key.text()); }

class ManifoldSession final : public Session {
 public:
  ManifoldSession(Database& database, std::span<const ColumnFamily> families, const OpenOptions& options)
      : database_(database), families_(families), options_(options), read_tables_(families.size()) {}

  void BeginRead(Reads) override { read_.emplace(Must(database_.BeginRead(), "begin a read transaction")); }

  std::optional<std::string_view> Get(int family, uint64_t key) override {
    std::optional<Value> value = Must(ReadTableOf(family).Get(Bytes(Key(key))), "get");
    if (!value) return std::nullopt;
    value_ = std::move(value);  // keeps the bytes
    return value_->text();
  }

  void Run(int family, Scan& scan) override {
    Cursor cursor = Must(ReadTableOf(family).NewCursor(), "new cursor");
    const Key from(scan.from);
    bool more = scan.backwards ? Must(cursor.SeekForPrev(Bytes(from)), "seek")
                               : Must(cursor.Seek(Bytes(from)), "seek");
    while (more) {
      const uint64_t key = NumberOf(cursor.key());
      const bool wanted = scan.keys_only ? scan.KeyOnly(key)
                                         : scan.Entry(key, AsText(Must(cursor.value(), "value of an entry")));
      if (!wanted) break;
      more = scan.backwards ? Must(cursor.Prev(), "previous entry") : Must(cursor.Next(), "next entry");
    }
  }

  void EndRead() override {
    for (auto& table : read_tables_) table.reset();
    read_.reset();
    value_.reset();
  }

  void BeginWrite(int family) override {
    const ColumnFamily id = families_[static_cast<size_t>(family)];
    write_.emplace(Must(database_.BeginWrite(id), "begin a write transaction"));
    write_table_.emplace(Must(write_->OpenTable(id, kTable), "open the table for writing"));
  }
  void Put(uint64_t key, std::string_view value) override {
    Must(write_table_->Put(Bytes(Key(key)), AsBytes(value)), "put");
  }
  void Delete(uint64_t key) override { Must(write_table_->Delete(Bytes(Key(key))), "delete"); }
  bool Commit() override {
    const Durability durability = options_.durable ? Durability::kImmediate : Durability::kNone;
    Must(write_->Commit({.durability = durability, .through_checkpoint = options_.through_checkpoint}),
         "commit");
    write_table_.reset();
    write_.reset();
    return true;
  }

 private:
  static uint64_t NumberOf(ByteView key) {
    Require(key.size() == Key::size(), "manifolddb, scan", "a key has another length");
    return Key::NumberOf(AsText(key).data());
  }

  const ReadTable& ReadTableOf(int family) {
    auto& table = read_tables_[static_cast<size_t>(family)];
    if (!table)
      table.emplace(Must(read_->OpenTable(families_[static_cast<size_t>(family)], kTable), "open the table"));
    return *table;
  }

  Database& database_;
  const std::span<const ColumnFamily> families_;
  const OpenOptions& options_;
  std::optional<ReadTransaction> read_;
  std::vector<std::optional<ReadTable>> read_tables_;
  std::optional<Value> value_;
  std::optional<WriteTransaction> write_;
  std::optional<WriteTable> write_table_;
};

class ManifoldEngine final : public Engine {
 public:
  explicit ManifoldEngine(const OpenOptions& options) : options_(options) {
    Options own;
    own.cache_bytes = options.cache_bytes;
    own.page_size = options.page_bytes;
    database_ = Must(Database::Open(options.directory + "/db", own), "open");
    for (int i = 0; i < options.families; ++i) {
      const std::string name = "family " + std::to_string(i);
      families_.push_back(Must(database_->OpenOrCreateColumnFamily(name), "open a column family"));
      if (HasTable(families_.back())) continue;
      WriteTransaction write = Must(database_->BeginWrite(families_.back()), "begin a write transaction");
      Must(write.CreateTable(families_.back(), kTable), "create the table");
      Must(write.Commit(), "commit");
    }
  }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<ManifoldSession>(*database_, families_, options_);
  }
  void Settle() override { Checkpoint(); }
  void Checkpoint() override { Must(database_->Checkpoint(), "checkpoint"); }
  void AddTo(Counters& counters) const override {
    const DatabaseStats stats = database_->Stats();
    const auto groups = static_cast<double>(stats.log_groups);
    if (groups > 0) counters["commits_per_group"] = static_cast<double>(stats.commits) / groups;
    counters["checkpoints"] = static_cast<double>(stats.checkpoints);
    counters["cache_bytes"] = static_cast<double>(stats.cache_bytes);
  }
  std::optional<uint64_t> CacheHits() const override { return database_->Stats().cache_hits; }
  void Close() override { Must(database_->Close(), "close"); }

 private:
  bool HasTable(ColumnFamily family) {
    ReadTransaction read = Must(database_->BeginRead(), "begin a read transaction");
    return !Must(read.ListTables(family), "list tables").empty();
  }

  const OpenOptions options_;
  std::unique_ptr<Database> database_;
  std::vector<ColumnFamily> families_;
};

}  // namespace

std::unique_ptr<Engine> OpenManifolddb(const OpenOptions& options) {
  return std::make_unique<ManifoldEngine>(options);
}

}  // namespace manifolddb::bench
