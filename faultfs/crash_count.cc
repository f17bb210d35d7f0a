// All images of a crash point: listed one by one, or counted without listing.
//
// The choices nest: operations on names and allocations; then, for each file that has a name, its size; then,
// for each sector below that size, its version. Inner choices depend on outer ones and on nothing else, so
// the counts multiply and add up.

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/base/assert.h"
#include "faultfs/crash_point.h"
#include "faultfs/crash_state.h"

namespace manifolddb::faultfs {
namespace {

// A number that may be too large for one.
struct Count {
  std::optional<uint64_t> exact = 1;
  double log2 = 0;

  static Count Of(uint64_t number) { return {number, std::log2(static_cast<double>(number))}; }

  Count& operator*=(const Count& other) {
    uint64_t product = 0;
    const bool fits = exact && other.exact && !__builtin_mul_overflow(*exact, *other.exact, &product);
    exact = fits ? std::optional(product) : std::nullopt;
    log2 += other.log2;
    return *this;
  }
  Count& operator+=(const Count& other) {
    uint64_t sum = 0;
    const bool fits = exact && other.exact && !__builtin_add_overflow(*exact, *other.exact, &sum);
    exact = fits ? std::optional(sum) : std::nullopt;
    const double larger = std::max(log2, other.log2);
    const double smaller = std::min(log2, other.log2);
    log2 = std::isinf(smaller) ? larger : larger + std::log2(1 + std::exp2(smaller - larger));
    return *this;
  }
};

// What the sector may show of its first `visible` bytes, each content once.
std::vector<Sector> Contents(const CrashState& state, Inode inode, const FileState& file,
                             const SectorPlan& plan, size_t version_min, uint64_t visible) {
  std::vector<Sector> contents;
  std::set<uint64_t> seen;
  const auto add = [&](Sector sector) {
    if (visible < state.unit() && !sector.zero()) {
      std::vector<std::byte> cut(state.unit());
      sector.Read(0, MutableByteView(cut).first(static_cast<size_t>(visible)));
      sector = Sector::Of(cut);
    }
    if (seen.insert(sector.hash()).second) contents.push_back(std::move(sector));
  };
  const size_t versions = plan.sector->versions.size();
  for (size_t v = version_min; v <= versions; ++v) add(state.Content(file, plan.index, *plan.sector, v));
  for (size_t v = version_min + 1; v <= versions; ++v) {
    if (auto torn = state.Torn(inode, plan.index, plan.sector->versions[v - 1])) add(*std::move(torn));
  }
  return contents;
}

// How many contents a file may have under one choice of journal operations.
Count CountFile(const CrashState& state, Inode inode, const Forced& forced) {
  const FilePlan& plan = state.plans.at(inode);
  Count total = Count::Of(0);
  // Sizes ascend, and sizes by the same step force the same versions: whole sectors come in one by one.
  std::optional<const SizeStep*> step;
  size_t next = 0;
  Count product;
  for (const uint64_t size : state.Sizes(inode, forced)) {
    const SizeStep* now = state.StepOf(*plan.file, forced, size);
    if (step != now) {
      product = Count();
      next = 0;
      step = now;
    }
    const auto contents = [&](const SectorPlan& sector, uint64_t visible) {
      const size_t version_min = state.VersionMin(sector, forced, now, size);
      return Count::Of(Contents(state, inode, *plan.file, sector, version_min, visible).size());
    };
    while (next < plan.sectors.size() && (plan.sectors[next].index + 1) * state.unit() <= size) {
      product *= contents(plan.sectors[next++], state.unit());
    }
    Count with_last = product;
    if (next < plan.sectors.size() && plan.sectors[next].index * state.unit() < size) {
      with_last *= contents(plan.sectors[next], size % state.unit());
    }
    total += with_last;
  }
  return total;
}

// The files of a directory, each once whatever its number of names.
std::vector<Inode> FilesIn(const std::map<std::string, Inode>& names) {
  std::set<Inode> files;
  for (const auto& [name, inode] : names) files.insert(inode);
  return {files.begin(), files.end()};
}

// Visits images until told to stop.
class Lister {
 public:
  Lister(const CrashState& state, uint64_t limit, const std::function<void(const Image&)>& visit)
      : state_(state), limit_(limit), visit_(visit) {}

