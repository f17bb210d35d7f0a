#pragma once
// A file of a disk that fails: what cannot be read reads as zeros, which no checksum takes for data, and is
// remembered. Nothing can be written through it.

#include <cstdint>
#include <map>
#include <memory>

#include "manifolddb/storage.h"

namespace manifolddb::salvage {

class UnreadableFile final : public File {
 public:
  explicit UnreadableFile(std::unique_ptr<File> below) : File(below->name()), below_(std::move(below)) {}

  // What could not be read, offsets and lengths; the first kBlocksMax of it.
  using Blocks = std::map<uint64_t, uint64_t>;
  const Blocks& unreadable() const { return unreadable_; }

 private:
  static constexpr size_t kBlocksMax = 1000;

  Status DoRead(uint64_t offset, MutableByteView out) override;
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override;
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override;
  Status DoSync() override { return {}; }
  Result<uint64_t> DoSize() override { return below_->Size(); }
  Status DoAllocate(uint64_t size) override;
  Status DoLock(LockMode mode) override { return below_->Lock(mode); }
  Status Refuse(uint64_t offset) const;

  const std::unique_ptr<File> below_;
  Blocks unreadable_;
};

}  // namespace manifolddb::salvage
