// SQLite: a table with an integer primary key for each family, a connection for each session.

#include "bench/engines/sqlite.h"

#include <sqlite3.h>

#include <mutex>
#include <utility>

#include "bench/engines/settings.h"

namespace manifolddb::bench {
namespace {

class Connection {
 public:
  Connection(const OpenOptions& options) {
    const std::string path = options.directory + "/db";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    Must(::sqlite3_open_v2(path.c_str(), &database_, flags, nullptr), "open");
    // Other connections hold it for the moments of a checkpoint or of recovery only: writers have a mutex.
    Must(::sqlite3_busy_timeout(database_, 60'000), "set the time to wait");
    const auto kib = std::to_string(options.cache_bytes / 1024);
    Do("PRAGMA journal_mode=WAL");
    Do(options.durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    Do("PRAGMA cache_size=-" + kib);
    Do("PRAGMA mmap_size=" + std::to_string(settings::sqlite::kMapBytes));
    Do("PRAGMA wal_autocheckpoint=" + std::to_string(settings::sqlite::kAutocheckpointPages));
  }
  ~Connection() {
    if (database_ != nullptr) ::sqlite3_close_v2(database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Must(int result, const char* doing) const {
    if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW) [[unlikely]]
      Fail(std::string("sqlite, ") + doing,
           database_ != nullptr ? ::sqlite3_errmsg(database_) : ::sqlite3_errstr(result));
  }
  void Do(const std::string& sql) const {
    Must(::sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr), sql.c_str());
  }
  sqlite3_stmt* Prepare(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    Must(::sqlite3_prepare_v3(database_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr),
         sql.c_str());
    return statement;
  }
  void Close() { Must(::sqlite3_close(std::exchange(database_, nullptr)), "close"); }

 private:
  sqlite3* database_ = nullptr;
};

std::string TableName(int family) { return "family" + std::to_string(family); }

// Prepared at the first use.
class Statement {
 public:
  ~Statement() { ::sqlite3_finalize(statement_); }
  Statement() = default;
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  sqlite3_stmt* For(const Connection& connection, const char* before, int family, const char* after) {
    if (statement_ == nullptr)
      statement_ = connection.Prepare(before + (family < 0 ? std::string() : TableName(family)) + after);
    return statement_;
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

struct Statements {
  Statement get, put, remove;
  Statement scan[2][2];  // [backwards][keys only]
};

class SqliteSession final : public Session {
 public:
  SqliteSession(const OpenOptions& options, std::mutex& writers)
      : connection_(options), writers_(writers), of_(static_cast<size_t>(options.families)) {}

  void BeginRead(Reads reads) override {
    in_transaction_ = reads == Reads::kMany;  // a statement alone is a transaction of its own
    if (in_transaction_) StepOnce(begin_.For(connection_, "BEGIN", -1, ""), "begin");
  }
  std::optional<std::string_view> Get(int family, uint64_t key) override {
    ResetGet();
    get_ = Of(family).get.For(connection_, "SELECT v FROM ", family, " WHERE k=?1");
    connection_.Must(::sqlite3_bind_int64(get_, 1, static_cast<sqlite3_int64>(key)), "bind");
    const int result = ::sqlite3_step(get_);
    if (result == SQLITE_DONE) return std::nullopt;
    connection_.Must(result, "get");
    return Blob(get_, 0);
  }
  void Run(int family, Scan& scan) override {
    sqlite3_stmt* statement = ScanStatement(family, scan);
    connection_.Must(::sqlite3_bind_int64(statement, 1, static_cast<sqlite3_int64>(scan.from)), "bind");
    int result = ::sqlite3_step(statement);
    for (; result == SQLITE_ROW; result = ::sqlite3_step(statement)) {
      const auto key = static_cast<uint64_t>(::sqlite3_column_int64(statement, 0));
      if (!(scan.keys_only ? scan.KeyOnly(key) : scan.Entry(key, Blob(statement, 1)))) break;
    }
    connection_.Must(result, "scan");
    connection_.Must(::sqlite3_reset(statement), "reset");
  }
  void EndRead() override {
    ResetGet();
    if (in_transaction_) StepOnce(commit_.For(connection_, "COMMIT", -1, ""), "end of reading");
    in_transaction_ = false;
  }

  void BeginWrite(int family) override {
    writing_ = std::unique_lock(writers_);
    StepOnce(begin_write_.For(connection_, "BEGIN IMMEDIATE", -1, ""), "begin writing");
    family_ = family;
  }
  void Put(uint64_t key, std::string_view value) override {
    sqlite3_stmt* put =
        Of(family_).put.For(connection_, "INSERT OR REPLACE INTO ", family_, " VALUES(?1,?2)");
    connection_.Must(::sqlite3_bind_int64(put, 1, static_cast<sqlite3_int64>(key)), "bind");
    connection_.Must(::sqlite3_bind_blob(put, 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC),
                     "bind");
    StepOnce(put, "put");
  }
  void Delete(uint64_t key) override {
    sqlite3_stmt* remove = Of(family_).remove.For(connection_, "DELETE FROM ", family_, " WHERE k=?1");
    connection_.Must(::sqlite3_bind_int64(remove, 1, static_cast<sqlite3_int64>(key)), "bind");
    StepOnce(remove, "delete");
  }
  bool Commit() override {
    StepOnce(commit_.For(connection_, "COMMIT", -1, ""), "commit");
    writing_.unlock();
    return true;
  }

 private:
  static std::string_view Blob(sqlite3_stmt* statement, int column) {
    const void* bytes = ::sqlite3_column_blob(statement, column);
    const auto count = static_cast<size_t>(::sqlite3_column_bytes(statement, column));
    return {static_cast<const char*>(bytes), count};
  }
  Statements& Of(int family) { return of_[static_cast<size_t>(family)]; }
  sqlite3_stmt* ScanStatement(int family, const Scan& scan) {
    const char* before = scan.keys_only ? "SELECT k FROM " : "SELECT k,v FROM ";
    const char* after = scan.backwards ? " WHERE k<=?1 ORDER BY k DESC" : " WHERE k>=?1 ORDER BY k";
    return Of(family).scan[scan.backwards ? 1 : 0][scan.keys_only ? 1 : 0].For(connection_, before, family,
                                                                               after);
  }
  void StepOnce(sqlite3_stmt* statement, const char* doing) {
    connection_.Must(::sqlite3_step(statement), doing);
    connection_.Must(::sqlite3_reset(statement), doing);
  }
  void ResetGet() {
    if (get_ != nullptr) connection_.Must(::sqlite3_reset(get_), "reset");
    get_ = nullptr;
  }

  Connection connection_;
  std::mutex& writers_;
  std::unique_lock<std::mutex> writing_;
  Statement begin_, begin_write_, commit_;
  std::vector<Statements> of_;
  sqlite3_stmt* get_ = nullptr;  // holds the value that was read last
  bool in_transaction_ = false;
  int family_ = 0;
};

class SqliteEngine final : public Engine {
 public:
  explicit SqliteEngine(const OpenOptions& options) : options_(options), first_(options) {
    for (int i = 0; i < options.families; ++i)
      first_.Do("CREATE TABLE IF NOT EXISTS " + TableName(i) + "(k INTEGER PRIMARY KEY, v BLOB)");
  }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<SqliteSession>(options_, writers_);
  }
  void Settle() override { Checkpoint(); }
  void Checkpoint() override { first_.Do("PRAGMA wal_checkpoint(TRUNCATE)"); }
  void Close() override { first_.Close(); }

 private:
  const OpenOptions options_;
  std::mutex writers_;
  Connection first_;
};

}  // namespace

std::unique_ptr<Engine> OpenSqlite(const OpenOptions& options) {
  return std::make_unique<SqliteEngine>(options);
}

}  // namespace manifolddb::bench
