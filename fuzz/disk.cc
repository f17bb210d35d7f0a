// One thread at a time. Nothing is lost here: what a crash takes is for faultfs and crashsim.
#include "fuzz/disk.h"

#include <cstring>
#include <utility>

#include "engine/base/le.h"
#include "engine/base/try.h"

namespace manifolddb::fuzz {

class Disk::OpenFile final : public File {
 public:
  OpenFile(std::string name, OpenMode mode, std::shared_ptr<Inode> inode, const Disk& disk)
      : File(name),
        mode_(mode),
        inode_(std::move(inode)),
        bytes_max_(name.starts_with(kLogName) ? disk.room_.log_bytes_max : disk.room_.data_bytes_max),
        reads_until_one_fails_(disk.reads_until_one_fails_) {}
  ~OpenFile() override {
    if (exclusive_) inode_->exclusive_lock = false;
    if (shared_) --inode_->shared_locks;
  }

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    if (*reads_until_one_fails_ > 0 && --*reads_until_one_fails_ == 0) {
      return Fail(Errc::kIo, "disk.read", {.file = name(), .offset = offset});
    }
    const std::string& bytes = inode_->bytes;
    if (offset > bytes.size() || out.size() > bytes.size() - offset) {
      return Fail(Errc::kTruncated, "disk.read",
                  {.file = name(), .offset = offset, .message = std::to_string(bytes.size()) + " bytes"});
    }
    std::memcpy(out.data(), bytes.data() + offset, out.size());
    return {};
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    if (mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, "disk.write", {.file = name(), .offset = offset});
    }
    for (const ByteView part : parts) {
      MANIFOLDDB_TRY(Grow(offset + part.size()));
      std::memcpy(inode_->bytes.data() + offset, part.data(), part.size());
      offset += part.size();
    }
    return {};
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return DoWrite(offset, parts);
  }
  Status DoSync() override { return {}; }
  Result<uint64_t> DoSize() override { return inode_->bytes.size(); }
  Status DoAllocate(uint64_t size) override { return Grow(size); }

  Status DoLock(LockMode mode) override {
    const uint32_t others = inode_->shared_locks - (shared_ ? 1 : 0);
    if ((inode_->exclusive_lock && !exclusive_) || (mode == LockMode::kExclusive && others > 0)) {
      return Fail(Errc::kLocked, "disk.lock", {.file = name()});
    }
    if (exclusive_) inode_->exclusive_lock = false;
    if (shared_) --inode_->shared_locks;
    exclusive_ = mode == LockMode::kExclusive;
    shared_ = !exclusive_;
    if (exclusive_) inode_->exclusive_lock = true;
    if (shared_) ++inode_->shared_locks;
    return {};
  }

  Status Grow(uint64_t size) {
    if (size <= inode_->bytes.size()) return {};
    if (size > bytes_max_) return Fail(Errc::kNoSpace, "disk.grow", {.file = name(), .offset = size});
    inode_->bytes.resize(size);
    return {};
  }

  const OpenMode mode_;
  const std::shared_ptr<Inode> inode_;
  const uint64_t bytes_max_;
  const std::shared_ptr<uint64_t> reads_until_one_fails_;
  bool exclusive_ = false;
  bool shared_ = false;
};

Disk::Disk(Files files, uint64_t identity, Room room) : identity_(identity), room_(room) {
  for (auto& [name, bytes] : files) {
    names_[name] = std::make_shared<Inode>();
    names_[name]->bytes = std::move(bytes);
  }
}

Files Disk::Take() const {
  Files files;
  for (const auto& [name, inode] : names_) files[name] = inode->bytes;
  return files;
}

Result<std::unique_ptr<File>> Disk::Open(const std::string& name, OpenMode mode) {
  const auto found = names_.find(name);
  if (mode != OpenMode::kCreate) {
    if (found == names_.end()) return Fail(Errc::kNotFound, "disk.open", {.file = name});
    return std::make_unique<OpenFile>(name, mode, found->second, *this);
  }
  if (found != names_.end() && (found->second->exclusive_lock || found->second->shared_locks > 0)) {
    return Fail(Errc::kLocked, "disk.open", {.file = name});
  }
  auto inode = std::make_shared<Inode>();
  names_[name] = inode;
  std::unique_ptr<File> file = std::make_unique<OpenFile>(name, mode, std::move(inode), *this);
  MANIFOLDDB_TRY(file->Lock(LockMode::kExclusive));
  return file;
}

Result<bool> Disk::Exists(const std::string& name) { return names_.contains(name); }

Status Disk::Rename(const std::string& from, const std::string& to) {
  const auto found = names_.find(from);
  if (found == names_.end()) return Fail(Errc::kNotFound, "disk.rename", {.file = from});
  if (from == to) return {};
  std::shared_ptr<Inode> inode = std::move(found->second);
  names_.erase(found);
  names_[to] = std::move(inode);
  return {};
}

Status Disk::Remove(const std::string& name) {
  if (names_.erase(name) == 0) return Fail(Errc::kNotFound, "disk.remove", {.file = name});
  return {};
}

std::array<std::byte, 16> Disk::NewIdentity() {
  std::array<std::byte, 16> identity = {};
  base::StoreLe(identity.data(), identity_);
  base::StoreLe(identity.data() + 8, ++identities_);
  return identity;
}

}  // namespace manifolddb::fuzz
