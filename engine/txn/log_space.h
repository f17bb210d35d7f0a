#pragma once
// Room in the log ring: reserved before a commit is ordered, used when it is appended, given back by
// checkpoints.
//
// (1) used + reserved never exceeds what the ring can hold without reaching the durable checkpoint's
// position. (2) Waiting happens before ordering only: nobody who waits here holds up a checkpoint. (3)
// Whoever
// has reserved waits for nobody who waits here: it uses the room or gives it back.

#include <atomic>
#include <cstdint>

#include "engine/base/mutex.h"
#include "engine/format/ids.h"
#include "engine/wal/log_ring.h"

namespace manifolddb::txn {

class LogSpace {
 public:
  // The log holds nothing between `tail`, the durable checkpoint's position, and its end.
  LogSpace(const wal::LogRing& ring, format::Lsn tail)
      : ring_(ring),
        tail_(tail),
        end_(tail),
        usable_(ring.usable_bytes()),
        group_bytes_max_(ring.group_bytes_max()) {}

  // True, and reserved, if there is room for `span` bytes now.
  bool TryReserve(uint64_t span) EXCLUDES(mutex_);
  // What was reserved will not be used.
  void Unreserve(uint64_t span) EXCLUDES(mutex_);
  // If others hold so much that `span` bytes would not fit into an empty log, no checkpoint can help: waits
  // until some of it was used or given back, and returns true. False at once if a checkpoint may help, or
  // if what is reserved is lost with a commit that failed.
  bool AwaitOthers(uint64_t span) EXCLUDES(mutex_);
  // A group could not be written: what was reserved for it stays so, and nobody is to wait for it.
  void GiveUp() EXCLUDES(mutex_);
  // A group that had reserved `span` bytes was appended; the log ends at `end` now.
  void Appended(uint64_t span, format::Lsn end) EXCLUDES(mutex_);
  // A checkpoint at `tail` is durable.
  void MoveTail(format::Lsn tail) EXCLUDES(mutex_);
  void SetRing(const wal::LogRing& ring) EXCLUDES(mutex_);

  // Hints, asked for with every change: what they say may have changed by now.
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t usable() const { return usable_.load(std::memory_order_relaxed); }
  uint64_t capacity() const EXCLUDES(mutex_);
  // A transaction whose group would be larger goes through a checkpoint. Never shrinks.
  uint64_t group_bytes_max() const { return group_bytes_max_.load(std::memory_order_relaxed); }

 private:
  void NoteUsedLocked() REQUIRES(mutex_) {
    used_.store(format::Distance(tail_, end_), std::memory_order_relaxed);
  }

  mutable base::Mutex mutex_{base::LockRank::kLogSpace};
  wal::LogRing ring_ GUARDED_BY(mutex_);
  base::CondVar less_reserved_;
  uint64_t reserved_ GUARDED_BY(mutex_) = 0;
  bool given_up_ GUARDED_BY(mutex_) = false;
  format::Lsn tail_ GUARDED_BY(mutex_);
  format::Lsn end_ GUARDED_BY(mutex_);
  // Of the above; written under the lock.
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> usable_;
  std::atomic<uint64_t> group_bytes_max_;
};

}  // namespace manifolddb::txn
