#pragma once
// A disk without any order: of what was not synced each sector, size and name may be lost by itself. Effects,
// from 0 at switching on: a write, the size that it gave, a growth, a creation, removal, renaming, a sync.

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "manifolddb/storage.h"
namespace manifolddb::certcheck {
inline std::unexpected<Error> Dead() { return Fail(Errc::kIo, "certcheck.dead", {.file = "disk"}); }

struct Disk {
  struct Node {
    std::string bytes;  // more or fewer than `size`: beyond it they do not show, what is missing is zero
    uint64_t size = 0;
  };
  struct Directory {
    std::map<std::string, uint64_t> names;
    std::map<uint64_t, Node> nodes;
  };
  // Of a sector (place, bytes), a size (place), or a name: created, removed, or renamed to `bytes`.
  struct Change {
    enum Kind { kSector, kSize, kCreate, kRemove, kRename } kind;
    uint64_t node;
    uint64_t place;
    std::string file;
    std::string bytes = {};
    uint64_t effect = 0;
    bool OfName() const { return kind > kSize; }
    const char* what() const { return kind == kSector ? "sector" : kind == kSize ? "size" : "name"; }
  };

  // The process that runs now; the one before it is dead. It dies by itself before any effect beyond so many.
  uint64_t Start(uint64_t last_effects) { return dies_after = last_effects, alive = ++processes; }
  bool Lives(uint64_t process) const { return alive == process; }
  bool Effect(uint64_t process) {
    if (effects >= dies_after) alive = 0;
    return Lives(process) && ++effects > 0;
  }
  // Behind Effect.
  void Make(Change change) {
    change.effect = effects - 1;
    Apply(change, cache);
    pending.push_back(std::move(change));
  }
  template <class Covered>
  void Settle(Covered covered) {
    std::erase_if(pending, [&](const Change& change) {
      const bool settled = covered(change);
      if (settled) Apply(change, durable);
      return settled;
    });
  }
  // What is pending arrives, in its order, but for what is lost.
  template <class Lost>
  void PowerCut(Lost lost) {
    Settle([&](const Change& change) { return !lost(change); });
    for (auto& [number, node] : durable.nodes) node.bytes.resize(node.size);
    pending.clear();
    cache = durable;
    alive = effects = 0;
  }
  void Apply(const Change& change, Directory& to) const {
    Node& node = to.nodes[change.node];
    switch (change.kind) {
      case Change::kSector:
        node.bytes.resize(std::max<size_t>(node.bytes.size(), (change.place + 1) * unit));
        node.bytes.replace(change.place * unit, unit, change.bytes);
        break;
      case Change::kSize: node.size = change.place; break;
      case Change::kCreate: to.names[change.file] = change.node; break;
      case Change::kRename: to.names[change.bytes] = change.node; [[fallthrough]];
      case Change::kRemove: to.names.erase(change.file); break;
    }
  }

  uint64_t unit = 0;
  Directory cache = {}, durable = {};
  std::vector<Change> pending = {};
  uint64_t effects = 0, dies_after = 0, alive = 0, processes = 0, nodes = 0;
};

class OpenFile final : public File {
 public:
  OpenFile(const std::string& name, std::shared_ptr<Disk> disk, uint64_t process, uint64_t node)
      : File(name), disk_(std::move(disk)), process_(process), node_(node) {}

 private:
  Disk::Node& node() const { return disk_->cache.nodes[node_]; }
  Status DoRead(uint64_t offset, MutableByteView out) override {
    if (!disk_->Lives(process_)) return Dead();
    if (offset > node().size || out.size() > node().size - offset)
      return Fail(Errc::kTruncated, "certcheck.read", {.file = name(), .offset = offset});
    node().bytes.resize(std::max<size_t>(node().bytes.size(), offset + out.size()));
    std::memcpy(out.data(), node().bytes.data() + offset, out.size());
    return {};
  }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    if (!disk_->Effect(process_)) return Dead();
    std::string bytes;
    for (const ByteView part : parts) bytes += AsText(part);
    const uint64_t unit = disk_->unit, end = offset + bytes.size(), last = (end + unit - 1) / unit;
    node().bytes.resize(std::max<size_t>(node().bytes.size(), last * unit));
    node().bytes.replace(offset, bytes.size(), bytes);
    for (uint64_t i = offset / unit; i < last; ++i)
      disk_->Make({Disk::Change::kSector, node_, i, name(), node().bytes.substr(i * unit, unit)});
    return end > node().size ? DoAllocate(end) : Status();
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    uint64_t end = offset;
    for (const ByteView part : parts) end += part.size();
    if (Status written = DoWrite(offset, parts); !written) return written;
    return SyncSectors(offset / disk_->unit, (end - 1) / disk_->unit);
  }
  Status DoSync() override { return SyncSectors(0, ~uint64_t{0}); }
  Status SyncSectors(uint64_t first, uint64_t last) {
    if (!disk_->Effect(process_)) return Dead();
    disk_->Settle([&](const Disk::Change& change) {
      const bool inside = first <= change.place && change.place <= last;
      return change.node == node_ && !change.OfName() && (inside || change.kind == Disk::Change::kSize);
    });
    return {};
  }
  Result<uint64_t> DoSize() override { return node().size; }
  Status DoAllocate(uint64_t bytes) override {
    if (bytes <= node().size && disk_->Lives(process_)) return {};
    if (!disk_->Effect(process_)) return Dead();
    disk_->Make({Disk::Change::kSize, node_, bytes, name()});
    return {};
  }
  Status DoLock(LockMode) override { return {}; }  // one process at a time

  const std::shared_ptr<Disk> disk_;
  const uint64_t process_, node_;
};

class Process final : public Storage {
 public:
  Process(std::shared_ptr<Disk> disk, uint64_t number) : disk_(std::move(disk)), number_(number) {}
  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    Status status = disk_->Lives(number_) ? Status() : Dead();
    if (mode == OpenMode::kCreate && Has(name)) status = Change(Disk::Change::kRemove, name);
    if (mode == OpenMode::kCreate && status) status = Change(Disk::Change::kCreate, name);
    if (!status) return std::unexpected(status.error());
    if (!Has(name)) return Fail(Errc::kNotFound, "certcheck.open", {.file = name});
    return std::make_unique<OpenFile>(name, disk_, number_, disk_->cache.names[name]);
  }
  Result<bool> Exists(const std::string& name) override { return Has(name); }
  Status Rename(const std::string& from, const std::string& to) override {
    return Change(Disk::Change::kRename, from, to);
  }
  Status Remove(const std::string& name) override { return Change(Disk::Change::kRemove, name); }
  Status SyncDirectory() override {
    if (!disk_->Effect(number_)) return Dead();
    disk_->Settle([](const Disk::Change& change) { return change.OfName(); });
    return {};
  }
  std::array<std::byte, 16> NewIdentity() override {
    return {static_cast<std::byte>(number_), static_cast<std::byte>(++disk_->nodes)};
  }

 private:
  bool Has(const std::string& name) const { return disk_->cache.names.contains(name); }
  Status Change(Disk::Change::Kind kind, const std::string& name, const std::string& to = {}) {
    const bool creates = kind == Disk::Change::kCreate;
    if (!creates && !Has(name)) return Fail(Errc::kNotFound, "certcheck.directory", {.file = name});
    if (!disk_->Effect(number_)) return Dead();
    disk_->Make({kind, creates ? ++disk_->nodes : disk_->cache.names[name], 0, name, to});
    return {};
  }

  const std::shared_ptr<Disk> disk_;
  const uint64_t number_;
};

}  // namespace manifolddb::certcheck
