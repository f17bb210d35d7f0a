// Another database beside this one: its groups, its meta pages, its pages, its files where this one's belong.
// Backups that were mixed up, writes of a neighbour that went elsewhere, sectors that were handed out again.
#include "crashsim/scenarios.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::EffectKind;
using faultfs::FileImage;
using faultfs::Image;
using faultfs::Policy;

// Writes these bytes of one file over those of another. REQUIRES: inside both.
void Copy(const FileImage& from, uint64_t from_offset, FileImage& to, uint64_t to_offset, uint64_t bytes) {
  std::vector<std::byte> buffer(bytes);
  from.Read(from_offset, buffer);
  to.Write(to_offset, buffer);
}

}  // namespace

// A neighbour's groups lie where this log goes on: a misdirected write, or sectors handed out again.
bool Scenarios::Foreign(Random& random, std::string&) {
  if (generation_.image) return false;  // its identity is in the image already
  const uint64_t ring = 2 * uint64_t{generation_.plan.setup.options.write_unit};
  SessionPlan plan;
  plan.setup = generation_.plan.setup;
  plan.program.close = false;
  Round& round = plan.program.rounds.emplace_back();
  round.actors.resize(1);
  for (Serial i = 1; i <= 4; ++i) {
    round.actors[0].push_back(
        {.kind = StepKind::kCreateFamily, .serial = i, .families = {"neighbour-" + std::to_string(i)}});
  }
  const auto neighbour = std::make_shared<Disk>(plan.setup.traits, random.Next());
  const Session other = RunSession(neighbour, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  const auto groups = [&](const faultfs::Trace& trace, uint64_t from) {
    std::vector<uint64_t> writes;
    for (uint64_t i = from; i < trace.effects.size(); ++i) {
      const faultfs::Effect& effect = trace.effects[i];
      const bool group = effect.name == kLogFile && effect.offset >= ring;
      if (effect.kind == EffectKind::kWrite && group) writes.push_back(i);
    }
    return writes;
  };
  const auto& trace = generation_.session.trace;
  const std::vector<uint64_t> mine = groups(*trace, generation_.session.opened_effect);
  const std::vector<uint64_t> theirs = groups(*other.trace, other.opened_effect);
  if (mine.empty() || theirs.empty()) return false;
  // In front of one of the first groups, most often of the very first: whose chain begins as the neighbour's.
  const uint64_t skipped = random.Chance(60) ? 0 : random.Below(std::min(mine.size(), theirs.size()));
  const uint64_t effects = mine[skipped];
  Image image = CrashPoint(trace, effects).Draw({Policy::kAll, 0});
  faultfs::FileImage log = *image.Find(kLogFile);
  for (uint64_t i = skipped; i < theirs.size(); ++i) {
    const faultfs::Effect& group = other.trace->effects[theirs[i]];
    // Over a group of this log's own it would be damage to that one, which may be the last (Rot tries it).
    if (group.offset < trace->effects[effects].offset) continue;
    uint64_t index = group.offset / image.atomic_unit();
    for (const faultfs::Sector& sector : group.sectors) {
      if (index < log.sectors()) log.SetSector(index, sector);
      ++index;
    }
  }
  const uint64_t untouched = image.Hash();
  image.Put(kLogFile, std::move(log));
  if (image.Hash() == untouched) return false;
  static_cast<void>(
      JudgeDamage(image, generation_.oracle().At(effects), "foreign@" + std::to_string(effects)));
  return true;
}

// Another database that the same program made, its actors otherwise interleaved, or another one; at some
// point of its life.
std::optional<Image> Scenarios::DrawNeighbour(Random& random) {
  SessionPlan plan = generation_.plan;
  plan.seed = random.Next();
  if (random.Chance(50)) plan.program = workload_.Draw(random, 0, 0);
  const auto disk = std::make_shared<Disk>(plan.setup.traits, random.Next());
  const Session other = RunSession(disk, plan, [this] { OnDeadlock(place_); });
  ++campaign_.counters().sessions;
  if (other.open_error) {
    campaign_.Report({{Promise::kDurable, "the database opens", Describe(*other.open_error)}});
    return std::nullopt;
  }
  const uint64_t effects = random.Between(other.opened_effect, other.trace->effects.size());
  return CrashPoint(other.trace, effects).Draw({Policy::kAll, 0});
}

bool Scenarios::Neighbour(Random& random, std::string&) {
  if (generation_.image) return false;  // its identity is in the image already
  constexpr int kSwaps = 48;
  const std::optional<Image> theirs = DrawNeighbour(random);
  if (!theirs) return true;
  bool swapped = false;
  for (int i = 0; i < kSwaps && !campaign_.Stop(); ++i) {
    const uint64_t kind = random.Below(16);
    const bool done = kind == 0  ? SwapFile(*theirs, random)
                      : kind < 6 ? SwapMeta(*theirs, random)
                                 : SwapPage(*theirs, random);
    swapped = swapped || done;
  }
  return swapped;
}

// One of the two files is the neighbour's.
bool Scenarios::SwapFile(const Image& theirs, Random& random) {
  const uint64_t effects = random.Between(generation_.session.opened_effect, generation_.effects());
  Image image = CrashPoint(generation_.session.trace, effects).Draw({Policy::kAll, 0});
  const char* const file = random.Chance(70) ? kLogFile : kDatabase;
  image.Put(file, *theirs.Find(file));
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         std::string(file) + "@" + std::to_string(effects));
  const Recovered found = Recover(image, generation_.plan.setup, {});
  campaign_.CountRecovery(found);
  if (!found.error || !ReportsDamage(*found.error)) {
    campaign_.Report({{Promise::kHonestAboutDamage, "an error that says that a file is another database's",
                       found.error ? Describe(*found.error) : "a database opens"}});
  } else if (found.effects > 0) {
    campaign_.Report({{Promise::kHonestAboutDamage, "files that do not belong together stay as they are",
                       std::to_string(found.effects) + " effects of an opening that was refused"}});
  }
  return true;
}

