#pragma once
// What the workloads ask of an engine. One adapter per engine; the workloads know none of them.
//
// Keys are numbers below 2^63 in numeric order, stored as eight bytes, big-endian, except where an engine has
// integer keys. Every call that fails ends the measurement (Fail): no adapter returns an error.

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure/fail.h"
#include "bench/workloads/data.h"

namespace manifolddb::bench {

// What a scan is asked for, and what it found. Each entry that comes out is checked against its key.
class Scan {
 public:
  uint64_t from = 0;  // where it begins, inclusive; backwards: the highest key
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  uint64_t until = std::numeric_limits<int64_t>::max();  // exclusive; forwards only
  bool backwards = false;
  bool keys_only = false;
  const std::function<void(uint64_t, std::string_view)>* each = nullptr;  // none: only checked and counted

  // What adapters call for each entry, in order, until it says no.
  bool Entry(uint64_t key, std::string_view value) {
    if (!Accepts(key)) return false;
    Require(HasTag(value, key), "scan", "an entry has the value of another key");
    if (each != nullptr) (*each)(key, value);
    return entries_ < limit;
  }
  bool KeyOnly(uint64_t key) { return Accepts(key) && entries_ < limit; }

  uint64_t entries() const { return entries_; }

 private:
  bool Accepts(uint64_t key) {
    if (!backwards && key >= until) return false;
    const bool ordered =
        entries_ == 0 ? (backwards ? key <= from : key >= from) : (backwards ? key < last_ : key > last_);
    Require(ordered, "scan", "keys are out of order");
    last_ = key;
    ++entries_;
    return true;
  }

  uint64_t entries_ = 0;
  uint64_t last_ = 0;
};

// One read in a snapshot, or several: some engines have a cheaper way for one.
enum class Reads : uint8_t { kOne, kMany };

// One thread's use of an engine: at most one snapshot and one batch at a time, not both.
class Session {
 public:
  virtual ~Session() = default;

  // All reads until EndRead see one state of the database.
  virtual void BeginRead(Reads reads) = 0;
  // The view lives until the next call.
  virtual std::optional<std::string_view> Get(int family, uint64_t key) = 0;
  // Calls `found` for each key, in any order, with nothing for those that are not there.
  using Found = std::function<void(uint64_t, std::optional<std::string_view>)>;
  virtual void MultiGet(int family, std::span<const uint64_t> keys, const Found& found) {
    for (const uint64_t key : keys) found(key, Get(family, key));
  }
  virtual void Run(int family, Scan& scan) = 0;
  virtual void EndRead() = 0;

  // A batch: whole or not at all. May wait for other writers.
  virtual void BeginWrite(int family) = 0;
  virtual void Put(uint64_t key, std::string_view value) = 0;
  virtual void Delete(uint64_t key) = 0;
  // False: another transaction was in the way and nothing happened; do all of it again.
  [[nodiscard]] virtual bool Commit() = 0;
};

struct OpenOptions {
  std::string directory;
  int families = 1;     // made if missing; the same number each time
  bool durable = true;  // a commit has been synced when it returns
  uint64_t cache_bytes = 0;
  bool through_checkpoint = false;  // manifolddb: a commit writes its pages instead of the log
  uint32_t page_bytes = 0;          // manifolddb: of its pages; 0: the default
  bool count_hits = false;          // RocksDB, WiredTiger: keep statistics, for which each read pays
  bool tiny = false;                // a test of the adapter: files that engines reserve in advance are small
};

using Counters = std::map<std::string, double>;

class Engine {
 public:
  virtual ~Engine() = default;
  // Any number at once, each for one thread at a time; gone before Close.
  virtual std::unique_ptr<Session> NewSession() = 0;
  // Brings what was written into the shape in which it is read fastest: checkpoint, flush, compaction.
  virtual void Settle() = 0;
  // Puts what was committed where other databases look for it, without closing: a checkpoint.
  virtual void Checkpoint() = 0;
  // What only the engine knows: "checkpoints".
  virtual void AddTo([[maybe_unused]] Counters& counters) const {}
  // Since opening; a page or a block, at each level. None: the engine counts none, or only for a price, and
  // OpenOptions::count_hits was not said.
  virtual std::optional<uint64_t> CacheHits() const { return std::nullopt; }
  virtual void Close() = 0;
};

struct EngineKind {
  std::string name;
  std::string version;
  std::unique_ptr<Engine> (*open)(const OpenOptions& options);
  bool (*is_log)(const std::string& file_name) = nullptr;  // what recovery reads; none: it has no log
};

// Those that this build has, manifolddb first.
const std::vector<EngineKind>& EngineKinds();

}  // namespace manifolddb::bench
