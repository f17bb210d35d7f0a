#pragma once
// Memory whose size comes from data (frames, redo, extents, values): its absence is an error, not an abort.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::base {

// Every data allocation goes through these two. Aligned to `alignment` (a power of two); null when there is
// none, or when no address space of this target has as much.
std::byte* AllocateBytes(uint64_t size, size_t alignment);
void FreeBytes(std::byte* bytes, size_t alignment);

// Of x86-64 and most others.
inline constexpr size_t kHugePageBytes = size_t{2} << 20;
// Asks the system for huge pages behind these bytes, which stay: fewer faults, and fewer misses of the TLB. A
// system that has none ignores it. REQUIRES: aligned to kHugePageBytes.
void PreferHugePages(std::byte* bytes, uint64_t size);

#if MANIFOLDDB_SITES
// Lets the harness refuse allocations: return false to refuse. Set while no database is open.
void SetAllocationGate(std::function<bool(size_t size)> gate);
#endif

// A fixed number of aligned bytes, owned. Contents are not initialised.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        alignment_(other.alignment_) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(alignment_, other.alignment_);
    return *this;
  }
  ~Buffer();

  // kNoMemory if there is none; `operation` names the caller in the error. Aligned to kBufferAlignment.
  static Result<Buffer> Make(uint64_t size, const char* operation);
  // Aligned as any object may be: not for I/O, and quicker to get.
  static Result<Buffer> MakeScratch(uint64_t size, const char* operation);

  std::byte* data() { return bytes_; }
  const std::byte* data() const { return bytes_; }
  size_t size() const { return size_; }
  MutableByteView span() { return {bytes_, size_}; }
  ByteView view() const { return {bytes_, size_}; }
  // Gives the bytes away: FreeBytes(bytes, kBufferAlignment) is the caller's now. REQUIRES: not scratch.
  std::byte* Release();

 private:
  static Result<Buffer> MakeAligned(uint64_t size, size_t alignment, const char* operation);

  std::byte* bytes_ = nullptr;
  size_t size_ = 0;
  size_t alignment_ = 0;
};

// Bytes that grow at the end: redo records, assembled values. Aligned to kBufferAlignment.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer();

  // After success, appends of up to `more` bytes in all cannot fail. After kNoMemory nothing has changed.
  Status Reserve(uint64_t more) {
    if (capacity_ - size_ >= more) [[likely]]
      return {};
    return Grow(more);
  }
  // REQUIRES: room was reserved.
  void AppendReserved(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void AppendReserved(uint8_t byte) { bytes_[size_++] = static_cast<std::byte>(byte); }
  // Zeros, to be written over: the view lives as long as the bytes stay where they are.
  MutableByteView AppendZerosReserved(size_t count) {
    if (count > 0) std::memset(bytes_ + size_, 0, count);
    size_ += count;
    return {bytes_ + size_ - count, count};
  }
  Status Append(ByteView bytes);
  void Truncate(size_t size) { size_ = size; }
  void Clear() { size_ = 0; }

  std::byte* data() { return bytes_; }
  const std::byte* data() const { return bytes_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  ByteView view() const { return {bytes_, size_}; }

 private:
  Status Grow(uint64_t more);

  std::byte* bytes_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace manifolddb::base
