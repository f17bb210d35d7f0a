#pragma once
// Redo buffers of transactions that have ended, for those to come: most need the same room again, and pages
// that are new to the process cost more than what is written into them.

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/mutex.h"

namespace manifolddb::txn {

// Thread-safe.
class RedoPool {
 public:
  // Empty, with or without room.
  base::ByteBuffer Take() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (buffers_.empty()) return {};
    base::ByteBuffer buffer = std::move(buffers_.back());
    buffers_.pop_back();
    bytes_ -= buffer.capacity();
    return buffer;
  }
  void Give(base::ByteBuffer buffer) EXCLUDES(mutex_) {
    buffer.Clear();
    base::MutexLock lock(mutex_);
    if (buffer.capacity() == 0 || bytes_ + buffer.capacity() > kBytesMax) return;
    bytes_ += buffer.capacity();
    buffers_.push_back(std::move(buffer));
  }

 private:
  static constexpr uint64_t kBytesMax = uint64_t{8} << 20;

  base::Mutex mutex_{base::LockRank::kMemory};
  std::vector<base::ByteBuffer> buffers_ GUARDED_BY(mutex_);
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace manifolddb::txn
