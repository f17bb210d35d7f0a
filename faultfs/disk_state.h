#pragma once
// What a Disk, its processes and their openings share. Private to the implementation of disk.h.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "engine/base/mutex.h"
#include "faultfs/fault.h"
#include "faultfs/image.h"
#include "faultfs/trace.h"
#include "manifolddb/storage.h"

namespace manifolddb::faultfs {

// Openings that are not a process's live for ever.
inline constexpr uint64_t kNoProcess = 0;

// A file as the cache has it.
struct Node {
  explicit Node(FileImage image) : cache(std::move(image)) {}

  FileImage cache;
  // Sectors that nobody has read or overwritten since the boot, of those that were undetermined then: the
  // cache shows of each what may be wrong.
  std::set<uint64_t> undetermined = {};
  bool next_sync_fails = false;
  const void* exclusive_lock = nullptr;  // the opening that holds it
  std::set<const void*> shared_locks;

  bool Locked() const { return exclusive_lock != nullptr || !shared_locks.empty(); }
};

// All bytes of `parts` together.
inline uint64_t BytesOf(std::span<const ByteView> parts) {
  uint64_t bytes = 0;
  for (const ByteView& part : parts) bytes += part.size();
  return bytes;
}

std::unexpected<Error> FailIo(const char* operation, const std::string& file,
                              uint64_t offset = ErrorDetails::kNoOffset);

class DiskState {
 public:
  DiskState(std::shared_ptr<Trace> start, uint64_t identity_seed)
      : traits(start->traits), seed(identity_seed), effects(start->effects.size()), trace(std::move(start)) {}

  const Traits traits;
  const uint64_t seed;
  // Of `trace`, for who watches and may be amid the taking of a lock (crashsim/case.cc): no lock needed.
  std::atomic<uint64_t> effects;

  mutable base::Mutex mutex{base::LockRank::kStorage};
  std::shared_ptr<Trace> trace GUARDED_BY(mutex);  // copied before a change if somebody else has it
  std::map<std::string, Inode> names GUARDED_BY(mutex);
  std::map<Inode, Node> nodes GUARDED_BY(mutex);
  Inode last_inode GUARDED_BY(mutex) = kNoInode;
  uint64_t operations GUARDED_BY(mutex) = 0;
  uint64_t identities GUARDED_BY(mutex) = 0;
  // Processes before this number are dead.
  uint64_t first_alive GUARDED_BY(mutex) = kNoProcess + 1;
  uint64_t last_process GUARDED_BY(mutex) = kNoProcess;
  std::map<const void*, uint64_t> process_of_opening GUARDED_BY(mutex);
  uint64_t kill_at GUARDED_BY(mutex) = 0;  // 0: not asked for
  bool kill_struck GUARDED_BY(mutex) = false;
  FaultPlan faults GUARDED_BY(mutex);
  Determine determine GUARDED_BY(mutex);

  bool Alive(uint64_t process) const REQUIRES(mutex) {
    return process == kNoProcess || process >= first_alive;
  }

  Trace& OwnTrace() REQUIRES(mutex) {
    if (trace.use_count() > 1) trace = std::make_shared<Trace>(*trace);
    return *trace;
  }

  void Append(Effect effect) REQUIRES(mutex) {
    if (effect.operation == 0) effect.operation = operations;
    OwnTrace().effects.Append(std::move(effect));
    effects = trace->effects.size();
    if (kill_at != 0 && trace->effects.size() >= kill_at) Strike();
  }

  void Strike() REQUIRES(mutex) {
    kill_at = 0;
    kill_struck = true;
    KillAll();
  }

  // Counts one operation. The fault that befalls it, if any.
  std::optional<Fault> Count(Operation operation, const std::string& file, Inode inode = kNoInode,
                             uint64_t offset = 0, uint64_t bytes = 0) REQUIRES(mutex) {
    ++operations;
    return faults.Next({.operation = operation,
                        .number = operations,
                        .effects = trace->effects.size(),
                        .file = file,
                        .inode = inode,
                        .offset = offset,
                        .bytes = bytes});
  }

  // Said at the end of every call with effects: the last one may have killed the process.
  Status Leave(uint64_t process, const char* operation, const std::string& file) REQUIRES(mutex) {
    if (!Alive(process)) return FailIo(operation, file);
    return {};
  }

  void KillAll() REQUIRES(mutex) {
    first_alive = ++last_process + 1;
    for (auto& [inode, node] : nodes) {
      const auto dead = [this](const void* opening) REQUIRES(mutex) {
        const auto found = process_of_opening.find(opening);
        return found != process_of_opening.end() && !Alive(found->second);
      };
      if (node.exclusive_lock != nullptr && dead(node.exclusive_lock)) node.exclusive_lock = nullptr;
      std::erase_if(node.shared_locks, dead);
    }
  }

  Inode NewNode(FileImage image) REQUIRES(mutex) {
    const Inode inode = ++last_inode;
    nodes.emplace(inode, Node(std::move(image)));
    return inode;
  }

  // Somebody is about to see these bytes: determines what was not.
  void Look(Inode inode, uint64_t offset, uint64_t bytes) REQUIRES(mutex);
  // Somebody is about to overwrite them: where a sector is not covered, its rest is looked at.
  void Overwrite(Inode inode, uint64_t offset, uint64_t bytes) REQUIRES(mutex);

  void Load(const Trace& from) REQUIRES(mutex);
  void Replay(const Effect& effect) REQUIRES(mutex);

  Status Write(uint64_t process, Inode inode, const std::string& name, uint64_t offset,
               std::span<const ByteView> parts) REQUIRES(mutex);
  Status Sync(uint64_t process, Inode inode, const std::string& name, uint64_t offset, uint64_t bytes)
      REQUIRES(mutex);
  void Revert(Inode inode, const std::string& name) REQUIRES(mutex);

  // Storage's calls on behalf of a process.
  Result<std::unique_ptr<File>> Open(const std::shared_ptr<DiskState>& self, uint64_t process,
                                     const std::string& name, OpenMode mode) EXCLUDES(mutex);
  Result<bool> Exists(uint64_t process, const std::string& name) EXCLUDES(mutex);
  Status Rename(uint64_t process, const std::string& from, const std::string& to) EXCLUDES(mutex);
  Status Remove(uint64_t process, const std::string& name) EXCLUDES(mutex);
  Status SyncDirectory(uint64_t process) EXCLUDES(mutex);
  std::array<std::byte, 16> NewIdentity() EXCLUDES(mutex);

  // Counts a directory operation and fails if the process is dead or a fault says so.
  Status EnterDirectory(uint64_t process, const char* operation, const std::string& name) REQUIRES(mutex);
};

// An opening of `inode` by `process`.
std::unique_ptr<File> MakeDiskFile(std::string name, OpenMode mode, std::shared_ptr<DiskState> disk,
                                   uint64_t process, Inode inode);

}  // namespace manifolddb::faultfs
