// (1) The bytes are there at once, the caller waits afterwards: who does not know that a call has returned
//     cannot tell.
// (2) A sync makes durable what was written before it began; what others write meanwhile is for the next.
// (3) Nothing of this costs the engine an allocation.

#include "bench/exact/simulated_storage.h"

#include <algorithm>
#include <cstring>

#include "bench/exact/allocations.h"
#include "bench/exact/data.h"

namespace manifolddb::bench::exact {

void IoCounts::Add(const IoCounts& other) {
  reads += other.reads;
  read_bytes += other.read_bytes;
  writes += other.writes;
  write_bytes += other.write_bytes;
  durable_writes += other.durable_writes;
  durable_bytes += other.durable_bytes;
  syncs += other.syncs;
  sync_bytes += other.sync_bytes;
}

IoCounts IoCounts::Since(const IoCounts& before) const {
  return {.reads = reads - before.reads,
          .read_bytes = read_bytes - before.read_bytes,
          .writes = writes - before.writes,
          .write_bytes = write_bytes - before.write_bytes,
          .durable_writes = durable_writes - before.durable_writes,
          .durable_bytes = durable_bytes - before.durable_bytes,
          .syncs = syncs - before.syncs,
          .sync_bytes = sync_bytes - before.sync_bytes};
}

bool FileState::Write(uint64_t offset, uint64_t bytes, bool durable) {
  const uint64_t first = offset / kBlockBytes;
  const uint64_t end = (offset + bytes + kBlockBytes - 1) / kBlockBytes;
  if (blocks_.size() < end) blocks_.resize(end, kNeverWritten);
  bool fresh = offset + bytes > bytes_;
  bytes_ = std::max(bytes_, offset + bytes);
  for (uint64_t block = first; block < end; ++block) {
    fresh = fresh || blocks_[block] == kNeverWritten;
    if (durable) {
      // Who was dirty stays so: only this range is durable, and maybe not all of the block.
      if (blocks_[block] == kNeverWritten) blocks_[block] = kClean;
    } else if (blocks_[block] != kDirty) {
      blocks_[block] = kDirty;
      dirty_.push_back(block);
    }
  }
  if (fresh && !durable) metadata_ = true;
  return fresh;
}

void FileState::Allocate(uint64_t bytes) {
  if (bytes <= bytes_) return;
  bytes_ = bytes;
  metadata_ = true;
}

FileState::Dirty FileState::TakeDirty() {
  const Dirty taken{.bytes = dirty_.size() * kBlockBytes, .metadata = metadata_};
  for (const uint64_t block : dirty_) blocks_[block] = kClean;
  dirty_.clear();
  metadata_ = false;
  return taken;
}

namespace {

class SimulatedFile final : public File {
 public:
  SimulatedFile(std::unique_ptr<File> below, std::shared_ptr<FileState> state, std::shared_ptr<Disk> disk)
      : File(below->name()), below_(std::move(below)), state_(std::move(state)), disk_(std::move(disk)) {}
  ~SimulatedFile() override = default;

 private:
  Status DoRead(uint64_t offset, MutableByteView out) override {
    const Uncounted harness;
    ++state_->counts.reads;
    state_->counts.read_bytes += out.size();
    Status done = below_->Read(offset, out);
    disk_->Read(out.size());
    return done;
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    const Uncounted harness;
    const uint64_t bytes = Bytes(parts);
    ++state_->counts.writes;
    state_->counts.write_bytes += bytes;
    state_->Write(offset, bytes, /*durable=*/false);
    Status done = below_->Write(offset, parts);
    disk_->Write(bytes);
    return done;
  }

  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    const Uncounted harness;
    const uint64_t bytes = Bytes(parts);
    ++state_->counts.durable_writes;
    state_->counts.durable_bytes += bytes;
    const bool fresh = state_->Write(offset, bytes, /*durable=*/true);
    Status done = below_->Write(offset, parts);
    disk_->WriteDurable(bytes, fresh);
    return done;
  }

  Status DoSync() override {
    const Uncounted harness;
    const FileState::Dirty dirty = state_->TakeDirty();
    ++state_->counts.syncs;
    state_->counts.sync_bytes += dirty.bytes;
    disk_->Sync(dirty.bytes, dirty.metadata);
    return {};
  }

  Result<uint64_t> DoSize() override {
    const Uncounted harness;
    return below_->Size();
  }

