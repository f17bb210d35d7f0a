// One opening of a file of the simulated disk.
//
// (1) Every call asks first whether its process is still alive; a dead one's calls have no effect.
// (2) The opening itself is the owner of its lock.

#include <algorithm>
#include <cerrno>

#include "engine/base/mutex.h"
#include "engine/base/try.h"
#include "faultfs/disk_state.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {
namespace {

class DiskFile final : public File {
 public:
  DiskFile(std::string name, OpenMode mode, std::shared_ptr<DiskState> disk, uint64_t process, Inode inode)
      : File(std::move(name)), mode_(mode), disk_(std::move(disk)), process_(process), inode_(inode) {}

  ~DiskFile() override {
    base::MutexLock lock(disk_->mutex);
    Unlock();
    disk_->process_of_opening.erase(this);
  }

 private:
  Status Enter(const char* operation, bool writes) const REQUIRES(disk_->mutex) {
    if (!disk_->Alive(process_)) return FailIo(operation, name());
    if (writes && mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, operation, {.file = name(), .message = "the file was opened for reading"});
    }
    return {};
  }

  Status DoRead(uint64_t offset, MutableByteView out) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.read", false));
    const auto fault = disk_->Count(Operation::kRead, name(), inode_, offset, out.size());
    if (fault && fault->kind == FaultKind::kIoError) return FailIo("faultfs.read", name(), offset);
    disk_->Look(inode_, offset, out.size());
    const FileImage& cache = disk_->nodes.at(inode_).cache;
    const bool short_read = fault && fault->kind == FaultKind::kShortRead;
    const uint64_t end = short_read ? std::min(cache.size(), offset + out.size() / 2) : cache.size();
    if (offset + out.size() > end) {
      if (offset < end) cache.Read(offset, out.first(static_cast<size_t>(end - offset)));
      return Fail(Errc::kTruncated, "faultfs.read",
                  {.file = name(), .offset = offset, .message = "no bytes from " + std::to_string(end)});
    }
    cache.Read(offset, out);
    if (fault && fault->kind == FaultKind::kCorruptRead) {
      const uint64_t bit = Mix(fault->parameter) % (out.size() * 8);
      out[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    return {};
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.write", true));
    return disk_->Write(process_, inode_, name(), offset, parts);
  }

  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.write", true));
    MANIFOLDDB_TRY(disk_->Write(process_, inode_, name(), offset, parts));
    return disk_->Sync(process_, inode_, name(), offset, BytesOf(parts));
  }

  Status DoSync() override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.sync", false));
    return disk_->Sync(process_, inode_, name(), 0, 0);
  }

  Result<uint64_t> DoSize() override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.size", false));
    return disk_->nodes.at(inode_).cache.size();
  }

  Status DoAllocate(uint64_t size) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.allocate", true));
    if (size <= disk_->nodes.at(inode_).cache.size()) return {};  // asks nothing of the disk
    const auto fault = disk_->Count(Operation::kAllocate, name(), inode_, 0, size);
    if (fault && fault->kind == FaultKind::kNoSpace) {
      return Fail(Errc::kNoSpace, "faultfs.allocate", {.file = name(), .os_error = ENOSPC});
    }
    if (fault) return FailIo("faultfs.allocate", name());
    FileImage& cache = disk_->nodes.at(inode_).cache;
    const uint64_t old_size = cache.size();
    cache.SetSize(size);
    disk_->Append(
        {.kind = EffectKind::kSize, .inode = inode_, .name = name(), .size = size, .old_size = old_size});
    return disk_->Leave(process_, "faultfs.allocate", name());
  }

  Result<bool> DoTruncate(uint64_t size) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.truncate", true));
    Node& node = disk_->nodes.at(inode_);
    const uint64_t old_size = node.cache.size();
    if (size >= old_size) return true;  // asks nothing of the disk
    if (disk_->Count(Operation::kAllocate, name(), inode_, size, old_size - size)) {
      return FailIo("faultfs.truncate", name());
    }
    node.cache.SetSize(size);
    node.undetermined.erase(node.undetermined.lower_bound((size - 1) / disk_->traits.atomic_unit + 1),
                            node.undetermined.end());
    disk_->Append(
        {.kind = EffectKind::kTruncate, .inode = inode_, .name = name(), .size = size, .old_size = old_size});
    MANIFOLDDB_TRY(disk_->Leave(process_, "faultfs.truncate", name()));
    return true;
  }

  Status DoLock(LockMode mode) override {
    base::MutexLock lock(disk_->mutex);
    MANIFOLDDB_TRY(Enter("faultfs.lock", false));
    const bool exclusive = mode == LockMode::kExclusive;
    if (exclusive && mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kInvalidArgument, "faultfs.lock",
                  {.file = name(), .message = "an exclusive lock needs an opening for writing"});
    }
    Node& node = disk_->nodes.at(inode_);
    const size_t shared_elsewhere = node.shared_locks.size() - node.shared_locks.count(this);
    const bool exclusive_elsewhere = node.exclusive_lock != nullptr && node.exclusive_lock != this;
    if (exclusive_elsewhere || (exclusive && shared_elsewhere > 0)) {
      return Fail(Errc::kLocked, "faultfs.lock", {.file = name()});
    }
    Unlock();
    if (exclusive) node.exclusive_lock = this;
    if (!exclusive) node.shared_locks.insert(this);
    return {};
  }

  void Unlock() REQUIRES(disk_->mutex) {
    Node& node = disk_->nodes.at(inode_);
    if (node.exclusive_lock == this) node.exclusive_lock = nullptr;
    node.shared_locks.erase(this);
  }

  const OpenMode mode_;
  const std::shared_ptr<DiskState> disk_;
  const uint64_t process_;
  const Inode inode_;
};

}  // namespace

std::unique_ptr<File> MakeDiskFile(std::string name, OpenMode mode, std::shared_ptr<DiskState> disk,
                                   uint64_t process, Inode inode) {
  return std::make_unique<DiskFile>(std::move(name), mode, std::move(disk), process, inode);
}

}  // namespace manifolddb::faultfs
