// LMDB: a named database for each family of the workload.

#include "bench/engines/lmdb.h"

#include <lmdb.h>

#include <utility>

#include "bench/engines/settings.h"

namespace manifolddb::bench {
namespace {

void Must(int result, const char* doing) {
  if (result != MDB_SUCCESS) [[unlikely]]
    Fail(std::string("lmdb, ") + doing, ::mdb_strerror(result));
}

// LMDB's structure has no const; it does not write through it.
MDB_val Bytes(const char* bytes, size_t count) { return {count, const_cast<char*>(bytes)}; }
MDB_val Bytes(const Key& key) { return Bytes(key.data(), Key::size()); }
std::string_view Text(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* environment, std::span<const MDB_dbi> families)
      : environment_(environment), families_(families) {
    Must(::mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &read_), "begin a read transaction");
    ::mdb_txn_reset(read_);
  }
  ~LmdbSession() override { ::mdb_txn_abort(read_); }
  LmdbSession(const LmdbSession&) = delete;
  LmdbSession& operator=(const LmdbSession&) = delete;

  void BeginRead(Reads) override { Must(::mdb_txn_renew(read_), "renew a read transaction"); }
  std::optional<std::string_view> Get(int family, uint64_t key) override {
    const Key bytes(key);
    MDB_val at = Bytes(bytes);
    MDB_val value;
    const int result = ::mdb_get(read_, Family(family), &at, &value);
    if (result == MDB_NOTFOUND) return std::nullopt;
    Must(result, "get");
    return Text(value);
  }
  void Run(int family, Scan& scan) override {
    MDB_cursor* cursor = nullptr;
    Must(::mdb_cursor_open(read_, Family(family), &cursor), "open a cursor");
    const Key from(scan.from);
    MDB_val key = Bytes(from);
    MDB_val value;
    int result = ::mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (scan.backwards) {  // to the last entry at or before
      if (result == MDB_NOTFOUND) {
        result = ::mdb_cursor_get(cursor, &key, &value, MDB_LAST);
      } else if (result == MDB_SUCCESS && Text(key) != from.text()) {
        result = ::mdb_cursor_get(cursor, &key, &value, MDB_PREV);
      }
    }
    const MDB_cursor_op next = scan.backwards ? MDB_PREV : MDB_NEXT;
    for (; result == MDB_SUCCESS; result = ::mdb_cursor_get(cursor, &key, &value, next)) {
      Require(key.mv_size == Key::size(), "lmdb, scan", "a key has another length");
      const uint64_t number = Key::NumberOf(Text(key).data());
      if (!(scan.keys_only ? scan.KeyOnly(number) : scan.Entry(number, Text(value)))) break;
    }
    if (result != MDB_NOTFOUND) Must(result, "scan");
    ::mdb_cursor_close(cursor);
  }
  void EndRead() override { ::mdb_txn_reset(read_); }

  void BeginWrite(int family) override {
    Must(::mdb_txn_begin(environment_, nullptr, 0, &write_), "begin a write transaction");
    family_ = Family(family);
  }
  void Put(uint64_t key, std::string_view value) override {
    const Key bytes(key);
    MDB_val at = Bytes(bytes);
    MDB_val with = Bytes(value.data(), value.size());
    Must(::mdb_put(write_, family_, &at, &with, 0), "put");
  }
  void Delete(uint64_t key) override {
    const Key bytes(key);
    MDB_val at = Bytes(bytes);
    const int result = ::mdb_del(write_, family_, &at, nullptr);
    if (result != MDB_NOTFOUND) Must(result, "delete");
  }
  bool Commit() override {
    Must(::mdb_txn_commit(std::exchange(write_, nullptr)), "commit");
    return true;
  }

 private:
  MDB_dbi Family(int family) const { return families_[static_cast<size_t>(family)]; }

  MDB_env* const environment_;
  const std::span<const MDB_dbi> families_;
  MDB_txn* read_ = nullptr;
  MDB_txn* write_ = nullptr;
  MDB_dbi family_ = 0;
};

class LmdbEngine final : public Engine {
 public:
  explicit LmdbEngine(const OpenOptions& options) {
    Must(::mdb_env_create(&environment_), "create an environment");
    Must(::mdb_env_set_mapsize(environment_, settings::lmdb::kMapBytes), "set the size of the map");
    Must(::mdb_env_set_maxreaders(environment_, settings::lmdb::kReaders), "set the number of readers");
    Must(::mdb_env_set_maxdbs(environment_, static_cast<MDB_dbi>(options.families)), "set databases");
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT;
    if (!options.durable) flags |= MDB_NOSYNC;
    Must(::mdb_env_open(environment_, options.directory.c_str(), flags, 0644), "open");
    MDB_txn* transaction = nullptr;
    Must(::mdb_txn_begin(environment_, nullptr, 0, &transaction), "begin");
    for (int i = 0; i < options.families; ++i) {
      const std::string name = "family " + std::to_string(i);
      families_.emplace_back();
      Must(::mdb_dbi_open(transaction, name.c_str(), MDB_CREATE, &families_.back()), "open a database");
    }
    Must(::mdb_txn_commit(transaction), "commit");
  }
  ~LmdbEngine() override {
    if (environment_ != nullptr) ::mdb_env_close(environment_);
  }
  LmdbEngine(const LmdbEngine&) = delete;
  LmdbEngine& operator=(const LmdbEngine&) = delete;

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LmdbSession>(environment_, families_);
  }
  void Settle() override { Checkpoint(); }
  void Checkpoint() override { Must(::mdb_env_sync(environment_, 1), "sync"); }
  void Close() override {
    Checkpoint();
    ::mdb_env_close(std::exchange(environment_, nullptr));
  }

 private:
  MDB_env* environment_ = nullptr;
  std::vector<MDB_dbi> families_;
};

}  // namespace

std::unique_ptr<Engine> OpenLmdb(const OpenOptions& options) { return std::make_unique<LmdbEngine>(options); }

}  // namespace manifolddb::bench
