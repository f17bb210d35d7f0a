// Follows a trace and keeps what is certain apart from what is not.
//
// (1) An effect is pending from when it happens until a sync that covers it. What a failed sync left clean
//     in the cache is covered only together with something newer: the newer version contains it.
// (2) A write that a fault lies over gives no version where the process thinks it did; and what was pending
//     there will not be written either, because what the cache writes next is what gets lost.
// (3) Versions equal to the one before are not kept where nothing could tell them apart.

#include "faultfs/crash_state.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/assert.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {

size_t PendingSector::CountBefore(uint64_t effect) const {
  size_t count = 0;
  while (count < versions.size() && versions[count].effect < effect) ++count;
  return count;
}

// ---- FileState

void FileState::SetDurable(uint64_t index, const Sector& sector) {
  undetermined.erase(index);
  const uint64_t end = (index + 1) * durable.atomic_unit();
  if (durable.size() < end) durable.SetSize(end);
  durable.SetSector(index, sector);
}

std::map<uint64_t, PendingSector>::iterator FileState::Settle(
    std::map<uint64_t, PendingSector>::iterator sector, size_t count) {
  std::vector<Version>& versions = sector->second.versions;
  MANIFOLDDB_ASSERT(count <= versions.size());
  if (count == 0) return std::next(sector);
  SetDurable(sector->first, versions[count - 1].sector);
  if (count == versions.size()) return pending.erase(sector);
  versions.erase(versions.begin(), versions.begin() + static_cast<ptrdiff_t>(count));
  sector->second.clean -= std::min(sector->second.clean, count);
  return std::next(sector);
}

void FileState::RaiseSize(uint64_t size) {
  durable_size = std::max(durable_size, size);
  size_t done = 0;
  while (done < steps.size() && steps[done].to <= durable_size) ++done;
  steps.erase(steps.begin(), steps.begin() + static_cast<ptrdiff_t>(done));
  if (!steps.empty()) steps.front().from = std::max(steps.front().from, durable_size);
}

void FileState::SettleBefore(uint64_t effect) {
  for (auto sector = pending.begin(); sector != pending.end();) {
    sector = Settle(sector, sector->second.CountBefore(effect));
  }
  uint64_t size = durable_size;
  for (const SizeStep& step : steps) {
    if (step.effect < effect) size = step.to;
  }
  RaiseSize(size);
}

// ---- CrashState

CrashState::CrashState(std::shared_ptr<const Trace> of)
    : trace(std::move(of)), rules(RulesOf(trace->traits.preset)) {
  Restart();
}

void CrashState::Restart() {
  effects = 0;
  determined = 0;
  files.clear();
  ops.clear();
  ops_clean = 0;
  names = trace->names;
  for (const auto& [name, inode] : names) files.emplace(inode, FileState(*trace->base.Find(name)));
  if (trace->undetermined != nullptr) {
    for (const auto& [inode, sectors] : *trace->undetermined) files.at(inode).undetermined = sectors;
  }
  BuildAtoms();
}

void CrashState::MoveTo(uint64_t count) {
  MANIFOLDDB_ASSERT(count <= trace->effects.size());
  if (count == effects) return;
  if (count < effects) Restart();
  while (effects < count) {
    ApplyDetermined();
    Apply(effects++);
  }
  BuildAtoms();
}

// What had been looked at when the next effect happened. What is looked at later might still have been found
// otherwise if the power had failed before.
void CrashState::ApplyDetermined() {
  for (; determined < trace->determined.size() && trace->determined[determined].effects <= effects;
       ++determined) {
    const Trace::Determined& one = trace->determined[determined];
    const Contents& contents = trace->undetermined->at(one.inode).at(one.sector);
    files.at(one.inode).SetDurable(one.sector, contents[one.content]);
  }
}

