// (1) Every effect of the trace is a point, the one before the first as well.
// (2) An image met again is not recovered again: recovery is a function of the image. Judged it is each time,
//     since what is owed changes from point to point.
// (3) What a cut recovery leaves must recover to the very state of the one that was not cut (G6).
// (4) Of what is unsynced, more that arrives in the order in which it was issued never loses a commit.
#include "crashsim/explore.h"
#include "crashsim/json.h"

#include <algorithm>
#include <array>
#include <utility>

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::Image;
using faultfs::ImageSpec;
using faultfs::Policy;

constexpr uint32_t kNestedPercent = 5;  // of the images recovered
constexpr uint32_t kNestedPercentAtMeta = 30;
// --sample: of a run, about so many points, and those beside meta pages.
constexpr uint64_t kSamplePoints = 40;
constexpr uint64_t kSamplePointsLight = 30;
constexpr uint32_t kNestedDepth = 2;
constexpr uint32_t kMorePercent = 6;   // read-only and going on
constexpr uint32_t kRandomImages = 3;  // per point
constexpr size_t kKnownMax = 50'000;

constexpr std::array kMiddlePolicies = {Policy::kPrefix, Policy::kSuffix,     Policy::kAllButOne,
                                        Policy::kOne,    Policy::kTornMiddle, Policy::kReversed};

}  // namespace

Bench::Ruling Bench::At(uint64_t effects) const {
  const bool first = before_ != nullptr && effects < opened_effect_;
  const Judges* const judges = first ? before_ : judges_;
  const uint64_t at = first ? std::min(effects, before_effects_) : effects;
  Ruling ruling{judges, judges->oracle().At(at)};
  // Any prefix of the order, or damage that is told.
  if (judges->lying()) ruling.lost = true, ruling.allowed.floor = 0;
  return ruling;
}

Bench::Ruling Bench::At(uint64_t effects, const faultfs::Trace& trace, const Image& image) const {
  Ruling ruling = At(effects);
  if (lie_ == nullptr || effects <= lie_->at() || !lie_->LostIn(image, trace, effects)) return ruling;
  ruling.lost = true;
  const bool first = before_ == nullptr || effects < opened_effect_;
  if (first)
    ruling.allowed.floor = std::min(ruling.allowed.floor, ruling.judges->oracle().At(lie_->at()).floor);
  return ruling;
}

std::vector<ImageSpec> Explorer::Specs(const CrashPoint& point, bool light, Random& random) const {
  if (campaign_.only_cut()) return {campaign_.only_cut()->image};
  std::vector<ImageSpec> specs = {{Policy::kAll, 0}};
  if (!point.has_unsynced()) return specs;
  specs.push_back({Policy::kNone, 0});
  if (light) {
    const Policy one = kMiddlePolicies[random.Below(kMiddlePolicies.size())];
    if (const uint64_t count = point.ParameterCount(one)) specs.push_back({one, random.Below(count)});
    specs.push_back({Policy::kRandom, random.Next() >> 1});
    return specs;
  }
  for (const Policy policy : kMiddlePolicies) {
    if (const uint64_t count = point.ParameterCount(policy)) specs.push_back({policy, random.Below(count)});
  }
  for (uint32_t i = 0; i < kRandomImages; ++i) specs.push_back({Policy::kRandom, random.Next() >> 1});
  return specs;
}

// Amid a checkpoint's last steps: its meta page is the next that would be written, or one copy of it may
// stand alone. Recoveries from there are worth cutting.
bool Explorer::AtMeta(const faultfs::Trace& trace, uint64_t effects) const {
  if (effects < trace.effects.size() && IsMetaWrite(trace.effects[effects], setup_)) return true;
  for (uint64_t back = 1; back <= 3 && back <= effects; ++back) {
    if (IsMetaWrite(trace.effects[effects - back], setup_)) return true;
  }
  return false;
}

