#pragma once
// The storage seam: everything the engine asks of a file system. Implemented over POSIX, over memory, by the
// fault-injecting disk, and by whoever brings their own.
//
// The public functions check the contract that every implementation relies on; implementations override the
// Do... functions. All functions may be called from any thread unless a comment says otherwise.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb {

// Buffers passed to Read and Write start at multiples of this, so that an implementation may bypass the
// cache.
inline constexpr size_t kBufferAlignment = 4096;

// What is to be done with the file, and whether it must be there.
enum class OpenMode : uint8_t {
  kReadOnly,   // the file must exist
  kReadWrite,  // the file must exist
  // A new, empty file, in place of whatever had the name before (which stays as it is under any other name),
  // locked exclusively from the beginning: kLocked if another
  // opening has a lock on what has the name.
  kCreate,
};

// Locks of a file: any number of shared ones, or one that is exclusive.
enum class LockMode : uint8_t { kShared, kExclusive };

// One open file. Destroying it closes it and gives back its lock; it does not sync.
class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Fills `out` from `offset`. Fewer bytes than asked for is an error (kTruncated names where the file ends).
  Status Read(uint64_t offset, MutableByteView out);

  // Writes `parts`, one after the other, at `offset`. All or an error; after an error any part of the range
  // may have been written. Durable only after a later successful Sync.
  Status Write(uint64_t offset, std::span<const ByteView> parts);
  Status Write(uint64_t offset, ByteView bytes) {
    return Write(offset, std::span<const ByteView>(&bytes, 1));
  }

  // Write, and return only when this range (and what is needed to read it back) is durable. Says nothing
  // about earlier writes to other ranges. After an error: as after one of Sync, reopen.
  Status WriteDurable(uint64_t offset, std::span<const ByteView> parts);

  // Says that a Sync will want this range soon, which may lie behind the end of the file by now: the device
  // may begin with it. Promises nothing, tells of no error: what fails here makes all later Syncs fail.
  void StartWriteBack(uint64_t offset, uint64_t bytes);

  // Makes every write and size change that returned before this call durable. After an error nobody knows
  // what is durable: never call again, reopen instead. Of two calls at once, a failure fails both, or the
  // later one: no call succeeds while writes before it are known to have failed.
  Status Sync();

  // Current length in bytes.
  Result<uint64_t> Size();

  // Grows the file to at least `size` bytes; new bytes read as zero and have room reserved (kNoSpace here,
  // not later, when the disk is full). Never shrinks. Durable after Sync.
  Status Allocate(uint64_t size);

  // Cuts the file to `size` bytes if it is longer: what lay behind is gone, and may be there again after a
  // power cut before the next Sync. False: this storage cuts no files, and nothing has happened.
  // REQUIRES: nobody else reads, writes or grows what lies behind.
  Result<bool> Truncate(uint64_t size);

  // Takes the file's one advisory lock, without waiting: kLocked if an incompatible one is held elsewhere,
  // also by another opening in this process. Held until the File is destroyed.
  Status Lock(LockMode mode);

  // A write or a sync has failed: nobody knows what of what was written is on the disk. (A want of room, or a
  // call in a forked child, has written nothing that counts.)
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  // As the storage names it in errors.
  const std::string& name() const { return name_; }

 protected:
  explicit File(std::string name) : name_(std::move(name)) {}

 private:
  virtual Status DoRead(uint64_t offset, MutableByteView out) = 0;
  virtual Status DoWrite(uint64_t offset, std::span<const ByteView> parts) = 0;
  virtual Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) = 0;
  // An error: bytes that were written are lost, and a DoSync that has not begun yet may not know of it. One
  // that has must not succeed any more.
  virtual Status DoStartWriteBack(uint64_t /*offset*/, uint64_t /*bytes*/) { return {}; }
  virtual Status DoSync() = 0;
  virtual Result<uint64_t> DoSize() = 0;
  virtual Status DoAllocate(uint64_t size) = 0;
  virtual Result<bool> DoTruncate(uint64_t /*size*/) { return false; }
  virtual Status DoLock(LockMode mode) = 0;

  Status NoteWrite(Status written);
  std::unexpected<Error> FailSync(uint64_t offset) const;

  const std::string name_;
  std::atomic<bool> sync_failed_{false};  // then none succeeds any more
  std::atomic<bool> failed_{false};
};

// One directory. Names are plain file names in it, without separators.
class Storage {
 public:
  virtual ~Storage() = default;

  // kNotFound if the file (or, for kCreate, the directory) is missing.
  virtual Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) = 0;
  virtual Result<bool> Exists(const std::string& name) = 0;
  // Atomic: `to` names the old or the new file at every moment. Durable only after SyncDirectory.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Removing what is not there is kNotFound. Durable only after SyncDirectory.
  virtual Status Remove(const std::string& name) = 0;
  // Makes all creations, renames and removals that returned before this call durable.
  virtual Status SyncDirectory() = 0;
  // 16 bytes that no other database has.
  virtual std::array<std::byte, 16> NewIdentity() = 0;
};

// The real file system, in `directory`. Refuses writes in a child process after fork (kForked).
std::shared_ptr<Storage> MakePosixStorage(std::string directory);
// A directory in memory: for tests, and for databases that need not outlive the process.
std::shared_ptr<Storage> MakeMemoryStorage();

}  // namespace manifolddb