void CrashState::Apply(uint64_t index) {
  const Effect& effect = trace->effects[index];
  const bool lying = trace->traits.lying_flush;
  switch (effect.kind) {
    case EffectKind::kWrite: ApplyWrite(effect, index); return;
    case EffectKind::kCreate: files.emplace(effect.inode, FileState(FileImage(unit()))); break;
    case EffectKind::kSize:
      files.at(effect.inode)
          .steps.push_back(
              {.effect = index, .from = effect.old_size, .to = effect.size, .by_write = effect.by_write});
      if (!Journaled(files.at(effect.inode).steps.back())) return;
      break;
    case EffectKind::kTruncate: ApplyTruncate(effect); return;
    case EffectKind::kRemove:
    case EffectKind::kRename: break;
    case EffectKind::kSync:
    case EffectKind::kSyncRange:
      if (!lying) ApplySync(effect);
      return;
    case EffectKind::kSyncDirectory:
      if (!lying) ApplySyncDirectory();
      return;
    case EffectKind::kSyncFailed: ApplySyncFailed(effect); return;
    case EffectKind::kSyncDirectoryFailed: ops_clean = ops.size(); return;
    case EffectKind::kSyncReverted: ApplyReverted(effect); return;
    case EffectKind::kEvict:
      for (const auto& [sector, content] : effect.evicted) {
        FileState& file = files.at(effect.inode);
        file.pending.erase(sector);
        file.SetDurable(sector, content);
        Forget([&](const JournalOp& op) {
          return op.kind == EffectKind::kWrite && op.inode == effect.inode && op.sector == sector;
        });
      }
      return;
  }
  ops.push_back({.effect = index,
                 .kind = effect.kind,
                 .inode = effect.inode,
                 .name = effect.name,
                 .name2 = effect.name2,
                 .replaces = effect.replaces,
                 .size = effect.size});
}

void CrashState::ApplyWrite(const Effect& effect, uint64_t index) {
  FileState& file = files.at(effect.inode);
  const uint64_t first = effect.offset / unit();
  for (size_t i = 0; i < effect.sectors.size(); ++i) {
    if (effect.fault == WriteFault::kNone) {
      AddVersion(effect.inode, first + i, index, effect.sectors[i]);
      continue;
    }
    if (const auto found = file.pending.find(first + i); found != file.pending.end()) {
      found->second.clean = found->second.versions.size();
    }
    if (effect.fault == WriteFault::kLost) continue;
    const int64_t target = static_cast<int64_t>(first + i) + effect.shift_sectors;
    const bool inside = target >= 0 && static_cast<uint64_t>(target) * unit() < file.SizeMax();
    if (inside) AddVersion(effect.inode, static_cast<uint64_t>(target), index, effect.sectors[i]);
  }
}

void CrashState::AddVersion(Inode inode, uint64_t index, uint64_t effect, const Sector& sector) {
  FileState& file = files.at(inode);
  const auto found = file.pending.find(index);
  if (found == file.pending.end()) {
    const bool certain = !may_tear() && !file.undetermined.contains(index);
    if (certain && file.durable.SectorAt(index) == sector) return;
  } else {
    const PendingSector& pending = found->second;
    const bool newest_dirty = pending.clean < pending.versions.size();
    if (!may_tear() && newest_dirty && pending.versions.back().sector == sector) return;
  }
  file.pending[index].versions.push_back({effect, sector});
  if (!rules.contents_journaled) return;
  ops.push_back({.effect = effect,
                 .kind = EffectKind::kWrite,
                 .inode = inode,
                 .name = {},
                 .name2 = {},
                 .replaces = kNoInode,
                 .size = 0,
                 .sector = index});
}

void CrashState::ApplySync(const Effect& effect) {
  FileState& file = files.at(effect.inode);
  const bool whole = effect.kind == EffectKind::kSync;
  const uint64_t end = effect.offset + effect.size;
  auto sector = whole ? file.pending.begin() : file.pending.lower_bound(effect.offset / unit());
  while (sector != file.pending.end() && (whole || sector->first * unit() < end)) {
    const PendingSector& pending = sector->second;
    const bool covered = pending.versions.size() > pending.clean;
    sector = file.Settle(sector, covered ? pending.versions.size() : 0);
  }
  uint64_t size = file.durable_size;
  for (const SizeStep& step : file.steps) {
    if (!step.clean) size = whole ? step.to : std::min(step.to, std::max(end, size));
  }
  std::optional<uint64_t> write_effect;
  for (const SizeStep& step : file.steps) {
    if (step.by_write && step.from < size) write_effect = step.effect;
  }
  file.RaiseSize(size);
  SettleWith(effect.inode, write_effect);
}

// Covers the operations on names, and of the others what a journal has before them.
void CrashState::ApplySyncDirectory() {
  size_t count = ops.size();
  while (count > 0 && !ops[count - 1].OnNames()) --count;
  if (count > ops_clean) SettleOps(count);
}

