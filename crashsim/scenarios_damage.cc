// Damage: bits flipped at rest, writes that never arrived or went elsewhere, files gone or old.
// (1) It is judged by what is read: an error is honest, right contents are, wrong contents never.
#include "crashsim/scenarios.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::EffectKind;
using faultfs::FaultKind;
using faultfs::Image;
using faultfs::Policy;

// What `faulty`, a point of a trace that differs in faults alone, leaves if of each effect arrives what does
// of `sound`.
faultfs::Arrivals SameArrivals(const CrashPoint& faulty, const CrashPoint& sound,
                               const faultfs::Arrivals& arrivals) {
  faultfs::Arrivals same(faulty.atoms().size(), faultfs::arrival::kLost);
  size_t next = 0;
  for (size_t i = 0; i < same.size(); ++i) {
    const faultfs::Atom& atom = faulty.atoms()[i];
    const auto before = [&](const faultfs::Atom& other) {
      return other.effect < atom.effect || (other.effect == atom.effect && other.kind < atom.kind);
    };
    while (next < arrivals.size() && before(sound.atoms()[next])) ++next;
    if (next == arrivals.size() || sound.atoms()[next].effect != atom.effect) continue;
    same[i] = arrivals[next++];
  }
  return same;
}

// How many groups of the log a write hits that goes elsewhere: the one that was to be written, and those that
// lie there.
size_t GroupsHit(const faultfs::Trace& trace, uint64_t lost, uint64_t unit) {
  const faultfs::Effect& hit = trace.effects[lost];
  const uint64_t first = hit.offset / unit + static_cast<uint64_t>(hit.shift_sectors);
  const uint64_t end = first + (hit.size + unit - 1) / unit;
  std::map<uint64_t, uint64_t> newest;  // by sector: who wrote it
  for (uint64_t i = 0; i < lost; ++i) {
    const faultfs::Effect& effect = trace.effects[i];
    if (effect.kind != EffectKind::kWrite || effect.name != hit.name) continue;
    const uint64_t last = (effect.offset + effect.size + unit - 1) / unit;
    for (uint64_t at = std::max(first, effect.offset / unit); at < std::min(end, last); ++at) newest[at] = i;
  }
  std::set<uint64_t> groups;
  for (const auto& [sector, group] : newest) groups.insert(group);
  return 1 + groups.size();
}

}  // namespace

bool Scenarios::JudgeDamage(const Image& image, const Allowed& allowed, const std::string& what,
                            const Image* whole) {
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario, what);
  campaign_.Narrate("damaged: " + what + ", found after effect " + std::to_string(allowed.effects) +
                        ", owed are " + std::to_string(allowed.floor) + " commits to a " + allowed.why,
                    {});
  const auto disk = std::make_shared<Disk>(image, generation_.plan.setup.traits);
  const Recovered found = Recover(disk, generation_.plan.setup, {});
  campaign_.CountRecovery(found);
  if (found.error) {
    // No damage leaves a checksum right: it is not to be taken for a program's that is yet to be written.
    const bool misleads =
        found.error->code() == Errc::kNewerFormat || found.error->code() == Errc::kPageSizeMismatch;
    if (!ReportsDamage(*found.error) || misleads) {
      campaign_.Report({{Promise::kHonestAboutDamage, "damage reported as such", Describe(*found.error)}});
    }
    if (whole != nullptr && found.refused) JudgeMended(*whole, *disk, allowed);
    return true;
  }
  Violations violations = generation_.oracle().Judge(
      found.seen, allowed, [&] { return ContentsOf(image, generation_.plan.setup); });
  for (Violation& violation : violations) {
    violation.promise = Promise::kHonestAboutDamage;
    violation.expected = "damage reported or of no effect: " + violation.expected;
  }
  campaign_.Report(violations);
  return !found.verify.empty() || !violations.empty();
}

// An opening that was refused has done no harm: with the data file as it was before the damage everything is
// there.
void Scenarios::JudgeMended(Image whole, Disk& refused, const Allowed& allowed) {
  const Image left = CrashPoint(refused.trace(), refused.effects()).Draw({Policy::kAll, 0});
  whole.Put(kLogFile, *left.Find(kLogFile));
  const Recovered mended = Recover(whole, generation_.plan.setup, {});
  campaign_.CountRecovery(mended);
  if (mended.error) {
    campaign_.Report({{Promise::kHonestAboutDamage, "the data file before the damage opens beside its log",
                       Describe(*mended.error)}});
    return;
  }
  campaign_.Report(generation_.oracle().Judge(mended.seen, allowed,
                                              [&] { return ContentsOf(whole, generation_.plan.setup); }));
}

