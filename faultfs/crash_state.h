#pragma once
// What a crash point knows: per file what is durable and what is pending, and the pending operations on
// names. Private to the implementation of crash_point.h.
//
// (1) A pending sector has at least one version. Its version 0 is the durable one, version v >= 1 is
//     versions[v - 1]; effects rise.
// (2) The steps of a file's size are contiguous and rise from durable_size.
// (3) Journal operations pend in the order of the trace: those on names and, where the preset has a journal,
//     allocations and what else it keeps in order.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/image.h"
#include "faultfs/trace.h"

namespace manifolddb::faultfs {

struct Version {
  uint64_t effect;
  Sector sector;
};

struct PendingSector {
  std::vector<Version> versions;
  // These first ones will not be written any more, although they may have been (a failed sync left them clean
  // in the cache, or a fault swallowed what should have followed): a sync covers the sector if there are
  // newer ones.
  size_t clean = 0;

  // Versions given by effects before this one.
  size_t CountBefore(uint64_t effect) const;
};

struct SizeStep {
  uint64_t effect;
  uint64_t from;
  uint64_t to;
  bool by_write;
  // As PendingSector::clean. An allocation's size is the journal's, which a failed sync of data leaves to be
  // written; a file system whose journal fails takes no more writes at all.
  bool clean = false;

  // Sector boundaries strictly between: where the step may be cut. Cut c, from 0, leaves the file at
  // CutAt(c).
  uint64_t Cuts(uint32_t unit) const { return (to - 1) / unit - from / unit; }
  uint64_t CutAt(uint64_t cut, uint32_t unit) const { return (from / unit + 1 + cut) * unit; }
};

struct FileState {
  explicit FileState(FileImage image) : durable(std::move(image)), durable_size(durable.size()) {}

  FileImage
      durable;  // its own size has no meaning: it also holds sectors that are durable beyond durable_size
  uint64_t durable_size;
  std::map<uint64_t, PendingSector> pending;
  std::vector<SizeStep> steps;
  // What a durable sector may hold of which nobody knows yet.
  UndeterminedSectors undetermined = {};

  uint64_t SizeMax() const { return steps.empty() ? durable_size : steps.back().to; }
  void SetDurable(uint64_t index, const Sector& sector);
  // The first `count` versions are overwritten or on the disk. Returns the next pending sector.
  std::map<uint64_t, PendingSector>::iterator Settle(std::map<uint64_t, PendingSector>::iterator sector,
                                                     size_t count);
  void RaiseSize(uint64_t size);
  // All that was done to the file before `effect` is on the disk.
  void SettleBefore(uint64_t effect);
};

// What a preset orders (crash_order.cc); the numbers are those of the rules in traits.h.
struct Rules {
  bool journal = false;             // (1)
  bool sizes_journaled = false;     // (1) holds of sizes that writes give as well
  bool contents_journaled = false;  // and of what is written
  bool data_first = false;          // (2)
  bool safe_rename = false;         // (3)
  bool names_synced = false;        // (4)
};
Rules RulesOf(Preset preset);

// In the order of the trace; within a write by sector.
struct Place {
  uint64_t effect = 0;
  uint64_t sector = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct JournalOp {
  uint64_t effect;
  EffectKind kind;  // kCreate, kRemove, kRename, kSize, kWrite
  Inode inode;
  std::string name;
  std::string name2;
  Inode replaces;
  uint64_t size;        // kSize: what the file grew to
  uint64_t sector = 0;  // kWrite: one operation for each

  bool OnNames() const { return kind != EffectKind::kSize && kind != EffectKind::kWrite; }
  Place place() const { return {effect, sector}; }
};
// One flag per pending operation: done or not.
using JournalChoice = std::vector<bool>;

// What the chosen operations on names force upon one file.
struct Forced {
  uint64_t size_min = 0;
  uint64_t content_before = 0;        // versions of effects before this one are all on the disk
  uint64_t steps_end = ~uint64_t{0};  // sizes that writes gave from this effect on have not arrived
  // Where contents are journaled: versions before this are all on the disk, others are not.
  Place contents_end = {~uint64_t{0}, ~uint64_t{0}};
};

// In which a sector may be found.
struct Versions {
  size_t min;
  size_t max;
};

// Where the atoms of a file are, for one pass over it. An undetermined sector without newer versions has
// none.
struct SectorPlan {
  uint64_t index;
  const PendingSector* sector;
  size_t first;  // in CrashState::version_atoms: the atoms of its versions, in order
};
struct FilePlan {
  const FileState* file;
  std::vector<SectorPlan> sectors;  // ascending; those that some legal size shows
  std::vector<size_t> step_atoms;
};

class CrashState {
 public:
  explicit CrashState(std::shared_ptr<const Trace> of);

