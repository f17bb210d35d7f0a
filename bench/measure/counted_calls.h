#pragma once
// What this process asked of the kernel and of the allocator, whichever library asked: the same yardstick for
// every engine, and one that other processes do not disturb, as they do the device's own statistics.

#include <cstdint>

namespace manifolddb::bench {

struct CalledSoFar {
  uint64_t syncs = 0;        // fsync, fdatasync, msync with MS_SYNC, and writes that return when durable
  uint64_t reads = 0;        // read, pread, readv, preadv, preadv2 that returned something
  uint64_t writes = 0;       // write, pwrite, writev, pwritev, pwritev2 that wrote something
  uint64_t bytes = 0;        // handed to write, pwrite, writev, pwritev, pwritev2
  uint64_t allocations = 0;  // malloc, calloc, realloc and their aligned kin
};

// False where calls are not counted (under sanitizers, which have interceptors of their own).
bool CallsAreCounted();
CalledSoFar Called();

}  // namespace manifolddb::bench
