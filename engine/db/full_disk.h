#pragma once
// For tests of trouble: a disk that is full, fails, or reads otherwise than it was written.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "engine/db/test_support.h"

namespace manifolddb {

// A storage whose files grow to `bytes_max` and no further.
class FullDisk final : public PassingStorage {
 public:
  uint64_t bytes_max = ~uint64_t{0};
  bool reads_fail = false;
  bool stops = false;  // writes fail: nothing reaches the files any more
  // What is read of `file` passes through here.
  std::function<void(const std::string& file, MutableByteView bytes)> read;

 private:
  class Limited final : public PassingFile {
   public:
    Limited(std::unique_ptr<File> file, const FullDisk& disk) : PassingFile(std::move(file)), disk_(disk) {}

   private:
    Status DoRead(uint64_t offset, MutableByteView out) override {
      if (disk_.reads_fail) return Fail(Errc::kIo, "test.read", {.file = name(), .offset = offset});
      Status status = below().Read(offset, out);
      if (status && disk_.read) disk_.read(name(), out);
      return status;
    }
    Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
      if (disk_.stops) return Fail(Errc::kIo, "test.write", {.file = name(), .offset = offset});
      return below().Write(offset, parts);
    }
    Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
      if (disk_.stops) return Fail(Errc::kIo, "test.write", {.file = name(), .offset = offset});
      return below().WriteDurable(offset, parts);
    }
    Status DoAllocate(uint64_t size) override {
      if (size > disk_.bytes_max) return Fail(Errc::kNoSpace, "test.allocate", {.file = name()});
      return below().Allocate(size);
    }

    const FullDisk& disk_;
  };
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    return std::make_unique<Limited>(std::move(file), *this);
  }
};

}  // namespace manifolddb