// A fault of writes has fired if the image is another than without it, all else arriving alike.
std::optional<Image> Scenarios::DrawFaulty(const std::shared_ptr<faultfs::Trace>& faulty, uint64_t effects,
                                           const faultfs::ImageSpec& spec, FaultKind kind) {
  const auto index = static_cast<size_t>(kind);
  ++campaign_.counters().faults_armed[index];
  const CrashPoint sound(generation_.session.trace, effects);
  const CrashPoint point(faulty, effects);
  const faultfs::Arrivals arrivals = sound.Resolve(spec);
  Image image = point.Make(SameArrivals(point, sound, arrivals));
  if (image.Hash() == sound.Make(arrivals).Hash()) return std::nullopt;
  ++campaign_.counters().faults_fired[index];
  return image;
}

bool Scenarios::Rot(Random& random, std::string&) {
  const auto& trace = generation_.session.trace;
  const uint64_t effects = random.Between(generation_.session.opened_effect, generation_.effects());
  Image image = CrashPoint(trace, effects)
                    .Draw({random.Chance(50) ? Policy::kAll : Policy::kRandom, random.Next() >> 1});
  // Where something was written: elsewhere there is nothing to harm.
  std::vector<const faultfs::Effect*> writes;
  for (uint64_t i = 0; i < effects; ++i) {
    if (trace->effects[i].kind == EffectKind::kWrite && trace->effects[i].size > 0)
      writes.push_back(&trace->effects[i]);
  }
  if (writes.empty()) return false;
  const faultfs::Effect& hit = *writes[random.Below(writes.size())];
  const std::string file = image.Find(hit.name) != nullptr ? hit.name : std::string(kLogFile);
  const faultfs::BitRot rot{file, hit.offset + random.Below(hit.size), 1 + random.Below(8),
                            random.Next() >> 1};
  const bool clean = generation_.session.closed && effects == generation_.effects();
  const bool log = file != kDatabase && !clean;
  const Oracle& oracle = generation_.oracle();
  return JudgeDamage(image.With(rot), log ? oracle.AtWithDamagedLog(effects) : oracle.At(effects),
                     rot.ToString(), file == kDatabase ? &image : nullptr);
}

// The log's header or its marker: one copy each.
bool Scenarios::RotLogFront(Random& random) {
  constexpr uint64_t kFieldBytes = 64;
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  const uint64_t effects = random.Between(generation_.session.opened_effect, generation_.effects());
  const Image image = CrashPoint(generation_.session.trace, effects).Draw({Policy::kAll, 0});
  const uint64_t offset = (random.Chance(70) ? 0 : unit) + random.Below(kFieldBytes);
  const faultfs::BitRot rot{kLogFile, offset, 1 + random.Below(4), random.Next() >> 1};
  static_cast<void>(JudgeDamage(image.With(rot), generation_.oracle().At(effects), rot.ToString()));
  return true;
}

bool Scenarios::RotMeta(Random& random, std::string&) {
  if (Random front = random.Fork(1); front.Chance(15)) return RotLogFront(front);
  const auto& trace = generation_.session.trace;
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  const bool at_end = random.Chance(50);
  const uint64_t effects = at_end ? generation_.effects()
                                  : random.Between(generation_.session.opened_effect, generation_.effects());
  std::optional<uint64_t> newest;
  for (uint64_t i = 0; i < effects; ++i) {
    const faultfs::Effect& effect = trace->effects[i];
    if (IsMetaWrite(effect, generation_.plan.setup)) newest = effect.offset;
  }
  if (!newest) return false;
  Image image = CrashPoint(trace, effects).Draw({random.Chance(50) ? Policy::kAll : Policy::kNone, 0});
  const bool both = random.Chance(60);
  const uint64_t slot = *newest / (2 * unit) * (2 * unit);
  std::string what;
  const uint64_t one = slot + random.Below(2) * unit;
  for (const uint64_t copy : {slot, slot + unit}) {
    if (!both && copy != one) continue;
    const faultfs::BitRot rot{kDatabase, copy + random.Below(200), 1, random.Next() >> 1};
    image = image.With(rot);
    what += (what.empty() ? "" : "+") + rot.ToString();
  }
  return JudgeDamage(image, generation_.oracle().At(effects), what) || !both;
}

