// The simulated disk as processes see it: a cache that is always right, and a trace of how it came to be.
//
// (1) A call is one moment: it takes the lock, is counted, meets its fault or not, changes the cache and
//     appends its effects. So the trace orders all calls of all threads.
// (2) The cache is what the effects say: replaying a trace over its base gives the same cache.
// (3) What is durable is nobody's business here, except where the cache itself depends on it: a sync that
//     reverts, and eviction.

#include "faultfs/disk_state.h"

#include <algorithm>
#include <cerrno>

#include "engine/base/assert.h"
#include "engine/base/le.h"
#include "engine/base/try.h"
#include "faultfs/crash_point.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {
namespace {

// Hands out the bytes of `parts` piece by piece.
class PartReader {
 public:
  explicit PartReader(std::span<const ByteView> parts) : parts_(parts) {}

  // The next `size` bytes: a view into a part, or into a copy that lives until the next call.
  ByteView Take(size_t size) {
    if (parts_[part_].size() - done_ >= size) return Advance(size);
    scratch_.clear();
    while (scratch_.size() < size) {
      const ByteView piece = Advance(std::min(size - scratch_.size(), parts_[part_].size() - done_));
      scratch_.insert(scratch_.end(), piece.begin(), piece.end());
    }
    return scratch_;
  }

 private:
  ByteView Advance(size_t size) {
    const ByteView piece = parts_[part_].subspan(done_, size);
    done_ += size;
    if (done_ == parts_[part_].size()) {
      ++part_;
      done_ = 0;
    }
    return piece;
  }

  std::span<const ByteView> parts_;
  size_t part_ = 0;
  size_t done_ = 0;
  std::vector<std::byte> scratch_;
};

}  // namespace

std::unexpected<Error> FailIo(const char* operation, const std::string& file, uint64_t offset) {
  return Fail(Errc::kIo, operation, {.file = file, .offset = offset, .os_error = EIO});
}

// ---- The state: files

// Writes what arrives of `parts` in the cache, appends the effects.
Status DiskState::Write(uint64_t process, Inode inode, const std::string& name, uint64_t offset,
                        std::span<const ByteView> parts) {
  uint64_t bytes = BytesOf(parts);
  const uint64_t unit = traits.atomic_unit;
  const auto fault = Count(Operation::kWrite, name, inode, offset, bytes);
  bool failed = false;
  Effect effect{.kind = EffectKind::kWrite, .inode = inode, .name = name, .offset = offset};
  if (fault) {
    switch (fault->kind) {
      case FaultKind::kNoSpace:
        return Fail(Errc::kNoSpace, "faultfs.write", {.file = name, .offset = offset, .os_error = ENOSPC});
      case FaultKind::kShortWrite: {
        const uint64_t half = (offset + bytes / 2) / unit * unit;
        const uint64_t whole = half > offset ? half - offset : 0;
        bytes = fault->parameter == 0 || bytes == 0 ? whole : fault->parameter % bytes;
        failed = true;
        break;
      }
      case FaultKind::kLostWrite: effect.fault = WriteFault::kLost; break;
      case FaultKind::kMisdirectedWrite:
        effect.fault = WriteFault::kMisdirected;
        effect.shift_sectors = fault->parameter == 0 ? 1 : static_cast<int64_t>(fault->parameter);
        break;
      default: return FailIo("faultfs.write", name, offset);
    }
  }
  if (bytes > 0) {
    Overwrite(inode, offset, bytes);
    FileImage& cache = nodes.at(inode).cache;
    const uint64_t old_size = cache.size();
    const uint64_t end = offset + bytes;
    if (end > old_size) cache.SetSize(end);
    effect.size = bytes;
    effect.sectors.reserve((end - 1) / unit - offset / unit + 1);
    PartReader reader(parts);
    for (uint64_t at = offset; at < end;) {
      const uint64_t step = std::min(unit - at % unit, end - at);
      const ByteView piece = reader.Take(static_cast<size_t>(step));
      const uint64_t index = at / unit;
      effect.sectors.push_back(
          cache.SectorAt(index).With(static_cast<size_t>(at % unit), piece, traits.atomic_unit));
      cache.SetSector(index, effect.sectors.back());
      at += step;
    }
    Append(std::move(effect));
    if (end > old_size) {
      Append({.kind = EffectKind::kSize,
              .inode = inode,
              .name = name,
              .size = end,
              .old_size = old_size,
              .by_write = true});
    }
  }
  if (failed) return FailIo("faultfs.write", name, offset + bytes);
  return Leave(process, "faultfs.write", name);
}