// One copy of the newest meta page or both are the neighbour's.
bool Scenarios::SwapMeta(const Image& theirs, Random& random) {
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  const uint64_t effects = std::max(NearMeta(false, random), generation_.session.opened_effect);
  std::optional<uint64_t> newest;
  for (uint64_t i = 0; i < effects; ++i) {
    const faultfs::Effect& effect = generation_.session.trace->effects[i];
    if (IsMetaWrite(effect, generation_.plan.setup)) newest = effect.offset;
  }
  if (!newest) return false;
  Image image = CrashPoint(generation_.session.trace, effects).Draw({Policy::kAll, 0});
  FileImage data = *image.Find(kDatabase);
  const uint64_t slot = *newest / (2 * unit) * (2 * unit);
  const uint64_t their_slot = random.Below(2) * 2 * unit;
  const bool both = random.Chance(80);
  const uint64_t one = random.Below(2);
  for (uint64_t copy = 0; copy < 2; ++copy) {
    if (both || copy == one)
      Copy(*theirs.Find(kDatabase), their_slot + copy * unit, data, slot + copy * unit, unit);
  }
  image.Put(kDatabase, std::move(data));
  static_cast<void>(JudgeDamage(image, generation_.oracle().At(effects), "meta@" + std::to_string(effects)));
  return true;
}

// A page of the neighbour where one of this database was written, most often near by: a write that went
// elsewhere. (One in its own place, of the same birth, is this database's as far as anybody can tell.)
bool Scenarios::SwapPage(const Image& theirs, Random& random) {
  constexpr uint64_t kNear = 4;
  const Setup& setup = generation_.plan.setup;
  const uint64_t page = setup.options.page_size;
  const uint64_t first = (4 * uint64_t{setup.options.write_unit} + page - 1) / page;
  const uint64_t effects = random.Between(generation_.session.opened_effect, generation_.effects());
  std::vector<uint64_t> written;
  for (uint64_t i = 0; i < effects; ++i) {
    const faultfs::Effect& effect = generation_.session.trace->effects[i];
    const bool pages = effect.name == kDatabase && effect.offset >= first * page;
    if (effect.kind != EffectKind::kWrite || !pages) continue;
    for (uint64_t at = 0; at + page <= effect.size; at += page) {
      written.push_back((effect.offset + at) / page);
    }
  }
  if (written.empty()) return false;
  const uint64_t to = written[random.Below(written.size())];
  const FileImage& from = *theirs.Find(kDatabase);
  const uint64_t end = from.size() / page;
  const bool near = random.Chance(80);
  const uint64_t low = near ? std::max(first, to - std::min(to, kNear)) : first;
  const uint64_t high = near ? std::min(end, to + kNear + 1) : end;
  if (low >= high) return false;
  const uint64_t at = random.Between(low, high - 1);
  if (at == to) return false;
  Image image = CrashPoint(generation_.session.trace, effects).Draw({Policy::kAll, 0});
  FileImage data = *image.Find(kDatabase);
  const uint64_t untouched = data.Hash();
  Copy(from, at * page, data, to * page, page);
  if (data.Hash() == untouched) return false;
  image.Put(kDatabase, std::move(data));
  static_cast<void>(JudgeDamage(image, generation_.oracle().At(effects), "page@" + std::to_string(effects)));
  return true;
}

}  // namespace manifolddb::crashsim