// Both copies of one checkpoint's meta page never arrive, and nothing is unreadable: only the log can tell.
bool Scenarios::LoseMeta(Random& random) {
  auto trace = std::make_shared<faultfs::Trace>(*generation_.session.trace);
  const uint64_t unit = generation_.plan.setup.options.write_unit;
  std::vector<std::pair<uint64_t, uint64_t>> pairs;  // of writes to the two copies of one slot
  std::optional<uint64_t> last;
  std::optional<std::pair<uint64_t, uint64_t>> of_opening;
  for (uint64_t i = 0; i < trace->effects.size(); ++i) {
    const faultfs::Effect& effect = trace->effects[i];
    if (!IsMetaWrite(effect, generation_.plan.setup)) continue;
    // Copy by copy; step 1 writes slot by slot.
    const bool second_copy = last && trace->effects[*last].offset + unit == effect.offset;
    if (second_copy && effect.offset / unit % 2 == 1) {
      if (i < generation_.session.opened_effect) {
        of_opening = {*last, i};
      } else {
        pairs.push_back({*last, i});
      }
    }
    last = i;
  }
  // The one with which this life's log began: the page before it leads to another life's log.
  const bool opening = of_opening && (pairs.empty() || random.Fork(1).Chance(65));
  if (!opening && pairs.empty()) return false;
  const auto [first, second] = opening ? *of_opening : pairs[random.Below(pairs.size())];
  for (const uint64_t lost : {first, second}) {
    faultfs::Effect effect = trace->effects[lost];
    effect.fault = faultfs::WriteFault::kLost;
    trace->effects.Replace(lost, effect);
  }
  const uint64_t from = opening ? generation_.session.opened_effect : second + 1;
  uint64_t until = trace->effects.size();
  if (random.Chance(60)) {
    // Before the next checkpoint, which would not need what was lost.
    for (uint64_t i = until; i-- > std::max(from, second + 1);) {
      if (IsMetaWrite(trace->effects[i], generation_.plan.setup)) until = i;
    }
  }
  const uint64_t effects = random.Between(from, until);
  // A torn group of this life over the other's log proves nothing, so none is torn then.
  const bool all = random.Chance(70) || opening;
  const faultfs::ImageSpec spec = {all ? Policy::kAll : Policy::kRandom, random.Next() >> 1};
  const auto image = DrawFaulty(trace, effects, spec, FaultKind::kLostWrite);
  if (!image) return false;
  return JudgeDamage(*image, generation_.oracle().AtWithLostMeta(effects, first, second),
                     "lost@" + std::to_string(first) + "+" + std::to_string(second));
}

// One of the two files is gone, once the database had been opened. Opening it must say so; above all it must
// not make a new database where the old one was.
bool Scenarios::Missing(Random& random, std::string&) {
  const uint64_t opened = generation_.session.opened_effect;
  const uint64_t last =
      random.Chance(50) ? std::min(opened + 6, generation_.effects()) : generation_.effects();
  const uint64_t effects = random.Between(opened, last);
  constexpr std::array kPolicies = {Policy::kNone, Policy::kAll, Policy::kRandom};
  Image image = CrashPoint(generation_.session.trace, effects)
                    .Draw({kPolicies[random.Below(kPolicies.size())], random.Next() >> 1});
  const bool log = random.Chance(30);
  const char* const gone = log ? kLogFile : kDatabase;
  const char* const left = log ? kDatabase : kLogFile;
  if (image.Find(gone) == nullptr || image.Find(left) == nullptr) return false;
  image.Remove(gone);
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         "missing:" + std::string(gone) + "@" + std::to_string(effects));
  const auto disk = std::make_shared<Disk>(image, generation_.plan.setup.traits);
  const Recovered found = Recover(disk, generation_.plan.setup, {});
  campaign_.CountRecovery(found);
  if (!found.error || !ReportsDamage(*found.error)) {
    campaign_.Report({{Promise::kHonestAboutDamage, "an error that says that a file is missing",
                       found.error ? Describe(*found.error) : "a database opens"}});
    return true;
  }
  const Image after = disk->CacheImage();
  if (after.Find(gone) != nullptr || after.Find(left) == nullptr ||
      !(*after.Find(left) == *image.Find(left))) {
    campaign_.Report({{Promise::kHonestAboutDamage, "what is left of the database stays as it is",
                       "another " + std::string(after.Find(gone) != nullptr ? gone : left)}});
  }
  return true;
}

