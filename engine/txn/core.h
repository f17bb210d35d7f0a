#pragma once
// What every transaction works with: the parts of one open database, wired once by db.

#include <atomic>
#include <cstdint>
#include <string>

#include "engine/base/fork.h"
#include "engine/base/mutex.h"
#include "engine/base/poison.h"
#include "engine/format/meta_page.h"
#include "engine/mvcc/garbage.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/mvcc/version_set.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"
#include "engine/txn/commit_pipeline.h"
#include "engine/txn/family.h"
#include "engine/txn/log_space.h"
#include "engine/txn/redo_pool.h"
#include "manifolddb/executor.h"
#include "manifolddb/stats.h"

namespace manifolddb::page {
class PageWriter;
}  // namespace manifolddb::page

namespace manifolddb::txn {

struct Restoring;

// What transactions ask of the checkpointer, which is above them.
class CheckpointService {
 public:
  virtual ~CheckpointService() = default;
  // A checkpoint should run soon; returns at once, or after it where the executor runs work inline.
  virtual void Request() = 0;
  // Returns after a checkpoint that began after this call; its error if it failed.
  virtual Status RunAndWait() = 0;
  // Returns when the checkpoint that runs now has ended, with its error if it failed (one for a commit
  // through it tells that commit alone); at once if none runs.
  virtual Status WaitForRunning() = 0;

  // A commit whose pages are written instead of the log.
  struct ThroughCommit {
    page::PageWriter* pages = nullptr;  // finished by the checkpointer
    // The versions that the commit will install.
    struct Change {
      Family* family;
      std::shared_ptr<const mvcc::Tables> tables;
      format::TableId next_table;
    };
    std::vector<Change> changes;
    std::vector<format::PageRef> dropped;
    // Instead of all of these: what a savepoint has.
    const Restoring* restoring = nullptr;
    std::function<void(format::TxnId)> order;  // as PendingCommit::order
  };
  virtual Result<format::TxnId> CommitThrough(ThroughCommit& commit, bool& ordered) = 0;
};

struct Core {
  struct Config {
    std::string name;                // of the data file, for messages
    format::Identity identity = {};  // of the database
    bool read_only = false;
    uint32_t write_unit = 0;
  };

  // Constant after opening.
  const uint64_t fork_generation = base::ForkGeneration();
  Config config;
  page::DataFile* file = nullptr;
  mvcc::ReaderSlots* slots = nullptr;
  page::PageCache* cache = nullptr;
  page::PageAllocator* allocator = nullptr;
  mvcc::Garbage* garbage = nullptr;
  mvcc::VersionSet* versions = nullptr;
  Families* families = nullptr;
  LogSpace* log_space = nullptr;
  CommitPipeline* pipeline = nullptr;
  CheckpointService* checkpoints = nullptr;
  base::Poison* poison = nullptr;
  Clock* clock = nullptr;
  EventListener* listener = nullptr;  // none: nobody is told

  // Options that may change at any time (Database::SetOptions). Each is looked at by itself, so it does not
  // matter in which order they change.
  std::atomic<uint64_t> dirty_bytes_max{0};
  std::atomic<uint64_t> checkpoint_interval_ns{0};

  // Own synchronisation.
  std::atomic<uint64_t> next_writer_serial{1};
  std::atomic<bool> closed{false};  // while close_decision is held: perhaps
  mutable base::Mutex close_decision{base::LockRank::kLifecycle};
  std::atomic<uint64_t> commits{0};
  // Written where a writer gives up or has waited for a checkpoint, never on the way of one that commits.
  std::atomic<uint64_t> aborts{0};
  std::atomic<uint64_t> stalls{0};
  std::atomic<uint64_t> stall_nanos{0};
  std::atomic<uint64_t> open_writers{0};
  std::atomic<uint64_t> unwritten_bytes{0};  // of pages that running transactions changed and did not write
  std::atomic<uint64_t> last_checkpoint_ns{0};
  RedoPool redo_pool;

  uint64_t DirtyBytesMax() const { return dirty_bytes_max.load(std::memory_order_relaxed); }
  // The free map's, of the file as it is now.
  uint64_t FreeMapPages() const {
    return format::ExtentPages((allocator->page_count() + 7) / 8, file->page_size());
  }
  uint64_t DrawWriterSerial() { return next_writer_serial.fetch_add(1, std::memory_order_relaxed); }

  // kForked in a child of the process that opened it: there, threads that hold locks and tokens are gone, and
  // who waits for one waits for ever. Takes no lock itself.
  Status CheckProcess(const char* operation) const;
  // Errors of every call on a database that can not serve it. REQUIRES: a slot was taken, which keeps it open
  // from here on.
  Status CheckOpen(const char* operation) const EXCLUDES(close_decision);
  Status CheckWritable(const char* operation) const;
  // Closes the database to everybody, unless more slots than the engine's own are in use: then nothing has
  // happened, and their number is returned.
  uint64_t CloseUnlessInUse(uint64_t own_slots) EXCLUDES(close_decision);
  // Waits, while writers outrun the disk, until changed pages leave room. Before any token is taken.
  Status WaitForMemory();
  // A writer has waited for a checkpoint.
  void NoteStall(const StallInfo& stall);
  // Reserves `span` bytes of the log, running checkpoints until there is room.
  Status ReserveLogSpace(uint64_t span);
  // After a commit was published: starts a checkpoint if one is due.
  void RequestCheckpointIfDue();

  // Makes sure that the family's tables are in memory. REQUIRES: the family is not new. Waits for another
  // thread that loads them. Reads the durable table tree.
  Status LoadFamily(Family* family, mvcc::ReaderSlot* slot) noexcept;
  // Lets go of versions of the family that nobody sees any more, once there are some. REQUIRES: its token is
  // held.
  void PruneVersions(Family* family);
};

// Keeps the database from being closed while a call that is no transaction runs.
class Presence {
 public:
  explicit Presence(Core& core) : core_(core), slot_(core.slots->Acquire()) {}
  ~Presence() { core_.slots->Release(slot_); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  Status Check(const char* operation) const { return core_.CheckWritable(operation); }
  mvcc::ReaderSlot* slot() const { return slot_; }

 private:
  Core& core_;
  mvcc::ReaderSlot* const slot_;
};

}  // namespace manifolddb::txn