  Status DoAllocate(uint64_t size) override {
    const Uncounted harness;
    state_->Allocate(size);
    Status done = below_->Allocate(size);
    disk_->Call();
    return done;
  }

  Status DoLock(LockMode mode) override {
    const Uncounted harness;
    return below_->Lock(mode);
  }

  static uint64_t Bytes(std::span<const ByteView> parts) {
    uint64_t bytes = 0;
    for (const ByteView& part : parts) bytes += part.size();
    return bytes;
  }

  const std::unique_ptr<File> below_;
  const std::shared_ptr<FileState> state_;
  const std::shared_ptr<Disk> disk_;
};

}  // namespace

SimulatedStorage::SimulatedStorage(std::shared_ptr<Disk> disk)
    : disk_(std::move(disk)), below_(MakeMemoryStorage()) {}

Result<std::unique_ptr<File>> SimulatedStorage::Open(const std::string& name, OpenMode mode) {
  const Uncounted harness;
  auto file = below_->Open(name, mode);
  disk_->Call();
  if (!file) return file;
  std::shared_ptr<FileState>& state = files_[name];
  if (mode == OpenMode::kCreate && state != nullptr) gone_.push_back(std::exchange(state, nullptr));
  if (state == nullptr) state = std::make_shared<FileState>();
  return std::make_unique<SimulatedFile>(std::move(*file), state, disk_);
}

Result<bool> SimulatedStorage::Exists(const std::string& name) {
  const Uncounted harness;
  disk_->Call();
  return below_->Exists(name);
}

Status SimulatedStorage::Rename(const std::string& from, const std::string& to) {
  const Uncounted harness;
  disk_->Call();
  Status done = below_->Rename(from, to);
  if (!done || from == to) return done;
  std::shared_ptr<FileState>& state = files_[to];
  if (state != nullptr) gone_.push_back(state);
  state = files_[from];
  files_.erase(from);
  return done;
}

Status SimulatedStorage::Remove(const std::string& name) {
  const Uncounted harness;
  disk_->Call();
  Status done = below_->Remove(name);
  if (!done) return done;
  gone_.push_back(files_[name]);
  files_.erase(name);
  return done;
}

Status SimulatedStorage::SyncDirectory() {
  const Uncounted harness;
  ++directory_syncs_;
  disk_->Sync(0, /*metadata=*/true);
  return {};
}

std::array<std::byte, 16> SimulatedStorage::NewIdentity() {
  std::array<std::byte, 16> identity{};
  const uint64_t number = ++identities_;
  std::memcpy(identity.data(), &number, sizeof number);
  return identity;
}

IoCounts SimulatedStorage::Counts(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? IoCounts{} : found->second->counts;
}

IoCounts SimulatedStorage::Counts() const {
  IoCounts sum;
  for (const auto& [name, state] : files_) sum.Add(state->counts);
  for (const auto& state : gone_) sum.Add(state->counts);
  sum.syncs += directory_syncs_;
  return sum;
}

uint64_t SimulatedStorage::FileBytes() const {
  uint64_t bytes = 0;
  for (const auto& [name, state] : files_) bytes += state->bytes();
  return bytes;
}

std::shared_ptr<SimulatedStorage> SimulatedStorage::Copy(std::shared_ptr<Disk> disk) const {
  const Uncounted harness;
  constexpr uint64_t kChunkBytes = uint64_t{1} << 20;
  auto copy = std::make_shared<SimulatedStorage>(std::move(disk));
  const std::unique_ptr<std::byte[], AlignedFree> chunk = AlignedBytes(kChunkBytes);
  for (const auto& [name, state] : files_) {
    const auto from = Must(below_->Open(name, OpenMode::kReadOnly), "copy");
    const auto to = Must(copy->below_->Open(name, OpenMode::kCreate), "copy");
    const uint64_t size = Must(from->Size(), "copy");
    copy->files_[name] = std::make_shared<FileState>();
    for (uint64_t at = 0; at < size; at += kChunkBytes) {
      const MutableByteView bytes(chunk.get(), std::min(kChunkBytes, size - at));
      Must(from->Read(at, bytes), "copy");
      Must(to->Write(at, bytes), "copy");
    }
    copy->files_[name]->Write(0, size, /*durable=*/false);
    copy->files_[name]->TakeDirty();
  }
  return copy;
}

}  // namespace manifolddb::bench::exact
