#pragma once
// For tests of the whole database: sizes so small that everything happens soon, and a storage that hands all
// calls on, for tests that change one of them.

#include <memory>
#include <string>
#include <utility>

#include "manifolddb/options.h"
#include "manifolddb/storage.h"

namespace manifolddb {

inline constexpr uint32_t kTinyUnit = 512;  // page and write unit

inline Options TinyOptions() {
  Options options;
  options.page_size = kTinyUnit;
  options.write_unit = kTinyUnit;
  options.log_bytes_initial = 16 * kTinyUnit;
  options.log_bytes_max = 64 * kTinyUnit;
  options.cache_bytes = 64 * kTinyUnit;
  options.dirty_bytes_max = 32 * kTinyUnit;
  options.executor = MakeInlineExecutor();
  return options;
}

class PassingFile : public File {
 public:
  explicit PassingFile(std::unique_ptr<File> file) : File(file->name()), file_(std::move(file)) {}

 protected:
  File& below() { return *file_; }

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override { return file_->Read(offset, out); }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    return file_->Write(offset, parts);
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return file_->WriteDurable(offset, parts);
  }
  Status DoStartWriteBack(uint64_t offset, uint64_t bytes) override {
    file_->StartWriteBack(offset, bytes);
    return {};
  }
  Status DoSync() override { return file_->Sync(); }
  Result<uint64_t> DoSize() override { return file_->Size(); }
  Status DoAllocate(uint64_t size) override { return file_->Allocate(size); }
  Result<bool> DoTruncate(uint64_t size) override { return file_->Truncate(size); }
  Status DoLock(LockMode mode) override { return file_->Lock(mode); }

  const std::unique_ptr<File> file_;
};

// Over memory; every file that is opened goes through Wrap.
class PassingStorage : public Storage {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    auto file = memory_->Open(name, mode);
    if (!file) return file;
    return Wrap(std::move(*file));
  }
  Result<bool> Exists(const std::string& name) override { return memory_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override { return memory_->Rename(from, to); }
  Status Remove(const std::string& name) override { return memory_->Remove(name); }
  Status SyncDirectory() override { return memory_->SyncDirectory(); }
  std::array<std::byte, 16> NewIdentity() override { return memory_->NewIdentity(); }

 private:
  virtual std::unique_ptr<File> Wrap(std::unique_ptr<File> file) = 0;

  const std::shared_ptr<Storage> memory_ = MakeMemoryStorage();
};

}  // namespace manifolddb