void Explorer::Points(const std::shared_ptr<const faultfs::Trace>& trace, const Bench& bench,
                      const Extent& extent, Random random) {
  const uint64_t points = extent.last - extent.first + 1;
  const uint64_t sample_points = extent.light ? kSamplePointsLight : kSamplePoints;
  CrashPoint point(trace, extent.first);
  for (uint64_t effects = extent.first; effects <= extent.last && !campaign_.Stop(); ++effects) {
    Random draws = random.Fork(effects);
    // Drawn beside the others: a point named by a line is the same whether it was one of a sample or not.
    Random chance = draws.Fork(1);
    const bool wanted =
        !campaign_.options().sample || chance.Below(points) < sample_points || AtMeta(*trace, effects);
    if (campaign_.only_cut() ? !campaign_.WantsPoint(effects) : !wanted) continue;
    point.MoveTo(effects);
    Point(point, bench, extent.light, draws);
  }
  campaign_.LeaveCut();
}

void Explorer::Point(const CrashPoint& point, const Bench& bench, bool light, Random random) {
  Counters& counters = campaign_.counters();
  ++counters.points;
  if (point.has_unsynced()) ++counters.points_unsynced;
  // A sample is for going on to other runs: the recoveries of one image take as long as many other images.
  const bool dear = AtMeta(point.trace(), point.effects()) && !campaign_.options().sample;
  const uint32_t nested_percent = dear ? kNestedPercentAtMeta : kNestedPercent;
  PointTally tally;
  for (const ImageSpec& spec : Specs(point, light, random)) {
    campaign_.EnterCut({point.effects(), spec});
    const uint64_t violations = counters.violations;
    const Image image = point.Draw(spec);
    ++tally.images;
    ++tally.policies[static_cast<size_t>(spec.policy)];
    ++counters.policy_images[static_cast<size_t>(spec.policy)];
    const bool replay_nested = campaign_.replaying() && !campaign_.options().only->nested.empty();
    const bool may = !light && bench.honest();  // on a disk that lies recoveries are lied to as well
    const bool nested = replay_nested || (may && random.Chance(nested_percent));
    const uint64_t before = tally.recoveries;
    const Recovered found = RecoverOnce(image, nested, tally);
    const Bench::Ruling ruling = bench.At(point.effects(), point.trace(), image);
    static_cast<void>(Judge(image, found, ruling));
    if (found.sound() && bench.honest()) CompareInOrder(point, spec, found, tally);
    if (found.sound() && nested) Nested(found, true, random.Fork(1), 1, tally);
    const bool fresh = tally.recoveries > before;
    if (found.sound() && !ruling.lost && (campaign_.only_cut() || (fresh && random.Chance(kMorePercent)))) {
      CheckMore(image, found, random);
    }
    tally.violations += counters.violations - violations;
    if (campaign_.Stop()) break;
  }
  counters.images += tally.images;
  ReportPoint(point.effects(), point.undetermined_sectors(), tally, bench.At(point.effects()).allowed);
}

// (4): nothing, some from the front, all. Needs no model: recoveries are compared with each other.
void Explorer::CompareInOrder(const CrashPoint& point, const ImageSpec& spec, const Recovered& found,
                              PointTally& tally) {
  const auto compare = [&](Policy other, bool more) {
    const Recovered against = RecoverOnce(point.Draw({other, 0}), false, tally);
    const uint64_t less = more ? found.seen.number : against.seen.number;
    const uint64_t rest = more ? against.seen.number : found.seen.number;
    if (!against.sound() || less <= rest) return;  // what is not sound is its own image's violation
    campaign_.Report({{Promise::kPrefix, "commit " + std::to_string(less) + " at least, since less of it had",
                       "commit " + std::to_string(rest) + " where " +
                           (more ? "all had arrived" : "more had arrived than nothing")}});
  };
  if (spec.policy == Policy::kNone || spec.policy == Policy::kPrefix) compare(Policy::kAll, true);
  if (spec.policy == Policy::kPrefix) compare(Policy::kNone, false);
}

