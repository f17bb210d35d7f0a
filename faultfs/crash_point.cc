// Images of a crash point: from a name to arrivals, from arrivals to an image.
//
// (1) Make is the only maker of images, and it asks crash_order.cc before it uses an arrival: whatever
//     arrivals it is given, the image is legal.
// (2) Names and arrivals depend on nothing but the trace and the number of effects.

#include "faultfs/crash_point.h"

#include <array>
#include <charconv>

#include "engine/base/assert.h"
#include "faultfs/crash_state.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {
namespace {

constexpr std::array<std::string_view, kPolicies> kPolicyNames = {
    "none", "all", "prefix", "suffix", "all_but_one", "one", "torn_middle", "reversed", "random"};

bool HasParameter(Policy policy) { return policy != Policy::kNone && policy != Policy::kAll; }

// How a random image is drawn: what is decided together, and how likely it is to arrive.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(Mix(seed)), salt_(random_.Next()) {
    constexpr std::array<uint64_t, 5> kLikely = {1, 4, 8, 12, 15};
    likely_ = kLikely[random_.Below(kLikely.size())];
    together_ = static_cast<Together>(random_.Below(3));
    tears_ = random_.Chance(1, 4);
    cuts_ = random_.Chance(1, 4);
    // Write-back that has come far in order, and beyond it is as wild as everywhere.
    front_16_ = random_.Chance(1, 4) ? random_.Below(16) : 0;
  }

  bool Arrives(const Atom& atom, size_t index, size_t count) {
    if (index * 16 < front_16_ * count) return true;
    switch (together_) {
      case Together::kNothing: return random_.Chance(likely_, 16);
      case Together::kEffect: return Mix(salt_ ^ atom.effect) % 16 < likely_;
      case Together::kFile: return Mix(salt_ ^ atom.inode) % 16 < likely_;
    }
    return false;
  }
  bool Tears() { return tears_ && random_.Chance(1, 4); }
  // What arrives of a size step that has `cuts` places to be cut at.
  uint64_t Size(uint64_t cuts) {
    if (!cuts_ || cuts == 0) return arrival::kWhole;
    return 2 + random_.Below(cuts);
  }

 private:
  enum class Together : uint8_t { kNothing, kEffect, kFile };

  Random random_;
  uint64_t salt_;
  uint64_t likely_;  // of 16
  Together together_;
  bool tears_;
  bool cuts_;
  uint64_t front_16_;
};

}  // namespace

// ---- Names

std::string_view Name(Policy policy) { return kPolicyNames[static_cast<size_t>(policy)]; }

std::string ImageSpec::ToString() const {
  std::string text(Name(policy));
  if (HasParameter(policy)) text += ":" + std::to_string(parameter);
  return text;
}

std::optional<ImageSpec> ImageSpec::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  ImageSpec spec;
  size_t known = 0;
  while (known < kPolicies && kPolicyNames[known] != text.substr(0, colon)) ++known;
  if (known == kPolicies) return std::nullopt;
  spec.policy = static_cast<Policy>(known);
  if (HasParameter(spec.policy) != (colon != std::string_view::npos)) return std::nullopt;
  if (colon == std::string_view::npos) return spec;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, spec.parameter);
  if (error != std::errc() || stop != end) return std::nullopt;
  return spec;
}

// ---- CrashPoint

CrashPoint::CrashPoint(std::shared_ptr<const Trace> trace, uint64_t effects)
    : state_(std::make_unique<CrashState>(std::move(trace))) {
  state_->MoveTo(effects);
}
CrashPoint::~CrashPoint() = default;
CrashPoint::CrashPoint(CrashPoint&&) noexcept = default;
CrashPoint& CrashPoint::operator=(CrashPoint&&) noexcept = default;

void CrashPoint::MoveTo(uint64_t effects) { state_->MoveTo(effects); }
uint64_t CrashPoint::effects() const { return state_->effects; }
const Trace& CrashPoint::trace() const { return *state_->trace; }
bool CrashPoint::has_unsynced() const { return !state_->atoms.empty(); }
const std::vector<Atom>& CrashPoint::atoms() const { return state_->atoms; }

uint64_t CrashPoint::undetermined_sectors() const {
  uint64_t sectors = 0;
  for (const auto& [inode, plan] : state_->plans) sectors += plan.sectors.size();
  return sectors;
}

uint64_t CrashPoint::ParameterCount(Policy policy) const {
  const uint64_t count = state_->atoms.size();
  switch (policy) {
    case Policy::kNone:
    case Policy::kAll: return 1;
    case Policy::kPrefix:
    case Policy::kSuffix: return count > 1 ? count - 1 : 0;
    case Policy::kAllButOne:
    case Policy::kOne:
    case Policy::kReversed: return count > 1 ? count : 0;
    case Policy::kTornMiddle: return state_->wide_writes.size();
    case Policy::kRandom: return ~uint64_t{0};
  }
  return 0;
}

