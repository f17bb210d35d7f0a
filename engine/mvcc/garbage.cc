#include "engine/mvcc/garbage.h"

#include <algorithm>

namespace manifolddb::mvcc {

Garbage::~Garbage() {
  base::MutexLock lock(mutex_);
  for (const Retired& retired : retired_) retired.free(retired.object);
}

void Garbage::Add(void* object, void (*free)(void*)) {
  const uint64_t tag = slots_.RetireTag();
  base::MutexLock lock(mutex_);
  retired_.push_back({tag, object, free});
}

void Garbage::Collect() {
  const uint64_t safe = slots_.SafeEpoch();
  base::MutexLock lock(mutex_);
  std::erase_if(retired_, [&](const Retired& retired) {
    if (retired.tag >= safe) return false;
    retired.free(retired.object);
    return true;
  });
}

}  // namespace manifolddb::mvcc