void CrashState::ApplySyncFailed(const Effect& effect) {
  FileState& file = files.at(effect.inode);
  const bool whole = effect.size == 0;
  for (auto& [index, sector] : file.pending) {
    const bool inside = index >= effect.offset / unit() && index * unit() < effect.offset + effect.size;
    if (whole || inside) sector.clean = sector.versions.size();
  }
  if (!whole) return;
  for (SizeStep& step : file.steps) step.clean = step.clean || (step.by_write && !Journaled(step));
}

void CrashState::ApplyReverted(const Effect& effect) {
  FileState& file = files.at(effect.inode);
  file.pending.clear();
  file.steps.clear();
  file.durable.SetSize(file.durable_size);
  Forget([&](const JournalOp& op) { return !op.OnNames() && op.inode == effect.inode; });
}

// What lies behind the new end is gone, whatever was pending there; growth that was pending goes no further.
void CrashState::ApplyTruncate(const Effect& effect) {
  FileState& file = files.at(effect.inode);
  const uint64_t size = effect.size;
  const uint64_t sectors = (size - 1) / unit() + 1;
  file.durable_size = std::min(file.durable_size, size);
  file.durable.SetSize(std::min(file.durable.size(), size));
  std::erase_if(file.steps, [size](const SizeStep& step) { return step.from >= size; });
  for (SizeStep& step : file.steps) step.to = std::min(step.to, size);
  file.pending.erase(file.pending.lower_bound(sectors), file.pending.end());
  std::erase_if(file.undetermined, [sectors](const auto& sector) { return sector.first >= sectors; });
  Forget([&](const JournalOp& op) {
    return op.inode == effect.inode && op.kind == EffectKind::kWrite && op.sector >= sectors;
  });
  for (JournalOp& op : ops) {
    if (op.inode == effect.inode && op.kind == EffectKind::kSize) op.size = std::min(op.size, size);
  }
}

void CrashState::Forget(const std::function<bool(const JournalOp&)>& forgotten) {
  for (size_t i = 0; i < ops.size();) {
    if (!forgotten(ops[i])) {
      ++i;
      continue;
    }
    ops.erase(ops.begin() + static_cast<ptrdiff_t>(i));
    if (ops_clean > i) --ops_clean;
  }
}

void CrashState::SettleOps(size_t count) {
  JournalChoice durable(ops.size(), false);
  std::fill_n(durable.begin(), count, true);
  Settle(durable);
}

void CrashState::Settle(const JournalChoice& durable) {
  names = NamesAfter(durable);
  std::vector<JournalOp> left;
  size_t left_clean = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (durable[i]) {
      SettleContentOf(ops[i]);
      continue;
    }
    left_clean += i < ops_clean ? 1 : 0;
    left.push_back(std::move(ops[i]));
  }
  ops = std::move(left);
  ops_clean = left_clean;
}

std::map<std::string, Inode> CrashState::NamesAfter(const JournalChoice& done) const {
  MANIFOLDDB_ASSERT(done.size() == ops.size());
  std::map<std::string, Inode> result = names;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (!done[i]) continue;
    switch (ops[i].kind) {
      case EffectKind::kCreate: result[ops[i].name] = ops[i].inode; break;
      case EffectKind::kRemove: result.erase(ops[i].name); break;
      case EffectKind::kRename:
        result.erase(ops[i].name);
        result[ops[i].name2] = ops[i].inode;
        break;
      default: break;
    }
  }
  return result;
}

Sector CrashState::Content(const FileState& file, uint64_t index, const PendingSector& sector,
                           size_t version) const {
  return version == 0 ? file.durable.SectorAt(index) : sector.versions[version - 1].sector;
}

Contents CrashState::ContentsOf(Inode inode, const SectorPlan& plan, Versions versions,
                                uint64_t visible) const {
  const FileState& file = files.at(inode);
  Contents contents;
  const auto add = [&](Sector sector) {
    if (visible < unit() && !sector.zero()) {
      std::vector<std::byte> cut(unit());
      sector.Read(0, MutableByteView(cut).first(static_cast<size_t>(visible)));
      sector = Sector::Of(cut);
    }
    if (std::ranges::find(contents, sector) == contents.end()) contents.push_back(std::move(sector));
  };
  for (size_t v = versions.min; v <= versions.max; ++v) {
    const auto open = v == 0 ? file.undetermined.find(plan.index) : file.undetermined.end();
    if (open != file.undetermined.end()) {
      for (const Sector& content : open->second) add(content);
    } else {
      add(Content(file, plan.index, *plan.sector, v));
    }
  }
  for (size_t v = versions.min + 1; v <= versions.max; ++v) {
    if (auto torn = Torn(inode, plan.index, plan.sector->versions[v - 1])) add(*std::move(torn));
  }
  return contents;
}

