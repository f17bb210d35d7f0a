// The files of a database as bytes, through a window that mostly moves forward.

#include "tools/raw_file.h"

#include <algorithm>

#include "engine/base/try.h"
#include "tools/program.h"

namespace manifolddb::tools {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{1} << 20;

}  // namespace

std::string LogPath(const std::string& data_path) { return data_path + "-wal"; }

Result<RawFile> RawFile::Open(const std::string& path) {
  MANIFOLDDB_ASSIGN(const PathParts parts, SplitPath(path));
  MANIFOLDDB_ASSIGN(std::unique_ptr<File> file,
                    MakePosixStorage(parts.directory)->Open(parts.name, OpenMode::kReadOnly));
  MANIFOLDDB_ASSIGN(const uint64_t size, file->Size());
  return RawFile(std::move(file), size);
}

Result<ByteView> RawFile::Read(uint64_t offset, uint64_t bytes) {
  if (offset >= size_) return ByteView();
  bytes = std::min(bytes, size_ - offset);
  if (bytes == 0) return ByteView();
  if (offset < window_begin_ || offset + bytes > window_begin_ + window_bytes_) {
    const uint64_t wanted = std::min(std::max(bytes, kWindowBytes), size_ - offset);
    window_bytes_ = 0;
    if (window_.size() < wanted) {
      MANIFOLDDB_ASSIGN(window_, base::Buffer::Make(wanted, "tools.read"));
    }
    MANIFOLDDB_TRY(file_->Read(offset, window_.span().first(wanted)));
    window_begin_ = offset;
    window_bytes_ = wanted;
  }
  return window_.view().subspan(offset - window_begin_, bytes);
}

}  // namespace manifolddb::tools
