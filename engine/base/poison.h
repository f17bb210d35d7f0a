#pragma once
// Remembers that a write or sync failed after which nobody knows what is durable. Once set, never cleared:
// the database must be reopened.

#include <atomic>
#include <optional>

#include "engine/base/mutex.h"
#include "manifolddb/result.h"
#include "manifolddb/stats.h"

namespace manifolddb::base {

class Poison {
 public:
  // Told of the first error. Before anybody else uses this object.
  void SetListener(EventListener* listener) { listener_ = listener; }
  // The first error stays; later ones are consequences.
  void Set(const Error& error) EXCLUDES(mutex_);
  bool set() const { return set_.load(std::memory_order_acquire); }
  // kPoisoned, naming the first error, if set; kForked if that was the first error.
  Status Check(const char* operation) const EXCLUDES(mutex_);

 private:
  EventListener* listener_ = nullptr;
  std::atomic<bool> set_{false};  // release: publishes first_
  mutable Mutex mutex_{LockRank::kStorage};
  std::optional<Error> first_ GUARDED_BY(mutex_);
};

}  // namespace manifolddb::base
