// Whole units in memory stand for those of the file. Used by one opening; the lock guards against its own
// readers.

#include "engine/recovery/overlay_file.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/mutex.h"
#include "engine/base/size.h"
#include "engine/base/try.h"

namespace manifolddb::recovery {
namespace {

class OverlayFile final : public File {
 public:
  OverlayFile(std::unique_ptr<File> base, uint32_t unit)
      : File(base->name()), base_(std::move(base)), unit_(unit) {}

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    MANIFOLDDB_ASSIGN(const uint64_t pretended, DoSize());
    size_t below = 0;  // bytes that the file below has
    {
      base::MutexLock lock(mutex_);
      below = offset < size_ ? base::ToSize(std::min<uint64_t>(out.size(), size_ - offset)) : 0;
    }
    // Beyond what is pretended the file below says so.
    if (offset + out.size() > pretended) return base_->Read(offset, out);
    if (below > 0) MANIFOLDDB_TRY(base_->Read(offset, out.first(below)));
    std::memset(out.data() + below, 0, out.size() - below);
    base::MutexLock lock(mutex_);
    for (uint64_t unit = offset / unit_; unit * unit_ < offset + out.size(); ++unit) {
      const auto found = units_.find(unit);
      if (found == units_.end()) continue;
      const uint64_t begin = std::max(offset, unit * unit_);
      const uint64_t end = std::min(offset + out.size(), (unit + 1) * unit_);
      std::memcpy(out.data() + (begin - offset), found->second.data() + (begin - unit * unit_),
                  base::ToSize(end - begin));
    }
    return {};
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    MANIFOLDDB_TRY(DoSize());
    std::vector<std::byte> bytes;
    for (const ByteView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    MANIFOLDDB_ASSERT(offset % unit_ == 0 && bytes.size() % unit_ == 0);
    for (size_t at = 0; at < bytes.size(); at += unit_) {
      MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(unit_, "read_only.overlay"));
      std::memcpy(unit.data(), bytes.data() + at, unit_);
      base::MutexLock lock(mutex_);
      units_.insert_or_assign((offset + at) / unit_, std::move(unit));
      allocated_ = std::max(allocated_, offset + at + unit_);
    }
    return {};
  }

  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    return DoWrite(offset, parts);
  }
  Status DoSync() override { return {}; }

  Result<uint64_t> DoSize() override {
    MANIFOLDDB_ASSIGN(const uint64_t size, base_->Size());
    base::MutexLock lock(mutex_);
    size_ = size;
    allocated_ = std::max(allocated_, size);
    return allocated_;
  }

  Status DoAllocate(uint64_t size) override {
    MANIFOLDDB_TRY(DoSize());
    base::MutexLock lock(mutex_);
    allocated_ = std::max(allocated_, size);
    return {};
  }

  Status DoLock(LockMode mode) override { return base_->Lock(mode); }

  const std::unique_ptr<File> base_;
  const uint32_t unit_;
  base::Mutex mutex_{base::LockRank::kStorage};
  std::unordered_map<uint64_t, base::Buffer> units_ GUARDED_BY(mutex_);  // by position in units
  uint64_t size_ GUARDED_BY(mutex_) = ~uint64_t{0};                      // of the file below
  uint64_t allocated_ GUARDED_BY(mutex_) = 0;                            // as pretended
};

}  // namespace

std::unique_ptr<File> MakeOverlayFile(std::unique_ptr<File> base, uint32_t unit) {
  return std::make_unique<OverlayFile>(std::move(base), unit);
}

}  // namespace manifolddb::recovery
