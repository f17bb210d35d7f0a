#pragma once
// Redo buffers of transactions that have ended, for those to come: most need the same room again, and pages
// that are new to the process cost more than what is written into them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/memory.h"
#include "engine/base/mutex.h"

namespace manifolddb::txn {

// Thread-safe.
class RedoPool {
 public:
  // Empty, with or without room.
  base::ByteBuffer Take() noexcept EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (count_ == 0) return {};
    base::ByteBuffer buffer = std::move(buffers_[--count_]);
    bytes_ -= buffer.capacity();
    return buffer;
  }
  // Needs no memory itself: who gives is on its way out.
  void Give(base::ByteBuffer buffer) noexcept EXCLUDES(mutex_) {
    // Nor a lock, if there is nothing to give: a child after fork may never get it.
    if (buffer.capacity() == 0) return;
    buffer.Clear();
    base::MutexLock lock(mutex_);
    if (bytes_ + buffer.capacity() > kBytesMax || count_ == buffers_.size()) return;
    bytes_ += buffer.capacity();
    buffers_[count_++] = std::move(buffer);
  }

 private:
  static constexpr uint64_t kBytesMax = uint64_t{8} << 20;

  base::Mutex mutex_{base::LockRank::kMemory};
  std::array<base::ByteBuffer, 64> buffers_ GUARDED_BY(mutex_);
  size_t count_ GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace manifolddb::txn