Recovered Explorer::RecoverOnce(const Image& image, bool keep_trace, PointTally& tally) {
  const uint64_t hash = image.Hash();
  const auto known = known_.find(hash);
  if (known != known_.end() && (!keep_trace || known->second.trace)) return known->second;
  if (known_.size() > kKnownMax) known_.clear();
  Recovered found = Recover(image, setup_, invariant_, {.keep_trace = keep_trace});
  campaign_.CountRecovery(found);
  ++tally.recoveries;
  known_[hash] = found;
  return found;
}

std::optional<size_t> Explorer::Judge(const Image& image, const Recovered& found,
                                      const Bench::Ruling& ruling) {
  Violations violations;
  std::optional<size_t> position;
  if (found.error && ruling.lost && ReportsDamage(*found.error)) return std::nullopt;
  if (found.error) {
    violations.push_back(
        {Promise::kDurable, "the database opens and reads after a crash", Describe(*found.error)});
  } else {
    const Oracle& oracle = ruling.judges->oracle();
    violations = oracle.Judge(found.seen, ruling.allowed, [&] { return ContentsOf(image, setup_); });
    position = oracle.Find(found.seen.sum, found.seen.number, ruling.allowed);
    if (!ruling.lost) JudgeAgain(found, ruling, violations);
    if (!found.verify.empty() && !ruling.lost)
      violations.push_back({Promise::kWhole, "Verify finds nothing", found.verify.front()});
    for (const std::string& wrong : found.invariant) {
      violations.push_back({Promise::kAtomic, "indices and primary data agree", wrong});
      break;
    }
  }
  campaign_.Report(violations);
  return violations.empty() ? position : std::nullopt;
}

// By the second judge, who must agree.
void Explorer::JudgeAgain(const Recovered& found, const Bench::Ruling& ruling, Violations& violations) {
  const SecondJudge* const second = ruling.judges->second();
  if (second == nullptr) return;
  ++campaign_.counters().judged_twice;
  if (auto differ = Differ(*second, found.seen, ruling.allowed.effects, violations))
    violations.push_back(std::move(*differ));
}

// Cuts the recovery `first` at its effects, or at those that are to be played again.
void Explorer::Nested(const Recovered& first, bool sample, Random random, uint32_t depth, PointTally& tally) {
  if (!first.trace) return;
  const auto& only = campaign_.options().only;
  if (only && only->nested.size() < depth) return;
  CrashPoint cut(first.trace, 0);
  for (uint64_t effects = 0; effects <= first.effects && !campaign_.Stop(); ++effects) {
    if (only) {
      if (only->nested[depth - 1].effects != effects) continue;
      cut.MoveTo(effects);
      NestedCut(cut, only->nested[depth - 1].image, first, random, depth, tally);
      return;
    }
    if (!sample && !random.Chance(20)) continue;
    cut.MoveTo(effects);
    std::vector<ImageSpec> specs = {{Policy::kAll, 0}};
    if (cut.has_unsynced()) {
      specs.push_back({Policy::kNone, 0});
      const Policy one = kMiddlePolicies[random.Below(kMiddlePolicies.size())];
      if (const uint64_t count = cut.ParameterCount(one)) specs.push_back({one, random.Below(count)});
      specs.push_back({Policy::kRandom, random.Next() >> 1});
    }
    for (const ImageSpec& spec : specs) {
      if (!NestedCut(cut, spec, first, random, depth, tally)) return;
    }
  }
}

