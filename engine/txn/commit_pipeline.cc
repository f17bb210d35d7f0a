// The commit pipeline. Invariants in the header; what a crash leaves at each step of a group:
//   before the write:  nothing of the group; its commits never happened, nobody was told otherwise;
//   during the write:  a torn group, which recovery rejects whole (checksum);
//   before the sync:   the group or not, whole; nobody was told;
//   after the sync:    the group. Only now is it published, and only then are its committers woken.

#include "engine/txn/commit_pipeline.h"

#include <array>
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

// Committers to be woken once the lock is free, which is what they need first.
struct CommitPipeline::Wakes {
  void Add(base::CondVar* seat) {
    if (seat == nullptr) return;  // the leader itself
    if (count == seats.size()) {
      seat->NotifyOne();
    } else {
      seats[count++] = seat;
    }
  }
  void NotifyAll() {
    for (size_t i = 0; i < count; ++i) seats[i]->NotifyOne();
  }

  std::array<base::CondVar*, 64> seats;
  size_t count = 0;
};

Result<TxnId> CommitPipeline::Commit(PendingCommit& commit, bool& ordered) noexcept {
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
    lead = AwaitTurnLocked(commit);
  }
  while (lead) {
    Lead();
    // A group has an upper bound: this commit may still be in the queue.
    lead = AwaitTurn(commit);
  }
  if (commit.error) return std::unexpected<Error>(*commit.error);
  return commit.effects.txn;
}

bool CommitPipeline::AwaitTurn(PendingCommit& commit) {
  base::MutexLock lock(mutex_);
  return AwaitTurnLocked(commit);
}

// Who completes a group leads it, without having been woken for that; else the first of the queue does, who
// is the only one that waits for a time. At the end of each group the first is told to look.
bool CommitPipeline::AwaitTurnLocked(PendingCommit& commit) {
  constexpr uint32_t kLooksMax = 8;
  uint32_t looks = 0;
  bool lead = false;
  while (!commit.done && !lead) {
    const bool first = !queue_.empty() && queue_.front() == &commit;  // it may be in the group being written
    if (leading_ || (!first && !gathering_.Complete(queue_.size()))) {
      TakeSeatLocked(commit);
      commit.seat->Wait(mutex_);
      continue;
    }
    const bool whole = gathering_.Complete(queue_.size());
    const bool complete = whole || !commit.sync || held_;
    if (!complete && looks < kLooksMax) {
      TakeSeatLocked(commit);
      looks = commit.seat->WaitAtMost(mutex_, gathering_.nanos_max()) ? looks + 1 : kLooksMax;
      continue;
    }
    if (!complete) MANIFOLDDB_MARK("txn.gathered_in_vain");
    if (whole || !complete) gathering_.Begins(!complete);
    lead = true;
  }
  if (commit.seat != nullptr) seats_free_.push_back(std::exchange(commit.seat, nullptr));
  leading_ = leading_ || lead;
  return lead;
}

void CommitPipeline::TakeSeatLocked(PendingCommit& commit) {
  if (commit.seat != nullptr) return;
  if (seats_free_.empty()) seats_free_.push_back(&seats_.emplace_back());
  commit.seat = seats_free_.back();
  seats_free_.pop_back();
}

void CommitPipeline::Lead() {
  {
    base::MutexLock lock(mutex_);
    MANIFOLDDB_ASSERT(leading_ && !queue_.empty());
    TakeGroupLocked();
  }
  // Poisoned since: what waits in the queue was ordered before, but can never be logged.
  Status written = parts_.poison->Check("transaction.commit");
  if (written) written = WriteGroup();
  if (written || FailureIsForgotten(*parts_.poison)) Publish();

  Wakes wakes;
  {
    base::MutexLock lock(mutex_);
    TellGroupLocked(written, wakes);
    leading_ = false;
    if (!queue_.empty()) wakes.Add(queue_.front()->seat);
    quiet_.NotifyAll();
  }
  wakes.NotifyAll();
}

void CommitPipeline::TellGroupLocked(const Status& written, Wakes& wakes) {
  if (!written) FailAllLocked(written.error(), wakes);
  for (PendingCommit* const commit : group_) {
    commit->done = true;
    wakes.Add(commit->seat);
  }
  if (written) {
    figures_.group_commits.Add(group_.size());
    figures_.redo_bytes += redo_bytes_;
    if (synced_) figures_.sync_nanos.Add(sync_nanos_);
  }
  if (sync_nanos_ > 0) gathering_.NoteSync(sync_nanos_);
  gathering_.Ended(group_.size(), queue_.size());
}

