// WiredTiger: a table for each family of the workload, a session with cursors for each thread.

#include "bench/engines/wiredtiger.h"

#include <wiredtiger.h>

#include <mutex>

#include "bench/engines/settings.h"

namespace manifolddb::bench {
namespace {

void Must(int result, const char* doing) {
  if (result != 0) [[unlikely]]
    Fail(std::string("wiredtiger, ") + doing, ::wiredtiger_strerror(result));
}

WT_ITEM Item(std::string_view bytes) {
  WT_ITEM item{};
  item.data = bytes.data();
  item.size = bytes.size();
  return item;
}
std::string_view Text(const WT_ITEM& item) { return {static_cast<const char*>(item.data), item.size}; }

std::string TableName(int family) { return "table:family" + std::to_string(family); }

class WiredSession final : public Session {
 public:
  WiredSession(WT_CONNECTION* connection, int families, std::mutex& retries)
      : retries_(retries), cursors_(static_cast<size_t>(families)) {
    Must(connection->open_session(connection, nullptr, nullptr, &session_), "open a session");
  }
  ~WiredSession() override { session_->close(session_, nullptr); }
  WiredSession(const WiredSession&) = delete;
  WiredSession& operator=(const WiredSession&) = delete;

  void BeginRead(Reads reads) override {
    in_transaction_ = reads == Reads::kMany;  // one read is a transaction of its own
    if (in_transaction_) Begin();
  }
  std::optional<std::string_view> Get(int family, uint64_t key) override {
    const Key bytes(key);
    WT_ITEM item = Item(bytes.text());
    WT_CURSOR* cursor = CursorOf(family);
    read_ = cursor;
    cursor->set_key(cursor, &item);
    const int result = cursor->search(cursor);
    if (result == WT_NOTFOUND) return std::nullopt;
    Must(result, "get");
    return ValueAt(cursor);
  }
  void Run(int family, Scan& scan) override {
    WT_CURSOR* cursor = CursorOf(family);
    const Key from(scan.from);
    WT_ITEM item = Item(from.text());
    cursor->set_key(cursor, &item);
    int side = 0;  // of the entry at the cursor, seen from the key
    int result = cursor->search_near(cursor, &side);
    if (result == 0 && (scan.backwards ? side > 0 : side < 0))
      result = scan.backwards ? cursor->prev(cursor) : cursor->next(cursor);
    while (result == 0) {
      WT_ITEM key;
      Must(cursor->get_key(cursor, &key), "key of an entry");
      Require(key.size == Key::size(), "wiredtiger, scan", "a key has another length");
      const uint64_t number = Key::NumberOf(Text(key).data());
      if (!(scan.keys_only ? scan.KeyOnly(number) : scan.Entry(number, ValueAt(cursor)))) break;
      result = scan.backwards ? cursor->prev(cursor) : cursor->next(cursor);
    }
    if (result != WT_NOTFOUND) Must(result, "scan");
    Must(cursor->reset(cursor), "reset a cursor");
  }
  void EndRead() override {
    if (read_ != nullptr) Must(read_->reset(read_), "reset a cursor");
    read_ = nullptr;
    if (in_transaction_) Must(session_->commit_transaction(session_, nullptr), "end of reading");
    in_transaction_ = false;
  }

  // Who met a conflict tries again alone among those who did: without it, eight threads that update the same
  // keys roll each other back for ever.
  void BeginWrite(int family) override {
    if (conflict_ && !retrying_.owns_lock()) retrying_ = std::unique_lock(retries_);
    Begin();
    write_ = CursorOf(family);
    conflict_ = false;
  }
  void Put(uint64_t key, std::string_view value) override {
    if (conflict_) return;
    const Key bytes(key);
    WT_ITEM item = Item(bytes.text());
    WT_ITEM with = Item(value);
    write_->set_key(write_, &item);
    write_->set_value(write_, &with);
    Changed(write_->insert(write_), "put");
  }
  void Delete(uint64_t key) override {
    if (conflict_) return;
    const Key bytes(key);
    WT_ITEM item = Item(bytes.text());
    write_->set_key(write_, &item);
    const int result = write_->remove(write_);
    if (result != WT_NOTFOUND) Changed(result, "delete");
  }
  bool Commit() override {
    if (conflict_) {
      Must(session_->rollback_transaction(session_, nullptr), "roll back");
      return false;
    }
    const int result = session_->commit_transaction(session_, nullptr);  // ends it in every case
    conflict_ = result == WT_ROLLBACK;
    if (conflict_) return false;
    Must(result, "commit");
    if (retrying_.owns_lock()) retrying_.unlock();
    return true;
  }

