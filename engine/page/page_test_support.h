#pragma once
// What the tests of this module share: a file that writes down what is asked of it and fails when told to,
// pages that pass validation, and everything that a cache needs around it.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/le.h"
#include "engine/format/page_header.h"
#include "engine/mvcc/reader_slots.h"
#include "engine/page/data_file.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"

namespace manifolddb::page {

// A file in memory. Thread-safe.
class TestFile final : public File {
 public:
  TestFile() : File("test-data") {}

  // What happened since the last call, one line each: "write @4096 +512", "sync", "allocate 8192".
  std::string TakeLog() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(log_, {});
  }
  // The bytes themselves, to look at and to damage.
  std::vector<std::byte>& bytes() { return bytes_; }

  bool fail_reads = false;
  bool fail_writes = false;
  bool fail_syncs = false;
  bool short_reads = false;
  uint64_t bytes_max = ~uint64_t{0};  // beyond it the device is full
  std::function<void()> before_allocate;

 private:
  std::unexpected<Error> Broken(const char* operation, uint64_t offset) const {
    return Fail(Errc::kIo, operation, {.file = name(), .offset = offset, .message = "as told"});
  }
  Status DoRead(uint64_t offset, MutableByteView out) override {
    std::lock_guard<std::mutex> lock(mutex_);
    log_ += "read @" + std::to_string(offset) + " +" + std::to_string(out.size()) + "\n";
    if (fail_reads) return Broken("test.read", offset);
    if (short_reads || offset + out.size() > bytes_.size()) {
      return Fail(Errc::kTruncated, "test.read", {.file = name(), .offset = offset});
    }
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    std::lock_guard<std::mutex> lock(mutex_);
    uint64_t end = offset;
    for (const ByteView& part : parts) end += part.size();
    log_ += "write @" + std::to_string(offset) + " +" + std::to_string(end - offset) + "\n";
    if (fail_writes) return Broken("test.write", offset);
    if (end > bytes_.size()) bytes_.resize(end);
    for (const ByteView& part : parts) {
      std::memcpy(bytes_.data() + offset, part.data(), part.size());
      offset += part.size();
    }
    return {};
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return DoWrite(offset, parts);
  }
  Status DoStartWriteBack(uint64_t offset, uint64_t bytes) override {
    std::lock_guard<std::mutex> lock(mutex_);
    log_ += "start @" + std::to_string(offset) + " +" + std::to_string(bytes) + "\n";
    return {};
  }
  Status DoSync() override {
    std::lock_guard<std::mutex> lock(mutex_);
    log_ += "sync\n";
    if (fail_syncs) return Broken("test.sync", ErrorDetails::kNoOffset);
    return {};
  }
  Result<uint64_t> DoSize() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return bytes_.size();
  }
  Status DoAllocate(uint64_t size) override {
    if (before_allocate) before_allocate();
    std::lock_guard<std::mutex> lock(mutex_);
    log_ += "allocate " + std::to_string(size) + "\n";
    if (size > bytes_max) return Fail(Errc::kNoSpace, "test.allocate", {.file = name()});
    if (size > bytes_.size()) bytes_.resize(size);
    return {};
  }
  Status DoLock(LockMode) override { return {}; }

  std::mutex mutex_;
  std::vector<std::byte> bytes_;
  std::string log_;
};

// A leaf with one entry, key "k", whose value is `stamp` as often as it fits. Leaves the checksum alone.
inline void FillLeaf(std::byte* page, uint32_t page_size, format::PageRef ref, uint64_t stamp) {
  const uint32_t value_bytes = (page_size / 4 - 8) / 8 * 8;
  const uint32_t cell_bytes = sizeof(format::LeafCell) + 1 + value_bytes;
  auto& header = *reinterpret_cast<format::NodeHeader*>(page);
  header.page_id = ref.id.raw();
  header.birth = ref.birth.raw();
  header.kind = static_cast<uint8_t>(format::PageKind::kLeaf);
  header.level = 0;
  header.cells = 1;
  header.heap_begin = page_size - cell_bytes;
  auto& slot = *reinterpret_cast<format::Slot*>(page + sizeof(format::NodeHeader));
  slot.cell = static_cast<uint16_t>(page_size - cell_bytes);
  slot.key_bytes = 1;
  slot.head = static_cast<uint32_t>('k') << 24;
  std::byte* cell = page + page_size - cell_bytes;
  base::StoreLe(cell, static_cast<uint16_t>(value_bytes));
  cell[2] = std::byte{'k'};
  for (uint32_t at = 0; at < value_bytes; at += 8) base::StoreLe(cell + 3 + at, stamp);
}

// The stamp of such a leaf; all ones if it is not whole.
inline uint64_t StampOf(const std::byte* page, uint32_t page_size) {
  const uint32_t value_bytes = (page_size / 4 - 8) / 8 * 8;
  const std::byte* values = page + page_size - value_bytes;
  const auto stamp = base::LoadLe<uint64_t>(values);
  for (uint32_t at = 8; at < value_bytes; at += 8) {
    if (base::LoadLe<uint64_t>(values + at) != stamp) return ~uint64_t{0};
  }
  return stamp;
}

// A file of `pages` free pages behind page 0, its cache and its allocator, in life 3.
class PageFixture {
 public:
  PageFixture(uint32_t page_size, uint64_t pages, uint64_t cache_pages)
      : owned_(std::make_unique<TestFile>()),
        file(*owned_),
        data(std::move(owned_), page_size),
        cache(data, slots, cache_pages * page_size),
        allocator(data, FreePages(pages), kLife),
        slot(slots.Acquire()) {
    file.bytes().resize(pages * page_size);
  }
  ~PageFixture() { slots.Release(slot); }

  static constexpr format::Life kLife{3};
  static format::Birth BirthOf(uint64_t counter) {
    return format::Birth{format::FirstBirth(kLife).raw() + counter};
  }
  static PageBitmap FreePages(uint64_t pages) {
    PageBitmap free(pages);
    if (pages > 1) free.Set({format::PageId{1}, pages - 1});
    return free;
  }

  // A leaf that was written and is not in memory.
  format::PageRef StoreLeaf(uint64_t id, uint64_t birth, uint64_t stamp) {
    const format::PageRef ref{format::PageId{id}, BirthOf(birth)};
    std::byte* page = file.bytes().data() + data.OffsetOf(ref.id);
    std::memset(page, 0, data.page_size());
    FillLeaf(page, data.page_size(), ref, stamp);
    base::StoreLe(page, format::PageChecksum({page, data.page_size()}));
    return ref;
  }
  // The stamp that the cache finds.
  Result<uint64_t> ReadStamp(format::PageRef ref) {
    const mvcc::EpochGuard guard(slot);
    auto frame = cache.Fetch(ref, guard);
    if (!frame) return std::unexpected<Error>(frame.error());
    return StampOf((*frame)->bytes, data.page_size());
  }

 private:
  std::unique_ptr<TestFile> owned_;

 public:
  TestFile& file;
  DataFile data;
  mvcc::ReaderSlots slots;
  PageCache cache;
  PageAllocator allocator;
  mvcc::ReaderSlot* const slot;
};

}  // namespace manifolddb::page
