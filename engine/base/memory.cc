#include "engine/base/memory.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstring>
#include <new>
#include <string>

#include "engine/base/assert.h"
#include "engine/base/size.h"
#include "manifolddb/storage.h"

namespace manifolddb::base {

#if MANIFOLDDB_SITES
namespace {
std::function<bool(size_t)>& Gate() {
  static std::function<bool(size_t)> gate;
  return gate;
}
}  // namespace
void SetAllocationGate(std::function<bool(size_t)> gate) { Gate() = std::move(gate); }
#endif

std::byte* AllocateBytes(uint64_t size, size_t alignment) {
  const auto bytes = static_cast<size_t>(size);
  if (bytes != size) return nullptr;
#if MANIFOLDDB_SITES
  if (Gate() && !Gate()(bytes)) return nullptr;
#endif
  return static_cast<std::byte*>(::operator new (bytes, std::align_val_t{alignment}, std::nothrow));
}

void PreferHugePages(std::byte* bytes, uint64_t size) {
  MANIFOLDDB_ASSERT(reinterpret_cast<uintptr_t>(bytes) % kHugePageBytes == 0);
#if defined(MADV_HUGEPAGE)
  // Advice: what comes of it makes no difference but in speed.
  static_cast<void>(::madvise(bytes, ToSize(size - size % kHugePageBytes), MADV_HUGEPAGE));
#else
  static_cast<void>(size);
#endif
}

void FreeBytes(std::byte* bytes, size_t alignment) { ::operator delete (bytes, std::align_val_t{alignment}); }

Buffer::~Buffer() {
  if (bytes_ != nullptr) FreeBytes(bytes_, alignment_);
}

std::byte* Buffer::Release() {
  MANIFOLDDB_ASSERT(bytes_ == nullptr || alignment_ == kBufferAlignment);
  size_ = 0;
  return std::exchange(bytes_, nullptr);
}

Result<Buffer> Buffer::Make(uint64_t size, const char* operation) {
  return MakeAligned(size, kBufferAlignment, operation);
}

Result<Buffer> Buffer::MakeScratch(uint64_t size, const char* operation) {
  return MakeAligned(size, alignof(std::max_align_t), operation);
}

Result<Buffer> Buffer::MakeAligned(uint64_t size, size_t alignment, const char* operation) {
  MANIFOLDDB_ASSERT(size > 0);
  Buffer buffer;
  buffer.alignment_ = alignment;
  buffer.bytes_ = AllocateBytes(size, alignment);
  if (buffer.bytes_ == nullptr) {
    return Fail(Errc::kNoMemory, operation, {.message = std::to_string(size) + " bytes"});
  }
  buffer.size_ = ToSize(size);
  return buffer;
}

ByteBuffer::~ByteBuffer() {
  if (bytes_ != nullptr) FreeBytes(bytes_, kBufferAlignment);
}

Status ByteBuffer::Append(ByteView bytes) {
  if (auto room = Reserve(bytes.size()); !room) return room;
  AppendReserved(bytes);
  return {};
}

Status ByteBuffer::Grow(uint64_t more) {
  const uint64_t wanted = std::max({size_ + more, uint64_t{capacity_} * 2, uint64_t{256}});
  std::byte* grown = AllocateBytes(wanted, kBufferAlignment);
  if (grown == nullptr) {
    return Fail(Errc::kNoMemory, "memory.grow", {.message = std::to_string(wanted) + " bytes"});
  }
  if (size_ > 0) std::memcpy(grown, bytes_, size_);
  if (bytes_ != nullptr) FreeBytes(bytes_, kBufferAlignment);
  bytes_ = grown;
  capacity_ = ToSize(wanted);
  return {};
}

}  // namespace manifolddb::base
