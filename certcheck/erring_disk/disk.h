#pragma once
// A disk that may err, without any order: of what was not synced each sector, size and name may be lost by
// itself. It keeps every change since the machine was switched on, so what it holds, or held once, is those
// changes without some of them. Effects, from 0 at switching on: a write, the size that it gave, a growth, a
// creation, removal, renaming, a sync.

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "manifolddb/storage.h"
namespace manifolddb::certcheck::faults {

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
  // Whether it is on the disk: certainly; if it is not lost; likewise, but no later sync covers it; never.
  enum Fate { kDurable, kPending, kLeft, kGone };
  uint64_t node, place;
  std::string file, bytes = {};
  uint64_t effect = 0;
  Fate fate = kPending;
  const char* what() const { return kind == kSector ? "sector" : kind == kSize ? "size" : "name"; }
};

// Calls of these kinds to this file (empty: to any), from the at-th on since the process began, fail so.
struct Fault {
  std::vector<std::string> calls;
  std::string file, how;
  uint64_t at = 0, bytes = 0, counted = 0;
  bool lasting = false;
};

struct Disk {
  // The process that runs now; the one before it is dead. It dies by itself before any effect beyond so many.
  uint64_t Start(uint64_t last_effects, std::vector<Fault> faults_of) {
    dies_after = last_effects, faults = std::move(faults_of), struck.clear();
    return alive = ++processes;
  }
  bool Lives(uint64_t process) const { return alive == process; }
  bool Effect(uint64_t process) {
    if (effects >= dies_after) alive = 0;
    return Lives(process) && ++effects > 0;
  }
  // Null: the call does not fail.
  const Fault* Meet(const std::string& call, const std::string& file) {
    const Fault* met = nullptr;
    for (Fault& one : faults) {
      const bool counts = std::ranges::find(one.calls, call) != one.calls.end();
      if (!counts || (!one.file.empty() && one.file != file)) continue;
      const bool fails = ++one.counted == one.at || (one.lasting && one.counted > one.at);
      if (fails && met == nullptr) met = &one, struck.push_back(one.how);
    }
    return met;
  }

  // Behind Effect.
  void Make(Change change) {
    change.effect = effects - 1;
    Apply(change, cache);
    changes.push_back(std::move(change));
  }
  template <class Covered>
  void Settle(Change::Fate fate, Covered covered) {
    for (Change& change : changes) {
      if (change.fate == Change::kPending && covered(change)) change.fate = fate;
    }
  }
  // What a process would read now if nothing but that had happened since the machine was switched on.
  template <class Happened>
  Directory After(Happened happened) const {
    Directory directory = base;
    for (const Change& change : changes) {
      if (happened(change)) Apply(change, directory);
    }
    return directory;
  }
  // A sync has failed, and what the cache had beyond the disk is gone.
  void Revert(uint64_t node) {
    Settle(Change::kGone, [node](const Change& change) { return change.node == node && change.kind < 2; });
    cache = After([](const Change& change) { return change.fate != Change::kGone; });
  }
  void PowerCut(Directory left) {
    for (auto& [number, node] : left.nodes) node.bytes.resize(node.size);
    base = cache = std::move(left);
    changes.clear();
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

  uint64_t unit = 0, identity = 0;
  Directory base = {}, cache = {};
  std::vector<Change> changes = {};
  std::vector<Fault> faults = {};
  std::vector<std::string> struck = {};  // how calls of this process have failed
  uint64_t effects = 0, dies_after = 0, alive = 0, processes = 0, nodes = 0;
};

inline std::unexpected<Error> Failed(const std::string& file, const Fault* met = nullptr) {
  const bool full = met != nullptr && met->how == "no space";
  return Fail(full ? Errc::kNoSpace : Errc::kIo, "certcheck.call", {.file = file});
}

class OpenFile final : public File {
 public:
  OpenFile(const std::string& name, std::shared_ptr<Disk> disk, uint64_t process, uint64_t node)
      : File(name), disk_(std::move(disk)), process_(process), node_(node) {}

