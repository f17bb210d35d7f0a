#include "engine/base/mutex.h"

namespace manifolddb::base {

#if MANIFOLDDB_SLOW_CHECKS
namespace {
// The ranks this thread holds, in the order taken. Sixteen is far more than the hierarchy is deep.
constexpr int kHeldMax = 16;
struct Held {
  LockRank ranks[kHeldMax];
  int count = 0;
};
thread_local Held held;
}  // namespace

void NoteAcquire(LockRank rank) {
  MANIFOLDDB_ASSERT(held.count < kHeldMax);
  MANIFOLDDB_ASSERT(held.count == 0 || held.ranks[held.count - 1] < rank);
  held.ranks[held.count++] = rank;
}

void NoteRelease(LockRank rank) {
  int at = held.count - 1;
  while (at >= 0 && held.ranks[at] != rank) --at;
  MANIFOLDDB_ASSERT(at >= 0);
  for (int i = at; i + 1 < held.count; ++i) held.ranks[i] = held.ranks[i + 1];
  --held.count;
}

void AssertNoLocksHeld() { MANIFOLDDB_ASSERT(held.count == 0); }
#else
void NoteAcquire(LockRank) {}
void NoteRelease(LockRank) {}
void AssertNoLocksHeld() {}
#endif

}  // namespace manifolddb::base
