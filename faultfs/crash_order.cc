// What each preset excludes. A new preset is a new case in the functions below, and nowhere else.
//
//   kStrict       no order. Only operations on names are journal operations, any set of them may be done.
//   kExt4Ordered  operations on names and allocations are one journal, done up to some point; the rules (1)
//   to (4)
//                 are those of traits.h.

#include "engine/base/assert.h"
#include "faultfs/crash_state.h"

namespace manifolddb::faultfs {
namespace {

// More directories than this are not listed.
constexpr size_t kDirectoriesMax = 4096;

// Where the step has taken the file's size, going by what became of it.
uint64_t SizeAfter(const SizeStep& step, uint64_t arrived, uint32_t unit) {
  MANIFOLDDB_ASSERT(arrived != arrival::kLost);
  if (arrived == arrival::kWhole) return step.to;
  const uint64_t cut = arrived - 2;
  return cut < step.Cuts(unit) ? step.CutAt(cut, unit) : step.to;
}

}  // namespace

// Whether allocations are ordered with operations on names.
bool CrashState::OneJournal() const {
  switch (trace->traits.preset) {
    case Preset::kStrict: return false;
    case Preset::kExt4Ordered: return true;
  }
  return false;
}

JournalChoice CrashState::ChoiceOf(const Arrivals& arrivals) const {
  JournalChoice done(ops.size(), false);
  size_t end = 0;  // operations before this one are done, in one journal
  const auto through = [&](uint64_t effect) {
    while (end < ops.size() && ops[end].effect < effect) ++end;
  };
  for (size_t i = 0; i < atoms.size(); ++i) {
    if (arrivals[i] == arrival::kLost) continue;
    switch (atoms[i].kind) {
      case Atom::Kind::kSector: break;
      case Atom::Kind::kDirectory:
        done[place[i]] = true;
        through(atoms[i].effect + 1);
        break;
      case Atom::Kind::kSize:  // rule (2); an allocation is an operation itself
        through(plans.at(atoms[i].inode).file->steps[place[i]].by_write ? atoms[i].effect
                                                                        : atoms[i].effect + 1);
        break;
    }
  }
  if (OneJournal()) {
    done.assign(ops.size(), false);
    std::fill_n(done.begin(), end, true);
  }
  return done;
}

std::optional<std::vector<JournalChoice>> CrashState::Choices() const {
  std::vector<JournalChoice> choices;
  if (OneJournal()) {
    for (size_t end = 0; end <= ops.size(); ++end) {
      choices.emplace_back(ops.size(), false);
      std::fill_n(choices.back().begin(), end, true);
    }
    return choices;
  }
  // Any set may be done; most end in the same few directories, and what follows depends on the directory
  // alone: one set for each. By operation, so that what has come to the same is not told apart again.
  std::map<std::map<std::string, Inode>, JournalChoice> directories;
  directories.emplace(names, JournalChoice(ops.size(), false));
  for (size_t i = 0; i < ops.size(); ++i) {
    auto with = directories;
    for (const auto& [directory, done] : directories) {
      JournalChoice and_this = done;
      and_this[i] = true;
      auto after = NamesAfter(and_this);
      with.emplace(std::move(after), std::move(and_this));
    }
    directories = std::move(with);
    if (directories.size() > kDirectoriesMax) return std::nullopt;
  }
  for (auto& [directory, done] : directories) choices.push_back(std::move(done));
  return choices;
}

Forced CrashState::ForcedBy(Inode inode, const JournalChoice& done) const {
  const FileState& file = files.at(inode);
  Forced forced{.size_min = file.durable_size};
  if (!OneJournal()) return forced;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (!done[i]) {
      forced.steps_end = ops[i].effect;  // rule (2): a size given later arrives after this operation
      break;
    }
    if (ops[i].inode != inode) continue;
    if (ops[i].kind == EffectKind::kSize) forced.size_min = std::max(forced.size_min, ops[i].size);
    if (ops[i].kind == EffectKind::kRename && ops[i].replaces != kNoInode) {  // rule (3)
      forced.content_before = ops[i].effect;
    }
  }
  for (const SizeStep& step : file.steps) {
    if (step.effect < forced.content_before) forced.size_min = std::max(forced.size_min, step.to);
  }
  return forced;
}

std::vector<uint64_t> CrashState::Sizes(Inode inode, const Forced& forced) const {
  std::vector<uint64_t> sizes = {forced.size_min};
  for (const SizeStep& step : files.at(inode).steps) {
    if (step.to <= forced.size_min) continue;
    if (OneJournal() && (!step.by_write || step.effect >= forced.steps_end)) continue;
    for (uint64_t cut = 0; cut < step.Cuts(unit()); ++cut) {
      if (step.CutAt(cut, unit()) > forced.size_min) sizes.push_back(step.CutAt(cut, unit()));
    }
    sizes.push_back(step.to);
  }
  return sizes;
}

uint64_t CrashState::SizeOf(const FilePlan& plan, const Forced& forced, const Arrivals& arrivals) const {
  uint64_t size = forced.size_min;
  for (size_t s = 0; s < plan.step_atoms.size(); ++s) {
    const SizeStep& step = plan.file->steps[s];
    const uint64_t arrived = arrivals[plan.step_atoms[s]];
    if (arrived == arrival::kLost || (OneJournal() && !step.by_write)) continue;
    MANIFOLDDB_ASSERT(step.effect < forced.steps_end);
    size = std::max(size, SizeAfter(step, arrived, unit()));
  }
  return size;
}

const SizeStep* CrashState::StepOf(const FileState& file, const Forced& forced, uint64_t size) const {
  if (!OneJournal() || size <= forced.size_min) return nullptr;
  for (const SizeStep& step : file.steps) {
    if (step.from < size && size <= step.to) return step.by_write ? &step : nullptr;
  }
  return nullptr;
}

size_t CrashState::VersionMin(const SectorPlan& plan, const Forced& forced, const SizeStep* step,
                              uint64_t size) const {
  size_t version = plan.sector->CountBefore(forced.content_before);
  if (step == nullptr) return version;
  const bool given_by_step = (plan.index + 1) * unit() > step->from && plan.index * unit() < size;
  if (given_by_step) version = std::max(version, plan.sector->CountBefore(step->effect));  // rule (2)
  return version;
}

void CrashState::SettleWith(Inode inode, std::optional<uint64_t> write_effect) {
  if (!OneJournal()) return;
  size_t count = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    const bool names_it = ops[i].inode == inode && ops[i].OnNames();
    const bool sized_it =
        ops[i].inode == inode && !ops[i].OnNames() && ops[i].size <= files.at(inode).durable_size;
    const bool before_size = write_effect && ops[i].effect < *write_effect;
    if (names_it || sized_it || before_size) count = i + 1;  // rules (4), (1), (2)
  }
  if (count > 0) SettleOps(count);
}

void CrashState::SettleContentOf(const JournalOp& op) {
  if (!OneJournal()) return;
  FileState& file = files.at(op.inode);
  if (op.kind == EffectKind::kSize) file.RaiseSize(op.size);
  if (op.kind == EffectKind::kRename && op.replaces != kNoInode) file.SettleBefore(op.effect);  // rule (3)
}

}  // namespace manifolddb::faultfs
