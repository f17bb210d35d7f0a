// Contents of disks, shared until they are changed.
//
// (1) A sector's hash stands before its bytes and is worked out once, when the sector is made.
// (2) A segment that more than one file image refers to is copied before it is changed.
// (3) Bytes of the last sector that lie after the end of the file are zero: SetSector and SetSize see to it.

#include "faultfs/image.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "faultfs/random.h"
#include "faultfs/undetermined.h"

namespace manifolddb::faultfs {
namespace {

bool AllZero(const std::byte* bytes, size_t size) {
  return bytes[0] == std::byte{0} && std::memcmp(bytes, bytes + 1, size - 1) == 0;
}

}  // namespace

// ---- Sector

Sector Sector::Of(ByteView bytes) {
  MANIFOLDDB_ASSERT(!bytes.empty());
  Sector sector;
  if (AllZero(bytes.data(), bytes.size())) return sector;
  auto memory = std::make_shared_for_overwrite<std::byte[]>(kHeaderBytes + bytes.size());
  const uint64_t hash = std::max<uint64_t>(base::Checksum64(bytes), 1);
  std::memcpy(memory.get(), &hash, sizeof hash);
  std::memcpy(memory.get() + kHeaderBytes, bytes.data(), bytes.size());
  sector.memory_ = std::move(memory);
  return sector;
}

uint64_t Sector::hash() const {
  if (zero()) return 0;
  uint64_t hash;
  std::memcpy(&hash, memory_.get(), sizeof hash);
  return hash;
}

void Sector::Read(size_t from, MutableByteView out) const {
  if (zero()) {
    std::memset(out.data(), 0, out.size());
  } else {
    std::memcpy(out.data(), data() + from, out.size());
  }
}

Sector Sector::With(size_t at, ByteView bytes, uint32_t unit) const {
  MANIFOLDDB_ASSERT(at + bytes.size() <= unit);
  if (bytes.size() == unit) return Of(bytes);
  std::vector<std::byte> whole(unit);
  Read(0, whole);
  std::memcpy(whole.data() + at, bytes.data(), bytes.size());
  return Of(whole);
}

// ---- FileImage

Sector FileImage::SectorAt(uint64_t index) const {
  const uint64_t segment = index / kSegmentSectors;
  if (segment >= segments_.size() || segments_[segment] == nullptr) return {};
  return (*segments_[segment])[index % kSegmentSectors];
}

void FileImage::SetSector(uint64_t index, Sector sector) {
  MANIFOLDDB_ASSERT(index < sectors());
  const uint64_t start = index * unit_;
  if (size_ - start < unit_ && !sector.zero()) {  // the last one, not whole
    std::vector<std::byte> cut(unit_);
    sector.Read(0, MutableByteView(cut).first(static_cast<size_t>(size_ - start)));
    sector = Sector::Of(cut);
  }
  std::shared_ptr<Segment>& segment = segments_[index / kSegmentSectors];
  if (segment == nullptr) {
    if (sector.zero()) return;
    segment = std::make_shared<Segment>();
  } else if (segment.use_count() > 1) {
    segment = std::make_shared<Segment>(*segment);
  }
  (*segment)[index % kSegmentSectors] = std::move(sector);
}

void FileImage::SetSize(uint64_t size) {
  const uint64_t old_sectors = sectors();
  const bool shrinks = size < size_;
  size_ = size;
  if (shrinks) {
    const uint64_t segment_end = std::min<uint64_t>(old_sectors, segments_.size() * kSegmentSectors);
    const uint64_t kept_segments = (sectors() + kSegmentSectors - 1) / kSegmentSectors;
    const uint64_t clear_end = std::min<uint64_t>(segment_end, kept_segments * kSegmentSectors);
    for (uint64_t index = sectors(); index < clear_end; ++index) {
      if (SectorAt(index).zero()) continue;
      std::shared_ptr<Segment>& segment = segments_[index / kSegmentSectors];
      if (segment.use_count() > 1) segment = std::make_shared<Segment>(*segment);
      (*segment)[index % kSegmentSectors] = Sector();
    }
    segments_.resize(kept_segments);
    if (size_ % unit_ != 0) SetSector(sectors() - 1, SectorAt(sectors() - 1));
  } else {
    segments_.resize((sectors() + kSegmentSectors - 1) / kSegmentSectors);
  }
}

void FileImage::Read(uint64_t offset, MutableByteView out) const {
  MANIFOLDDB_ASSERT(offset + out.size() <= size_);
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t at = offset + done;
    const auto within = static_cast<size_t>(at % unit_);
    const size_t step = std::min<size_t>(unit_ - within, out.size() - done);
    SectorAt(at / unit_).Read(within, out.subspan(done, step));
    done += step;
  }
}

