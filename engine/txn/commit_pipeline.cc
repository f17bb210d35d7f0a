// The commit pipeline. Invariants in the header; what a crash leaves at each step of a group:
//   before the write:  nothing of the group; its commits never happened, nobody was told otherwise;
//   during the write:  a torn group, which recovery rejects whole (checksum);
//   before the sync:   the group or not, whole; nobody was told;
//   after the sync:    the group. Only now is it published, and only then are its committers woken.

#include "engine/txn/commit_pipeline.h"

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"

namespace manifolddb::txn {

using format::TxnId;

namespace {

// Broken on purpose: what fails in a group does not poison. Then all goes on as if it had not failed.
bool FailureIsForgotten(const base::Poison& poison) {
  if (poison.set()) return false;
  return MANIFOLDDB_BROKEN("wal.append.poison.skip") || MANIFOLDDB_BROKEN("wal.sync.poison.skip");
}

}  // namespace

Result<TxnId> CommitPipeline::Commit(PendingCommit& commit, bool& ordered) {
  ordered = false;
  bool lead = false;
  {
    base::MutexLock lock(mutex_);
    while (held_) quiet_.Wait(mutex_);
    // Under the lock: once poisoned, nothing is ordered any more.
    MANIFOLDDB_TRY(parts_.poison->Check("transaction.commit"));
    commit.effects.txn = next_;
    next_ = next_.next();
    ordered = true;
    // Early lock release: the next writer of these families may start, and join the same group.
    commit.order(commit.effects.txn);
    queue_.push_back(&commit);
    while (!commit.done && (leading_ || queue_.front() != &commit)) commit.wake.Wait(mutex_);
    lead = !commit.done;
    if (lead) leading_ = true;
  }
  if (lead) Lead();
  if (commit.error) return std::unexpected<Error>(*commit.error);
  return commit.effects.txn;
}

void CommitPipeline::Lead() {
  std::vector<PendingCommit*> group;
  {
    base::MutexLock lock(mutex_);
    MANIFOLDDB_ASSERT(leading_ && !queue_.empty());
    group = TakeGroupLocked();
  }
  // Poisoned since: what waits in the queue was ordered before, but can never be logged.
  Status written = parts_.poison->Check("transaction.commit");
  if (written) written = WriteGroup(group);
  if (written || FailureIsForgotten(*parts_.poison)) Publish(group);

  base::MutexLock lock(mutex_);
  if (!written) FailAllLocked(group, written.error());
  for (PendingCommit* const commit : group) {
    commit->done = true;
    commit->wake.NotifyOne();
  }
  leading_ = false;
  if (!queue_.empty()) queue_.front()->wake.NotifyOne();
  quiet_.NotifyAll();
}

std::vector<PendingCommit*> CommitPipeline::TakeGroupLocked() {
  std::vector<PendingCommit*> group;
  const uint64_t bytes_max = parts_.log->ring().group_bytes_max();
  uint64_t bytes = 0;
  while (!queue_.empty()) {
    // Reservations count each commit's own group header, so their sum bounds the group's span from above.
    if (!group.empty() && bytes + queue_.front()->reserved > bytes_max) break;
    bytes += queue_.front()->reserved;
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

Status CommitPipeline::WriteGroup(const std::vector<PendingCommit*>& group) {
  std::vector<base::ByteBuffer*> redos;
  uint64_t reserved = 0;
  bool sync = false;
  for (const PendingCommit* commit : group) {
    redos.push_back(commit->redo);
    reserved += commit->reserved;
    sync = sync || commit->sync;
  }
  MANIFOLDDB_ASSIGN(const wal::LogEnd end, parts_.log->Append(redos, group.front()->effects.txn));
  parts_.space->Appended(reserved, end.lsn);
  if (MANIFOLDDB_BROKEN("txn.publish.early")) Publish(group);
  if (sync && !MANIFOLDDB_BROKEN("txn.commit.sync.skip")) MANIFOLDDB_TRY(parts_.log->Sync());
  if (!sync) MANIFOLDDB_MARK("txn.group_without_sync");
  if (group.size() > 1) MANIFOLDDB_MARK("txn.group_of_many");
  return {};
}

void CommitPipeline::Publish(const std::vector<PendingCommit*>& group) {
  std::vector<mvcc::CommitEffects*> effects;
  for (PendingCommit* const commit : group) {
    if (commit->effects.txn > parts_.versions->published_txn()) effects.push_back(&commit->effects);
  }
  if (effects.empty()) return;  // only when broken on purpose: published before it was durable
  const wal::LogEnd end = parts_.log->end();
  GiveBack(parts_.versions->Publish(effects, {effects.back()->txn, end.lsn, end.chain},
                                    parts_.allocator->NextBirth()));
}

void CommitPipeline::FailAllLocked(const std::vector<PendingCommit*>& group, const Error& cause) {
  if (FailureIsForgotten(*parts_.poison)) {
    const ErrorDetails details{.file = cause.file(), .message = cause.message()};
    for (PendingCommit* const commit : group) {
      commit->error = Error(Errc::kUnknownOutcome, "transaction.commit", details);
    }
    return;
  }
  MANIFOLDDB_ASSERT(parts_.poison->set());
  const Status why = parts_.poison->Check("transaction.commit");
  // In a forked child it is known: nothing was written.
  const Errc code = why.error().code() == Errc::kForked ? Errc::kForked : Errc::kUnknownOutcome;
  const Error error(code, "transaction.commit",
                    {.file = why.error().file(), .message = why.error().message()});
  for (PendingCommit* const commit : group) commit->error = error;
  for (PendingCommit* const commit : queue_) {
    commit->error = error;
    commit->done = true;
    commit->wake.NotifyOne();
  }
  queue_.clear();
}

Status CommitPipeline::AwaitPublished(const char* operation) {
  base::MutexLock lock(mutex_);
  const TxnId next = next_;
  while (parts_.versions->published_txn().next() < next) {
    MANIFOLDDB_TRY(parts_.poison->Check(operation));
    quiet_.Wait(mutex_);
  }
  return {};
}

Status CommitPipeline::Hold() {
  base::MutexLock lock(mutex_);
  while (held_) quiet_.Wait(mutex_);
  held_ = true;
  while (leading_ || !queue_.empty()) quiet_.Wait(mutex_);
  if (auto sound = parts_.poison->Check("checkpoint.hold"); !sound) {
    held_ = false;
    quiet_.NotifyAll();
    return sound;
  }
  return {};
}

void CommitPipeline::Release() {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(held_);
  held_ = false;
  quiet_.NotifyAll();
}

TxnId CommitPipeline::OrderHeld(const std::function<void(TxnId)>& order) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(held_ && queue_.empty() && !leading_);
  const TxnId txn = next_;
  next_ = next_.next();
  order(txn);
  return txn;
}

TxnId CommitPipeline::next_txn() const {
  base::MutexLock lock(mutex_);
  return next_;
}

void CommitPipeline::GiveBack(const std::vector<format::PageRun>& runs) {
  for (const format::PageRun& run : runs) {
    // The frame first: once the allocator has the page, it may be created anew.
    parts_.cache->Drop(run.first, run.pages);
    parts_.allocator->Free(run);
  }
}

}  // namespace manifolddb::txn