bool Explorer::NestedCut(const CrashPoint& cut, const ImageSpec& spec, const Recovered& first, Random& random,
                         uint32_t depth, PointTally& tally) {
  campaign_.PushNested({cut.effects(), spec});
  const auto& only = campaign_.options().only;
  const bool deeper = depth < kNestedDepth && (only ? only->nested.size() > depth : random.Chance(3));
  const Image image = cut.Draw(spec);
  const uint64_t before = tally.recoveries;
  const Recovered found = RecoverOnce(image, deeper, tally);
  campaign_.counters().nested += tally.recoveries - before;
  tally.nested += tally.recoveries - before;
  Violations violations;
  const std::string where = "after recovery was cut at effect " + std::to_string(cut.effects());
  if (found.error) {
    violations.push_back(
        {Promise::kRestartable, "recovery can be cut anywhere", where + ": " + Describe(*found.error)});
  } else if (found.seen.sum != first.seen.sum || found.seen.number != first.seen.number) {
    violations.push_back(
        {Promise::kRestartable,
         "the result of the recovery that was not cut, commit " + std::to_string(first.seen.number),
         where + ": " + (found.seen.sum == first.seen.sum ? "the same" : "other") + " contents, commit " +
             std::to_string(found.seen.number)});
  } else if (!found.sound()) {
    const std::string what = !found.verify.empty()      ? found.verify.front()
                             : !found.invariant.empty() ? found.invariant.front()
                                                        : found.seen.problems.front();
    violations.push_back({Promise::kWhole, "Verify finds nothing", where + ": " + what});
  }
  campaign_.Report(violations);
  if (violations.empty() && deeper) Nested(found, false, random.Fork(2), depth + 1, tally);
  campaign_.PopNested();
  return violations.empty() && !campaign_.Stop();
}

// Dearer checks, of some images: what a read-only opening shows, and whether life goes on.
void Explorer::CheckMore(const Image& image, const Recovered& found, Random& random) {
  Violations violations;
  if (campaign_.only_cut() || random.Chance(50)) {
    ++campaign_.counters().read_only;
    const Recovered seen = Recover(image, setup_, invariant_, {.read_only = true});
    campaign_.CountRecovery(seen);
    if (seen.effects != 0) {
      violations.push_back({Promise::kRestartable, "a read-only opening changes no byte",
                            std::to_string(seen.effects) + " effects"});
    }
    const bool absent = seen.error && seen.error->code() == Errc::kNotFound && found.seen.number == 0;
    if (seen.error && !absent) {
      violations.push_back({Promise::kDurable, "a read-only opening succeeds", Describe(*seen.error)});
    } else if (!absent && (seen.seen.sum != found.seen.sum || seen.seen.number != found.seen.number)) {
      violations.push_back(
          {Promise::kPrefix,
           "a read-only opening shows what recovery does, commit " + std::to_string(found.seen.number),
           "other contents, commit " + std::to_string(seen.seen.number)});
    } else if (!absent && !seen.verify.empty()) {
      violations.push_back({Promise::kWhole, "Verify finds nothing, read-only", seen.verify.front()});
    }
  }
  if (campaign_.replaying() || violations.empty()) {
    ++campaign_.counters().went_on;
    for (const std::string& wrong : GoOn(image, setup_, found)) {
      violations.push_back({Promise::kDurable, "after recovery everything goes on", wrong});
    }
  }
  campaign_.Report(violations);
}

void Explorer::ReportPoint(uint64_t effects, uint64_t undetermined, const PointTally& tally,
                           const Allowed& allowed) {
  if (!campaign_.out().on()) return;
  Json policies;
  for (size_t i = 0; i < faultfs::kPolicies; ++i) {
    if (tally.policies[i] != 0)
      policies[std::string(faultfs::Name(static_cast<Policy>(i)))] = tally.policies[i];
  }
  const Coordinates here = campaign_.Here();
  campaign_.out().Write({{"type", "point"},
                         {"iteration", campaign_.iteration()},
                         {"gen", here.generation},
                         {"scenario", here.scenario},
                         {"point", effects},
                         {"undetermined", undetermined},
                         {"floor", allowed.floor},
                         {"owed_to", allowed.why},
                         {"images", tally.images},
                         {"recoveries", tally.recoveries},
                         {"nested", tally.nested},
                         {"policies", policies},
                         {"violations", tally.violations},
                         {"verdict", tally.violations == 0 ? "holds" : "violation"}});
}

}  // namespace manifolddb::crashsim
