// Block by block where a read fails as a whole: a disk refuses sectors, not files. Used by one thread.

#include "engine/salvage/unreadable_file.h"

#include <algorithm>
#include <cstring>

#include "engine/base/memory.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::salvage {

Status UnreadableFile::DoRead(uint64_t offset, MutableByteView out) {
  const Status whole = below_->Read(offset, out);
  if (whole || whole.error().code() != Errc::kIo) return whole;
  MANIFOLDDB_ASSIGN(base::Buffer block, base::Buffer::Make(kBufferAlignment, "salvage.read"));
  while (!out.empty()) {
    const uint64_t left_of_block = kBufferAlignment - offset % kBufferAlignment;
    const size_t bytes = base::ToSize(std::min<uint64_t>(left_of_block, out.size()));
    const Status read = below_->Read(offset, block.span().first(bytes));
    if (!read && read.error().code() != Errc::kIo) return read;
    if (!read) {
      std::memset(block.data(), 0, bytes);
      if (unreadable_.size() < kBlocksMax) unreadable_.emplace(offset, bytes);
    }
    std::memcpy(out.data(), block.data(), bytes);
    out = out.subspan(bytes);
    offset += bytes;
  }
  return {};
}

Status UnreadableFile::Refuse(uint64_t offset) const {
  return Fail(Errc::kReadOnly, "salvage.write", {.file = name(), .offset = offset});
}
Status UnreadableFile::DoWrite(uint64_t offset, std::span<const ByteView>) { return Refuse(offset); }
Status UnreadableFile::DoWriteDurable(uint64_t offset, std::span<const ByteView>) { return Refuse(offset); }
Status UnreadableFile::DoAllocate(uint64_t size) { return Refuse(size); }

}  // namespace manifolddb::salvage
