#pragma once
// The files of a database as bytes, for looking at what does not open.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/memory.h"
#include "manifolddb/result.h"
#include "manifolddb/storage.h"

namespace manifolddb::tools {

std::string LogPath(const std::string& data_path);

// Opened for reading; nothing can be written through it.
class RawFile {
 public:
  // kNotFound, kPermission, ...; the error names the path.
  static Result<RawFile> Open(const std::string& path);

  // Keeps writers out; kLocked if one is in.
  Status LockOutWriters() { return file_->Lock(LockMode::kShared); }
  const std::string& path() const { return file_->name(); }
  uint64_t size() const { return size_; }
  // Of `bytes` bytes at `offset` those that the file has: fewer, or none, at its end. The view lives until
  // the next call.
  Result<ByteView> Read(uint64_t offset, uint64_t bytes);

 private:
  RawFile(std::unique_ptr<File> file, uint64_t size) : file_(std::move(file)), size_(size) {}

  std::unique_ptr<File> file_;
  uint64_t size_ = 0;  // when it was opened
  base::Buffer window_;
  uint64_t window_begin_ = 0;
  uint64_t window_bytes_ = 0;
};

}  // namespace manifolddb::tools
