#pragma once
// The data file as pages and extents: offsets, errors with positions, nothing else.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/memory.h"
#include "engine/format/ids.h"
#include "manifolddb/stats.h"
#include "manifolddb/storage.h"

namespace manifolddb::page {

// Of less that was written the device is not told (File::StartWriteBack): it waits for the sync.
inline constexpr uint64_t kWriteBackBytesMin = uint64_t{64} << 10;

class DataFile {
 public:
  DataFile(std::unique_ptr<File> file, uint32_t page_size);

  uint32_t page_size() const { return page_size_; }
  const std::string& name() const { return name_; }
  File& file() { return *file_; }
  // Gives the file and its lock back. REQUIRES: nobody reads or writes any more.
  void Close() { file_.reset(); }
  uint64_t OffsetOf(format::PageId id) const { return id.raw() * page_size_; }

  // Reads one page into `out` (page_size bytes) and validates it as `ref`: kCorrupt with position and reason,
  // also when the file ends before the page does.
  Status ReadPage(format::PageRef ref, MutableByteView out);
  // Writes `value` to the run of pages at `first`, zero-padded to whole pages. Any address will do.
  Status WriteExtent(format::PageId first, ByteView value);
  // Reads the value of an extent and checks its checksum.
  Result<base::Buffer> ReadExtent(const format::ExtentRef& ref);
  // Told of each error that Corrupt makes. Before anybody else uses this object.
  void SetListener(EventListener* listener) { listener_ = listener; }
  uint64_t extent_reads() const { return extent_reads_.load(std::memory_order_relaxed); }
  uint64_t extent_bytes_read() const { return extent_bytes_read_.load(std::memory_order_relaxed); }
  uint64_t extent_bytes_written() const { return extent_bytes_written_.load(std::memory_order_relaxed); }
  // kCorrupt at `at`, wherever that may be: what is wrong there.
  std::unexpected<Error> Corrupt(const char* operation, format::PageId at, std::string message) const;

 private:
  // A position that no file has, as a damaged reference may name one.
  bool Reachable(format::PageId first, uint64_t bytes) const;
  // Reads `out` at `first`. A range beyond the end of the file is corruption: a reference to nowhere, or a
  // file that lost its end.
  Status ReadAt(const char* operation, format::PageId first, MutableByteView out);

  std::unique_ptr<File> file_;  // null after Close
  const std::string name_;
  const uint32_t page_size_;
  EventListener* listener_ = nullptr;
  // Counted beside a system call and a checksum over the same bytes, which take a hundred times as long.
  std::atomic<uint64_t> extent_reads_{0};
  std::atomic<uint64_t> extent_bytes_read_{0};
  std::atomic<uint64_t> extent_bytes_written_{0};
};

}  // namespace manifolddb::page
