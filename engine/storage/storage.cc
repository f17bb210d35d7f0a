// The non-virtual shell of the storage seam: what every caller owes every implementation, checked in one
// place.
//
// (1) Buffers start at multiples of kBufferAlignment and are not empty; no range wraps around.
// (2) Nobody holds a lock while doing I/O: the one before us may need it to come to an end.
// (3) After a sync that failed none succeeds. The system tells of a failure once, then calls clean what it
// lost: a second sync, by another thread that had written some of it, would say yes.
// (4) A scheduler may switch before each call, and behind what syncs: there another thread has the most to
// say.

#include "manifolddb/storage.h"

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "engine/base/sites.h"

namespace manifolddb {
namespace {

void CheckBuffer(const std::byte* data, size_t size) {
  MANIFOLDDB_ASSERT(size > 0);
  MANIFOLDDB_ASSERT(reinterpret_cast<uintptr_t>(data) % kBufferAlignment == 0);
}

void CheckParts(uint64_t offset, std::span<const ByteView> parts) {
  base::AssertNoLocksHeld();
  MANIFOLDDB_ASSERT(!parts.empty());
  uint64_t end = offset;
  for (const ByteView& part : parts) {
    CheckBuffer(part.data(), part.size());
    MANIFOLDDB_ASSERT(end + part.size() > end);
    end += part.size();
  }
}

// Whether something may have been written, and nobody knows what.
bool LeavesUnknown(const Status& written) {
  if (written) return false;
  const Errc code = written.error().code();
  return code != Errc::kNoSpace && code != Errc::kForked && code != Errc::kReadOnly;
}

}  // namespace

Status File::Read(uint64_t offset, MutableByteView out) {
  base::AssertNoLocksHeld();
  CheckBuffer(out.data(), out.size());
  MANIFOLDDB_ASSERT(offset + out.size() > offset);
  base::AtIo();
  return DoRead(offset, out);
}

Status File::Write(uint64_t offset, std::span<const ByteView> parts) {
  CheckParts(offset, parts);
  base::AtIo();
  return NoteWrite(DoWrite(offset, parts));
}

Status File::WriteDurable(uint64_t offset, std::span<const ByteView> parts) {
  CheckParts(offset, parts);
  if (sync_failed_.load(std::memory_order_acquire) && !MANIFOLDDB_BROKEN("storage.sync.again")) {
    return FailSync(offset);
  }
  base::AtIo();
  Status written = NoteWrite(DoWriteDurable(offset, parts));
  base::AtIo();
  // Its sync may have been told of writes that a later one will not be told of.
  if (LeavesUnknown(written)) sync_failed_.store(true, std::memory_order_release);
  return written;
}

std::unexpected<Error> File::FailSync(uint64_t offset) const {
  return Fail(Errc::kIo, "storage.sync",
              {.file = name_, .offset = offset, .message = "an earlier sync failed"});
}

Status File::NoteWrite(Status written) {
  if (LeavesUnknown(written)) failed_.store(true, std::memory_order_release);
  return written;
}

void File::StartWriteBack(uint64_t offset, uint64_t bytes) {
  base::AssertNoLocksHeld();
  MANIFOLDDB_ASSERT(offset + bytes > offset);
  if (sync_failed_.load(std::memory_order_acquire) || DoStartWriteBack(offset, bytes)) return;
  // Nobody else is told.
  failed_.store(true, std::memory_order_release);
  sync_failed_.store(true, std::memory_order_release);
}

Status File::Sync() {
  base::AssertNoLocksHeld();
  if (sync_failed_.load(std::memory_order_acquire) && !MANIFOLDDB_BROKEN("storage.sync.again")) {
    return FailSync(ErrorDetails::kNoOffset);
  }
  base::AtIo();
  Status synced = DoSync();
  base::AtIo();
  if (synced) return {};
  sync_failed_.store(true, std::memory_order_release);
  failed_.store(true, std::memory_order_release);
  // Some systems tell of a full disk only here. It is too late then: what was written may be lost, and nobody
  // may take it for a want of room that leaves everything as it was.
  const Error& error = synced.error();
  if (error.code() == Errc::kForked) return synced;
  return Fail(Errc::kIo, error.operation().data(),
              {.file = error.file(),
               .offset = error.offset(),
               .os_error = error.os_error(),
               .message = error.message()},
              error);
}

Result<uint64_t> File::Size() {
  base::AssertNoLocksHeld();
  return DoSize();
}

Status File::Allocate(uint64_t size) {
  base::AssertNoLocksHeld();
  MANIFOLDDB_ASSERT(size > 0);
  base::AtIo();
  return DoAllocate(size);
}

Result<bool> File::Truncate(uint64_t size) {
  base::AssertNoLocksHeld();
  MANIFOLDDB_ASSERT(size > 0);
  base::AtIo();
  return DoTruncate(size);
}

Status File::Lock(LockMode mode) {
  base::AssertNoLocksHeld();
  return DoLock(mode);
}

}  // namespace manifolddb