void FileImage::Write(uint64_t offset, ByteView bytes) {
  if (offset + bytes.size() > size_) SetSize(offset + bytes.size());
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t at = offset + done;
    const auto within = static_cast<size_t>(at % unit_);
    const size_t step = std::min<size_t>(unit_ - within, bytes.size() - done);
    SetSector(at / unit_, SectorAt(at / unit_).With(within, bytes.subspan(done, step), unit_));
    done += step;
  }
}

uint64_t FileImage::Hash() const {
  uint64_t hash = Mix(size_);
  for (size_t s = 0; s < segments_.size(); ++s) {
    if (segments_[s] == nullptr) continue;
    for (size_t i = 0; i < kSegmentSectors; ++i) {
      const uint64_t sector_hash = (*segments_[s])[i].hash();
      if (sector_hash != 0) hash = Mix(hash ^ sector_hash ^ Mix(s * kSegmentSectors + i));
    }
  }
  return hash;
}

bool operator==(const FileImage& a, const FileImage& b) {
  if (a.unit_ != b.unit_ || a.size_ != b.size_) return false;
  MANIFOLDDB_ASSERT(a.segments_.size() == b.segments_.size());
  for (size_t s = 0; s < a.segments_.size(); ++s) {
    if (a.segments_[s] == b.segments_[s]) continue;
    for (size_t i = 0; i < FileImage::kSegmentSectors; ++i) {
      const uint64_t index = s * FileImage::kSegmentSectors + i;
      if (!(a.SectorAt(index) == b.SectorAt(index))) return false;
    }
  }
  return true;
}

// ---- BitRot and Image

std::string BitRot::ToString() const {
  return "rot=" + file + "@" + std::to_string(offset) + "+" + std::to_string(bytes) + "#" +
         std::to_string(seed);
}

const FileImage* Image::Find(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : &found->second;
}

void Image::Put(const std::string& name, FileImage file) {
  MANIFOLDDB_ASSERT(file.atomic_unit() == unit_);
  files_.insert_or_assign(name, std::move(file));
}

void Image::Put(const std::string& name, ByteView contents) {
  FileImage file(unit_);
  file.Write(0, contents);
  Put(name, std::move(file));
}

std::vector<std::byte> Image::Contents(const std::string& name) const {
  const FileImage* file = Find(name);
  MANIFOLDDB_ASSERT(file != nullptr);
  std::vector<std::byte> bytes(file->size());
  file->Read(0, bytes);
  return bytes;
}

Image Image::With(const BitRot& rot) const {
  Image result = *this;
  const FileImage* file = Find(rot.file);
  if (file == nullptr || rot.offset >= file->size() || rot.bytes == 0) return result;
  Random random(rot.seed);
  std::vector<std::byte> bytes(static_cast<size_t>(std::min(rot.bytes, file->size() - rot.offset)));
  file->Read(rot.offset, bytes);
  // Either the range is scrambled or one bit of it is flipped: the one is what failed hardware leaves, the
  // other what the weakest checksum must not miss.
  if (bytes.size() > 1 && random.Chance(1, 2)) {
    for (std::byte& byte : bytes) byte ^= static_cast<std::byte>(random.Between(1, 255));
  } else {
    bytes[random.Below(bytes.size())] ^= static_cast<std::byte>(1u << random.Below(8));
  }
  FileImage rotten = *file;
  rotten.Write(rot.offset, bytes);
  result.Put(rot.file, std::move(rotten));
  return result;
}

uint64_t Image::Hash() const {
  uint64_t hash = Mix(unit_);
  for (const auto& [name, file] : files_) {
    hash = Mix(hash ^ base::Checksum64(AsBytes(name)));
    hash = Mix(hash ^ file.Hash());
  }
  return hash;
}

uint64_t UndeterminedImage::Hash() const {
  uint64_t hash = image.Hash();
  for (const auto& [name, of_file] : sectors) {
    hash = Mix(hash ^ base::Checksum64(AsBytes(name)));
    for (const auto& [index, contents] : of_file) {
      hash = Mix(hash ^ Mix(index));
      for (const Sector& content : contents) hash = Mix(hash + content.hash());
    }
  }
  return hash;
}

bool operator==(const Image& a, const Image& b) { return a.unit_ == b.unit_ && a.files_ == b.files_; }

std::string Image::ToString() const {
  std::string text;
  for (const auto& [name, file] : files_) {
    uint64_t used = 0;
    for (uint64_t i = 0; i < file.sectors(); ++i) used += file.SectorAt(i).zero() ? 0 : 1;
    char line[128];
    std::snprintf(line, sizeof line, " %llu bytes, %llu sectors not zero, hash %016llx\n",
                  static_cast<unsigned long long>(file.size()), static_cast<unsigned long long>(used),
                  static_cast<unsigned long long>(file.Hash()));
    text += name + line;
  }
  return text;
}

}  // namespace manifolddb::faultfs