  bool Run() {
    const auto choices = state_.Choices();
    if (!choices) return false;
    for (const JournalChoice& done : *choices) {
      done_ = &done;
      names_ = state_.NamesAfter(done);
      inodes_ = FilesIn(names_);
      files_.clear();
      if (!File(0)) return false;
    }
    return true;
  }

 private:
  struct Sized {
    size_t at;  // in inodes_
    const FilePlan* plan;
    Forced forced;
    uint64_t size;
  };

  // Files from `at` on, given what those before hold.
  bool File(size_t at) {
    if (at == inodes_.size()) return Visit();
    const Inode inode = inodes_[at];
    const FilePlan& plan = state_.plans.at(inode);
    const Forced forced = state_.ForcedBy(inode, *done_);
    for (const uint64_t size : state_.Sizes(inode, forced)) {
      FileImage file = plan.file->durable;
      file.SetSize(size);
      if (!Sectors({at, &plan, forced, size}, 0, file)) return false;
    }
    return true;
  }

  bool Sectors(const Sized& sized, size_t next, const FileImage& file) {
    const Inode inode = inodes_[sized.at];
    const FilePlan& plan = *sized.plan;
    if (next == plan.sectors.size() || plan.sectors[next].index * state_.unit() >= sized.size) {
      files_.insert_or_assign(inode, file);
      return File(sized.at + 1);
    }
    const SectorPlan& sector = plan.sectors[next];
    const SizeStep* step = state_.StepOf(*plan.file, sized.forced, sized.size);
    const size_t version_min = state_.VersionMin(sector, sized.forced, step, sized.size);
    const uint64_t visible = std::min<uint64_t>(sized.size - sector.index * state_.unit(), state_.unit());
    for (const Sector& content : Contents(state_, inode, *plan.file, sector, version_min, visible)) {
      FileImage with = file;
      with.SetSector(sector.index, content);
      if (!Sectors(sized, next + 1, with)) return false;
    }
    return true;
  }

  bool Visit() {
    Image image(state_.unit());
    for (const auto& [name, inode] : names_) image.Put(name, files_.at(inode));
    if (!seen_.insert(image.Hash()).second) return true;
    if (visited_ == limit_) return false;
    ++visited_;
    visit_(image);
    return true;
  }

  const CrashState& state_;
  const uint64_t limit_;
  const std::function<void(const Image&)>& visit_;
  const JournalChoice* done_ = nullptr;
  std::map<std::string, Inode> names_;
  std::vector<Inode> inodes_;
  std::map<Inode, FileImage> files_;
  std::set<uint64_t> seen_;
  uint64_t visited_ = 0;
};

}  // namespace

ImageCount CrashPoint::images() const {
  const CrashState& state = *state_;
  Count total = Count::Of(0);
  if (const auto choices = state.Choices()) {
    for (const JournalChoice& done : *choices) {
      Count product;
      for (const Inode inode : FilesIn(state.NamesAfter(done))) {
        product *= CountFile(state, inode, state.ForcedBy(inode, done));
      }
      total += product;
    }
    return {total.exact, total.log2};
  }
  total = Count{std::nullopt, static_cast<double>(state.ops.size())};
  for (const auto& [inode, plan] : state.plans) {
    total *= CountFile(state, inode, state.ForcedBy(inode, JournalChoice(state.ops.size(), false)));
  }
  return {std::nullopt, total.log2};
}

bool CrashPoint::ForEachImage(uint64_t limit, const std::function<void(const Image&)>& visit) const {
  return Lister(*state_, limit, visit).Run();
}

}  // namespace manifolddb::faultfs
