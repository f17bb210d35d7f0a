#pragma once
// A directory in memory behind a disk of virtual time. Counts what is asked of it, by file.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/exact/disk_model.h"
#include "manifolddb/storage.h"

namespace manifolddb::bench::exact {

struct IoCounts {
  uint64_t reads = 0;
  uint64_t read_bytes = 0;
  uint64_t writes = 0;
  uint64_t write_bytes = 0;
  uint64_t durable_writes = 0;
  uint64_t durable_bytes = 0;
  uint64_t syncs = 0;
  uint64_t sync_bytes = 0;  // what the syncs had to bring to the disk: blocks written since the one before

  void Add(const IoCounts& other);
  IoCounts Since(const IoCounts& before) const;
};

// What the disk knows of a file.
class FileState {
 public:
  static constexpr uint64_t kBlockBytes = 4096;

  IoCounts counts;
  // Notes a write; true if any block of it had never been written.
  bool Write(uint64_t offset, uint64_t bytes, bool durable);
  void Allocate(uint64_t bytes);
  struct Dirty {
    uint64_t bytes = 0;
    bool metadata = false;
  };
  Dirty TakeDirty();
  uint64_t bytes() const { return bytes_; }

 private:
  enum Block : uint8_t { kNeverWritten, kClean, kDirty };
  uint64_t bytes_ = 0;
  std::vector<Block> blocks_;
  std::vector<uint64_t> dirty_;  // numbers of blocks
  bool metadata_ = false;        // to be made durable by the next sync
};

class SimulatedStorage final : public Storage {
 public:
  explicit SimulatedStorage(std::shared_ptr<Disk> disk);

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override;
  Result<bool> Exists(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& name) override;
  Status SyncDirectory() override;
  std::array<std::byte, 16> NewIdentity() override;

  Disk& disk() const { return *disk_; }
  // Of one file, or of all, also of those that are gone.
  IoCounts Counts(const std::string& name) const;
  IoCounts Counts() const;
  uint64_t FileBytes() const;  // of all files

  // What a killed process leaves: all that was written, also what was not synced. At no cost in time.
  std::shared_ptr<SimulatedStorage> Copy(std::shared_ptr<Disk> disk) const;

 private:
  const std::shared_ptr<Disk> disk_;
  const std::shared_ptr<Storage> below_;
  std::map<std::string, std::shared_ptr<FileState>> files_;
  std::vector<std::shared_ptr<FileState>> gone_;
  uint64_t identities_ = 0;
  uint64_t directory_syncs_ = 0;
};

}  // namespace manifolddb::bench::exact