 private:
  Node& node() const { return disk_->cache.nodes[node_]; }
  Status DoRead(uint64_t offset, MutableByteView out) override {
    if (!disk_->Lives(process_)) return Failed(name());
    if (offset > node().size || out.size() > node().size - offset)
      return Fail(Errc::kTruncated, "certcheck.read", {.file = name(), .offset = offset});
    node().bytes.resize(std::max<size_t>(node().bytes.size(), offset + out.size()));
    std::memcpy(out.data(), node().bytes.data() + offset, out.size());
    return {};
  }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    if (!disk_->Lives(process_)) return Failed(name());
    std::string bytes;
    for (const ByteView part : parts) bytes += AsText(part);
    const uint64_t unit = disk_->unit;
    const Fault* const met = disk_->Meet("write", name());
    if (met != nullptr && met->how != "short") return Failed(name(), met);
    if (met != nullptr && !bytes.empty()) {  // half of it, in whole sectors, or so many bytes
      const uint64_t half = (offset + bytes.size() / 2) / unit * unit;
      const uint64_t whole = half > offset ? half - offset : 0;
      bytes.resize(met->bytes == 0 ? whole : met->bytes % bytes.size());
    }
    const Status done = bytes.empty() ? Status() : Put(offset, bytes);
    return done && met != nullptr ? Failed(name()) : done;
  }
  Status Put(uint64_t offset, const std::string& bytes) {
    if (!disk_->Effect(process_)) return Failed(name());
    const uint64_t unit = disk_->unit, end = offset + bytes.size(), last = (end + unit - 1) / unit;
    node().bytes.resize(std::max<size_t>(node().bytes.size(), last * unit));
    node().bytes.replace(offset, bytes.size(), bytes);
    for (uint64_t i = offset / unit; i < last; ++i)
      disk_->Make({Change::kSector, node_, i, name(), node().bytes.substr(i * unit, unit)});
    return end > node().size ? Grow(end) : Status();
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    uint64_t end = offset;
    for (const ByteView part : parts) end += part.size();
    if (Status written = DoWrite(offset, parts); !written) return written;
    return SyncSectors(offset / disk_->unit, (end - 1) / disk_->unit);
  }
  Status DoSync() override { return SyncSectors(0, ~uint64_t{0}); }
  Status SyncSectors(uint64_t first, uint64_t last) {
    if (!disk_->Lives(process_)) return Failed(name());
    const Fault* const met = disk_->Meet("sync", name());
    if (!disk_->Effect(process_)) return Failed(name());
    if (met != nullptr && met->how == "reverts") return disk_->Revert(node_), Failed(name());
    disk_->Settle(met == nullptr ? Change::kDurable : Change::kLeft, [&](const Change& change) {
      const bool inside = first <= change.place && change.place <= last;
      return change.node == node_ && change.kind < 2 && (inside || change.kind == Change::kSize);
    });
    return met == nullptr ? Status() : Failed(name());
  }
  Result<uint64_t> DoSize() override { return node().size; }
  Status DoAllocate(uint64_t bytes) override {
    if (!disk_->Lives(process_)) return Failed(name());
    if (bytes <= node().size) return {};
    if (const Fault* const met = disk_->Meet("allocate", name())) return Failed(name(), met);
    return Grow(bytes);
  }
  Status Grow(uint64_t bytes) {
    if (!disk_->Effect(process_)) return Failed(name());
    disk_->Make({Change::kSize, node_, bytes, name()});
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
    Status status = Enter(name);
    if (mode == OpenMode::kCreate && status && Has(name)) status = Alter(Change::kRemove, name);
    if (mode == OpenMode::kCreate && status) status = Alter(Change::kCreate, name);
    if (!status) return std::unexpected(status.error());
    if (!Has(name)) return Fail(Errc::kNotFound, "certcheck.open", {.file = name});
    return std::make_unique<OpenFile>(name, disk_, number_, disk_->cache.names[name]);
  }
  Result<bool> Exists(const std::string& name) override {
    if (Status status = Enter(name); !status) return std::unexpected(status.error());
    return Has(name);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    const Status status = Enter(from);
    return status ? Alter(Change::kRename, from, to) : status;
  }
  Status Remove(const std::string& name) override {
    const Status status = Enter(name);
    return status ? Alter(Change::kRemove, name) : status;
  }
  Status SyncDirectory() override {
    const Status status = Enter(".");
    if (!disk_->Effect(number_)) return Failed(".");
    const auto of_names = [](const Change& change) { return change.kind > Change::kSize; };
    disk_->Settle(status ? Change::kDurable : Change::kLeft, of_names);
    return status;
  }
  std::array<std::byte, 16> NewIdentity() override {
    return {std::byte(number_), std::byte(++disk_->nodes), std::byte(disk_->identity)};
  }

 private:
  bool Has(const std::string& name) const { return disk_->cache.names.contains(name); }
  Status Enter(const std::string& name) {
    if (!disk_->Lives(number_)) return Failed(name);
    const Fault* const met = disk_->Meet("directory", name);
    return met == nullptr ? Status() : Failed(name, met);
  }
  Status Alter(Change::Kind kind, const std::string& name, const std::string& to = {}) {
    const bool creates = kind == Change::kCreate;
    if (!creates && !Has(name)) return Fail(Errc::kNotFound, "certcheck.directory", {.file = name});
    if (!disk_->Effect(number_)) return Failed(name);
    disk_->Make({kind, creates ? ++disk_->nodes : disk_->cache.names[name], 0, name, to});
    return {};
  }
  const std::shared_ptr<Disk> disk_;
  const uint64_t number_;
};

}  // namespace manifolddb::certcheck::faults
