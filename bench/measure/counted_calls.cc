// Definitions of the C library's calls that count and pass on. An executable's definitions come before those
// of shared libraries, for every library in the process: engines are counted without their doing.
//
// (1) Each call does what the C library's would, errors and errno included.
// (2) Counting takes no lock and allocates nothing: it runs inside malloc.
// (3) A thread alone writes to its slot: counting is a load and a store, no atomic addition, which would cost
//     those engines most that allocate most. The next thread goes on where one that has ended stopped.
// Streams (fwrite) write from inside the C library and are not seen: engines use them for text logs only.

#include "bench/measure/counted_calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>

namespace manifolddb::bench {
namespace {

// Threads count in different cache lines, or counting would be what they wait for.
struct alignas(64) Counters {
  std::atomic<uint64_t> syncs{0};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> writes{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> allocations{0};
  std::atomic<bool> taken{false};
};
constexpr size_t kSlots = 512;  // threads at a time
constinit std::array<Counters, kSlots> slots{};

}  // namespace

CalledSoFar Called() {
  CalledSoFar all;
  for (const Counters& slot : slots) {
    all.syncs += slot.syncs.load(std::memory_order_relaxed);
    all.reads += slot.reads.load(std::memory_order_relaxed);
    all.writes += slot.writes.load(std::memory_order_relaxed);
    all.bytes += slot.bytes.load(std::memory_order_relaxed);
    all.allocations += slot.allocations.load(std::memory_order_relaxed);
  }
  return all;
}

}  // namespace manifolddb::bench

#if MANIFOLDDB_BENCH_COUNT_CALLS

namespace manifolddb::bench {

bool CallsAreCounted() { return true; }

namespace {

constinit thread_local Counters* own = nullptr;
constinit std::atomic<bool> slots_come_back{false};
pthread_key_t slot_key;

// A key of the C library's, not a destructor of C++: it is called after those, whose calls are counted, too,
// and to set it allocates nothing.
void GiveBack(void* slot) {
  own = nullptr;
  static_cast<Counters*>(slot)->taken.store(false, std::memory_order_release);
}
__attribute__((constructor)) void MakeKey() {
  if (::pthread_key_create(&slot_key, &GiveBack) == 0) slots_come_back.store(true);
}

Counters& Own() {
  if (own != nullptr) [[likely]]
    return *own;
  for (Counters& slot : slots) {
    if (slot.taken.exchange(true, std::memory_order_acquire)) continue;
    own = &slot;
    if (slots_come_back.load()) static_cast<void>(::pthread_setspecific(slot_key, own));
    return *own;
  }
  __builtin_trap();  // no workload has as many threads
}

void Add(std::atomic<uint64_t>& counter, uint64_t count) {
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

// Descriptors opened with O_DSYNC or O_SYNC: each write to them is a sync as well.
constinit std::array<std::atomic<bool>, 4096> writes_sync{};

int Opened(long result, int flags) {
  const int file = static_cast<int>(result);
  if (file >= 0 && static_cast<size_t>(file) < writes_sync.size())
    writes_sync[static_cast<size_t>(file)].store((flags & O_DSYNC) != 0, std::memory_order_relaxed);
  return file;
}

ssize_t Wrote(int file, long result, bool synced = false) {
  if (result > 0) {
    Add(Own().writes, 1);
    Add(Own().bytes, static_cast<uint64_t>(result));
    const auto at = static_cast<size_t>(file);
    if (synced || (at < writes_sync.size() && writes_sync[at].load(std::memory_order_relaxed)))
      Add(Own().syncs, 1);
  }
  return result;
}

ssize_t HasRead(long result) {
  if (result > 0) Add(Own().reads, 1);
  return result;
}

int Synced(long result) {
  if (result == 0) Add(Own().syncs, 1);
  return static_cast<int>(result);
}

void Allocated() { Add(Own().allocations, 1); }

}  // namespace
}  // namespace manifolddb::bench

// syscall() sets errno as the C library's own functions do. That none of these is a cancellation point any
// more matters to nobody here.
namespace counted = manifolddb::bench;
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return counted::Opened(::syscall(SYS_openat, AT_FDCWD, path, flags, mode), flags);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return counted::Opened(::syscall(SYS_openat, AT_FDCWD, path, flags, mode), flags);
}
ssize_t read(int file, void* bytes, size_t count) {
  return counted::HasRead(::syscall(SYS_read, file, bytes, count));
}
ssize_t pread(int file, void* bytes, size_t count, off_t offset) {
  return counted::HasRead(::syscall(SYS_pread64, file, bytes, count, offset));
}
ssize_t pread64(int file, void* bytes, size_t count, off64_t offset) {
  return counted::HasRead(::syscall(SYS_pread64, file, bytes, count, offset));
}
ssize_t readv(int file, const struct iovec* parts, int count) {
  return counted::HasRead(::syscall(SYS_readv, file, parts, count));
}
ssize_t preadv(int file, const struct iovec* parts, int count, off_t offset) {
  return counted::HasRead(::syscall(SYS_preadv, file, parts, count, offset, 0));
}
ssize_t preadv2(int file, const struct iovec* parts, int count, off_t offset, int flags) {
  return counted::HasRead(::syscall(SYS_preadv2, file, parts, count, offset, 0, flags));
}
ssize_t write(int file, const void* bytes, size_t count) {
  return counted::Wrote(file, ::syscall(SYS_write, file, bytes, count));
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  return counted::Wrote(file, ::syscall(SYS_pwrite64, file, bytes, count, offset));
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t offset) {
  return counted::Wrote(file, ::syscall(SYS_pwrite64, file, bytes, count, offset));
}
ssize_t writev(int file, const struct iovec* parts, int count) {
  return counted::Wrote(file, ::syscall(SYS_writev, file, parts, count));
}
ssize_t pwritev(int file, const struct iovec* parts, int count, off_t offset) {
  return counted::Wrote(file, ::syscall(SYS_pwritev, file, parts, count, offset, 0));
}
ssize_t pwritev2(int file, const struct iovec* parts, int count, off_t offset, int flags) {
  const bool synced = (flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  return counted::Wrote(file, ::syscall(SYS_pwritev2, file, parts, count, offset, 0, flags), synced);
}
int fsync(int file) { return counted::Synced(::syscall(SYS_fsync, file)); }
int fdatasync(int file) { return counted::Synced(::syscall(SYS_fdatasync, file)); }
int msync(void* address, size_t length, int flags) {
  const long result = ::syscall(SYS_msync, address, length, flags);
  return (flags & MS_SYNC) != 0 ? counted::Synced(result) : static_cast<int>(result);
}

// glibc's allocator under its other names.
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) {
  counted::Allocated();
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  counted::Allocated();
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  counted::Allocated();
  return __libc_realloc(memory, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  counted::Allocated();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  counted::Allocated();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
  counted::Allocated();
  void* memory = __libc_memalign(alignment, bytes);
  if (memory == nullptr) return ENOMEM;
  *out = memory;
  return 0;
}

}  // extern "C"

#else

namespace manifolddb::bench {
bool CallsAreCounted() { return false; }
}  // namespace manifolddb::bench

#endif
