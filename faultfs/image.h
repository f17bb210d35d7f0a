#pragma once
// The contents of a disk: names, sizes, sectors. Values; copying one costs next to nothing, because
// everything below a name is shared until it is changed.
//
// (1) The bytes of a Sector never change. A sector of zeros has no memory.
// (2) A FileImage has no byte at or after its size; the rest of its last sector is zero.
// Reading is thread-safe, also of different copies that share memory; changing one value is not.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manifolddb/bytes.h"

namespace manifolddb::faultfs {

// One atomic unit's bytes, immutable and shared.
class Sector {
 public:
  Sector() = default;  // zeros
  static Sector Of(ByteView bytes);

  bool zero() const { return memory_ == nullptr; }
  // REQUIRES: not zero().
  const std::byte* data() const { return memory_.get() + kHeaderBytes; }
  // 0 for zeros only (as good as).
  uint64_t hash() const;

  // Copies bytes [from, from + out.size()) of the sector.
  void Read(size_t from, MutableByteView out) const;
  // This sector of `unit` bytes with `bytes` at `at`.
  Sector With(size_t at, ByteView bytes, uint32_t unit) const;

  friend bool operator==(const Sector& a, const Sector& b) {
    return a.memory_ == b.memory_ || a.hash() == b.hash();  // XXH3, 64 bits: equal as far as anybody can tell
  }

 private:
  static constexpr size_t kHeaderBytes = 16;  // the hash

  std::shared_ptr<const std::byte[]> memory_;
};

class FileImage {
 public:
  explicit FileImage(uint32_t atomic_unit) : unit_(atomic_unit) {}

  uint32_t atomic_unit() const { return unit_; }
  uint64_t size() const { return size_; }
  uint64_t sectors() const { return (size_ + unit_ - 1) / unit_; }

  // Zeros beyond the end.
  Sector SectorAt(uint64_t index) const;
  // REQUIRES: below the end.
  void SetSector(uint64_t index, Sector sector);
  // Grows with zeros; shrinks without a trace of what was there.
  void SetSize(uint64_t size);

  // REQUIRES: within the file.
  void Read(uint64_t offset, MutableByteView out) const;
  // Grows the file where needed.
  void Write(uint64_t offset, ByteView bytes);

  uint64_t Hash() const;
  friend bool operator==(const FileImage& a, const FileImage& b);

 private:
  static constexpr size_t kSegmentSectors = 64;
  using Segment = std::array<Sector, kSegmentSectors>;

  uint32_t unit_;
  uint64_t size_ = 0;
  std::vector<std::shared_ptr<Segment>> segments_;  // copied before a change if shared; null: zeros
};

// Bits of a file flipped at rest. The image that it is laid over stays as it is.
struct BitRot {
  std::string file;
  uint64_t offset = 0;
  uint64_t bytes = 1;
  uint64_t seed = 0;  // which bits: at least one in the range changes

  // "rot=NAME@OFFSET+BYTES#SEED"
  std::string ToString() const;
};

class Image {
 public:
  explicit Image(uint32_t atomic_unit = 4096) : unit_(atomic_unit) {}

  uint32_t atomic_unit() const { return unit_; }
  const std::map<std::string, FileImage>& files() const { return files_; }
  // Null if there is none.
  const FileImage* Find(const std::string& name) const;
  // REQUIRES: the same atomic unit.
  void Put(const std::string& name, FileImage file);
  void Put(const std::string& name, ByteView contents);
  void Remove(const std::string& name) { files_.erase(name); }
  // All bytes of a file. REQUIRES: it is there.
  std::vector<std::byte> Contents(const std::string& name) const;

  // A copy with `rot` on it. No file of that name, or a range past its end: an equal copy.
  Image With(const BitRot& rot) const;

  // Of names, sizes and contents: images that differ have different hashes, as good as.
  uint64_t Hash() const;
  friend bool operator==(const Image& a, const Image& b);

  // One line per file: "NAME 8192 bytes, 2 sectors not zero, hash 0123456789abcdef".
  std::string ToString() const;

 private:
  uint32_t unit_;
  std::map<std::string, FileImage> files_;
};

}  // namespace manifolddb::faultfs
