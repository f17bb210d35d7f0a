#pragma once
// A directory whose files are plain bytes: to be kept, changed and put back while no database is open.
//
// Instead of MakeMemoryStorage: an identity drawn there counts the storages of the process, so the same input
// would not give the same files twice; and no forged length makes this one take memory.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "manifolddb/storage.h"

namespace manifolddb::fuzz {

// The files of a directory, by name.
using Files = std::map<std::string, std::string>;

// Page and write unit of every database here.
inline constexpr size_t kSector = 512;

inline constexpr const char* kDataName = "db";
inline constexpr const char* kLogName = "db-wal";

class Disk final : public Storage {
 public:
  static constexpr uint64_t kFileBytesMax = uint64_t{16} << 20;

  // How long files may get.
  struct Room {
    uint64_t data_bytes_max = kFileBytesMax;
    uint64_t log_bytes_max = kFileBytesMax;
  };
  // `identity` begins those that it hands out.
  explicit Disk(Files files = {}, uint64_t identity = 1) : Disk(std::move(files), identity, Room()) {}
  Disk(Files files, uint64_t identity, Room room);

  // As they are at this moment: what a killed process leaves behind.
  Files Take() const;
  // Of the reads from now on, of all files, this one fails, once (kIo); 0: none.
  void FailRead(uint64_t number) { *reads_until_one_fails_ = number; }

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override;
  Result<bool> Exists(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& name) override;
  Status SyncDirectory() override { return {}; }
  std::array<std::byte, 16> NewIdentity() override;

 private:
  struct Inode {
    std::string bytes;
    uint32_t shared_locks = 0;
    bool exclusive_lock = false;
  };
  class OpenFile;

  std::map<std::string, std::shared_ptr<Inode>> names_;
  const std::shared_ptr<uint64_t> reads_until_one_fails_ = std::make_shared<uint64_t>(0);
  const uint64_t identity_;
  const Room room_;
  uint64_t identities_ = 0;
};

}  // namespace manifolddb::fuzz
