// The disk from outside: how it is booted, who uses it, what it tells.

#include "faultfs/disk.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk_state.h"

namespace manifolddb::faultfs {
namespace {

class ProcessStorage final : public Storage {
 public:
  ProcessStorage(std::shared_ptr<DiskState> disk, uint64_t process)
      : disk_(std::move(disk)), process_(process) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    return disk_->Open(disk_, process_, name, mode);
  }
  Result<bool> Exists(const std::string& name) override { return disk_->Exists(process_, name); }
  Status Rename(const std::string& from, const std::string& to) override {
    return disk_->Rename(process_, from, to);
  }
  Status Remove(const std::string& name) override { return disk_->Remove(process_, name); }
  Status SyncDirectory() override { return disk_->SyncDirectory(process_); }
  std::array<std::byte, 16> NewIdentity() override { return disk_->NewIdentity(); }

 private:
  const std::shared_ptr<DiskState> disk_;
  const uint64_t process_;
};

std::shared_ptr<Trace> StartTrace(Image image, const Traits& traits) {
  MANIFOLDDB_ASSERT(image.atomic_unit() == traits.atomic_unit);
  auto trace = std::make_shared<Trace>();
  trace->traits = traits;
  Inode inode = kNoInode;
  for (const auto& [name, file] : image.files()) trace->names[name] = ++inode;
  trace->base = std::move(image);
  return trace;
}

std::shared_ptr<Trace> StartTrace(const UndeterminedImage& image, const Traits& traits) {
  auto trace = StartTrace(image.image, traits);
  if (image.sectors.empty()) return trace;
  auto undetermined = std::make_shared<std::map<Inode, UndeterminedSectors>>();
  for (const auto& [name, sectors] : image.sectors) (*undetermined)[trace->names.at(name)] = sectors;
  trace->undetermined = std::move(undetermined);
  return trace;
}

std::shared_ptr<Trace> Prefix(const Trace& from, uint64_t effects) {
  MANIFOLDDB_ASSERT(effects <= from.effects.size());
  // What was read as the process died may not have been: it is open again, as after a power cut there.
  std::vector<Trace::Determined> determined = from.determined;
  std::erase_if(determined, [&](const Trace::Determined& one) { return one.effects >= effects; });
  // A write in progress is carried out to its end: a process dies between calls, not within them.
  if (effects < from.effects.size()) {
    const Effect& next = from.effects[effects];
    if (next.kind == EffectKind::kSize && next.by_write) ++effects;
  }
  return std::make_shared<Trace>(Trace{.traits = from.traits,
                                       .base = from.base,
                                       .names = from.names,
                                       .effects = from.effects.First(effects),
                                       .undetermined = from.undetermined,
                                       .determined = std::move(determined)});
}

}  // namespace

Disk::Disk(const Traits& traits, uint64_t seed) : Disk(Image(traits.atomic_unit), traits, seed) {}

Disk::Disk(Image image, const Traits& traits, uint64_t seed)
    : state_(std::make_shared<DiskState>(StartTrace(std::move(image), traits), seed)) {
  base::MutexLock lock(state_->mutex);
  state_->Load(*state_->trace);
}

Disk::Disk(const UndeterminedImage& image, Determine determine, const Traits& traits, uint64_t seed)
    : state_(std::make_shared<DiskState>(StartTrace(image, traits), seed)) {
  base::MutexLock lock(state_->mutex);
  state_->determine = std::move(determine);
  state_->Load(*state_->trace);
}

Disk::Disk(const Trace& trace, uint64_t effects, uint64_t seed) : Disk(trace, effects, {}, seed) {}

Disk::Disk(const Trace& trace, uint64_t effects, Determine determine, uint64_t seed)
    : state_(std::make_shared<DiskState>(Prefix(trace, effects), seed)) {
  MANIFOLDDB_ASSERT(determine || trace.undetermined == nullptr);
  base::MutexLock lock(state_->mutex);
  state_->determine = std::move(determine);
  state_->Load(*state_->trace);
}

Disk::~Disk() = default;

Result<std::unique_ptr<File>> Disk::Open(const std::string& name, OpenMode mode) {
  return state_->Open(state_, kNoProcess, name, mode);
}
Result<bool> Disk::Exists(const std::string& name) { return state_->Exists(kNoProcess, name); }
Status Disk::Rename(const std::string& from, const std::string& to) {
  return state_->Rename(kNoProcess, from, to);
}
Status Disk::Remove(const std::string& name) { return state_->Remove(kNoProcess, name); }
Status Disk::SyncDirectory() { return state_->SyncDirectory(kNoProcess); }
std::array<std::byte, 16> Disk::NewIdentity() { return state_->NewIdentity(); }

std::shared_ptr<Storage> Disk::NewProcess() {
  base::MutexLock lock(state_->mutex);
  return std::make_shared<ProcessStorage>(state_, ++state_->last_process);
}

void Disk::Kill() {
  base::MutexLock lock(state_->mutex);
  state_->KillAll();
}

void Disk::KillAt(uint64_t effects) {
  base::MutexLock lock(state_->mutex);
  state_->kill_struck = false;
  state_->kill_at = std::max<uint64_t>(effects, 1);
  if (state_->trace->effects.size() >= effects) state_->Strike();
}

bool Disk::kill_struck() const {
  base::MutexLock lock(state_->mutex);
  return state_->kill_struck;
}

void Disk::EvictClean(uint64_t seed) {
  base::MutexLock lock(state_->mutex);
  MANIFOLDDB_ASSERT(state_->trace->undetermined == nullptr);
  const CrashPoint point(state_->trace, state_->trace->effects.size());
  for (auto& [inode, node] : state_->nodes) {
    Effect effect{.kind = EffectKind::kEvict, .inode = inode};
    effect.evicted = point.DrawEvicted(inode, node.cache, seed);
    if (effect.evicted.empty()) continue;
    state_->Replay(effect);
    state_->Append(std::move(effect));
  }
}

const Traits& Disk::traits() const { return state_->traits; }

uint64_t Disk::effects() const { return state_->effects; }

uint64_t Disk::operations() const {
  base::MutexLock lock(state_->mutex);
  return state_->operations;
}

std::shared_ptr<const Trace> Disk::trace() const {
  base::MutexLock lock(state_->mutex);
  return state_->trace;
}

std::vector<std::string> Disk::Lines(uint64_t first) const { return TraceLines(*trace(), first); }

Image Disk::CacheImage() const {
  base::MutexLock lock(state_->mutex);
  Image image(state_->traits.atomic_unit);
  for (const auto& [name, inode] : state_->names) image.Put(name, state_->nodes.at(inode).cache);
  return image;
}

uint32_t Disk::Arm(const Fault& fault) {
  base::MutexLock lock(state_->mutex);
  return state_->faults.Arm(fault);
}

void Disk::Disarm(uint32_t number) {
  base::MutexLock lock(state_->mutex);
  state_->faults.Disarm(number);
}

void Disk::DisarmAll() {
  base::MutexLock lock(state_->mutex);
  state_->faults.DisarmAll();
}

std::vector<FaultRecord> Disk::faults_fired() const {
  base::MutexLock lock(state_->mutex);
  return state_->faults.fired();
}

FaultCounts Disk::fault_counts() const {
  base::MutexLock lock(state_->mutex);
  return state_->faults.counts();
}

}  // namespace manifolddb::faultfs
