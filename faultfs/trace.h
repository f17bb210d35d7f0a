#pragma once
// All that happened to a disk since it was booted, as one ordered list of effects over all files. From it the
// state of the disk at any crash point can be worked out without running anything again.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "faultfs/image.h"
#include "faultfs/traits.h"
#include "faultfs/undetermined.h"

namespace manifolddb::faultfs {

// A file as such, whatever its names are. Never used again within a trace.
using Inode = uint32_t;
inline constexpr Inode kNoInode = 0;

enum class EffectKind : uint8_t {
  kWrite,      // inode, offset, size (bytes), sectors: their contents in the cache after it
  kSize,       // inode, old_size, size; by_write: the write just before it in the trace did it, else Allocate
  kCreate,     // name, inode. A name that existed before was removed by an effect of the same operation
  kRemove,     // name, inode
  kRename,     // name (from), name2 (to), inode; `replaces`: the inode that name2 had, if any
  kSync,       // inode: the file's sync succeeded
  kSyncRange,  // inode, offset, size: the sync that belongs to a durable write succeeded
  kSyncDirectory,  // the directory's sync succeeded
  // Failed syncs: what they should have covered ...
  kSyncFailed,  // ... stays in the cache, clean: later syncs do not write it. inode; size 0: all of it
  kSyncDirectoryFailed,  // ... likewise
  kSyncReverted,         // ... is gone from the cache as well: `file` is what the file is now. inode
  // The cache let go of clean sectors that were not as on the disk: `evicted` is what is read from now on.
  kEvict,
  // inode, old_size, size: the file was cut. On the disk at once: to be there later is to be longer for a
  // while than anything that was written since says, as a file is that had grown when the power failed.
  kTruncate,
};

// A fault that lies over a write: the process sees the write as it should be, the disk does not get it.
enum class WriteFault : uint8_t {
  kNone,
  kLost,         // never arrives
  kMisdirected,  // arrives `shift_sectors` further on in the same file instead
};

struct Effect {
  EffectKind kind;
  uint64_t operation = 0;  // of the call that caused it: 1, 2, ... over all calls since the disk was made
  Inode inode = kNoInode;
  std::string name = {};  // of the file, as it was opened; for directory operations see above
  std::string name2 = {};
  Inode replaces = kNoInode;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t old_size = 0;
  bool by_write = false;
  bool reported = false;  // kSyncFailed: the caller was told; else the next sync of the file will be
  WriteFault fault = WriteFault::kNone;
  int64_t shift_sectors = 0;
  std::vector<Sector> sectors = {};
  std::shared_ptr<const FileImage> file = nullptr;
  std::vector<std::pair<uint64_t, Sector>> evicted = {};
};

// Effects in order; copies share them.
class EffectList {
 public:
  size_t size() const { return effects_.size(); }
  const Effect& operator[](size_t index) const { return *effects_[index]; }
  void Append(Effect effect) { effects_.push_back(std::make_shared<const Effect>(std::move(effect))); }
  void Replace(size_t index, Effect effect);
  EffectList First(size_t count) const;

 private:
  std::vector<std::shared_ptr<const Effect>> effects_;
};

struct Trace {
  Traits traits;
  Image base;                          // what the disk was booted from: durable, all of it
  std::map<std::string, Inode> names;  // of the files in `base`
  EffectList effects;
  // Of a disk that was booted with sectors undetermined (undetermined.h): what they could hold, and which
  // were looked at. What is not in `determined` yet `base` shows as the first of its contents.
  struct Determined {
    uint64_t effects;  // had happened
    Inode inode;
    uint64_t sector;
    size_t content;  // which one it was
  };
  std::shared_ptr<const std::map<Inode, UndeterminedSectors>> undetermined = nullptr;  // null: none
  std::vector<Determined> determined = {};

  // Of effects [first, last): kinds, names, places, contents.
  uint64_t Hash(uint64_t first, uint64_t last) const;
  // The same trace with effect `index` as if no WriteFault lay over it. (What the process saw is the same.)
  Trace WithoutFault(uint64_t index) const;
};

// What was asked of the disk in effects [first, last), one line each, for tests of I/O order:
//   create NAME | remove NAME | rename FROM TO | write NAME @8192 +4096 | allocate NAME 1048576
//   truncate NAME 1048576
//   sync NAME | sync NAME @8192 +4096 (the end of a durable write) | syncdir
// and "failed: " before a failed sync. Sizes that change by a write are not mentioned.
std::vector<std::string> TraceLines(const Trace& trace, uint64_t first = 0, uint64_t last = ~uint64_t{0});

}  // namespace manifolddb::faultfs
