#pragma once
// How often, and how much, the program has taken from the heap: operator new in all its forms is replaced,
// and the engine takes memory no other way. Work of the harness inside engine calls (the simulated storage,
// the scheduler) is left out.

#include <cstdint>

namespace manifolddb::bench::exact {

struct Allocations {
  uint64_t count = 0;
  uint64_t bytes = 0;  // as asked for
};

// Of all threads so far, but for what was taken under an Uncounted.
Allocations AllocationsSoFar();

// While it lives, allocations of this thread are not counted.
class Uncounted {
 public:
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};

}  // namespace manifolddb::bench::exact