void CommitPipeline::TakeGroupLocked() {
  const uint64_t bytes_max = parts_.log->ring().group_bytes_max();
  uint64_t bytes = 0;
  size_t count = 0;
  for (; count < queue_.size(); ++count) {
    // Reservations count each commit's own group header, so their sum bounds the group's span from above.
    if (count > 0 && bytes + queue_[count]->reserved > bytes_max) break;
    bytes += queue_[count]->reserved;
  }
  const auto end = queue_.begin() + static_cast<ptrdiff_t>(count);
  group_.assign(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
}

Status CommitPipeline::WriteGroup() {
  redos_.clear();
  redo_bytes_ = 0;
  uint64_t reserved = 0;
  bool sync = false;
  for (const PendingCommit* commit : group_) {
    redos_.push_back(commit->redo);
    redo_bytes_ += commit->redo->size() - wal::kRedoGap;
    reserved += commit->reserved;
    sync = sync || commit->sync;
  }
  if (MANIFOLDDB_BROKEN("txn.commit.sync.skip")) sync = false;
  const bool early = MANIFOLDDB_BROKEN("txn.publish.early");
  const TxnId first = group_.front()->effects.txn;
  const uint64_t before = sync ? parts_.clock->NowNanos() : 0;
  MANIFOLDDB_ASSIGN(const wal::LogEnd end, sync && !early ? parts_.log->AppendDurable(redos_, first)
                                                          : parts_.log->Append(redos_, first));
  synced_ = sync;
  sync_nanos_ = sync ? parts_.clock->NowNanos() - before : 0;
  parts_.space->Appended(reserved, end.lsn);
  if (early) {  // No site: this is what one does, and Sync has its own.
    Publish();
    if (sync) MANIFOLDDB_TRY(parts_.log->Sync());
  }
  if (sync) NoteDurable(group_.back()->effects.txn);
  if (!sync) MANIFOLDDB_MARK("txn.group_without_sync");
  if (group_.size() > 1) MANIFOLDDB_MARK("txn.group_of_many");
  return {};
}

// Leaders and commits through a checkpoint tell of it in any order.
void CommitPipeline::NoteDurable(TxnId txn) {
  uint64_t known = durable_txn_.load(std::memory_order_relaxed);
  while (known < txn.raw() && !durable_txn_.compare_exchange_weak(known, txn.raw(), std::memory_order_release,
                                                                  std::memory_order_relaxed)) {
  }
}

void CommitPipeline::Publish() {
  effects_.clear();
  for (PendingCommit* const commit : group_) {
    if (commit->effects.txn > parts_.versions->published_txn()) effects_.push_back(&commit->effects);
  }
  if (effects_.empty()) return;  // only when broken on purpose: published before it was durable
  const wal::LogEnd end = parts_.log->end();
  GiveBack(parts_.versions->Publish(effects_, {effects_.back()->txn, end.lsn, end.chain},
                                    parts_.allocator->NextBirth()));
}

void CommitPipeline::FailAllLocked(const Error& cause, Wakes& wakes) {
  parts_.space->GiveUp();
  if (FailureIsForgotten(*parts_.poison)) {
    const ErrorDetails details{.file = cause.file(), .message = cause.message()};
    for (PendingCommit* const commit : group_) {
      commit->error = Error(Errc::kUnknownOutcome, "transaction.commit", details, cause);
    }
    return;
  }
  MANIFOLDDB_ASSERT(parts_.poison->set());
  const Status why = parts_.poison->Check("transaction.commit");
  // In a forked child it is known: nothing was written.
  const Errc code = why.error().code() == Errc::kForked ? Errc::kForked : Errc::kUnknownOutcome;
  const Error error(code, "transaction.commit",
                    {.file = why.error().file(), .message = why.error().message()}, *why.error().cause());
  for (PendingCommit* const commit : group_) commit->error = error;
  for (PendingCommit* const commit : queue_) {
    commit->error = error;
    commit->done = true;
    wakes.Add(commit->seat);
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

void CommitPipeline::GiveBack(std::span<const format::PageRun> runs) {
  if (runs.empty()) return;
  // The frames first: once the allocator has a page, it may be created anew.
  parts_.cache->Drop(runs);
  parts_.allocator->Free(runs);
}

}  // namespace manifolddb::txn