// The data file as it was when the database had been made and not opened yet, when it had been closed, or as
// this generation found it.
std::optional<Scenarios::OldData> Scenarios::DrawOldData(Random& random) const {
  constexpr uint64_t kOpeningEffects = 8;  // after a clean close: until it is handed out
  const Session& session = generation_.session;
  const auto at = [&](uint64_t effects) {
    return CrashPoint(session.trace, effects).Draw({Policy::kAll, 0});
  };
  const auto& effects = session.trace->effects;
  std::vector<uint64_t> closed;
  for (const Settled& one : session.history.settled) {
    if (std::string_view(one.what) == "close" && one.ended.effects + kOpeningEffects < effects.size())
      closed.push_back(one.ended.effects);
  }
  if (!closed.empty() && random.Chance(75)) {
    const uint64_t chosen = closed[random.Below(closed.size())];
    return OldData{at(chosen), chosen + kOpeningEffects};
  }
  if (generation_.image) return OldData{*generation_.image, session.opened_effect};
  for (uint64_t i = 0; i < session.opened_effect; ++i) {
    if (effects[i].kind == EffectKind::kRename && effects[i].name2 == kDatabase)
      return OldData{at(i + 1), session.opened_effect};
  }
  return std::nullopt;
}

// Somebody put back an older data file, and left the log. Whatever it says of itself, the log has been used
// by a later opening.
bool Scenarios::OlderFile(Random& random, std::string&) {
  const Session& session = generation_.session;
  const uint64_t last = generation_.effects();
  const std::optional<OldData> older = DrawOldData(random);
  if (!older || older->image.Find(kDatabase) == nullptr) return false;
  const uint64_t since = older->since;
  const uint64_t effects = random.Between(since, last);
  Image image = CrashPoint(session.trace, effects).Draw({Policy::kAll, 0});
  if (image.Find(kDatabase) == nullptr || image.Find(kLogFile) == nullptr) return false;
  image.Put(kDatabase, *older->image.Find(kDatabase));
  // With the marker damaged as well, a group that was written since tells.
  const bool unmarked =
      random.Chance(40) && std::ranges::any_of(session.history.transactions, [&](const auto& one) {
        return one.end == End::kAcked && one.logged && one.changed &&
               one.durability == Durability::kImmediate && one.called.effects >= since &&
               one.ended.effects <= effects;
      });
  if (unmarked) {
    const uint64_t marker = generation_.plan.setup.options.write_unit;
    constexpr uint64_t kLife = 32;  // where the marker has it: the bits that would make it an older one
    const uint64_t anywhere = random.Below(40);
    const uint64_t at = random.Fork(2).Chance(35) ? kLife : anywhere;
    image = image.With({kLogFile, marker + at, 1, random.Next() >> 1});
  }
  campaign_.EnterSession(generation_.index, campaign_.Here().scenario,
                         (unmarked ? "unmarked@" : "older@") + std::to_string(effects));
  const Recovered found = Recover(image, generation_.plan.setup, {});
  campaign_.CountRecovery(found);
  if (!found.error || !ReportsDamage(*found.error)) {
    campaign_.Report({{Promise::kHonestAboutDamage, "an error that says that the data file is an older one",
                       found.error ? Describe(*found.error) : "a database opens"}});
  }
  return true;
}

bool Scenarios::LoseWrite(Random& random, std::string&) {
  if (random.Chance(40)) return LoseMeta(random);
  auto trace = std::make_shared<faultfs::Trace>(*generation_.session.trace);
  std::vector<uint64_t> writes;
  for (uint64_t i = generation_.session.opened_effect; i < trace->effects.size(); ++i) {
    if (trace->effects[i].kind == EffectKind::kWrite) writes.push_back(i);
  }
  if (writes.empty()) return false;
  const uint64_t lost = writes[random.Below(writes.size())];
  faultfs::Effect effect = trace->effects[lost];
  const bool elsewhere = random.Chance(40);
  effect.fault = elsewhere ? faultfs::WriteFault::kMisdirected : faultfs::WriteFault::kLost;
  effect.shift_sectors = elsewhere ? static_cast<int64_t>(1 + random.Below(8)) : 0;
  trace->effects.Replace(lost, effect);
  const uint64_t effects = random.Between(lost + 1, trace->effects.size());
  const bool all = random.Chance(50);
  const faultfs::ImageSpec spec = {all ? Policy::kAll : Policy::kRandom, random.Next() >> 1};
  const auto image =
      DrawFaulty(trace, effects, spec, elsewhere ? FaultKind::kMisdirectedWrite : FaultKind::kLostWrite);
  if (!image) return false;
  const bool clean = generation_.session.closed && effects == trace->effects.size();
  Allowed allowed = generation_.oracle().At(effects);
  if (effect.name != kDatabase && !clean) {
    const size_t groups = elsewhere ? GroupsHit(*trace, lost, image->atomic_unit()) : 1;
    allowed = generation_.oracle().AtWithDamagedLog(effects, groups);
  }
  return JudgeDamage(*image, allowed, (elsewhere ? "misdirected@" : "lost@") + std::to_string(lost));
}

}  // namespace manifolddb::crashsim
