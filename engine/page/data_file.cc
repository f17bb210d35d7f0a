// Pages and extents of the data file.
//
// (1) Nothing read from the file is handed out before it was found to be what the reference names.
// (2) References come from other pages and are not trusted: positions that no file has and lengths beyond
//     the end of this one are corruption, found before memory is taken for them.
// Callers hold no lock.

#include "engine/page/data_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/format/page_header.h"
#include "engine/page/page_text.h"
#include "manifolddb/options.h"

namespace manifolddb::page {
namespace {

// Extents are written through an aligned buffer of at most this size.
constexpr uint64_t kStageBytesMax = uint64_t{1} << 20;
constexpr uint64_t kFileBytesMax = std::numeric_limits<int64_t>::max();

}  // namespace

DataFile::DataFile(std::unique_ptr<File> file, uint32_t page_size)
    : file_(std::move(file)), name_(file_->name()), page_size_(page_size) {
  MANIFOLDDB_ASSERT(file_ != nullptr);
  MANIFOLDDB_ASSERT(page_size >= format::kPageBytesMin && page_size <= format::kPageBytesMax);
  MANIFOLDDB_ASSERT((page_size & (page_size - 1)) == 0);
}

std::unexpected<Error> DataFile::Corrupt(const char* operation, format::PageId at,
                                         std::string message) const {
  const bool exists = Reachable(at, page_size_);
  auto failed = Fail(Errc::kCorrupt, operation,
                     {.file = name(),
                      .offset = exists ? OffsetOf(at) : ErrorDetails::kNoOffset,
                      .message = std::move(message)});
  if (listener_ != nullptr) listener_->OnCorruption(failed.error());
  return failed;
}

bool DataFile::Reachable(format::PageId first, uint64_t bytes) const {
  return first.raw() <= kFileBytesMax / page_size_ && bytes <= kFileBytesMax - OffsetOf(first);
}

Status DataFile::ReadAt(const char* operation, format::PageId first, MutableByteView out) {
  MANIFOLDDB_ASSERT(Reachable(first, out.size()));
  Status read = file_->Read(OffsetOf(first), out);
  if (read || read.error().code() != Errc::kTruncated) return read;
  // A read may also have come back short from a file that is long enough: that is the storage's error to
  // tell.
  MANIFOLDDB_ASSIGN(const uint64_t size, file_->Size());
  if (OffsetOf(first) + out.size() <= size) return read;
  MANIFOLDDB_MARK("page.read.beyond_end");
  return Corrupt(operation, first,
                 TextOf(first) + " lies beyond the end of the file, byte " + std::to_string(size));
}

Status DataFile::ReadPage(format::PageRef ref, MutableByteView out) {
  MANIFOLDDB_ASSERT(!ref.null() && out.size() == page_size_);
  if (!Reachable(ref.id, page_size_)) return Corrupt("page.read", ref.id, TextOf(ref.id) + " cannot exist");
  MANIFOLDDB_TRY(ReadAt("page.read", ref.id, out));
  const char* why = format::WhyInvalid(out, ref);
  if (why == nullptr) return {};
  MANIFOLDDB_MARK("page.read.invalid");
  const auto& header = *reinterpret_cast<const format::NodeHeader*>(out.data());
  const format::PageRef found{format::PageId{header.page_id}, format::Birth{header.birth}};
  if (found == ref) return Corrupt("page.read", ref.id, std::string(why) + " in " + TextOf(ref));
  return Corrupt("page.read", ref.id,
                 std::string(why) + ": expected " + TextOf(ref) + ", found " + TextOf(found));
}

Status DataFile::WriteExtent(format::PageId first, ByteView value) {
  MANIFOLDDB_ASSERT(first != format::PageId{} && !value.empty());
  uint64_t padded = format::ExtentPages(value.size(), page_size_) * page_size_;
  MANIFOLDDB_ASSERT(Reachable(first, padded));
  // The storage wants aligned buffers, the user's value lies anywhere.
  MANIFOLDDB_ASSIGN(base::Buffer stage,
                    base::Buffer::Make(std::min(padded, kStageBytesMax), "page.write_extent"));
  uint64_t offset = OffsetOf(first);
  while (padded > 0) {
    const size_t step = base::ToSize(std::min<uint64_t>(padded, stage.size()));
    const size_t bytes = std::min(step, value.size());
    std::memcpy(stage.data(), value.data(), bytes);
    std::memset(stage.data() + bytes, 0, step - bytes);
    MANIFOLDDB_TRY(file_->Write(offset, ByteView(stage.data(), step)));
    value = value.subspan(bytes);
    offset += step;
    padded -= step;
  }
  MANIFOLDDB_ASSERT(value.empty());
  extent_bytes_written_.fetch_add(offset - OffsetOf(first), std::memory_order_relaxed);
  return {};
}

Result<base::Buffer> DataFile::ReadExtent(const format::ExtentRef& ref) {
  MANIFOLDDB_ASSERT(!ref.null());
  constexpr const char* kOperation = "page.read_extent";
  if (ref.bytes == 0 || ref.bytes > kValueBytesMax || !Reachable(ref.first, ref.bytes)) {
    return Corrupt(kOperation, ref.first,
                   TextOf(ref.first) + " cannot begin an extent of " + std::to_string(ref.bytes) + " bytes");
  }
  MANIFOLDDB_ASSIGN(const uint64_t size, file_->Size());
  if (OffsetOf(ref.first) + ref.bytes > size && !MANIFOLDDB_BROKEN("decode.extent.end")) {
    MANIFOLDDB_MARK("page.read_extent.beyond_end");
    return Corrupt(kOperation, ref.first,
                   "an extent of " + std::to_string(ref.bytes) +
                       " bytes lies beyond the end of the file, byte " + std::to_string(size));
  }
  MANIFOLDDB_ASSIGN(base::Buffer value, base::Buffer::Make(ref.bytes, kOperation));
  MANIFOLDDB_TRY(ReadAt(kOperation, ref.first, value.span()));
  // Lost, torn and misdirected writes, and bit rot: an extent has no header, its checksum says it all.
  if (base::Checksum64(value.view()) != ref.checksum && !MANIFOLDDB_BROKEN("page.extent.checksum")) {
    MANIFOLDDB_MARK("page.read_extent.invalid");
    return Corrupt(kOperation, ref.first,
                   "checksum mismatch in an extent of " + std::to_string(ref.bytes) + " bytes, birth " +
                       TextOf(ref.birth));
  }
  extent_reads_.fetch_add(1, std::memory_order_relaxed);
  extent_bytes_read_.fetch_add(ref.bytes, std::memory_order_relaxed);
  return value;
}

}  // namespace manifolddb::page
