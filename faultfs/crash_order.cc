// What each preset excludes. A new preset is a new case of RulesOf; what a rule means, the functions below
// say.

#include <set>

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

Rules RulesOf(Preset preset) {
  switch (preset) {
    case Preset::kStrict: return {};
    case Preset::kExt4Ordered:
      return {.journal = true, .data_first = true, .safe_rename = true, .names_synced = true};
    case Preset::kXfs: return {.journal = true, .data_first = true, .names_synced = true};
    case Preset::kBtrfs: return {.data_first = true, .safe_rename = true, .names_synced = true};
    case Preset::kExt3Writeback: return {.journal = true, .sizes_journaled = true, .names_synced = true};
    case Preset::kDataJournal:
      return {.journal = true, .sizes_journaled = true, .contents_journaled = true, .names_synced = true};
  }
  return {};
}

JournalChoice CrashState::ChoiceOf(const Arrivals& arrivals) const {
  JournalChoice done(ops.size(), false);
  size_t end = 0;  // operations before this one are done, in one journal
  const auto through = [&](const Place& last, bool with_it) {
    while (end < ops.size() && (ops[end].place() < last || (with_it && ops[end].place() == last))) ++end;
  };
  for (size_t i = 0; i < atoms.size(); ++i) {
    if (arrivals[i] == arrival::kLost) continue;
    const Atom& atom = atoms[i];
    switch (atom.kind) {
      case Atom::Kind::kSector:
        if (rules.contents_journaled) through({atom.effect, atom.sector}, true);
        break;
      case Atom::Kind::kDirectory:
        done[place[i]] = true;
        through({atom.effect}, true);
        break;
      case Atom::Kind::kSize:  // rule (2), if it is no operation itself
        through({atom.effect}, Journaled(plans.at(atom.inode).file->steps[place[i]]));
        break;
    }
  }
  if (rules.journal) {
    done.assign(ops.size(), false);
    std::fill_n(done.begin(), end, true);
  }
  return done;
}

std::optional<std::vector<JournalChoice>> CrashState::Choices() const {
  std::vector<JournalChoice> choices;
  if (rules.journal) {
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
  for (size_t i = 0; i < ops.size(); ++i) {
    const JournalOp& op = ops[i];
    if (!done[i] && rules.journal) {
      forced.steps_end = op.effect;  // rule (2): a size given later arrives after this operation
      forced.contents_end = op.place();
      break;
    }
    if (!done[i] || op.inode != inode) continue;
    if (op.kind == EffectKind::kSize) forced.size_min = std::max(forced.size_min, op.size);
    if (rules.safe_rename && op.kind == EffectKind::kRename && op.replaces != kNoInode) {  // rule (3)
      forced.content_before = op.effect;
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
    if (step.to <= forced.size_min || Journaled(step) || step.effect >= forced.steps_end) continue;
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
    if (arrived == arrival::kLost || Journaled(step)) continue;
    MANIFOLDDB_ASSERT(step.effect < forced.steps_end);
    size = std::max(size, SizeAfter(step, arrived, unit()));
  }
  return size;
}

const SizeStep* CrashState::StepOf(const FileState& file, const Forced& forced, uint64_t size) const {
  if (!rules.data_first || size <= forced.size_min) return nullptr;
  for (const SizeStep& step : file.steps) {
    if (step.from < size && size <= step.to) return step.by_write ? &step : nullptr;
  }
  return nullptr;
}

Versions CrashState::VersionsOf(const SectorPlan& plan, const Forced& forced, const SizeStep* step,
                                uint64_t size) const {
  const std::vector<Version>& versions = plan.sector->versions;
  if (rules.contents_journaled) {
    const auto there = [&](const Version& version) {
      return Place{version.effect, plan.index} < forced.contents_end;
    };
    const auto count = static_cast<size_t>(std::ranges::count_if(versions, there));
    return {count, count};
  }
  size_t min = plan.sector->CountBefore(forced.content_before);
  const bool given_by_step =
      step != nullptr && (plan.index + 1) * unit() > step->from && plan.index * unit() < size;
  if (given_by_step) min = std::max(min, plan.sector->CountBefore(step->effect));  // rule (2)
  return {min, versions.size()};
}

void CrashState::SettleWith(Inode inode, std::optional<uint64_t> write_effect) {
  if (!rules.names_synced) return;
  if (!rules.journal) {  // rule (4), of this file alone
    Settle(NamingOf(inode));
    return;
  }
  size_t count = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    const JournalOp& op = ops[i];
    const bool names_it = op.inode == inode && op.OnNames();
    const bool holds_it = op.inode == inode && op.kind == EffectKind::kWrite;
    const bool sized_it =
        op.inode == inode && op.kind == EffectKind::kSize && op.size <= files.at(inode).durable_size;
    const bool before_size = write_effect && op.effect < *write_effect;
    if (names_it || holds_it || sized_it || before_size) count = i + 1;  // rules (4), (1), (2)
  }
  if (count > 0) SettleOps(count);
}

JournalChoice CrashState::NamingOf(Inode inode) const {
  JournalChoice naming(ops.size(), false);
  std::set<std::string> names_of_it;
  for (size_t i = ops.size(); i-- > 0;) {
    const JournalOp& op = ops[i];
    if (op.inode != inode && !names_of_it.contains(op.name) && !names_of_it.contains(op.name2)) continue;
    naming[i] = true;
    names_of_it.insert(op.name);
    if (!op.name2.empty()) names_of_it.insert(op.name2);
  }
  return naming;
}

void CrashState::SettleContentOf(const JournalOp& op) {
  FileState& file = files.at(op.inode);
  if (op.kind == EffectKind::kSize) file.RaiseSize(op.size);
  if (op.kind == EffectKind::kWrite) {
    const auto sector = file.pending.find(op.sector);
    if (sector != file.pending.end()) file.Settle(sector, sector->second.CountBefore(op.effect + 1));
  }
  if (rules.safe_rename && op.kind == EffectKind::kRename && op.replaces != kNoInode)
    file.SettleBefore(op.effect);  // rule (3)
}

}  // namespace manifolddb::faultfs
