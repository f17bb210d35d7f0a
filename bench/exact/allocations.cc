// Replaces operator new and delete of the whole program. The forms that the standard library derives from
// others (arrays, nothrow) are derived there as well and need no replacement of their own, but for the
// nothrow ones: those of libstdc++ would throw and catch inside, at a price that the engine does not pay
// elsewhere.

#include "bench/exact/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> count{0};
std::atomic<uint64_t> bytes_in_all{0};
thread_local int uncounted = 0;

}  // namespace

// Sanitizers bring their own: there nothing is counted.
#if !MANIFOLDDB_BENCH_UNCOUNTED

namespace {

void Count(size_t bytes) {
  if (uncounted > 0) return;
  count.fetch_add(1, std::memory_order_relaxed);
  bytes_in_all.fetch_add(bytes, std::memory_order_relaxed);
}

void* Take(size_t bytes) noexcept {
  Count(bytes);
  return std::malloc(bytes > 0 ? bytes : 1);
}

void* TakeAligned(size_t bytes, std::align_val_t alignment) noexcept {
  Count(bytes);
  const auto align = static_cast<size_t>(alignment);
  return std::aligned_alloc(align, (bytes + align - 1) / align * align);
}

void* OrThrow(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return OrThrow(Take(bytes)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return Take(bytes); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return OrThrow(TakeAligned(bytes, alignment));
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return TakeAligned(bytes, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

#endif

namespace manifolddb::bench::exact {

Allocations AllocationsSoFar() {
  return {count.load(std::memory_order_relaxed), bytes_in_all.load(std::memory_order_relaxed)};
}

Uncounted::Uncounted() { ++uncounted; }
Uncounted::~Uncounted() { --uncounted; }

}  // namespace manifolddb::bench::exact