Arrivals CrashPoint::Resolve(const ImageSpec& spec) const {
  const CrashState& state = *state_;
  const size_t count = state.atoms.size();
  const uint64_t choices = ParameterCount(spec.policy);
  const uint64_t p = choices == 0 ? 0 : spec.parameter % choices;
  const auto cut = static_cast<ptrdiff_t>(std::min<uint64_t>(p + 1, count));
  Arrivals arrivals(count, arrival::kLost);
  switch (spec.policy) {
    case Policy::kNone: break;
    case Policy::kAll: arrivals.assign(count, arrival::kWhole); break;
    case Policy::kPrefix: std::fill_n(arrivals.begin(), cut, arrival::kWhole); break;
    case Policy::kSuffix: std::fill(arrivals.begin() + cut, arrivals.end(), arrival::kWhole); break;
    case Policy::kAllButOne:
      arrivals.assign(count, arrival::kWhole);
      if (count > 0) arrivals[p] = arrival::kLost;
      break;
    case Policy::kOne:
      if (count > 0) arrivals[p] = arrival::kWhole;
      break;
    case Policy::kTornMiddle: {
      arrivals.assign(count, arrival::kWhole);
      if (choices == 0) break;
      const std::vector<size_t>& write = state.wide_writes[p];
      for (size_t i = write.size() / 2; i < write.size(); ++i) arrivals[write[i]] = arrival::kLost;
      break;
    }
    case Policy::kReversed: {
      std::fill(arrivals.end() - cut, arrivals.end(), arrival::kWhole);
      for (const auto& [inode, plan] : state.plans) {
        for (const SectorPlan& sector : plan.sectors) {
          bool older = false;
          for (size_t v = 0; v < sector.sector->versions.size(); ++v) {
            uint64_t& arrived = arrivals[state.version_atoms[sector.first + v]];
            if (older) arrived = arrival::kLost;
            older |= arrived != arrival::kLost;
          }
        }
      }
      break;
    }
    case Policy::kRandom: {
      class Draw draw(spec.parameter);
      for (size_t i = 0; i < count; ++i) {
        const Atom& atom = state.atoms[i];
        if (!draw.Arrives(atom, i, count)) continue;
        arrivals[i] = arrival::kWhole;
        if (atom.kind == Atom::Kind::kSector && draw.Tears()) arrivals[i] = arrival::kTorn;
        if (atom.kind != Atom::Kind::kSize) continue;
        arrivals[i] = draw.Size(state.plans.at(atom.inode).file->steps[state.place[i]].Cuts(state.unit()));
      }
      break;
    }
  }
  return arrivals;
}

Image CrashPoint::Draw(const ImageSpec& spec) const { return Make(Resolve(spec)); }

Image CrashPoint::Make(const Arrivals& arrivals) const {
  const CrashState& state = *state_;
  MANIFOLDDB_ASSERT(arrivals.size() == state.atoms.size());
  const JournalChoice done = state.ChoiceOf(arrivals);
  Image image(state.unit());
  for (const auto& [name, inode] : state.NamesAfter(done)) {
    const FilePlan& plan = state.plans.at(inode);
    const Forced forced = state.ForcedBy(inode, done);
    const uint64_t size = state.SizeOf(plan, forced, arrivals);
    const SizeStep* step = state.StepOf(*plan.file, forced, size);
    FileImage file = plan.file->durable;
    file.SetSize(size);
    for (const SectorPlan& sector : plan.sectors) {
      if (sector.index * state.unit() >= size) break;
      const std::vector<Version>& versions = sector.sector->versions;
      const auto [version_min, version_max] = state.VersionsOf(sector, forced, step, size);
      size_t version = version_max;
      while (version > version_min &&
             arrivals[state.version_atoms[sector.first + version - 1]] == arrival::kLost) {
        --version;
      }
      if (version == 0) continue;
      const bool arrived_here = version > version_min;
      std::optional<Sector> torn;
      if (arrived_here && arrivals[state.version_atoms[sector.first + version - 1]] == arrival::kTorn) {
        torn = state.Torn(inode, sector.index, versions[version - 1]);
      }
      file.SetSector(sector.index, torn ? *std::move(torn) : versions[version - 1].sector);
    }
    image.Put(name, std::move(file));
  }
  return image;
}

std::string CrashPoint::Describe(const Atom& atom) const {
  std::string text = TraceLines(*state_->trace, atom.effect, atom.effect + 1).empty()
                         ? "size " + state_->trace->effects[atom.effect].name + " " +
                               std::to_string(state_->trace->effects[atom.effect].size)
                         : TraceLines(*state_->trace, atom.effect, atom.effect + 1).front();
  if (atom.kind == Atom::Kind::kSector) text += " sector " + std::to_string(atom.sector);
  return text;
}

// ---- For Disk

FileImage CrashPoint::DurableFile(Inode inode) const {
  const FileState& file = state_->files.at(inode);
  FileImage durable = file.durable;
  durable.SetSize(file.durable_size);
  return durable;
}

std::vector<std::pair<uint64_t, Sector>> CrashPoint::DrawEvicted(Inode inode, const FileImage& cache,
                                                                 uint64_t seed) const {
  const FileState& file = state_->files.at(inode);
  std::vector<std::pair<uint64_t, Sector>> evicted;
  Random random(Mix(seed) ^ inode);
  for (uint64_t index = 0; index < cache.sectors(); ++index) {
    const auto found = file.pending.find(index);
    if (found == file.pending.end()) {
      Sector durable = file.durable.SectorAt(index);
      if (!(durable == cache.SectorAt(index))) evicted.emplace_back(index, std::move(durable));
      continue;
    }
    const PendingSector& sector = found->second;
    if (sector.clean < sector.versions.size()) continue;
    const size_t version = random.Below(sector.versions.size() + 1);
    evicted.emplace_back(index, state_->Content(file, index, sector, version));
  }
  return evicted;
}

}  // namespace manifolddb::faultfs