// The sync of a file, or (bytes > 0) the one at the end of a durable write of that range.
Status DiskState::Sync(uint64_t process, Inode inode, const std::string& name, uint64_t offset,
                       uint64_t bytes) {
  const auto fault = Count(Operation::kSync, name, inode, offset, bytes);
  Node& node = nodes.at(inode);
  Effect effect{.kind = bytes > 0 ? EffectKind::kSyncRange : EffectKind::kSync,
                .inode = inode,
                .name = name,
                .offset = offset,
                .size = bytes};
  effect.reported = std::exchange(node.next_sync_fails, false);
  if (effect.reported) effect.kind = EffectKind::kSyncFailed;
  if (fault) {
    switch (fault->kind) {
      case FaultKind::kSyncFailsLater:
        effect.kind = EffectKind::kSyncFailed;
        node.next_sync_fails = true;
        break;
      case FaultKind::kSyncReverts: Revert(inode, name); return FailIo("faultfs.sync", name);
      case FaultKind::kLostSync: return Leave(process, "faultfs.sync", name);
      default:
        effect.kind = EffectKind::kSyncFailed;
        effect.reported = true;
        break;
    }
  }
  const bool reported = effect.reported;
  Append(std::move(effect));
  if (reported) return FailIo("faultfs.sync", name);
  return Leave(process, "faultfs.sync", name);
}

void DiskState::Revert(Inode inode, const std::string& name) {
  MANIFOLDDB_ASSERT(trace->undetermined == nullptr);
  const CrashPoint point(trace, trace->effects.size());
  FileImage durable = point.DurableFile(inode);
  Append({.kind = EffectKind::kSyncReverted,
          .inode = inode,
          .name = name,
          .file = std::make_shared<const FileImage>(durable)});
  nodes.at(inode).cache = std::move(durable);
}

// ---- The state: what is undetermined

void DiskState::Look(Inode inode, uint64_t offset, uint64_t bytes) {
  Node& node = nodes.at(inode);
  if (node.undetermined.empty() || bytes == 0) return;
  const UndeterminedSectors& contents = trace->undetermined->at(inode);
  const uint64_t last = (offset + bytes - 1) / traits.atomic_unit;
  for (auto sector = node.undetermined.lower_bound(offset / traits.atomic_unit);
       sector != node.undetermined.end() && *sector <= last; sector = node.undetermined.erase(sector)) {
    const Contents& possible = contents.at(*sector);
    const size_t content = determine(possible.size(), trace->effects.size());
    MANIFOLDDB_ASSERT(content < possible.size());
    node.cache.SetSector(*sector, possible[content]);
    OwnTrace().determined.push_back({trace->effects.size(), inode, *sector, content});
  }
}

void DiskState::Overwrite(Inode inode, uint64_t offset, uint64_t bytes) {
  Node& node = nodes.at(inode);
  if (node.undetermined.empty()) return;
  const uint64_t unit = traits.atomic_unit;
  const uint64_t first = offset / unit;
  const uint64_t last = (offset + bytes - 1) / unit;
  if (offset % unit != 0) Look(inode, offset, 1);
  if ((offset + bytes) % unit != 0) Look(inode, offset + bytes - 1, 1);
  node.undetermined.erase(node.undetermined.lower_bound(first), node.undetermined.upper_bound(last));
}

// ---- The state: replay

// Names and cache as `from` leaves them.
void DiskState::Load(const Trace& from) {
  for (const auto& [name, inode] : from.names) {
    names[name] = inode;
    Node& node = nodes.emplace(inode, Node(*from.base.Find(name))).first->second;
    if (from.undetermined != nullptr && from.undetermined->contains(inode)) {
      for (const auto& [index, contents] : from.undetermined->at(inode)) node.undetermined.insert(index);
    }
    for (const Trace::Determined& one : from.determined) {
      if (one.inode != inode) continue;
      node.undetermined.erase(one.sector);
      node.cache.SetSector(one.sector, from.undetermined->at(inode).at(one.sector)[one.content]);
    }
    last_inode = std::max(last_inode, inode);
  }
  for (size_t i = 0; i < from.effects.size(); ++i) {
    operations = from.effects[i].operation;
    Replay(from.effects[i]);
  }
}

void DiskState::Replay(const Effect& effect) {
  switch (effect.kind) {
    case EffectKind::kWrite: {
      Node& node = nodes.at(effect.inode);
      FileImage& cache = node.cache;
      if (effect.offset + effect.size > cache.size()) cache.SetSize(effect.offset + effect.size);
      uint64_t index = effect.offset / traits.atomic_unit;
      for (const Sector& sector : effect.sectors) {
        node.undetermined.erase(index);
        cache.SetSector(index++, sector);
      }
      break;
    }
    case EffectKind::kSize: nodes.at(effect.inode).cache.SetSize(effect.size); break;
    case EffectKind::kTruncate: {
      Node& node = nodes.at(effect.inode);
      node.cache.SetSize(effect.size);
      node.undetermined.erase(node.undetermined.lower_bound((effect.size - 1) / traits.atomic_unit + 1),
                              node.undetermined.end());
      break;
    }
    case EffectKind::kCreate:
      nodes.emplace(effect.inode, Node(FileImage(traits.atomic_unit)));
      last_inode = std::max(last_inode, effect.inode);
      names[effect.name] = effect.inode;
      break;
    case EffectKind::kRemove: names.erase(effect.name); break;
    case EffectKind::kRename:
      names.erase(effect.name);
      names[effect.name2] = effect.inode;
      break;
    case EffectKind::kSyncReverted: nodes.at(effect.inode).cache = *effect.file; break;
    case EffectKind::kEvict: {
      FileImage& cache = nodes.at(effect.inode).cache;
      for (const auto& [index, sector] : effect.evicted) cache.SetSector(index, sector);
      break;
    }
    case EffectKind::kSyncFailed: nodes.at(effect.inode).next_sync_fails = !effect.reported; break;
    case EffectKind::kSync:
    case EffectKind::kSyncRange:
    case EffectKind::kSyncDirectory:
    case EffectKind::kSyncDirectoryFailed: break;
  }
}

