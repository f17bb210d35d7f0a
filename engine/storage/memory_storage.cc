// A directory in memory.
//
// (1) A name points to a file; a file lives as long as a name or an opening refers to it. So files survive
//     being closed, and an opening survives the removal of its name.
// (2) A file has at most one exclusive lock or any number of shared ones, each held by one opening.
// (3) One mutex guards the names, one per file its bytes and locks; nobody holds two or waits under one.
// There is no crash to survive here: Sync, SyncDirectory and WriteDurable have nothing to add.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/le.h"
#include "engine/base/memory.h"
#include "engine/base/mutex.h"
#include "engine/base/try.h"
#include "manifolddb/storage.h"

namespace manifolddb {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{1} << 40;

enum class Held : uint8_t { kNone, kShared, kExclusive };

// Bytes in chunks, so that growing moves nothing and absent chunks are zeros.
class ChunkedBytes {
 public:
  uint64_t size() const { return size_; }

  // Grows to at least `size`. kNoMemory leaves everything as it was.
  Status Grow(uint64_t size) {
    if (size <= size_) return {};
    while (chunks_.size() * kChunkBytes < size) {
      auto chunk = base::Buffer::Make(kChunkBytes, "memory_storage.grow");
      if (!chunk) return std::unexpected<Error>(std::move(chunk).error());
      std::memset(chunk->data(), 0, chunk->size());
      chunks_.push_back(std::move(*chunk));
    }
    size_ = size;
    return {};
  }

  void Shrink(uint64_t size) {
    if (size >= size_) return;
    size_ = size;
    chunks_.resize(static_cast<size_t>((size + kChunkBytes - 1) / kChunkBytes));
    // What it grows into again reads as zero.
    if (size % kChunkBytes != 0) {
      base::Buffer& last = chunks_.back();
      std::memset(last.data() + size % kChunkBytes, 0, kChunkBytes - size % kChunkBytes);
    }
  }

  void Read(uint64_t offset, MutableByteView out) const {
    MANIFOLDDB_ASSERT(offset + out.size() <= size_);
    size_t done = 0;
    while (done < out.size()) {
      const auto [chunk, at, run] = Locate(offset + done, out.size() - done);
      std::memcpy(out.data() + done, chunks_[chunk].data() + at, run);
      done += run;
    }
  }

  void Write(uint64_t offset, ByteView bytes) {
    MANIFOLDDB_ASSERT(offset + bytes.size() <= size_);
    size_t done = 0;
    while (done < bytes.size()) {
      const auto [chunk, at, run] = Locate(offset + done, bytes.size() - done);
      std::memcpy(chunks_[chunk].data() + at, bytes.data() + done, run);
      done += run;
    }
  }

 private:
  static constexpr size_t kChunkBytes = size_t{64} << 10;

  struct Place {
    size_t chunk;
    size_t at;
    size_t run;
  };
  static Place Locate(uint64_t offset, size_t bytes) {
    const auto at = static_cast<size_t>(offset % kChunkBytes);
    return {static_cast<size_t>(offset / kChunkBytes), at, std::min(bytes, kChunkBytes - at)};
  }

  std::vector<base::Buffer> chunks_;
  uint64_t size_ = 0;
};

struct Inode {
  base::Mutex mutex{base::LockRank::kStorage};
  ChunkedBytes bytes GUARDED_BY(mutex);
  uint32_t shared_locks GUARDED_BY(mutex) = 0;
  bool exclusive_lock GUARDED_BY(mutex) = false;

  bool Locked() EXCLUDES(mutex) {
    base::MutexLock lock(mutex);
    return exclusive_lock || shared_locks > 0;
  }
};

class MemoryFile final : public File {
 public:
  MemoryFile(std::string name, OpenMode mode, std::shared_ptr<Inode> inode)
      : File(std::move(name)), mode_(mode), inode_(std::move(inode)) {}