std::optional<Sector> CrashState::Torn(Inode inode, uint64_t index, const Version& version) const {
  if (!may_tear()) return std::nullopt;
  const Effect& effect = trace->effects[version.effect];
  // A misdirected write tears the sectors where it arrives.
  const uint64_t meant = index - static_cast<uint64_t>(effect.shift_sectors);
  const uint64_t start = meant * unit();
  const auto from = static_cast<size_t>(std::max(effect.offset, start) - start);
  const auto to = static_cast<size_t>(std::min(effect.offset + effect.size, start + unit()) - start);
  std::vector<std::byte> bytes(unit());
  version.sector.Read(0, bytes);
  Random random(Mix(version.effect) ^ Mix(index) ^ inode);
  const Traits& traits = trace->traits;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool inside = i >= from && i < to;
    const auto noise = static_cast<std::byte>(random.Below(256));
    if (inside ? traits.garbage_in_torn_units : !traits.outside_bytes_safe) bytes[i] = noise;
  }
  Sector torn = Sector::Of(bytes);
  if (torn == version.sector) return std::nullopt;
  return torn;
}

// ---- What is derived

void CrashState::BuildAtoms() {
  BuildPlans();
  struct Found {
    Atom atom;
    size_t place;
    size_t* slot;  // where the atom's number belongs
  };
  std::vector<Found> found;
  version_atoms.clear();
  size_t versions = 0;
  for (auto& [inode, plan] : plans) {
    for (SectorPlan& sector : plan.sectors) {
      sector.first = versions;
      versions += sector.sector->versions.size();
    }
  }
  version_atoms.resize(versions);
  for (auto& [inode, plan] : plans) {
    for (const SectorPlan& sector : plan.sectors) {
      for (size_t v = 0; v < sector.sector->versions.size(); ++v) {
        found.push_back({{Atom::Kind::kSector, sector.sector->versions[v].effect, inode, sector.index},
                         v,
                         &version_atoms[sector.first + v]});
      }
    }
    plan.step_atoms.resize(plan.file->steps.size());
    for (size_t s = 0; s < plan.file->steps.size(); ++s) {
      found.push_back({{Atom::Kind::kSize, plan.file->steps[s].effect, inode}, s, &plan.step_atoms[s]});
    }
  }
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].OnNames())
      found.push_back({{Atom::Kind::kDirectory, ops[i].effect, ops[i].inode}, i, nullptr});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.atom.effect, a.atom.sector) < std::pair(b.atom.effect, b.atom.sector);
  });
  atoms.clear();
  place.clear();
  wide_writes.clear();
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].slot != nullptr) *found[i].slot = i;
    atoms.push_back(found[i].atom);
    place.push_back(found[i].place);
    if (found[i].atom.kind != Atom::Kind::kSector) continue;
    const bool goes_on = i > 0 && found[i - 1].atom.effect == found[i].atom.effect;
    if (!goes_on) continue;
    const bool second = i == 1 || found[i - 2].atom.effect != found[i].atom.effect;
    if (second) wide_writes.push_back({i - 1});
    wide_writes.back().push_back(i);
  }
}

void CrashState::BuildPlans() {
  static const PendingSector kNoNewer;
  plans.clear();
  std::set<Inode> reachable;
  for (const auto& [name, inode] : names) reachable.insert(inode);
  for (const JournalOp& op : ops) {
    if (op.kind == EffectKind::kCreate || op.kind == EffectKind::kRename) reachable.insert(op.inode);
  }
  for (const Inode inode : reachable) {
    const FileState& file = files.at(inode);
    FilePlan& plan = plans[inode];
    plan.file = &file;
    for (const auto& [index, sector] : file.pending) {
      if (index * unit() < file.SizeMax()) plan.sectors.push_back({index, &sector, 0});
    }
    for (const auto& [index, contents] : file.undetermined) {
      if (!file.pending.contains(index)) plan.sectors.push_back({index, &kNoNewer, 0});
    }
    std::ranges::sort(plan.sectors, {}, &SectorPlan::index);
  }
}

}  // namespace manifolddb::faultfs
