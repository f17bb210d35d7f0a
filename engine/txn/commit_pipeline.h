#pragma once
// From a finished transaction to a published one: order, log, sync, publish.
//
// (1) Commits are ordered one at a time; TxnIds are dense. Once ordered, a commit is in the log after all
// before it. (2) One leader at a time writes: it takes all that wait, as one group, with one sync if any of
// them asks for it. (3) Publication follows the sync, in order, by whole groups, before anyone of the group
// is told. (4) After a failed write or sync nobody is acknowledged any more: those ordered get
// kUnknownOutcome, later ones
//     are refused before they are ordered.
// (5) A group waits a little for those whom the last one woke (gathering.h).
// (6) While held, nothing is ordered; once Hold has returned, all that was ordered has been published.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/mutex.h"
#include "engine/base/poison.h"
#include "engine/mvcc/version_set.h"
#include "engine/txn/gathering.h"
#include "engine/txn/log_space.h"
#include "engine/wal/log_writer.h"
#include "manifolddb/executor.h"
#include "manifolddb/stats.h"

namespace manifolddb::page {
class PageAllocator;
class PageCache;
}  // namespace manifolddb::page

namespace manifolddb::txn {

// A commit on its way. Lives on the committer's stack until it is told the outcome.
struct PendingCommit {
  base::ByteBuffer* redo = nullptr;  // with wal::kRedoGap in front
  bool sync = true;                  // Durability::kImmediate
  uint64_t reserved = 0;             // bytes of log space
  // Called once, when the commit is ordered: installs its versions and lets its families go. Holds the
  // queue's lock: no I/O, no waiting.
  std::function<void(format::TxnId)> order;
  mvcc::CommitEffects effects;  // txn is set by ordering

  // The pipeline's.
  bool done = false;
  std::optional<Error> error;
  base::CondVar* seat = nullptr;  // while it waits
};

class CommitPipeline {
 public:
  struct Parts {
    wal::LogWriter* log;
    LogSpace* space;
    mvcc::VersionSet* versions;
    page::PageCache* cache;
    page::PageAllocator* allocator;
    base::Poison* poison;
    Clock* clock;
  };
  // All before `next` is durable.
  CommitPipeline(const Parts& parts, format::TxnId next)
      : parts_(parts), durable_txn_(next.raw() - 1), next_(next) {}

  // Returns when the commit is published (and durable, if it asks for that). On an error `ordered` says
  // whether it has a place in the order: if not, nothing has happened and `order` was not called.
  // noexcept: a small allocation that fails in here ends the process. That is a crash, from which nothing is
  // lost; going on would leave others waiting for a leader that has gone.
  Result<format::TxnId> Commit(PendingCommit& commit, bool& ordered) noexcept EXCLUDES(mutex_);

  // Returns when all that is ordered now is published, hence as durable as it asked to be. kPoisoned if it
  // cannot be.
  Status AwaitPublished(const char* operation) EXCLUDES(mutex_);

  // Stops ordering and waits until all that was ordered is published. kPoisoned if it cannot be. After
  // success, Release must follow.
  Status Hold() EXCLUDES(mutex_);
  void Release() EXCLUDES(mutex_);
  // While held: gives the next TxnId to a commit that goes through a checkpoint instead of the log.
  format::TxnId OrderHeld(const std::function<void(format::TxnId)>& order) EXCLUDES(mutex_);
  format::TxnId next_txn() const EXCLUDES(mutex_);

  // All commits up to this one survive every crash; perhaps later ones as well.
  format::TxnId durable_txn() const { return format::TxnId{durable_txn_.load(std::memory_order_acquire)}; }
  // A checkpoint that holds this commit, hence all before it, is durable.
  void NoteDurable(format::TxnId txn);

  struct Figures {
    Histogram group_commits;
    Histogram sync_nanos;
    uint64_t redo_bytes = 0;
  };
  Figures figures() const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    return figures_;
  }

  // Tells cache and allocator of pages that nobody reaches any more.
  void GiveBack(std::span<const format::PageRun> runs);

 private:
  using Group = std::vector<PendingCommit*>;
  struct Wakes;

  // False once `commit` is done. True: the caller is the leader now, and looks again afterwards.
  bool AwaitTurn(PendingCommit& commit) EXCLUDES(mutex_);
  bool AwaitTurnLocked(PendingCommit& commit) REQUIRES(mutex_);
  void TakeSeatLocked(PendingCommit& commit) REQUIRES(mutex_);
  void Lead() EXCLUDES(mutex_);
  void TakeGroupLocked() REQUIRES(mutex_);
  Status WriteGroup() EXCLUDES(mutex_);
  void Publish() EXCLUDES(mutex_);
  void TellGroupLocked(const Status& written, Wakes& wakes) REQUIRES(mutex_);
  void FailAllLocked(const Error& cause, Wakes& wakes) REQUIRES(mutex_);

  const Parts parts_;
  std::atomic<uint64_t> durable_txn_;  // release: the sync precedes it
  mutable base::Mutex mutex_{base::LockRank::kCommitQueue};
  base::CondVar quiet_;  // a leader has ended; or: no longer held
  Group queue_ GUARDED_BY(mutex_);
  format::TxnId next_ GUARDED_BY(mutex_);
  bool leading_ GUARDED_BY(mutex_) = false;  // role token: one leader
  bool held_ GUARDED_BY(mutex_) = false;
  Gathering gathering_ GUARDED_BY(mutex_);
  Figures figures_ GUARDED_BY(mutex_);
  // Where committers wait. They outlive the commits: who is told may be gone before he is woken.
  std::deque<base::CondVar> seats_ GUARDED_BY(mutex_);
  std::vector<base::CondVar*> seats_free_ GUARDED_BY(mutex_);
  // The leader's; kept for their memory.
  Group group_;
  std::vector<base::ByteBuffer*> redos_;
  std::vector<mvcc::CommitEffects*> effects_;
  uint64_t sync_nanos_ = 0;  // what the group's sync took; 0: it had none
  uint64_t redo_bytes_ = 0;  // of the group
};

}  // namespace manifolddb::txn