  ~MemoryFile() override {
    base::MutexLock lock(inode_->mutex);
    Unlock();
  }

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    base::MutexLock lock(inode_->mutex);
    const uint64_t size = inode_->bytes.size();
    if (offset + out.size() > size) {
      return Fail(
          Errc::kTruncated, "memory_storage.read",
          {.file = name(), .offset = offset, .message = "the file ends at byte " + std::to_string(size)});
    }
    inode_->bytes.Read(offset, out);
    return {};
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    if (mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, "memory_storage.write", {.file = name(), .offset = offset});
    }
    uint64_t end = offset;
    for (const ByteView& part : parts) end += part.size();
    base::MutexLock lock(inode_->mutex);
    if (auto grown = Grow(end); !grown) return grown;
    uint64_t at = offset;
    for (const ByteView& part : parts) {
      inode_->bytes.Write(at, part);
      at += part.size();
    }
    MANIFOLDDB_ASSERT(at == end);
    return {};
  }

  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return DoWrite(offset, parts);
  }

  Status DoSync() override { return {}; }

  Result<uint64_t> DoSize() override {
    base::MutexLock lock(inode_->mutex);
    return inode_->bytes.size();
  }

  Status DoAllocate(uint64_t size) override {
    if (mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, "memory_storage.allocate", {.file = name()});
    }
    base::MutexLock lock(inode_->mutex);
    return Grow(size);
  }

  Result<bool> DoTruncate(uint64_t size) override {
    if (mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, "memory_storage.truncate", {.file = name()});
    }
    base::MutexLock lock(inode_->mutex);
    inode_->bytes.Shrink(size);
    return true;
  }

  Status DoLock(LockMode mode) override {
    if (mode == LockMode::kExclusive && mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kInvalidArgument, "memory_storage.lock",
                  {.file = name(), .message = "an exclusive lock needs an opening for writing"});
    }
    base::MutexLock lock(inode_->mutex);
    const uint32_t shared_elsewhere = inode_->shared_locks - (held_ == Held::kShared ? 1 : 0);
    const bool exclusive_elsewhere = inode_->exclusive_lock && held_ != Held::kExclusive;
    if (exclusive_elsewhere || (mode == LockMode::kExclusive && shared_elsewhere > 0)) {
      return Fail(Errc::kLocked, "memory_storage.lock", {.file = name()});
    }
    Unlock();
    if (mode == LockMode::kExclusive) {
      inode_->exclusive_lock = true;
      held_ = Held::kExclusive;
    } else {
      ++inode_->shared_locks;
      held_ = Held::kShared;
    }
    return {};
  }

  Status Grow(uint64_t size) REQUIRES(inode_->mutex) {
    if (size > kFileBytesMax) {
      return Fail(Errc::kNoSpace, "memory_storage.grow",
                  {.file = name(), .message = std::to_string(size) + " bytes"});
    }
    return inode_->bytes.Grow(size);
  }

  void Unlock() REQUIRES(inode_->mutex) {
    if (held_ == Held::kExclusive) inode_->exclusive_lock = false;
    if (held_ == Held::kShared) --inode_->shared_locks;
    held_ = Held::kNone;
  }

  const OpenMode mode_;
  const std::shared_ptr<Inode> inode_;
  Held held_ GUARDED_BY(inode_->mutex) = Held::kNone;
};

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(uint64_t serial) : serial_(serial) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    base::AssertNoLocksHeld();
    if (mode == OpenMode::kCreate) return Create(name);
    std::shared_ptr<Inode> inode = Find(name);
    if (inode == nullptr) return Fail(Errc::kNotFound, "memory_storage.open", {.file = name});
    return std::make_unique<MemoryFile>(name, mode, std::move(inode));
  }

  Result<bool> Exists(const std::string& name) override {
    base::AssertNoLocksHeld();
    base::MutexLock lock(mutex_);
    return names_.contains(name);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    base::AssertNoLocksHeld();
    base::MutexLock lock(mutex_);
    const auto found = names_.find(from);
    if (found == names_.end()) {
      return Fail(Errc::kNotFound, "memory_storage.rename", {.file = from});
    }
    if (from == to) return {};
    std::shared_ptr<Inode> inode = std::move(found->second);
    names_.erase(found);
    names_[to] = std::move(inode);
    return {};
  }

  Status Remove(const std::string& name) override {
    base::AssertNoLocksHeld();
    base::MutexLock lock(mutex_);
    if (names_.erase(name) == 0) {
      return Fail(Errc::kNotFound, "memory_storage.remove", {.file = name});
    }
    return {};
  }

  Status SyncDirectory() override {
    base::AssertNoLocksHeld();
    return {};
  }

  std::array<std::byte, 16> NewIdentity() override {
    base::MutexLock lock(mutex_);
    std::array<std::byte, 16> identity;
    base::StoreLe(identity.data(), serial_);
    base::StoreLe(identity.data() + 8, ++identities_);
    return identity;
  }

 private:
  std::shared_ptr<Inode> Find(const std::string& name) {
    base::MutexLock lock(mutex_);
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second;
  }

  Result<std::unique_ptr<File>> Create(const std::string& name) {
    const auto inode = std::make_shared<Inode>();
    std::unique_ptr<File> file = std::make_unique<MemoryFile>(name, OpenMode::kCreate, inode);
    MANIFOLDDB_TRY(file->Lock(LockMode::kExclusive));
    for (;;) {
      const std::shared_ptr<Inode> old = Find(name);
      if (old != nullptr && old->Locked()) return Fail(Errc::kLocked, "memory_storage.open", {.file = name});
      base::MutexLock lock(mutex_);
      std::shared_ptr<Inode>& named = names_[name];
      if (named != old) continue;  // somebody else created it meanwhile
      named = inode;
      return file;
    }
  }

  const uint64_t serial_;
  base::Mutex mutex_{base::LockRank::kStorage};
  std::map<std::string, std::shared_ptr<Inode>> names_ GUARDED_BY(mutex_);
  uint64_t identities_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::shared_ptr<Storage> MakeMemoryStorage() {
  // Databases in memory end with the process: numbers unique in it are identity enough.
  static std::atomic<uint64_t> serial{0};
  return std::make_shared<MemoryStorage>(serial.fetch_add(1, std::memory_order_relaxed) + 1);
}

}  // namespace manifolddb