// ---- The state: the directory

Status DiskState::EnterDirectory(uint64_t process, const char* operation, const std::string& name) {
  if (!Alive(process)) return FailIo(operation, name);
  const auto fault = Count(Operation::kDirectory, name);
  if (fault && fault->kind == FaultKind::kNoSpace) {
    return Fail(Errc::kNoSpace, operation, {.file = name, .os_error = ENOSPC});
  }
  if (fault) return FailIo(operation, name);
  return {};
}

Result<std::unique_ptr<File>> DiskState::Open(const std::shared_ptr<DiskState>& self, uint64_t process,
                                              const std::string& name, OpenMode mode) {
  base::AssertNoLocksHeld();
  base::MutexLock lock(mutex);
  MANIFOLDDB_TRY(EnterDirectory(process, "faultfs.open", name));
  auto found = names.find(name);
  if (mode == OpenMode::kCreate) {
    if (found != names.end() && nodes.at(found->second).Locked()) {
      return Fail(Errc::kLocked, "faultfs.open", {.file = name});
    }
    if (found != names.end()) Append({.kind = EffectKind::kRemove, .inode = found->second, .name = name});
    const Inode inode = NewNode(FileImage(traits.atomic_unit));
    found = names.insert_or_assign(name, inode).first;
    Append({.kind = EffectKind::kCreate, .inode = inode, .name = name});
    MANIFOLDDB_TRY(Leave(process, "faultfs.open", name));
  }
  if (found == names.end()) return Fail(Errc::kNotFound, "faultfs.open", {.file = name, .os_error = ENOENT});
  auto file = MakeDiskFile(name, mode, self, process, found->second);
  process_of_opening[file.get()] = process;
  if (mode == OpenMode::kCreate) nodes.at(found->second).exclusive_lock = file.get();
  return file;
}

Result<bool> DiskState::Exists(uint64_t process, const std::string& name) {
  base::AssertNoLocksHeld();
  base::MutexLock lock(mutex);
  MANIFOLDDB_TRY(EnterDirectory(process, "faultfs.exists", name));
  return names.contains(name);
}

Status DiskState::Rename(uint64_t process, const std::string& from, const std::string& to) {
  base::AssertNoLocksHeld();
  base::MutexLock lock(mutex);
  MANIFOLDDB_TRY(EnterDirectory(process, "faultfs.rename", from));
  const auto found = names.find(from);
  if (found == names.end()) {
    return Fail(Errc::kNotFound, "faultfs.rename", {.file = from, .os_error = ENOENT});
  }
  if (from == to) return {};
  const Inode inode = found->second;
  const auto old = names.find(to);
  const Inode replaces = old == names.end() ? kNoInode : old->second;
  names.erase(found);
  names[to] = inode;
  Append({.kind = EffectKind::kRename, .inode = inode, .name = from, .name2 = to, .replaces = replaces});
  return Leave(process, "faultfs.rename", from);
}

Status DiskState::Remove(uint64_t process, const std::string& name) {
  base::AssertNoLocksHeld();
  base::MutexLock lock(mutex);
  MANIFOLDDB_TRY(EnterDirectory(process, "faultfs.remove", name));
  const auto found = names.find(name);
  if (found == names.end()) {
    return Fail(Errc::kNotFound, "faultfs.remove", {.file = name, .os_error = ENOENT});
  }
  const Inode inode = found->second;
  names.erase(found);
  Append({.kind = EffectKind::kRemove, .inode = inode, .name = name});
  return Leave(process, "faultfs.remove", name);
}

Status DiskState::SyncDirectory(uint64_t process) {
  base::AssertNoLocksHeld();
  base::MutexLock lock(mutex);
  if (!Alive(process)) return FailIo("faultfs.sync_directory", ".");
  if (auto entered = EnterDirectory(process, "faultfs.sync_directory", "."); !entered) {
    Append({.kind = EffectKind::kSyncDirectoryFailed});
    return entered;
  }
  Append({.kind = EffectKind::kSyncDirectory});
  return Leave(process, "faultfs.sync_directory", ".");
}

std::array<std::byte, 16> DiskState::NewIdentity() {
  base::MutexLock lock(mutex);
  const uint64_t number = ++identities;
  std::array<std::byte, 16> identity;
  base::StoreLe(identity.data(), Mix(seed));
  base::StoreLe(identity.data() + 8, Mix(Mix(seed + 1) + Mix(trace->effects.size()) + number));
  return identity;
}

}  // namespace manifolddb::faultfs
