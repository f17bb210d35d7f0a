// Accounting of the ring. A wrap wastes at most one group's length per lap; LogRing::usable_bytes keeps that
// much aside, and `used` counts it once it has happened, since it is a distance of positions.

#include "engine/txn/log_space.h"

#include "engine/base/assert.h"
#include "engine/base/sites.h"

namespace manifolddb::txn {

bool LogSpace::TryReserve(uint64_t span) {
  base::MutexLock lock(mutex_);
  if (MANIFOLDDB_BROKEN("txn.log_space.overcommit")) {
    reserved_ += span;
    return true;
  }
  if (format::Distance(tail_, end_) + reserved_ + span > ring_.usable_bytes()) return false;
  reserved_ += span;
  return true;
}

void LogSpace::Unreserve(uint64_t span) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(reserved_ >= span);
  reserved_ -= span;
  less_reserved_.NotifyAll();
}

bool LogSpace::AwaitOthers(uint64_t span) {
  base::MutexLock lock(mutex_);
  const auto hopeless = [&]() REQUIRES(mutex_) {
    return !given_up_ && reserved_ + span > ring_.usable_bytes();
  };
  if (!hopeless()) return false;
  while (hopeless()) less_reserved_.Wait(mutex_);
  return true;
}

void LogSpace::GiveUp() {
  base::MutexLock lock(mutex_);
  given_up_ = true;
  less_reserved_.NotifyAll();
}

void LogSpace::Appended(uint64_t span, format::Lsn end) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(reserved_ >= span && end_ < end);
  reserved_ -= span;
  end_ = end;
  NoteUsedLocked();
  less_reserved_.NotifyAll();
}

void LogSpace::MoveTail(format::Lsn tail) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(tail_ <= tail && tail <= end_);
  tail_ = tail;
  NoteUsedLocked();
}

void LogSpace::SetRing(const wal::LogRing& ring) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(ring.usable_bytes() >= ring_.usable_bytes());
  ring_ = ring;
  usable_.store(ring.usable_bytes(), std::memory_order_relaxed);
  less_reserved_.NotifyAll();
  group_bytes_max_.store(ring.group_bytes_max(), std::memory_order_relaxed);
}

uint64_t LogSpace::capacity() const {
  base::MutexLock lock(mutex_);
  return ring_.capacity;
}

}  // namespace manifolddb::txn
