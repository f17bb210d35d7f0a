#pragma once
// Memory that was unlinked but may still be looked at: freed when every epoch that could have seen it is
// over.

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/mvcc/reader_slots.h"

namespace manifolddb::mvcc {

// Thread-safe.
class Garbage {
 public:
  explicit Garbage(ReaderSlots& slots) : slots_(slots) {}
  ~Garbage();  // REQUIRES: no epoch is entered
  Garbage(const Garbage&) = delete;
  Garbage& operator=(const Garbage&) = delete;

  // REQUIRES: nothing reachable points to `object` any more.
  template <class T>
  void Retire(std::unique_ptr<T> object) EXCLUDES(mutex_) {
    Add(object.release(), [](void* pointer) { delete static_cast<T*>(pointer); });
  }
  // Frees what can be freed.
  void Collect() EXCLUDES(mutex_);

 private:
  struct Retired {
    uint64_t tag;
    void* object;
    void (*free)(void*);
  };
  void Add(void* object, void (*free)(void*)) EXCLUDES(mutex_);

  ReaderSlots& slots_;
  base::Mutex mutex_{base::LockRank::kReclaim};
  std::vector<Retired> retired_ GUARDED_BY(mutex_);
};

}  // namespace manifolddb::mvcc