 private:
  void Begin() { Must(session_->begin_transaction(session_, "isolation=snapshot"), "begin"); }
  // Transactions that write the same key at the same time: the later one is to be done again.
  void Changed(int result, const char* doing) {
    if (result == WT_ROLLBACK) {
      conflict_ = true;
    } else {
      Must(result, doing);
    }
  }
  static std::string_view ValueAt(WT_CURSOR* cursor) {
    WT_ITEM value;
    Must(cursor->get_value(cursor, &value), "value of an entry");
    return Text(value);
  }
  WT_CURSOR* CursorOf(int family) {
    WT_CURSOR*& cursor = cursors_[static_cast<size_t>(family)];
    if (cursor == nullptr)
      Must(session_->open_cursor(session_, TableName(family).c_str(), nullptr, nullptr, &cursor),
           "open a cursor");
    return cursor;
  }

  std::mutex& retries_;
  std::unique_lock<std::mutex> retrying_;
  WT_SESSION* session_ = nullptr;
  std::vector<WT_CURSOR*> cursors_;  // closed with the session
  WT_CURSOR* read_ = nullptr;
  WT_CURSOR* write_ = nullptr;
  bool in_transaction_ = false;
  bool conflict_ = false;
};

class WiredEngine final : public Engine {
 public:
  explicit WiredEngine(const OpenOptions& options)
      : families_(options.families), counts_hits_(options.count_hits) {
    const std::string log = options.tiny ? settings::wiredtiger::kLogTiny : settings::wiredtiger::kLog;
    const std::string own = "create,cache_size=" + std::to_string(options.cache_bytes) +
                            ",session_max=" + std::to_string(settings::wiredtiger::kSessions) + "," + log +
                            "," + settings::wiredtiger::kCheckpoint +
                            (counts_hits_ ? ",statistics=(fast)" : "") +
                            (options.durable ? ",transaction_sync=(enabled=true,method=fsync)"
                                             : ",transaction_sync=(enabled=false)");
    Must(::wiredtiger_open(options.directory.c_str(), nullptr, own.c_str(), &connection_), "open");
    Must(connection_->open_session(connection_, nullptr, nullptr, &session_), "open a session");
    for (int i = 0; i < families_; ++i)
      Must(session_->create(session_, TableName(i).c_str(), settings::wiredtiger::kTable), "create a table");
  }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<WiredSession>(connection_, families_, retries_);
  }
  void Settle() override { Checkpoint(); }
  void Checkpoint() override { Must(session_->checkpoint(session_, nullptr), "checkpoint"); }
  // Pages asked for that had not to be read.
  std::optional<uint64_t> CacheHits() const override {
    if (!counts_hits_) return std::nullopt;
    WT_CURSOR* cursor = nullptr;
    Must(session_->open_cursor(session_, "statistics:", nullptr, nullptr, &cursor), "open the statistics");
    const auto figure = [&](int key) {
      const char* description = nullptr;
      const char* text = nullptr;
      int64_t value = 0;
      cursor->set_key(cursor, key);
      Must(cursor->search(cursor), "look up a figure");
      Must(cursor->get_value(cursor, &description, &text, &value), "read a figure");
      return static_cast<uint64_t>(value);
    };
    const uint64_t hits = figure(WT_STAT_CONN_CACHE_PAGES_REQUESTED) - figure(WT_STAT_CONN_CACHE_READ);
    Must(cursor->close(cursor), "close the statistics");
    return hits;
  }
  void Close() override { Must(connection_->close(connection_, nullptr), "close"); }

 private:
  const int families_;
  const bool counts_hits_;
  std::mutex retries_;
  WT_CONNECTION* connection_ = nullptr;
  WT_SESSION* session_ = nullptr;
};

}  // namespace

std::unique_ptr<Engine> OpenWiredtiger(const OpenOptions& options) {
  return std::make_unique<WiredEngine>(options);
}

}  // namespace manifolddb::bench
