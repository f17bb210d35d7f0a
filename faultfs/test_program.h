#pragma once
// Tiny programs over a Disk, for the module's own tests: one letter is one sector.

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"

namespace manifolddb::faultfs {

// Memory as the storage seam wants it.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t size) : memory_(size + kBufferAlignment) {
    void* start = memory_.data();
    size_t room = memory_.size();
    bytes_ = {static_cast<std::byte*>(std::align(kBufferAlignment, size, start, room)), size};
  }
  explicit AlignedBytes(std::string_view text) : AlignedBytes(text.size()) {
    std::memcpy(bytes_.data(), text.data(), text.size());
  }
  MutableByteView span() { return bytes_; }
  ByteView view() const { return bytes_; }

 private:
  std::vector<std::byte> memory_;
  MutableByteView bytes_;
};

class Program {
 public:
  explicit Program(const Traits& traits) : disk_(std::make_unique<Disk>(traits)) {}
  explicit Program(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}

  Disk& disk() { return *disk_; }
  uint32_t unit() const { return disk_->traits().atomic_unit; }

  // Starts anew from a disk that has `name`.
  void BootFrom(const std::string& name, std::string_view sectors) {
    files_.clear();
    Image image(unit());
    image.Put(name, AsBytes(Expand(sectors)));
    disk_ = std::make_unique<Disk>(image, disk_->traits());
  }
  // A file that is durable, name and all.
  void Durable(const std::string& name, std::string_view sectors) {
    Create(name);
    if (!sectors.empty()) Write(name, 0, sectors);
    Sync(name);
    SyncDirectory();
  }

  void Create(const std::string& name) {
    files_.erase(name);  // its lock
    files_[name] = Must(disk_->Open(name, OpenMode::kCreate));
  }
  void Write(const std::string& name, uint64_t sector, std::string_view sectors) {
    WriteBytes(name, sector * unit(), Expand(sectors));
  }
  void WriteBytes(const std::string& name, uint64_t offset, const std::string& text) {
    const AlignedBytes bytes{std::string_view(text)};
    Must(FileOf(name).File::Write(offset, bytes.view()));
  }
  void WriteDurable(const std::string& name, uint64_t sector, std::string_view sectors) {
    const std::string text = Expand(sectors);
    const AlignedBytes bytes{std::string_view(text)};
    Must(FileOf(name).WriteDurable(sector * unit(), std::array{bytes.view()}));
  }
  // The same where faults may be armed: nobody asks whether it worked.
  void TryWrite(const std::string& name, uint64_t sector, std::string_view sectors) {
    TryWriteBytes(name, sector * unit(), Expand(sectors));
  }
  void TryWriteBytes(const std::string& name, uint64_t offset, const std::string& text) {
    const AlignedBytes bytes{std::string_view(text)};
    static_cast<void>(FileOf(name).File::Write(offset, bytes.view()));
  }
  void TryWriteDurable(const std::string& name, uint64_t sector, std::string_view sectors) {
    const std::string text = Expand(sectors);
    const AlignedBytes bytes{std::string_view(text)};
    static_cast<void>(FileOf(name).WriteDurable(sector * unit(), std::array{bytes.view()}));
  }
  void TrySync(const std::string& name) { static_cast<void>(FileOf(name).Sync()); }
  void Allocate(const std::string& name, uint64_t sectors) { Must(FileOf(name).Allocate(sectors * unit())); }
  void Truncate(const std::string& name, uint64_t sectors) {
    EXPECT_TRUE(Must(FileOf(name).Truncate(sectors * unit())));
  }
  // By an opening of its own: after a failure the opening that met it has no other answer (storage.h).
  void Sync(const std::string& name) { Must(Must(disk_->Open(name, OpenMode::kReadWrite))->Sync()); }
  void FailingSync(const std::string& name) {
    EXPECT_FALSE(Must(disk_->Open(name, OpenMode::kReadWrite))->Sync());
  }
  void SyncDirectory() { Must(disk_->SyncDirectory()); }
  void FailingSyncDirectory() { EXPECT_FALSE(disk_->SyncDirectory()); }
  void Rename(const std::string& from, const std::string& to) {
    Must(disk_->Rename(from, to));
    files_[to] = std::move(files_[from]);
    files_.erase(from);
  }
  void Remove(const std::string& name) {
    Must(disk_->Remove(name));
    files_.erase(name);
  }

  // What a process reads of the file, one letter per sector.
  std::string Read(const std::string& name) {
    const auto size = static_cast<size_t>(Must(FileOf(name).Size()));
    if (size == 0) return "";
    AlignedBytes bytes(size);
    Must(FileOf(name).Read(0, bytes.span()));
    return Letters(AsText(bytes.view()));
  }

  std::string Text(const Image& image, const std::string& name) const {
    return std::string(AsText(image.Contents(name)));
  }
  // "a=xy b=" with one letter per sector: '.' zeros, '#' neither one letter all through.
  std::string Describe(const Image& image) const {
    std::string text;
    for (const auto& [name, file] : image.files()) {
      text += (text.empty() ? "" : " ") + name + "=" + Letters(Text(image, name));
    }
    return text;
  }
  // Of every legal image.
  std::set<std::string> Outcomes(uint64_t effects, uint64_t limit) {
    std::set<std::string> outcomes;
    const CrashPoint point(disk_->trace(), effects);
    EXPECT_TRUE(point.ForEachImage(limit, [&](const Image& image) { outcomes.insert(Describe(image)); }));
    return outcomes;
  }

 private:
  static void Must(const Status& status) { EXPECT_TRUE(status) << status.error().ToString(); }
  template <class T>
  static T Must(Result<T> result) {
    EXPECT_TRUE(result) << result.error().ToString();
    return std::move(*result);
  }

  File& FileOf(const std::string& name) {
    auto& file = files_[name];
    if (file == nullptr) file = Must(disk_->Open(name, OpenMode::kReadWrite));
    return *file;
  }

  std::string Expand(std::string_view sectors) const {
    std::string text;
    for (const char letter : sectors) text.append(unit(), letter);
    return text;
  }
  std::string Letters(std::string_view text) const {
    std::string letters;
    for (size_t at = 0; at < text.size(); at += unit()) {
      const std::string_view sector = text.substr(at, unit());
      const bool even = sector.find_first_not_of(sector[0]) == std::string_view::npos;
      letters += !even ? '#' : sector[0] == '\0' ? '.' : sector[0];
    }
    return letters;
  }

  std::unique_ptr<Disk> disk_;
  std::map<std::string, std::unique_ptr<File>> files_;
};

}  // namespace manifolddb::faultfs