  void Restart();
  void MoveTo(uint64_t count);

  uint32_t unit() const { return trace->traits.atomic_unit; }
  bool may_tear() const { return trace->traits.garbage_in_torn_units || !trace->traits.outside_bytes_safe; }

  // The directory when exactly these operations are done.
  std::map<std::string, Inode> NamesAfter(const JournalChoice& done) const;
  // `version` as its write leaves it when torn; nothing if the traits forbid that or it would look the same.
  std::optional<Sector> Torn(Inode inode, uint64_t index, const Version& version) const;
  Sector Content(const FileState& file, uint64_t index, const PendingSector& sector, size_t version) const;
  // What the sector may show of its first `visible` bytes, each content once, oldest version first.
  Contents ContentsOf(Inode inode, const SectorPlan& plan, Versions versions, uint64_t visible) const;

  // ---- Order, by preset (crash_order.cc).

  // The size is an operation of the journal, and arrives with it or not at all.
  bool Journaled(const SizeStep& step) const {
    return rules.journal && (!step.by_write || rules.sizes_journaled);
  }
  // The operations that arrived, and those that they and other arrivals bring along.
  JournalChoice ChoiceOf(const Arrivals& arrivals) const;
  // Every legal choice; none if there are too many to list.
  std::optional<std::vector<JournalChoice>> Choices() const;
  Forced ForcedBy(Inode inode, const JournalChoice& done) const;
  // Every legal size of a file, ascending.
  std::vector<uint64_t> Sizes(Inode inode, const Forced& forced) const;
  uint64_t SizeOf(const FilePlan& plan, const Forced& forced, const Arrivals& arrivals) const;
  // The step whose data a file of this size must have; null: none.
  const SizeStep* StepOf(const FileState& file, const Forced& forced, uint64_t size) const;
  Versions VersionsOf(const SectorPlan& plan, const Forced& forced, const SizeStep* step,
                      uint64_t size) const;

  // Constant after construction.
  const std::shared_ptr<const Trace> trace;
  const Rules rules;
  // Where the trace has been followed to, and what that left.
  uint64_t effects = 0;
  size_t determined = 0;  // of trace->determined: those before the last effect
  std::map<Inode, FileState> files;
  std::map<std::string, Inode> names;  // durable
  std::vector<JournalOp> ops;
  size_t ops_clean = 0;
  // Derived from these.
  std::vector<Atom> atoms;
  std::vector<size_t> place;                     // of each atom: version, step or operation, by kind
  std::vector<size_t> version_atoms;             // see SectorPlan
  std::map<Inode, FilePlan> plans;               // of the files that some legal image names
  std::vector<std::vector<size_t>> wide_writes;  // the sector atoms of each write that has several

 private:
  void Apply(uint64_t index);
  void ApplyDetermined();
  void ApplyWrite(const Effect& effect, uint64_t index);
  void AddVersion(Inode inode, uint64_t index, uint64_t effect, const Sector& sector);
  void ApplySync(const Effect& effect);
  void ApplySyncDirectory();
  void ApplySyncFailed(const Effect& effect);
  void ApplyReverted(const Effect& effect);
  void ApplyTruncate(const Effect& effect);
  void SettleOps(size_t count);
  void Settle(const JournalChoice& durable);
  void Forget(const std::function<bool(const JournalOp&)>& forgotten);
  // The operations that gave the file its name, and those before them that speak of the same names.
  JournalChoice NamingOf(Inode inode) const;
  // What a sync of a file makes durable beside it (crash_order.cc). `write_effect`: of the last size given by
  // a write that it made durable.
  void SettleWith(Inode inode, std::optional<uint64_t> write_effect);
  // What an operation on names brings along when it is durable.
  void SettleContentOf(const JournalOp& op);
  void BuildAtoms();
  void BuildPlans();
};

}  // namespace manifolddb::faultfs
